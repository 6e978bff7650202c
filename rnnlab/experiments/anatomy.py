"""Anatomy of a gradient: every loss to every step, each step's share of a weight, singular values, saturation.

Claim: a weight's gradient is a sum over steps of which the latest dominate; far shares vanish, except where a cell
prevents it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure
from numpy.typing import NDArray
from pydantic import Field

import rnnlab as rl
from rnnlab import anatomy
from rnnlab.experiments._lab.claims import AT_LEAST, Claim, table_of
from rnnlab.experiments._lab.figures import drawing, headline, legend_below, new_figure
from rnnlab.experiments._lab.networks import NETWORKS, params_of
from rnnlab.experiments._lab.spec import Choices, ExperimentSpec
from rnnlab.experiments._lab.words import from_log10, times

Network = Literal["tanh", "orthogonal", "lstm", "gru"]
STARTS = {"tanh": "tanh", "orthogonal": "orthogonal", "lstm": "lstm-1", "gru": "gru"}
LABELS = {name: NETWORKS[start].label for name, start in STARTS.items()}
Array = NDArray[Any]
LONG = 100  # steps from which on the latest tenth of them is claimed to matter
LONGER = 33_300  # steps of the linear control: 0.5^33300 = 10^-10024.3


class Spec(ExperimentSpec):
    """Which networks, on how long a sequence."""

    network: Choices[Network] = Field(
        default=("tanh", "orthogonal", "lstm", "gru"), description="tanh, orthogonal, lstm, gru"
    )
    hidden_size: int = Field(default=24, ge=2, description="units H")
    seq_len: int = Field(default=100, ge=4, description="sequence length T")
    long_seq_len: int = Field(default=LONGER, ge=1, description="steps of the linear orthogonal control, gain 1/2")
    seed: int = Field(default=0, ge=0, description="of weights and inputs")

    def bytes_needed(self, workers: int) -> int:
        """The tape of one run per loss, in the triangle."""
        del workers
        return 8 * 12 * self.hidden_size * self.seq_len**2 + 8 * 16 * self.long_seq_len


class Part(NamedTuple):
    """One network, or the control."""

    spec: Spec
    network: str


def measure(spec: Spec, each: Callable[..., Iterable[pd.DataFrame]] = map) -> pd.DataFrame:
    """Take gradients apart.

    Returns
    -------
    DataFrame
        network, quantity, row, column, value: ``triangle`` log10 |dL_s/dh_t| (row s, column t); ``share`` log10 of
        the norm of step t's share of dL/dweight_hh (row t); ``singular`` log10 singular values of dh_T/dh_0 (row
        index); ``saturated`` share of saturated units (row t); ``radius`` spectral radius of the Jacobian of step t.
    """
    parts = [*(Part(spec, network) for network in spec.network), Part(spec, "control")]
    return pd.concat(each(measure_part, parts), ignore_index=True)


def measure_part(part: Part) -> pd.DataFrame:
    """The rows of one network."""
    rows = control_rows(part.spec) if part.network == "control" else network_rows(part)
    table = pd.DataFrame(list(rows), columns=["quantity", "row", "column", "value"])
    return table.assign(network=part.network)[["network", "quantity", "row", "column", "value"]]


Rows = Iterator[tuple[str, int, int, float]]


def control_rows(spec: Spec) -> Rows:
    """Singular values of a product of linear orthogonal Jacobians: 0.5^T, far below any float."""
    params = rl.RNNParams.init(1, 3, rng=np.random.default_rng(spec.seed), scheme="orthogonal", gain=0.5)
    factors = np.broadcast_to(params.weight_hh, (spec.long_seq_len, 3, 3))
    for index, value in enumerate(anatomy.log10_singular_values(factors)):
        yield "singular", index, spec.long_seq_len, float(value)


def network_rows(part: Part) -> Rows:
    """All quantities of one network."""
    tape = run(part)
    ones = np.ones(part.spec.hidden_size)
    yield from two_axes("triangle", anatomy.loss_triangle(tape))
    shares = anatomy.step_gradients(tape, ones)
    with np.errstate(divide="ignore"):
        yield from one_axis("share", np.log10(np.linalg.norm(shares, axis=(1, 2))), first=1)
    factors = anatomy.jacobians(tape)
    yield from one_axis("singular", anatomy.log10_singular_values(factors))
    yield from one_axis("radius", np.abs(np.linalg.eigvals(factors)).max(axis=1), first=1)
    if part.network in ("tanh", "orthogonal"):
        yield from one_axis("saturated", anatomy.saturation(tape), first=1)


def run(part: Part) -> rl.Tape:
    """The network on standard normal inputs."""
    rng, spec = np.random.default_rng(part.spec.seed), part.spec
    params = params_of(STARTS[part.network], 1, spec.hidden_size, rng)
    return rl.forward(params, np.random.default_rng([spec.seed, 1]).standard_normal((spec.seq_len, 1)))


def one_axis(quantity: str, values: Array, first: int = 0) -> Rows:
    """A vector as rows of the table."""
    for index, value in enumerate(values, start=first):
        yield quantity, index, 0, float(value)


def two_axes(quantity: str, values: Array) -> Rows:
    """A triangle as rows of the table, s counted from 1."""
    for s, row in enumerate(values, start=1):
        for t, value in enumerate(row[: s + 1]):
            yield quantity, s, t, float(value)


def finding(table: pd.DataFrame) -> str:
    """How much of the last step's loss reaches the first state."""
    rows = table[table["quantity"] == "triangle"]
    last = rows[(rows["row"] == rows["row"].max()) & (rows["column"] == 0)]
    told = times((LABELS[row.network], row.value) for row in last.itertuples())
    return f"the last loss moves with the first state, {rows['row'].max():g} steps before: {told}"


@drawing
def draw(table: pd.DataFrame) -> dict[str, Figure]:
    """The triangle of every network; shares, singular values and spectral radii side by side.

    Returns
    -------
    dict of str to Figure
        triangle, shares.
    """
    return {"triangle": triangles(table), "shares": curves(table)}


def triangles(table: pd.DataFrame) -> Figure:
    """log10 |dL_s/dh_t| over t and s."""
    rows = table[table["quantity"] == "triangle"]
    names = [name for name in LABELS if (rows["network"] == name).any()]
    figure = new_figure(3.6 * len(names) + 1, 4.2)
    axes = figure.subplots(1, len(names), sharey=True, squeeze=False)[0]
    finite = rows.loc[np.isfinite(rows["value"]), "value"]
    image: Any = None
    for axis, name in zip(axes, names, strict=True):
        grid = rows[rows["network"] == name].pivot_table(index="row", columns="column", values="value")
        image = axis.pcolormesh(
            grid.columns, grid.index, grid, cmap="viridis", vmin=finite.min(), vmax=finite.max(), rasterized=True
        )
        axis.set(title=LABELS[name], xlabel="state t")
    axes[0].set_ylabel("loss at step s")
    figure.colorbar(image, ax=axes, label="log10 |dL_s/dh_t|")
    headline(figure, f"{finding(table)}\nThe diagonal is today, the left edge the distant past")
    return figure


def curves(table: pd.DataFrame) -> Figure:
    """Shares of the weight's gradient, singular values of dh_T/dh_0, spectral radii."""
    figure = new_figure(13, 4.4)
    axes = figure.subplots(1, 3)
    panels = {
        "share": ("step t", "log10 |share of dL/dW_hh|"),
        "singular": ("index", "log10 singular value of dh_T/dh_0"),
        "radius": ("step t", "spectral radius of a step's Jacobian"),
    }
    for axis, (quantity, (across, up)) in zip(axes, panels.items(), strict=True):
        rows = table[(table["quantity"] == quantity) & (table["network"] != "control") & np.isfinite(table["value"])]
        sns.lineplot(
            rows.replace({"network": LABELS}),
            x="row",
            y="value",
            hue="network",
            style="network",
            palette="colorblind",
            estimator=None,
            ax=axis,
            legend=quantity == "share",
        )
        axis.set(xlabel=across, ylabel=up)
    legend_below(figure, axes[0])
    axes[0].get_legend().remove()
    least = min(latest(table, name) for name in LABELS if (table["network"] == name).any())
    kept = from_log10(table.loc[(table["quantity"] == "singular") & (table["network"] != "control"), "value"].max())
    told = f"the latest tenth of the steps has {least:.0%} or more of all shares of a weight's gradient"
    headline(figure, f"{told}; of a change of h_0 at most {kept} is left in h_T")
    return figure


def latest(table: pd.DataFrame, network: str) -> float:
    """How much of the norms of all steps' shares the latest tenth of the steps has."""
    size = 10.0 ** values(table, network, "share").to_numpy()
    return float(size[-max(1, size.size // 10) :].sum() / size.sum())


def checks(table: pd.DataFrame) -> pd.DataFrame:
    """Where a gradient comes from, and a closed form."""
    return table_of(claims(table))


def claims(table: pd.DataFrame) -> Iterator[Claim]:
    """The latest tenth of steps holds most of a weight's gradient; singular values are 0.5^T beyond the range of floats."""
    for name in [name for name in LABELS if (table["network"] == name).any()]:
        if len(values(table, name, "share")) < LONG:
            continue
        text = f"{name}: the latest tenth of the steps has of all shares' norms"
        yield Claim(
            text,
            0.5,
            latest(table, name),
            AT_LEAST,
            "shares fade with the lag; a tenth if all counted alike",
            rival=0.1,
        )
    for row in table[table["network"] == "control"].itertuples():
        name = f"linear orthogonal, T = {row.column}: singular value {row.row} (log10)"
        source = "0.5^T; a product of floats is 0"
        yield Claim(name, row.column * np.log10(0.5), row.value, 1e-9 * row.column, source, rival=-np.inf)


def values(table: pd.DataFrame, network: str, quantity: str) -> Any:
    """One network's values of one quantity, in the order of the table."""
    return table.loc[(table["network"] == network) & (table["quantity"] == quantity), "value"]
