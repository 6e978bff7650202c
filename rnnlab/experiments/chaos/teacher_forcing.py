"""Networks that learn a series by gradients, their state set anew from the series once an interval."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import wasserstein_distance

import rnnlab as rl
from rnnlab.experiments.chaos.echo_state import FORGOTTEN

Array = NDArray[np.float64]
LEARNING_RATE = 0.005  # of Adam
STEPS = 960  # of an update, over all its sequences: as many for every interval
WRONG = 0.4  # of the series' standard deviation: no prediction any more
APART = 20  # steps from one tried start to the next


class Forcing(NamedTuple):
    """How a network is trained."""

    interval: int  # steps that it goes on by itself in training
    clip: float | None  # largest norm of a gradient
    hidden_size: int
    updates: int


def learn(forcing: Forcing, x: Array, rng: np.random.Generator) -> rl.Fit:
    """Sequences of one value of the series, put into an empty state, and as many predictions as the interval has steps.

    Forcing that replaces the state cuts gradients: a run that is forced once an interval is so many sequences of its
    length, each with BPTT of its own. Forced never, it is BPTT over the whole sequence.
    """
    inputs, batch = x.shape[1], max(1, STEPS // forcing.interval)
    params = rl.RNNParams.init(inputs, forcing.hidden_size, rng=rng, scheme="orthogonal")
    model = rl.Model(params, rl.Readout.init(forcing.hidden_size, inputs, rng=rng))

    def draw(rng: np.random.Generator, batch_size: int) -> rl.Batch:
        return rl.Batch(*runs(x, rng.integers(len(x) - forcing.interval, size=batch_size), forcing.interval))

    task = rl.Task(draw, "squared_error", inputs, inputs, chance=1.0)
    recipe = rl.Recipe(LEARNING_RATE, "adam", clip_norm=forcing.clip)
    return rl.fit(model, task, recipe, updates=forcing.updates, batch_size=batch, rng=rng)


def runs(x: Array, start: NDArray[np.int64], steps: int) -> tuple[Array, Array]:
    """Inputs, a value of the series and nothing more, and what follows it in the series, (T, B, I) each."""
    inputs = np.zeros((steps, len(start), x.shape[1]))
    inputs[0] = x[start]
    return inputs, x[start + np.arange(1, steps + 1)[:, None]]


def results(done: rl.Fit, x: Array, steps: int) -> Iterator[tuple[str, float]]:
    """What a trained network is worth on values that it has not seen."""
    inputs, wanted = runs(x, np.arange(0, len(x) - steps, APART), steps)
    off = np.sqrt(np.mean((rl.predict(done.model, inputs) - wanted) ** 2, axis=2)) > WRONG
    yield "valid", float(np.where(off.any(axis=0), off.argmax(axis=0), steps).mean())
    alone = np.zeros_like(x)
    alone[0] = x[0]
    yield "exponent", float(rl.lyapunov_spectrum(done.model.params, alone, k=1, discard=FORGOTTEN)[0])
    free = rl.predict(done.model, alone)[FORGOTTEN:]
    yield "distance", float(np.mean([wasserstein_distance(*pair) for pair in zip(free.T, x.T, strict=True)]))
    yield "largest norm", float(np.log10(done.history.gradient_norm.max()))
    yield "above 1", float(np.mean(done.history.gradient_norm > 1))
