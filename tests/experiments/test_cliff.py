"""The cliff: gradients by complex step, claims, and a control."""

import numpy as np
import pytest

from rnnlab.experiments import cliff
from tests.reference import complex_step

SPEC = cliff.Spec(w=(4.0, 5.0, 6.0), b=(-3.5, -2.6, -1.5), wall_w=(5.0, 6.0))


def error_of(w: object, b: object) -> object:
    """E of the definition, 50 steps written out."""
    x = 0.5
    for _ in range(50):
        x = w / (1 + np.exp(-x)) + b  # type: ignore[operator]
    return (1 / (1 + np.exp(-x)) - 0.7) ** 2


def test_slopes_of_the_error() -> None:
    w, b = np.array([4.0, 5.0, 5.5]), np.array([-2.3, -2.5, -2.9])
    dw, db = cliff.slopes(w, b)
    np.testing.assert_allclose(cliff.errors(w, b), error_of(w, b), rtol=1e-12)
    # fifty rounded steps, near an unstable point: 1e-9 of the largest slope
    np.testing.assert_allclose(dw, complex_step(lambda v: error_of(v, b), w), rtol=1e-9)
    np.testing.assert_allclose(db, complex_step(lambda v: error_of(w, v), b), rtol=1e-9)


def test_claims_hold_and_a_moved_wall_fails() -> None:
    table = cliff.measure(SPEC)
    assert cliff.checks(table)["verdict"].eq("holds").all()
    table.loc[table["part"] == "wall", "b"] += 0.01
    assert not cliff.checks(table)["verdict"].eq("holds").all()
    assert set(cliff.draw(table)) == {"cliff"}


def test_what_descents_come_to_is_claimed() -> None:
    """The control: each of the two paths in the other's place."""
    table = cliff.measure(SPEC)
    swapped = table.replace({"part": {"plain": "clipped", "clipped": "plain"}})
    assert sum(table["part"] == "plain") == SPEC.updates + 1
    assert all(claim.verdict == "holds" for claim in cliff.descent_claims(table))
    assert len(list(cliff.descent_claims(table))) == 2
    assert not any(claim.verdict == "holds" for claim in cliff.descent_claims(swapped) if "clipped" in claim.claim)
    gentle = cliff.measure(SPEC.model_copy(update={"learning_rate": 1e-4}))
    assert not list(cliff.descent_claims(gentle))


@pytest.mark.parametrize("w", [-5.0, 3.0, 4.0])
def test_a_unit_with_one_resting_state_is_drawn_without_saddle_nodes(w: float) -> None:
    table = cliff.measure(SPEC.model_copy(update={"start_w": w, "wall_w": (3.0, 4.0)}))
    assert set(cliff.draw(table)) == {"cliff"}
    assert not [claim for claim in cliff.checks(table)["claim"] if "wall at" in claim or "resting" in claim]


@pytest.mark.parametrize(("b", "claims"), [((-2.5, -1.0), 1), ((0.0, 3.0), 0)])
def test_what_was_not_searched_is_not_claimed(b: tuple[float, float], claims: int) -> None:
    table = cliff.measure(SPEC.model_copy(update={"b": b, "wall_w": (5.0,), "updates": 1}))
    assert set(cliff.draw(table)) == {"cliff"}
    found = cliff.checks(table)
    assert len(found) == claims
    assert found["verdict"].eq("holds").all()


def test_clipped_steps_are_no_longer_than_the_rate_allows() -> None:
    table = cliff.measure_part(("clipped", SPEC))
    steps = np.hypot(table["w"].diff(), table["b"].diff())[1:]
    assert steps.max() <= SPEC.learning_rate * SPEC.clip * (1 + 1e-12)


@pytest.mark.parametrize("wrong", [{"clip": 0.0}, {"learning_rate": -1.0}, {"updates": 0}])
def test_bad_specs_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="greater than"):
        cliff.Spec(**wrong)
