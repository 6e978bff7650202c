"""The cells as PyTorch and JAX compute them: modules of torch.nn, and jitted scans."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from rnnlab.experiments.bench.one_unit import Array, Run

MODULES = {"rnn": "RNN", "lstm": "LSTM", "gru": "GRU"}  # of torch.nn


class Problem(NamedTuple):
    """One cell, one batch of sequences, one loss, in one floating type."""

    cell: str
    params: Any
    x: Array  # (T, B, I)
    dh: Array  # (B, H): the loss's derivative with respect to the last state


def weights_first(dx: Any, dparams: Any) -> list[Any]:
    """The gradients that are compared: of the inputs and of all matrices."""
    return [dx, *(getattr(dparams, name) for name in ("weight_ih", "weight_hh") if name in dparams._fields)]


def build_torch(problem: Problem, cores: int) -> Run:
    """The module of torch.nn, with its fused kernels where it has them."""
    torch = importlib.import_module("torch")
    torch.set_num_threads(cores)
    name = MODULES[problem.cell]
    (_, batch, inputs), hidden = problem.x.shape, problem.dh.shape[1]
    module = getattr(torch.nn, name)(inputs, hidden, dtype=getattr(torch, str(problem.x.dtype)))
    module.load_state_dict({key: torch.from_numpy(value) for key, value in problem.params.to_torch().items()})
    x, dh = torch.from_numpy(problem.x.copy()).requires_grad_(), torch.from_numpy(problem.dh)
    state = torch.zeros(1, batch, hidden, dtype=x.dtype, requires_grad=True)
    initial = (state, state.detach().clone().requires_grad_()) if name == "LSTM" else state
    leaves = [x, *module.parameters(), *(initial if name == "LSTM" else [initial])]

    def run() -> Any:
        last = module(x, initial)[0][-1]
        return torch.autograd.grad(last, leaves, dh)[:3]

    return run


def build_jax(problem: Problem, _cores: int) -> Run:
    """The gradient of a scan over time, jitted; all inputs are projected in one product before."""
    jax = importlib.import_module("jax")
    jax.config.update("jax_enable_x64", True)
    step, zeros = JAX_STEPS[problem.cell], np.zeros_like(problem.dh)

    def loss(x: Any, params: Any, initial: Any, dh: Any) -> Any:
        projected = x @ params.weight_ih.T + params.bias
        (h, _), _ = jax.lax.scan(lambda state, a: (step(jax, params, state, a), None), initial, projected)
        return (h * dh).sum()

    gradient = jax.jit(jax.grad(loss, argnums=(0, 1, 2)))
    given = jax.device_put((problem.x, problem.params, (zeros, zeros), problem.dh))

    def run() -> Any:
        dx, dparams, _ = jax.block_until_ready(gradient(*given))
        return weights_first(dx, dparams)

    return run


def jax_rnn(jax: Any, params: Any, state: Any, a: Any) -> Any:
    """One step of the vanilla cell; the second state is not used."""
    return jax.numpy.tanh(a + state[0] @ params.weight_hh.T), state[1]


def jax_lstm(jax: Any, params: Any, state: Any, a: Any) -> Any:
    """One step of the LSTM."""
    h, c = state
    i, f, g, o = jax.numpy.split(a + h @ params.weight_hh.T, 4, axis=-1)
    c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jax.numpy.tanh(g)
    return jax.nn.sigmoid(o) * jax.numpy.tanh(c), c


def jax_gru(jax: Any, params: Any, state: Any, a: Any) -> Any:
    """One step of the GRU; the second state is not used."""
    h = state[0]
    (r, z, n), (hidden_r, hidden_z, hidden_n) = (jax.numpy.split(v, 3, axis=-1) for v in (a, h @ params.weight_hh.T))
    z = jax.nn.sigmoid(z + hidden_z)
    n = jax.numpy.tanh(n + jax.nn.sigmoid(r + hidden_r) * (hidden_n + params.bias_hn))
    return (1 - z) * n + z * h, state[1]


def jax_mingru(jax: Any, _: Any, state: Any, a: Any) -> Any:
    """One step of the minGRU; the second state is not used."""
    z, n = jax.numpy.split(a, 2, axis=-1)
    return state[0] + jax.nn.sigmoid(z) * (n - state[0]), state[1]


def jax_leaky_rnn(jax: Any, params: Any, state: Any, a: Any) -> Any:
    """One step of the leaky cell; the second state is not used."""
    h = state[0]
    return h + params.delta * (a - h + jax.numpy.tanh(h) @ params.weight_hh.T), state[1]


def jax_relu_rnn(jax: Any, params: Any, state: Any, a: Any) -> Any:
    """One step of the vanilla cell with the ReLU; the second state is not used."""
    return jax.nn.relu(a + state[0] @ params.weight_hh.T), state[1]


def jax_reset_before_gru(jax: Any, params: Any, state: Any, a: Any) -> Any:
    """One step of the GRU that resets before the hidden product; the second state is not used."""
    h = state[0]
    (r, z, n), (weight_r, weight_z, weight_n) = jax.numpy.split(a, 3, axis=-1), jax.numpy.split(params.weight_hh, 3)
    r, z = jax.nn.sigmoid(r + h @ weight_r.T), jax.nn.sigmoid(z + h @ weight_z.T)
    return (1 - z) * jax.numpy.tanh(n + (r * h) @ weight_n.T) + z * h, state[1]


JAX_STEPS: dict[str, Callable[..., Any]] = {
    "rnn": jax_rnn,
    "lstm": jax_lstm,
    "gru": jax_gru,
    "mingru": jax_mingru,
    "leakyrnn": jax_leaky_rnn,
    "relurnn": jax_relu_rnn,
    "resetbeforegru": jax_reset_before_gru,
}
KNOWN: dict[str, dict[str, Any]] = {"torch": MODULES, "jax": JAX_STEPS}


def has_peer(name: str, cell: str) -> bool:
    """Whether an implementation, rnnlab among them, has a cell."""
    return cell in KNOWN.get(name, {cell})
