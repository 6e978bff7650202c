"""fit and predict: runs that resume, diverge, learn; checkpoints; controls; one sentence for bad input."""

from typing import Any

import numpy as np
import pytest

import rnnlab as rl
from tests.cells_reference import TRAINED


def first_sign(rng: np.random.Generator, batch_size: int) -> Any:
    """Remember the sign of the first of five inputs."""
    x = rng.standard_normal((5, batch_size, 1))
    return x, np.sign(x[0])


def first_sign_class(rng: np.random.Generator, batch_size: int) -> Any:
    """The same as two classes."""
    x, sign = first_sign(rng, batch_size)
    return x, (sign[:, 0] > 0).astype(int)


def echo(rng: np.random.Generator, batch_size: int) -> Any:
    """Give back every input, a target at every step."""
    x = rng.standard_normal((5, batch_size, 1))
    return x, x


def task_of(draw: Any, loss: Any = "squared_error") -> rl.Task:
    return rl.Task(draw, loss, 1, 1)


SIGN = task_of(first_sign)
RNN = rl.RNNParams.init(1, 6, rng=np.random.default_rng(1), scheme="orthogonal")
READOUT = rl.Readout.init(6, 1, rng=np.random.default_rng(2))


def trained(**changed: Any) -> rl.Fit:
    """A short run, with some arguments changed, those of the model and of the recipe by their own names."""
    given: dict[str, Any] = {"model": rl.Model(RNN, READOUT), "task": SIGN, "recipe": rl.Recipe(0.05)}
    given |= {"updates": 20, "batch_size": 4, "rng": np.random.default_rng(2)}
    for part in ("model", "recipe"):
        fields = {name: changed.pop(name) for name in given[part]._fields if name in changed}
        given[part] = given[part]._replace(**fields)
    given |= changed
    return rl.fit(given.pop("model"), given.pop("task"), given.pop("recipe"), **given)


def equal(one: rl.Fit, other: rl.Fit) -> bool:
    """Bit for bit the same parameters."""
    pairs = zip((*one.model.params, *one.model.readout), (*other.model.params, *other.model.readout), strict=True)
    return all(np.array_equal(a, b) for a, b in pairs)


def test_the_same_seed_is_the_same_run() -> None:
    runs = [trained() for _ in range(2)]
    assert equal(*runs)
    assert runs[0].state.rng == runs[1].state.rng
    assert not equal(trained(rng=np.random.default_rng(3)), runs[0])


def test_large_updates_are_computed_fewer_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Which changes no bit."""
    expected = trained()
    monkeypatch.setattr("rnnlab.training.batches.BLOCK_PRODUCTS", 1)
    assert equal(trained(), expected)


def test_large_batches_are_drawn_fewer_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Which changes no bit."""
    expected = trained()
    monkeypatch.setattr("rnnlab.training.batches.BLOCK_BYTES", 3 * 8 * 5 * 4)
    assert equal(trained(), expected)


def test_the_radius_is_that_of_every_gate() -> None:
    params = rl.GRUParams.init(1, 6, rng=np.random.default_rng(1), scheme="gaussian")
    done = trained(params=params, updates=1)
    blocks = [np.linalg.eigvals(params.weight_hh[6 * gate : 6 * gate + 6]) for gate in range(3)]
    np.testing.assert_allclose(done.history.spectral_radius, [[np.abs(block).max() for block in blocks]], rtol=1e-12)
    attention = rl.AttentionParams.init(1, 6, rng=np.random.default_rng(1))
    assert trained(params=attention, updates=1).history.spectral_radius.shape == (1, 0)


def test_the_callers_model_stays() -> None:
    copies = [array.copy() for array in (*RNN, *READOUT)]
    trained()
    for array, copy in zip((*RNN, *READOUT), copies, strict=True):
        np.testing.assert_array_equal(array, copy)


@pytest.mark.parametrize(
    ("rate", "what"), [(1e3, "loss"), (1e308, "parameters")], ids=["too fast", "a step out of range"]
)
def test_a_diverging_run_is_named_and_stays_finite(rate: float, what: str) -> None:
    """And resumed, it stops at the same place."""
    how: dict[str, Any] = {"nonlinearity": "linear", "learning_rate": rate, "updates": 50, "task": task_of(echo)}
    done = trained(**how)
    assert done.stopped is not None
    assert done.stopped.what == what
    assert all(np.isfinite(array).all() for array in (*done.model.params, *done.model.readout))
    assert done.history.update[-1] == done.stopped.update == done.state.update
    assert np.isfinite(done.history.loss[:-1]).all()
    assert np.isfinite(done.history.loss[-1]) == (what != "loss")
    again = trained(**how, params=done.model.params, readout=done.model.readout, state=done.state)
    assert again.stopped == done.stopped
    assert equal(again, done)


@pytest.mark.parametrize("cell", TRAINED)
def test_it_learns_to_remember_a_bit(cell: str) -> None:
    """Ten steps; who does not remember has a loss of 1/4."""
    rng = np.random.default_rng(4)
    model = rl.Model(TRAINED[cell].init(1, 16, rng=rng, scheme="orthogonal"), rl.Readout.init(16, 1, rng=rng))
    task = rl.tasks.latch(10, informative=3, noise=0.1)  # of noise alone attention, which knows no order, can't tell it
    done = rl.fit(model, task, rl.Recipe(0.005, "adam", clip_norm=1.0), updates=1000, batch_size=20, rng=rng)
    assert done.stopped is None
    assert done.history.loss[:10].mean() > 0.1
    assert done.history.loss[-100:].mean() < 0.02
    x, bit, length = task.draw(np.random.default_rng(5), 1000)
    outputs = rl.predict(done.model, x, length)
    assert outputs.shape == (11, 1000, 1)
    assert ((outputs[-1] > 0.5) == bit[0]).mean() > 0.99


def test_without_its_recurrence_it_does_not_learn() -> None:
    """The control: the last input knows nothing of the bit."""
    rng = np.random.default_rng(4)
    params = rl.RNNParams.init(1, 16, rng=rng)
    model = rl.Model(params._replace(weight_hh=0 * params.weight_hh), rl.Readout.init(16, 1, rng=rng))
    recipe = rl.Recipe(0.005, "adam", clip_norm=1.0, window=1)
    done = rl.fit(model, rl.tasks.latch(10), recipe, updates=1000, batch_size=20, rng=rng)
    assert done.history.loss[-100:].mean() > 0.2


def test_it_learns_classes() -> None:
    rng = np.random.default_rng(4)
    model = rl.Model(rl.GRUParams.init(1, 16, rng=rng), rl.Readout.init(16, 2, rng=rng))
    task = rl.Task(first_sign_class, "cross_entropy", 1, 2)
    done = rl.fit(model, task, rl.Recipe(0.01, "rmsprop"), updates=1000, batch_size=20, rng=rng)
    assert done.history.loss[0] == pytest.approx(np.log(2), rel=0.3)
    assert done.history.loss[-100:].mean() < 0.1


@pytest.mark.parametrize(("kind", "size"), [(np.float32, 100.0), (np.float64, 1000.0)])
def test_the_regulariser_stands_saturated_units(kind: Any, size: float) -> None:
    def loud(rng: np.random.Generator, batch_size: int) -> Any:
        x = size * rng.standard_normal((10, batch_size, 1))
        return x, np.sign(x[0])

    params = rl.RNNParams(*(array.astype(kind) for array in RNN))
    done = trained(task=task_of(loud), params=params, learning_rate=0.01, regulariser=0.1, batch_size=20, updates=100)
    assert done.stopped is None


def test_predict_without_a_batch() -> None:
    done = trained()
    x = np.random.default_rng(0).standard_normal((5, 1))
    expected = rl.forward(done.model.params, x).h[1:] @ done.model.readout.weight.T + done.model.readout.bias
    np.testing.assert_allclose(rl.predict(done.model, x), expected, rtol=1e-12)
    held = rl.predict(done.model, x, length=3)
    np.testing.assert_array_equal(held[3:], np.broadcast_to(held[2], (2, 1)))


ATTENTION = rl.AttentionParams.init(1, 6, rng=np.random.default_rng(1))
GRU = rl.GRUParams.init(1, 6, rng=np.random.default_rng(1))
STATE = rl.TrainingState(20, "sgd", np.zeros((0, 55)), np.random.default_rng(2).bit_generator.state)
X, Y, LABELS = np.zeros((5, 4, 1)), np.zeros((4, 1)), np.zeros(4, int)


def returns(*batch: Any) -> dict[str, Any]:
    """A task that draws these, whatever it is asked for."""
    return {"task": task_of(lambda *_: batch)}


def classes(labels: Any) -> dict[str, Any]:
    """A task of two classes that draws these, with a readout for it."""
    readout = rl.Readout(np.zeros((2, 6)), np.zeros(2))
    return {"task": rl.Task(lambda *_: (X, labels), "cross_entropy", 1, 2), "readout": readout}


@pytest.mark.parametrize(
    ("changed", "error", "says"),
    [
        ({"model": RNN}, TypeError, "model is RNNParams.*: expected a Model"),
        ({"params": (1, 2)}, TypeError, r"params is \(1, 2\): expected one of RNNParams, LSTMParams, GRUParams"),
        ({"params": RNN._replace(bias=np.zeros(5))}, ValueError, r"params.bias has shape \(5,\): expected \(6,\)"),
        ({"readout": "linear"}, TypeError, "readout is 'linear': expected a Readout"),
        (
            {"readout": rl.Readout(np.zeros((2, 6)), np.zeros(2))},
            ValueError,
            "task.outputs is 1: expected 2, as the readout has",
        ),
        ({"readout": rl.Readout(np.zeros((1, 5)), np.zeros(1))}, ValueError, r"readout.weight has shape \(1, 5\)"),
        ({"nonlinearity": "gelu"}, ValueError, "nonlinearity is 'gelu'"),
        (
            {"params": GRU, "nonlinearity": "relu"},
            ValueError,
            "nonlinearity is 'relu': expected none, a GRUParams cell has no choice",
        ),
        ({"task": "adding"}, TypeError, "task is 'adding': expected a Task"),
        (
            {"task": SIGN._replace(inputs=2)},
            ValueError,
            "x of the task has 1 inputs a step: expected 2, its task.inputs",
        ),
        (
            {"task": SIGN._replace(outputs=3)},
            ValueError,
            "target of the task has 1 outputs: expected 3, its task.outputs",
        ),
        ({"task": task_of(X)}, TypeError, "task.draw is array.*expected a callable"),
        ({"task": task_of(echo, "hinge")}, ValueError, "task.loss is 'hinge': expected one of squared_error, cross_"),
        ({"task": task_of(lambda *_: X)}, TypeError, r"the task drew array.*expected a Batch \(x, target\)"),
        (returns(X[:, 1:], Y), ValueError, r"x of the task has shape \(5, 3, 1\): expected T x 4 x I"),
        (returns(X[:0], Y), ValueError, "with T >= 1"),
        (returns(np.zeros((5, 4, 2)), Y), ValueError, "x of the task has 2 inputs a step: expected 1"),
        (returns(X + np.nan, Y), ValueError, "x of the task has the value nan"),
        (returns(X, Y[1:]), ValueError, r"target of the task has shape \(1, 3, 1\): expected S x 4"),
        (returns(X, np.zeros((6, 4, 1))), ValueError, "with S from 1 to 5"),
        (returns(X, np.zeros((0, 4, 1))), ValueError, "with S from 1 to 5"),
        (returns(X, np.zeros(4)), ValueError, r"target of the task has shape \(4,\): expected 2 or 3 dimensions"),
        (returns(X, Y, np.full(4, 6)), ValueError, "length has values 6 to 6: expected 0 to 5"),
        (returns(X, Y, np.full(3, 5)), ValueError, r"length has shape \(3,\)"),
        (classes(LABELS + 0.5), TypeError, "the classes of cross_entropy, is array.*: expected integers"),
        (classes([[0, 1], [0]]), TypeError, "the classes of cross_entropy, is .*: expected integers"),
        (returns(X, Y, [[5, 5], [5]]), TypeError, "length is .*: expected integers"),
        (classes(np.zeros((1, 4, 1), int)), ValueError, "expected 1 or 2 dimensions"),
        (classes(LABELS + 2), ValueError, "classes 2 to 2: expected 0 to 1"),
        (classes(LABELS - 1), ValueError, "classes -1 to -1"),
        ({"batch_size": 2.0}, ValueError, "batch_size is 2.0: expected an integer of at least 1"),
        ({"updates": True}, ValueError, "updates is True"),
        ({"rng": 0}, TypeError, "rng is 0: expected a numpy.random.Generator"),
        ({"recipe": 0.1}, TypeError, "recipe is 0.1: expected a Recipe"),
        ({"learning_rate": 0}, ValueError, "learning_rate is 0: expected a finite number above 0"),
        ({"learning_rate": 10**400}, ValueError, "learning_rate is 1000"),
        ({"learning_rate": np.complex128(1)}, ValueError, "learning_rate is np.complex128"),
        ({"regulariser": np.ones(2)}, ValueError, "regulariser is array"),
        ({"window": 2**70}, ValueError, "window is 11805.*: expected at most"),
        ({"learning_rate": "fast"}, ValueError, "learning_rate is 'fast'"),
        ({"clip_norm": -1.0}, ValueError, "clip_norm is -1.0"),
        ({"clip_value": np.inf}, ValueError, "clip_value is inf"),
        ({"window": 0}, ValueError, "window is 0: expected an integer of at least 1"),
        ({"window": 2, "params": ATTENTION}, ValueError, "window is 2: expected None, attention goes back in a single"),
        ({"regulariser": -1.0}, ValueError, "regulariser is -1.0: expected a finite number above 0"),
        ({"regulariser": 1.0, "params": GRU}, ValueError, "regulariser is 1.0: expected 0, it is defined for RNNPar"),
        ({"regulariser": 1.0, "window": 2}, ValueError, "regulariser is 1.0: expected 0, it is defined for RNNParams"),
        ({"threads": 0}, ValueError, "threads is 0: expected an integer of at least 1"),
        ({"threads": 2, "regulariser": 1.0}, ValueError, "threads is 2: expected 1, the regulariser is"),
        ({"optimiser": "lion"}, ValueError, "optimiser is 'lion': expected one of sgd, momentum, rmsprop, adam"),
        ({"state": 7}, TypeError, "state is 7: expected the state of a Fit"),
        ({"state": STATE._replace(rng=None)}, ValueError, "rng draws from a PCG64: expected a None"),
        ({"state": STATE._replace(rng={"bit_generator": "PCG64"})}, ValueError, "state.rng is no state of a PCG64"),
        ({"state": STATE._replace(update=-1)}, ValueError, "state.update is -1: expected an integer of at least 0"),
        (
            {"state": STATE._replace(memory=-np.ones((1, 55)), optimiser="rmsprop"), "optimiser": "rmsprop"},
            ValueError,
            "state.memory has means of squares below 0",
        ),
        ({"state": STATE, "optimiser": "adam"}, ValueError, "optimiser is 'adam': expected 'sgd'"),
        (
            {"state": STATE._replace(memory=np.zeros((2, 3)))},
            ValueError,
            r"state.memory has shape \(2, 3\): expected \(0, 55",
        ),
        (
            {"state": STATE, "rng": np.random.Generator(np.random.MT19937(0))},
            ValueError,
            "rng draws from a MT19937: expected a PCG64",
        ),
    ],
)
def test_bad_arguments_are_one_sentence(changed: dict[str, Any], error: Any, says: str) -> None:
    with pytest.raises(error, match=says) as caught:
        trained(**changed)
    assert "\n" not in str(caught.value)


def test_a_target_that_changes_its_shape_is_refused() -> None:
    shapes = iter([(1, 4, 1), (1, 4, 1), (2, 4, 1)])
    with pytest.raises(ValueError, match=r"target of the task has shape \(2, 4, 1\): expected \(1, 4, 1\)"):
        trained(task=task_of(lambda *_: (X, np.zeros(next(shapes)))))
