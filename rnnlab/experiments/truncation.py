"""Truncated BPTT: how far the gradient of the last k steps is from the whole one, where gradients fade and where they grow.

Claim: BPTT truncated to k steps errs by what flows past them: it fades where gradients do and stays where they grow.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from numpy.typing import NDArray
from pydantic import Field, field_validator

import rnnlab as rl
from rnnlab.experiments._lab.claims import Claim, table_of
from rnnlab.experiments._lab.figures import GUIDE, drawing, headline, new_figure, palette
from rnnlab.experiments._lab.spec import ExperimentSpec, Numbers, bytes_of_weights

ROUNDING = 1e-12  # relative biases below are the rounding of two sums of T terms, not truncation
FEWEST = 20  # windows that a rate is fitted to
SCATTER = 0.5  # of ln(bias / flow) from window to window: states differ in size by less than a factor of two
ALIGNED = 0.99  # cosine from which on a step goes where the whole gradient points
EXACT = "L's whole gradient is the truncated one plus what flows past the window"
GROWS = "where gradients grow the oldest steps hold most of the gradient (Pascanu 2013, section 2)"


class Spec(ExperimentSpec):
    """Which networks, and how long their sequences are."""

    gain: Numbers = Field(default=(0.5, 0.9, 1.0, 1.5), description="gains of the orthogonal recurrent weights")
    hidden_size: int = Field(default=32, ge=2, description="units H")
    seq_len: int = Field(default=200, ge=2, description="steps T; every window k = 1 .. T is measured")
    seeds: int = Field(default=8, ge=1, description="networks and sequences per gain, seeded 0, 1, ...")

    @field_validator("gain")
    @classmethod
    def _positive(cls, values: tuple[float, ...]) -> tuple[float, ...]:
        for gain in values:
            if gain <= 0:
                raise ValueError(f"{gain} is not positive: no gradient flows through such weights")
        return values

    def bytes_needed(self, workers: int) -> int:
        """The table, and weights and tapes of the networks in hand."""
        rows = len(self.gain) * self.seeds * self.seq_len
        return 100 * rows + workers * (bytes_of_weights(self.hidden_size) + 64 * self.seq_len * self.hidden_size)


class Part(NamedTuple):
    """One network and its sequence."""

    spec: Spec
    gain: float
    seed: int


def measure(spec: Spec, each: Callable[..., Iterable[pd.DataFrame]] = map) -> pd.DataFrame:
    """Compare the gradient of a loss u.h_T, |u| = 1, with that of truncated BPTT, for every window.

    Returns
    -------
    DataFrame
        gain, seed, k (steps of the window), relative_bias |g_k - g| / |g| of g = dL/dweight_hh, cosine of g_k and g,
        log10_flow: log10 |dL/dh_(T-k)| of the whole sequence.
    """
    parts = [Part(spec, gain, seed) for gain in spec.gain for seed in range(spec.seeds)]
    return pd.concat(each(measure_part, parts), ignore_index=True)


def measure_part(part: Part) -> pd.DataFrame:
    """The rows of one network, a window each."""
    spec, rng = part.spec, np.random.default_rng(part.seed)
    params = rl.RNNParams.init(1, spec.hidden_size, rng=rng, scheme="orthogonal", gain=part.gain)
    x, h0 = rng.standard_normal((spec.seq_len, 1)), rng.uniform(-1, 1, spec.hidden_size)
    dh = rng.standard_normal(spec.hidden_size)
    dh /= np.linalg.norm(dh)
    tape = rl.forward(params, x, h0)
    whole, flow = rl.backward(tape, dh).params.weight_hh, rl.gradient_flow(tape, dh).log10_norm
    windows = range(1, spec.seq_len + 1)
    found = [comparison(truncated_gradient(tape, x, dh, k), whole) for k in windows]
    rows = pd.DataFrame(found, columns=["relative_bias", "cosine"])
    keys = {"gain": part.gain, "seed": part.seed, "k": windows}
    return pd.DataFrame({**keys, **rows, "log10_flow": flow[-2::-1]})


def truncated_gradient(tape: rl.Tape, x: NDArray[Any], dh: NDArray[Any], k: int) -> NDArray[Any]:
    """dL/dweight_hh of truncated BPTT: the last k steps start from the state that the whole run had before them."""
    start = max(0, len(x) - k)
    return np.asarray(rl.backward(rl.forward(tape.params, x[start:], tape.h[start]), dh).params.weight_hh)


def comparison(truncated: NDArray[Any], whole: NDArray[Any]) -> tuple[float, float]:
    """Relative bias and cosine of two gradients."""
    size, length = np.linalg.norm(whole), np.linalg.norm(truncated)
    return float(np.linalg.norm(truncated - whole) / size), float(np.vdot(truncated, whole) / (size * length))


def checks(table: pd.DataFrame) -> pd.DataFrame:
    """What truncation must do: nothing at k = T, fade at the rate of the flow, and fail where gradients grow."""
    return table_of([*whole_claims(table), *rate_claims(table), *growing_claims(table), *window_claims(table)])


def growth_rates(table: pd.DataFrame) -> pd.Series:
    """Factor per step of |dL/dh_t| on the way back, of each gain and seed over its whole sequence."""
    oldest = table[table["k"] == table["k"].max()].set_index(["gain", "seed"])
    return 10 ** (oldest["log10_flow"] / oldest["k"])


def whole_claims(table: pd.DataFrame) -> Iterator[Claim]:
    """A window of T steps is no truncation, where one of half of them is."""
    for gain, rows in table.groupby("gain"):
        whole, half = (
            float(rows.loc[rows["k"] == k, "relative_bias"].max()) for k in (rows["k"].max(), rows["k"].max() // 2)
        )
        if half > ROUNDING:
            yield Claim(
                f"gain {gain:g}: bias at k = T, largest", 0.0, whole, 0.0, EXACT + "; or as at T / 2", rival=half
            )


def rate_claims(table: pd.DataFrame) -> Iterator[Claim]:
    """Where gradients fade in every network, the bias falls at the rate of |dL/dh_(T-k)|, the mean over seeds."""
    growth = growth_rates(table)
    for gain, rows in table.groupby("gain"):
        fits = [fit for _, one in rows.groupby("seed") if (fit := rates(one))]
        if growth[gain].max() >= 1 or not fits:
            continue
        bias, flow, counts = (np.array(column) for column in zip(*fits, strict=True))
        # a line through n points that scatter by s has a slope of deviation s sqrt(12 / n^3); four of them
        tolerance = 4 * SCATTER * float(np.sqrt(12 / np.median(counts) ** 3))
        name = f"gain {gain:g}: ln(bias) per step of k, against that of the flow"
        yield Claim(
            name,
            float(flow.mean()),
            float(bias.mean()),
            tolerance,
            EXACT + "; or that of the gain alone",
            rival=float(np.log(gain)),
        )


def rates(rows: pd.DataFrame) -> tuple[float, float, int] | None:
    """Slopes of ln(bias) and of ln|dL/dh_(T-k)| against k where neither is rounding, and the number of windows."""
    rows = rows[rows["relative_bias"] > ROUNDING]
    if len(rows) < FEWEST:
        return None
    bias = np.polyfit(rows["k"], np.log(rows["relative_bias"]), 1)[0]
    flow = np.polyfit(rows["k"], np.log(10) * rows["log10_flow"], 1)[0]
    return float(bias), float(flow), len(rows)


def growing_claims(table: pd.DataFrame) -> Iterator[Claim]:
    """Where gradients grow in every network, half of the sequence gives neither the size nor the direction of g."""
    growth, half = growth_rates(table), table[table["k"] == table["k"].max() // 2]
    for gain, rows in half.groupby("gain"):
        past = growth[gain].min() ** (table["k"].max() / 2)  # how much larger the older half's share is
        if past > 5:
            bias, cosine = float(rows["relative_bias"].median()), float(rows["cosine"].abs().median())
            yield Claim(
                f"gain {gain:g}: bias at k = T / 2, median",
                1.0,
                bias,
                2 / float(past),
                GROWS + "; or half of it",
                rival=0.5,
            )
            yield Claim(
                f"gain {gain:g}: |cosine| at k = T / 2, median",
                0.0,
                cosine,
                0.3,
                "directions unrelated, or half of it shared",
                rival=np.sqrt(0.5),
            )


def window_claims(table: pd.DataFrame) -> Iterator[Claim]:
    """Among gains at which gradients fade, a larger one needs no shorter window for the direction of g."""
    fading = growth_rates(table).groupby("gain").max() < 1
    short = table[(table["cosine"] < ALIGNED) & table["gain"].map(fading)]
    window = short.groupby(["gain", "seed"])["k"].max().groupby("gain").median().sort_index()
    if len(window) > 1:
        name = f"gains, of those that fade, whose window for cosine {ALIGNED:g} is shorter than the next smaller gain's"
        yield Claim(
            name,
            0.0,
            float((window.diff() < 0).sum()),
            0.0,
            "slower decay, longer window; or no order",
            rival=(len(window) - 1) / 2,
        )


def finding(table: pd.DataFrame) -> str:
    """How well a short window points."""
    k = table.loc[table["k"] <= max(1, table["k"].max() // 10), "k"].max()
    cosine = table[table["k"] == k].groupby("gain")["cosine"].median()
    told = ", ".join(f"{value:z.2f} at gain {gain:g}" for gain, value in cosine.items())
    return f"cosine of the gradient of {k} of {table['k'].max()} steps with the whole one: {told}"


@drawing
def draw(table: pd.DataFrame) -> dict[str, Figure]:
    """Cosine and relative bias against the window, a band over seeds per gain.

    Returns
    -------
    dict of str to Figure
        windows.
    """
    figure = new_figure(11.5, 4.9)
    left, right = figure.subplots(1, 2)
    for gain, rows, look in looks(table):
        growth = float(growth_rates(rows).median())
        draw_band(left, rows, "cosine", look, f"gain {gain:g}: {growth:.2f} per step back")
        shown = rows.assign(relative_bias=rows["relative_bias"].clip(lower=ROUNDING / 10))
        draw_band(right, shown, "relative_bias", look, f"gain {gain:g}")
        if growth_rates(rows).max() < 1:
            draw_flow(right, rows)
    finish(left, right, int(table["k"].max()))
    headline(figure, finding(table))
    return {"windows": figure}


def looks(table: pd.DataFrame) -> Iterator[tuple[float, pd.DataFrame, dict[str, Any]]]:
    """Each gain with its rows, a colour and a marker; both tell gains apart, also in greyscale."""
    colours = palette(table["gain"].nunique() + 1, "viridis")  # without its lightest
    for index, (gain, rows) in enumerate(table.groupby("gain")):
        yield gain, rows, {"color": colours[index], "marker": "os^DvP*X"[index % 8]}


def draw_band(axis: Any, rows: pd.DataFrame, column: str, look: dict[str, Any], label: str) -> None:
    """Median over seeds with markers, and the band from the smallest to the largest."""
    groups = rows.groupby("k")[column]
    k = groups.median().index.to_numpy()
    spread = sorted({int(n) for n in np.geomspace(1, k.size, 12)} if column == "cosine" else range(1, k.size + 1, 15))
    axis.fill_between(k, groups.min(), groups.max(), color=look["color"], alpha=0.2, linewidth=0)
    axis.plot(k, groups.median(), **look, markevery=[n - 1 for n in spread], markersize=6, label=label)


def draw_flow(axis: Any, rows: pd.DataFrame) -> None:
    """The median flow past the window, moved to the height of the bias: only its slope is compared."""
    least = rows.groupby("k")["relative_bias"].min()
    rows = rows[rows["k"].isin(least[least > ROUNDING].index)]  # where every seed's bias is more than rounding
    if len(rows):
        offset = (np.log10(rows["relative_bias"]) - rows["log10_flow"]).median()
        flow = 10 ** (rows.groupby("k")["log10_flow"].median() + offset)
        axis.plot(flow.index, flow, "k--", linewidth=1.0, zorder=3)


def finish(left: Any, right: Any, steps: int) -> None:
    """Scales, titles and legends."""
    left.axhline(1.0, color=GUIDE, linewidth=0.8)
    left.set(xscale="log", xlim=(1, steps), xlabel="window k", ylabel="cosine of truncated and whole gradient")
    left.xaxis.set_major_formatter("{x:g}")
    left.set_title("Where a window points")
    left.legend(fontsize=9, frameon=False)
    right.plot([], [], "k--", linewidth=1.0, label=r"slope of $|\partial L/\partial h_{T-k}|$")
    right.set(yscale="log", xlim=(1, steps), ylim=(ROUNDING, 10), xlabel="window k", ylabel="relative bias")
    right.set_title("What it leaves out")
    right.legend(fontsize=9, frameon=False)
