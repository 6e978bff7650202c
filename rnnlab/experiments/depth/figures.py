"""The figures of depth and time, drawn from their table alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from rnnlab.experiments._lab.figures import (
    DIVERGING,
    GUIDE,
    NAVY,
    RED,
    drawing,
    headline,
    legend_below,
    new_figure,
    palette,
)
from rnnlab.experiments._lab.networks import NETWORKS
from rnnlab.experiments._lab.words import from_log10
from rnnlab.experiments.depth.claims import ALIGNED, RANDOM
from rnnlab.experiments.depth.sizes import grid_of, log10_rms, loss_of
from rnnlab.laws import depth as law

SKIPS = {False: "no skips", True: "skips"}
LIMIT = 6.0  # log10 shown by the darkest colours
LOST = -3.0  # the contour: a thousandth
SIZE = "log10 of |dL/dh|, relative to the top layer's last step"


@drawing
def draw(table: pd.DataFrame) -> dict[str, Figure]:
    """Layers x time of every network, the linear ones beside their law, and what is lost per layer and per step.

    Returns
    -------
    dict of str to Figure
        maps; law, if there are linear networks; first.
    """
    figures = {"maps": maps(table), "first": lost_first(table)}
    if table["network"].isin([ALIGNED, RANDOM]).any():
        figures["law"] = beside_law(table)
    return figures


def finding(table: pd.DataFrame) -> str:
    """What is lost a layer and a step without skips, by the networks that lose least and most a layer."""
    losses = {
        name: loss_of(grid_of(table[(table["network"] == name) & ~table["residual"]])) for name in names_of(table)
    }
    layer = {name: float(loss.layer.mean()) for name, loss in losses.items()}
    told = [
        f"{NETWORKS[name].label} times {from_log10(layer[name])} a layer, {from_log10(float(losses[name].step.mean()))} a step"
        for name in dict.fromkeys([max(layer, key=layer.__getitem__), min(layer, key=layer.__getitem__)])
    ]
    return f"without skips: {'; '.join(told)}"


def names_of(table: pd.DataFrame) -> list[str]:
    """The networks of a table."""
    return list(table["network"].unique())


def size_of(table: pd.DataFrame, name: str, residual: bool) -> Any:
    """log10 of the root mean square over networks (distances, lags)."""
    return log10_rms(grid_of(table[(table["network"] == name) & (table["residual"] == residual)]), axis=0)


def maps(table: pd.DataFrame) -> Figure:
    """A heat map per network, without and with skip connections."""
    names = names_of(table)
    figure = new_figure(max(7.0, 1.6 + 1.75 * len(names)), 6.2)
    axes: Any = figure.subplots(2, len(names), squeeze=False, sharex=True, sharey=True)
    for column, name in zip(axes.T, names, strict=True):
        for axis, residual in zip(column, SKIPS, strict=True):
            image = draw_map(axis, size_of(table, name, residual))
        column[0].set_title(NETWORKS[name].label.replace(", ", "\n"), fontsize=11)
    for axis, text in zip(axes[:, 0], SKIPS.values(), strict=True):
        axis.set_ylabel(f"{text}\nlayers below the top")
    figure.supxlabel("lag T - t", fontsize=11)
    figure.colorbar(image, ax=axes, label=SIZE, extend="both", aspect=30)
    headline(figure, f"{finding(table)}\nLine: a thousandth is left; blue: lost")
    return figure


def draw_map(axis: Any, size: Any) -> Any:
    """Layers downwards, lags to the right, with the line at which a thousandth is left."""
    layers, steps = size.shape
    image = axis.pcolormesh(
        np.arange(steps + 1) - 0.5, np.arange(layers + 1) - 0.5, size, cmap=DIVERGING, vmin=-LIMIT, vmax=LIMIT
    )
    image.set_rasterized(True)
    if size.min() < LOST < size.max():
        axis.contour(size, levels=[LOST], colors="black", linewidths=1.3, linestyles="solid")
    axis.set(ylim=(layers - 0.5, -0.5))
    return image


def beside_law(table: pd.DataFrame) -> Figure:
    """Measured sizes over lag at four distances, and the law."""
    names = [name for name in (ALIGNED, RANDOM) if name in names_of(table)]
    figure = new_figure(5.6 * len(names) + 0.8, 7.4)
    axes: Any = figure.subplots(2, len(names), squeeze=False, sharex=True)
    for column, name in zip(axes.T, names, strict=True):
        for axis, residual in zip(column, SKIPS, strict=True):
            draw_law(axis, table, name, residual)
            axis.set_title(f"{NETWORKS[name].label}, {SKIPS[residual]}: {sums(name)}", fontsize=11)
    for axis in axes[-1]:
        axis.set_xlabel("lag T - t")
    figure.supylabel(SIZE, fontsize=11)
    legend_below(figure, axes[0, 0])
    off = max(off_law(table, name, residual) for name in names for residual in SKIPS)
    headline(figure, f"Linear layers are where the law of paths says (dashed), to {off:.2g} in log10")
    return figure


def sums(name: str) -> str:
    """How paths add up."""
    return "paths add up" if name == ALIGNED else "squares of paths add up"


def draw_law(axis: Any, table: pd.DataFrame, name: str, residual: bool) -> None:
    """One panel."""
    size = size_of(table, name, residual)
    lag, told = np.arange(size.shape[1]), expected(table, name, residual, size.shape)
    distances = sorted({int(number) for number in np.linspace(0, len(size) - 1, 4)})
    colours = palette(len(distances) + 1, "viridis")  # without its lightest
    for distance, colour, marker in zip(distances, colours, "os^D", strict=False):
        label = "top layer" if distance == 0 else f"{distance} below"
        style = {"color": colour, "marker": marker, "markevery": max(1, lag.size // 12), "markersize": 6}
        axis.plot(lag, size[distance], linestyle="none", label=label, **style)
        axis.plot(lag, told[distance], "--", color=colour, linewidth=1.2)
    axis.axhline(0, color=GUIDE, linewidth=0.8, zorder=0)


def expected(table: pd.DataFrame, name: str, residual: bool, shape: tuple[int, int]) -> Any:
    """The law (distances, lags)."""
    gains = table["recurrent_gain"].iloc[0], table["input_gain"].iloc[0]
    layers, steps = (np.arange(count) for count in shape)
    how: dict[str, Any] = {"residual": residual, "aligned": name == ALIGNED}
    return np.array([law.log10_gradient(distance, steps, gains, **how) for distance in layers])


def off_law(table: pd.DataFrame, name: str, residual: bool) -> float:
    """The largest difference of what is measured from the law."""
    size = size_of(table, name, residual)
    return float(np.abs(size - expected(table, name, residual, size.shape)).max())


def lost_first(table: pd.DataFrame) -> Figure:
    """What is lost per layer and per step, network by network: a point a seed."""
    names = names_of(table)
    figure = new_figure(11.0, 1.9 + 0.42 * len(names))
    axes = figure.subplots(1, 2, sharey=True, sharex=True)
    deep: dict[str, int] = {}
    for axis, residual in zip(axes, SKIPS, strict=True):
        losses = {}
        for row, name in enumerate(names):
            loss = losses[name] = loss_of(grid_of(table[(table["network"] == name) & (table["residual"] == residual)]))
            axis.plot(loss.layer, np.full(loss.layer.size, row - 0.12), "s", color=RED, markersize=7)
            axis.plot(loss.step, np.full(loss.step.size, row + 0.12), "o", color=NAVY, markersize=7)
        axis.axvline(0, color=GUIDE, linewidth=0.8, zorder=0)
        deep[SKIPS[residual]] = sum(bool(loss.layer.mean() < loss.step.mean()) for loss in losses.values())
        axis.set(xlabel="log10 of the mean factor", ylim=(len(names) - 0.5, -0.5))
        axis.set_title(SKIPS[residual])
    axes[0].set_yticks(range(len(names)), [NETWORKS[name].label for name in names])
    axes[0].plot([], [], "s", color=RED, label="per layer, at lag 0")
    axes[0].plot([], [], "o", color=NAVY, label="per step, in the top layer")
    legend_below(figure, axes[0])
    told = ", ".join(f"{skips}: {count} of {len(names)}" for skips, count in deep.items())
    headline(figure, f"networks that lose more a layer than a step: {told}")
    return figure
