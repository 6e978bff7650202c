"""Gradients that are carried forwards: the variance of those guessed, the angle of those carried in part."""

from __future__ import annotations

import math
from itertools import accumulate, combinations_with_replacement, repeat
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def uoro_variance(by_state: Array, local: Array, *, best: bool = False) -> float:
    """The variance of UORO's gradient of a loss on the last state, summed over all parameters.

    With a_t = dL/ds_t, I_t = ds_t/dtheta, c_t the product of all rescalings that touch step t's signs, and signs v_t that
    are independent, the guess is sum over t, t' of (c_t / c_t') (a_t . v_t) (v_t'^T I_t'). Its mean is the sum of the
    g_t = a_t^T I_t, and its variance

        sum_(t != t') [(c_t / c_t')^2 |a_t|^2 |I_t'|^2 + g_t . g_t']
        + sum_t [|a_t|^2 |I_t|^2 + |g_t|^2 - 2 sum_k a_tk^2 |I_tk|^2]

    with Frobenius norms, and I_tk the rows of I_t. Without rescaling c = 1; of all rescalings that do not look at the signs
    it is least for c_t^2 = |I_t| / |a_t|, which only who knows a_t, the future, can choose, and which turns the first sum
    into that of |a_t| |I_t| |a_t'| |I_t'|.

    Parameters
    ----------
    by_state : ndarray (T, N)
        a_t.
    local : ndarray (T, N, P)
        I_t.
    best : bool
        Whether of the best rescaling, or of none.

    Returns
    -------
    float
        E|guess - gradient|^2.

    References
    ----------
    Derived here from the signs' moments; the rescaling that makes it least: C. Tallec and Y. Ollivier, arXiv:1702.05043,
    2017.
    """
    rows = np.square(local).sum(axis=2)
    a, i = np.square(by_state).sum(axis=1), rows.sum(axis=1)
    g = np.einsum("tn,tnp->tp", by_state, local)
    own = a * i
    pairs = np.sqrt(own).sum() ** 2 if best else a.sum() * i.sum()
    products = np.square(g.sum(axis=0)).sum()
    return float(pairs + products - 2 * (np.square(by_state) * rows).sum())


class Alignment(NamedTuple):
    """Angle and size of an approximate gradient beside the exact one."""

    cosine: float
    norm: float  # over the gradient's


def powers(matrix: Array, steps: int) -> Array:
    """The powers 0, 1, .. of a square matrix (steps, H, H)."""
    return np.stack(list(accumulate(repeat(matrix, steps - 1), np.matmul, initial=np.eye(len(matrix)))))


def linear_alignment(weight_ih: Array, weight_hh: Array, approximate: Array) -> Alignment:
    """The alignment of approximate gradients in a linear network, each moment taken over inputs and losses.

    With h_t = W h_(t-1) + B x_t + b, b = 0, h_0 = 0, white inputs, a loss v . h_T with white v, and A_k in the place of W^k
    on the way from h_T to h_(T-k), the gradient of (W, B, b) is sum_k (A_k^T v) z_(T-k)^T with z_t = (h_(t-1), x_t, 1), and
    that of two ways A and C has the product

        m(A, C) = sum_(k, l) tr(A_k C_l^T) E[z_(T-k) . z_(T-l)],
        E[z_s . z_t] = sum_(u < s, t) tr(F_(s-u-1) F_(t-u-1)^T) + I delta_st + 1,   F_k = W^k B

    in the mean. So the cosine is m(A, W) / sqrt(m(A, A) m(W, W)), and the ratio of norms sqrt(m(A, A) / m(W, W)).

    Parameters
    ----------
    weight_ih : ndarray (H, I)
        B.
    weight_hh : ndarray (H, H)
        W.
    approximate : ndarray (T, H, H)
        A_k: W^k for k < n and then 0 of BPTT over n steps, powers of W's diagonal of SnAp-1.

    Returns
    -------
    Alignment

    References
    ----------
    Derived here.
    """
    exact = powers(weight_hh, len(approximate))
    heard = correlations(exact @ weight_ih) + weight_ih.shape[1] * np.eye(len(exact)) + 1
    states = heard[::-1, ::-1]  # z_T, .., z_1 beside k = 0, .., T - 1
    own, both, square = (
        float((inner(*pair) * states).sum()) for pair in combinations_with_replacement((approximate, exact), 2)
    )
    return Alignment(both / math.sqrt(own * square), math.sqrt(own / square))


def inner(one: Array, other: Array) -> Array:
    """The products tr(A_k C_l^T) of matrices (T, ..), (T, T)."""
    return np.asarray(np.tensordot(one, other, ((1, 2), (1, 2))))


def correlations(responses: Array) -> Array:
    """E[h_s . h_t] of the states 0 .. T - 1 (T, T), from the responses F_k to the input k steps before (T, H, I)."""
    found = np.zeros((len(responses), len(responses)))
    products = inner(responses, responses)
    for t in range(1, len(responses)):
        found[t, 1:] = found[t - 1, :-1] + products[t - 1, :-1]
    return found
