"""What is claimed of networks that learn chaos, and the other stories."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from rnnlab.experiments._lab.claims import AT_LEAST, AT_MOST, Claim, table_of
from rnnlab.experiments._lab.differences import Chances, family, more_in_pairs
from rnnlab.experiments.chaos.series import FORCED, SERIES

ENOUGH = {"reservoir": 200, "seq_len": 2000, "updates": 3000, "seeds": 3}  # from which on this is claimed
SHARE = 0.1  # of an exponent: the mean of some networks over 2000 steps, and what they learnt of the series
STILL = 0.01  # of a cycle, whose perturbations along it stay as they are
PAPER = "Mikhaeil, Monfared and Durstewitz 2022"
KEPT = "classical teacher forcing: a fed value leaves the state as it is, so that gradients go on through it"


def checks(table: pd.DataFrame) -> pd.DataFrame:
    """Growth and exponent of each network against the series'; feeding values; forcing against clipping."""
    least = table[table["method"] == "least squares"]
    sizes = {**table.iloc[0][["reservoir", "seq_len", "updates"]].to_dict(), "seeds": least["seed"].nunique()}
    if any(sizes[name] < enough for name, enough in ENOUGH.items()):
        return table_of([])
    growing = (claim for name, rows in least.groupby("series", sort=False) for claim in growth_claims(str(name), rows))
    fed = mean_of(least, "fed")
    learnt = table[table["method"] != "least squares"]
    return table_of([*growing, *fed_claims(fed), *family(orders(learnt)), *norm_claims(learnt)])


def mean_of(rows: pd.DataFrame, quantity: str) -> pd.Series:
    """The mean over networks, by `at`."""
    return rows[rows["quantity"] == quantity].groupby("at")["value"].mean()


def growth_claims(name: str, rows: pd.DataFrame) -> Iterator[Claim]:
    """One series, by BPTT and by the QR method."""
    exponent, source = SERIES[name].exponent, SERIES[name].source
    rival = 0.0 if exponent else SERIES[FORCED].exponent
    theorem = f"{PAPER}, chaos diverges and cycles do not; {source}"
    for quantity, what in (("growth", "growth of BPTT's gradient"), ("exponent", "largest exponent of the network")):
        found = float(mean_of(rows, quantity)[0])
        yield Claim(f"{name}: {what}, per step", exponent, found, SHARE * exponent or STILL, theorem, rival=rival)


def in_times(steps: pd.Index) -> pd.Index:
    """Steps in the predictability times of the series that is forced, to two digits."""
    return pd.Index(np.round(steps / SERIES[FORCED].predictability_time, 2))


def fed_claims(fed: pd.Series) -> Iterator[Claim]:
    """Where the state stays, values must be fed twice in a predictability time; once is not enough."""
    exponent = SERIES[FORCED].exponent
    for times, growth in zip(in_times(fed.index), fed / exponent, strict=True):
        text = f"{FORCED}, a value fed every {times:g} predictability times, state kept: growth over exponent"
        if times <= 0.55:
            yield Claim(f"{text}, at most", 0.0, float(growth), AT_MOST, KEPT, rival=1.0)
        elif times >= 0.95:
            yield Claim(f"{text}, at least", 0.1, float(growth), AT_LEAST, f"{KEPT}; 0 were it cured", rival=0.0)


def orders(rows: pd.DataFrame) -> Iterator[tuple[str, Chances, str]]:
    """Forcing once a predictability time against forcing never, clipped and not, and against forcing more often."""
    valid = rows[rows["quantity"] == "valid"].pivot_table(index="seed", columns=["method", "at"], values="value")
    at = SERIES[FORCED].steps(1.0)
    if ("plain", at) not in valid:
        return
    ends = rows["at"].min(), rows["at"].max()
    for method, steps in valid:
        if (steps == ends[1] > 4 * at) or (steps == ends[0] < at / 2):
            text = f"{FORCED}, forced every {at} steps: more steps are predicted than {method}, forced every {steps:g}"
            source = f"{PAPER}, section 4; sign test of {len(valid)} pairs"
            yield text, more_in_pairs(valid["plain", at], valid[method, steps]), source


def norm_claims(rows: pd.DataFrame) -> Iterator[Claim]:
    """Clipping was needed where it did not help, and not where forcing did; forced networks predict."""
    time, last = SERIES[FORCED].predictability_time, rows["at"].max()
    at = SERIES[FORCED].steps(1.0)
    plain = rows[rows["method"] == "plain"]
    valid, largest = (mean_of(plain, quantity) for quantity in ("valid", "largest norm"))
    if at not in valid or last <= 4 * at:
        return
    text = f"{FORCED}, forced every {at} steps: predictability times that are predicted, at least"
    rest = rows[(rows["quantity"] == "valid") & (rows["at"] == last)].groupby("method")["value"].mean().max() / time
    source = f"{PAPER}, section 4; or as the best of those forced every {last:g} steps"
    yield Claim(text, 1.0, float(valid[at] / time), AT_LEAST, source, rival=float(rest))
    text = f"{FORCED}, forced every {at} steps: log10 of the largest gradient norm, at most"
    source = f"an interval doubles a gradient, {last:g} steps grow it by {np.exp(last / time * np.log(2)):.3g}"
    yield Claim(text, 2.0, float(largest[at]), AT_MOST, source, rival=float(largest[last]))
    for method, group in rows[(rows["at"] == last) & (rows["method"] == "clipped at 1")].groupby("method"):
        share = float(mean_of(group, "above 1")[last])
        text = f"{FORCED}, forced every {last:g} steps, {method}: share of updates that were clipped, at least"
        yield Claim(text, 0.25, share, AT_LEAST, "clipping was put to the test; 0 if it had nothing to do", rival=0.0)
