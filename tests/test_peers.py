"""PyTorch and JAX on the same cells, where they are installed."""

from typing import Any

import numpy as np
import pytest

import rnnlab as rl
from rnnlab.experiments.bench import _cells, _training

# the same sums in another order: 60 terms of rounded products
AGREEMENT = 1e-12


@pytest.mark.parametrize("peer", ["torch", "jax"])
@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
@pytest.mark.parametrize("shape", [(1, 1, 1, 1), (20, 3, 2, 7)], ids=str)
def test_gradients_agree(peer: str, cell: str, shape: Any) -> None:
    pytest.importorskip(peer, reason=f"{peer} is an optional peer: pip install 'rnnlab[peers]'")
    problem = _cells.make_problem(cell, "float64", shape)
    results = {name: [np.asarray(array) for array in _cells.BUILDERS[name](problem, 1)()] for name in ("rnnlab", peer)}
    assert _cells.deviation(results[peer], results["rnnlab"]) <= AGREEMENT


@pytest.mark.parametrize("peer", ["torch", "jax"])
def test_fifty_clipped_updates_agree(peer: str) -> None:
    pytest.importorskip(peer, reason=f"{peer} is an optional peer: pip install 'rnnlab[peers]'")
    problem = _training.make_problem((12, 5, 7))
    results = {name: _training.BUILDERS[name](problem, 1)() for name in ("rnnlab", peer)}
    assert _cells.deviation(results[peer], results["rnnlab"]) <= AGREEMENT
    start = [*problem.model.params, *problem.model.readout]
    assert _cells.deviation(results[peer], start) > 1e-3  # they have moved


@pytest.mark.parametrize("name", ["RNN", "LSTM", "GRU"])
def test_state_dicts_of_torch(name: str) -> None:
    torch = pytest.importorskip("torch", reason="torch is an optional peer: pip install 'rnnlab[peers]'")
    module = getattr(torch.nn, name)(3, 4, dtype=torch.float64)
    params = getattr(rl, f"{name}Params").from_torch(module.state_dict())
    x = np.random.default_rng(0).standard_normal((6, 2, 3))
    with torch.no_grad():
        expected = module(torch.from_numpy(x))[0].numpy()
    np.testing.assert_allclose(rl.forward(params, x).h[1:], expected, rtol=1e-12, atol=1e-14)
    module.load_state_dict({key: torch.from_numpy(value) for key, value in params.to_torch().items()})
    with torch.no_grad():
        np.testing.assert_allclose(module(torch.from_numpy(x))[0].numpy(), expected, rtol=1e-12, atol=1e-14)
