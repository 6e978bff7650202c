"""Where an LSTM explodes: forget bias and weights together decide, at rest by a closed form and driven by noise later.

Claim: an LSTM's gradient explodes from weights of gain 4 / (1 + e^b) on at rest, so the sooner the better it remembers;
inputs put it off, chrono initialisation moves it to gain 2, and its rate is the largest Lyapunov exponent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Annotated, Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field, FiniteFloat

import rnnlab as rl
from rnnlab.experiments._lab.spec import ExperimentSpec, Listed, bytes_of_weights
from rnnlab.experiments.exploding_lstm.claims import checks as checks
from rnnlab.experiments.exploding_lstm.figures import draw as draw, finding as finding

BYTES_PER_ROW = 500  # of the table in memory, as it is put together
SKIPPED = 8  # one part in so many of the steps, at both ends: until the gradient has turned into the leading direction
Array = NDArray[np.float64]


class Spec(ExperimentSpec):
    """Which LSTMs, and for how long."""

    forget_bias: Listed[Annotated[FiniteFloat, Field(ge=-20, le=20)]] = Field(
        default=(-2.0, -1.0, 0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0), description="biases b of the forget gate"
    )
    gain: Listed[Annotated[FiniteFloat, Field(gt=0, le=100)]] = Field(
        default=tuple(2.0 ** (k / 2) for k in range(-6, 9)), description="gains g of the recurrent weights"
    )
    hidden_size: int = Field(default=64, ge=2, description="units H")
    seq_len: int = Field(default=400, ge=40, description="sequence length T, and chrono's longest dependency")
    seeds: int = Field(default=2, ge=1, description="networks per point")

    def bytes_needed(self, workers: int) -> int:
        """The table, and the weights and tapes that each worker has in hand."""
        rows = 2 * (len(self.forget_bias) + 1) * len(self.gain) * self.seeds
        return rows * BYTES_PER_ROW + workers * (
            bytes_of_weights(self.hidden_size) + 240 * self.seq_len * self.hidden_size
        )


class Part(NamedTuple):
    """The networks of one gain and seed."""

    spec: Spec
    gain: float
    seed: int


def measure(spec: Spec, each: Callable[..., Iterable[pd.DataFrame]] = map) -> pd.DataFrame:
    """Measure how the gradient of random LSTMs grows, at rest and driven by noise.

    Returns
    -------
    DataFrame
        start (forget bias, chrono), forget_bias (nan of chrono), gain, seed, state (rest: no input, h_0 = c_0 = 0; driven:
        standard normal inputs), growth (slope of ln |dL/d(h, c)_t| against lag, per step), log10_peak (its largest over
        that of the last step), exponent (the largest Lyapunov exponent, of driven networks).
        hidden_size, seq_len: as given.
    """
    parts = [Part(spec, gain, seed) for gain in spec.gain for seed in range(spec.seeds)]
    table = pd.concat(each(measure_part, parts), ignore_index=True)
    return table.assign(hidden_size=spec.hidden_size, seq_len=spec.seq_len)


def measure_part(part: Part) -> pd.DataFrame:
    """The rows of one gain and seed; the networks differ in their biases alone."""
    spec, gain, seed = part
    starts = [("forget bias", bias, {"forget_bias": bias}) for bias in spec.forget_bias]
    starts.append(("chrono", np.nan, {"chrono": float(spec.seq_len)}))
    rows = []
    for start, bias, how in starts:
        params = rl.LSTMParams.init(
            1, spec.hidden_size, rng=np.random.default_rng(seed), scheme="gaussian", gain=gain, **how
        )
        keys = {"start": start, "forget_bias": bias, "gain": gain, "seed": seed}
        rows += [{**keys, "state": state, **growth_of(params, x, seed)} for state, x in inputs(spec, seed)]
    return pd.DataFrame(rows)


def inputs(spec: Spec, seed: int) -> list[tuple[str, Array]]:
    """The two states that networks are looked at in, and what puts them there."""
    noise = np.random.default_rng([seed, 1]).standard_normal((spec.seq_len, 1))
    return [("rest", np.zeros_like(noise)), ("driven", noise)]


def growth_of(params: rl.LSTMParams, x: Array, seed: int) -> dict[str, Any]:
    """How one gradient grows on its way back; and, where inputs move the state, how a perturbation does on its way on."""
    h, c = np.random.default_rng([seed, 2]).standard_normal((2, params.weight_hh.shape[1]))
    flow = rl.gradient_flow(rl.forward(params, x), h, c)
    of_h, of_c = 2 * np.log(10) * np.array([flow.log10_norm, flow.log10_norm_c])[:, ::-1]
    size = np.logaddexp(of_h, of_c) / 2  # by lag
    skipped = len(x) // SKIPPED
    lag = np.arange(skipped, len(x) - skipped)
    exponent = float(rl.lyapunov_spectrum(params, x, k=1, discard=skipped)[0]) if x.any() else np.nan
    slope = float(np.polyfit(lag, size[lag], 1)[0])
    return {"growth": slope, "log10_peak": float((size - size[0]).max() / np.log(10)), "exponent": exponent}
