"""The four panels, drawn from the table of a diagnosis alone."""

from __future__ import annotations

from textwrap import fill
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rnnlab._base.figures import new_figure, palette, theme
from rnnlab.diagnosis.measures import SEEN

LINES = ["-", "--", "-.", ":"]
FLOAT32 = np.log10(2.0) * -149
WIDEST = 120  # letters of the title
SHALLOW, DEEP = -6.0, 0.5  # log10 that a panel shows at least


def draw(table: Any) -> Figure:
    """Gradient against lag, saturation by step, exponents, and what remedies would do.

    Parameters
    ----------
    table : DataFrame
        As `Diagnosis.to_frame` returns it.

    Returns
    -------
    Figure
    """
    with theme():
        figure = new_figure(12.0, 8.0)
        axes: Any = figure.subplots(2, 2)
        looks = looks_of(table)
        for axis, panel in zip(axes.flat, (gradients, saturations, exponents, remedies), strict=True):
            panel(axis, table, looks)
        handles, labels = axes.flat[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=min(6, max(1, len(labels))), frameon=False)
        figure.suptitle(fill(rows_of(table, "verdict")["layer"].iloc[0], WIDEST), fontsize=12)
    return figure


def looks_of(table: Any) -> dict[str, dict[str, Any]]:
    """A colour and a line for every layer."""
    names = list(table.loc[table["quantity"] == "factor", "layer"])
    colours = palette(len(names) + 1, "viridis")
    return {
        name: {"color": colour, "linestyle": LINES[k % 4]}
        for k, (name, colour) in enumerate(zip(names, colours, strict=False))
    }


def rows_of(table: Any, quantity: str, layer: str | None = None) -> Any:
    """Those of one quantity, and of one layer."""
    rows = table[table["quantity"] == quantity]
    return rows if layer is None else rows[rows["layer"] == layer]


def empty(axis: Axes, told: str) -> None:
    """A panel with nothing to show says so."""
    axis.text(0.5, 0.5, told, ha="center", va="center", transform=axis.transAxes)


def gradients(axis: Axes, table: Any, looks: dict[str, dict[str, Any]]) -> None:
    """log10 of the gradient against lag."""
    lowest, highest = SHALLOW, DEEP
    for name, look in looks.items():
        rows = rows_of(table, "log10 gradient", name)
        shown = rows[np.isfinite(rows["value"])]
        axis.plot(shown["at"], shown["value"], label=name, linewidth=2, **look)
        axis.fill_between(shown["at"], shown["low"], shown["high"], color=look["color"], alpha=0.2, linewidth=0)
        lowest, highest = min(lowest, shown["value"].min()), max(highest, shown["value"].max())
    axis.axhline(SEEN, color="black", linewidth=1, linestyle=(0, (6, 3)), label="1 %")
    if lowest < FLOAT32:
        axis.axhline(FLOAT32, color="#c1272d", linewidth=1, linestyle=(0, (2, 2)), label="float32 shows 0")
    axis.set(xlabel="lag T - t, steps back from the loss", ylabel="log10 |dL/ds_t| over lag 0")
    axis.set(title="Gradient against lag", ylim=(1.05 * lowest, highest * 1.05))


def saturations(axis: Axes, table: Any, looks: dict[str, dict[str, Any]]) -> None:
    """The share of saturated units at every step, and where something not finite began."""
    for name, look in looks.items():
        rows = rows_of(table, "saturated", name).dropna(subset="value")
        axis.plot(rows["at"], rows["value"], linewidth=2, **look)
    for row in rows_of(table, "not finite").itertuples():
        axis.axvline(row.at, color="#c1272d", linewidth=2)
        axis.annotate(f" {row.layer}: {row.value:g} ", (row.at, 0.9), color="#c1272d", ha="right")
    axis.set(xlabel="step t", ylabel="share of units or gates", ylim=(-0.03, 1.03))
    axis.set_title("Saturated: under a tenth of the slope")


def exponents(axis: Axes, table: Any, looks: dict[str, dict[str, Any]]) -> None:
    """The largest Lyapunov exponents, beside what gates or leaks alone keep, of as many units."""
    most = 1
    for name, look in looks.items():
        rows, kept = rows_of(table, "exponent", name), rows_of(table, "kept", name)
        rows = rows[np.isfinite(rows["value"])]
        axis.plot(rows["at"], rows["value"], marker="o", linewidth=1.5, **look)
        most = max(most, len(rows))
        with np.errstate(divide="ignore"):
            logs = np.log(np.sort(kept["value"])[::-1][:most])
        axis.plot(np.arange(1, len(logs) + 1), logs, color=look["color"], marker="x", linestyle="none")
    if len(rows_of(table, "kept")):
        axis.plot([], [], color="black", marker="x", linestyle="none", label="ln of what a unit's gate or leak keeps")
        axis.legend(frameon=False, fontsize=10)
    axis.axhline(0, color="#999999", linewidth=1)
    axis.set(xlabel="rank, largest first", ylabel="nats a step")
    axis.set_title("Lyapunov exponents: above 0 runs part")


def remedies(axis: Axes, table: Any, looks: dict[str, dict[str, Any]]) -> None:
    """How many lags keep 1 % of the gradient, now and with every remedy."""
    del looks
    rows = rows_of(table, "remedy").dropna(subset="value")
    axis.set_title("What would help: lags with 1 % left")
    if not len(rows):
        empty(axis, "nothing could be measured")
        axis.set_axis_off()
        return
    places = np.arange(len(rows))
    axis.barh(places, rows["value"], color=["#666666", *["#0072b2"] * (len(rows) - 1)], height=0.6)
    for place, row in zip(places, rows.itertuples(), strict=True):
        axis.annotate(f" {row.value:g}" + " (all)" * (row.value == row.high), (row.value, place), va="center")
    axis.set_yticks(places, list(rows["layer"]))
    axis.set(
        xlabel=f"steps, of {int(rows['high'].iloc[0])}",
        ylim=(len(rows) - 0.5, -0.5),
        xlim=(0, 1.25 * rows["high"].iloc[0]),
    )
