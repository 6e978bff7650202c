"""The sweep over networks of many units: W2 scales a recurrent matrix, and the loss is a random direction of h_T.

h_t = f(w1 v x_t + w2 M h_(t-1) + b1), with v standard normal over sqrt(H) and M orthogonal, Gaussian or the identity,
drawn anew for every seed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

import rnnlab as rl
from rnnlab import kernels, laws, series
from rnnlab.experiments._lab.claims import Claim
from rnnlab.experiments._lab.decay import border
from rnnlab.experiments.sweep.regimes import regime_of
from rnnlab.experiments.sweep.spec import SETTINGS, Spec
from rnnlab.gradients import FLOAT_RANGE
from rnnlab.laws import mean_field
from rnnlab.nonlinearities import Nonlinearity, Pair

MANY = 32  # units from which a Gaussian matrix grows as the circular law says, to twice the width of its radius

LONG = 100  # and steps from which on growth is that of every step


class VectorPart(NamedTuple):
    """All lengths of one nonlinearity, W2 and seed."""

    spec: Spec
    nonlinearity: str
    function: Nonlinearity | Pair  # the nonlinearity's name again, or one's own
    w2: float
    seed: int


def parts_of(spec: Spec, nonlinearities: Mapping[str, Nonlinearity | Pair]) -> Iterator[VectorPart]:
    """The sweep in pieces, in the order of the table."""
    for name, function in nonlinearities.items():
        for w2 in spec.w2:
            for seed in range(spec.seeds):
                yield VectorPart(spec, name, function, w2, seed)


def measure(
    spec: Spec,
    each: Callable[..., Iterable[pd.DataFrame]],
    nonlinearities: Mapping[str, Nonlinearity | Pair],
) -> pd.DataFrame:
    """The whole table."""
    return ordered(pd.concat(each(measure_part, parts_of(spec, nonlinearities))))


def measure_part(part: VectorPart) -> pd.DataFrame:
    """The rows of one network, with the columns of the one-unit sweep, hidden_size and recurrent."""
    spec = part.spec
    rows = [gradients(part, steps) for steps in spec.seq_len]
    table = pd.DataFrame(rows)
    exact = part.nonlinearity == "linear" and spec.recurrent != "gaussian"
    law = laws.log10_linear_gradient(part.w2, table["seq_len"]) if exact else np.nan
    sizes = table["log10_dh0"].to_numpy()
    states = {f"{kind.__name__}_state": shown_as(sizes, kind) for kind in FLOAT_RANGE}
    keys = {"nonlinearity": part.nonlinearity, "w2": part.w2, "seed": part.seed}
    extra = {"hidden_size": spec.hidden_size, "recurrent": spec.recurrent}
    return table.assign(**keys, log10_dh0_law=law, **states, **extra)


def gradients(part: VectorPart, steps: int) -> dict[str, float]:
    """log10 of the size of every gradient of u . h_T, exact far beyond floats; nan where the states overflow.

    Of linear units, whose slope no state decides, that is the gradient by W2 alone.
    """
    spec, rng = part.spec, np.random.default_rng([part.seed, part.spec.hidden_size])
    size = spec.hidden_size
    matrix = rl.RNNParams.init(1, size, rng=rng, scheme=spec.recurrent).weight_hh
    v, u = rng.standard_normal((2, size)) / np.sqrt(size)
    params = rl.RNNParams(spec.w1 * v[:, None], part.w2 * matrix, np.full(size, spec.b1))
    x = series.inputs(spec.inputs, steps, part.seed)[:, None]
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        tape = rl.forward(params, x, np.full(size, spec.h0), part.function)
        direction = u / np.linalg.norm(u)
        got = rl.backward(tape, direction, scaled=True)
        logs = {
            "log10_dh0": log10_norm(got.h0),
            "log10_dx1": float(rl.log10_abs(got.x)[0, 0]),
            "log10_dw1": log10_dot(got.params.weight_ih, v[:, None]),
            "log10_dw2": log10_dot(got.params.weight_hh, matrix),
            "log10_db1": log10_dot(got.params.bias, np.ones(size)),
        }
    if not np.isfinite(tape.h).all():
        logs |= dict.fromkeys(["log10_dw2"] if part.nonlinearity == "linear" else logs, np.nan)
    return {"seq_len": steps, **logs}


def in_one_unit(number: kernels.Scaled) -> tuple[Any, float]:
    """The numbers in units of the largest of them, and log10 of that unit."""
    there = number.exponent[number.mantissa != 0]
    unit = there.max() if there.size else 0
    return np.ldexp(number.mantissa, np.maximum(number.exponent - unit, -2000)), float(unit * laws.LOG10_2)


def log10_norm(number: kernels.Scaled) -> float:
    """log10 of the Euclidean norm."""
    values, unit = in_one_unit(number)
    return float(np.log10(np.linalg.norm(values))) + unit


def log10_dot(number: kernels.Scaled, weights: Any) -> float:
    """log10 of the size of the sum of all products with `weights`."""
    values, unit = in_one_unit(number)
    return float(np.log10(np.abs((values * weights).sum()))) + unit


def ordered(table: pd.DataFrame) -> pd.DataFrame:
    """The table with the regimes, its columns in the order of the one-unit sweep."""
    table = table.assign(regime=regime_of(table["log10_dh0"].to_numpy()))
    first = ["nonlinearity", "w2", "seq_len", "seed", "log10_dh0", "log10_dx1", "log10_dw1", "log10_dw2", "log10_db1"]
    last = ["log10_dh0_law", "float64_state", "float32_state", "regime", "hidden_size", "recurrent"]
    return table[first + last].reset_index(drop=True)


def shown_as(sizes: Any, kind: Any) -> Any:
    """What a norm of that log10 is in a floating type, by the type's range; where states overflow it is inf or nan."""
    smallest, largest = FLOAT_RANGE[kind]
    normal = np.log10(np.finfo(kind).smallest_normal)
    tests = [np.isneginf(sizes) | (sizes < smallest), np.isnan(sizes) | (sizes >= largest), sizes < normal]
    return np.select(tests, ["zero", "inf", "subnormal"], "normal")


def claims(table: pd.DataFrame) -> Iterator[Claim]:
    """Orthogonal and identity: W2^T exactly. Gaussian of many units: the circular law, whose radius is 1 as N grows."""
    rows = table[(table["nonlinearity"] == "linear") & (table["w2"] != 0)]
    exact = rows[np.isfinite(rows["log10_dh0_law"])]
    factor = float((exact["log10_dh0_law"] / exact["seq_len"]).abs().max()) if len(exact) else 0.0
    if factor:
        apart = float((exact["log10_dh0"] - exact["log10_dh0_law"]).abs().max())
        text, source = "linear: |J^T u| = |W2|^T, largest deviation (log10)", "M is orthogonal; or a factor left out"
        yield Claim(text, 0.0, apart, 1e-9, source, rival=factor)
    long = rows[(rows["recurrent"] == "gaussian") & (rows["seq_len"] >= LONG) & (rows["hidden_size"] >= MANY)]
    if len(long):
        rate = (long["log10_dh0"] / long["seq_len"] - np.log10(long["w2"].abs())).mean()
        # the radius of finite matrices exceeds 1 by order 1 / sqrt(N) (B. Rider, C. Sinclair, 2014): two such widths
        wide = float(np.log10(1 + 2 / np.sqrt(long["hidden_size"].iloc[0])))
        text, source = (
            "linear, Gaussian: growth per step over |W2| (log10)",
            "circular law, Girko 1985; the norm of M is 2",
        )
        yield Claim(text, 0.0, float(rate), wide, source, rival=float(np.log10(2)))
    random = (table["recurrent"] != "identity") & (table["hidden_size"] >= MANY)
    if random.any() and SETTINGS.isdisjoint(table.columns):
        yield from border_claims(table[(table["w2"] != 0) & (table["seq_len"] == table["seq_len"].max())])


def border_claims(last: pd.DataFrame) -> Iterator[Claim]:
    """Where gradients begin to grow, on both sides of W2 = 0: beyond 1, where those of linear units do."""
    units = int(last["hidden_size"].iloc[0])
    drive = float(np.sqrt(np.mean(series.inputs("statland", 300, 0) ** 2) / units))
    expected = {
        "relu": (
            mean_field.critical_relu_gain(),
            np.sqrt(2 / units),
            "half of the units are active, up to two deviations of which half",
        ),
        "tanh": (mean_field.edge_of_chaos(drive), 0.1, "mean field, units driven by inputs; a step of W2"),
    }
    for (name, positive), rows in last.groupby(["nonlinearity", last["w2"] > 0]):
        found = border(rows.groupby(rows["w2"].abs())["log10_dh0"].median())
        if name in expected and last["seq_len"].iloc[0] >= LONG and np.isfinite(found):
            value, tolerance, source = expected[name]
            text = f"{name}, {units} units, W2 {'>' if positive else '<'} 0: |W2| from which gradients grow"
            yield Claim(text, float(value), found, float(tolerance), source + "; or 1, as of linear ones", rival=1.0)
