"""What is claimed of parity, and the other stories: chance, perfection, or what a gradient seems to tell."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from rnnlab.experiments._lab.claims import AT_LEAST, AT_MOST, Claim, table_of
from rnnlab.experiments._lab.differences import Chances, family, more_of
from rnnlab.experiments.state_tracking.parity import LONG, TRAINED, UNITS

SOLVED = 0.99  # share of right answers at 41 to 256 bits
SIGNED, POSITIVE, OPEN = "minGRU, signed", "minGRU", "minGRU, open"
GRAZZI = "Grazzi 2025, figure 1, caption: trained up to length 40, tested up to 256"
ROLLE = f"a sum of {UNITS + 1} exponentials of positive bases has at most {UNITS} zeros; parity changes at every step"
PAIRS = (  # the better, the worse, and who says so
    (SIGNED, POSITIVE, GRAZZI),
    (SIGNED, OPEN, "it is not for its gradient that a minGRU does not learn"),
    (SIGNED, "LRU", "negative factors that no input chooses add up bits, and parity is no sum"),
    ("LSTM", POSITIVE, "Grazzi 2025, abstract: non-linear networks handle it"),
    ("tanh RNN", POSITIVE, "Grazzi 2025, abstract: non-linear networks handle it"),
)


def checks(table: pd.DataFrame) -> pd.DataFrame:
    """Published accuracies, how often answers can change, what gradients reached, and who learns more often."""
    rows = at_best(table)
    parts = {str(name): part for name, part in rows.groupby("part")}
    claims = [*accuracy_claims(parts["beyond"]), *change_claims(parts["ones"]), *gradient_claims(parts)]
    return table_of([*claims, *family(comparisons(parts["beyond"]))])


def at_best(table: pd.DataFrame) -> pd.DataFrame:
    """Each network at the learning rate of its largest accuracy beyond the trained length, the mean over seeds."""
    beyond = table[table["part"] == "beyond"]
    mean = beyond.groupby(["network", "rate"], sort=False)["value"].mean().reset_index()
    best = mean.loc[mean.groupby("network", sort=False)["value"].idxmax(), ["network", "rate"]]
    return table.merge(best, on=["network", "rate"])


def accuracy_claims(rows: pd.DataFrame) -> Iterator[Claim]:
    """Guesses with factors of 0 to 1, all right with -1 to 1."""
    mean = rows.groupby("network")["value"].mean()
    text = f"share of right answers at {TRAINED + 1} to {LONG} bits"
    if POSITIVE in mean:
        source = f"{GRAZZI}: random guessing with factors of 0 to 1; or all right"
        yield Claim(f"{POSITIVE}: {text}", 0.5, float(mean[POSITIVE]), 0.02, source, rival=1.0)
    if SIGNED in mean:
        source = f"{GRAZZI}: perfect with -1 to 1; or as with 0 to 1"
        yield Claim(f"{SIGNED}: {text}", 1.0, float(mean[SIGNED]), 1 - SOLVED, source, rival=0.5)


def change_claims(rows: pd.DataFrame) -> Iterator[Claim]:
    """Over ones alone a positive network's answer changes H times at most, whatever was trained; a signed one's more often."""
    found = rows.groupby("network")["value"]
    for name in (POSITIVE, OPEN):
        if name in found.groups:
            text = f"{name}: changes of the answer over {LONG} ones, most"
            most = float(found.max()[name])
            yield Claim(text, 0.0, most, (0.0, float(UNITS)), ROLLE, rival=LONG - 1.0)
    if SIGNED in found.groups:
        text = f"{SIGNED}: changes of the answer over {LONG} ones, fewest"
        source = f"more than any positive network: {ROLLE}"
        yield Claim(text, UNITS + 1.0, float(found.min()[SIGNED]), AT_LEAST, source, rival=float(UNITS))


def gradient_claims(parts: dict[str, pd.DataFrame]) -> Iterator[Claim]:
    """Before training most comes back where nothing is learnt; after it least where it is learnt best."""
    start, end = (parts[name].groupby(["network", "steps"])["value"].mean() for name in ("start", "end"))
    first = TRAINED - 1
    if {(OPEN, first), (SIGNED, first)} <= set(start.index):
        text = f"{OPEN}: log10 of what comes back over {first} bits, before training"
        source = "(1 - 1/T)^(T - 1) is 1/e; or as of the signed cell, which learns"
        yield Claim(text, -np.log10(np.e), float(start[OPEN, first]), 0.3, source, rival=float(start[SIGNED, first]))
    last = LONG - 1
    for name in ("tanh RNN", "LSTM"):
        if {(name, last), (SIGNED, last)} <= set(end.index):
            text = f"{name}: log10 of what comes back over {last} bits, after training, over that of {SIGNED}"
            source = "a switch latches and passes on less than float32's last digit; or as much as what stays linear"
            less = float(np.log10(np.finfo(np.float32).eps))
            yield Claim(text, less, float(end[name, last] - end[SIGNED, last]), AT_MOST, source, rival=0.0)


def comparisons(rows: pd.DataFrame) -> Iterator[tuple[str, Chances, str]]:
    """Fisher's exact test of how many trainings tell parity beyond what was trained."""
    solved = {str(name): one["value"].to_numpy() >= SOLVED for name, one in rows.groupby("network")}
    for better, worse, source in PAIRS:
        if {better, worse} <= set(solved):
            counts = f"{solved[better].sum()} and {solved[worse].sum()} of {len(solved[better])}"
            text = f"{better} tells parity at {TRAINED + 1} to {LONG} bits more often than {worse} ({counts})"
            yield text, more_of(solved[better], solved[worse]), source
