"""Results written past the caches: rows that nobody reads soon, of an array larger than the caches.

A store first reads the line that it writes to. Of a block of lanes the rows are short and far apart, so that no prefetcher
guesses the next: the one-unit network's 32 bytes a lane-step took 4.8 ns. Whole lines past the caches take 1.3.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, overload

LINE = 64  # bytes that go to memory at once


def stream(source: Any, target: Any, row: int, column: int, factor: Any = None) -> None:
    """Copy (R, W), or its rows times a factor (W,), to the rows from `row` and the columns from `column` on of `target`.

    All are C-contiguous and of one type.

    Fastest where rows of `target` begin at multiples of LINE bytes. No other thread may read before it has waited for this
    one by a lock, which every way of joining threads has.
    """
    rows = source if factor is None else source * factor
    target[row : row + source.shape[0], column : column + source.shape[1]] = rows


@intrinsic
def _stream(typingctx, source, target, row, column, factor):  # type: ignore[no-untyped-def]
    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        pairs = zip(signature.args[:2], args[:2], strict=True)
        old, new = (context.make_array(kind)(context, builder, value) for kind, value in pairs)
        times = context.make_array(factor)(context, builder, args[4]).data if isinstance(factor, types.Array) else None
        (rows, width), (_, stride) = (cgutils.unpack_tuple(builder, array.shape) for array in (old, new))
        first = builder.add(builder.mul(args[2], stride), args[3])
        with cgutils.for_range(builder, rows) as loop:
            begin = builder.gep(old.data, [builder.mul(loop.index, width)])
            end = builder.gep(new.data, [builder.add(first, builder.mul(loop.index, stride))])
            _stream_row(builder, (begin, times), end, width, context.get_abi_sizeof(begin.type.pointee))
        return context.get_dummy_value()

    return types.void(source, target, row, column, factor), codegen


def _stream_row(builder: Any, source: tuple[Any, Any], target: Any, width: Any, size: int) -> None:
    """Numbers of that many bytes up to where a line begins, whole lines past the caches, and the numbers left.

    `source` is where they are and where their factors are, None for none.
    """
    index, count = width.type, LINE // size
    past = builder.and_(builder.neg(builder.ptrtoint(target, index)), index(LINE - 1))
    before = builder.udiv(past, index(size))
    before = builder.select(builder.icmp_unsigned("<", before, width), before, width)
    lines = builder.udiv(builder.sub(width, before), index(count))
    after = builder.add(before, builder.mul(lines, index(count)))
    _copy(builder, source, target, (index(0), before), 1)
    _copy(builder, source, target, (before, after), count)
    _copy(builder, source, target, (after, width), 1)


def _copy(builder: Any, source: tuple[Any, Any], target: Any, places: tuple[Any, Any], count: int) -> None:
    """Numbers from one place to another, one by one or a line at a time."""
    number, line = target.type.pointee, count > 1
    kind, aligned = (ir.VectorType(number, count), LINE // count) if line else (number, None)

    def at(start: Any) -> Any:
        return builder.bitcast(builder.gep(start, [place]), kind.as_pointer())

    with cgutils.for_range_slice(builder, *places, places[0].type(count)) as (place, _):
        value, *factors = (builder.load(at(start), align=aligned) for start in source if start is not None)
        product = builder.fmul(value, factors[0]) if factors else value
        stored = builder.store(product, at(target), align=LINE if line else None)
        if line:
            stored.set_metadata("nontemporal", builder.module.add_metadata([ir.IntType(32)(1)]))


@intrinsic
def _prefetch(typingctx, array, row, column, count):  # type: ignore[no-untyped-def]
    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        numbers = context.make_array(signature.args[0])(context, builder, args[0])
        place = builder.add(builder.mul(args[1], cgutils.unpack_tuple(builder, numbers.shape)[1]), args[2])
        step = LINE // context.get_abi_sizeof(numbers.data.type.pointee)
        byte, whole = ir.IntType(8).as_pointer(), ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [byte, whole, whole, whole])
        fetch = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
        last = builder.add(place, builder.add(args[3], args[3].type(step - 1)))  # a row that begins within a line
        with cgutils.for_range_slice(builder, place, last, args[3].type(step)) as (at, _):
            line = builder.bitcast(builder.gep(numbers.data, [at]), byte)
            builder.call(fetch, [line, whole(0), whole(3), whole(1)])  # to read, into the nearest cache, data
        return context.get_dummy_value()

    return types.void(array, row, column, count), codegen


def prefetch(array: Any, row: int, column: int, count: int) -> None:
    """Ask for so many numbers of a row of a C-contiguous array, so that they are in the cache when they are read."""


@overload(prefetch)
def _prefetch_numbers(array, row, column, count):  # type: ignore[no-untyped-def]
    return lambda array, row, column, count: _prefetch(array, row, column, count)


@overload(stream)
def _stream_rows(source, target, row, column, factor=None):  # type: ignore[no-untyped-def]
    return lambda source, target, row, column, factor=None: _stream(source, target, row, column, factor)
