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
    part, measure = adding.Part(ADDING, "RNN", 0), Resumable(adding.measure_part)
    assert measure(part).equals(measure(part))
    assert not measure(part).equals(measure(part._replace(seed=1)).assign(seed=0))
