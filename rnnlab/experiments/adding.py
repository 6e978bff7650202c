"""Adding two marked numbers a long way apart: who gets below chance, and after how many updates.

Claim: gates and attention learn to add over 50 steps, a tanh network stays at chance.

`experiments/adding_arjovsky2016.toml` and `adding_le2015.toml` are the settings of M. Arjovsky, A. Shah, Y. Bengio,
Unitary evolution recurrent neural networks, ICML 2016, section 4.2 and figure 2, and of Q. V. Le, N. Jaitly, G. E.
Hinton, arXiv:1504.00941, 2015, at its shortest length; `full` is the second to its end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Annotated, Any, ClassVar, NamedTuple

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from pydantic import Field, FiniteFloat, StrictBool

import rnnlab as rl
from rnnlab.experiments._lab import learning
from rnnlab.experiments._lab.claims import AT_MOST, Claim, table_of
from rnnlab.experiments._lab.figures import drawing, headline, new_figure
from rnnlab.experiments._lab.learning import METHODS, OPTIMISERS, USUAL, Goal, Method, Optimiser, Progress, Training
from rnnlab.experiments._lab.resumable import Keep, Resumable
from rnnlab.experiments._lab.spec import Choices, ExperimentSpec, Listed

FRESH = 1000
SHARE = 0.1  # of the chance floor: solved at a mean squared error over fresh sequences below this
EVERY = 200  # updates between tests
BATCH = 20
SETTINGS = {"optimiser", "hidden_size"}  # in the table where they are not the defaults
STARTS = 1_000_000  # updates "before they start learning" by descent, as Arjovsky et al. say of Le et al.
# updates until a tenth of chance, read from Arjovsky's figure 2, by T
LSTM_ADDS = {100: 4_000, 200: 14_500, 400: 14_000}
ARJOVSKY = (
    "Arjovsky, Shah and Bengio 2016, section 4.2 and figure 2; differs here: weights start half as large, within "
    "1 / sqrt(H); the norm is clipped, not each entry; no peepholes; every sequence is new; one training"
)
LE = (
    "Le, Jaitly and Hinton 2015, as Arjovsky et al. report: the RNN at T = 150, IRNN and LSTM to 300, after over a million "
    "updates; differs here: one rate, no grid; the norm clipped at 1, batches of 20"
)


class Spec(ExperimentSpec):
    """Who learns, over which lag, how long."""

    papers: ClassVar[dict[str, Any]] = {
        "method": ("RNN", "IRNN", "LSTM"),
        "seq_len": (150, 200, 300, 400),
        "hidden_size": 100,
        "optimiser": "sgd",
        "learning_rate": 0.01,
        "seeds": 1,
        "updates": 2 * STARTS,
    }
    method: Choices[Method] = Field(default=USUAL, description=", ".join(METHODS))
    seq_len: Listed[Annotated[int, Field(ge=10)]] = Field(default=(50,), description="sequence lengths T")
    hidden_size: int = Field(default=64, ge=1, description="units H")
    seeds: int = Field(default=2, ge=1, le=10_000, description="trainings of each, seeded 0, 1, ...")
    updates: int = Field(default=3000, ge=1, description="updates after which a training is given up")
    optimiser: Optimiser = Field(default="adam", description="adam, rmsprop (decay 0.9) or sgd, for all")
    learning_rate: FiniteFloat = Field(default=0.002, gt=0, description="its step size, for all")
    full: StrictBool = Field(
        default=False, description="the setting of Le et al. 2015: T to 400, 2 million updates; days"
    )

    def bytes_needed(self, workers: int) -> int:
        """Memory of the tests that the workers have in hand."""
        return workers * learning.bytes_in_hand(self.method, max(self.seq_len), self.hidden_size)


class Part(NamedTuple):
    """One training."""

    spec: Spec
    seq_len: int
    method: Method
    seed: int


def measure(spec: Spec, each: Callable[..., Iterable[pd.DataFrame]] = map) -> pd.DataFrame:
    """Train networks until their error on 1,000 fresh sequences is below a tenth of chance.

    Returns
    -------
    DataFrame
        method, seq_len, seed; a row per 200 updates: update, loss, score (mean squared error on fresh sequences over
        chance), solved, symptom, budget (updates allowed); optimiser, hidden_size where not the default.
    """
    lengths = sorted(spec.seq_len, reverse=True)  # long ones first: no worker is left alone with one
    parts = [Part(spec, steps, name, seed) for steps in lengths for name in spec.method for seed in range(spec.seeds)]
    return pd.concat(each(Resumable(measure_part), parts), ignore_index=True).assign(**spec.changed(SETTINGS))


def measure_part(part: Part, so_far: Progress | None, keep: Keep) -> pd.DataFrame:
    """The curve of one training, in batches of 20."""
    spec, goal = part.spec, goal_of(part.seq_len)
    size = (spec.hidden_size, part.seq_len)
    model = learning.model_of(part.method, goal.task, size, np.random.default_rng([part.seed, 0]))
    recipe = rl.Recipe(spec.learning_rate, OPTIMISERS[spec.optimiser], clip_norm=1.0)
    training = Training(recipe, BATCH, EVERY, spec.updates)
    rows = learning.learn(model, goal, training, [part.seed], so_far, keep)[1]
    where = {"method": part.method, "seq_len": part.seq_len, "budget": spec.updates, "seed": part.seed}
    return pd.DataFrame(where, index=rows.index).join(rows)


def goal_of(seq_len: int) -> Goal:
    """A tenth of chance."""
    task = rl.tasks.adding(seq_len)
    return Goal(task, lambda output, batch: (output[-1, :, 0] - batch.target[0, :, 0]) ** 2 / task.chance, SHARE, FRESH)


def checks(table: pd.DataFrame) -> pd.DataFrame:
    """Who adds and who does not; where it was done as in a paper, what was published beside it."""
    return table_of(published_claims(table) if "optimiser" in table else training_claims(table))


def published_claims(table: pd.DataFrame) -> Iterator[Claim]:
    """What the papers say of each network and length: solved or not; nothing of failures in fewer updates than theirs."""
    descent = table["optimiser"].iloc[0] == "sgd"
    needed = dict.fromkeys([150, 200, 300], STARTS) if descent else LSTM_ADDS
    for (name, steps), runs in learning.ends(table, ["method", "seq_len"]).groupby(["method", "seq_len"], sort=False):
        text, share = f"{name}, T = {steps}: share of trainings that add", float(runs["solved"].astype(float).mean())
        if name == "RNN" and not descent:
            yield Claim(text, 0.0, share, 0.0, ARJOVSKY, rival=1.0)
        elif steps in needed and (name != "RNN" or steps == 150) and (share or runs["budget"].min() >= needed[steps]):
            if descent:
                yield Claim(text, 1.0, share, 0.0, LE, rival=0.0)
            else:
                yield Claim(f"{text}, not reproduced", 0.0, share, 0.0, f"{ARJOVSKY}; it adds there", rival=1.0)


def training_claims(table: pd.DataFrame) -> Iterator[Claim]:
    """Outcomes of trainings that had the default T, or a longer one for those that fail, and budget."""
    fields = Spec.model_fields
    rows, (usual,) = table[table["budget"] == fields["updates"].default], fields["seq_len"].default
    last = learning.ends(rows, ["method", "seq_len"])
    for (name, steps), runs in last.groupby(["method", "seq_len"], sort=False):
        share, error = float(runs["solved"].astype(float).mean()), float(runs["score"].min())
        if name in ("LSTM", "GRU", "attention") and steps <= usual:
            text, source = f"{name} adds, T = {steps}: share of trainings", "gates, or attention to marks; or none"
            yield Claim(text, 1.0, share, 0.0, source, rival=0.0)
        if name == "RNN" and steps >= usual:
            reason = "Le, Jaitly and Hinton 2015: tanh networks stay at the floor; 1,000 sequences know it to 5 %"
            yield Claim(f"RNN, T = {steps}: least error over chance", 1.0, error, 0.25, reason, rival=SHARE)
        if name == "IRNN" and steps <= usual:
            text, reason = (
                f"IRNN, T = {steps}: least error over chance",
                "Le, Jaitly and Hinton 2015: half at most; or chance",
            )
            yield Claim(text, 0.5, error, AT_MOST, reason, rival=1.0)


def finding(table: pd.DataFrame) -> str:
    """Who adds."""
    lengths = " or ".join(str(steps) for steps in sorted(table["seq_len"].unique()))
    return f"adding two of {lengths} numbers: {learning.finding(table)}"


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
