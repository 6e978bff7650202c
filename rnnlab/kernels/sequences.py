"""What the recurrent cells share on their way through time: sequences that end early, losses at any step, norms.

Sequence b of a batch has length[b] steps, 0 to T; after its last one its state is held.

The gradient on its way back is an array (S, B, H): dL/dh_t for S = 1, dL/dh_t and dL/dc_t for S = 2. The loss's direct
derivatives are an array (R, B, H) for the last R of the T states: R = 1 for a loss on the last alone, R = T for one on
every state.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from rnnlab.kernels._floats import constants_of
from rnnlab.kernels._jit import inner_kernel, kernel
from rnnlab.kernels.activations import power_of_two
from rnnlab.kernels.scaling import normalise
from rnnlab.kernels.views import as_rows

WHOLE = 2**62  # a window that no sequence reaches: BPTT is not truncated
LEAST_SQUARES, MOST_SQUARES = 1e-250, 1e250  # between which what sums of squares lose is below their rounding


class Flow(NamedTuple):
    """The size of a gradient on its way back through time."""

    log10_norm: Any  # (S, T + 1, B) float64: log10 of the Euclidean norm at every step, -inf for 0
    exponent: Any  # (B,) integers of the float's width, 0 on entry: the gradient on its way is in units of 2^exponent


class ScaledFlow(NamedTuple):
    """The same where the loss comes in units of its own, as it does from a layer above."""

    log10_norm: Any
    exponent: Any
    loss_exponent: Any  # (R, B) integers: the loss's derivatives are in units of 2^exponent
    input_exponent: Any  # (T, B) integers: written here; the gradients of the inputs are in these units


@kernel
def within(length: Any, steps: int) -> bool:
    """Whether all numbers of steps (B,) are 0 to T."""
    fit = True
    for b in range(length.size):
        fit &= 0 <= length[b] <= steps
    return fit


@kernel
def all_whole(length: Any, steps: int) -> bool:
    """Whether all sequences have T steps; `length.min()` takes 1 us more."""
    whole = True
    for b in range(length.size):
        whole &= length[b] == steps
    return whole


@kernel
def hold(length: Any, t: int, state: Any) -> None:
    """Row t + 1 of `state` (T + 1, B, H) becomes row t for the sequences that have ended."""
    for b in range(length.size):
        if length[b] <= t:
            for j in range(state.shape[2]):
                state[t + 1, b, j] = state[t, b, j]


@kernel
def set_aside(length: Any, t: int, now: Any, aside: Any) -> None:
    """Before a step back: the gradient (S, B, H) of the sequences that have ended, which then takes no part in it."""
    for b in range(length.size):
        if length[b] <= t:
            copy_sequence(now, b, aside)
            now[:, b] = 0


@kernel
def put_back(length: Any, t: int, aside: Any, now: Any) -> None:
    """After a step back: through a held step the gradient goes back as it was."""
    for b in range(length.size):
        if length[b] <= t:
            copy_sequence(aside, b, now)


@kernel
def copy_sequence(source: Any, b: int, target: Any) -> None:
    """Copy sequence b of an array (S, B, H)."""
    for s in range(source.shape[0]):
        for j in range(source.shape[2]):
            target[s, b, j] = source[s, b, j]


@inner_kernel
def cut(window: int, length: Any, t: int, gradient: Any) -> None:
    """Of truncated BPTT: no gradient crosses the border of two windows, counted from each sequence's own last step.

    Windows of a negative number of steps are counted from the first step.
    """
    if window < WHOLE:
        for b in range(length.size):
            remaining = length[b] - 1 - t
            counted = remaining if window > 0 else t + 1
            if remaining > 0 and counted % window == 0:
                gradient[:, b] = 0


@inner_kernel
def add_loss(dloss: Any, remaining: int, gradient: Any) -> None:
    """Add to dL/dh the loss's direct derivative with respect to the state that `remaining` steps follow, if any."""
    row = dloss.shape[0] - 1 - remaining
    if row >= 0:
        direct, sums = as_rows(dloss)[row], as_rows(gradient)[0]
        for i in range(direct.size):
            sums[i] += direct[i]


@kernel
def add_scaled_loss(dloss: Any, remaining: int, gradient: Any, flow: Any) -> None:
    """The same for a gradient in units of 2^exponent; where it is smaller, or 0, it goes into the units of the loss."""
    row = dloss.shape[0] - 1 - remaining
    if row >= 0:
        exponent = flow.exponent
        for b in range(exponent.size):
            if largest(dloss[row, b]) != 0:
                above = type(exponent[b])(exponent[b] - flow.loss_exponent[row, b])
                if above > 0 and size_of(gradient, b) == 0:
                    above = type(above)(0)
                    exponent[b] = flow.loss_exponent[row, b]
                if above < 0:
                    multiply_rows(gradient, b, power_not_above_one(above))
                    exponent[b] = flow.loss_exponent[row, b]
                unit = power_not_above_one(type(above)(-max(above, type(above)(0))))
                for j in range(gradient.shape[2]):
                    gradient[0, b, j] += dloss[row, b, j] * unit


@kernel
def multiply_rows(gradient: Any, b: int, factor: Any) -> None:
    """Multiply all rows of sequence b, (S, B, H), by a number."""
    for s in range(gradient.shape[0]):
        for j in range(gradient.shape[2]):
            gradient[s, b, j] *= factor


@kernel
def power_not_above_one(power: Any) -> Any:
    """2^power for power <= 0; the smallest normal number in place of a smaller one."""
    return power_of_two(max(power, type(power)(1 - constants_of(power).exponent_bias)))


@kernel
def largest(row: Any) -> Any:
    """The largest absolute value of a row (N,), N >= 1; nan if there is one."""
    size = abs(row[0])
    for j in range(1, row.size):
        size = size if size >= abs(row[j]) or math.isnan(size) else abs(row[j])
    return size


@inner_kernel
def sum_of_squares(row: Any) -> float:
    """The sum of squares of a row (N,) in float64, in four sums side by side: a third of one sum's time.

    `log10_norm` and `optimisers.global_norm` add up in order: kept results of trainings hang on their last bits.
    """
    first, second, third, fourth = 0.0, 0.0, 0.0, 0.0
    whole = row.size - row.size % 4
    for j in range(0, whole, 4):
        first += np.float64(row[j]) ** 2
        second += np.float64(row[j + 1]) ** 2
        third += np.float64(row[j + 2]) ** 2
        fourth += np.float64(row[j + 3]) ** 2
    for j in range(whole, row.size):
        first += np.float64(row[j]) ** 2
    return (first + second) + (third + fourth)


@kernel
def size_of(gradient: Any, b: int) -> Any:
    """The largest absolute value of sequence b, (S, B, H)."""
    size = largest(gradient[0, b])
    for s in range(1, gradient.shape[0]):
        size = max(size, largest(gradient[s, b]))
    return size


@kernel
def log10_norm(row: Any, exponent: int) -> float:
    """log10 of the Euclidean norm of row x 2^exponent, without overflow or underflow on the way."""
    squares = 0.0
    for j in range(row.size):
        squares += np.float64(row[j]) ** 2
    if LEAST_SQUARES < squares < MOST_SQUARES:  # no division, one logarithm: a look at 16 units' flow takes 40 % less
        return 0.5 * math.log10(squares) + np.float64(exponent) * math.log10(2.0)
    size = largest(row)
    if size == 0 or not math.isfinite(size):
        return -np.inf if size == 0 else np.float64(size)
    total = 0.0
    for j in range(row.size):
        total += (np.float64(row[j]) / np.float64(size)) ** 2
    return math.log10(np.float64(size)) + 0.5 * math.log10(total) + np.float64(exponent) * math.log10(2.0)


@kernel
def record(gradient: Any, t: int, flow: Any) -> None:
    """Write the norms at step t, then choose new units where a gradient has left the middle of the floats' range."""
    for b in range(flow.exponent.size):
        for s in range(gradient.shape[0]):
            flow.log10_norm[s, t, b] = log10_norm(gradient[s, b], flow.exponent[b])
        rescale(gradient, b, flow.exponent)


@kernel
def rescale(gradient: Any, b: int, exponent: Any) -> None:
    """Bring the largest entry of sequence b near 1 if it is out of 2^-far .. 2^far; a power of two scales exactly."""
    c = constants_of(gradient[0, b, 0])
    size = size_of(gradient, b)
    upper, lower = power_of_two(c.far), power_of_two(type(c.far)(-c.far))
    if (size > upper or size < lower) and size != c.zero and math.isfinite(size):
        _, power = normalise(size, type(c.far)(0))
        power = min(power, type(c.far)(c.exponent_bias - 1))  # whose inverse is a normal number too
        multiply_rows(gradient, b, power_of_two(type(c.far)(-power)))
        exponent[b] += power
