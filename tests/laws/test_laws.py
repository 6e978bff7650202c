"""Closed forms against the reference's numbers."""

import math

import mpmath
import numpy as np
import pytest

from rnnlab import laws


@pytest.mark.parametrize(
    ("w2", "attractor", "multiplier"),
    [
        (0.5, 0.0, 0.5),
        (0.9, 0.0, 0.9),
        (1.1, 0.502941, 0.821756),
        (1.5, 0.858560, 0.394313),
        (2.0, 0.957504, 0.166372),
        (3.0, 0.994902, 0.030513),
        (5.0, 0.999909, 0.000909),
    ],
)
def test_tanh_attractor(w2: float, attractor: float, multiplier: float) -> None:
    assert laws.tanh_attractor(w2) == pytest.approx(attractor, abs=5e-7)  # printed digits
    assert laws.tanh_attractor_multiplier(w2) == pytest.approx(multiplier, abs=5e-7)


@pytest.mark.parametrize(("w2", "threshold"), [(1.25, 0.07781), (1.5, 0.20755), (2.0, 0.53284), (3.0, 1.30327)])
def test_latch_threshold(w2: float, threshold: float) -> None:
    assert laws.latch_threshold(w2) == pytest.approx(threshold, abs=5e-6)


def test_latch_threshold_is_the_largest_push_with_a_fixed_point() -> None:
    h = mpmath.findroot(lambda h: mpmath.diff(lambda u: mpmath.atanh(u) - 2 * u, h), -0.7)
    assert laws.latch_threshold(2.0) == pytest.approx(float(mpmath.atanh(h) - 2 * h), rel=1e-12)


def test_cliff() -> None:
    assert laws.cliff_onset() == pytest.approx(4.255252, abs=5e-7)
    assert laws.cliff_wall(5.0) == pytest.approx(0.5 - 0.622459331 * 5.0, abs=5e-9)
    assert laws.saddle_nodes(5.0) == pytest.approx((-2.655610, -2.344390), abs=5e-7)
    assert laws.saddle_nodes(4.0) == pytest.approx((-2.0, -2.0), abs=1e-12)


def test_linear_law() -> None:
    assert laws.log10_linear_gradient(2.0, 50) == pytest.approx(math.log10(1125899906842624))
    assert laws.log10_linear_gradient(-0.5, 50) == pytest.approx(math.log10(8.881784197001252e-16))
    assert laws.log10_linear_gradient(0.0, 3) == -np.inf


def test_bounds() -> None:
    assert laws.log10_gradient_bound("sigmoid", 4.0, 7) == pytest.approx(0.0)
    assert laws.log10_gradient_bound("tanh", 10.0, 7) == pytest.approx(7.0)
