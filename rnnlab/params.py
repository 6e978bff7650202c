"""Parameters behind checks; and the readout.

The classes of parameters stand with their cells, one file each, in `rnnlab.kernels.cells`.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple, TypeGuard

import numpy as np
from numpy.typing import NDArray

from rnnlab._base import initial
from rnnlab._base.checks import is_float32, numbers, shortened, within_memory
from rnnlab._base.showing import largest_entry, shows
from rnnlab.kernels.cells import CELLS
from rnnlab.kernels.cells.cell import Cell, cell_of, leaves_of, parts_of, shapes_of, sizes_of, with_leaves
from rnnlab.kernels.finite import all_finite
from rnnlab.nonlinearities import checked_nonlinearity
from rnnlab.plan import CONTAINERS, make_of, plan_of

Array = NDArray[Any]


@shows(largest_entry)
class Readout(NamedTuple):
    """A linear map from states to outputs: y_t = weight h_t + bias."""

    weight: Array  # (O, H)
    bias: Array  # (O,)

    @classmethod
    def init(cls, hidden_size: int, output_size: int, *, rng: np.random.Generator, dtype: Any = np.float64) -> Readout:
        """Draw both uniformly within 1 / sqrt(H), as ``torch.nn.Linear`` does."""
        initial.check(initial.Recipe(rng, "pytorch", 1.0, dtype), hidden_size=hidden_size, output_size=output_size)
        hidden_size, output_size = int(hidden_size), int(output_size)
        within_memory(hidden_size * output_size, hidden_size=hidden_size, output_size=output_size)
        bound = 1 / math.sqrt(hidden_size)
        weight = rng.uniform(-bound, bound, (output_size, hidden_size))
        return cls(weight.astype(dtype), rng.uniform(-bound, bound, output_size).astype(dtype))


def checked_params(params: Any) -> tuple[Cell, Any]:
    """The cell or network, and parameters of one floating type and consistent shapes."""
    if are_ready(params):
        return type(params).cell(), params
    leaves = checked_leaves("params", params)
    single = all(is_float32(array) for leaf in leaves for array in leaf)
    given = of_kind("params", params, np.float32 if single else np.float64)
    return type(given).cell(), given


def is_ready(array: Any, dimensions: tuple[int, ...], kind: Any, last: int) -> TypeGuard[Array]:
    """Whether it is an array as kernels take it, of so many dimensions, of which the last has that size."""
    if type(array) is not np.ndarray or array.dtype is not kind or array.ndim not in dimensions:
        return False
    return array.shape[-1] == last and array.size > 0 and array.flags.carray and all_finite(array)


def are_ready(params: Any) -> bool:
    """Whether the parameters of a network are what kernels take: told in a tenth of the time of what is wrong with them."""
    make = make_of(params)
    plan = plan_of(make, 1, 1, dtype_of(params)) if make else None
    return plan is not None and plan.fits_params(params) and all(map(all_finite, arrays_of(params)))


def checked_leaves(owner: str, network: Any) -> list[Any]:
    """The parameters of all cells of a network, each of a known kind, recurrent if there are several."""
    if isinstance(network, CONTAINERS):
        parts: Any = network.parts
        if not parts or not isinstance(parts, tuple | list):
            raise TypeError(f"{owner}.layers is {shortened(parts)}: expected a tuple of one or more layers")
        named = zip(network.places(), parts, strict=True)
        leaves = [leaf for place, part in named for leaf in checked_leaves(f"{owner}.{place}", part)]
        for leaf in leaves:
            if not type(leaf).cell().states:
                raise TypeError(
                    f"{owner} has {type(leaf).__name__} in it: expected recurrent layers, attention is alone"
                )
        return leaves
    if cell_of(network) is None:
        known = ", ".join(kind.__name__ for kind in (*CELLS, *CONTAINERS))
        raise TypeError(f"{owner} is {shortened(network)}: expected one of {known}{framework_hint(network)}")
    return [network]


def framework_hint(network: Any) -> str:
    """How a network of another framework becomes one of these."""
    home = type(network).__module__.partition(".")[0]
    return f"; rnnlab.from_{home} makes it one" if home in ("torch", "keras", "flax") else ""


def of_kind(owner: str, network: Any, kind: Any) -> Any:
    """A network's parameters in one floating type, its layers fitting one another."""
    if not parts_of(network):
        return cell_of_kind(owner, network, kind)
    places = network.places()
    made = network.of(
        [of_kind(f"{owner}.{place}", part, kind) for place, part in zip(places, network.parts, strict=True)]
    )
    for place, part, (wanted, why) in zip(places[1:], made.parts[1:], made.joints(), strict=True):
        if sizes_of(part)[0] != wanted:
            raise ValueError(f"{owner}.{place} has {sizes_of(part)[0]} inputs: expected {wanted}, as many as {why}")
    return made


def cell_of_kind(owner: str, params: Any, kind: Any) -> Any:
    """A cell's parameters in one floating type and of consistent shapes."""
    cell = type(params).cell()
    names = [f"{owner}.{name}" for name in params._fields]
    given = type(params)(*(numbers(name, value, (0, 1, 2), kind) for name, value in zip(names, params, strict=True)))
    if given.weight_ih.ndim != 2 or 0 in given.weight_ih.shape:
        raise ValueError(f"{owner}.weight_ih has shape {given.weight_ih.shape}: expected a matrix, gates x inputs")
    if given.weight_ih.shape[0] % cell.gates:
        raise ValueError(
            f"{owner}.weight_ih has shape {given.weight_ih.shape}: "
            f"expected a multiple of {cell.gates} rows, one block a gate"
        )
    same_shapes(owner, given, shapes_of(given, 1, 1).params)
    return given


def arrays_of(network: Any) -> list[Array]:
    """The parameters of all cells of a network, in order."""
    return [array for leaf in leaves_of(network) for array in leaf]


def dtype_of(params: Any) -> Any:
    """The one floating type of checked parameters."""
    return leaves_of(params)[0].weight_ih.dtype


def copied(network: Any) -> Any:
    """The same parameters in arrays of their own."""
    return with_leaves(network, (leaf._make([array.copy() for array in leaf]) for leaf in leaves_of(network)))


def checked_choice(params: Any, nonlinearity: Any) -> Any:
    """The nonlinearity as the kernels take it; cells without a choice take none but their own, which goes by "tanh"."""
    made = checked_nonlinearity(nonlinearity)
    if nonlinearity != "tanh" and not any(type(leaf).cell().nonlinear for leaf in leaves_of(params)):
        kind = type(params).__name__
        raise ValueError(f"nonlinearity is {shortened(nonlinearity)}: expected none, a {kind} cell has no choice")
    return made


def same_shapes(owner: str, arrays: Any, shapes: Any) -> None:
    """Refuse arrays that are not of the expected shapes."""
    for name, array, shape in zip(arrays._fields, arrays, shapes, strict=True):
        if np.shape(array) != shape:
            raise ValueError(f"{owner}.{name} has shape {np.shape(array)}: expected {shape}")
