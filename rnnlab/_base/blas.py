"""Which BLAS multiplies matrices; and products on one of its threads, so that no bit depends on how many cores there are."""

from __future__ import annotations

import importlib
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cache

from threadpoolctl import ThreadpoolController

_LOCK, _STACK = threading.Lock(), ExitStack()
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


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """The limit is the whole process's: who comes in first sets it, who goes last lifts it."""
    global _inside
    entered = False
    try:
        with _LOCK:
            if _inside == 0:
                _STACK.enter_context(_libraries().limit(limits=1))
            _inside, entered = _inside + 1, True
        yield
    finally:  # also of an interrupt that comes before the first line of what is to be done
        with _LOCK:
            _inside -= entered
            if _inside == 0:
                _STACK.close()
