"""What is claimed of gradients that are carried in part, and the other stories."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from rnnlab.experiments._lab.claims import Claim, table_of
from rnnlab.experiments._lab.differences import Chances, family, more_in_pairs
from rnnlab.experiments.sparse_rtrl.networks import FEW, farthest

ROUNDING = 1e-13  # relative, of some hundred terms
MANY = 8  # networks from which on means and pairs say something
LONG, UNITS = 128, 16  # steps and units at which ways are told apart
SLOW = 0.01  # delta at which a leak outlasts the sequence
MENICK = "Menick et al. 2021"
WHAT = ("numbers kept", "products a step")
COSTS = (  # network, method, n, powers of H with which numbers kept and products grow, and the other story's
    ("tanh", "SnAp", 1, (2, 2), (3, 4)),
    ("tanh", "RTRL", 0, (3, 4), (2, 2)),
    ("ring", "SnAp", 2, (1, 1), (2, 2)),
    ("LRU", "SnAp", 2, (1, 1), (2, 2)),
    ("minGRU", "SnAp", 1, (1, 1), (2, 2)),
)


def checks(table: pd.DataFrame) -> pd.DataFrame:
    """Exactness, the linear law, who is nearer to the gradient, and costs."""
    parts = dict(iter(table.groupby("part")))
    claims = [*exact_claims(parts["reach"]), *relative_claims(parts["relative"]), *cost_claims(parts["cost"])]
    if table["seed"].nunique() >= MANY:
        longest = parts["linear"][parts["linear"]["steps"] == parts["linear"]["steps"].max()]
        claims += [*law_claims(longest)]
        compared = pd.concat([longest, parts["leaky"], parts["lstm"]])
        if compared["steps"].min() >= LONG and compared["hidden_size"].min() >= UNITS / 2:
            claims += [claim for tests in (budgets, guesses) for claim in family(tests(compared))]
    return table_of(claims)


def exact_claims(rows: pd.DataFrame) -> Iterator[Claim]:
    """SnAp-n to rounding at the n at which all is reached; at one less it is not, nor is BPTT that leaves out a step."""
    for name, one in rows.groupby("network", sort=False):
        n = farthest(str(name), FEW)
        worst = one.groupby(["method", "reach"])["error"].max()
        rival = worst["SnAp", n - 1] if n > 1 else worst["BPTT"].iloc[0]
        other = f"SnAp-{n - 1}" if n > 1 else "BPTT that leaves out a step"
        text = f"{name}: SnAp-{n} off BPTT, relative, largest"
        source = f"{MENICK}: real-time recurrent learning for large n, here all that is reached; or {other}"
        yield Claim(text, 0.0, float(worst["SnAp", n]), ROUNDING, source, rival=float(rival))


def relative_claims(rows: pd.DataFrame) -> Iterator[Claim]:
    """E-prop, of a leaky network RFLO with exact feedback, is SnAp-1 where no unit hears itself."""
    off = rows.groupby("network")["error"].max()
    text = "leaky, no self-weights: e-prop (RFLO) off SnAp-1, over the gradient's norm, largest"
    source = "Murray 2019, Bellec et al. 2020: what is carried is the leak; or as with self-weights"
    yield Claim(text, 0.0, float(off["leaky, no self-weights"]), ROUNDING, source, rival=float(off["leaky"]))


def power(rows: pd.DataFrame, column: str) -> float:
    """The power of H with which something grows, over the last doubling."""
    ends = rows.sort_values("hidden_size").tail(2)
    return float(np.diff(np.log(ends[column].to_numpy(float)))[0] / np.diff(np.log(ends["hidden_size"]))[0])


def cost_claims(rows: pd.DataFrame) -> Iterator[Claim]:
    """Powers of H, off by terms of order 1 / H; and SnAp-1's products beside BPTT's."""
    for name, method, n, powers, rivals in COSTS:
        one = rows[(rows["network"] == name) & (rows["method"] == method) & (rows["reach"] == n)]
        told = f"{name}: {method}{f'-{n}' if n else ''}"
        for column, what, expected, other in zip(("kept", "products"), WHAT, powers, rivals, strict=True):
            source = f"counted where entries are not 0; or the power {other}"
            text = f"{told}: power of H with which {what} grow, last doubling"
            yield Claim(text, expected, power(one, column), 0.1, source, rival=other)
    dense = rows[(rows["network"] == "tanh") & (rows["hidden_size"] == rows["hidden_size"].max())]
    products = dense.set_index(["method", "reach"])["products"]
    ratio, rival = (float(products[way] / products["BPTT"].iloc[0]) for way in (("SnAp", 1), ("RTRL", 0)))
    source = f"{MENICK}: no more expensive than backpropagation; or as real-time recurrent learning"
    yield Claim("tanh: products a step of SnAp-1 over BPTT's, largest H", 1.0, ratio, 0.1, source, rival=rival)


def law_claims(rows: pd.DataFrame) -> Iterator[Claim]:
    """Cosine and norm in linear networks against second moments, SnAp-1 beside BPTT in its memory, which is the rival."""
    source = "rnnlab.laws.forward_mode.linear_alignment, to the scatter of so few networks; or that of the other"
    for gain, one in rows.dropna(subset="law").groupby("setting"):
        squares = one.assign(**{name: np.square(one[name]) for name in ("cosine", "norm", "law", "law_norm")})
        ways = np.sqrt(squares.groupby("method")[["cosine", "norm", "law", "law_norm"]].mean())
        for method, other in (("SnAp", "BPTT"), ("BPTT", "SnAp")):
            way, far = ways.loc[method], ways.loc[other]
            told = f"gain {gain:g}, {'SnAp-1' if method == 'SnAp' else 'BPTT in its memory'}"
            yield Claim(f"{told}: cosine, root mean square", way["law"], way["cosine"], 0.1, source, rival=far["law"])
            text, rival = f"{told}: log10 of its norm over the gradient's", float(np.log10(far["law_norm"]))
            expected, measured = (float(np.log10(way[name])) for name in ("law_norm", "norm"))
            yield Claim(text, expected, measured, 0.1, source, rival=rival)


def pair(rows: pd.DataFrame, better: str, worse: str, column: str = "cosine") -> Chances:
    """The sign test of two methods in the same networks."""
    values = [rows[rows["method"] == name].sort_values("seed")[column].to_numpy() for name in (better, worse)]
    return more_in_pairs(*values)


def budgets(rows: pd.DataFrame) -> Iterator[tuple[str, Chances, str]]:
    """BPTT over as many steps as fit in the memory of SnAp-1 has the smaller angle, unless a leak outlasts the sequence."""
    for (name, setting), one in rows.groupby(["network", "setting"], sort=False):
        if name == "leaky" and setting <= SLOW:
            text, reason = (
                "SnAp-1 has a smaller angle than BPTT in its memory",
                "units' own memory outlasts T; or no difference",
            )
            yield f"{name} {setting:g}: {text}", pair(one, "SnAp", "BPTT"), reason
        else:
            text, reason = "BPTT in the memory of SnAp-1 has a smaller angle", "other units hear it; or no difference"
            yield f"{name} {setting:g}: {text}", pair(one, "BPTT", "SnAp"), reason


def guesses(rows: pd.DataFrame) -> Iterator[tuple[str, Chances, str]]:
    """SnAp-1 beside a guess."""
    for (name, setting), one in rows.groupby(["network", "setting"], sort=False):
        text = f"{name} {setting:g}: SnAp-1 has a smaller angle than a guess of UORO"
        yield text, pair(one, "SnAp", "UORO"), f"{MENICK}: it does better than UORO; or no difference"
