"""Laws of the one-unit network: attractors, the knife edge, float ranges, latch and error cliff, each measured; and chaotic maps.

Claim: the closed forms of the one-unit network (attractors, knife edge, latch, error cliff) hold to rounding.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Annotated, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field, FiniteFloat

from rnnlab import kernels, laws, log10_abs, to_float
from rnnlab.experiments._lab.claims import Claim, table_of
from rnnlab.experiments._lab.one_unit_runs import (
    CLIFF_STEPS,
    ZOOMS,
    Network,
    bracket,
    cliff_norms,
    final_state,
    gradients,
    steepest,
)
from rnnlab.experiments._lab.spec import ExperimentSpec, Lengths, Listed, RecurrentWeight
from rnnlab.experiments.laws import maps
from rnnlab.experiments.laws.figures import draw as draw, finding as finding

LATCH_STEPS = 8000  # at the threshold a unit needs about pi / sqrt(excess) steps to flip

SLOWEST = 0.9  # a unit that comes to rest by a larger factor per step amplifies rounding more than tenfold
LARGE, LARGER = 100, 10_000  # T from which asymptotic laws are good to their tolerances

Attractor = Annotated[RecurrentWeight, Field(gt=0, le=300)]  # beyond, the multiplier of the law is no float
Latch = Annotated[FiniteFloat, Field(gt=1, le=1000)]
Cliff = Annotated[FiniteFloat, Field(gt=laws.cliff_onset(), le=1000)]


class Spec(ExperimentSpec):
    """Where the laws are measured."""

    attractor_w2: Listed[Attractor] = Field(
        default=(0.5, 0.9, 1.1, 1.5, 2.0, 3.0, 5.0), description="W2 of the tanh attractors, above 0"
    )
    knife_edge_seq_len: Lengths = Field(default=(100, 1000, 10_000, 100_000), description="lengths at W2 = 1")
    latch_w2: Listed[Latch] = Field(default=(1.25, 1.5, 2.0, 3.0), description="W2 of the latches, above 1")
    cliff_w: Listed[Cliff] = Field(default=(5.0, 6.0, 7.0), description="w of the error cliff, above 4.2553")

    def bytes_needed(self, workers: int) -> int:
        """Inputs, states and slopes of the longest sequence."""
        del workers
        return 8 * 8 * max(self.knife_edge_seq_len)


def measure(spec: Spec, each: Callable[..., Iterable[pd.DataFrame]] = map) -> pd.DataFrame:
    """Measure every law by running the kernels.

    Returns
    -------
    DataFrame
        law, parameter (W2, w or a base), seq_len, measured.
    """
    return pd.concat(each(measure_law, [(name, spec) for name in MEASUREMENTS]), ignore_index=True)


def measure_law(named: tuple[str, Spec]) -> pd.DataFrame:
    """The rows of one law."""
    name, spec = named
    return pd.DataFrame(MEASUREMENTS[name](spec), columns=["law", "parameter", "seq_len", "measured"])


def plain_gradient(w2: float, steps: int, kind: type) -> NDArray[Any]:
    """dh_T/dh_0 of a linear unit for every T = 0 .. steps, by plain BPTT in the type `kind`."""
    lanes = steps + 1
    dh: NDArray[Any] = np.eye(lanes, dtype=kind)
    slope: NDArray[Any] = np.ones((steps, lanes), kind)
    weights = kernels.Weights(*(np.full(lanes, value, kind) for value in (1.0, w2, 0.0)))
    nothing = kernels.Weights(*np.zeros((3, lanes), kind))
    kernels.backward(weights, np.zeros_like(slope), np.zeros_like(dh), slope, dh, np.empty_like(slope), nothing)
    return dh[0]


def measure_powers(_: Spec) -> Iterator[tuple[str, float, int, float]]:
    """W2^50 of a linear unit, and of ReLU."""
    for name, code in (("linear", kernels.LINEAR), ("relu", kernels.RELU)):
        for w2 in (2.0, 0.5):
            gradient = gradients(Network(code, w2), 50).h0
            yield f"{name} power", w2, 50, float(to_float(gradient)[0])


def measure_ranges(_: Spec) -> Iterator[tuple[str, float, int, float]]:
    """The first n at which a plain product is inf or 0, and the floor at which it sticks."""
    for kind, steps in ((np.float32, 200), (np.float64, 1100)):
        up, down = plain_gradient(2.0, steps, kind), plain_gradient(0.5, steps, kind)
        yield f"{kind.__name__} first inf", 2.0, steps, float(np.argmax(np.isinf(up)))
        yield f"{kind.__name__} first zero", 0.5, steps, float(np.argmax(down == 0))
    for w2, steps in ((0.6, 2000), (0.9, 8000)):
        yield "float64 floor", w2, steps, float(plain_gradient_floor(w2, steps))


def plain_gradient_floor(w2: float, steps: int) -> float:
    """dh_T/dh_0 of one linear unit by plain BPTT in float64."""
    dh, slope = np.zeros((steps + 1, 1)), np.ones((steps, 1))
    dh[-1] = 1.0
    weights = kernels.Weights(np.ones(1), np.full(1, w2), np.zeros(1))
    work = kernels.Weights(*np.zeros((3, 1)))
    kernels.backward(weights, np.zeros_like(slope), np.zeros_like(dh), slope, dh, np.empty_like(slope), work)
    return float(dh[0, 0])


def measure_attractors(spec: Spec) -> Iterator[tuple[str, float, int, float]]:
    """Where a tanh unit comes to rest, and the factor by which each further step multiplies the gradient."""
    steps = 2000
    for w2 in spec.attractor_w2:
        network = Network(kernels.TANH, w2)
        growth = log10_abs(gradients(network, 2 * steps).h0) - log10_abs(gradients(network, steps).h0)
        yield "tanh attractor", w2, steps, float(final_state(network, steps)[0])
        yield "tanh multiplier", w2, steps, float(10 ** (growth[0] / steps))


def measure_knife_edge(spec: Spec) -> Iterator[tuple[str, float, int, float]]:
    """dh_T/dh_0 and h_T^2 T of tanh at W2 = 1."""
    for steps in spec.knife_edge_seq_len:
        network = Network(kernels.TANH, 1.0)
        yield "knife edge gradient", 1.0, steps, float(10 ** log10_abs(gradients(network, steps).h0)[0])
        yield "knife edge h^2 T", 1.0, steps, float(final_state(network, steps)[0] ** 2 * steps)


def measure_latch(spec: Spec) -> Iterator[tuple[str, float, int, float]]:
    """Smallest constant input that flips a tanh unit out of its negative attractor."""
    for w2 in spec.latch_w2:
        start = -float(final_state(Network(kernels.TANH, w2), 2000)[0])

        def flips(push: NDArray[np.float64], w2: float = w2, start: float = start) -> NDArray[np.bool_]:
            return final_state(Network(kernels.TANH, w2, push, start), LATCH_STEPS) > 0

        yield "latch threshold", w2, LATCH_STEPS, bracket(flips, 0.0, w2, 4)


def measure_cliff(spec: Spec) -> Iterator[tuple[str, float, int, float]]:
    """The wall of the error surface of x = w sigmoid(x) + b, and the largest gradient norm on it."""
    s0 = 1.0 / (1.0 + np.exp(-0.5))
    for w in spec.cliff_w:

        def climbs(b: NDArray[np.float64], w: float = w) -> NDArray[np.bool_]:
            return final_state(Network(kernels.SIGMOID, w, b, s0), CLIFF_STEPS) > s0

        wall = bracket(climbs, 0.5 - 0.7 * w, 0.5 - 0.55 * w, ZOOMS)
        yield "cliff wall", w, CLIFF_STEPS, wall
        norm, place = steepest(w, wall, s0)
        yield "cliff largest gradient norm", w, CLIFF_STEPS, norm
        yield "cliff steepest b", w, CLIFF_STEPS, place
    yield (
        "cliff gradient norm at b = -2.612340",
        5.0,
        CLIFF_STEPS,
        float(cliff_norms(5.0, np.array([-2.612340]), s0)[0]),
    )


def measure_saddle_nodes(_: Spec) -> Iterator[tuple[str, float, int, float]]:
    """The biases at w = 5 between which the two attractors coexist, and the multiplier 1 at the cusp w = 4, b = -2."""
    steps = 40_000
    upper = bracket(lambda b: final_state(Network(kernels.SIGMOID, 5.0, b, 0.0), steps) > 0.5, -2.6, -2.0, 4)
    lower = bracket(lambda b: final_state(Network(kernels.SIGMOID, 5.0, b, 1.0), steps) > 0.5, -3.0, -2.4, 4)
    yield "saddle node low", 5.0, steps, lower
    yield "saddle node high", 5.0, steps, upper
    yield "cusp", 4.0, 100, float(10 ** log10_abs(gradients(Network(kernels.SIGMOID, 4.0, -2.0, 0.5), 100).h0)[0])


MEASUREMENTS: dict[str, Callable[[Spec], Iterator[tuple[str, float, int, float]]]] = {
    "powers": measure_powers,
    "ranges": measure_ranges,
    "attractors": measure_attractors,
    "knife edge": measure_knife_edge,
    "latch": measure_latch,
    "cliff": measure_cliff,
    "saddle nodes": measure_saddle_nodes,
    "maps": lambda _: maps.rows(),
}

PUBLISHED: dict[tuple[str, float, int], tuple[float, float, str]] = {
    ("knife edge gradient", 1.0, 100): (1.3062e-2, 5e-7, "c T^(-3/2)"),
    ("knife edge gradient", 1.0, 1000): (4.4843e-4, 5e-9, "c T^(-3/2)"),
    ("knife edge gradient", 1.0, 10_000): (1.43077e-5, 5e-11, "c T^(-3/2)"),
    ("knife edge gradient", 1.0, 100_000): (4.52874e-7, 5e-13, "c T^(-3/2)"),
    ("cliff gradient norm at b = -2.612340", 5.0, 50): (6758.0, 1.0, "largest on a fine b grid, as published"),
    ("cliff steepest b", 5.0, 50): (-2.612340, 2e-6, "largest on a fine b grid; zooming in finds 6773 next to it"),
    ("float64 floor", 0.6, 2000): (5e-324, 0.0, "IEEE 754: 0.6 * 2^-1074 rounds to itself"),
    ("float64 floor", 0.9, 8000): (2.5e-323, 0.0, "IEEE 754: 0.9 * 5 * 2^-1074 rounds to itself"),
    **maps.published(),
}


def expected(law: str, parameter: float, seq_len: int) -> tuple[float, float, str] | None:
    """Expected value, tolerance and source of one row, None where theory says nothing."""
    exact = 4 * np.finfo(np.float64).eps
    rules: dict[str, Callable[[], tuple[float, float, str]]] = {
        "linear power": lambda: (parameter**seq_len, 0.0, "dh_T/dh_0 = W2^T"),
        "relu power": lambda: (parameter**seq_len, 0.0, "dh_T/dh_0 = W2^T while every pre-activation is positive"),
        "float32 first inf": lambda: (128.0, 0.0, "IEEE 754"),
        "float64 first inf": lambda: (1024.0, 0.0, "IEEE 754"),
        "float32 first zero": lambda: (150.0, 0.0, "IEEE 754"),
        "float64 first zero": lambda: (1075.0, 0.0, "IEEE 754"),
        "tanh attractor": lambda: (laws.tanh_attractor(parameter), exact, "h* = tanh(W2 h*)"),
        "tanh multiplier": lambda: (laws.tanh_attractor_multiplier(parameter), 1e-11, "W2 (1 - h*^2)"),
        "knife edge h^2 T": lambda: (1.5, 10.0 * np.log(seq_len) / seq_len, "h_t^2 t -> 3/2, error O(log t / t)"),
        "latch threshold": lambda: (laws.latch_threshold(parameter), 1e-5, "Bengio 1994: W2 h - atanh(h)"),
        "cliff wall": lambda: (laws.cliff_wall(parameter), 1e-9, "Pascanu 2013, 2.3: b = 0.5 - 0.622459331 w"),
        "saddle node low": lambda: (laws.saddle_nodes(parameter)[0], 1e-6, "w s(1 - s) = 1"),
        "saddle node high": lambda: (laws.saddle_nodes(parameter)[1], 1e-6, "w s(1 - s) = 1"),
        "cusp": lambda: (1.0, exact, "w sigmoid'(0) = 1 at w = 4, b = -2"),
    }
    if law in rules:
        return rules[law]() if reached(law, parameter, seq_len) else None
    return PUBLISHED.get((law, parameter, seq_len))


def otherwise(law: str, w: float) -> float:
    """What another story says of a row: one factor left out, ranges without subnormals, slopes left out, no decay."""
    rivals: dict[str, Callable[[], float]] = {
        "linear power": lambda: w**49,
        "relu power": lambda: w**49,
        "float32 first inf": lambda: 127.0,  # that of the largest power, not the one after it
        "float64 first inf": lambda: 1023.0,
        "float32 first zero": lambda: 127.0,  # without subnormals
        "float64 first zero": lambda: 1023.0,
        "tanh attractor": lambda: 0.0 if w > 1 else 0.5,  # as linear units rest; where it started
        "knife edge gradient": lambda: 1.0,  # W2 = 1 keeps a gradient
        "latch threshold": lambda: laws.tanh_attractor(w) * w,  # the input outweighs what is fed back
        "cliff wall": lambda: laws.saddle_nodes(w)[0],  # the wall is the bifurcation
        "cliff steepest b": lambda: laws.saddle_nodes(w)[0],
        "saddle node low": lambda: laws.cliff_wall(w),
        "saddle node high": lambda: -w - laws.cliff_wall(w),
        "cliff gradient norm at b = -2.612340": lambda: 1.0,  # the surface is smooth
        "cusp": lambda: w**100,  # weights alone, no slopes
        "float64 floor": lambda: 0.0,  # the product underflows
        "knife edge h^2 T": lambda: 0.0,  # the state fades exponentially
    }
    of_map = maps.otherwise(law, w)
    if of_map is not None:
        return of_map
    return rivals[law]() if law in rivals else w if w > 1 else 1.0  # a multiplier without slopes; no decay


def reached(law: str, parameter: float, seq_len: int) -> bool:
    """Whether a run of that length comes to where the law holds: at rest, or at large T."""
    if law in ("tanh attractor", "tanh multiplier"):
        return laws.tanh_attractor_multiplier(parameter) <= SLOWEST
    return law != "knife edge h^2 T" or seq_len >= LARGE


def checks(table: pd.DataFrame) -> pd.DataFrame:
    """Every measured row that theory or a publication knows, and the slope -3/2 on the knife edge."""
    return table_of([*row_claims(table), *slope_claims(table)])


def row_claims(table: pd.DataFrame) -> Iterator[Claim]:
    """One claim a row."""
    for row in table.itertuples():
        known = expected(row.law, row.parameter, row.seq_len)
        if known:
            value, tolerance, source = known
            name, rival = (
                f"{row.law}, parameter {row.parameter:g}, T = {row.seq_len}",
                otherwise(row.law, row.parameter),
            )
            yield Claim(name, value, row.measured, tolerance, source, rival=rival)


def slope_claims(table: pd.DataFrame) -> Iterator[Claim]:
    """The decay at W2 = 1 is algebraic with exponent -3/2, from the two longest sequences."""
    rows = table[(table["law"] == "knife edge gradient") & (table["seq_len"] >= LARGER)]
    rows = rows.sort_values("seq_len").tail(2)
    if len(rows) == 2 and rows["seq_len"].max() >= 2 * rows["seq_len"].min():
        slope = np.diff(np.log(rows["measured"]))[0] / np.diff(np.log(rows["seq_len"]))[0]
        yield Claim(
            "knife edge: log-log slope of dh_T/dh_0", -1.5, float(slope), 1e-3, "dh_T/dh_0 ~ c T^(-3/2)", rival=0.0
        )
