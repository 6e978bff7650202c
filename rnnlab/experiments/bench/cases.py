"""The timed cases of one unit, of single functions, and of gradients carried forwards."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
from numba import njit

import rnnlab as rl
from rnnlab import kernels
from rnnlab.experiments.bench.comparing import Implementation, compared, version_of
from rnnlab.experiments.bench.one_unit import IMPLEMENTATIONS, Problem, build_ours, difference, make_problem
from rnnlab.experiments.bench.timing import Array, Effort, Row, Run, binding_note, rounds_of, timed
from rnnlab.forward_mode import real_time_gradients, unbiased_gradients

compiled: Callable[..., Any] = njit(error_model="numpy", fastmath={"contract"}, nogil=True)


def one_unit(w2_points: int, seeds: int, seq_len: int, effort: Effort, cores: int) -> list[Row]:
    """rnnlab and its peers in turn on the same problem, in both floating types; and one np.tanh."""
    problem = make_problem(w2_points, seeds, seq_len)
    title = Row("one-unit", f"{problem.w2.size:,} lanes x {seq_len} steps", cores=cores)
    rows = []
    for kind in ("float64", "float32"):
        given, title = problem.astype(kind), title._replace(dtype=kind)
        rows += compared(title, problem.x.size, IMPLEMENTATIONS, given, effort, difference)
    return rows


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


def simd_tanh(elements: int, effort: Effort) -> list[Row]:
    """Our tanh over numbers that stay in cache, against np.tanh and math.tanh."""
    a = np.random.default_rng(0).standard_normal(elements)
    implementations = (
        Implementation("rnnlab", "kernels.tanh in a loop that njit compiled", over(simd_tanh_loop)),
        Implementation("np.tanh", "np.tanh with out=", over(np.tanh), "numpy"),
        Implementation("math.tanh in njit", "math.tanh in a loop that njit compiled", over(math_tanh_loop), "numba"),
    )
    title = Row("tanh", f"{elements:,} numbers", dtype="float64")
    return compared(title, elements, implementations, a, effort)


def over(function: Callable[[Array, Array], Any]) -> Callable[[Array, int], Run]:
    """A builder of a function's run over an array into another one."""

    def build(a: Array, _cores: int) -> Run:
        out = np.empty_like(a)

        def run() -> None:
            function(a, out)

        return run

    return build


def flatness(lane_counts: Sequence[int], seq_len: int, effort: Effort) -> list[Row]:
    """Our nanoseconds a lane-step from few to many lanes: no count of lanes is a cliff."""
    runs = {lanes: build_ours(wide_problem(lanes, seq_len), 1) for lanes in lane_counts}
    runs[lane_counts[0]]()
    title = Row("flatness", "", IMPLEMENTATIONS[0].name, version_of("rnnlab"), IMPLEMENTATIONS[0].computes, "float64")
    return [
        timed(title._replace(problem=f"{n:,} lanes x {seq_len} steps", note=binding_note()), seconds, n * seq_len)
        for n, seconds in rounds_of(runs, effort).items()
    ]


def wide_problem(lanes: int, seq_len: int) -> Problem:
    """Any number of lanes: those of a 1,000-lane problem over and over."""
    small = make_problem(50, 20, seq_len)
    copies = -(-lanes // small.w2.size)
    return Problem(*(np.tile(array, copies) for array in small)).lanes(0, lanes)


def forward_mode(sizes: Sequence[int], steps: int, effort: Effort) -> list[Row]:
    """A gradient of a plain RNN carried forwards, exactly or by one guess, beside BPTT: ratio, how often as long.

    Predicted are 2 H^4 products a step for RTRL, and of the order of H^2 for BPTT and for a guess of UORO, whose calls of
    single steps take longer than their products here.
    """
    rng = np.random.default_rng(0)
    ways = (
        Implementation("BPTT", "backward", backwards(rl.backward)),
        Implementation("truncated BPTT", "backward, window 8", backwards(partial(rl.backward, window=8))),
        Implementation("RTRL", "real_time_gradients", backwards(real_time_gradients)),
        Implementation(
            "UORO", "unbiased_gradients, a guess", backwards(partial(unbiased_gradients, rng=rng, samples=1))
        ),
    )
    rows = []
    for size in sizes:
        tape = rl.forward(rl.RNNParams.init(1, size, rng=rng), rng.standard_normal((steps, 1)))
        title = Row("forward-mode", f"rnn {steps}x1x1x{size}", dtype="float64")
        rows += compared(title, steps, ways, tape, effort)
    return rows


def backwards(function: Callable[..., Any]) -> Callable[[rl.Tape, int], Run]:
    """A builder of a gradient of the sum of the last state."""
    return lambda tape, _cores: partial(function, tape, np.ones(tape.h.shape[-1]))
