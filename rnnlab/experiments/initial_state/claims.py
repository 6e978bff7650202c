"""What is claimed of the turn from exploding to vanishing, and the other stories."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from rnnlab import laws
from rnnlab.experiments._lab.claims import Claim, table_of

SETTLED = 25  # steps after the turn from which on the state is at rest
FEW = 100  # sequences of noise from which on moments are as theory has them
EARLY = 0.8  # of the last step: up to there a turn, and what noise makes of it, is seen
SMALL = 1e-3  # noise that the state has long outgrown when it turns
FOLK = "the folk story: it explodes at every step"
NEXT = "the next term, which does not depend on h_0, drops out of a slope; the turn is a whole step"
GAUSSIAN = "h_t is W2^t times a Gaussian Z: ln |Z| has the variance pi^2 / 8, whole steps add 1 / 12"


def checks(table: pd.DataFrame) -> pd.DataFrame:
    """Growth, turn, height and decay without inputs; turn and spread with noise; for every W2."""
    claims: list[Claim] = []
    for w2, rows in table.groupby("w2"):
        start, noise = rows[rows["start"] == "h_0"], rows[rows["start"] == "noise"]
        claims += [*start_claims(float(w2), start), *noise_claims(float(w2), noise, int(start["t"].max()))]
    return table_of(claims)


def within(w2: float, rows: pd.DataFrame, last: int) -> pd.DataFrame:
    """Those of a size of which the law says that they turn well before the last step."""
    return rows[laws.turn(w2, rows["size"]) < EARLY * last]


def start_claims(w2: float, rows: pd.DataFrame) -> Iterator[Claim]:
    """One W2 without inputs."""
    last = int(rows["t"].max())
    rows = within(w2, rows, last)
    found = rows.loc[rows.groupby("size")["log10_gradient"].idxmax()]
    if len(found) < 3:
        return
    slope = np.polyfit(laws.turn(w2, found["size"]), found["t"], 1)[0]
    text = f"W2 = {w2:g}: steps to the turn over log(1 / h_0) / log W2, slope"
    yield Claim(text, 1.0, float(slope), 0.05, f"{NEXT}; 0 if h_0 did not matter", rival=0.0)
    height = np.polyfit(-np.log10(found["size"]), found["log10_gradient"], 1)[0]
    text = f"W2 = {w2:g}: log10 of the largest gradient over log10(1 / h_0), slope"
    yield Claim(
        text, 1.0, float(height), 0.05, "|h_t| = |h_0| |dh_t/dh_0| is bounded; 0 if h_0 did not matter", rival=0.0
    )
    largest = found["size"].max()
    curve = rows[rows["size"] == largest].set_index("t")["log10_gradient"]
    begin = int(laws.turn(w2, largest)) + SETTLED
    if begin + SETTLED <= last:
        factor = float(10 ** ((curve[last] - curve[begin]) / (last - begin)))
        law = laws.tanh_attractor_multiplier(w2)
        yield Claim(f"W2 = {w2:g}: factor a step after the turn", law, factor, 1e-3, f"W2 (1 - h*^2); {FOLK}", rival=w2)


def noise_claims(w2: float, rows: pd.DataFrame, last: int) -> Iterator[Claim]:
    """One W2 with noise: the median turn, and its spread, which is the same for every size."""
    groups = within(w2, rows, last).groupby("size")
    small = {float(size): group for size, group in groups if size < SMALL and len(group) >= FEW}
    if len(small) < 3:
        return
    medians = [float(group["t"].mean()) for group in small.values()]
    slope = np.polyfit(laws.turn(w2, list(small)), medians, 1)[0]
    text = f"W2 = {w2:g}, noise: mean steps to the turn over log(1 / sigma) / log W2, slope"
    yield Claim(text, 1.0, float(slope), 0.05, "as of h_0 = sigma; 0 if noise did not matter", rival=0.0)
    expected = float(np.sqrt(np.pi**2 / 8 / np.log(w2) ** 2 + 1 / 12))
    for size, group in small.items():
        text = f"W2 = {w2:g}, noise {size:g}: standard deviation of the turn, steps"
        off = 4 * expected / np.sqrt(len(group))  # four standard errors, for tails a little longer than a Gaussian's
        yield Claim(
            text, expected, float(group["t"].std()), float(off), GAUSSIAN + "; 0 if the turn were fixed", rival=0.0
        )
