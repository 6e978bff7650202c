"""Growth and decay of gradients in tables: fitted rates with confidence intervals, and where growth begins."""

from __future__ import annotations

import numpy as np
import pandas as pd
import scipy  # its statistics take a second to import, when they are asked for
from numpy.typing import ArrayLike


def decay_rates(table: pd.DataFrame) -> pd.DataFrame:
    """Decay per step and network: a line through log10 |dL/dx_t| over the second half of the lags, 95 % over seeds.

    Returns
    -------
    DataFrame
        Index network; rate (log10 per step), low, high: nan where fewer than two seeds have a gradient at such lags.
    """
    rows = table[np.isfinite(table["log10_gradient"]) & (table["lag"] >= table["lag"].max() / 2)]
    slopes = [
        (network, scipy.stats.linregress(part["lag"], part["log10_gradient"]).slope)
        for (network, _), part in rows.groupby(["network", "seed"])
        if len(part) > 1
    ]
    by_network = pd.DataFrame(slopes, columns=["network", "slope"]).astype({"slope": float}).groupby("network")["slope"]
    found = by_network.agg(["mean", "sem", "count"]).reindex(table["network"].unique())
    half = found["sem"] * scipy.stats.t.ppf(0.975, found["count"] - 1)
    return pd.DataFrame({"rate": found["mean"], "low": found["mean"] - half, "high": found["mean"] + half})


def border(growth: pd.Series) -> float:
    """Where growth begins: the first sign change from below, by a line in the logarithm of the index between two values.

    Parameters
    ----------
    growth : Series
        A growth, such as log10 of a factor, over a positive setting in ascending order.

    Returns
    -------
    float
        A value between two of the index; nan where growth is positive nowhere, at once, or first beside what is no number.
    """
    setting, value = growth.index.to_numpy(), growth.to_numpy()
    first = int(np.argmax(value > 0))
    if first == 0 or not np.isfinite(value[first - 1]):
        return float("nan")
    pair = slice(first - 1, first + 1)
    return float(np.exp(np.interp(0.0, value[pair], np.log(setting[pair]))))


def root_mean_square(values: ArrayLike) -> float:
    """The square root of the mean square."""
    return float(np.sqrt(np.mean(np.square(values))))
