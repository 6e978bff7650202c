"""The loops through time of every recurrent cell: forward, back, and back beyond the range of floats.

    state_t = step(x_t, state_(t-1)),   and backwards   dstate_(t-1) = J_t^T (dstate_t + the loss's own part)

The steps are the cell's own (`cell.Steps`); what is here is what all share: sequences that end early, losses at any
step, truncation, exponents.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from rnnlab.kernels._jit import in_either, kernel
from rnnlab.kernels.activations import TANH
from rnnlab.kernels.cells.dispatch import (
    clear,
    clear_sums,
    finish,
    inputs_back,
    prepare,
    prepare_back,
    project,
    rows_at_once,
    states_of,
    step_backward,
    step_forward,
    steps_ahead,
    stretch,
    write_inputs,
)
from rnnlab.kernels.finite import copy_each, finite_each
from rnnlab.kernels.sequences import (
    WHOLE,
    Flow,
    ScaledFlow,
    add_loss,
    add_scaled_loss,
    cut,
    hold,
    put_back,
    record,
    set_aside,
    within,
)
from rnnlab.kernels.views import borrowed


@kernel
def begin(params: Any, own: Any, tape: Any) -> bool:
    """Before a run from zeros through all steps: copy the parameters to `own`; whether they are all finite."""
    for state in states_of(own, tape):
        state[0] = 0
    tape.length[:] = tape.x.shape[0]
    return copy_each(params, own)


@kernel
def begin_back(params: Any, tape: Any, work: Any) -> bool:
    """Before a way back: no gradient but what the loss adds; whether all is still as `forward` may have left it."""
    clear(work)
    return finite_each(params) & within(tape.length, tape.x.shape[0])


@kernel
def forward(nonlinearity: Any, params: Any, tape: Any, work: Any) -> None:
    """Run the recurrence: x, length and row 0 of the states of the tape are read, the rest is written."""
    own, saved, space = borrowed(params), borrowed(tape), borrowed(work)
    prepare(own, saved, space)
    steps_forward(nonlinearity, own, saved, space)


@in_either
def steps_forward(nonlinearity: Any, params: Any, tape: Any, work: Any) -> None:
    """From the states' row 0 through all steps of a tape; lengths beyond 0 to T mean 0 and T."""
    length, steps = tape.length, tape.x.shape[0]
    shortest, rows = length.min(), steps_ahead(params, tape)
    for first in range(0, steps, rows):
        last = min(first + rows, steps)
        project(params, stretch(tape, first, last), work)
        for t in range(first, last):
            step_forward(nonlinearity, params, tape, work, t)
            if t >= shortest:
                for state in states_of(params, tape):
                    hold(length, t, state)


@kernel
def gated_forward(params: Any, tape: Any, work: Any) -> None:
    """`forward` of a cell that has no choice of nonlinearity."""
    forward(TANH, params, tape, work)


@kernel
def backward(params: Any, tape: Any, dloss: Any, gradients: Any, work: Any, window: int = WHOLE) -> None:
    """Backpropagation through time.

    Parameters
    ----------
    params, tape
        As `forward` was given and left them.
    dloss : ndarray (R, B, H)
        The loss's direct derivative with respect to the last R states.
    gradients
        Written here.
    work
        With zeros in `now`, or the derivative with respect to the last states.
    window : int
        Of truncated BPTT: every sequence is cut in windows of so many steps, counted from its last, or from its first if
        negative, and no gradient goes from one to the one before. Default: not truncated.
    """
    own, saved, space, found = borrowed(params), borrowed(tape), borrowed(work), borrowed(gradients)
    direct, rows = borrowed(dloss), rows_at_once(own, saved, found)
    clear_sums(found.params)
    prepare_back(own, space)
    for last in range(saved.x.shape[0], 0, -rows):
        first = max(last - rows, 0)
        run, share = stretch(saved, first, last), stretch(found, first, last)
        steps_back(own, saved, direct, share, space, window, (first, last))
        inputs_back(own, run, share)
        finish(own, run, share)
    found.h0[:] = space.now


@in_either
def steps_back(
    params: Any, tape: Any, dloss: Any, gradients: Any, work: Any, window: int, span: tuple[int, int]
) -> None:
    """From dL/dh after a stretch of steps, (first, last) before them and after, to that before; `gradients` are the stretch's."""
    first, last = span
    length, now, aside, steps = tape.length, work.now, work.aside, tape.x.shape[0]
    run, shortest = stretch(tape, first, last), length.min()
    for t in range(last - 1, first - 1, -1):
        cut(window, length, t, now)
        add_loss(dloss, steps - 1 - t, now)
        if t >= shortest:
            set_aside(length, t, now, aside)
        step_backward(params, run, gradients, work, t - first)
        if t >= shortest:
            put_back(length, t, aside, now)


@kernel
def flow(params: Any, tape: Any, dloss: Any, flow: Flow, gradients: Any, work: Any) -> None:
    """The norms of the gradients of the states for t = T .. 0, far beyond the range of floats.

    `gradients` is work space.
    """
    units = np.zeros((tape.x.shape[0], tape.x.shape[1]), flow.exponent.dtype)
    of_loss = units[: dloss.shape[0]]
    norms_back(
        params, tape, dloss, ScaledFlow(flow.log10_norm, flow.exponent, of_loss, units.copy()), gradients, work, False
    )


@kernel
def scaled_flow(params: Any, tape: Any, dloss: Any, flow: ScaledFlow, gradients: Any, work: Any) -> None:
    """The same, from a loss in units of its own to the gradients of the inputs in units of theirs."""
    norms_back(params, tape, dloss, flow, gradients, work, True)


@kernel
def norms_back(
    params: Any, tape: Any, dloss: Any, flow: ScaledFlow, gradients: Any, work: Any, with_inputs: bool
) -> None:
    """The way back of both."""
    own, saved, space, found = borrowed(params), borrowed(tape), borrowed(work), borrowed(gradients)
    steps = saved.x.shape[0]
    length, now, aside = saved.length, space.now, space.aside
    shortest, rows = length.min(), rows_at_once(own, saved, found)
    clear_sums(found.params)
    prepare_back(own, space)
    for last in range(steps, 0, -rows):
        first = max(last - rows, 0)
        run, share = stretch(saved, first, last), stretch(found, first, last)
        for t in range(last - 1, first - 1, -1):
            add_scaled_loss(dloss, steps - 1 - t, now, flow)
            record(now, t + 1, flow)
            flow.input_exponent[t] = flow.exponent
            if t >= shortest:
                set_aside(length, t, now, aside)
            step_backward(own, run, share, space, t - first)
            if t >= shortest:
                put_back(length, t, aside, now)
        if with_inputs:
            write_inputs(own, run, share)
    record(now, 0, flow)
