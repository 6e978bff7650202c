"""Files that are whole or absent, whoever ends the process, and after a loss of power too."""

from __future__ import annotations

import os
import platform
import re
import secrets
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path


def temporary(path: Path) -> Path:
    """A hidden name beside `path` that no other process makes, on whatever machine that shares the folder."""
    host = re.sub(r"\W+", "-", platform.node())[:40]
    return path.with_name(f".{path.name[:80]}.new-{host}-{os.getpid()}-{secrets.token_hex(4)}")


def write(path: Path, content: bytes, synced: bool = True) -> None:
    """Put a file in the place of an older one in a single step; OSError leaves the older as it was."""
    fresh = temporary(path)
    try:
        create(fresh, [content], synced)
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)
    if synced:
        sync(path.parent)


def create(path: Path, pieces: Iterable[bytes], synced: bool = True) -> None:
    """Write a new file piece by piece, and unless told otherwise to the disk itself: that takes 5 ms."""
    with path.open("xb") as file:
        for piece in pieces:
            file.write(piece)
        file.flush()
        if synced:
            os.fsync(file.fileno())


def sync(folder: Path) -> None:
    """Write to the disk itself what names a folder has, where the system offers that."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
