"""PyTorch's names of a layer's parameters, read and written without torch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def layer_of(state: Mapping[str, Any], gates: int) -> list[Array]:
    """weight_ih, weight_hh, bias_ih, bias_hh of a module of one layer, or of a cell; missing biases are 0."""
    names = [key.removesuffix("_l0") for key in state]
    unknown = sorted(set(names) - {"weight_ih", "weight_hh", "bias_ih", "bias_hh"})
    if unknown:
        raise ValueError(f"the state dict has {unknown}: expected one layer, one direction and no projection")
    given = {name: to_array(value) for name, value in zip(names, state.values(), strict=True)}
    if not {"weight_ih", "weight_hh"} <= set(given):
        raise ValueError(
            f"the state dict has the keys {sorted(state)}: expected weight_ih_l0 and weight_hh_l0 at least"
        )
    rows = given["weight_hh"].shape[0]
    if rows != gates * given["weight_hh"].shape[1]:
        raise ValueError(
            f"weight_hh has shape {given['weight_hh'].shape}: expected ({gates} H, H), is it another kind of cell?"
        )
    zero = np.zeros(rows, given["weight_hh"].dtype)
    return [given["weight_ih"], given["weight_hh"], given.get("bias_ih", zero), given.get("bias_hh", zero)]


def input_layer_of(state: Mapping[str, Any], gates: int) -> list[Array]:
    """weight_ih and bias_ih of a layer without recurrent weights; a missing bias is 0."""
    given = {key.removesuffix("_l0"): to_array(value) for key, value in state.items()}
    if not {"weight_ih"} <= set(given) <= {"weight_ih", "bias_ih"}:
        raise ValueError(f"the state dict has the keys {sorted(state)}: expected weight_ih and bias_ih")
    weight = given["weight_ih"]
    if weight.ndim != 2 or weight.shape[0] % gates:
        raise ValueError(f"weight_ih has shape {weight.shape}: expected ({gates} H, I)")
    return [weight, given.get("bias_ih", np.zeros(len(weight), weight.dtype))]


def to_array(value: Any) -> Array:
    """A copy of a tensor or array as an array, without importing torch."""
    return np.array(value.detach().cpu().numpy() if hasattr(value, "detach") else value)


def state_of(params: Any, second_bias: Array) -> dict[str, Array]:
    """PyTorch's names for a layer's parameters."""
    return {
        "weight_ih_l0": params.weight_ih,
        "weight_hh_l0": params.weight_hh,
        "bias_ih_l0": params.bias,
        "bias_hh_l0": second_bias,
    }
