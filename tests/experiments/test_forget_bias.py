"""The forget-bias experiment."""

from rnnlab.experiments import forget_bias


def test_a_small_forget_bias_holds_its_claims_and_a_wrong_law_fails() -> None:
    table = forget_bias.measure(forget_bias.Spec(forget_bias=(0.0, 1.0), seq_len=(1, 100), hidden_size=4, seeds=2))
    assert forget_bias.checks(table)["verdict"].eq("holds").all()
    table["log10_law"] *= 1.01
    assert not forget_bias.checks(table)["verdict"].eq("holds").all()
    assert set(forget_bias.draw(table)) == {"retention"}
