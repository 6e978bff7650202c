"""The temporal-order experiment: its parts, its test on fresh sequences, its claims; and a control that can't solve it."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

import rnnlab as rl
from rnnlab import tasks
from rnnlab.experiments import temporal_order
from rnnlab.experiments._lab.store import read_table
from rnnlab.experiments.temporal_order import Part, Spec

EASY = {"seq_len": 10, "seeds": 1, "hidden_size": 30, "method": "LSTM", "learning_rate": 0.5, "updates": 3000}


def part(**changed: Any) -> Part:
    given = {"method": "SGD-C", "initialisation": "smart", "seed": 0, "seq_len": 10, **changed}
    return Part(Spec(hidden_size=20, updates=700), **given)


def test_parts_are_reproducible_and_long_ones_come_first() -> None:
    spec = Spec(seq_len="10,12", seeds=2, updates=20, hidden_size=8)
    parts = list(temporal_order.parts_of(spec))
    assert len(parts) == 2 * 2 * (3 * 2 + 2)
    assert [p.seq_len for p in parts] == [12] * 16 + [10] * 16
    table = temporal_order.measure(spec)
    pd.testing.assert_frame_equal(table, temporal_order.measure(spec))
    assert set(table["outcome"]) == {"capped"}
    assert (table["updates"] == 20).all()
    assert table["error"].between(0.5, 0.95).all()  # of four classes a guess is wrong in 0.75


@pytest.mark.parametrize("kept", [1, 2])
def test_a_network_goes_on_in_the_middle(kept: int) -> None:
    """The second is the last thing that is kept: nothing is left to be trained."""
    saved: list[Any] = []
    whole = temporal_order.measure_part(part(seq_len=20), None, saved.append)
    assert [done.state.update for done, *_ in saved] == [500, 700]
    pd.testing.assert_frame_equal(temporal_order.measure_part(part(seq_len=20), saved[kept - 1], lambda _: None), whole)


def test_an_easy_one_is_solved_and_forgets_nothing_between_tests() -> None:
    row = temporal_order.measure(Spec(**EASY)).iloc[0]
    assert row["outcome"] == "solved"
    assert row["error"] < 0.01
    assert row["updates"] % temporal_order.TEST_EVERY == 0


def test_without_recurrence_nothing_is_solved(monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: gradients that end after one step leave no network that knows the symbols of long ago."""
    short = rl.Recipe(0.5, clip_norm=1.0, window=1)
    monkeypatch.setattr(temporal_order, "recipe_of", lambda _: short)
    row = temporal_order.measure(Spec(**{**EASY, "updates": 1000, "gate_bias": -5.0})).iloc[0]
    assert row["outcome"] == "capped"
    assert row["error"] > 0.5


def test_wrong_answers_by_hand() -> None:
    """A network that always says class 2 is wrong in three of four, of all fresh sequences or of the first ones alone."""
    params = rl.RNNParams(np.zeros((3, 6)), np.zeros((3, 3)), np.zeros(3))
    model, drawn = rl.Model(params, rl.Readout(np.zeros((4, 3)), np.array([0.0, 0.0, 1.0, 0.0]))), []
    task = tasks.temporal_order(10)
    counted = task._replace(draw=lambda rng, size: drawn.append(size) or task.draw(rng, size))
    for most, sequences, spread in ((1.0, 10_000, 0.02), (0.01, 200, 0.12)):  # four deviations of a share of so many
        rng = np.random.default_rng(0)
        assert temporal_order.wrong_answers(model, counted, rng, most) == pytest.approx(0.75, abs=spread)
        assert sum(drawn) == sequences
        drawn.clear()
    constant = task._replace(draw=lambda rng, size: task.draw(rng, size)._replace(target=np.full((1, size), 2)))
    assert temporal_order.wrong_answers(model, constant, np.random.default_rng(0)) == 0


@pytest.mark.parametrize(("start", "spread"), [("basic", 0.1), ("smart", 0.01), ("sigmoid", 0.01)])
def test_first_weights_are_those_of_the_paper(start: str, spread: float) -> None:
    model = temporal_order.model_of(
        part(initialisation=start)._replace(spec=Spec(dtype="float64")), np.random.default_rng(0)
    )
    assert model.params.weight_ih.std() == pytest.approx(spread, rel=0.15)
    assert model.readout.weight.std() == pytest.approx(spread, rel=0.15)
    assert not model.params.bias.any()
    assert not model.readout.bias.any()
    assert model.nonlinearity == ("sigmoid" if start == "sigmoid" else "tanh")
    if start == "smart":
        assert ((model.params.weight_hh != 0).sum(axis=1) == 15).all()
        assert np.abs(np.linalg.eigvals(model.params.weight_hh)).max() == pytest.approx(0.95, rel=1e-12)
    else:
        assert model.params.weight_hh.std() == pytest.approx(spread, rel=0.1)


@pytest.mark.parametrize("method", ["SGD", "LSTM", "GRU"])
def test_networks_are_float32_unless_asked_for_float64(method: str) -> None:
    """As the authors' code has them; otherwise the same."""
    given = part(method=method)
    model, wide = (
        temporal_order.model_of(given._replace(spec=Spec(**kind)), np.random.default_rng(0))
        for kind in ({}, {"dtype": "float64"})
    )
    for name in ("params", "readout"):
        for array, same in zip(getattr(model, name), getattr(wide, name), strict=True):
            assert (array.dtype, same.dtype) == (np.float32, np.float64)
            np.testing.assert_allclose(array, same, rtol=1e-6, atol=1e-8)  # some roundings, of the spectral radius too


def test_recipes() -> None:
    recipes = {name: temporal_order.recipe_of(part(method=name)) for name in ("SGD", "SGD-C", "SGD-CR", "LSTM")}
    assert [recipe.clip_norm for recipe in recipes.values()] == [None, 1.0, 1.0, 1.0]
    assert [recipe.regulariser for recipe in recipes.values()] == [0.0, 0.0, 2.0, 0.0]
    assert {recipe.learning_rate for recipe in recipes.values()} == {0.01}  # the same for all


def table_with(**solved: int) -> pd.DataFrame:
    """Twelve networks of each method and start, of which so many solved the task, of smart ones four more."""
    rows = [
        {"method": method.replace("_", "-"), "initialisation": start, "seq_len": 40, "seed": seed}
        | {"outcome": "solved" if seed < count + more else "capped", "updates": 1000 * (seed + 1)}
        | {"error": 0.0 if seed < count + more else 0.75, "budget": 20_000}
        for method, count in solved.items()
        for start, more in (("basic", 0), ("smart", 4))
        for seed in range(12)
    ]
    return pd.DataFrame(rows)


def test_claims_hold_for_the_published_order_and_fail_for_the_reverse() -> None:
    table = table_with(SGD=0, SGD_C=4, SGD_CR=8)
    found = temporal_order.checks(table)
    assert found.verdict.tolist() == ["holds"] * 5
    names = {"SGD": "SGD-CR", "SGD-CR": "SGD", "basic": "smart", "smart": "basic"}
    assert temporal_order.checks(table.replace(names)).verdict.eq("fails").all()
    alike = temporal_order.checks(table_with(SGD=2, SGD_C=2, SGD_CR=2)).verdict
    assert alike.tolist() == ["open"] * 4 + ["holds"]


def test_what_few_networks_say_is_open() -> None:
    table = table_with(SGD=0, SGD_C=1, SGD_CR=2)
    found = temporal_order.checks(table[table["seed"] < 3]).set_index("claim")["verdict"]
    assert found[next(claim for claim in found.index if claim.startswith("SGD-C solves"))] == "open"


def test_of_a_small_budget_nothing_is_claimed() -> None:
    assert temporal_order.checks(table_with(SGD=2, SGD_C=1, LSTM=0).assign(budget=500)).empty


def test_figures_have_a_point_for_every_network() -> None:
    figures = temporal_order.draw(table_with(SGD=0, SGD_C=2, SGD_CR=4))
    assert set(figures) == {"success", "updates"}
    for name, place in (("updates", 0), ("success", 1)):
        lines = figures[name].axes[place].lines
        assert sum(len(line.get_xdata()) for line in lines if line.get_linestyle() == "None") == 72


def test_a_table_that_is_half_done_is_drawn() -> None:
    table = table_with(SGD=0, SGD_C=2)
    more = table[table["method"] == "SGD"].assign(seq_len=50)
    assert set(temporal_order.draw(pd.concat([table, more]))) == {"success", "updates"}


def test_the_papers_own_setting() -> None:
    full = Spec(full=True)
    assert (full.seq_len, full.seeds, full.updates) == ((50, 100, 150, 200, 250), 5, 5_000_000)
    assert Spec(**full.model_dump()) == full
    assert Spec(full=False) == Spec()
    with pytest.raises(ValidationError, match="seeds is 2: full means 5; leave one of the two out"):
        Spec(full=True, seeds=2)
    with pytest.raises(ValidationError, match="hidden_size is 5: full means 50"):
        Spec(full=True, hidden_size=5)
    with pytest.raises(ValidationError, match="valid boolean"):
        Spec(full="yes")


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("seq_len", "9", "9 is shorter than 10 steps"),
        ("method", "SGD,Adam", "'SGD', 'SGD-C', 'SGD-CR', 'LSTM' or 'GRU'"),
        ("initialisation", "", "at least 1 item"),
        ("clip_norm", 0, "greater than 0"),
    ],
)
def test_wrong_specs(field: str, value: Any, says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        Spec(**{field: value})


def test_the_page_has_the_kept_result() -> None:
    root, labels = (
        Path(__file__).parents[2],
        ("plain gradient descent", "clipped", "clipped and regularised", "LSTM", "GRU"),
    )
    kept = read_table(root / "results/temporal-order")
    solved = (kept["outcome"] == "solved").groupby([kept["method"], kept["seq_len"]]).agg(["sum", "size"])
    told = solved.apply(lambda row: f"{row['sum']} of {row['size']}", axis=1).unstack()
    rows = [
        f"| {label} | {' | '.join(told.loc[method])} |\n"
        for label, method in zip(labels, ("SGD", "SGD-C", "SGD-CR", "LSTM", "GRU"), strict=True)
    ]
    assert "".join(rows) in (root / "docs/experiments.md").read_text("utf-8")
