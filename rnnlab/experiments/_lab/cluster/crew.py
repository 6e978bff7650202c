"""The workers of a cluster: those that have this rnnlab get parts, the others are named once."""

from __future__ import annotations

import sys
import time
from asyncio import gather, wait_for
from concurrent.futures import CancelledError
from typing import Any

from distributed import KilledWorker
from distributed.protocol import pickle
from tqdm import tqdm

from rnnlab import __version__
from rnnlab.experiments._lab.cluster.connection import CONNECT, LOST
from rnnlab.experiments._lab.cluster.worker import Bundle, differing, here, identity, unpacked
from rnnlab.experiments._lab.errors import StoreError

LOOK_EVERY = 1.0  # seconds between two looks at who works
HAND_IN = 5.0  # seconds after which a worker hands in what it has
KEPT = "what is measured is kept, and the same command goes on from there"


class Crew:
    """The workers of a cluster: those that have this rnnlab get parts, the others are named once."""

    def __init__(self, client: Any, address: str, timeout: float) -> None:
        self.client, self.address, self.timeout = client, address, timeout
        self.good: dict[str, int] = {}  # threads of each worker that gets parts
        self.refused: set[str] = set()
        self.slow: set[str] = set()  # those of whom it is said that they don't answer
        self.same = here()
        self.looked, self.alone_since, self.said = -LOOK_EVERY, time.monotonic(), ""

    def look(self) -> bool:
        """Look who is there, now and then; whether all are gone to whom parts were given."""
        if time.monotonic() - self.looked < LOOK_EVERY:
            return False
        try:
            there = self._there()
        except TimeoutError:
            self._wait(f"the Dask scheduler at {self.address} does not answer")
            return False
        had, self.good = self.good, {worker: count for worker, count in self.good.items() if worker in there}
        self.refused &= set(there)
        for worker, told in self._identities([w for w in there if w not in self.good and w not in self.refused]):
            self._judge(worker, told, there[worker])
        if self.good:
            self.alone_since, self.said = time.monotonic(), ""
        else:
            self._wait(f"no worker at {self.address} can import this rnnlab {__version__}")
        self.looked = time.monotonic()
        return bool(had) and not set(had) & set(there)

    def threads(self) -> int:
        """Of all workers that get parts."""
        return sum(self.good.values())

    def _there(self) -> dict[str, int]:
        """The threads of every worker that the scheduler knows."""
        gone = StoreError(f"the Dask scheduler at {self.address} is gone: {KEPT}")
        if self.client.status != "running":
            raise gone
        try:
            return dict(self.client.sync(self.client.scheduler.ncores, callback_timeout=CONNECT))
        except TimeoutError:  # it may be busy
            raise
        except LOST as error:
            raise gone from error

    def _identities(self, workers: list[str]) -> list[tuple[str, Any]]:
        """What workers tell of their rnnlab; None if they don't in time, as one that imports it on a busy machine."""

        async def asked(worker: str) -> tuple[str, Any]:
            try:
                told = await wait_for(self.client.run(identity(), workers=[worker], on_error="return"), CONNECT)
            except TimeoutError:
                return worker, None
            return worker, told[worker]

        async def all_asked() -> list[tuple[str, Any]]:
            return await gather(*map(asked, workers))

        return list(self.client.sync(all_asked))

    def _judge(self, worker: str, told: Any, threads: int) -> None:
        """Take a worker, or say once why not."""
        if told == self.same:
            self.good[worker] = threads
            return None
        if isinstance(told, OSError):
            return None  # gone again
        if told is None:
            return self._say_slow(worker)
        other = differing(told, self.same) if isinstance(told, dict) else f"can't import rnnlab ({told})"
        self.refused.add(worker)
        self.say(f"the worker {worker} {other}: it gets no part until it has this rnnlab {__version__}")
        return None

    def _say_slow(self, worker: str) -> None:
        """Say once that a worker does not answer."""
        if worker not in self.slow:
            self.slow.add(worker)
            self.say(f"the worker {worker} does not tell its rnnlab in {CONNECT:g} s: it is asked again")

    def _wait(self, reason: str) -> None:
        """Say why nobody works, and give up after a while."""
        if time.monotonic() - self.alone_since > self.timeout:
            raise StoreError(f"{reason}, for {self.timeout:g} s: {KEPT}")
        if self.said != reason:
            self.say(f"{reason}: waiting {self.timeout:g} s (--cluster-timeout)")
            self.said = reason

    def say(self, words: str) -> None:
        """On standard error, beside the progress."""
        tqdm.write(words, file=sys.stderr)

    def submit(self, bundle: Any) -> Any:
        """Give parts to those who have this rnnlab."""
        content = pickle.dumps((bundle, self.same, HAND_IN))
        return self.client.submit(unpacked(), content, workers=list(self.good), pure=False)

    def result(self, future: Any) -> Bundle | None:
        """What a bundle came to; None if it is to be given again."""
        if future.status in ("lost", "cancelled"):
            return None
        try:
            made: Bundle = future.result(timeout=10 * CONNECT)
        except (OSError, CancelledError, KilledWorker) as error:  # what a measurement itself raises goes through
            self._there()  # or the scheduler is gone
            raise StoreError(f"a part was lost by the workers at {self.address} ({error}): {KEPT}") from error
        if not made.same:
            self.good.pop(made.worker, None)
            self.refused.add(made.worker)
            self.say(f"the worker {made.worker} has another rnnlab by now: it gets no part")
        return made
