"""Experiments: each turns a claim from the literature into a table, figures and checks.

A module or folder here without a leading underscore is an experiment, with the names that `Experiment` lists; a new one
is found by itself. What serves all of them is in `_lab`, which knows none.
"""

from rnnlab.experiments._lab.experiment import Experiment, get, names

__all__ = ["Experiment", "get", "names"]
