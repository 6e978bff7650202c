"""The curse of memory: second moments of a scalar linear recurrence h_t = lambda h_(t-1) + x_t and of dh_t/dlambda.

Inputs are stationary with E x^2 = 1 and correlation E x_t x_(t+k) = rho^|k|. Both moments are those at stationarity.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray


def state_second_moment(lam: ArrayLike, rho: ArrayLike) -> NDArray[np.float64]:
    """E h^2 = (1 + rho lambda) / ((1 - rho lambda) (1 - lambda^2)).

    Parameters
    ----------
    lam : array_like
        Recurrent weight lambda, |lambda| < 1.
    rho : array_like
        Correlation of neighbouring inputs, |rho| < 1.

    Returns
    -------
    ndarray
        Broadcast of the two. It grows as (1 - lambda)^-1 when lambda goes to 1.

    References
    ----------
    N. Zucchet, A. Orvieto, Recurrent neural networks: vanishing and exploding gradients are not the end of the story,
    NeurIPS 2024 (the curse of memory).
    """
    lam, rho = np.asarray(lam, dtype=np.float64), np.asarray(rho, dtype=np.float64)
    return np.asarray((1 + rho * lam) / ((1 - rho * lam) * (1 - lam**2)))


def gradient_second_moment(lam: ArrayLike, rho: ArrayLike) -> NDArray[np.float64]:
    """E (dh/dlambda)^2 = ((1 + l^2)(1 - l^2 rho^2) + 2 (1 - l^2) l rho) / ((1 - l^2)^3 (1 - l rho)^2), l = lambda.

    Parameters
    ----------
    lam, rho : array_like
        As of `state_second_moment`.

    Returns
    -------
    ndarray
        Broadcast of the two. It grows as (1 - lambda)^-3: faster by two powers than the state.

    References
    ----------
    Zucchet, Orvieto 2024.
    """
    lam, rho = np.asarray(lam, dtype=np.float64), np.asarray(rho, dtype=np.float64)
    top = (1 + lam**2) * (1 - lam**2 * rho**2) + 2 * (1 - lam**2) * lam * rho
    return np.asarray(top / ((1 - lam**2) ** 3 * (1 - lam * rho) ** 2))


def normalised_share(lam: ArrayLike) -> NDArray[np.float64]:
    """1 - lambda^2: what both moments are multiplied by where the inputs are multiplied by sqrt(1 - lambda^2).

    The scale is held fixed while h is differentiated. The state then stays bounded; the gradient still grows as
    (1 - lambda)^-2.

    Parameters
    ----------
    lam : array_like

    Returns
    -------
    ndarray

    References
    ----------
    A. Orvieto et al., Resurrecting recurrent neural networks for long sequences, ICML 2023 (the
    normalisation); Zucchet, Orvieto 2024 (what it leaves).
    """
    return np.asarray(1 - np.asarray(lam, dtype=np.float64) ** 2)
