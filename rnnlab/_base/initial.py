"""Initial weights by their names in the field; `params` says what each name means."""

from __future__ import annotations

import inspect
import math
from collections.abc import Iterator
from typing import Any, Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray

from rnnlab._base.checks import at_least, checked_rng, numbers, one_of, positive, shortened, within_memory

Scheme = Literal["pytorch", "glorot", "orthogonal", "identity", "gaussian", "sparse"]
Array = NDArray[Any]
SPARSE_ENTRIES = 15
SPARSE_RADIUS = 0.95
IRNN_INPUT = 0.001  # standard deviation of the input weights


class Recipe(NamedTuple):
    """How to draw."""

    rng: np.random.Generator
    scheme: Scheme
    gain: float
    dtype: Any


class Weights(NamedTuple):
    """What was drawn for a cell of `gates` gates."""

    weight_ih: Array  # (gates H, I)
    weight_hh: Array  # (gates H, H)
    bias_ih: Array  # (gates H,)
    bias_hh: Array  # (gates H,)

    @property
    def bias(self) -> Array:
        """Both biases as one, (gates H,)."""
        return self.bias_ih + self.bias_hh


def draw(input_size: int, hidden_size: int, gates: int, recipe: Recipe) -> Weights:
    """Weights of all gates; TypeError or ValueError where an argument is wrong."""
    check(recipe, input_size=input_size, hidden_size=hidden_size)
    input_size, hidden_size = int(input_size), int(hidden_size)
    within_memory(gates * hidden_size * (input_size + hidden_size), input_size=input_size, hidden_size=hidden_size)
    rng, bound = recipe.rng, 1 / math.sqrt(hidden_size)
    weight_ih = np.concatenate([input_block(input_size, hidden_size, recipe) for _ in range(gates)])
    weight_hh = np.concatenate([recurrent_block(hidden_size, recipe) for _ in range(gates)])
    biases = np.zeros((2, gates * hidden_size))
    if recipe.scheme == "pytorch":
        biases = rng.uniform(-bound, bound, biases.shape)
    return Weights(*(array.astype(recipe.dtype) for array in (weight_ih, weight_hh, *biases)))


def check(recipe: Recipe, **sizes: Any) -> None:
    """Refuse what can't be drawn."""
    at_least(1, **sizes)
    checked_rng(recipe.rng)
    one_of("scheme", recipe.scheme, dict.fromkeys(get_args(Scheme)))
    numbers("gain", recipe.gain, (0,))
    try:
        known = np.dtype(recipe.dtype) in (np.float32, np.float64)
    except TypeError:
        known = False
    if not known:
        raise ValueError(f"dtype is {shortened(recipe.dtype)}: expected float32 or float64")


def layer_by_layer(
    layers: Any, kind: Any, hidden_size: Any, how: dict[str, Any]
) -> Iterator[tuple[Any, Any, dict[str, Any]]]:
    """Each layer's kind, size and further arguments, from one value for all layers or a list with one a layer."""
    at_least(1, layers=layers)
    given = {"kind": kind, "hidden_size": hidden_size, **how}
    several = {
        name for name, value in given.items() if isinstance(value, list | tuple) and not hasattr(value, "_fields")
    }
    for name in several:
        if len(given[name]) != layers:
            told = f"{name} has {len(given[name])} entries"
            raise ValueError(f"{told}: expected one for all layers, or {layers}, one a layer")
    for k in range(layers):
        own = {name: value[k] if name in several else value for name, value in given.items()}
        cell, size = own.pop("kind"), own.pop("hidden_size")
        if not isinstance(cell, type) or not hasattr(cell, "init"):
            raise TypeError(f"kind is {shortened(cell)}: expected a class of parameters, say LSTMParams")
        arguments = inspect.signature(cell.init)
        try:
            arguments.bind(0, 0, rng=None, **own)
        except TypeError as error:
            known = ", ".join(list(arguments.parameters)[3:])  # after the sizes and rng
            raise TypeError(f"{cell.__name__}.init {error}: expected some of {known}") from None
        yield cell, size, own


def input_block(input_size: int, hidden_size: int, recipe: Recipe) -> Array:
    """Input weights (H, I) of one gate."""
    if recipe.scheme == "identity":
        return IRNN_INPUT * recipe.rng.standard_normal((hidden_size, input_size))
    glorot = math.sqrt(6 / (input_size + hidden_size))
    bound = 1 / math.sqrt(hidden_size) if recipe.scheme == "pytorch" else glorot
    return recipe.rng.uniform(-bound, bound, (hidden_size, input_size))


def recurrent_block(hidden_size: int, recipe: Recipe) -> Array:
    """Recurrent weights (H, H) of one gate."""
    rng, gain, shape = recipe.rng, recipe.gain, (hidden_size, hidden_size)
    if recipe.scheme == "orthogonal":
        return gain * orthogonal(hidden_size, rng)
    if recipe.scheme == "identity":
        return gain * np.eye(hidden_size)
    if recipe.scheme == "gaussian":
        return gain / math.sqrt(hidden_size) * rng.standard_normal(shape)
    if recipe.scheme == "sparse":
        return gain * sparse(hidden_size, rng)
    bound = 1 / math.sqrt(hidden_size) if recipe.scheme == "pytorch" else math.sqrt(3 / hidden_size)
    return rng.uniform(-bound, bound, shape)


def orthogonal(size: int, rng: np.random.Generator) -> Array:
    """A Haar-random orthogonal matrix (F. Mezzadri, Notices AMS 54, 2007): QR with the signs of R's diagonal."""
    q, r = np.linalg.qr(rng.standard_normal((size, size)))
    return q * np.where(np.diag(r) < 0, -1.0, 1.0)


def sparse(size: int, rng: np.random.Generator) -> Array:
    """Up to 15 standard normal entries in each row, scaled to spectral radius 0.95."""
    matrix = np.zeros((size, size))
    for row in matrix:
        chosen = rng.choice(size, min(SPARSE_ENTRIES, size), replace=False)
        row[chosen] = rng.standard_normal(chosen.size)
    return matrix * (SPARSE_RADIUS / np.abs(np.linalg.eigvals(matrix)).max())


def set_forget_bias(bias: Array, rng: np.random.Generator, forget_bias: float | None, chrono: float | None) -> None:
    """Overwrite the biases of the input and forget gates, rows 0 and 1 of (4, H), as asked."""
    if forget_bias is not None and chrono is not None:
        raise ValueError("forget_bias and chrono are both given: expected at most one")
    if forget_bias is not None:
        bias[1] = numbers("forget_bias", forget_bias, (0,))
    if chrono is not None:
        bias[1] = chrono_bias(bias.shape[1], rng, chrono)
        bias[0] = -bias[1]


def chrono_bias(size: int, rng: np.random.Generator, chrono: float) -> Array:
    """Biases log U[1, chrono - 1] of gates that keep the state (Tallec and Ollivier 2018, section 2.2)."""
    positive(chrono=chrono)
    if chrono <= 2:
        raise ValueError(f"chrono is {chrono}: expected a longest dependency above 2")
    return np.log(rng.uniform(1, chrono - 1, size))
