"""The nonlinearities by name, as functions of rnnlab and the command line take them."""

from __future__ import annotations

from typing import Any, Literal

from rnnlab.kernels.activations import LINEAR, RELU, SIGMOID, TANH

Nonlinearity = Literal["linear", "relu", "tanh", "sigmoid"]
CODES: dict[str, int] = {"linear": LINEAR, "relu": RELU, "tanh": TANH, "sigmoid": SIGMOID}


def nonlinearity_code(name: Any) -> int:
    """The number by which the kernels know a nonlinearity; ValueError if there is none of that name."""
    if not isinstance(name, str) or name not in CODES:
        raise ValueError(f"nonlinearity is {name!r}: expected one of {', '.join(CODES)}")
    return CODES[name]
