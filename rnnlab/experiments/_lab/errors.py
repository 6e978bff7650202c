"""The one error that an experiment's surroundings raise on purpose."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

FULL = (errno.ENOSPC, errno.EDQUOT)


class StoreError(Exception):
    """A results folder can't be used as asked; the message says why and what to do."""


@contextmanager
def told_when_full(folder: Path, needed: int) -> Iterator[None]:
    """StoreError where the disk is full, or nothing can be written any more."""
    try:
        yield
    except OSError as error:
        if error.errno in FULL:
            free = shutil.disk_usage(folder).free
            raise StoreError(
                f"no space in {folder}: {needed / 2**20:.3g} MiB are needed and {free / 2**20:.3g} MiB free; what is "
                f"measured is kept: make room, and the same command goes on"
            ) from None
        raise StoreError(f"can't write in {folder}: {error.strerror}; what is measured is kept") from None
