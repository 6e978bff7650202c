"""The parts of a measurement on a Dask cluster, by the workers that have the same rnnlab; each trouble is one sentence.

A worker gets some parts at a time and hands in what it has after some seconds, of a training what there is so far. So
many small parts cost little, and a worker or a run that ends loses seconds.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

from rnnlab._base.interrupts import interrupts_noted
from rnnlab.experiments._lab.checkpoints import Checkpoints
from rnnlab.experiments._lab.cluster.connection import LOST, connected
from rnnlab.experiments._lab.cluster.crew import Crew
from rnnlab.experiments._lab.cluster.worker import Bundle, SoFar
from rnnlab.experiments._lab.resumable import Resumable

BUNDLES = 4  # that a thread still gets, if all are as large as the next
PAUSE = 0.02  # seconds


def on_cluster(work: Work, address: str, timeout: float) -> None:
    """Measure parts, which are functions of rnnlab with their items, `functools.partial`."""
    with interrupts_noted() as interrupted, connected(address) as client:
        crew = Crew(client, address, timeout)
        flying = dict[Any, list[int]]()
        try:
            while (work.todo or flying) and not interrupted():
                if crew.look():  # whom the parts in the air were given to is gone
                    client.cancel(list(flying), force=True)
                    for given in flying.values():
                        work.take(given, None)
                    flying.clear()
                while work.todo and len(flying) < 2 * crew.threads():
                    bundle = work.bundle(crew.threads())
                    flying[crew.submit(bundle)] = list(bundle)
                for future in [future for future in flying if future.done()]:
                    work.take(flying.pop(future), crew.result(future))
                time.sleep(PAUSE)
        finally:
            with suppress(*LOST):
                client.cancel(list(flying), force=True)


class Work:
    """The parts that are still to be measured, and where what is measured is kept."""

    def __init__(
        self, calls: dict[int, partial[Any]], checkpoints: Checkpoints, keep: Callable[[int, Any, str], None]
    ) -> None:
        self.calls, self.checkpoints, self.keep = calls, checkpoints, keep
        self.todo = deque(calls)

    def bundle(self, threads: int) -> dict[int, tuple[partial[Any], Any]]:
        """Some of the next parts, fewer towards the end, each with what it has so far."""
        size = -(-len(self.todo) // (BUNDLES * threads))
        numbers = [self.todo.popleft() for _ in range(size)]
        return {number: (self.calls[number], self._so_far(number)) for number in numbers}

    def _so_far(self, number: int) -> Any:
        """What a training kept last, None of any other part."""
        resumable = isinstance(self.calls[number].func, Resumable)
        return self.checkpoints.load(f"{number}-so-far") if resumable else None

    def take(self, given: list[int], made: Bundle | None) -> None:
        """Keep what a bundle came to; what it did not come to is to be given again."""
        ended = self._kept(made) if made else set()
        self.todo.extendleft(number for number in reversed(given) if number not in ended)

    def _kept(self, made: Bundle) -> set[int]:
        """The parts that have ended; these, and what trainings have so far, are kept."""
        for number, found in made.ended.items():
            if isinstance(found, SoFar):
                self.checkpoints.keep(f"{number}-so-far", found.kept, made.processor)
            else:
                self.keep(number, found, made.processor)
        return {number for number, found in made.ended.items() if not isinstance(found, SoFar)}
