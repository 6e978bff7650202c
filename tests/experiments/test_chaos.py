"""Learning chaos: the series' exponents, gradients against products of Jacobians, forced sequences, claims and controls."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from pydantic import ValidationError

from rnnlab.experiments import chaos
from rnnlab.experiments._lab import store
from rnnlab.experiments.chaos import echo_state, teacher_forcing
from rnnlab.experiments.chaos.series import SERIES, STEP

KEPT = Path(__file__).parents[2] / "results/chaos"
SMALL = chaos.Spec(
    series=("lorenz",), interval=(0.5, 8.0), clip=(1.0,), reservoir=20, hidden_size=4, train_len=2000, seq_len=500
).model_copy(update={"updates": 3, "seeds": 1, "trainings": 2})
Array = NDArray[np.float64]


def small(name: str, units: int) -> tuple[echo_state.EchoState, Array]:
    rng = np.random.default_rng(1)
    known, ahead = np.split(SERIES[name].make(1060, rng), [1000])
    return echo_state.train(SERIES[name], known, units, rng), ahead


def test_the_exponent_of_the_logistic_map_is_that_of_its_slopes() -> None:
    x = SERIES["logistic"].make(20_000, np.random.default_rng(0))
    assert x[1:] == pytest.approx(4 * x[:-1] * (1 - x[:-1]))
    assert np.log(np.abs(4 - 8 * x)).mean() == pytest.approx(SERIES["logistic"].exponent, abs=0.01)


def lorenz_flow(state: Array) -> Array:
    """(6, N): points, and a perturbation of each."""
    x, y, z, dx, dy, dz = state
    return np.array(
        [
            10 * (y - x),
            x * (28 - z) - y,
            x * y - 8 / 3 * z,
            10 * (dy - dx),
            dx * (28 - z) - x * dz - dy,
            dx * y + x * dy - 8 / 3 * dz,
        ]
    )


def test_the_exponent_of_lorenz_is_that_of_perturbations_of_many_points() -> None:
    """400 points, 40 units of time by Runge-Kutta after 30 in which they come to the attractor."""
    state, size, total = np.random.default_rng(0).standard_normal((6, 400)), 0.01, 0.0
    state[:3] = 8 * state[:3] + [[0.0], [0.0], [25.0]]
    for step in range(7000):
        k1 = lorenz_flow(state)
        k2 = lorenz_flow(state + size / 2 * k1)
        k3 = lorenz_flow(state + size / 2 * k2)
        state = state + size / 6 * (k1 + 2 * k2 + 2 * k3 + lorenz_flow(state + size * k3))
        norm = np.linalg.norm(state[3:], axis=0)
        state[3:] /= norm
        total += float(np.log(norm).mean()) if step >= 3000 else 0.0
    assert total / 40 * STEP == pytest.approx(SERIES["lorenz"].exponent, rel=0.03)


@pytest.mark.parametrize("name", SERIES)
def test_every_series_has_the_steps_that_were_asked_for(name: str) -> None:
    assert len(SERIES[name].make(50, np.random.default_rng(0))) == 50


def test_what_continues_a_series_is_one_plain_network_that_goes_on_as_the_series_does() -> None:
    network, ahead = small("sine", 40)
    fed, free = network.fed, network.free
    assert np.linalg.matrix_rank(free.weight_hh - fed.weight_hh, tol=1e-8) == 1
    h, found = network.h, []
    for _ in ahead:
        change = (free.weight_hh - fed.weight_hh) @ h + free.bias - fed.bias  # W_ih times the prediction
        found.append(float(fed.weight_ih[:, 0] @ change / (fed.weight_ih[:, 0] @ fed.weight_ih[:, 0])))
        h = np.tanh(free.weight_hh @ h + free.bias)
    np.testing.assert_allclose(found, ahead[:, 0], atol=1e-3)
    assert network.error < 1e-4


@pytest.mark.parametrize("interval", [1, 7, 1000])
def test_growth_of_fed_networks_is_that_of_products_of_jacobians(interval: int) -> None:
    network, ahead = small("lorenz", 12)
    h, product = network.h, np.eye(12)
    for t, value in enumerate(ahead):
        params, inputs = (network.free, np.zeros(1)) if t % interval else (network.fed, value)
        h = np.tanh(params.weight_hh @ h + params.weight_ih @ inputs + params.bias)
        product = (1 - h**2)[:, None] * params.weight_hh @ product
    dh = np.arange(1.0, 13.0)
    expected = np.log(np.linalg.norm(product.T @ dh) / np.linalg.norm(dh)) / len(ahead)
    assert echo_state.fed_growth(network, ahead, interval, dh) == pytest.approx(expected, rel=1e-9)


def test_a_forced_network_gets_one_value_and_is_asked_for_those_after_it() -> None:
    x = np.arange(20.0).reshape(10, 2)
    inputs, wanted = teacher_forcing.runs(x, np.array([0, 4]), 3)
    np.testing.assert_array_equal(inputs[0], x[[0, 4]])
    assert not inputs[1:].any()
    np.testing.assert_array_equal(wanted[:, 1], x[5:8])


def test_rows() -> None:
    table = chaos.measure(SMALL)
    assert set(table["method"]) == {"least squares", "plain", "clipped at 1"}
    assert table.groupby("quantity").size()[["valid", "fed", "curve", "growth"]].to_dict() == {
        "valid": 3 * 2,
        "fed": 2,
        "curve": 51,
        "growth": 1,
    }
    assert np.isfinite(table["value"]).all()
    assert not len(chaos.checks(table))  # of few units nothing is claimed
    assert set(chaos.draw(table)) == {"growth", "learning"}
    assert set(chaos.draw(table[table["method"] == "least squares"])) == {"growth"}


@pytest.fixture(scope="module")
def kept() -> pd.DataFrame:
    return store.read_table(KEPT)


def failing(table: pd.DataFrame) -> set[str]:
    checks = chaos.checks(table)
    return set(checks[checks["verdict"] != "holds"]["claim"])


def moved(table: pd.DataFrame, where: pd.Series, value: float) -> pd.DataFrame:
    return table.assign(value=table["value"].where(~where, value))


def test_claims_fail_where_the_other_story_holds(kept: pd.DataFrame) -> None:
    assert not failing(kept)
    bounded = failing(moved(kept, kept["quantity"].isin(["growth", "exponent"]) & (kept["series"] != "sine"), 0.0))
    assert len(bounded) == 4
    assert (
        len(failing(moved(kept, kept["quantity"].isin(["growth", "exponent"]) & (kept["series"] == "sine"), 0.05))) == 2
    )
    assert len(failing(moved(kept, kept["quantity"] == "fed", 0.0))) == 3  # cured, however seldom
    assert len(failing(moved(kept, kept["quantity"] == "fed", 0.0453))) == 1  # as if not fed
    cured = failing(moved(kept, (kept["quantity"] == "valid") & kept["method"].str.startswith("clipped"), 25.0))
    assert sum("than clipped" in claim for claim in cured) == 2
    assert len(failing(moved(kept, kept["quantity"] == "above 1", 0.0))) == 2


def test_a_claim_of_each_series_alone(kept: pd.DataFrame) -> None:
    assert len(chaos.checks(kept[kept["series"] == "sine"])) == 2
    assert not len(chaos.checks(kept.assign(updates=100)))


def test_wrong_settings_are_refused() -> None:
    with pytest.raises(ValidationError, match="series"):
        chaos.Spec(series=("henon",))
    with pytest.raises(ValidationError, match="greater than 0"):
        chaos.Spec(interval=(0.0,))
