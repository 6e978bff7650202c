"""Folders that are whole or not there: where one can be, and how a filled one takes the place of another."""

from __future__ import annotations

import ctypes
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from rnnlab._base import durable
from rnnlab.experiments._lab.errors import StoreError, told_when_full


def prepare(folder: Path) -> Path:
    """Where a result's folder is, of a link its target; StoreError if no folder can be there, or none be written."""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        place = folder.resolve(strict=folder.is_symlink())
        if place.exists() and not place.is_dir():
            raise StoreError(f"{folder} is a file: expected a folder or nothing there; choose another --out DIR")
        for inside in {place.parent, place if place.is_dir() else place.parent}:
            probe = durable.temporary(inside / "probe")
            probe.touch()
            probe.unlink()
    except (OSError, RuntimeError) as error:  # RuntimeError: links in a circle
        link = next((path for path in (folder, *folder.parents) if path.is_symlink() and not path.exists()), None)
        reason = f"{link} is a link to nothing" if link else getattr(error, "strerror", None) or error
        raise StoreError(
            f"can't write in the output folder {folder.parent}: {reason}; choose another with --out"
        ) from None
    return place


@contextmanager
def filling(folder: Path, needed: int) -> Iterator[Path]:
    """A fresh folder for about so many bytes, which is put on the disk itself and takes the place of `folder`."""
    with told_when_full(folder.parent, needed), replacing(folder) as fresh:
        yield fresh
        for inside in (fresh, *(path for path in fresh.rglob("*") if path.is_dir())):
            durable.sync(inside)


def link_or_copy(path: Path, fresh: Path) -> None:
    """The same file by another name, or where there are no such links a copy."""
    try:
        os.link(path, fresh)
    except OSError:
        shutil.copy2(path, fresh)


@contextmanager
def replacing(folder: Path) -> Iterator[Path]:
    """A fresh folder to fill, which takes the place of `folder` if all goes well and vanishes if not."""
    fresh = durable.temporary(folder)
    fresh.mkdir(parents=True)
    try:
        yield fresh
        exchange(fresh, folder)
        durable.sync(folder.parent)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def exchange(fresh: Path, folder: Path) -> None:
    """Swap two folders atomically; where the system can't, rename one away and the other in."""
    if not folder.exists():
        fresh.rename(folder)
    elif not swap_atomically(fresh, folder):
        old = durable.temporary(folder)
        old = old.with_name(old.name.replace(".new-", ".old-"))
        folder.rename(old)
        fresh.rename(folder)
        shutil.rmtree(old)


def swap_atomically(one: Path, other: Path) -> bool:
    """renameat2(2) with RENAME_EXCHANGE, which Python does not offer; false where the system lacks it."""
    with suppress(AttributeError, OSError):
        here, swap = -100, 2
        return bool(ctypes.CDLL(None).renameat2(here, os.fsencode(one), here, os.fsencode(other), swap) == 0)
    return False


def tidy(folder: Path) -> None:
    """Remove what dead runs left beside a result, by who has its lock: half-written ones, and bring back one renamed."""
    for old in folder.parent.glob(f".{folder.name}.old-*"):
        if not folder.exists():
            old.rename(folder)
    for pattern in (f".{folder.name}.new-*", f".{folder.name}.old-*"):
        for path in folder.parent.glob(pattern):
            shutil.rmtree(path, ignore_errors=True)
