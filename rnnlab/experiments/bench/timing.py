"""Timing: rows of the table, fair rounds, and fresh processes bound to a number of cores."""

from __future__ import annotations

import math
import multiprocessing
import os
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from typing import Any, NamedTuple, TypeVar

Result = TypeVar("Result")
Key = TypeVar("Key")
NAN = float("nan")
SHORTEST = 0.005  # seconds: a shorter call is timed many at a time
REST = 0.01  # seconds between two implementations, for the threads of the last one to stop spinning


class Row(NamedTuple):
    """One row of the table: what one implementation took, and how it compares."""

    case: str
    implementation: str
    dtype: str
    cores: int
    seconds: float = NAN
    ns_per_item: float = NAN
    ratio: float = NAN
    target: float = NAN
    met: str = ""  # yes, no, or empty where there is no target or no ratio
    deviation: float = NAN  # largest relative difference of the gradients from ours
    note: str = ""


def judged(row: Row) -> Row:
    """The row with `met` filled in."""
    if math.isnan(row.target) or math.isnan(row.ratio):
        return row
    return row._replace(met="yes" if row.ratio >= row.target else "no")


def fastest(runs: Mapping[Key, Callable[[], Any]], repeats: int) -> dict[Key, float]:
    """Seconds of one call of each run: the least of some rounds, in each of which all take their turn.

    Parameters
    ----------
    runs : mapping of callables without arguments
        Each is called twice before, to compile and to fill its caches.
    repeats : int
        Number of rounds.

    Returns
    -------
    dict
        Seconds by the keys of `runs`.
    """
    calls = {key: calls_needed(run) for key, run in runs.items()}
    best = dict.fromkeys(runs, math.inf)
    for _ in range(repeats):
        for key, run in runs.items():
            time.sleep(REST)
            best[key] = min(best[key], seconds_of(run, calls[key]))
    return best


def calls_needed(run: Callable[[], Any]) -> int:
    """How many calls last long enough to be timed."""
    run()
    return math.ceil(SHORTEST / max(seconds_of(run, 1), 1e-7))


def seconds_of(run: Callable[[], Any], calls: int) -> float:
    """Seconds of one call, on average over some."""
    start = time.perf_counter()
    for _ in range(calls):
        run()
    return (time.perf_counter() - start) / calls


def available_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def bind(cores: int) -> None:
    """Restrict this process to some cores, before the libraries that ask how many there are get imported."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:cores])
    os.environ.update(OMP_NUM_THREADS=str(cores), MKL_NUM_THREADS=str(cores), JAX_PLATFORMS="cpu")


def binding_note() -> str:
    """What to know where processes can't be bound to cores."""
    return "" if hasattr(os, "sched_setaffinity") else "not bound to cores: this system can't"


def in_fresh_process(cores: int, function: Callable[..., Result], *arguments: Any) -> Result:
    """Call a module's function in a new interpreter that is bound to some cores."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context, initializer=bind, initargs=(cores,)) as executor:
        return executor.submit(function, *arguments).result()
