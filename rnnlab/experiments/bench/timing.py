"""Timing: rows of the table, fair rounds, and fresh processes bound to a number of cores."""

from __future__ import annotations

import math
import multiprocessing
import os
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Run = Callable[[], Any]
Result = TypeVar("Result")
Key = TypeVar("Key")
NAN = float("nan")
FEWEST = 3  # rounds, however long they take
SHORTEST = 0.005  # seconds: a shorter call is timed many at a time
LONG = 1.0  # seconds: a call that takes longer is timed at once
WARM = 0.05  # seconds of calls before a shorter one is timed: two cores are up to a third slower when they wake up
REST = 0.05  # seconds between two implementations, for the threads of the last one to stop spinning
QUARTILES = (0.25, 0.5, 0.75)


class Row(NamedTuple):
    """One row of the table: what one implementation took for one problem, and how it compares to ours."""

    case: str
    problem: str
    implementation: str = ""
    library: str = ""  # and its version
    computes: str = ""  # in words
    dtype: str = ""
    cores: int = 1
    rounds: int = 0
    seconds: float = NAN  # of one call, the median of the rounds
    seconds_q1: float = NAN  # and their quartiles
    seconds_q3: float = NAN
    ns_per_item: float = NAN
    ratio: float = NAN  # of its seconds to ours of the same round, the median of the rounds
    ratio_q1: float = NAN
    ratio_q3: float = NAN
    deviation: float = NAN  # largest relative difference of the gradients from ours
    note: str = ""


class Effort(NamedTuple):
    """How long a comparison may take."""

    repeats: int  # rounds at most
    budget: float  # seconds after which no further round begins, once there are three


def timed(row: Row, seconds: Array, items: int, ours: Array | None = None) -> Row:
    """The row with the medians and quartiles of its rounds, beside ours of the same rounds.

    The ratio is the median of the rounds' ratios and not the ratio of the medians: within a round all take their turn
    within a second, so that what slows the machine for a while slows both sides of a ratio.
    """
    first, median, third = (float(value) for value in np.quantile(seconds, QUARTILES))
    row = row._replace(rounds=len(seconds), seconds=median, seconds_q1=first, seconds_q3=third)
    row = row._replace(ns_per_item=1e9 * median / items)
    if ours is None:
        return row
    first, median, third = (float(value) for value in np.quantile(seconds / ours, QUARTILES))
    return row._replace(ratio=median, ratio_q1=first, ratio_q3=third)


def rounds_of(runs: Mapping[Key, Run], effort: Effort) -> dict[Key, Array]:
    """Seconds of one call of each run in each of some rounds, in which all take their turn.

    Parameters
    ----------
    runs : mapping of callables without arguments
        Each was called before, so that it is compiled.
    effort : Effort

    Returns
    -------
    dict of ndarray (rounds,)
        Seconds by the keys of `runs`.
    """
    calls = {key: calls_of(run) for key, run in runs.items()}
    rounds: list[list[float]] = []
    start = time.perf_counter()
    while len(rounds) < FEWEST or (len(rounds) < effort.repeats and time.perf_counter() - start < effort.budget):
        rounds.append([seconds_of(run, calls[key]) for key, run in runs.items()])
    return dict(zip(runs, np.transpose(rounds), strict=True))


def calls_of(run: Run) -> int:
    """How many calls of a run are timed at once; the first after a rest takes up to ten times as long as the next."""
    return math.ceil(SHORTEST / max(min(seconds_in_turn(run, 1) for _ in range(3)), 1e-7))


def seconds_of(run: Run, calls: int) -> float:
    """Seconds of one call after a rest and calls that wake the cores, on average over some."""
    time.sleep(REST)
    first = seconds_in_turn(run, 1)
    if first > LONG:
        return first
    seconds_in_turn(run, math.ceil(WARM / first))
    return seconds_in_turn(run, calls)


def seconds_in_turn(run: Run, calls: int) -> float:
    """Seconds of one call, on average over some."""
    start = time.perf_counter()
    for _ in range(calls):
        run()
    return (time.perf_counter() - start) / calls


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
