"""Series of numbers: inputs by name, which one-unit networks are fed where nothing is to be learnt, and columns of files."""

from __future__ import annotations

from functools import cache
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from rnnlab.series.csv import read_csv as read_csv
from rnnlab.tasks import STATLAND_LEVELS

InputName = Literal["statland", "normal", "zeros", "prices"]


def inputs(name: InputName, seq_len: int, seed: int) -> NDArray[np.float64]:
    """A sequence of `seq_len` inputs, oldest first.

    Parameters
    ----------
    name : {"statland", "normal", "zeros", "prices"}
        Random StatLand prices (0, 0.5 or 1); standard normal numbers; zeros; real daily closing prices.
    seq_len : int
        Number of days T.
    seed : int
        The same seed gives the same sequence, and a shorter one is its beginning (but for "prices", where the seed
        picks the window).

    Returns
    -------
    ndarray (seq_len,), float64

    Raises
    ------
    ValueError
        If real prices of that many days are not at hand.
    """
    rng = np.random.default_rng(seed)
    if name == "statland":
        return rng.choice(STATLAND_LEVELS, seq_len)
    if name == "normal":
        return rng.standard_normal(seq_len)
    if name == "zeros":
        return np.zeros(seq_len)
    return _price_window(seq_len, rng)


def _price_window(seq_len: int, rng: np.random.Generator) -> NDArray[np.float64]:
    prices = daily_prices()
    if seq_len > prices.size:
        raise ValueError(f"seq_len {seq_len} is longer than the {prices.size} days of real prices at hand")
    start = int(rng.integers(prices.size - seq_len + 1))
    return prices[start : start + seq_len].copy()


def google_prices() -> NDArray[np.float64]:
    """Google's adjusted daily closing prices in dollars, oldest first, from the sample data that matplotlib ships.

    Returns
    -------
    ndarray (1047,), float64
    """
    from matplotlib.cbook import get_sample_data

    sample: Any = get_sample_data("goog.npz")
    closing: NDArray[np.float64] = sample["price_data"]["adj_close"].astype(np.float64)
    return closing


@cache
def daily_prices() -> NDArray[np.float64]:
    """Google's adjusted daily closing prices, August 2004 to October 2008, scaled to [0, 1].

    Returns
    -------
    ndarray (1047,), float64
        Read-only.
    """
    closing = google_prices()
    lowest, highest = closing.min(), closing.max()
    scaled: NDArray[np.float64] = (closing - lowest) / (highest - lowest)
    scaled.flags.writeable = False  # one array for everybody
    return scaled
