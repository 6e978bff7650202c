"""Cells of Flax, from their parameters: of linen, and of nnx by ``nnx.state(module)``.

linen has a matrix a gate (ii, if, ig, io, hi, ...), nnx for most cells all of them side by side (dense_i, dense_h); both
multiply from the right.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnlab._base.checks import shortened
from rnnlab._base.state_dict import to_array
from rnnlab.convert.choice import chosen, no_choice, vanilla
from rnnlab.kernels.cells import GRUParams, LSTMParams

Array = NDArray[Any]
GATES = {"LSTM": "ifgo", "GRU": "rzn", "SimpleCell": ("",)}  # in our order
KINDS: dict[str, Any] = {"LSTM": LSTMParams, "GRU": GRUParams}


def from_flax(params: Any, prefix: str | None = None, nonlinearity: str | None = None) -> Any:
    """A recurrent cell of Flax, alone or inside a model. Flax and JAX are not imported.

    Parameters
    ----------
    params : nested mapping of arrays
        As ``model.init`` or ``nnx.state(model)`` returns it, with one LSTMCell, OptimizedLSTMCell, GRUCell or SimpleCell.
    prefix : str, optional
        The path to the cell, as "params.LSTMCell_0", or a part of it that no other has; needed where there are several,
        as parameters do not say how cells are put together: `Stack` and `Bidirectional` do.
    nonlinearity : {"tanh", "relu"}, optional
        Of a SimpleCell, whose parameters do not say it; Flax's default is tanh.

    Returns
    -------
    LSTMParams, GRUParams, RNNParams or ReLURNNParams

    Raises
    ------
    TypeError, ValueError
        If there is no such cell, or more than one.

    Examples
    --------
    >>> import numpy as np
    >>> import rnnlab as rl
    >>> cell = {"i": {"kernel": np.ones((3, 4)), "bias": np.zeros(4)}, "h": {"kernel": np.eye(4)}}
    >>> rl.from_flax({"params": {"SimpleCell_0": cell}}, nonlinearity="tanh").weight_ih.shape
    (4, 3)
    """
    if not isinstance(params, Mapping):
        raise TypeError(
            f"params is {shortened(params)}: expected nested mappings, as model.init or nnx.state(model) give"
        )
    cells = dict(cells_of(params, ""))
    if not cells:
        raise ValueError(
            f"params has the keys {shortened(list(params))}: expected an LSTM, GRU or SimpleCell of Flax in it"
        )
    kind, node = cells[chosen(cells, prefix)]
    state = {f"{part}_{side}h": array for side in "ih" for part, array in side_of(node, kind, side)}
    if kind == "SimpleCell":
        return vanilla(None, nonlinearity, "a SimpleCell").from_torch(state)
    no_choice(nonlinearity, kind)
    return KINDS[kind].from_torch(state)


def cells_of(node: Mapping[Any, Any], path: str) -> Iterator[tuple[str, tuple[str, Mapping[Any, Any]]]]:
    """All cells with their paths."""
    kind = kind_of(node)
    if kind:
        yield path, (kind, node)
        return
    for key in node:
        if isinstance(node[key], Mapping):
            yield from cells_of(node[key], f"{path}.{key}".strip("."))


def kind_of(node: Mapping[Any, Any]) -> str | None:
    """Which cell has such names."""
    names = {str(key).rstrip("_") for key in node}
    if names == {"dense_i", "dense_h"}:
        hidden, columns = kernel_of("dense_h", node["dense_h"]).shape
        return {4 * hidden: "LSTM", 3 * hidden: "GRU", hidden: "SimpleCell"}.get(columns)
    return next(
        (kind for kind, gates in GATES.items() if names == {side + gate for side in "ih" for gate in gates}), None
    )


def side_of(node: Mapping[Any, Any], kind: str, side: str) -> Iterator[tuple[str, Array]]:
    """Weights, and biases if it has any, of the inputs ("i") or of the states ("h"), all gates below each other."""
    parts = {str(key).rstrip("_"): node[key] for key in node}
    dense = f"dense_{side}"
    names = [dense] if dense in parts else [f"{side}{gate}" for gate in GATES[kind]]
    kernels = [kernel_of(name, parts[name]) for name in names]
    for name, kernel in zip(names, kernels, strict=True):
        if kernel.shape != kernels[0].shape:
            raise ValueError(f"{name}.kernel has shape {kernel.shape}: expected {kernels[0].shape}, as {names[0]} has")
    yield "weight", np.concatenate([kernel.T for kernel in kernels])
    if any("bias" in parts[name] for name in names):
        zero = np.zeros(kernels[0].shape[1], kernels[0].dtype)
        yield "bias", np.concatenate([to_array(f"{name}.bias", parts[name].get("bias", zero)) for name in names])


def kernel_of(name: str, part: Any) -> Array:
    """The matrix (from, to) of a dense layer."""
    if not isinstance(part, Mapping) or "kernel" not in part:
        raise ValueError(f"{name} is {shortened(part)}: expected a mapping with kernel, and perhaps bias")
    kernel = to_array(f"{name}.kernel", part["kernel"])
    if kernel.ndim != 2:
        raise ValueError(f"{name}.kernel has shape {kernel.shape}: expected a matrix")
    return kernel
