"""The series beside real prices, of which it is known how well they can be predicted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

Array = NDArray[np.float64]
CONTROL_DAYS = 1000  # of each synthetic series, or more where windows need them
PERSISTENCE = 0.6  # of the changes of a walk with a trend: each is so much of the one before, and noise
OSCILLATION = (1.0, -0.9)  # x_t = 1.0 x_(t-1) - 0.9 x_(t-2) + noise: cycles of six days
SETTLED = 500  # days before such a series begins: what its start leaves is 0.9^250


class Series(NamedTuple):
    """What is to be predicted."""

    kind: str  # prices, random walk, trend or oscillation
    name: str
    prices: Array  # oldest first


def control_series(least: int) -> Iterator[Series]:
    """Of so many days at least: a series that nothing predicts better than today does, and two that the days before today predict.

    The second wanders off like prices do: who finds nothing there would find nothing in prices.
    """
    days = max(CONTROL_DAYS, least)
    noise = [np.random.default_rng([1, stream]).standard_normal(SETTLED + days) for stream in range(3)]
    yield Series("random walk", "random walk", np.cumsum(noise[0])[SETTLED:])
    yield Series("trend", "trend", np.cumsum(lfilter([1.0], [1.0, -PERSISTENCE], noise[2]))[SETTLED:])
    cycle = lfilter([1.0], [1.0, -OSCILLATION[0], -OSCILLATION[1]], noise[1])[SETTLED:]
    yield Series("oscillation", "oscillation", cycle)


def skill_from_yesterday() -> float:
    """Of the trend: best skill, that of who knows yesterday's change."""
    return PERSISTENCE**2


def skill_from_today() -> float:
    """Of the oscillation: best skill of who knows today alone, 1 - (1 - r^2) / (2 (1 - r)), r the correlation of neighbours."""
    first, second = OSCILLATION
    correlation = first / (1 - second)
    return (1 - correlation) / 2


def skill_from_all() -> float:
    """Of the oscillation: best skill of all; its error is the noise, persistence's 2 (1 - r) variances."""
    first, second = OSCILLATION
    variance = (1 - second) / ((1 + second) * ((1 - second) ** 2 - first**2))  # in units of the noise's
    return 1 - 1 / (2 * (1 - first / (1 - second)) * variance)
