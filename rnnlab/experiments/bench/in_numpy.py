"""The cells as one would write them in NumPy: loops over time, BPTT by hand; and their matrix products alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from scipy.special import expit

from rnnlab.experiments.bench.cell_problem import Problem
from rnnlab.experiments.bench.timing import Array, Run

States = tuple[Array, ...]  # h, or h and c, each (B, H)


class Loop(NamedTuple):
    """A step, and its adjoint.

    Forwards: from parameters, projected inputs (B, G) and states to the next states, and what the adjoint needs.
    Backwards: from that, the states before and the derivatives with respect to those after, to the derivatives with
    respect to the projected inputs, to the product W_hh h, and to the states before but for that product.
    """

    states: int
    forwards: Callable[..., tuple[States, Any]]
    backwards: Callable[..., tuple[Array, Array, States]]


def rnn_forwards(params: Any, a: Array, states: States) -> tuple[States, Any]:
    """tanh(a + W h)."""
    h = np.tanh(a + states[0] @ params.weight_hh.T)
    return (h,), h


def rnn_backwards(h: Array, states: States, d: States) -> tuple[Array, Array, States]:
    """Through tanh."""
    da = d[0] * (1 - h * h)
    return da, da, (np.zeros_like(states[0]),)


def lstm_forwards(params: Any, a: Array, states: States) -> tuple[States, Any]:
    """Gates i, f, g, o, and c = f c + i g, h = o tanh(c)."""
    i, f, g, o = np.split(a + states[0] @ params.weight_hh.T, 4, axis=1)
    i, f, g, o = expit(i), expit(f), np.tanh(g), expit(o)
    c = f * states[1] + i * g
    squashed = np.tanh(c)
    return (o * squashed, c), (i, f, g, o, squashed)


def lstm_backwards(kept: Any, states: States, d: States) -> tuple[Array, Array, States]:
    """Through the output gate into c, and through c into the other gates."""
    i, f, g, o, squashed = kept
    dc = d[1] + d[0] * o * (1 - squashed * squashed)
    gates = dc * g * i * (1 - i), dc * states[1] * f * (1 - f), dc * i * (1 - g * g), d[0] * squashed * o * (1 - o)
    da = np.concatenate(gates, axis=1)
    return da, da, (np.zeros_like(dc), dc * f)


def gru_forwards(params: Any, a: Array, states: States) -> tuple[States, Any]:
    """Gates r, z, candidate n = tanh(a_n + r (W h + b)), and h = n + z (h - n)."""
    (r, z, n), hidden = np.split(a, 3, axis=1), np.split(states[0] @ params.weight_hh.T, 3, axis=1)
    r, z, m = expit(r + hidden[0]), expit(z + hidden[1]), hidden[2] + params.bias_hn
    n = np.tanh(n + r * m)
    return (n + z * (states[0] - n),), (r, z, n, m)


def gru_backwards(kept: Any, states: States, d: States) -> tuple[Array, Array, States]:
    """Through the mixture into both gates and the candidate."""
    r, z, n, m = kept
    dz, dn = d[0] * (states[0] - n) * z * (1 - z), d[0] * (1 - z) * (1 - n * n)
    dr = dn * m * r * (1 - r)
    return np.concatenate([dr, dz, dn], axis=1), np.concatenate([dr, dz, dn * r], axis=1), (d[0] * z,)


LOOPS = {
    "rnn": Loop(1, rnn_forwards, rnn_backwards),
    "lstm": Loop(2, lstm_forwards, lstm_backwards),
    "gru": Loop(1, gru_forwards, gru_backwards),
}


def build_loop(problem: Problem, _cores: int) -> Run:
    """Inputs projected, and weight gradients taken, in one product over all steps."""
    cell, params, x, dh = problem
    if cell not in LOOPS:
        raise LookupError(f"no loop is written for {cell}")
    loop, (steps, batch, inputs), hidden = LOOPS[cell], x.shape, dh.shape[1]
    flat, zeros = x.reshape(-1, inputs), np.zeros_like(dh)

    def run() -> list[Array]:
        a = (flat @ params.weight_ih.T + params.bias).reshape(steps, batch, -1)
        states, kept = [(zeros,) * loop.states], []
        for a_t in a:
            after, needed = loop.forwards(params, a_t, states[-1])
            states.append(after)
            kept.append(needed)
        da, dproduct = np.empty_like(a), np.empty_like(a)
        d = (dh, *(zeros,) * (loop.states - 1))
        for t in reversed(range(steps)):
            da[t], dproduct[t], d = loop.backwards(kept[t], states[t], d)
            d = (d[0] + dproduct[t] @ params.weight_hh, *d[1:])
        da, dproduct = da.reshape(steps * batch, -1), dproduct.reshape(steps * batch, -1)
        before = np.stack([h for h, *_ in states[:-1]]).reshape(-1, hidden)
        gradients = (da @ params.weight_ih).reshape(x.shape), da.T @ flat, dproduct.T @ before
        da.sum(0), dproduct.sum(0)  # of both biases
        return list(gradients)

    return run


def build_products(problem: Problem, _cores: int) -> Run:
    """Every matrix product of a problem over all steps at once, which no recurrence allows: a bound for all."""
    rows = problem.x.shape[0] * problem.x.shape[1]
    weights = [array for array in problem.params if array.ndim == 2]
    given = [(np.ones((rows, w.shape[1]), w.dtype), np.ones((rows, w.shape[0]), w.dtype), w) for w in weights]
    made = [tuple(np.empty_like(array) for array in arrays) for arrays in given]

    def run() -> None:
        for (below, above, weight), (dbelow, projected, dweight) in zip(given, made, strict=True):
            np.dot(below, weight.T, projected)
            np.dot(above, weight, dbelow)
            np.dot(above.T, below, dweight)

    return run
