"""Mean-field theory and gates against published numbers."""

import numpy as np
import pytest

from rnnlab.laws.gates import log10_retention
from rnnlab.laws.mean_field import contracting_exponent, critical_relu_gain, edge_of_chaos, random_tanh_network
from tests.reference import sigmoid_of


@pytest.mark.parametrize(
    ("g", "sigma", "exponent"),
    [
        (0.5, 0, -0.6931),
        (1.5, 0, 0.06522),
        (2, 0, 0.15472),
        (5, 0, 0.53243),
        (1.5, 0.5, -0.01673),
        (1.5, 1, -0.14183),
        (2, 0.5, 0.12039),
    ],
)
def test_mean_field_numbers(g: float, sigma: float, exponent: float) -> None:
    assert random_tanh_network(g, sigma).lyapunov == pytest.approx(exponent, abs=6e-6 if g != 0.5 else 6e-5)


@pytest.mark.parametrize("sigma", [1e-3, 0.1, 1.0, 5.0])
def test_at_the_edge_of_chaos_perturbations_keep_their_size(sigma: float) -> None:
    edge = edge_of_chaos(sigma)
    assert random_tanh_network(edge, sigma).chi == pytest.approx(1.0, abs=1e-9)
    assert random_tanh_network(1.01 * edge, sigma).lyapunov > 0 > random_tanh_network(0.99 * edge, sigma).lyapunov
    assert edge_of_chaos(0.0) == 1.0


def test_laws_of_gain() -> None:
    assert critical_relu_gain() ** 2 / 2 == pytest.approx(1)
    assert contracting_exponent(0.5, 0.0) == pytest.approx(np.log(0.5))
    assert log10_retention(1.0, 100) == pytest.approx(100 * np.log10(sigmoid_of(1.0)), rel=1e-14)
