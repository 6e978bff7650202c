"""Memory of large arrays, kept when nobody has them any more, for the next ones of their size.

Else it goes back to the system, which fills every page with zeros when it hands it out again: of a network's pair of calls,
100 steps of 32 sequences and 64 units, that is a third, and of 25 MB of inputs of one-unit networks a quarter.
"""

from __future__ import annotations

import math
import weakref
from collections.abc import Callable
from functools import partial
from itertools import count
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
LARGE = 2**17  # bytes; less than that C's allocator keeps by itself
KEPT = 2**28  # bytes that are kept at most
LINE = 64  # bytes of a cache line
PAGE = 4096  # bytes: arrays that begin at the same place of one push each other out of the cache, 0.98 of the speed

_kept: dict[int, NDArray[np.uint8]] = {}  # by their ids, the oldest first
_turns = count()


def empty(shape: tuple[int, ...], dtype: Any) -> Array:
    """An unwritten array; a large one begins at a multiple of LINE bytes."""
    return maker(shape, dtype)()


def maker(shape: tuple[int, ...], dtype: Any) -> Callable[[], Array]:
    """A function that makes such arrays, told once which: of a small one it is `numpy.empty`."""
    size = math.prod(shape) * np.dtype(dtype).itemsize
    return partial(np.empty, shape, dtype) if size < LARGE else partial(_lent, shape, dtype, size + PAGE)


def _lent(shape: tuple[int, ...], dtype: Any, size: int) -> Array:
    """An array in so many bytes, which are kept once neither it nor a view of it is left."""
    memory = _taken(size)
    loan = np.frombuffer(memory.data, np.uint8)  # the base of all views: of an array's own NumPy takes the array
    weakref.finalize(loan, _keep, memory).atexit = False
    return np.ndarray(shape, dtype, loan, (7 * LINE * next(_turns) - memory.ctypes.data) % PAGE)


def _taken(size: int) -> NDArray[np.uint8]:
    """So many bytes, kept or new."""
    for key in list(_kept):  # to make pairs is to allocate, at which garbage may be collected and kept: an error
        memory = _kept.get(key)
        if memory is not None and memory.size == size and _kept.pop(key, None) is not None:  # nobody was faster
            return memory
    return np.empty(size, np.uint8)


def _keep(memory: NDArray[np.uint8]) -> None:
    """Keep these bytes, and give back the oldest ones if there are too many; not those of an array too large by itself."""
    if memory.size > KEPT:
        return
    _kept[id(memory)] = memory
    excess = sum([each.size for each in list(_kept.values())]) - KEPT
    for key in list(_kept) if excess > 0 else ():
        excess -= getattr(_kept.pop(key, None), "size", 0)
        if excess <= 0:
            return
