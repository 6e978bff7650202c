"""A run of training: its buffers, and its loop over compiled blocks of updates."""

from __future__ import annotations

import importlib
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from rnnlab._cells import CELLS, allocate
from rnnlab._training_data import LOSSES, Source
from rnnlab.kernels.regulariser import Regulariser
from rnnlab.kernels.sequences import WHOLE
from rnnlab.kernels.training import (
    FINITE,
    Course,
    Head,
    Log,
    Network,
    Vector,
    attention_train_block,
    gru_train_block,
    lstm_train_block,
    rnn_train_block,
)
from rnnlab.params import AttentionParams, GRUParams, LSTMParams, RNNParams

Array = NDArray[Any]

TRAIN_BLOCK: dict[type, Any] = {
    RNNParams: rnn_train_block,
    LSTMParams: lstm_train_block,
    GRUParams: gru_train_block,
    AttentionParams: attention_train_block,
}
RADIUS_EVERY = 100  # updates between two logged spectral radii, and at most so many in one compiled call


class Back(NamedTuple):
    """How the gradient is taken back through time."""

    window: int | None  # of truncated BPTT
    regulariser: float  # weight of Pascanu's


class Run(NamedTuple):
    """All that the updates of a run share."""

    code: tuple[int, ...]  # of the vanilla cell's nonlinearity
    network: Network
    head: Head
    vector: Vector
    source: Source


def new_run(params: Any, code: tuple[int, ...], readout: Any, source: Source, memory: int, back: Back) -> Run:
    """Buffers, with the parameters copied to the flat vector, for an optimiser that remembers so many rows."""
    kind, (steps, batch, inputs) = source.kind, source.sizes.x
    values = np.zeros((1 + memory, sum(array.size for array in (*params, *readout))), kind)
    values[0] = np.concatenate([array.ravel() for array in (*params, *readout)])
    vector = Vector(values, np.zeros(values.shape[1], kind), np.zeros_like(values))
    outputs, hidden = readout.weight.shape
    shapes = CELLS[type(params)].shapes(steps, batch, inputs, hidden)
    tape, work, gradients = (allocate(np.zeros, part, kind) for part in shapes[1:])
    own, mapping = views(values[0], params, readout)
    dparams, dmapping = views(vector.gradient, params, readout)
    network = Network(own, tape, work, gradients._replace(params=dparams, x=np.zeros((0, 0, 0), kind)))
    output, doutput, dh = (
        np.zeros((source.sizes.target[0], batch, columns), kind) for columns in (outputs, outputs, hidden)
    )
    size = (steps, batch, hidden) if back.regulariser else (0, 0, 0)
    regulariser = Regulariser(back.regulariser, np.zeros(size, kind), np.zeros((size[2], size[2]), kind))
    loss = LOSSES[source.task.loss]
    head = Head(loss, mapping, dmapping, output, doutput, dh, back.window or WHOLE, regulariser)
    return Run(code, network, head, vector, source)


def views(vector: Array, *parts: Any) -> list[Any]:
    """The same NamedTuples, of arrays that lie one after another in a vector (P,)."""
    made, start = [], 0
    for part in parts:
        arrays = []
        for array in part:
            arrays.append(vector[start : start + array.size].reshape(array.shape))
            start += array.size
        made.append(type(part)(*arrays))
    return made


class Taken(NamedTuple):
    """What a run came to."""

    updates: int
    what: int  # was not finite after them
    radius_update: NDArray[np.int64]
    spectral_radius: Array  # (n, gates)


def train_on_one_thread(run: Run, course: Course) -> Taken:
    """Train; matrix products on one thread, so that no bit of a run depends on how many cores there are."""
    importlib.import_module("scipy.linalg.cython_blas")  # whose BLAS Numba calls: the limit reaches what is loaded
    with threadpool_limits(limits=1, user_api="blas"):
        return train(run, course)


def train(run: Run, course: Course) -> Taken:
    """Block after block, none across a multiple of RADIUS_EVERY, until all updates are taken or one can't be."""
    updates, what = 0, FINITE
    at, radii = [], [np.empty((0, spectral_radii(run.network.params).size))]
    while updates < course.log.loss.size and what == FINITE:
        if (course.done + updates) % RADIUS_EVERY == 0:
            at.append(course.done + updates)
            radii.append(spectral_radii(run.network.params)[None])
        taken, what = train_block(run, course, updates)
        updates += taken
    return Taken(updates, what, np.array(at, np.int64), np.concatenate(radii))


def train_block(run: Run, course: Course, first: int) -> tuple[int, int]:
    """One compiled call; afterwards the Generator stands where the next update is to draw its batch."""
    source, log, done = run.source, course.log, course.done + first
    count = min(RADIUS_EVERY - done % RADIUS_EVERY, log.loss.size - first, source.longest_block())
    start, rows = source.rng.bit_generator.state, slice(first, first + count)
    batches = source.block(count, run.head.readout.bias.size)
    part = course._replace(done=done, log=Log(log.loss[rows], log.gradient_norm[rows]))
    kernel = TRAIN_BLOCK[type(run.network.params)]
    taken, what = kernel(*run.code, run.network, run.head, run.vector, batches, part)
    if taken < count:
        source.rng.bit_generator.state = start
        for _ in range(taken):
            source.batch()
    return taken, what


def spectral_radii(params: Any) -> Array:
    """The largest absolute eigenvalue of every gate's recurrent weights; none of attention."""
    if isinstance(params, AttentionParams):
        return np.empty(0)
    hidden = params.weight_hh.shape[1]
    eigenvalues = np.linalg.eigvals(params.weight_hh.reshape(-1, hidden, hidden))
    return np.asarray(np.abs(eigenvalues).max(axis=1), dtype=np.float64)
