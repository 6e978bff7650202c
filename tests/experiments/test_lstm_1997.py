"""The LSTM of 1997: its criterion, its first weights, its claims; a short run; and a control that never meets it."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

import rnnlab as rl
from rnnlab.experiments import lstm_1997
from rnnlab.experiments.lstm_1997 import Part, Spec


def test_the_criterion_asks_for_2000_right_answers_of_small_mean_error() -> None:
    trial = lstm_1997.trial_of("adding", 100)
    assert lstm_1997.is_solved(trial, np.full(2000, 0.009))
    assert not lstm_1997.is_solved(trial, np.full(1999, 0.009))
    assert not lstm_1997.is_solved(trial, np.full(2000, 0.011))
    assert not lstm_1997.is_solved(trial, np.r_[np.zeros(1999), 0.041])
    assert not lstm_1997.is_solved(trial, np.r_[np.zeros(1999), np.nan])


def test_errors_are_those_of_outputs() -> None:
    assert lstm_1997.trial_of("temporal-order", 100).error_of(-np.log(0.7)) == pytest.approx(0.3)
    assert lstm_1997.trial_of("adding", 100).error_of(np.float64(0.04**2)) == pytest.approx(0.04)


@pytest.mark.parametrize("name", ["adding", "temporal-order", "adding-descent"])
def test_networks_start_as_described(name: Any) -> None:
    trial = lstm_1997.trial_of(name, 100)
    model = lstm_1997.model_1997(trial, np.random.default_rng(0))
    gates = model.params.bias.reshape(4, 4)
    assert np.abs(gates - np.array([trial.input_biases, [5] * 4, [0] * 4, [0] * 4])).max() <= 0.1
    assert np.abs(model.params.weight_hh).max() <= 0.1
    assert model.params.weight_ih.shape == (16, trial.task.inputs)
    assert model.readout.weight.shape == (trial.task.outputs, 4)


def test_an_order_over_ten_steps_is_learnt_online() -> None:
    spec = Spec(task="temporal-order", seq_len=10, seeds=1, sequences=20_000)
    table = lstm_1997.measure(spec)
    assert list(table["update"]) == list(range(500, 500 * len(table) + 1, 500))
    assert list(table["solved"]) == [False] * (len(table) - 1) + [True]
    assert table["wrong"].iloc[-1] == 0
    assert lstm_1997.checks(table).empty  # of another length than the default
    assert set(lstm_1997.draw(table)) == {"sequences"}
    pd.testing.assert_frame_equal(table, lstm_1997.measure(spec))


def test_a_training_goes_on_in_the_middle() -> None:
    part, saved = Part(Spec(seq_len=20, sequences=2700), "temporal-order", 0), []
    whole = lstm_1997.measure_part(part, None, saved.append)
    assert [kept.done.state.update for kept in saved] == [500, 1000, 1500, 2000, 2500, 2700]
    for kept in (saved[1], saved[-1]):
        pd.testing.assert_frame_equal(lstm_1997.measure_part(part, kept, lambda _: None), whole)


def test_the_descent_of_1997_is_plain_and_not_reproduced() -> None:
    trial = lstm_1997.trial_of("adding-descent", 100)
    assert (trial.recipe.learning_rate, trial.recipe.optimiser, trial.recipe.clip_norm) == (0.5, "sgd", None)
    spec = Spec()
    row = {"task": "adding-descent", "seq_len": spec.seq_len, "budget": spec.sequences, "seed": 0, "update": 500}
    verdicts = [
        lstm_1997.checks(pd.DataFrame([{**row, "solved": solved}]))["verdict"].tolist() for solved in (False, True)
    ]
    assert verdicts == [["holds"], ["fails"]]


def test_labels_by_chance_are_never_learnt() -> None:
    """The control."""
    trial = lstm_1997.trial_of("temporal-order", 10)

    def draw(rng: np.random.Generator, batch_size: int) -> rl.Batch:
        batch: rl.Batch = trial.task.draw(rng, batch_size)
        return batch._replace(target=rng.integers(4, size=(1, batch_size)))

    rows = lstm_1997.learn(trial._replace(task=trial.task._replace(draw=draw)), 0, 4000)
    assert len(rows) == 8
    assert not any(row["solved"] for row in rows)
    assert rows[-1]["wrong"] > 1000


def test_claims_compare_means_with_1997() -> None:
    runs = [{"task": "adding", "seq_len": 100, "seed": seed, "budget": 230_000} for seed in (0, 1)]
    table = pd.DataFrame([run | {"update": 60_000, "solved": True} for run in runs])
    assert lstm_1997.checks(table)["verdict"].eq("holds").all()
    assert not lstm_1997.checks(table.assign(update=10_000))["verdict"].eq("holds").all()
    assert not lstm_1997.checks(table.assign(solved=[True, False]))["verdict"].eq("holds").all()


def test_adding_has_at_least_twenty_steps() -> None:
    with pytest.raises(ValidationError, match="seq_len is 19: adding needs at least 20"):
        Spec(seq_len=19)
    assert Spec(seq_len=19, task="temporal-order").seq_len == 19


def test_too_few_sequences_are_refused() -> None:
    with pytest.raises(ValidationError, match="greater than or equal to 2000"):
        Spec(sequences=10)
