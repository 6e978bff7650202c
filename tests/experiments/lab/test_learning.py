"""Learning experiments: when a network counts as having solved a task, guessing, and what must fail."""

import pickle
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

import rnnlab as rl
from rnnlab.experiments import adding, copy, latch
from rnnlab.experiments._lab import learning
from rnnlab.experiments._lab.figures import new_figure
from rnnlab.experiments._lab.options import sentence

ADAM = rl.Recipe(0.01, "adam", 1.0)


def trained(goal: learning.Goal, updates: int, method: str = "orthogonal") -> Any:
    model = learning.model_of(method, goal.task, (8, 10), np.random.default_rng([0, 0]))
    return learning.learn(model, goal, learning.Training(ADAM, 10, 100, updates), [0])


def test_every_method_makes_a_network_that_predicts() -> None:
    task = rl.tasks.copy(3)
    batch = task.draw(np.random.default_rng(0), 2)
    for name in (*learning.METHODS, "linear identity", "linear orthogonal"):
        model = learning.model_of(name, task, (5, 10), np.random.default_rng(1))
        assert rl.predict(model, batch.x).shape == (23, 2, 9)
    assert learning.model_of("IRNN", task, (5, 10), np.random.default_rng(1)).nonlinearity == "relu"
    forget = learning.model_of("LSTM", task, (5, 10), np.random.default_rng(1)).params.bias[5:10]
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
    model = learning.model_of("LSTM", goal.task, (4, 10), np.random.default_rng(0))
    found = learning.score_of(model, goal, np.random.default_rng(5))
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
    model = learning.model_of("linear orthogonal", goal.task, (8, 10), np.random.default_rng(0))
    wild = model._replace(params=model.params._replace(weight_hh=1e30 * model.params.weight_hh))
    with pytest.warns(RuntimeWarning, match="not a number: states left the range"):
        _, curve = learning.learn(wild, goal, learning.Training(ADAM, 10, 100, 500), [0])
    assert len(curve) == 1
    assert not curve["solved"].any()
    assert curve["score"].tolist() == [np.inf]


@pytest.mark.parametrize("kept", [0, 1, 3])
def test_a_training_goes_on_in_the_middle(kept: int) -> None:
    """Also from what it kept last, when nothing is left to be trained."""
    goal, saved = latch.goal_of(30), []
    model = learning.model_of("LSTM", goal.task, (8, 10), np.random.default_rng([0, 0]))
    training = learning.Training(ADAM, 10, 100, 350)
    last, whole = learning.learn(model, goal, training, [0], None, lambda so_far: saved.append(pickle.dumps(so_far)))
    again, curve = learning.learn(model, goal, training, [0], pickle.loads(saved[kept]))
    pd.testing.assert_frame_equal(curve, whole)
    np.testing.assert_array_equal(again.params.weight_hh, last.params.weight_hh)


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


@pytest.mark.parametrize("experiment", [adding, copy, latch])
def test_all_methods_can_be_asked_for_and_an_error_says_which_there_are(experiment: Any) -> None:
    assert experiment.Spec(method=",".join(learning.METHODS)).method == learning.METHODS
    with pytest.raises(ValidationError) as caught:
        experiment.Spec(method="mingru")
    assert all(f"'{name}'" in sentence(caught.value) for name in learning.METHODS)


def test_a_failed_training_says_why_and_an_older_table_draws() -> None:
    """A tanh network that starts weak vanishes; the title says what half of the runs suffer from."""
    goal = adding.goal_of(50)
    _, curve = trained(goal, 200, "RNN")
    assert curve["symptom"].tolist() == ["vanished", "vanished"]
    rows = pd.concat([curve.assign(method="RNN", seq_len=50, seed=seed) for seed in (0, 1)])
    assert learning.why(learning.failed(rows, ["method"])) == "vanished"
    rows.loc[rows["seed"] == 1, "symptom"] = "dead, clipped"
    assert learning.why(learning.failed(rows, ["method"])) == "clipped, dead, vanished"
    one = rows[rows["seed"] == 0]
    three = pd.concat([rows, one.assign(seed=2)])
    assert learning.why(learning.failed(three, ["method"])) == "vanished"
    for table, title in ((rows, "RNN: 0 of 2\nclipped, dead"), (rows.drop(columns="symptom"), "RNN: 0 of 2")):
        (axis,) = learning.draw_each(new_figure(4, 3), table, 1.0)
        assert axis.get_title().startswith(title)
