"""The parts of a measurement on a Dask cluster, by the workers that have the same rnnlab; each trouble is one sentence."""

from __future__ import annotations

import logging
import socket
import struct
import sys
import time
import warnings
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from typing import Any
from urllib.parse import urlsplit

from tqdm import tqdm

import rnnlab
from rnnlab._base.blas import one_blas_thread
from rnnlab._base.interrupts import interrupts_noted
from rnnlab.experiments._lab.checkpoints import source
from rnnlab.experiments._lab.errors import StoreError

CONNECT = 5.0  # seconds in which a scheduler answers
LOOK_EVERY = 1.0  # seconds between two looks at who works
PAUSE = 0.02
PORT = 8786  # Dask's
LONGEST_GREETING = 2**20  # bytes of what Dask says first; of another server's first bytes, read as a length, far more
KEPT = "what is measured is kept, and the same command goes on from there"


def on_cluster(calls: dict[int, Any], address: str, timeout: float, keep: Callable[[int, Any], None]) -> None:
    """Hand what each call returns to `keep`, as they end: functions of rnnlab with their items, `functools.partial`."""
    with interrupts_noted() as interrupted, connected(address) as client:
        crew = Crew(client, address, timeout)
        todo, flying = deque(calls), dict[int, Any]()
        try:
            while (todo or flying) and not interrupted():
                if crew.look():  # whom the parts in the air were given to is gone
                    todo.extendleft(flying)
                    client.cancel(list(flying.values()), force=True)
                    flying.clear()
                while todo and len(flying) < 2 * sum(crew.good.values()):
                    number = todo.popleft()
                    flying[number] = crew.submit(calls[number])
                for number in [number for number, future in flying.items() if future.done()]:
                    ended = crew.result(flying.pop(number))
                    todo.append(number) if ended is None else keep(number, ended)
                time.sleep(PAUSE)
        finally:
            with suppress(Exception):
                client.cancel(list(flying.values()), force=True)


class Crew:
    """The workers of a cluster: those that have this rnnlab get parts, the others are named once."""

    def __init__(self, client: Any, address: str, timeout: float) -> None:
        self.client, self.address, self.timeout = client, address, timeout
        self.good: dict[str, int] = {}  # threads of each worker that gets parts
        self.refused: set[str] = set()
        self.source = source()
        self.looked, self.alone_since, self.said = -LOOK_EVERY, time.monotonic(), False

    def look(self) -> bool:
        """Look who is there, now and then; whether all are gone to whom parts were given."""
        if time.monotonic() - self.looked < LOOK_EVERY:
            return False
        self.looked, had = time.monotonic(), bool(self.good)
        there = self._there()
        self.refused &= set(there)
        gone = had and not set(self.good) & set(there)
        for worker, told in self._identities([w for w in there if w not in self.good and w not in self.refused]):
            self._judge(worker, told, there[worker])
        self.good = {worker: count for worker, count in self.good.items() if worker in there}
        self._wait()
        return gone

    def _there(self) -> dict[str, int]:
        """The threads of every worker that the scheduler knows."""
        try:
            if self.client.status == "running":
                return dict(self.client.sync(self.client.scheduler.ncores, callback_timeout=CONNECT))
        except Exception:  # noqa: BLE001, S110 - a lost connection has a dozen kinds
            pass
        raise StoreError(f"the Dask scheduler at {self.address} is gone: {KEPT}")

    def _identities(self, workers: list[str]) -> list[tuple[str, Any]]:
        """What workers tell of their rnnlab."""
        if not workers:
            return []
        return list(self.client.run(identity(), workers=workers, on_error="return").items())

    def _judge(self, worker: str, told: Any, threads: int) -> None:
        """Take a worker, or say once why not."""
        if told == (rnnlab.__version__, self.source):
            self.good[worker] = threads
            return
        if isinstance(told, tuple):
            other = f"has rnnlab {told[0]}" + " of other sources" * (told[0] == rnnlab.__version__)
        elif isinstance(told, OSError):
            return  # gone again
        else:
            other = f"can't import rnnlab ({told})"
        self.refused.add(worker)
        self.say(f"the worker {worker} {other}: it gets no part until it has this rnnlab {rnnlab.__version__}")

    def _wait(self) -> None:
        """Say that nobody works, and give up after a while."""
        if self.good:
            self.alone_since, self.said = time.monotonic(), False
            return
        nobody = f"no worker at {self.address} can import this rnnlab {rnnlab.__version__}"
        if time.monotonic() - self.alone_since > self.timeout:
            raise StoreError(f"{nobody}, for {self.timeout:g} s: start one; {KEPT}")
        if not self.said:
            self.say(f"{nobody}: waiting {self.timeout:g} s for one (--cluster-timeout)")
            self.said = True

    def say(self, words: str) -> None:
        """On standard error, beside the progress."""
        tqdm.write(words, file=sys.stderr)

    def submit(self, call: Any) -> Any:
        """Give a part to those who have this rnnlab."""
        return self.client.submit(measured, call, self.source, workers=list(self.good), pure=False)

    def result(self, future: Any) -> Any:
        """What a part came to; None if it is to be given again."""
        if future.status in ("lost", "cancelled"):
            return None
        try:
            worker, ended = future.result(timeout=10 * CONNECT)
        except Exception as error:
            self._there()  # or the scheduler is gone
            if type(error).__module__.startswith(("distributed", "asyncio", "concurrent")) or isinstance(
                error, OSError
            ):
                raise StoreError(f"a part was lost by the workers at {self.address} ({error}): {KEPT}") from None
            raise
        if ended is None:
            self.good.pop(worker, None)
            self.refused.add(worker)
            self.say(f"the worker {worker} has other sources of rnnlab by now: it gets no part")
        return ended


def measured(call: Callable[[], Any], expected: str) -> tuple[str, Any]:
    """A part, on a worker of the same sources; None on another."""
    from distributed import get_worker

    if known_source() != expected:
        return get_worker().address, None
    with one_blas_thread():
        return get_worker().address, call()


known_source = cache(source)


def identity() -> Callable[[], Any]:
    """A function that tells of a worker's rnnlab; of a local name, so that it is sent as a whole."""

    def told() -> Any:
        try:
            from rnnlab import __version__
        except ImportError as error:
            return f"{type(error).__name__}: {error}"
        try:
            from rnnlab.experiments._lab.cluster import known_source

            return __version__, known_source()
        except ImportError:
            return __version__, "another version"

    return told


@contextmanager
def connected(address: str) -> Iterator[Any]:
    """A client of the Dask scheduler at `address`, or one sentence on why there is none."""
    try:
        from distributed import Client
    except ImportError:
        raise StoreError("--cluster needs Dask: pip install 'rnnlab[cluster]'") from None
    greet(address)
    logger = logging.getLogger("distributed")
    level = logger.level
    logger.setLevel(logging.CRITICAL + 1)  # pages of traceback, where a sentence is said here
    try:
        client = _client(Client, address)
        try:
            yield client
        finally:
            client.close(timeout=CONNECT)
    finally:
        logger.setLevel(level)


def _client(kind: Any, address: str) -> Any:
    """Connect."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of other versions at the workers: who matters is asked by `identity`
        try:
            return kind(address, timeout=f"{CONNECT}s", set_as_default=False)
        except Exception as error:  # noqa: BLE001 - whatever an unknown server makes of it
            raise unreachable(address, f"{type(error).__name__}: {error}") from None


def greet(address: str) -> None:
    """Raise StoreError where no Dask scheduler greets: it speaks first, a length and then its message."""
    url = urlsplit(address if "://" in address else f"tcp://{address}")
    if url.scheme == "tls":
        return refuse_without_certificates(address)
    if url.scheme != "tcp":
        return None
    try:
        host, port = url.hostname, url.port or PORT
        if not host:
            raise ValueError("it names no host")
        with socket.create_connection((host, port), CONNECT) as connection:
            connection.settimeout(CONNECT)
            first = connection.recv(8, socket.MSG_WAITALL)
    except TimeoutError:
        raise unreachable(address, f"nothing is said there in {CONNECT:g} s") from None
    except (OSError, ValueError) as error:
        raise unreachable(address, getattr(error, "strerror", None) or str(error)) from None
    if len(first) < 8 or struct.unpack("<Q", first)[0] > LONGEST_GREETING:
        raise unreachable(address, "what answers there is no Dask scheduler")
    return None


def refuse_without_certificates(address: str) -> None:
    """TLS needs what Dask's own configuration names."""
    from distributed.security import Security

    if Security().get_connection_args("client").get("ssl_context") is None:
        raise unreachable(address, "tls needs certificates, distributed.comm.tls in Dask's configuration")


def unreachable(address: str, reason: str) -> StoreError:
    """What is said where there is no scheduler."""
    return StoreError(f"can't reach a Dask scheduler at {address!r}: {reason}; give --cluster tcp://host:port")
