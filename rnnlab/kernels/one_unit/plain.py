"""The one-unit network h_t = f(w1 x_t + w2 h_(t-1) + b1) over many lanes, forward and back through time.

A lane is one network: its own w1, w2, b1, input sequence and initial state. Lanes are the last axis of every array, so
the loop over them is innermost and vectorises. Nothing is checked here; `rnnlab.one_unit_gradients` checks.

Backpropagation through time, with s_t = f'(a_t) and dh_t the derivative of the loss with respect to h_t:

    da_t = dh_t s_t,   dx_t = w1 da_t,   dh_(t-1) += w2 da_t,
    dw1 = sum_t da_t x_t,   dw2 = sum_t da_t h_(t-1),   db1 = sum_t da_t

(P. J. Werbos, Backpropagation through time: what it does and how to do it, Proc. IEEE 78, 1990, section III).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from rnnlab.kernels._jit import UNALIASED, inner_kernel, kernel
from rnnlab.kernels.activations import (
    RELU,
    SIGMOID,
    TANH,
    by_nonlinearity,
    linear_and_slope,
    relu_and_slope,
    sigmoid_and_slope,
    tanh_and_slope,
)


class Weights(NamedTuple):
    """The weights of L one-unit networks, or the gradients of those weights: arrays (L,) of one floating type."""

    w1: Any  # input weight
    w2: Any  # recurrent weight
    b1: Any  # bias


@inner_kernel
def newest_first(first: int, last: int) -> Any:
    """The steps last, last - 1, ..., first, as an array.

    Loops back through time run over this array and not over a range: knowing the order, LLVM would hoist its overlap
    checks out of the time loop, where they always fail, and run the scalar loop (three times slower).
    """
    return np.arange(first, last + 1)[::-1]


def step_known(nonlinearity: int, weights: Weights, x: Any, t: int, state: Any, h: Any, slope: Any) -> None:
    """One step of the recurrence: `state` (L,) goes from h_(t-1) to h_t, which is copied to row t of `h`.

    The state has a row of its own because a loop that reads one row of `h` and writes the next does not vectorise, and
    rows are indexed and not sliced because a slice costs two atomic counts, as much as ten lanes.
    """
    w1, w2, b1 = weights
    if nonlinearity == TANH:
        for i in range(state.size):
            state[i], slope[t - 1, i] = tanh_and_slope(w1[i] * x[t - 1, i] + w2[i] * state[i] + b1[i])
            h[t, i] = state[i]
    elif nonlinearity == SIGMOID:
        for i in range(state.size):
            state[i], slope[t - 1, i] = sigmoid_and_slope(w1[i] * x[t - 1, i] + w2[i] * state[i] + b1[i])
            h[t, i] = state[i]
    elif nonlinearity == RELU:
        for i in range(state.size):
            state[i], slope[t - 1, i] = relu_and_slope(w1[i] * x[t - 1, i] + w2[i] * state[i] + b1[i])
            h[t, i] = state[i]
    else:
        for i in range(state.size):
            state[i], slope[t - 1, i] = linear_and_slope(w1[i] * x[t - 1, i] + w2[i] * state[i] + b1[i])
            h[t, i] = state[i]


def step_own(nonlinearity: Any, weights: Weights, x: Any, t: int, state: Any, h: Any, slope: Any) -> None:
    """The same with a function."""
    w1, w2, b1 = weights
    for i in range(state.size):
        state[i], slope[t - 1, i] = nonlinearity(w1[i] * x[t - 1, i] + w2[i] * state[i] + b1[i])
        h[t, i] = state[i]


step = by_nonlinearity(step_known, step_own, UNALIASED)


@kernel
def forward(nonlinearity: Any, weights: Weights, x: Any, h: Any, slope: Any) -> None:
    """Run the recurrence, oldest input first.

    Parameters
    ----------
    nonlinearity : int or compiled function
        LINEAR, RELU, TANH or SIGMOID; or a function from a to (f(a), f'(a)).
    weights : Weights
        Arrays (L,).
    x : ndarray (T, L)
        Inputs; x_t is row t - 1.
    h : ndarray (T + 1, L)
        States; row 0 is set by the caller, the rest is written here.
    slope : ndarray (T, L)
        Written here: f'(a_t) in row t - 1.
    """
    state = h[0].copy()
    for t in range(1, x.shape[0] + 1):
        step(nonlinearity, weights, x, t, state, h, slope)


@kernel
def backward(weights: Weights, x: Any, h: Any, slope: Any, dh: Any, da: Any, sums: Weights) -> None:
    """Backpropagation through time in the plain floating type, which overflows and underflows as that type does.

    Parameters
    ----------
    weights, x, h, slope
        As `forward` was given and left them.
    dh : ndarray (T + 1, L)
        On entry the loss's direct derivative with respect to each h_t (for a loss on the last state: 1 in row T and 0
        elsewhere; a shorter lane has its 1 further up). On return the full derivative dL/dh_t.
    da : ndarray (T, L)
        Written here: dL/da_t in row t - 1, so that dL/dx_t = w1 da_t.
    sums : Weights
        Arrays (L,), added to: dL/dw1, dL/dw2, dL/db1.
    """
    for t in newest_first(1, x.shape[0]):
        for i in range(dh.shape[1]):
            da[t - 1, i] = dh[t, i] * slope[t - 1, i]
        for i in range(dh.shape[1]):
            step = da[t - 1, i]
            sums.w1[i] += step * x[t - 1, i]
            sums.w2[i] += step * h[t - 1, i]
            sums.b1[i] += step
            dh[t - 1, i] += step * weights.w2[i]
