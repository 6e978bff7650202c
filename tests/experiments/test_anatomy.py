"""The anatomy experiment."""

from rnnlab.experiments import anatomy as experiment


def test_a_small_experiment_holds_its_claims_and_a_changed_table_fails() -> None:
    spec = experiment.Spec(network=("tanh", "gru"), hidden_size=4, seq_len=100, long_seq_len=2000)
    table = experiment.measure(spec)
    checks = experiment.checks(table)
    assert len(checks) == 2 + 3
    assert checks["verdict"].eq("holds").all()
    alike = table.assign(value=table["value"].where(table["quantity"] != "share", 0.0))
    assert experiment.checks(alike)["verdict"].tolist()[:2] == ["fails", "fails"]
    assert set(experiment.draw(table)) == {"triangle", "shares"}


def test_of_short_sequences_only_the_control_is_claimed() -> None:
    spec = experiment.Spec(network=("lstm",), hidden_size=2, seq_len=12, long_seq_len=50)
    assert experiment.checks(experiment.measure(spec))["claim"].str.startswith("linear orthogonal").all()
