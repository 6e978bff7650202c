"""Names for gradients by their size."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

STEADY = 1.0  # a gradient within a factor of ten of 1 is called steady


def named(tests: list[Any], names: list[str], other: str) -> pd.Categorical:
    """The name of the first test that holds, in a byte a row."""
    codes = np.select(tests, range(len(names)), len(names))
    return pd.Categorical.from_codes(codes, [*names, other])


def regime_of(log10_dh0: NDArray[np.float64]) -> pd.Categorical:
    """Name each gradient: dead is exactly zero, steady within a factor of ten of 1; nan, where states overflow, overflow."""
    tests = [np.isneginf(log10_dh0), np.isnan(log10_dh0), log10_dh0 < -STEADY, log10_dh0 > STEADY]
    return named(tests, ["dead", "overflow", "vanishing", "exploding"], "steady")
