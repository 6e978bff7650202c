"""The adding experiment."""

import pandas as pd
import pytest

from rnnlab.experiments import adding
from rnnlab.experiments._lab import runner
from rnnlab.experiments._lab.resumable import Resumable
from tests.experiments import CURVE

ADDING = adding.Spec(seq_len=10, seeds=1, updates=400, method="RNN,attention")


@pytest.fixture(scope="module")
def added() -> pd.DataFrame:
    return runner.normal_form(adding.measure(ADDING))


def test_adding_columns_and_figure(added: pd.DataFrame) -> None:
    assert set(added.columns) == CURVE - {"part"}
    assert set(adding.draw(added)) == {"adding"}
    attention = added[added["method"] == "attention"]
    assert attention["solved"].iloc[-1]
    assert adding.checks(added).empty


def test_same_seed_same_curves() -> None:
    part, measure = adding.Part(ADDING, 10, "RNN", 0), Resumable(adding.measure_part)
    assert measure(part).equals(measure(part))
    assert not measure(part).equals(measure(part._replace(seed=1)).assign(seed=0))


@pytest.mark.parametrize(
    ("optimiser", "method", "solved", "budget", "verdicts"),
    [
        ("rmsprop", "LSTM", True, 400, ["holds"]),
        ("rmsprop", "LSTM", False, 400, []),
        ("rmsprop", "LSTM", False, 4000, ["fails"]),
        ("rmsprop", "RNN", True, 400, ["fails"]),
        ("sgd", "RNN", False, 400, []),  # fewer updates than the paper's networks needed
        ("sgd", "RNN", False, adding.STARTS, ["fails"]),
        ("sgd", "RNN", True, 400, ["holds"]),
    ],
)
def test_published_claims(optimiser: str, method: str, solved: bool, budget: int, verdicts: list[str]) -> None:
    where = {
        "method": method,
        "seq_len": 150 if optimiser == "sgd" else 100,
        "seed": 0,
        "update": 400,
        "budget": budget,
        "optimiser": optimiser,
    }
    assert adding.checks(pd.DataFrame([{**where, "solved": solved}]))["verdict"].tolist() == verdicts


def test_the_setting_of_le_et_al() -> None:
    full = adding.Spec(full=True)
    assert (full.seq_len, full.optimiser, full.updates) == ((150, 200, 300, 400), "sgd", 2_000_000)
    with pytest.raises(ValueError, match="updates is 5: full means 2000000"):
        adding.Spec(full=True, updates=5)
