"""The way back of the one-unit network whose states `scaled` has left, every gradient as mantissa x 2^exponent.

dL/dh goes through a window in plain floats, in units of a power of two that is chosen anew after it; a lane that fell so
low in it that it may have underflowed goes through the window again step by step. No lane's bits depend on another's.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from rnnlab.kernels._floats import constants_of
from rnnlab.kernels._jit import inner_kernel, kernel
from rnnlab.kernels.one_unit.plain import Weights, newest_first
from rnnlab.kernels.one_unit.scaled import WINDOW, Tape
from rnnlab.kernels.scaling import Scaled, add_to, clear, merge, normalise

STRETCH = 8


class Adjoint(NamedTuple):
    """Gradients of the last state of each lane, each a `Scaled`; and work space.

    The first R steps' da_t = dL/da_t are kept, R = 1 where only da_1 is wanted, R = T for all.
    """

    h: Scaled  # (L,): dL/dh_0, on the way back through time dL/dh_t
    a: Scaled  # (R, L): dL/da_t in row t - 1
    w1: Scaled  # (L,)
    w2: Scaled  # (L,)
    b1: Scaled  # (L,)
    window: Weights  # (L,) work space: the sums over one window, in units of h.exponent
    start: Any  # (L,) work space: the mantissas of h at the window's start
    faint: Any  # (L,) work space: where |dh| is less after a window, it may have underflowed inside
    units: Any  # (L,) work space: the exponents of window.w2


@kernel
def any_ending(length: Any, first: int, last: int) -> bool:
    """Whether the last step of any lane is one of first + 1 .. last."""
    ending = 0
    for i in range(length.size):
        ending += (length[i] > first) & (length[i] <= last)
    return ending > 0


@inner_kernel
def pull_back_stretch(w2: Any, x: Any, tape: Tape, adjoint: Adjoint, first: int) -> None:
    """BPTT through the STRETCH steps after `first`, in plain floats: the fast path, of constant length.

    The loop over its steps is unrolled, so that dh and the three sums stay in registers. A longer stretch would exceed
    the number of overlap checks up to which LLVM vectorises.
    """
    dh, window = adjoint.h.mantissa, adjoint.window
    for i in range(dh.size):
        grad, dw1, dw2, db1 = dh[i], window.w1[i], window.w2[i], window.b1[i]
        for k in range(STRETCH):
            t = first + STRETCH - 1 - k
            da = grad * tape.slope[t, i]
            dw1 += da * x[t, i]
            dw2 += da * tape.h[t, i]
            db1 += da
            grad = da * w2[i]
        dh[i], window.w1[i], window.w2[i], window.b1[i] = grad, dw1, dw2, db1


@kernel
def set_faint(w2: Any, faint: Any) -> None:
    """The limits below which dh of each lane counts as faint: from a subnormal number it could have grown by |w2| a step."""
    c = constants_of(w2[0])
    for i in range(w2.size):
        growth = max(c.one, abs(w2[i]))
        faint[i] = c.faint
        for _ in range(WINDOW - 1):
            faint[i] *= growth


@kernel
def open_window(adjoint: Adjoint) -> None:
    """Remember dh and empty the window's sums."""
    dh, window = adjoint.h.mantissa, adjoint.window
    for i in range(dh.size):
        adjoint.start[i] = dh[i]
    for i in range(dh.size):
        window.w1[i], window.w2[i], window.b1[i] = 0, 0, 0


@inner_kernel
def pull_back_step(w2: Any, x: Any, tape: Tape, length: Any, adjoint: Adjoint, t: int) -> None:
    """BPTT through the step t, at which lanes may end and da_t may be wanted."""
    dh, da, window = adjoint.h.mantissa, adjoint.a.mantissa, adjoint.window
    one = constants_of(w2[0]).one
    for i in range(dh.size):
        dh[i] = one if length[i] == t else dh[i]
    if t <= da.shape[0]:
        for i in range(dh.size):
            da[t - 1, i] = dh[i] * tape.slope[t - 1, i]
            adjoint.a.exponent[t - 1, i] = adjoint.h.exponent[i]
    for i in range(dh.size):
        grad, dw1, dw2, db1 = dh[i], window.w1[i], window.w2[i], window.b1[i]
        step_gradient = grad * tape.slope[t - 1, i]
        dw1 += step_gradient * x[t - 1, i]
        dw2 += step_gradient * tape.h[t - 1, i]
        db1 += step_gradient
        dh[i], window.w1[i], window.w2[i], window.b1[i] = step_gradient * w2[i], dw1, dw2, db1


@kernel
def close_window(tape: Tape, adjoint: Adjoint, first: int) -> None:
    """Add the window's sums to the totals and rescale dh."""
    dh, exponent = adjoint.h.mantissa, adjoint.h.exponent
    for i in range(dh.size):
        adjoint.units[i] = exponent[i] + tape.exponent[first // WINDOW, i]
    merge(adjoint.w1, adjoint.window.w1, exponent)
    merge(adjoint.w2, adjoint.window.w2, adjoint.units)
    merge(adjoint.b1, adjoint.window.b1, exponent)
    for i in range(dh.size):
        dh[i], exponent[i] = normalise(dh[i], exponent[i])


@kernel
def pull_back(w2: Any, x: Any, tape: Tape, length: Any, adjoint: Adjoint, first: int, last: int) -> None:
    """BPTT through the window of steps first + 1 .. last, in plain floats, summing into adjoint.window."""
    open_window(adjoint)
    for later in range(0, last - first, STRETCH):  # not newest_first: it would allocate at every window
        begin = first + (last - first - 1) // STRETCH * STRETCH - later
        end = min(begin + STRETCH, last)
        if end < begin + STRETCH or begin < adjoint.a.mantissa.shape[0] or any_ending(length, begin, end):
            for t in newest_first(begin + 1, end):
                pull_back_step(w2, x, tape, length, adjoint, t)
        else:
            pull_back_stretch(w2, x, tape, adjoint, begin)


@inner_kernel
def is_faint(length: Any, adjoint: Adjoint, first: int, last: int, i: int) -> bool:
    """Whether the gradient of a lane that had one fell so low in this window that it may have underflowed."""
    had = (adjoint.start[i] != 0) | ((length[i] > first) & (length[i] <= last))
    return had & (abs(adjoint.h.mantissa[i]) < adjoint.faint[i])


@kernel
def any_faint(length: Any, adjoint: Adjoint, first: int, last: int) -> bool:
    """Whether any lane is."""
    count = 0
    for i in range(length.size):
        count += is_faint(length, adjoint, first, last, i)
    return count > 0


@kernel
def pull_back_lane(w2: Any, x: Any, tape: Tape, length: Any, adjoint: Adjoint, steps: Any, i: int) -> None:
    """BPTT of one lane through the steps again, in new units at each, whose gradients join the totals at once."""
    # not all four at once: of what comes out of a tuple that it builds, Numba believes that nobody sees stores to it, and
    # drops those that nothing here reads, as soon as an overload is inlined
    dh, exponent = adjoint.h.mantissa, adjoint.h.exponent
    da, window = adjoint.a, adjoint.window
    c = constants_of(w2[0])
    dh[i] = adjoint.start[i]
    window.w1[i], window.w2[i], window.b1[i] = c.zero, c.zero, c.zero
    for t in steps:
        dh[i], exponent[i] = normalise(c.one if length[i] == t else dh[i], exponent[i])
        step_gradient = dh[i] * tape.slope[t - 1, i]
        if t <= da.mantissa.shape[0]:
            da.mantissa[t - 1, i], da.exponent[t - 1, i] = step_gradient, exponent[i]
        add_to(adjoint.w1, i, step_gradient * x[t - 1, i], exponent[i])
        add_to(adjoint.w2, i, step_gradient * tape.h[t - 1, i], exponent[i] + tape.exponent[(t - 1) // WINDOW, i])
        add_to(adjoint.b1, i, step_gradient, exponent[i])
        dh[i] = step_gradient * w2[i]


@kernel
def pull_back_faint(w2: Any, x: Any, tape: Tape, length: Any, adjoint: Adjoint, first: int, last: int) -> None:
    """The faint lanes again."""
    for i in range(length.size):
        if is_faint(length, adjoint, first, last, i):
            pull_back_lane(w2, x, tape, length, adjoint, newest_first(first + 1, last), i)


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
        Written here. Kept steps after a lane's last have gradient 0.
    """
    steps, dh = x.shape[0], adjoint.h.mantissa
    clear(adjoint.h)
    clear(adjoint.w1)
    clear(adjoint.w2)
    clear(adjoint.b1)
    set_faint(weights.w2, adjoint.faint)
    for first in newest_first(0, (steps - 1) // WINDOW) * WINDOW:
        last = min(first + WINDOW, steps)
        pull_back(weights.w2, x, tape, length, adjoint, first, last)
        if any_faint(length, adjoint, first, last):
            pull_back_faint(weights.w2, x, tape, length, adjoint, first, last)
        close_window(tape, adjoint, first)
    for i in range(dh.size):
        dh[i] = constants_of(dh[i]).one if length[i] == 0 else dh[i]


@kernel
def spread_gradients(weights: Weights, da: Scaled, length: Any, dh: Scaled, dx: Scaled) -> None:
    """From da_t of every step, (T, L), write dL/dh_t to `dh` (T + 1, L) and dL/dx_t to `dx` (T, L)."""
    steps, lanes = da.mantissa.shape
    one = constants_of(weights.w1[0]).one
    for t in range(steps + 1):
        for i in range(lanes):
            row = min(t, steps - 1)
            own = length[i] == t
            inside = t < length[i]
            dh.mantissa[t, i] = weights.w2[i] * da.mantissa[row, i] if inside else (one if own else one - one)
            dh.exponent[t, i] = da.exponent[row, i] if inside else 0
    for t in range(steps):
        for i in range(lanes):
            dx.mantissa[t, i] = weights.w1[i] * da.mantissa[t, i]
            dx.exponent[t, i] = da.exponent[t, i]
