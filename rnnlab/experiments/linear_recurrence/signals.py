"""Random diagonal recurrences: how far back gradients reach, how sharply states answer to lambda, what gates keep."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_expit

import rnnlab as rl
from rnnlab.kernels.cells.lru import LRUParams
from rnnlab.nonlinearities import Nonlinearity

Array = NDArray[np.float64]
Row = dict[str, Any]
RINGS = {"ring 0 to 1": (0.0, 1.0), "ring 0.5 to 0.9": (0.5, 0.9), "ring 0.9 to 0.999": (0.9, 0.999)}
DENSE, EXACT = "dense, eigenvalues 0 to 1", "ring 0.9 to 0.999"
UNITS, DRAWN = 1024, 8  # H, and networks of a kind
LAGS = np.unique(np.round(np.logspace(0, 3, 31)).astype(int))
EARLY = 20  # lags of the dense matrix: later, H / lag^2 is no longer large
MEMORIES = 10  # steps in units of 1 / (1 - |lambda|): what h_0 = 0 leaves in |h_T|^2 is below e^-20
AT_ONCE, REPEATS = 64, 16  # numbers of a run, and runs of a radius
GATES, GATED_STEPS = 256, 100  # units and steps of gated cells; with them no gradient leaves float64's range


def ring_rows() -> Iterator[Row]:
    """log10 of |dL/dh_(T-k)| relative to |dL/dh_T|, the root mean square over networks; and how exact |lambda|^T is."""
    for name, ring in RINGS.items():
        yield from by_lag(name, LAGS, partial(LRUParams.init, 1, UNITS, ring=ring))
    yield from by_lag(DENSE, LAGS[LAGS <= EARLY], partial(rl.RNNParams.init, 1, UNITS, scheme="gaussian"))
    yield {"network": "exact", "steps": int(LAGS[-1]), "value": error_of_power(np.random.default_rng(0))}


def by_lag(name: str, lags: NDArray[np.int64], drawn: Callable[..., Any]) -> Iterator[Row]:
    """A row per lag, of several networks and a random loss of each."""
    total = np.zeros(len(lags))
    nonlinearity: Nonlinearity = "linear" if name == DENSE else "tanh"  # a cell without choice is given the default
    for seed in range(DRAWN):
        rng = np.random.default_rng(seed)
        tape = rl.forward(drawn(rng=rng), np.zeros((int(lags[-1]), 1)), nonlinearity=nonlinearity)
        norm = rl.gradient_flow(tape, rng.standard_normal(UNITS)).log10_norm
        total += 10 ** (2 * (norm[-1 - lags] - norm[-1])) / DRAWN
    for lag, square in zip(lags, total, strict=True):
        yield {"network": name, "steps": int(lag), "value": float(np.log10(square) / 2)}


def error_of_power(rng: np.random.Generator) -> float:
    """How far ln |dL/dh_0| / |dL/dh_T| of a unit is off T ln |lambda|, relative to it, at most."""
    params, steps = LRUParams.init(1, UNITS, rng=rng, ring=RINGS[EXACT]), int(LAGS[-1])
    dh = rng.standard_normal(UNITS)
    first = rl.backward(rl.forward(params, np.zeros((steps, 1))), dh).h0
    sizes = [np.hypot(*np.split(g, 2)) for g in (first, dh)]
    return float(np.abs(np.log(np.divide(*sizes)) / (-steps * np.exp(params.log_decay)) - 1).max())


def moment_rows(radius: float) -> Iterator[Row]:
    """Mean squares of a normalised state and of its derivatives, over independent units of one |lambda|."""
    found = [one_run(radius, np.random.default_rng(seed)) for seed in range(REPEATS)]
    for name in found[0]:
        squares = np.concatenate([squares_of[name] for squares_of in found])
        error = float(squares.std(ddof=1) / math.sqrt(squares.size))
        yield {"network": name, "setting": radius, "value": float(squares.mean()), "error": error}


def one_run(radius: float, rng: np.random.Generator) -> dict[str, Array]:
    """|h_T|^2 and the squares of its derivatives (N,), of units with an input each; the loss is sqrt(2) Re(u h_T)."""
    steps, none = math.ceil(MEMORIES / (1 - radius)), np.zeros((AT_ONCE, AT_ONCE))
    decay = np.full(AT_ONCE, np.log(-np.log(radius)))
    turn = rng.uniform(0, 2 * np.pi, AT_ONCE)
    params = LRUParams(np.concatenate([np.eye(AT_ONCE), none]), decay, rng.uniform(0, 2 * np.pi, AT_ONCE))
    tape = rl.forward(params, rng.standard_normal((steps, AT_ONCE)))
    dh = math.sqrt(2) * np.concatenate([np.cos(turn), np.sin(turn)])
    by = rl.backward(tape, dh).params
    slope = radius * np.log(radius)  # d|lambda| / d log nu
    return {
        "state": (tape.h[-1].reshape(2, -1) ** 2).sum(axis=0),
        "radius": (by.log_decay / slope) ** 2,
        "log decay": by.log_decay**2,
        "angle": by.angle**2,
    }


def gate_rows(bias: float) -> Iterator[Row]:
    """Mean ln of the factor a step of minGRU and minLSTM, gates fed with noise.

    A minLSTM, whose gates are normalised (f / (f + i) and i / (f + i)), is a minGRU whose gate is fed with ln i - ln f.
    """
    forget, put_in, candidate = np.random.default_rng(0).standard_normal((3, GATED_STEPS, GATES))
    fed = {"minGRU": -bias - forget, "minLSTM": log_expit(put_in) - log_expit(bias + forget)}
    params = rl.MinGRUParams(np.eye(2 * GATES), np.zeros(2 * GATES))
    for name, gate in fed.items():
        tape = rl.forward(params, np.concatenate([gate, candidate], axis=1))
        factor = np.log(np.abs(rl.backward(tape, np.ones(GATES)).h0)) / GATED_STEPS
        error = float(factor.std(ddof=1) / math.sqrt(GATES))
        yield {"network": name, "setting": bias, "value": float(factor.mean()), "error": error}
        if name == "minGRU":
            kept, selected = 1 - tape.record.gates[:, 0, 0], np.exp(-np.logaddexp(0, gate))  # exp(A softplus), A = -1
            yield {"network": "Mamba", "setting": bias, "value": float(np.abs(kept - selected).max())}
