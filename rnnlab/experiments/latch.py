"""The latch: hold one bit. Descent needs the more updates the longer the lag, hundreds and more; guessing a few trials.

Claim: the latch is learnt over short lags and hardly over 100 steps, yet guessing the weights of one unit takes 13 to
16 trials.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from textwrap import fill
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from numpy.typing import NDArray
from pydantic import Field, FiniteFloat
from scipy.stats import norm

import rnnlab as rl
from rnnlab.experiments._lab import learning
from rnnlab.experiments._lab.claims import Claim, table_of
from rnnlab.experiments._lab.figures import drawing, headline, new_figure
from rnnlab.experiments._lab.learning import METHODS, USUAL, Goal, Method, Progress, Training
from rnnlab.experiments._lab.resumable import Keep, Resumable
from rnnlab.experiments._lab.spec import Choices, ExperimentSpec, Lengths

Array = NDArray[np.float64]
FRESH = 1000  # sequences, all of which must come out right
EVERY = 100  # updates between tests
BATCH = 10
WIDEST = 100.0  # weights are guessed uniformly in -100 .. 100
WIDTH = 34  # letters of a line in a cell
AT_ONCE = 250  # guesses tested on the same sequences
VARIANTS = ("guessed weights", "guessed weights and bias")
LAGS = "Bengio, Simard and Frasconi 1994: descent fails to latch over long lags"


class Spec(ExperimentSpec):
    """Who learns, over which lags, how long."""

    method: Choices[Method] = Field(default=(*USUAL, "LSTM-chrono"), description=", ".join(METHODS))
    seq_len: Lengths = Field(default=(10, 30, 100), description="sequence lengths T")
    hidden_size: int = Field(default=16, ge=1, description="units H of the trained networks")
    seeds: int = Field(default=4, ge=1, le=10_000, description="trainings of each, seeded 0, 1, ...")
    updates: int = Field(default=1000, ge=1, description="updates after which a training is given up")
    learning_rate: FiniteFloat = Field(default=0.005, gt=0, description="of Adam, gradients shortened to norm 1")
    guesses: int = Field(default=20_000, ge=1, description="one-unit networks guessed at each T")

    def bytes_needed(self, workers: int) -> int:
        """Memory of the tests that the workers have in hand."""
        return workers * learning.bytes_in_hand(self.method, max(self.seq_len), self.hidden_size)


class Part(NamedTuple):
    """One training, or the guesses of one variant at one T."""

    spec: Spec
    name: str
    seq_len: int
    seed: int


def measure(spec: Spec, each: Callable[..., Iterable[pd.DataFrame]] = map) -> pd.DataFrame:
    """Train networks until all of 1,000 fresh sequences come out right; guess one-unit networks and count the right ones.

    Returns
    -------
    DataFrame
        part (training, guessing), method (or variant of guessing), seq_len, seed. Of a training, a row per 100 updates:
        update, loss, score (share of fresh sequences answered wrong), solved, symptom, budget (updates allowed). Of
        guessing: guesses, right (those with no wrong sequence among 1,000), trials (their ratio), standard_error.
    """
    runs = [(name, steps, seed) for name in spec.method for steps in spec.seq_len for seed in range(spec.seeds)]
    guessed = [(name, steps, 0) for name in VARIANTS for steps in spec.seq_len]
    return pd.concat(each(Resumable(measure_part), [Part(spec, *run) for run in runs + guessed]), ignore_index=True)


def measure_part(part: Part, so_far: Progress | None, keep: Keep) -> pd.DataFrame:
    """The rows of one part."""
    guessing = part.name in VARIANTS
    rows = guess(part) if guessing else train(part, so_far, keep)
    where = {"part": "guessing" if guessing else "training", "method": part.name, "seq_len": part.seq_len}
    return pd.DataFrame({**where, "seed": part.seed}, index=rows.index).join(rows)


def train(part: Part, so_far: Progress | None, keep: Keep) -> pd.DataFrame:
    """The curve of one training."""
    spec, goal = part.spec, goal_of(part.seq_len)
    training = Training(rl.Recipe(spec.learning_rate, "adam", 1.0), BATCH, EVERY, spec.updates)
    model = learning.model_of(
        part.name, goal.task, (spec.hidden_size, part.seq_len), np.random.default_rng([part.seed, 0])
    )
    return learning.learn(model, goal, training, [part.seed], so_far, keep)[1].assign(budget=spec.updates)


def goal_of(seq_len: int) -> Goal:
    """No wrong answer among 1,000 fresh sequences."""
    return Goal(rl.tasks.latch(seq_len), wrong, 0.0, FRESH)


def wrong(output: Any, batch: rl.Batch) -> Array:
    """Whether each sequence's last output is on the wrong side of 1/2; an output that is not a number is."""
    wanted = batch.target[0, :, 0] > 0.5
    return np.where(wanted, ~(output[-1, :, 0] > 0.5), ~(output[-1, :, 0] < 0.5)).astype(np.float64)


def guess(part: Part) -> pd.DataFrame:
    """How many of many guessed networks answer right; a thousand fresh sequences for every 250 guesses."""
    rng, task = np.random.default_rng([part.seq_len, VARIANTS.index(part.name), 3]), rl.tasks.latch(part.seq_len)
    right, left = 0, part.spec.guesses
    while left:
        count = min(AT_ONCE, left)
        right += int(all_right(guessed(part.name, count, rng), task.draw(rng, FRESH)).sum())
        left -= count
    guesses, p = part.spec.guesses, right / part.spec.guesses
    trials = 1 / p if right else math.inf
    error = trials * math.sqrt((1 - p) / right) if right else math.inf
    return pd.DataFrame([{"guesses": guesses, "right": right, "trials": trials, "standard_error": error}])


def guessed(variant: str, count: int, rng: np.random.Generator) -> Array:
    """Networks of one unit, whose answer is the sign of its last state: rows input weight, recurrent weight, bias."""
    weights = rng.uniform(-WIDEST, WIDEST, (3, count))
    if variant == VARIANTS[0]:
        weights[2] = 0
    return weights


def all_right(weights: Array, batch: Any) -> NDArray[np.bool_]:
    """Which guesses answer every sequence right: few sequences first, as most guesses fail there."""
    right = np.ones(weights.shape[1], bool)
    for sequences in (slice(0, 4), slice(4, 64), slice(64, None)):
        answers = answers_of(weights[:, right], batch.x[:, sequences, 0], batch.length[sequences])
        right[right] = (answers == (batch.target[0, sequences, 0] > 0.5)).all(axis=1)
    return right


def answers_of(weights: Array, x: Array, length: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Whether h_t = tanh(w x_t + v h_(t-1) + b) ends above 0: guesses x sequences, for x (T, sequences) of those lengths."""
    w, v, bias = weights[:, :, None]
    h = np.zeros((weights.shape[1], x.shape[1]))
    for t, row in enumerate(x):
        h = np.where(t < length, np.tanh(w * row + v * h + bias), h)
    return h > 0


def trials_law(variant: str, seq_len: int) -> float:
    """Trials that guessing takes on average, by m, the largest of all noise, for m > 1.

    Units of large weights are at -1 or 1. The bit is taken in if w > abs(b), and no noise turns it over if
    v > m w + abs(b). Of uniform weights that is so with probability 1 / (8 m) without bias, and with it
    (s^2 / 2 - (m + 1/2) s^3 / 3 + s^3 / (6 m)) / 4, s = 1 / (m + 1).
    """
    numbers = FRESH * (1.05 * seq_len - 1)
    m = max(1.0, rl.tasks.LATCH_NOISE * float(norm.isf(-math.expm1(math.log(0.5) / numbers) / 2)))  # its median
    if variant == VARIANTS[0]:
        return 8 * m
    s = 1 / (m + 1)
    return 4 / (s**2 / 2 - (m + 0.5) * s**3 / 3 + s**3 / (6 * m))


def checks(table: pd.DataFrame) -> pd.DataFrame:
    """Guessing against its law and the literature; who latches and who does not."""
    guessing = table[table["part"] == "guessing"]
    return table_of([*guessing_claims(guessing), *training_claims(table)])


def guessing_claims(rows: pd.DataFrame) -> Iterator[Claim]:
    """The number of trials is the law's; published numbers, 6 and 22, are of other networks and other noise."""
    for row in rows[rows["seq_len"] >= 10].itertuples():
        law = trials_law(str(row.method), row.seq_len)  # 10 %: the largest noise varies, some guesses are small weights
        name = f"trials, {row.method}, T = {row.seq_len}"
        tolerance, rival = 4 * row.standard_error + 0.1 * law, trials_law(str(row.method), 1)
        yield Claim(
            name, law, row.trials, tolerance, "probability that guesses latch, see trials_law; or one step", rival=rival
        )


def training_claims(table: pd.DataFrame) -> Iterator[Claim]:
    """Shares of trainings that solve the task within the default budget; a larger one solves more."""
    budget = Spec.model_fields["updates"].default
    long = table[(table["part"] == "training") & (table["budget"] == budget)]
    last = learning.ends(long, ["method", "seq_len"])
    for (name, steps), runs in last.groupby(["method", "seq_len"], sort=False):
        share = float(runs["solved"].astype(float).mean())
        text = f"{name}, T = {steps}: share of {len(runs)} trainings that latch within {budget:,} updates"
        if name == "attention":
            yield Claim(
                text,
                0.0,
                share,
                0.0,
                "without positions it can't tell the first input from noise; or all do",
                rival=1.0,
            )
        elif steps <= 10 and name != "minGRU":  # whose gate, blind to the state, takes in noise like the bit
            yield Claim(text, 1.0, share, 0.25, "a short lag can be learnt, one odd seed in four; or none", rival=0.0)
        elif name == "LSTM-chrono" and steps == Spec.model_fields["seq_len"].default[-1]:
            yield Claim(
                text,
                1.0,
                share,
                0.25,
                "the positive control, Tallec and Ollivier 2018: it can be learnt in that time; or none",
                rival=0.0,
            )
        elif name == "RNN" and steps >= 100:
            yield Claim(text, 0.0, share, 0.25, LAGS + "; one odd seed in four; or all", rival=1.0)


def finding(table: pd.DataFrame) -> str:
    """Who holds a bit over the longest lag."""
    steps = table["seq_len"].max()
    rows = table[(table["part"] == "training") & (table["seq_len"] == steps)]
    return f"holding a bit over {steps} steps: {learning.finding(rows)}"


@drawing
def draw(table: pd.DataFrame) -> dict[str, Figure]:
    """Who latches over which lag, beside guessing; and the losses over the middle one of the lags.

    Returns
    -------
    dict of str to Figure
        latch, losses.
    """
    lengths = sorted(table["seq_len"].unique())
    middle = lengths[len(lengths) // 2]
    figures = {"latch": new_figure(8.0, 6.6), "losses": new_figure(11.0, 6.0)}
    draw_outcomes(figures["latch"].subplots(), table)
    headline(figures["latch"], finding(table))
    rows = table[(table["part"] == "training") & (table["seq_len"] == middle)]
    axes = learning.draw_each(figures["losses"], rows, goal_of(int(middle)).task.chance)
    axes[0].set_ylim(0, 0.35)
    figures["losses"].supylabel("training loss")
    headline(figures["losses"], f"holding a bit over {middle} steps: {learning.finding(rows)}")
    return figures


def draw_outcomes(axis: Any, table: pd.DataFrame) -> None:
    """A cell per method and T: how many trainings solved it and when; of guessing, the trials."""
    names, lengths = list(dict.fromkeys(table["method"])), sorted(table["seq_len"].unique())
    last = learning.ends(table[table["part"] == "training"], ["method", "seq_len"])
    shares = np.ones((len(names), len(lengths)))
    for i, name in enumerate(names):
        for j, steps in enumerate(lengths):
            runs = last[(last["method"] == name) & (last["seq_len"] == steps)]
            shares[i, j] = runs["solved"].astype(float).mean() if len(runs) else 1.0
            text = words(runs) if len(runs) else trials_in_words(table, name, steps)
            axis.text(j, i, text, ha="center", va="center")
    axis.imshow(shares, cmap="Blues", vmin=0, vmax=2, aspect="auto")  # light enough for black text
    axis.axhline(len(names) - len(VARIANTS) - 0.5, color="black", linewidth=1.5)
    axis.set_xticks(range(len(lengths)), [f"{steps}" for steps in lengths])
    axis.set_yticks(range(len(names)), names)
    axis.set(
        xlabel="sequence length T", title=f"Trainings that solve it within {int(last['budget'].iloc[0]):,} updates"
    )


def words(runs: pd.DataFrame) -> str:
    """How many of the trainings solved it, and the median of their updates; of none, why."""
    solved = runs[runs["solved"].astype(float) == 1]
    more = f"{solved['update'].median():.0f} updates" if len(solved) else fill(learning.why(runs), WIDTH)
    return f"{len(solved)} of {len(runs)}\n{more}".strip()


def trials_in_words(table: pd.DataFrame, name: str, steps: int) -> str:
    """The mean number of guesses until one is right."""
    row = table[(table["method"] == name) & (table["seq_len"] == steps)].iloc[0]
    return f"{row['trials']:.3g} ± {2 * row['standard_error']:.2g}\ntrials"
