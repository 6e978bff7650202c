"""Training a recurrent cell with a linear readout: many updates in one compiled call, in buffers given once.

    y_t = W h_t + b at the last S steps, from h_0 = 0

One update is: the recurrence, the readout, the loss and its derivative, backpropagation through time, clipping, and a
step of the optimiser. Parameters and gradients of all arrays lie in flat vectors; the NamedTuples of `Network` and `Head`
hold views of them. A team of threads shares the parameters and takes the step together, each thread with its own part of
the batch.

Training stops at the first loss, gradient or parameter that is not finite, with the last finite parameters.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from rnnlab.kernels._jit import kernel
from rnnlab.kernels.cells.dispatch import cell_backward, cell_forward, clear, regularise, with_inputs
from rnnlab.kernels.finite import all_finite
from rnnlab.kernels.losses import CROSS_ENTROPY, cross_entropy, squared_error
from rnnlab.kernels.optimisers import Descent, clip, global_norm, take_step
from rnnlab.kernels.products import bias_gradient, project, project_back, weight_gradient
from rnnlab.kernels.regulariser import Regulariser
from rnnlab.kernels.team import Team, mean_gradient, meet

FINITE, LOSS, GRADIENT, PARAMETERS = range(4)  # what was not finite when training stopped


class Batches(NamedTuple):
    """The batches of N updates; of the two kinds of target one is empty."""

    x: Any  # (N, T, B, I)
    target: Any  # (N, S, B, O): for the squared error
    label: Any  # (N, S, B) int64, 0 to O - 1: for the cross-entropy
    length: Any  # (N, B) int64: each sequence's number of steps, 0 to T


class Network(NamedTuple):
    """A cell's parameters and buffers, as its `*_forward` and `*_backward` take them for T steps of B sequences."""

    nonlinearity: Any  # LINEAR, RELU, TANH or SIGMOID, or a function; of the cells that have a choice
    params: Any  # views of row 0 of `Vector.values`
    tape: Any  # row 0 of its states holds zeros; its x and length are not read
    work: Any
    gradients: Any  # its params are views of the thread's row of `Team.gradient`


class Head(NamedTuple):
    """The head on the states: the readout and its loss, with buffers, and how the gradient is taken back from there."""

    loss: int  # SQUARED_ERROR or CROSS_ENTROPY
    readout: Any  # Readout: views of row 0 of `Vector.values`
    gradient: Any  # Readout: views of the thread's row of `Team.gradient`
    output: Any  # (S, B, O)
    doutput: Any  # (S, B, O)
    counted: Any  # (B,) int64: how many of each sequence's outputs have a target
    dh: Any  # (S, B, H): the loss's direct derivative with respect to the last S states
    window: int  # of truncated BPTT
    regulariser: Regulariser  # of the vanilla cell


class Vector(NamedTuple):
    """All P parameters."""

    values: Any  # (R, P): row 0 the parameters, then what the optimiser remembers
    gradient: Any  # (P,): of the whole batch
    before: Any  # (R, P): the values before an update, to which a step that leaves the floats' range goes back
    edges: Any  # (A + 1,) int64: array k of the parameters is values[0, edges[k] : edges[k + 1]]


class Log(NamedTuple):
    """A log of every update as it was before its step; float64 arrays (N,)."""

    loss: Any
    gradient_norm: Any  # over all parameters, before clipping


@kernel
def count_outputs(length: Any, steps: int, targets: int, counted: Any) -> None:
    """A single target is that of a sequence's last state, whenever it ends; of several, those after its end are not."""
    for b in range(length.size):
        counted[b] = 1 if targets == 1 else max(length[b] - (steps - targets), 0)


@kernel
def read_out(head: Head, h: Any, data: Batches, update: int) -> float:
    """The loss of the states h (T + 1, B, H); `head` gets its derivatives by the readout and by the last S states."""
    steps = head.dh.shape[0]
    last = h[h.shape[0] - steps :]
    project(head.readout.weight, head.readout.bias, last, head.output)
    count_outputs(data.length[update], h.shape[0] - 1, steps, head.counted)
    if head.loss == CROSS_ENTROPY:
        loss = cross_entropy(head.output, data.label[update], head.counted, head.doutput)
    else:
        loss = squared_error(head.output, data.target[update], head.counted, head.doutput)
    weight_gradient(head.doutput, last, head.gradient.weight)
    bias_gradient(head.doutput, head.gradient.bias)
    project_back(head.readout.weight, head.doutput, head.dh)
    return loss


@kernel
def descend(vector: Vector, course: Course, update: int, loss: float, norm: float) -> int:
    """Clip and take a step, or none where something is not finite; says which."""
    values, gradient, before, edges = vector
    if not math.isfinite(loss):
        return LOSS
    if not math.isfinite(norm):
        return GRADIENT
    clip(gradient, edges, norm, course.descent)
    before[:] = values
    take_step(values, gradient, course.descent, course.rate[update], course.done + update + 1)
    if all_finite(values):
        return FINITE
    values[:] = before
    return PARAMETERS


@kernel
def loss_and_gradient(network: Network, head: Head, data: Batches, update: int) -> float:
    """The loss of one update's batch, without the regulariser; the gradients go where `network` and `head` have them."""
    nonlinearity, params, tape, work, gradients = network
    this = with_inputs(tape, data.x[update], data.length[update])
    cell_forward(nonlinearity, params, this, work)
    loss = read_out(head, this.h, data, update)
    clear(work)
    cell_backward(params, this, head.dh, gradients, work, head.window)
    if head.regulariser.weight > 0:
        regularise(params, this, head.dh, gradients, head.regulariser)
    return loss


class Course(NamedTuple):
    """The course of N updates: how each step is taken, and the log of them."""

    descent: Descent
    rate: Any  # (N,) float64: the learning rate of each
    done: int  # updates taken before, of which Adam's corrections need to know
    log: Log


@kernel
def step_together(team: Team, vector: Vector, course: Course, update: int, loss: float, counted: Any) -> int:
    """Once all threads have their gradients, the first logs the update and takes its step; says what is not finite."""
    team.loss[team.thread], team.counted[team.thread] = loss, counted.sum()
    meet(team, 2 * update + 1)
    if team.thread == 0:
        mean = mean_gradient(team, vector.gradient)
        norm = global_norm(vector.gradient)
        course.log.loss[update] = mean
        course.log.gradient_norm[update] = norm
        team.what[0] = descend(vector, course, update, mean, norm)
    meet(team, 2 * update + 2)
    return team.what[0]


@kernel
def train_block(
    network: Network, head: Head, vector: Vector, data: Batches, course: Course, team: Team
) -> tuple[int, int]:
    """Train a cell for N updates; every thread of a team is to call this at the same time.

    Parameters
    ----------
    network : Network
        Of any one cell.
    head : Head
    vector : Vector
        On return the values after the last update.
    data : Batches
        This thread's part of them.
    course : Course
        Its log is written here.
    team : Team

    Returns
    -------
    updates : int
        How many were taken: N, or fewer if the next one met something not finite. That one is in the log too.
    what : int
        FINITE, or LOSS, GRADIENT or PARAMETERS: what was not finite.
    """
    for update in range(data.x.shape[0]):
        loss = loss_and_gradient(network, head, data, update)
        what = step_together(team, vector, course, update, loss, head.counted)
        if what != FINITE:
            return update, what
    return data.x.shape[0], FINITE
