"""Networks of layers and directions: against layers run by hand, against PyTorch's, and far beyond the range of floats."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import rnnlab as rl
from rnnlab.kernels.cells.cell import leaves_of

KINDS = {
    "rnn": rl.RNNParams,
    "lstm": rl.LSTMParams,
    "gru": rl.GRUParams,
    "leaky": rl.LeakyRNNParams,
    "min": rl.MinGRUParams,
}


def network(rng: np.random.Generator, kinds: str, both: bool, inputs: int = 3) -> Any:
    """Layers of some kinds, of 2 to 4 units."""
    layers: list[Any] = []
    for kind in kinds.split():
        hidden = int(rng.integers(2, 5))
        cells = [KINDS[kind].init(inputs, hidden, rng=rng) for _ in range(1 + both)]
        layers.append(rl.Bidirectional(*cells) if both else cells[0])
        inputs = hidden * (1 + both)
    return rl.Stack(tuple(layers))


@pytest.mark.parametrize("kinds", ["rnn lstm", "gru rnn"])
def test_a_stack_is_its_layers_run_by_hand(kinds: str) -> None:
    """Bit for bit, forward, backward and the norms on the way."""
    rng = np.random.default_rng(0)
    net, x, length = network(rng, kinds, both=False), rng.standard_normal((9, 3, 3)), [9, 0, 4]
    tape, tapes, below = rl.forward(net, x, length=length), [], x
    for layer in net.layers:
        tapes.append(rl.forward(layer, below, length=length))
        below = tapes[-1].h[1:]
    np.testing.assert_array_equal(tape.h, tapes[-1].h)
    dloss = rng.standard_normal(tape.h[1:].shape)
    found, flows = rl.backward(tape, dloss), rl.gradient_flow(tape, dloss)
    for k in reversed(range(len(tapes))):
        by_hand = rl.backward(tapes[k], dloss)
        for mine, other in zip(found.params.layers[k], by_hand.params, strict=True):
            np.testing.assert_array_equal(mine, other)
        np.testing.assert_array_equal(flows[k].log10_norm, rl.gradient_flow(tapes[k], dloss).log10_norm)
        dloss = by_hand.x
    np.testing.assert_array_equal(found.x, dloss)


def test_a_gradient_is_measured_in_every_layer_far_beyond_floats() -> None:
    """A linear chain of two units: dL/dh^1_t = sum over paths, of which the one through the upper layer vanishes."""
    below, above = (rl.RNNParams([[1.0]], [[w]], [0.0]) for w in (10.0, 1e-3))
    steps = 500
    tape = rl.forward(rl.Stack((below, above)), np.zeros((steps, 1)), nonlinearity="linear")
    lower, upper = rl.gradient_flow(tape, [1.0])
    lag = np.arange(steps, -1, -1)
    np.testing.assert_allclose(upper.log10_norm, -3.0 * lag, rtol=1e-12, atol=1e-12)
    # sum over s of 1e-3^(lag - s) 10^s, s = 0 .. lag; the initial state below does not reach the layer above at once
    expected = lag + np.log10((1 - 1e-4 ** (lag + 1.0)) / (1 - 1e-4))
    np.testing.assert_allclose(lower.log10_norm, expected, rtol=1e-12, atol=1e-12)
    swapped = rl.forward(rl.Stack((above, below)), np.zeros((steps, 1)), nonlinearity="linear")
    lower, upper = rl.gradient_flow(swapped, [1.0])
    np.testing.assert_allclose(upper.log10_norm, lag, rtol=1e-12, atol=1e-12)
    expected[0] = expected[1] - 3.0
    np.testing.assert_allclose(lower.log10_norm, expected, rtol=1e-12, atol=1e-12)
    assert np.isinf(10.0 ** lower.log10_norm[0])


def test_a_loss_below_floats_is_where_a_layer_begins() -> None:
    """The upper layer sends 2^-3000 down to the last state: its second direction has come so far from the first step."""

    def chain(w: float) -> Any:
        return rl.RNNParams([[1.0]], [[w]], [0.0])

    steps, dh = 3000, np.zeros((3000, 2))
    dh[0, 1] = 1
    tape = rl.forward(
        rl.Stack((chain(0.25), rl.Bidirectional(chain(0.5), chain(0.5)))), np.zeros((steps, 1)), nonlinearity="linear"
    )
    lower, _ = rl.gradient_flow(tape, dh)
    t = np.arange(1, steps + 1)  # sum over s >= t of 0.25^(s - t) 0.5^(s - 1)
    expected = (1 - t) * np.log10(2.0) + np.log10((1 - 0.125 ** (steps - t + 1.0)) / (1 - 0.125))
    np.testing.assert_allclose(lower.log10_norm[1:], expected, rtol=1e-12, atol=1e-12)


def test_norms_of_directions_are_those_of_plain_gradients() -> None:
    """Where they are within the range of floats: each direction's dL/dh_0 and the layer below."""
    rng = np.random.default_rng(1)
    net, x = network(rng, "gru rnn", both=True), rng.standard_normal((6, 3, 3))
    tape = rl.forward(net, x, length=[6, 2, 0])
    dloss = rng.standard_normal(tape.h[1:].shape)
    found, flows = rl.backward(tape, dloss), rl.gradient_flow(tape, dloss)
    for flow, dh0 in zip(flows, found.h0, strict=True):
        for one, start in zip(flow, dh0, strict=True):
            with np.errstate(divide="ignore"):
                expected = np.log10(np.linalg.norm(start, axis=-1))
            np.testing.assert_allclose(one.log10_norm[0], expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("parts", [1, 2])
def test_a_workspace_takes_networks_initial_states_and_lengths(parts: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same as forward and backward, in one part and in two."""
    rng = np.random.default_rng(2)
    net, x, length = network(rng, "rnn gru", both=True), rng.standard_normal((8, 4, 3)), [8, 3, 0, 5]
    sizes = [[part.weight_hh.shape[1] for part in layer] for layer in net.layers]
    h0, dh_n = (tuple(tuple(rng.standard_normal((4, size)) for size in pair) for pair in sizes) for _ in range(2))
    tape = rl.forward(net, x, h0, length=length)
    dloss = rng.standard_normal(tape.h[1:].shape)
    expected = rl.backward(tape, dloss, dh_n=dh_n)
    monkeypatch.setattr("rnnlab.workspace.WORTH_A_THREAD", 1)
    workspace, close = rl.Workspace(net, steps=8, batch_size=4, threads=parts), {"rtol": 1e-13, "atol": 1e-14}
    np.testing.assert_allclose(workspace.forward(net, x, h0, length), tape.h[-1], **close)
    found = workspace.backward(dloss, dh_n=dh_n)
    np.testing.assert_allclose(found.x, expected.x, **close)
    np.testing.assert_allclose(found.h0[1][0], expected.h0[1][0], **close)
    for mine, other in zip(leaves_of(found.params), leaves_of(expected.params), strict=True):
        np.testing.assert_allclose(mine.weight_hh, other.weight_hh, **close)
    again = workspace.backward(None, dh_n=dh_n)  # which forgets what was there
    np.testing.assert_allclose(again.x, rl.backward(tape, None, dh_n=dh_n).x, **close)


def test_fit_trains_a_network_and_predict_runs_it() -> None:
    """Adam's first update moves every weight by the learning rate against its gradient; then the loss falls; and again
    the same bits when the run is cut in two."""
    rng = np.random.default_rng(6)
    net = network(rng, "rnn gru", both=True, inputs=1)
    model = rl.Model(net, rl.Readout.init(sum(leaf.weight_hh.shape[1] for leaf in leaves_of(net)[2:]), 1, rng=rng))
    recipe, task = rl.Recipe(0.01, "adam"), rl.tasks.latch(seq_len=6)
    one = rl.fit(model, task, recipe, updates=1, batch_size=8, rng=np.random.default_rng(4))
    for before, after in zip(leaves_of(net), leaves_of(one.model.params), strict=True):
        np.testing.assert_allclose(np.abs(after.weight_ih - before.weight_ih), 0.01, rtol=1e-3)
    whole = rl.fit(model, task, recipe, updates=120, batch_size=8, rng=np.random.default_rng(4))
    assert whole.history.loss[-1] < 0.2 * whole.history.loss[0]
    begun = np.random.default_rng(4)
    half = rl.fit(model, task, recipe, updates=70, batch_size=8, rng=begun)
    rest = rl.fit(half.model, task, recipe, updates=50, batch_size=8, rng=begun, state=half.state)
    np.testing.assert_array_equal(leaves_of(rest.model.params)[3].weight_ih, leaves_of(whole.model.params)[3].weight_ih)
    x, target, *_ = task.draw(np.random.default_rng(4), 8)  # the first batch
    error = rl.predict(model, x)[-1] - np.reshape(target, (8, 1))
    assert np.mean(error**2) == pytest.approx(whole.history.loss[0], rel=1e-12)


def test_a_fit_of_a_network_is_kept_in_a_file(tmp_path: Path) -> None:
    """Every array, in its place."""
    rng = np.random.default_rng(3)
    both = rl.Bidirectional(*(rl.RNNParams.init(1, 2, rng=rng) for _ in range(2)))
    net = rl.Stack((both, rl.RNNParams.init(4, 4, rng=rng)))
    model = rl.Model(net, rl.Readout.init(4, 1, rng=rng))
    done = rl.fit(model, rl.tasks.latch(seq_len=6), rl.Recipe(0.01), updates=2, batch_size=8, rng=rng)
    rl.save_fit(tmp_path / "fit.npz", done)
    read = rl.load_fit(tmp_path / "fit.npz")
    assert isinstance(read.model.params.layers[0], rl.Bidirectional)
    for mine, other in zip(leaves_of(read.model.params), leaves_of(done.model.params), strict=True):
        np.testing.assert_array_equal(mine.weight_ih, other.weight_ih)
        np.testing.assert_array_equal(mine.weight_hh, other.weight_hh)


def test_exponents_of_a_stack_are_those_of_its_layers() -> None:
    """Linear layers have those of their matrices, whatever stands below."""
    below, above = (rl.RNNParams([[1.0]], [[w]], [0.0]) for w in (0.5, 0.25))
    found = rl.lyapunov_spectrum(rl.Stack((below, above)), np.zeros((50, 1)), nonlinearity="linear")
    np.testing.assert_allclose(found, np.log([0.5, 0.25]), rtol=1e-12)
    largest = rl.lyapunov_spectrum(rl.Stack((above, below)), np.zeros((50, 1)), k=1, nonlinearity="linear")
    np.testing.assert_allclose(largest, np.log([0.5]), rtol=1e-12)


def test_anatomy_takes_the_parts_of_a_tape() -> None:
    """And says so of the whole."""
    below, above = (rl.RNNParams([[1.0]], [[w]], [0.0]) for w in (0.5, 0.25))
    tape = rl.forward(rl.Stack((below, above)), np.zeros((3, 1)), nonlinearity="linear")
    np.testing.assert_array_equal(rl.anatomy.jacobians(tape.parts[1])[:, 0, 0], [0.25] * 3)
    with pytest.raises(TypeError, match="as those of tape"):
        rl.anatomy.loss_triangle(tape)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda a, b: rl.Stack(()), "params.layers is (): expected a tuple of one or more layers"),
        (lambda a, b: rl.Stack((a, 3)), "params.layers[1] is 3: expected one of RNNParams"),
        (
            lambda a, b: rl.Stack((a, a)),
            "params.layers[1] has 2 inputs: expected 3, as many as the layer below has outputs",
        ),
        (
            lambda a, b: rl.Bidirectional(a, b),
            "params.backward has 3 inputs: expected 2, as many as the other direction has",
        ),
        (lambda a, b: rl.Stack((rl.AttentionParams.init(2, 3, rng=np.random.default_rng(0)), b)), "attention is alone"),
    ],
)
def test_what_does_not_fit_is_named(make: Any, message: str) -> None:
    """One sentence with the place."""
    rng = np.random.default_rng(0)
    a, b = rl.RNNParams.init(2, 3, rng=rng), rl.RNNParams.init(3, 3, rng=rng)
    with pytest.raises((TypeError, ValueError)) as error:
        rl.forward(make(a, b), np.zeros((2, 2)))
    assert message in str(error.value)


def test_batch_first_is_a_word_away() -> None:
    """The same run, and a hint where swapping would fit."""
    rng = np.random.default_rng(0)
    params, x = rl.RNNParams.init(2, 3, rng=rng), rng.standard_normal((5, 4, 2))
    swapped = x.swapaxes(0, 1)
    np.testing.assert_array_equal(rl.forward(params, swapped, batch_first=True).h, rl.forward(params, x).h)
    for wrong in ({"length": [1, 2, 3, 4]}, {"h0": np.zeros((4, 3))}):
        with pytest.raises(ValueError, match="pass batch_first=True"):
            rl.forward(params, swapped, **wrong)
