"""The nonlinearities as functions of rnnlab take them: by name, or as a pair of compiled functions."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, Literal

from numba import config
from numba.core.errors import NumbaError
from numba.extending import is_jitted

from rnnlab._base.checks import shortened
from rnnlab.kernels.activations import LINEAR, RELU, SIGMOID, TANH, own_nonlinearity

Nonlinearity = Literal["linear", "relu", "tanh", "sigmoid"]
Pair = tuple[Callable[[float], float], Callable[[float], float]]  # value(a) and slope(a), both njit functions
CODES: dict[str, int] = {"linear": LINEAR, "relu": RELU, "tanh": TANH, "sigmoid": SIGMOID}


def nonlinearity_code(name: Any) -> int:
    """The number by which the kernels know a nonlinearity; ValueError if there is none of that name."""
    if not isinstance(name, str) or name not in CODES:
        raise ValueError(f"nonlinearity is {shortened(name)}: expected one of {', '.join(CODES)}")
    return CODES[name]


def checked_nonlinearity(given: Any) -> Any:
    """A nonlinearity as the kernels take it: a name's code, or one function of the pair."""
    if not isinstance(given, tuple):
        return nonlinearity_code(given)
    if len(given) != 2:
        raise ValueError(f"nonlinearity has {len(given)} parts: expected a name, or a pair (value, slope)")
    for name, function in zip(("value", "slope"), given, strict=True):
        check_function(name, function)
    return own_nonlinearity(*given)


def check_function(name: str, function: Any) -> None:
    """Refuse what is not a compiled function from a number to a number."""
    compiled = callable(function) if config.DISABLE_JIT else is_jitted(function)
    if not compiled:
        raise TypeError(
            f"nonlinearity has the {name} {shortened(function)}: expected a function compiled by numba.njit"
        )
    try:
        inspect.signature(getattr(function, "py_func", function)).bind(0.5)
    except TypeError as error:
        raise TypeError(f"nonlinearity has a {name} with other arguments ({error}): expected a function of a") from None
    try:
        result = function(0.5)
    except NumbaError as error:
        raise TypeError(
            f"nonlinearity has a {name} that Numba can't compile for a float: expected f(a) of a"
        ) from error
    if not isinstance(result, float):
        raise TypeError(f"nonlinearity has a {name} that is {shortened(result)} at 0.5: expected a float")
