"""Linear recurrences: why diagonal networks train over a thousand steps, and what they can't do.

Claim: a diagonal recurrence passes a gradient on by |lambda| a step exactly, so that its start decides how far it reaches;
normalised and with the logarithm of its decay as parameter it escapes the curse of memory, which a dense linear network
with a factor of 1 does not. Fixed lambda can't select, and positive lambda can't tell parity.

    h_t = lambda * h_(t-1) + gamma * (B x_t),   lambda = exp(-nu + i angle),   gamma = sqrt(1 - |lambda|^2)

Sources: A. Orvieto et al., Resurrecting recurrent neural networks for long sequences, ICML 2023 (lemma 3.2: the ring;
section 3.3: the exponential parameter; section 3.4: gamma); N. Zucchet, A. Orvieto, Recurrent neural networks:
vanishing and exploding gradients are not the end of the story, NeurIPS 2024 (the curse of memory);
A. Gu, T. Dao, Mamba, 2023 (section 3.5.1, theorem 1: selection is a gate); L. Feng et al., Were RNNs all we needed?, 2024
(minGRU, minLSTM); R. Grazzi et al., Unlocking state-tracking in linear RNNs through negative eigenvalues, ICLR 2025
(theorem 1), and Y. Sarrof et al., The expressive capacity of state space models, NeurIPS 2024 (theorem 2: parity).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Annotated, Any, NamedTuple

import pandas as pd
from pydantic import Field, FiniteFloat

from rnnlab.experiments._lab.spec import ExperimentSpec, Lengths, Listed
from rnnlab.experiments.linear_recurrence.claims import checks as checks
from rnnlab.experiments.linear_recurrence.figures import draw as draw, finding as finding
from rnnlab.experiments.linear_recurrence.readouts import adding_rows, parity_rows
from rnnlab.experiments.linear_recurrence.recall import LEARNERS, UNITS, recall_rows
from rnnlab.experiments.linear_recurrence.signals import AT_ONCE, MEMORIES, Row, gate_rows, moment_rows, ring_rows

COLUMNS = ["part", "network", "setting", "steps", "seed", "value", "error", "gradient"]


class Spec(ExperimentSpec):
    """Which recurrences are fed with noise, and over which delays networks are trained."""

    radius: Listed[Annotated[FiniteFloat, Field(ge=0.5, le=0.9999)]] = Field(
        default=(0.9, 0.97, 0.99, 0.997, 0.999), description="|lambda| whose states' second moments are measured"
    )
    bias: Listed[Annotated[FiniteFloat, Field(ge=-5, le=20)]] = Field(
        default=(-4.0, -2.0, 0.0, 2.0, 4.0, 6.0),
        description="biases by which gates of minGRU and minLSTM keep the state",
    )
    seq_len: Lengths = Field(default=(10, 100, 1000), description="delays T of what is recalled")
    updates: int = Field(default=500, ge=1, description="updates of every training")
    seeds: int = Field(default=8, ge=1, description="trainings per network and delay")

    def bytes_needed(self, workers: int) -> int:
        """Inputs, states and their gradients of the longest run in hand."""
        longest = max(MEMORIES / (1 - max(self.radius)) * 2 * AT_ONCE, max(self.seq_len) * 2 * 100 * UNITS)
        return int(workers * 8 * 6 * longest) + 500 * self.seeds * len(self.seq_len) * len(LEARNERS)


class Part(NamedTuple):
    """Some rows, and what measures them."""

    name: str
    rows: Callable[[], Iterable[Row]]


def measure(spec: Spec, each: Callable[..., Iterable[pd.DataFrame]] = map) -> pd.DataFrame:
    """Measure gradients by lag, second moments, factors of gates, best readouts, and trainings.

    Returns
    -------
    DataFrame
        part, network, setting, steps, seed, value, error, gradient; nan or 0 where a part has none. value is, by part:

        ring: log10 of |dL/dh_(T-k)| over |dL/dh_T|, k in steps; of the network "exact" the largest relative error of a
        unit's ln |dL/dh_0| / |dL/dh_T| against T ln |lambda|.
        moment: the mean square of a state or of its derivative by the parameter named, at |lambda| = setting, with its
        standard error.
        gate: mean ln of the factor a step at bias = setting, with its standard error; of "Mamba" the largest difference
        of a minGRU's 1 - z from exp(-softplus).
        adding, parity: R^2 of the best linear readout.
        recall: the mean squared error after training; gradient is log10 of |dL/dh_0| over |dL/dh_T| before it.
    """
    parts: list[Any] = [Part("ring", ring_rows), Part("adding", adding_rows), Part("parity", parity_rows)]
    parts += [Part("moment", partial(moment_rows, radius)) for radius in spec.radius]
    parts += [Part("gate", partial(gate_rows, bias)) for bias in spec.bias]
    parts += [
        Part("recall", partial(recall_rows, name, steps, seed, spec.updates))
        for steps in spec.seq_len
        for name in LEARNERS
        for seed in range(spec.seeds)
    ]
    table = pd.concat(each(measure_part, parts), ignore_index=True)
    return table.astype({"steps": int, "seed": int})


def measure_part(part: Part) -> pd.DataFrame:
    """The rows of one part."""
    table = pd.DataFrame([{"steps": 0, "seed": 0, **row} for row in part.rows()])
    return (
        table.assign(part=part.name)
        .reindex(columns=COLUMNS)
        .astype({"setting": float, "error": float, "gradient": float})
    )
