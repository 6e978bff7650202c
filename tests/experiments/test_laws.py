"""The laws experiment: what it refuses, and where it claims."""

import numpy as np
import pytest
from pydantic import ValidationError

from rnnlab.experiments import laws
from rnnlab.experiments._lab import runner


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
        laws.Spec(**wrong)


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
    checks = laws.checks(laws.measure(laws.Spec(**given)))
    assert checks.verdict.eq("holds").all(), checks[~checks.verdict.eq("holds")].to_string()
    assert laws.Spec(knife_edge_seq_len=10**11).bytes_needed(1) > 2**40


def test_laws_hold() -> None:
    table = runner.normal_form(laws.measure(laws.Spec()))
    checks = laws.checks(table)
    assert len(checks) > 40
    assert checks.verdict.eq("holds").all(), checks[~checks.verdict.eq("holds")].to_string()
    assert set(laws.draw(table)) == {"tanh"}


def test_exponents_of_maps_are_the_published_ones_and_not_those_of_another() -> None:
    """Every one within 0.02, and the control: no map has another one's."""
    for name, chaotic in laws.maps.MAPS.items():
        np.testing.assert_allclose(laws.maps.exponents(name), chaotic.published, atol=0.02)
        others = [other.published for label, other in laws.maps.MAPS.items() if label != name]
        assert all(abs(laws.maps.exponents(name)[0] - other[0]) > 1e-3 for other in others)


def test_exponents_of_a_map_add_up_to_its_contraction() -> None:
    assert sum(laws.maps.exponents("Henon map")) == pytest.approx(np.log(0.3), rel=1e-12)  # det J = -0.3 everywhere
