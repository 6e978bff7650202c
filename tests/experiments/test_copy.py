"""The copy experiment: wrong symbols, and the table of Henaff."""

import numpy as np
import pandas as pd
import pytest

import rnnlab as rl
from rnnlab.experiments import copy
from rnnlab.experiments._lab import runner
from rnnlab.experiments._lab.differences import family
from tests.experiments import CURVE

COPY = copy.Spec(
    delay=1,
    adding_seq_len=10,
    seeds=1,
    updates=400,
    learning_rate=0.002,
    method="RNN,linear identity,linear orthogonal",
)


@pytest.fixture(scope="module")
def copied() -> pd.DataFrame:
    return runner.normal_form(copy.measure(COPY))


def test_wrong_symbols_are_counted_at_the_last_ten_steps() -> None:
    batch = rl.tasks.copy(4).draw(np.random.default_rng(0), 3)
    perfect = np.eye(9)[batch.target]
    np.testing.assert_array_equal(copy.wrong_symbols(perfect, batch), 0)
    perfect[:14] = np.nan  # earlier steps do not count
    perfect[-1, 1] = np.roll(perfect[-1, 1], 1)
    np.testing.assert_allclose(copy.wrong_symbols(perfect, batch), [0, 0.1, 0], rtol=1e-15)


def test_the_third_input_of_adding_is_the_marked_number() -> None:
    batch = copy.adding_goal(20).task.draw(np.random.default_rng(0), 50)
    np.testing.assert_allclose(batch.x[:, :, 2], batch.x[:, :, 0] * batch.x[:, :, 1], atol=1e-15)
    np.testing.assert_allclose(batch.x[:, :, 2].sum(axis=0), batch.target[0, :, 0], atol=1e-14)


def test_copy_columns_and_figure(copied: pd.DataFrame) -> None:
    assert set(copied.columns) == CURVE - {"part"} | {"task", "chance", "learning_rate"}
    assert copied.groupby("task")["method"].nunique().to_dict() == {"adding": 2, "copy": 3}
    assert copy.checks(copied).empty  # neither the default delay nor its budget
    assert set(copy.draw(copied)) == {"copy", "linear"}
    assert set(copy.draw(copied[copied["method"] == "RNN"])) == {"copy"}


def test_the_better_rate_of_each_method_counts(copied: pd.DataFrame) -> None:
    last = copied["update"] == copied.groupby(["task", "method"])["update"].transform("max")
    worse = copied.assign(learning_rate=0.1, solved=False, score=copied["score"] + 0.1)
    better = copied.assign(learning_rate=0.01, solved=last)
    for others in (worse, better):
        rates = copy.at_best_rate(pd.concat([others, copied]))["learning_rate"]
        assert rates.eq(0.002 if others is worse else 0.01).all()


def test_swapped_networks_fail_the_claims_of_henaff(copied: pd.DataFrame) -> None:
    last = pd.DataFrame(
        {"method": 4 * copy.LINEAR, "solved": 4 * [False, True], "seed": np.repeat(range(4), 2), "budget": 1600}
    )
    swapped = last.assign(method=4 * copy.LINEAR[::-1])
    assert [claim.verdict for claim in family(copy.copiers(last))] == ["holds"]
    assert [claim.verdict for claim in family(copy.copiers(swapped))] == ["fails"]
    rows = copied[copied["task"] == "adding"].assign(seq_len=200)
    rows["score"] = np.where(rows["method"] == copy.LINEAR[0], 0.1, 1.0)
    rows = pd.concat([rows.assign(seed=seed) for seed in range(4)])
    assert [claim.verdict for claim in family(copy.adders(rows))] == ["holds"]
    assert [claim.verdict for claim in family(copy.adders(rows.assign(score=1.1 - rows["score"])))] == ["fails"]


def test_published_losses_of_copying(copied: pd.DataFrame) -> None:
    rows = copied[(copied["task"] == "copy") & (copied["method"] == "RNN")].assign(optimiser="rmsprop", method="LSTM")
    for steps, loss, verdict in ((120, 0.8, "holds"), (120, 1.0, "fails"), (220, 1.0, "holds"), (220, 0.9, "fails")):
        found = copy.checks(rows.assign(seq_len=steps, loss=loss * rows["chance"]))
        assert found["verdict"].tolist() == [verdict]
    assert copy.Spec(full=True).delay == (100, 200, 300, 500)
