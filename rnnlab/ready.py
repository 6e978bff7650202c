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
from rnnlab.kernels.cells.cell import Shapes, allocate, leaves_of
from rnnlab.kernels.cells.dispatch import clear
from rnnlab.kernels.finite import all_finite, take
from rnnlab.kernels.sequences import WHOLE
from rnnlab.nonlinearities import CODES
from rnnlab.params import arrays_of, shapes_ready
from rnnlab.tape import Tape, initial_gradients, losses_ready, record_ready, tape_of, unbatched

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
    """The shapes of a recurrent network's run along x; None if these two are not ready for it."""
    if type(x) is not np.ndarray or x.ndim not in (2, 3) or x.size == 0:
        return None
    shapes = shapes_ready(params, len(x), x.shape[1] if x.ndim == 3 else 1, x.dtype)
    met = shapes is not None and x.shape[-1] == shapes.tape.x[-1] and type(params).cell().states
    return shapes if met else None


def forward_ready(params: Any, x: Any, nonlinearity: Any) -> Tape | None:
    """A run from zeros, all steps long; None if the arguments are not ready for it."""
    shapes, code = shapes_met(params, x), CODES.get(nonlinearity) if isinstance(nonlinearity, str) else None
    if shapes is None or code is None or not x.flags.carray:
        return None
    cell, leaves, kind = type(params).cell(), leaves_of(params), x.dtype
    if nonlinearity != "tanh" and not any(type(leaf).cell().nonlinear for leaf in leaves):
        return None
    own, tape, work = (allocate(np.empty, part, kind) for part in shapes[:3])
    if not call(take, kind, (x.reshape(tape.x.shape),), (tape.x,)):
        return None
    for leaf, mine, record in zip(leaves, leaves_of(own), leaves_of(tape), strict=True):
        if not call(take, (type(leaf), kind), (*leaf,), (*mine,)):  # plain: one `take` for most, 0.4 s each
            return None
        for name in type(leaf).cell().states:
            getattr(record, name)[0].fill(0)
    tape.length.fill(len(x))
    with few_threads(len(x) * tape.length.size, arrays_of(own)):
        call(cell.forward, (type(params), kind), code, own, tape, work)
    return tape_of(own, nonlinearity, tape, x.ndim == 3)


def backward_ready(tape: Any, dh: Any) -> Gradients | None:
    """The way back of a loss on the last state or on all; None if the arguments are not ready for it."""
    if type(tape) is not Tape:
        return None
    _, _, params, _, record, batched = tape
    shapes = shapes_met(params, getattr(record, "x", None))
    if shapes is None or not record_ready(record, shapes.tape, record.x.dtype):
        return None
    (steps, batch, _), kind, arrays = record.x.shape, record.x.dtype, arrays_of(params)
    dloss = losses_ready(dh, record.length, (steps, batch, record.h.shape[-1]), kind, batched)
    if dloss is None or not all(map(all_finite, arrays)):
        return None
    work, found = (allocate(np.empty, part, kind) for part in shapes[2:])
    clear(work)
    with few_threads(steps * batch, arrays):
        call(type(params).cell().backward, (type(params), kind), params, record, dloss, found, work, WHOLE)
    return Gradients(found.params, unbatched(found.x, batched), initial_gradients(found, batched))
