"""The short way: arguments that are arrays as kernels take them, told and allocated for in microseconds.

With one unit a run takes no longer than to check what it is given. So what is asked here is only whether everything is
exactly as kernels take it; `None` sends all else the long way, which casts and explains.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from rnnlab import two_cores
from rnnlab._base.blas import few_threads
from rnnlab.gradients import Gradients
from rnnlab.kernels.cells.recurrence import begin, begin_back
from rnnlab.kernels.finite import take
from rnnlab.kernels.sequences import WHOLE
from rnnlab.nonlinearities import CODES
from rnnlab.plan import Plan, make_of, plan_of
from rnnlab.tape import Tape, initial_gradients, losses_ready, tape_of, unbatched

ENTRIES: dict[Any, Callable[..., Any]] = {}  # compiled code, by kernel and what tells the types of its arguments


def call(kernel: Any, kind: Any, *arguments: Any) -> Any:
    """Call a kernel with arguments whose types `kind` tells: to tell those of NamedTuples takes Numba 2 to 5 us a call."""
    entry = ENTRIES.get((kernel, kind))
    if entry is None:
        compiled = hasattr(kernel, "compile")
        entry = kernel.compile(tuple(map(kernel.typeof_pyval, arguments))) if compiled else kernel
        ENTRIES[kernel, kind] = entry
    return entry(*arguments)


def plan_met(params: Any, x: Any) -> Plan | None:
    """The plan for a recurrent network's run along x; None if these two are not ready for it."""
    if type(x) is not np.ndarray or x.ndim not in (2, 3) or x.size == 0:
        return None
    make = make_of(params)
    plan = plan_of(make, len(x), x.shape[1] if x.ndim == 3 else 1, x.dtype) if make else None
    if plan is None or x.shape[-1] != plan.shapes.tape.x[-1] or not plan.cell.states:
        return None
    return plan if plan.fits_params(params) else None


def forward_ready(params: Any, x: Any, nonlinearity: Any) -> Tape | None:
    """A run from zeros, all steps long; None if the arguments are not ready for it."""
    plan, code = plan_met(params, x), CODES.get(nonlinearity) if isinstance(nonlinearity, str) else None
    if plan is None or code is None or not x.flags.carray or (nonlinearity != "tanh" and not plan.nonlinear):
        return None
    own, tape, kind = plan.new_params(), plan.new_tape(), x.dtype
    if not call(take, kind, (x.reshape(tape.x.shape),), (tape.x,)):
        return None
    for leaf, mine, record in zip(*map(plan.leaves, (params, own, tape)), strict=True):
        if not call(begin, (type(leaf), kind), leaf, mine, record):
            return None
    if plan.multiplications >= two_cores.WORTH:
        two_cores.forward(code, own, tape, plan.new_work)
    else:
        work = plan.take_work()
        with few_threads(plan.multiplications):
            call(plan.cell.forward, (type(params), kind), code, own, tape, work)
        plan.give_back(work)
    return tape_of(own, nonlinearity, tape, x.ndim == 3)


def backward_ready(tape: Any, dh: Any) -> Gradients | None:
    """The way back of a loss on the last state or on all; None if the arguments are not ready for it."""
    if type(tape) is not Tape:
        return None
    _, _, params, _, record, batched = tape
    plan = plan_met(params, getattr(record, "x", None))
    if plan is None or not plan.fits_tape(record):
        return None
    kind, work, found = record.x.dtype, plan.take_work(), plan.new_gradients()
    for leaf, own, space in zip(*map(plan.leaves, (params, record, work)), strict=True):
        if not call(begin_back, (type(leaf), kind), leaf, own, space):
            return None
    dloss = losses_ready(dh, record.length, record.h[1:].shape, kind, batched)
    if dloss is None:
        return None
    if plan.multiplications >= two_cores.WORTH:
        two_cores.backward(params, record, dloss, found, work)
    else:
        with few_threads(plan.multiplications):
            call(plan.cell.backward, (type(params), kind), params, record, dloss, found, work, WHOLE)
    plan.give_back(work)
    return Gradients(found.params, unbatched(found.x, batched), initial_gradients(found, batched))
