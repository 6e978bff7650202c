"""The latch experiment: guessing, and who latches."""

import numpy as np
import pandas as pd
import pytest

import rnnlab as rl
from rnnlab.experiments import latch
from rnnlab.experiments._lab import runner
from tests.experiments import CURVE

LATCH = latch.Spec(seq_len=10, seeds=1, updates=300, guesses=5000, method="RNN,orthogonal")


@pytest.fixture(scope="module")
def latched() -> pd.DataFrame:
    return runner.normal_form(latch.measure(LATCH))


def test_wrong_counts_outputs_that_are_no_numbers() -> None:
    batch = rl.Batch(np.zeros((1, 4, 1)), np.array([0.0, 1.0, 0.0, 1.0]).reshape(1, 4, 1))
    output = np.array([0.1, 0.9, np.nan, np.nan]).reshape(1, 4, 1)
    np.testing.assert_array_equal(latch.wrong(output, batch), [0, 0, 1, 1])


@pytest.mark.parametrize("variant", latch.VARIANTS)
def test_a_guess_answers_as_the_network_of_its_weights(variant: str) -> None:
    weights = latch.guessed(variant, 5, np.random.default_rng(0)) / 40  # where signs are not yet decided
    batch = rl.tasks.latch(20).draw(np.random.default_rng(1), 30)
    answers = latch.answers_of(weights, batch.x[:, :, 0], batch.length)
    for (w, v, bias), row in zip(weights.T, answers, strict=True):
        params = rl.RNNParams(np.array([[w]]), np.array([[v]]), np.array([bias]))
        np.testing.assert_array_equal(row, rl.forward(params, batch.x, length=batch.length).h[-1, :, 0] > 0)


def test_a_guess_that_turns_over_at_every_step_is_not_right() -> None:
    """Of one length it would be, in one of two lengths."""
    weights = np.array([[5.0, -5.0], [80.0, -80.0], [0.0, 0.0]])
    batch = rl.tasks.latch(20).draw(np.random.default_rng(1), 200)
    assert latch.all_right(weights, batch).tolist() == [True, False]


@pytest.mark.parametrize("variant", latch.VARIANTS)
def test_the_law_of_guessing_is_a_volume(variant: str) -> None:
    """Against points drawn in the cube of weights: those that latch."""
    m = 0.125 * latch.trials_law(latch.VARIANTS[0], 10)
    w, v, bias = np.random.default_rng(0).uniform(-1, 1, (3, 1_000_000))
    bias = np.abs(bias) * (variant == latch.VARIANTS[1])
    share = ((w > bias) & (v > m * w + bias)).mean()
    assert 1 / share == pytest.approx(latch.trials_law(variant, 10), rel=0.05)  # 10,000 points latch, at least


def test_guesses_are_counted_alike_by_testing_all_sequences_at_once() -> None:
    weights = latch.guessed(latch.VARIANTS[0], 500, np.random.default_rng(0))
    batch = rl.tasks.latch(10).draw(np.random.default_rng(1), 200)
    slowly = (latch.answers_of(weights, batch.x[:, :, 0], batch.length) == (batch.target[0, :, 0] == 1)).all(axis=1)
    np.testing.assert_array_equal(latch.all_right(weights, batch), slowly)
    assert slowly.any()


def test_guessing_takes_a_few_trials_and_is_reproducible(latched: pd.DataFrame) -> None:
    trials = latched.set_index(["method", "seq_len"])["trials"].sort_index()
    assert 10 < trials["guessed weights", 10] < 20  # law: 14.2
    assert trials["guessed weights and bias", 10] > 50
    part = latch.Part(LATCH, latch.VARIANTS[0], 10, 0)
    assert latch.guess(part).equals(latch.guess(part))


def test_latch_columns_claims_and_figure(latched: pd.DataFrame) -> None:
    assert set(latched.columns) >= CURVE | {"guesses", "right", "trials", "standard_error"}
    claims = latch.checks(latched)
    assert len(claims) == 2  # of guessing alone: the budget is smaller than the default
    assert claims["verdict"].ne("fails").all()
    assert latch.checks(latched.assign(trials=2 * latched["trials"]))["verdict"].eq("fails").any()
    assert set(latch.draw(latched)) == {"latch", "losses"}


def test_trainings_are_judged_by_the_default_budget(latched: pd.DataFrame) -> None:
    long = latched.assign(budget=1000)
    assert latch.checks(long)["verdict"].ne("fails").all()
    failed = long.assign(solved=False)
    assert latch.checks(failed)["verdict"].eq("fails").any()
