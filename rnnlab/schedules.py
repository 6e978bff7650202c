"""Learning rates that change: functions of an update's number, from 0, for `Recipe.learning_rate`.

A function of your own is as good; it depends on the number alone, so that a run that is resumed goes on bit for bit.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from rnnlab._base.checks import positive, shortened, whole

Schedule = Callable[[int], float]


def step(rate: float, every: int, factor: float = 0.1) -> Schedule:
    """rate x factor^floor(update / every), as torch.optim.lr_scheduler.StepLR.

    Examples
    --------
    >>> import rnnlab as rl
    >>> [rl.schedules.step(1.0, every=2, factor=0.5)(update) for update in range(5)]
    [1.0, 1.0, 0.5, 0.5, 0.25]
    """
    positive(rate=rate, factor=factor)
    every = whole(1, "every", every)
    return lambda update: rate * factor ** (update // every)


def exponential(rate: float, factor: float) -> Schedule:
    """rate x factor^update, as torch.optim.lr_scheduler.ExponentialLR."""
    positive(rate=rate, factor=factor)
    return lambda update: rate * factor**update


def cosine(rate: float, updates: int, last: float = 0.0) -> Schedule:
    """Half a cosine from rate to last in so many updates, then last, as keras' CosineDecay (Loshchilov and Hutter 2017, eq. 5)."""
    positive(rate=rate)
    updates = whole(1, "updates", updates)
    if last != 0:
        positive(last=last)
    return lambda update: last + (rate - last) * (1 + math.cos(math.pi * min(update, updates) / updates)) / 2


def warm_up(then: float | Schedule, updates: int, start: float = 0.0) -> Schedule:
    """`then`, times a factor that grows from start to 1 in so many updates, as torch.optim.lr_scheduler.LinearLR."""
    updates = whole(1, "updates", updates)
    if start != 0:
        positive(start=start)
    if start > 1:
        raise ValueError(f"start is {shortened(start)}: expected a number from 0 to 1")
    if not callable(then):
        positive(then=then)
    base: Any = then if callable(then) else lambda _: then
    return lambda update: base(update) * (start + (1 - start) * min(update, updates) / updates)
