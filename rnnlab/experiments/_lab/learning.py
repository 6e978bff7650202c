"""What `latch`, `adding` and `copy` share: networks by name, training until solved, learning curves against chance."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from textwrap import fill
from typing import Any, Literal, NamedTuple, cast, get_args

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

import rnnlab as rl
from rnnlab.experiments._lab import networks
from rnnlab.experiments._lab.figures import BLUE, GUIDE, facets, legend_below
from rnnlab.experiments._lab.resumable import Keep, forget
from rnnlab.experiments._lab.spec import bytes_of_weights

Array = NDArray[Any]
Usual = Literal["RNN", "IRNN", "orthogonal", "LSTM", "GRU", "attention", "minGRU", "leaky"]
Method = Literal[Usual, "LSTM-chrono"]
USUAL: tuple[Usual, ...] = get_args(Usual)
METHODS: tuple[Method, ...] = get_args(Method)
LINEAR = ("linear identity", "linear orthogonal")
STARTS = {
    "RNN": "tanh",
    "IRNN": "irnn",
    "LSTM": "lstm-1",
    "GRU": "gru",
    "LSTM-chrono": "lstm-chrono",
    "minGRU": "mingru",
}  # of the others the names are the same
Optimiser = Literal["adam", "rmsprop", "sgd"]
OPTIMISERS: dict[Optimiser, rl.Adam | rl.RMSprop | rl.SGD] = {
    "adam": rl.Adam(),
    "rmsprop": rl.RMSprop(rho=0.9),  # of Arjovsky, Shah and Bengio 2016
    "sgd": rl.SGD(),
}
NO_SYMPTOM = "no symptom"
HALF = 0.5  # of trainings: what so many suffer from is their symptom
WIDTH = 22  # letters of a line above a panel
OUTCOMES: dict[bool, dict[str, Any]] = {  # looks of runs, told apart in greyscale too
    True: {"color": BLUE, "marker": "o", "linewidth": 1.4},
    False: {"color": GUIDE, "marker": "x", "linewidth": 1.4, "linestyle": "--"},
}
AT_ONCE = 100  # fresh sequences in one prediction: bounds the T x T weights of attention


class Goal(NamedTuple):
    """What is to be learnt, and when it counts as learnt."""

    task: rl.Task
    score: Callable[[Array, rl.Batch], Array]  # of predictions (T, B, O): an error per sequence (B,)
    limit: float  # solved when the mean score over fresh sequences is at most this
    fresh: int  # sequences, drawn anew at every test


class Training(NamedTuple):
    """How networks are trained: in blocks of `every` updates, a test after each, until solved or `updates` are taken."""

    recipe: rl.Recipe
    batch_size: int
    every: int
    updates: int


def model_of(method: str, task: rl.Task, size: tuple[int, int], rng: np.random.Generator) -> rl.Model:
    """The network of a method, of so many units, for sequences of so many steps."""
    hidden_size, steps = size
    longest = {"chrono": float(steps)} if method == "LSTM-chrono" else {}
    return networks.model_of(STARTS.get(method, method), task, hidden_size, rng, **longest)


class Progress(NamedTuple):
    """What a training keeps, to go on from."""

    done: rl.Fit
    found: Any  # by its tests
    fresh: Any  # the state of the Generator of fresh sequences


class Generators(NamedTuple):
    """Where a training's randomness comes from."""

    batches: np.random.Generator
    fresh: np.random.Generator  # of the sequences of tests


def train_until_solved(
    model: rl.Model,
    task: rl.Task,
    training: Training,
    test: Callable[[rl.Fit, Any], tuple[Any, bool]],
    drawn: Generators,
    so_far: Progress | None = None,
    keep: Keep = forget,
) -> tuple[rl.Fit, Any]:
    """Train block by block until a test says that the task is solved, or updates are used up, or one can't be taken.

    Parameters
    ----------
    test : callable
        ``test(done, found)`` looks at the network after a block and at what the tests before it found, None at first;
        it returns what is found by now, and whether the task is solved.
    so_far, keep
        Where to go on, and what to call with what is to be kept after every block.

    Returns
    -------
    done : Fit
        Of the last block.
    found
        What the last test returned.
    """
    done, found, fresh = so_far or (None, None, drawn.fresh.bit_generator.state)
    drawn.fresh.bit_generator.state = fresh
    first, state = (done.model, done.state) if done else (model, None)
    for done in blocks(first, state, task, training, drawn.batches):
        found, solved = test(done, found)
        if solved or done.stopped:
            break
        keep(Progress(done, found, drawn.fresh.bit_generator.state))
    return cast(rl.Fit, done), found


def learn(
    model: rl.Model,
    goal: Goal,
    training: Training,
    seed: Iterable[int],
    so_far: Progress | None = None,
    keep: Keep = forget,
) -> tuple[rl.Model, pd.DataFrame]:
    """Train until solved or capped.

    Returns
    -------
    model : Model
        The last one.
    curve : DataFrame
        A row per block: update (after it), loss (mean over its batches), score (mean over fresh sequences), solved,
        symptom (as `symptom_of` says). A run that meets something not finite ends with a loss and a score of inf.
    """
    drawn = Generators(*(np.random.default_rng([*seed, stream]) for stream in (1, 2)))

    def test(done: rl.Fit, rows: list[dict[str, Any]] | None) -> tuple[list[dict[str, Any]], bool]:
        loss, score = float(done.history.loss.mean()), score_of(done.model, goal, drawn.fresh)
        told = {"solved": score <= goal.limit, "symptom": symptom_of(done, training.recipe.clip_norm)}
        row = {"update": done.state.update, "loss": loss, "score": score, **told}
        if done.stopped:
            row |= {"loss": np.inf, "score": np.inf, "solved": False}
        return [*(rows or []), row], bool(row["solved"])

    done, rows = train_until_solved(model, goal.task, training, test, drawn, so_far, keep)
    return done.model, pd.DataFrame(rows)


def blocks(
    model: rl.Model, state: rl.TrainingState | None, task: rl.Task, training: Training, rng: np.random.Generator
) -> Iterator[rl.Fit]:
    """A training block by block, each going on from the one before, until all updates are taken or one can't be.

    Of each the gradient against lag is kept as it was before its first update.
    """
    while state is None or state.update < training.updates:
        count = min(training.every, training.updates - (state.update if state else 0))
        size = training.batch_size
        how: Any = {"updates": count, "batch_size": size, "rng": rng, "state": state, "record_flow": training.every}
        done = rl.fit(model, task, training.recipe, **how)
        yield done
        if done.stopped:
            return
        model, state = done.model, done.state


def symptom_of(done: rl.Fit, clip_norm: float | None) -> str:
    """What may keep a network from learning at the end of a run that kept its gradients, by the names of `rl.symptoms`."""
    names = [symptom.what for symptom in rl.symptoms(done, clip_norm)]
    if done.stopped:
        names.append("not finite")
    return ", ".join(dict.fromkeys(names)) or NO_SYMPTOM


def why(runs: pd.DataFrame) -> str:
    """The symptoms of half of some trainings or more; empty of none, and of a table of before they were kept."""
    if runs.empty or "symptom" not in runs:
        return ""
    shares = runs["symptom"].str.get_dummies(", ").mean()
    names = [str(name) for name in shares.index[shares >= HALF]]
    return ", ".join([name for name in names if name != NO_SYMPTOM] or names)


def score_of(model: rl.Model, goal: Goal, rng: np.random.Generator) -> float:
    """The mean score over fresh sequences."""
    sizes = [min(AT_ONCE, goal.fresh - first) for first in range(0, goal.fresh, AT_ONCE)]
    batches = [goal.task.draw(rng, size) for size in sizes]
    with np.errstate(over="ignore", invalid="ignore"):  # a network that explodes scores inf or nan: not solved
        scores = [goal.score(rl.predict(model, batch.x, batch.length), batch) for batch in batches]
        return float(np.concatenate(scores).mean())


def bytes_in_hand(methods: Iterable[str], steps: int, hidden_size: int) -> int:
    """Memory of a network's weights, a test's gates and states, and of the T x T weights of attention."""
    return bytes_of_weights(hidden_size) + 8 * AT_ONCE * steps * (
        12 * hidden_size + (steps if "attention" in methods else 0)
    )


def ends(table: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    """The last row of every run."""
    return table.sort_values("update", kind="stable").groupby([*keys, "seed"], sort=False).tail(1)


def failed(table: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    """The last row of every run that did not solve its task."""
    last = ends(table, keys)
    return last[~last["solved"].astype(bool)]


def finding(rows: pd.DataFrame) -> str:
    """Which methods solved a task how often, and which never did."""
    last = ends(rows, ["method", "seq_len"])
    counts = last.groupby("method", sort=False)["solved"].agg(lambda runs: (int(runs.astype(float).sum()), len(runs)))
    solved = ", ".join(f"{name} {n} of {runs}" for name, (n, runs) in counts.items() if n)
    never = ", ".join(str(name) for name, (n, _) in counts.items() if not n)
    if not solved:
        return f"solved by none of {never} in {last['update'].max():,} updates"
    return f"solved by {solved}" + (f"; never by {never}" if never else "")


def draw_each(
    figure: Figure, rows: pd.DataFrame, chance: float, column: str = "loss", goal: float | None = None
) -> list[Axes]:
    """A panel a method: a column of its runs over updates, the chance floor, below what one is solved; and why not."""
    names = sorted(rows["method"].unique(), key=[*METHODS, *LINEAR].index)
    axes = facets(figure, len(names), -(-len(names) // 2), "updates")
    for axis, name in zip(axes, names, strict=True):
        runs = rows[rows["method"] == name]
        for _, run in runs.groupby(["seq_len", "seed"]):
            axis.plot(run["update"], run[column], **OUTCOMES[bool(run["solved"].iloc[-1])], markevery=[-1])
        draw_chance(axis, chance)
        if goal is not None:
            axis.axhline(goal, color="black", linewidth=1, linestyle=":", label="solved below")
        count, lost = len(ends(runs, ["seq_len"])), failed(runs, ["seq_len"])
        told = name.replace(" ", "\n") + f": {count - len(lost)} of {count}"
        axis.set_title(f"{told}\n{fill(why(lost), WIDTH)}".strip(), fontsize=11)
    for outcome, look in OUTCOMES.items():
        axes[0].plot([], [], label="solved" if outcome else "not solved", **look)
    legend_below(figure, axes[0])
    return axes


def draw_chance(axis: Any, chance: float) -> None:
    """A line at the loss of a guess, labelled."""
    axis.axhline(chance, color="black", linewidth=1.5, linestyle=(0, (6, 3)), label=f"chance {chance:.3g}")
