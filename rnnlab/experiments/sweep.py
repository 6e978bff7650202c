"""Sweep the recurrent weight W2 and the sequence length T: where gradients vanish, explode, stay or die."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Annotated, Any, Literal, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field, FiniteFloat, model_validator

from rnnlab import kernels, laws, log10_abs, series
from rnnlab._checks import Nonlinearity, nonlinearity_code
from rnnlab.experiments import _sweep_figures, _vector_sweep
from rnnlab.experiments._claims import Claim, table_of
from rnnlab.experiments._spec import Choices, ExperimentSpec, Lengths, RecurrentWeights

GRADIENTS = ("log10_dh0", "log10_dx1", "log10_dw1", "log10_dw2", "log10_db1")
SETTINGS = {"inputs", "w1", "b1", "h0"}  # in the table where they are not the defaults, of which stories are told
STEADY = 1.0  # a gradient within a factor of ten of 1 is called steady
STATES_AT_ONCE = 2_000_000  # lanes x steps measured in one go: bounds memory, whatever the size of the grid
BYTES_PER_ROW = 400  # of the table in memory, with its text columns
BYTES_PER_STATE = 80  # inputs, tapes and adjoints in float64 and float32

draw = _sweep_figures.draw

Size = Annotated[FiniteFloat, Field(ge=-1e30, le=1e30)]  # from where no state overflows between two rescalings


class Spec(ExperimentSpec):
    """The grid, and the network it is laid over."""

    w2: RecurrentWeights = Field(
        default=tuple(round(-2.5 + 0.1 * k, 12) + 0.0 for k in range(51)), description="recurrent weights W2"
    )
    seq_len: Lengths = Field(
        default=(1, 2, 3, 5, 7, 10, 15, 20, 30, 50, 70, 100, 150, 200, 300, 500, 700, 1000),
        description="sequence lengths T",
    )
    nonlinearity: Choices[Nonlinearity] = Field(
        default=("linear", "relu", "tanh", "sigmoid"), description="linear, relu, tanh, sigmoid"
    )
    seeds: int = Field(default=4, ge=1, description="input sequences per point, seeded 0, 1, ...")
    inputs: series.InputName = Field(default="statland", description="statland, normal, zeros or prices")
    w1: Size = Field(default=1.0, description="input weight W1")
    b1: Size = Field(default=0.0, description="bias B1")
    h0: Size = Field(default=0.5, description="initial state h_0")
    hidden_size: int = Field(default=1, ge=1, description="units; from 2 on W2 scales a recurrent matrix")
    recurrent: Literal["orthogonal", "gaussian", "identity"] = Field(
        default="orthogonal", description="that matrix: orthogonal, gaussian or identity"
    )

    @model_validator(mode="after")
    def _enough_prices(self) -> Spec:
        if self.inputs == "prices" and max(self.seq_len) > series.daily_prices().size:
            days = series.daily_prices().size
            raise ValueError(f"seq_len is {max(self.seq_len)}, but inputs 'prices' has {days} days: take shorter ones")
        return self

    @model_validator(mode="after")
    def _one_unit_has_no_gaussian_matrix(self) -> Spec:
        if self.recurrent == "gaussian" and self.hidden_size == 1:  # 1 is orthogonal and the identity
            raise ValueError("recurrent is 'gaussian', but hidden_size is 1: give 2 units or more a recurrent matrix")
        return self

    def bytes_needed(self, workers: int) -> int:
        """Memory the sweep takes: its table, and what each worker has in hand."""
        rows = len(self.w2) * len(self.seq_len) * len(self.nonlinearity) * self.seeds
        in_hand = max(STATES_AT_ONCE, max(self.seq_len) * self.hidden_size)
        matrices = 6 * 8 * self.hidden_size**2 if self.hidden_size > 1 else 0
        return rows * BYTES_PER_ROW + workers * (in_hand * BYTES_PER_STATE + matrices)


class Part(NamedTuple):
    """One piece of the work: some lanes of one nonlinearity and one length."""

    spec: Spec
    nonlinearity: Nonlinearity
    seq_len: int
    first: int  # lanes first .. last - 1 of the grid w2 x seed, seed fastest
    last: int


def parts_of(spec: Spec) -> Iterator[Part]:
    """The sweep in pieces of bounded memory, in the order of the table."""
    lanes = len(spec.w2) * spec.seeds
    for nonlinearity in spec.nonlinearity:
        for seq_len in spec.seq_len:
            width = max(1, STATES_AT_ONCE // seq_len)
            for first in range(0, lanes, width):
                yield Part(spec, nonlinearity, seq_len, first, min(first + width, lanes))


def measure(spec: Spec, each: Callable[..., Iterable[pd.DataFrame]] = map) -> pd.DataFrame:
    """Measure every gradient of h_T by backpropagation through time on data, over the whole grid.

    Parameters
    ----------
    spec : Spec
    each : callable
        ``each(function, items)`` yields function(item) in order, as ``map`` does.

    Returns
    -------
    DataFrame
        One row per nonlinearity, w2, seq_len and seed. ``log10_*``: log10 of the absolute derivative of h_T;
        ``log10_dh0_law``: theory, nan where there is no closed form; ``float64_state``, ``float32_state``: what a
        product of W2 f'(a_t) in that type shows (normal, subnormal, zero, inf); ``regime``: vanishing, steady,
        exploding, dead (exactly zero). ``inputs``, ``w1``, ``b1``, ``h0``: each only where it is not the default.
    """
    if spec.hidden_size > 1:
        return _vector_sweep.ordered(pd.concat(each(_vector_sweep.measure_part, _vector_sweep.parts_of(spec))))
    table = pd.concat(each(measure_part, parts_of(spec)), ignore_index=True)
    return table.assign(**spec.changed(SETTINGS))


def measure_part(part: Part) -> pd.DataFrame:
    """The rows of one part of the sweep."""
    spec, steps = part.spec, part.seq_len
    lane = np.arange(part.first, part.last)
    w2, seed = np.asarray(spec.w2, dtype=np.float64)[lane // spec.seeds], lane % spec.seeds
    x = np.stack([series.inputs(spec.inputs, steps, s) for s in range(spec.seeds)], axis=1)[:, seed]
    weights = kernels.Weights(np.full(lane.size, spec.w1), w2, np.full(lane.size, spec.b1))
    h0 = np.full(lane.size, spec.h0)
    code = nonlinearity_code(part.nonlinearity)
    logs = scaled_gradients(code, weights, np.ascontiguousarray(x), h0)
    states = naive_states(code, weights, np.ascontiguousarray(x), h0)
    keys = {"nonlinearity": part.nonlinearity, "w2": w2, "seq_len": steps, "seed": seed}
    law = {"log10_dh0_law": law_of(spec, part.nonlinearity, w2, steps)}
    return pd.DataFrame({**keys, **logs, **law, **states, "regime": regime_of(logs["log10_dh0"])})


def scaled_gradients(
    code: int, weights: kernels.Weights, x: NDArray[np.float64], h0: NDArray[np.float64]
) -> dict[str, NDArray[np.float64]]:
    """log10 of the absolute gradients of h_T, from BPTT with exponents; arrays (L,)."""
    lanes = h0.size
    out = kernels.Gradients(*[kernels.Scaled(np.empty(lanes), np.empty(lanes, np.int64)) for _ in range(5)])
    kernels.last_state_gradients(code, weights, x, h0, np.full(lanes, x.shape[0]), out)
    return dict(zip(GRADIENTS, map(log10_abs, out), strict=True))


def naive_states(
    code: int, weights: kernels.Weights, x: NDArray[np.float64], h0: NDArray[np.float64]
) -> dict[str, NDArray[np.str_]]:
    """What plain BPTT in float64 and in float32 shows for dh_T/dh_0, over the slopes of one float64 forward pass."""
    steps, lanes = x.shape
    h, slope = np.empty((steps + 1, lanes)), np.empty((steps, lanes))
    h[0] = h0
    kernels.forward(code, weights, x, h, slope)
    return {f"{kind.__name__}_state": plain_state(weights, x, h, slope, kind) for kind in (np.float64, np.float32)}


def plain_state(weights: kernels.Weights, x: Any, h: Any, slope: Any, kind: type) -> NDArray[np.str_]:
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
    return np.select(tests, ["zero", "inf", "subnormal"], "normal")


def law_of(spec: Spec, nonlinearity: str, w2: NDArray[np.float64], steps: int) -> NDArray[np.float64]:
    """T log10|W2| where it is exact: linear; ReLU with W2 > 0 fed so that every pre-activation is positive."""
    positive = spec.inputs != "normal" and spec.w1 >= 0 and spec.b1 >= 0 and spec.h0 > 0
    exact = (nonlinearity == "linear") | ((nonlinearity == "relu") & positive & (w2 > 0))
    return np.where(exact, laws.log10_linear_gradient(w2, steps), np.nan)


def regime_of(log10_dh0: NDArray[np.float64]) -> NDArray[np.str_]:
    """Name each gradient: dead is exactly zero, steady within a factor of ten of 1."""
    tests = [np.isneginf(log10_dh0), log10_dh0 < -STEADY, log10_dh0 > STEADY]
    return np.select(tests, ["dead", "vanishing", "exploding"], "steady")


def checks(table: pd.DataFrame) -> pd.DataFrame:
    """The claims that this grid reaches; a claim about points that the grid lacks is left out."""
    if "hidden_size" in table:
        return table_of(_vector_sweep.claims(table))
    return table_of([*law_claims(table), *bound_claims(table), *regime_claims(table), *range_claims(table)])


def law_claims(table: pd.DataFrame) -> Iterator[Claim]:
    """Measured gradient against the exact law, the largest deviation of all rows."""
    finite = table[np.isfinite(table["log10_dh0_law"])]
    for name, rows in finite.groupby("nonlinearity"):
        deviation = (rows["log10_dh0"] - rows["log10_dh0_law"]).abs().max()
        text = f"{name}: log10|dh_T/dh_0| = T log10|W2| in {len(rows)} rows, largest deviation"
        yield Claim(text, 0.0, deviation, 1e-9, "dh_T/dh_0 = W2^T (Bengio 1994, section IV)")


def bound_claims(table: pd.DataFrame) -> Iterator[Claim]:
    """No gradient above (gamma |W2|)^T."""
    for name, rows in table.groupby("nonlinearity"):
        bound = laws.log10_gradient_bound(str(name), rows["w2"], rows["seq_len"])
        excess = (rows["log10_dh0"] - bound)[np.isfinite(bound)]
        text = f"{name}: log10|dh_T/dh_0| exceeds T log10(gamma |W2|) by at most"
        if len(excess):
            yield Claim(text, 0.0, max(0.0, excess.max()), 1e-9, "Pascanu 2013, section 2.1")


def share(rows: pd.DataFrame, regime: str) -> float:
    """The share of rows in a regime, nan where there are none."""
    return float((rows["regime"] == regime).mean())


def regime_claims(table: pd.DataFrame) -> Iterator[Claim]:
    """The story, and where it is wrong, as shares of rows; long means T >= 100. Linear units know no settings."""
    told = table if SETTINGS.isdisjoint(table.columns) else table[table["nonlinearity"] == "linear"]
    long = told[told["seq_len"] >= 100]
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
            text = f"{name}, W2 = {w2:g}, T >= 100: share of rows {regime}"
            yield Claim(text, 1.0, share(rows, regime), 0.0, "the explainer's story, and its limits")


def range_claims(table: pd.DataFrame) -> Iterator[Claim]:
    """A naive product overflows and underflows exactly where the type's range ends."""
    for kind, top, bottom in (("float32", 128.0, -149.0), ("float64", 1024.0, -1074.0)):
        rows = table[(table["nonlinearity"] == "linear") & np.isfinite(table["log10_dh0"])]
        powers = rows["log10_dh0"] / laws.LOG10_2
        wrong = ((rows[f"{kind}_state"] == "inf") != (powers >= top - 1e-9)).sum()
        lost = ((rows[f"{kind}_state"] == "zero") & (powers >= bottom)).sum()
        if len(rows):
            text = f"{kind}: linear rows that overflow elsewhere than from 2^{top:g} on, or reach 0 above 2^{bottom:g}"
            yield Claim(text, 0.0, float(wrong + lost), 0.0, "IEEE 754 ranges")
