"""PyTorch and JAX on the same cells, where they are installed."""

from typing import Any

import numpy as np
import pytest

from rnnlab.experiments.bench import cases, cells, training
from rnnlab.experiments.bench.peers import has_peer

# the same sums in another order: 60 terms of rounded products
AGREEMENT = 1e-12


@pytest.mark.parametrize(
    ("peer", "cell"), [(peer, cell) for peer in ("torch", "jax") for cell in cells.RECURRENT if has_peer(peer, cell)]
)
@pytest.mark.parametrize("shape", [(1, 1, 1, 1), (20, 3, 2, 7)], ids=str)
def test_gradients_agree(peer: str, cell: str, shape: Any) -> None:
    pytest.importorskip(peer, reason=f"{peer} is an optional peer: pip install 'rnnlab[peers]'")
    problem = cells.make_problem(cell, "float64", shape)
    results = {name: [np.asarray(array) for array in cells.BUILDERS[name](problem, 1)()] for name in ("rnnlab", peer)}
    assert cells.deviation(results[peer], results["rnnlab"]) <= AGREEMENT


def test_a_stack_has_the_gradients_of_its_layers_run_by_hand() -> None:
    row = cells.stack("rnn", 1, 1)
    assert row.deviation == 0
    assert (row.ratio >= row.target) == (row.met == "yes")


@pytest.mark.parametrize("peer", ["torch", "jax"])
def test_fifty_clipped_updates_agree(peer: str) -> None:
    pytest.importorskip(peer, reason=f"{peer} is an optional peer: pip install 'rnnlab[peers]'")
    problem = training.make_problem((12, 5, 7))
    results = {name: training.BUILDERS[name](problem, 1)() for name in ("rnnlab", peer)}
    assert cells.deviation(results[peer], results["rnnlab"]) <= AGREEMENT
    start = [*problem.model.params, *problem.model.readout]
    assert cells.deviation(results[peer], start) > 1e-3  # they have moved


def test_gradients_carried_forwards_are_timed_beside_bptt() -> None:
    rows = cases.forward_mode([4], 20, 3)
    ratios = {row.implementation.partition(",")[0]: row.ratio for row in rows}
    assert set(ratios) == {"BPTT", "truncated BPTT", "RTRL", "UORO"}
    assert ratios["BPTT"] == 1
    assert [row.seconds / rows[0].seconds for row in rows] == pytest.approx([row.ratio for row in rows])
