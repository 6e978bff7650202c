"""A cell's own kernels, for code that is written once for all cells: found by the type of the parameters.

In compiled code they are found when it is compiled, and cost nothing more.
"""

from __future__ import annotations

from typing import Any

from numba.core.imputils import impl_ret_borrowed
from numba.extending import intrinsic, overload

from rnnlab.kernels._jit import INLINED, inner_kernel


def cell_forward(nonlinearity: int, params: Any, tape: Any, work: Any) -> None:
    """Run any cell: x, length and row 0 of the states of the tape are read, the rest is written."""
    type(params).cell().forward(nonlinearity, params, tape, work)


def cell_backward(params: Any, tape: Any, dloss: Any, gradients: Any, work: Any, window: int) -> None:
    """Backpropagation through time of any cell; `dloss` (R, B, H) is the loss's derivative by the last R states."""
    type(params).cell().backward(params, tape, dloss, gradients, work, window)


def regularise(params: Any, tape: Any, dloss: Any, gradients: Any, regulariser: Any) -> None:
    """Add the gradient of Pascanu's regulariser, of cells for which it is defined."""
    kernel = type(params).cell().regularise
    if kernel is not None:
        kernel(params, tape, dloss, gradients, regulariser)


def prepare(params: Any, tape: Any, work: Any) -> None:
    """The cell's own `Steps.prepare`."""
    type(params).cell().steps.prepare(params, tape, work)


def step_forward(nonlinearity: int, params: Any, tape: Any, work: Any, t: int) -> None:
    """The cell's own `Steps.forward`."""
    type(params).cell().steps.forward(nonlinearity, params, tape, work, t)


def step_backward(params: Any, tape: Any, gradients: Any, work: Any, t: int) -> None:
    """The cell's own `Steps.backward`."""
    type(params).cell().steps.backward(params, tape, gradients, work, t)


def finish(params: Any, tape: Any, gradients: Any) -> None:
    """The cell's own `Steps.finish`."""
    type(params).cell().steps.finish(params, tape, gradients)


def with_inputs(tape: Any, x: Any, length: Any) -> Any:
    """The tape with other inputs and lengths."""
    return tape._replace(x=x, length=length)


def clear(work: Any) -> None:
    """No gradient of the last states but what the loss adds."""
    if hasattr(work, "now"):
        work.now.fill(0)


def states_of(params: Any, tape: Any) -> tuple[Any, ...]:
    """The states of the tape."""
    return tuple(getattr(tape, name) for name in type(params).cell().states)


@overload(cell_forward)
def _cell_forward(nonlinearity, params, tape, work):  # type: ignore[no-untyped-def]
    kernel = params.instance_class.cell().forward
    return lambda nonlinearity, params, tape, work: kernel(nonlinearity, params, tape, work)


@overload(cell_backward)
def _cell_backward(params, tape, dloss, gradients, work, window):  # type: ignore[no-untyped-def]
    kernel = params.instance_class.cell().backward
    return lambda params, tape, dloss, gradients, work, window: kernel(params, tape, dloss, gradients, work, window)


@overload(regularise)
def _regularise(params, tape, dloss, gradients, regulariser):  # type: ignore[no-untyped-def]
    kernel = params.instance_class.cell().regularise
    if kernel is None:
        return lambda params, tape, dloss, gradients, regulariser: None
    return lambda params, tape, dloss, gradients, regulariser: kernel(params, tape, dloss, gradients, regulariser)


@overload(prepare)
def _prepare(params, tape, work):  # type: ignore[no-untyped-def]
    kernel = params.instance_class.cell().steps.prepare
    return lambda params, tape, work: kernel(params, tape, work)


@overload(step_forward, **INLINED)
def _step_forward(nonlinearity, params, tape, work, t):  # type: ignore[no-untyped-def]
    kernel = params.instance_class.cell().steps.forward
    return lambda nonlinearity, params, tape, work, t: kernel(nonlinearity, params, tape, work, t)


@overload(step_backward, **INLINED)
def _step_backward(params, tape, gradients, work, t):  # type: ignore[no-untyped-def]
    kernel = params.instance_class.cell().steps.backward
    return lambda params, tape, gradients, work, t: kernel(params, tape, gradients, work, t)


@overload(finish)
def _finish(params, tape, gradients):  # type: ignore[no-untyped-def]
    kernel = params.instance_class.cell().steps.finish
    return lambda params, tape, gradients: kernel(params, tape, gradients)


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
