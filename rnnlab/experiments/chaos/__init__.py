"""Networks that learn a chaotic series must explode: their gradient grows at the exponent of the series itself.

Claim: a network that continues a chaotic series has gradients that grow at the series' largest Lyapunov exponent, one that
continues a cycle has not; setting its state from the series every ln 2 / exponent steps makes it learn, clipping does not.

Source: J. M. Mikhaeil, Z. Monfared and D. Durstewitz, On the difficulty of learning chaotic dynamics with RNNs, NeurIPS 2022.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from typing import Annotated, Literal, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field, FiniteFloat

from rnnlab.experiments._lab.spec import Choices, ExperimentSpec, Listed, bytes_of_weights
from rnnlab.experiments.chaos import echo_state, teacher_forcing
from rnnlab.experiments.chaos.claims import checks as checks
from rnnlab.experiments.chaos.figures import draw as draw, finding as finding
from rnnlab.experiments.chaos.series import FORCED, SERIES

Name = Literal["logistic", "lorenz", "sine"]
Positive = Annotated[FiniteFloat, Field(gt=0, le=100)]
EVERY = 10  # lags of the curves that are kept
SKIPPED = 50  # lags until the gradient has turned into the leading direction
LONGEST = 200  # steps that a trained network is tried over
BYTES_PER_STEP = 100  # of inputs, states and gradients of a unit
COLUMNS = ["series", "method", "seed", "quantity", "at", "value"]
Row = tuple[str, float, float]


class Spec(ExperimentSpec):
    """Which series, how they are learnt, and for how long the networks go on."""

    series: Choices[Name] = Field(default=("logistic", "lorenz", "sine"), description="logistic, lorenz, sine")
    interval: Listed[Positive] = Field(
        default=(0.25, 0.5, 1.0, 2.0, 8.0), description="steps from one forcing to the next, in predictability times"
    )
    clip: Listed[Positive] = Field(
        default=(1.0, 0.1), description="largest norms of a gradient, for the longest interval"
    )
    reservoir: int = Field(default=200, ge=10, description="units of networks that learn by least squares")
    hidden_size: int = Field(default=32, ge=2, description="units H of networks that learn by gradients")
    train_len: int = Field(default=4000, ge=2000, description="values that are learnt from")
    seq_len: int = Field(default=2000, ge=500, description="steps T that a network goes on")
    updates: int = Field(default=3000, ge=1, description="steps of gradient descent")
    seeds: int = Field(default=4, ge=1, description="networks per series that learn by least squares")
    trainings: int = Field(default=7, ge=1, description="networks per interval that learn by gradients")

    def bytes_needed(self, workers: int) -> int:
        """The states of the networks in hand, and their squares."""
        states = (self.train_len + self.seq_len) * max(self.reservoir, self.hidden_size)
        return workers * (BYTES_PER_STEP * states + bytes_of_weights(max(self.reservoir, self.hidden_size)))


class Part(NamedTuple):
    """One network: of a series by least squares, or of Lorenz's by gradients, forced once an interval."""

    spec: Spec
    series: str
    seed: int
    interval: float | None = None
    clip: float | None = None


def measure(spec: Spec, each: Callable[..., Iterable[pd.DataFrame]] = map) -> pd.DataFrame:
    """Train networks and measure how gradients grow in what they go on with, and how well forced ones learn.

    Returns
    -------
    DataFrame
        series, method (least squares, plain, clipped at so much), seed, quantity, at, value. By least squares: error (root
        mean square of a step), growth (slope of ln |dL/dh_t| against lag), exponent (the largest Lyapunov exponent), fed
        (growth where a value of the series is fed every `at` steps and the state stays), curve (log10 |dL/dh_t| at lag
        `at`). By gradients, with the state set from the series every `at` steps: valid (mean steps until a prediction is
        wrong), exponent, distance (of the values' distribution from the series', Wasserstein), largest norm (log10, of a
        gradient), above 1 (share of updates whose gradient has a larger norm). reservoir, seq_len, updates: as given.
    """
    parts = [Part(spec, series, seed) for series in spec.series for seed in range(spec.seeds)]
    if FORCED in spec.series:
        ways = [*((at, None) for at in spec.interval), *((max(spec.interval), clip) for clip in spec.clip)]
        parts += [Part(spec, FORCED, seed, *way) for way in ways for seed in range(spec.trainings)]
    table = pd.concat(each(measure_part, parts), ignore_index=True)
    return table.assign(reservoir=spec.reservoir, seq_len=spec.seq_len, updates=spec.updates)


def measure_part(part: Part) -> pd.DataFrame:
    """The rows of one network."""
    found, method = (by_least_squares(part), "least squares") if part.interval is None else by_gradients(part)
    return pd.DataFrame([(part.series, method, part.seed, *row) for row in found], columns=COLUMNS)


@lru_cache(maxsize=32)  # Lorenz's takes longer than a training, and every way of training has the same
def drawn(name: str, seed: int, steps: int) -> NDArray[np.float64]:
    """A series from a start of its own."""
    return SERIES[name].make(steps, np.random.default_rng([seed, 1]))


def by_least_squares(part: Part) -> Iterator[Row]:
    """What is measured of a network with a random inside."""
    spec, series, rng = part.spec, SERIES[part.series], np.random.default_rng(part.seed)
    known, ahead = np.split(drawn(part.series, part.seed, spec.train_len + spec.seq_len), [spec.train_len])
    network = echo_state.train(series, known, spec.reservoir, rng)
    yield "error", 0, network.error
    dh = rng.standard_normal(spec.reservoir)
    size = echo_state.sizes_by_lag(network, dh, spec.seq_len)
    lag = np.arange(SKIPPED, spec.seq_len + 1)
    yield "growth", 0, float(np.log(10) * np.polyfit(lag, size[lag], 1)[0])
    yield "exponent", 0, echo_state.largest_exponent(network, spec.seq_len)
    for at in dict.fromkeys(map(series.steps, spec.interval if part.series == FORCED else ())):
        yield "fed", at, echo_state.fed_growth(network, ahead, at, dh)
    yield from (("curve", at, float(size[at])) for at in range(0, spec.seq_len + 1, EVERY))


def by_gradients(part: Part) -> tuple[list[Row], str]:
    """What is measured of a trained network, and how it was trained."""
    spec, series, rng = part.spec, SERIES[part.series], np.random.default_rng(part.seed)
    known, ahead = np.split(drawn(part.series, part.seed, spec.train_len + spec.seq_len), [spec.train_len])
    at = series.steps(part.interval or 1.0)
    forcing = teacher_forcing.Forcing(at, part.clip, spec.hidden_size, spec.updates)
    done = teacher_forcing.learn(forcing, known, rng)
    method = "plain" if part.clip is None else f"clipped at {part.clip:g}"
    return [(name, at, value) for name, value in teacher_forcing.results(done, ahead, LONGEST)], method
