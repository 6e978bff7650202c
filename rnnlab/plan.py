"""What runs of networks of one make along inputs of one shape have in common, put together once: all but the numbers.

With one unit a run takes no longer than to tell what it is given and to allocate for it, each in microseconds here.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from rnnlab._base.blas import largest_product
from rnnlab._base.memory import maker
from rnnlab.entries import Entries
from rnnlab.kernels.cells import Bidirectional, Stack
from rnnlab.kernels.cells.cell import (
    allocator,
    cell_of,
    checker,
    is_shape,
    leaves_of,
    shapes_of,
    sizes_of,
    typed,
)

CONTAINERS = (Stack, Bidirectional)
KEPT = 2**15  # bytes of a run's work space, up to which it is kept
THREADS = 4  # work spaces that are kept of a run
FLOATS = (np.dtype(np.float64), np.dtype(np.float32))


class Plan(NamedTuple):
    """A network's run along inputs of some shape, in one floating type."""

    nonlinear: bool  # whether it has a choice of nonlinearity
    multiplications: int  # of its largest product
    recurrent: bool
    inputs: int
    states: tuple[int, int, int]  # T, B, H
    entries: Entries
    fits_params: Callable[[Any], bool]  # whether parameters, or a kernels' tape, are such as these:
    fits_tape: Callable[[Any], bool]
    new_params: Callable[[], Any]  # arrays that nobody has written to
    new_tape: Callable[[], Any]
    new_work: Callable[[], Any]
    new_gradients: Callable[[], Any]
    keeps: bool  # whether work space is small enough to be kept
    kept: list[Any]  # work spaces in which nobody works

    def take_work(self) -> Any:
        """Work space, as the last run left it or new, which takes 1 us."""
        try:
            return self.kept.pop()
        except IndexError:
            return self.new_work()

    def give_back(self, work: Any) -> None:
        """Keep work space for the next run, if it is small."""
        if self.keeps and len(self.kept) < THREADS:
            self.kept.append(work)


def make_of(network: Any) -> tuple[Any, ...]:
    """What tells the shapes of all arrays: of every cell its class and the shape of its input weights, nested as it is; () if it is none."""
    if isinstance(network, CONTAINERS):
        made = tuple(map(make_of, network.parts)) if type(network.parts) is tuple else ()
        return (type(network), *made) if made and all(made) else ()
    weight = getattr(network, "weight_ih", None)
    return (type(network), weight.shape) if type(weight) is np.ndarray else ()


@lru_cache(256)  # asked for in every call
def plan_along(make: tuple[Any, ...], shape: tuple[int, ...], dtype: Any) -> Plan | None:
    """The plan for recurrent networks of such a make along inputs of such a shape; None if there are none, or they do not fit."""
    if not make or len(shape) not in (2, 3) or 0 in shape:
        return None
    steps, *batch, inputs = shape
    plan = plan_of(make, steps, batch[0] if batch else 1, dtype)
    return plan if plan is not None and plan.recurrent and plan.inputs == inputs else None


@lru_cache(256)  # to put together the shapes of two layers takes 6 us, of a pair of calls' 120
def plan_of(make: tuple[Any, ...], steps: int, batch: int, dtype: Any) -> Plan | None:
    """The plan for networks of such a make; None if there are none, or kernels take no such type."""
    network, entries = stand_in(*make), entries_of(make, dtype)
    if entries is None:
        return None
    shapes, leaves = shapes_of(network, steps, batch), leaves_of(network)
    inputs, hidden = sizes_of(network)
    params, tape, work, gradients = (allocator(maker, part, dtype) for part in shapes)
    return Plan(
        any(type(leaf).cell().nonlinear for leaf in leaves),
        largest_product(steps * batch, (shape for leaf in leaves_of(shapes.params) for shape in leaf)),
        bool(type(network).cell().states),
        inputs,
        (steps, batch, hidden),
        entries,
        checker(shapes.params, dtype),
        checker(shapes.tape, dtype),
        params,
        tape,
        work,
        gradients,
        bytes_of(shapes.work, dtype) <= KEPT,
        [],
    )


def bytes_of(shapes: Any, dtype: Any) -> int:
    """What arrays of these shapes take."""
    if is_shape(shapes):
        return math.prod(shapes) * np.dtype(dtype).itemsize
    return sum(bytes_of(*pair) for pair in typed(shapes, dtype))


@lru_cache(256)
def entries_of(make: tuple[Any, ...], dtype: Any) -> Entries | None:
    """The compiled code for networks of such a make; None if there are none, or kernels take no such type."""
    network = stand_in(*make)
    return Entries(network, dtype) if is_whole(network) and dtype in FLOATS else None


def stand_in(kind: Any = None, *within: Any) -> Any:
    """A network of such a make with a view of a single number in every place: a cache that has weights would keep them."""
    if isinstance(kind, type) and issubclass(kind, CONTAINERS):
        return kind.of([stand_in(*part) for part in within])
    return kind._make(np.broadcast_to(0.0, within[0]) for _ in kind._fields) if hasattr(kind, "_make") else None


def is_whole(network: Any) -> bool:
    """Whether it is a known cell, or parts that have states and fit one another, with sizes that tell all shapes."""
    if isinstance(network, CONTAINERS):
        return 0 < len(network.parts) and all(map(is_whole, network.parts)) and parts_fit(network)
    cell, weight = cell_of(network), getattr(network, "weight_ih", None)
    return cell is not None and cell.shapes is not None and weight is not None and weight.ndim == 2 and weight.size > 0


def parts_fit(network: Any) -> bool:
    """Whether the parts of a network have states, and as many inputs as those they are joined to have outputs."""
    parts, joints = network.parts, network.joints()
    fit = all(sizes_of(part)[0] == wanted for part, (wanted, _) in zip(parts[1:], joints, strict=True))
    return fit and all(type(part).cell().states for part in parts)
