"""What is kept comes back as it was: every type, every bit."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

import rnnlab as rl
from rnnlab.experiments._lab.archive import DamagedError, pack, unpack
from rnnlab.experiments._lab.learning import Progress
from tests.training.test_fitting import equal, trained

TABLE = pd.DataFrame(
    {
        "float": [1.5, np.nan, -0.0],
        "float32": np.array([1e-40, np.inf, 1], np.float32),
        "int": [1, -2, 2**62],
        "unsigned": np.array([2**64 - 1, 0, 1], np.uint64),
        "small": np.array([1, 2, 3], np.int8),
        "bool": [True, False, True],
        "text": ['\u03bb, "quoted"', None, "a\nb"],
        "category": pd.Categorical(["u", None, "v"], ["v", "u", "unused"], ordered=True),
        "object": np.array([1, "s", None], object),
    }
)
MANY = pd.concat([TABLE] * 3).set_index("text")


@pytest.mark.parametrize(
    "table", [TABLE, TABLE.iloc[::2], TABLE[:0], MANY, TABLE[["int"]], pd.DataFrame(), TABLE.T[:0]]
)
def test_a_table_comes_back_the_same(table: pd.DataFrame) -> None:
    found = unpack(pack(table))
    pd.testing.assert_frame_equal(found, table, check_exact=True, check_column_type=table.size > 0)
    assert found.to_csv() == table.to_csv()
    assert [*found.dtypes] == [*table.dtypes]


def test_a_training_comes_back_the_same() -> None:
    done, found = trained(), [{"update": 1, "loss": np.float64(np.inf), "solved": False}, (1, [2.5])]
    kept = unpack(pack(Progress(done, found, np.random.default_rng(3).bit_generator.state)))
    assert isinstance(kept, Progress)
    assert equal(kept.done, done)
    assert kept.done.stopped == done.stopped
    assert kept.done.state.rng == done.state.rng
    assert kept.found == found
    assert isinstance(kept.found[0]["loss"], np.float64)
    assert kept.fresh == np.random.default_rng(3).bit_generator.state


@pytest.mark.parametrize(
    "value", [object(), {1, 2}, np.array([object()]), rl.tasks.latch(3), pd.DataFrame({"x": [{1}]})]
)
def test_what_can_not_be_kept_is_refused(value: Any) -> None:
    with pytest.raises(TypeError, match="can't be kept"):
        pack(value)


@pytest.mark.parametrize("content", [b"", b"text", pack(1)[:-1], pack(1) + b"0"])
def test_what_was_not_packed_is_damaged(content: bytes) -> None:
    with pytest.raises(DamagedError):
        unpack(content)
