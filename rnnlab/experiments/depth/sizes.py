"""Sizes over layers x time, out of the table: a grid per network, and what is lost per layer and per step."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import logsumexp

Array = NDArray[np.float64]


class Loss(NamedTuple):
    """log10 of the mean factor per layer, at lag 0, and per step, in the top layer."""

    layer: Any
    step: Any


def log10_rms(sizes: Array, axis: int) -> Array:
    """log10 of the root mean square of numbers given by their log10, whatever their size."""
    two = 2 * np.log(10)
    return np.asarray((logsumexp(two * sizes, axis=axis) - np.log(sizes.shape[axis])) / two)


def grid_of(rows: pd.DataFrame) -> Array:
    """log10 sizes (seeds, distances, lags) of one network."""
    order = rows.sort_values(["seed", "distance", "lag"])
    shape = [rows[name].nunique() for name in ("seed", "distance", "lag")]
    return np.asarray(order["log10_gradient"], dtype=np.float64).reshape(shape)


def loss_of(grid: Array) -> Loss:
    """What a grid (..., distances, lags) loses to its two edges."""
    return Loss(grid[..., -1, 0] / (grid.shape[-2] - 1), grid[..., 0, -1] / (grid.shape[-1] - 1))
