"""What gates and attention let through."""

from __future__ import annotations

import numpy as np
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
