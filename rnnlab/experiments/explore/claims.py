"""What the page says, held against what was measured."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from rnnlab import laws
from rnnlab.experiments._lab.claims import AT_LEAST, AT_MOST, Claim, table_of
from rnnlab.experiments.explore.descents import H0

FAR = 10.0  # from so many steps on, and W2 well above 1, a tanh unit has left h_0 = 0
THERE = 1e-3  # a loss below this is learnt, one above 0.9 of the first is stalled

STORIES: dict[
    Any, tuple[float, Any, float]
] = {  # of those that don't learn: last loss over the first, and what else it could be
    ("explode", "plain"): (1.0, AT_LEAST, THERE),
    ("stall", "plain"): (1.0, 0.1, THERE),
    ("stall", "clipped"): (1.0, 0.1, THERE),
}


def checks(table: pd.DataFrame) -> pd.DataFrame:
    """The chain against BPTT, the powers, tanh at h_0 = 0 and elsewhere, the three trainings, the order of the cures."""
    states, descents, cures = (table[table["part"] == name] for name in ("state", "descent", "cure"))
    usual = [*descent_claims(descents), *cure_claims(cures)] if table["usual"].all() else []
    return table_of([*chain_claims(states), *tanh_claims(states), *usual])


def chain_claims(states: pd.DataFrame) -> Iterator[Claim]:
    """The product along the chain is the gradient, and of a linear unit W2^T."""
    measured, links = (states[name].to_numpy(float) for name in ("log10_gradient", "log10_links"))
    text = f"largest difference of log10 |dh_T/dh_0| and the chain's product, {len(states)} states"
    yield Claim(
        text, 0.0, largest_difference(measured, links), 1e-9, "chain rule; or a link left out", rival=math.log10(2)
    )
    linear = states[states["nonlinearity"] == "linear"]
    law = laws.log10_linear_gradient(linear["w2"], linear["seq_len"])
    worst = largest_difference(linear["log10_gradient"].to_numpy(float), law)
    text, source = "largest difference of log10 |dh_T/dh_0| and T log10 |W2|, linear", "dh_T/dh_0 = W2^T, not W2^(T-1)"
    yield Claim(text, 0.0, worst, 1e-9, source, rival=math.log10(2))
    for row in linear[(linear["w2"] == 2) & (linear["h0"] == H0)].itertuples():
        if row.seq_len < 1024:  # beyond, it is no float
            value = float(np.ldexp(row.mantissa, int(row.exponent)))
            yield Claim(
                f"2^{row.seq_len:.0f}",
                2.0**row.seq_len,
                value,
                0.0,
                "dh_T/dh_0 = W2^T, not W2^(T-1)",
                rival=2.0 ** (row.seq_len - 1),
            )


def largest_difference(one: np.ndarray, other: np.ndarray) -> float:
    """Of two arrays, -inf being equal to itself."""
    with np.errstate(invalid="ignore"):
        return float(np.max(np.where(one == other, 0.0, np.abs(one - other))))


def tanh_claims(states: pd.DataFrame) -> Iterator[Claim]:
    """At h_0 = 0 tanh is the identity for ever; from any other start the unit saturates, and its gradient vanishes."""
    rows = states[(states["nonlinearity"] == "tanh") & (states["w2"] == 2) & (states["seq_len"] >= FAR)]
    for row in rows.itertuples():
        if row.h0 == 0:
            expected = float(laws.log10_linear_gradient(row.w2, row.seq_len))
            text = f"tanh, W2 = 2, h_0 = 0, T = {row.seq_len:.0f}: log10 |dh_T/dh_0|"
            source = "tanh'(0) = 1: W2^T, it explodes; elsewhere it vanishes"
            yield Claim(text, expected, row.log10_gradient, 1e-9, source, rival=0.0)
        else:
            text = f"tanh, W2 = 2, h_0 = {row.h0:g}, T = {row.seq_len:.0f}: log10 |dh_T/dh_0|"
            source = "W2 (1 - h*^2) < 1 at the attractor: it vanishes; W2^T if W2 > 1 decided"
            folk = float(laws.log10_linear_gradient(row.w2, row.seq_len))
            yield Claim(text, 0.0, row.log10_gradient, AT_MOST, source, rival=folk)


def descent_claims(descents: pd.DataFrame) -> Iterator[Claim]:
    """One training explodes, one stalls, one learns, and clipping cures the first alone."""
    for (start, variant), rows in descents.groupby(["start", "variant"]):
        losses = rows["loss"].to_numpy()
        expected, tolerance, rival = STORIES.get((start, variant), (THERE, AT_MOST, 1.0))
        source = "Pascanu, Mikolov and Bengio 2013, sections 2 and 3.2: explodes, stalls at 1, or learns"
        text = f"from W2 = {rows['w2'].iloc[0]:g}, {variant}: last loss, of the first"
        yield Claim(text, expected, float(losses[-1] / losses[0]), tolerance, source, rival=rival)


def cure_claims(cures: pd.DataFrame) -> Iterator[Claim]:
    """Every cure lets more through than tanh, an LSTM the more the larger its forget bias."""
    last = cures[cures["lag"] == cures["lag"].max()]
    plain = last.loc[last["network"] == "tanh", "log10_gradient"].iloc[0]
    for row in last[last["network"] != "tanh"].itertuples():
        name = row.network if np.isnan(row.forget_bias) else f"LSTM, forget bias {row.forget_bias:g}"
        text = f"{name}: log10 of its gradient at lag {row.lag:.0f}, over that of tanh"
        yield Claim(text, 1.0, row.log10_gradient - plain, AT_LEAST, "the usual story: tenfold; or no more", rival=0.0)
    vanishing = last[(last["network"] == "lstm") & (last["log10_gradient"] < 0)].sort_values("forget_bias")
    rising, source = (
        float((vanishing["log10_gradient"].diff().dropna() > 0).mean()),
        "Jozefowicz et al. 2015; or no order",
    )
    yield Claim("LSTM: share of larger forget biases by which less vanishes", 1.0, rising, 0.0, source, rival=0.5)
