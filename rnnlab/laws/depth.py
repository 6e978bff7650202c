"""Layers x time: the gradient of linear layers one above the other, a sum over paths.

A path leads from the top layer's last step down to a layer `distance` below and `lag` steps back. Each step within a
layer multiplies by the recurrent gain a, each step down by the input gain b; a skip connection is a step down by 1.
"""

from __future__ import annotations

import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray


def log10_gradient(
    distance: ArrayLike,
    lag: ArrayLike,
    gains: tuple[float, float],
    *,
    residual: bool = False,
    aligned: bool = True,
) -> NDArray[np.float64]:
    """The size of dL/dh, relative to that at the top layer's last step.

    A path that goes through j of the m layers above, and skips the others, has C(lag + j, j) ways of spreading its
    steps over these j layers and the last one. Without skip connections j is m, and n = lag:

        aligned:  a^n C(n + m, m) b^m            with skips  a^n sum_j C(m, j) C(n + j, j) b^j
        random:   a^n sqrt(C(n + m, m)) b^m      with skips  a^n sqrt(sum_j C(m, j) C(n + j, j) b^(2 j))

    Parameters
    ----------
    distance : array_like of int
        Layers m between it and the top, from 0.
    lag : array_like of int
        Steps n between it and the last, from 0.
    gains : tuple of float
        a and b: factors of a step through time, and of a step down.
    residual : bool
        Whether a layer's inputs are added to its states on the way up.
    aligned : bool
        Whether all matrices are a or b times the identity, so that paths add up; or independent Haar-random orthogonal
        matrices times a and b, whose paths are at right angles in the mean, so that their squares add up: then it is
        the root mean square for many units H, as two paths have a mean product of 1 / H^2 at most.

    Returns
    -------
    ndarray
        Of the shape that distance and lag broadcast to.

    Examples
    --------
    >>> from rnnlab.laws import depth
    >>> bool(abs(10 ** depth.log10_gradient(2, 3, (1.0, 1.0)) - 10) < 1e-12)  # C(5, 2) paths
    True
    """
    m, n = (np.asarray(values, dtype=np.float64)[..., None] for values in (distance, lag))
    (a, b), power = gains, 1 if aligned else 2
    through = np.arange(m.max() + 1)
    chosen = scipy.special.binom(m, through) * (through <= m) if residual else 1.0 * (through == m)
    total = (chosen * scipy.special.binom(n + through, through) * b ** (power * through)).sum(axis=-1)
    return np.asarray(np.log10(total) / power + n[..., 0] * np.log10(a))


def log10_layer_factor(openness: ArrayLike, *, residual: bool = False) -> NDArray[np.float64]:
    """The factor of a step down at lag 0, of layers as PyTorch draws them: c / sqrt(3), with a skip sqrt(1 + c^2 / 3).

    Weights uniform within 1 / sqrt(H) have a mean square of 1 / (3 H), so that a random direction keeps 1 / sqrt(3) of
    its length. What comes through a skip is at right angles to it in the mean.

    Parameters
    ----------
    openness : array_like
        c: what gates let through from a layer's inputs to its states, where slopes are 1.
    residual : bool
        As of `log10_gradient`.

    Examples
    --------
    >>> from rnnlab.laws import depth
    >>> round(float(depth.log10_layer_factor(1.0)), 4)
    -0.2386
    """
    square = np.asarray(openness, dtype=np.float64) ** 2 / 3
    return np.asarray(np.log10(square + residual) / 2)
