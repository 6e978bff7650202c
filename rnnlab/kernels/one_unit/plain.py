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

from rnnlab.kernels._jit import inner_kernel, kernel, unaliased_kernel
from rnnlab.kernels.activations import activate
from rnnlab.kernels.views import borrowed


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


@unaliased_kernel
def preactivate(weights: Weights, source: tuple[Any, int], t: int, x: Any, h: Any, a: Any) -> None:
    """Row t of `a`, from that of `h` and of source = (the inputs of these and other lanes, the first of these there).

    The inputs are copied to row t of `x`, if there is one.
    """
    (w1, w2, b1), (inputs, lane) = weights, source
    for i in range(w1.size):
        number = inputs[np.uintp(t), np.uintp(lane) + np.uintp(i)]  # unsigned: a sign's check stops vectorising
        if x is not None:
            x[t, i] = number
        a[t, i] = w1[i] * number + w2[i] * h[t, i] + b1[i]


@inner_kernel
def step(nonlinearity: Any, weights: Weights, source: tuple[Any, int], t: int, x: Any, h: Any, slope: Any) -> None:
    """From row t of `h`, borrowed like `slope`, to the next; f' takes the place of a in row t of `slope`."""
    preactivate(weights, source, t, x, h, slope)
    activate(nonlinearity, slope[t], h[t + 1])


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
    states, slopes = borrowed(h), borrowed(slope)
    for t in range(x.shape[0]):
        step(nonlinearity, weights, (x, 0), t, None, states, slopes)


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
