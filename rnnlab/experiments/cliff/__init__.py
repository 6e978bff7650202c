"""The error cliff: a wall thinner than 1e-10 in a smooth error surface, and gradient descent into it, clipped and not.

Claim: where the initial state is the unstable fixed point the error surface has a wall, which throws plain descent
far away.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field, FiniteFloat

from rnnlab import kernels, laws
from rnnlab.experiments._lab.claims import AT_LEAST, AT_MOST, Claim, table_of
from rnnlab.experiments._lab.one_unit_runs import (
    CLIFF_STEPS,
    CLIFF_TARGET,
    Network,
    cliff_norms,
    final_state,
    gradients,
    steepest,
)
from rnnlab.experiments._lab.spec import ExperimentSpec, Numbers, RecurrentWeight, RecurrentWeights, expand_range
from rnnlab.experiments.cliff.figures import BISTABLE, draw as draw, finding as finding

START = 1 / (1 + np.exp(-0.5))  # sigmoid(x_0), the state that the kernels start from
LONG = 4000  # steps after which a state is at its attractor
THIN = 0.01  # width of a wall, below which it is one
STEEP = 100.0  # gradient norm on the wall
Array = NDArray[np.float64]


class Spec(ExperimentSpec):
    """The surface, and the descents on it."""

    w: RecurrentWeights = Field(
        default=tuple(expand_range("3:7:161")), min_length=2, description="recurrent weights w of the surface"
    )
    b: Numbers = Field(default=tuple(expand_range("-4:-1:241")), min_length=2, description="biases b of the surface")
    wall_w: RecurrentWeights = Field(
        default=tuple(expand_range("4.4:7:14")), description="w at which the wall is refined"
    )
    start_w: RecurrentWeight = Field(default=5.0, description="w from which descent starts")
    start_b: FiniteFloat = Field(default=-2.55, description="b from which descent starts")
    learning_rate: FiniteFloat = Field(default=0.02, gt=0, description="of gradient descent")
    clip: FiniteFloat = Field(default=1.0, gt=0, description="largest gradient norm of the clipped descent")
    updates: int = Field(default=300, ge=1, description="updates of each descent")


class Point(NamedTuple):
    """One row of the table."""

    part: str  # surface, wall, plain, clipped, attractor
    number: int  # of an update, or of an initial state
    w: float
    b: float
    error: float = np.nan
    gradient_norm: float = np.nan
    state: float = np.nan


def measure(spec: Spec, each: Callable[..., Iterable[pd.DataFrame]] = map) -> pd.DataFrame:
    """Measure errors and gradients of x_t = w sigmoid(x_(t-1)) + b, x_0 = 0.5, E = (sigmoid(x_50) - 0.7)^2, by BPTT.

    Returns
    -------
    DataFrame
        part (surface; wall: steepest point by refinement; plain, clipped: gradient descent; attractor: state after 4,000
        steps from several starts at w = start_w), number, w, b, error, gradient_norm, state.
    """
    return pd.concat(each(measure_part, [(name, spec) for name in PARTS]), ignore_index=True)


def measure_part(named: tuple[str, Spec]) -> pd.DataFrame:
    """The rows of one part."""
    return pd.DataFrame(list(PARTS[named[0]](named[1])), columns=list(Point._fields))


def surface(spec: Spec) -> Iterator[Point]:
    """Error and gradient norm over the grid."""
    w, b = (grid.ravel() for grid in np.meshgrid(spec.w, spec.b))
    error, norm = errors(w, b), np.hypot(*slopes(w, b))
    yield from (Point("surface", 0, *row) for row in zip(w, b, error, norm, strict=True))


def errors(w: Any, b: Any) -> Array:
    """E of each lane."""
    return (final_state(Network(kernels.SIGMOID, w, b, START), CLIFF_STEPS) - CLIFF_TARGET) ** 2


def slopes(w: Any, b: Any) -> tuple[Array, Array]:
    """dE/dw and dE/db of each lane, by BPTT."""
    network = Network(kernels.SIGMOID, w, b, START)
    out = gradients(network, CLIFF_STEPS)
    outer = 2 * (final_state(network, CLIFF_STEPS) - CLIFF_TARGET)
    dw, db = (outer * np.ldexp(g.mantissa, g.exponent) for g in (out.w2, out.b1))
    return dw, db


def wall(spec: Spec) -> Iterator[Point]:
    """The steepest b for each w: the largest norm of a fine line, then closer and closer around it."""
    for w in spec.wall_w:
        line = np.linspace(min(spec.b), max(spec.b), 20_001)
        norm, b = steepest(w, float(line[np.argmax(cliff_norms(w, line, START))]), START)
        yield Point("wall", 0, w, b, float(errors(w, b)[0]), norm)


def descent(spec: Spec, name: str, largest: float) -> Iterator[Point]:
    """Gradient descent whose gradient's norm is cut to `largest`."""
    w, b = spec.start_w, spec.start_b
    for update in range(spec.updates + 1):
        dw, db = (float(part[0]) for part in slopes(w, b))
        norm = float(np.hypot(dw, db))
        yield Point(name, update, w, b, float(errors(w, b)[0]), norm)
        rate = spec.learning_rate * min(1.0, largest / norm) if norm > 0 else 0.0
        w, b = w - rate * dw, b - rate * db


def attractors(spec: Spec) -> Iterator[Point]:
    """Where the map comes to rest over b, from six states: none is 0.5, at which the symmetric map stays, unstably."""
    b = np.linspace(min(spec.b), max(spec.b), 1201)
    for index, start in enumerate(np.linspace(0.01, 0.99, 6)):
        state = final_state(Network(kernels.SIGMOID, spec.start_w, b, start), LONG)
        yield from (
            Point("attractor", index, spec.start_w, *row)
            for row in zip(b, *[[np.nan] * b.size] * 2, state, strict=True)
        )


PARTS: dict[str, Callable[[Spec], Iterator[Point]]] = {
    "surface": surface,
    "wall": wall,
    "plain": lambda spec: descent(spec, "plain", np.inf),
    "clipped": lambda spec: descent(spec, "clipped", spec.clip),
    "attractor": attractors,
}


def checks(table: pd.DataFrame) -> pd.DataFrame:
    """The wall against its law, the published gradient, the saddle-nodes, and what clipping does."""
    return table_of([*wall_claims(table), *bistable_claims(table), *descent_claims(table)])


def wall_claims(table: pd.DataFrame) -> Iterator[Claim]:
    """Where the error rises so fast that its rise, which is less than 1, is thin, the steepest point lies on the wall."""
    for row in table[table["part"] == "wall"].itertuples():
        width = 2.0 / row.gradient_norm
        if row.w > laws.cliff_onset() and width < THIN:
            source = "Pascanu 2013, figure 6; b = 0.5 - 0.6225 w"
            bifurcation = laws.saddle_nodes(row.w)[0]
            yield Claim(f"wall at w = {row.w:.3g}", laws.cliff_wall(row.w), row.b, width, source, rival=bifurcation)
        if row.w == 5.0 and within(table, laws.cliff_wall(5.0)):
            source = "found on a grid: up to 1 % low"
            yield Claim("largest gradient norm at w = 5", 6758.0, row.gradient_norm, 68.0, source, rival=1.0)
            yield Claim("its b", -2.612340, row.b, 1e-5, "found on a grid", rival=bifurcation)


def within(table: pd.DataFrame, b: float) -> bool:
    """Whether a bias is among those that were searched."""
    searched = table.loc[table["part"] == "attractor", "b"]
    return bool(searched.min() < b < searched.max())


def bistable_claims(table: pd.DataFrame) -> Iterator[Claim]:
    """Two resting states between the saddle-nodes, and only there."""
    rows = table[table["part"] == "attractor"]
    spread = rows.groupby("b")["state"].agg(np.ptp)
    two = spread[spread > 0.2].index
    w = float(rows["w"].iloc[0])
    if len(two) and w > BISTABLE:
        tolerance, (low, high) = 2 * float(np.diff(spread.index).mean()), laws.saddle_nodes(w)
        wall = laws.cliff_wall(w)
        for name, expected, measured, rival in (("from", low, two.min(), wall), ("up to", high, two.max(), -w - wall)):
            if within(table, expected):
                claim, source = f"two resting states {name} b =", "saddle-node, not the wall; resolution of b"
                yield Claim(claim, expected, float(measured), tolerance, source, rival=rival)


def descent_claims(table: pd.DataFrame) -> Iterator[Claim]:
    """Where plain descent meets the wall, one update throws it off for good; a clipped one stays near and finds less.

    Clipped descent crosses the wall again and again: what counts is its error in the second half, most of the time.
    """
    plain, clipped = (table[table["part"] == name]["error"].to_numpy() for name in ("plain", "clipped"))
    if table.loc[table["part"] == "plain", "gradient_norm"].max() < STEEP:
        return
    source = "Pascanu 2013, 3.2: a factor of 2 at least; 1 if descent changed nothing"
    later = float(np.median(clipped[clipped.size // 2 :]))
    yield Claim(
        "error late in the clipped descent (median), of that at first",
        0.5,
        later / clipped[0],
        AT_MOST,
        source,
        rival=1.0,
    )
    yield Claim("error after the plain descent, of that before", 2.0, plain[-1] / plain[0], AT_LEAST, source, rival=1.0)
