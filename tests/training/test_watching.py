"""What fit shows while it learns: callback, patience, held-out loss, the gradient against lag; why it stopped."""

from typing import Any

import numpy as np
import pytest

import rnnlab as rl
from tests.training.test_fitting import READOUT, RNN, SIGN, echo, equal, task_of, trained


def test_watching_changes_no_bit_and_resumes() -> None:
    plain = trained(updates=250)
    seen: list[rl.Fit] = []
    watched = trained(updates=250, callback=seen.append, patience=1000, record_flow=30)
    assert equal(watched, plain)
    assert [done.state.update for done in seen] == [100, 200]
    np.testing.assert_array_equal(watched.history.flow_update, np.arange(0, 250, 30))
    again = trained(params=seen[0].model.params, readout=seen[0].model.readout, state=seen[0].state, updates=150)
    assert equal(again, plain)
    np.testing.assert_array_equal(seen[1].history.loss, plain.history.loss[:200])


def test_a_callback_ends_a_run() -> None:
    done = trained(updates=500, callback=lambda so_far: so_far.state.update == 200)
    assert done.stopped == rl.Stopped(200, "callback")
    assert done.why == "stopped before update 200: callback returned True"
    assert equal(done, trained(updates=200))
    frame = done.history.to_frame()
    assert frame.loc[100, "spectral_radius_0"] == done.history.spectral_radius[1, 0]
    np.testing.assert_array_equal(frame["loss"], done.history.loss)
    assert trained(updates=3).why == "all updates were taken: 3 so far"


def test_a_bar_ends_with_its_run(capsys: pytest.CaptureFixture[str]) -> None:
    trained(updates=7, progress=True)
    assert "7/7" in capsys.readouterr().err


def test_patience_ends_a_run_that_does_not_fall() -> None:
    """Where nothing can be learnt; the same recipe goes on where something can."""
    noise = task_of(lambda rng, size: (rng.standard_normal((5, size, 1)), rng.standard_normal((size, 1))))
    how: dict[str, Any] = {"updates": 2000, "batch_size": 50, "patience": 300}
    done = trained(task=noise, **how)
    assert done.stopped is not None
    assert done.stopped.what == "patience"
    assert done.stopped.update < 2000
    assert trained(task=SIGN, **how, learning_rate=0.01, optimiser="adam").state.update > done.state.update


@pytest.mark.parametrize(("rate", "says"), [(1e3, "the loss is not finite"), (1e308, "learning rate is too large")])
def test_why_it_stopped_in_words(rate: float, says: str) -> None:
    done = trained(nonlinearity="linear", learning_rate=rate, task=task_of(echo), updates=50)
    assert says in done.why


def stacked(inputs: int, hidden: int, rng: Any) -> Any:
    return rl.Stack.init(rl.RNNParams, inputs, hidden, layers=2, rng=rng)


@pytest.mark.parametrize("init", [rl.RNNParams.init, rl.LSTMParams.init, stacked])
def test_the_recorded_flow_is_that_of_its_batch(init: Any) -> None:
    """Before the step, of the last loss, by lag from each sequence's own end; with c, of an LSTM; of every layer."""
    task = rl.tasks.latch(12)
    params = init(1, 6, rng=np.random.default_rng(1))
    done = trained(params=params, task=task, updates=2, record_flow=1, batch_size=5, learning_rate=0.5)
    x, target, length = task.draw(np.random.default_rng(2), 5)
    tape = rl.forward(params, x, length=length)
    error = tape.h[-1] @ READOUT.weight.T + READOUT.bias - target[0]
    flows = rl.gradient_flow(tape, 2 * error / error.size @ READOUT.weight)
    for cell, flow in enumerate([flows] if isinstance(flows, rl.GradientFlow) else flows):
        squares = 10 ** (2 * flow.log10_norm)
        if flow.log10_norm_c is not None:
            squares = squares + 10 ** (2 * flow.log10_norm_c)
        for lag in range(13):
            own = [squares[end - lag, b] for b, end in enumerate(length) if lag <= end]
            assert done.history.flow[0, cell, lag] == pytest.approx(np.log10(sum(own)) / 2, abs=1e-12)
    assert done.history.flow[1, 0, 3] != done.history.flow[0, 0, 3]


def test_dead_and_saturated_units() -> None:
    """Of six units one whose bias holds it at 0 under ReLU; under tanh one whose bias saturates it."""
    bias = np.zeros(6)
    bias[2] = -1e3
    relu = trained(params=RNN._replace(bias=bias), nonlinearity="relu", updates=1, record_flow=1)
    assert relu.history.dead[0, 0] == pytest.approx(1 / 6)
    tanh = trained(params=RNN._replace(bias=-bias), updates=1, record_flow=1)
    assert tanh.history.saturated[0, 0] >= 1 / 6
    assert trained(params=RNN, updates=1, record_flow=1).history.dead[0, 0] == 0


def test_a_checkpoint_keeps_the_flow_and_reads_older_files(tmp_path: Any) -> None:
    done = trained(updates=3, record_flow=2)
    rl.save_fit(tmp_path / "run.npz", done)
    for one, other in zip(done.history, rl.load_fit(tmp_path / "run.npz").history, strict=True):
        np.testing.assert_array_equal(one, other)
    with np.load(tmp_path / "run.npz") as file:
        older = {name: file[name] for name in file.files if not name.startswith("history.f")}
    for name in ("held_out_loss", "saturated", "dead"):
        older.pop(f"history.{name}")
    np.savez(tmp_path / "run.npz", **older)
    kept = rl.load_fit(tmp_path / "run.npz")
    assert kept.history.flow.shape == (0, 1, 0)
    assert equal(kept, done)


@pytest.mark.parametrize(
    ("given", "error", "says"),
    [
        ({"callback": 3}, TypeError, "callback is 3: expected a function"),
        ({"patience": 0}, ValueError, "patience is 0: expected an integer of at least 1"),
        ({"progress": "yes"}, TypeError, "progress is 'yes': expected True or False"),
        ({"record_flow": 1.5}, ValueError, "record_flow is 1.5: expected an integer of at least 1"),
        ({"optimiser": rl.Adam(beta1=1.0)}, ValueError, "beta1 is 1.0: expected a number from 0 to below 1"),
        ({"optimiser": rl.RMSprop(epsilon=0)}, ValueError, "epsilon is 0: expected a finite number above 0"),
        (
            {"optimiser": rl.SGD(weight_decay=-1.0)},
            ValueError,
            "weight_decay is -1.0: expected a finite number above 0",
        ),
        ({"optimiser": rl.SGD(decoupled="yes")}, TypeError, "decoupled is 'yes': expected True, False or None"),
        ({"optimiser": rl.SGD(nesterov=True)}, ValueError, "nesterov is True: expected False without momentum"),
        ({"optimiser": rl.RMSprop(centred="yes")}, TypeError, "centred is 'yes': expected True or False"),
        (
            {"optimiser": 3},
            TypeError,
            "optimiser is 3: expected sgd, momentum, rmsprop, adam, or a SGD, RMSprop or Adam",
        ),
        ({"framework": "jax"}, ValueError, "framework is 'jax': expected one of pytorch, keras"),
        ({"clip_norm": 1.0, "clip_weight": 1.0}, ValueError, "clip_weight is 1.0: expected None beside clip_norm"),
        ({"learning_rate": [0.1] * 3}, ValueError, "learning_rate has 3 entries: expected 20, one an update"),
        (
            {"learning_rate": lambda update: 5.0 - update},
            ValueError,
            "learning_rate is -14.0 at update 19: expected at",
        ),
        ({"learning_rate": lambda _: "fast"}, TypeError, "learning_rate is .*expected real numbers"),
        ({"window": rl.Truncation(2, 3)}, ValueError, "window.k1 is 3: expected at most k2, which is 2"),
        ({"window": rl.Truncation(0)}, ValueError, "window.k2 is 0: expected an integer of at least 1"),
        ({"window": rl.Truncation(2)}, ValueError, "updates is 20: expected a multiple of 3, the windows of a batch"),
        ({"window": rl.Truncation(5)}, ValueError, "expected a target at each of 5 steps, got 1"),
        ({"window": rl.Truncation(3, 2, "batch")}, ValueError, "window.k1 is 2: expected 3, k2"),
    ],
)
def test_bad_arguments_are_one_sentence(given: dict[str, Any], error: Any, says: str) -> None:
    with pytest.raises(error, match=says) as caught:
        trained(**given)
    assert "\n" not in str(caught.value)


def symptoms_of(clip_norm: float | None = None, **how: Any) -> dict[str, float]:
    """What a training of 200 updates suffers from, with its number."""
    done = trained(updates=200, record_flow=100, batch_size=5, clip_norm=clip_norm, **how)
    return {symptom.what: symptom.value for symptom in rl.symptoms(done, clip_norm)}


def test_a_training_says_what_it_suffers_from() -> None:
    """Networks spoiled in known ways, that hardly move; one that is not spoiled has no symptom."""
    still: dict[str, Any] = {"learning_rate": 1e-9, "task": task_of(lambda *_: (np.ones((60, 5, 1)), np.ones((5, 1))))}
    linear = {**still, "nonlinearity": "linear"}
    own = RNN._replace(weight_ih=np.ones((6, 1)), bias=np.zeros(6))
    assert symptoms_of(params=own._replace(weight_hh=np.eye(6)), **linear) == {}
    weak = symptoms_of(params=own._replace(weight_hh=0.5 * np.eye(6)), **linear)
    assert weak == {"vanished": 7}  # 0.5^7 is the first below 1 %
    lost = symptoms_of(params=own._replace(weight_hh=1e-3 * np.eye(6)), **linear)
    assert lost.keys() == {"vanished", "below float32"}
    grown = symptoms_of(params=own._replace(weight_hh=1.1 * np.eye(6)), clip_norm=1e-3, **linear)
    assert grown == {"exploded": pytest.approx(59 * np.log10(1.1), abs=1e-6), "clipped": 1.0}
    dead = symptoms_of(params=own._replace(bias=np.full(6, -9.0)), **still, nonlinearity="relu")
    assert dead == {"dead": 1.0, "vanished": 1.0, "below float32": 1.0}
    assert symptoms_of(params=own._replace(bias=np.full(6, 9.0)), **still)["saturated"] == 1.0


def test_a_run_whose_states_overflow_stops_with_its_flow_unknown() -> None:
    how: dict[str, Any] = {"nonlinearity": "linear", "task": rl.tasks.latch(60), "updates": 3, "batch_size": 5}
    done = trained(params=RNN._replace(weight_hh=1e7 * np.eye(6)), record_flow=1, **how)
    assert done.stopped == rl.Stopped(0, "loss")
    assert np.isnan(done.history.flow).all()
    assert rl.symptoms(done) == ()
