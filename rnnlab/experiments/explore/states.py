"""dh_T/dh_0 over a grid of states of the page: by BPTT, and link by link."""

from __future__ import annotations

import math
from itertools import product
from typing import Any

import numpy as np
import pandas as pd

import rnnlab as rl
from rnnlab.nonlinearities import CODES

KEYS = ["w2", "seq_len", "h0"]


def measure_states(spec: Any) -> pd.DataFrame:
    """A row per state, all without inputs."""
    grid = pd.DataFrame(product(spec.w2, spec.seq_len, spec.h0), columns=KEYS)
    rows = pd.concat([states_of(name, grid) for name in CODES], ignore_index=True)
    return rows.assign(part="state")


def states_of(nonlinearity: Any, grid: pd.DataFrame) -> pd.DataFrame:
    """The grid of one nonlinearity: a lane each."""
    w2, length, h0 = (grid[name].to_numpy() for name in KEYS)
    x = np.zeros(int(length.max()))
    flow = rl.one_unit_gradients(1.0, w2, 0.0, x, h0=h0, length=length, nonlinearity=nonlinearity).h
    links = [log10_links(nonlinearity, *state) for state in grid.itertuples(index=False)]
    return grid.assign(
        nonlinearity=nonlinearity,
        mantissa=flow.mantissa[0],
        exponent=flow.exponent[0],
        log10_gradient=rl.log10_abs(flow)[0],
        log10_links=links,
    )


def log10_links(nonlinearity: str, w2: float, steps: int, h: float) -> float:
    """Sum of log10 |W2 f'(a_t)| over the chain's links, in plain Python; -inf where one is 0.

    Of a linear unit and of a ReLU only the sign of a state counts, so that states are kept small.
    """
    logs = []
    for _ in range(int(steps)):
        a = w2 * h
        h, slope = VALUE_AND_SLOPE[nonlinearity](a)
        h = math.copysign(1.0, h) if h and nonlinearity in ("linear", "relu") else h
        if slope == 0 or w2 == 0:
            return -math.inf
        logs.append(math.log10(abs(w2)) + math.log10(slope))
    return math.fsum(logs)


def tanh_and_slope(a: float) -> tuple[float, float]:
    """tanh(a) and its derivative, 4 e^(-2|a|) / (1 + e^(-2|a|))^2 so that it has all digits where h is 1 to rounding."""
    small = math.exp(-2 * abs(a))
    return math.tanh(a), 4 * small / (1 + small) ** 2


def sigmoid_and_slope(a: float) -> tuple[float, float]:
    """1 / (1 + e^-a) and its derivative."""
    small = math.exp(-abs(a))
    return (1 if a >= 0 else small) / (1 + small), small / (1 + small) ** 2


VALUE_AND_SLOPE = {
    "linear": lambda a: (a, 1.0),
    "relu": lambda a: (max(a, 0.0), float(a > 0)),
    "tanh": tanh_and_slope,
    "sigmoid": sigmoid_and_slope,
}
