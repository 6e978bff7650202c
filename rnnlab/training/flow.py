"""The gradient against lag while a network learns, and the units that pass nothing on."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rnnlab._base.task import Batch
from rnnlab.api import forward, gradient_flow
from rnnlab.gradients import GradientFlow
from rnnlab.kernels import losses
from rnnlab.kernels.cells.cell import leaves_of
from rnnlab.kernels.products import project
from rnnlab.kernels.training import count_outputs
from rnnlab.tape import Tape

Array = NDArray[Any]
SQUARED = 2 * np.log(10.0)  # exp of it times log10 of a size is the size squared
SATURATED = 0.1  # of the steepest slope
STEEPEST = {"tanh": 1.0, "sigmoid": 0.25}  # of those that are bounded, and saturate


class Flow(NamedTuple):
    """What was seen of each cell of a network on one batch."""

    log10_norm: Array  # (cells, T + 1)
    saturated: Array  # (cells,)
    dead: Array  # (cells,)


def flow_of_batch(model: Any, batch: Batch, loss: str) -> Flow:
    """How large the gradient of the last loss is at every lag, in every cell, and the share of units that pass nothing on."""
    tape = forward(model.params, batch.x, nonlinearity=model.nonlinearity, length=batch.length)
    _, doutput = loss_of(model, tape, batch.target, loss, last=True)
    dh, length = doutput[0] @ model.readout.weight, tape.record.length
    if not (np.isfinite(dh).all() and np.isfinite(tape.record.h).all()):
        return lost_flow(model.params, len(tape.record.x))
    found = leaves_in(gradient_flow(tape, dh))
    shares = [slopes_of(leaf, length) for leaf in tapes_in(tape)]
    return Flow(np.stack([flow_by_lag(flow, length) for flow in found]), *np.array(shares).T)


def loss_of(model: Any, tape: Tape, target: Array, loss: str, last: bool = False) -> tuple[float, Array]:
    """The loss of a run's outputs, or of the last one alone; and its derivative by the outputs it counts, (S, B, O)."""
    steps, given = len(tape.record.x), target[-1:] if last else target
    output = np.empty((*given.shape[:2], len(model.readout.bias)), model.readout.bias.dtype)
    project(model.readout.weight, model.readout.bias, tape.record.h[-len(given) :], output)
    doutput, counted = np.empty_like(output), np.empty(given.shape[1], np.int64)
    count_outputs(tape.record.length, steps, len(given), counted)
    if last and len(target) > 1:  # of the sequences that have one there
        counted *= tape.record.length == steps
    measure = losses.cross_entropy if loss == "cross_entropy" else losses.squared_error
    return float(measure(output, given, counted, doutput)), doutput


def flow_by_lag(flow: GradientFlow, length: Array) -> Array:
    """log10 of the norm of dL/d state over the batch by lag, (T + 1,), counted from each sequence's own last step.

    The state is (h, c) of an LSTM. -inf where the gradient is 0, nan where no sequence is as long.
    """
    parts = [norm for norm in (flow.log10_norm, flow.log10_norm_c) if norm is not None]
    norms = np.stack(parts)  # (S, T + 1, B)
    place = length - np.arange(norms.shape[1])[:, None]
    own = norms[:, ::-1]
    if length.min() < norms.shape[1] - 1:
        own = np.where(place >= 0, np.take_along_axis(norms, np.maximum(place, 0)[None], axis=1), -np.inf)
    largest = own.max(axis=(0, 2))
    unit = np.where(np.isfinite(largest), largest, 0.0)
    with np.errstate(divide="ignore", over="ignore"):
        sizes = unit + 0.5 * np.log10(np.exp((own - unit[:, None]) * SQUARED).sum(axis=(0, 2)))
    return np.where((place >= 0).any(axis=1), sizes, np.nan)


def slopes_of(tape: Tape, length: Array) -> tuple[float, float]:
    """The shares of slopes that are saturated and of units that are dead; nan where a cell has several slopes a unit."""
    cell = type(tape.params).cell()
    if cell.slopes is None or not isinstance(tape.nonlinearity, str):
        return np.nan, np.nan
    slopes = cell.slopes(tape.record)
    whole = length.min() == len(slopes)
    seen = slopes.reshape(-1, slopes.shape[2]) if whole else slopes[np.arange(len(slopes))[:, None] < length]
    steepest = STEEPEST.get(tape.nonlinearity)
    saturated = np.nan if steepest is None else np.count_nonzero(seen < SATURATED * steepest) / seen.size
    return saturated, 1 - np.count_nonzero(seen.any(axis=0)) / seen.shape[1]


def tapes_in(tape: Tape) -> list[Tape]:
    """The tapes of all cells of a network."""
    return [leaf for part in tape.parts for leaf in tapes_in(part)] if tape.parts else [tape]


def leaves_in(flow: Any) -> list[GradientFlow]:
    """The flows of all cells of a network, in order."""
    return [flow] if isinstance(flow, GradientFlow) else [leaf for part in flow for leaf in leaves_in(part)]


def lost_flow(params: Any, steps: int) -> Flow:
    """Of a batch whose states or outputs are not finite."""
    cells = len(leaves_of(params))
    return Flow(np.full((cells, steps + 1), np.nan), *np.full((2, cells), np.nan))


def no_flow(params: Any) -> Flow:
    """Of no batch."""
    cells = len(leaves_of(params))
    return Flow(np.empty((0, cells, 0)), *np.empty((2, 0, cells)))
