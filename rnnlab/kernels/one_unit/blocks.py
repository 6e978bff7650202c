"""Gradients of any number of one-unit networks: lanes in blocks whose history stays in the cache."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from rnnlab.kernels._floats import reinterpret
from rnnlab.kernels._jit import kernel, unaliased_kernel
from rnnlab.kernels.one_unit.adjoint import Adjoint, EveryStep, scaled_backward
from rnnlab.kernels.one_unit.plain import Weights
from rnnlab.kernels.one_unit.scaled import WINDOW, Tape, scaled_forward
from rnnlab.kernels.scaling import Scaled, part

CACHE = 2**20  # bytes of the second-level cache, in which the history of a block stays
MEMORY = 2**24  # bytes that are not given back to the system after a call
NARROWEST, WIDEST = 64, 128  # lanes of a block, where the memory has room


class Gradients(NamedTuple):
    """Derivatives of the last state of L lanes, each a `Scaled` of arrays (L,).

    Exponents are integers of the float's width; those of x1 of any type that holds them.
    """

    h0: Scaled
    x1: Scaled
    w1: Scaled
    w2: Scaled
    b1: Scaled


class Work(NamedTuple):
    """Work space of one block of W lanes."""

    tape: Tape
    x: Any  # (T, W)
    a: Scaled  # (R, W): see `Adjoint`
    sums: Scaled  # (3, W)


@kernel
def block_width(x: Any) -> int:
    """Lanes to treat at once: those whose history of all steps of `x` (T, L) fits the cache, if they are not too few."""
    steps, lanes = x.shape
    history = 3 * x.itemsize * steps
    width = max(NARROWEST, min(WIDEST, CACHE // history // 16 * 16))
    return min(lanes, width, max(8, MEMORY // history // 8 * 8))


@kernel
def new_work(x: Any, out: Gradients, width: int, kept: int) -> Work:
    """Work space for blocks of `width` lanes, which keeps that many rows of dL/da.

    The history is one array: three of 3 MB would go back to the system after every call, whose new pages take five times
    as long as all the rest of 64 lanes of 5,000 steps.
    """
    (steps, _), kind, whole = x.shape, x.dtype, out.h0.exponent.dtype
    history = np.empty((3, steps + 1, width), kind)
    tape = Tape(history[0], history[1, :steps], np.empty((steps // WINDOW + 1, width), whole))
    rows = Scaled(np.empty((kept, width), kind), np.empty((kept, width), out.x1.exponent.dtype))
    sums = Scaled(np.empty((3, width), kind), np.empty((3, width), whole))
    return Work(tape, history[2, :steps], rows, sums)


@kernel
def write_last(tape: Tape, length: Any, every: EveryStep, first: int) -> None:
    """What the windows leave of every step: the last state with its gradient, and the units of all states."""
    steps = tape.slope.shape[0]
    for i in range(length.size):
        every.state[steps, first + i] = tape.h[steps, i]
        every.h.mantissa[steps, first + i] = length[i] == steps
        every.h.exponent[steps, first + i] = 0
    for window in range(every.exponent.shape[0]):
        for i in range(length.size):
            every.exponent[window, first + i] = tape.exponent[window, i]


@unaliased_kernel
def find_loudest(x: Any, out: Any) -> None:
    """The largest size of each lane's inputs, of x (T, L): as integers sizes have the same order, and nan is above all."""
    last = x.shape[0] - 1
    out[:] = 0
    for t in range(0, x.shape[0], 2):  # two at a time, the last one twice if need be: one takes 0.1 ns more
        u = min(t + 1, last)
        for i in range(out.size):
            louder = max(reinterpret(abs(x[t, i])), reinterpret(abs(x[u, i])))
            out[i] = reinterpret(max(reinterpret(out[i]), louder))


@kernel
def write_sums(w1: Any, work: Work, out: Gradients, first: int) -> None:
    """The gradients of the weights and of the first input."""
    sums, power = work.sums
    for i in range(w1.size):
        out.x1.mantissa[first + i], out.x1.exponent[first + i] = work.a.mantissa[0, i] * w1[i], work.a.exponent[0, i]
        out.w1.mantissa[first + i], out.w1.exponent[first + i] = sums[0, i], power[0, i]
        out.w2.mantissa[first + i], out.w2.exponent[first + i] = sums[1, i], power[1, i]
        out.b1.mantissa[first + i], out.b1.exponent[first + i] = sums[2, i], power[2, i]


@kernel
def last_state_gradients(
    nonlinearity: Any, weights: Weights, x: Any, h0: Any, length: Any, out: Gradients, every: Any = None
) -> None:
    """Forward and BPTT over any number of lanes, block by block, keeping no history: work space does not grow with L.

    Parameters
    ----------
    nonlinearity : int or compiled function
        LINEAR, RELU, TANH or SIGMOID; or a function from a to (f(a), f'(a)).
    weights : Weights
        Arrays (L,), float32 or float64, C-contiguous like all others.
    x : ndarray (T, L)
        Inputs, T >= 1.
    h0 : ndarray (L,)
        Initial states.
    length : ndarray (L,) of int64
        Each lane's last step, 0 to T.
    out : Gradients
        Written here.
    every : EveryStep, optional
        Written here, each number once.
    """
    lanes, width = x.shape[1], block_width(x)
    work = new_work(x, out, width, 1 if every is None else WINDOW)
    for begin in range(0, lanes, width):
        first = min(begin, lanes - width)  # the last block overlaps its neighbour instead of being narrower
        last = first + width
        block = Weights(weights.w1[first:last], weights.w2[first:last], weights.b1[first:last])
        adjoint = Adjoint(part(out.h0, first, last), work.a, work.sums, every, first)
        for i in range(width):
            work.tape.h[0, i] = h0[first + i]
        scaled_forward(nonlinearity, block, (x, first), work.x, work.tape)
        scaled_backward(block, work.x, work.tape, length[first:last], adjoint)
        write_sums(block.w1, work, out, first)
        if every is not None:
            write_last(work.tape, length[first:last], every, first)
            find_loudest(work.x, every.loudest[first:last])
