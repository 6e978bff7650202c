"""Diagonal linear recurrences h_t = lambda * h_(t-1) + gamma * (B x_t), complex lambda, and those whose lambda is an input's.

Where a moment is told, inputs B x are white with E |B x|^2 = 1 and gamma = sqrt(1 - |lambda|^2).
"""

from __future__ import annotations

import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray

from rnnlab.laws.mean_field import POINT_WEIGHTS, POINTS

NODES = POINTS[::40]  # two gates make a grid of them; 0.2 apart the rule is exact to rounding still
WEIGHTS = POINT_WEIGHTS[::40] / POINT_WEIGHTS[::40].sum()


def ring_mean_square(lag: ArrayLike, least: float, most: float) -> NDArray[np.float64]:
    """E |lambda|^(2 k) of lambda uniform on a ring: (R^(2 k + 2) - r^(2 k + 2)) / ((k + 1) (R^2 - r^2)).

    It is the mean square of a gradient k steps back, relative to that at the last step.

    Parameters
    ----------
    lag : array_like
        Steps k, from 0.
    least, most : float
        The radii r and R of the ring, 0 <= r < R <= 1.

    Returns
    -------
    ndarray
        Of the shape of `lag`: with R = 1 it decays as 1 / k, with R < 1 exponentially.

    References
    ----------
    A. Orvieto et al., Resurrecting recurrent neural networks for long sequences, ICML 2023, lemma 3.2 (the ring).

    Examples
    --------
    >>> from rnnlab.laws import linear_recurrence
    >>> float(linear_recurrence.ring_mean_square(9, 0.0, 1.0))
    0.1
    """
    power = 2 * np.asarray(lag, dtype=np.float64) + 2
    return np.asarray(2 * (most**power - least**power) / (power * (most**2 - least**2)))


def radius_second_moment(radius: ArrayLike) -> NDArray[np.float64]:
    """E |dh/d|lambda||^2 = 1 / (1 - |lambda|^2)^2, gamma following lambda: a curse of memory that normalisation leaves.

    Parameters
    ----------
    radius : array_like
        |lambda|, below 1.

    References
    ----------
    N. Zucchet, A. Orvieto, Recurrent neural networks: vanishing and exploding gradients are not the end of the story,
    NeurIPS 2024, the curse of memory, of which this is the case of a complex lambda with its normalisation.
    """
    return np.asarray(1 / (1 - np.asarray(radius, dtype=np.float64) ** 2) ** 2)


def log_decay_second_moment(radius: ArrayLike) -> NDArray[np.float64]:
    """E |dh/d log nu|^2 = (nu |lambda| / (1 - |lambda|^2))^2, |lambda| = exp(-nu): it goes to 1/4, there is no curse left.

    Parameters
    ----------
    radius : array_like
        |lambda|, between 0 and 1.
    """
    size = np.asarray(radius, dtype=np.float64)
    return np.asarray((np.log(size) * size) ** 2 * radius_second_moment(size))


def angle_second_moment(radius: ArrayLike) -> NDArray[np.float64]:
    """E |dh/dangle|^2 = |lambda|^2 (1 + |lambda|^2) / (1 - |lambda|^2)^2: of the angle the curse is still there.

    Parameters
    ----------
    radius : array_like
        |lambda|, below 1.
    """
    square = np.asarray(radius, dtype=np.float64) ** 2
    return np.asarray(square * (1 + square) / (1 - square) ** 2)


def log_kept_mingru(bias: ArrayLike) -> NDArray[np.float64]:
    """E ln(1 - z) = E ln sigmoid(b + a), a standard normal: ln of the factor a step of a minGRU whose gate sees noise.

    Parameters
    ----------
    bias : array_like
        b, minus the bias of the gate.

    References
    ----------
    L. Feng et al., Were RNNs all we needed?, 2024, section 3.1, for the cell.
    """
    b = np.asarray(bias, dtype=np.float64)[..., None]
    return np.asarray(scipy.special.log_expit(b + NODES) @ WEIGHTS)


def log_kept_minlstm(bias: ArrayLike) -> NDArray[np.float64]:
    """E ln(f / (f + i)), f = sigmoid(b + a), i = sigmoid(a'): the same of a minLSTM, whose two gates are normalised.

    Parameters
    ----------
    bias : array_like
        b, the bias of the forget gate.
    """
    f = scipy.special.log_expit(np.asarray(bias, dtype=np.float64)[..., None, None] + NODES[:, None])
    i = scipy.special.log_expit(NODES)
    return np.asarray(((f - np.logaddexp(f, i)) @ WEIGHTS) @ WEIGHTS)


def linear_share_of_adding(seq_len: ArrayLike) -> NDArray[np.float64]:
    """R^2 of the best linear prediction of the adding problem: 2 / T, of which nothing is left where T is long.

    Each of the T values, of variance 1/12, is in the sum with probability 2 / T, so that its covariance with it is
    1 / (6 T) and T of them explain T (1 / (6 T))^2 / (1/12) = 1 / (3 T) of a variance of 1/6. The marks add nothing: a sum
    has the same mean wherever they are.

    Parameters
    ----------
    seq_len : array_like of int
        T, even; the problem is that of M. Arjovsky, A. Shah, Y. Bengio 2016, a mark in each half.
    """
    return np.asarray(2 / np.asarray(seq_len, dtype=np.float64))
