"""The short way: arguments that are arrays as kernels take them, told and allocated for in microseconds.

With one unit a run takes no longer than to check what it is given. So what is asked here is only whether everything is
exactly as kernels take it; `None` sends all else the long way, which casts and explains.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from rnnlab import two_cores
from rnnlab._base.blas import few_threads
from rnnlab.gradients import Gradients
from rnnlab.kernels.sequences import WHOLE
from rnnlab.nonlinearities import CODES
from rnnlab.plan import Plan, make_of, plan_along
from rnnlab.tape import Tape, initial_gradients, losses_met, tape_of, unbatched


def plan_met(params: Any, x: Any) -> Plan | None:
    """The plan for a recurrent network's run along x; None if these two are not ready for it."""
    if type(x) is not np.ndarray:
        return None
    plan = plan_along(make_of(params), x.shape, x.dtype)
    return plan if plan is not None and plan.fits_params(params) else None


def forward_ready(params: Any, x: Any, nonlinearity: Any) -> Tape | None:
    """A run from zeros, all steps long; None if the arguments are not ready for it."""
    plan, code = plan_met(params, x), CODES.get(nonlinearity) if isinstance(nonlinearity, str) else None
    if plan is None or code is None or (nonlinearity != "tanh" and not plan.nonlinear):
        return None
    own, tape = plan.new_params(), plan.new_tape()
    if not taken(plan, params, x, own, tape):
        return None
    if plan.multiplications >= two_cores.WORTH:
        two_cores.forward(code, own, tape, plan.new_work)
    else:
        work = plan.take_work()
        with few_threads(plan.multiplications):
            plan.entries.forward(code, own, tape, work)
        plan.give_back(work)
    return tape_of(own, nonlinearity, tape, x.ndim == 3)


def taken(plan: Plan, params: Any, x: Any, own: Any, tape: Any) -> bool:
    """Copy parameters and inputs to where a run from zeros has its own; whether all are finite and such as kernels take them."""
    entries, batched = plan.entries, x if x.ndim == 3 else x[:, None]
    return x.flags.carray and entries.take(batched, tape.x) and entries.begin(params, own, tape)


def backward_ready(tape: Any, dh: Any) -> Gradients | None:
    """The way back of a loss on the last state or on all; None if the arguments are not ready for it."""
    if type(tape) is not Tape:
        return None
    _, _, params, _, record, batched = tape
    plan = plan_met(params, getattr(record, "x", None))
    if plan is None or not plan.fits_tape(record):
        return None
    dloss, entries = losses_met(dh, record.length, plan.states, record.x.dtype, batched), plan.entries
    if dloss is None or not entries.finite(dloss):
        return None
    work, found = plan.take_work(), plan.new_gradients()
    if not entries.begin_back(params, record, work):
        return None
    if plan.multiplications >= two_cores.WORTH:
        two_cores.backward(params, record, dloss, found, work)
    else:
        with few_threads(plan.multiplications):
            entries.backward(params, record, dloss, found, work, WHOLE)
    plan.give_back(work)
    return Gradients(found.params, unbatched(found.x, batched), initial_gradients(found, batched))
