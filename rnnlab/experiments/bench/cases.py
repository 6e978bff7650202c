"""The timed cases; each function runs in a fresh process and returns its rows."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numba import njit

import rnnlab as rl
from rnnlab import kernels
from rnnlab.experiments.bench.one_unit import (
    BUILDERS,
    Array,
    Problem,
    Run,
    build_ours,
    deviation,
    gradients,
    installed,
    make_problem,
)
from rnnlab.experiments.bench.timing import NAN, Row, available_cores, binding_note, fastest, judged
from rnnlab.forward_mode import real_time_gradients, unbiased_gradients

KINDS = ("float64", "float32")
PEER_TARGETS = {1: {"numpy": 3.0, "torch": 6.0, "jax": 6.0}, 2: {"numpy": 6.0, "torch": 10.0, "jax": 10.0}}
WHOLE_TARGET = {2: 1 / 0.7}  # forward and BPTT take at most 0.7 of one np.tanh over as many numbers
FLOAT32_AIM = 2.0
TANH_TARGETS = {"np.tanh": 1.5, "math.tanh in njit": 8.0}
FLAT_TARGET = 1 / 1.15
compiled: Callable[..., Any] = njit(error_model="numpy", fastmath={"contract"}, nogil=True)


class Timings(NamedTuple):
    """The one-unit case, measured: by (implementation, dtype)."""

    seconds: dict[tuple[str, str], float]
    deviations: dict[tuple[str, str], float]
    items: int
    cores: int


def one_unit(w2_points: int, seeds: int, seq_len: int, repeats: int, cores: int) -> list[Row]:
    """rnnlab, NumPy, PyTorch and JAX in turn on the same problem; and one np.tanh over as many numbers."""
    if available_cores() < cores:
        return [Row("one-unit", "rnnlab", "float64", cores, note=f"this machine has {available_cores()} cores")]
    problem = make_problem(w2_points, seeds, seq_len)
    versions = {kind: problem.astype(kind) for kind in KINDS}
    names = [name for name in BUILDERS if installed(name)]
    runs = {(name, kind): BUILDERS[name](versions[kind], cores) for kind in KINDS for name in names}
    deviations = compare(runs)
    out = np.empty_like(problem.x)
    seconds = fastest({**runs, ("np.tanh", "float64"): partial(np.tanh, problem.x, out)}, repeats)
    timings = Timings(seconds, deviations, problem.x.size, cores)
    return [judged(row) for row in (*peer_rows(timings), *self_rows(timings))]


def compare(runs: dict[tuple[str, str], Run]) -> dict[tuple[str, str], float]:
    """How far each peer's gradients are from ours in the same floating type."""
    results = {key: gradients(run()) for key, run in runs.items()}
    return {key: deviation(result, results["rnnlab", key[1]]) for key, result in results.items() if key[0] != "rnnlab"}


def peer_rows(timings: Timings) -> Iterator[Row]:
    """Ours, then every peer beside ours, in both floating types; targets are for float64."""
    for kind in KINDS:
        ours = timings.seconds["rnnlab", kind]
        for name in BUILDERS:
            target = PEER_TARGETS.get(timings.cores, {}).get(name, NAN) if kind == "float64" else NAN
            row = Row("one-unit", name, kind, timings.cores, target=target, note=f"{name} is not installed")
            if (name, kind) in timings.seconds:
                seconds = timings.seconds[name, kind]
                row = timed(row, seconds, timings.items)._replace(
                    ratio=seconds / ours if name != "rnnlab" else NAN,
                    deviation=timings.deviations.get((name, kind), NAN),
                    note=binding_note() or ("NumPy uses one core" if name == "numpy" and timings.cores > 1 else ""),
                )
            yield row


def self_rows(timings: Timings) -> Iterator[Row]:
    """The whole of it against one np.tanh, and float32 against float64."""
    ours, cores = timings.seconds["rnnlab", "float64"], timings.cores
    seconds = timings.seconds["np.tanh", "float64"]
    row = Row("one-unit", "one np.tanh", "float64", cores, ratio=seconds / ours, target=WHOLE_TARGET.get(cores, NAN))
    yield timed(row, seconds, timings.items)._replace(note=f"all of ours takes {ours / seconds:.2f} of one np.tanh")
    row = Row("one-unit", "rnnlab in float64", "float32", cores, target=FLOAT32_AIM if cores == 1 else NAN)
    yield timed(row, ours, timings.items)._replace(ratio=ours / timings.seconds["rnnlab", "float32"], note="an aim")


def timed(row: Row, seconds: float, items: int) -> Row:
    """The row with its seconds, and nanoseconds an item."""
    return row._replace(seconds=seconds, ns_per_item=1e9 * seconds / items)


@compiled
def simd_tanh_loop(a: Array, out: Array) -> None:
    """Our tanh, as a user would write the loop."""
    for i in range(a.size):
        out[i] = kernels.tanh(a[i])


@compiled
def math_tanh_loop(a: Array, out: Array) -> None:
    """The C library's tanh in the same loop."""
    for i in range(a.size):
        out[i] = math.tanh(a[i])


def simd_tanh(elements: int, repeats: int) -> list[Row]:
    """Our tanh over numbers that stay in cache, against np.tanh and math.tanh."""
    a = np.random.default_rng(0).standard_normal(elements)
    out = np.empty_like(a)
    functions = {"rnnlab": simd_tanh_loop, "np.tanh": np.tanh, "math.tanh in njit": math_tanh_loop}
    seconds = fastest({name: partial(function, a, out) for name, function in functions.items()}, repeats)
    rows = []
    for name, taken in seconds.items():
        ratio = taken / seconds["rnnlab"] if name != "rnnlab" else NAN
        row = Row("tanh", name, "float64", 1, ratio=ratio, target=TANH_TARGETS.get(name, NAN), note=binding_note())
        rows.append(judged(timed(row, taken, elements)))
    return rows


def flatness(lane_counts: Sequence[int], seq_len: int, repeats: int) -> list[Row]:
    """Our nanoseconds a lane-step from few to many lanes: no count of lanes is a cliff."""
    runs = {lanes: build_ours(wide_problem(lanes, seq_len), 1) for lanes in lane_counts}
    seconds = fastest(runs, repeats)
    rows = [timed(Row("flatness", f"{n:,} lanes", "float64", 1), seconds[n], n * seq_len) for n in lane_counts]
    costs = [row.ns_per_item for row in rows]
    note = f"slowest / fastest is {max(costs) / min(costs):.3f}"
    last = Row("flatness", "fastest count of lanes", "float64", 1, ns_per_item=min(costs), note=note)
    return [*rows, judged(last._replace(ratio=min(costs) / max(costs), target=FLAT_TARGET))]


def wide_problem(lanes: int, seq_len: int) -> Problem:
    """Any number of lanes: those of a 1,000-lane problem over and over."""
    small = make_problem(50, 20, seq_len)
    copies = -(-lanes // small.w2.size)
    return Problem(*(np.tile(array, copies) for array in small)).lanes(0, lanes)


def forward_mode(sizes: Sequence[int], steps: int, repeats: int) -> list[Row]:
    """A gradient of a plain RNN carried forwards, exactly or by one guess, beside BPTT: ratio, how often as long.

    Predicted are 2 H^4 products a step for RTRL, and of the order of H^2 for BPTT and for a guess of UORO, whose calls of
    single steps take longer than their products here.
    """
    rows = []
    for size in sizes:
        rng = np.random.default_rng(0)
        tape = rl.forward(rl.RNNParams.init(1, size, rng=rng), rng.standard_normal((steps, 1)))
        dh = rng.standard_normal(size)
        runs: dict[str, Callable[[], Any]] = {
            "BPTT": partial(rl.backward, tape, dh),
            "truncated BPTT, window 8": partial(rl.backward, tape, dh, window=8),
            "RTRL": partial(real_time_gradients, tape, dh),
            "UORO, a guess": partial(unbiased_gradients, tape, dh, rng=rng, samples=1),
        }
        seconds = fastest(runs, repeats)
        for name, taken in seconds.items():
            ratio, item = taken / seconds["BPTT"], 1e9 * taken / steps
            rows.append(Row("forward mode", f"{name}, H = {size}, T = {steps}", "float64", 1, taken, item, ratio))
    return rows
