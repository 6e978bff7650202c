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


class Task(NamedTuple):
    """A task to be learnt: how its batches are drawn, its loss, sizes, and the loss that chance reaches."""

    draw: Draw
    loss: Loss
    inputs: int  # I
    outputs: int  # O: numbers, or classes
    chance: float = math.nan  # the loss of a guess


def task_of(draw: Draw, loss: Loss, inputs: int, outputs: int, chance: float, **steps: int) -> Task:
    """A task whose draw asks for a Generator and for sizes that fit in memory."""

    def checked(rng: np.random.Generator, batch_size: int) -> Batch:
        size = whole(1, "batch_size", batch_size)
        within_memory((inputs + 1) * math.prod(steps.values()) * size, **steps, batch_size=size)
        return draw(checked_rng(rng), size)

    return Task(checked, loss, inputs, outputs, chance)
