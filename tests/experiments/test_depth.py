"""Layers x time: gradients against a Stack, differences and loops; claims and their controls."""

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from pydantic import ValidationError

import rnnlab as rl
from rnnlab.experiments import depth
from rnnlab.experiments._lab import runner, saving
from rnnlab.experiments._lab.looks import PAPER

SMALL = depth.Spec(layers=6, seq_len=12)
TINY = depth.Spec(layers=4, seq_len=6, hidden_size=5, batch_size=2)
Array = NDArray[np.float64]


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    return runner.normal_form(depth.measure(SMALL))


def run(network: str, residual: bool) -> tuple[list[rl.RNNParams], Array, Array, list[Array]]:
    rng = np.random.default_rng(3)
    layers = depth.layers_of(network, TINY, rng)  # type: ignore[arg-type]
    x, dh = rng.standard_normal((6, 2, 1)), rng.standard_normal((2, 5))
    tapes = depth.forward(layers, x, "tanh", residual=residual)
    return layers, x, dh, list(depth.sizes_by_layer(tapes, dh, residual=residual))


@pytest.mark.parametrize("network", ["lstm", "gru"])
def test_without_skips_it_is_a_stack(network: str) -> None:
    layers, x, dh, sizes = run(network, residual=False)
    flows = rl.gradient_flow(rl.forward(rl.Stack(tuple(layers)), x), dh)
    for size, flow in zip(sizes, reversed(flows), strict=True):
        np.testing.assert_allclose(size, flow.log10_norm[:0:-1], rtol=0, atol=1e-13)  # a step's rounding, 4 x 6 of them
    with_skips = run(network, residual=True)[3]
    assert np.abs(with_skips[-1] - sizes[-1]).max() > 0.1


def loss(layers: list[rl.RNNParams], x: Array, dh: Array, moved: tuple[int, int, int, float]) -> float:
    """dh . y_T of tanh layers with skips, written out, one unit of one state moved."""
    y = x
    for k, (weight_ih, weight_hh, bias) in enumerate(layers):
        h, states = np.zeros(len(bias)), []
        for t, row in enumerate(y):
            h = np.tanh(weight_ih @ row + weight_hh @ h + bias)
            if (k, t) == moved[:2]:
                h[moved[2]] += moved[3]
            states.append(h)
        y = np.array(states) + (y if k else 0)
    return float(dh @ y[-1])


def test_with_skips_it_is_what_moving_a_state_does_to_the_loss() -> None:
    layers, x, dh, sizes = run("tanh", residual=True)
    step = 1e-5
    for k, t in ((0, 0), (0, 5), (1, 2), (2, 0), (3, 1), (3, 5)):
        ends = [[loss(layers, x[:, 0], dh[0], (k, t, j, way)) for j in range(5)] for way in (step, -step)]
        size = np.log10(np.linalg.norm(np.subtract(*ends) / (2 * step)))
        assert sizes[3 - k][5 - t, 0] == pytest.approx(size, abs=1e-7)  # step^2, and rounding over step


def test_columns(table: pd.DataFrame) -> None:
    keys = ["network", "residual", "seed", "distance", "lag", "log10_gradient"]
    assert list(table.columns) == [*keys, "hidden_size", "recurrent_gain", "input_gain"]
    assert len(table) == 8 * 2 * 4 * 6 * 12
    assert (table[(table.distance == 0) & (table.lag == 0)].log10_gradient == 0).all()


def test_checks_hold(table: pd.DataFrame) -> None:
    checks = depth.checks(table)
    assert checks.verdict.eq("holds").all()
    assert len(checks) == 8 + 12 + 4 + 11 + 6  # linear, per layer, powers, first, time


@pytest.mark.parametrize(
    ("wrong", "claim"),
    [
        (lambda rows: rows.assign(network=rows.network.replace({"linear orthogonal": "linear identity"})), "sum over"),
        (lambda rows: rows.assign(input_gain=0.800001), "sum over"),
        (lambda rows: rows.assign(recurrent_gain=0.88), "summed squares"),
        (lambda rows: rows.assign(network=rows.network.replace({"tanh": "gru", "gru": "tanh"})), "power"),
        (lambda rows: rows.assign(network=rows.network.replace({"lstm": "gru", "gru": "lstm"})), "per layer at"),
        (lambda rows: rows.assign(residual=~rows.residual), "share of networks"),
        (
            lambda rows: rows.assign(log10_gradient=rows.log10_gradient * np.where(rows.residual, 0.4, 1)),
            "over without",
        ),
    ],
)
def test_wrong_numbers_fail_the_checks(table: pd.DataFrame, wrong: object, claim: str) -> None:
    rows = wrong(table)  # type: ignore[operator]
    checks = depth.checks(rows[~rows.duplicated(["network", "residual", "seed", "distance", "lag"], keep="last")])
    assert not checks[checks.claim.str.contains(claim)].verdict.eq("holds").all()


def test_aligned_paths_are_not_random_ones(table: pd.DataFrame) -> None:
    names = {"linear orthogonal": "linear identity", "linear identity": "linear orthogonal"}
    checks = depth.checks(table.assign(network=table.network.replace(names)))
    bad = checks[checks.claim.str.contains("off aligned paths|summed squares")]
    assert len(bad) == 4
    assert not bad.verdict.eq("holds").any()


@pytest.mark.parametrize(
    "wrong", [{"network": "rnn"}, {"layers": 1}, {"seq_len": 201}, {"input_gain": 0.0}, {"recurrent_gain": 4}]
)
def test_wrong_specs_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        depth.Spec(**wrong)


def test_the_largest_networks_stay_within_floats() -> None:
    far = depth.Spec(network="linear identity", layers=32, seq_len=200, hidden_size=1, batch_size=1, seeds=1)
    for gain in (0.1, 3.0):
        table = depth.measure(far.model_copy(update={"recurrent_gain": gain, "input_gain": gain}))
        assert depth.checks(table).verdict.eq("holds").all()


def test_figures_are_drawn_from_the_table_alone(table: pd.DataFrame) -> None:
    rows, look = table[table.network == "linear orthogonal"], PAPER._replace(formats=("png",))
    one, two = (saving.rendered(depth.draw(rows), look) for _ in range(2))
    assert set(one) == {"maps.png", "law.png", "first.png"}
    assert one == two


def test_one_short_network_is_drawn_and_claims_nothing() -> None:
    one = depth.measure(depth.Spec(network="tanh", layers=2, seq_len=2, hidden_size=1, seeds=1))
    assert set(depth.draw(one)) == {"maps", "first"}
    assert depth.checks(one).empty


def test_a_billion_networks_are_refused_by_their_size() -> None:
    assert depth.Spec(seeds=10**9).bytes_needed(1) > 2**40
