"""Laws of non-normal matrices against powers, sums written out, and digits that no rounding reaches."""

import mpmath
import numpy as np
import pytest
from numpy.typing import NDArray

from rnnlab.laws import non_normal as law

Array = NDArray[np.float64]


def chain(size: int, gain: float, eigenvalue: float) -> Array:
    return eigenvalue * np.eye(size) + gain * np.eye(size, k=-1)


def norms(weight: Array, most: int) -> Array:
    return np.array([np.linalg.norm(np.linalg.matrix_power(weight, k), 2) for k in range(most + 1)])


@pytest.mark.parametrize(("eigenvalue", "gain"), [(0.5, 0.6), (0.9, 0.0), (0.0, 1.0), (-0.7, 0.2)])
def test_jordan_norms_are_those_of_the_powers(eigenvalue: float, gain: float) -> None:
    found = [law.log10_jordan_norm(k, 6, eigenvalue, gain) for k in range(20)]
    with np.errstate(divide="ignore"):
        expected = np.log10(norms(chain(6, gain, eigenvalue), 19))
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_departure_is_what_is_above_the_diagonal() -> None:
    assert law.henrici_departure(np.triu(np.ones((3, 3)))) == pytest.approx(np.sqrt(3))
    assert law.henrici_departure([[0.0, -1.0], [1.0, 0.0]]) == 0


def test_powers_lie_between_those_of_the_spectral_radius() -> None:
    weight = np.triu(np.random.default_rng(0).standard_normal((6, 6)), 1) + np.diag(np.linspace(0.4, 0.9, 6))
    condition = law.eigenvector_condition(weight)
    share = norms(weight, 200) / 0.9 ** np.arange(201)
    assert 1 - 1e-12 <= share.min()
    assert 1.5 < share.max() <= condition
    assert law.eigenvector_condition([[0.0, -1.0], [1.0, 0.0]]) == pytest.approx(1)


def test_kreiss_constant_of_two_by_two() -> None:
    """W = g [[0, 1], [0, 0]]: |(z - W)^-1| is largest over all angles alike, and known by its singular values."""
    gain, distance = 5.0, np.geomspace(1e-4, 1e3, 200_001)
    r = 1 + distance
    square = (gain / r**2) ** 2 + 2 / r**2  # sum of the squares of the two singular values, whose product is 1 / r^2
    largest = np.sqrt((square + np.sqrt(square**2 - 4 / r**4)) / 2)
    assert law.kreiss_constant([[0.0, gain], [0.0, 0.0]]) == pytest.approx((distance * largest).max(), rel=1e-6)
    assert law.kreiss_constant(0.9 * np.eye(3)) == pytest.approx(1.0)


@pytest.mark.parametrize(("eigenvalue", "gain"), [(0.5, 0.6), (0.8, 0.4)])
def test_peaks_lie_between_their_bounds(eigenvalue: float, gain: float) -> None:
    weight = chain(12, gain, eigenvalue)
    found = norms(weight, 100)
    least = law.kreiss_constant(weight)
    assert 1 < least <= found.max() <= np.e * 12 * least
    assert (law.transient_bound(weight, 100) <= np.maximum.accumulate(found[1:]) * (1 + 1e-12)).all()


@pytest.mark.parametrize("gain", [0.5, 1.0, 1.3])
def test_memory_of_a_chain_is_the_total(gain: float) -> None:
    expected = [gain ** (2 * k) / sum(gain ** (2 * m) for m in range(k + 1)) for k in range(12)]
    np.testing.assert_allclose(law.chain_memory(np.arange(12), gain), expected, rtol=1e-12)
    assert law.total_memory(chain(12, gain, 0.0), np.eye(12)[0]) == pytest.approx(sum(expected), rel=1e-12)


def test_total_memory_where_the_covariance_is_nearly_singular() -> None:
    """Against 60 digits; inverting the covariance in float64 is the control."""
    size, weight = 24, chain(24, 2.0, 0.5)
    with mpmath.workdps(60):
        power = mpmath.matrix(weight.tolist())
        noise, signal = mpmath.eye(size), mpmath.diag([1] + [0] * (size - 1))
        for _ in range(8):
            noise, signal = (part + power * part * power.T for part in (noise, signal))
            power = power * power
        product = mpmath.inverse(noise) * signal
        exact = float(sum(product[k, k] for k in range(size)))
    assert law.total_memory(weight, np.eye(size)[0]) == pytest.approx(exact, rel=1e-7)
    noise, signal = (np.array(part.tolist(), float) for part in (noise, signal))
    assert np.trace(np.linalg.solve(noise, signal)) != pytest.approx(exact, rel=1e-3)
