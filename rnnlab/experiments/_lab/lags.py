"""How much of the last step's loss reaches an input so many steps back, on inputs and a loss that a seed fixes."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

import rnnlab as rl
from rnnlab.nonlinearities import Nonlinearity


class Problem(NamedTuple):
    """Random inputs, and a random loss on the last state."""

    seq_len: int
    batch_size: int
    hidden_size: int
    seed: int


def pull_back(params: Any, problem: Problem, nonlinearity: Nonlinearity = "tanh") -> rl.Gradients:
    """The gradients of the mean over the batch; all networks of a seed have the same inputs and the same loss."""
    seq_len, batch_size, hidden_size, seed = problem
    x = np.random.default_rng([seed, 1]).standard_normal((seq_len, batch_size, 1))
    dh = np.random.default_rng([seed, 2]).standard_normal((batch_size, hidden_size))
    return rl.backward(rl.forward(params, x, nonlinearity=nonlinearity), dh / batch_size)


def sizes_by_lag(gradients: rl.Gradients) -> NDArray[np.float64]:
    """The root mean square of dL/dx_t over the batch, by lag T - t."""
    return np.asarray(np.sqrt((gradients.x**2).mean(axis=(1, 2)))[::-1])
