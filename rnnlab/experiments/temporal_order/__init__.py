"""Temporal order, the classic task out of reach: which training solves it up to which length, and after how many updates.

Claim: with the regulariser more networks solve it than with clipping alone, and so do gates that start open.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from itertools import product
from typing import Any, ClassVar, Literal, NamedTuple

import numpy as np
import pandas as pd
from pydantic import Field, FiniteFloat, StrictBool, field_validator

import rnnlab as rl
from rnnlab import tasks
from rnnlab.experiments._lab.claims import table_of
from rnnlab.experiments._lab.differences import Chances, family, more_in_pairs, more_of
from rnnlab.experiments._lab.learning import Generators, Progress, Training, symptom_of, train_until_solved
from rnnlab.experiments._lab.networks import params_of
from rnnlab.experiments._lab.resumable import Keep, Resumable
from rnnlab.experiments._lab.spec import Choices, ExperimentSpec, Lengths, bytes_of_weights
from rnnlab.experiments.temporal_order.figures import draw as draw, finding as finding

Method = Literal["SGD", "SGD-C", "SGD-CR", "LSTM", "GRU"]
Initialisation = Literal["sigmoid", "basic", "smart"]
INPUTS, CLASSES = 6, 4
SPREAD = {"sigmoid": 0.01, "basic": 0.1, "smart": 0.01}  # standard deviation of weights, but for smart recurrent ones
GATED = {"LSTM": "lstm", "GRU": "gru"}
OPEN_GATES = "open gates"
FRESH, AT_ONCE = 10_000, 100  # sequences of a test, and how many at a time: their states are in the cache
SOLVED = 0.01  # share of wrong answers below which a network has solved the task
TEST_EVERY = 500  # updates
ORDER = (("method", "SGD", "SGD-C"), ("method", "SGD-C", "SGD-CR"), ("initialisation", "basic", "smart"))
WITHOUT_GATES = ("SGD-C", "SGD-CR")
KEPT = "gates that start open keep their state; Fisher's exact test"
PAPER = "Pascanu, Mikolov and Bengio 2013, section 4.1 and figure 7"


class Spec(ExperimentSpec):
    """Which networks, trained how, and for how long."""

    papers: ClassVar[dict[str, Any]] = {
        "seq_len": (50, 100, 150, 200, 250),
        "initialisation": ("sigmoid", "basic", "smart"),
        "seeds": 5,
        "updates": 5_000_000,
    }
    seq_len: Lengths = Field(default=(20, 30, 40), description="lengths T of the sequences")
    method: Choices[Method] = Field(
        default=("SGD", "SGD-C", "SGD-CR", "LSTM", "GRU"),
        description="SGD, SGD-C (clipped), SGD-CR (and regularised) of tanh units; LSTM and GRU, clipped",
    )
    initialisation: Choices[Initialisation] = Field(
        default=("basic", "smart"),
        description="basic: N(0, 0.1^2); smart: 15 weights a row, spectral radius 0.95; sigmoid units: N(0, 0.01^2)",
    )
    seeds: int = Field(default=6, ge=1, le=10_000, description="networks of each kind, seeded 0, 1, ...")
    updates: int = Field(default=20_000, ge=1, description="updates after which a network is given up")
    hidden_size: int = Field(default=50, ge=1, description="units H")
    batch_size: int = Field(default=20, ge=1, description="sequences per update")
    learning_rate: FiniteFloat = Field(default=0.01, gt=0, description="step size")
    gate_bias: FiniteFloat = Field(default=2.0, description="first bias of the LSTM's forget, the GRU's update gates")
    clip_norm: FiniteFloat = Field(default=1.0, gt=0, description="longest gradient of all but SGD")
    regulariser: FiniteFloat = Field(default=2.0, gt=0, description="weight of the regulariser of SGD-CR")
    dtype: Literal["float32", "float64"] = Field(
        default="float32", description="floating type of the networks: float32 as the authors', or float64"
    )
    full: StrictBool = Field(
        default=False, description="the paper's setting: T to 250, 5 networks, 5 million updates; weeks"
    )

    @field_validator("seq_len")
    @classmethod
    def _long_enough(cls, values: tuple[int, ...]) -> tuple[int, ...]:
        for steps in values:
            if steps < 10:
                raise ValueError(f"{steps} is shorter than 10 steps, the least that have a tenth")
        return values

    def bytes_needed(self, workers: int) -> int:
        """Memory of the states in a test: inputs, gates, states and products of the workers."""
        states = max(self.seq_len) * AT_ONCE * (INPUTS + 12 * self.hidden_size)
        return workers * (bytes_of_weights(self.hidden_size) + 8 * states)


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
        (when it ended), budget (updates allowed), error (share of the last finite network's wrong answers among fresh
        sequences), symptom (what may keep it from learning, by the names of `rl.symptoms`), loss (mean of the last
        updates), gradient_norm (their median), spectral_radius (last logged; of LSTM and GRU the largest gate's).
    """
    return pd.concat(each(Resumable(measure_part), list(parts_of(spec))), ignore_index=True)


def parts_of(spec: Spec) -> Iterator[Part]:
    """Long ones first, so that no worker is left alone with one."""
    for steps in sorted(spec.seq_len, reverse=True):
        for method in spec.method:
            for initialisation in (OPEN_GATES,) if method in GATED else spec.initialisation:
                yield from (Part(spec, steps, method, initialisation, seed) for seed in range(spec.seeds))


def model_of(part: Part, rng: np.random.Generator) -> rl.Model:
    """A network with its first weights, biases 0: as in the paper's code; LSTM and GRU are inclined to remember."""
    size, kind = part.spec.hidden_size, part.spec.dtype
    if part.method in GATED:
        gated = params_of(GATED[part.method], INPUTS, size, rng, dtype=kind)
        type(gated).cell().remember(gated, part.spec.gate_bias)
        return rl.Model(gated, rl.Readout.init(size, CLASSES, rng=rng, dtype=kind))
    spread = SPREAD[part.initialisation]
    scheme, gain = ("sparse", 1.0) if part.initialisation == "smart" else ("gaussian", spread * math.sqrt(size))
    params = rl.RNNParams.init(INPUTS, size, rng=rng, scheme=scheme, gain=gain, dtype=kind)  # type: ignore[arg-type]
    params = params._replace(weight_ih=(spread * rng.standard_normal((size, INPUTS))).astype(kind))
    readout = rl.Readout((spread * rng.standard_normal((CLASSES, size))).astype(kind), np.zeros(CLASSES, kind))
    return rl.Model(params, readout, "sigmoid" if part.initialisation == "sigmoid" else "tanh")


def recipe_of(part: Part) -> rl.Recipe:
    """How it is trained."""
    spec = part.spec
    clip = None if part.method == "SGD" else spec.clip_norm
    return rl.Recipe(
        spec.learning_rate, clip_norm=clip, regulariser=spec.regulariser if part.method == "SGD-CR" else 0.0
    )


def measure_part(part: Part, so_far: Progress | None, keep: Keep) -> pd.DataFrame:
    """Train one network, tested every so many updates on fresh sequences; or go on from what was kept."""
    spec, task, key = part.spec, tasks.temporal_order(part.seq_len), [part.seed, part.seq_len]
    drawn = Generators(np.random.default_rng(key), np.random.default_rng([*key, 1]))
    training = Training(recipe_of(part), spec.batch_size, TEST_EVERY, spec.updates)

    def test(done: rl.Fit, _: Any) -> tuple[float, bool]:
        error = wrong_answers(done.model, task, drawn.fresh, SOLVED)
        return error, error < SOLVED

    done, error = train_until_solved(model_of(part, drawn.batches), task, training, test, drawn, so_far, keep)
    return row_of(part, done, error if error < SOLVED else wrong_answers(done.model, task, drawn.fresh))


def wrong_answers(model: rl.Model, task: rl.Task, rng: np.random.Generator, most: float = 1.0) -> float:
    """The share of wrong answers among fresh sequences; of the first ones alone where `most` of all are wrong already."""
    tested, wrong = 0, 0
    while tested < FRESH and wrong < most * FRESH:
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
            "budget": part.spec.updates,
            "error": error,
            "symptom": symptom_of(done, recipe_of(part).clip_norm),
            "loss": history.loss[-100:].mean(),
            "gradient_norm": np.median(history.gradient_norm[-100:]),
            "spectral_radius": history.spectral_radius[-1].max() if len(history.spectral_radius) else math.nan,
        }
    )


def checks(table: pd.DataFrame) -> pd.DataFrame:
    """The published order SGD, clipped, regularised, and gates beside them; of trainings that had the default budget."""
    table = table[table["budget"] >= Spec.model_fields["updates"].default]
    return table_of([*family(comparisons(table)), *family(gate_comparisons(table))])


def comparisons(table: pd.DataFrame) -> Iterator[tuple[str, Chances, str]]:
    """The better of two solves more networks, and methods leave fewer answers wrong: pairs that are alike but for that.

    Methods are compared over all T, first weights at the longest, where they matter.
    """
    tanh = table[table["method"].str.startswith("SGD")].assign(solved=table["outcome"] == "solved")
    for column, worse, better in ORDER:
        rows = tanh if column == "method" else tanh[tanh["seq_len"] == tanh["seq_len"].max()]
        keys = [key for key in ("method", "initialisation", "seq_len", "seed") if key != column]
        pairs = rows.pivot_table(index=keys, columns=column, values=["solved", "error"], aggfunc="sum")
        if not {("solved", worse), ("solved", better)} <= set(pairs.columns):
            continue
        pairs = pairs.dropna()
        less, more = (int(pairs["solved", name].sum()) for name in (worse, better))
        text = f"{better} solves more networks than {worse} ({more} and {less} of {len(pairs)})"
        yield text, more_in_pairs(pairs["solved", better], pairs["solved", worse]), PAPER
        if column == "method":
            text = f"{better} leaves fewer answers wrong than {worse} ({len(pairs)} pairs)"
            yield text, more_in_pairs(pairs["error", worse], pairs["error", better]), PAPER


def gate_comparisons(table: pd.DataFrame) -> Iterator[tuple[str, Chances, str]]:
    """Gated cells solve more networks than clipped ones without gates, regularised or not; they have no pairs, as they start otherwise."""
    solved = {method: rows["outcome"] == "solved" for method, rows in table.groupby("method")}
    for gated, plain in product(GATED, WITHOUT_GATES):
        if {gated, plain} <= set(solved):
            told = " and ".join(f"{solved[method].sum()} of {len(solved[method])}" for method in (gated, plain))
            yield f"{gated} solves more networks than {plain} ({told})", more_of(solved[gated], solved[plain]), KEPT
