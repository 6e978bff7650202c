"""Wide random minimalRNNs: a GRU whose candidate does not see the state is one, n_t = tanh(W_n x_t)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

import rnnlab as rl
from rnnlab.laws.mean_field import average

Array = NDArray[np.float64]
Row = dict[str, Any]
INPUTS = average(np.tanh, 1.0)  # E tanh(z)^2: candidates see one standard normal number each
DRIVE = 0.25  # variance of what inputs add to a gate
SKIPPED = 4  # one part in so many of the steps: until the state is stationary


def minimal_rnn(weight_hh: Array, weight_ih: Array, bias: float) -> rl.GRUParams:
    """The GRU of recurrent weights (N, N) to the gate, input weights (2 N, I) to gate and candidate, and the gate's bias."""
    units, inputs = len(weight_hh), weight_ih.shape[1]
    none = np.zeros((units, units))
    return rl.GRUParams(
        np.concatenate([np.zeros((units, inputs)), weight_ih]),
        np.concatenate([none, weight_hh, none]),
        np.repeat([0.0, bias, 0.0], units),
        np.zeros(units),
    )


def recurrent(gain: float, units: int, rng: np.random.Generator) -> Array:
    """W."""
    return rng.standard_normal((units, units)) * gain / np.sqrt(units)


def noise(steps: int, units: int, rng: np.random.Generator) -> Array:
    """Inputs (T, 2 N): what gates are driven with, and what candidates see."""
    return rng.standard_normal((steps, 2 * units)) * np.repeat([np.sqrt(DRIVE), 1.0], units)


def tied_row(gain: float, bias: float, sizes: tuple[int, int], seed: int) -> Row:
    """A network: growth of a squared gradient back, and of a perturbation on; mean square of its state."""
    (units, steps), rng = sizes, np.random.default_rng(seed)
    params = minimal_rnn(recurrent(gain, units, rng), np.eye(2 * units), bias)
    x, skipped = noise(steps, units, rng), steps // SKIPPED
    tape = rl.forward(params, x)
    norm = rl.gradient_flow(tape, rng.standard_normal(units)).log10_norm
    exponent = float(rl.lyapunov_spectrum(params, x, k=1, discard=skipped)[0])
    keys = {"network": "tied", "gain": gain, "bias": bias, "seed": seed, "exponent": exponent}
    return {**keys, "growth": growth_of(norm * np.log(10), skipped), "state": float(np.mean(tape.h[skipped:] ** 2))}


def untied_row(gain: float, bias: float, sizes: tuple[int, int], seed: int) -> Row:
    """The same of a network whose recurrent weights are drawn anew at every step, as the theory has it."""
    (units, steps), rng = sizes, np.random.default_rng(seed)
    x, h, tapes = noise(steps, units, rng), np.zeros(units), []
    for row in x:
        params = minimal_rnn(recurrent(gain, units, rng), np.eye(2 * units), bias)
        tapes.append(rl.forward(params, row[None], h))
        h = tapes[-1].h[-1]
    dh, norm, skipped = rng.standard_normal(units), np.zeros(steps + 1), steps // SKIPPED
    for t in range(steps, 0, -1):
        norm[t] = np.log(np.linalg.norm(dh))
        dh = rl.backward(tapes[t - 1], dh).h0
    norm[0] = np.log(np.linalg.norm(dh))
    state = float(np.mean([np.mean(tape.h[-1] ** 2) for tape in tapes[skipped:]]))
    keys = {"network": "untied", "gain": gain, "bias": bias, "seed": seed, "exponent": np.nan}
    return {**keys, "growth": growth_of(norm, skipped), "state": state}


def growth_of(log_norm: Array, skipped: int) -> float:
    """ln of the factor a step of a squared gradient, by lag, where the state is stationary."""
    t = np.arange(skipped, len(log_norm))
    return float(-2 * np.polyfit(t, log_norm[t], 1)[0])
