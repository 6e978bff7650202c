"""Forward and back through a checked tape: on two cores where there are and a cell is large, to the same bits.

Forward each core takes half of the sequences, none of which needs another's states, where halves have whole blocks of rows.
Back, where sums go over all sequences, the steps are on one core and the sums behind them on the other.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from rnnlab._base.blas import largest_product, one_blas_thread
from rnnlab._base.cores import available_cores
from rnnlab._base.interrupts import interrupts_noted
from rnnlab._base.memory import empty
from rnnlab.kernels.cells import recurrence
from rnnlab.kernels.cells.cell import allocate, by_steps, own_gradients, shapes_of
from rnnlab.kernels.cells.dispatch import ahead
from rnnlab.kernels.cells.part import forward_part
from rnnlab.kernels.cells.pipeline import FINISHED, STEPPED, finish_behind, step_ahead
from rnnlab.kernels.sequences import WHOLE
from rnnlab.kernels.team import AWAY

ROWS = 8  # a half is a multiple: else OpenBLAS's edges gave other bits in 973 of 7,776 products, and in none of these
WORTH = 2**25  # multiplications of the largest product, below which a second thread costs more than it saves


def forward(nonlinearity: Any, params: Any, tape: Any, work: Callable[[], Any]) -> None:
    """`Cell.forward`; `work` allocates its work space."""
    if available_cores() > 1 and has_halves(params, tape):
        in_halves(nonlinearity, params, tape)
    else:
        with one_blas_thread():
            type(params).cell().forward(nonlinearity, params, tape, work())


def has_halves(params: Any, tape: Any) -> bool:
    """Whether it is a large cell, whose way forward two threads know, and a batch that can be halved."""
    batch, run = tape.x.shape[1], type(params).cell().forward
    shared = run in (recurrence.forward, recurrence.gated_forward)
    return shared and batch % ROWS == 0 and batch >= 2 * ROWS and is_large(params, tape)


def in_halves(nonlinearity: Any, params: Any, tape: Any) -> None:
    """The same on two threads."""
    steps, batch, _ = tape.x.shape
    middle = batch // (2 * ROWS) * ROWS

    def run(first: int, last: int) -> None:
        rows = min(steps, ahead(last - first, len(params.weight_ih)))
        shapes = shapes_of(params, rows, last - first)
        part, work = (allocate(empty, some, tape.x.dtype) for some in (shapes.tape, shapes.work))
        forward_part(nonlinearity, params, tape, part, work, first)

    with one_blas_thread(), interrupts_noted(), ThreadPoolExecutor(1) as thread:
        second = thread.submit(run, middle, batch)
        run(0, middle)
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
    steps, batch, _ = tape.x.shape
    return largest_product(steps * batch, (array.shape for array in params))


def in_pipeline(params: Any, tape: Any, dloss: Any, gradients: Any, work: Any, window: int) -> None:
    """The same on two threads."""
    odd = gradients._replace(**{name: empty(array.shape, array.dtype) for name, array in own_gradients(gradients)})
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
