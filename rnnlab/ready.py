"""The short way: arguments that are arrays as kernels take them, told and allocated for in microseconds.

With one unit a run takes no longer than to check what it is given. So what is asked here is only whether everything is
exactly as kernels take it; `None` sends all else the long way, which casts and explains.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from rnnlab._base.blas import few_threads
from rnnlab.gradients import Gradients
from rnnlab.kernels.cells.cell import Shapes, allocate, as_allocated, cell_of, shapes_for
from rnnlab.kernels.finite import all_finite, take
from rnnlab.kernels.sequences import WHOLE, within
from rnnlab.nonlinearities import CODES
from rnnlab.params import FLOATS, is_ready
from rnnlab.tape import Tape, tape_of, unbatched

ENTRIES: dict[Any, Callable[..., Any]] = {}  # compiled code, by kernel and what tells the types of its arguments


def call(kernel: Any, kind: Any, *arguments: Any) -> Any:
    """Call a kernel with arguments whose types `kind` tells: to tell those of NamedTuples takes Numba 2 to 5 us a call."""
    entry = ENTRIES.get((kernel, kind))
    if entry is None:
        compiled = hasattr(kernel, "compile")
        entry = kernel.compile(tuple(map(kernel.typeof_pyval, arguments))) if compiled else kernel
        ENTRIES[kernel, kind] = entry
    return entry(*arguments)


def shapes_met(params: Any, x: Any) -> Shapes | None:
    """The shapes of a recurrent cell's run along x; None if these two are not ready for it."""
    cell, weight = cell_of(params), getattr(params, "weight_ih", None)
    if type(x) is not np.ndarray or type(weight) is not np.ndarray or weight.ndim != 2 or x.ndim not in (2, 3):
        return None
    if cell is None or not cell.states or cell.shapes is None or x.dtype not in FLOATS or 0 in (x.size, weight.size):
        return None
    batch = x.shape[1] if x.ndim == 3 else 1
    shapes = shapes_for(cell.shapes, len(x), batch, x.shape[-1], len(weight) // cell.gates)
    return shapes if as_allocated(params, shapes.params, x.dtype) else None


def forward_ready(params: Any, x: Any, nonlinearity: Any) -> Tape | None:
    """A run from zeros, all steps long; None if the arguments are not ready for it."""
    shapes = shapes_met(params, x)
    if shapes is None or not x.flags.carray:
        return None
    cell, code = type(params).cell(), CODES.get(nonlinearity) if isinstance(nonlinearity, str) else None
    if code is None or not (cell.nonlinear or nonlinearity == "tanh"):
        return None
    own, tape, work = (allocate(np.empty, part, x.dtype) for part in shapes[:3])
    kind = type(params), x.dtype
    if not call(take, kind, (*params, x.reshape(tape.x.shape)), (*own, tape.x)):
        return None
    tape.length.fill(len(x))
    for name in cell.states:
        getattr(tape, name)[0].fill(0)
    with few_threads(len(x) * tape.length.size, own):
        call(cell.forward, kind, code, own, tape, work)
    return tape_of(own, nonlinearity, tape, x.ndim == 3)


def backward_ready(tape: Any, dh: Any) -> Gradients | None:
    """The way back of a loss on the last state; None if the arguments are not ready for it."""
    if type(tape) is not Tape:
        return None
    _, _, params, _, record, batched = tape
    shapes = shapes_met(params, getattr(record, "x", None))
    if shapes is None or not as_allocated(record, shapes.tape, record.x.dtype) or not all(map(all_finite, params)):
        return None
    kind, (_, batch, hidden) = record.x.dtype, record.h.shape
    if not is_ready(dh, (1 + batched,), kind, hidden) or dh.size != batch * hidden:
        return None
    if not within(record.length, len(record.x)):
        return None
    work, found = (allocate(np.empty, part, kind) for part in shapes[2:])
    work.now.fill(0)
    backward = type(params).cell().backward
    with few_threads(len(record.x) * batch, params):
        call(backward, (type(params), kind), params, record, dh.reshape(1, batch, hidden), found, work, WHOLE)
    rows = tuple(row if batched else row[0] for row in found.h0)
    return Gradients(found.params, unbatched(found.x, batched), rows if len(rows) > 1 else rows[0])
