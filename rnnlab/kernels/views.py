"""Arrays handed over at no cost inside compiled code: borrowed, or in another shape.

Numba counts references: to take an array out of a NamedTuple costs two atomic counts, and a step that is handed a tape, work
space and parameters takes a dozen: 150 ns a step. A borrowed array has no count. And `reshape` checks what it is given,
at 20 ns a step; the views here do not. With both, a loop over steps that are functions of NamedTuples is as fast as one
written out by hand (LSTM with one unit, forward and back: 1.2 and 1.8 times as fast).

Whoever borrows must not outlive the owner: borrow in a kernel from its own arguments, and keep nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, overload


def borrowed(value: Any) -> Any:
    """The same array, or NamedTuple of arrays and NamedTuples, without reference counts."""
    return value


def flat(array: Any) -> Any:
    """A C-contiguous array as (N,)."""
    return array.reshape(-1)


def as_rows(array: Any) -> Any:
    """A C-contiguous array (T, ...) as (T, the rest)."""
    return array.reshape(array.shape[0], -1)


def as_steps(array: Any) -> Any:
    """A C-contiguous array (T, B, ...) as (T, B, the rest)."""
    return array.reshape(*array.shape[:2], -1)


@intrinsic
def _borrowed(typingctx, value):  # type: ignore[no-untyped-def]
    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return _without_counts(context, builder, signature.args[0], args[0])

    return value(value), codegen


def _without_counts(context: Any, builder: Any, kind: Any, value: Any) -> Any:
    """The LLVM value of a borrowed array or tuple: its owner is null, which nobody counts."""
    if isinstance(kind, types.Array):
        array = context.make_array(kind)(context, builder, value)
        array.meminfo, array.parent = (ir.Constant(field.type, None) for field in (array.meminfo, array.parent))
        return array._getvalue()
    if isinstance(kind, types.BaseTuple):
        parts = [
            _without_counts(context, builder, part, builder.extract_value(value, place))
            for place, part in enumerate(kind.types)
        ]
        return context.make_tuple(builder, kind, parts)
    return value


def _merging(kept: int) -> Any:
    """An intrinsic that keeps the first axes of a C-contiguous array and merges the others."""

    @intrinsic
    def merge(typingctx, array):  # type: ignore[no-untyped-def]
        merged = types.Array(array.dtype, kept + 1, "C")

        def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            old = context.make_array(signature.args[0])(context, builder, args[0])
            shape = cgutils.unpack_tuple(builder, old.shape)
            return _viewed(context, builder, merged, old, [*shape[:kept], _product(builder, shape[kept:])])

        return merged(array), codegen

    return merge


def _product(builder: Any, sizes: list[Any]) -> Any:
    """The LLVM value of a product, of no sizes that of one number."""
    total = ir.Constant(ir.IntType(types.intp.bitwidth), 1)
    for size in sizes:
        total = builder.mul(total, size)
    return total


def _viewed(context: Any, builder: Any, kind: Any, old: Any, shape: list[Any]) -> Any:
    """The LLVM value of a borrowed C-contiguous array over the same numbers."""
    from numba.np.arrayobj import populate_array  # 20 ms, for compiling alone

    strides = [old.itemsize]
    for size in reversed(shape[1:]):
        strides.insert(0, builder.mul(strides[0], size))
    new, null = context.make_array(kind)(context, builder), ir.Constant(old.meminfo.type, None)
    populate_array(new, old.data, shape, strides, old.itemsize, null, ir.Constant(old.parent.type, None))
    return new._getvalue()


def rows_of(context: Any, builder: Any, kind: Any, value: Any, first: Any, count: Any) -> Any:
    """The LLVM value of some rows of an array, borrowed; of an array without rows that of none."""
    old = context.make_array(kind)(context, builder, value)
    rows, *rest = cgutils.unpack_tuple(builder, old.shape)
    none = builder.icmp_signed("==", rows, rows.type(0))
    old.data = builder.gep(old.data, [builder.mul(first, _product(builder, rest))])
    return _viewed(context, builder, kind, old, [builder.select(none, rows, count), *rest])


_flat, _as_rows, _as_steps = (_merging(kept) for kept in range(3))


@overload(borrowed)
def _(value):  # type: ignore[no-untyped-def]
    return lambda value: _borrowed(value)


def _view(function: Callable[[Any], Any], merge: Any) -> None:
    """Compile a view of this module."""

    @overload(function)
    def implementation(array):  # type: ignore[no-untyped-def]
        return lambda array: merge(array)


_view(flat, _flat)
_view(as_rows, _as_rows)
_view(as_steps, _as_steps)
