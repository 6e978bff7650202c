"""A cell's own kernels, for code that is written once for all cells: found by the type of the parameters.

In compiled code they are found when it is compiled, and cost nothing more.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import repeat
from typing import Any

from numba import types
from numba.core import cgutils
from numba.core.imputils import impl_ret_borrowed
from numba.extending import intrinsic, overload

from rnnlab.kernels._jit import INLINED, inner_kernel
from rnnlab.kernels.cells.cell import LASTING, STRETCH, by_steps, linked, own_gradients, parts_of
from rnnlab.kernels.views import rows_of

NUMBERS, ROWS = STRETCH


def own_kernel(find: Callable[[Any], Any], place: int = 0, how: dict[str, Any] | None = None) -> Any:
    """A function that calls the kernel which `find` takes from the cell of the parameters, its argument number `place`.

    Where the cell has none it does nothing.
    """

    def call(*arguments: Any) -> None:
        kernel = find(type(arguments[place]).cell())
        if kernel is not None:
            kernel(*arguments)

    @overload(call, strict=False, **(how or {}))
    def implementation(*arguments):  # type: ignore[no-untyped-def]
        kernel = find(arguments[place].instance_class.cell())
        return (lambda *arguments: kernel(*arguments)) if kernel is not None else (lambda *arguments: None)

    return call


# of any cell, with the arguments that `Cell` says
cell_forward = own_kernel(lambda cell: cell.forward, place=1)
cell_backward = own_kernel(lambda cell: cell.backward)
every_forward, every_backward = repeat(cell_forward), repeat(cell_backward)  # of all parts of a network
regularise = own_kernel(lambda cell: cell.regularise)

# of recurrent ones, with the arguments that `Steps` says
prepare = own_kernel(lambda cell: cell.steps.prepare)
project = own_kernel(lambda cell: cell.steps.project)
prepare_back = own_kernel(lambda cell: cell.steps.prepare_back)
step_forward = own_kernel(lambda cell: cell.steps.forward, place=1, how=INLINED)
step_backward = own_kernel(lambda cell: cell.steps.backward, how=INLINED)
finish = own_kernel(lambda cell: cell.steps.finish)
inputs_back = own_kernel(lambda cell: cell.steps.inputs_back)
write_inputs = own_kernel(lambda cell: cell.steps.inputs_back or cell.steps.finish)


def with_inputs(tape: Any, x: Any, length: Any) -> Any:
    """The tape with other inputs and lengths."""
    return linked(tape._replace(x=x, length=length))


def clear(work: Any) -> None:
    """No gradient of the last states but what the loss adds; of a network of several of none of its parts."""
    if hasattr(work, "now"):
        work.now.fill(0)
    for part in parts_of(work):
        clear(part)


def states_of(params: Any, tape: Any) -> tuple[Any, ...]:
    """The states of the tape."""
    return tuple(getattr(tape, name) for name in type(params).cell().states)


def rows_at_once(params: Any, tape: Any, gradients: Any) -> int:
    """How many steps the longest stretch of the way back has: as many as the cell's own gradients have rows."""
    whole = not by_steps(type(params).cell().shapes)
    return len(tape.x) if whole else len(own_gradients(gradients)[0][1])


def steps_ahead(params: Any, tape: Any) -> int:
    """How many steps have their inputs projected at once, in stretches of which what `project` leaves stays in the cache."""
    cell, (steps, batch, _) = type(params).cell(), tape.x.shape
    whole = not (cell.steps.project and by_steps(cell.shapes))
    return steps if whole else min(steps, ahead(batch, len(params.weight_ih)))


@inner_kernel
def ahead(batch: int, gates: int) -> int:
    """The same of a cell whose tape has a row a step, for so many sequences and rows of `weight_ih`."""
    return max(NUMBERS // (batch * gates), -(-ROWS // batch), 1)


def stretch(arrays: Any, first: int, last: int) -> Any:
    """Of a tape or gradients the rows of steps first + 1 .. last; of a cell's own gradients as many from the start on."""
    steps = last - first
    if hasattr(arrays, "params"):
        own = {name: array[:steps] for name, array in own_gradients(arrays)}
        return arrays._replace(x=arrays.x[first:last], **own)
    excess = {name: len(array) - len(arrays.x) for name, array in arrays._asdict().items() if name != "length"}
    return arrays._replace(**{name: getattr(arrays, name)[first : last + more] for name, more in excess.items()})


def clear_sums(params: Any) -> None:
    """Nothing has been added to the gradients of the parameters."""
    for array in params:
        array.fill(0)


@intrinsic
def _with_inputs(typingctx, tape, x, length):  # type: ignore[no-untyped-def]
    places = [tape.fields.index(name) for name in ("x", "length")]

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        value = args[0]
        for place, array in zip(places, args[1:], strict=True):
            value = builder.insert_value(value, array, place)
        return impl_ret_borrowed(context, builder, signature.return_type, value)

    return tape(tape, *(tape.types[place] for place in places)), codegen


@overload(with_inputs)
def _with_inputs_of(tape, x, length):  # type: ignore[no-untyped-def]
    return lambda tape, x, length: _with_inputs(tape, x, length)


@overload(clear)
def _clear(work):  # type: ignore[no-untyped-def]
    return (lambda work: work.now.fill(0)) if "now" in work.fields else (lambda work: None)


def _taker(names: tuple[str, ...]) -> Any:
    """A compiled function from a tape to these fields of it."""

    @intrinsic
    def take(typingctx, tape):  # type: ignore[no-untyped-def]
        places = [tape.fields.index(name) for name in names]
        taken = types.Tuple([tape.types[place] for place in places])

        def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            fields = [builder.extract_value(args[0], place) for place in places]
            value = context.make_tuple(builder, signature.return_type, fields)
            return impl_ret_borrowed(context, builder, signature.return_type, value)

        return taken(tape), codegen

    return take


@overload(states_of, **INLINED)
def _states_of(params, tape):  # type: ignore[no-untyped-def]
    take = _taker(params.instance_class.cell().states)
    return lambda params, tape: take(tape)


@overload(rows_at_once, **INLINED)
def _rows_at_once(params, tape, gradients):  # type: ignore[no-untyped-def]
    if not by_steps(params.instance_class.cell().shapes):
        return lambda params, tape, gradients: tape.x.shape[0]
    own = next(name for name in gradients.fields if name not in LASTING)
    return lambda params, tape, gradients: getattr(gradients, own).shape[0]


@overload(steps_ahead, **INLINED)
def _steps_ahead(params, tape):  # type: ignore[no-untyped-def]
    cell = params.instance_class.cell()
    if cell.steps.project is None or not by_steps(cell.shapes):
        return lambda params, tape: tape.x.shape[0]
    return lambda params, tape: min(tape.x.shape[0], ahead(tape.x.shape[1], params.weight_ih.shape[0]))


@intrinsic
def _stretch(typingctx, arrays, first, last, steps):  # type: ignore[no-untyped-def]
    """`steps` are as many as the whole has: those of the tape, or rows of the cell's own gradients."""
    of_gradients = "params" in arrays.fields

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        value, first, last, steps = args
        taken = builder.sub(last, first)
        for place, (name, kind) in enumerate(zip(arrays.fields, arrays.types, strict=True)):
            if name in ("length", "params", "h0"):
                continue
            own = of_gradients and name != "x"
            array = builder.extract_value(value, place)
            rows = cgutils.unpack_tuple(builder, context.make_array(kind)(context, builder, array).shape)[0]
            excess = first.type(0) if of_gradients and name == "x" else builder.sub(rows, steps)
            start = first.type(0) if own else first
            some = rows_of(context, builder, kind, array, start, builder.add(taken, excess))
            value = builder.insert_value(value, some, place)
        return impl_ret_borrowed(context, builder, signature.return_type, value)  # else freed while in use

    return arrays(arrays, first, last, steps), codegen


@overload(stretch, **INLINED)
def _stretch_of(arrays, first, last):  # type: ignore[no-untyped-def]
    if "params" not in arrays.fields:
        return lambda arrays, first, last: _stretch(arrays, first, last, arrays.x.shape[0])
    own = next((name for name in arrays.fields if name not in LASTING), "h0")
    return lambda arrays, first, last: _stretch(arrays, first, last, getattr(arrays, own).shape[0])


@intrinsic
def _clear_sums(typingctx, params):  # type: ignore[no-untyped-def]
    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        for kind, value in zip(params.types, cgutils.unpack_tuple(builder, args[0]), strict=True):
            array = context.make_array(kind)(context, builder, value)
            cgutils.memset(builder, array.data, builder.mul(array.nitems, array.itemsize), 0)
        return context.get_dummy_value()

    return types.void(params), codegen


@overload(clear_sums)
def _clear_sums_of(params):  # type: ignore[no-untyped-def]
    return lambda params: _clear_sums(params)
