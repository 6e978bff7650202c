"""The tasks of 1997, one sequence at a time: how many until an LSTM adds, or tells an order, over a hundred steps.

Claim: an LSTM trained one sequence at a time needs about as many sequences as was published in 1997, adding with Adam
for descent.

By the descent of 1997 adding does not meet the criterion here: `experiments/lstm_1997_descent.toml`, 0 of 2.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Literal, NamedTuple, Self, cast

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from numpy.typing import NDArray
from pydantic import Field, model_validator

import rnnlab as rl
from rnnlab.experiments._lab import learning
from rnnlab.experiments._lab.claims import Claim, table_of
from rnnlab.experiments._lab.figures import drawing, headline, new_figure
from rnnlab.experiments._lab.learning import Generators, Progress, Training, train_until_solved
from rnnlab.experiments._lab.networks import LINES
from rnnlab.experiments._lab.resumable import Keep, Resumable, forget
from rnnlab.experiments._lab.spec import Choices, ExperimentSpec

Array = NDArray[np.float64]
TaskName = Literal["adding", "temporal-order", "adding-descent"]
DIFFERS = "differs here: whole BPTT, gates of every cell, forget gates, tanh, readout"
UNITS = 4  # two blocks of two cells
KEEP = 5.0  # forget bias: the cells of 1997 had no forget gate, this one starts at sigmoid(5) = 0.993
SPREAD = 0.1  # weights start uniformly in -0.1 .. 0.1
SHORTEST = 20  # steps of the adding problem of 1997
IN_A_ROW, BLOCK = 2000, 500  # successive sequences of the criterion, and sequences between two looks at it


class Trial(NamedTuple):
    """One experiment of 1997."""

    task: rl.Task
    input_biases: tuple[float, ...]  # of the input gates, one a cell
    recipe: rl.Recipe
    error_of: Callable[[Array], Array]  # of losses, one a sequence
    limit: float  # the largest error of a right answer
    mean_limit: float  # the largest mean error of a solution
    published: int  # sequences, the mean over its trials
    source: str


def trial_of(name: TaskName, seq_len: int) -> Trial:
    """What was done, and how it is done here.

    Solved are 2,000 successive right answers of a small mean error. adding: right within 0.04, mean error 0.01, by Adam;
    adding-descent: the same by the descent of 1997, at 0.5 and without clipping, which comes to a standstill here at errors
    of about 0.07. temporal-order: right within 0.3, mean error 0.1, both of the right class's softmax; descent at 0.5. But
    for adding-descent gradients are shortened to norm 1.
    """
    source = "Hochreiter and Schmidhuber 1997, experiment"
    if name != "temporal-order":
        recipe = rl.Recipe(0.003, "adam", clip_norm=1.0) if name == "adding" else rl.Recipe(0.5)
        adding, biases = rl.tasks.adding(seq_len, "hochreiter1997"), (-3.0, -3.0, -6.0, -6.0)
        return Trial(adding, biases, recipe, np.sqrt, 0.04, 0.01, 74_000, f"{source} 4, T = 100, 10 trials")
    order, descent = rl.tasks.temporal_order(seq_len, "hochreiter1997"), rl.Recipe(0.5, clip_norm=1.0)
    biases = (-2.0, -2.0, -4.0, -4.0)
    return Trial(order, biases, descent, lambda loss: 1 - np.exp(-loss), 0.3, 0.1, 31_390, f"{source} 6a, 20 trials")


class Spec(ExperimentSpec):
    """Which task, over which lag, for how long."""

    task: Choices[TaskName] = Field(
        default=("adding", "temporal-order"), description="adding, temporal-order, adding-descent"
    )
    seq_len: int = Field(default=100, ge=10, description="lengths are T to 1.1 T")
    seeds: int = Field(default=4, ge=1, le=10_000, description="trainings of each, seeded 0, 1, ...")
    sequences: int = Field(default=230_000, ge=IN_A_ROW, description="sequences after which a training is given up")

    @model_validator(mode="after")
    def _long_enough(self) -> Self:
        if set(self.task) != {"temporal-order"} and self.seq_len < SHORTEST:
            raise ValueError(f"seq_len is {self.seq_len}: adding needs at least {SHORTEST}")
        return self


class Part(NamedTuple):
    """One training."""

    spec: Spec
    task: TaskName
    seed: int


def measure(spec: Spec, each: Callable[..., Iterable[pd.DataFrame]] = map) -> pd.DataFrame:
    """Train until the criterion of 1997 is met.

    Returns
    -------
    DataFrame
        task, seq_len, seed; a row per 500 sequences: update (how many so far), loss (their mean), wrong (answers among
        the last 2,000), solved, symptom, budget (sequences allowed), chance.
    """
    parts = [Part(spec, task, seed) for task in spec.task for seed in range(spec.seeds)]
    return pd.concat(each(Resumable(measure_part), parts), ignore_index=True)


def measure_part(part: Part, so_far: Progress | None, keep: Keep) -> pd.DataFrame:
    """The curve of one training."""
    trial = trial_of(part.task, part.spec.seq_len)
    keys = {"task": part.task, "seq_len": part.spec.seq_len, "seed": part.seed}
    rows = pd.DataFrame(learn(trial, part.seed, part.spec.sequences, so_far, keep))
    return rows.assign(**keys, budget=part.spec.sequences, chance=trial.task.chance)


def learn(
    trial: Trial, seed: int, sequences: int, so_far: Progress | None = None, keep: Keep = forget
) -> list[dict[str, Any]]:
    """One sequence an update; every one is new and answered before it is learnt from, so that its loss is a test's.

    Unlike in 1997: whole BPTT, not truncated; gates for every cell, not for a block of two; forget gates; tanh for the
    scaled sigmoids of cell input and output; a linear readout, or a softmax.
    """

    def test(run: rl.Fit, found: tuple[list[dict[str, Any]], Array] | None) -> tuple[Any, bool]:
        rows, recent = found or ([], np.zeros(0))
        recent = np.concatenate([recent, trial.error_of(run.history.loss)])[-IN_A_ROW:]
        wrong, solved = int((~(recent <= trial.limit)).sum()), is_solved(trial, recent)
        loss = float(run.history.loss.mean())
        symptom = learning.symptom_of(run, trial.recipe.clip_norm)
        row = {"update": run.state.update, "loss": loss, "wrong": wrong, "solved": solved, "symptom": symptom}
        return ([*rows, row], recent), solved

    model, rng = model_1997(trial, np.random.default_rng([seed, 0])), np.random.default_rng([seed, 1])
    training, drawn = Training(trial.recipe, 1, BLOCK, sequences), Generators(rng, rng)
    rows: list[dict[str, Any]]
    _, (rows, _) = train_until_solved(model, trial.task, training, test, drawn, so_far, keep)
    return rows


def is_solved(trial: Trial, recent: Array) -> bool:
    """Whether 2,000 successive answers are all right, and well enough on average; a nan is not."""
    return bool(recent.size == IN_A_ROW and (recent <= trial.limit).all() and recent.mean() <= trial.mean_limit)


def model_1997(trial: Trial, rng: np.random.Generator) -> rl.Model:
    """Four cells, small weights, biases of the input gates as in 1997, forget gates nearly open."""
    inputs, outputs = trial.task.inputs, trial.task.outputs

    def small(*shape: int) -> Array:
        return rng.uniform(-SPREAD, SPREAD, shape)

    bias = small(4, UNITS)
    bias[0] += trial.input_biases
    bias[1] += KEEP
    params = rl.LSTMParams(small(4 * UNITS, inputs), small(4 * UNITS, UNITS), bias.ravel())
    return rl.Model(params, rl.Readout(small(outputs, UNITS), small(outputs)))


def checks(table: pd.DataFrame) -> pd.DataFrame:
    """The published numbers of sequences, within a factor of 2, of trainings that had the default length and budget."""
    return table_of(claim for name, rows in table.groupby("task", sort=False) for claim in claims_of(name, rows))


def claims_of(name: TaskName, rows: pd.DataFrame) -> Iterator[Claim]:
    """Of one task."""
    fields, trial = Spec.model_fields, trial_of(name, int(rows["seq_len"].iloc[0]))
    if rows["seq_len"].iloc[0] != fields["seq_len"].default or rows["budget"].min() != fields["sequences"].default:
        return
    last, how = learning.ends(rows, ["task"]), "" if trial.recipe.optimiser == "sgd" else ", with Adam"
    solved = float(last["solved"].astype(float).mean())
    text, source = f"{name}{how}: share of trainings that meet the criterion", f"{trial.source}; {DIFFERS}"
    if name == "adding-descent":
        yield Claim(f"{text}, not reproduced", 0.0, solved, 0.0, f"{source}; all did in 1997", rival=1.0)
        return
    yield Claim(text, 1.0, solved, 0.0, f"{source}; or none", rival=0.0)
    ratio, budget = (math.log10(count / trial.published) for count in (last["update"].mean(), last["budget"].max()))
    text = f"{name}{how}: log10 of the mean number of sequences over {trial.published:,}"
    yield Claim(text, 0.0, ratio, math.log10(2), f"{source}; or the whole budget", rival=budget)


def finding(table: pd.DataFrame) -> str:
    """After how many sequences the tasks are learnt, beside 1997."""
    told = []
    for name, rows in table.groupby("task", sort=False):
        last = learning.ends(rows, ["task"])
        solved = last[last["solved"].astype(bool)]
        published = trial_of(cast(TaskName, name), int(rows["seq_len"].iloc[0])).published
        after = f" after {solved['update'].mean():,.0f} sequences" if len(solved) else ""
        told.append(f"{name}: {len(solved)} of {len(last)} trainings meet the criterion{after} (1997: {published:,})")
    return "; ".join(told)


@drawing
def draw(table: pd.DataFrame) -> dict[str, Figure]:
    """Loss of every training until the criterion is met, and when it was in 1997.

    Returns
    -------
    dict of str to Figure
        sequences.
    """
    names = list(dict.fromkeys(table["task"]))
    figure = new_figure(1.0 + 5.6 * len(names), 5.0)
    for axis, name in zip(np.atleast_1d(figure.subplots(1, len(names))), names, strict=True):
        draw_task(axis, name, table[table["task"] == name])
    headline(figure, finding(table))
    return {"sequences": figure}


def draw_task(axis: Any, name: TaskName, rows: pd.DataFrame) -> None:
    """One panel."""
    reason = learning.why(learning.failed(rows, ["task"]))
    for number, (_, run) in enumerate(rows.groupby("seed")):
        style = {"linestyle": LINES[number % len(LINES)], "marker": "o", "markevery": [-1]}
        label = None if number else f"LSTM, until it meets the criterion{reason and f'; or not: {reason}'}"
        axis.plot(run["update"], run["loss"], label=label, color=f"C{number}", linewidth=1.3, **style)
    published = trial_of(name, int(rows["seq_len"].iloc[0])).published
    learning.draw_chance(axis, float(rows["chance"].iloc[0]))
    axis.axvspan(published / 2, published * 2, color="grey", alpha=0.15, label="within a factor of 2 of 1997")
    axis.axvline(published, color="black", linewidth=1, label=f"{published:,} (1997, a mean)")
    axis.set(xscale="log", yscale="log", xlabel="sequences", ylabel="loss, mean of 500 sequences")
    recipe = trial_of(name, int(rows["seq_len"].iloc[0])).recipe
    how = (
        "descent, as in 1997"
        if recipe.optimiser == "sgd"
        else f"{str(recipe.optimiser).capitalize()}, not 1997's descent"
    )
    axis.set_title(f"{name.replace('-', ' ')}, T = {rows['seq_len'].iloc[0]}: {how}")
    axis.legend(fontsize=10, frameon=False, loc="lower left")
