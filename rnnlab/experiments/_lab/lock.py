"""One run at a time in a results folder: a lock that the system frees when its process ends, however it ends."""

from __future__ import annotations

import errno
import json
import os
import platform
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from tqdm import tqdm

from rnnlab.experiments._lab.errors import StoreError

LOOK_EVERY = 0.2  # seconds
UNSUPPORTED = (errno.ENOLCK, errno.EOPNOTSUPP, errno.EINVAL)  # by some network file systems: nobody is kept out


@contextmanager
def writing(folder: Path, spec_hash: str) -> Iterator[bool]:
    """Be the only one who writes a result: wait for another run of the same spec, and refuse that of another.

    Yields whether it had to wait. The lock is a file beside the result; one that a dead process left is taken over.
    """
    path = folder.with_name(f".{folder.name}.lock")
    handle, waited = _lock(path, spec_hash)
    try:
        with suppress(OSError):  # a full disk: who waits is told less
            os.ftruncate(handle, 0)
            os.write(handle, json.dumps(_mine(spec_hash)).encode())
        yield waited
    finally:
        path.unlink(missing_ok=True)
        os.close(handle)


def _mine(spec_hash: str) -> dict[str, Any]:
    """What others are told."""
    since = datetime.now().astimezone().isoformat(" ", "seconds")
    return {"pid": os.getpid(), "host": platform.node(), "since": since, "spec_hash": spec_hash}


def _lock(path: Path, spec_hash: str) -> tuple[int, bool]:
    """An open file that this process has locked, and whether another run had it before."""
    waited = False
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o644)
        if _locked(handle):
            if _is_at(handle, path):
                return handle, waited
        else:
            _wait_or_refuse(handle, path, spec_hash, told=waited)
            waited = True
        os.close(handle)


def _locked(handle: int) -> bool:
    """Lock an open file, if nobody else has; on Windows nobody is kept out."""
    try:
        import fcntl

        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except ImportError:
        return True
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno not in UNSUPPORTED:
            raise
    return True


def _is_at(handle: int, path: Path) -> bool:
    """Whether an open file is still the one of that name: who had it before may have removed it."""
    with suppress(OSError):
        return os.path.samestat(os.fstat(handle), path.stat())
    return False


def _wait_or_refuse(handle: int, path: Path, spec_hash: str, told: bool) -> None:
    """Wait a moment for another run of the same spec; StoreError if it is another's."""
    other: dict[str, Any] = {}
    with suppress(ValueError):
        other = dict(json.loads(os.read(handle, 4096)))
    folder = path.with_name(path.name[1:].removesuffix(".lock"))
    who = f"another run (pid {other.get('pid')} on {other.get('host')}, since {other.get('since')}) is writing {folder}"
    if other and other["spec_hash"] != spec_hash:
        os.close(handle)
        raise StoreError(f"{who}: wait until it has ended, or choose another --out DIR")
    if other and not told:
        tqdm.write(f"{who}: waiting for it", file=sys.stderr)
    time.sleep(LOOK_EVERY)
