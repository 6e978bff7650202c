"""Closed forms against the reference's numbers."""

import math

import mpmath
import numpy as np
import pytest
from pydantic import ValidationError

from rnnlab import laws
from rnnlab.experiments import laws as experiment


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


@pytest.mark.parametrize(
    "wrong",
    [
        {"latch_w2": 0.5},
        {"latch_w2": "1"},
        {"attractor_w2": 1e9},
        {"attractor_w2": "-1"},
        {"attractor_w2": 0},
        {"cliff_w": 4.2},
        {"knife_edge_seq_len": 0},
    ],
)
def test_weights_without_a_law_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError, match=r"greater than|2\^-28"):
        experiment.Spec(**wrong)


@pytest.mark.parametrize(
    "given",
    [
        {"knife_edge_seq_len": "1,2"},
        {"knife_edge_seq_len": "10000,10001"},
        {"attractor_w2": "0.99,1,1.02,300"},
        {"latch_w2": "1.001,1000"},
        {"cliff_w": "4.26,1000"},
    ],
)
def test_claims_are_made_where_a_run_comes_to_the_law(given: dict[str, object]) -> None:
    checks = experiment.checks(experiment.measure(experiment.Spec(**given)))
    assert checks.ok.all(), checks[~checks.ok].to_string()
    assert experiment.Spec(knife_edge_seq_len=10**11).bytes_needed(1) > 2**40
