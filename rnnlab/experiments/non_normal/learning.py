"""Trainings of networks that start as a chain, orthogonal or as the identity, as Orhan and Pitkow 2020 start them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

import rnnlab as rl
from rnnlab._base.initial import orthogonal
from rnnlab.experiments._lab.learning import Goal, Training, learn
from rnnlab.experiments.non_normal.networks import chain
from rnnlab.nonlinearities import Nonlinearity

Array = NDArray[Any]
HIDDEN, BATCH, CLIP = 50, 16, 1.0
SOURCE, GAIN = 0.9, 1.02  # of the input weights, and of a chain: defaults of the authors' code
FRESH, EVERY = 500, 500
STARTS = ("chain", "orthogonal", "identity")


class Trial(NamedTuple):
    """A task, the units that learn it, and how wrong their answers are."""

    task: rl.Task
    nonlinearity: Nonlinearity
    score: Any
    chance: float
    solved: float
    told: str


def wrong_symbols(said: Array, batch: rl.Batch) -> Array:
    """Share of the ten symbols that are repeated wrongly, (B,)."""
    return np.asarray((said[-10:].argmax(axis=-1) != batch.target[-10:]).mean(axis=0))


def squared_error(said: Array, batch: rl.Batch) -> Array:
    """Of the sum of two numbers, (B,)."""
    return np.asarray(np.square(said[-1, :, 0] - batch.target[0, :, 0]))


COPY, SHARE = rl.tasks.copy(20), "wrong symbols, share"
TASKS = {
    "copy, ReLU": Trial(COPY, "relu", wrong_symbols, 7 / 8, 0.001, SHARE),
    "copy, linear": Trial(COPY, "linear", wrong_symbols, 7 / 8, 0.001, SHARE),
    "adding, ReLU": Trial(rl.tasks.adding(50), "relu", squared_error, 1 / 6, 0.001, "mean squared error"),
}


def params_of(start: str, inputs: int, rng: np.random.Generator) -> rl.RNNParams:
    """The recurrent network as it starts."""
    bias = np.zeros(HIDDEN)
    if start == "chain":
        return rl.RNNParams(SOURCE * np.eye(HIDDEN, inputs), chain(HIDDEN, GAIN), bias)
    weight = orthogonal(HIDDEN, rng) if start == "orthogonal" else np.eye(HIDDEN)
    return rl.RNNParams(SOURCE / np.sqrt(HIDDEN) * rng.standard_normal((HIDDEN, inputs)), weight, bias)


def learning_rows(name: str, start: str, rate: float, seed: int, updates: int) -> Iterator[dict[str, Any]]:
    """The row of one training: its error in the end."""
    trial, rng = TASKS[name], np.random.default_rng([seed, 5])
    params = params_of(start, trial.task.inputs, rng)
    model = rl.Model(params, rl.Readout.init(HIDDEN, trial.task.outputs, rng=rng), trial.nonlinearity)
    training = Training(rl.Recipe(rate, "adam", clip_norm=CLIP), BATCH, EVERY, updates)
    _, curve = learn(model, Goal(trial.task, trial.score, trial.solved, FRESH), training, (seed, len(name)))
    yield {"part": name, "network": start, "setting": rate, "seed": seed, "value": float(curve["score"].iloc[-1])}
