"""The anatomy experiment."""

from typing import Any

import numpy as np
import pytest

from rnnlab.experiments import anatomy as experiment


def test_a_small_experiment_holds_its_claims_and_a_changed_table_fails() -> None:
    spec = experiment.Spec(network=("tanh", "gru"), hidden_size=4, seq_len=12, long_seq_len=2000)
    table = experiment.measure(spec)
    assert experiment.checks(table)["verdict"].eq("holds").all()
    table.loc[table["quantity"] == "flow", "value"] += 0.1
    assert not experiment.checks(table)["verdict"].eq("holds").all()
    assert set(experiment.draw(table)) == {"triangle", "shares"}


@pytest.mark.filterwarnings("ignore:the singular values are not settled:RuntimeWarning")  # of the orthogonal one: 2e-8
@pytest.mark.parametrize("given", [{"network": "lstm", "hidden_size": 2}, {"network": "orthogonal", "seed": 2}])
def test_claims_of_other_networks_are_those_that_both_methods_can_keep(given: dict[str, Any]) -> None:
    spec = experiment.Spec(**{"hidden_size": 40, "seq_len": 12, "long_seq_len": 50, **given})
    assert experiment.checks(experiment.measure(spec))["verdict"].eq("holds").all()


def test_singular_values_that_both_methods_know() -> None:
    known = experiment.known_to_both(np.array([0.0, -1.0, -1.001, -2.0, -6.0, -7.0]))
    assert known.tolist() == [True, False, False, True, False, False]
