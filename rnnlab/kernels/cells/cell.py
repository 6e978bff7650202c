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

The way back goes through a stretch of steps at a time: `finish` is called after each, on the rows of the tape and of the
inputs' gradients that belong to it. Of all other gradients that have a row a step there need be no more rows than the
longest stretch has, so that they stay in the cache, and no memory is fresh (`shapes_for`).

Recurrent cells have kernels of their own; `recurrence` has the loops through time around them. Compiled code finds
them by the type of the parameters when it is compiled (`dispatch`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import lru_cache, partial
from itertools import chain
from operator import attrgetter
from typing import Any, NamedTuple

import numpy as np

Kernel = Callable[..., Any]
LASTING = frozenset({"params", "x", "h0"})  # gradients that outlive the way back
STRETCH = 65_536, 256  # numbers in the other gradients of a stretch, at least; rows of T x B, for products, at least
INTEGERS = np.dtype(np.int64)
TOLD = "__class__", "shape", "dtype", "flags.carray"  # of an array, by which a checker knows it


class Shapes(NamedTuple):
    """The shapes of a cell's arrays, each in a NamedTuple of its own type."""

    params: Any
    tape: Any
    work: Any
    gradients: Any


class Steps(NamedTuple):
    """The kernels of a recurrent cell that the loops through time call."""

    prepare: Kernel  # (params, tape, work): before the first step, say the projection of all inputs
    forward: Kernel  # (nonlinearity, params, tape, work, t): the states' row t + 1 from their row t
    backward: (
        Kernel  # (params, tape, gradients, work, t): the adjoint, linear in `work.now`, from row t + 1's to row t's
    )
    finish: Kernel  # (params, tape, gradients): add to the gradients of the parameters what the steps left, write x's
    #                                            if there is no `inputs_back`
    prepare_back: Kernel | None = None  # (params, work): before the last step's way back
    project: Kernel | None = None  # (params, tape, work): the projection of the inputs of a stretch of steps
    inputs_back: Kernel | None = None  # (params, tape, gradients): the gradients of the inputs of a stretch of steps


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


def whole_shapes(cell: Cell, *sizes: int) -> Shapes:
    """The shapes of T, B, I, H, with gradients for all steps at once."""
    if cell.shapes is None:
        raise TypeError("expected a single cell")
    return cell.shapes(*sizes)


@lru_cache(256)
def shapes_for(shapes: Callable[..., Shapes], *sizes: int) -> Shapes:
    """The shapes of T, B, I, H, with gradients for a stretch of the steps."""
    made, (steps, *others) = shapes(*sizes), sizes
    rows = stretch_of(shapes, *others) if by_steps(shapes) else steps
    if rows >= steps:
        return made
    return made._replace(gradients=shapes(rows, *others).gradients._replace(x=made.gradients.x))


def stretch_of(shapes: Callable[..., Shapes], batch: int, inputs: int, hidden: int) -> int:
    """How many steps of a batch are a stretch."""
    numbers = sum(math.prod(shape) for _, shape in own_gradients(shapes(1, batch, inputs, hidden).gradients))
    return max(STRETCH[0] // numbers, -(-STRETCH[1] // batch), 1)


def own_gradients(gradients: Any) -> list[tuple[str, Any]]:
    """Those that do not outlive the way back, with their names."""
    return [pair for pair in gradients._asdict().items() if pair[0] not in LASTING]


@lru_cache(256)
def by_steps(shapes: Callable[..., Shapes]) -> bool:
    """Whether the arrays of the tape and the cell's own gradients have a row a step, or one more."""
    pair = [shapes(steps, 2, 3, 5) for steps in (7, 8)]
    rows = [
        [shape for name, shape in made.tape._asdict().items() if name != "length"]
        + [shape for _, shape in own_gradients(made.gradients)]
        for made in pair
    ]
    own = bool(own_gradients(pair[0].gradients))
    return own and all(
        few and (few[0] + 1, *few[1:]) == many and few[0] in (7, 8) for few, many in zip(*rows, strict=True)
    )


def allocate(make: Callable[..., Any], shapes: Any, dtype: Any) -> Any:
    """The same NamedTuple with an array in the place of every shape; `length` holds integers."""
    return allocator(partial(partial, make), shapes, dtype)()


def allocator(maker: Callable[..., Any], shapes: Any, dtype: Any) -> Callable[[], Any]:
    """A function that does this over and over, at half the cost a time: of an array, a NamedTuple, or a tuple of them.

    `maker` gives what makes an array, of its shape and type.
    """
    if is_shape(shapes):
        return maker(shapes, dtype)
    makers = [allocator(maker, *pair) for pair in typed(shapes, dtype)]
    new: Any = partial(tuple.__new__, type(shapes))
    if hasattr(shapes, "linked"):
        return lambda: new([made() for made in makers]).linked()
    return lambda: new([made() for made in makers])


def linked(arrays: Any) -> Any:
    """The same NamedTuple; of a network of several, with one array for what its parts share."""
    link = getattr(arrays, "linked", None)
    return arrays if link is None else link()


def typed(shapes: Any, dtype: Any) -> list[tuple[Any, Any]]:
    """What a NamedTuple or a tuple of shapes has in it, each with its type."""
    names = getattr(shapes, "_fields", ("",) * len(shapes))
    return [(part, INTEGERS if name == "length" else dtype) for name, part in zip(names, shapes, strict=True)]


def is_shape(value: Any) -> bool:
    """Whether it is an array's, and not a NamedTuple or a tuple of them."""
    return type(value) is tuple and not (value and isinstance(value[0], tuple))


def checker(shapes: Any, dtype: Any) -> Callable[[Any], bool]:
    """A function that tells whether arrays are such as `allocator` makes: of these shapes and types, contiguous, ..."""
    kind, expected = type(shapes), typed(shapes, dtype)
    if hasattr(shapes, "_fields") and all(is_shape(part) for part, _ in expected):
        fit = arrays_checker([f"{name}." for name in shapes._fields], expected)
        return lambda arrays: type(arrays) is kind and fit(arrays)
    checks = [own_checker(*pair) for pair in expected]
    return lambda parts: (
        type(parts) is kind
        and len(parts) == len(checks)
        and all(check(part) for check, part in zip(checks, parts, strict=True))
    )


def own_checker(shapes: Any, dtype: Any) -> Callable[[Any], bool]:
    """The same of an array too."""
    return arrays_checker([""], [(shapes, dtype)]) if is_shape(shapes) else checker(shapes, dtype)


def arrays_checker(places: list[str], expected: list[tuple[Any, Any]]) -> Callable[[Any], bool]:
    """The same of arrays in some places of what is given, with their shapes and types."""
    told = attrgetter(*(place + what for place in places for what in TOLD))
    as_made = tuple(chain.from_iterable((np.ndarray, shape, own, True) for shape, own in expected))

    def fit(arrays: Any) -> bool:
        try:  # in one call and one comparison: 0.7 of the time of a loop
            return bool(told(arrays) == as_made)
        except AttributeError:  # of what is no array
            return False

    return fit
