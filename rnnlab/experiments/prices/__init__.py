"""Whether networks can tell tomorrow's price: real daily prices, any number of past days, beside what today's tells.

Claim: on real daily prices no network reliably beats "tomorrow is as today"; where there is something to learn,
recurrent ones do.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field, FiniteFloat, model_validator
from tqdm import tqdm

import rnnlab as rl
from rnnlab.experiments._lab.learning import symptom_of
from rnnlab.experiments._lab.networks import model_of
from rnnlab.experiments._lab.spec import Choices, ExperimentSpec, Lengths, bytes_of_weights
from rnnlab.experiments.prices.claims import GOOGLE, UPDATES, checks as checks
from rnnlab.experiments.prices.controls import Series, control_series
from rnnlab.experiments.prices.figures import draw as draw, finding as finding
from rnnlab.series import google_prices
from rnnlab.series.csv import Column, digest_of, read_column
from rnnlab.series.numerals import Decimal
from rnnlab.series.order import Order
from rnnlab.tasks import windows

Array = NDArray[np.float64]
Cell = Literal["rnn", "lstm", "gru", "attention", "mingru", "leaky"]
CELLS: tuple[Cell, ...] = get_args(Cell)
STARTS = {"rnn": "tanh"}  # of the others the names of the networks are the same

DAYS_PER_FOLD = 20  # tested at least, so that a fold's squared error is more than a few days' luck
FINE = 5  # the last fifth of the updates takes steps of a tenth: large ones leave errors of their own
OF_A_FILE = ("column", "order", "drop_missing", "where", "decimal", "sha256")  # settings that are nothing without csv
CLIP = 1.0  # norm to which gradients are shortened
AT_ONCE = 512  # windows predicted in one go: bounds memory, whatever the number of days


class Spec(ExperimentSpec):
    """Which prices, which networks, and how they are trained and tested."""

    csv: str | None = Field(default=None, description="CSV file of prices  [default: Google's, 2004 to 2008]")
    column: str | None = Field(default=None, description="its column of prices  [default: the only one of numbers]")
    order: Order | None = Field(default=None, description="oldest-first or newest-first  [default: by its dates]")
    drop_missing: bool | None = Field(default=None, description="leave out its rows without a number")
    where: str | None = Field(default=None, description="its rows to read, Ticker=ABC, where it has several series")
    decimal: Decimal | None = Field(default=None, description="its decimal mark, . or ,  [default: by its numbers]")
    sha256: str | None = Field(default=None, description="digest of that file, found where it is not given")
    cells: Choices[Cell] = Field(default=CELLS[:4], description=", ".join(CELLS))
    seq_len: Lengths = Field(default=(5, 10, 20), description="past days that a network is shown")
    hidden_size: int = Field(default=16, ge=1, description="units H")
    folds: int = Field(default=5, ge=2, le=100, description="stretches of days, one after another, to test on")
    seeds: int = Field(default=2, ge=1, le=10_000, description="networks per cell and fold, seeded 0, 1, ...")
    updates: int = Field(default=UPDATES, ge=FINE, description="steps of Adam")
    batch_size: int = Field(default=32, ge=1, description="windows per step")
    learning_rate: FiniteFloat = Field(default=0.01, gt=0, description="step size, a tenth of it in the last fifth")

    @model_validator(mode="before")
    @classmethod
    def _identify(cls, given: Any) -> Any:
        """Pin what is in the file, so that no result is of two."""
        if not isinstance(given, dict) or not isinstance(given.get("csv"), str):
            return given
        found = digest_of(given["csv"])
        if given.get("sha256") not in (None, found):
            raise ValueError(f"csv {given['csv']} has the SHA-256 {found}: expected {given['sha256']}")
        return {**given, "sha256": found}

    @model_validator(mode="after")
    def _prices_to_learn_from(self) -> Spec:
        given = [name for name in OF_A_FILE if getattr(self, name) is not None]
        if self.csv is None and given:
            raise ValueError(
                f"{given[0]} is given without csv: expected both, as it says how that file is read, or none"
            )
        refuse_unusable(real_prices(self), self)
        return self

    def bytes_needed(self, workers: int) -> int:
        """Weights, and the gates and states of a batch, of the networks in hand."""
        steps, at_once = max(self.seq_len), max(AT_ONCE, self.batch_size)
        states = 96 * steps * at_once * self.hidden_size + 8 * at_once * steps**2
        return workers * (bytes_of_weights(self.hidden_size) + states)

    def rows_needed(self) -> int:
        """Of these, half are learnt from before the first test."""
        return 2 * max(2 * max(self.seq_len), DAYS_PER_FOLD * self.folds)


class Part(NamedTuple):
    """One network: trained on all days before a fold, tested on the fold."""

    spec: Spec
    series: Series
    fold: int
    cell: Cell
    seed: int


class Fold(NamedTuple):
    """A series scaled by its training part, and the days to test on: start .. stop - 1."""

    scaled: Array  # the days before `start` within 0 .. 1, the others wherever they are
    start: int
    stop: int
    lowest: float  # of the training part
    highest: float


def real_prices(spec: Spec) -> Series:
    """The user's prices, or Google's adjusted closing prices in dollars from the sample data that matplotlib ships."""
    if spec.csv is None:
        return Series("prices", GOOGLE, google_prices())
    series = column_of(spec).series
    return Series("prices", f"{series.name} of {Path(spec.csv).name}", series.to_numpy())


def column_of(spec: Spec) -> Column:
    """The user's column of prices."""
    how = {name: getattr(spec, name) for name in ("column", "order", "where", "decimal")}
    return read_column(spec.csv, **how, drop_missing=bool(spec.drop_missing))


def refuse_unusable(series: Series, spec: Spec) -> None:
    """Refuse too few prices, and such that do not change where they are learnt or tested."""
    count, needed, name = series.prices.size, spec.rows_needed(), f"{'column ' if spec.csv else ''}{series.name}"
    if np.unique(series.prices).size == 1:
        raise ValueError(f"{name} is constant, {series.prices[0]:g} in every row: nothing to predict")
    if count < needed:
        what = f"windows of {max(spec.seq_len)} days and {spec.folds} folds"
        raise ValueError(f"{name} has {count} rows of prices: at least {needed} are needed for {what}")
    with np.errstate(over="ignore"):
        if not np.isfinite(np.ptp(series.prices)):
            raise ValueError(f"{name} spans more than a float does: give it in a larger unit")
    edges = edges_of(count, spec.folds)
    for first, last in zip([0, *edges], edges, strict=False):
        if np.unique(series.prices[max(0, first - 1) : last]).size == 1:
            raise ValueError(f"{name} is constant from price {first + 1} to {last}: nothing to predict")


def edges_of(count: int, folds: int) -> list[int]:
    """Where each fold starts, and the end: the first half is only learnt from."""
    return [int(edge) for edge in np.linspace(count // 2, count, folds + 1)]


def fold_of(prices: Array, folds: int, fold: int) -> Fold:
    """One step of the walk forward: nothing of the fold's days enters the scaling."""
    start, stop = edges_of(prices.size, folds)[fold : fold + 2]
    lowest, highest = float(prices[:start].min()), float(prices[:start].max())
    return Fold((prices - lowest) / (highest - lowest), start, stop, lowest, highest)


def measure(spec: Spec, each: Callable[..., Iterable[pd.DataFrame]] = map) -> pd.DataFrame:
    """Train every cell on what came before each fold and compare it on the fold with "tomorrow is as today".

    Returns
    -------
    DataFrame
        ``part`` is skill (a row per network and number of past days: days tested, how many of them were outside the
        range learnt from, mean squared errors in units of that range, skill = 1 - mse / mse_persistence, share of
        changes whose direction was right; symptom, what may keep it from learning, by the names of `rl.symptoms`) or day (prices and predictions of seed 0, shown the most days).
    """
    if spec.csv is not None:
        tqdm.write(column_of(spec).told, file=sys.stderr)
    real, *others = real_prices(spec), *control_series(spec.rows_needed())
    walk = [(fold, cell) for fold in range(spec.folds) for cell in spec.cells]
    parts = [Part(spec, real, *step, seed) for step in walk for seed in range(spec.seeds)]
    parts += [Part(spec, control, *step, 0) for control in others for step in walk]
    return pd.concat(each(measure_part, parts), ignore_index=True)


def measure_part(part: Part) -> pd.DataFrame:
    """Train one network and test it, shown few or many past days."""
    spec, (kind, name, prices) = part.spec, part.series
    fold = fold_of(prices, spec.folds, part.fold)
    done = trained(part, fold.scaled[: fold.start])
    keys = {"series": kind, "name": name, "fold": part.fold, "cell": part.cell, "seed": part.seed}
    keys |= {"updates": done.state.update, "symptom": symptom_of(done, CLIP)}
    rows = pd.DataFrame([{"part": "skill", "seq_len": days, **tested(done.model, fold, days)} for days in spec.seq_len])
    if kind == "prices" and part.seed == 0:
        rows = pd.concat([rows, day_rows(done.model, fold, max(spec.seq_len))], ignore_index=True)
    return rows.assign(**keys)


def trained(part: Part, series: Array) -> rl.Fit:
    """The one way in which all cells learn, from windows of all lengths."""
    spec, task = part.spec, changes(series, part.spec.seq_len)
    rng = np.random.default_rng([part.seed, part.fold, CELLS.index(part.cell)])
    model = model_of(STARTS.get(part.cell, part.cell), task, spec.hidden_size, rng)
    recipe, last, size = rl.Recipe(spec.learning_rate, "adam", clip_norm=CLIP), spec.updates // FINE, spec.batch_size
    how: Any = {"batch_size": size, "rng": rng, "record_flow": spec.updates - last}
    coarse = rl.fit(model, task, recipe, updates=spec.updates - last, **how)
    fine = recipe._replace(learning_rate=spec.learning_rate / 10)
    return rl.fit(coarse.model, task, fine, updates=last, state=coarse.state, **how)


def changes(series: Array, seq_len: tuple[int, ...]) -> rl.Task:
    """Past days relative to today, and tomorrow's change from today; chance is persistence's error.

    So prices beyond the range learnt from look like those within. Shown as they are, they saturated the units: errors
    were up to three times persistence's, on a random walk as well.
    """
    levels = windows(series, seq_len)

    def draw(rng: np.random.Generator, batch_size: int) -> rl.Batch:
        x, target, length = levels.draw(rng, batch_size)
        today = x[length - 1, np.arange(batch_size)]
        shown = np.where(np.arange(len(x))[:, None, None] < length[:, None], x - today, 0.0)
        return rl.Batch(shown, target - today, length)

    return levels._replace(draw=draw, chance=float(np.mean(np.diff(series) ** 2)))


def predicted(model: rl.Model, fold: Fold, days: int) -> Array:
    """Tomorrow's price for every day of a fold, from so many days before it."""
    cut = np.lib.stride_tricks.sliding_window_view(fold.scaled[fold.start - days : fold.stop - 1], days)
    blocks = [cut[first : first + AT_ONCE].T[:, :, None] for first in range(0, len(cut), AT_ONCE)]
    return np.concatenate([(x[-1:] + rl.predict(model, x - x[-1:])[-1:])[0, :, 0] for x in blocks])


def tested(model: rl.Model, fold: Fold, days: int) -> dict[str, float]:
    """Errors of a network and of persistence on the same days."""
    truth, today = fold.scaled[fold.start : fold.stop], fold.scaled[fold.start - 1 : fold.stop - 1]
    told = predicted(model, fold, days)
    mse, persistence = float(np.mean((told - truth) ** 2)), float(np.mean((today - truth) ** 2))
    moved = truth != today
    right = (np.sign(told - today) == np.sign(truth - today))[moved].mean()
    outside = int(np.sum((truth < 0) | (truth > 1)))
    found = {"days": truth.size, "outside": outside, "mse": mse, "mse_persistence": persistence}
    return {**found, "skill": 1 - mse / persistence, "direction": float(right)}


def day_rows(model: rl.Model, fold: Fold, days: int) -> pd.DataFrame:
    """Prices and predictions of a fold in the series' own unit, with the range that was learnt from."""
    unit = fold.highest - fold.lowest
    keys = {"part": "day", "seq_len": days, "day": np.arange(fold.start, fold.stop)}
    told = {"price": fold.scaled[fold.start : fold.stop], "predicted": predicted(model, fold, days)}
    back = {name: fold.lowest + unit * column for name, column in told.items()}
    return pd.DataFrame({**keys, **back, "lowest": fold.lowest, "highest": fold.highest})
