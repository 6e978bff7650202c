"""Names for gradients by their size."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

STEADY = 1.0  # a gradient within a factor of ten of 1 is called steady


def regime_of(log10_dh0: NDArray[np.float64]) -> NDArray[np.str_]:
    """Name each gradient: dead is exactly zero, steady within a factor of ten of 1."""
    tests = [np.isneginf(log10_dh0), log10_dh0 < -STEADY, log10_dh0 > STEADY]
    return np.select(tests, ["dead", "vanishing", "exploding"], "steady")
