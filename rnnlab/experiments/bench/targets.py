"""The speeds that are aimed at, on whatever machine, and what a table says of each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from rnnlab.experiments._lab.claims import AT_LEAST, AT_MOST, Claim, Verdict
from rnnlab.experiments.bench.timing import NAN

RATIOS: dict[tuple[str, str], dict[int, float]] = {  # of a case and an implementation, by the number of cores
    ("one-unit", "NumPy loop"): {1: 4.0, 2: 7.5},
    ("one-unit", "torch loop"): {1: 8.0, 2: 15.0},
    ("one-unit", "JAX scan"): {1: 9.5, 2: 18.0},
    ("one-unit", "one np.tanh"): {1: 1.0, 2: 1.9},
    ("tanh", "np.tanh"): {1: 1.5},
    ("tanh", "math.tanh in njit"): {1: 8.0},
    ("stack", "its layers by hand"): {1: 1 / 1.05, 2: 1 / 1.05},
    ("training", "torch.nn"): {1: 7.0, 2: 10.0},
    ("training", "JAX scan"): {1: 3.5, 2: 5.0},
}
DEFAULTS = ("torch.nn", "JAX scan")  # what people write first
CELL, MEAN = 1.0, {1: 2.4, 2: 2.5}  # of a cell's plain call to the faster of them, and their geometric mean
CHECKED, FLOAT32, FLATNESS = 5.0, 1.9, 1.15  # ns a lane-step; times float64's rate; slowest to fastest
SECONDS = {"import rnnlab": 0.3, "sweep, empty kernel cache": 15.0, "sweep, filled kernel cache": 4.0}


def on_cores(count: int) -> str:
    """As ``1 core``, ``2 cores``."""
    return f"{count} core" if count == 1 else f"{count} cores"


class Target(Claim):
    """A speed that is aimed at, on whatever machine."""

    @property
    def verdict(self) -> Verdict:
        """As of any claim, but "missed" where that fails."""
        return "missed" if super().verdict == "fails" else super().verdict


class Aim(NamedTuple):
    """One target and what was measured of it."""

    case: str
    what: str
    cores: int
    wanted: float
    measured: float
    unit: str = "times as fast"
    dtype: str = "float64"

    @property
    def reached(self) -> float:
        """The share of the target that is reached, at least 1 where it is met."""
        return self.wanted / self.measured if self.most else self.measured / self.wanted

    @property
    def most(self) -> bool:
        """Whether less is better."""
        return self.unit != "times as fast"

    def claim(self) -> Target:
        """As a row of the checks; the rival is no faster than the other, or half as fast as wanted where that is less."""
        slow = self.wanted * 2 if self.most else 1.0 if self.wanted > 1 else self.wanted / 2
        where = f"{self.dtype} on {on_cores(self.cores)}".removeprefix(" on ")
        name = f"{self.case}, {where}: {self.what}: {self.unit}"
        return Target(name, self.wanted, self.measured, AT_MOST if self.most else AT_LEAST, "speed target", rival=slow)


def aims(table: pd.DataFrame) -> Iterator[Aim]:
    """Every target of what was timed, but for single cells."""
    timed = table[table["seconds"].notna()]
    for row in timed.query("dtype == 'float64'").itertuples():
        if wanted := RATIOS.get((row.case, row.implementation), {}).get(row.cores):
            yield Aim(row.case, f"{row.implementation}, {row.problem}", row.cores, wanted, row.ratio)
    yield from one_unit_aims(timed[timed["case"] == "one-unit"])
    flat = timed.loc[timed["case"] == "flatness", "ns_per_item"]
    if len(flat):
        yield Aim("flatness", "slowest to fastest count of lanes", 1, FLATNESS, flat.max() / flat.min(), "ratio")
    for cores, group in fastest(table, DEFAULTS).groupby("cores"):
        if wanted := MEAN.get(cores):
            name = f"{fastest_of(group)}, geometric mean of {len(group)}"
            yield Aim("cells", name, cores, wanted, geometric_mean(group["ratio"]), dtype="both types")
    for row in timed[timed["case"] == "start-up"].itertuples():
        yield Aim("start-up", row.problem, row.cores, SECONDS[row.problem], row.seconds, "seconds", "")


def one_unit_aims(rows: pd.DataFrame) -> Iterator[Aim]:
    """The checked call in nanoseconds; float32 beside float64."""
    for cores, group in rows[rows["cores"] == 1].groupby("cores"):
        costs = group.set_index(["implementation", "dtype"])["ns_per_item"]
        yield Aim("one-unit", "one_unit_gradients", cores, CHECKED, costs["rnnlab", "float64"], "ns a lane-step")
        rate = costs["rnnlab kernel", "float64"] / costs["rnnlab kernel", "float32"]
        yield Aim("one-unit", "the kernel beside itself in float64", cores, FLOAT32, rate, dtype="float32")


def cell_aims(table: pd.DataFrame) -> Iterator[Aim]:
    """No cell slower than the faster of what people write first, and than the fastest of all where more were timed."""
    everyone = fastest(table, peers(table))
    further = np.array([set(names) > set(DEFAULTS) for names in everyone["peers"]], bool)  # a mask of no cells too
    both = pd.concat([fastest(table, DEFAULTS), everyone[further]])
    for row in both.itertuples():
        what = f"{row.problem}: {named(row.peers)}"
        yield Aim("cells", what, row.cores, CELL, row.ratio, dtype=row.dtype)


def peers(table: pd.DataFrame) -> list[str]:
    """Others' implementations of whole cells."""
    rows = table[(table["case"] == "cells") & table["deviation"].notna()]
    return [name for name in rows["implementation"].unique() if name != "Workspace"]


def fastest(table: pd.DataFrame, names: Iterable[str]) -> pd.DataFrame:
    """The ratio of the fastest of some implementations to ours for each cell, and which of them were timed."""
    rows = table[(table["case"] == "cells") & table["ratio"].notna() & table["implementation"].isin(list(names))]
    groups = rows.groupby(["problem", "dtype", "cores"], sort=False)
    return groups.agg(ratio=("ratio", "min"), peers=("implementation", tuple)).reset_index()


def fastest_of(found: pd.DataFrame) -> str:
    """Of what the ratios that `fastest` found are, in words."""
    return named(dict.fromkeys(name for names in found["peers"] for name in names))


def named(names: Iterable[str]) -> str:
    """As ``the faster of torch.nn and JAX scan``."""
    *others, last = names
    return f"the {'fastest' if others[1:] else 'faster'} of {', '.join(others)} and {last}" if others else last


def geometric_mean(ratios: Any) -> float:
    """exp of the mean logarithm."""
    return float(np.exp(np.log(ratios).mean())) if len(ratios) else NAN
