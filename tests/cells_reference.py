"""Slow, obvious versions of the cells: NumPy, one equation a line, complex arguments allowed."""

from collections.abc import Callable
from typing import Any

import numpy as np

import rnnlab as rl
from rnnlab.kernels import cells
from tests.reference import FUNCTIONS

sigmoid = FUNCTIONS["sigmoid"]
CELLS: dict[str, Any] = {  # a class made of another cell's has that one's kernels, and a test of its own
    kind.__name__.removesuffix("Params").lower(): kind for kind in cells.CELLS if kind.__base__ is tuple
}
RECURRENT = [name for name, kind in CELLS.items() if kind.cell().states]
# compiling its trainings takes half a minute; they are its step and adjoint, held in test_cells, in loops of all cells
TRAINED = {name: kind for name, kind in CELLS.items() if kind is not rl.ResetBeforeGRUParams}


def size_of_state(kind: Any) -> int:
    """How many arrays go from step to step."""
    return len(kind.cell().states)


def as_start(states: Any) -> Any:
    """Some states (S, ...) as the API takes initial ones: one alone, or several as a tuple."""
    return states[0] if len(states) == 1 else tuple(states)


def states(params: Any, x: Any, initial: Any, length: Any, nonlinearity: str = "tanh") -> Any:
    """h_1 .. h_T (T, B, H), held after a sequence's end; x (T, B, I), initial (S, B, H)."""
    if isinstance(params, rl.AttentionParams):
        return attention(params, x, length)
    h, c = initial[0], initial[-1]
    out = []
    for t, x_t in enumerate(x):
        new_h, new_c = STEPS[type(params)](params, x_t, h, c, nonlinearity)
        going = (t < np.asarray(length))[:, None]
        h, c = np.where(going, new_h, h), np.where(going, new_c, c)
        out.append(h)
    return np.array(out)


def rnn_step(p: Any, x: Any, h: Any, c: Any, nonlinearity: str) -> Any:
    return FUNCTIONS[nonlinearity](x @ p.weight_ih.T + h @ p.weight_hh.T + p.bias), c


def lstm_step(p: Any, x: Any, h: Any, c: Any, _: str) -> Any:
    i, f, g, o = np.split(x @ p.weight_ih.T + h @ p.weight_hh.T + p.bias, 4, axis=1)
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(c), c


def gru_step(p: Any, x: Any, h: Any, c: Any, _: str) -> Any:
    inputs, hidden = np.split(x @ p.weight_ih.T + p.bias, 3, axis=1), np.split(h @ p.weight_hh.T, 3, axis=1)
    r, z = sigmoid(inputs[0] + hidden[0]), sigmoid(inputs[1] + hidden[1])
    n = np.tanh(inputs[2] + r * (hidden[2] + p.bias_hn))
    return (1 - z) * n + z * h, c


def attention(p: Any, x: Any, length: Any) -> Any:
    e = x @ p.weight_ih.T + p.bias
    h = np.zeros(e.shape, complex)
    for b in range(x.shape[1]):
        q, k, v = (e[:, b] @ w.T for w in (p.weight_q, p.weight_k, p.weight_v))
        for t in range(x.shape[0]):
            weights = np.exp(k[: t + 1] @ q[t] / np.sqrt(len(p.bias)))
            own = e[t, b] + p.weight_o @ (weights / weights.sum() @ v[: t + 1])
            held = h[t - 1, b] if t else np.zeros_like(own)
            h[t, b] = own if t < np.asarray(length)[b] else held
    return h if any(map(np.iscomplexobj, (*p, x))) else h.real


def mingru_step(p: Any, x: Any, h: Any, c: Any, _: str) -> Any:
    z, n = np.split(x @ p.weight_ih.T + p.bias, 2, axis=1)
    return (1 - sigmoid(z)) * h + sigmoid(z) * n, c


def leaky_rnn_step(p: Any, x: Any, h: Any, c: Any, nonlinearity: str) -> Any:
    drive = -h + FUNCTIONS[nonlinearity](h) @ p.weight_hh.T + x @ p.weight_ih.T + p.bias
    return h + p.delta * drive, c


def reset_before_gru_step(p: Any, x: Any, h: Any, c: Any, _: str) -> Any:
    (ri, zi, ni), (wr, wz, wn) = np.split(x @ p.weight_ih.T + p.bias, 3, axis=1), np.split(p.weight_hh, 3)
    r, z = sigmoid(ri + h @ wr.T), sigmoid(zi + h @ wz.T)
    return (1 - z) * np.tanh(ni + (r * h) @ wn.T) + z * h, c


STEPS: dict[type, Callable[..., Any]] = {
    rl.RNNParams: rnn_step,
    rl.LSTMParams: lstm_step,
    rl.GRUParams: gru_step,
    rl.MinGRUParams: mingru_step,
    rl.LeakyRNNParams: leaky_rnn_step,
    rl.ResetBeforeGRUParams: reset_before_gru_step,
}


def complex_step_gradients(loss: Callable[[Any], Any], array: Any) -> Any:
    """The derivative of a real loss by every entry of an array, one complex step each (relative error 1e-15)."""
    gradient = np.empty(array.shape)
    for place in np.ndindex(array.shape):
        moved = np.array(array, complex)
        moved[place] += 1e-200j
        gradient[place] = np.imag(loss(moved)) / 1e-200
    return gradient
