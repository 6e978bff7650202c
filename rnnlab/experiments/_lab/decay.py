"""Fitted decay rates with confidence intervals."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.stats import linregress, t


def decay_rates(table: pd.DataFrame) -> pd.DataFrame:
    """Decay per step and network: a line through log10 |dL/dx_t| over the second half of the lags, 95 % over seeds.

    Returns
    -------
    DataFrame
        Index network; rate (log10 per step), low, high: nan where fewer than two seeds have a gradient at such lags.
    """
    rows = table[np.isfinite(table["log10_gradient"]) & (table["lag"] >= table["lag"].max() / 2)]
    slopes = [
        (network, linregress(part["lag"], part["log10_gradient"]).slope)
        for (network, _), part in rows.groupby(["network", "seed"])
        if len(part) > 1
    ]
    by_network = pd.DataFrame(slopes, columns=["network", "slope"]).astype({"slope": float}).groupby("network")["slope"]
    found = by_network.agg(["mean", "sem", "count"]).reindex(table["network"].unique())
    half = found["sem"] * t.ppf(0.975, found["count"] - 1)
    return pd.DataFrame({"rate": found["mean"], "low": found["mean"] - half, "high": found["mean"] + half})
