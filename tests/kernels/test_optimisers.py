"""Optimisers and clipping against their formulas and PyTorch."""

from typing import Any

import numpy as np
import pytest

from rnnlab.kernels import optimisers
from rnnlab.kernels.optimisers import Descent


def numpy_steps(name: str, p: Any, gradients: Any, rate: float) -> Any:
    """PyTorch's formulas as its documentation writes them."""
    v, q = np.zeros_like(p), np.zeros_like(p)
    for k, g in enumerate(gradients, start=1):
        if name == "sgd":
            p = p - rate * g
        elif name == "momentum":
            v = 0.9 * v + g
            p = p - rate * v
        elif name == "rmsprop":
            q = 0.99 * q + 0.01 * g**2
            p = p - rate * g / (np.sqrt(q) + 1e-8)
        else:
            v, q = 0.9 * v + 0.1 * g, 0.999 * q + 0.001 * g**2
            p = p - rate * (v / (1 - 0.9**k)) / (np.sqrt(q / (1 - 0.999**k)) + 1e-8)
    return p


def kernel_steps(name: str, p: Any, gradients: Any, rate: float) -> Any:
    """The same by `take_step`."""
    code = {"sgd": 0, "momentum": 1, "rmsprop": 2, "adam": 3}[name]
    mean = 0.9 if name in ("momentum", "adam") else 0.0
    squares = 0.999 if name == "adam" else 0.99
    descent = Descent(code, mean, squares, 1e-8, 0.0, False, False, np.inf, np.inf, np.inf)
    values = np.zeros((3, p.size), p.dtype)
    values[0] = p
    for k, g in enumerate(gradients, start=1):
        optimisers.take_step(values, g.copy(), descent, rate, k)
    return values[0]


NAMES = ["sgd", "momentum", "rmsprop", "adam"]
STEPS = np.random.default_rng(0).standard_normal((8, 5)) * np.array([1e-9, 1e-3, 1.0, 1e3, 0.0])  # eps matters in one


@pytest.mark.parametrize("name", NAMES)
def test_optimisers_against_their_formulas(name: str) -> None:
    p = np.linspace(-1, 1, 5)
    np.testing.assert_allclose(kernel_steps(name, p, STEPS, 0.02), numpy_steps(name, p, STEPS, 0.02), rtol=1e-13)


@pytest.mark.parametrize("name", NAMES)
def test_optimisers_against_pytorch(name: str) -> None:
    torch = pytest.importorskip("torch", reason="torch is an optional peer: pip install 'rnnlab[peers]'")
    made = {"sgd": "SGD", "momentum": "SGD", "rmsprop": "RMSprop", "adam": "Adam"}[name]
    for kind, promise in ((np.float64, 1e-13), (np.float32, 1e-5)):
        start = np.linspace(-1, 1, 5, dtype=kind)
        p = torch.nn.Parameter(torch.tensor(start))
        other = getattr(torch.optim, made)([p], lr=0.02, **({"momentum": 0.9} if name == "momentum" else {}))
        for g in STEPS.astype(kind):
            p.grad = torch.tensor(g)
            other.step()
        got = kernel_steps(name, start, STEPS.astype(kind), 0.02)
        assert got.dtype == kind
        np.testing.assert_allclose(got, p.detach().numpy(), rtol=promise)


@pytest.mark.parametrize("longest", [0.5, 100.0])
def test_clipping(longest: float) -> None:
    """By norm as 1 / (norm + 1e-6), by value as a clamp; neither touches what is within the bound."""
    g = np.random.default_rng(0).standard_normal(50)
    norm = np.linalg.norm(g)
    assert optimisers.global_norm(g) == pytest.approx(norm, rel=1e-14)
    got = g.copy()
    optimisers.clip_by_norm(got, norm, longest)
    np.testing.assert_allclose(got, g * min(1.0, longest / (norm + 1e-6)), rtol=1e-15)
    got = g.copy()
    optimisers.clip_by_value(got, longest)
    np.testing.assert_array_equal(got, np.clip(g, -longest, longest))


def test_clipping_against_pytorch() -> None:
    torch = pytest.importorskip("torch", reason="torch is an optional peer: pip install 'rnnlab[peers]'")
    g = np.random.default_rng(0).standard_normal(50)
    p = torch.nn.Parameter(torch.zeros(50, dtype=torch.float64))
    p.grad = torch.tensor(g)
    norm = float(torch.nn.utils.clip_grad_norm_([p], 0.5))
    torch.nn.utils.clip_grad_value_([p], 0.1)
    optimisers.clip_by_norm(g, optimisers.global_norm(g), 0.5)
    optimisers.clip_by_value(g, 0.1)
    np.testing.assert_allclose(g, p.grad.numpy(), rtol=1e-13)
    assert norm > 0.5


@pytest.mark.parametrize("scale", [1e-200, 1e200])
def test_the_norm_of_extreme_gradients(scale: float) -> None:
    """Their squares leave the floats' range."""
    assert optimisers.global_norm(scale * np.array([3.0, 4.0])) == pytest.approx(5 * scale, rel=1e-14)
    assert np.isnan(optimisers.global_norm(np.array([1.0, np.nan, scale])))
    assert optimisers.global_norm(np.zeros(2)) == 0
