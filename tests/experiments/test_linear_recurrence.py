"""Linear recurrences: the LRU against complex numbers and differences, a minLSTM written out, claims and their controls."""

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError
from scipy.special import expit

import rnnlab as rl
from rnnlab.experiments import linear_recurrence
from rnnlab.experiments._lab import store
from rnnlab.experiments.linear_recurrence import readouts, signals

KEPT = Path(__file__).parents[2] / "results/linear-recurrence"
INTERPRETED = """
import numpy as np, rnnlab as rl
from rnnlab.kernels.cells.lru import CELL, LRUParams

rng = np.random.default_rng(0)
params = LRUParams.init(2, 4, rng=rng, ring=(0.3, 0.95))
size = np.exp(-np.exp(params.log_decay))
assert ((0.3 <= size) & (size <= 0.95)).all()
assert max(rl.check_cell(params).values()) < 1e-8  # differences of the forward

x, h = rng.standard_normal((7, 2)), np.zeros(2, complex)
factor, into = size * np.exp(1j * params.angle), params.weight_ih[:2] + 1j * params.weight_ih[2:]
for row in x:
    h = factor * h + np.sqrt(1 - size**2) * (into @ row)
np.testing.assert_allclose(rl.forward(params, x).h[-1], np.concatenate([h.real, h.imag]), rtol=1e-13)
exponents = rl.lyapunov_spectrum(params, np.zeros((60, 2)), discard=0)
np.testing.assert_allclose(np.sum(exponents), 2 * np.log(size).sum(), rtol=1e-12)  # ln of the determinant

def kept_whole(params, tape, gradients, work, t):
    gradients.h[t] = work.now[0]  # and dL/dh_(t-1) = dL/dh_t

class Wrong(LRUParams):
    @staticmethod
    def cell():
        return CELL._replace(steps=CELL.steps._replace(backward=kept_whole))

try:
    rl.check_cell(Wrong(*params))
except ValueError as error:
    print(error)
"""


def test_the_cell_is_the_recurrence_of_complex_numbers() -> None:
    """Interpreted: compiling it for this alone takes half a minute."""
    env = {**os.environ, "NUMBA_DISABLE_JIT": "1"}
    found = subprocess.run([sys.executable, "-c", INTERPRETED], capture_output=True, text=True, check=False, env=env)
    assert not found.returncode, found.stderr
    assert "h0 is wrong from step 1 on" in found.stdout


def test_a_minlstm_is_a_mingru_whose_gate_is_fed_with_both() -> None:
    rng, units = np.random.default_rng(0), 3
    forget, put_in, candidate = rng.standard_normal((3, 8, units))
    h = np.zeros(units)
    for f, i, n in zip(expit(forget), expit(put_in), candidate, strict=True):
        h = f / (f + i) * h + i / (f + i) * n
    gate = np.log(expit(put_in) / expit(forget))
    params = rl.MinGRUParams(np.eye(2 * units), np.zeros(2 * units))
    tape = rl.forward(params, np.concatenate([gate, candidate], axis=1))
    np.testing.assert_allclose(tape.h[-1], h, rtol=1e-13)


def test_gates_have_their_rows() -> None:
    rows = pd.DataFrame(signals.gate_rows(1.0))
    assert sorted(rows["network"]) == ["Mamba", "minGRU", "minLSTM"]


def test_readouts_explain_what_is_there() -> None:
    rng = np.random.default_rng(0)
    states, target = rng.standard_normal((500, 20)), rng.standard_normal(500)
    assert abs(readouts.explained(states, target)) < 4 * np.sqrt(2 * 20) / 500  # nothing, whatever the number of units
    assert readouts.explained(states, states @ np.arange(20.0) + 3) == pytest.approx(1.0)


@pytest.fixture(scope="module")
def kept() -> pd.DataFrame:
    return store.read_table(KEPT)


def failing(table: pd.DataFrame) -> list[str]:
    checks = linear_recurrence.checks(table)
    return checks.loc[~checks["verdict"].eq("holds"), "claim"].tolist()


@pytest.mark.parametrize(
    ("part", "wrong", "claim"),
    [
        ("ring", lambda rows: rows.assign(value=rows["value"] - 0.02), "off|relative error"),
        ("moment", lambda rows: rows.assign(value=rows["value"] / (1 - rows["setting"] ** 2)), "mean square"),
        ("gate", lambda rows: rows.assign(value=rows["value"] + 0.05), "factor|Mamba"),
        ("adding", lambda rows: rows.assign(value=1.0), "LRU"),
        ("parity", lambda rows: rows.assign(value=0.5), "parity"),
        ("recall", lambda rows: rows.assign(value=0.3), "more often"),
        ("recall", lambda rows: rows.assign(gradient=-1.0), "comes back"),
    ],
)
def test_claims_fail_where_another_story_holds(kept: pd.DataFrame, part: str, wrong: object, claim: str) -> None:
    assert not failing(kept)
    here = kept["part"] == part
    table = pd.concat([kept[~here], wrong(kept[here])])  # type: ignore[operator]
    found = failing(table)
    assert found
    assert all(re.search(claim, text) for text in found)


def test_few_trainings_are_drawn_and_claim_nothing(kept: pd.DataFrame) -> None:
    short = kept[(kept["part"] != "recall") | ((kept["steps"] < 1000) & (kept["seed"] == 0))]
    assert not any("recalls" in text for text in linear_recurrence.checks(short)["claim"])
    assert set(linear_recurrence.draw(short)) == {"ring", "selection", "recall"}


@pytest.mark.parametrize("wrong", [{"radius": (1.0,)}, {"bias": (np.nan,)}, {"seq_len": 0}, {"seeds": 0}])
def test_bad_specs_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        linear_recurrence.Spec(**wrong)
