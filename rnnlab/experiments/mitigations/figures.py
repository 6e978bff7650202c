"""The figures of the mitigations, drawn from their table alone."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from rnnlab.experiments._lab.decay import decay_rates
from rnnlab.experiments._lab.figures import NAVY, SKY, drawing, facets, headline, label_ends, new_figure, palette
from rnnlab.experiments._lab.networks import NETWORKS
from rnnlab.experiments._lab.words import times

DASHES = ("-", "--", "-.", ":")
SIZE = "log10 of |dL/dx_t| / |dL/dx_T|"


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
    """One look at what reaches an early input; a network that is dead ends at the foot."""
    figure = new_figure(11, 6)
    axis = figure.subplots()
    names = [name for name in NETWORKS if (table["network"] == name).any()]
    colours = palette(len(names))
    ends = {}
    for number, (name, colour) in enumerate(zip(names, colours, strict=True)):
        band = bands(table, name)
        axis.plot(band.index, band[0.5], color=colour, linestyle=DASHES[number % 4], linewidth=2)
        axis.fill_between(band.index, band[0.25], band[0.75], color=colour, alpha=0.2, linewidth=0)
        ends[NETWORKS[name].label] = table["lag"].max(), band[0.5].iloc[-1] if len(band) else -np.inf, colour
    axis.set(xlabel="lag T - t", ylabel=SIZE, xlim=(0, table["lag"].max()))
    label_ends(axis, ends)
    headline(figure, f"{finding(table)}; a straight line is exponential (band: quartiles over networks)")
    return figure


def one_by_one(table: pd.DataFrame) -> Figure:
    """Each network by itself: median, all seeds, the law dashed."""
    names = [name for name in NETWORKS if (table["network"] == name).any()]
    figure = new_figure(12, 1.5 + 2.8 * -(-len(names) // 4))
    rates = decay_rates(table)
    for axis, name in zip(facets(figure, len(names), 4, "lag", sharey=False), names, strict=True):
        for _, part in table[(table["network"] == name) & np.isfinite(table["log10_gradient"])].groupby("seed"):
            axis.plot(part["lag"], part["log10_gradient"], color=SKY, linewidth=0.7)
        band = bands(table, name)
        axis.plot(band.index, band[0.5], color=NAVY, linewidth=1.8)
        law = table[table["network"] == name].groupby("lag")["log10_law"].first().dropna()
        axis.plot(law.index, law, "k--", linewidth=1.2)
        axis.set_title(f"{NETWORKS[name].label}\n{factor(rates.loc[name])}", fontsize=11)
    figure.supylabel(SIZE)
    headline(figure, f"{kept_best(rates)} (light: seeds, dark: median, dashed: theory where there is one)")
    return figure


def kept_best(rates: pd.DataFrame) -> str:
    """The fitted factors of a step, of the networks that keep most and least."""
    ordered = rates["rate"].dropna().sort_values()
    if ordered.empty:
        return "no gradient is left to be fitted"
    extremes = dict.fromkeys([ordered.index[-1], ordered.index[0]])
    told = ", ".join(f"{NETWORKS[str(name)].label} {10 ** ordered[name]:.3g}" for name in extremes)
    return f"what a step leaves of a gradient: {told}"


def factor(rates: pd.Series) -> str:
    """The fitted factor per step with its interval, if there is one."""
    rate, low, high = 10**rates
    return f"{rate:.3f} ({low:.3f} to {high:.3f})" if high > 0 else "dead, or too small"
