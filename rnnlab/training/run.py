"""A run of training: its buffers, its loop over compiled blocks of updates, and batches cut over threads."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rnnlab._base.blas import one_blas_thread
from rnnlab._base.interrupts import interrupts_noted
from rnnlab.kernels.cells.cell import allocate, leaves_of, parts_of, shapes_of, sizes_of
from rnnlab.kernels.cells.parts import gradients_into
from rnnlab.kernels.regulariser import Regulariser
from rnnlab.kernels.sequences import WHOLE
from rnnlab.kernels.team import AWAY, Team
from rnnlab.kernels.training import (
    FINITE,
    Batches,
    Course,
    Head,
    Log,
    Network,
    Vector,
    loss_and_gradient,
    step_together,
    train_block,
)
from rnnlab.training.batches import LOSSES, Source
from rnnlab.training.vector import flat, views

Array = NDArray[Any]

UNCOMPILED = getattr(loss_and_gradient, "py_func", loss_and_gradient)
RADIUS_EVERY = 100  # updates between two logged spectral radii, and at most so many in one compiled call


class Backprop(NamedTuple):
    """How the gradient is taken back through time."""

    window: int | None  # of truncated BPTT
    regulariser: float  # weight of Pascanu's
    threads: int = 1  # at most as many parts of every batch


class Shard(NamedTuple):
    """One thread's sequences of every batch, with buffers of their own."""

    sequences: slice
    network: Network
    head: Head


class Run(NamedTuple):
    """All that the updates of a run share."""

    shards: list[Shard]
    team: Team  # as the first thread sees it
    vector: Vector
    source: Source


def new_run(params: Any, code: int, readout: Any, source: Source, memory: int, backprop: Backprop) -> Run:
    """Buffers, with the parameters copied to the flat vector, for an optimiser that remembers so many rows."""
    start = flat(params, readout)
    values = np.zeros((1 + memory, start.size), source.kind)
    values[0] = start
    vector = Vector(values, np.zeros_like(values[0]), np.zeros_like(values))
    model = views(values[0], params, readout)
    team, edges = new_team(backprop.threads, source.batch_size, values[0])
    shards = [
        new_shard(slice(*edges[k : k + 2]), code, model, views(own, params, readout), source, backprop)
        for k, own in enumerate(team.gradient)
    ]
    return Run(shards, team, vector, source)


def new_team(threads: int, batch: int, vector: Array) -> tuple[Team, list[int]]:
    """At most so many threads, as the first sees them, and where in the batch their parts begin and end."""
    edges = np.linspace(0, batch, min(threads, batch) + 1).astype(int)
    size = edges.size - 1
    gradient = np.zeros((size, vector.size), vector.dtype)
    arrived, what = np.zeros((size, 8), np.int64), np.zeros(1, np.int64)
    return Team(0, np.zeros(size), gradient, np.zeros(size), arrived, what), edges.tolist()


def new_shard(
    sequences: slice, code: int, model: list[Any], derivative: list[Any], source: Source, backprop: Backprop
) -> Shard:
    """Buffers for some sequences of every batch, around views of the parameters and of where their gradient goes."""
    (params, readout), (dparams, dreadout), kind = model, derivative, source.kind
    steps, batch = source.sizes.x[0], sequences.stop - sequences.start
    outputs, hidden = readout.weight.shape
    shapes = shapes_of(params, steps, batch)
    tape, work, gradients = (allocate(np.zeros, part, kind) for part in shapes[1:])
    network = Network(code, params, tape, work, gradients_into(gradients, dparams, np.zeros((0, 0, 0), kind)))
    output, doutput, dh = (
        np.zeros((source.sizes.target[0], batch, columns), kind) for columns in (outputs, outputs, hidden)
    )
    size = (steps, batch, hidden) if backprop.regulariser else (0, 0, 0)
    regulariser = Regulariser(backprop.regulariser, np.zeros(size, kind), np.zeros((size[2], size[2]), kind))
    loss, window = LOSSES[source.task.loss], backprop.window or WHOLE
    counted = np.zeros(batch, np.int64)
    head = Head(loss, readout, dreadout, output, doutput, counted, dh, window, regulariser)
    return Shard(sequences, network, head)


class Outcome(NamedTuple):
    """What a run came to."""

    updates: int
    status: int  # FINITE, or what was not finite after them
    radius_update: NDArray[np.int64]
    spectral_radius: Array  # (n, gates)


def train(run: Run, course: Course) -> Outcome:
    """Train; every product on one BLAS thread, so that no bit of a run depends on how many cores there are."""
    with one_blas_thread(), ThreadPoolExecutor(len(run.shards)) as threads:
        return train_blocks(run, course, threads)


def train_blocks(run: Run, course: Course, threads: Executor) -> Outcome:
    """Block after block, none across a multiple of RADIUS_EVERY, until all updates are taken or one can't be."""
    updates, status, params = 0, FINITE, run.shards[0].network.params
    at, radii = [], [np.empty((0, spectral_radii(params).size))]
    while updates < course.log.loss.size and status == FINITE:
        if (course.done + updates) % RADIUS_EVERY == 0:
            at.append(course.done + updates)
            radii.append(spectral_radii(params)[None])
        taken, status = draw_and_train(run, course, updates, threads)
        updates += taken
    return Outcome(updates, status, np.array(at, np.int64), np.concatenate(radii))


def draw_and_train(run: Run, course: Course, first: int, threads: Executor) -> tuple[int, int]:
    """Train a block; afterwards the Generator stands where the next update is to draw its batch."""
    source, log, done = run.source, course.log, course.done + first
    count = min(RADIUS_EVERY - done % RADIUS_EVERY, log.loss.size - first, source.longest_block(products_of(run)))
    start, rows = source.rng.bit_generator.state, slice(first, first + count)
    batches = source.block(count, run.shards[0].head.readout.bias.size)
    block = course._replace(done=done, log=Log(log.loss[rows], log.gradient_norm[rows]))
    taken, status = train_together(run, batches, block, threads)
    if taken < count:
        source.rng.bit_generator.state = start
        for _ in range(taken):
            source.batch()
    return taken, status


def products_of(run: Run) -> int:
    """About how many products one update takes: parameters x steps x sequences, and those of attention's scores."""
    (steps, batch, _), params = run.source.sizes.x, run.shards[0].network.params
    scores = 0 if type(params).cell().states else steps * sizes_of(params)[1]
    return steps * batch * (run.vector.gradient.size + scores)


def train_together(run: Run, batches: Batches, course: Course, threads: Executor) -> tuple[int, int]:
    """One compiled call a thread, of which this one makes the first."""
    run.team.arrived[:] = 0
    calls = [
        (network, head, run.vector, sequences_of(batches, part), course, run.team._replace(thread=k))
        for k, (part, network, head) in enumerate(run.shards)
    ]
    train = train_parts if parts_of(run.shards[0].network.params) else train_block
    with interrupts_noted() if len(calls) > 1 else nullcontext():
        with awaited(run.team):
            others = [threads.submit(awaited(run.team)(train), *call) for call in calls[1:]]
            outcome: tuple[int, int] = train(*calls[0])
        for other in others:
            other.result()
    return outcome


def train_parts(
    network: Network, head: Head, vector: Vector, data: Batches, course: Course, team: Team
) -> tuple[int, int]:
    """What `train_block` does, of a network of several cells: their kernels are called from Python."""
    for update in range(len(data.x)):
        loss = UNCOMPILED(network, head, data, update)
        what = step_together(team, vector, course, update, loss, head.counted)
        if what != FINITE:
            return update, what
    return len(data.x), FINITE


@contextmanager
def awaited(team: Team) -> Iterator[None]:
    """What fails or is interrupted here lets those go on that would wait for it at the barrier for ever."""
    try:
        yield
    except BaseException:
        team.arrived[:, 0] = AWAY
        raise


def sequences_of(batches: Batches, part: slice) -> Batches:
    """Some sequences of all batches."""
    x, target, label = (np.ascontiguousarray(array[:, :, part]) for array in batches[:3])
    return Batches(x, target, label, np.ascontiguousarray(batches.length[:, part]))


def spectral_radii(params: Any) -> Array:
    """The largest absolute eigenvalue of every gate's recurrent weights; none of a cell without such weights."""
    radii = [np.empty(0)]
    for leaf in leaves_of(params):
        matrices = type(leaf).cell().recurrent
        if matrices is not None:
            radii.append(np.abs(np.linalg.eigvals(matrices(leaf))).max(axis=1).astype(np.float64))
    return np.concatenate(radii)
