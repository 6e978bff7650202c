"""Copying ten symbols: who beats a network without memory; and the table of Henaff: identity adds, orthogonal copies.

Claim: within 1,600 updates a linear recurrence that starts orthogonal copies ten symbols and an identity adds over 200
steps, at the better of two learning rates that every method is given.

`experiments/copy_arjovsky2016.toml` is the setting of M. Arjovsky, A. Shah, Y. Bengio, Unitary evolution recurrent
neural networks, ICML 2016, section 4.1 and figure 1, as far as an hour goes; `full` is all of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, ClassVar, Literal, NamedTuple, get_args

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from numpy.typing import NDArray
from pydantic import Field, StrictBool, field_validator

import rnnlab as rl
from rnnlab.experiments._lab import learning
from rnnlab.experiments._lab.claims import Claim, table_of
from rnnlab.experiments._lab.differences import Chances, family, more_of
from rnnlab.experiments._lab.figures import drawing, headline, new_figure
from rnnlab.experiments._lab.learning import LINEAR, OPTIMISERS, Goal, Method, Optimiser, Progress, Training
from rnnlab.experiments._lab.resumable import Keep, Resumable
from rnnlab.experiments._lab.spec import Choices, ExperimentSpec, Lengths, Rates

Array = NDArray[np.float64]
Copier = Literal[Method, "linear identity", "linear orthogonal"]
COPIERS: tuple[Copier, ...] = get_args(Copier)
USUAL: tuple[Copier, ...] = (*learning.USUAL, "linear identity", "linear orthogonal")
FRESH = 500  # sequences of ten symbols
WRONG = 0.01  # share of symbols: solved at most at this
BELOW = 0.1  # of chance: the adding problem is solved at most at this
EVERY, BATCH = 200, 20
SHORTEST = 10  # steps of the adding problem
LABELS = {"adding": "adding (shown the\nmarked number)", "copy": "copying"}
DOES = {"adding": "adds", "copy": "copies"}
GUESS = 7 / 8  # share of symbols wrong without memory
SOURCE = "Henaff, Szlam and LeCun 2016: identity solves adding, random orthogonal copying, not the reverse"
FLOOR = "Arjovsky, Shah and Bengio 2016: the loss without memory"
SETTINGS = {"optimiser", "hidden_size"}  # in the table where they are not the defaults
PAPER = (
    "Arjovsky, Shah and Bengio 2016, section 4.1 and figure 1; differs here: the norm is clipped, not each entry; "
    "the RNN has 40 units, not 80"
)
LSTM_100 = 0.145 / 0.173  # read from the end of its curve at delay 100, over the floor


class Spec(ExperimentSpec):
    """Who learns, over which delays, how long."""

    papers: ClassVar[dict[str, Any]] = {
        "method": ("RNN", "LSTM"),
        "delay": (100, 200, 300, 500),
        "hidden_size": 40,
        "optimiser": "rmsprop",
        "learning_rate": (0.001,),
        "seeds": 1,
        "updates": 50_000,
    }
    method: Choices[Copier] = Field(default=USUAL, description=", ".join(COPIERS))
    delay: Lengths = Field(default=(10,), description="steps between the symbols and their repetition; T = delay + 20")
    adding_seq_len: Lengths = Field(default=(50, 200), description="T of the adding problem in Henaff's table")
    hidden_size: int = Field(default=64, ge=1, description="units H")
    optimiser: Optimiser = Field(default="adam", description="adam, rmsprop (decay 0.9) or sgd, for all")
    learning_rate: Rates = Field(default=(0.002, 0.01), description="its step sizes: every method's better one counts")
    seeds: int = Field(default=4, ge=1, le=10_000, description="trainings of each, seeded 0, 1, ...")
    updates: int = Field(default=1600, ge=1, description="updates after which a training is given up")
    full: StrictBool = Field(default=False, description="the setting of Arjovsky et al. 2016: delays to 500; hours")

    @field_validator("adding_seq_len")
    @classmethod
    def _long_enough(cls, values: tuple[int, ...]) -> tuple[int, ...]:
        for steps in values:
            if steps < SHORTEST:
                raise ValueError(f"{steps} is below {SHORTEST}, the shortest sequence with two marks")
        return values

    def bytes_needed(self, workers: int) -> int:
        """Memory of the tests that the workers have in hand."""
        return workers * learning.bytes_in_hand(
            self.method, max(*self.adding_seq_len, max(self.delay) + 2 * rl.tasks.COPIED), self.hidden_size
        )


class Part(NamedTuple):
    """One training."""

    spec: Spec
    seq_len: int  # of the adding problem; of copying delay + 20
    method: Copier
    learning_rate: float
    seed: int
    task: str  # copy or adding


def measure(spec: Spec, each: Callable[..., Iterable[pd.DataFrame]] = map) -> pd.DataFrame:
    """Train networks to copy until 99 % of the symbols of fresh sequences are right; two linear ones also to add.

    Returns
    -------
    DataFrame
        task (copy, adding), method, seq_len, learning_rate, seed; a row per 200 updates: update, loss, score (copy: share of the ten
        symbols wrong; adding: mean squared error over chance; both of fresh sequences), solved, symptom, chance (the
        floor of the loss), budget (updates allowed); optimiser, hidden_size where not the default.
    """
    linear = [name for name in LINEAR if name in spec.method]
    trained = [("adding", steps, name) for steps in sorted(spec.adding_seq_len, reverse=True) for name in linear]
    delays = sorted(spec.delay, reverse=True)
    trained += [("copy", delay + 2 * rl.tasks.COPIED, name) for delay in delays for name in spec.method]
    runs = [
        (steps, name, rate, seed, task)
        for task, steps, name in trained
        for rate in spec.learning_rate
        for seed in range(spec.seeds)
    ]
    found = pd.concat(each(Resumable(measure_part), [Part(spec, *run) for run in runs]), ignore_index=True)
    return found.assign(**spec.changed(SETTINGS))


def measure_part(part: Part, so_far: Progress | None, keep: Keep) -> pd.DataFrame:
    """The curve of one training, gradients shortened to norm 1."""
    spec, steps = part.spec, part.seq_len
    goal = copy_goal(steps - 2 * rl.tasks.COPIED) if part.task == "copy" else adding_goal(steps)
    model = learning.model_of(part.method, goal.task, (spec.hidden_size, steps), np.random.default_rng([part.seed, 0]))
    recipe = rl.Recipe(part.learning_rate, OPTIMISERS[spec.optimiser], clip_norm=1.0)
    training = Training(recipe, BATCH, EVERY, spec.updates)
    rows = learning.learn(model, goal, training, [part.seed], so_far, keep)[1]
    where = {"task": part.task, "method": part.method, "seq_len": part.seq_len, "learning_rate": part.learning_rate}
    rows = rows.assign(chance=goal.task.chance, budget=spec.updates)
    return pd.DataFrame({**where, "seed": part.seed}, index=rows.index).join(rows)


def copy_goal(delay: int) -> Goal:
    """99 % of the symbols right."""
    return Goal(rl.tasks.copy(delay), wrong_symbols, WRONG, FRESH)


def wrong_symbols(output: Any, batch: rl.Batch) -> Array:
    """Each sequence's share of the last ten steps at which another class than the symbol has the largest odds."""
    last = slice(-rl.tasks.COPIED, None)
    return np.asarray((output[last].argmax(axis=2) != batch.target[last]).mean(axis=0))


def adding_goal(seq_len: int) -> Goal:
    """A tenth of chance, with the marked number as a third input, max(0, number + mark - 1), and 0 elsewhere.

    Henaff's recurrences are linear in the state and not in the input, which they embed by a learnt ReLU layer. This one
    feature is fixed. Without it no linear network can add: it can't tell which numbers are marked.
    """
    task = rl.tasks.adding(seq_len)

    def draw(rng: np.random.Generator, batch_size: int) -> rl.Batch:
        batch: rl.Batch = task.draw(rng, batch_size)
        marked = np.maximum(batch.x.sum(axis=2, keepdims=True) - 1, 0)
        return batch._replace(x=np.concatenate([batch.x, marked], axis=2))

    def error(output: Any, batch: rl.Batch) -> Array:
        return np.asarray((output[-1, :, 0] - batch.target[0, :, 0]) ** 2 / task.chance)

    return Goal(task._replace(draw=draw, inputs=3), error, BELOW, FRESH)


def at_best_rate(table: pd.DataFrame) -> pd.DataFrame:
    """The trainings at each method's better learning rate: that at which more solve the task, or err less in the end."""
    where = ["task", "seq_len", "method"]
    last = learning.ends(table, [*where, "learning_rate"])
    told = last.astype({"solved": float}).groupby([*where, "learning_rate"], sort=False)
    ranked = told.agg(solved=("solved", "mean"), score=("score", "median")).reset_index()
    best = ranked.sort_values(["solved", "score"], ascending=[False, True], kind="stable").drop_duplicates(where)
    chosen = pd.MultiIndex.from_frame(best[[*where, "learning_rate"]])
    return table[pd.MultiIndex.from_frame(table[[*where, "learning_rate"]]).isin(chosen)]


def checks(table: pd.DataFrame) -> pd.DataFrame:
    """Henaff's table, and who stays without memory; of trainings that had the default delay and budget at least."""
    if "optimiser" in table:
        return table_of(published_claims(table))
    fields = Spec.model_fields
    rows = table[table["budget"] == fields["updates"].default]
    copied = rows[(rows["task"] == "copy") & (rows["seq_len"] == fields["delay"].default[0] + 2 * rl.tasks.COPIED)]
    last = learning.ends(copied, ["method", "learning_rate"])
    added = rows[(rows["task"] == "adding") & (rows["seq_len"] == 200)]
    return table_of([*family([*adders(added), *copiers(last)]), *memory_claims(last)])


def published_claims(table: pd.DataFrame) -> Iterator[Claim]:
    """The last losses over that without memory, beside figure 1: an LSTM is below it at 100 alone."""
    last = learning.ends(table[table["task"] == "copy"], ["method", "seq_len"])
    for row in last.itertuples():
        delay, ratio = row.seq_len - 2 * rl.tasks.COPIED, row.loss / row.chance
        text = f"{row.method}, delay {delay}: loss over that without memory after {row.update:,} updates"
        if row.method == "LSTM" and delay == 100:
            yield Claim(text, LSTM_100, ratio, (LSTM_100, 0.1), f"{PAPER}; or sooner", rival=1.0)
        else:
            yield Claim(text, 1.0, ratio, 0.05, f"{PAPER}; within what curves of the figure scatter", rival=0.0)


def adders(rows: pd.DataFrame) -> Iterator[tuple[str, Chances, str]]:
    """Identity adds over 200 steps sooner than orthogonal; the least error of a seed's runs: errors jump in learning."""
    least = rows.groupby(["method", "seed"])["score"].min() < 0.5
    if set(LINEAR) <= set(rows["method"]):
        text = f"adding, T = 200: more identities than orthogonal below half of chance, at any rate within {rows['budget'].iloc[0]:,} updates"
        yield text, more_of(least[LINEAR[0]], least[LINEAR[1]]), SOURCE


def copiers(last: pd.DataFrame) -> Iterator[tuple[str, Chances, str]]:
    """Orthogonal copies sooner than identity; a seed solves it at any of the rates, which leaves the test exact."""
    solved = last["solved"].astype(bool).groupby([last["method"], last["seed"]]).any()
    if set(LINEAR) <= set(last["method"]):
        text = (
            f"copying: more orthogonal than identities solve it, at any rate within {last['budget'].iloc[0]:,} updates"
        )
        yield text, more_of(solved[[LINEAR[1]]], solved[[LINEAR[0]]]), SOURCE


def memory_claims(last: pd.DataFrame) -> Iterator[Claim]:
    """Cells whose states fade stay at the floor; attention without positions knows which symbols came, not when."""
    for name, runs in last.groupby("method", sort=False):
        wrong = float(runs["score"].min())
        if name in ("RNN", "orthogonal"):
            text = f"{name} (tanh): least share of wrong symbols"
            source = FLOOR + "; 10 % for symbols guessed by chance, or hardly remembered"
            yield Claim(text, GUESS, wrong, 0.1, source, rival=WRONG)
        if name == "attention":
            text, middle = "attention: least share of wrong symbols", (GUESS + 0.5) / 2
            source = FLOOR + "; more than half, fewer than by guessing, as it does not know when; or solved"
            yield Claim(text, middle, wrong, GUESS - middle, source, rival=WRONG)


def finding(table: pd.DataFrame) -> str:
    """Who copies."""
    rows = at_best_rate(table[table["task"] == "copy"])
    lengths = " or ".join(str(steps) for steps in sorted(rows["seq_len"].unique()))
    return f"copying ten symbols over {lengths} steps: {learning.finding(rows)}"


@drawing
def draw(table: pd.DataFrame) -> dict[str, Figure]:
    """Learning curves of copying against the floor; and errors of the linear networks at both tasks.

    Returns
    -------
    dict of str to Figure
        copy; linear where they were trained.
    """
    best = at_best_rate(table)
    rows = best[best["task"] == "copy"]
    figures = {"copy": new_figure(12.0, 6.0)}
    axes = learning.draw_each(figures["copy"], rows, GUESS, "score", goal=WRONG)
    axes[0].set_ylim(-0.03, 1.03)
    figures["copy"].supylabel("share of symbols wrong in fresh sequences")
    headline(figures["copy"], finding(table))
    if best["method"].isin(LINEAR).any():
        figures["linear"] = new_figure(8.0, 5.2)
        draw_table(figures["linear"].subplots(), best)
        headline(figures["linear"], linear_finding(best))
    return figures


def linear_finding(table: pd.DataFrame) -> str:
    """Which tasks each linear recurrence solves."""
    last = learning.ends(table, ["task", "seq_len", "method"])
    told = []
    for method in (name for name in LINEAR if (last["method"] == name).any()):
        runs = last[last["method"] == method].groupby(["task", "seq_len"])["solved"].mean()
        solved = [f"{DOES[task]} over {steps} steps" for (task, steps), share in runs.items() if share == 1]
        told.append(f"{method} {' and '.join(solved) or 'solves nothing'} every time")
    return "; ".join(told) + f", within {table['budget'].iloc[0]:,} updates"


def draw_table(axis: Any, table: pd.DataFrame) -> None:
    """Henaff's table: initialisation by task, a cell per pair."""
    last = learning.ends(table, ["task", "seq_len", "method"]).sort_values(["task", "seq_len"])
    columns = list(last[["task", "seq_len"]].drop_duplicates().itertuples(index=False, name=None))
    shares = np.full((2, len(columns)), np.nan)
    for i, method in enumerate(LINEAR):
        for j, (task, steps) in enumerate(columns):
            runs = last[(last["method"] == method) & (last["task"] == task) & (last["seq_len"] == steps)]
            shares[i, j] = runs["solved"].astype(float).mean() if len(runs) else np.nan
            axis.text(j, i, words(runs), ha="center", va="center")
    axis.imshow(shares, cmap="Blues", vmin=0, vmax=2, aspect="auto")  # light enough for black text
    axis.set_xticks(range(len(columns)), [f"{LABELS[str(task)]}\nT = {n}" for task, n in columns])
    axis.set_yticks([0, 1], ["identity", "random\northogonal"])


def words(runs: pd.DataFrame) -> str:
    """How many trainings solved the task, and the median error of their last networks."""
    if runs.empty:
        return "not measured"
    solved, score = int(runs["solved"].astype(float).sum()), float(runs["score"].median())
    error = f"error {score:.2g}\nof chance" if runs["task"].iloc[0] == "adding" else f"{score:.1%} of\nsymbols wrong"
    return f"solved by\n{solved} of {len(runs)}\n\n{error}"
