"""The series that networks learn, each with its Lyapunov exponent."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.integrate import solve_ivp

Array = NDArray[np.float64]
STEP = 0.05  # of the Lorenz system, in its unit of time
TRANSIENT = 100  # steps until a series has come to its attractor
PERIOD = 20.3  # of the sine, steps: no whole number, so that the series never repeats


class Series(NamedTuple):
    """A series, and the random network whose readout learns it."""

    make: Callable[[int, np.random.Generator], Array]  # (T, I), standardised or in [0, 1]
    exponent: float  # the largest, per step
    source: str
    radius: float  # of the recurrent weights
    input_size: float  # of the input weights
    noise: float  # of the inputs during training: teaches the network to come back to the attractor
    ridge: float  # of the least squares

    @property
    def predictability_time(self) -> float:
        """Steps in which a small error doubles: ln 2 / exponent."""
        return float(np.log(2) / self.exponent) if self.exponent else np.inf

    def steps(self, interval: float) -> int:
        """The whole number of steps of an interval in predictability times, at least 1."""
        return max(1, round(interval * self.predictability_time))


def logistic(steps: int, rng: np.random.Generator) -> Array:
    """x_(t+1) = 4 x_t (1 - x_t)."""
    x = rng.uniform(0.1, 0.9)
    found = [x := 4 * x * (1 - x) for _ in range(steps + TRANSIENT)]
    return np.array(found)[TRANSIENT:, None]


def lorenz(steps: int, rng: np.random.Generator) -> Array:
    """dx = 10 (y - x), dy = x (28 - z) - y, dz = x y - 8 z / 3, standardised."""

    def flow(_: float, v: Array) -> list[float]:
        return [10 * (v[1] - v[0]), v[0] * (28 - v[2]) - v[1], v[0] * v[1] - 8 / 3 * v[2]]

    times = STEP * np.arange(steps + 4 * TRANSIENT)
    start = np.array([0.0, 0.0, 25.0]) + rng.standard_normal(3)
    path = solve_ivp(flow, (0, times[-1]), start, t_eval=times, rtol=1e-8, atol=1e-8).y.T[4 * TRANSIENT :]
    return np.asarray((path - path.mean(axis=0)) / path.std(axis=0))


def sine(steps: int, rng: np.random.Generator) -> Array:
    """sin(2 pi t / 20.3) from a random phase."""
    return np.sin(2 * np.pi * (np.arange(steps) / PERIOD + rng.uniform()))[:, None]


SERIES = {
    "logistic": Series(logistic, float(np.log(2)), "ln 2, exactly", 0.1, 3.0, 3e-3, 1e-6),
    "lorenz": Series(
        lorenz,
        0.9056 * STEP,
        "0.9056 a unit of time: J. C. Sprott, Common chaotic systems, 1998, revised 2004",
        0.8,
        0.5,
        0.0,
        1e-7,
    ),
    "sine": Series(sine, 0.0, "a cycle neither grows nor shrinks along itself", 0.8, 0.5, 0.0, 1e-7),
}
FORCED = "lorenz"  # the logistic map's predictability time is one step: forced so often, no network goes on by itself
