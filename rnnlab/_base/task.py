"""What a task is: how its batches are drawn, and which loss is made small."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rnnlab._base.checks import checked_rng, whole, within_memory
from rnnlab._base.showing import largest_entry, shows

Array = NDArray[Any]
Loss = Literal["squared_error", "cross_entropy"]
Draw = Callable[[np.random.Generator, int], Any]  # (rng, batch_size) -> Batch


@shows(largest_entry)
class Batch(NamedTuple):
    """Sequences to learn from."""

    x: Array  # (T, B, I), float64
    target: Array  # of the squared error (S, B, O), float64; of the cross-entropy classes (S, B), int64
    length: Array | None = None  # (B,), int64: each sequence's number of steps; None: T


class Scaling(NamedTuple):
    """What was learnt from the sequences to learn from: numbers become (number - mean) / deviation."""

    x_mean: Array  # (I,)
    x_deviation: Array  # (I,), 1 where all are equal
    target_mean: Array  # (O,); 0 for classes
    target_deviation: Array  # (O,)

    def of_x(self, x: Any) -> Array:
        """Inputs (..., I) as the network takes them."""
        return np.asarray((x - self.x_mean) / self.x_deviation)

    def to_target(self, output: Any) -> Array:
        """What the network says (..., O), in units of the targets."""
        return np.asarray(output * self.target_deviation + self.target_mean)


class Data(NamedTuple):
    """Numbers that are given: what is learnt from, each sequence at most once an epoch, and what is not."""

    train: Batch | None  # all sequences to learn from; None: `draw` has them
    held_out: Batch | None  # never drawn: their loss is that of what has not been seen
    scaling: Scaling | None


class Task(NamedTuple):
    """A task: what is to be learnt.

    ``draw(rng, batch_size)`` returns a `Batch`, or a tuple of the same two or three arrays. A batch depends on the
    Generator `rng` alone, without `spawn`; all have the same shapes. Where x has T steps and target S, the targets are
    those of the last S steps; a single one is that of each sequence's own last state. The squared error is a mean over
    steps, sequences and outputs, the cross-entropy, in nats, over steps and sequences. After a sequence's `length` x is not
    looked at, and a target there, of several, does not count. Of a task whose `data` has sequences to learn from, `fit`
    takes its batches from there.
    """

    draw: Draw
    loss: Loss
    inputs: int  # I
    outputs: int  # O: numbers, or classes
    chance: float = math.nan  # the loss of a guess
    data: Data | None = None

    def __repr__(self) -> str:
        guess = "" if math.isnan(self.chance) else f", chance {self.chance:.4g}"
        return f"Task({self.loss}, inputs {self.inputs}, outputs {self.outputs}{guess})"


def taken(batch: Batch, which: Any) -> Batch:
    """Some sequences of a batch."""
    length = None if batch.length is None else batch.length[which]
    return Batch(batch.x[:, which], batch.target[:, which], length)


def task_of(draw: Draw, loss: Loss, inputs: int, outputs: int, chance: float, **steps: int) -> Task:
    """A task whose draw asks for a Generator and for sizes that fit in memory."""

    def checked(rng: np.random.Generator, batch_size: int) -> Batch:
        size = whole(1, "batch_size", batch_size)
        within_memory((inputs + 1) * math.prod(steps.values()) * size, **steps, batch_size=size)
        return draw(checked_rng(rng), size)

    return Task(checked, loss, inputs, outputs, chance)
