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
MANY = 4  # predictability times from one forcing to the next, from which on nothing is learnt
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
    return table_of([*growing, *fed_claims(fed), *family(orders(learnt)), *forced_claims(learnt)])


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
    """Where the state stays, values fed once in a predictability time are not enough; twice is about the border."""
    exponent = SERIES[FORCED].exponent
    for times, growth in zip(in_times(fed.index), fed / exponent, strict=True):
        text = f"{FORCED}, a value fed every {times:g} predictability times, state kept: growth over exponent"
        if times < 0.4:
            yield Claim(f"{text}, at most", 0.0, float(growth), AT_MOST, KEPT, rival=1.0)
        elif times > 0.9:
            yield Claim(f"{text}, at least", 0.1, float(growth), AT_LEAST, f"{KEPT}; 0 were it cured", rival=0.0)


def orders(rows: pd.DataFrame) -> Iterator[tuple[str, Chances, str]]:
    """Forcing once a predictability time against never and four times, clipped and not; and twice against once."""
    valid = rows[rows["quantity"] == "valid"].pivot_table(index="seed", columns=["method", "at"], values="value")
    once, twice = (("plain", SERIES[FORCED].steps(interval)) for interval in (1.0, 0.5))
    others = [way for way in valid if way[1] < twice[1] or way[1] >= MANY * once[1]]
    for better, worse, source in [*((once, way, PAPER) for way in others), (twice, once, "found here")]:
        if better in valid and worse in valid:
            told = " than ".join(f"{method}, forced every {at:g} steps" for method, at in (better, worse))
            text = f"{FORCED}: predicts more steps: {told}"
            yield text, more_in_pairs(valid[better], valid[worse]), f"{source}; sign test of {len(valid)} pairs"


def forced_claims(rows: pd.DataFrame) -> Iterator[Claim]:
    """Networks that are forced once a predictability time predict for longer; clipping had its chance."""
    at, last = SERIES[FORCED].steps(1.0), rows["at"].max()
    if at not in set(rows["at"]) or last < MANY * at:
        return
    valid = rows[rows["quantity"] == "valid"]
    forced = mean_of(valid[valid["method"] == "plain"], "valid")[at]
    rest = valid[valid["at"] == last].groupby("method")["value"].mean().max()
    text = f"{FORCED}, forced every {at} steps: predictability times that are predicted, at least"
    time = SERIES[FORCED].predictability_time
    source = f"{PAPER}; or as the best of those forced every {last:g} steps"
    yield Claim(text, 1.0, float(forced / time), AT_LEAST, source, rival=float(rest / time))
    for method, group in rows[rows["method"].str.startswith("clipped")].groupby("method"):
        share = float(mean_of(group, "above 1")[last])
        text = f"{FORCED}, forced every {last:g} steps, {method}: share of updates with a gradient above 1, at least"
        yield Claim(text, 0.1, share, AT_LEAST, "clipping had its chance; 0 were there nothing to clip", rival=0.0)
