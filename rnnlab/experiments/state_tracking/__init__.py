"""State tracking: parity of bits, which factors between 0 and 1 can't tell beyond what was trained, and -1 to 1 can.

Claim: a diagonal linear recurrence whose factors lie between 0 and 1, a minGRU, guesses the parity of its bits, although a
gradient reaches the first of them where its gates start open; the same cell with factors from -1 to 1 learns it from 40 bits
and tells it at 256, as an LSTM and a tanh network do. What it can't, no training helps: shown ones alone, its answer changes
at most H times, that of parity at every step.

    minGRU: h_t = (1 - z_t) * h_(t-1) + z_t * n_t;   signed: h_t = (1 - 2 z_t) * h_(t-1) + z_t * n_t;   z_t, n_t of x_t alone

Sources: R. Grazzi et al., Unlocking state-tracking in linear RNNs through negative eigenvalues, ICLR 2025, of which the
abstract, the caption of figure 1 and the code were read; Y. Sarrof, Y. Veitsman, M. Hahn, The expressive capacity of state
space models, NeurIPS 2024 (abstract and introduction); L. Feng et al., Were RNNs all we needed?, 2024 (minGRU). They ask for
the parity of a whole sequence, here it is asked for after every bit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

import pandas as pd
from pydantic import Field

from rnnlab.experiments._lab.spec import Choices, ExperimentSpec, Rates
from rnnlab.experiments.state_tracking.claims import checks as checks
from rnnlab.experiments.state_tracking.figures import draw as draw, finding as finding
from rnnlab.experiments.state_tracking.parity import LONG, NETWORKS, TESTED, UNITS, Network, parity_rows


class Spec(ExperimentSpec):
    """Which networks, and how long they are trained."""

    network: Choices[Network] = Field(default=NETWORKS, description=", ".join(NETWORKS))
    rate: Rates = Field(default=(0.01, 0.1), description="learning rates, of which each network has its best")
    updates: int = Field(default=1500, ge=1, description="updates of every training")
    seeds: int = Field(default=8, ge=1, description="trainings of each kind, seeded 0, 1, ...")

    def bytes_needed(self, workers: int) -> int:
        """Gates, states and gradients of a test."""
        return workers * 8 * 20 * LONG * TESTED * UNITS


class Part(NamedTuple):
    """One training."""

    network: Network
    rate: float
    seed: int
    updates: int


def measure(spec: Spec, each: Callable[..., Iterable[pd.DataFrame]] = map) -> pd.DataFrame:
    """Train on 40 bits, whose parity so far is asked for at every step; test on 256.

    Returns
    -------
    DataFrame
        part, network, rate, seed, steps, value. value is, by part:

        accuracy: share of right answers at the last 8 of so many steps.
        beyond: the same at steps 41 to 256, all of which are beyond what was trained.
        ones: how often the answer changes over so many ones.
        start, end: log10 of the derivative of an answer by the bit so many steps back, relative to that by the last bit;
        root mean square over sequences, before and after training.
    """
    parts = [
        Part(network, rate, seed, spec.updates)
        for network in spec.network
        for rate in spec.rate
        for seed in range(spec.seeds)
    ]
    return pd.concat(each(measure_part, parts), ignore_index=True)


def measure_part(part: Part) -> pd.DataFrame:
    """The rows of one training."""
    keys = {"network": part.network, "rate": part.rate, "seed": part.seed}
    rows = pd.DataFrame(
        parity_rows(part.network, part.rate, part.seed, part.updates), columns=["part", "steps", "value"]
    )
    return rows.assign(**keys)[["part", *keys, "steps", "value"]]
