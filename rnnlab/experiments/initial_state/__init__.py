"""The initial state decides when tanh stops exploding: the same network's gradient grows first, then vanishes.

Claim: with W2 > 1 the gradient grows by W2 a step until log(1 / |h_0|) / log W2, to about 1 / |h_0|, and vanishes after;
noise of size sigma does in place of h_0, and makes the turn random by the same number of steps whatever its size.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Annotated, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field, FiniteFloat

import rnnlab as rl
from rnnlab.experiments._lab.spec import ExperimentSpec, Listed
from rnnlab.experiments.initial_state.claims import checks as checks
from rnnlab.experiments.initial_state.figures import draw as draw, finding as finding

BYTES_PER_STATE = 100  # of networks of every length: inputs, states, slopes and gradients
Array = NDArray[np.float64]
Small = Annotated[FiniteFloat, Field(ge=1e-200, le=1)]


class Spec(ExperimentSpec):
    """Which networks, from where, and with how much noise."""

    w2: Listed[Annotated[FiniteFloat, Field(gt=1, le=10)]] = Field(
        default=(1.25, 1.5, 2.0, 3.0), description="recurrent weights W2"
    )
    h0: Listed[Small] = Field(default=(1e-1, 1e-2, 1e-4, 1e-6, 1e-8, 1e-10), description="initial states h_0")
    sigma: Listed[Small] = Field(
        default=(1e-1, 1e-2, 1e-4, 1e-6, 1e-8, 1e-10), description="standard deviations of the inputs where h_0 is 0"
    )
    seq_len: int = Field(default=140, ge=10, le=2000, description="the longest sequence, T")
    seeds: int = Field(default=400, ge=2, description="sequences of noise per point")

    def bytes_needed(self, workers: int) -> int:
        """The networks of every length that the workers have in hand."""
        lanes = max(len(self.h0), 1 + self.seeds // CHUNKS) * self.seq_len
        return workers * BYTES_PER_STATE * lanes * self.seq_len + 60 * len(self.w2) * len(self.h0) * self.seq_len


CHUNKS = 20  # parts that the sequences of a point come in, so that memory holds few of every length


class Part(NamedTuple):
    """Networks of one W2: of every h_0, or of some sequences of noise."""

    spec: Spec
    w2: float
    sigma: float
    seeds: range


def measure(spec: Spec, each: Callable[..., Iterable[pd.DataFrame]] = map) -> pd.DataFrame:
    """Measure dh_t/dh_0 for every t: whole curves without inputs, of noise the step and the size of the largest.

    Returns
    -------
    DataFrame
        start (h_0, noise), w2, size (h_0 or sigma), seed (0 of h_0), t, log10_gradient (log10 |dh_t/dh_0|), state (h_t).
    """
    parts = [Part(spec, w2, 0.0, range(1)) for w2 in spec.w2]
    step = -(-spec.seeds // CHUNKS)
    chunks = [range(first, min(first + step, spec.seeds)) for first in range(0, spec.seeds, step)]
    parts += [Part(spec, w2, sigma, seeds) for w2 in spec.w2 for sigma in spec.sigma for seeds in chunks]
    return pd.concat(each(measure_part, parts), ignore_index=True)


def measure_part(part: Part) -> pd.DataFrame:
    """The rows of one part."""
    spec, w2, sigma, seeds = part
    if not sigma:
        x = np.zeros((spec.seq_len, len(spec.h0)))
        return curves(w2, x, np.array(spec.h0)).assign(start="h_0", seed=0)[COLUMNS]
    x = np.stack([np.random.default_rng(seed).standard_normal(spec.seq_len) for seed in seeds], axis=1)
    rows = curves(w2, sigma * x, np.zeros(len(seeds)))
    rows = rows.assign(start="noise", size=sigma, seed=np.tile(seeds, spec.seq_len))
    return rows.loc[rows.groupby("seed")["log10_gradient"].idxmax(), COLUMNS]


COLUMNS = ["start", "w2", "size", "seed", "t", "log10_gradient", "state"]


def curves(w2: float, x: Array, h0: Array) -> pd.DataFrame:
    """dh_t/dh_0 and h_t of networks (N,) with inputs (T, N), t = 1 .. T: each t is BPTT of a network of that length."""
    steps, networks = x.shape
    length = np.repeat(np.arange(1, steps + 1), networks)
    flow = rl.one_unit_gradients(1.0, w2, 0.0, np.tile(x, steps), np.tile(h0, steps), length=length)
    first = rl.kernels.Scaled(flow.h.mantissa[0], flow.h.exponent[0])
    states = rl.to_float(flow.state)[1:, :networks].ravel()
    return pd.DataFrame(
        {
            "w2": w2,
            "size": np.tile(h0, steps),
            "t": length,
            "log10_gradient": rl.log10_abs(first),
            "state": states,
        }
    )
