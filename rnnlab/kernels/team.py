"""Threads that run one kernel together, each on its part of every batch: the barrier at which they meet, and their mean.

Between threads that are awake a barrier costs less than a microsecond; to wake one from Python costs a hundred, a fifth of
an update of 50 units over 100 steps. So whoever waits spins, and after a while gives its core away, without which two
threads on one core took turns of milliseconds (24 times slower).
"""

from __future__ import annotations

import ctypes
import sys
from typing import Any, NamedTuple

import llvmlite.binding  # type: ignore[import-untyped]
from numba import types
from numba.extending import intrinsic, overload

from rnnlab.kernels._jit import kernel

AWAY = 2**62  # in the place of a thread that will not come: nobody waits for it
SPINS = 1000  # reads before the core is given away: a microsecond or two
if sys.platform == "win32":
    _YIELD = ctypes.windll.kernel32.SwitchToThread
else:
    _YIELD = ctypes.CDLL(None).sched_yield
llvmlite.binding.add_symbol("rnnlab_yield", ctypes.cast(_YIELD, ctypes.c_void_p).value)  # by name: it can be cached
_yield_core = types.ExternalFunction("rnnlab_yield", types.intc())


class Team(NamedTuple):
    """K threads, as one of them sees them."""

    thread: int  # which one this is, from 0
    counted: Any  # (K,) float64: of how many outputs each thread's loss and gradient are the mean
    gradient: Any  # (K, P): each thread's own
    loss: Any  # (K,) float64
    arrived: Any  # (K, 8) int64, 0 at first: in column 0 how often each has met the others; a cache line for each
    what: Any  # (1,) int64: what the first thread lets the others know


def read_shared(array: Any, row: int) -> Any:
    """Entry (row, 0) of an array that another thread may be writing, and with it all that it wrote before (acquire)."""
    return array[row, 0]


def write_shared(array: Any, row: int, value: int) -> None:
    """Set entry (row, 0), so that who reads it reads all that was written before as well (release)."""
    array[row, 0] = value


def yield_core() -> None:
    """Let another thread run, if one waits for this core."""
    _YIELD()


@intrinsic
def _load_acquire(typingctx, array, row):  # type: ignore[no-untyped-def]
    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.load_atomic(_entry(context, builder, signature, args), "acquire", 8)

    return types.int64(array, row), codegen


@intrinsic
def _store_release(typingctx, array, row, value):  # type: ignore[no-untyped-def]
    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        builder.store_atomic(args[2], _entry(context, builder, signature, args), "release", 8)
        return context.get_dummy_value()

    return types.void(array, row, types.int64), codegen


def _entry(context: Any, builder: Any, signature: Any, args: Any) -> Any:
    """A pointer to (row, 0) of a C-contiguous array of eight columns."""
    array = context.make_array(signature.args[0])(context, builder, args[0])
    return builder.gep(array.data, [builder.mul(args[1], args[1].type(8))])


@overload(read_shared)
def _read_shared(array, row):  # type: ignore[no-untyped-def]
    return lambda array, row: _load_acquire(array, row)


@overload(write_shared)
def _write_shared(array, row, value):  # type: ignore[no-untyped-def]
    return lambda array, row, value: _store_release(array, row, value)


@overload(yield_core)
def _yield():  # type: ignore[no-untyped-def]
    return lambda: _yield_core()


@kernel
def meet(team: Team, times: int) -> None:
    """Wait until all threads have come here for the n-th time."""
    write_shared(team.arrived, team.thread, times)
    for other in range(team.counted.size):
        reads = 0
        while read_shared(team.arrived, other) < times:
            reads += 1
            if reads > SPINS:
                yield_core()


@kernel
def mean_gradient(team: Team, out: Any) -> float:
    """Write the mean over the batch of all threads' gradients to `out` (P,); returns that of their losses."""
    total, loss = max(1.0, team.counted.sum()), 0.0
    out[:] = 0
    for k in range(team.counted.size):
        share = team.counted[k] / total
        for i in range(out.size):
            out[i] += share * team.gradient[k, i]
        loss += share * team.loss[k]
    return loss
