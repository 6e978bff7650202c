"""Parity: the task written out, the signed cell against differences, claims and their controls."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

import rnnlab as rl
from rnnlab.experiments import state_tracking
from rnnlab.experiments._lab import store
from rnnlab.experiments.state_tracking import parity
from rnnlab.experiments.state_tracking.signed_gate import SignedMinGRUParams

KEPT = Path(__file__).parents[2] / "results/state-tracking"


def test_parity_is_that_of_the_bits_so_far() -> None:
    x, target, _ = parity.draw(5, np.random.default_rng(0), 4)
    assert set(np.unique(x)) == {-1.0, 1.0}
    ones = (x[:, :, 0] == 1).astype(int)
    for t in range(5):
        assert target[t].tolist() == (ones[: t + 1].sum(axis=0) % 2).tolist()


def test_the_signed_cell_is_its_equations_and_their_adjoint() -> None:
    rng = np.random.default_rng(0)
    params = SignedMinGRUParams.init(2, 3, rng=rng)
    x, dh = rng.standard_normal((6, 2)), rng.standard_normal(3)

    def last(weight: np.ndarray, bias: np.ndarray) -> np.ndarray:
        h = np.zeros(3)
        for row in x:
            a, n = np.split(weight @ row + bias, 2)
            z = 1 / (1 + np.exp(-a))
            h = (1 - 2 * z) * h + z * n
        return h

    tape = rl.forward(params, x)
    np.testing.assert_allclose(tape.h[-1], last(*params), rtol=1e-13)
    found, step = rl.backward(tape, dh).params, 1e-6
    for name in ("weight_ih", "bias"):
        array, gradient = getattr(params, name), getattr(found, name)
        for at in np.ndindex(array.shape):
            ends = []
            for way in (step, -step):
                moved = array.copy()
                moved[at] += way
                ends.append(dh @ last(*params._replace(**{name: moved})))
            assert gradient[at] == pytest.approx(
                np.subtract(*ends) / (2 * step), abs=1e-8
            )  # step^2, rounding over step


def test_its_kernels_are_not_kept_on_disk() -> None:
    """The stamp of what is kept does not know its file: `rnnlab.kernels._jit` leaves out classes of other packages."""
    assert SignedMinGRUParams.__module__.partition(".")[0] != "rnnlab"


def test_answers_of_a_mingru_change_no_more_often_than_it_has_units() -> None:
    rng = np.random.default_rng(0)
    for scale in (0.1, 1.0, 10.0):
        drawn = rl.MinGRUParams(*(scale * rng.standard_normal(shape) for shape in ((32, 1), (32,))))
        model = rl.Model(drawn, rl.Readout.init(16, 2, rng=rng))
        assert parity.changes(model) <= parity.UNITS


def test_signed_units_by_hand_tell_parity() -> None:
    """z = 1 at ones and 0 at zeros, n = 1: h goes from 0 to 1 and back."""
    params = SignedMinGRUParams(np.array([[40.0], [0.0]]), np.array([0.0, 1.0]))
    readout = rl.Readout(np.array([[0.0], [1.0]]), np.array([0.5, 0.0]))
    model = rl.Model(params, readout)
    assert parity.changes(model) == parity.LONG - 1
    rows = {name: value for name, _, value in parity.accuracy_rows(model)}
    assert rows["beyond"] == 1.0


@pytest.fixture(scope="module")
def kept() -> pd.DataFrame:
    return store.read_table(KEPT)


def verdicts(table: pd.DataFrame) -> pd.Series:
    checks = state_tracking.checks(table)
    return checks.set_index("claim")["verdict"]


@pytest.mark.parametrize(
    ("part", "wrong", "claim"),
    [
        ("beyond", lambda rows: rows.assign(value=1.0), "minGRU: share"),
        ("beyond", lambda rows: rows.assign(value=0.5), "minGRU, signed: share"),
        ("ones", lambda rows: rows.assign(value=255), "minGRU: changes"),
        ("ones", lambda rows: rows.assign(value=3), "minGRU, signed: changes"),
        ("start", lambda rows: rows.assign(value=-3.0), "minGRU, open: log10"),
        ("end", lambda rows: rows.assign(value=-1.0), "tanh RNN: log10"),
    ],
)
def test_claims_fail_where_another_story_holds(
    kept: pd.DataFrame, part: str, wrong: Callable[[pd.DataFrame], pd.DataFrame], claim: str
) -> None:
    told = verdicts(kept)
    assert told[told.index.str.startswith(claim)].eq("holds").all()
    here = kept["part"] == part
    found = verdicts(pd.concat([kept[~here], wrong(kept[here])]))
    assert found[found.index.str.startswith(claim)].eq("fails").all()


def test_differences_are_none_where_all_do_as_well(kept: pd.DataFrame) -> None:
    equal = kept.assign(value=kept["value"].where(kept["part"] != "beyond", 1.0))
    found = verdicts(equal)
    assert found[found.index.str.endswith(": p")].eq("open").all()


def test_few_networks_are_drawn_and_claim_less(kept: pd.DataFrame) -> None:
    few = kept[kept["network"].isin(["LRU", "LSTM"])]
    assert set(state_tracking.draw(few)) == {"parity"}
    assert not len(state_tracking.checks(few))


@pytest.mark.parametrize("wrong", [{"updates": 0}, {"rate": (0.0,)}, {"network": "mLSTM"}, {"seeds": 0}])
def test_bad_specs_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        state_tracking.Spec(**wrong)
