"""Networks of Keras: arrays by hand, and where Keras is installed (on JAX) its own layers."""

import os
from typing import Any

import numpy as np
import pytest

import rnnlab as rl
from tests.reference import relative

# of Keras's own variables, which NumPy 2 has warned of since
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning")
PROMISE = 1e-5  # of the largest entry: Keras computes in float32, 60 roundings of 6e-8 at most double it
GATES = {"SimpleRNN": 1, "LSTM": 4, "GRU": 3}


def installed() -> Any:
    os.environ.setdefault("KERAS_BACKEND", "jax")
    pytest.importorskip("jax", reason="JAX is an optional peer: pip install 'rnnlab[frameworks]'")
    return pytest.importorskip("keras", reason="Keras is an optional peer: pip install 'rnnlab[frameworks]'")


def drawn(kind: str, bias: str = "one") -> list[Any]:
    """Arrays as get_weights() orders them."""
    rng, columns = np.random.default_rng(0), GATES[kind] * 4
    shapes = [(3, columns), (4, columns), *{"none": [], "one": [(columns,)], "two": [(2, columns)]}[bias]]
    return [rng.standard_normal(shape) for shape in shapes]


def test_gates_are_put_in_our_order() -> None:
    kernel = np.repeat(np.arange(3.0), 4)[None]  # gates z, r, h are 0, 1, 2
    params = rl.from_keras([kernel, drawn("GRU")[1], np.zeros((2, 12))], "GRU")
    np.testing.assert_array_equal(params.weight_ih[:, 0], np.repeat([1.0, 0.0, 2.0], 4))  # ours are r, z, n
    kernel = np.repeat(np.arange(4.0), 4)[None]  # i, f, c, o
    params = rl.from_keras([kernel, *drawn("LSTM")[1:]], "LSTM")
    np.testing.assert_array_equal(params.weight_ih[:, 0], kernel[0])  # i, f, g, o


@pytest.mark.parametrize(
    ("kind", "bias", "said", "cell"),
    [
        ("SimpleRNN", "one", {"nonlinearity": "tanh"}, rl.RNNParams),
        ("SimpleRNN", "none", {"nonlinearity": "relu"}, rl.ReLURNNParams),
        ("LSTM", "one", {}, rl.LSTMParams),
        ("LSTM", "none", {}, rl.LSTMParams),
        ("GRU", "two", {}, rl.GRUParams),
        ("GRU", "one", {}, rl.ResetBeforeGRUParams),
        ("GRU", "none", {"reset_after": True}, rl.GRUParams),
        ("GRU", "none", {"reset_after": False}, rl.ResetBeforeGRUParams),
    ],
)
def test_arrays_there_and_back(kind: str, bias: str, said: Any, cell: Any) -> None:
    weights = drawn(kind, bias)
    params = rl.from_keras(weights, kind, **said)
    assert type(params) is cell
    both = rl.from_keras(weights * 2, kind, **said)
    assert isinstance(both, rl.Bidirectional)
    stack = rl.from_keras([weights, [weights[1], *weights[1:]] * 2], kind, **said)
    assert isinstance(stack, rl.Stack)
    assert [type(layer) for layer in stack.layers] == [cell, rl.Bidirectional]
    for network, again in ((params, params), (both, [*both]), (stack, stack)):
        made = rl.to_keras(network)
        copies = rl.from_keras(made, kind, **said)
        np.testing.assert_equal(np.concatenate(flat(copies)), np.concatenate(flat(again)))
    for array, given in zip(rl.to_keras(params), weights[:2], strict=False):
        np.testing.assert_array_equal(array, given)
        array[...] = np.nan  # a copy
    assert np.isfinite(np.concatenate(flat(params))).all()


def flat(network: Any) -> list[Any]:
    """All numbers of a network."""
    parts = network.layers if isinstance(network, rl.Stack) else network
    return [x for part in parts for x in (flat(part) if isinstance(part, tuple | list) else [np.ravel(part)])]


LSTM, GRU = drawn("LSTM"), drawn("GRU", "two")
BAD: list[tuple[Any, Any, Any, str]] = [
    (3, "LSTM", TypeError, "layer_or_weights is 3: expected a layer of Keras, or the arrays"),
    ([], "LSTM", TypeError, r"layer_or_weights is \[\]: expected a layer of Keras"),
    (LSTM, None, ValueError, "kind is None: expected one of SimpleRNN, LSTM, GRU"),
    (LSTM, "lstm", ValueError, "kind is 'lstm': expected one of SimpleRNN, LSTM, GRU"),
    (LSTM[:1], "LSTM", ValueError, "there are 1 arrays: expected kernel, recurrent kernel and perhaps bias"),
    ([LSTM[0].T, *LSTM[1:]], "LSTM", ValueError, r"kernel has shape \(16, 3\): expected \(I, 16\), .*: transposed\?"),
    ([LSTM[0], LSTM[1].T, LSTM[2]], "LSTM", ValueError, r"recurrent_kernel has shape \(16, 4\): .*: transposed\?"),
    (LSTM, "GRU", ValueError, r"recurrent_kernel has shape \(4, 16\): expected \(4, 12\), 3 blocks"),
    ([*LSTM[:2], np.zeros(4)], "LSTM", ValueError, r"bias has shape \(4,\): expected \(16,\)"),
    ([LSTM[0] * np.inf, *LSTM[1:]], "LSTM", ValueError, "kernel has the value .*inf: expected finite"),
    (["a", "b"], "LSTM", TypeError, "kernel is .*: expected real numbers"),
    (drawn("SimpleRNN"), "SimpleRNN", ValueError, "SimpleRNN's list of arrays does not say its nonlinearity"),
    (drawn("GRU", "none"), "GRU", ValueError, "the GRU has no bias, whose shape would say it: pass reset_after"),
]


@pytest.mark.parametrize(("weights", "kind", "error", "says"), BAD, ids=range(len(BAD)))
def test_what_is_no_layer_is_refused_in_a_sentence(weights: Any, kind: Any, error: Any, says: str) -> None:
    with pytest.raises(error, match=says):
        rl.from_keras(weights, kind)


def test_contradictions_are_refused() -> None:
    with pytest.raises(ValueError, match=r"layers\[1\] has 3 inputs: expected 4, as many as the layer below has"):
        rl.from_keras([LSTM, LSTM], "LSTM")
    with pytest.raises(ValueError, match="reset_after is False: expected True, as its bias says"):
        rl.from_keras(GRU, "GRU", reset_after=False)
    with pytest.raises(ValueError, match="expected none, the LSTM has no choice"):
        rl.from_keras(LSTM, "LSTM", nonlinearity="relu")
    with pytest.raises(TypeError, match="network has MinGRUParams: expected SimpleRNN, LSTM or GRU"):
        rl.to_keras(rl.MinGRUParams.init(2, 3, rng=np.random.default_rng(0)))


LAYERS: list[tuple[str, dict[str, Any], Any]] = [
    ("SimpleRNN", {}, rl.RNNParams),
    ("SimpleRNN", {"activation": "relu", "use_bias": False}, rl.ReLURNNParams),
    ("LSTM", {}, rl.LSTMParams),
    ("LSTM", {"use_bias": False}, rl.LSTMParams),
    ("GRU", {}, rl.GRUParams),
    ("GRU", {"use_bias": False}, rl.GRUParams),
    ("GRU", {"reset_after": False}, rl.ResetBeforeGRUParams),
]


@pytest.mark.parametrize(("name", "how", "cell"), LAYERS)
@pytest.mark.parametrize("both", [False, True])
def test_layers_of_keras(name: str, how: Any, cell: Any, both: bool) -> None:
    keras, rng = installed(), np.random.default_rng(0)
    layer = getattr(keras.layers, name)(4, return_sequences=True, bias_initializer="random_normal", **how)
    layer = keras.layers.Bidirectional(layer) if both else layer
    x = rng.standard_normal((2, 5, 3)).astype(np.float32)
    expected = np.swapaxes(np.asarray(layer(x)), 0, 1)
    layer.set_weights([rng.normal(0, 0.5, array.shape) for array in layer.get_weights()])
    assert relative(np.swapaxes(np.asarray(layer(x)), 0, 1), expected) > 1e-2  # the control: other weights, another run
    expected = np.swapaxes(np.asarray(layer(x)), 0, 1)
    network = rl.from_keras(layer)
    assert type(network) is (rl.Bidirectional if both else cell)
    tape = rl.forward(network, x, batch_first=True)
    assert relative(tape.h[1:], expected) <= PROMISE
    check_gradient(layer, tape, x)
    weights = rl.to_keras(network)
    layer.set_weights(weights[: len(layer.get_weights())] if how.get("use_bias", True) else without_biases(weights))
    assert relative(np.swapaxes(np.asarray(layer(x)), 0, 1), expected) <= PROMISE  # two biases come back added up


def check_gradient(layer: Any, tape: rl.Tape, x: Any) -> None:
    """dL/dx of a loss on all outputs, by JAX and by ours."""
    jax = pytest.importorskip("jax")
    weights = [variable.value for variable in layer.trainable_variables]
    dout = np.random.default_rng(1).standard_normal(layer(x).shape).astype(np.float32)

    def loss(inputs: Any) -> Any:
        return (layer.stateless_call(weights, [v.value for v in layer.non_trainable_variables], inputs)[0] * dout).sum()

    expected = np.swapaxes(np.asarray(jax.grad(loss)(x)), 0, 1)
    got = rl.backward(tape, np.swapaxes(dout, 0, 1)).x
    assert relative(got, expected) <= 10 * PROMISE  # forward's errors enter too


def without_biases(weights: list[Any]) -> list[Any]:
    """Kernels alone."""
    return [array for place, array in enumerate(weights) if place % 3 < 2]


def test_models_cells_and_lists_of_keras() -> None:
    keras, layers = installed(), installed().layers
    inputs = layers.Input((5, 3))
    lower, upper = layers.LSTM(4, return_sequences=True), layers.Bidirectional(layers.GRU(2))
    model = keras.Model(inputs, layers.Dense(1)(upper(lower(inputs))))
    with pytest.raises(ValueError, match=r"has 2 recurrent layers \('lstm.*', 'bidirectional.*'\): pass one of them"):
        rl.from_keras(model)
    stack = rl.from_keras([lower, upper])
    assert isinstance(stack, rl.Stack)
    assert [type(layer) for layer in stack.layers] == [rl.LSTMParams, rl.Bidirectional]
    one = keras.Sequential([layers.Input((5, 3)), layers.LSTM(4), layers.Dense(1)])
    assert type(rl.from_keras(one)) is rl.LSTMParams
    cells = layers.RNN([layers.LSTMCell(4), layers.GRUCell(3)])
    cells(np.zeros((1, 2, 3), np.float32))
    assert [type(layer) for layer in rl.from_keras(cells).layers] == [rl.LSTMParams, rl.GRUParams]


def test_layers_that_rnnlab_does_not_have() -> None:
    layers = installed().layers
    x = np.zeros((1, 2, 3), np.float32)
    for layer, says in (
        (layers.LSTM(4, activation="relu"), r"has activations \('relu', 'sigmoid'\): expected \('tanh', 'sigmoid'\)"),
        (layers.SimpleRNN(4, activation="linear"), "has activation 'linear': expected 'tanh' or 'relu'"),
        (layers.LSTM(4, go_backwards=True), "the LSTM goes backwards: expected it forwards"),
        (layers.Bidirectional(layers.LSTM(4), merge_mode="sum"), "has merge_mode 'sum': expected 'concat'"),
        (layers.Dense(4), "the Dense has no recurrent layer"),
    ):
        layer(x)
        with pytest.raises(ValueError, match=says):
            rl.from_keras(layer)
    with pytest.raises(ValueError, match="the LSTM has no weights: call it once on an input"):
        rl.from_keras(layers.LSTM(4))
    with pytest.raises(ValueError, match="are of arrays: expected none, a layer says them itself"):
        rl.from_keras(layers.LSTM(4), "LSTM")
