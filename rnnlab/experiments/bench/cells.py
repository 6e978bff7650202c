"""Vector cells, forward and BPTT of every parameter, the inputs and h_0, beside torch.nn and a jitted scan of JAX.

The loss is the product of the last state with a fixed vector. What can be prepared once is prepared before: buffers,
copies in a library's own type, compilation.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import Any

import numpy as np

import rnnlab as rl
from rnnlab.experiments.bench.one_unit import Array, Run, installed
from rnnlab.experiments.bench.peers import Problem, build_jax, build_torch, has_peer, weights_first
from rnnlab.experiments.bench.timing import NAN, Row, binding_note, fastest, judged
from rnnlab.kernels.cells import CELLS

RECURRENT: dict[str, Any] = {kind.__name__.removesuffix("Params").lower(): kind for kind in CELLS if kind.cell().states}
FASTER_TARGET, MEAN_TARGET = 1.0, 3.0
STACKED, STACK_TARGET = (200, 1, 64, 3), 1 / 1.05  # T, B, H and layers: a small batch, beside which calls cost most
LARGE = 256  # units from which the share of the matrix-product rate is told
PRODUCT_SIZE = 1024


def make_problem(cell: str, kind: str, shape: Sequence[int]) -> Problem:
    """PyTorch's initialisation and standard normal inputs; shape is (T, B, I, H)."""
    steps, batch, inputs, hidden = shape
    rng = np.random.default_rng(0)
    params = RECURRENT[cell].init(inputs, hidden, rng=rng, dtype=kind)
    x, dh = (rng.standard_normal(size).astype(kind) for size in ((steps, batch, inputs), (batch, hidden)))
    return Problem(cell, params, x, dh)


def build_ours(problem: Problem, cores: int) -> Run:
    """The public work space, on as many threads as there are cores."""
    _, params, x, dh = problem
    workspace = rl.Workspace(params, x.shape[0], x.shape[1], threads=cores)

    def run() -> list[Array]:
        workspace.forward(params, x)
        gradients = workspace.backward(dh)
        return weights_first(gradients.x, gradients.params)

    return run


BUILDERS: dict[str, Callable[[Problem, int], Run]] = {"rnnlab": build_ours, "torch": build_torch, "jax": build_jax}


def cells(names: Sequence[str], shapes: Sequence[Sequence[int]], repeats: int, cores: int) -> list[Row]:
    """Every cell, type and shape; stacks of each; and the geometric mean of the ratios to the faster peer."""
    rows = [
        row
        for cell in names
        for kind in ("float64", "float32")
        for shape in shapes
        for row in compare(cell, kind, shape, repeats, cores)
    ]
    rows += [stack(cell, repeats, cores) for cell in names]
    ratios = [row.ratio for row in rows if row.implementation.endswith("faster peer")]
    if ratios:
        mean = math.exp(sum(math.log(ratio) for ratio in ratios) / len(ratios))
        rows.append(judged(Row("cells", "geometric mean", "both", cores, ratio=mean, target=MEAN_TARGET)))
    return rows


def compare(cell: str, kind: str, shape: Sequence[int], repeats: int, cores: int) -> Iterator[Row]:
    """Ours, each peer, and the faster of the peers, on one problem."""
    problem = make_problem(cell, kind, shape)
    runs = {name: build(problem, cores) for name, build in BUILDERS.items() if has_peer(name, cell) and installed(name)}
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


def stack(cell: str, repeats: int, cores: int) -> Row:
    """A stack, forward and back, beside its layers one after another by the same two functions."""
    steps, batch, hidden, layers = STACKED
    rng = np.random.default_rng(0)
    network = rl.Stack.init(RECURRENT[cell], hidden, hidden, layers, rng=rng)
    x, dh = rng.standard_normal((steps, batch, hidden)), rng.standard_normal((batch, hidden))

    def whole() -> Array:
        return rl.backward(rl.forward(network, x), dh).x

    def by_hand() -> Array:
        tapes, below, above = [], x, dh
        for layer in network.layers:
            tapes.append(rl.forward(layer, below))
            below = tapes[-1].h[1:]
        for tape in reversed(tapes):
            above = rl.backward(tape, above).x
        return above

    seconds = fastest({"whole": whole, "by hand": by_hand}, repeats)
    row = Row("stack", f"{layers} layers of {cell} run by hand", "float64", cores, seconds["by hand"])
    ratio, off = seconds["by hand"] / seconds["whole"], deviation([by_hand()], [whole()])
    return judged(row._replace(ratio=ratio, target=STACK_TARGET, deviation=off, note=binding_note()))


def products_of(problem: Problem) -> float:
    """Multiplications and additions of all matrix products, forward and back: three products with every weight."""
    steps, batch = problem.x.shape[:2]
    matrices = sum(array.size for array in problem.params if array.ndim == 2)
    return 6.0 * steps * batch * matrices


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
