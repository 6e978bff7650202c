"""Adding two marked numbers a long way apart: who gets below chance, and after how many updates.

Claim: gates and attention learn to add over 50 steps, a tanh network stays at chance.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from pydantic import Field

import rnnlab as rl
from rnnlab.experiments._lab import learning
from rnnlab.experiments._lab.claims import AT_MOST, Claim, table_of
from rnnlab.experiments._lab.figures import drawing, headline, new_figure
from rnnlab.experiments._lab.learning import METHODS, USUAL, Goal, Method, Progress, Training
from rnnlab.experiments._lab.resumable import Keep, Resumable
from rnnlab.experiments._lab.spec import Choices, ExperimentSpec

FRESH = 1000
SHARE = 0.1  # of the chance floor: solved at a mean squared error over fresh sequences below this
EVERY = 200  # updates between tests
BATCH = 20
RATE = 0.002  # the same for all


class Spec(ExperimentSpec):
    """Who learns, over which lag, how long."""

    method: Choices[Method] = Field(default=USUAL, description=", ".join(METHODS))
    seq_len: int = Field(default=50, ge=10, description="sequence length T")
    hidden_size: int = Field(default=64, ge=1, description="units H")
    seeds: int = Field(default=2, ge=1, le=10_000, description="trainings of each, seeded 0, 1, ...")
    updates: int = Field(default=3000, ge=1, description="updates after which a training is given up")

    def bytes_needed(self, workers: int) -> int:
        """Memory of the tests that the workers have in hand."""
        return workers * learning.bytes_in_hand(self.method, self.seq_len, self.hidden_size)


class Part(NamedTuple):
    """One training."""

    spec: Spec
    method: Method
    seed: int


def measure(spec: Spec, each: Callable[..., Iterable[pd.DataFrame]] = map) -> pd.DataFrame:
    """Train networks until their error on 1,000 fresh sequences is below a tenth of chance.

    Returns
    -------
    DataFrame
        method, seq_len, seed; a row per 200 updates: update, loss, score (mean squared error on fresh sequences over
        chance), solved, symptom, budget (updates allowed).
    """
    parts = [Part(spec, name, seed) for name in spec.method for seed in range(spec.seeds)]
    return pd.concat(each(Resumable(measure_part), parts), ignore_index=True)


def measure_part(part: Part, so_far: Progress | None, keep: Keep) -> pd.DataFrame:
    """The curve of one training, in batches of 20 with Adam."""
    spec, goal = part.spec, goal_of(part.spec.seq_len)
    model = learning.model_of(
        part.method, goal.task, (spec.hidden_size, spec.seq_len), np.random.default_rng([part.seed, 0])
    )
    training = Training(rl.Recipe(RATE, "adam", 1.0), BATCH, EVERY, spec.updates)
    rows = learning.learn(model, goal, training, [part.seed], so_far, keep)[1]
    where = {"method": part.method, "seq_len": spec.seq_len, "budget": spec.updates, "seed": part.seed}
    return pd.DataFrame(where, index=rows.index).join(rows)


def goal_of(seq_len: int) -> Goal:
    """A tenth of chance."""
    task = rl.tasks.adding(seq_len)
    return Goal(task, lambda output, batch: (output[-1, :, 0] - batch.target[0, :, 0]) ** 2 / task.chance, SHARE, FRESH)


def checks(table: pd.DataFrame) -> pd.DataFrame:
    """Who adds and who does not."""
    return table_of(training_claims(table))


def training_claims(table: pd.DataFrame) -> Iterator[Claim]:
    """Outcomes of trainings that had the default T, or a longer one for those that fail, and budget."""
    fields = Spec.model_fields
    rows = table[table["budget"] == fields["updates"].default]
    last = learning.ends(rows, ["method", "seq_len"])
    for (name, steps), runs in last.groupby(["method", "seq_len"], sort=False):
        share, error = float(runs["solved"].astype(float).mean()), float(runs["score"].min())
        if name in ("LSTM", "GRU", "attention") and steps <= fields["seq_len"].default:
            text, source = f"{name} adds, T = {steps}: share of trainings", "gates, or attention to marks; or none"
            yield Claim(text, 1.0, share, 0.0, source, rival=0.0)
        if name == "RNN" and steps >= fields["seq_len"].default:
            reason = "Le, Jaitly and Hinton 2015: tanh networks stay at the floor; 1,000 sequences know it to 5 %"
            yield Claim(f"RNN, T = {steps}: least error over chance", 1.0, error, 0.25, reason, rival=SHARE)
        if name == "IRNN" and steps <= fields["seq_len"].default:
            text, reason = (
                f"IRNN, T = {steps}: least error over chance",
                "Le, Jaitly and Hinton 2015: half at most; or chance",
            )
            yield Claim(text, 0.5, error, AT_MOST, reason, rival=1.0)


def finding(table: pd.DataFrame) -> str:
    """Who adds."""
    return f"adding two of {table['seq_len'].iloc[0]} numbers: {learning.finding(table)}"


@drawing
def draw(table: pd.DataFrame) -> dict[str, Figure]:
    """Learning curves against chance.

    Returns
    -------
    dict of str to Figure
        adding.
    """
    figure = new_figure(11.0, 6.0)
    axes = learning.draw_each(figure, table, 1.0, "score", goal=SHARE)
    axes[0].set_yscale("log")
    figure.supylabel("error on 1,000 fresh sequences, over chance")
    headline(figure, finding(table))
    return {"adding": figure}
