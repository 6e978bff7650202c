"""What a cell is: the type of the parameters is the cell.

A class of parameters, a NamedTuple of arrays, has a static method ``cell()`` that returns its `Cell`: all that the package
asks of it. There is no other list: a class of your own is a cell like those of rnnlab.

A cell runs through T steps of B sequences of I inputs with H units. What it computes lies in three more NamedTuples of
arrays:

tape
    What a run leaves behind for the way back: ``x`` (T, B, I), the inputs; the states, each (T + 1, B, H), whose row 0 is
    set by the caller, ``h`` among them; ``length`` (B,) of int64, each sequence's number of steps; and whatever else.
work
    Work space. Recurrent cells have in it ``now`` (S, B, H), the gradient of the S states on its way back, which holds
    zeros, or the gradient of the last states, on entry to the way back, and ``aside`` (S, B, H).
gradients
    ``params``, of the class of the parameters; ``x`` (T, B, I), or empty if not wanted; of recurrent cells ``h0``
    (S, B, H); and whatever else.

Recurrent cells have four kernels of their own; `recurrence` has the loops through time around them. Compiled code finds
them by the type of the parameters when it is compiled (`dispatch`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

Kernel = Callable[..., Any]
INTEGERS = np.dtype(np.int64)


class Shapes(NamedTuple):
    """The shapes of a cell's arrays, each in a NamedTuple of its own type."""

    params: Any
    tape: Any
    work: Any
    gradients: Any


class Steps(NamedTuple):
    """The four kernels of a recurrent cell that the loops through time call."""

    prepare: Kernel  # (params, tape, work): before the first step, say the projection of all inputs
    forward: Kernel  # (nonlinearity, params, tape, work, t): the states' row t + 1 from their row t
    backward: (
        Kernel  # (params, tape, gradients, work, t): the adjoint, linear in `work.now`, from row t + 1's to row t's
    )
    finish: Kernel  # (params, tape, gradients): the gradients of parameters and inputs, from what the steps left


class Cell(NamedTuple):
    """All that the package asks of a cell."""

    gates: int  # blocks of H rows that its weight_ih (gates H, I) has
    states: tuple[str, ...]  # the fields of the tape that go from step to step, h first; () where none does
    shapes: Callable[[int, int, int, int], Shapes] | None  # of T, B, I, H; None where the parameters tell (`shapes_of`)
    forward: Kernel  # (nonlinearity, params, tape, work)
    backward: Kernel  # (params, tape, dloss, gradients, work, window)
    flow: Kernel  # (params, tape, dloss, flow, gradients, work)
    steps: Steps | None = None  # of recurrent cells
    nonlinear: bool = False  # whether it has a choice of nonlinearity
    fixed: tuple[str, ...] = ()  # parameters that training leaves as they are
    recurrent: Callable[[Any], Any] | None = None  # params -> the square matrices (G, H, H) that multiply the states
    share: Callable[[Any, Any], Any] | None = (
        None  # (tape, gradients) -> the two factors, (T, B, G) and (T, B, H), whose
    )
    #                                                 outer products are the shares of the steps in dL/dweight_hh
    slopes: Callable[[Any], Any] | None = None  # tape -> f'(a_t) (T, B, H), of those whose units saturate as one
    tangent: Callable[[Any, Any], Callable[[int, Any], Any]] | None = (
        None  # (params, tape) -> (t, Q) -> J_t Q, of B = 1
    )
    regularise: Kernel | None = None  # (params, tape, dloss, gradients, regulariser), where Pascanu's is defined
    remember: Callable[[Any, float], None] | None = None  # (params, bias): hold on to sigmoid(bias) of the state a step
    opened: Callable[[Any], dict[str, Any]] | None = (
        None  # tape -> how open each gate is, 0 to 1, (T, B, H), by its name
    )
    kept: Callable[[Any, Any], Any] | None = (
        None  # (params, tape) -> the share of the state that a step keeps, (T, B, H)
    )


def cell_of(params: Any) -> Cell | None:
    """The cell of some parameters; None if they are of none."""
    make = getattr(type(params), "cell", None)
    return make() if make is not None and hasattr(params, "_fields") else None


def parts_of(network: Any) -> tuple[Any, ...]:
    """The networks that one is made of; none of a single cell."""
    parts = getattr(network, "parts", None)
    return tuple(parts) if parts else ()


def leaves_of(network: Any) -> list[Any]:
    """The parameters of all cells of a network, in order."""
    parts = parts_of(network)
    return [leaf for part in parts for leaf in leaves_of(part)] if parts else [network]


def with_leaves(network: Any, leaves: Iterator[Any]) -> Any:
    """The same network of other cells' parameters, in order."""
    parts = parts_of(network)
    return network.of([with_leaves(part, leaves) for part in parts]) if parts else next(leaves)


def sizes_of(network: Any) -> tuple[int, int]:
    """How many inputs a network has, and how many outputs: I and H of a cell."""
    if parts_of(network):
        return network.sizes()
    rows, inputs = network.weight_ih.shape
    return inputs, rows // type(network).cell().gates


def shapes_of(network: Any, steps: int, batch: int) -> Shapes:
    """The shapes of all arrays of a network, for so many steps of so many sequences."""
    if parts_of(network):
        return network.shapes(steps, batch)
    return shapes_for(type(network).cell().shapes, steps, batch, *sizes_of(network))


@lru_cache(256)
def shapes_for(shapes: Callable[..., Shapes], *sizes: int) -> Shapes:
    """The shapes of T, B, I, H: remembered, as a call on a few numbers takes no longer than to make them."""
    return shapes(*sizes)


def allocate(make: Callable[..., Any], shapes: Any, dtype: Any) -> Any:
    """The same NamedTuple with an array in the place of every shape; `length` holds integers."""
    kinds = kinds_of(shapes, shapes._fields, dtype)
    if kinds is not None:
        return shapes._make(map(make, shapes, kinds))
    named = zip(shapes._fields, shapes, strict=True)
    return linked(
        shapes._make([allocated(make, part, INTEGERS if name == "length" else dtype) for name, part in named])
    )


@lru_cache(1024)
def kinds_of(shapes: Any, names: tuple[str, ...], dtype: Any) -> tuple[Any, ...] | None:
    """The types of a NamedTuple's arrays; None if there is more in it than arrays."""
    if not all(map(is_shape, shapes)):
        return None
    return tuple(INTEGERS if name == "length" else dtype for name in names)


def linked(arrays: Any) -> Any:
    """The same NamedTuple; of a network of several, with one array for what its parts share."""
    return arrays.linked() if hasattr(arrays, "linked") else arrays


def allocated(make: Callable[..., Any], shape: Any, dtype: Any) -> Any:
    """The array of a shape, or the NamedTuple or the tuple of them."""
    if is_shape(shape):
        return make(shape, dtype)
    if hasattr(shape, "_fields"):
        return allocate(make, shape, dtype)
    return tuple(allocated(make, part, dtype) for part in shape)


def is_shape(value: Any) -> bool:
    """Whether it is an array's, and not a NamedTuple or a tuple of them."""
    return type(value) is tuple and not (value and isinstance(value[0], tuple))


def as_allocated(arrays: Any, shapes: Any, dtype: Any) -> bool:
    """Whether arrays, in a NamedTuple of nothing else, are such as `allocate` makes: of these shapes, contiguous, ..."""
    kinds = kinds_of(shapes, shapes._fields, dtype)
    if type(arrays) is not type(shapes) or kinds is None:
        return False
    for array, shape, kind in zip(arrays, shapes, kinds, strict=True):
        if type(array) is not np.ndarray or array.shape != shape or array.dtype is not kind or not array.flags.carray:
            return False
    return True
