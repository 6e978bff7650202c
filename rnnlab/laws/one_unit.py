"""Laws of the one-unit network: products of slopes, attractors, latch, error cliff."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import scipy  # loads its parts when they are asked for: with them `import rnnlab` would take a third longer
from numpy.typing import ArrayLike, NDArray

LOG10_2 = math.log10(2.0)


def log10_linear_gradient(w2: ArrayLike, seq_len: ArrayLike) -> NDArray[np.float64]:
    """log10 |dh_T/dh_0| = T log10 |W2| of the linear unit, and of ReLU while every pre-activation is positive.

    Parameters
    ----------
    w2 : array_like
        Recurrent weight; 0 gives -inf.
    seq_len : array_like
        Number of steps T.

    Returns
    -------
    ndarray
        Broadcast of the two.

    References
    ----------
    Y. Bengio, P. Simard, P. Frasconi, Learning long-term dependencies with gradient descent is difficult, IEEE Trans.
    Neural Networks 5, 1994, section IV.
    """
    with np.errstate(divide="ignore"):
        return np.asarray(seq_len) * np.log10(np.abs(np.asarray(w2, dtype=np.float64)))


def log10_gradient_bound(nonlinearity: str, w2: ArrayLike, seq_len: ArrayLike) -> NDArray[np.float64]:
    """Upper bound of log10 |dh_T/dh_0|: T log10(gamma |W2|), gamma the largest slope (1; sigmoid 1/4).

    Parameters
    ----------
    nonlinearity : str
        linear, relu, tanh or sigmoid.
    w2, seq_len : array_like

    Returns
    -------
    ndarray

    References
    ----------
    R. Pascanu, T. Mikolov, Y. Bengio, On the difficulty of training recurrent neural networks, ICML 2013, section 2.1.
    """
    gamma = 0.25 if nonlinearity == "sigmoid" else 1.0
    return log10_linear_gradient(gamma * np.asarray(w2, dtype=np.float64), seq_len)


def tanh_attractor(w2: float) -> float:
    """The stable fixed point h* >= 0 of h = tanh(W2 h): 0 up to W2 = 1, positive above.

    Parameters
    ----------
    w2 : float
        Recurrent weight, not negative.

    Returns
    -------
    float
    """
    if w2 <= 1.0:
        return 0.0
    return float(scipy.optimize.brentq(lambda h: math.tanh(w2 * h) - h, math.sqrt(1.0 - 1.0 / w2), 1.0, xtol=1e-16))


def tanh_attractor_multiplier(w2: float) -> float:
    """dh_(t+1)/dh_t = W2 (1 - h*^2) at the attractor, written W2 / cosh^2(W2 h*) to keep its digits near saturation.

    Parameters
    ----------
    w2 : float

    Returns
    -------
    float
    """
    return w2 / math.cosh(w2 * tanh_attractor(w2)) ** 2


def turn(w2: ArrayLike, start: ArrayLike) -> NDArray[np.float64]:
    """The step about which a tanh unit's gradient dh_t/dh_0 stops growing: log(1 / |h_0|) / log W2, to leading order.

    As long as |h_t| = W2^t |h_0| is small the slope is 1 and the gradient grows by W2 a step; it shrinks as soon as
    h_t^2 > 1 - 1 / W2. The next term, of order 1 / log W2, does not depend on h_0. Of inputs of size sigma and h_0 = 0
    the state is W2^t times a Gaussian number of about that size, so that `start` is sigma.

    Parameters
    ----------
    w2 : array_like
        Above 1.
    start : array_like
        |h_0| or sigma, in (0, 1].

    Returns
    -------
    ndarray
        Steps; the gradient has then grown to about 1 / |h_0|.
    """
    return np.asarray(-np.log(start) / np.log(w2))


def latch_threshold(w2: float) -> float:
    """Smallest constant input that flips a tanh unit with W2 > 1: W2 h - atanh(h) at h = sqrt(1 - 1/W2).

    Parameters
    ----------
    w2 : float
        Recurrent weight above 1.

    Returns
    -------
    float

    References
    ----------
    Bengio, Simard, Frasconi 1994, section III.
    """
    h = math.sqrt(1.0 - 1.0 / w2)
    return w2 * h - math.atanh(h)


def cliff_wall(w: Any, x0: float = 0.5) -> Any:
    """Bias at which x_0 is the unstable fixed point of x = w sigmoid(x) + b: the wall of the error surface.

    Parameters
    ----------
    w : float or ndarray
        Above 1 / (s (1 - s)), s = sigmoid(x_0); there is no wall below.
    x0 : float

    Returns
    -------
    float or ndarray

    References
    ----------
    Pascanu, Mikolov, Bengio 2013, section 2.3 and figure 6.
    """
    return x0 - w * float(scipy.special.expit(x0))


def cliff_onset(x0: float = 0.5) -> float:
    """The w above which x_0 can be an unstable fixed point: 1 / (s (1 - s)), s = sigmoid(x_0).

    Parameters
    ----------
    x0 : float
        The fixed point x_0.

    Returns
    -------
    float
        4 at x_0 = 0, more elsewhere.
    """
    s = float(scipy.special.expit(x0))
    return 1.0 / (s * (1.0 - s))


def saddle_nodes(w: float) -> tuple[float, float]:
    """The two biases at which x = w sigmoid(x) + b gains or loses two fixed points, ascending; equal at w = 4.

    Parameters
    ----------
    w : float
        At least 4.

    Returns
    -------
    tuple of float
    """
    s = 0.5 * (1.0 + math.sqrt(1.0 - 4.0 / w))
    x = math.log(s / (1.0 - s))
    low, high = sorted((x - w * s, -x - w * (1.0 - s)))
    return low, high
