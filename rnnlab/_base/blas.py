"""Which BLAS multiplies matrices; and products on one of its threads, so that no bit depends on how many cores there are."""

from __future__ import annotations

import importlib
import math
import threading
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import cache
from typing import Any

from threadpoolctl import ThreadpoolController

SMALL = 2**18  # multiplications of a product, up to which OpenBLAS gives it to one thread whatever is allowed
_AS_IT_IS = nullcontext()
_LOCK = threading.Lock()
_before: list[tuple[Any, int]] = []  # the libraries with their numbers of threads, while there is a limit
_inside = 0


@cache
def _libraries() -> ThreadpoolController:
    """The BLAS libraries: NumPy's, and SciPy's, which compiled code calls and which is therefore loaded now."""
    importlib.import_module("scipy.linalg.cython_blas")
    return ThreadpoolController().select(user_api="blas")


def blas_kernels() -> list[str]:
    """Each BLAS library with the kernels that it chose for this processor, such as ``openblas 0.3.31 SkylakeX``."""
    words = ("internal_api", "version", "architecture")  # not every library tells its kernels
    return [" ".join(str(library.get(word) or "") for word in words).strip() for library in _libraries().info()]


def largest_product(rows: int, factors: Iterable[tuple[int, ...]]) -> int:
    """Multiplications of the largest of the products of so many rows and matrices of these shapes."""
    return rows * max(map(math.prod, factors))


def few_threads(multiplications: int) -> AbstractContextManager[None]:
    """`one_blas_thread`, at 7 us, where the largest product has so many multiplications that it matters; else nothing.

    Threads of BLAS wait for one another at every product: a pair of calls at 100 x 20 x 6 x 50 takes 8 ms for 0.6 with two
    of them where another process has one of two cores, and at 100 x 32 x 64 x 256 71 ms for 16 (float32, vanilla).
    """
    return one_blas_thread() if multiplications > SMALL else _AS_IT_IS


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """The limit is the whole process's: who comes in first sets it, who goes last lifts it."""
    global _inside
    entered = False
    try:
        with _LOCK:
            if _inside == 0:
                _before[:] = [(library, library.get_num_threads()) for library in _libraries().lib_controllers]
                for library, _ in _before:  # `limit` of threadpoolctl takes 26 us
                    library.set_num_threads(1)
            _inside, entered = _inside + 1, True
        yield
    finally:  # also of an interrupt that comes before the first line of what is to be done
        with _LOCK:
            _inside -= entered
            if _inside == 0:
                for library, threads in _before:
                    library.set_num_threads(threads)
                _before.clear()
