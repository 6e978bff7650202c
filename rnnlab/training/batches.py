"""What training asks of its arguments, and checked batches of a task."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rnnlab._base.checks import integers, lengths, numbers, one_of, shortened
from rnnlab._base.task import Batch, Task
from rnnlab.kernels import losses
from rnnlab.kernels.training import Batches, count_outputs

Array = NDArray[Any]
LOSSES = {"squared_error": losses.SQUARED_ERROR, "cross_entropy": losses.CROSS_ENTROPY}
BLOCK_BYTES = 2**26  # of inputs and targets: a block that would be larger is cut, which no result depends on
BLOCK_PRODUCTS = 2**31  # about a second: only between blocks can one interrupt


class Sizes(NamedTuple):
    """The shapes of every batch of a run."""

    x: tuple[int, int, int]  # T, B, I
    target: tuple[int, ...]  # (S, B, O), or (S, B) of classes


class Source:
    """Checked batches, all of the first one's shapes."""

    def __init__(self, task: Task, batch_size: int, rng: np.random.Generator, kind: Any) -> None:
        self.task, self.batch_size, self.rng, self.kind = task, batch_size, rng, kind
        self.classes = task.loss == "cross_entropy"
        start = rng.bit_generator.state
        try:
            first = self._drawn()
        finally:  # this look at the first batch is no part of the run
            rng.bit_generator.state = start
        self.sizes = Sizes(first.x.shape, first.target.shape)

    def _drawn(self) -> Batch:
        """A batch of the task, each array checked by itself."""
        drawn: Any = self.task.draw(self.rng, self.batch_size)
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
        if batch != self.batch_size or steps < 1:
            raise ValueError(f"x of the task has shape {x.shape}: expected T x {self.batch_size} x I with T >= 1")
        if 0 in target.shape or target.shape[0] > steps or target.shape[1] != batch:
            raise ValueError(
                f"target of the task has shape {target.shape}: expected S x {batch} .. with S from 1 to {steps}"
            )
        return Batch(x, target, lengths(drawn[2] if len(drawn) == 3 else None, steps, batch))

    def batch(self) -> Batch:
        """The next batch."""
        drawn = self._drawn()
        for name, array, shape in zip(Batch._fields[:2], drawn[:2], self.sizes, strict=True):
            if array.shape != shape:
                raise ValueError(f"{name} of the task has shape {array.shape}: expected {shape}, that of the first")
        return drawn

    def block(self, updates: int, outputs: int) -> Batches:
        """The batches of some updates; a class that is not one of the outputs would be read out of bounds."""
        x = np.empty((updates, *self.sizes.x), self.kind)
        target = np.empty((updates, *self.sizes.target), np.int64 if self.classes else self.kind)
        length = np.empty((updates, self.batch_size), np.int64)
        for n in range(updates):
            drawn: Any = self.batch()
            x[n], target[n], length[n] = drawn
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
    return task
