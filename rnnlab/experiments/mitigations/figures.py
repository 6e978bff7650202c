"""The figures of the mitigations, drawn from their table alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure

from rnnlab.experiments._lab.decay import decay_rates
from rnnlab.experiments._lab.figures import NAVY, SKY, drawing, new_figure
from rnnlab.experiments._lab.networks import NETWORKS
from rnnlab.experiments._lab.words import times

DASHES = ("-", "--", "-.", ":")


@drawing
def draw(table: pd.DataFrame) -> dict[str, Figure]:
    """The gradient against lag for all networks.

    Returns
    -------
    dict of str to Figure
        lag (all networks in one panel), laws (each beside its theory).
    """
    return {"lag": all_networks(table), "laws": one_by_one(table)}


def finding(table: pd.DataFrame) -> str:
    """How much reaches the longest lag, by the networks that let most and least through."""
    last = table[table["lag"] == table["lag"].max()].groupby("network")["log10_gradient"].median().sort_values()
    told = times((NETWORKS[str(name)].label, last[name]) for name in dict.fromkeys([last.index[-1], last.index[0]]))
    return f"what reaches an input {table['lag'].max()} steps back: {told}"


def bands(table: pd.DataFrame, network: str, column: str = "log10_gradient") -> pd.DataFrame:
    """Median and quartiles over seeds, by lag; seeds that are dead are left out."""
    rows = table[(table["network"] == network) & np.isfinite(table[column])]
    return rows.groupby("lag")[column].quantile([0.25, 0.5, 0.75]).unstack().reindex(columns=[0.25, 0.5, 0.75])


def all_networks(table: pd.DataFrame) -> Figure:
    """One look at what reaches an early input."""
    figure = new_figure(10.5, 6)
    axis = figure.subplots()
    found = {name: bands(table, name) for name in NETWORKS if (table["network"] == name).any()}
    names = sorted(found, key=lambda name: -end_of(found[name]))  # the legend in the order of the curves' ends
    for number, (name, colour) in enumerate(zip(names, sns.color_palette("colorblind", len(names)), strict=True)):
        band = found[name]
        axis.plot(
            band.index, band[0.5], color=colour, linestyle=DASHES[number % 4], linewidth=2, label=NETWORKS[name].label
        )
        axis.fill_between(band.index, band[0.25], band[0.75], color=colour, alpha=0.2, linewidth=0)
    axis.set_yscale("symlog", linthresh=1.0)
    axis.yaxis.set_major_formatter("{x:g}")
    axis.set(xlabel="lag T - t", ylabel="log10 of |dL/dx_t| / |dL/dx_T|", xlim=(0, table["lag"].max()))
    axis.set_title(
        "How much of the last step's loss reaches an input so many steps back (band: quartiles over networks)"
    )
    figure.legend(frameon=False, loc="outside right center")
    return figure


def end_of(band: pd.DataFrame) -> float:
    """The last median; of a network that is dead -inf."""
    return float(band[0.5].iloc[-1]) if len(band) else -np.inf


def one_by_one(table: pd.DataFrame) -> Figure:
    """Each network by itself: median, all seeds, the law dashed."""
    names = [name for name in NETWORKS if (table["network"] == name).any()]
    rows = -(-len(names) // 3)
    figure = new_figure(11, 3.0 * rows)
    axes: Any = figure.subplots(rows, 3, squeeze=False, sharex=True)
    for axis in axes.flat[len(names) :]:
        axis.remove()
    rates = decay_rates(table)
    for axis, name in zip(axes.flat, names, strict=False):
        for _, part in table[(table["network"] == name) & np.isfinite(table["log10_gradient"])].groupby("seed"):
            axis.plot(part["lag"], part["log10_gradient"], color=SKY, linewidth=0.7)
        band = bands(table, name)
        axis.plot(band.index, band[0.5], color=NAVY, linewidth=1.8)
        law = table[table["network"] == name].groupby("lag")["log10_law"].first().dropna()
        axis.plot(law.index, law, "k--", linewidth=1.2)
        axis.set_title(f"{NETWORKS[name].label}\n{factor(rates.loc[name])}", fontsize=11)
        axis.set_xlabel("lag")
    for axis in axes.flat[max(0, len(names) - 3) : len(names)]:  # the lowest of each column
        axis.tick_params(labelbottom=True)
    figure.supylabel("log10 of |dL/dx_t| / |dL/dx_T|")
    figure.suptitle(
        "Each network: seeds (light), median (dark), theory where there is one (dashed); fitted factor per step, 95 %"
    )
    return figure


def factor(rates: pd.Series) -> str:
    """The fitted factor per step with its interval, if there is one."""
    rate, low, high = 10**rates
    return f"{rate:.3f} per step ({low:.3f} to {high:.3f})" if high > 0 else "no factor: dead, or too small for a float"
