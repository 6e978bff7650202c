"""The parts of a measurement, on threads: kernels release the interpreter's lock."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from queue import Empty, SimpleQueue
from typing import Any

from rnnlab._base.interrupts import interrupts_noted

LOOK_EVERY = 0.1  # seconds between two looks whether one has interrupted
Calls = dict[int, Callable[[], Any]]


def on_threads(calls: Calls, count: int, keep: Callable[[int, Any], None], ended: threading.Event) -> None:
    """Hand what each call returns to `keep`, as they end; `ended` is set before threads are waited for."""
    done: SimpleQueue[Any] = SimpleQueue()
    with interrupts_noted() as interrupted:
        executor = ThreadPoolExecutor(count)
        try:
            for number, call in calls.items():
                executor.submit(call).add_done_callback(partial(_told, done, number))
            left = len(calls)
            while left and not interrupted():
                try:
                    number, future = done.get(timeout=LOOK_EVERY)
                except Empty:
                    continue
                keep(number, future.result())
                left -= 1
        finally:
            ended.set()
            executor.shutdown(wait=True, cancel_futures=True)


def _told(done: SimpleQueue[Any], number: int, future: Any) -> None:
    """Say that a call has ended."""
    done.put((number, future))


def mapped(
    function: Callable[[Any], Any], items: Iterable[Any], count: int, told: Callable[[], Any] = bool
) -> Iterator[Any]:
    """An ordered ``map`` over threads; `told` is called when a part has ended."""
    found: dict[int, Any] = {}
    calls: Calls = {number: partial(function, item) for number, item in enumerate(items)}

    def keep(number: int, part: Any) -> None:
        found[number] = part
        told()

    on_threads(calls, count, keep, threading.Event())
    return (found[number] for number in range(len(calls)))
