"""A page to move gradients by hand: the chain over T days, what tanh does to it, a step over the cliff, the cures.

Claim: dh_T/dh_0 is the product of W2 f'(a_t) along the chain; with tanh and W2 = 2 it explodes at h_0 = 0 and vanishes
from any other start.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Annotated, Any

import pandas as pd
from pydantic import Field, FiniteFloat

from rnnlab.experiments._lab.spec import ExperimentSpec, Listed, Numbers, RecurrentWeight, RecurrentWeights
from rnnlab.experiments.explore.assembly import page as page
from rnnlab.experiments.explore.claims import checks as checks
from rnnlab.experiments.explore.cures import measure_cures
from rnnlab.experiments.explore.descents import measure_descents
from rnnlab.experiments.explore.figures import draw as draw, finding as finding
from rnnlab.experiments.explore.states import measure_states

LONGEST = 1000  # days that the page's slider goes to
GRID = {"w2", "seq_len", "h0"}  # settings of which the claims hold whatever they are
Start = Annotated[RecurrentWeight, Field(ge=-2, le=2)]
Steps = Annotated[int, Field(ge=1, le=LONGEST)]


class Spec(ExperimentSpec):
    """The grid on which the page checks itself, the trainings and the cures that it ships."""

    w2: RecurrentWeights = Field(
        default=(-2.0, -1.0, -0.5, 0.0, 0.5, 0.9, 1.0, 1.1, 1.5, 2.0, 5.0), description="W2 of the grid"
    )
    seq_len: Listed[Steps] = Field(default=(1, 2, 10, 50, 1000), description="T of the grid, up to 1,000")
    h0: Numbers = Field(default=(0.0, 0.1, 1.0), description="h_0 of the grid")
    target: FiniteFloat = Field(default=0.5, gt=0, description="what h_T is trained to be")
    train_seq_len: Steps = Field(default=50, description="T of the trainings")
    explode_w2: Start = Field(default=1.1, description="W2 from which a training explodes")
    stall_w2: Start = Field(default=0.5, description="W2 from which a training stalls")
    learn_w2: Start = Field(default=0.97, description="W2 from which a training learns")
    learning_rate: FiniteFloat = Field(default=0.001, gt=0, description="step size")
    clip: FiniteFloat = Field(default=10.0, gt=0, description="largest gradient of a clipped step")
    updates: int = Field(default=200, ge=1, description="updates of each training")
    forget_bias: Numbers = Field(default=(0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0), description="biases b_f of the LSTMs")
    hidden_size: int = Field(default=64, ge=2, description="units of the cures")
    lags: int = Field(default=200, ge=20, description="steps back that the cures are measured over")
    seeds: int = Field(default=8, ge=2, description="networks of each cure, seeded 0, 1, ...")


def measure(spec: Spec, each: Callable[..., Iterable[pd.DataFrame]] = map) -> pd.DataFrame:
    """Measure what the page ships.

    Returns
    -------
    DataFrame
        ``part`` is state, descent or cure. state, a row per nonlinearity, w2, seq_len and h0 (no inputs): mantissa and
        exponent of dh_T/dh_0 by BPTT, its log10, and log10_links, the sum over the chain's links. descent, a row per
        start (explode, stall, learn), variant (plain, clipped) and update: w2, loss, h_T; and learning_rate, clip,
        target, seq_len, nonlinearity, h0. cure, a row per network, forget_bias (of LSTMs) and lag: log10_gradient, the median over
        seeds of the root mean square of dL/dx_t relative to lag 0, low and high, its quartiles. usual: whether
        trainings and cures go by the default settings, at which claims are made of them.
    """
    parts: list[tuple[Callable[..., pd.DataFrame], Any]] = [(measure_states, spec), (measure_descents, spec)]
    named = [(name, bias) for name in ("tanh", "gru", "attention") for bias in [None]]
    parts += [(measure_cures, (spec, *cure)) for cure in [*named, *(("lstm", bias) for bias in spec.forget_bias)]]
    usual = float(not spec.changed(set(Spec.model_fields) - GRID))
    return pd.concat(each(measure_part, parts), ignore_index=True).assign(usual=usual)


def measure_part(part: tuple[Callable[..., pd.DataFrame], Any]) -> pd.DataFrame:
    """The rows of one part."""
    measured, given = part
    return measured(given)
