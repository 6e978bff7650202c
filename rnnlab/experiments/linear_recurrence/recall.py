"""Trainings: say a number that was shown so many steps ago, with nothing since."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np

import rnnlab as rl
from rnnlab.experiments._lab.learning import Goal, Training, learn
from rnnlab.experiments._lab.networks import NETWORKS, params_of
from rnnlab.experiments.linear_recurrence.signals import Row
from rnnlab.kernels.cells.lru import LRUParams

UNITS = 32
CHANCE, SOLVED = 1 / 3, 1 / 30  # mean squared errors; the sign alone leaves 1/12
FRESH, EVERY, BATCH = 100, 100, 4
RECIPE = rl.Recipe(0.01, "adam", clip_norm=1.0)
Draw = Callable[[int, np.random.Generator], Any]


def opened(steps: int, rng: np.random.Generator) -> rl.MinGRUParams:
    """A minGRU that keeps 1 - 1 / T of its state a step."""
    params = params_of("mingru", 1, UNITS, rng)
    params.cell().remember(params, np.log(max(steps - 1, 1)))
    return params


def lru(ring: tuple[float, float], _: int, rng: np.random.Generator) -> LRUParams:
    """A linear recurrent unit of that ring."""
    return LRUParams.init(1, UNITS, rng=rng, ring=ring)


def usual(name: str, _: int, rng: np.random.Generator) -> Any:
    """One of those that all experiments know."""
    return params_of(name, 1, UNITS, rng)


class Learner(NamedTuple):
    """A network that is trained."""

    draw: Draw
    label: str
    look: str  # of which of the networks it has the colour and the line
    nonlinearity: Any = "tanh"


LONG, SHORT, OPEN = "LRU, ring 0.997 to 0.9999", "LRU, ring 0 to 0.9", "minGRU, gate open"
LEARNERS = {
    LONG: Learner(partial(lru, (0.997, 0.9999)), LONG, "lstm"),
    SHORT: Learner(partial(lru, (0.0, 0.9)), SHORT, "lstm-chrono"),
    OPEN: Learner(opened, OPEN, "leaky"),
    **{
        name: Learner(partial(usual, name), NETWORKS[name].label, name, NETWORKS[name].nonlinearity)
        for name in ("linear orthogonal", "tanh", "mingru")
    },
}


def task_of(steps: int) -> rl.Task:
    """A number uniform in -1 .. 1 at the first of T steps, zeros after it; it is to be said at the last. Chance 1/3."""

    def draw(rng: np.random.Generator, batch_size: int) -> rl.Batch:
        x = np.zeros((steps, batch_size, 1))
        x[0, :, 0] = rng.uniform(-1, 1, batch_size)
        return rl.Batch(x, x[:1].copy())

    return rl.Task(draw, "squared_error", 1, 1)


def recall_rows(name: str, steps: int, seed: int, updates: int) -> list[Row]:
    """The row of one training: its mean squared error in the end, and how much of a gradient came back at the start."""
    rng, (draw, _, _, nonlinearity), task = np.random.default_rng(seed), LEARNERS[name], task_of(steps)
    params = draw(steps, rng)
    model = rl.Model(params, rl.Readout.init(UNITS, 1, rng=rng), nonlinearity)
    tape = rl.forward(params, task.draw(rng, 1)[0][:, 0], nonlinearity=nonlinearity)
    size = rl.gradient_flow(tape, rng.standard_normal(UNITS)).log10_norm
    goal = Goal(task, lambda said, batch: np.square(said[-1, :, 0] - batch.target[0, :, 0]), SOLVED, FRESH)
    _, curve = learn(model, goal, Training(RECIPE, BATCH, EVERY, updates), (seed, steps))
    keys = {"network": name, "steps": steps, "seed": seed, "gradient": float(size[0] - size[-1])}
    return [{**keys, "value": float(curve["score"].iloc[-1])}]
