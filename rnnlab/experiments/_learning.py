"""What `latch`, `adding` and `copy` share: networks by name, training until solved, learning curves against chance."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Literal, NamedTuple, get_args

import numpy as np
import pandas as pd
import seaborn as sns
from numpy.typing import NDArray

import rnnlab as rl
from rnnlab.experiments._resumable import Keep, forget

Array = NDArray[Any]
Method = Literal["RNN", "IRNN", "orthogonal", "LSTM", "GRU", "attention"]
METHODS: tuple[Method, ...] = get_args(Method)
LINEAR = ("linear identity", "linear orthogonal")
LINES: tuple[Any, ...] = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (1, 3)))
MARKERS = "os^DvP*X"
NONLINEARITIES = {"IRNN": "relu", **dict.fromkeys(LINEAR, "linear")}
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


def model_of(method: str, task: rl.Task, hidden_size: int, rng: np.random.Generator) -> rl.Model:
    """A network as the literature starts it: tanh RNN and GRU as PyTorch does, the LSTM with forget bias 1."""
    sizes: dict[str, Any] = {"input_size": task.inputs, "hidden_size": hidden_size, "rng": rng}
    made: dict[str, Callable[[], Any]] = {
        "RNN": lambda: rl.RNNParams.init(**sizes),
        "IRNN": lambda: rl.RNNParams.init(**sizes, scheme="identity"),
        "orthogonal": lambda: rl.RNNParams.init(**sizes, scheme="orthogonal"),
        "LSTM": lambda: rl.LSTMParams.init(**sizes, forget_bias=1.0),
        "GRU": lambda: rl.GRUParams.init(**sizes),
        "attention": lambda: rl.AttentionParams.init(**sizes),
        "linear identity": lambda: rl.RNNParams.init(**sizes, scheme="identity"),
        "linear orthogonal": lambda: rl.RNNParams.init(**sizes, scheme="orthogonal"),
    }
    nonlinearity: Any = NONLINEARITIES.get(method, "tanh")
    params = made[method]()
    return rl.Model(params, rl.Readout.init(hidden_size, task.outputs, rng=rng), nonlinearity)


class SoFar(NamedTuple):
    """What a training keeps, to go on from."""

    done: rl.Fit
    found: Any  # by its tests
    fresh: Any  # the state of the Generator of fresh sequences


def learn(
    model: rl.Model,
    goal: Goal,
    training: Training,
    seed: Iterable[int],
    so_far: SoFar | None = None,
    keep: Keep = forget,
) -> tuple[rl.Model, pd.DataFrame]:
    """Train until solved or capped.

    Returns
    -------
    model : Model
        The last one.
    curve : DataFrame
        A row per block: update (after it), loss (mean over its batches), score (mean over fresh sequences), solved.
        A run that meets something not finite ends with a loss and a score of inf.
    """
    rng, fresh = (np.random.default_rng([*seed, stream]) for stream in (1, 2))
    rows: list[dict[str, Any]] = list(so_far.found) if so_far else []
    model, state = taken_up(model, so_far, fresh)
    for done in blocks(model, goal.task, training, rng, state):
        model, loss, found = done.model, float(done.history.loss.mean()), score_of(done.model, goal, fresh)
        rows.append({"update": done.state.update, "loss": loss, "score": found, "solved": found <= goal.limit})
        if done.stopped:
            rows[-1] |= {"loss": np.inf, "score": np.inf, "solved": False}
        if rows[-1]["solved"] or done.stopped:
            break
        keep(SoFar(done, rows, fresh.bit_generator.state))
    return model, pd.DataFrame(rows)


def taken_up(
    model: rl.Model, so_far: SoFar | None, fresh: np.random.Generator
) -> tuple[rl.Model, rl.TrainingState | None]:
    """The model and the state to go on from, and the Generator of fresh sequences set to where it stood."""
    if so_far is None:
        return model, None
    fresh.bit_generator.state = so_far.fresh
    return so_far.done.model, so_far.done.state


def blocks(
    model: rl.Model,
    task: rl.Task,
    training: Training,
    rng: np.random.Generator,
    state: rl.TrainingState | None = None,
) -> Iterator[rl.Fit]:
    """A training block by block, each going on from the one before, until all updates are taken or one can't be."""
    while state is None or state.update < training.updates:
        count = min(training.every, training.updates - (state.update if state else 0))
        sizes = {"updates": count, "batch_size": training.batch_size}
        done = rl.fit(model, task, training.recipe, **sizes, rng=rng, state=state)
        yield done
        if done.stopped:
            return
        model, state = done.model, done.state


def score_of(model: rl.Model, goal: Goal, rng: np.random.Generator) -> float:
    """The mean score over fresh sequences."""
    sizes = [min(AT_ONCE, goal.fresh - first) for first in range(0, goal.fresh, AT_ONCE)]
    batches = [goal.task.draw(rng, size) for size in sizes]
    with np.errstate(over="ignore", invalid="ignore"):  # a network that explodes scores inf or nan: not solved
        scores = [goal.score(rl.predict(model, batch.x, batch.length), batch) for batch in batches]
        return float(np.concatenate(scores).mean())


def bytes_in_hand(methods: Iterable[str], steps: int, hidden_size: int) -> int:
    """Memory of a test's gates and states, and of the T x T weights of attention."""
    return 8 * AT_ONCE * steps * (12 * hidden_size + (steps if "attention" in methods else 0))


def ends(table: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    """The last row of every run."""
    return table.sort_values("update", kind="stable").groupby([*keys, "seed"], sort=False).tail(1)


def looks(methods: Iterable[str]) -> dict[str, dict[str, Any]]:
    """A colour, a line and a marker per method, the same in every figure; markers tell them apart in greyscale."""
    order = (*METHODS, *LINEAR)
    colours = sns.color_palette("colorblind", len(order))
    return {
        name: {"color": colours[at], "linestyle": LINES[at % len(LINES)], "marker": MARKERS[at], "markersize": 6}
        for at, name in enumerate(order)
        if name in set(methods)
    }


def draw_curves(axis: Any, rows: pd.DataFrame, chance: float, column: str = "loss") -> None:
    """A column of every run over updates, by default the training loss, and the chance floor."""
    for name, look in looks(rows["method"].unique()).items():
        for number, (_, run) in enumerate(rows[rows["method"] == name].groupby("seed")):
            label = None if number else name
            axis.plot(run["update"], run[column], label=label, **look, linewidth=1.2, markevery=[-1])  # where it ended
    draw_chance(axis, chance)
    axis.set(yscale="log", xlabel="updates", ylabel="training loss")


def draw_chance(axis: Any, chance: float) -> None:
    """A line at the loss of a guess, labelled."""
    axis.axhline(chance, color="black", linewidth=1.5, linestyle=(0, (6, 3)), label=f"chance {chance:.3g}")
