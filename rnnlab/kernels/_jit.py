"""The one compile policy of the package, with its reasons.

Every kernel is decorated with :func:`kernel` and nothing else, so each choice below is made once:

``error_model="numpy"``
    Python's ZeroDivisionError check alone stops a loop from vectorising.
``fastmath={"contract"}``
    Lets a*b + c become one fused instruction. The full fast-math set is never used: it makes ``isfinite(nan)``
    true, and infinities are results here.
``forceinline=True``, for :func:`inner_kernel` alone
    A call between kernels hands over every field of every array, 20 to 40 ns a time step; inlined it costs nothing
    (measured on the one-unit network: 3.4 to 2.7 ns a lane-step). Outside the time loop it only lengthens compiling.
``nogil=True``
    Threads over chunks scale; ``parallel=True`` is not fork-safe and its reductions change with the thread count.
``pipeline_class=WideCompiler``
    Vectors as wide as the processor has them: float32 tanh takes 0.57 of the time on an Emerald Rapids.
``pipeline_class=UnaliasedCompiler``, for :func:`unaliased_kernel` alone
    No looks, before a vectorised loop, whether arrays overlap: 8 steps back of the one-unit network take 0.7 of the time.
a disk cache with our own stamp
    Numba stamps a cached kernel with the time of *its* file alone, so an edit of ``tanh`` would leave every kernel
    that calls it stale (numba #6061). Here the stamp is a digest of all kernel sources. What a kernel is compiled to
    with a user's own cell or nonlinearity in it is kept in memory alone: nobody knows all the sources of those.
    A file begins with a digest of the rest: of 20 with a bit flipped, 3 were segmentation faults at every later run.
"""

from __future__ import annotations

import contextlib
import pickle
from collections.abc import Callable
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeVar

from numba import config, njit, types
from numba.core.caching import FunctionCache, IndexDataCacheFile, NullCache
from numba.core.sigutils import normalize_signature
from numba.extending import register_jitable

from rnnlab._base.sources import fingerprint
from rnnlab.kernels._lowering import UnaliasedCompiler, WideCompiler

Function = TypeVar("Function", bound=Callable[..., Any])


_FINGERPRINT = fingerprint(Path(__file__).parent)
_DIGEST_SIZE = sha256().digest_size
_UNREADABLE = (EOFError, pickle.UnpicklingError, OSError, ValueError, AttributeError, ImportError, RuntimeError)


def _with_foreign_code(kind: Any) -> bool:
    """Whether an argument of that type brings code of its own into a kernel: a function, or a class of another package."""
    if isinstance(kind, types.Callable):
        return True
    ours = not hasattr(kind, "instance_class") or kind.instance_class.__module__.partition(".")[0] == "rnnlab"
    return not ours or any(map(_with_foreign_code, kind.types if isinstance(kind, types.BaseTuple) else ()))


class DigestedFiles(IndexDataCacheFile):
    """Numba's index and data files, each behind a digest that is looked at before anything is made of the rest."""

    def _save(self, path: str, content: Any) -> None:
        data = self._dump(content)
        with self._open_for_write(path) as file:
            file.write(sha256(data).digest() + data)

    def _load(self, path: str) -> Any:
        written = Path(path).read_bytes()
        digest, data = written[:_DIGEST_SIZE], written[_DIGEST_SIZE:]
        if sha256(data).digest() != digest:
            raise ValueError(f"{path} is damaged")
        return pickle.loads(data)

    def _save_data(self, name: str, data: Any) -> None:
        self._save(self._data_path(name), data)

    def _load_data(self, name: str) -> Any:
        return self._load(self._data_path(name))

    def _save_index(self, overloads: dict[Any, str]) -> None:
        self._save(self._index_path, (self._version, self._source_stamp, overloads))

    def _load_index(self) -> dict[Any, str]:
        try:
            version, stamp, overloads = self._load(self._index_path)
        except FileNotFoundError:
            return {}
        return overloads if (version, stamp) == (self._version, self._source_stamp) else {}


class _KernelCache(FunctionCache):
    """Numba's function cache, stamped with all kernel sources, to which a broken file is an absent one."""

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__(function)
        name = self._impl.filename_base + (".checked" if config.BOUNDSCHECK else "")  # NUMBA_BOUNDSCHECK=1: other code
        self._cache_file = DigestedFiles(self._cache_path, name, _FINGERPRINT)

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        if any(map(_with_foreign_code, normalize_signature(sig)[0])):
            return None
        try:
            return super().load_overload(sig, target_context)
        except _UNREADABLE:
            with contextlib.suppress(OSError):
                self.flush()
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        if any(map(_with_foreign_code, normalize_signature(sig)[0])):
            return
        with contextlib.suppress(OSError):  # a full or read-only disk costs a compilation, not the run
            super().save_overload(sig, data)


class _CacheOnUse:
    """The cache of a kernel, opened when that is first called: to open all 196 takes 13 ms of `import rnnlab`."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function

    def __getattr__(self, name: str) -> Any:
        return getattr(self._opened, name)

    @cached_property
    def _opened(self) -> Any:
        try:
            return _KernelCache(self._function)
        except RuntimeError:  # no folder can be written: compiled in memory, every run
            return NullCache()


POLICY: dict[str, Any] = {
    "error_model": "numpy",
    "fastmath": {"contract"},
    "nogil": True,
    "pipeline_class": WideCompiler,
}
INLINED: dict[str, Any] = {"jit_options": {**POLICY, "forceinline": True}}  # of a numba overload called at every step
# of one whose arrays share no memory
UNALIASED: dict[str, Any] = {"jit_options": {**INLINED["jit_options"], "pipeline_class": UnaliasedCompiler}}


def kernel(function: Function) -> Function:
    """Compile `function` as every kernel is compiled.

    Parameters
    ----------
    function : callable
        A function in the subset of Python that Numba compiles. It computes and never checks.

    Returns
    -------
    callable
        Numba's dispatcher, callable from Python and from a user's own ``@njit`` code. With
        ``NUMBA_DISABLE_JIT=1`` it is `function` itself.
    """
    return _cached(function, njit(**POLICY)(function))


def inner_kernel(function: Function) -> Function:
    """Compile `function` like a kernel that is inlined wherever it is called: those called at every time step."""
    return _cached(function, njit(**INLINED["jit_options"])(function))


def unaliased_kernel(function: Function) -> Function:
    """Compile `function` like an inner kernel, trusting that no two arrays that it is given share memory."""
    return _cached(function, njit(**UNALIASED["jit_options"])(function))


def in_either(function: Function) -> Function:
    """`function` as it is where Python calls it, and compiled as part of whatever kernel calls it."""
    return register_jitable(**INLINED["jit_options"])(function)


def _cached(function: Function, compiled: Any) -> Any:
    """Give a dispatcher our disk cache."""
    if not config.DISABLE_JIT:
        compiled._cache = _CacheOnUse(function)
    return compiled
