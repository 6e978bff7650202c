"""Gradients while networks learn: the table, its claims and what fails them, the figure."""

import numpy as np
import pandas as pd
import pytest

import rnnlab as rl
from rnnlab.experiments import while_learning
from rnnlab.experiments._lab import runner, saving, store
from rnnlab.experiments._lab.looks import PAPER
from tests.experiments.test_results import RESULTS

SMALL = while_learning.Spec(task="adding", method="RNN", seq_len=22, hidden_size=4, seeds=1, updates=30, every=10)


@pytest.fixture(scope="module")
def kept() -> pd.DataFrame:
    return store.read_table(RESULTS / "while-learning")


def test_the_first_look_is_the_flow_of_the_network_as_drawn() -> None:
    table = runner.normal_form(while_learning.measure(SMALL))
    assert len(table) == 3 * 23
    assert list(table["update"].unique()) == [0, 10, 20]
    task = rl.tasks.adding(22)
    model = while_learning.learning.model_of("RNN", task, (4, 22), np.random.default_rng([0, 0]))
    x, target, _ = task.draw(np.random.default_rng([0, 1]), while_learning.BATCH)
    tape = rl.forward(model.params, x)
    error = rl.predict(model, x)[-1] - target[0]
    flow = rl.gradient_flow(tape, 2 * error / error.size @ model.readout.weight).log10_norm
    expected = np.log10((10 ** (2 * flow)).sum(axis=1)) / 2
    first = table[table["update"] == 0].sort_values("lag")["log10_gradient"]
    np.testing.assert_allclose(first, expected[::-1], rtol=0, atol=1e-9)
    assert while_learning.checks(table).empty
    one, two = (saving.rendered(while_learning.draw(table), PAPER) for _ in range(2))
    assert one["learning.png"] == two["learning.png"]


def test_the_claims_hold_and_can_fail(kept: pd.DataFrame) -> None:
    """With the networks exchanged, and with the updates in reverse, hardly one holds."""
    checks = while_learning.checks(kept)
    assert len(checks) == 5
    assert checks["verdict"].eq("holds").all()
    exchanged = kept.assign(method=kept["method"].map({"LSTM": "RNN", "RNN": "LSTM"}))
    assert while_learning.checks(exchanged)["verdict"].ne("holds").sum() >= 4
    backwards = kept.assign(update=kept["update"].max() - kept["update"]).sort_values("update", kind="stable")
    assert while_learning.checks(backwards)["verdict"].ne("holds").sum() >= 3
