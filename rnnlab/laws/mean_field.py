"""Mean-field theory of random networks h_t = tanh(J h_(t-1) + sigma xi), J_ij ~ N(0, g^2 / N), N to infinity."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import scipy

POINTS = np.linspace(-12.0, 12.0, 4801)  # the trapezoidal rule converges exponentially for these integrands
POINT_WEIGHTS = np.exp(-0.5 * POINTS**2) / np.exp(-0.5 * POINTS**2).sum()


class MeanField(NamedTuple):
    """The stationary state of an infinite random network."""

    q: float  # variance of the pre-activations
    chi: float  # growth of the squared size of a perturbation per step
    lyapunov: float  # leading exponent ln(chi) / 2


def random_tanh_network(g: float, sigma: float = 0.0) -> MeanField:
    """q = g^2 E tanh^2(sqrt(q) z) + sigma^2 and chi = g^2 E sech^4(sqrt(q) z), z standard normal.

    Parameters
    ----------
    g : float
        Gain of the recurrent weights, positive.
    sigma : float
        Standard deviation of the white input noise.

    Returns
    -------
    MeanField
        Without noise and for g <= 1 the quiescent state: q = 0, chi = g^2.

    References
    ----------
    H. Sompolinsky, A. Crisanti, H. J. Sommers, Phys. Rev. Lett. 61, 1988; L. Molgedey, J. Schuchhardt, H. G. Schuster,
    Phys. Rev. Lett. 69, 1992 (noise).
    """
    if sigma == 0 and g <= 1:
        return MeanField(0.0, g * g, math.log(g))
    q = float(
        scipy.optimize.brentq(
            lambda q: g * g * average(np.tanh, q) + sigma**2 - q, 1e-9, g * g + sigma**2 + 1, xtol=1e-14
        )
    )
    chi = g * g * average(lambda a: 1 / np.cosh(a) ** 2, q)
    return MeanField(q, chi, math.log(chi) / 2)


def average(function: Callable[[Any], Any], q: float) -> float:
    """E f(sqrt(q) z)^2 by the trapezoidal rule."""
    return float(POINT_WEIGHTS @ function(math.sqrt(q) * POINTS) ** 2)


def edge_of_chaos(sigma: float) -> float:
    """The gain g at which the leading exponent of random tanh units is 0, at least 1: noise of deviation sigma raises it.

    Examples
    --------
    >>> from rnnlab.laws import mean_field
    >>> round(mean_field.edge_of_chaos(0.1), 3)
    1.193
    """
    if sigma == 0:
        return 1.0
    return float(scipy.optimize.brentq(lambda g: random_tanh_network(g, sigma).lyapunov, 1.0, 2.0 + sigma))


def critical_relu_gain() -> float:
    """The gain at which a random ReLU network neither explodes nor vanishes: half of the units are active, g^2 / 2 = 1.

    Returns
    -------
    float
        The square root of 2.
    """
    return math.sqrt(2.0)


def contracting_exponent(g: float, fraction: float) -> float:
    """Exponent i = fraction * N of the quiescent state, g < 1: ln g + ln(1 - i / N) / 2 (circular law of singular rates).

    Parameters
    ----------
    g : float
        Gain of the recurrent weights, less than 1.
    fraction : float
        i / N, from 0 to less than 1.

    Returns
    -------
    float
        In nats per step.
    """
    return math.log(g) + 0.5 * math.log1p(-fraction)
