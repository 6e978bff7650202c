"""The way back of a cell on two cores: the steps on one, behind them the sums over many steps on the other.

What `Steps.finish` adds up, half of all multiplications of a large cell, nobody waits for until the end. The two threads meet
once a stretch of steps, as each has a stretch's gradients of its own to work on, and compute what one would, to the bit. The
gradients of a stretch's inputs are written by whichever has less to do.
"""

from __future__ import annotations

from typing import Any

from rnnlab.kernels._jit import kernel
from rnnlab.kernels.cells.dispatch import clear_sums, finish, inputs_back, prepare_back, rows_at_once, stretch
from rnnlab.kernels.cells.recurrence import steps_back
from rnnlab.kernels.team import SPINS, read_shared, write_shared, yield_core
from rnnlab.kernels.views import borrowed

STEPPED, FINISHED = range(2)  # rows of the board: how many stretches the one and the other thread have done
LEFT = 1  # the first of two columns, for even and odd stretches: whether the inputs are left to the thread behind


@kernel
def wait(board: Any, row: int, stretches: int) -> None:
    """Until the thread of that row has done so many."""
    reads = 0
    while read_shared(board, row) < stretches:
        reads += 1
        if reads > SPINS:
            yield_core()


@kernel
def step_ahead(
    params: Any, tape: Any, dloss: Any, gradients: tuple[Any, Any], work: Any, window: int, board: Any
) -> None:
    """The steps of `recurrence.backward`; those of every other stretch leave their gradients in the second of two."""
    own, saved, space, direct = borrowed(params), borrowed(tape), borrowed(work), borrowed(dloss)
    even, odd = borrowed(gradients[0]), borrowed(gradients[1])
    rows = rows_at_once(own, saved, even)
    prepare_back(own, space)
    for done, last in enumerate(range(saved.x.shape[0], 0, -rows)):
        span = max(last - rows, 0), last
        wait(board, FINISHED, done - 1)
        share = stretch(even if done % 2 == 0 else odd, *span)
        steps_back(own, saved, direct, share, space, window, span)
        left = read_shared(board, FINISHED) >= done  # the other thread waits
        if not left:
            inputs_back(own, stretch(saved, *span), share)
        board[STEPPED, LEFT + done % 2] = left
        write_shared(board, STEPPED, done + 1)
    even.h0[:] = space.now


@kernel
def finish_behind(params: Any, tape: Any, gradients: tuple[Any, Any], board: Any) -> None:
    """The sums over the steps of each stretch, and the inputs that are left, when the other thread has gone through it."""
    own, saved = borrowed(params), borrowed(tape)
    even, odd = borrowed(gradients[0]), borrowed(gradients[1])
    rows = rows_at_once(own, saved, even)
    clear_sums(even.params)
    for done, last in enumerate(range(saved.x.shape[0], 0, -rows)):
        span = max(last - rows, 0), last
        wait(board, STEPPED, done + 1)
        run, share = stretch(saved, *span), stretch(even if done % 2 == 0 else odd, *span)
        if board[STEPPED, LEFT + done % 2]:
            inputs_back(own, run, share)
        finish(own, run, share)
        write_shared(board, FINISHED, done + 1)
