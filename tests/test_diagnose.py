"""Networks spoiled on purpose, each in one known way: the verdict names it; and networks that are not spoiled."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

import rnnlab as rl
from rnnlab.diagnosis.verdict import gate_faults

STEPS, BATCH, UNITS = 100, 8, 16
X = np.random.default_rng(1).standard_normal((STEPS, BATCH, 1))


def drawn(kind: Any, **how: Any) -> Any:
    return kind.init(1, UNITS, rng=np.random.default_rng(0), **how)


def biased(params: Any, block: int, bias: float) -> Any:
    """The same with another bias of one gate."""
    changed = params.bias.copy()
    changed.reshape(-1, UNITS)[block] = bias
    return params._replace(bias=changed)


def with_nan(array: Any, *place: int) -> Any:
    changed = array.copy()
    changed[place] = np.nan
    return changed


def learnt_too_fast() -> rl.Model:
    """What Adam with a learning rate of 1 leaves of a network that starts well; by hand, as compiling `fit` takes longer."""
    rng, task = np.random.default_rng(0), rl.tasks.latch(10)
    arrays = [*rl.RNNParams.init(1, UNITS, rng=rng, scheme="orthogonal"), *rl.Readout.init(UNITS, 1, rng=rng)]
    mean, square = [[np.zeros_like(array) for array in arrays] for _ in range(2)]
    for update in range(1, 101):
        x, target, length = task.draw(rng, 8)
        params, readout = rl.RNNParams(*arrays[:3]), rl.Readout(*arrays[3:])
        tape = rl.forward(params, x, length=length)
        error = 2 * (tape.h[-1] @ readout.weight.T + readout.bias - target[0]) / 8
        gradients = [*rl.backward(tape, error @ readout.weight).params, error.T @ tape.h[-1], error.sum(axis=0)]
        for array, m, q, g in zip(arrays, mean, square, gradients, strict=True):
            m[:], q[:] = 0.9 * m + 0.1 * g, 0.999 * q + 0.001 * g**2
            array -= m / (1 - 0.9**update) / (np.sqrt(q / (1 - 0.999**update)) + 1e-8)
    return rl.Model(rl.RNNParams(*arrays[:3]), rl.Readout(*arrays[3:]))


ORTHOGONAL = drawn(rl.RNNParams, scheme="orthogonal")
LSTM = drawn(rl.LSTMParams, chrono=float(STEPS))
DOUBLING = rl.RNNParams([[1.0]], [[2.0**18]], [0.0])  # h_57 = 2^(18 * 56) x_1 + ...: 2^1008 at t = 57 with x_1 = 1
UPPER = rl.RNNParams.init(UNITS, UNITS, rng=np.random.default_rng(2), scheme="orthogonal")
SHUT = rl.Stack((ORTHOGONAL, biased(UPPER, 0, 9.0), UPPER))

Case = tuple[Callable[[], Any], str, str, tuple[str, ...]]  # network and data, kind, where, words of the verdict
SPOILED: dict[str, Case] = {
    "forget bias -4": (
        lambda: (drawn(rl.LSTMParams, forget_bias=-4.0), X),
        "vanishes",
        "layer 1",
        ("forget gate keeps 0.01",),
    ),
    "forget bias of a chrono -4": (lambda: (biased(LSTM, 1, -4.0), X), "vanishes", "layer 1", ("forget gate keeps",)),
    "gain 0.5": (
        lambda: (drawn(rl.RNNParams, scheme="orthogonal", gain=0.5), 0.1 * X),
        "vanishes",
        "layer 1",
        ("gain 0.5",),
    ),
    "gain 1.3": (
        lambda: (drawn(rl.RNNParams, scheme="orthogonal", gain=1.3), X, "linear"),
        "explodes",
        "layer 1",
        ("1.3 a step", "gain 1.3"),
    ),
    "dead ReLUs": (lambda: (biased(ORTHOGONAL, 0, -9.0), X, "relu"), "dead units", "layer 1", ("100%", "its bias")),
    "chaos": (lambda: (drawn(rl.RNNParams, scheme="gaussian", gain=3.0), 0.1 * X), "chaos", "layer 1", ("exponent",)),
    "inputs too large": (lambda: (ORTHOGONAL, 300 * X), "saturated units", "layer 1", ("its inputs",)),
    "output gate shut": (lambda: (biased(LSTM, 3, -12.0), X), "gate", "layer 1", ("output gate is shut",)),
    "input gate shut": (lambda: (biased(LSTM, 0, -12.0), X), "gate", "layer 1", ("input gate lets nothing in",)),
    "learning rate": (lambda: (learnt_too_fast(), X), "learning rate", "layer 1", ("learning rate",)),
    "nan in x": (lambda: (LSTM, with_nan(X, 56, 3)), "not finite", "x", ("nan at step 57",)),
    "nan in weights": (
        lambda: (LSTM._replace(weight_hh=with_nan(LSTM.weight_hh, 2, 3)), X),
        "not finite",
        "layer 1's weight_hh",
        ("1 entries", "step 1"),
    ),
    "overflow": (
        lambda: (DOUBLING, np.r_[2.0**16, np.zeros(99)][:, None], "linear"),
        "not finite",
        "layer 1",
        ("overflows at step 57",),
    ),
    "inputs of gates too large": (lambda: (LSTM, 1000 * X), "gate", "layer 1", ("can't move", "its inputs")),
    "a layer of zeros": (
        lambda: (rl.Stack((ORTHOGONAL, UPPER._replace(weight_ih=0 * UPPER.weight_ih))), 0.1 * X),
        "cut off",
        "layer 2",
        ("weight_ih is 0",),
    ),
    "readout of zeros": (
        lambda: (rl.Model(ORTHOGONAL, rl.Readout(np.zeros((1, UNITS)), np.zeros(1))), 0.1 * X),
        "cut off",
        "readout",
        ("no gradient",),
    ),
    "nan in the readout": (
        lambda: (rl.Model(ORTHOGONAL, rl.Readout(np.full((1, UNITS), np.nan), np.zeros(1))), 0.1 * X),
        "not finite",
        "the readout's weight",
        (f"{UNITS} entries", "no output"),
    ),
    "one layer of three": (lambda: (SHUT, 0.1 * X), "saturated units", "layer 2", ("layer 2's", "its bias")),
}
HEALTHY = {
    "orthogonal": lambda: (ORTHOGONAL, 0.1 * X),
    "chrono LSTM": lambda: (LSTM, X),
    "identity ReLU": lambda: (drawn(rl.RNNParams, scheme="identity"), X, "relu"),
}


def diagnosed(network: Any, x: Any, nonlinearity: str = "tanh") -> rl.Diagnosis:
    return rl.diagnose(network, x, nonlinearity=nonlinearity)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", SPOILED)
def test_the_verdict_names_what_was_spoiled(name: str) -> None:
    make, kind, where, words = SPOILED[name]
    found = diagnosed(*make())
    assert (found.faults[0].kind, found.faults[0].where) == (kind, where), found
    assert all(word in found.verdict for word in words), found.verdict


@pytest.mark.parametrize("name", HEALTHY)
def test_a_healthy_network_is_called_healthy(name: str) -> None:
    found = diagnosed(*HEALTHY[name]())
    assert found.faults == (), found
    assert found.verdict.startswith("healthy")


def test_an_update_gate_that_lets_nothing_in() -> None:
    """Of a GRU, by the measurements alone: it keeps all but a hundred-thousandth a step, or half."""
    layer = rl.diagnose(ORTHOGONAL, X[:5]).layers[0]
    for kept, kinds in ((1 - 1e-5, ["gate"]), (0.5, [])):
        gated = layer._replace(gates={"update": np.full(UNITS, kept)}, kept=np.full(UNITS, kept), stuck={"update": 0.0})
        assert [fault.kind for fault in gate_faults(gated, STEPS)] == kinds


def test_sequences_may_come_batch_first() -> None:
    """As in `forward`: the same diagnosis, word for word; without the option the shape is refused."""
    length = [STEPS, 40, 60, 80, 90, 70, 50, 30]
    turned = rl.diagnose(LSTM, X.swapaxes(0, 1), length=length, batch_first=True)
    assert repr(turned) == repr(rl.diagnose(LSTM, X, length=length))
    with pytest.raises(ValueError, match="batch_first"):
        rl.diagnose(LSTM, X.swapaxes(0, 1), length=length)


def test_each_direction_of_a_network_has_a_loss_at_its_own_end() -> None:
    """A second direction that vanishes is found, by the factor that it has alone on the turned sequences."""
    weak = drawn(rl.RNNParams, scheme="orthogonal", gain=0.5)
    found = rl.diagnose(rl.Bidirectional(ORTHOGONAL, weak), 0.1 * X)
    assert (found.faults[0].kind, found.faults[0].where) == ("vanishes", "layer 1 backward")
    alone = rl.diagnose(weak, 0.1 * X[::-1]).layers[0].decay
    assert found.layers[1].decay.horizon == alone.horizon
    assert found.layers[1].decay.factor == pytest.approx(alone.factor, rel=0.01)
    assert found.layers[0].decay.horizon is None
    above = rl.RNNParams.init(2 * UNITS, UNITS, rng=np.random.default_rng(3), scheme="orthogonal", gain=0.5)
    stack = rl.diagnose(rl.Stack((rl.Bidirectional(weak, weak), rl.Bidirectional(above, above))), 0.1 * X)
    lower = next(fault.told for fault in stack.faults if fault.where == "layer 1 forward")
    assert "more again from lag" in lower  # the loss of the upper layer's second direction is at the first step


def test_remedies_are_measured_here() -> None:
    """Every remedy is measured: chrono saves what a forget bias of -4 lost, and orthogonal weights do not."""
    found = rl.diagnose(drawn(rl.LSTMParams, forget_bias=-4.0), X)
    tape = rl.forward(drawn(rl.LSTMParams, forget_bias=-4.0), X[:, :1])
    flow = rl.gradient_flow(tape, np.ones((1, UNITS)))
    decay = rl.diagnose(tape.params, X[:, :1], np.ones((1, UNITS))).layers[0].decay
    norms = np.logaddexp(*(2 * np.log(10) * norm for norm in (flow.log10_norm, flow.log10_norm_c)))[::-1, 0]
    np.testing.assert_allclose(decay.log10_gradient, (norms - norms[0]) / (2 * np.log(10)), atol=1e-12)
    horizons = {remedy.name: remedy.horizon for remedy in found.remedies}
    assert horizons["chrono"] is None
    assert found.now is not None
    assert found.now.horizon <= horizons["orthogonal"] < horizons["forget bias 1"]


def test_numbers_are_those_of_a_chain_known_in_closed_form() -> None:
    """0.9^lag: the factor, 1 % after 44 steps, float32's last digit after 981, an exponent of ln 0.9; not 0.89."""
    chain = rl.RNNParams([[1.0]], [[0.9]], [0.0])
    decay, layer = (found := rl.diagnose(chain, np.zeros((1200, 1)), [1.0], nonlinearity="linear")).now, found.layers[0]
    assert decay is not None
    np.testing.assert_allclose(decay.factor, 0.9, rtol=1e-12)
    np.testing.assert_allclose(layer.exponents, np.log(0.9), rtol=1e-12)
    assert (decay.horizon, decay.float32_horizon) == (44, 981)
    np.testing.assert_allclose(decay.log10_gradient, np.arange(1201) * np.log10(0.9), atol=1e-10)
    assert decay.horizon != np.ceil(-2 / np.log10(0.89))


@pytest.mark.parametrize(
    "network",
    [
        rl.Bidirectional(drawn(rl.RNNParams), ORTHOGONAL),
        rl.Stack(
            (rl.Bidirectional(ORTHOGONAL, drawn(rl.RNNParams)), rl.RNNParams.init(32, 4, rng=np.random.default_rng(0)))
        ),
    ],
)
def test_every_cell_of_a_network_against_the_flow(network: Any) -> None:
    """Sequences of their own lengths; dh at every step."""
    length, dh = [30, 12, 1], np.ones((30, 3, rl.forward(network, X[:30, :3]).h.shape[-1]))
    found = rl.diagnose(network, X[:30, :3], dh, length=length)
    names = [layer.name for layer in found.layers]
    assert names[:2] == ["layer 1 forward", "layer 1 backward"]
    flow: Any = rl.gradient_flow(rl.forward(network, X[:30, :3], length=length), dh)
    last = flow[-1] if isinstance(network, rl.Stack) else flow[1]
    norms = last.log10_norm[::-1, 0]
    np.testing.assert_allclose(found.layers[-1].decay.log10_gradient[13:], norms[13:] - norms[0], atol=1e-12)
    frame = found.to_frame()
    assert set(frame.loc[frame["quantity"] == "factor", "layer"]) == set(names)
    assert len(found.plot().axes) == 4


def test_what_it_prints_is_short_and_a_notebook_shows_a_picture() -> None:
    found = rl.diagnose(LSTM, with_nan(X, 56, 3))
    lines = str(found).splitlines()
    assert len(lines) <= 12
    assert "not known" in lines[-1]
    assert found.steps == (56, 100)
    assert "data:image/png;base64" in found._repr_html_()
    nothing = rl.diagnose(LSTM, with_nan(X, 0, 3))
    assert nothing.layers == nothing.remedies == ()
    assert len(nothing.plot().axes) == 4


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        (lambda: rl.diagnose("a", X), TypeError, "network is 'a'"),
        (lambda: rl.diagnose(LSTM, X[..., [0, 0]]), ValueError, "x has shape"),
        (lambda: rl.diagnose(LSTM, X, np.ones(3)), ValueError, "dh has"),
        (lambda: rl.diagnose(LSTM, X, np.full((BATCH, UNITS), np.nan)), ValueError, "dh has the value nan"),
        (lambda: rl.diagnose(LSTM, X, length=[1000] * BATCH), ValueError, "length has values"),
        (lambda: rl.diagnose(LSTM, X, length=[0] * BATCH), ValueError, "length is 0 throughout"),
        (lambda: rl.diagnose(LSTM, X, np.zeros((BATCH, UNITS))), ValueError, "dh is 0 throughout"),
        (lambda: rl.diagnose(drawn(rl.AttentionParams), X), TypeError, "expected a recurrent network"),
        (lambda: rl.diagnose(LSTM, X, nonlinearity="relu"), ValueError, "no choice"),
        (lambda: rl.diagnose(LSTM, X, batch_first="yes"), TypeError, "batch_first is 'yes': expected True or False"),
        (lambda: rl.diagnose(LSTM, X[:, 0], batch_first=True), ValueError, r"expected \(B, T, I\)"),
        (
            lambda: rl.diagnose(LSTM, pd.DataFrame({"Date": pd.to_datetime(["2020-01-01"]), "Close": [1.0]})),
            TypeError,
            "x has the column 'Date' of datetime64",
        ),
        (lambda: rl.diagnose(LSTM, [["a"]]), TypeError, "x is"),
    ],
)
def test_bad_arguments(call: Any, error: Any, says: str) -> None:
    with pytest.raises(error, match=says):
        call()
