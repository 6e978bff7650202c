"""What the way back starts from: a tape that fits together, the initial state in it, the loss's derivatives."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rnnlab._base.checks import numbers, shortened
from rnnlab.kernels.cells.cell import Cell, Shapes, allocate
from rnnlab.nonlinearities import Nonlinearity
from rnnlab.params import checked_params, dtype_of, same_shapes

Array = NDArray[Any]


class Tape(NamedTuple):
    """A run through a sequence, oldest input first, with all that the way back needs."""

    h: Array  # (T + 1, H) or (T + 1, B, H): h[0] is h_0; of attention the outputs, h[0] without meaning
    c: Array | None  # the LSTM's cell state, of the same shape
    params: Any
    nonlinearity: Nonlinearity  # of the vanilla cell
    record: Any  # the kernels' tape, batched
    batched: bool


def set_initial_state(tape: Any, h0: Any, states: tuple[str, ...]) -> None:
    """Write the initial states, 0 by default, into the first rows of the tape; what has none gets zeros in h."""
    for name in states or ("h",):
        getattr(tape, name)[0] = 0
    if h0 is None:
        return
    if not states:
        raise ValueError(f"h0 is {shortened(h0)}: expected none, attention has no initial state")
    names = [f"{name}0" for name in states]
    if len(states) > 1 and not (isinstance(h0, tuple | list) and len(h0) == len(states)):
        raise TypeError(f"h0 is {shortened(h0)}: expected a pair ({', '.join(names)})")
    rows = [getattr(tape, name)[0] for name in states]
    for name, value, row in zip(names, h0 if len(states) > 1 else [h0], rows, strict=True):
        state = numbers(name, value, (1, 2), row.dtype)
        if state.shape not in (row.shape, row.shape[1:]):
            raise ValueError(f"{name} has shape {state.shape}: expected {row.shape[1:]} or {row.shape}")
        row[:] = state


def checked_tape(tape: Any) -> tuple[Cell, Shapes]:
    """The cell and its shapes; a tape whose arrays do not fit together would be read out of bounds."""
    if not isinstance(tape, Tape):
        raise TypeError(f"tape is {shortened(tape)}: expected what forward returned")
    cell, given = checked_params(tape.params)
    record = tape.record
    steps, batch, inputs = np.shape(record.x)
    hidden = np.shape(record.h)[-1]
    shapes = cell.shapes(steps, batch, inputs, hidden)
    if not isinstance(record, type(shapes.tape)):
        raise TypeError(f"tape.record is a {type(record).__name__}: expected a {type(shapes.tape).__name__}")
    same_shapes("tape.record", record, shapes.tape)
    same_shapes("tape.params", given, shapes.params)
    kinds = {array.dtype for name, array in record._asdict().items() if name != "length"}
    whole = all(array.flags.c_contiguous for array in record) and kinds == {dtype_of(given)}
    if not whole or record.length.dtype != np.int64 or record.length.max() > steps or record.length.min() < 0:
        raise ValueError("tape.record was changed: expected the arrays that forward returned")
    return cell, shapes


def prepared(tape: Tape, cell: Cell, shapes: Shapes, dh: ArrayLike, dc: ArrayLike | None) -> tuple[Any, Array]:
    """Work space, with dL/dc_T in it, and dL/dh for the last or every step as (R, B, H)."""
    steps, batch, hidden = tape.record.h.shape
    last = (batch, hidden) if tape.batched else (hidden,)
    every = (steps - 1, *last)
    kind = tape.record.x.dtype
    dloss = numbers("dh", dh, (len(last), len(every)), kind)
    if dloss.shape not in (last, every):
        raise ValueError(f"dh has shape {dloss.shape}: expected {last} for the last step or {every} for every step")
    work = allocate(np.zeros, shapes.work, kind)
    if dc is not None:
        if "c" not in cell.states:
            raise ValueError(f"dc is {shortened(dc)}: expected none, only the LSTM has a cell state")
        cell_loss = numbers("dc", dc, (len(last),), kind)
        if cell_loss.shape != last:
            raise ValueError(f"dc has shape {cell_loss.shape}: expected {last}")
        work.now[cell.states.index("c")] = cell_loss
    return work, dloss.reshape(1 if dloss.shape == last else steps - 1, batch, hidden)
