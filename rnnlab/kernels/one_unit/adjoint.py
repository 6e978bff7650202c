"""The way back of the one-unit network whose states `scaled` has left, every gradient as mantissa x 2^exponent.

dL/dh goes through a window in plain floats, in units of a power of two that is chosen anew after it; a lane that fell so
low in it that it may have underflowed goes through the window again step by step. No lane's bits depend on another's.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from rnnlab.kernels._floats import constants_of
from rnnlab.kernels._jit import inner_kernel, kernel, unaliased_kernel
from rnnlab.kernels.one_unit.plain import Weights
from rnnlab.kernels.one_unit.scaled import WINDOW, Tape
from rnnlab.kernels.scaling import Scaled, add_to, clear, normalise
from rnnlab.kernels.streaming import stream

STRETCH = 8
W1, W2, B1, DH, START = range(5)  # rows of the work space, the first three those of the totals as well


class EveryStep(NamedTuple):
    """Derivatives of the last state of L lanes by every state and every input, and the states.

    Rows that begin at multiples of 64 bytes are written fastest.
    """

    h: Scaled  # (T + 1, L): dL/dh_t in row t; its exponents are of the type of those of x_1
    x: Any  # (T, L): mantissas of dL/dx_t in row t - 1; their exponents are those of dL/dh_(t-1)
    state: Any  # (T + 1, L): h_t, in units of 2^exponent as in `Tape`
    exponent: Any  # (T // WINDOW + 1, L)
    loudest: Any  # (L,): the largest size of an input, nan if one is


class Adjoint(NamedTuple):
    """Gradients of the last state of each lane, each a `Scaled`.

    Of the window that the way back has come through, R rows of da_t = dL/da_t are kept: R = WINDOW where they are written
    elsewhere before the next window, R = 1 where only da_1 is wanted.
    """

    h: Scaled  # (L,): dL/dh_0, on the way back through time dL/dh_t
    a: Scaled  # (R, L): dL/da_t in row (t - 1) % WINDOW; its exponents are of the type of those of x_1
    weights: Scaled  # (3, L): dL/dw1, dL/dw2, dL/db1
    every: Any  # EveryStep or None: where the gradients and states of every step go, but h_T and its own
    lane: int  # the place of the first of these lanes there


@inner_kernel
def any_ending(length: Any, first: int, last: int) -> bool:
    """Whether the last step of any lane is one of first + 1 .. last."""
    ending = 0
    for i in range(length.size):
        ending += (length[i] > first) & (length[i] <= last)
    return ending > 0


@unaliased_kernel
def pull_back_stretch(w2: Any, x: Any, tape: Tape, kept: Any, now: Any, first: int, every: Any) -> None:
    """BPTT through the STRETCH steps after `first`, in plain floats: the fast path, of constant length.

    The loop over its steps is unrolled, so that dh and the three sums stay in registers. To keep da_t takes 0.4 ns a
    lane-step.
    """
    begin = first % WINDOW
    for i in range(now.shape[1]):
        grad, dw1, dw2, db1 = now[DH, i], now[W1, i], now[W2, i], now[B1, i]
        for k in range(STRETCH):
            t = first + STRETCH - 1 - k
            da = grad * tape.slope[t, i]
            if every is not None:
                kept[begin + STRETCH - 1 - k, i] = da
            dw1 += da * x[t, i]
            dw2 += da * tape.h[t, i]
            db1 += da
            grad = da * w2[i]
        now[DH, i], now[W1, i], now[W2, i], now[B1, i] = grad, dw1, dw2, db1


@unaliased_kernel
def pull_back_step(w2: Any, x: Any, tape: Tape, length: Any, kept: Any, now: Any, t: int) -> None:
    """BPTT through the step t, at which lanes may end."""
    one, row = constants_of(w2[0]).one, (t - 1) % WINDOW
    for i in range(length.size):
        now[DH, i] = one if length[i] == t else now[DH, i]
    if row < kept.shape[0]:
        for i in range(length.size):
            kept[row, i] = now[DH, i] * tape.slope[t - 1, i]
    for i in range(length.size):
        da = now[DH, i] * tape.slope[t - 1, i]
        now[W1, i] += da * x[t - 1, i]
        now[W2, i] += da * tape.h[t - 1, i]
        now[B1, i] += da
        now[DH, i] = da * w2[i]


@inner_kernel
def pull_back(w2: Any, x: Any, tape: Tape, length: Any, adjoint: Adjoint, now: Any, window: int) -> None:
    """BPTT through a window of steps in plain floats, whose sums join those in `now`."""
    first, last = window * WINDOW, min((window + 1) * WINDOW, x.shape[0])
    begin, kept = last, adjoint.a.mantissa
    while begin > first:
        end, begin = begin, max(first, begin - STRETCH)
        if begin == 0 or end < begin + STRETCH or any_ending(length, begin, end):
            for t in range(end, begin, -1):
                pull_back_step(w2, x, tape, length, kept, now, t)
        else:
            pull_back_stretch(w2, x, tape, kept, now, begin, adjoint.every)


@inner_kernel
def set_faint(w2: Any, faint: Any) -> None:
    """The limits below which dh of each lane counts as faint: from a subnormal number it could have grown by |w2| a step."""
    c = constants_of(w2[0])
    for i in range(w2.size):
        growth = max(c.one, abs(w2[i]))
        faint[i] = c.faint
        for _ in range(WINDOW - 1):
            faint[i] *= growth


@inner_kernel
def is_faint(length: Any, faint: Any, now: Any, window: int, i: int) -> bool:
    """Whether the gradient of a lane that had one fell so low in this window that it may have underflowed."""
    ends = (length[i] > window * WINDOW) & (length[i] <= (window + 1) * WINDOW)
    return ((now[START, i] != 0) | ends) & (abs(now[DH, i]) < faint[i])


@inner_kernel
def any_faint(length: Any, faint: Any, now: Any, window: int) -> bool:
    """Whether any lane is."""
    count = 0
    for i in range(length.size):
        count += is_faint(length, faint, now, window, i)
    return count > 0


@kernel
def pull_back_lane(
    w2: Any, x: Any, tape: Tape, length: Any, adjoint: Adjoint, now: Any, place: tuple[int, int]
) -> None:
    """BPTT of one lane through a window again, in new units at each step, whose gradients join the totals at once."""
    da, total, exponent = adjoint.a, adjoint.weights, adjoint.h.exponent
    c = constants_of(w2[0])
    window, i = place
    dh = now[START, i]
    for t in range(min((window + 1) * WINDOW, x.shape[0]), window * WINDOW, -1):
        dh, exponent[i] = normalise(c.one if length[i] == t else dh, exponent[i])
        step_gradient = dh * tape.slope[t - 1, i]
        row = (t - 1) % WINDOW
        if row < da.mantissa.shape[0]:
            da.mantissa[row, i], da.exponent[row, i] = step_gradient, exponent[i]
        add_to(total, (W1, i), step_gradient * x[t - 1, i], exponent[i])
        add_to(total, (W2, i), step_gradient * tape.h[t - 1, i], exponent[i] + tape.exponent[window, i])
        add_to(total, (B1, i), step_gradient, exponent[i])
        dh = step_gradient * w2[i]
    now[DH, i], now[W1, i], now[W2, i], now[B1, i] = dh, c.zero, c.zero, c.zero


@unaliased_kernel
def close_window(adjoint: Adjoint, now: Any, units: Any) -> None:
    """Add the sums over a window, that of w2 in `units` (L,) of its states, to the totals, and give dh new units."""
    total, exponent = adjoint.weights, adjoint.h.exponent
    for row in range(W1, B1 + 1):
        for i in range(exponent.size):
            power = exponent[i] + units[i] if row == W2 else exponent[i]
            add_to(total, (row, i), now[row, i], power)
            now[row, i] = 0
    for i in range(exponent.size):
        now[DH, i], exponent[i] = normalise(now[DH, i], exponent[i])
        now[START, i] = now[DH, i]


@unaliased_kernel
def repeat(row: Any, rows: Any) -> None:
    """A row (L,) into each of (R, L)."""
    for k in range(rows.shape[0]):
        for i in range(row.size):
            rows[k, i] = row[i]


@unaliased_kernel
def gradients_of_states(w2: Any, length: Any, da: Any, first: int, out: Any) -> None:
    """From da_(t+1) to dL/dh_t, in row t - first of either."""
    one = constants_of(w2[0]).one
    for row in range(out.shape[0]):
        t = first + row
        for i in range(length.size):
            out[row, i] = w2[i] * da[row, i] if t < length[i] else (one if t == length[i] else one - one)


@kernel
def write_window(weights: Weights, tape: Tape, length: Any, adjoint: Adjoint, every: EveryStep, window: int) -> None:
    """The gradients and states of all steps of a window, to where they are wanted, if they are.

    The exponents of dL/dh_t are those of da_(t+1), and so are those of dL/dx_(t+1).
    """
    if every is not None:
        begin, da, lane = window * WINDOW, adjoint.a, adjoint.lane
        end = min(begin + WINDOW, tape.slope.shape[0])
        kept = da.mantissa[: end - begin]
        if length.min() >= end:  # multiplied on the way, which takes 0.94 of the whole checked call's time
            stream(kept, every.h.mantissa, begin, lane, weights.w2)
        else:
            rows = np.empty_like(kept)
            gradients_of_states(weights.w2, length, kept, begin, rows)
            stream(rows, every.h.mantissa, begin, lane)
        stream(kept, every.x, begin, lane, weights.w1)
        stream(da.exponent[: end - begin], every.h.exponent, begin, lane)
        stream(tape.h[begin:end], every.state, begin, lane)


@kernel
def scaled_backward(weights: Weights, x: Any, tape: Tape, length: Any, adjoint: Adjoint) -> None:
    """Gradients of each lane's last state, h at step length[i], by backpropagation through time.

    Parameters
    ----------
    weights, x, tape
        As `scaled_forward` was given and left them.
    length : ndarray (L,) of int
        Each lane's last step, 0 to T.
    adjoint : Adjoint
        Written here.
    """
    clear(adjoint.h)
    clear(adjoint.weights)
    now = np.zeros((5, length.size), x.dtype)
    faint = np.empty(length.size, x.dtype)
    set_faint(weights.w2, faint)
    for window in range((x.shape[0] - 1) // WINDOW, -1, -1):
        repeat(adjoint.h.exponent, adjoint.a.exponent)
        pull_back(weights.w2, x, tape, length, adjoint, now, window)
        if any_faint(length, faint, now, window):
            for i in range(length.size):
                if is_faint(length, faint, now, window, i):
                    pull_back_lane(weights.w2, x, tape, length, adjoint, now, (window, i))
        close_window(adjoint, now, tape.exponent[window])
        write_window(weights, tape, length, adjoint, adjoint.every, window)
    for i in range(length.size):
        adjoint.h.mantissa[i] = constants_of(now[DH, i]).one if length[i] == 0 else now[DH, i]
