"""The variance of gradients that are guessed forwards."""

from __future__ import annotations

from typing import Any

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
