"""Networks of Keras: SimpleRNN, LSTM, GRU and Bidirectional, from layers or their weights, and back.

Keras multiplies from the right, so that its matrices are ours transposed, and orders the GRU's gates z, r, h.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rnnlab._base.checks import one_of, shortened
from rnnlab._base.state_dict import to_array
from rnnlab.convert.choice import no_choice, vanilla
from rnnlab.kernels.cells import (
    Bidirectional,
    GRUParams,
    LSTMParams,
    ReLURNNParams,
    ResetBeforeGRUParams,
    RNNParams,
    Stack,
)
from rnnlab.params import checked_params

Array = NDArray[Any]
ORDERS = {"SimpleRNN": (0,), "LSTM": (0, 1, 2, 3), "GRU": (1, 0, 2)}  # Keras's blocks in our order, and back
KINDS = {
    RNNParams: "SimpleRNN",
    ReLURNNParams: "SimpleRNN",
    LSTMParams: "LSTM",
    GRUParams: "GRU",
    ResetBeforeGRUParams: "GRU",
}


class Facts(NamedTuple):
    """What weights alone do not say."""

    kind: str
    nonlinearity: str | None = None
    reset_after: bool | None = None


def from_keras(
    layer_or_weights: Any, kind: str | None = None, nonlinearity: str | None = None, reset_after: bool | None = None
) -> Any:
    """A recurrent network of Keras. Keras is not imported.

    Parameters
    ----------
    layer_or_weights : layer, model, or list
        A layer ``SimpleRNN``, ``LSTM``, ``GRU``, a cell of these, ``RNN`` or ``Bidirectional``; a model with one of them;
        or the arrays that ``get_weights()`` returns, of a Bidirectional layer twice as many. A list of layers, or of lists
        of arrays, is a stack.
    kind : {"SimpleRNN", "LSTM", "GRU"}, optional
        Of arrays, which do not say it.
    nonlinearity : {"tanh", "relu"}, optional
        Of the arrays of a SimpleRNN, which do not say it.
    reset_after : bool, optional
        Of the arrays of a GRU without bias; with one, its shape says it. False gives `ResetBeforeGRUParams`.

    Returns
    -------
    RNNParams, ReLURNNParams, LSTMParams, GRUParams or ResetBeforeGRUParams
        Of one layer in one direction.
    Bidirectional or Stack
        Of two directions, or several layers.

    Raises
    ------
    TypeError, ValueError
        If it is not as above, or has activations or a merge mode that rnnlab does not have.

    Examples
    --------
    >>> import numpy as np
    >>> import rnnlab as rl
    >>> kernel, recurrent, bias = np.ones((3, 12)), np.ones((4, 12)), np.zeros((2, 12))
    >>> type(rl.from_keras([kernel, recurrent, bias], "GRU")).__name__
    'GRUParams'
    """
    if hasattr(layer_or_weights, "get_weights"):
        if (kind, nonlinearity, reset_after) != (None, None, None):
            raise ValueError(
                "kind, nonlinearity and reset_after are of arrays: expected none, a layer says them itself"
            )
        return of_layer(layer_or_weights)
    if not isinstance(layer_or_weights, list | tuple) or not layer_or_weights:
        raise TypeError(
            f"layer_or_weights is {shortened(layer_or_weights)}: expected a layer of Keras, or the arrays of get_weights()"
        )
    if isinstance(layer_or_weights[0], list | tuple) or hasattr(layer_or_weights[0], "get_weights"):
        layers = tuple(from_keras(layer, kind, nonlinearity, reset_after) for layer in layer_or_weights)
        return layers[0] if len(layers) == 1 else checked_params(Stack(layers))[1]
    if kind is None:
        raise ValueError("kind is None: expected one of SimpleRNN, LSTM, GRU, as arrays do not say it")
    one_of("kind", kind, ORDERS)
    return of_weights(layer_or_weights, Facts(kind, nonlinearity, reset_after))


def of_layer(layer: Any, backwards: bool = False) -> Any:
    """A layer's network, by the name of its class."""
    name = type(layer).__name__
    if name == "Bidirectional":
        if layer.merge_mode != "concat":
            raise ValueError(f"the Bidirectional layer has merge_mode {layer.merge_mode!r}: expected 'concat'")
        return Bidirectional(of_layer(layer.forward_layer), of_layer(layer.backward_layer, backwards=True))
    if name == "RNN":
        refuse_backwards(layer.get_config(), name, backwards)
        return of_layer(layer.cell)
    if name == "StackedRNNCells":
        return Stack(tuple(of_layer(cell) for cell in layer.cells))
    if name.removesuffix("Cell") in ORDERS:
        return of_weights(layer.get_weights(), facts_of(layer, backwards))
    return of_model(layer)


def of_model(model: Any) -> Any:
    """The one recurrent layer of a model."""
    layers = [
        layer for layer in getattr(model, "layers", ()) if type(layer).__name__ in (*ORDERS, "RNN", "Bidirectional")
    ]
    if len(layers) == 1:
        return of_layer(layers[0])
    names = ", ".join(repr(layer.name) for layer in layers)
    told = f"has {len(layers)} recurrent layers ({names}): pass one of them" if layers else "has no recurrent layer"
    raise ValueError(f"the {type(model).__name__} {told}, or a list of those that are a stack")


def facts_of(layer: Any, backwards: bool) -> Facts:
    """What a layer's configuration says."""
    config, kind = layer.get_config(), type(layer).__name__.removesuffix("Cell")
    refuse_backwards(config, kind, backwards)
    told = config["activation"]
    if kind == "SimpleRNN":
        if told not in ("tanh", "relu"):
            raise ValueError(f"the SimpleRNN has activation {shortened(told)}: expected 'tanh' or 'relu'")
        return Facts(kind, told)
    if (told, config["recurrent_activation"]) != ("tanh", "sigmoid"):
        gate = config["recurrent_activation"]
        raise ValueError(f"the {kind} has activations {shortened((told, gate))}: expected ('tanh', 'sigmoid')")
    return Facts(kind, reset_after=config.get("reset_after"))


def refuse_backwards(config: dict[str, Any], kind: str, backwards: bool) -> None:
    """A layer goes backwards inside a Bidirectional one alone."""
    if config.get("go_backwards", False) != backwards and "go_backwards" in config:
        raise ValueError(f"the {kind} goes backwards: expected it forwards; turn the inputs round yourself")


def of_weights(weights: Sequence[Any], facts: Facts) -> Any:
    """The network of the arrays of one layer, in one direction or two."""
    if not weights:
        raise ValueError(f"the {facts.kind} has no weights: call it once on an input, which builds it")
    if len(weights) not in (2, 3, 4, 6):
        raise ValueError(
            f"there are {len(weights)} arrays: expected kernel, recurrent kernel and perhaps bias, or twice these"
        )
    if len(weights) > 3:
        half = len(weights) // 2
        return Bidirectional(of_direction(weights[:half], facts), of_direction(weights[half:], facts))
    return of_direction(weights, facts)


def of_direction(weights: Sequence[Any], facts: Facts) -> Any:
    """The cell of the arrays of one layer in one direction."""
    names = ("kernel", "recurrent_kernel", "bias")
    given = dict(zip(names, map(to_array, names, weights), strict=False))
    check_shapes(given, len(ORDERS[facts.kind]))
    order = ORDERS[facts.kind]
    kernel, recurrent = (reordered(given[name].T, order) for name in names[:2])
    if facts.kind == "GRU":
        return gru(kernel, recurrent, given.get("bias"), facts)
    state = {"weight_ih": kernel, "weight_hh": recurrent}
    state |= {"bias_ih": given["bias"]} if "bias" in given else {}
    if facts.kind == "SimpleRNN":
        return vanilla(None, facts.nonlinearity, "a SimpleRNN's list of arrays").from_torch(state)
    no_choice(facts.nonlinearity, facts.kind)
    return LSTMParams.from_torch(state)


def check_shapes(given: dict[str, Array], gates: int) -> None:
    """Refuse arrays of other shapes than Keras's."""
    recurrent, kernel = given["recurrent_kernel"], given["kernel"]
    hidden = min(recurrent.shape)
    columns = gates * hidden
    for name, array, rows in (("recurrent_kernel", recurrent, hidden), ("kernel", kernel, None)):
        if array.ndim != 2 or array.shape[1] != columns or (rows and len(array) != rows):
            turned = ": transposed?" if array.ndim == 2 and len(array) == columns else ""
            wanted = f"({rows or 'I'}, {columns}), {gates} blocks of {hidden} columns"
            raise ValueError(f"{name} has shape {array.shape}: expected {wanted}{turned}")
    bias = given.get("bias", np.zeros(columns))
    if bias.shape != (columns,) and not (gates == 3 and bias.shape == (2, columns)):
        raise ValueError(f"bias has shape {bias.shape}: expected ({columns},){f' or (2, {columns})' * (gates == 3)}")


def gru(kernel: Array, recurrent: Array, bias: Array | None, facts: Facts) -> Any:
    """A GRU of either kind; two biases are of the one that resets after the hidden product."""
    no_choice(facts.nonlinearity, "GRU")
    said = None if bias is None else bias.ndim == 2
    after = facts.reset_after if said is None else said
    if after is None:
        raise ValueError(
            "the GRU has no bias, whose shape would say it: pass reset_after=True (Keras's default) or False"
        )
    if facts.reset_after is not None and facts.reset_after != after:
        raise ValueError(f"reset_after is {facts.reset_after}: expected {after}, as its bias says")
    rows = np.zeros((2, len(kernel)), kernel.dtype) if bias is None else np.atleast_2d(bias)
    biases = [reordered(row, ORDERS["GRU"]) for row in rows]
    if not after:
        return ResetBeforeGRUParams(kernel, recurrent, biases[0])
    state = {"weight_ih": kernel, "weight_hh": recurrent, "bias_ih": biases[0], "bias_hh": biases[1]}
    return GRUParams.from_torch(state)


def reordered(array: Array, order: Sequence[int]) -> Array:
    """Blocks of rows in another order, as a new C-contiguous array."""
    blocks = np.split(array, len(order))
    return np.concatenate([blocks[k] for k in order])


def to_keras(network: Any) -> list[Any]:
    """A network's weights as ``set_weights`` of the layer of Keras takes them that computes the same; all are copies.

    Parameters
    ----------
    network : RNNParams, ReLURNNParams, LSTMParams, GRUParams, ResetBeforeGRUParams, or Bidirectional or Stack of these

    Returns
    -------
    list
        Kernel, recurrent kernel and bias; of a Bidirectional layer the six arrays of both directions; of a Stack one such
        list a layer.

    Raises
    ------
    TypeError, ValueError
        If Keras has no such layer.

    Examples
    --------
    >>> import rnnlab as rl
    >>> [array.shape for array in rl.to_keras(rl.RNNParams([[1.0], [1.0]], [[0.5, 0.0], [0.0, 0.5]], [0.0, 0.0]))]
    [(1, 2), (2, 2), (2,)]
    """
    if isinstance(network, Stack):
        return [to_keras(layer) for layer in network.layers]
    if isinstance(network, Bidirectional):
        return [*to_keras(network.forward), *to_keras(network.backward)]
    params = checked_params(network)[1]
    kind = KINDS.get(type(params))
    if kind is None:
        raise TypeError(f"network has {type(params).__name__}: expected SimpleRNN, LSTM or GRU, Keras has no other")
    order = ORDERS[kind]
    bias = params.bias
    if isinstance(params, GRUParams):
        hidden = len(params.bias_hn)
        bias = np.stack([bias, np.concatenate([np.zeros(2 * hidden, bias.dtype), params.bias_hn])])
    matrices = [np.ascontiguousarray(reordered(matrix, order).T) for matrix in (params.weight_ih, params.weight_hh)]
    return [*matrices, np.ascontiguousarray(reordered(bias.T, order).T)]
