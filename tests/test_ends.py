"""A loss's derivatives after a sequence's end have no part in it, wherever they are given; those of its last state have."""

from typing import Any

import numpy as np
import pytest

import rnnlab as rl
from rnnlab.kernels.cells.cell import leaves_of, with_leaves

STEPS, BATCH, LENGTH = 7, 3, np.array([7, 3, 0])
INSIDE = (np.arange(STEPS)[:, None] < LENGTH)[..., None]
RNG = np.random.default_rng(0)
NETWORKS = {
    "RNN": rl.RNNParams.init(2, 4, rng=RNG),
    "LSTM": rl.LSTMParams.init(2, 4, rng=RNG),
    "attention": rl.AttentionParams.init(2, 4, rng=RNG),
    "Stack": rl.Stack((rl.GRUParams.init(2, 3, rng=RNG), rl.RNNParams.init(3, 4, rng=RNG))),
    "Bidirectional": rl.Bidirectional(rl.RNNParams.init(2, 2, rng=RNG), rl.RNNParams.init(2, 2, rng=RNG)),
}
X, DH = RNG.standard_normal((STEPS, BATCH, 2)), RNG.standard_normal((STEPS, BATCH, 4))


def flat(value: Any) -> list[Any]:
    """All arrays of nested tuples."""
    return [leaf for part in value for leaf in flat(part)] if isinstance(value, tuple) else [value]


def same(one: Any, other: Any) -> bool:
    return all(np.array_equal(a, b, equal_nan=a is not None) for a, b in zip(flat(one), flat(other), strict=True))


def ways(network: Any) -> dict[str, Any]:
    """All that take derivatives by every state, and by the last."""
    tape = rl.forward(network, X, length=LENGTH)
    made = {"backward": lambda dh: rl.backward(tape, dh), "gradient_flow": lambda dh: rl.gradient_flow(tape, dh)}
    if not isinstance(network, rl.AttentionParams):
        workspace = rl.Workspace(network, STEPS, BATCH)
        workspace.forward(network, X, length=LENGTH)
        made["workspace"] = lambda dh: tuple(np.copy(array) for array in flat(workspace.backward(dh)))
    return made


@pytest.mark.parametrize("name", NETWORKS)
def test_what_follows_an_end_is_not_looked_at(name: str) -> None:
    for way in ways(NETWORKS[name]).values():
        expected = way(np.where(INSIDE, DH, 0.0))
        assert same(way(np.where(INSIDE, DH, np.nan)), expected)
        assert not same(way(np.where(INSIDE, DH + 1, 0.0)), expected)


@pytest.mark.parametrize("name", NETWORKS)
def test_the_flow_of_a_sequence_is_that_of_it_alone(name: str) -> None:
    """Its factor a step is over its own steps: over the batch's, 0.20 of one step in 50 was told as 0.97."""
    network, dh = NETWORKS[name], DH[-1]
    together = flows_of(rl.gradient_flow(rl.forward(network, X, length=LENGTH), dh))
    for sequence, length in enumerate(LENGTH[:-1]):
        alone = flows_of(rl.gradient_flow(rl.forward(network, X[:length, sequence]), dh[sequence]))
        for flow, expected in zip(together, alone, strict=True):
            np.testing.assert_allclose(flow.growth_rate[sequence], expected.growth_rate, rtol=1e-12)  # 60 roundings
            assert flow.float64_lost[sequence] == expected.float64_lost
    assert all(np.isnan(flow.growth_rate[-1]) for flow in together)  # no step, no factor


def flows_of(flow: Any) -> list[rl.GradientFlow]:
    """The flows of all cells of a network."""
    return [flow] if isinstance(flow, rl.GradientFlow) else [cell for part in flow for cell in flows_of(part)]


@pytest.mark.parametrize("name", ["RNN", "Stack"])
def test_the_last_state_is_that_of_the_last_step(name: str) -> None:
    """Given alone, it is the derivative at each sequence's own last step; of a sequence without steps that of h_0."""
    at_last = np.zeros_like(DH)
    at_last[LENGTH[:2] - 1, [0, 1]] = DH[-1, :2]
    tape = rl.forward(NETWORKS[name], X, length=LENGTH)
    alone, every = rl.backward(tape, DH[-1]), rl.backward(tape, at_last)
    assert same(alone.params, every.params)
    top = [(found.h0 if name == "RNN" else found.h0[-1]) for found in (alone, every)]
    np.testing.assert_array_equal(top[0][:2], top[1][:2])
    np.testing.assert_array_equal(top[0][2], DH[-1, 2])
    np.testing.assert_array_equal(top[1][2], 0)


@pytest.mark.parametrize("name", ["RNN", "Stack"])
def test_fit_counts_as_backward_does(name: str) -> None:
    """A step of gradient descent is the gradient of outputs at all steps, those after an end among them."""
    readout = rl.Readout.init(4, 1, rng=np.random.default_rng(1))
    target = np.random.default_rng(2).standard_normal((STEPS, BATCH, 1))
    task = rl.Task(lambda rng, size: rl.Batch(X, target, LENGTH), "squared_error", inputs=2, outputs=1)
    before = rl.Model(NETWORKS[name], readout)
    after = rl.fit(before, task, rl.Recipe(1.0), updates=1, batch_size=BATCH, rng=np.random.default_rng(0)).model
    tape = rl.forward(before.params, X, length=LENGTH)
    dh = 2 * (tape.h[1:] @ readout.weight.T + readout.bias - target) / LENGTH.sum() @ readout.weight
    held = dh.copy()  # the control: were steps after an end counted, they would go to its last state
    held[2, 1] += dh[3:, 1].sum(axis=0)
    expected, other = (leaves_of(rl.backward(tape, given).params)[-1].weight_hh for given in (dh, held))
    step = leaves_of(before.params)[-1].weight_hh - leaves_of(after.params)[-1].weight_hh
    np.testing.assert_allclose(step, expected, rtol=1e-10, atol=1e-14)
    assert np.abs(step - other).max() > 1e-3


@pytest.mark.parametrize("kind", [rl.Stack, rl.Bidirectional])
def test_no_update_sees_the_gradient_of_the_one_before(kind: Any) -> None:
    """Three updates of `fit` against the same by hand: what the way back leaves in a part is not a loss of its next."""
    rng = np.random.default_rng(0)
    first, second = (rl.RNNParams.init(size, 3, rng=rng) for size in (1, 3 if kind is rl.Stack else 1))
    net = rl.Stack((first, second)) if kind is rl.Stack else rl.Bidirectional(first, second)
    readout = rl.Readout.init(3 if kind is rl.Stack else 6, 1, rng=rng)
    task, rate = rl.tasks.latch(seq_len=6), 0.1
    done = rl.fit(
        rl.Model(net, readout), task, rl.Recipe(rate, "sgd"), updates=3, batch_size=4, rng=np.random.default_rng(1)
    )
    rng = np.random.default_rng(1)
    for _ in range(3):
        x, target, length = task.draw(rng, 4)
        tape = rl.forward(net, x, length=length)
        y = tape.h[-1] @ readout.weight.T + readout.bias
        dy = 2 * (y - np.reshape(target, y.shape)) / y.size
        found = leaves_of(rl.backward(tape, dy @ readout.weight).params)
        readout = rl.Readout(readout.weight - rate * dy.T @ tape.h[-1], readout.bias - rate * dy.sum(axis=0))
        moved = (
            type(leaf)(*(array - rate * slope for array, slope in zip(leaf, slopes, strict=True)))
            for leaf, slopes in zip(leaves_of(net), found, strict=True)
        )
        net = with_leaves(net, moved)
    for mine, other in zip(leaves_of(done.model.params), leaves_of(net), strict=True):
        for array, expected in zip(mine, other, strict=True):
            np.testing.assert_allclose(array, expected, rtol=0, atol=1e-15)  # a few roundings of numbers below 1
