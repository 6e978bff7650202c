"""The one error that an experiment's surroundings raise on purpose."""


class StoreError(Exception):
    """A results folder can't be used as asked; the message says why and what to do."""
