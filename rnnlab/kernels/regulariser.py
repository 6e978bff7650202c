"""Pascanu's regulariser: it asks every step back to keep the size of the gradient that still matters.

    Omega = mean over t and b of (|v_t| / |dh_t| - 1)^2,   v_t = W_hh^T da_t,   da_t = f'(a_t) * dh_t,   dh_t = dL/dh_t

(R. Pascanu, T. Mikolov and Y. Bengio, ICML 2013, equations 9 and 10.) As there, its gradient is the immediate one: dh_t
and the slopes are held fixed, so that only W_hh has one, and equal to

    dOmega/dW_hh = mean over t and b of 2 (|v_t| / |dh_t| - 1) / (|v_t| |dh_t|) da_t v_t^T

The mean is ours, as in the authors' code: the paper's sum would need another weight for every length.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from rnnlab.kernels._jit import inner_kernel, kernel
from rnnlab.kernels.products import project_back, weight_gradient
from rnnlab.kernels.sequences import sum_of_squares
from rnnlab.kernels.views import borrowed

SMALLEST = 1e-20  # |dh_t|^2 below which a step counts for nothing: the authors' bound


class Regulariser(NamedTuple):
    """Pascanu's regulariser: its weight, and work space of which nothing is read where the weight is 0."""

    weight: float
    v: Any  # (T, B, H)
    gradient: Any  # (H, H): written by `add_regulariser`


@kernel
def add_regulariser(weight_hh: Any, da: Any, dloss: Any, length: Any, regulariser: Regulariser, out: Any) -> float:
    """Add the regulariser's gradient, times its weight, to that of the recurrent weights.

    Parameters
    ----------
    weight_hh : ndarray (H, H)
    da : ndarray (T, B, H)
        dL/da_t in row t - 1, as `rnn_backward` left it.
    dloss : ndarray (R, B, H)
        The loss's direct derivative with respect to the last R states.
    length : ndarray (B,), int64
    regulariser : Regulariser
    out : ndarray (H, H)
        dL/dW_hh, added to here.

    Returns
    -------
    float64
        Omega, without its weight; 0 if no step counts.
    """
    v, dloss = borrowed(regulariser.v), borrowed(dloss)
    project_back(weight_hh, da, regulariser.v)
    omega, counted = 0.0, 0
    for t in range(v.shape[0]):
        for b in range(v.shape[1]):
            term = regulate_step(v, dloss, t, b, t + 1 == length[b]) if t < length[b] else -1.0
            omega += max(term, 0.0)
            counted += term >= 0
    if counted == 0:
        return 0.0
    weight_gradient(da, v, regulariser.gradient)
    share = type(v[0, 0, 0])(regulariser.weight / counted)
    for j in range(out.shape[0]):
        for k in range(out.shape[1]):
            out[j, k] += share * regulariser.gradient[j, k]
    return omega / counted


@inner_kernel
def regulate_step(v: Any, dloss: Any, t: int, b: int, ends: bool) -> float:
    """One step's (|v| / |dh| - 1)^2, and v times its factor in the gradient; -1 and zeros if it counts for nothing.

    dh_(t+1) is v of the step after and the loss's own part, so that steps are to be taken in their order; at a sequence's
    last step it is the loss's part of that state, which is held from there on.
    """
    before, after = sum_of_squares(v[t, b]), squares_of_dh(v, dloss, t, b, ends)
    counts = after >= SMALLEST
    ratio = math.sqrt(before / after) if counts else 1.0
    inverse = 1 / math.sqrt(before) if before > 0 else 0.0
    factor = 2 * (ratio - 1) / math.sqrt(after) if counts else 0.0
    row = v[t, b]
    for j in range(row.size):  # |v| |dh| and its inverse may leave the floats' range where v / |v| does not
        row[j] = factor * (np.float64(row[j]) * inverse)
    return (ratio - 1) ** 2 if counts else -1.0


@inner_kernel
def squares_of_dh(v: Any, dloss: Any, t: int, b: int, ends: bool) -> float:
    """|dh_(t+1)|^2."""
    losses = dloss.shape[0]
    direct = t - (v.shape[0] - losses)
    first, last = max(direct, 0), losses if ends else direct + 1
    if first >= last:
        return sum_of_squares(v[t + 1, b])
    total = 0.0
    for j in range(v.shape[2]):
        dh = 0.0 if ends else np.float64(v[t + 1, b, j])
        for row in range(first, last):
            dh += np.float64(dloss[row, b, j])
        total += dh * dh
    return total
