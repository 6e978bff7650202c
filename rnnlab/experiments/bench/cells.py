"""Vector cells, forward and BPTT, beside PyTorch, JAX, equinox and NumPy; and stacks of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

import rnnlab as rl
from rnnlab.experiments.bench import in_jax, in_numpy, in_torch
from rnnlab.experiments.bench.cell_problem import RECURRENT, Problem, make_problem, weights_first
from rnnlab.experiments.bench.comparing import Implementation, compared, deviation
from rnnlab.experiments.bench.timing import Array, Effort, Row, Run

STACKED = (200, 1, 64, 3)  # T, B, H and layers: a small batch, beside which calls cost most
Shapes = Sequence[Sequence[int]]


def build_call(problem: Problem, _cores: int) -> Run:
    """The plain call."""
    _, params, x, dh = problem

    def run() -> list[Array]:
        gradients = rl.backward(rl.forward(params, x), dh)
        return weights_first(gradients.x, gradients.params)

    return run


def build_workspace(problem: Problem, cores: int) -> Run:
    """The work space, on as many threads as there are cores."""
    _, params, x, dh = problem
    workspace = rl.Workspace(params, x.shape[0], x.shape[1], threads=cores)

    def run() -> list[Array]:
        workspace.forward(params, x)
        gradients = workspace.backward(dh)
        return weights_first(gradients.x, gradients.params)

    return run


ALL = "gradients of all weights, inputs, initial states"
IMPLEMENTATIONS = (
    Implementation("rnnlab", f"forward and backward with their checks, fresh arrays; {ALL}", build_call),
    Implementation("Workspace", f"Workspace.forward and backward, arrays kept; {ALL}", build_workspace),
    Implementation("torch.nn", f"nn.RNN, LSTM or GRU, eager, autograd backward; {ALL}", in_torch.build_module, "torch"),
    Implementation("JAX scan", f"jit(grad) of lax.scan; {ALL}", in_jax.build_scan, "jax"),
)
FURTHER = (  # they take long to compile, or to run
    Implementation("NumPy loop", f"loops over time, BPTT by hand; {ALL}", in_numpy.build_loop, "numpy"),
    Implementation(
        "torch.compile",
        f"a loop over blocks of {in_torch.AT_A_TIME} steps that torch.compile compiled, autograd backward; {ALL}",
        in_torch.build_compiled,
        "torch",
    ),
    Implementation(
        "JAX unrolled",
        f"jit(grad) of lax.scan with unroll={in_jax.UNROLLED}; {ALL}",
        in_jax.build_unrolled,
        "jax",
    ),
    Implementation(
        "equinox", f"jit(grad) of lax.scan over nn.LSTMCell or GRUCell, vmapped; {ALL}", in_jax.build_equinox, "equinox"
    ),
    Implementation(
        "its products", "np.dot of the same sizes, all steps at once; nothing else", in_numpy.build_products, "numpy"
    ),
)


def cells(cell: str, shapes: Shapes, further: Shapes, effort: Effort, cores: int) -> list[Row]:
    """A cell in both types at every shape, with further peers at some of them; and a stack of it."""
    rows = [stack(cell, effort, cores)]
    for kind in ("float64", "float32"):
        for shape in shapes:
            title = Row("cells", f"{cell} {'x'.join(map(str, shape))}", dtype=kind, cores=cores)
            implementations = IMPLEMENTATIONS + FURTHER * (shape in further)
            items = shape[0] * shape[1] * shape[3]
            rows.append(compared(title, items, implementations, make_problem(cell, kind, shape), effort, deviation))
    return [row for group in rows for row in group]


def stack(cell: str, effort: Effort, cores: int) -> list[Row]:
    """A stack, forward and back, beside its layers one after another by the same two functions."""
    steps, batch, hidden, layers = STACKED
    rng = np.random.default_rng(0)
    network = rl.Stack.init(RECURRENT[cell], hidden, hidden, layers, rng=rng)
    given = rng.standard_normal((steps, batch, hidden)), rng.standard_normal((batch, hidden))
    title = Row("stack", f"{layers} layers of {cell}", dtype="float64", cores=cores)
    ways = (
        Implementation("rnnlab", "forward and backward of the stack", way(whole, *given)),
        Implementation("its layers by hand", "forward and backward of each layer in turn", way(by_hand, *given)),
    )
    return compared(title, steps * batch * hidden * layers, ways, network, effort, deviation)


def way(function: Callable[..., list[Array]], x: Array, dh: Array) -> Callable[[Any, int], Run]:
    """A builder of a run through a network."""
    return lambda network, _cores: partial(function, network, x, dh)


def whole(network: Any, x: Array, dh: Array) -> list[Array]:
    """The gradient with respect to a stack's inputs, in two calls."""
    return [rl.backward(rl.forward(network, x), dh).x]


def by_hand(network: Any, x: Array, dh: Array) -> list[Array]:
    """The same, layer by layer."""
    tapes, below, above = [], x, dh
    for layer in network.layers:
        tapes.append(rl.forward(layer, below))
        below = tapes[-1].h[1:]
    for tape in reversed(tapes):
        above = rl.backward(tape, above).x
    return [above]
