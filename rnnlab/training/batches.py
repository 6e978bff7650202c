"""What training asks of its arguments, and checked batches of a task."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rnnlab._base.checks import integers, lengths, numbers, one_of, shortened
from rnnlab._base.task import Batch, Data, Task, taken
from rnnlab.kernels import losses
from rnnlab.kernels.finite import all_finite
from rnnlab.kernels.sequences import within
from rnnlab.kernels.training import Batches, count_outputs

Array = NDArray[Any]
LOSSES = {"squared_error": losses.SQUARED_ERROR, "cross_entropy": losses.CROSS_ENTROPY}
BLOCK_BYTES = 2**26  # of inputs and targets: a block that would be larger is cut, which no result depends on
BLOCK_PRODUCTS = 2**31  # about a second: only between blocks can one interrupt


class Sizes(NamedTuple):
    """The shapes of every batch of a run."""

    x: tuple[int, int, int]  # T, B, I
    target: tuple[int, ...]  # (S, B, O), or (S, B) of classes


class Stand(NamedTuple):
    """Where a run stands in its batches."""

    rng: Any  # the state of the bit generator: of a task with data, before this epoch's order was drawn
    batches: int  # taken so far


class Epoch:
    """The batches of a task: drawn, or of its data each sequence at most once an epoch, in an order drawn anew."""

    def __init__(self, task: Task, batch_size: int, rng: np.random.Generator) -> None:
        self.task, self.batch_size, self.rng = task, batch_size, rng
        self.batches, self.start = 0, rng.bit_generator.state
        self.order: Array | None = None
        self.train = task.data and task.data.train
        size = self.train.x.shape[1] if self.train else 0
        if self.train and size < batch_size:
            raise ValueError(f"batch_size is {batch_size}: expected at most {size}, the sequences to learn from")
        self.each = size // batch_size  # batches an epoch; the sequences left over are those of another in the next

    def stand(self) -> Stand:
        """Where the next batch is drawn."""
        within = self.each and self.batches % self.each
        return Stand(self.start if within else self.rng.bit_generator.state, self.batches)

    def go_back(self, stood: Stand) -> None:
        """Stand where it stood."""
        self.rng.bit_generator.state = stood.rng
        self.batches, self.order = stood.batches, None

    def draw(self) -> Any:
        """The next batch."""
        if not self.train:
            drawn = self.task.draw(self.rng, self.batch_size)
        else:
            place = self.batches % self.each
            if place == 0 or self.order is None:
                self.start = self.rng.bit_generator.state
                self.order = self.rng.permutation(self.train.x.shape[1])
            drawn = taken(self.train, self.order[place * self.batch_size : (place + 1) * self.batch_size])
        self.batches += 1
        return drawn


class Source:
    """Checked batches, all of the first one's shapes."""

    def __init__(self, task: Task, batch_size: int, rng: np.random.Generator, kind: Any) -> None:
        self.task, self.batch_size, self.rng, self.kind = task, batch_size, rng, kind
        self.classes = task.loss == "cross_entropy"
        self.epoch = Epoch(task, batch_size, rng)
        start = self.stand()
        try:
            first = self._drawn()
        finally:  # this look at the first batch is no part of the run
            self.go_back(start)
        self.sizes = Sizes(first.x.shape, first.target.shape)

    def stand(self) -> Stand:
        """Where the next batch is drawn."""
        return self.epoch.stand()

    def go_back(self, stood: Stand, batches: int = 0) -> None:
        """Stand again where it stood, or so many batches after it."""
        self.epoch.go_back(stood)
        for _ in range(batches):
            self.batch()

    def held_out(self) -> Batch:
        """The sequences that are never drawn, of a task that has some."""
        kept = self.task.data and self.task.data.held_out
        return self._checked(kept, 0 if kept is None else kept.x.shape[1])

    def _drawn(self) -> Batch:
        """A batch of the task, each array checked by itself."""
        return self._checked(self.epoch.draw(), self.batch_size)

    def _checked(self, drawn: Any, size: int) -> Batch:
        """So many sequences of the task, each array checked by itself."""
        if not isinstance(drawn, tuple) or len(drawn) not in (2, 3):
            raise TypeError(f"the task drew {shortened(drawn)}: expected a Batch (x, target) or (x, target, length)")
        x = numbers("x of the task", drawn[0], (3,), self.kind)
        target = classes(drawn[1]) if self.classes else values(drawn[1], self.kind)
        steps, batch, inputs = x.shape
        if inputs != self.task.inputs:
            raise ValueError(f"x of the task has {inputs} inputs a step: expected {self.task.inputs}, its task.inputs")
        if target.shape[2:] not in ((), (self.task.outputs,)):
            raise ValueError(
                f"target of the task has {target.shape[2]} outputs: expected {self.task.outputs}, its task.outputs"
            )
        if batch != size or steps < 1:
            raise ValueError(f"x of the task has shape {x.shape}: expected T x {size} x I with T >= 1")
        if 0 in target.shape or target.shape[0] > steps or target.shape[1] != batch:
            raise ValueError(
                f"target of the task has shape {target.shape}: expected S x {batch} .. with S from 1 to {steps}"
            )
        return Batch(x, target, lengths(drawn[2] if len(drawn) == 3 else None, steps, batch))

    def batch(self) -> Batch:
        """The next batch."""
        return self._like_the_first(self.epoch.draw())

    def _like_the_first(self, drawn: Any) -> Batch:
        """A batch of the first one's shapes, checked."""
        batch = self._checked(drawn, self.batch_size)
        for name, array, shape in zip(Batch._fields[:2], batch[:2], self.sizes, strict=True):
            if array.shape != shape:
                raise ValueError(f"{name} of the task has shape {array.shape}: expected {shape}, that of the first")
        return batch

    def block(self, updates: int, outputs: int) -> Batches:
        """The batches of some updates; a class that is not one of the outputs would be read out of bounds."""
        x = np.empty((updates, *self.sizes.x), self.kind)
        target = np.empty((updates, *self.sizes.target), np.int64 if self.classes else self.kind)
        length = np.empty((updates, self.batch_size), np.int64)
        for n in range(updates):
            drawn = self.epoch.draw()
            if not copied(drawn, x[n], target[n], length[n]):
                checked: Any = self._like_the_first(drawn)
                x[n], target[n], length[n] = checked
        if not self.classes:
            return Batches(x, target, np.empty((0, 0, 0), np.int64), length)
        labels = target[has_target(length, *self.sizes.x[:1], target.shape[1])]
        if labels.size and not 0 <= labels.min() <= labels.max() < outputs:
            raise ValueError(
                f"target of the task has classes {labels.min()} to {labels.max()}: "
                f"expected 0 to {outputs - 1}, as readout has"
            )
        return Batches(x, np.empty((0, 0, 0, 0), self.kind), target, length)

    def longest_block(self, products: int) -> int:
        """How many batches fit in a block, of so many products for each."""
        fit = BLOCK_BYTES // (8 * sum(math.prod(shape) for shape in self.sizes))
        return max(1, min(fit, BLOCK_PRODUCTS // products))


def copied(drawn: Any, x: Array, target: Array, length: Array) -> bool:
    """Copy a batch that is plainly right, in a third of the time of all checks; of any other say nothing but False."""
    if type(drawn) is not Batch:
        return False
    whole, labelled = drawn.length is None, target.dtype.kind == "i"
    given, kinds = drawn[:2] if whole else drawn, ("fiub", "iu" if labelled else "fiub", "iu")
    with np.errstate(over="ignore"):
        for array, place, known in zip(given, (x, target, length), kinds, strict=False):
            if type(array) is not np.ndarray or array.dtype.kind not in known or array.shape != place.shape:
                return False
            place[:] = array
    if whole:
        length[:] = len(x)
    return all_finite(x) and (labelled or all_finite(target)) and within(length, len(x))


def has_target(length: Array, steps: int, targets: int) -> NDArray[np.bool_]:
    """Which outputs (N, S, B) have a target, by the kernel's own rule, length (N, B)."""
    counted = np.empty_like(length)
    count_outputs(length.reshape(-1), steps, targets, counted.reshape(-1))
    return np.asarray(np.arange(targets)[:, None] < counted[:, None])


def values(given: ArrayLike, kind: Any) -> Array:
    """Targets (S, B, O) of the squared error; (B, O) is one step's."""
    array = numbers("target of the task", given, (2, 3), kind)
    return array[None] if array.ndim == 2 else array


def classes(given: ArrayLike) -> NDArray[np.int64]:
    """Targets (S, B) of the cross-entropy; (B,) is one step's."""
    array = integers("target of the task, the classes of cross_entropy,", given)
    if array.ndim not in (1, 2):
        raise ValueError(f"target of the task has shape {array.shape}: expected 1 or 2 dimensions")
    return np.atleast_2d(array).astype(np.int64)


def checked_task(task: Any) -> Task:
    """A Task whose loss is known."""
    if not isinstance(task, Task):
        raise TypeError(f"task is {shortened(task)}: expected a Task, as those of rnnlab.tasks are")
    if not callable(task.draw):
        raise TypeError(f"task.draw is {shortened(task.draw)}: expected a callable (rng, batch_size) -> Batch")
    one_of("task.loss", task.loss, LOSSES)
    if task.data is not None and not isinstance(task.data, Data):
        raise TypeError(f"task.data is {shortened(task.data)}: expected that of rnnlab.tasks.from_arrays, or None")
    return task
