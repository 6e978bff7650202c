"""The curse of memory: gradients of a linear recurrence grow with its memory, even where its state is normalised.

Claim: the longer a linear recurrence remembers, the larger its gradient, even with its state normalised.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from numpy.typing import NDArray
from pydantic import Field, field_validator
from scipy.signal import lfilter

from rnnlab import kernels
from rnnlab.experiments._lab.claims import Claim, table_of
from rnnlab.experiments._lab.figures import drawing, headline, new_figure, palette
from rnnlab.experiments._lab.spec import ExperimentSpec, Numbers
from rnnlab.laws import memory as law

STATES_AT_ONCE = 1_000_000  # lanes x steps in hand: bounds memory, whatever the number of lanes
BYTES_PER_STATE = 64  # noise, inputs, states, slopes and their adjoints
BYTES_PER_LANE = 64  # its last state and gradient, their squares, and its share of the list of blocks
MEMORIES = 20  # steps in units of 1 / (1 - lambda): what h_0 = 0 leaves in h_T is below e^-20
MANY = 1000  # sequences from which a mean of squares is within four standard errors, as measured, of what is expected
LONGEST = 1e-5  # the smallest 1 - lambda: two million steps
SLOPES = {("state", False): -1.0, ("gradient", False): -3.0, ("state", True): 0.0, ("gradient", True): -2.0}
SOURCE = "Zucchet and Orvieto 2024, the curse of memory"
REFERENCE = (  # quantity, lambda, rho, value, half a unit of its last printed digit
    ("state", 0.9, 0.0, 5.26316, 5e-6),
    ("gradient", 0.9, 0.0, 263.887, 5e-4),
    ("state", 0.99, 0.0, 50.2513, 5e-5),
    ("gradient", 0.99, 0.0, 251263.0, 0.5),
    ("state", 0.999, 0.0, 500.25, 5e-3),
    ("gradient", 0.999, 0.0, 2.50125e8, 500.0),
    ("state", 0.9, 0.9, 50.1385, 5e-5),
    ("gradient", 0.9, 0.9, 3756.95, 5e-3),
    ("state", 0.99, 0.9, 871.79, 5e-3),
    ("gradient", 0.99, 0.9, 4.73781e6, 5.0),
)


class Spec(ExperimentSpec):
    """Which recurrences, fed with what, and how many sequences of each."""

    lam: Numbers = Field(
        default=(0.5, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999), description="recurrent weights lambda"
    )
    rho: Numbers = Field(default=(0.0, 0.5, 0.9), description="correlations of neighbouring inputs")
    lanes: int = Field(default=4096, ge=2, description="independent sequences per point")
    seed: int = Field(default=0, ge=0, description="seed of the inputs")

    @field_validator("lam")
    @classmethod
    def _stable(cls, values: tuple[float, ...]) -> tuple[float, ...]:
        for lam in values:
            if not 0 <= lam <= 1 - LONGEST:
                raise ValueError(f"{lam} is outside 0 .. {1 - LONGEST}, where the state is stationary soon enough")
        return values

    @field_validator("rho")
    @classmethod
    def _stationary(cls, values: tuple[float, ...]) -> tuple[float, ...]:
        for rho in values:
            if not -1 < rho < 1:
                raise ValueError(f"{rho} is not between -1 and 1: no stationary inputs have this correlation")
        return values

    def bytes_needed(self, workers: int) -> int:
        """Memory of the states, and of every sequence's last, that the workers have in hand."""
        states = max(STATES_AT_ONCE, steps_of(max(self.lam)))
        return workers * (BYTES_PER_STATE * states + BYTES_PER_LANE * self.lanes)


class Part(NamedTuple):
    """One point: a recurrence and the inputs it gets."""

    lam: float
    rho: float
    normalised: bool
    lanes: int
    seed: tuple[int, int]


def measure(spec: Spec, each: Callable[..., Iterable[pd.DataFrame]] = map) -> pd.DataFrame:
    """Measure the mean squares of h_T and of dh_T/dlambda over many independent sequences, by BPTT.

    Returns
    -------
    DataFrame
        lam, rho, normalised (inputs multiplied by sqrt(1 - lambda^2)), seq_len, lanes, quantity (state, gradient),
        mean and standard_error of its square.
    """
    points = [(lam, rho, normalised) for lam in spec.lam for rho in spec.rho for normalised in (False, True)]
    parts = [Part(*point, spec.lanes, (spec.seed, index)) for index, point in enumerate(points)]
    return pd.concat(each(measure_part, parts), ignore_index=True)


def steps_of(lam: float) -> int:
    """A length T after which the state is stationary."""
    return math.ceil(MEMORIES / (1 - lam))


def measure_part(part: Part) -> pd.DataFrame:
    """The two rows of one point, from sequences taken a few at a time."""
    steps, rng = steps_of(part.lam), np.random.default_rng(part.seed)
    scale = math.sqrt(1 - part.lam**2) if part.normalised else 1.0
    width = max(1, STATES_AT_ONCE // steps)
    blocks = [min(width, part.lanes - first) for first in range(0, part.lanes, width)]
    found = [last_state(part.lam, scale * inputs(part.rho, steps, lanes, rng)) for lanes in blocks]
    point = {"lam": part.lam, "rho": part.rho, "normalised": part.normalised, "seq_len": steps, "lanes": part.lanes}
    squares = [("state", np.concatenate([h for h, _ in found]) ** 2)]
    squares += [("gradient", np.concatenate([gradient for _, gradient in found]) ** 2)]
    return pd.DataFrame([{**point, "quantity": quantity, **mean_and_error(square)} for quantity, square in squares])


def mean_and_error(values: NDArray[np.float64]) -> dict[str, float]:
    """The mean of independent values and its standard error."""
    return {"mean": float(values.mean()), "standard_error": float(values.std(ddof=1) / math.sqrt(values.size))}


def inputs(rho: float, steps: int, lanes: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Gaussian x (T, L), stationary from the first step: x_t = rho x_(t-1) + sqrt(1 - rho^2) noise, x_1 ~ N(0, 1)."""
    noise = rng.standard_normal((steps, lanes))
    noise[1:] *= math.sqrt(1 - rho**2)
    return np.ascontiguousarray(lfilter([1.0], [1.0, -rho], noise, axis=0))


def last_state(lam: float, x: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """h_T and dh_T/dw2 of linear units with w1 = 1, w2 = lambda, b1 = 0 and h_0 = 0, by BPTT; arrays (L,)."""
    steps, lanes = x.shape
    weights = kernels.Weights(np.ones(lanes), np.full(lanes, lam), np.zeros(lanes))
    h, slope, dh = np.zeros((steps + 1, lanes)), np.empty((steps, lanes)), np.zeros((steps + 1, lanes))
    kernels.forward(kernels.LINEAR, weights, x, h, slope)
    dh[-1] = 1.0
    sums = kernels.Weights(*np.zeros((3, lanes)))
    kernels.backward(weights, x, h, slope, dh, np.empty_like(slope), sums)
    return h[-1].copy(), sums.w2


def moment(quantity: str, lam: Any, rho: Any, normalised: bool) -> Any:
    """What theory says of one quantity."""
    closed_form = law.state_second_moment if quantity == "state" else law.gradient_second_moment
    return closed_form(lam, rho) * (law.normalised_share(lam) if normalised else 1.0)


def otherwise(quantity: str, lam: float, rho: float, normalised: bool) -> float:
    """Another story: correlated inputs as white ones; of those, a gradient as large as the state, a state scaled or not."""
    if rho:
        return float(moment(quantity, lam, 0.0, normalised))
    return float(moment("state", lam, rho, normalised if quantity == "gradient" else not normalised))


def checks(table: pd.DataFrame) -> pd.DataFrame:
    """The closed forms against published digits, every measured point against them, and the powers of 1 - lambda."""
    many = table[table["lanes"] >= MANY]
    return table_of([*reference_claims(), *row_claims(many), *slope_claims(many)])


def reference_claims() -> Iterator[Claim]:
    """The closed forms give the numbers of the reference table."""
    for quantity, lam, rho, value, half_digit in REFERENCE:
        name = f"closed form, {quantity}, lambda {lam:g}, rho {rho:g}"
        found, rival = (float(told(quantity, lam, rho, False)) for told in (moment, otherwise))
        yield Claim(name, value, found, half_digit, "reference table", rival=rival)


def row_claims(table: pd.DataFrame) -> Iterator[Claim]:
    """Each mean square within four of its standard errors of the law."""
    for row in table.itertuples():
        name = f"{row.quantity}, lambda {row.lam:g}, rho {row.rho:g}" + (", normalised" if row.normalised else "")
        expected, rival = (float(told(row.quantity, row.lam, row.rho, row.normalised)) for told in (moment, otherwise))
        yield Claim(f"mean square of {name}", expected, row.mean, 4 * row.standard_error, SOURCE, rival=rival)


def slope_claims(table: pd.DataFrame) -> Iterator[Claim]:
    """Measured powers of 1 - lambda for white inputs, from the two longest memories where they are long."""
    white = table[(table["rho"] == 0) & (table["lam"] >= 0.98)]
    for (quantity, normalised), rows in white.groupby(["quantity", "normalised"]):
        rows = rows.drop_duplicates("lam").sort_values("lam").tail(2)
        if len(rows) < 2:
            continue
        run = float(np.diff(np.log(1 - rows["lam"]))[0])
        slope = float(np.diff(np.log(rows["mean"]))[0]) / run
        noise = float(np.hypot(*(rows["standard_error"] / rows["mean"]))) / abs(run)
        name = f"power of 1 - lambda in the mean square of the {quantity}" + (", normalised" if normalised else "")
        limit = 1 - float(rows["lam"].min())  # by which the power differs at finite memory
        power, rival = (SLOPES[quantity, bool(way)] for way in (normalised, not normalised))
        yield Claim(name, power, slope, 4 * noise + limit, SOURCE, rival=rival)


def finding(table: pd.DataFrame) -> str:
    """Mean squares of state and gradient at the longest memory, of inputs that don't depend on each other if there are."""
    rows = table[(table["lam"] == table["lam"].max()) & (table["rho"] == table["rho"].min())]
    mean = rows.sort_values("normalised").groupby("quantity")["mean"].first()
    memory = f"lambda = {rows['lam'].iloc[0]:g}, a memory of {1 / (1 - rows['lam'].iloc[0]):.3g} steps"
    return f"{memory}: mean square of the state {mean['state']:.3g}, of its gradient {mean['gradient']:.3g}"


@drawing
def draw(table: pd.DataFrame) -> dict[str, Figure]:
    """Mean squares of state and gradient over 1 - lambda, with the laws.

    Returns
    -------
    dict of str to Figure
        moments.
    """
    figure = new_figure(11.5, 4.9)
    left, right = figure.subplots(1, 2)
    for axis, quantity in ((left, "state"), (right, "gradient")):
        draw_quantity(axis, table[table["quantity"] == quantity])
    left.set(ylabel=r"$E\,h^2$", title="The state")
    right.set(ylabel=r"$E\,(\partial h/\partial\lambda)^2$", title=r"Its gradient by $\lambda$")
    headline(figure, finding(table))
    draw_legend(left, table["rho"].unique())
    return {"moments": figure}


def looks(correlations: Iterable[float]) -> Iterator[tuple[float, Any, str]]:
    """A colour and a marker per correlation; both tell them apart, also in greyscale."""
    values = sorted(correlations)
    colours = palette(len(values) + 1, "viridis")  # without its lightest
    for index, rho in enumerate(values):
        yield rho, colours[index], "os^DvP*X"[index % 8]


def draw_quantity(axis: Any, rows: pd.DataFrame) -> None:
    """One panel: measured points with error bars, the law dashed; open markers where inputs are normalised."""
    ends = np.log10([1.2 * (1 - rows["lam"].min()), (1 - rows["lam"].max()) / 1.2])
    distance = np.logspace(min(ends[0], 0.0), ends[1], 200)
    for rho, colour, marker in looks(rows["rho"].unique()):
        for normalised in (False, True):
            chosen = rows[(rows["rho"] == rho) & (rows["normalised"] == normalised)]
            expected = moment(str(rows["quantity"].iloc[0]), 1 - distance, rho, normalised)
            axis.plot(distance, expected, "--", color=colour, linewidth=1.1, zorder=1)
            face = "white" if normalised else colour
            style = {"fmt": marker, "color": colour, "markerfacecolor": face, "markersize": 7, "capsize": 3}
            axis.errorbar(1 - chosen["lam"], chosen["mean"], chosen["standard_error"], **style)
    axis.set(xscale="log", yscale="log", xlabel=r"$1-\lambda$   (memory grows to the right)")
    axis.invert_xaxis()


def draw_legend(axis: Any, correlations: Iterable[float]) -> None:
    """What colours, markers, fillings and dashes mean."""
    for rho, colour, marker in looks(correlations):
        axis.plot([], [], marker, color=colour, markersize=7, label=rf"input correlation $\rho$ = {rho:g}")
    axis.plot(
        [],
        [],
        "o",
        color="black",
        markerfacecolor="white",
        markersize=7,
        label=r"open: input times $\sqrt{1-\lambda^2}$",
    )
    axis.plot([], [], "k--", linewidth=1.1, label="law")
    axis.legend(fontsize=9, frameon=False, loc="upper left")
