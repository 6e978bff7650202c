"""The cells as PyTorch computes them: modules of torch.nn, and steps that torch.compile compiles."""

from __future__ import annotations

import importlib
from typing import Any

from rnnlab.experiments.bench.cell_problem import Problem, named
from rnnlab.experiments.bench.equations import STEPS, Functions
from rnnlab.experiments.bench.timing import Run

MODULES = {"rnn": "RNN", "lstm": "LSTM", "gru": "GRU"}  # of torch.nn
AT_A_TIME = 10  # steps compiled into one function: one step is no faster than eager, 20 take 21 s to compile


def torch_on(cores: int) -> Any:
    """The library, on so many threads."""
    torch = importlib.import_module("torch")
    torch.set_num_threads(cores)
    return torch


def build_module(problem: Problem, cores: int) -> Run:
    """The module of torch.nn, with its fused kernels where it has them."""
    torch, name = torch_on(cores), named(MODULES, problem.cell, "torch.nn")
    (_, batch, inputs), hidden = problem.x.shape, problem.dh.shape[1]
    module = getattr(torch.nn, name)(inputs, hidden, dtype=getattr(torch, str(problem.x.dtype)))
    module.load_state_dict({key: torch.from_numpy(value) for key, value in problem.params.to_torch().items()})
    x, dh = torch.from_numpy(problem.x.copy()).requires_grad_(), torch.from_numpy(problem.dh)
    state = torch.zeros(1, batch, hidden, dtype=x.dtype, requires_grad=True)
    initial = (state, state.detach().clone().requires_grad_()) if name == "LSTM" else state
    leaves = [x, *module.parameters(), *(initial if name == "LSTM" else [initial])]
    return lambda: torch.autograd.grad(module(x, initial)[0][-1], leaves, dh)[:3]


def build_compiled(problem: Problem, cores: int) -> Run:
    """A loop over blocks of steps, each of which torch.compile has compiled forwards and backwards."""
    torch = torch_on(cores)
    torch._dynamo.reset()  # else a second shape would be compiled for any shape
    step = STEPS[problem.cell]
    functions = Functions(torch.tanh, torch.sigmoid, torch.relu, lambda value, parts: value.chunk(parts, -1))
    params = type(problem.params)(*(torch.from_numpy(array.copy()).requires_grad_() for array in problem.params))
    x, dh = torch.from_numpy(problem.x.copy()).requires_grad_(), torch.from_numpy(problem.dh)
    initial = tuple(torch.zeros_like(dh).requires_grad_() for _ in range(2 if problem.cell == "lstm" else 1))
    leaves = [x, *params, *initial]

    @torch.compile
    def block(h: Any, c: Any, projected: Any) -> Any:
        for a in projected.unbind(0):
            h, c = step(functions, params, (h, c), a)
        return h, c

    def run() -> Any:
        h, c = initial[0], initial[-1]
        for projected in (x @ params.weight_ih.T + params.bias).split(AT_A_TIME):
            h, c = block(h, c, projected)
        return torch.autograd.grad(h, leaves, dh)[:3]

    return run
