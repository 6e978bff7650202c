"""The one-unit network, forward and BPTT of W1, W2, B1 and h_0, as rnnlab and as its peers compute it.

Each builder takes a `Problem` and returns a function without arguments that computes dh_T / d(h_0, W1, W2, B1) of every
lane. What can be prepared once (copies in a library's own type, buffers, compilation) is prepared before.
"""

from __future__ import annotations

import importlib
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from rnnlab import kernels, one_unit_gradients, to_float
from rnnlab.experiments.bench.comparing import Implementation
from rnnlab.experiments.bench.timing import Array, Run


class Problem(NamedTuple):
    """L lanes of T steps, in one floating type."""

    w1: Array  # (L,)
    w2: Array  # (L,)
    b1: Array  # (L,)
    x: Array  # (T, L)
    h0: Array  # (L,)

    def astype(self, kind: str) -> Problem:
        """The same numbers in another floating type."""
        return Problem(*(array.astype(kind) for array in self))

    def lanes(self, first: int, last: int) -> Problem:
        """A copy of some neighbouring lanes, contiguous."""
        return Problem(*(np.ascontiguousarray(array[..., first:last]) for array in self))


def make_problem(w2_points: int, seeds: int, seq_len: int) -> Problem:
    """W2 over -2 .. 2, W1 = 1, B1 = 0, h_0 = 0.5, standard normal inputs; every W2 gets the same input sequences.

    Sizes of W2 below 1/8 are 1/8, the least that the checked call takes in float32.
    """
    grid = np.linspace(-2.0, 2.0, w2_points)
    w2 = np.repeat(np.where(np.abs(grid) < 1 / 8, np.copysign(1 / 8, grid), grid), seeds)
    inputs = np.stack([np.random.default_rng(seed).standard_normal(seq_len) for seed in range(seeds)], axis=1)
    return Problem(np.ones_like(w2), w2, np.zeros_like(w2), np.tile(inputs, w2_points), np.full_like(w2, 0.5))


def build_ours(problem: Problem, cores: int) -> Run:
    """rnnlab: exponents carried; on several cores one thread for each run of neighbouring lanes."""
    edges = np.linspace(0, problem.w2.size, cores + 1).astype(int)
    parts = [kernel_arguments(problem.lanes(first, last)) for first, last in pairwise(edges)]
    threads = ThreadPoolExecutor(cores)

    def run() -> list[kernels.Gradients]:
        list(threads.map(lambda arguments: kernels.last_state_gradients(*arguments), parts))
        return [arguments[-1] for arguments in parts]

    def run_alone() -> list[kernels.Gradients]:
        kernels.last_state_gradients(*parts[0])
        return [parts[0][-1]]

    return run if cores > 1 else run_alone


def kernel_arguments(problem: Problem) -> tuple[Any, ...]:
    """What the kernel is called with, its output last."""
    (steps, lanes), kind = problem.x.shape, problem.x.dtype
    whole = np.int64 if kind == np.float64 else np.int32
    out = kernels.Gradients(*(kernels.Scaled(np.empty(lanes, kind), np.empty(lanes, whole)) for _ in range(5)))
    weights = kernels.Weights(problem.w1, problem.w2, problem.b1)
    return kernels.TANH, weights, problem.x, problem.h0, np.full(lanes, steps), out


def build_numpy(problem: Problem, _cores: int) -> Run:
    """NumPy, vectorised over lanes, nothing allocated in the loops over time."""
    h = np.empty((problem.x.shape[0] + 1, problem.x.shape[1]), problem.x.dtype)
    sums = np.empty((4, problem.x.shape[1]), problem.x.dtype)
    work = np.empty((2, problem.x.shape[1]), problem.x.dtype)

    def run() -> Array:
        numpy_forward(problem, h, work[0])
        numpy_backward(problem, h, sums, work)
        return sums

    return run


def numpy_forward(problem: Problem, h: Array, work: Array) -> None:
    """States into `h` (T + 1, L)."""
    w1, w2, b1, x, h0 = problem
    h[0] = h0
    for t in range(1, len(h)):
        np.multiply(w1, x[t - 1], out=work)
        np.add(work, b1, out=work)
        np.multiply(w2, h[t - 1], out=h[t])
        np.add(h[t], work, out=h[t])
        np.tanh(h[t], out=h[t])


def numpy_backward(problem: Problem, h: Array, sums: Array, work: Array) -> None:
    """Gradients of h_0, W1, W2, B1 into the rows of `sums`."""
    x, w2 = problem.x, problem.w2
    (dh, dw1, dw2, db1), (da, term) = sums, work
    sums[1:] = 0.0
    dh[:] = 1.0
    for t in range(len(h) - 1, 0, -1):
        np.multiply(h[t], h[t], out=da)
        np.subtract(1.0, da, out=da)
        np.multiply(dh, da, out=da)
        np.multiply(da, x[t - 1], out=term)
        np.add(dw1, term, out=dw1)
        np.multiply(da, h[t - 1], out=term)
        np.add(dw2, term, out=dw2)
        np.add(db1, da, out=db1)
        np.multiply(da, w2, out=dh)


def build_torch(problem: Problem, cores: int) -> Run:
    """PyTorch: autograd through a loop over time; projecting all inputs before the loop takes nearly twice as long."""
    torch = importlib.import_module("torch")
    torch.set_num_threads(cores)
    w1, w2, b1, x, h0 = (torch.from_numpy(array.copy()) for array in problem)
    leaves = [leaf.requires_grad_() for leaf in (h0, w1, w2, b1)]
    one = torch.ones_like(h0)

    def run() -> Any:
        h = h0
        for x_t in x.unbind(0):
            h = torch.tanh(torch.addcmul(torch.addcmul(b1, w1, x_t), w2, h))
        return torch.autograd.grad(h, leaves, one)

    return run


def build_jax(problem: Problem, _cores: int) -> Run:
    """JAX: the gradient of a scan over time, vmapped over lanes, jitted, in x64 mode."""
    jax = importlib.import_module("jax")
    jax.config.update("jax_enable_x64", True)
    tanh = importlib.import_module("jax.numpy").tanh

    def last_state(h0: Any, w1: Any, w2: Any, b1: Any, x: Any) -> Any:
        return jax.lax.scan(lambda h, x_t: (tanh(w1 * x_t + w2 * h + b1), None), h0, x)[0]

    gradient = jax.jit(jax.vmap(jax.grad(last_state, argnums=(0, 1, 2, 3)), in_axes=(0, 0, 0, 0, 1)))
    given = [jax.device_put(array) for array in (problem.h0, problem.w1, problem.w2, problem.b1, problem.x)]
    return lambda: jax.block_until_ready(gradient(*given))


def build_checked(problem: Problem, _cores: int) -> Run:
    """The public call: checks, and every gradient, those of each input and state among them."""
    w1, w2, b1, x, h0 = problem

    def run() -> list[kernels.Gradients]:
        flow = one_unit_gradients(w1, w2, b1, x, h0)
        first_h, first_x = (kernels.Scaled(*(array[0] for array in number)) for number in (flow.h, flow.x))
        return [kernels.Gradients(first_h, first_x, flow.w1, flow.w2, flow.b1)]

    return run


def build_tanh(problem: Problem, _cores: int) -> Run:
    """One tanh over as many numbers."""
    out = np.empty_like(problem.x)

    def run() -> None:
        np.tanh(problem.x, out)

    return run


LAST = "gradients of h_T: by W1, W2, B1 and h_0"
IMPLEMENTATIONS = (
    Implementation(
        "rnnlab kernel", f"last_state_gradients, a thread for each core; {LAST}, x_1, exponents", build_ours
    ),
    Implementation(
        "rnnlab", f"one_unit_gradients with its checks; {LAST}, every x_t and h_t, exponents", build_checked
    ),
    Implementation("NumPy loop", f"loops over time on one core, buffers made before; {LAST}", build_numpy, "numpy"),
    Implementation("torch loop", f"eager loop over time, autograd backward; {LAST}", build_torch, "torch"),
    Implementation("JAX scan", f"jit(vmap(grad)) of lax.scan in x64 mode; {LAST}", build_jax, "jax"),
    Implementation("one np.tanh", "np.tanh of as many numbers on one core, nothing else", build_tanh, "numpy"),
)


def difference(result: Any, ours: Any) -> float:
    """Of two runs."""
    return deviation(gradients(result), gradients(ours))


def gradients(result: Any) -> Array:
    """What a run returned, as one array (4, L) of the gradients of h_0, W1, W2 and B1."""
    if isinstance(result, list):
        columns = [[to_float(number) for number in (part.h0, part.w1, part.w2, part.b1)] for part in result]
        return np.concatenate(columns, axis=1)
    return np.array([np.asarray(row) for row in result])


def deviation(measured: Array, reference: Array) -> float:
    """Largest relative difference; below 1e-290 (float32: 1e-30) plain products are subnormal and not compared."""
    smallest = 1e-290 if reference.dtype == np.float64 else 1e-30
    size = np.maximum(np.abs(reference), smallest)
    return float(np.max(np.abs(measured.astype(np.float64) - reference) / size))
