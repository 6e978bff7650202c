"""The sweep and the laws experiment: the contract on columns, the physics, determinism and drawing."""

import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from rnnlab.experiments import sweep
from rnnlab.experiments._lab import runner, saving
from rnnlab.experiments._lab.checkpoints import Checkpoints
from rnnlab.experiments._lab.looks import PAPER
from rnnlab.experiments.sweep import figures

SMALL = sweep.Spec(w2="0,0.5,1,2,-2", seq_len="1,10,100,2000", seeds=2)
COLUMNS = [
    "nonlinearity",
    "w2",
    "seq_len",
    "seed",
    "log10_dh0",
    "log10_dx1",
    "log10_dw1",
    "log10_dw2",
    "log10_db1",
    "log10_dh0_law",
    "float64_state",
    "float32_state",
    "regime",
]


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    return runner.normal_form(sweep.measure(SMALL))


def rows(table: pd.DataFrame, nonlinearity: str, w2: float, seq_len: int) -> pd.DataFrame:
    return table[(table.nonlinearity == nonlinearity) & (table.w2 == w2) & (table.seq_len == seq_len)]


def test_columns_and_size(table: pd.DataFrame) -> None:
    assert list(table.columns) == COLUMNS
    assert len(table) == 5 * 4 * 4 * 2


def test_regimes(table: pd.DataFrame) -> None:
    assert set(rows(table, "linear", 2.0, 100).regime) == {"exploding"}
    assert set(rows(table, "linear", 0.5, 100).regime) == {"vanishing"}
    assert set(rows(table, "linear", 1.0, 2000).regime) == {"steady"}
    assert set(rows(table, "tanh", 2.0, 100).regime) == {"vanishing"}
    dead = rows(table, "relu", -2.0, 100)
    assert set(dead.regime) == {"dead"}
    assert np.isneginf(dead.log10_dh0).all()


def test_float_states(table: pd.DataFrame) -> None:
    assert set(rows(table, "linear", 2.0, 100).float32_state) == {"normal"}
    long = rows(table, "linear", 2.0, 2000)
    assert set(long.float32_state) == set(long.float64_state) == {"inf"}
    assert long.log10_dh0.to_numpy() == pytest.approx(2000 * np.log10(2), rel=1e-14)
    assert set(rows(table, "linear", 0.5, 2000).float64_state) == {"zero"}


def test_first_input_has_one_step_less(table: pd.DataFrame) -> None:
    linear = rows(table, "linear", 2.0, 100)
    assert linear.log10_dx1.to_numpy() == pytest.approx(99 * np.log10(2), rel=1e-14)  # W1 = 1


def test_checks_hold_and_a_wrong_number_fails_them(table: pd.DataFrame) -> None:
    assert sweep.checks(table).verdict.eq("holds").all()
    wrong = table.assign(log10_dh0=table.log10_dh0 + 1e-6)
    assert not sweep.checks(wrong).verdict.eq("holds").all()


def test_workers_and_order_do_not_change_the_table(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sweep.one_unit, "STATES_AT_ONCE", 500)  # many parts
    tables = []
    for count in (1, 4):
        job = runner.Job(sweep, SMALL, tmp_path / f"sweep{count}", count)
        tables.append(sweep.measure(SMALL, runner.mapper(job, Checkpoints(job.folder, {}))).to_csv())
    monkeypatch.undo()
    assert tables[0] == tables[1] == sweep.measure(SMALL).to_csv()


@pytest.mark.parametrize("wrong", [{"w2": []}, {"w2": [float("nan")]}, {"seq_len": [0]}, {"seeds": 0}, {"w3": [1.0]}])
def test_wrong_specs_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        sweep.Spec(**wrong)


def test_figures_are_drawn_from_the_table_alone(table: pd.DataFrame) -> None:
    one, two = (saving.rendered(sweep.draw(table), PAPER) for _ in range(2))
    names = {"heatmap", "decay", "weights", "float32"}
    assert set(one) == {f"{name}.{kind}" for name in names for kind in ("png", "svg")}
    assert one == two


def test_a_grid_of_one_point_is_drawn() -> None:
    spec = sweep.Spec(w2="0.5", seq_len="10", seeds=1, nonlinearity="relu")
    assert len(sweep.draw(sweep.measure(spec))) == 4


@pytest.mark.parametrize("recurrent", ["orthogonal", "gaussian", "identity"])
def test_vector_sweep(recurrent: str) -> None:
    spec = sweep.Spec(w2=(-0.5, 1.0, 2.0), seq_len=(1, 100, 2000), seeds=2, hidden_size=16, recurrent=recurrent)
    table = sweep.measure(spec)
    assert len(table) == 3 * 3 * 2 * 4
    assert set(COLUMNS) < set(table.columns)
    assert sweep.checks(table).verdict.eq("holds").all()
    if recurrent != "gaussian":
        linear = table[(table["nonlinearity"] == "linear") & (table["w2"] == 2) & (table["seq_len"] == 2000)]
        np.testing.assert_allclose(linear["log10_dh0"], 2000 * np.log10(2), rtol=1e-12)
        assert set(linear["float64_state"]) == {"inf"}
        assert not sweep.checks(table.assign(log10_dh0=table["log10_dh0"] + 0.01)).verdict.eq("holds").all()
    assert set(sweep.draw(table)) == {"heatmap", "decay", "weights", "float32"}


def test_many_units_beyond_floats_are_exact_or_an_overflow() -> None:
    """ReLU of 2 I is linear while all is positive, and what float64 can't show is no death; weights have exponents."""
    spec = sweep.Spec(w2=(2.0,), seq_len=(1000, 2000), seeds=1, hidden_size=4, recurrent="identity", w1=0, h0=1e-9)
    table = sweep.measure(spec).set_index(["nonlinearity", "seq_len"])
    assert table.loc[("relu", 1000), "log10_dh0"] == pytest.approx(1000 * np.log10(2), rel=1e-12)
    assert table.loc[("relu", 2000), "regime"] == "overflow"
    assert np.isnan(table.loc[("relu", 2000), "log10_dw2"])
    assert table.loc[("linear", 2000), "regime"] == "exploding"
    db1 = table["log10_db1"]  # the sum over steps of 2^k and over units of u
    assert db1["linear", 2000] - db1["linear", 1000] == pytest.approx(1000 * np.log10(2), rel=1e-12)
    assert np.isfinite(db1[["linear"]]).all()
    assert set(table.loc[("relu", 2000), ["float32_state", "float64_state"]]) == {"inf"}
    assert "unknown" in sweep.finding(table.reset_index())
    assert set(sweep.draw(table.reset_index())) == {"heatmap", "decay", "weights", "float32"}


@pytest.mark.parametrize(
    "given",
    [
        {"nonlinearity": "relu", "w2": "-2", "inputs": "zeros", "seq_len": "1,100"},  # dead at every point
        {"w2": 0, "inputs": "zeros", "h0": 0},
        {"w2": "1,100", "seq_len": "1,500", "hidden_size": 2},  # a panel without a gradient
        {"w2": "0.5,1", "seq_len": 5},
        {"w2": "0.5,2", "inputs": "zeros", "h0": 0},  # tanh and ReLU do not tell the usual story
        {"w2": "0.5,2", "w1": 1000},
        {"w2": 1, "seq_len": 100, "hidden_size": 2, "recurrent": "gaussian"},
    ],
)
def test_other_settings_are_drawn_and_claim_what_they_can(given: dict[str, object]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        table = runner.normal_form(sweep.measure(sweep.Spec(**{"seeds": 1, **given})))
        assert len(sweep.draw(table)) == 4
        assert sweep.checks(table).verdict.eq("holds").all()


def test_the_table_has_the_settings_that_are_not_the_defaults() -> None:
    table = sweep.measure(sweep.Spec(w2=1, seq_len=2, h0=0.25, inputs="zeros"))
    assert set(table.columns) - set(COLUMNS) == {"h0", "inputs"}
    assert set(table["h0"]) == {0.25}


def test_one_unit_has_no_gaussian_matrix_and_no_weight_that_overflows() -> None:
    with pytest.raises(ValidationError, match="hidden_size is 1"):
        sweep.Spec(recurrent="gaussian")
    with pytest.raises(ValidationError, match="less than or equal to"):
        sweep.Spec(w1=1e308)


def test_a_heat_map_has_as_many_weights_as_pixels(table: pd.DataFrame, monkeypatch: pytest.MonkeyPatch) -> None:
    assert figures.thinned(table) is table
    monkeypatch.setattr(figures, "MOST_W2", 3)
    w2 = np.unique(table["w2"])
    found = np.unique(figures.thinned(table)["w2"])
    assert found.size == 3
    assert set(found) < set(w2)
    assert list(found[[0, -1]]) == list(w2[[0, -1]])
