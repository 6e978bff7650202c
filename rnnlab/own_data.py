"""Tasks of numbers of one's own: many sequences, or one long series."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rnnlab._base.checks import integers, lengths, numbers, one_of, real_numbers, shortened, whole
from rnnlab._base.task import Batch, Data, Loss, Scaling, Task, taken

Array = NDArray[Any]
LOSSES = {"squared_error": False, "cross_entropy": True}  # whether targets are classes


def from_arrays(
    x: Any,
    target: Any,
    length: ArrayLike | None = None,
    loss: Loss = "squared_error",
    *,
    nan_padding: bool = False,
    held_out: float = 0.0,
    scale: bool = False,
) -> Task:
    """Learn from sequences of your own; `fit` draws each once an epoch, in an order of its own.

    Parameters
    ----------
    x : array_like or DataFrame, (N, T) or (N, T, I); or a list of N arrays or DataFrames, (T_n,) or (T_n, I)
        Sequences, oldest step first. Those of a list may differ in length.
    target : array_like
        Of the squared error one for each sequence, (N,) or (N, O), or one a step, (N, T, O), or a list of (T_n, O). Of the
        cross-entropy classes 0, 1, ..: (N,), or one a step, (N, T), or a list of (T_n,).
    length : array_like of int (N,), optional
        Each sequence's number of steps, after which it is not looked at.
    loss : {"squared_error", "cross_entropy"}
    nan_padding : bool
        Whether steps at a sequence's end whose inputs are all NaN are no part of it. Elsewhere a NaN is refused.
    held_out : float, 0 to below 1
        The part of the sequences that is never learnt from: the last ones, as given. `history.held_out_loss` is theirs.
    scale : bool
        Whether inputs, and targets of the squared error, are brought to mean 0 and deviation 1 a column, learnt from the
        steps that are learnt from; `task.data.scaling` has both ways.

    Returns
    -------
    Task
        Its chance is the variance of the targets learnt from, or the entropy of their classes. A batch's last sequences
        that would be fewer than batch_size are left out of an epoch.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as above; the message names it.

    Examples
    --------
    >>> import rnnlab as rl
    >>> task = rl.tasks.from_arrays([[1.0, 2.0], [3.0], [4.0, 5.0, 6.0]], target=[3.0, 3.0, 15.0])
    >>> task.data.train.length.tolist(), task.data.train.x[:, :, 0].T.tolist()
    ([2, 1, 3], [[1.0, 2.0, 0.0], [3.0, 0.0, 0.0], [4.0, 5.0, 6.0]])
    """
    classes = one_of("loss", loss, LOSSES)
    padded, steps = sequences("x", x, nan_padding, length)
    wanted = (class_targets if classes else value_targets)(target, len(padded), padded.shape[1], steps)
    whole_set = Batch(padded.swapaxes(0, 1).copy(), wanted, steps)
    return finite_task(whole_set, loss, share("held_out", held_out, len(padded)), yes("scale", scale))


def stream(series: Any, target: Any = None, *, ahead: int = 1, held_out: float = 0.0, scale: bool = False) -> Task:
    """Learn from one long series with the state carried over: a batch is the whole of it, cut in streams side by side.

    Trained with ``Recipe(.., window=Truncation(k2))`` every window is an update that starts from the state which the one
    before it left, until the series is through: stateful training. `rnnlab.tasks.windows` draws windows that start from 0.

    Parameters
    ----------
    series : array_like or DataFrame, (N,) or (N, I)
        Oldest first.
    target : array_like (N,) or (N, O), optional
        What is to be said at each step; default the series itself `ahead` steps later.
    ahead : int
        How many steps later.
    held_out : float, 0 to below 1
        The part at the end that is never learnt from, as one stream that starts from 0.
    scale : bool
        As of `from_arrays`.

    Returns
    -------
    Task
        A batch of B sequences has T = n // B steps of the n learnt from, with a target at each. Its chance is the variance
        of these.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as above; the message names it.
    """
    ahead = whole(1, "ahead", ahead)
    given = columns("series", series)
    if target is None:
        if len(given) <= ahead + 1:
            raise ValueError(f"series has {len(given)} steps: expected more than {ahead + 1}, ahead and one more")
        x, wanted = given[:-ahead], given[ahead:]
    else:
        x, wanted = given, columns("target", target)
        if len(wanted) != len(x):
            raise ValueError(f"target has {len(wanted)} steps: expected {len(x)}, as series has")
    learnt = len(x) - share("held_out", held_out, len(x))
    scaling = scaling_of(x[:learnt], wanted[:learnt]) if yes("scale", scale) else None
    if scaling is not None:
        x, wanted = scaling.of_x(x), (wanted - scaling.target_mean) / scaling.target_deviation
    later = Batch(x[learnt:, None], wanted[learnt:, None]) if learnt < len(x) else None
    draw = partial(side_by_side, x[:learnt], wanted[:learnt])
    chance = float(wanted[:learnt].var(axis=0).mean())
    return Task(draw, "squared_error", x.shape[1], wanted.shape[1], chance, Data(None, later, scaling))


def side_by_side(x: Array, target: Array, _: Any, batch_size: int) -> Batch:
    """A series cut in streams of one length."""
    steps = len(x) // whole(1, "batch_size", batch_size)
    if steps == 0:
        raise ValueError(f"batch_size is {batch_size}: expected at most {len(x)}, the steps of the series")
    cut = slice(steps * batch_size)
    return Batch(*(array[cut].reshape(batch_size, steps, -1).swapaxes(0, 1).copy() for array in (x, target)))


def finite_task(whole_set: Batch, loss: Loss, held_out: int, scale: bool) -> Task:
    """A task of all these sequences but the last ones."""
    classes = LOSSES[loss]
    count = whole_set.x.shape[1] - held_out
    steps = np.asarray(whole_set.length)
    inside = np.arange(len(whole_set.x))[:, None] < steps
    aimed = inside if len(whole_set.target) > 1 else np.ones((1, len(steps)), bool)
    learnt = (whole_set.x[:, :count][inside[:, :count]], whole_set.target[:, :count][aimed[:, :count]])
    scaling = None
    if scale:
        scaling = scaling_of(learnt[0], None if classes else learnt[1])
        x = np.where(inside[:, :, None], scaling.of_x(whole_set.x), 0.0)
        target = whole_set.target
        if not classes:
            target = np.where(aimed[:, :, None], (target - scaling.target_mean) / scaling.target_deviation, 0.0)
        whole_set = Batch(x, target, steps)
    outputs = int(whole_set.target.max()) + 1 if classes else whole_set.target.shape[2]
    chance = entropy(learnt[1]) if classes else float(whole_set.target[:, :count][aimed[:, :count]].var(axis=0).mean())
    train = taken(whole_set, slice(count))
    later = taken(whole_set, slice(count, None)) if held_out else None
    draw = partial(some_of, train)
    return Task(draw, loss, whole_set.x.shape[2], outputs, chance, Data(train, later, scaling))


def some_of(train: Batch, rng: np.random.Generator, batch_size: int) -> Batch:
    """Some sequences, each at most once."""
    count = train.x.shape[1]
    if whole(1, "batch_size", batch_size) > count:
        raise ValueError(f"batch_size is {batch_size}: expected at most {count}, the sequences to learn from")
    return taken(train, rng.permutation(count)[:batch_size])


def sequences(name: str, given: Any, nan_padding: bool, length: ArrayLike | None) -> tuple[Array, NDArray[np.int64]]:
    """Sequences side by side, (N, T, I), 0 after their ends; and how many steps each has."""
    ragged = isinstance(given, list | tuple)
    rows = [real_numbers(f"{name}[{n}]", row) for n, row in enumerate(given)] if ragged else real_numbers(name, given)
    if len(rows) == 0 or any(row.ndim not in (1, 2) or not row.size for row in rows):
        raise ValueError(f"{name} is {shortened(given)}: expected (N, T), (N, T, I), or a list of (T_n,) or (T_n, I)")
    arrays = [row[:, None] if row.ndim == 1 else row for row in rows]
    widths = {array.shape[1] for array in arrays}
    if len(widths) > 1:
        raise ValueError(f"{name} has sequences of {sorted(widths)} inputs: expected one number of inputs")
    longest = max(map(len, arrays))
    own = np.array([len(array) for array in arrays])
    steps = own if length is None else np.minimum(lengths(length, longest, len(arrays)), own)
    if yes("nan_padding", nan_padding):
        steps = np.array([filled(array[:end]) for array, end in zip(arrays, steps, strict=True)])
    padded = np.zeros((len(arrays), longest, widths.pop()))
    for n, (array, end) in enumerate(zip(arrays, steps, strict=True)):
        padded[n, :end] = array[:end]
    bad = np.argwhere(~np.isfinite(padded))
    if bad.size:
        hint = "padding is NaN in all inputs, at the end" if nan_padding else "is it padding? pass nan_padding=True"
        n, t, i = bad[0]
        raise ValueError(
            f"{name} has the value {padded[n, t, i]} at sequence {n}, step {t}: expected finite numbers; {hint}"
        )
    return padded, steps.astype(np.int64)


def filled(array: Array) -> int:
    """How many steps are left without those at the end that are all NaN."""
    there = np.flatnonzero(~np.isnan(array).all(axis=1))
    return int(there[-1]) + 1 if there.size else 0


def value_targets(given: Any, count: int, longest: int, steps: NDArray[np.int64]) -> Array:
    """Targets (S, N, O)."""
    if isinstance(given, list | tuple) and all(np.ndim(row) == 2 for row in given):
        padded, own = sequences("target", given, False, None)
        return each_step(padded, own, count, longest, steps)
    array = numbers("target", given, (1, 2, 3), np.float64)
    if len(array) != count:
        raise ValueError(f"target has {len(array)} sequences: expected {count}, as x has")
    if array.ndim < 3:
        return array.reshape(1, count, -1)
    return each_step(array, np.full(count, array.shape[1]), count, longest, steps)


def class_targets(given: Any, count: int, longest: int, steps: NDArray[np.int64]) -> NDArray[np.int64]:
    """Targets (S, N), classes."""
    if isinstance(given, list | tuple) and all(np.ndim(row) == 1 for row in given):
        rows = [integers(f"target[{n}]", row) for n, row in enumerate(given)]
        padded, own = sequences("target", rows, False, None)
        return each_step(padded, own, count, longest, steps)[:, :, 0].astype(np.int64)
    array = integers("target, the classes of cross_entropy,", given)
    if array.ndim not in (1, 2) or len(array) != count:
        raise ValueError(f"target has shape {array.shape}: expected ({count},) or ({count}, {longest}), as x has")
    if array.size and array.min() < 0:
        raise ValueError(f"target has the class {array.min()}: expected 0, 1, ..")
    if array.ndim == 1:
        return array.astype(np.int64)[None]
    return each_step(array[:, :, None], np.full(count, array.shape[1]), count, longest, steps)[:, :, 0].astype(np.int64)


def each_step(padded: Array, own: Array, count: int, longest: int, steps: NDArray[np.int64]) -> Array:
    """Targets at every step, (T, N, O), where each sequence has as many as steps."""
    if len(padded) != count or padded.shape[1] != longest or (own < steps).any():
        raise ValueError(f"target has shape {padded.shape[:2]}: expected {(count, longest)}, one a step of x")
    return padded.swapaxes(0, 1).copy()


def columns(name: str, given: Any) -> Array:
    """A series (N, I), finite."""
    array = numbers(name, given, (1, 2), np.float64)
    if not array.size:
        raise ValueError(f"{name} has shape {array.shape}: expected at least one step")
    return array.reshape(len(array), -1)


def scaling_of(x: Array, target: Array | None) -> Scaling:
    """Means and deviations of columns; of classes none."""
    parts = [(array.mean(axis=0), array.std(axis=0)) for array in ([x] if target is None else [x, target])]
    pairs = [(mean, np.where(deviation > 0, deviation, 1.0)) for mean, deviation in parts]
    return Scaling(*pairs[0], *(pairs[1] if target is not None else (np.zeros(1), np.ones(1))))


def entropy(labels: NDArray[np.int64]) -> float:
    """In nats, of how often each class is there."""
    shares = np.bincount(labels) / max(1, labels.size)
    return -sum(float(p) * math.log(p) for p in shares if p > 0)


def share(name: str, part: Any, count: int) -> int:
    """How many of so many a part is; at least one is left, and at least one taken of a part above 0."""
    if isinstance(part, bool) or not isinstance(part, int | float | np.floating | np.integer) or not 0 <= part < 1:
        raise ValueError(f"{name} is {shortened(part)}: expected a number from 0 to below 1")
    found = math.ceil(part * count)
    if found >= count and part:
        raise ValueError(f"{name} is {part}: expected less, of {count} none would be left to learn from")
    return found


def yes(name: str, given: Any) -> bool:
    """A truth value."""
    if not isinstance(given, bool | np.bool_):
        raise TypeError(f"{name} is {shortened(given)}: expected True or False")
    return bool(given)
