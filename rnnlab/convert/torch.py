"""Networks of PyTorch: RNN, LSTM and GRU of ``torch.nn`` and their cells, from modules or state dicts, and back."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from numpy.typing import NDArray

from rnnlab._base.checks import shortened
from rnnlab._base.state_dict import to_array
from rnnlab.convert.choice import chosen, no_choice, vanilla
from rnnlab.kernels.cells import Bidirectional, GRUParams, LSTMParams, ReLURNNParams, RNNParams, Stack
from rnnlab.params import checked_params

Array = NDArray[Any]
NAME = re.compile(
    r"(?:(?P<path>.*)\.)?(?P<name>(?:weight|bias)_(?:ih|hh|hr))(?:_l(?P<layer>\d+))?(?P<reverse>_reverse)?"
)
PARAMETRISED = re.compile(r"(weight|bias)_(ih|hh)\w*(_g|_v|_orig|\.original\d*)$")
QUANTISED = ("_packed_params", "_all_weight_values")
GATES = {1: "RNN", 3: "GRU", 4: "LSTM"}
GATED = {"GRU": GRUParams, "LSTM": LSTMParams}


class Found(NamedTuple):
    """One recurrent network on its way from a source."""

    kind: str | None  # RNN, LSTM or GRU, where the source says it
    nonlinearity: str | None
    tensors: dict[tuple[int, bool], dict[str, Any]]  # (layer, whether reversed) -> name -> tensor


def from_torch(source: Any, prefix: str | None = None, nonlinearity: str | None = None) -> Any:
    """A recurrent network of PyTorch, alone or inside a model. torch is not imported.

    Parameters
    ----------
    source : torch.nn.Module or mapping from names to tensors or arrays
        A module, or a state dict, with one ``RNN``, ``LSTM``, ``GRU`` or a cell of these, of any number of layers, in one
        direction or two, with or without biases, on any device. float16 and bfloat16 become float32.
    prefix : str, optional
        The path to the network, or a part of it that no other has; needed where there are several.
    nonlinearity : {"tanh", "relu"}, optional
        Of an ``RNN``, whose state dict does not say it; a module does.

    Returns
    -------
    RNNParams, ReLURNNParams, LSTMParams or GRUParams
        Of one layer in one direction; the type says the nonlinearity.
    Bidirectional
        Of one layer in two directions.
    Stack
        Of several layers.

    Raises
    ------
    TypeError, ValueError
        If there is no network, or more than one, or one that rnnlab does not have (projections); or if it has no values
        (meta tensors), rounded ones (quantised) or some that are not finite. The message says what to do.

    Examples
    --------
    >>> import numpy as np
    >>> import rnnlab as rl
    >>> drawn = rl.LSTMParams.init(3, 4, rng=np.random.default_rng(0))
    >>> state = {f"model.encoder.{name}": array for name, array in rl.to_torch(drawn).items()}
    >>> type(rl.from_torch(state)).__name__
    'LSTMParams'
    """
    found = in_mapping(source, prefix) if isinstance(source, Mapping) else in_module(source, prefix)
    layers = {place: arrays(tensors) for place, tensors in found.tensors.items()}
    if (0, False) not in layers or not {"weight_ih", "weight_hh"} <= set(layers[0, False]):
        raise ValueError(
            f"the network has the names {shown(found)}: expected weight_ih and weight_hh from layer 0 on{hint(source)}"
        )
    name = found.kind or kind_of(layers[0, False]["weight_hh"])
    if name == "RNN":
        what = "the module" if found.kind else "a state dict of an RNN"
        return network_of(vanilla(found.nonlinearity, nonlinearity, what), layers)
    no_choice(nonlinearity, name)
    return network_of(GATED[name], layers)


def shown(found: Found) -> str:
    """The names that a network has."""
    names = (
        f"{name}_l{layer}{'_reverse' * back}" for (layer, back), tensors in found.tensors.items() for name in tensors
    )
    return shortened(sorted(names))


def in_mapping(state: Mapping[Any, Any], prefix: str | None) -> Found:
    """The network that a state dict has."""
    if not all(isinstance(key, str) for key in state):
        raise TypeError(f"the state dict is {shortened(state)}: expected names, which are strings, as keys")
    matches = [(found, state[key]) for key in state if (found := NAME.fullmatch(key))]
    if not matches:
        raise ValueError(
            f"the state dict has {len(state)} entries, {shortened(list(state))}, and no recurrent network: "
            f"expected names such as weight_ih_l0 and weight_hh_l0, after any prefix{hint(state)}"
        )
    path = chosen((match["path"] or "" for match, _ in matches), prefix)
    return Found(None, None, by_place((match, value) for match, value in matches if (match["path"] or "") == path))


def in_module(source: Any, prefix: str | None) -> Found:
    """The network that a module is or has; its weights as they are computed, should they be parametrised."""
    if not hasattr(source, "named_modules"):
        raise TypeError(f"source is {shortened(source)}: expected a torch.nn.Module, or a mapping from names to arrays")
    modules = {path: (kind, module) for path, module in source.named_modules() if (kind := kind_of_module(module))}
    if not modules:
        raise ValueError(f"source is a {type(source).__name__}: expected an RNN, LSTM or GRU of torch.nn in it")
    kind, module = modules[chosen(modules, prefix)]
    names = ((match, getattr(module, name)) for name in dir(module) if (match := NAME.fullmatch(name)))
    return Found(kind, getattr(module, "nonlinearity", None), by_place(names))


def kind_of_module(module: Any) -> str | None:
    """RNN, LSTM or GRU, if it is one of torch.nn or made of one."""
    for base in type(module).__mro__:
        kind = base.__name__.removesuffix("Cell")
        if base.__module__.startswith("torch.") and kind in GATES.values():
            if "quantized" in base.__module__:
                raise ValueError(f"the {kind} is quantised: expected floating-point weights, as before quantisation")
            return kind
    return None


def by_place(named: Any) -> dict[tuple[int, bool], dict[str, Any]]:
    """Tensors by layer and direction."""
    places: dict[tuple[int, bool], dict[str, Any]] = {}
    for match, value in named:
        if value is not None:  # as a bias that a cell was made without
            places.setdefault((int(match["layer"] or 0), bool(match["reverse"])), {})[match["name"]] = value
    return places


def arrays(tensors: dict[str, Any]) -> dict[str, Array]:
    """One layer's arrays."""
    if "weight_hr" in tensors:
        raise ValueError("the LSTM has projections (proj_size), weight_hr: expected none, no cell of rnnlab has them")
    return {name: to_array(name, value) for name, value in tensors.items()}


def kind_of(weight_hh: Array) -> str:
    """RNN, GRU or LSTM, by how many blocks of rows the recurrent weights have."""
    rows, columns = weight_hh.shape if weight_hh.ndim == 2 else (1, 0)
    for gates, kind in GATES.items():
        if rows == gates * columns:
            return kind
    turned = ": transposed?" if weight_hh.ndim == 2 and columns in (3 * rows, 4 * rows) else ""
    raise ValueError(f"weight_hh has shape {weight_hh.shape}: expected (H, H), (3 H, H) or (4 H, H){turned}")


def hint(source: Any) -> str:
    """What a state dict without plain weights may be."""
    names = list(source) if isinstance(source, Mapping) else []
    if any(mark in name for name in names for mark in QUANTISED):
        return "; this one is quantised, take the weights as before quantisation"
    if any(PARAMETRISED.search(name) for name in names):
        return "; this one is parametrised, pass the module itself"
    return ""


def network_of(kind: Any, layers: dict[tuple[int, bool], dict[str, Array]]) -> Any:
    """The parameters of all layers and directions."""
    directions = (False, True) if (0, True) in layers else (False,)
    count = len(layers) // len(directions)
    if set(layers) != {(k, back) for k in range(count) for back in directions}:
        told = sorted(f"layer {k}{' reversed' * back}" for k, back in layers)
        raise ValueError(
            f"the network has {', '.join(told)}: expected layers from 0 on, all in one direction or in two"
        )
    made = [[kind.from_torch(layers[k, back]) for back in directions] for k in range(count)]
    parts = [Bidirectional(*layer) if len(layer) == 2 else layer[0] for layer in made]
    return checked_params(parts[0] if count == 1 else Stack(tuple(parts)))[1]


def to_torch(network: Any) -> dict[str, Array]:
    """A network's state dict for the module of PyTorch that computes the same; arrays, all of them copies.

    Parameters
    ----------
    network : RNNParams, ReLURNNParams, LSTMParams, GRUParams, or Bidirectional or Stack of these
        Of one kind and one number of units, as PyTorch's modules are.

    Returns
    -------
    dict of ndarray
        By names such as weight_ih_l1_reverse; ``{name: torch.from_numpy(array) ...}`` is what ``load_state_dict`` takes,
        and ``numpy.savez(path, **state)`` what `load_weights` reads.

    Raises
    ------
    TypeError, ValueError
        If PyTorch has no such network.

    Examples
    --------
    >>> import rnnlab as rl
    >>> list(rl.to_torch(rl.RNNParams([[1.0]], [[0.5]], [0.0])))
    ['weight_ih_l0', 'weight_hh_l0', 'bias_ih_l0', 'bias_hh_l0']
    """
    given = checked_params(network)[1]
    layers = given.layers if isinstance(given, Stack) else (given,)
    rows = [tuple(layer) if isinstance(layer, Bidirectional) else (layer,) for layer in layers]
    check_module(rows)
    return {
        f"{name.removesuffix('_l0')}_l{k}{end}": array
        for k, row in enumerate(rows)
        for end, params in zip(("", "_reverse"), row, strict=False)
        for name, array in params.to_torch().items()
    }


def check_module(layers: list[tuple[Any, ...]]) -> None:
    """Refuse a network that no module of torch.nn is."""
    cells = [params for layer in layers for params in layer]
    kinds = set(map(type, cells))
    told = ", ".join(sorted(kind.__name__ for kind in kinds))
    if not kinds <= {RNNParams, ReLURNNParams, LSTMParams, GRUParams}:
        raise TypeError(f"network has {told}: expected RNN, LSTM or GRU")
    sizes = {params.weight_hh.shape[1] for params in cells}
    both = len({len(layer) for layer in layers}) > 1
    if len(kinds) > 1 or len(sizes) > 1 or both:
        raise ValueError(
            f"network has {told} of {sorted(sizes)} units{', some in two directions' * both}: "
            "expected one kind and one size, all in one direction or all in two, as torch.nn has"
        )
