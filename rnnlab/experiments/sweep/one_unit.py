"""The sweep over one-unit networks, many lanes at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rnnlab import kernels, laws, log10_abs, series
from rnnlab.experiments._lab.claims import AT_MOST, Claim
from rnnlab.experiments._lab.tables import joined
from rnnlab.experiments.sweep.regimes import named, regime_of
from rnnlab.experiments.sweep.spec import SETTINGS, STATES_AT_ONCE, Spec
from rnnlab.nonlinearities import Nonlinearity, Pair, checked_nonlinearity

Nonlinearities = dict[str, Nonlinearity | Pair]  # by the name that the table gives them
GRADIENTS = ("log10_dh0", "log10_dx1", "log10_dw1", "log10_dw2", "log10_db1")


class Part(NamedTuple):
    """One piece of the work: some lanes of one nonlinearity and one length."""

    spec: Spec
    nonlinearities: Nonlinearities
    nonlinearity: str
    seq_len: int
    first: int  # lanes first .. last - 1 of the grid w2 x seed, seed fastest
    last: int


def parts_of(spec: Spec, nonlinearities: Nonlinearities) -> Iterator[Part]:
    """The sweep in pieces of bounded memory, in the order of the table."""
    lanes = len(spec.w2) * spec.seeds
    for name in nonlinearities:
        for seq_len in spec.seq_len:
            width = max(1, STATES_AT_ONCE // seq_len)
            for first in range(0, lanes, width):
                yield Part(spec, nonlinearities, name, seq_len, first, min(first + width, lanes))


def measure(spec: Spec, each: Callable[..., Iterable[pd.DataFrame]], nonlinearities: Nonlinearities) -> pd.DataFrame:
    """The whole table."""
    rows = len(nonlinearities) * len(spec.seq_len) * len(spec.w2) * spec.seeds
    table = joined(each(measure_part, parts_of(spec, nonlinearities)), rows)
    return table.assign(**spec.changed(SETTINGS))


def measure_part(part: Part) -> pd.DataFrame:
    """The rows of one part of the sweep."""
    spec, steps = part.spec, part.seq_len
    lane = np.arange(part.first, part.last)
    w2, seed = np.asarray(spec.w2, dtype=np.float64)[lane // spec.seeds], lane % spec.seeds
    x = np.stack([series.inputs(spec.inputs, steps, s) for s in range(spec.seeds)], axis=1)[:, seed]
    weights = kernels.Weights(np.full(lane.size, spec.w1), w2, np.full(lane.size, spec.b1))
    h0 = np.full(lane.size, spec.h0)
    choice = checked_nonlinearity(part.nonlinearities[part.nonlinearity])
    logs = scaled_gradients(choice, weights, np.ascontiguousarray(x), h0)
    states = naive_states(choice, weights, np.ascontiguousarray(x), h0)
    name = pd.Categorical([part.nonlinearity] * lane.size, list(part.nonlinearities))
    keys = {"nonlinearity": name, "w2": w2, "seq_len": steps, "seed": seed}
    law = {"log10_dh0_law": law_of(spec, part.nonlinearity, w2, steps)}
    return pd.DataFrame({**keys, **logs, **law, **states, "regime": regime_of(logs["log10_dh0"])})


def scaled_gradients(
    nonlinearity: Any, weights: kernels.Weights, x: NDArray[np.float64], h0: NDArray[np.float64]
) -> dict[str, NDArray[np.float64]]:
    """log10 of the absolute gradients of h_T, from BPTT with exponents; arrays (L,)."""
    lanes = h0.size
    out = kernels.Gradients(*[kernels.Scaled(np.empty(lanes), np.empty(lanes, np.int64)) for _ in range(5)])
    kernels.last_state_gradients(nonlinearity, weights, x, h0, np.full(lanes, x.shape[0]), out)
    return dict(zip(GRADIENTS, map(log10_abs, out), strict=True))


def naive_states(
    nonlinearity: Any, weights: kernels.Weights, x: NDArray[np.float64], h0: NDArray[np.float64]
) -> dict[str, pd.Categorical]:
    """What plain BPTT in float64 and in float32 shows for dh_T/dh_0, over the slopes of one float64 forward pass."""
    steps, lanes = x.shape
    h, slope = np.empty((steps + 1, lanes)), np.empty((steps, lanes))
    h[0] = h0
    kernels.forward(nonlinearity, weights, x, h, slope)
    return {f"{kind.__name__}_state": plain_state(weights, x, h, slope, kind) for kind in (np.float64, np.float32)}


def plain_state(weights: kernels.Weights, x: Any, h: Any, slope: Any, kind: type) -> pd.Categorical:
    """Classify the plain dh_T/dh_0 of each lane, computed in the floating type `kind`."""
    dh = np.zeros(h.shape, kind)
    dh[-1] = 1
    lanes = dh.shape[1]
    with np.errstate(over="ignore"):
        cast = kernels.Weights(*(w.astype(kind) for w in weights))
        x, h, slope = x.astype(kind), h.astype(kind), slope.astype(kind)
    kernels.backward(cast, x, h, slope, dh, np.empty_like(slope), kernels.Weights(*np.zeros((3, lanes), kind)))
    size = np.abs(dh[0])
    tests = [size == 0, ~np.isfinite(size), size < np.finfo(kind).smallest_normal]
    return named(tests, ["zero", "inf", "subnormal"], "normal")


def law_of(spec: Spec, nonlinearity: str, w2: NDArray[np.float64], steps: int) -> NDArray[np.float64]:
    """T log10|W2| where it is exact: linear; ReLU with W2 > 0 fed so that every pre-activation is positive."""
    positive = spec.inputs != "normal" and spec.w1 >= 0 and spec.b1 >= 0 and spec.h0 > 0
    exact = (nonlinearity == "linear") | ((nonlinearity == "relu") & positive & (w2 > 0))
    return np.where(exact, laws.log10_linear_gradient(w2, steps), np.nan)


def claims(table: pd.DataFrame) -> Iterator[Claim]:
    """Laws, bounds, the usual story and its limits, ranges of floats."""
    yield from law_claims(table)
    yield from bound_claims(table)
    yield from regime_claims(table)
    yield from range_claims(table)


def law_claims(table: pd.DataFrame) -> Iterator[Claim]:
    """Measured gradient against the exact law, the largest deviation of all rows."""
    finite = table.loc[np.isfinite(table["log10_dh0_law"]), ["nonlinearity", "seq_len", "log10_dh0", "log10_dh0_law"]]
    for name, rows in finite.groupby("nonlinearity"):
        deviation = (rows["log10_dh0"] - rows["log10_dh0_law"]).abs().max()
        text = f"{name}: log10|dh_T/dh_0| = T log10|W2| in {len(rows)} rows, largest deviation"
        other = float(np.abs(rows["log10_dh0_law"] / rows["seq_len"]).max())  # with T - 1 factors
        source = "dh_T/dh_0 = W2^T (Bengio 1994, section IV), not W2^(T-1)"
        yield Claim(text, 0.0, deviation, 1e-9, source, rival=other)


def bound_claims(table: pd.DataFrame) -> Iterator[Claim]:
    """No gradient above (gamma |W2|)^T, gamma the largest slope, 1/4 of sigmoid: it says more than |W2|^T does."""
    rows = table.loc[table["nonlinearity"] == "sigmoid", ["w2", "seq_len", "log10_dh0"]]
    bound = laws.log10_gradient_bound("sigmoid", rows["w2"], rows["seq_len"])
    excess = (rows["log10_dh0"] - bound)[np.isfinite(bound)]
    if len(excess):
        text, rival = (
            "sigmoid: log10|dh_T/dh_0| over T log10(|W2| / 4), largest",
            float(rows["seq_len"].max() * np.log10(4)),
        )
        source = "Pascanu 2013, section 2.1; over by T log10 4 if weights alone decided"
        yield Claim(text, 1e-9, float(excess.max()), AT_MOST, source, rival=rival)


def share(rows: pd.DataFrame, regime: str) -> float:
    """The share of rows in a regime, nan where there are none."""
    return float((rows["regime"] == regime).mean())


def regime_claims(table: pd.DataFrame) -> Iterator[Claim]:
    """The story, and where it is wrong, as shares of rows; long means T >= 100. Linear units know no settings."""
    told = table["seq_len"] >= 100
    told &= True if SETTINGS.isdisjoint(table.columns) else table["nonlinearity"] == "linear"
    long = table.loc[told, ["nonlinearity", "w2", "regime"]]
    for name, w2, regime in (
        ("linear", 2.0, "exploding"),
        ("linear", 0.5, "vanishing"),
        ("linear", 1.0, "steady"),
        ("linear", -2.0, "exploding"),
        ("relu", 2.0, "exploding"),
        ("relu", -2.0, "dead"),
        ("tanh", 0.5, "vanishing"),
        ("tanh", 2.0, "vanishing"),
        ("sigmoid", 2.0, "vanishing"),
    ):
        rows = long[(long["nonlinearity"] == name) & (long["w2"] == w2)]
        if len(rows):
            text, source = (
                f"{name}, W2 = {w2:g}, T >= 100: share of rows {regime}",
                "the explainer's story, and its limits; or none",
            )
            yield Claim(text, 1.0, share(rows, regime), 0.0, source, rival=0.0)


def range_claims(table: pd.DataFrame) -> Iterator[Claim]:
    """A naive product overflows and underflows exactly where the type's range ends."""
    linear = (table["nonlinearity"] == "linear") & np.isfinite(table["log10_dh0"])
    for kind, top, bottom in (("float32", 128.0, -149.0), ("float64", 1024.0, -1074.0)):
        rows = table.loc[linear, ["log10_dh0", f"{kind}_state"]]
        powers = rows["log10_dh0"] / laws.LOG10_2
        wrong = ((rows[f"{kind}_state"] == "inf") != (powers >= top - 1e-9)).sum()
        lost = ((rows[f"{kind}_state"] == "zero") & (powers >= bottom)).sum()
        ended = float(rows[f"{kind}_state"].isin(["inf", "zero"]).sum())
        if ended:
            text = f"{kind}: linear rows that overflow elsewhere than from 2^{top:g} on, or reach 0 above 2^{bottom:g}"
            source = "IEEE 754 ranges; all that overflow or reach 0, if floats had none"
            yield Claim(text, 0.0, float(wrong + lost), 0.0, source, rival=ended)
