"""Tasks of one's own numbers: what is learnt from, what is held out, epochs, scaling, a series as streams."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

import rnnlab as rl
from rnnlab.training.batches import Source

RNG = np.random.default_rng(0)
X, Y = RNG.standard_normal((10, 6, 2)) * 5 + 3, RNG.standard_normal(10)


def model_of(task: rl.Task, hidden: int = 4) -> rl.Model:
    rng = np.random.default_rng(1)
    params = rl.RNNParams.init(task.inputs, hidden, rng=rng)
    return rl.Model(params, rl.Readout.init(hidden, task.outputs, rng=rng))


def fitted(task: rl.Task, updates: int = 4, batch_size: int = 3, **given: Any) -> rl.Fit:
    model, recipe = given.pop("model", model_of(task)), given.pop("recipe", rl.Recipe(0.05, "adam"))
    rng = given.pop("rng", np.random.default_rng(0))
    return rl.fit(model, task, recipe, updates=updates, batch_size=batch_size, rng=rng, **given)


def test_arrays_frames_and_lists_are_the_same_task() -> None:
    one = rl.tasks.from_arrays(X[:, :, 0], Y)
    for same in (pd.DataFrame(X[:, :, 0]), list(X[:, :, 0]), [pd.DataFrame(row[:, :1]) for row in X], X[:, :, :1]):
        other = rl.tasks.from_arrays(same, Y.tolist())
        for a, b in zip(one.data.train, other.data.train, strict=True):
            np.testing.assert_array_equal(a, b)
    assert (one.inputs, one.outputs, one.chance) == (1, 1, Y.var())


def test_padding_becomes_lengths_when_asked() -> None:
    padded = X.copy()
    padded[2, 4:], padded[5, 1:] = np.nan, np.nan
    ragged = [row[~np.isnan(row[:, 0])] for row in padded]
    asked = rl.tasks.from_arrays(padded, Y, nan_padding=True).data.train
    for given in (rl.tasks.from_arrays(ragged, Y), rl.tasks.from_arrays(X, Y, [6, 6, 4, 6, 6, 1, 6, 6, 6, 6])):
        for a, b in zip(asked, given.data.train, strict=True):
            np.testing.assert_array_equal(a, b)
    with pytest.raises(ValueError, match=r"x has the value nan at sequence 2, step 4: .*pass nan_padding=True"):
        rl.tasks.from_arrays(padded, Y)
    padded[2, 5] = 1.0
    with pytest.raises(
        ValueError, match=r"x has the value nan at sequence 2, step 4: expected finite numbers; padding is NaN in all"
    ):
        rl.tasks.from_arrays(padded, Y, nan_padding=True)


def test_scaling_is_learnt_from_what_is_learnt_from_alone() -> None:
    """Whatever is held out, the rest is the same; had it been looked at, the means would be others."""
    steps = np.array([6, 3, 6, 6, 2, 6, 6, 6, 6, 6])
    for loud in (1.0, 1e6):
        x, y = X.copy(), Y.copy()
        x[8:], y[8:] = loud * x[8:], loud * y[8:]
        x[1, 3:] = x[4, 2:] = 1e9  # after the ends
        task = rl.tasks.from_arrays(x, y, steps, held_out=0.2, scale=True)
        train, held_out, scaling = task.data
        seen = np.concatenate([row[:end] for row, end in zip(X[:8], steps, strict=False)])
        np.testing.assert_allclose(scaling.x_mean, seen.mean(axis=0), rtol=1e-12)
        np.testing.assert_allclose(scaling.x_deviation, seen.std(axis=0), rtol=1e-12)
        np.testing.assert_allclose(scaling.to_target(train.target[0, :, 0]), Y[:8], rtol=1e-12)
        np.testing.assert_allclose(train.x[:2, 4], scaling.of_x(X[4, :2]), rtol=1e-12)
        assert held_out.x.shape == (6, 2, 2)
        assert task.chance == pytest.approx(1.0, rel=1e-12)
    assert abs(x.mean() - seen.mean()) > 1e3  # the control: what is held out is far away


def test_an_epoch_has_every_sequence_once() -> None:
    """Three batches of three of ten, the tenth left out, another in the next epoch; a rival, drawing anew, repeats some."""
    task = rl.tasks.from_arrays(np.arange(10.0)[:, None, None] + np.zeros((10, 2, 1)), Y)
    source = Source(task, 3, np.random.default_rng(0), np.float64)
    epochs = np.array([source.batch().x[0, :, 0] for _ in range(12)]).reshape(4, 9)
    assert all(len(set(epoch)) == 9 for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) == 4
    drawn = np.concatenate([task.draw(np.random.default_rng(k), 3).x[0, :, 0] for k in range(3)])
    assert len(set(drawn)) < 9


@pytest.mark.parametrize("first", [2, 3, 4])
def test_a_run_goes_on_within_an_epoch(first: int) -> None:
    """Bit for bit; from another Generator it is set to the epoch's own."""
    task = rl.tasks.from_arrays(X, Y, held_out=0.1)
    whole = fitted(task, 8)
    part = fitted(task, first)
    rest = fitted(task, 8 - first, model=part.model, state=part.state, rng=np.random.default_rng(9))
    np.testing.assert_array_equal(np.concatenate([part.history.loss, rest.history.loss]), whole.history.loss)
    np.testing.assert_array_equal(rest.model.params.weight_hh, whole.model.params.weight_hh)
    assert rest.state.rng == whole.state.rng


@pytest.mark.parametrize("loss", ["squared_error", "cross_entropy"])
def test_the_held_out_loss_is_that_of_predict(loss: Any) -> None:
    """Targets at every step, those after the ends not counted."""
    steps = np.array([6, 3, 6, 6, 2, 6, 4, 6, 6, 5])
    target = RNG.integers(3, size=(10, 6)) if loss == "cross_entropy" else RNG.standard_normal((10, 6, 2))
    task = rl.tasks.from_arrays(X, target, steps, loss, held_out=0.3)
    assert task.outputs == (3 if loss == "cross_entropy" else 2)
    done = fitted(task, 1)
    x, wanted, length = task.data.held_out
    y = rl.predict(model_of(task), x, length)
    inside = np.arange(6)[:, None] < length
    if loss == "cross_entropy":
        each = np.log(np.exp(y).sum(axis=2)) - np.take_along_axis(y, wanted[..., None], axis=2)[..., 0]
        assert done.history.held_out_loss[0] == pytest.approx(each[inside].mean(), rel=1e-12)
    else:
        assert done.history.held_out_loss[0] == pytest.approx(((y - wanted) ** 2)[inside].mean(), rel=1e-12)


def test_a_stream_carries_its_state_over() -> None:
    """Rate 1e-300: no weight moves, so that windows of 5 see the loss of the whole run; from 0 they would not."""
    series = np.sin(np.arange(62.0)) + 0.1 * RNG.standard_normal(62)
    task = rl.tasks.stream(series, held_out=0.01)
    x, target, _ = task.draw(np.random.default_rng(0), 2)
    assert x.shape == target.shape == (30, 2, 1)
    np.testing.assert_array_equal(target[:-1], x[1:])
    recipe = rl.Recipe(1e-300, window=rl.Truncation(5))
    done = fitted(task, 12, 2, recipe=recipe)
    model = model_of(task)
    errors = ((rl.predict(model, x) - target) ** 2).reshape(6, -1).mean(axis=1)
    np.testing.assert_allclose(done.history.loss, np.tile(errors, 2), rtol=1e-12)
    alone = ((rl.predict(model, x[5:10]) - target[5:10]) ** 2).mean()
    assert abs(alone / errors[1] - 1) > 1e-6  # the control
    half = fitted(task, 6, 2, recipe=recipe)
    rest = fitted(task, 6, 2, recipe=recipe, model=half.model, state=half.state)
    np.testing.assert_array_equal(np.concatenate([half.history.loss, rest.history.loss]), done.history.loss)


@pytest.mark.parametrize(
    ("given", "error", "says"),
    [
        ({"x": "numbers"}, TypeError, "x is 'numbers': expected real numbers"),
        ({"x": []}, ValueError, r"x is \[\]: expected \(N, T\)"),
        ({"x": [[1.0], [[1.0, 2.0]]], "target": [1, 2]}, ValueError, r"x has sequences of \[1, 2\] inputs"),
        ({"target": Y[:9]}, ValueError, "target has 9 sequences: expected 10, as x has"),
        ({"target": np.zeros((10, 5, 1))}, ValueError, r"target has shape \(10, 5\): expected \(10, 6\), one a step"),
        ({"loss": "hinge"}, ValueError, "loss is 'hinge': expected one of squared_error, cross_entropy"),
        ({"loss": "cross_entropy"}, TypeError, "the classes of cross_entropy, is array.*expected integers"),
        ({"loss": "cross_entropy", "target": np.full(10, -1)}, ValueError, "target has the class -1: expected 0, 1"),
        ({"length": 7}, ValueError, "length has values 7 to 7: expected 0 to 6"),
        ({"held_out": 1.0}, ValueError, "held_out is 1.0: expected a number from 0 to below 1"),
        ({"held_out": 0.95}, ValueError, "held_out is 0.95: expected less, of 10 none would be left"),
        ({"scale": 1}, TypeError, "scale is 1: expected True or False"),
        ({"nan_padding": None}, TypeError, "nan_padding is None: expected True or False"),
    ],
)
def test_bad_arguments_are_one_sentence(given: dict[str, Any], error: Any, says: str) -> None:
    with pytest.raises(error, match=says) as caught:
        rl.tasks.from_arrays(**{"x": X, "target": Y} | given)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("given", "error", "says"),
    [
        ({"series": [1.0, 2.0]}, ValueError, "series has 2 steps: expected more than 2"),
        ({"ahead": 0}, ValueError, "ahead is 0: expected an integer of at least 1"),
        ({"target": [1.0]}, ValueError, "target has 1 steps: expected 10, as series has"),
        ({"series": [[]]}, ValueError, r"series has shape \(1, 0\): expected at least one step"),
    ],
)
def test_bad_series_are_one_sentence(given: dict[str, Any], error: Any, says: str) -> None:
    with pytest.raises(error, match=says):
        rl.tasks.stream(**{"series": np.arange(10.0)} | given)


def test_batches_larger_than_there_are_sequences() -> None:
    with pytest.raises(ValueError, match="batch_size is 11: expected at most 10, the sequences to learn from"):
        fitted(rl.tasks.from_arrays(X, Y), batch_size=11)
    with pytest.raises(ValueError, match="batch_size is 10: expected at most 9, the steps of the series"):
        fitted(rl.tasks.stream(np.arange(10.0)), batch_size=10)
