"""Adding two marked numbers: who gets below chance; and an LSTM trained as in 1997, one sequence at a time."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from numpy.typing import NDArray
from pydantic import Field

import rnnlab as rl
from rnnlab.experiments import _learning
from rnnlab.experiments._claims import Claim, table_of
from rnnlab.experiments._learning import METHODS, Goal, Methods, Training
from rnnlab.experiments._spec import ExperimentSpec
from rnnlab.experiments._style import new_figure, theme

Array = NDArray[np.float64]
FRESH = 1000
SHARE = 0.1  # of the chance floor: solved at a mean squared error over fresh sequences below this
EVERY = 200  # updates between tests
BATCH = 20
RATES = {"RNN": 0.002, "IRNN": 0.002, "orthogonal": 0.002, "LSTM": 0.005, "GRU": 0.005, "attention": 0.005}
ONLINE_UNITS, ONLINE_RATE, ONLINE_BLOCK = 4, 0.003, 1000
INPUT_BIASES = (-3.0, -3.0, -6.0, -6.0)  # 1997: two blocks of two cells, whose input gates start at -3 and -6
KEEP = 5.0  # forget bias: the cells of 1997 had no forget gate, this one starts at sigmoid(5) = 0.993
NEAR, IN_A_ROW, ALLOWED = 0.04, 2000, 2  # the criterion: at most 2 errors above 0.04 among 2,000 successive sequences
PUBLISHED = 74_000  # sequences on average over 10 trials, T = 100
SOURCE_1997 = "Hochreiter and Schmidhuber 1997, experiment 4, T = 100"


class Spec(ExperimentSpec):
    """Who learns, over which lag, how long."""

    method: Methods = Field(default=METHODS, description=", ".join(METHODS))
    seq_len: int = Field(default=50, ge=10, description="sequence length T")
    hidden_size: int = Field(default=64, ge=1, description="units H")
    seeds: int = Field(default=2, ge=1, description="trainings of each, seeded 0, 1, ...")
    updates: int = Field(default=3000, ge=1, description="updates after which a training is given up")
    online_seq_len: int = Field(default=100, ge=10, description="T of the LSTM trained as in 1997")
    online_seeds: int = Field(default=2, ge=0, description="its trainings, seeded 0, 1, ...")
    online_sequences: int = Field(default=230_000, ge=2000, description="sequences after which it is given up")


class Part(NamedTuple):
    """One training."""

    spec: Spec
    name: str
    seed: int


def measure(spec: Spec, each: Callable[..., Iterable[pd.DataFrame]] = map) -> pd.DataFrame:
    """Train networks until their error on 1,000 fresh sequences is below a tenth of chance; an LSTM to the 1997 criterion.

    Returns
    -------
    DataFrame
        part (batches, online), method, seq_len, seed; a row per 200 updates, online per 1,000 sequences: update, loss,
        score (mean squared error on fresh sequences over chance; online the fewest errors above 0.04 among 2,000
        successive sequences up to here), solved, budget (updates allowed).
    """
    runs = [("online", seed) for seed in range(spec.online_seeds)]  # the longest first
    runs += [(name, seed) for name in spec.method for seed in range(spec.seeds)]
    return pd.concat(each(measure_part, [Part(spec, *run) for run in runs]), ignore_index=True)


def measure_part(part: Part) -> pd.DataFrame:
    """The curve of one training."""
    spec, online = part.spec, part.name == "online"
    rows = learn_online(spec, part.seed) if online else train(part)
    where = {"part": "online", "method": "LSTM", "seq_len": spec.online_seq_len, "budget": spec.online_sequences}
    if not online:
        where = {"part": "batches", "method": part.name, "seq_len": spec.seq_len, "budget": spec.updates}
    return pd.DataFrame({**where, "seed": part.seed}, index=rows.index).join(rows)


def train(part: Part) -> pd.DataFrame:
    """In batches of 20 with Adam."""
    spec, goal = part.spec, goal_of(part.spec.seq_len)
    method = next(name for name in METHODS if name == part.name)
    recipe = rl.Recipe(RATES[method], "adam", 1.0)
    model = _learning.model_of(method, goal.task, spec.hidden_size, np.random.default_rng([part.seed, 0]))
    training = Training(recipe, BATCH, EVERY, spec.updates)
    return _learning.learn(model, goal, training, [part.seed])[1]


def goal_of(seq_len: int) -> Goal:
    """A tenth of chance."""
    task = rl.tasks.adding(seq_len)
    return Goal(task, lambda output, batch: (output[-1, :, 0] - batch.target[0, :, 0]) ** 2 / task.chance, SHARE, FRESH)


def learn_online(spec: Spec, seed: int) -> pd.DataFrame:
    """One sequence an update until the criterion of 1997 is met: sequences, their loss, the fewest errors in a row.

    Every sequence is new and is answered before it is learnt from, so the losses of training are those of a test.

    Unlike in 1997: Adam at 0.003 with gradients of norm 1 at most, not plain descent at 0.5 (which here, at 0.25 of the
    squared error without the half, stalled at errors of about 0.06); whole BPTT, not truncated; gates for every cell, not
    for a block of two; forget gates; tanh for the scaled sigmoids of cell input and output; a linear readout.
    """
    task, recipe = rl.tasks.adding(spec.online_seq_len, "hochreiter1997"), rl.Recipe(ONLINE_RATE, "adam", 1.0)
    model, state = model_1997(np.random.default_rng([seed, 0])), None
    rng, far, rows = np.random.default_rng([seed, 1]), np.zeros(0, bool), list[dict[str, Any]]()
    while not rows or not (rows[-1]["solved"] or rows[-1]["update"] >= spec.online_sequences):
        done = rl.fit(model, task, recipe, updates=ONLINE_BLOCK, batch_size=1, rng=rng, state=state)
        model, state, loss = done.model, done.state, done.history.loss
        far = np.concatenate([far, ~(loss <= NEAR**2)])[-IN_A_ROW - ONLINE_BLOCK :]
        fewest = fewest_in_a_row(far)
        solved = fewest <= ALLOWED
        rows.append({"update": state.update, "loss": float(loss.mean()), "score": float(fewest), "solved": solved})
        if done.stopped:
            break
    return pd.DataFrame(rows)


def fewest_in_a_row(far: NDArray[np.bool_]) -> float:
    """The fewest True among 2,000 successive ones; inf if there are not that many."""
    sums = np.concatenate([[0], np.cumsum(far)])
    return float((sums[IN_A_ROW:] - sums[:-IN_A_ROW]).min()) if far.size >= IN_A_ROW else math.inf


def model_1997(rng: np.random.Generator) -> rl.Model:
    """Four cells, all weights uniform within 0.1, biases of the input gates as in 1997, forget gates nearly open."""

    def small(*shape: int) -> Array:
        return rng.uniform(-0.1, 0.1, shape)

    bias = small(4, ONLINE_UNITS)
    bias[0] += INPUT_BIASES
    bias[1] += KEEP
    params = rl.LSTMParams(small(4 * ONLINE_UNITS, 2), small(4 * ONLINE_UNITS, ONLINE_UNITS), bias.ravel())
    return rl.Model(params, rl.Readout(small(1, ONLINE_UNITS), small(1)))


def checks(table: pd.DataFrame) -> pd.DataFrame:
    """Who adds, who does not, and how many sequences the LSTM of 1997 takes."""
    return table_of([*training_claims(table), *online_claims(table)])


def training_claims(table: pd.DataFrame) -> Iterator[Claim]:
    """Outcomes of trainings that had the default T, or a longer one for those that fail, and budget."""
    fields = Spec.model_fields
    rows = table[(table["part"] == "batches") & (table["budget"] >= fields["updates"].default)]
    last = _learning.ends(rows, ["method", "seq_len"])
    for (name, steps), runs in last.groupby(["method", "seq_len"], sort=False):
        share, error = float(runs["solved"].astype(float).mean()), float(runs["score"].min())
        if name in ("LSTM", "GRU", "attention") and steps <= fields["seq_len"].default:
            yield Claim(
                f"{name} adds, T = {steps}: share of trainings", 1.0, share, 0.0, "gates, or attention to marks"
            )
        if name == "RNN" and steps >= fields["seq_len"].default:
            reason = "Le, Jaitly and Hinton 2015: tanh networks stay at the floor; 1,000 sequences know it to 5 %"
            yield Claim(f"RNN, T = {steps}: least error over chance", 1.0, error, 0.25, reason)
        if name == "IRNN" and steps <= fields["seq_len"].default:
            below = float(error < 0.5)
            yield Claim(
                f"IRNN, T = {steps}: its best training is below half of chance",
                1.0,
                below,
                0.0,
                "Le, Jaitly and Hinton 2015",
            )


def online_claims(table: pd.DataFrame) -> Iterator[Claim]:
    """The mean number of sequences to the criterion, where all trainings met it."""
    rows = table[(table["part"] == "online") & (table["seq_len"] == 100)]
    if len(rows) and (rows["budget"] >= Spec.model_fields["online_sequences"].default).all():
        last = _learning.ends(rows, ["method", "seq_len"])
        solved = float(last["solved"].astype(float).mean())
        yield Claim("LSTM of 1997: share of trainings that meet the criterion", 1.0, solved, 0.0, SOURCE_1997)
        ratio = math.log10(last["update"].mean() / PUBLISHED) if solved == 1 else math.nan
        yield Claim("LSTM of 1997: log10 of sequences over 74,000", 0.0, ratio, math.log10(3), SOURCE_1997)


def draw(table: pd.DataFrame) -> dict[str, Figure]:
    """Learning curves in batches, against chance; online, against the published number of sequences.

    Returns
    -------
    dict of str to Figure
        adding.
    """
    batches, online = (table[table["part"] == part] for part in ("batches", "online"))
    with theme():
        figure = new_figure(12.5, 5.2)
        left, right = figure.subplots(1, 2, width_ratios=(1.3, 1))
        steps = int(batches["seq_len"].iloc[0])
        _learning.draw_curves(left, batches, 1.0, "score")
        left.axhline(SHARE, color="grey", linewidth=1, label="solved")
        left.set(
            ylabel="error on 1,000 fresh sequences, over chance", title=f"T = {steps}: every training, until solved"
        )
        left.legend(fontsize=10, frameon=False, loc="lower right")
        draw_online(right, online)
    return {"adding": figure}


def draw_online(axis: Any, rows: pd.DataFrame) -> None:
    """Loss of every online training until the criterion is met, and when it was in 1997."""
    for (seed, run), line in zip(rows.groupby("seed"), ("-", "--", "-.", ":") * len(rows), strict=False):
        axis.plot(run["update"], run["loss"], linestyle=line, marker="o", markevery=[-1], label=f"LSTM, seed {seed}")
    steps = int(rows["seq_len"].iloc[0]) if len(rows) else 100
    _learning.draw_chance(axis, rl.tasks.adding(steps, "hochreiter1997").chance)
    axis.axvspan(PUBLISHED / 3, PUBLISHED * 3, color="grey", alpha=0.15, label="within a factor of 3 of 1997")
    axis.axvline(PUBLISHED, color="black", linewidth=1, label="74,000 (1997, mean of 10)")
    axis.set(xscale="log", yscale="log", xlabel="sequences", ylabel="loss, mean of 1,000")
    axis.set_title(f"T = {steps}: LSTM, one sequence at a time")
    axis.legend(fontsize=10, frameon=False, loc="lower left")
