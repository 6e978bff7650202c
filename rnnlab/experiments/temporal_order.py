"""Temporal order, the classic task out of reach: which training solves it up to which length, and after how many updates."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from typing import Annotated, Any, Literal, NamedTuple

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from pydantic import Field, FiniteFloat, field_validator, model_validator
from scipy.stats import binomtest

import rnnlab as rl
from rnnlab import tasks
from rnnlab.experiments._claims import Claim, table_of
from rnnlab.experiments._learning import Training, blocks
from rnnlab.experiments._spec import ExperimentSpec, Lengths, Names
from rnnlab.experiments._style import new_figure, theme

Method = Literal["SGD", "SGD-C", "SGD-CR", "LSTM", "GRU"]
Initialisation = Literal["sigmoid", "basic", "smart"]
INPUTS, CLASSES = 6, 4
SPREAD = {"sigmoid": 0.01, "basic": 0.1, "smart": 0.01}  # standard deviation of weights, but for smart recurrent ones
GATED: dict[str, Any] = {"LSTM": rl.LSTMParams, "GRU": rl.GRUParams}
OPEN_GATES = "open gates"
FRESH, AT_ONCE = 10_000, 1_000  # sequences of a test, and how many are run at a time
SOLVED = 0.01  # share of wrong answers below which a network has solved the task
TEST_EVERY = 500  # updates
FULL = {
    "seq_len": (50, 100, 150, 200, 250),
    "initialisation": ("sigmoid", "basic", "smart"),
    "seeds": 5,
    "updates": 5_000_000,
}
PAPER = "Pascanu, Mikolov and Bengio 2013, section 4.1 and figure 7"


class Spec(ExperimentSpec):
    """Which networks, trained how, and for how long."""

    seq_len: Lengths = Field(default=(20, 40), description="lengths T of the sequences")
    method: Annotated[tuple[Method, ...], Names, Field(min_length=1)] = Field(
        default=("SGD", "SGD-C", "SGD-CR", "LSTM", "GRU"),
        description="SGD, SGD-C (clipped), SGD-CR (and regularised) of tanh units; LSTM and GRU, clipped",
    )
    initialisation: Annotated[tuple[Initialisation, ...], Names, Field(min_length=1)] = Field(
        default=("basic", "smart"),
        description="basic: N(0, 0.1^2); smart: 15 weights a row, spectral radius 0.95; sigmoid units: N(0, 0.01^2)",
    )
    seeds: int = Field(default=3, ge=1, description="networks of each kind, seeded 0, 1, ...")
    updates: int = Field(default=20_000, ge=1, description="updates after which a network is given up")
    hidden_size: int = Field(default=50, ge=1, description="units H")
    batch_size: int = Field(default=20, ge=1, description="sequences per update")
    learning_rate: FiniteFloat = Field(default=0.01, gt=0, description="step size")
    gate_bias: FiniteFloat = Field(default=2.0, description="first bias of the LSTM's forget, the GRU's update gates")
    clip_norm: FiniteFloat = Field(default=1.0, gt=0, description="longest gradient of all but SGD")
    regulariser: FiniteFloat = Field(default=2.0, gt=0, description="weight of the regulariser of SGD-CR")
    full: bool = Field(default=False, description="the paper's setting: T to 250, 5 networks, 5 million updates; weeks")

    @model_validator(mode="before")
    @classmethod
    def _fill(cls, given: Any) -> Any:
        full = isinstance(given, dict) and str(given.get("full", False)).lower() in ("true", "1")
        return {**FULL, **given} if full else given

    @field_validator("seq_len")
    @classmethod
    def _long_enough(cls, values: tuple[int, ...]) -> tuple[int, ...]:
        for steps in values:
            if steps < 10:
                raise ValueError(f"{steps} is shorter than 10 steps, the least that have a tenth")
        return values

    def bytes_needed(self, workers: int) -> int:
        """Memory of the states in a test: inputs, gates, states and products of the workers."""
        return workers * max(self.seq_len) * AT_ONCE * (INPUTS + 12 * self.hidden_size) * 8


class Part(NamedTuple):
    """One network to be trained."""

    spec: Spec
    seq_len: int
    method: Method
    initialisation: str
    seed: int


def measure(spec: Spec, each: Callable[..., Iterable[pd.DataFrame]] = map) -> pd.DataFrame:
    """Train every network until it has solved the task or is given up.

    Returns
    -------
    DataFrame
        method, initialisation (of LSTM and GRU open gates), seq_len, seed, outcome (solved, capped, diverged), updates
        (when it ended), error (share of wrong answers among fresh sequences), loss (mean of the last updates),
        gradient_norm (their median), spectral_radius (last logged; of LSTM and GRU the largest gate's).
    """
    return pd.concat(each(measure_part, list(parts_of(spec))), ignore_index=True)


def parts_of(spec: Spec) -> Iterator[Part]:
    """Long ones first, so that no worker is left alone with one."""
    for steps in sorted(spec.seq_len, reverse=True):
        for method in spec.method:
            for initialisation in (OPEN_GATES,) if method in GATED else spec.initialisation:
                yield from (Part(spec, steps, method, initialisation, seed) for seed in range(spec.seeds))


def model_of(part: Part, rng: np.random.Generator) -> rl.Model:
    """A network with its first weights, biases 0: as in the paper's code; LSTM and GRU are inclined to remember."""
    size = part.spec.hidden_size
    if part.method in GATED:
        params = GATED[part.method].init(INPUTS, size, rng=rng)
        params.bias[size : 2 * size] = part.spec.gate_bias
        return rl.Model(params, rl.Readout.init(size, CLASSES, rng=rng))
    spread = SPREAD[part.initialisation]
    scheme, gain = ("sparse", 1.0) if part.initialisation == "smart" else ("gaussian", spread * math.sqrt(size))
    params = rl.RNNParams.init(INPUTS, size, rng=rng, scheme=scheme, gain=gain)  # type: ignore[arg-type]
    params = params._replace(weight_ih=spread * rng.standard_normal((size, INPUTS)))
    readout = rl.Readout(spread * rng.standard_normal((CLASSES, size)), np.zeros(CLASSES))
    return rl.Model(params, readout, "sigmoid" if part.initialisation == "sigmoid" else "tanh")


def recipe_of(part: Part) -> rl.Recipe:
    """How it is trained."""
    spec = part.spec
    clip = None if part.method == "SGD" else spec.clip_norm
    return rl.Recipe(
        spec.learning_rate, clip_norm=clip, regulariser=spec.regulariser if part.method == "SGD-CR" else 0.0
    )


def measure_part(part: Part) -> pd.DataFrame:
    """Train one network, tested every so many updates on fresh sequences."""
    spec, task, key = part.spec, tasks.temporal_order(part.seq_len), [part.seed, part.seq_len]
    rng, fresh = np.random.default_rng(key), np.random.default_rng([*key, 1])
    training = Training(recipe_of(part), spec.batch_size, TEST_EVERY, spec.updates)
    for done in blocks(model_of(part, rng), task, training, rng):
        error = wrong_answers(done.model, task, fresh)
        if error < SOLVED:
            break
    return row_of(part, done, error)


def wrong_answers(model: rl.Model, task: rl.Task, rng: np.random.Generator) -> float:
    """The share of wrong answers; of the first thousands alone where these are too many already."""
    tested, wrong = 0, 0
    while tested < FRESH and wrong < SOLVED * FRESH:
        x, target, _ = task.draw(rng, AT_ONCE)
        wrong += int((rl.predict(model, x)[-1].argmax(axis=1) != target[0]).sum())
        tested += AT_ONCE
    return wrong / tested


def row_of(part: Part, done: rl.Fit, error: float) -> pd.DataFrame:
    """What came of one network."""
    outcome = "diverged" if done.stopped else "solved" if error < SOLVED else "capped"
    history, keys = done.history, part._asdict()
    del keys["spec"]
    return pd.DataFrame(
        {
            **keys,
            "outcome": [outcome],
            "updates": done.state.update,
            "error": error,
            "loss": history.loss[-100:].mean(),
            "gradient_norm": np.median(history.gradient_norm[-100:]),
            "spectral_radius": history.spectral_radius[-1].max() if len(history.spectral_radius) else math.nan,
        }
    )


def solved_share(rows: pd.DataFrame) -> float:
    """The share of networks that solved the task."""
    return float((rows["outcome"] == "solved").mean())


def checks(table: pd.DataFrame) -> pd.DataFrame:
    """The published order at the longest T: SGD, clipped, regularised; and gates beside them."""
    return table_of([*order_claims(table), *gate_claims(table)])


def order_claims(table: pd.DataFrame) -> Iterator[Claim]:
    """A share may fall short of the one it should reach by a single network, since a few say no more."""
    longest = table[table["seq_len"] == table["seq_len"].max()]
    shares = {method: solved_share(rows) for method, rows in longest.groupby("method")}
    pairs = [("SGD", "SGD-C"), ("SGD-C", "SGD-CR")]
    for worse, better in pairs:
        if worse in shares and better in shares:
            one = 1 / int((longest["method"] == better).sum())
            short = max(0.0, shares[worse] - shares[better])
            yield Claim(f"{better} solves as many as {worse}: short by a share of", 0.0, short, one, PAPER)
    if {"SGD", "SGD-CR"} <= shares.keys():
        ahead = shares["SGD-CR"] - shares["SGD"]
        yield Claim("SGD-CR solves more than SGD: ahead by a share of", 1.0, ahead, 1 - 1e-9, PAPER)
    plain = longest[longest["method"].str.startswith("SGD")]
    by_start = {name: solved_share(rows) for name, rows in plain.groupby("initialisation")}
    if {"basic", "smart"} <= by_start.keys():
        one = 1 / int((plain["initialisation"] == "basic").sum())
        short = max(0.0, by_start["basic"] - by_start["smart"])
        yield Claim("smart weights solve as many as basic ones: short by a share of", 0.0, short, one, PAPER)


def gate_claims(table: pd.DataFrame) -> Iterator[Claim]:
    """Gated cells solve it at every length."""
    for method, rows in table[table["method"].isin(GATED)].groupby("method"):
        source = "Hochreiter and Schmidhuber 1997, experiment 6a; one network may fail"
        yield Claim(f"share of networks that {method} solves", 1.0, solved_share(rows), 1 / len(rows), source)


def draw(table: pd.DataFrame) -> dict[str, Figure]:
    """Success against T with Wilson intervals, and updates until it was solved.

    Returns
    -------
    dict of str to Figure
        success, updates.
    """
    with theme():
        return {"success": draw_success(table), "updates": draw_updates(table)}


def kinds_of(table: pd.DataFrame) -> list[tuple[str, pd.DataFrame, Any]]:
    """Every method with an initialisation: its name, its rows, its look; methods have colours, initialisations fillings."""
    methods = list(dict.fromkeys(table["method"]))
    colours = dict(zip(methods, sns.color_palette("viridis", len(methods) + 1), strict=False))
    found = []
    for (method, start), rows in table.groupby(["method", "initialisation"], sort=False):
        marker = "osD^vP"[methods.index(method) % 6]
        filled = colours[method] if start in ("smart", OPEN_GATES) else "white" if start == "basic" else "0.75"
        look = {"marker": marker, "color": colours[method], "markerfacecolor": filled, "markersize": 8}
        found.append((method if start == OPEN_GATES else f"{method}, {start}", rows, look))
    return found


def draw_success(table: pd.DataFrame) -> Figure:
    """The share of networks that solved the task."""
    figure = new_figure(9.5, 5.2)
    axis, kinds = figure.subplots(), kinds_of(table)
    lengths = sorted(table["seq_len"].unique())
    for number, (name, rows, look) in enumerate(kinds):
        place = np.arange(len(lengths)) + 0.09 * (number - (len(kinds) - 1) / 2)
        counts = [rows.loc[rows["seq_len"] == steps, "outcome"].eq("solved") for steps in lengths]
        share = np.array([count.mean() for count in counts])
        ends = [binomtest(int(c.sum()), len(c)).proportion_ci(0.95, method="wilson") for c in counts]
        bars = [share - [end.low for end in ends], [end.high for end in ends] - share]
        axis.errorbar(place, share, np.maximum(bars, 0), linestyle="none", capsize=3, label=name, **look)
    axis.set(xlabel="length T", ylabel="networks that solved it", ylim=(-0.05, 1.05))
    axis.set_xticks(range(len(lengths)), [str(steps) for steps in lengths])
    axis.set_title("Temporal order: who solves it, with 95 % Wilson intervals")
    figure.legend(*axis.get_legend_handles_labels(), loc="outside right center", frameon=False)
    return figure


def draw_updates(table: pd.DataFrame) -> Figure:
    """When each network had solved it; those given up stand at the cap, crossed, and those that diverged are stars."""
    figure = new_figure(11.0, 5.0)
    lengths, kinds = sorted(table["seq_len"].unique()), kinds_of(table)
    for axis, steps in zip(np.atleast_1d(figure.subplots(1, len(lengths), sharey=True)), lengths, strict=True):
        for row, (_, rows, look) in enumerate(kinds):
            here = rows[rows["seq_len"] == steps]
            for outcome, style in (("solved", look), ("capped", {"marker": "x"}), ("diverged", {"marker": "*"})):
                chosen = here[here["outcome"] == outcome]
                spread = row + 0.16 * (chosen["seed"] - here["seed"].mean())
                axis.plot(chosen["updates"], spread, **{**look, **style}, linestyle="none")
        axis.set(xscale="log", xlabel="updates", title=f"T = {steps}")
        axis.set_yticks(range(len(kinds)), [name for name, _, _ in kinds])
    axis.invert_yaxis()
    marks = (("x", "given up"), ("*", "diverged"))
    crosses = [Line2D([], [], color="0.3", marker=mark, linestyle="none", label=text) for mark, text in marks]
    figure.legend(handles=crosses, loc="outside lower right", ncols=2, frameon=False)
    figure.suptitle("Updates until fewer than 1 % of 10,000 fresh sequences are wrong")
    return figure
