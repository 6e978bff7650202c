"""Ctrl-C while threads are at work: noted, and raised when they are done.

`concurrent.futures` and `threading` are written in Python. A KeyboardInterrupt between two of their bytecodes leaves a lock
held that a thread waits for ever to get, or frees one that is not held. So whoever waits for threads does it in here.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def interrupts_noted() -> Iterator[Callable[[], bool]]:
    """Note SIGINT, and call its handler on leaving; yields what tells whether one came.

    A second one goes to the handler at once, so that nobody is locked in. Outside of the main thread, which alone is
    interrupted, and where SIGINT is no Python function's, nothing changes.
    """
    before: Any = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(before):
        yield lambda: False
        return
    noted: list[Any] = []

    def note(*given: Any) -> None:
        noted.append(given)
        if len(noted) > 1:
            before(*given)

    signal.signal(signal.SIGINT, note)
    try:
        yield lambda: bool(noted)
    finally:
        signal.signal(signal.SIGINT, before)
        if noted:
            before(*noted[0])
