"""The networks whose influence matrix is approximated, and what their units hear."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

import rnnlab as rl
from rnnlab.experiments._lab.networks import params_of
from rnnlab.kernels.cells.lru import LRUParams

Exact = Literal["one unit", "minGRU", "LRU", "ring", "tanh", "GRU", "LSTM"]
FEW = 8  # units of the networks in which every n is tried
RING = (0.8, 0.99)  # |lambda| of the LRU
LOUD = 3.0  # times PyTorch's weights, of which a ring keeps three a unit
Array = NDArray[Any]


def network_of(name: str, size: int, rng: np.random.Generator) -> Any:
    """Parameters of one of those in which every n is tried."""
    if name == "LRU":
        return LRUParams.init(1, size, rng=rng, ring=RING)
    if name == "ring":
        return ring_of(size, rng)
    return params_of({"one unit": "tanh"}.get(name, name.lower()), 1, 1 if name == "one unit" else size, rng)


def ring_of(size: int, rng: np.random.Generator) -> Any:
    """A tanh network on a ring, each unit of which hears itself and its two neighbours."""
    params = rl.RNNParams.init(1, size, rng=rng, gain=LOUD)
    return params._replace(weight_hh=params.weight_hh * neighbours(size))


def neighbours(size: int) -> NDArray[np.bool_]:
    """Which units (H, H) on a ring hear each other."""
    apart = np.abs(np.subtract.outer(np.arange(size), np.arange(size)))
    return np.minimum(apart, size - apart) <= 1


def trained(params: Any) -> NDArray[np.bool_]:
    """Which numbers of the parameters (P,) count: none that is fixed, no weight between units that don't hear each other."""
    fixed = type(params).cell().fixed
    heard = {
        name: np.ravel(a) != 0 if name == "weight_hh" else np.ones(np.size(a), bool)
        for name, a in params._asdict().items()
    }
    return np.concatenate([where & (name not in fixed) for name, where in heard.items()])


def farthest(name: str, size: int) -> int:
    """The n at which a parameter has reached all that it ever reaches: links to the unit farthest from it, and one step."""
    return {"one unit": 1, "minGRU": 1, "ring": size // 2 + 1}.get(name, 2)
