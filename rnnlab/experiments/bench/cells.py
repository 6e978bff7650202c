"""Vector cells, forward and BPTT of every parameter, the inputs and h_0, beside torch.nn and a jitted scan of JAX.

The loss is the product of the last state with a fixed vector. What can be prepared once is prepared before: buffers,
copies in a library's own type, compilation.
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from rnnlab import GRUParams, LSTMParams, RNNParams, Workspace
from rnnlab.experiments.bench.one_unit import Array, Run, installed
from rnnlab.experiments.bench.timing import NAN, Row, binding_note, fastest, judged

PARAMS: dict[str, Any] = {"rnn": RNNParams, "lstm": LSTMParams, "gru": GRUParams}
FASTER_TARGET, MEAN_TARGET = 1.0, 3.0
LARGE = 256  # units from which the share of the matrix-product rate is told
PRODUCT_SIZE = 1024
PEERS = ("torch", "jax")


class Problem(NamedTuple):
    """One cell, one batch of sequences, one loss, in one floating type."""

    params: Any
    x: Array  # (T, B, I)
    dh: Array  # (B, H): the loss's derivative with respect to the last state


def make_problem(cell: str, kind: str, shape: Sequence[int]) -> Problem:
    """PyTorch's initialisation and standard normal inputs; shape is (T, B, I, H)."""
    steps, batch, inputs, hidden = shape
    rng = np.random.default_rng(0)
    params = PARAMS[cell].init(inputs, hidden, rng=rng, dtype=kind)
    x, dh = (rng.standard_normal(size).astype(kind) for size in ((steps, batch, inputs), (batch, hidden)))
    return Problem(params, x, dh)


def build_ours(problem: Problem, cores: int) -> Run:
    """The public work space, on as many threads as there are cores."""
    params, x, dh = problem
    workspace = Workspace(params, x.shape[0], x.shape[1], threads=cores)

    def run() -> list[Array]:
        workspace.forward(params, x)
        gradients = workspace.backward(dh)
        return [gradients.x, gradients.params.weight_ih, gradients.params.weight_hh]

    return run


def build_torch(problem: Problem, cores: int) -> Run:
    """The module of torch.nn, with its fused kernels where it has them."""
    torch = importlib.import_module("torch")
    torch.set_num_threads(cores)
    name = {RNNParams: "RNN", LSTMParams: "LSTM", GRUParams: "GRU"}[type(problem.params)]
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
    step = {RNNParams: jax_rnn, LSTMParams: jax_lstm, GRUParams: jax_gru}[type(problem.params)]
    zeros = np.zeros_like(problem.dh)

    def loss(x: Any, params: Any, initial: Any, dh: Any) -> Any:
        projected = x @ params[0].T + params[2]
        (h, _), _ = jax.lax.scan(lambda state, a: (step(jax, params, state, a), None), initial, projected)
        return (h * dh).sum()

    gradient = jax.jit(jax.grad(loss, argnums=(0, 1, 2)))
    given = jax.device_put((problem.x, tuple(problem.params), (zeros, zeros), problem.dh))

    def run() -> Any:
        dx, dparams, _ = jax.block_until_ready(gradient(*given))
        return [dx, dparams[0], dparams[1]]

    return run


def jax_rnn(jax: Any, params: Any, state: Any, a: Any) -> Any:
    """One step of the vanilla cell; the second state is not used."""
    h = jax.numpy.tanh(a + state[0] @ params[1].T)
    return h, state[1]


def jax_lstm(jax: Any, params: Any, state: Any, a: Any) -> Any:
    """One step of the LSTM."""
    h, c = state
    i, f, g, o = jax.numpy.split(a + h @ params[1].T, 4, axis=-1)
    c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jax.numpy.tanh(g)
    return jax.nn.sigmoid(o) * jax.numpy.tanh(c), c


def jax_gru(jax: Any, params: Any, state: Any, a: Any) -> Any:
    """One step of the GRU; the second state is not used."""
    h = state[0]
    (r, z, n), (hidden_r, hidden_z, hidden_n) = (jax.numpy.split(v, 3, axis=-1) for v in (a, h @ params[1].T))
    z = jax.nn.sigmoid(z + hidden_z)
    n = jax.numpy.tanh(n + jax.nn.sigmoid(r + hidden_r) * (hidden_n + params[3]))
    return (1 - z) * n + z * h, state[1]


BUILDERS: dict[str, Callable[[Problem, int], Run]] = {"rnnlab": build_ours, "torch": build_torch, "jax": build_jax}


def cells(shapes: Sequence[Sequence[int]], repeats: int, cores: int) -> list[Row]:
    """Every cell, type and shape; a last row has the geometric mean of the ratios to the faster peer."""
    rows = [
        row
        for cell in PARAMS
        for kind in ("float64", "float32")
        for shape in shapes
        for row in compare(cell, kind, shape, repeats, cores)
    ]
    ratios = [row.ratio for row in rows if row.implementation.endswith("faster peer")]
    if ratios:
        mean = math.exp(sum(math.log(ratio) for ratio in ratios) / len(ratios))
        rows.append(judged(Row("cells", "geometric mean", "both", cores, ratio=mean, target=MEAN_TARGET)))
    return rows


def compare(cell: str, kind: str, shape: Sequence[int], repeats: int, cores: int) -> Iterator[Row]:
    """Ours, each peer, and the faster of the peers, on one problem."""
    problem = make_problem(cell, kind, shape)
    runs = {name: build(problem, cores) for name, build in BUILDERS.items() if installed(name)}
    results = {name: [np.asarray(array) for array in run()] for name, run in runs.items()}
    seconds = fastest(runs, repeats)
    title = f"{cell} {tuple(shape)}"
    items = shape[0] * shape[1] * shape[3]
    for name, taken in seconds.items():
        row = Row("cells", f"{title}: {name}", kind, cores, taken, 1e9 * taken / items, note=binding_note())
        if name != "rnnlab":
            row = row._replace(ratio=taken / seconds["rnnlab"], deviation=deviation(results[name], results["rnnlab"]))
        yield row
    if shape[3] >= LARGE:
        share = products_of(problem) / seconds["rnnlab"] / product_rate(kind)
        yield Row("cells", f"{title}: share of the matrix-product rate", kind, cores, ratio=share)
    if len(seconds) > 1:
        ratio = min(seconds[name] for name in seconds if name != "rnnlab") / seconds["rnnlab"]
        row = Row("cells", f"{title}: faster peer", kind, cores, ratio=ratio, target=FASTER_TARGET, deviation=NAN)
        yield judged(row)


def products_of(problem: Problem) -> float:
    """Multiplications and additions of all matrix products, forward and back: three products with every weight."""
    steps, batch = problem.x.shape[:2]
    return 6.0 * steps * batch * (problem.params.weight_ih.size + problem.params.weight_hh.size)


@cache
def product_rate(kind: str) -> float:
    """Multiplications and additions a second of a square matrix product, the best of ten."""
    one = np.ones((PRODUCT_SIZE, PRODUCT_SIZE), kind)
    out = np.empty_like(one)
    return 2.0 * PRODUCT_SIZE**3 / fastest({"product": lambda: np.dot(one, one, out)}, 10)["product"]


def deviation(measured: Sequence[Array], reference: Sequence[Array]) -> float:
    """Largest difference of a gradient relative to its largest entry."""
    pairs = zip(measured, reference, strict=True)
    return max(float(np.abs(one - other).max() / max(np.abs(other).max(), 1e-300)) for one, other in pairs)
