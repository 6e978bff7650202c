"""Claims are decided between two stories, and differences by exact tests."""

from math import comb, inf, nan
from typing import Any

import numpy as np
import pytest

from rnnlab.experiments._lab.claims import AT_LEAST, AT_MOST, Claim, table_of
from rnnlab.experiments._lab.differences import Chances, family, holm, more_in_pairs, more_of


@pytest.mark.parametrize(
    ("measured", "tolerance", "rival", "verdict"),
    [
        (1.0, 0.1, 0.0, "holds"),
        (1.2, 0.1, 0.0, "fails"),
        (nan, 0.1, 0.0, "fails"),
        (1.0, 1.5, 0.0, "open"),  # the rival in the interval
        (0.5, 0.6, 0.0, "open"),  # the number in the rival's
        (7.0, AT_LEAST, 0.0, "holds"),
        (0.9, AT_LEAST, 0.0, "fails"),
        (0.0, AT_MOST, 2.0, "holds"),
        (0.0, AT_MOST, 0.5, "open"),
        (1.0, 0.0, inf, "holds"),
    ],
)
def test_a_claim_holds_where_its_rival_does_not(measured: float, tolerance: Any, rival: float, verdict: str) -> None:
    claim = Claim("one", 1.0, measured, tolerance, "nobody", rival)
    assert claim.verdict == verdict
    assert table_of([claim]).loc[0, ["expected", "rival", "measured", "verdict"]].tolist()[-1] == verdict


def test_infinite_numbers_are_compared() -> None:
    assert Claim("lost", -inf, -inf, 0.0, "exact", -37.0).verdict == "holds"
    assert Claim("lost", -inf, -37.0, 0.0, "exact", -37.0).verdict == "fails"


def test_fisher_against_the_hypergeometric_sum() -> None:
    better, worse = [True] * 9 + [False] * 3, [True] * 3 + [False] * 9
    chance = sum(comb(12, k) * comb(12, 12 - k) for k in range(9, 13)) / comb(24, 12)
    assert more_of(better, worse).p == pytest.approx(chance, rel=1e-12)
    assert more_of(worse, better).reverse == pytest.approx(chance, rel=1e-12)


def test_pairs_against_the_binomial_sum() -> None:
    better, worse = np.array([1, 1, 1, 1, 1, 0, 1, 0]), np.array([0, 0, 0, 0, 0, 1, 1, 0])
    assert more_in_pairs(better, worse).p == pytest.approx((6 + 1) / 2**6, rel=1e-12)
    assert more_in_pairs(worse, better).reverse == more_in_pairs(better, worse).p
    assert more_in_pairs(better, better) == (1.0, 1.0)


def test_holm_by_hand() -> None:
    assert holm([0.04, 0.01, 0.03]) == pytest.approx([0.06, 0.03, 0.06])
    assert holm([0.9, 0.8]) == [1.0, 1.0]


def test_of_a_family_without_differences_one_holds_in_twenty() -> None:
    rng = np.random.default_rng(0)
    draws = rng.random((4000, 5))
    found = [any(c.verdict != "open" for c in family(("x", Chances(p, 1 - p), "y") for p in row)) for row in draws]
    assert 0.03 < np.mean(found) < 0.115  # two directions, each one in twenty


def test_too_few_to_tell_is_open_and_the_reverse_fails() -> None:
    ways = {"holds": (8, 0), "open": (4, 2), "fails": (0, 8)}
    for verdict, (more, less) in ways.items():
        yes, no = np.arange(8) < more, np.arange(8) < less
        assert [claim.verdict for claim in family([("a beats b", more_of(yes, no), "trainings")])] == [verdict]
