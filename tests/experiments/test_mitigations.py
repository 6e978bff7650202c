"""The comparison of cells: its claims, its controls."""

import warnings

import numpy as np
import pytest

from rnnlab.experiments import mitigations
from rnnlab.experiments._lab import runner

SPEC = mitigations.Spec(seq_len=100, seeds=10)


@pytest.fixture(scope="module")
def table() -> object:
    return mitigations.measure(SPEC)


def test_every_network_starts_at_lag_zero(table) -> None:  # type: ignore[no-untyped-def]
    assert set(table["network"]) == set(mitigations.SHOWN)
    assert (table.loc[table["lag"] == 0, "log10_gradient"] == 0).all()


def test_claims_hold_and_swapped_networks_fail(table) -> None:  # type: ignore[no-untyped-def]
    found = mitigations.checks(table).set_index("claim")["verdict"]
    assert set(found) <= {"holds", "open"}
    orthogonal = next(claim for claim in found.index if claim.startswith("orthogonal lets more"))
    assert found[orthogonal] == "holds"
    swapped = mitigations.checks(table.replace({"network": {"tanh": "orthogonal", "orthogonal": "tanh"}}))
    assert swapped.set_index("claim")["verdict"][orthogonal] == "fails"


def test_rates_are_those_of_a_known_decay(table) -> None:  # type: ignore[no-untyped-def]
    known = table[table["network"] == "tanh"].assign(log10_gradient=lambda rows: -0.25 * rows["lag"])
    rates = mitigations.decay_rates(known)
    np.testing.assert_allclose(rates.loc["tanh"].to_numpy(), -0.25, rtol=1e-12)


def test_figures_need_the_table_alone(table) -> None:  # type: ignore[no-untyped-def]
    assert set(mitigations.draw(table)) == {"lag", "laws"}


@pytest.mark.parametrize(
    "given",
    [
        {"network": "tanh", "hidden_size": 8, "seq_len": 2000},  # the second half of the lags is below float64's range
        {"network": "tanh,orthogonal", "hidden_size": 8, "seq_len": 2000},
        {"network": "relu", "hidden_size": 2, "seq_len": 300},  # dead
        {"network": "tanh,irnn,lstm-1", "hidden_size": 2, "seq_len": 20},
    ],
)
def test_other_settings_make_fewer_claims_and_no_warnings(given: dict[str, object]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        table = runner.normal_form(mitigations.measure(mitigations.Spec(**{"seeds": 2, "batch_size": 1, **given})))
        checks = mitigations.checks(table)
        mitigations.draw(table)
    assert checks["verdict"].eq("holds").all()
    assert len(checks) <= 1


def test_rates_of_networks_without_a_gradient_are_nan(table) -> None:  # type: ignore[no-untyped-def]
    gone = table[table["network"] == "tanh"].assign(log10_gradient=-np.inf)
    assert mitigations.decay_rates(gone).loc["tanh"].isna().all()


def test_a_billion_networks_are_refused_by_their_size() -> None:
    assert mitigations.Spec(seeds=10**9).bytes_needed(1) > 2**40
