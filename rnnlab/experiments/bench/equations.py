"""One step of each cell, written once for every library that differentiates by itself: JAX and PyTorch.

A step takes a library's functions, the parameters, the state (h, c) and the projected inputs a = W_ih x + b, and returns
the next state; where a cell has no c, it is handed on. The equations are those at the head of each cell's own file.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple


class Functions(NamedTuple):
    """What a library calls them."""

    tanh: Callable[[Any], Any]
    sigmoid: Callable[[Any], Any]
    relu: Callable[[Any], Any]
    split: Callable[[Any, int], Any]  # into so many equal parts of the last axis


def rnn(f: Functions, params: Any, state: Any, a: Any) -> Any:
    """One step of the vanilla cell."""
    return f.tanh(a + state[0] @ params.weight_hh.T), state[1]


def relu_rnn(f: Functions, params: Any, state: Any, a: Any) -> Any:
    """One step of the vanilla cell with the ReLU."""
    return f.relu(a + state[0] @ params.weight_hh.T), state[1]


def leaky_rnn(f: Functions, params: Any, state: Any, a: Any) -> Any:
    """One step of the leaky cell."""
    h = state[0]
    return h + params.delta * (a - h + f.tanh(h) @ params.weight_hh.T), state[1]


def lstm(f: Functions, params: Any, state: Any, a: Any) -> Any:
    """One step of the LSTM."""
    h, c = state
    i, forget, g, o = f.split(a + h @ params.weight_hh.T, 4)
    c = f.sigmoid(forget) * c + f.sigmoid(i) * f.tanh(g)
    return f.sigmoid(o) * f.tanh(c), c


def gru(f: Functions, params: Any, state: Any, a: Any) -> Any:
    """One step of the GRU."""
    h = state[0]
    (r, z, n), (hidden_r, hidden_z, hidden_n) = f.split(a, 3), f.split(h @ params.weight_hh.T, 3)
    z = f.sigmoid(z + hidden_z)
    n = f.tanh(n + f.sigmoid(r + hidden_r) * (hidden_n + params.bias_hn))
    return (1 - z) * n + z * h, state[1]


def reset_before_gru(f: Functions, params: Any, state: Any, a: Any) -> Any:
    """One step of the GRU that resets before the hidden product."""
    h = state[0]
    (r, z, n), (weight_r, weight_z, weight_n) = f.split(a, 3), f.split(params.weight_hh.T, 3)
    r, z = f.sigmoid(r + h @ weight_r), f.sigmoid(z + h @ weight_z)
    return (1 - z) * f.tanh(n + (r * h) @ weight_n) + z * h, state[1]


def mingru(f: Functions, _: Any, state: Any, a: Any) -> Any:
    """One step of the minGRU."""
    z, n = f.split(a, 2)
    return state[0] + f.sigmoid(z) * (n - state[0]), state[1]


STEPS: dict[str, Callable[..., Any]] = {
    "rnn": rnn,
    "relurnn": relu_rnn,
    "leakyrnn": leaky_rnn,
    "lstm": lstm,
    "gru": gru,
    "resetbeforegru": reset_before_gru,
    "mingru": mingru,
}
