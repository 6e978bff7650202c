"""Non-normal networks: eigenvalues tell what gradients do in the end, and not before it.

Claim: of networks whose eigenvalues are all of modulus 0.9, as in a linear network whose gradient shrinks by 0.9 at every
step, some let a gradient grow hundredfold first, between the bounds that the pseudospectrum sets; a delay line, whose
eigenvalues are all 0, passes it on whole over N - 1 steps. Such chains remember more of a signal among noise than any normal
network; whether they learn better is tested in pairs of trainings.

    W = U (R + T) U^T,   K(W) <= max_k |W^k| <= e N K(W),   K(W) = sup_(|z| > 1) (|z| - 1) |(z I - W)^-1|
    J(k) = v^T (W^k)^T C^-1 W^k v,   C = sum_k W^k (W^k)^T,   J_tot = sum_k J(k) <= N, and 1 of a normal W

Sources: G. Kerg et al., Non-normal recurrent neural network (nnRNN), NeurIPS 2019, of which the abstract, the supplement
(table 6) and the code were read; A. E. Orhan, X. Pitkow, Improved memory in recurrent neural networks with sequential
non-normal dynamics, ICLR 2020, abstract, introduction and code; S. Ganguli, D. Huh, H. Sompolinsky, Memory traces in
dynamical systems, PNAS 105, 2008, abstract; the Kreiss matrix theorem as L. N. Trefethen, M. Embree, Spectra and
Pseudospectra, 2005, and M. N. Spijker, BIT 31, 1991, have it; EigTool's documentation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Annotated, Any, NamedTuple

import pandas as pd
from pydantic import Field, FiniteFloat

from rnnlab.experiments._lab.spec import ExperimentSpec, Listed, Rates
from rnnlab.experiments.non_normal.claims import checks as checks
from rnnlab.experiments.non_normal.figures import draw as draw, finding as finding
from rnnlab.experiments.non_normal.gradients import (
    FIXED,
    LONGEST,
    PUBLISHED,
    Row,
    chain_rows,
    growth_rows,
    normal_rows,
    published_rows,
    schur_rows,
)
from rnnlab.experiments.non_normal.learning import STARTS, TASKS, learning_rows
from rnnlab.experiments.non_normal.networks import CHAIN

COLUMNS = ["part", "network", "setting", "lag", "seed", "value"]


class Spec(ExperimentSpec):
    """Which networks, over how many steps, and which trainings."""

    triangle: Listed[Annotated[FiniteFloat, Field(ge=0, le=5)]] = Field(
        default=(0.0, 1.0, 2.0, 3.0), description="sizes of the triangular part T; 0 is normal"
    )
    seq_len: int = Field(default=200, ge=40, le=1000, description="lags over which gradients are followed")
    gain: Listed[Annotated[FiniteFloat, Field(ge=0.1, le=5)]] = Field(
        default=(0.6, 0.8, 0.9, 1.1, 1.2, 1.5, 2.0), description="gains of delay lines of 100 units"
    )
    rate: Rates = Field(default=(0.0003, 0.001, 0.003), description="learning rates, of which each start has its best")
    seeds: int = Field(default=8, ge=1, description="trainings of each kind, seeded 0, 1, ...")
    updates: int = Field(default=1000, ge=1, description="updates of every training")

    def bytes_needed(self, workers: int) -> int:
        """Jacobians of the longest memory, and their copies."""
        return workers * 8 * 8 * (LONGEST + self.seq_len) * CHAIN**2


class Part(NamedTuple):
    """Some rows, and what measures them."""

    rows: Callable[[], Iterable[Row]]


def measure(spec: Spec, each: Callable[..., Iterable[pd.DataFrame]] = map) -> pd.DataFrame:
    """Measure worst gradients by lag, total memories, and errors of trainings.

    Returns
    -------
    DataFrame
        part, network, setting, lag, seed, value; nan or 0 where a part has none. value is, by part:

        gradient: log10 of the largest |dL/dh_(T-k)| of a loss with |dL/dh_T| = 1, k = lag; -inf where none comes. setting
        is the size of T.
        memory, published: J_tot; setting is the gain of a chain.
        one of `learning.TASKS`: the error after training; setting is the learning rate.
    """
    parts = [Part(partial(schur_rows, size, spec.seq_len)) for size in spec.triangle]
    parts += [Part(partial(growth_rows, name, weight, spec.seq_len)) for name, weight in FIXED.items()]
    parts += [Part(partial(chain_rows, gain)) for gain in spec.gain]
    parts += [Part(normal_rows), *(Part(partial(published_rows, key)) for key in PUBLISHED)]
    parts += [
        Part(partial(learning_rows, task, start, rate, seed, spec.updates))
        for task in TASKS
        for start in STARTS
        for rate in spec.rate
        for seed in range(spec.seeds)
    ]
    return pd.concat(each(measure_part, parts), ignore_index=True)


def measure_part(part: Part) -> pd.DataFrame:
    """The rows of one part."""
    blank: dict[str, Any] = {"setting": float("nan"), "lag": 0, "seed": 0}
    return pd.DataFrame([{**blank, **row} for row in part.rows()]).reindex(columns=COLUMNS)
