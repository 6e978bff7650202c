"""The recurrence of some sequences of a batch, as a core does that shares the batch with another.

A step's row of an array has all sequences. Those of a part are copied together, a stretch of steps at a time, to a tape that
is used again and again and stays in the core's cache; with fresh ones of T steps two cores were slower than one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numba.extending import overload

from rnnlab.kernels._jit import inner_kernel, kernel, unaliased_kernel
from rnnlab.kernels.cells.dispatch import prepare, states_of, stretch
from rnnlab.kernels.cells.recurrence import steps_forward
from rnnlab.kernels.streaming import stream
from rnnlab.kernels.views import as_rows, borrowed

GIVEN = frozenset({"x", "length"})  # fields of a tape that a run reads alone


@kernel
def forward_part(nonlinearity: Any, params: Any, tape: Any, part: Any, work: Any, start: int) -> None:
    """`recurrence.forward` of as many sequences of `tape`, from `start` on, as `part` has, a tape of a few steps for them."""
    own, whole, some, space = borrowed(params), borrowed(tape), borrowed(part), borrowed(work)
    prepare(own, some, space)
    rows, steps = some.x.shape[0], whole.x.shape[0]
    for first in range(0, steps, rows):
        run = stretch(some, 0, min(rows, steps - first))
        take_part(own, whole, run, first, start)
        steps_forward(nonlinearity, own, run, space)
        put_part(run, whole, first, start)


@inner_kernel
def take_part(params: Any, whole: Any, run: Any, first: int, start: int) -> None:
    """What a run from step `first` on reads: inputs, states before it, and how many of its steps each sequence has."""
    take_rows(whole.x, first, start, run.x)
    for state, target in zip(states_of(params, whole), states_of(params, run)):  # noqa: B905  Numba knows no `strict`
        take_rows(state, first, start, target[:1])
    for b in range(run.length.size):
        run.length[b] = whole.length[start + b] - first


@unaliased_kernel
def take_rows(whole: Any, first: int, start: int, part: Any) -> None:
    """Rows from `first` on of the sequences from `start` on, (R, B, ..), to all of `part`."""
    source, target = as_rows(whole), as_rows(part)
    before = start * (target.shape[1] // part.shape[1])
    for r in range(target.shape[0]):
        for i in range(target.shape[1]):
            target[r, i] = source[first + r, before + i]


@inner_kernel
def put_rows(part: Any, whole: Any, first: int, start: int) -> None:
    """The way back of `take_rows`."""
    rows = as_rows(part)
    stream(rows, as_rows(whole), first, start * (rows.shape[1] // part.shape[1]))


def put_part(run: Any, whole: Any, first: int, start: int) -> None:
    """What a run has written, to where it belongs in the whole tape."""
    for name in run._fields:
        if name not in GIVEN:
            put_rows(getattr(run, name), getattr(whole, name), first, start)


@overload(put_part)
def _put_part(run, whole, first, start):  # type: ignore[no-untyped-def]
    return _putter([name for name in run.fields if name not in GIVEN])


def _putter(names: list[str]) -> Callable[..., None]:
    """A compiled `put_part` of these fields."""
    name, *rest = names
    if not rest:
        return lambda run, whole, first, start: put_rows(getattr(run, name), getattr(whole, name), first, start)
    others = inner_kernel(_putter(rest))

    def put(run, whole, first, start):  # type: ignore[no-untyped-def]
        put_rows(getattr(run, name), getattr(whole, name), first, start)
        others(run, whole, first, start)

    return put
