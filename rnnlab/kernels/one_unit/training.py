"""Training one-unit networks by gradient descent through time, each lane one whole training.

The network is that of `one_unit` with a readout: h_t = f(w1 x_t + w2 h_(t-1) + b1) from h_0 = 0, prediction
w3 h_T + b2. The loss of an update is the mean over its B sequences of (prediction - target)^2, and every lane takes

    parameters -= rate min(1, clip / |g|) g

with g its gradient, |g| the norm over all five parameters (R. Pascanu, T. Mikolov, Y. Bengio, On the difficulty of
training recurrent neural networks, ICML 2013, algorithm 1). Lanes differ in parameters, rate and clip and share the
data: an input is one number for all lanes, and loops over lanes are innermost and vectorise.

A lane stops where it is when it is solved, or when an update would make a parameter nan or larger than a bound: its
parameters are then the last good ones. Stopped lanes are computed along with the others, and nothing is done with them.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from rnnlab.kernels._jit import inner_kernel, kernel, unaliased_kernel
from rnnlab.kernels.activations import activate
from rnnlab.kernels.one_unit.plain import newest_first
from rnnlab.kernels.views import borrowed

BLOCK = 128  # lanes whose history of 50 steps stays in the second-level cache; a multiple of the SIMD width


class Network(NamedTuple):
    """The parameters of L networks with their readouts, or the gradients of those parameters: float64 arrays (L,)."""

    w1: Any  # input weight
    w2: Any  # recurrent weight
    b1: Any  # bias
    w3: Any  # output weight
    b2: Any  # output bias


class Data(NamedTuple):
    """What every lane is trained on."""

    x: Any  # (U, B, T): the inputs of B sequences for each of U updates
    target: Any  # (U, B)


class Descent(NamedTuple):
    """How each lane is trained, arrays (L,), and when it stops."""

    rate: Any  # learning rate
    clip: Any  # largest norm of a gradient, inf for plain gradient descent
    threshold: float  # solved: the loss is below this ...
    patience: int  # ... at so many updates in a row
    bound: float  # diverged: a parameter beyond this in size


class Outcome(NamedTuple):
    """What became of each lane, written by `train`; arrays (L,), `solved_at` and `diverged_at` of int64."""

    solved_at: Any  # the update, from 0, with the first of the small losses in a row; -1 if never
    diverged_at: Any  # the update whose step was not taken, being out of bounds; -1 if never
    loss: Any  # at the last update
    largest: Any  # |g| of the largest gradient that the lane met, before clipping; nan where one overflowed


class Work(NamedTuple):
    """Work space of one block of W lanes."""

    h: Any  # (T + 1, W): states; row 0 is 0
    slope: Any  # (T, W): f'(a_t) in row t - 1
    factor: Any  # (W,): by which a gradient becomes a step
    dh: Any  # (W,): dL/dh_t on the way back
    alive: Any  # (W,): 1 until the lane stops, then 0
    streak: Any  # (W,): how many losses up to now were below the threshold, in a row
    gradient: Network  # of arrays (W,)


@inner_kernel
def forward_step(nonlinearity: int, network: Network, x_t: Any, t: int, work: Work) -> None:
    """From h_(t-1) to h_t; f' takes the place of a."""
    a = work.slope[t - 1]
    preactivate(network, x_t, work.h[t - 1], a)
    activate(nonlinearity, a, work.h[t])


@unaliased_kernel
def preactivate(network: Network, x_t: Any, h: Any, a: Any) -> None:
    """Write a_t; all but x_t are (W,)."""
    w1, w2, b1, _, _ = network
    for i in range(a.size):
        a[i] = w1[i] * x_t + w2[i] * h[i] + b1[i]


@unaliased_kernel
def read_out(network: Network, target: Any, share: Any, work: Work, loss: Any) -> None:
    """Add one sequence's share of the loss and of the readout's gradients, and write dL/dh_T to `dh`."""
    state, dh, gradient = work.h[work.slope.shape[0]], work.dh, work.gradient
    for i in range(state.size):
        error = network.w3[i] * state[i] + network.b2[i] - target
        loss[i] += share * error * error
        dh[i] = 2 * share * error
    for i in range(state.size):
        gradient.w3[i] += dh[i] * state[i]
        gradient.b2[i] += dh[i]
        dh[i] *= network.w3[i]


@unaliased_kernel
def backward_step(network: Network, x_t: Any, t: int, work: Work) -> None:
    """`dh` goes from dL/dh_t to dL/dh_(t-1), adding step t's terms to the gradients."""
    h, slope, dh, gradient = work.h, work.slope, work.dh, work.gradient
    for i in range(dh.size):
        da = dh[i] * slope[t - 1, i]
        dh[i] = da * network.w2[i]
        gradient.w1[i] += da * x_t
        gradient.w2[i] += da * h[t - 1, i]
        gradient.b1[i] += da


@inner_kernel
def accumulate(nonlinearity: int, network: Network, data: Data, update: int, work: Work, loss: Any) -> None:
    """Loss and gradients of one update, over its sequences."""
    x, target = data
    steps = x.shape[2]
    for row in work.gradient:
        row[:] = 0
    loss[:] = 0
    share = 1.0 / x.shape[1]
    for b in range(x.shape[1]):
        for t in range(1, steps + 1):
            forward_step(nonlinearity, network, x[update, b, t - 1], t, work)
        read_out(network, target[update, b], share, work, loss)
        for t in newest_first(1, steps):
            backward_step(network, x[update, b, t - 1], t, work)


@inner_kernel
def scale_gradients(descent: Descent, work: Work, largest: Any) -> None:
    """Turn each lane's gradients into its step, rate min(1, clip / |g|) g, and note the largest |g|."""
    g, factor, alive = work.gradient, work.factor, work.alive
    for i in range(factor.size):
        square = g.w1[i] * g.w1[i] + g.w2[i] * g.w2[i] + g.b1[i] * g.b1[i] + g.w3[i] * g.w3[i] + g.b2[i] * g.b2[i]
        factor[i] = np.sqrt(square)
    for i in range(factor.size):
        largest[i] = largest[i] if (alive[i] == 0) | (factor[i] <= largest[i]) else factor[i]
    for i in range(factor.size):
        factor[i] = descent.rate[i] * (descent.clip[i] / factor[i] if factor[i] > descent.clip[i] else 1.0)
    for row in g:
        for i in range(factor.size):
            row[i] *= factor[i]


@inner_kernel
def descend(network: Network, bound: float, work: Work) -> None:
    """Take the step in every lane that is alive; one that would get a nan, or leave the bounds, stops instead."""
    alive = work.alive
    for w, step in zip(network, work.gradient):  # noqa: B905 (Numba knows no strict)
        for i in range(alive.size):
            alive[i] = alive[i] if abs(w[i] - step[i]) <= bound else 0.0  # a nan compares as false
    for w, step in zip(network, work.gradient):  # noqa: B905
        for i in range(alive.size):
            w[i] -= step[i] if alive[i] > 0 else 0.0


@inner_kernel
def note_solved(descent: Descent, update: int, work: Work, outcome: Outcome) -> None:
    """Count small losses in a row and stop the lanes that have enough."""
    alive, streak, loss, solved_at = work.alive, work.streak, outcome.loss, outcome.solved_at
    for i in range(alive.size):
        streak[i] = streak[i] + 1 if loss[i] < descent.threshold else 0.0
    for i in range(alive.size):
        now = (streak[i] >= descent.patience) & (alive[i] > 0)
        solved_at[i] = update - descent.patience + 1 if now else solved_at[i]
        alive[i] = 0.0 if now else alive[i]


@inner_kernel
def note_diverged(update: int, work: Work, outcome: Outcome) -> None:
    """Put down the update at which each lane stopped without being solved."""
    alive, solved_at, diverged_at = work.alive, outcome.solved_at, outcome.diverged_at
    for i in range(alive.size):
        now = (alive[i] == 0) & (solved_at[i] < 0) & (diverged_at[i] < 0)
        diverged_at[i] = update if now else diverged_at[i]


@kernel
def train_block(
    nonlinearity: int, data: Data, network: Network, descent: Descent, outcome: Outcome, work: Work
) -> None:
    """All updates of the lanes of one block."""
    space = borrowed(work)
    work.h[0] = 0
    work.alive[:] = 1
    work.streak[:] = 0
    outcome.solved_at[:] = -1
    outcome.diverged_at[:] = -1
    outcome.largest[:] = 0
    for update in range(data.x.shape[0]):
        accumulate(nonlinearity, network, data, update, space, outcome.loss)
        note_solved(descent, update, work, outcome)
        scale_gradients(descent, work, outcome.largest)
        descend(network, descent.bound, work)
        note_diverged(update, work, outcome)


@kernel
def new_work(steps: int, width: int) -> Work:
    """Work space for blocks of `width` lanes and sequences of `steps` inputs."""
    rows = np.empty((9, width))
    gradient = Network(rows[4], rows[5], rows[6], rows[7], rows[8])
    return Work(np.empty((steps + 1, width)), np.empty((steps, width)), rows[0], rows[1], rows[2], rows[3], gradient)


@kernel
def train(nonlinearity: int, data: Data, network: Network, descent: Descent, outcome: Outcome) -> None:
    """Train any number of lanes, block by block; work space does not grow with L.

    Parameters
    ----------
    nonlinearity : int
        LINEAR, RELU, TANH or SIGMOID.
    data : Data
        T >= 1 inputs of B >= 1 sequences for each update.
    network : Network
        On entry the initial parameters, on return those at which each lane stopped.
    descent : Descent
        Each lane's rate and clip, and when it stops.
    outcome : Outcome
        Written here.
    """
    lanes = network.w1.size
    for first in range(0, lanes, BLOCK):
        last = min(first + BLOCK, lanes)
        n, d, o = network, descent, outcome
        part = Network(n.w1[first:last], n.w2[first:last], n.b1[first:last], n.w3[first:last], n.b2[first:last])
        how = Descent(d.rate[first:last], d.clip[first:last], d.threshold, d.patience, d.bound)
        what = Outcome(o.solved_at[first:last], o.diverged_at[first:last], o.loss[first:last], o.largest[first:last])
        train_block(nonlinearity, data, part, how, what, new_work(data.x.shape[2], last - first))
