"""Work that Python itself does, such as drawing, shared out over the cores: threads would wait for its lock.

The other processes are forked from this one: a new interpreter would import for as long as there is to draw. They have
nothing of their own but a pipe, so none outlives its work, and what they don't bring back is done here.
"""

from __future__ import annotations

import os
import pickle
import select
import signal
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from typing import IO, Any, TypeVar

from rnnlab._base.cores import available_cores

Item = TypeVar("Item")
Found = TypeVar("Found")
PATIENCE = 60.0  # seconds, after which what another process was to do is done here: a fork may inherit a lock for ever
FORKS = sys.platform == "linux"  # Windows has no fork, and libraries of macOS may not survive one


def shared_out(function: Callable[[Item], Found], items: Sequence[Item]) -> list[Found]:
    """function(item) of every item, in order; whatever fails elsewhere is done again here, so that errors are raised here."""
    found: dict[int, Found] = {}

    def work(numbers: range) -> dict[int, Found]:
        return {number: function(items[number]) for number in numbers if number not in found}

    every = range(len(items))
    count = max(1, min(available_cores(), len(items))) if FORKS else 1
    with ExitStack() as others:
        brought = [others.enter_context(forked(partial(work, every[first::count]))) for first in range(1, count)]
        found |= work(every[::count])
        for bring in brought:
            found |= bring()
    found |= work(every)
    return [found[number] for number in every]


@contextmanager
def forked(work: Callable[[], dict[int, Any]]) -> Iterator[Callable[[], dict[int, Any]]]:
    """Another process at work, ended on leaving; yields what waits for all that it found, nothing if it broke off."""
    reader, writer = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that a fork lacks this process's threads: drawing waits for none
        pid = os.fork()
    if pid == 0:
        work_and_end(work, writer)
    os.close(writer)
    try:
        with os.fdopen(reader, "rb") as file:
            yield partial(received, file)
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def work_and_end(work: Callable[[], dict[int, Any]], writer: int) -> None:
    """All that another process does; Ctrl-C reaches both, and the one that forked it ends it."""
    try:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        with suppress(BaseException), os.fdopen(writer, "wb") as file:
            file.write(pickle.dumps(work()))
    finally:
        os._exit(0)


def received(file: IO[bytes]) -> dict[int, Any]:
    """What comes through a pipe, if it is whole and comes in time."""
    with suppress(EOFError, pickle.UnpicklingError):
        if select.select([file], [], [], PATIENCE)[0]:
            return dict(pickle.load(file))
    return {}
