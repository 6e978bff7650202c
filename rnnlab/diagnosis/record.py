"""What a diagnosis is: it prints itself in words, is a table, a figure, and shows itself in a notebook."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import Any, NamedTuple

import numpy as np

from rnnlab.diagnosis.measures import Decay, LayerDiagnosis
from rnnlab.diagnosis.remedies import Remedy
from rnnlab.diagnosis.subject import Began
from rnnlab.diagnosis.verdict import Fault, verdict_of, way_told

SHOWN = 4  # layers, and as many faults, in words
COLUMNS = ("quantity", "layer", "at", "value", "low", "high")
Row = tuple[Any, ...]


class Diagnosis(NamedTuple):
    """The record of a diagnosis: faults, measurements of every layer, and what remedies would do; see `diagnose`."""

    network: str  # in words
    steps: tuple[int, int]  # how many were measured, and how many given
    sequences: int
    faults: tuple[Fault, ...]  # the cause first; empty of a healthy network
    began: tuple[Began, ...]  # where something not finite began
    layers: tuple[LayerDiagnosis, ...]
    now: Decay | None  # of the layer whose gradient is lost first
    remedies: tuple[Remedy, ...]
    unknown: tuple[str, ...]  # what can't be known from what was given

    @property
    def verdict(self) -> str:
        """The first fault in words, with its number; or that the network is healthy."""
        return verdict_of(self.faults, self.layers, self.steps[0])

    def __repr__(self) -> str:
        return "\n".join(lines_of(self))

    def to_frame(self) -> Any:
        """All that was measured, as a tidy table.

        Returns
        -------
        DataFrame
            quantity, layer, at, value, low, high. Of "log10 gradient" at is the lag, low and high the tenth and nine
            tenths of sequences; of "saturated" at is the step; of "exponent" the rank (value in nats a step); of "kept",
            a step's factor by gate or leak, the unit; of "gate <name>" (mean opening) the unit; "stuck <name>" is the
            share of that gate's values whose slope is too small to move within these steps; of "factor" low and high
            are its 95 % interval; "horizon" and "float32 horizon" are nan where no lag is so late; of "remedy" the
            layer is the remedy's name, value its horizon, high all steps; of "not finite" at is the step;
            of "verdict" and "fault" the layer is the sentence, and value its number.
        """
        import pandas as pd

        rows = [(*row, *(np.nan,) * (len(COLUMNS) - len(row))) for row in rows_of(self)]
        return pd.DataFrame(rows, columns=list(COLUMNS)).astype(dict.fromkeys(COLUMNS[2:], float))

    def plot(self) -> Any:
        """Four panels: gradient against lag, saturation, Lyapunov exponents, remedies.

        Returns
        -------
        matplotlib.figure.Figure
        """
        from rnnlab.diagnosis.figure import draw

        return draw(self.to_frame())

    def _repr_html_(self) -> str:
        """Words and figure."""
        from rnnlab._base.figures import as_html

        return f"<pre>{escape(repr(self))}</pre>{as_html(self.plot())}"


def lines_of(diagnosis: Diagnosis) -> Iterator[str]:
    """About ten lines."""
    measured, given = diagnosis.steps
    part = "" if measured == given else f", of which the first {measured} are measured"
    sequences = f"{diagnosis.sequences} sequence{'s' * (diagnosis.sequences != 1)}"
    yield f"Diagnosis of {diagnosis.network}, on {sequences} of {given} step{'s' * (given != 1)}{part}"
    yield f"  {diagnosis.verdict}"
    yield from (f"  also: {fault.told}" for fault in diagnosis.faults[1:SHOWN])
    yield from (f"  {line}" for layer in diagnosis.layers[:SHOWN] for line in layer_lines(layer))
    if len(diagnosis.layers) > SHOWN:
        yield f"  and {len(diagnosis.layers) - SHOWN} more layers: see .layers"
    yield from (f"  {remedy.name} here: {remedy.told}" for remedy in diagnosis.remedies)
    yield f"  not known: {'; '.join(diagnosis.unknown)}"


def layer_lines(layer: LayerDiagnosis) -> Iterator[str]:
    """One or two lines a layer."""
    lags = len(layer.decay.log10_gradient) - 1
    reached = [
        f"at lag {lag}" if lag is not None else f"at none of {lags} lags"
        for lag in (layer.decay.horizon, layer.decay.float32_horizon)
    ]
    yield (
        f"{layer.name} ({layer.kind}, H {layer.units}): {way_told(layer)}; under 1 % {reached[0]}, "
        f"lost to float32 {reached[1]}"
    )
    yield "  " + ", ".join(inside_of(layer))


def inside_of(layer: LayerDiagnosis) -> Iterator[str]:
    """What its units do."""
    if not np.isnan(layer.saturated).all():
        flat = f"{np.nanmean(layer.saturated):.0%}"
        yield f"{flat} of its gates' values near 0 or 1" if layer.gates else f"{flat} of its units saturated"
    if layer.nonlinearity == "relu":
        yield f"{layer.dead:.0%} dead"
    if layer.exponents.size:
        yield f"largest Lyapunov exponent {layer.exponents[0]:.2g} a step"
    if layer.kept.size:
        with np.errstate(divide="ignore"):
            scales = -1 / np.log(np.clip(layer.kept, 0, 1 - 1e-16))
        low, middle, high = np.quantile(scales, [0.1, 0.5, 0.9])
        gate = next((f"{name} gate" for name in ("forget", "update") if name in layer.gates), "leak")
        yield f"time scales of its {gate} {middle:.2g} steps ({low:.2g} to {high:.2g})"


def rows_of(diagnosis: Diagnosis) -> Iterator[Row]:
    """The rows of the table."""
    yield ("verdict", diagnosis.verdict)
    yield from (("fault", fault.told, np.nan, fault.number) for fault in diagnosis.faults)
    yield from (("not finite", began.where, began.step, began.value) for began in diagnosis.began)
    for layer in diagnosis.layers:
        yield from layer_rows(layer)
    if diagnosis.now is not None:
        steps = float(diagnosis.steps[0])
        yield ("remedy", "now", np.nan, horizon_or(diagnosis.now.horizon, steps), np.nan, steps)
        for remedy in diagnosis.remedies:
            there = np.nan if np.isnan(remedy.factor) else horizon_or(remedy.horizon, steps)
            yield ("remedy", remedy.name, np.nan, there, np.nan, steps)


def horizon_or(horizon: int | None, steps: float) -> float:
    """A horizon, or all steps."""
    return steps if horizon is None else float(horizon)


def layer_rows(layer: LayerDiagnosis) -> Iterator[Row]:
    """Those of one layer."""
    name, decay = layer.name, layer.decay
    yield ("factor", name, np.nan, decay.factor, *decay.interval)
    yield ("horizon", name, np.nan, horizon_or(decay.horizon, np.nan))
    yield ("float32 horizon", name, np.nan, horizon_or(decay.float32_horizon, np.nan))
    yield ("dead", name, np.nan, layer.dead)
    for lag, row in enumerate(zip(decay.log10_gradient, decay.low, decay.high, strict=True)):
        yield ("log10 gradient", name, lag, *row)
    series = {"saturated": layer.saturated, "exponent": layer.exponents, "kept": layer.kept}
    series |= {f"gate {gate}": opened for gate, opened in layer.gates.items()}
    yield from ((f"stuck {gate}", name, np.nan, stuck) for gate, stuck in layer.stuck.items())
    for quantity, values in series.items():
        yield from ((quantity, name, k + 1, value) for k, value in enumerate(values))
