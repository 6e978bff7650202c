"""What is claimed of gradients carried forwards, and the numbers that it is held against."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from rnnlab.experiments._lab.claims import Claim, table_of

ROUNDING = 1e-13  # relative, of some hundred terms
MANY, LONG = 100, 64  # guesses and steps from which on means and slopes say something
TALLEC = "Tallec and Ollivier 2017"


def checks(table: pd.DataFrame) -> pd.DataFrame:
    """RTRL is BPTT; UORO has no bias, the variance of its law, and grows with T and H as predicted; memory."""
    claims = [*exact_claims(table), *memory_claims(table)]
    if table["samples"].min() >= MANY:
        claims += [*mean_claims(table), *variance_claims(table)]
    return table_of([*claims, *growth_claims(table), *size_claims(table)])


def of_kind(table: pd.DataFrame, kind: str) -> pd.DataFrame:
    """The rows of a kind."""
    return table[table["kind"] == kind]


def exact_claims(table: pd.DataFrame) -> Iterator[Claim]:
    """No cell's RTRL is off BPTT; leaving out one step is."""
    source = "Williams and Zipser 1989, equation 5; or BPTT that leaves out the first step"
    short = of_kind(table, "truncated").groupby("network")["value"].max()
    for network, off in of_kind(table, "rtrl").groupby("network", sort=False)["value"].max().items():
        text = f"{network}: RTRL off BPTT, relative, largest"
        yield Claim(text, 0.0, float(off), ROUNDING, source, rival=float(short[network]))


def slope(values: pd.Series) -> float:
    """The power with which values grow with their index: the slope of their logarithms."""
    return float(np.polyfit(np.log(values.index), np.log(values), 1)[0])


def memory_claims(table: pd.DataFrame) -> Iterator[Claim]:
    """The powers of H with which memory grows; finite H makes them off by terms of order 1 / H."""
    for method, power, rival in (("RTRL", 3.0, 2.0), ("UORO", 2.0, 3.0), ("BPTT", 1.0, 2.0)):
        kept = of_kind(table, f"memory {method}").set_index("hidden_size")["value"].sort_index()
        if len(kept) > 1:
            source = f"Williams and Zipser 1989; {TALLEC}; or the power {rival:g}"
            text = f"power of H with which memory of {method} grows, last doubling"
            yield Claim(text, power, slope(kept.iloc[-2:]), 0.1, source, rival=rival)


def mean_claims(table: pd.DataFrame) -> Iterator[Claim]:
    """The mean of the guesses is BPTT's gradient, not that of the last step alone."""
    means = of_kind(table, "mean").set_index(["gain", "hidden_size", "seq_len", "seed"])["value"]
    noise = of_kind(table, "uoro").set_index(means.index.names)["value"]
    cut = of_kind(table, "truncated")
    bias = cut[cut["window"] == 1].set_index(means.index.names)["value"]
    for gain, rows in means.groupby("gain"):
        of_last = (bias / np.sqrt(noise / table["samples"].iloc[0]))[rows.index]
        text = f"gain {gain:g}: standard errors of UORO's mean off BPTT, root mean square"
        source = f"{TALLEC}: unbiased, 1; or biased as the last step alone"
        rival = np.sqrt(1 + np.square(of_last).mean())
        yield Claim(text, 1.0, float(np.sqrt(np.square(rows).mean())), 0.25, source, rival=float(rival))


def variance_claims(table: pd.DataFrame) -> Iterator[Claim]:
    """Without rescaling the law, to the scatter of a variance of so many guesses; with it nearly the least there can be."""
    laws = {
        kind: of_kind(table, kind).set_index(["gain", "hidden_size", "seq_len", "seed"]) for kind in ("uoro", "plain")
    }
    for gain in table.loc[table["kind"] == "uoro", "gain"].unique():
        best, plain = (laws[kind].loc[gain] for kind in laws)
        middle = float(np.exp(np.log(plain["law"] / best["law"]).mean()))
        off = float(np.exp(np.log(plain["value"] / plain["law"]).mean()))
        text = f"gain {gain:g}: variance of UORO without rescaling over its law, geometric mean"
        source = "rnnlab.laws.forward_mode; or that of the best rescaling"
        yield Claim(text, 1.0, off, 0.06, source, rival=1 / middle)
        excess = float(np.exp(np.log(best["value"] / best["law"]).mean()))
        text = f"gain {gain:g}: variance of UORO over the least of all fixed rescalings, geometric mean"
        source = f"{TALLEC}: balanced norms are nearly best; or not rescaled"
        yield Claim(text, 1.0, excess, 0.12, source, rival=middle)


def means(rows: pd.DataFrame, by: str) -> pd.Series:
    """Geometric means over networks."""
    return pd.Series(np.exp(np.log(rows["value"]).groupby(rows[by]).mean()))


def growth_claims(table: pd.DataFrame) -> Iterator[Claim]:
    """Over the last doubling of T: balanced guesses keep their noise; others lose more the longer, or the faster, it goes."""
    guesses = table[table["kind"].isin(["uoro", "plain"])]
    units, longest = guesses["hidden_size"].max(), guesses["seq_len"].max()
    last = guesses[(guesses["hidden_size"] == units) & guesses["seq_len"].isin([longest / 2, longest])]
    if longest < max(LONG, 8 * units) or last["seq_len"].nunique() < 2:
        return
    for (kind, gain), rows in last.groupby(["kind", "gain"]):
        measured, told = slope(means(rows, "seq_len")), "UORO" if kind == "uoro" else "UORO without rescaling"
        text = f"gain {gain:g}: power of T with which variance / g^2 of {told} grows, last doubling"
        exploding = float(np.log(gain) * longest / np.log(2)) - 2  # gain^(2 T) / T^2 over a doubling, as a power
        if kind == "uoro":
            rival = 1.0 if gain <= 1 else exploding
            yield Claim(text, 0.0, measured, 0.45, "|a| |I| add up as the gradient does; or grows", rival=rival)
        elif gain != 1:
            expected = 1.0 if gain < 1 else exploding
            source = "sum of |a|^2 times that of |I|^2: T, or gain^(4 T), over g^2; or as when rescaled"
            yield Claim(text, expected, measured, max(0.45, 0.1 * expected), source, rival=0.0)


def size_claims(table: pd.DataFrame) -> Iterator[Claim]:
    """The noise of a guess over units, once T is far larger: of H^2 products of modes only H add up over time."""
    rows = of_kind(table, "uoro")
    rows = rows[(rows["seq_len"] == rows["seq_len"].max()) & (rows["gain"] == 1)]
    noise = means(rows, "hidden_size")
    if len(noise) > 1 and rows["seq_len"].max() >= 8 * rows["hidden_size"].max():
        text = "gain 1: power of H with which variance / g^2 of UORO grows"
        source = f"{TALLEC}: one sign a unit, and 1 / H of the gradient's terms in phase; or H does not matter"
        yield Claim(text, 2.0, slope(noise), 0.6, source, rival=0.0)
