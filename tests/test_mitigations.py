"""The comparison of cells: its claims, its controls."""

import numpy as np
import pytest

from rnnlab.experiments import mitigations

SPEC = mitigations.Spec(hidden_size=48, seq_len=100, batch_size=8, seeds=4)


@pytest.fixture(scope="module")
def table() -> object:
    return mitigations.measure(SPEC)


def test_every_network_starts_at_lag_zero(table) -> None:  # type: ignore[no-untyped-def]
    assert set(table["network"]) == set(mitigations.NETWORKS)
    assert (table.loc[table["lag"] == 0, "log10_gradient"] == 0).all()


def test_claims_hold_and_swapped_networks_fail(table) -> None:  # type: ignore[no-untyped-def]
    assert mitigations.checks(table)["ok"].all()
    swapped = table.replace({"network": {"tanh": "irnn", "irnn": "tanh"}})
    assert not mitigations.checks(swapped)["ok"].all()


def test_rates_are_those_of_a_known_decay(table) -> None:  # type: ignore[no-untyped-def]
    known = table[table["network"] == "tanh"].assign(log10_gradient=lambda rows: -0.25 * rows["lag"])
    rates = mitigations.decay_rates(known)
    np.testing.assert_allclose(rates.loc["tanh"].to_numpy(), -0.25, rtol=1e-12)


def test_figures_need_the_table_alone(table) -> None:  # type: ignore[no-untyped-def]
    assert set(mitigations.draw(table)) == {"lag", "laws"}
