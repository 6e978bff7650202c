"""The one-unit network with every state and gradient as mantissa x 2^exponent, so that none overflows or vanishes.

The equations are those of `one_unit`. Time is cut into windows of WINDOW steps. Inside a window a lane computes in plain
floats, in units of a power of two that is chosen anew at each window's start; a power of two scales exactly, so results
equal the plain ones bit for bit wherever those are normal numbers.

The growth within one window bounds the recurrent weight: |w2| is 0 or in [2^-28, 2^28], float32 [2^-3, 2^3].
"""

from __future__ import annotations

from typing import Any, NamedTuple

from rnnlab.kernels._floats import constants_of
from rnnlab.kernels._jit import inner_kernel, kernel
from rnnlab.kernels.activations import RELU, TANH, code_of, power_of_two
from rnnlab.kernels.one_unit.plain import Weights, step
from rnnlab.kernels.scaling import normalise, to_float
from rnnlab.kernels.streaming import prefetch
from rnnlab.kernels.views import borrowed

WINDOW = 16
AHEAD = 4  # steps from asking for an input until it is read


class Tape(NamedTuple):
    """A forward pass of one-unit networks, with all that the backward pass needs."""

    h: Any  # (T + 1, L): state h_t is h[t] * 2^exponent[t // WINDOW]
    slope: Any  # (T, L): f'(a_t) in row t - 1
    exponent: Any  # (T // WINDOW + 1, L), integers of the float's width


@inner_kernel
def is_far(h: Any, exponent: Any) -> bool:
    """Whether a state has units other than 1, or may need them."""
    c = constants_of(h)
    size = abs(h)
    upper, lower = power_of_two(c.far), power_of_two(type(c.far)(-c.far))
    return (exponent != 0) | (size > upper) | ((size < lower) & (size > c.zero))


@kernel
def rebase_lane(nonlinearity: Any, weights: Weights, source: tuple[Any, int], tape: Tape, first: int, i: int) -> None:
    """Choose the units of lane i for the window after step `first` and put h[first] into them.

    A state out of range keeps an exponent if it outgrows every input (linear and ReLU), or if no input comes and it stays
    so small in the whole window that tanh is the identity. In every other case, a user's own f among them, units are 1: a
    state that grows out of there in a window, by at most 2^448, is a normal number at its start.
    """
    h, exponent, (inputs, lane) = tape.h, tape.exponent[first // WINDOW], source
    c = constants_of(h[first, i])
    loudest = c.zero
    for t in range(first, min(first + WINDOW, inputs.shape[0])):
        loudest = max(loudest, abs(weights.w1[i] * inputs[t, lane + i] + weights.b1[i]))
    mantissa, power = normalise(h[first, i], exponent[i])
    outgrows = power > c.far and code_of(nonlinearity) <= RELU
    _, growth = normalise(weights.w2[i], type(c.far)(0))
    highest = power + WINDOW * max(growth + 1, 0)
    identity = min(-c.far, -(c.mantissa_bits // 2 + 2))  # tanh'(2^identity) is 1 to rounding
    decays = highest < identity and loudest == c.zero and code_of(nonlinearity) <= TANH
    if mantissa != c.zero and (outgrows or decays):
        h[first, i], exponent[i] = mantissa, power
    else:
        h[first, i], exponent[i] = to_float(mantissa, power), 0


@inner_kernel
def any_far(tape: Tape, first: int) -> bool:
    """Whether any state has units other than 1, or may need them."""
    far = 0
    for i in range(tape.h.shape[1]):
        far += is_far(tape.h[first, i], tape.exponent[first // WINDOW, i])
    return far > 0


@kernel
def rebase(nonlinearity: Any, weights: Weights, source: tuple[Any, int], tape: Tape, first: int) -> None:
    """Choose the units of every far lane for the window after step `first`."""
    for i in range(tape.h.shape[1]):
        if is_far(tape.h[first, i], tape.exponent[first // WINDOW, i]):
            rebase_lane(nonlinearity, weights, source, tape, first, i)


@kernel
def forward_far(nonlinearity: Any, weights: Weights, x: Any, tape: Tape, first: int, last: int) -> None:
    """Steps first + 1 .. last again, for the lanes whose units are not 1: f is positively homogeneous there."""
    for i in range(x.shape[1]):
        power = tape.exponent[first // WINDOW, i]
        if power != 0:
            c = constants_of(tape.h[0, 0])
            unit = to_float(c.one, type(c.far)(-power))
            for t in range(first, last):
                a = (weights.w1[i] * x[t, i] + weights.b1[i]) * unit + weights.w2[i] * tape.h[t, i]
                dead = code_of(nonlinearity) == RELU and a <= c.zero
                tape.h[t + 1, i] = c.zero if dead else a
                tape.slope[t, i] = c.zero if dead else c.one


@kernel
def scaled_forward(nonlinearity: Any, weights: Weights, source: tuple[Any, int], x: Any, tape: Tape) -> None:
    """Run the recurrence, oldest input first, while the inputs of the next steps are on their way from memory.

    Parameters
    ----------
    nonlinearity : int or compiled function
        LINEAR, RELU, TANH or SIGMOID; or a function from a to (f(a), f'(a)).
    weights : Weights
        Arrays (L,).
    source : (ndarray (T, N), int)
        Inputs of these and of other lanes, x_t in row t - 1, and the first of these lanes there.
    x : ndarray (T, L)
        Written here: the inputs.
    tape : Tape
        h[0] is set by the caller, the rest is written here.
    """
    (inputs, lane), (steps, lanes) = source, x.shape
    h, slope = borrowed(tape.h), borrowed(tape.slope)
    for i in range(lanes):
        tape.exponent[0, i] = 0
    for first in range(0, steps, WINDOW):
        last = min(first + WINDOW, steps)
        far = any_far(tape, first)
        if far:
            rebase(nonlinearity, weights, source, tape, first)
        for t in range(first, last):
            ahead = t + AHEAD
            if ahead < steps:
                prefetch(inputs, ahead, lane, lanes)
            else:  # the first ones of the lanes after these: 0.93 of the time at 100,000 lanes of 50 steps
                prefetch(inputs, ahead - steps, lane + lanes, lanes)
            step(nonlinearity, weights, source, t, x, h, slope)
        if far:
            forward_far(nonlinearity, weights, x, tape, first, last)
        if last == first + WINDOW:
            for i in range(lanes):
                tape.exponent[last // WINDOW, i] = tape.exponent[first // WINDOW, i]
