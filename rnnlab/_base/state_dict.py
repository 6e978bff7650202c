"""PyTorch's names of a layer's parameters, read and written without torch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnlab._base.checks import numbers, shortened

Array = NDArray[Any]


def layer_of(state: Mapping[str, Any], gates: int) -> list[Array]:
    """weight_ih, weight_hh, bias_ih, bias_hh of a module of one layer, or of a cell; missing biases are 0."""
    given = arrays_of(state)
    unknown = sorted(set(given) - {"weight_ih", "weight_hh", "bias_ih", "bias_hh"})
    if unknown:
        raise ValueError(f"the state dict has {unknown}: expected one layer, one direction and no projection")
    if not {"weight_ih", "weight_hh"} <= set(given):
        raise ValueError(
            f"the state dict has the keys {sorted(state)}: expected weight_ih_l0 and weight_hh_l0 at least"
        )
    rows = rows_of(given["weight_hh"], gates)
    weight = given["weight_ih"]
    if weight.ndim != 2 or len(weight) != rows:
        raise ValueError(f"weight_ih has shape {weight.shape}: expected ({rows}, I){is_transposed(weight, rows)}")
    zero = np.zeros(rows, weight.dtype)
    biases = [given.get(name, zero) for name in ("bias_ih", "bias_hh")]
    for name, bias in zip(("bias_ih", "bias_hh"), biases, strict=True):
        if bias.shape != (rows,):
            raise ValueError(f"{name} has shape {bias.shape}: expected ({rows},), as weight_hh has those rows")
    return [weight, given["weight_hh"], *biases]


def rows_of(weight_hh: Array, gates: int) -> int:
    """G H of recurrent weights (G H, H)."""
    if weight_hh.ndim != 2 or len(weight_hh) != gates * weight_hh.shape[1]:
        turned = weight_hh.ndim == 2 and weight_hh.shape[1] == gates * len(weight_hh)
        hint = ": transposed?" if turned else ", is it another kind of cell?"
        raise ValueError(f"weight_hh has shape {weight_hh.shape}: expected ({gates} H, H){hint}")
    return len(weight_hh)


def is_transposed(weight: Array, rows: int) -> str:
    """A question, where a weight has as many columns as it should have rows."""
    return ": transposed?" if weight.ndim == 2 and weight.shape[1] == rows else ""


def input_layer_of(state: Mapping[str, Any], gates: int) -> list[Array]:
    """weight_ih and bias_ih of a layer without recurrent weights; a missing bias is 0."""
    given = arrays_of(state)
    if not {"weight_ih"} <= set(given) <= {"weight_ih", "bias_ih"}:
        raise ValueError(f"the state dict has the keys {sorted(state)}: expected weight_ih and bias_ih")
    weight = given["weight_ih"]
    if weight.ndim != 2 or weight.shape[0] % gates:
        raise ValueError(f"weight_ih has shape {weight.shape}: expected ({gates} H, I)")
    return [weight, given.get("bias_ih", np.zeros(len(weight), weight.dtype))]


def arrays_of(state: Any) -> dict[str, Array]:
    """The arrays of a state dict by their names without _l0."""
    if not isinstance(state, Mapping) or not all(isinstance(key, str) for key in state):
        raise TypeError(f"the state dict is {shortened(state)}: expected a mapping from names to arrays or tensors")
    return {key.removesuffix("_l0"): to_array(key, value) for key, value in state.items()}


def to_array(name: str, value: Any) -> Array:
    """A copy of a tensor or an array, float32 or float64, without importing torch; half precision becomes float32."""
    if getattr(value, "is_meta", False):
        raise ValueError(
            f"{name} is on the meta device, where it has no values: load the weights into the module first"
        )
    try:
        array = np.asarray(tensor_to_array(value) if hasattr(value, "detach") else value)
    except Exception as error:  # noqa: BLE001 - a library's own refusals: sparse, fake, of ragged rows
        raise TypeError(f"{name} is {shortened(value)}: expected an array or a tensor ({shortened(error)})") from None
    if getattr(value, "is_quantized", False) or (array.dtype.kind in "iu" and array.itemsize == 1):
        raise ValueError(f"{name} is quantised: expected floating-point weights, as before quantisation")
    if array.dtype.name.startswith(("bfloat16", "float16", "float8")):
        array = array.astype(np.float32)
    return np.array(numbers(name, array, (1, 2)))


def tensor_to_array(tensor: Any) -> Any:
    """From whatever device; NumPy has no bfloat16."""
    here = tensor.detach().cpu()
    return (here.float() if here.is_floating_point() and here.element_size() < 4 else here).numpy()


def state_of(params: Any, second_bias: Array) -> dict[str, Array]:
    """PyTorch's names for copies of a layer's parameters."""
    return {
        "weight_ih_l0": np.array(params.weight_ih),
        "weight_hh_l0": np.array(params.weight_hh),
        "bias_ih_l0": np.array(params.bias),
        "bias_hh_l0": second_bias,
    }
