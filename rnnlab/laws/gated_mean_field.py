"""Mean-field theory of a gated network of infinitely many units, the minimalRNN.

    u_t = sigmoid(W h_(t-1) + V x_t + b),   h_t = u_t * h_(t-1) + (1 - u_t) * x_t,   W_ij ~ N(0, g^2 / N)

x_t are the network's inputs, new at every step, with E x^2 = R; V x_t has the variance s^2. The theory takes W to be drawn
anew at every step, so that gates at two steps know nothing of each other.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import scipy

from rnnlab.laws.mean_field import POINT_WEIGHTS, POINTS

GRID = 401  # between 0 and R, where the state's mean square is looked for


class GatedMeanField(NamedTuple):
    """The stationary state of an infinite gated network that starts at 0."""

    state: float  # Q, mean square of h
    q: float  # variance of the gates' pre-activations
    kept: float  # E u^2: what gates alone leave of a squared gradient
    chi: float  # growth of the squared size of a gradient, or of a perturbation, per step
    time_scale: float  # xi = -1 / ln chi, steps; infinite from the border of chaos on


def minimal_rnn(gain: float, bias: float, inputs: float, drive: float) -> GatedMeanField:
    """Q = E u^2 Q + E (1 - u)^2 R and chi = E u^2 + g^2 E u'^2 (Q + R), u = sigmoid(sqrt(q) z + b), q = g^2 Q + s^2.

    Parameters
    ----------
    gain : float
        g of the recurrent weights, not negative.
    bias : float
        b of the gates: the larger, the more they keep.
    inputs : float
        R, the mean square of what is put in.
    drive : float
        s^2, the variance of what inputs add to the gates' pre-activations.

    Returns
    -------
    GatedMeanField
        Of several stationary states the one with the smallest Q, which a network reaches from 0.

    References
    ----------
    M. Chen, J. Pennington, S. S. Schoenholz, Dynamical isometry and a mean field theory of RNNs: gating enables signal
    propagation in recurrent neural networks, ICML 2018.

    Examples
    --------
    >>> from rnnlab.laws import gated_mean_field
    >>> round(gated_mean_field.minimal_rnn(6.88, 0.0, 0.46, 1.39**2 * 0.46).chi, 2)  # their critical weights, at second hand
    1.0
    """

    def moments(state: float) -> tuple[float, float, float]:
        u = scipy.special.expit(math.sqrt(gain**2 * state + drive) * POINTS + bias)
        return tuple(float(POINT_WEIGHTS @ square**2) for square in (u, 1 - u, u * (1 - u)))  # type: ignore[return-value]

    def change(state: float) -> float:
        kept, taken, _ = moments(state)
        return kept * state + taken * inputs - state

    grid = np.linspace(0, inputs, GRID)
    first = next(k for k in range(1, GRID) if change(grid[k]) <= 0)
    state = float(scipy.optimize.brentq(change, grid[first - 1], grid[first], xtol=1e-14))
    kept, _, slope = moments(state)
    chi = kept + gain**2 * slope * (state + inputs)
    return GatedMeanField(state, gain**2 * state + drive, kept, chi, -1 / math.log(chi) if chi < 1 else math.inf)


def critical_gain(bias: float, inputs: float, drive: float) -> float:
    """The gain g at which chi is 1: below it gradients vanish, above it they explode.

    Parameters
    ----------
    bias, inputs, drive : float
        As of `minimal_rnn`.
    """
    grid = np.geomspace(0.5, 64, 64)
    first = next(k for k in range(1, len(grid)) if minimal_rnn(grid[k], bias, inputs, drive).chi > 1)

    def excess(gain: float) -> float:
        return minimal_rnn(gain, bias, inputs, drive).chi - 1

    return float(scipy.optimize.brentq(excess, grid[first - 1], grid[first], xtol=1e-9))
