"""Gradients that are carried in part: their rows, claims and their controls."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from rnnlab.experiments import sparse_rtrl
from rnnlab.experiments._lab import store
from rnnlab.experiments.sparse_rtrl.networks import farthest, neighbours
from rnnlab.laws.forward_mode import linear_alignment, powers

KEPT = Path(__file__).parents[2] / "results/sparse-rtrl"
SMALL = sparse_rtrl.Spec(
    network=("one unit", "ring"), gain=0.9, seq_len=(3, 6), delta=0.1, forget_bias=1.0, hidden_size=4, seeds=1
)


@pytest.fixture(scope="module")
def kept() -> pd.DataFrame:
    return store.read_table(KEPT)


def test_rows() -> None:
    table = sparse_rtrl.measure(SMALL)
    counts = table.groupby("part").size()
    assert counts.to_dict() == {
        "reach": 3 + 7,
        "relative": 2,
        "linear": 5,
        "leaky": 4,
        "lstm": 4,
        "cost": 4 * (4 + 5 + 3 + 3),
    }
    measured = table[table["part"] != "cost"]
    assert measured[["cosine", "norm", "error"]].notna().all(axis=None)
    assert list(sparse_rtrl.draw(table)) == ["alignment", "memory", "cost"]
    assert not sparse_rtrl.checks(table)["claim"].str.contains("angle|gain").any()


def test_the_farthest_unit_of_a_ring() -> None:
    """Links from unit 0, counted by following them."""
    for size in (4, 7, 8):
        heard = neighbours(size)
        reached, steps = np.arange(size) == 0, 1
        while not reached.all():
            reached, steps = heard @ reached, steps + 1
        assert steps == farthest("ring", size)


@pytest.mark.parametrize("gain", [0.9, 1.1])
def test_the_linear_law_is_the_mean_over_inputs_and_losses(gain: float) -> None:
    """Sampled: 4,000 inputs and losses of one network, by the sums that define both gradients."""
    rng, steps, size = np.random.default_rng(3), 5, 3
    weight_hh, weight_ih = gain * np.linalg.qr(rng.standard_normal((size, size)))[0], rng.standard_normal((size, 1))
    exact, approximate = powers(weight_hh, steps), powers(np.diag(np.diag(weight_hh)), steps)
    x, v = rng.standard_normal((4000, steps)), rng.standard_normal((4000, size))
    h = np.zeros((4000, size))
    heard = []
    for t in range(steps):
        heard.append(np.concatenate([h, x[:, t, None], np.ones((4000, 1))], axis=1))
        h = h @ weight_hh.T + x[:, t, None] * weight_ih[:, 0]
    behind = np.stack(heard[::-1])
    made = [np.einsum("kij,si,ksz->sjz", way, v, behind).reshape(4000, -1) for way in (approximate, exact)]
    (own, both), (_, square) = [[(one * other).sum(axis=1).mean() for other in made] for one in made]
    law = linear_alignment(weight_ih, weight_hh, approximate)
    assert law.cosine == pytest.approx(
        both / np.sqrt(own * square), abs=0.02
    )  # 4,000 samples; 1 without what is left out
    assert law.norm == pytest.approx(np.sqrt(own / square), abs=0.02)
    assert law.cosine < 0.9


def change(rows: pd.DataFrame, part: str, method: str, column: str, factor: float) -> pd.DataFrame:
    chosen = (rows["part"] == part) & (rows["method"] == method)
    return rows.assign(**{column: rows[column] * np.where(chosen, factor, 1)})


@pytest.mark.parametrize(
    ("part", "method", "column", "factor", "claim"),
    [
        ("reach", "SnAp", "error", 1e7, "off BPTT"),
        ("relative", "e-prop off SnAp-1", "error", 1e7, "off SnAp-1"),
        ("linear", "SnAp", "cosine", 2.0, "SnAp-1: cosine"),
        ("linear", "BPTT", "norm", 2.0, "BPTT in its memory: log10"),
        ("leaky", "BPTT", "cosine", 0.5, "leaky 1: BPTT in the memory"),
        ("lstm", "UORO", "cosine", 9.0, "LSTM 0: SnAp-1 has a smaller angle than a guess"),
        ("cost", "SnAp", "products", 2.0, "over BPTT's"),
    ],
)
def test_wrong_numbers_fail_the_checks(
    kept: pd.DataFrame, part: str, method: str, column: str, factor: float, claim: str
) -> None:
    before, after = (sparse_rtrl.checks(rows) for rows in (kept, change(kept, part, method, column, factor)))
    for checks, holds in ((before, True), (after, False)):
        assert checks[checks["claim"].str.contains(claim, regex=False)]["verdict"].eq("holds").any() == holds


@pytest.mark.parametrize(
    "wrong", [{"network": "attention"}, {"gain": 2.0}, {"delta": 0}, {"seq_len": 0}, {"hidden_size": 1}]
)
def test_wrong_specs_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        sparse_rtrl.Spec(**wrong)
