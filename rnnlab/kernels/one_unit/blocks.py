"""Gradients of any number of one-unit networks: lanes in blocks whose history stays in the cache."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from rnnlab.kernels._jit import kernel
from rnnlab.kernels.one_unit.adjoint import Adjoint, scaled_backward
from rnnlab.kernels.one_unit.plain import Weights
from rnnlab.kernels.one_unit.scaled import WINDOW, Tape, scaled_forward
from rnnlab.kernels.scaling import Scaled, part

BLOCK = 64  # lanes whose history of a few hundred steps stays in the second-level cache


class Gradients(NamedTuple):
    """Derivatives of the last state of L lanes, each a `Scaled` of arrays (L,)."""

    h0: Scaled
    x1: Scaled
    w1: Scaled
    w2: Scaled
    b1: Scaled


@kernel
def block_width(steps: int, lanes: int) -> int:
    """Lanes to treat at once: at most BLOCK, fewer where T is so long that 2 million states are exceeded."""
    return min(lanes, max(8, min(BLOCK, 2_000_000 // steps)))


@kernel
def copy_row(rows: Scaled, row: int, out: Scaled) -> None:
    """One row of scaled numbers (R, L) into others (L,)."""
    for i in range(out.mantissa.size):
        out.mantissa[i], out.exponent[i] = rows.mantissa[row, i], rows.exponent[row, i]


@kernel
def last_state_gradients(nonlinearity: Any, weights: Weights, x: Any, h0: Any, length: Any, out: Gradients) -> None:
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
    """
    steps, lanes = x.shape
    width = block_width(steps, lanes)
    kind, whole = x.dtype, out.h0.exponent.dtype
    tape = Tape(
        np.empty((steps + 1, width), kind),
        np.empty((steps, width), kind),
        np.empty((steps // WINDOW + 1, width), whole),
    )
    inputs = np.empty((steps, width), kind)
    first_step = Scaled(np.empty((1, width), kind), np.empty((1, width), whole))
    sums = Scaled(np.empty((3, width), kind), np.empty((3, width), whole))
    state = np.empty(width, kind)
    for begin in range(0, lanes, width):
        first = min(begin, lanes - width)  # the last block overlaps its neighbour instead of being narrower
        last = first + width
        block = Weights(weights.w1[first:last], weights.w2[first:last], weights.b1[first:last])
        adjoint = Adjoint(part(out.h0, first, last), first_step, sums)
        for i in range(width):
            tape.h[0, i] = h0[first + i]
        for t in range(steps):
            row = x[t, first:last]  # a slice and not x[t, first + i], whose sign check blocks vectorising
            for i in range(width):
                inputs[t, i] = row[i]
        scaled_forward(nonlinearity, block, inputs, tape, state)
        scaled_backward(block, inputs, tape, length[first:last], adjoint)
        for i in range(width):
            out.x1.mantissa[first + i] = first_step.mantissa[0, i] * block.w1[i]
            out.x1.exponent[first + i] = first_step.exponent[0, i]
        copy_row(sums, 0, part(out.w1, first, last))
        copy_row(sums, 1, part(out.w2, first, last))
        copy_row(sums, 2, part(out.b1, first, last))
