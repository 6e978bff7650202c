"""Whole updates of training, beside PyTorch and a jitted update of JAX: forward, loss, BPTT, clipping, step.

The temporal-order network: tanh units, a softmax readout of the last state, SGD, gradients clipped to norm 1. Batches are
drawn before; all take the same ones in the same order from the same weights.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

import rnnlab as rl
from rnnlab import tasks
from rnnlab.experiments.bench.comparing import Implementation, compared, deviation
from rnnlab.experiments.bench.timing import Array, Effort, Row, Run

UPDATES, RATE, CLIP = 200, 0.01, 1.0  # updates of one run: its set-up counts, and should not count for much
STATE_SEED = 0  # of the order of the batches


class Problem(NamedTuple):
    """The first weights, and the batches of all updates."""

    model: rl.Model
    task: rl.Task
    batches: list[rl.Batch]
    order: list[int]  # which batch each update takes


def make_problem(shape: Sequence[int]) -> Problem:
    """Shape is (T, B, H)."""
    steps, batch, hidden = shape
    rng, task = np.random.default_rng(1), tasks.temporal_order(steps)
    params = rl.RNNParams.init(task.inputs, hidden, rng=rng, scheme="orthogonal", gain=0.9)
    model = rl.Model(params, rl.Readout.init(hidden, task.outputs, rng=rng))
    batches = [task.draw(rng, batch) for _ in range(UPDATES)]
    known = task._replace(draw=lambda order, _: batches[order.integers(UPDATES)])
    order = np.random.default_rng(STATE_SEED)
    return Problem(model, known, batches, [int(order.integers(UPDATES)) for _ in range(UPDATES)])


def build_ours(problem: Problem, cores: int) -> Run:
    """The public function, with all its checks, on as many threads as there are cores."""
    recipe, size = rl.Recipe(RATE, clip_norm=CLIP, threads=cores), problem.batches[0].x.shape[1]

    def run() -> list[Array]:
        rng = np.random.default_rng(STATE_SEED)
        done = rl.fit(problem.model, problem.task, recipe, updates=UPDATES, batch_size=size, rng=rng)
        return [*done.model.params, *done.model.readout]

    return run


def build_torch(problem: Problem, cores: int) -> Run:
    """torch.nn.RNN with its optimiser and its clipping."""
    torch = importlib.import_module("torch")
    torch.set_num_threads(cores)
    (params, readout, _), kind = problem.model, torch.float64
    cell = torch.nn.RNN(params.weight_ih.shape[1], params.bias.size, dtype=kind)
    head = torch.nn.Linear(*readout.weight.shape[::-1], dtype=kind)
    cell.bias_hh_l0.requires_grad_(False)  # one bias, as ours
    leaves = [cell.weight_ih_l0, cell.weight_hh_l0, cell.bias_ih_l0, head.weight, head.bias]
    batches = [(torch.tensor(b.x), torch.tensor(b.target[0])) for b in problem.batches]
    loss, optimiser = torch.nn.CrossEntropyLoss(), torch.optim.SGD(leaves, lr=RATE)

    def run() -> Any:
        cell.load_state_dict({name: torch.tensor(value) for name, value in params.to_torch().items()})
        head.load_state_dict({name: torch.tensor(value) for name, value in readout._asdict().items()})
        for index in problem.order:
            x, label = batches[index]
            optimiser.zero_grad()
            loss(head(cell(x)[0][-1]), label).backward()
            torch.nn.utils.clip_grad_norm_(leaves, CLIP)
            optimiser.step()
        return [leaf.detach().numpy().copy() for leaf in leaves]

    return run


def build_jax(problem: Problem, _cores: int) -> Run:
    """An update in one jitted function."""
    jax = importlib.import_module("jax")
    jax.config.update("jax_enable_x64", True)
    update = jax.jit(jax_update(jax))
    first = jax.device_put([*problem.model.params, *problem.model.readout])
    batches = jax.device_put([(b.x, b.target[0]) for b in problem.batches])

    def run() -> Any:
        params = first
        for index in problem.order:
            params = update(params, *batches[index])
        return [np.asarray(array) for array in jax.block_until_ready(params)]

    return run


def jax_update(jax: Any) -> Callable[..., Any]:
    """From parameters and a batch to the next parameters; all inputs are projected in one product before."""

    def loss(params: Any, x: Any, label: Any) -> Any:
        weight_ih, weight_hh, bias, weight, readout_bias = params
        start = jax.numpy.zeros((x.shape[1], bias.size))
        projected = x @ weight_ih.T + bias
        h, _ = jax.lax.scan(lambda h, a: (jax.numpy.tanh(a + h @ weight_hh.T), None), start, projected)
        odds = jax.nn.log_softmax(h @ weight.T + readout_bias)
        return -odds[jax.numpy.arange(label.size), label].mean()

    def update(params: Any, x: Any, label: Any) -> Any:
        gradients = jax.grad(loss)(params, x, label)
        norm = jax.numpy.sqrt(sum((g**2).sum() for g in gradients))
        factor = RATE * jax.numpy.minimum(1.0, CLIP / (norm + 1e-6))
        return [p - factor * g for p, g in zip(params, gradients, strict=True)]

    return update


WHOLE = "forward, loss, BPTT, clipping, step"
IMPLEMENTATIONS = (
    Implementation("rnnlab", f"fit with its checks, a thread for each core: {WHOLE}", build_ours),
    Implementation(
        "torch.nn", f"nn.RNN, CrossEntropyLoss, clip_grad_norm_ and SGD, eager: {WHOLE}", build_torch, "torch"
    ),
    Implementation("JAX scan", f"one jitted update over lax.scan in x64 mode: {WHOLE}", build_jax, "jax"),
)


def training(shape: Sequence[int], effort: Effort, cores: int) -> list[Row]:
    """Ours and each peer: seconds of all updates, nanoseconds of one."""
    title = Row("training", f"{UPDATES} updates, {'x'.join(map(str, shape))}", dtype="float64", cores=cores)
    return compared(title, UPDATES, IMPLEMENTATIONS, make_problem(shape), effort, deviation)
