"""The short way: arguments that are arrays as kernels take them, told and allocated for in microseconds.

With one unit a run takes no longer than to check what it is given. So what is asked here is only whether everything is
exactly as kernels take it, with sizes that were met before; `None` sends all else the long way, which casts and explains
(100 us a pair of calls with one unit there, 55 here, of which the kernels take 27).
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from rnnlab.gradients import Gradients
from rnnlab.kernels.cells.cell import INTEGERS, Cell, cell_of, is_shape, shapes_for
from rnnlab.kernels.finite import all_finite, take
from rnnlab.kernels.sequences import WHOLE, within
from rnnlab.nonlinearities import CODES
from rnnlab.params import FLOATS
from rnnlab.tape import Tape, tape_of, unbatched


class Layout(NamedTuple):
    """Of the arrays in a NamedTuple: shapes and types."""

    kind: Any
    arrays: tuple[Any, ...]  # (shape, dtype) of each, or the Layout of a NamedTuple


class Plan(NamedTuple):
    """All arrays of a run of a recurrent cell."""

    cell: Cell
    params: Layout
    tape: Layout
    work: Layout
    gradients: Layout


@lru_cache(256)
def plan_for(kind: Any, dtype: Any, *sizes: int) -> Plan | None:
    """The plan of a class of parameters for T, B, I, H; None of what has no states."""
    cell = kind.cell()
    if not cell.states or cell.shapes is None or 0 in sizes:
        return None
    return Plan(cell, *(layout_of(shapes, dtype) for shapes in shapes_for(cell.shapes, *sizes)))


def layout_of(shapes: Any, dtype: Any) -> Layout:
    """The layout of arrays of these shapes."""
    named = shapes._asdict().items()
    return Layout(
        type(shapes),
        tuple(
            (shape, INTEGERS if name == "length" else dtype) if is_shape(shape) else layout_of(shape, dtype)
            for name, shape in named
        ),
    )


def empty(layout: Layout) -> Any:
    """Arrays of a layout, with anything in them."""
    return layout.kind._make([np.empty(*part) if type(part) is tuple else empty(part) for part in layout.arrays])


def fits(array: Any, wanted: tuple[tuple[int, ...], Any]) -> bool:
    """Whether it is an array such as `numpy.empty` makes of that shape and type."""
    shape, dtype = wanted
    return type(array) is np.ndarray and array.shape == shape and array.dtype is dtype and array.flags.carray


def are_ready(arrays: Any, layout: Layout) -> bool:
    """Whether arrays are such as `empty` makes."""
    return type(arrays) is layout.kind and all(map(fits, arrays, layout.arrays))


def planned(params: Any, x: Any) -> Plan | None:
    """The plan for arrays of the sizes of these two; None if they are not such as there are plans for."""
    weight = getattr(params, "weight_ih", None)
    if type(x) is not np.ndarray or type(weight) is not np.ndarray or weight.ndim != 2 or x.ndim not in (2, 3):
        return None
    if cell_of(params) is None or x.dtype not in FLOATS or len(weight) == 0:
        return None
    batch = x.shape[1] if x.ndim == 3 else 1
    kind: Any = type(params)
    return plan_for(kind, x.dtype, len(x), batch, x.shape[-1], len(weight) // kind.cell().gates)


def forward_ready(params: Any, x: Any, nonlinearity: Any) -> Tape | None:
    """A run from zeros, all steps long; None if the arguments are not ready for it."""
    plan = planned(params, x)
    if plan is None or not isinstance(nonlinearity, str) or not (plan.cell.nonlinear or nonlinearity == "tanh"):
        return None
    code = CODES.get(nonlinearity)
    if code is None or not are_ready(params, plan.params) or not x.flags.carray:
        return None
    own, tape = empty(plan.params), empty(plan.tape)
    if not take((*params, x.reshape(tape.x.shape)), (*own, tape.x)):
        return None
    tape.length.fill(len(x))
    for name in plan.cell.states:
        getattr(tape, name)[0].fill(0)
    plan.cell.forward(code, own, tape, empty(plan.work))
    return tape_of(own, nonlinearity, tape, x.ndim == 3)  # type: ignore[arg-type]


def backward_ready(tape: Any, dh: Any) -> Gradients | None:
    """The way back of a loss on the last state; None if the arguments are not ready for it."""
    if type(tape) is not Tape:
        return None
    _, _, params, _, record, batched = tape
    plan = planned(params, getattr(record, "x", None))
    if plan is None or not are_ready(params, plan.params) or not are_ready(record, plan.tape):
        return None
    _, batch, hidden = record.h.shape
    if not fits(dh, ((batch, hidden) if batched else (hidden,), record.h.dtype)) or not all_finite(dh):
        return None
    if not within(record.length, len(record.x)):
        return None
    work, found = empty(plan.work), empty(plan.gradients)
    work.now.fill(0)
    plan.cell.backward(params, record, dh.reshape(1, batch, hidden), found, work, WHOLE)
    rows = tuple(row if batched else row[0] for row in found.h0)
    return Gradients(found.params, unbatched(found.x, batched), rows if len(rows) > 1 else rows[0])
