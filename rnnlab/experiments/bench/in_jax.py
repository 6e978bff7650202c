"""The cells as JAX computes them: jitted scans over our steps, and over the cells of equinox."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np

from rnnlab.experiments.bench.cell_problem import Problem, named, weights_first
from rnnlab.experiments.bench.equations import STEPS, Functions
from rnnlab.experiments.bench.timing import Run

EQUINOX_CELLS = {"lstm": "LSTMCell", "gru": "GRUCell"}  # of equinox.nn
EQUINOX_WEIGHTS = ("weight_ih", "weight_hh", "bias", "bias_n")  # in the order of ours
UNROLLED = 10  # steps of one turn of the scan


def jax_in_double() -> Any:
    """The library, in whose default float64 is not allowed."""
    jax = importlib.import_module("jax")
    jax.config.update("jax_enable_x64", True)
    return jax


def build_scan(problem: Problem, _cores: int, unroll: int = 1) -> Run:
    """The gradient of a scan over time, jitted; all inputs are projected in one product before."""
    jax = jax_in_double()
    step, zeros = STEPS[problem.cell], np.zeros_like(problem.dh)
    functions = Functions(jax.numpy.tanh, jax.nn.sigmoid, jax.nn.relu, lambda value, n: jax.numpy.split(value, n, -1))

    def loss(x: Any, params: Any, initial: Any, dh: Any) -> Any:
        projected = x @ params.weight_ih.T + params.bias
        (h, _), _ = jax.lax.scan(
            lambda state, a: (step(functions, params, state, a), None), initial, projected, unroll=unroll
        )
        return (h * dh).sum()

    return gradients_of(loss, problem.x, problem.params, (zeros, zeros), problem.dh)


def build_unrolled(problem: Problem, cores: int) -> Run:
    """The same with some steps in each turn of the loop."""
    return build_scan(problem, cores, UNROLLED)


def build_equinox(problem: Problem, _cores: int) -> Run:
    """A scan over a cell of equinox, vmapped over the batch."""
    jax, name = jax_in_double(), named(EQUINOX_CELLS, problem.cell, "equinox.nn")
    equinox, zeros = importlib.import_module("equinox"), np.zeros_like(problem.dh)
    sizes = problem.x.shape[2], problem.dh.shape[1]
    cell = getattr(equinox.nn, name)(*sizes, dtype=problem.x.dtype, key=jax.random.key(0))
    places = EQUINOX_WEIGHTS[: len(problem.params)]
    cell = equinox.tree_at(lambda at: [getattr(at, place) for place in places], cell, list(problem.params))

    def loss(x: Any, cell: Any, initial: Any, dh: Any) -> Any:
        state, _ = jax.lax.scan(lambda state, x_t: (jax.vmap(cell)(x_t, state), None), initial, x)
        return ((state[0] if name == "LSTMCell" else state) * dh).sum()

    return gradients_of(loss, problem.x, cell, (zeros, zeros) if name == "LSTMCell" else zeros, problem.dh)


def gradients_of(loss: Any, x: Any, weights: Any, initial: Any, dh: Any) -> Run:
    """The jitted gradient of a loss with respect to all but dh, its arguments on the device."""
    jax = importlib.import_module("jax")
    gradient = jax.jit(jax.grad(loss, argnums=(0, 1, 2)))
    given = jax.device_put((x, weights, initial, dh))

    def run() -> Any:
        dx, dweights, _ = jax.block_until_ready(gradient(*given))
        return weights_first(dx, dweights)

    return run
