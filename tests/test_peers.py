"""PyTorch's own modules, where PyTorch is installed."""

import numpy as np
import pytest

import rnnlab as rl


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
