"""Gated networks at the border of chaos: their time scale, what it says of gradients, and how long they learn over.

Claim: of a minimalRNN whose weights are drawn anew at every step mean-field theory tells the growth of gradients, and of
one with fixed weights as long as gates are not kept open; the longest delay it learns over is a multiple of the time
scale at which it starts, wherever that comes from.

    u_t = sigmoid(W h_(t-1) + V x_t + b),   h_t = u_t * h_(t-1) + (1 - u_t) * x_t,   xi = -1 / ln chi

Sources: M. Chen, J. Pennington, S. S. Schoenholz, Dynamical isometry and a mean field theory of RNNs: gating enables
signal propagation in recurrent neural networks, ICML 2018; D. Gilboa et al., Dynamical isometry and a mean field theory of
LSTMs and GRUs, 2019, which has a GRU's other gates too. See `rnnlab.laws.gated_mean_field`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Annotated, Any

import numpy as np
import pandas as pd
from pydantic import Field, FiniteFloat

from rnnlab.experiments._lab.spec import ExperimentSpec, Listed, bytes_of_weights
from rnnlab.experiments.gated_mean_field.claims import checks as checks
from rnnlab.experiments.gated_mean_field.figures import draw as draw, finding as finding
from rnnlab.experiments.gated_mean_field.networks import Row, tied_row, untied_row
from rnnlab.experiments.gated_mean_field.training import STARTS, trained_row

COLUMNS = ["network", "gain", "bias", "seed", "growth", "exponent", "state", "length", "time_scale", "hidden_size"]
Gain = Annotated[FiniteFloat, Field(gt=0, le=32)]
Bias = Annotated[FiniteFloat, Field(ge=-6, le=6)]


class Spec(ExperimentSpec):
    """Which random networks, and how many of them and of trainings."""

    gain: Listed[Gain] = Field(default=(0.5, 2.0, 4.0, 6.0, 8.0), description="gains g of the recurrent weights")
    bias: Listed[Bias] = Field(default=(0.0, 1.0, 2.0, 3.0), description="biases b by which gates keep the state")
    hidden_size: int = Field(default=200, ge=2, description="units N of the random networks")
    seq_len: int = Field(default=200, ge=40, description="their steps T; half of them where weights are drawn anew")
    seeds: int = Field(default=1, ge=1, description="networks per point, and one training more per start")

    def bytes_needed(self, workers: int) -> int:
        """Tapes, and the weights of every step where they are drawn anew."""
        one = 8 * (9 * self.hidden_size**2 * self.seq_len // 2 + 30 * self.hidden_size * self.seq_len)
        rows = 2 * len(self.gain) * len(self.bias) * self.seeds
        return workers * (one + bytes_of_weights(self.hidden_size)) + 500 * rows


def measure(spec: Spec, each: Callable[..., Iterable[pd.DataFrame]] = map) -> pd.DataFrame:
    """Measure random networks, with weights fixed and drawn anew at every step, and trainings.

    Returns
    -------
    DataFrame
        network (tied, untied, trained), gain, bias, seed; of random networks growth (ln of the factor a step of a squared
        gradient), exponent (largest Lyapunov exponent, of tied ones) and state (mean square of h); of trained ones length
        (the longest delay that was learnt) and time_scale (xi at their start, by the law). hidden_size as given.
    """
    both, half = (spec.hidden_size, spec.seq_len), (spec.hidden_size, spec.seq_len // 2)
    parts = [
        partial(row, gain, bias, sizes, seed)
        for row, sizes in ((tied_row, both), (untied_row, half))
        for gain in spec.gain
        for bias in spec.bias
        for seed in range(spec.seeds)
    ]
    parts += [partial(trained_row, *start, seed) for start in STARTS for seed in range(spec.seeds + 1)]
    return pd.concat(each(measure_part, parts), ignore_index=True).assign(hidden_size=spec.hidden_size)


def measure_part(part: Callable[[], Row]) -> pd.DataFrame:
    """The row of one network."""
    row: dict[str, Any] = dict.fromkeys(COLUMNS[4:-1], np.nan) | part()
    return pd.DataFrame([row])[COLUMNS[:-1]]
