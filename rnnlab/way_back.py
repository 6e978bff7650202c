"""Backpropagation through a checked tape: on two cores where there are and it is worth it, to the same bits."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from rnnlab._base.blas import one_blas_thread
from rnnlab._base.interrupts import interrupts_noted
from rnnlab.kernels.cells.cell import by_steps, own_gradients
from rnnlab.kernels.cells.pipeline import FINISHED, STEPPED, finish_behind, step_ahead
from rnnlab.kernels.sequences import WHOLE
from rnnlab.kernels.team import AWAY

WORTH = 2**25  # multiplications of the largest product, below which a second thread costs more than it saves


def backward(params: Any, tape: Any, dloss: Any, gradients: Any, work: Any, window: int = WHOLE) -> None:
    """`Cell.backward`."""
    if cores() > 1 and in_stretches(params, tape, gradients):
        in_pipeline(params, tape, dloss, gradients, work, window)
    else:
        with one_blas_thread():
            type(params).cell().backward(params, tape, dloss, gradients, work, window)


def in_stretches(params: Any, tape: Any, gradients: Any) -> bool:
    """Whether it is a large cell, whose way back is cut in stretches."""
    cell = type(params).cell()
    if cell.steps is None or not by_steps(cell.shapes):
        return False
    rows = len(own_gradients(gradients)[0][1])
    large = tape.x.shape[0] * tape.x.shape[1] * max(array.size for array in params) >= WORTH
    return large and rows < len(tape.x)


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


def cores() -> int:
    """How many this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
