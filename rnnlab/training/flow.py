"""The gradient against lag while a network learns, and the units that pass nothing on."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rnnlab._base.task import Batch
from rnnlab.kernels import losses
from rnnlab.kernels.cells.cell import Cell, allocate, leaves_of, parts_of, shapes_of
from rnnlab.kernels.cells.dispatch import clear
from rnnlab.kernels.cells.parts import flow_of
from rnnlab.kernels.products import project
from rnnlab.kernels.training import Network, count_outputs
from rnnlab.params import dtype_of
from rnnlab.training.records import Model

Array = NDArray[Any]
SQUARED = 2 * np.log(10.0)  # exp of it times log10 of a size is the size squared
SATURATED = 0.1  # of the steepest slope
STEEPEST = {"tanh": 1.0, "sigmoid": 0.25}  # of those that are bounded, and saturate


class Flow(NamedTuple):
    """What was seen of each cell of a network on one batch."""

    log10_norm: Array  # (cells, T + 1)
    saturated: Array  # (cells,)
    dead: Array  # (cells,)


def buffers_for(params: Any, code: Any, steps: int, batch: int) -> Network:
    """Where a network runs through a batch and back, again and again, beside its training."""
    shapes = shapes_of(params, steps, batch)
    return Network(code, params, *(allocate(np.zeros, part, dtype_of(params)) for part in shapes[1:]))


def flow_of_batch(model: Model, network: Network, batch: Batch, loss: str) -> Flow:
    """How large the gradient of the last loss is at every lag, in every cell, and the share of units that pass nothing on."""
    tape, cell = network.tape, type(network.params).cell()
    tape.x[:], tape.length[:] = batch.x, batch.length
    cell.forward(network.nonlinearity, network.params, tape, network.work)
    _, doutput = loss_of(model, tape, batch.target, loss, last=True)
    dh = doutput @ model.readout.weight
    if not (np.isfinite(dh).all() and np.isfinite(tape.h).all()):
        return lost_flow(network.params, len(tape.x))
    clear(network.work)
    whole = np.int64 if dh.dtype == np.float64 else np.int32
    flow = flow_of(network.params, len(tape.x), np.zeros(dh.shape[:2], whole))
    cell.flow(network.params, tape, dh, flow, network.gradients, network.work)
    norms = [flow_by_lag(own.log10_norm, tape.length) for own in single(flow)]
    cells = zip(leaves_of(network.params), single(tape), strict=True)
    shares = [slopes_of(type(leaf).cell(), own, model.nonlinearity) for leaf, own in cells]
    return Flow(np.stack(norms), *np.array(shares).T)


def loss_of(model: Model, tape: Any, target: Array, loss: str, last: bool = False) -> tuple[float, Array]:
    """The loss of a run's outputs, or of the last one alone; and its derivative by the outputs it counts, (S, B, O)."""
    steps, given = len(tape.x), target[-1:] if last else target
    output = np.empty((*given.shape[:2], len(model.readout.bias)), model.readout.bias.dtype)
    project(model.readout.weight, model.readout.bias, tape.h[-len(given) :], output)
    doutput, counted = np.empty_like(output), np.empty(given.shape[1], np.int64)
    count_outputs(tape.length, steps, len(given), counted)
    if last and len(target) > 1:  # of the sequences that have one there
        counted *= tape.length == steps
    measure = losses.cross_entropy if loss == "cross_entropy" else losses.squared_error
    return float(measure(output, given, counted, doutput)), doutput


def flow_by_lag(norms: Array, length: Array) -> Array:
    """log10 of the norm of dL/d state over the batch by lag, (T + 1,), counted from each sequence's own last step.

    `norms` (S, T + 1, B) are those of all S states, (h, c) of an LSTM, at every step. -inf where the gradient is 0, nan
    where no sequence is as long.
    """
    place = length - np.arange(norms.shape[1])[:, None]
    own = norms[:, ::-1]
    if length.min() < norms.shape[1] - 1:
        own = np.where(place >= 0, np.take_along_axis(norms, np.maximum(place, 0)[None], axis=1), -np.inf)
    largest = own.max(axis=(0, 2))
    unit = np.where(np.isfinite(largest), largest, 0.0)
    with np.errstate(divide="ignore", over="ignore"):
        sizes = unit + 0.5 * np.log10(np.exp((own - unit[:, None]) * SQUARED).sum(axis=(0, 2)))
    return np.where((place >= 0).any(axis=1), sizes, np.nan)


def slopes_of(cell: Cell, tape: Any, nonlinearity: Any) -> tuple[float, float]:
    """The share of slopes that are saturated and of units that are dead; nan where a cell has several slopes a unit."""
    if cell.slopes is None or not isinstance(nonlinearity, str):
        return np.nan, np.nan
    slopes, length = cell.slopes(tape), tape.length
    whole = length.min() == len(slopes)
    seen = slopes.reshape(-1, slopes.shape[2]) if whole else slopes[np.arange(len(slopes))[:, None] < length]
    steepest = STEEPEST.get(nonlinearity)
    saturated = np.nan if steepest is None else np.count_nonzero(seen < SATURATED * steepest) / seen.size
    return saturated, 1 - np.count_nonzero(seen.any(axis=0)) / seen.shape[1]


def single(arrays: Any) -> list[Any]:
    """The arrays of all cells of a network, in order, nested as it is."""
    return [own for part in parts_of(arrays) for own in single(part)] if parts_of(arrays) else [arrays]


def lost_flow(params: Any, steps: int) -> Flow:
    """Of a batch whose states or outputs are not finite."""
    cells = len(leaves_of(params))
    return Flow(np.full((cells, steps + 1), np.nan), *np.full((2, cells), np.nan))


def no_flow(params: Any) -> Flow:
    """Of no batch."""
    cells = len(leaves_of(params))
    return Flow(np.empty((0, cells, 0)), *np.empty((2, 0, cells)))
