"""Learning experiments: when a network counts as having solved a task, guessing, and what must fail."""

import pickle
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

import rnnlab as rl
from rnnlab.experiments import _learning, _run, adding, copy, latch
from rnnlab.experiments._options import sentence
from rnnlab.experiments._resumable import Resumable

LATCH = latch.Spec(seq_len=10, seeds=1, updates=300, guesses=5000, method="RNN,orthogonal")
ADDING = adding.Spec(seq_len=10, seeds=1, updates=400, method="RNN,attention")
COPY = copy.Spec(delay=1, adding_seq_len=10, seeds=1, updates=400, method="RNN,linear identity,linear orthogonal")
CURVE = {"method", "seq_len", "seed", "update", "loss", "score", "solved", "budget", "part"}
ADAM = rl.Recipe(0.01, "adam", 1.0)


@pytest.fixture(scope="module")
def latched() -> pd.DataFrame:
    return _run.normal_form(latch.measure(LATCH))


@pytest.fixture(scope="module")
def added() -> pd.DataFrame:
    return _run.normal_form(adding.measure(ADDING))


@pytest.fixture(scope="module")
def copied() -> pd.DataFrame:
    return _run.normal_form(copy.measure(COPY))


def trained(goal: _learning.Goal, updates: int, method: str = "orthogonal") -> Any:
    model = _learning.model_of(method, goal.task, 8, np.random.default_rng([0, 0]))
    return _learning.learn(model, goal, _learning.Training(ADAM, 10, 100, updates), [0])


def test_every_method_makes_a_network_that_predicts() -> None:
    task = rl.tasks.copy(3)
    batch = task.draw(np.random.default_rng(0), 2)
    for name in (*_learning.METHODS, "linear identity", "linear orthogonal"):
        model = _learning.model_of(name, task, 5, np.random.default_rng(1))
        assert rl.predict(model, batch.x).shape == (23, 2, 9)
    assert _learning.model_of("IRNN", task, 5, np.random.default_rng(1)).nonlinearity == "relu"
    forget = _learning.model_of("LSTM", task, 5, np.random.default_rng(1)).params.bias[5:10]
    np.testing.assert_array_equal(forget, 1.0)


def test_solved_is_what_predictions_on_other_sequences_say() -> None:
    goal = latch.goal_of(10)
    model, curve = trained(goal, 1000)
    assert curve["solved"].tolist() == [False] * (len(curve) - 1) + [True]
    batch = goal.task.draw(np.random.default_rng(99), 5000)
    answers = rl.predict(model, batch.x)[-1, :, 0] > 0.5
    assert (answers != (batch.target[0, :, 0] == 1)).mean() <= 0.002  # 1,000 without an error: 95 % sure of 0.3 %


def test_score_is_the_mean_error_of_all_fresh_sequences() -> None:
    goal = adding.goal_of(10)._replace(fresh=250)  # 100, 100 and 50 at once
    model = _learning.model_of("LSTM", goal.task, 4, np.random.default_rng(0))
    found = _learning.score_of(model, goal, np.random.default_rng(5))
    rng, errors = np.random.default_rng(5), []
    for size in (100, 100, 50):
        batch = goal.task.draw(rng, size)
        errors.extend((rl.predict(model, batch.x)[-1, :, 0] - batch.target[0, :, 0]) ** 2)
    assert found == pytest.approx(6 * np.mean(errors), rel=1e-12)


def test_a_network_that_sees_the_last_step_alone_stays_at_chance() -> None:
    def last(rng: np.random.Generator, size: int) -> rl.Batch:
        batch = rl.tasks.latch(10).draw(rng, size)
        at_end = batch.x[batch.length - 1, np.arange(size)]
        return rl.Batch(at_end[None], batch.target)

    goal = latch.goal_of(10)
    _, curve = trained(goal._replace(task=goal.task._replace(draw=last)), 500)
    assert not curve["solved"].any()
    assert curve["score"].min() > 0.4


def test_shuffled_targets_are_never_solved() -> None:
    def shuffled(rng: np.random.Generator, size: int) -> rl.Batch:
        batch = rl.tasks.latch(10).draw(rng, size)
        return batch._replace(target=rng.permuted(batch.target, axis=1))

    goal = latch.goal_of(10)
    _, curve = trained(goal._replace(task=goal.task._replace(draw=shuffled)), 500)
    assert not curve["solved"].any()
    assert curve["loss"].iloc[-1] == pytest.approx(0.25, abs=0.05)
    assert curve["score"].min() > 0.4


def test_a_run_that_explodes_is_not_solved() -> None:
    goal = adding.goal_of(50)
    model = _learning.model_of("linear orthogonal", goal.task, 8, np.random.default_rng(0))
    wild = model._replace(params=model.params._replace(weight_hh=1e30 * model.params.weight_hh))
    _, curve = _learning.learn(wild, goal, _learning.Training(ADAM, 10, 100, 500), [0])
    assert len(curve) == 1
    assert not curve["solved"].any()
    assert curve["score"].tolist() == [np.inf]


@pytest.mark.parametrize("kept", [0, 1, 3])
def test_a_training_goes_on_in_the_middle(kept: int) -> None:
    """Also from what it kept last, when nothing is left to be trained."""
    goal, saved = latch.goal_of(30), []
    model = _learning.model_of("LSTM", goal.task, 8, np.random.default_rng([0, 0]))
    training = _learning.Training(ADAM, 10, 100, 350)
    last, whole = _learning.learn(model, goal, training, [0], None, lambda so_far: saved.append(pickle.dumps(so_far)))
    again, curve = _learning.learn(model, goal, training, [0], pickle.loads(saved[kept]))
    pd.testing.assert_frame_equal(curve, whole)
    np.testing.assert_array_equal(again.params.weight_hh, last.params.weight_hh)


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
    trials = latched.set_index(["method", "seq_len"])["trials"]
    assert 10 < trials["guessed weights", 10] < 20  # law: 14.2
    assert trials["guessed weights and bias", 10] > 50
    part = latch.Part(LATCH, latch.VARIANTS[0], 10, 0)
    assert latch.guess(part).equals(latch.guess(part))


def test_latch_columns_claims_and_figure(latched: pd.DataFrame) -> None:
    assert set(latched.columns) >= CURVE | {"guesses", "right", "trials", "standard_error"}
    claims = latch.checks(latched)
    assert len(claims) == 2  # of guessing alone: the budget is smaller than the default
    assert claims["ok"].all()
    assert not latch.checks(latched.assign(trials=2 * latched["trials"]))["ok"].all()
    assert set(latch.draw(latched)) == {"latch"}


def test_trainings_are_judged_by_the_default_budget(latched: pd.DataFrame) -> None:
    long = latched.assign(budget=1000)
    assert latch.checks(long)["ok"].all()
    failed = long.assign(solved=False)
    assert not latch.checks(failed)["ok"].all()


def test_adding_columns_and_figure(added: pd.DataFrame) -> None:
    assert set(added.columns) == CURVE - {"part"}
    assert set(adding.draw(added)) == {"adding"}
    attention = added[added["method"] == "attention"]
    assert attention["solved"].iloc[-1]
    assert adding.checks(added).empty


def test_wrong_symbols_are_counted_at_the_last_ten_steps() -> None:
    batch = rl.tasks.copy(4).draw(np.random.default_rng(0), 3)
    perfect = np.eye(9)[batch.target]
    np.testing.assert_array_equal(copy.wrong_symbols(perfect, batch), 0)
    perfect[:14] = np.nan  # earlier steps do not count
    perfect[-1, 1] = np.roll(perfect[-1, 1], 1)
    np.testing.assert_allclose(copy.wrong_symbols(perfect, batch), [0, 0.1, 0], rtol=1e-15)


def test_the_third_input_of_adding_is_the_marked_number() -> None:
    batch = copy.adding_goal(20).task.draw(np.random.default_rng(0), 50)
    np.testing.assert_allclose(batch.x[:, :, 2], batch.x[:, :, 0] * batch.x[:, :, 1], atol=1e-15)
    np.testing.assert_allclose(batch.x[:, :, 2].sum(axis=0), batch.target[0, :, 0], atol=1e-14)


def test_copy_columns_and_figure(copied: pd.DataFrame) -> None:
    assert set(copied.columns) == CURVE - {"part"} | {"task", "chance"}
    assert copied.groupby("task")["method"].nunique().to_dict() == {"adding": 2, "copy": 3}
    assert copy.checks(copied).empty  # neither the default delay nor its budget
    assert set(copy.draw(copied)) == {"copy"}
    assert set(copy.draw(copied[copied["method"] == "RNN"])) == {"copy"}


def test_swapped_networks_fail_the_claims_of_henaff(copied: pd.DataFrame) -> None:
    last = pd.DataFrame({"method": copy.LINEAR, "solved": [False, True], "score": [0.5, 0.0], "budget": 1600})
    assert all(claim.ok for claim in copy.copy_claims(last))
    assert not any(claim.ok for claim in copy.copy_claims(last.assign(method=copy.LINEAR[::-1])))
    rows = copied[copied["task"] == "adding"].assign(seq_len=200)
    rows["score"] = np.where(rows["method"] == copy.LINEAR[0], 0.1, 1.0)
    assert all(claim.ok for claim in copy.adding_claims(rows))
    assert not any(claim.ok for claim in copy.adding_claims(rows.assign(score=1.1 - rows["score"])))


def test_same_seed_same_curves() -> None:
    part, measure = adding.Part(ADDING, "RNN", 0), Resumable(adding.measure_part)
    assert measure(part).equals(measure(part))
    assert not measure(part).equals(measure(part._replace(seed=1)).assign(seed=0))


@pytest.mark.parametrize(
    ("experiment", "wrong"),
    [
        (latch, {"method": "perceptron"}),
        (latch, {"method": "linear identity"}),
        (adding, {"method": "linear orthogonal"}),
        (adding, {"seeds": True}),
        (latch, {"seq_len": [0]}),
        (latch, {"guesses": 0}),
        (latch, {"learning_rate": 0}),
        (adding, {"seq_len": 9}),
        (adding, {"method": []}),
        (copy, {"delay": 0}),
        (copy, {"adding_seq_len": 9}),
        (copy, {"method": "identity"}),
    ],
)
def test_wrong_specs_are_refused(experiment: Any, wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as caught:
        experiment.Spec(**wrong)
    told = sentence(caught.value)
    assert told.startswith(next(iter(wrong)))
    assert "\n" not in told
