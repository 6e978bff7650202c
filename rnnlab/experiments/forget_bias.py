"""How long an LSTM's cell remembers: dc_T/dc_0 over forget bias and T, against sigmoid(b_f)^T.

Claim: an LSTM's cell retains sigmoid(b_f)^T of a gradient: a forget bias of 0 halves it at every step, one of 1 keeps
73 %.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from pydantic import Field

import rnnlab as rl
from rnnlab.experiments._lab.claims import AT_LEAST, Claim, table_of
from rnnlab.experiments._lab.figures import drawing, headline, label_ends, new_figure, palette
from rnnlab.experiments._lab.spec import ExperimentSpec, Lengths, Numbers, bytes_of_weights
from rnnlab.experiments._lab.words import times
from rnnlab.laws.gates import log10_retention

SMALL, EXPLODING = (
    2.0,
    3.0,
)  # forget biases up to which more is retained the larger they are, and from which too much is
LONG = 1000  # steps from which on that shows
LN_99 = 4.59511985013459  # sigmoid of it is 0.99


class Spec(ExperimentSpec):
    """The grid, and the random LSTM beside the bare one."""

    forget_bias: Numbers = Field(
        default=(-2.0, -1.0, 0.0, 1.0, 2.0, 3.0, LN_99, 6.0), description="biases b_f of the forget gate"
    )
    seq_len: Lengths = Field(default=(1, 3, 10, 30, 100, 300, 1000, 3000), description="sequence lengths T")
    hidden_size: int = Field(default=32, ge=1, description="units")
    seeds: int = Field(default=5, ge=1, description="random LSTMs per bias")

    def bytes_needed(self, workers: int) -> int:
        """The table, and weights and tapes of the networks in hand."""
        rows = len(self.forget_bias) * (1 + self.seeds) * len(self.seq_len)
        return 100 * rows + workers * (bytes_of_weights(self.hidden_size) + 96 * max(self.seq_len) * self.hidden_size)


class Part(NamedTuple):
    """One LSTM, for all lengths."""

    spec: Spec
    network: str
    forget_bias: float
    seed: int


def measure(spec: Spec, each: Callable[..., Iterable[pd.DataFrame]] = map) -> pd.DataFrame:
    """Measure dL/dc_0 for dL/dc_T = 1 by BPTT with exponents.

    Returns
    -------
    DataFrame
        network (bare: all weights 0; random: Glorot weights, standard normal inputs), forget_bias, seq_len, seed,
        log10_retention (log10 of the norm of dL/dc_0 over that of dL/dc_T), log10_law.
    """
    parts = [Part(spec, "bare", bias, 0) for bias in spec.forget_bias]
    parts += [Part(spec, "random", bias, seed) for bias in spec.forget_bias for seed in range(spec.seeds)]
    return pd.concat(each(measure_part, parts), ignore_index=True)


def measure_part(part: Part) -> pd.DataFrame:
    """The rows of one LSTM."""
    rows = [(steps, retention(part, steps)) for steps in part.spec.seq_len]
    table = pd.DataFrame(rows, columns=["seq_len", "log10_retention"])
    keys = {"network": part.network, "forget_bias": part.forget_bias, "seed": part.seed}
    return table.assign(**keys, log10_law=log10_retention(part.forget_bias, table["seq_len"]))


def retention(part: Part, steps: int) -> float:
    """log10 |dL/dc_0| / |dL/dc_T| of one run."""
    size, rng = part.spec.hidden_size, np.random.default_rng(part.seed)
    params = rl.LSTMParams.init(1, size, rng=rng, scheme="glorot", forget_bias=part.forget_bias)
    if part.network == "bare":
        params = params._replace(weight_ih=0 * params.weight_ih, weight_hh=0 * params.weight_hh)
    tape = rl.forward(params, rng.standard_normal((steps, 1)))
    norms: Any = rl.gradient_flow(tape, np.zeros(size), np.ones(size)).log10_norm_c
    return float(norms[0] - norms[-1])


def finding(table: pd.DataFrame) -> str:
    """What is left in the cell at the smallest and the largest forget bias."""
    rows = table[(table["network"] == "bare") & (table["seq_len"] == table["seq_len"].max())]
    left = rows.groupby("forget_bias")["log10_retention"].median()
    told = times((f"forget bias {bias:g}", left[bias]) for bias in dict.fromkeys([left.index[0], left.index[-1]]))
    return f"a cell of its own after {rows['seq_len'].iloc[0]} steps: {told}"


@drawing
def draw(table: pd.DataFrame) -> dict[str, Figure]:
    """Retention against T, a colour per bias, the law dashed; the bare and the random LSTM side by side.

    Returns
    -------
    dict of str to Figure
        retention.
    """
    biases = sorted(table["forget_bias"].unique())
    halves = [half for half in ([b for b in biases if b <= SMALL], [b for b in biases if b > SMALL]) if half]
    figure = new_figure(12, 3.2 * len(halves) + 1)
    axes = figure.subplots(len(halves), 2, sharex=True, sharey="row", squeeze=False)
    for row, half in zip(axes, halves, strict=True):
        for axis, network in zip(row, ("bare", "random"), strict=True):
            draw_retention(axis, table[(table["network"] == network) & table["forget_bias"].isin(half)])
        row[0].set_ylabel("log10 of dc_T/dc_0")
    axes[0, 0].set_title("all weights 0: sigmoid($b_f$)$^T$ (dashed)")
    axes[0, 1].set_title("random weights (band: networks)")
    for axis in axes[-1]:
        axis.set_xlabel("sequence length T")
    headline(figure, f"{finding(table)}; a straight line is exponential")
    return {"retention": figure}


def draw_retention(axis: Any, rows: pd.DataFrame) -> None:
    """The median and the range of networks for a few biases, from light to dark, beside the law."""
    colours = palette(rows["forget_bias"].nunique(), "viridis")
    ends = {}
    for number, (bias, group) in enumerate(rows.groupby("forget_bias")):
        lengths = group.groupby("seq_len")
        middle, lowest, highest = (lengths["log10_retention"].agg(name) for name in ("median", "min", "max"))
        axis.plot(middle.index, middle, color=colours[number], marker="osD^vPXp"[number % 8])
        axis.fill_between(middle.index, lowest, highest, color=colours[number], alpha=0.3, linewidth=0)
        axis.plot(middle.index, lengths["log10_law"].first(), "k--", linewidth=1, zorder=0)
        ends[f"$b_f$ = {bias:.3g}"] = middle.index[-1], middle.iloc[-1], colours[number]
    axis.set_xlim(0, rows["seq_len"].max())
    label_ends(axis, ends)


def checks(table: pd.DataFrame) -> pd.DataFrame:
    """The bare LSTM against the law, and its known numbers."""
    return table_of([*law_claims(table), *bias_claims(table)])


def law_claims(table: pd.DataFrame) -> Iterator[Claim]:
    """The law over all biases, each at its longest T: T roundings of 1e-16, in log10."""
    bare = table[table["network"] == "bare"]
    rows = bare.loc[bare.groupby("forget_bias")["seq_len"].idxmax()]
    if len(rows):
        off = float((rows["log10_retention"] / rows["log10_law"] - 1).abs().max())
        text = f"bare LSTMs: log10 dc_T/dc_0 off T log10 sigmoid(b_f), relative, largest of {len(rows)} biases"
        yield Claim(text, 0.0, off, 1e-12, "Gers 2000; 1 if the cell forgot nothing", rival=1.0)
    known = bare[(bare["forget_bias"] == 1.0) & (bare["seq_len"] == 100)]
    if len(known):
        value = float(10 ** known["log10_retention"].iloc[0])
        yield Claim(
            "dc_T/dc_0, forget bias 1, T = 100",
            2.484e-14,
            value,
            5e-18,
            "0.7310586^100, to the digits given; or 1/2",
            rival=0.5**100,
        )


def bias_claims(table: pd.DataFrame) -> Iterator[Claim]:
    """In random LSTMs the loop through h adds to the cell's path: more is retained than the law says, and it can explode."""
    random = table[(table["network"] == "random") & (table["seq_len"] == table["seq_len"].max())]
    medians = random.groupby("forget_bias")[["log10_retention", "log10_law"]].median().sort_index()
    rising = medians[medians.index <= SMALL]["log10_retention"].diff().dropna()
    if len(rising):
        text = f"random LSTMs: share of steps in b_f up to {SMALL:g} that raise retention"
        yield Claim(text, 1.0, float((rising > 0).mean()), 0.0, "Jozefowicz 2015; or no order", rival=0.5)
    if len(medians[medians.index >= EXPLODING]) and table["seq_len"].max() >= LONG:
        largest = float(medians[medians.index >= EXPLODING]["log10_retention"].max())
        text = f"random LSTMs: largest log10 dc_T/dc_0, of medians, b_f from {EXPLODING:g} on, T = {table['seq_len'].max()}"
        source = "the loop through h: LSTMs explode too; at most 0 if the cell alone decided"
        yield Claim(text, 1.0, largest, AT_LEAST, source, rival=0.0)
