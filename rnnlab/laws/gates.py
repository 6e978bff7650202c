"""What gates and attention let through, and how much a gated network adds to it."""

from __future__ import annotations

import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray


def log10_retention(forget_bias: ArrayLike, seq_len: ArrayLike) -> NDArray[np.float64]:
    """log10 dc_T/dc_0 = T log10 sigmoid(b_f) of an LSTM whose forget gate sees nothing but its bias.

    Parameters
    ----------
    forget_bias : array_like
        b_f.
    seq_len : array_like
        T.

    Returns
    -------
    ndarray
        Broadcast of the two.

    References
    ----------
    F. A. Gers, J. Schmidhuber, F. Cummins, Learning to forget, Neural Computation 12, 2000, section 3.
    """
    bias = np.asarray(forget_bias, dtype=np.float64)
    return -np.asarray(seq_len) * np.logaddexp(0.0, -bias) / np.log(10.0)


def log_growth_at_rest(forget_bias: ArrayLike, gain: ArrayLike) -> NDArray[np.float64]:
    """ln of the factor a step of an LSTM's gradient at rest: ln(sigmoid(b_f) + g / 4).

    Without inputs and biases but b_f, h = c = 0 is a state of rest, at which the input and output gates are 1/2. There
    dc_t = sigmoid(b_f) dc_(t-1) + W_g dh_(t-1) / 2 and dh_t = dc_t / 2, so that the Jacobian is sigmoid(b_f) I + W_g / 4. Of
    H x H weights of variance g^2 / H the largest real part of an eigenvalue is g (V. Girko, Circular law, Theory of
    Probability and its Applications 29, 1985), to within a part in sqrt(H).

    Parameters
    ----------
    forget_bias, gain : array_like
        b_f and g.

    Returns
    -------
    ndarray
        Broadcast of the two, natural logarithm: above 0 the gradient explodes.
    """
    return np.asarray(np.log(scipy.special.expit(np.asarray(forget_bias, dtype=np.float64)) + np.asarray(gain) / 4))


def critical_gain(forget_bias: ArrayLike) -> NDArray[np.float64]:
    """The gain above which a resting LSTM explodes: g = 4 (1 - sigmoid(b_f)) = 4 / (1 + e^b_f).

    Parameters
    ----------
    forget_bias : array_like
        b_f.

    Returns
    -------
    ndarray
        Where `log_growth_at_rest` is 0: the better a cell remembers, the smaller the weights at which it explodes.
    """
    return np.asarray(4 * scipy.special.expit(-np.asarray(forget_bias, dtype=np.float64)))


CRITICAL_GAIN_OF_CHRONO = 2.0  # input gates that are 1 - f: J = I - (1 - F) (I - W_g / 2), whatever the forget gates F
