"""A run of training: its buffers, its loop over compiled blocks of updates, and batches cut over threads."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rnnlab._base.blas import one_blas_thread
from rnnlab._base.interrupts import interrupts_noted
from rnnlab.kernels.cells.cell import allocate, parts_of, shapes_of, sizes_of, whole_shapes
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
from rnnlab.tape import state_rows
from rnnlab.training.batches import LOSSES, Sizes, Source
from rnnlab.training.vector import edges, flat, views

Array = NDArray[Any]

UNCOMPILED = getattr(loss_and_gradient, "py_func", loss_and_gradient)
EVERY = 100  # updates between two looks at a run, and at most so many in one compiled call
Watch = Callable[[Any, int], int]  # (run, updates taken) -> FINITE to go on: called before every block
Look = Callable[[Any, int, Batches], None]  # the same, when its batches are drawn


class Backprop(NamedTuple):
    """How the gradient is taken back through time."""

    window: int | None  # of truncated BPTT, as the kernels take it
    regulariser: float  # weight of Pascanu's
    threads: int = 1  # at most as many parts of every batch
    truncation: tuple[int, int] | None = None  # k1 and k2, where each window is an update of its own


class Shard(NamedTuple):
    """One thread's sequences of every batch, with buffers of their own."""

    sequences: slice
    network: Network
    head: Head


class Window(NamedTuple):
    """The steps of a batch that an update runs through: all of them, but where each window is an update."""

    first: int
    last: int
    fresh: int  # the last so many are new: their targets count
    shards: list[Shard]


class Run(NamedTuple):
    """All that the updates of a run share."""

    windows: list[Window]
    stops: tuple[int, ...]  # no compiled call goes across a multiple of these
    team: Team  # as the first thread sees it
    vector: Vector
    source: Source
    backprop: Backprop


def new_run(params: Any, code: int, readout: Any, source: Source, memory: int, backprop: Backprop, *stops: int) -> Run:
    """Buffers, with the parameters copied to the flat vector, for an optimiser that remembers so many rows."""
    start = flat(params, readout)
    values = np.zeros((1 + memory, start.size), source.kind)
    values[0] = start
    vector = Vector(values, np.zeros_like(values[0]), np.zeros_like(values), edges(params, readout))
    model = views(values[0], params, readout)
    team, parts = new_team(backprop.threads, source.batch_size, values[0])

    @cache
    def shards(sizes: Sizes) -> list[Shard]:
        return [
            new_shard(slice(*parts[k : k + 2]), code, model, views(own, params, readout), sizes, source, backprop)
            for k, own in enumerate(team.gradient)
        ]

    windows = [Window(*steps, shards(sizes)) for steps, sizes in cut(source.sizes, backprop)]
    return Run(windows, (EVERY, *stops), team, vector, source, backprop)


def cut(sizes: Sizes, backprop: Backprop) -> Iterator[tuple[tuple[int, int, int], Sizes]]:
    """The first and last step and the new ones of each update on a batch, and the shapes of its arrays."""
    steps, targets = sizes.x[0], sizes.target[0]
    if backprop.truncation is None:
        yield (0, steps, targets), sizes
        return
    k1, k2 = backprop.truncation
    for begin in range(0, steps, k1):
        first, last = max(0, begin - (k2 - k1)), min(begin + k1, steps)
        shapes = Sizes((last - first, *sizes.x[1:]), (last - begin, *sizes.target[1:]))
        yield (first, last, last - begin), shapes


def new_team(threads: int, batch: int, vector: Array) -> tuple[Team, list[int]]:
    """At most so many threads, as the first sees them, and where in the batch their parts begin and end."""
    edges = np.linspace(0, batch, min(threads, batch) + 1).astype(int)
    size = edges.size - 1
    gradient = np.zeros((size, vector.size), vector.dtype)
    arrived, what = np.zeros((size, 8), np.int64), np.zeros(1, np.int64)
    return Team(0, np.zeros(size), gradient, np.zeros(size), arrived, what), edges.tolist()


def new_shard(
    sequences: slice,
    code: int,
    model: list[Any],
    derivative: list[Any],
    sizes: Sizes,
    source: Source,
    backprop: Backprop,
) -> Shard:
    """Buffers for some sequences of every batch, around views of the parameters and of where their gradient goes."""
    (params, readout), (dparams, dreadout), kind = model, derivative, source.kind
    steps, batch = sizes.x[0], sequences.stop - sequences.start
    outputs, hidden = readout.weight.shape
    shapes = shapes_of(params, steps, batch)
    if backprop.regulariser:  # which looks at all steps
        shapes = whole_shapes(type(params).cell(), steps, batch, *sizes_of(params))
    tape, work, gradients = (allocate(np.zeros, part, kind) for part in shapes[1:])
    network = Network(code, params, tape, work, gradients_into(gradients, dparams, np.zeros((0, 0, 0), kind)))
    output, doutput, dh = (np.zeros((sizes.target[0], batch, columns), kind) for columns in (outputs, outputs, hidden))
    size = (steps, batch, hidden) if backprop.regulariser else (0, 0, 0)
    regulariser = Regulariser(backprop.regulariser, np.zeros(size, kind), np.zeros((size[2], size[2]), kind))
    loss, window = LOSSES[source.task.loss], backprop.window or WHOLE
    counted = np.zeros(batch, np.int64)
    head = Head(loss, readout, dreadout, output, doutput, counted, dh, window, regulariser)
    return Shard(sequences, network, head)


class Outcome(NamedTuple):
    """What a run came to."""

    updates: int
    status: int  # FINITE, or what was not finite after them, or who ended it


def train(run: Run, course: Course, watch: Watch, look: Look) -> Outcome:
    """Train; every product on one BLAS thread, so that no bit of a run depends on how many cores there are."""
    with one_blas_thread(), ThreadPoolExecutor(len(run.windows[0].shards)) as threads:
        return train_blocks(run, course, threads, watch, look)


def train_blocks(run: Run, course: Course, threads: Executor, watch: Watch, look: Look) -> Outcome:
    """Block after block, none across a multiple of the run's stops, until all updates are taken or one can't be."""
    updates, status = 0, FINITE
    while updates < course.log.loss.size and status == FINITE:
        status = watch(run, updates)
        if status == FINITE:
            taken, status = draw_and_train(run, course, updates, threads, look)
            updates += taken
    return Outcome(updates, status)


def draw_and_train(run: Run, course: Course, first: int, threads: Executor, look: Look) -> tuple[int, int]:
    """Train a block; afterwards the source stands where the next update is to draw its batch."""
    source, log, done = run.source, course.log, course.done + first
    each = len(run.windows)
    left = min(stop - done % stop for stop in run.stops) if each == 1 else 1
    count = min(left, log.loss.size - first, source.longest_block(products_of(run)))
    stood = source.stand()
    batches = source.block(count, run.windows[0].shards[0].head.readout.bias.size)
    look(run, first, batches)
    taken, status = train_windows(run, batches, block_of(course, slice(first, first + count * each)), threads)
    if taken < count * each:
        source.go_back(stood, taken // each)
    return taken, status


def block_of(course: Course, rows: slice) -> Course:
    """Some updates of a course."""
    log = Log(course.log.loss[rows], course.log.gradient_norm[rows])
    return course._replace(rate=course.rate[rows], done=course.done + rows.start, log=log)


def train_windows(run: Run, batches: Batches, course: Course, threads: Executor) -> tuple[int, int]:
    """Train whole batches, or window after window of one, each from a state that the one before left."""
    if len(run.windows) == 1:
        return train_together(run, run.windows[0].shards, batches, course, threads)
    before = run.windows[-1]
    if any(window.fresh == 1 for window in run.windows) and (batches.length < before.last).any():
        raise ValueError("length has sequences that end early: expected none where a window has a single new step")
    for k, window in enumerate(run.windows):
        for old, new in zip(before.shards, window.shards, strict=True):
            carry(old.network, new.network, window.first - before.first)
        block = block_of(course, slice(k, k + 1))
        _, status = train_together(run, window.shards, steps_of(batches, window), block, threads)
        if status != FINITE:
            return k, status
        before = window
    return len(run.windows), FINITE


def carry(old: Network, new: Network, step: int) -> None:
    """Begin with the states that another run had after a step, or with 0 where a batch begins."""
    rows = [row.copy() for row in state_rows(old.params, old.tape, max(step, 0))]
    for row, state in zip(state_rows(new.params, new.tape), rows, strict=True):
        row[:] = state if step >= 0 else 0


def steps_of(batches: Batches, window: Window) -> Batches:
    """The steps of a window, and the targets of its new ones."""
    steps, new = slice(window.first, window.last), slice(window.last - window.fresh, window.last)
    length = np.clip(batches.length - window.first, 0, window.last - window.first)
    return Batches(batches.x[:, steps], batches.target[:, new], batches.label[:, new], length)


def products_of(run: Run) -> int:
    """About how many products one update takes: parameters x steps x sequences, and those of attention's scores."""
    (steps, batch, _), params = run.source.sizes.x, run.windows[0].shards[0].network.params
    scores = 0 if type(params).cell().states else steps * sizes_of(params)[1]
    return steps * batch * (run.vector.gradient.size + scores)


def train_together(
    run: Run, shards: list[Shard], batches: Batches, course: Course, threads: Executor
) -> tuple[int, int]:
    """One compiled call a thread, of which this one makes the first."""
    run.team.arrived[:] = 0
    calls = [
        (network, head, run.vector, sequences_of(batches, part), course, run.team._replace(thread=k))
        for k, (part, network, head) in enumerate(shards)
    ]
    train = train_parts if parts_of(shards[0].network.params) else train_block
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
