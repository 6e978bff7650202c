"""Paths over layers and time: counted one by one, and as products of matrices."""

import itertools

import numpy as np
import pytest

from rnnlab.laws import depth


def sizes_of_paths(m: int, n: int, gains: tuple[float, float], *, residual: bool) -> list[float]:
    """The factor of every path, each written out: which layers it goes through, and how many steps it takes in each."""
    a, b = gains
    found = []
    for through in itertools.product((True, False) if residual else (True,), repeat=m):
        layers = sum(through) + 1  # and the last
        steps = [taken for taken in itertools.product(range(n + 1), repeat=layers) if sum(taken) == n]
        found += [a**n * b ** (layers - 1)] * len(steps)
    return found


@pytest.mark.parametrize("residual", [False, True])
def test_sums_over_paths_counted_one_by_one(residual: bool) -> None:
    gains = (0.7, 1.3)
    for m, n in itertools.product(range(4), range(5)):
        paths = np.array(sizes_of_paths(m, n, gains, residual=residual))
        aligned, random = (depth.log10_gradient(m, n, gains, residual=residual, aligned=way) for way in (True, False))
        np.testing.assert_allclose(aligned, np.log10(paths.sum()), rtol=0, atol=1e-14)  # some hundred terms
        np.testing.assert_allclose(random, np.log10((paths**2).sum()) / 2, rtol=0, atol=1e-14)


def test_without_skips_it_is_the_binomial() -> None:
    grid = depth.log10_gradient(np.arange(3)[:, None], np.arange(4), (1.0, 1.0))
    np.testing.assert_allclose(10**grid, [[1, 1, 1, 1], [1, 2, 3, 4], [1, 3, 6, 10]], rtol=1e-14)


@pytest.mark.parametrize("residual", [False, True])
def test_factor_per_layer_of_random_matrices(residual: bool) -> None:
    rng, size = np.random.default_rng(0), 200
    v, weights = rng.standard_normal(size), rng.uniform(-1, 1, (100, size, size)) / np.sqrt(size)
    squares = ((residual * v + 0.5 * weights @ v) ** 2).sum(axis=1) / (v @ v)
    error = squares.std() / 10
    expected = 10 ** (2 * depth.log10_layer_factor(0.5, residual=residual))
    assert abs(squares.mean() - expected) < 4 * error < 0.05 * expected
