"""Tasks against their definitions, their chance floors by simulation of the guess, and wrong arguments."""

import math
from typing import Any

import numpy as np
import pytest

from rnnlab import tasks


def drawn(task: tasks.Task, batch_size: int, seed: int = 0) -> Any:
    return task.draw(np.random.default_rng(seed), batch_size)


EVERY = {
    "statland": tasks.statland(6),
    "adding 1997": tasks.adding(50, "hochreiter1997"),
    "adding 2011": tasks.adding(50, "martens2011"),
    "adding 2016": tasks.adding(50),
    "copy": tasks.copy(12),
    "order, two": tasks.temporal_order(40),
    "order, three": tasks.temporal_order(40, "three-symbol"),
    "order 1997": tasks.temporal_order(100, "hochreiter1997"),
    "latch": tasks.latch(20, informative=3),
    "windows": tasks.windows(np.sin(np.arange(300.0)), 20),
}


@pytest.mark.parametrize("name", EVERY)
def test_shapes_and_seeds(name: str) -> None:
    task = EVERY[name]
    x, target, length = drawn(task, 7)
    again = drawn(task, 7)
    np.testing.assert_array_equal(x, again.x)
    np.testing.assert_array_equal(target, again.target)
    assert not np.array_equal(x, drawn(task, 7, seed=1).x)
    assert x.shape[1:] == (7, task.inputs)
    assert target.shape[1:] == ((7,) if task.loss == "cross_entropy" else (7, task.outputs))
    assert length is None or (length.shape == (7,) and length.max() <= len(x))


@pytest.mark.parametrize("name", [name for name, task in EVERY.items() if task.loss == "squared_error"])
def test_chance_of_squared_errors_is_the_variance(name: str) -> None:
    """The best constant has the variance as its error; 20,000 sequences know it to one percent."""
    assert drawn(EVERY[name], 20_000).target.var() == pytest.approx(EVERY[name].chance, rel=0.03)


@pytest.mark.parametrize("name", ["order, two", "order, three", "order 1997"])
def test_chance_of_classes_is_their_entropy(name: str) -> None:
    task = EVERY[name]
    shares = np.bincount(drawn(task, 20_000).target[0], minlength=task.outputs) / 20_000
    assert -(shares * np.log(shares)).sum() == pytest.approx(task.chance, rel=0.001)
    assert task.chance == pytest.approx(math.log(task.outputs), rel=1e-15)


@pytest.mark.parametrize(("delay", "floor"), [(10, 0.69315), (30, 0.41589), (100, 0.17329)])
def test_chance_of_copy_is_the_published_one(delay: int, floor: float) -> None:
    assert tasks.copy(delay).chance == pytest.approx(floor, abs=5e-6)


def test_published_chances_of_adding() -> None:
    assert [tasks.adding(100, name).chance for name in ("martens2011", "arjovsky2016")] == [1 / 24, 1 / 6]
    assert tasks.adding(100, "hochreiter1997").chance == pytest.approx(1 / 24, rel=0.06)  # but for its exception


def test_statland() -> None:
    x, target, _ = drawn(EVERY["statland"], 500)
    for b in range(500):
        assert dict(tasks.STATLAND_RULES)[tuple(x[-2:, b, 0])] == target[0, b, 0]
    assert set(np.unique(x)) == {0.0, 0.5, 1.0}


def test_adding_2016() -> None:
    x, target, _ = drawn(EVERY["adding 2016"], 500)
    assert (x[:25, :, 1].sum(axis=0) == 1).all()
    assert (x[25:, :, 1].sum(axis=0) == 1).all()
    np.testing.assert_allclose((x[:, :, 0] * x[:, :, 1]).sum(axis=0), target[0, :, 0], rtol=1e-14)


def test_adding_2011() -> None:
    x, target, length = drawn(EVERY["adding 2011"], 2000)
    assert (length.min(), length.max()) == (50, 55)
    assert (x[:, :, 1].sum(axis=0) == 2).all()
    np.testing.assert_allclose((x[:, :, 0] * x[:, :, 1]).sum(axis=0) / 2, target[0, :, 0], rtol=1e-14)
    steps = np.arange(55)
    for b in range(2000):
        first, second = steps[x[:, b, 1] == 1]
        assert first < length[b] // 10 <= second < length[b] // 10 + 4 * length[b] // 10


def test_adding_1997() -> None:
    x, target, length = drawn(EVERY["adding 1997"], 2000)
    zeroed = 0
    for b in range(2000):
        marks = x[: length[b], b, 1]
        marked = np.flatnonzero(marks == 1)
        assert marks[-1] == -1
        assert len(marked) == 2
        assert marked[0] < 10
        assert marked[1] < 24
        counted = np.where(marked == 0, 0.0, x[marked, b, 0])
        assert target[0, b, 0] == pytest.approx(0.5 + counted.sum() / 4, rel=1e-14)
        assert marks[0] == (1 if 0 in marked else -1)
        zeroed += 0 in marked
    assert zeroed / 2000 == pytest.approx(0.1 + 0.9 / 23, abs=0.02)  # of the first marks, and of the second
    assert (x[:, :, 0].min() < -0.99) & (x[:, :, 0].max() > 0.99)


def test_copy() -> None:
    x, target, _ = drawn(EVERY["copy"], 50)
    shown = x.argmax(axis=2)
    assert x.shape == (32, 50, 10)
    assert (x.sum(axis=2) == 1).all()
    assert (shown[:10] < 8).all()
    assert (shown[10:21] == 8).all()
    assert (shown[21] == 9).all()
    assert (shown[22:] == 8).all()
    assert (target[:-10] == 8).all()
    np.testing.assert_array_equal(target[-10:], shown[:10])


@pytest.mark.parametrize(
    ("name", "places"),
    [("order, two", [(4, 8), (20, 24)]), ("order, three", [(4, 8), (12, 16), (24, 28)])],
)
def test_temporal_order(name: str, places: list[tuple[int, int]]) -> None:
    x, target, _ = drawn(EVERY[name], 300)
    shown = x.argmax(axis=2)
    for b in range(300):
        steps = np.flatnonzero(shown[:, b] < 2)
        assert len(steps) == len(places)
        assert all(first <= step < last for step, (first, last) in zip(steps, places, strict=True))
        assert target[0, b] == (shown[steps, b] * 2 ** np.arange(len(places))).sum()
    assert set(np.unique(shown)) == set(range(6))
    places_reached = {(first, step) for first, last in places for step in range(first, last)}
    seen = (shown < 2).any(axis=1).nonzero()[0]
    assert {(first, step) for first, last in places for step in seen if first <= step < last} == places_reached
    kinds = np.bincount(shown.ravel(), minlength=6)
    shares = np.concatenate([kinds[:2] / kinds[:2].sum() - 1 / 2, kinds[2:] / kinds[2:].sum() - 1 / 4])
    assert np.abs(shares).max() < 4 * np.sqrt(1 / 4 / kinds[:2].sum())  # deviations of fair draws


def test_temporal_order_1997() -> None:
    x, target, length = drawn(EVERY["order 1997"], 500)
    shown = x.argmax(axis=2)
    assert (length.min(), length.max()) == (100, 110)
    for b in range(500):
        steps = np.flatnonzero(shown[: length[b], b] < 2)
        assert len(steps) == 2
        assert 10 <= steps[0] <= 20
        assert 50 <= steps[1] <= 60
        assert target[0, b] == shown[steps[0], b] + 2 * shown[steps[1], b]
        assert (shown[0, b], shown[length[b] - 1, b]) == (6, 7)
        assert (shown[1 : length[b] - 1, b] < 6).all()


def test_windows_keep_their_own_series() -> None:
    series = np.random.default_rng(0).standard_normal(50)
    task = tasks.windows(series, 3)
    before = drawn(task, 4).x
    series *= 100
    np.testing.assert_array_equal(drawn(task, 4).x, before)


@pytest.mark.parametrize("steps", [20, 21])
def test_marks_of_1997_are_uniform(steps: int) -> None:
    """Over all steps but that of the first mark, also where the first lies beyond them."""
    x, target, _ = drawn(tasks.adding(steps, "hochreiter1997"), 40_000)
    last, marks = steps // 2 - 1, x[:, :, 1] == 1
    late = marks[last:].any(axis=0)  # the first mark is beyond the steps of the second
    shares = marks[:last, late].mean(axis=1)
    np.testing.assert_allclose(shares, 1 / last, atol=0.02)
    assert target.var() == pytest.approx(tasks.adding(steps, "hochreiter1997").chance, rel=0.03)


@pytest.mark.parametrize("steps", [19, 25, 100])
def test_symbols_of_1997_are_at_their_places(steps: int) -> None:
    x, _, _ = drawn(tasks.temporal_order(steps, "hochreiter1997"), 2000)
    places = np.flatnonzero((x.argmax(axis=2) < 2).any(axis=1))
    expected = [t for t in range(steps) if 0.1 * steps <= t <= 0.2 * steps or 0.5 * steps <= t <= 0.6 * steps]
    assert list(places) == expected


def test_latch_lengths_vary() -> None:
    _, _, length = drawn(tasks.latch(30), 500)
    assert (length.min(), length.max()) == (30, 33)


def test_latch() -> None:
    x, target, _ = drawn(EVERY["latch"], 2000)
    np.testing.assert_array_equal(x[:3, :, 0], np.tile(2 * target[0, :, 0] - 1, (3, 1)))
    assert x[3:].var() == pytest.approx(0.2, rel=0.03)
    assert abs(np.corrcoef(x[3:].mean(axis=0)[:, 0], target[0, :, 0])[0, 1]) < 0.1


def test_windows() -> None:
    series = np.random.default_rng(0).standard_normal(300)
    x, target, _ = drawn(tasks.windows(series, 20), 100)
    for b in range(100):
        start = np.flatnonzero(series == x[0, b, 0])[0]
        np.testing.assert_array_equal(x[:, b, 0], series[start : start + 20])
        assert target[0, b, 0] == series[start + 20]


def test_windows_of_several_lengths_end_just_before_the_target() -> None:
    batch = tasks.windows(np.arange(100.0), (2, 5, 9)).draw(np.random.default_rng(0), 200)
    assert set(batch.length) == {2, 5, 9}
    for lane, days in enumerate(batch.length):
        target = batch.target[0, lane, 0]
        np.testing.assert_array_equal(batch.x[:days, lane, 0], np.arange(target - days, target))
        assert not batch.x[days:, lane].any()


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: tasks.statland(1), "seq_len is 1: expected an integer of at least 2"),
        (lambda: tasks.adding(9), "seq_len is 9: expected an integer of at least 10"),
        (lambda: tasks.adding(50, "le2015"), "variant is 'le2015': expected one of hochreiter1997, martens2011, arj"),
        (lambda: tasks.copy(0), "delay is 0"),
        (lambda: tasks.temporal_order(5.0), "seq_len is 5.0"),
        (lambda: tasks.temporal_order(20, "four-symbol"), "variant is 'four-symbol': expected one of"),
        (lambda: tasks.latch(5, informative=6), "informative is 6: expected at most seq_len, which is 5"),
        (lambda: tasks.latch(5, noise=-1.0), "noise is -1.0"),
        (lambda: tasks.windows(np.ones(5), 5), r"series has shape \(5,\): expected more than 5 numbers"),
        (lambda: tasks.windows(np.full(50, np.nan), 5), "series has the value nan"),
        (lambda: tasks.windows(np.ones(50), ()), r"seq_len is \(\): expected an integer of at least 1"),
        (lambda: tasks.windows(np.ones(50), (5, 2.5)), "seq_len is 2.5"),
        (lambda: tasks.latch(5, noise="a"), "noise is 'a': expected a finite number above 0"),
        (lambda: tasks.latch(5, noise=np.ma.masked), "noise is masked: expected a finite number above 0"),
        (lambda: tasks.adding(19, "hochreiter1997"), "seq_len is 19: expected an integer of at least 20"),
    ],
)
def test_wrong_arguments_are_one_sentence(make: Any, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        make()
