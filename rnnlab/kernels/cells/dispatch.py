"""A cell's own kernels, for code that is written once for all cells: found by the type of the parameters.

In compiled code they are found when it is compiled, and cost nothing more.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numba.core.imputils import impl_ret_borrowed
from numba.extending import intrinsic, overload

from rnnlab.kernels._jit import INLINED, inner_kernel
from rnnlab.kernels.cells.cell import linked, parts_of


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
regularise = own_kernel(lambda cell: cell.regularise)

# of recurrent ones, with the arguments that `Steps` says
prepare = own_kernel(lambda cell: cell.steps.prepare)
step_forward = own_kernel(lambda cell: cell.steps.forward, place=1, how=INLINED)
step_backward = own_kernel(lambda cell: cell.steps.backward, how=INLINED)
finish = own_kernel(lambda cell: cell.steps.finish)


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


@overload(states_of, **INLINED)
def _states_of(params, tape):  # type: ignore[no-untyped-def]
    take = _taker(params.instance_class.cell().states)
    return lambda params, tape: take(tape)


def _taker(names: tuple[str, ...]) -> Any:
    """A compiled function from a tape to these fields of it."""
    first, rest = names[0], names[1:]
    if not rest:
        return inner_kernel(lambda tape: (getattr(tape, first),))
    others = _taker(rest)
    return inner_kernel(lambda tape: (getattr(tape, first), *others(tape)))
