"""Rows written past the caches are those of a plain copy, and nothing beside them is touched."""

from typing import Any

import numpy as np
import pytest
from numba import njit

from rnnlab.kernels.streaming import LINE, prefetch, stream


@njit
def copy(source: Any, target: Any, row: int, column: int, factor: Any = None) -> None:
    prefetch(source, 0, 0, source.shape[1])
    stream(source, target, row, column, factor)


@pytest.mark.parametrize("kind", [np.float32, np.float64, np.int32, np.int64])
@pytest.mark.parametrize("width", [1, 7, 8, 17, 64, 99])
@pytest.mark.parametrize("begin", [0, 1, 5])
def test_rows_of_any_alignment(kind: type, width: int, begin: int) -> None:
    """The target begins within a line of memory at each of its places in turn; its rows begin elsewhere again."""
    source = np.arange(1, 3 * width + 1).reshape(3, width).astype(kind)
    for place in range(LINE // np.dtype(kind).itemsize):
        memory = np.full(place + 6 * (width + 9), -1, kind)
        target = memory[place:].reshape(6, width + 9)
        expected = memory.copy()
        expected[place:].reshape(6, width + 9)[2:5, begin : begin + width] = source
        copy(source, target, 2, begin)
        np.testing.assert_array_equal(memory, expected)
        if np.dtype(kind).kind == "f":
            factor = np.arange(2, width + 2).astype(kind)
            expected[place:].reshape(6, width + 9)[2:5, begin : begin + width] *= factor
            copy(source, target, 2, begin, factor)
            np.testing.assert_array_equal(memory, expected)
