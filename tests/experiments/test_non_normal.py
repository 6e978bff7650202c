"""Non-normal networks: Jacobians by BPTT, matrices as they are said to be, claims and their controls."""

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from rnnlab.experiments import non_normal
from rnnlab.experiments._lab import store
from rnnlab.experiments.non_normal import gradients, learning, networks

KEPT = Path(__file__).parents[2] / "results/non-normal"


@pytest.mark.parametrize("size", [0.0, 2.0])
def test_eigenvalues_are_the_same_whatever_the_triangle(size: float) -> None:
    found = np.abs(np.linalg.eigvals(networks.schur(size)))
    np.testing.assert_allclose(found, 0.9, atol=1e-3)  # they are ill-conditioned: 1e-16 times the peak and more
    weight = networks.schur(size)
    assert (np.abs(weight @ weight.T - weight.T @ weight).max() < 1e-12) == (size == 0)


def test_jacobians_are_powers() -> None:
    weight = networks.schur(1.0)[:5, :5]
    found = gradients.jacobians(weight, 4)
    for lag, jacobian in enumerate(found):
        np.testing.assert_allclose(jacobian, np.linalg.matrix_power(weight, lag), atol=1e-14)


def test_eigtools_demo_is_the_complex_matrix() -> None:
    weight = networks.eigtool_demo()
    half = networks.DEMO
    matrix = weight[:half, :half] + 1j * weight[half:, :half]
    assert matrix[0, 1] == 0.4
    assert matrix[-1, 0] == 0.4
    assert matrix[1, 1] == pytest.approx(0.4 * np.exp(2j * np.pi / half) - 0.5)
    product = matrix @ matrix
    assert (weight @ weight)[:half, :half] == pytest.approx(product.real)


def test_chains_of_the_literature() -> None:
    weight = networks.chain(4, 2.0, 1.0, 3.0)
    assert weight.tolist() == [[1, 0, 0, 0], [2, 1, 0, 0], [3, 2, 1, 0], [3, 3, 2, 1]]  # printed in Kerg's notebook


def test_starts() -> None:
    for start in learning.STARTS:
        params = learning.params_of(start, 3, np.random.default_rng(0))
        normal = params.weight_hh @ params.weight_hh.T - params.weight_hh.T @ params.weight_hh
        assert (np.abs(normal).max() > 1) == (start == "chain")
    assert learning.params_of("chain", 3, np.random.default_rng(0)).weight_ih[:4].tolist() == [
        [0.9, 0, 0],
        [0, 0.9, 0],
        [0, 0, 0.9],
        [0, 0, 0],
    ]


@pytest.fixture(scope="module")
def kept() -> pd.DataFrame:
    return store.read_table(KEPT)


def failing(table: pd.DataFrame) -> list[str]:
    checks = non_normal.checks(table)
    return checks.loc[checks["verdict"].eq("fails"), "claim"].tolist()


def only_eigenvalues(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.assign(value=rows["lag"] * np.log10(0.9))


@pytest.mark.parametrize(
    ("part", "wrong", "claim"),
    [
        ("gradient", only_eigenvalues, "peak|comes back|from its law"),
        ("gradient", lambda rows: rows.assign(value=rows["value"] + 1e-8), "from its law|comes back whole"),
        ("gradient", lambda rows: rows.assign(value=rows["value"].cummax()), "peak|comes back|from its law|0.9.k"),
        ("memory", lambda rows: rows.assign(value=1.0), "delay line"),
        ("memory", lambda rows: rows.assign(value=rows["value"] * (1 + 1e-8)), "J_tot"),
        ("published", lambda rows: rows.assign(value=rows["value"] * 1.01), "J_tot of 100 units"),
        ("published", lambda rows: rows.assign(value=list(gradients.PUBLISHED.values())), "not as published"),
    ],
)
def test_claims_fail_where_another_story_holds(
    kept: pd.DataFrame, part: str, wrong: Callable[[pd.DataFrame], pd.DataFrame], claim: str
) -> None:
    assert not failing(kept)
    here = kept["part"] == part
    found = failing(pd.concat([kept[~here], wrong(kept[here])]))
    assert found
    assert all(re.search(claim, text) for text in found)


def test_starts_do_not_differ_where_errors_do_not(kept: pd.DataFrame) -> None:
    equal = kept.assign(value=kept["value"].where(~kept["part"].isin(learning.TASKS), 0.1))
    checks = non_normal.checks(equal)
    told = checks["claim"].str.endswith(": p")
    assert told.sum() == 5
    assert checks.loc[told, "verdict"].eq("open").all()


def test_one_training_of_each_kind() -> None:
    for task in learning.TASKS:
        (row,) = learning.learning_rows(task, "chain", 0.001, 0, 2)
        assert 0 < row["value"] < 2


def test_figures_of_a_table_without_a_normal_network(kept: pd.DataFrame) -> None:
    assert set(non_normal.draw(kept[~kept["setting"].eq(0.0)])) == {"transient", "learning"}


@pytest.mark.parametrize("wrong", [{"triangle": (-1.0,)}, {"seq_len": 3}, {"gain": (0.0,)}, {"rate": ()}, {"seeds": 0}])
def test_bad_specs_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        non_normal.Spec(**wrong)
