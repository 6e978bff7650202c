"""The longest delay over which a minimalRNN learns to recall a bit among noise, by where it starts."""

from __future__ import annotations

import numpy as np

import rnnlab as rl
from rnnlab.experiments._lab.learning import Goal, Training, learn
from rnnlab.experiments.gated_mean_field.networks import Row, minimal_rnn, recurrent
from rnnlab.laws import gated_mean_field as law
from rnnlab.laws.mean_field import average

UNITS = 32
STARTS = ((0.5, 0.0), (0.5, 1.0), (0.5, 2.0), (0.5, 3.0), (4.0, 0.0), (4.0, 1.0))  # gains and biases
LENGTHS = tuple(round(2 ** (k / 2)) for k in range(2, 18))  # 2 to 362
DRIVE = 0.5  # variance of what inputs add to a gate: one of the two is standard normal, weights have the variance 1/2
SEEN = average(np.tanh, DRIVE)
CHANCE, SOLVED = 1.0, 0.25
TRAINING = Training(rl.Recipe(0.003, "adam", clip_norm=1.0), 16, 200, 200)


def task_of(steps: int) -> rl.Task:
    """A bit, 1 or -1, at the first of T steps, and noise beside it at every step; it is to be said at the last."""

    def draw(rng: np.random.Generator, batch_size: int) -> rl.Batch:
        x = np.zeros((steps, batch_size, 2))
        x[0, :, 0] = rng.choice([-1.0, 1.0], batch_size)
        x[:, :, 1] = rng.standard_normal((steps, batch_size))
        return rl.Batch(x, x[:1, :, :1].copy())

    return rl.Task(draw, "squared_error", 2, 1)


def trained_row(gain: float, bias: float, seed: int) -> Row:
    """Longer and longer delays, until one is not learnt; `length` is the last that was, between it and the next."""
    solved = 1.0
    for steps in LENGTHS:
        rng = np.random.default_rng([seed, steps])
        weight_ih = rng.standard_normal((2 * UNITS, 2)) / np.sqrt(2)
        params = minimal_rnn(recurrent(gain, UNITS, rng), weight_ih, bias)
        model = rl.Model(params, rl.Readout.init(UNITS, 1, rng=rng))
        goal = Goal(task_of(steps), lambda said, batch: np.square(said[-1, :, 0] - batch.target[0, :, 0]), SOLVED, 200)
        _, curve = learn(model, goal, TRAINING, (seed, steps))
        if curve["score"].iloc[-1] > SOLVED:
            break
        solved = float(steps)
    scale = law.minimal_rnn(gain, bias, SEEN, DRIVE).time_scale
    return {"network": "trained", "gain": gain, "bias": bias, "seed": seed, "length": solved, "time_scale": scale}
