"""Forward and back through a checked tape: on two cores where there are and a cell is large, to the same bits.

Forward each core takes half of the sequences, none of which needs another's states, where halves have whole blocks of rows.
Back, where sums go over all sequences, the steps are on one core and the sums behind them on the other.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from rnnlab._base.blas import one_blas_thread
from rnnlab._base.cores import available_cores
from rnnlab._base.interrupts import interrupts_noted
from rnnlab.kernels.cells import recurrence
from rnnlab.kernels.cells.cell import allocate, by_steps, own_gradients, shapes_of
from rnnlab.kernels.cells.pipeline import FINISHED, STEPPED, finish_behind, step_ahead
from rnnlab.kernels.sequences import WHOLE
from rnnlab.kernels.team import AWAY

ROWS = 8  # a half is a multiple: else OpenBLAS's edges gave other bits in 973 of 7,776 products, and in none of these
DENSE = 100  # multiplications for a number of the tape, below which to copy the halves costs more than it saves
WORTH = 2**25  # multiplications of the largest product, below which a second thread costs more than it saves


def forward(nonlinearity: Any, params: Any, tape: Any, work: Callable[[], Any]) -> None:
    """`Cell.forward`; `work` allocates its work space."""
    if available_cores() > 1 and is_dense(params, tape):
        in_halves(nonlinearity, params, tape)
    else:
        with one_blas_thread():
            type(params).cell().forward(nonlinearity, params, tape, work())


def is_dense(params: Any, tape: Any) -> bool:
    """Whether it is a large cell, and a batch that can be halved."""
    batch = tape.x.shape[1]
    if not is_large(params, tape) or batch % ROWS or batch < 2 * ROWS:
        return False
    return multiplications(params, tape) >= DENSE * sum(array.size for array in tape)


def in_halves(nonlinearity: Any, params: Any, tape: Any) -> None:
    """The same on two threads, each in arrays of its own: 4 ms of 100 at 50 x 64 x 64 x 512."""
    (steps, batch, _), cell, kind = tape.x.shape, type(params).cell(), tape.x.dtype
    middle = batch // (2 * ROWS) * ROWS

    def run(part: slice) -> None:
        shapes = shapes_of(params, steps, part.stop - part.start)
        own, work = (allocate(np.empty, some, kind) for some in (shapes.tape, shapes.work))
        own.x[:], own.length[:] = tape.x[:, part], tape.length[part]
        for name in cell.states:
            getattr(own, name)[0] = getattr(tape, name)[0, part]
        cell.forward(nonlinearity, params, own, work)
        for name in set(own._fields) - {"x", "length"}:
            getattr(tape, name)[:, part] = getattr(own, name)

    with one_blas_thread(), interrupts_noted(), ThreadPoolExecutor(1) as thread:
        second = thread.submit(run, slice(middle, batch))
        run(slice(0, middle))
        second.result()


def backward(params: Any, tape: Any, dloss: Any, gradients: Any, work: Any, window: int = WHOLE) -> None:
    """`Cell.backward`."""
    if available_cores() > 1 and in_stretches(params, tape, gradients):
        in_pipeline(params, tape, dloss, gradients, work, window)
    else:
        with one_blas_thread():
            type(params).cell().backward(params, tape, dloss, gradients, work, window)


def in_stretches(params: Any, tape: Any, gradients: Any) -> bool:
    """Whether it is a large cell, whose way back is cut in stretches and is the one that two threads know."""
    shared = type(params).cell().backward is recurrence.backward
    return shared and is_large(params, tape) and len(own_gradients(gradients)[0][1]) < len(tape.x)


def is_large(params: Any, tape: Any) -> bool:
    """Whether it is a cell with a row a step in all arrays, and products worth a second thread."""
    cell = type(params).cell()
    return cell.steps is not None and by_steps(cell.shapes) and multiplications(params, tape) >= WORTH


def multiplications(params: Any, tape: Any) -> int:
    """Those of the largest product over all steps."""
    return int(tape.x.shape[0] * tape.x.shape[1] * max(array.size for array in params))


def in_pipeline(params: Any, tape: Any, dloss: Any, gradients: Any, work: Any, window: int) -> None:
    """The same on two threads."""
    odd = gradients._replace(**{name: np.empty_like(array) for name, array in own_gradients(gradients)})
    both, board = (gradients, odd), np.zeros((2, 8), np.int64)

    def follow() -> None:
        try:
            finish_behind(params, tape, both, board)
        finally:
            board[FINISHED] = AWAY  # nobody waits for who has failed

    with one_blas_thread(), interrupts_noted(), ThreadPoolExecutor(1) as thread:
        behind = thread.submit(follow)
        try:
            step_ahead(params, tape, dloss, both, work, window, board)
        finally:
            board[STEPPED] = AWAY
        behind.result()
