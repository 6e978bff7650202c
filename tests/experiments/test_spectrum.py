"""The spectrum experiment: its claims at a small size, what must fail, what is refused."""

from typing import Any

import pytest
from pydantic import ValidationError

from rnnlab.experiments import spectrum


def test_a_small_spectrum_holds_its_claims_and_a_wrong_gain_fails() -> None:
    spec = spectrum.Spec(g=2.0, sigma=0.5, full_g=1.7, full_hidden_size=60)
    table = spectrum.measure(spec)
    checks = spectrum.checks(table)
    assert len(checks) == 3
    assert checks["verdict"].eq("holds").all()
    table.loc[table["method"] == "qr", "exponent"] += 0.1  # as of another gain
    assert not spectrum.checks(table)["verdict"].eq("holds").all()
    assert set(spectrum.draw(table)) == {"exponents"}


@pytest.mark.parametrize(
    "given", [{"hidden_size": 4, "full_hidden_size": 4, "g": 0.5}, {"steps": 200, "full_steps": 200, "full_g": 3.0}]
)
def test_little_is_claimed_of_few_units_or_steps(given: dict[str, Any]) -> None:
    table = spectrum.measure(spectrum.Spec(**{"g": 2.0, "sigma": 0.0, "hidden_size": 100, **given}))
    assert spectrum.checks(table)["verdict"].eq("holds").all()
    assert set(spectrum.checks(table)["claim"]) <= {"sum of exponents = mean ln |det J|"}


def test_a_spectrum_is_refused_where_theory_or_memory_ends() -> None:
    with pytest.raises(ValidationError, match="less than or equal to 20"):
        spectrum.Spec(g=1e6)
    assert spectrum.Spec(seeds=10**9).bytes_needed(1) > 2**40
