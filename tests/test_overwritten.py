"""What is done to arrays after `forward` changes nothing on the way back: weights, inputs, lengths, initial states."""

from typing import Any

import numpy as np
import pytest

import rnnlab as rl
from rnnlab.kernels.cells import CELLS
from rnnlab.kernels.cells.cell import leaves_of, parts_of, sizes_of, with_leaves

STEPS, BATCH = 6, 3


def drawn(kind: Any) -> Any:
    return kind.init(2, 4, rng=np.random.default_rng(0))


NETWORKS = {kind.__name__: drawn(kind) for kind in CELLS}
NETWORKS["Stack"] = rl.Stack((drawn(rl.GRUParams), rl.RNNParams.init(4, 4, rng=np.random.default_rng(1))))
NETWORKS["Bidirectional"] = rl.Bidirectional(drawn(rl.GRUParams), drawn(rl.LSTMParams))


def arguments(name: str) -> tuple[Any, dict[str, Any]]:
    """The network and its inputs, all in fresh arrays."""
    given = NETWORKS[name]
    leaves = (type(leaf)(*(array.copy() for array in leaf)) for leaf in leaves_of(given))
    x = np.random.default_rng(2).standard_normal((STEPS, BATCH, 2))
    return with_leaves(given, leaves), {"x": x, "length": np.array([6, 0, 4]), "h0": start(given)}


def start(network: Any) -> Any:
    """An initial state, nested as the network is; attention has none."""
    if parts_of(network):
        return tuple(start(part) for part in parts_of(network))
    rows = tuple(np.full((BATCH, sizes_of(network)[1]), 0.3) for _ in type(network).cell().states)
    return rows if len(rows) > 1 else next(iter(rows), None)


def overwrite(params: Any, given: dict[str, Any]) -> None:
    for array in [array for leaf in leaves_of(params) for array in leaf]:
        array *= 3
    for array in flat(tuple(given.values())):
        if array is not None:
            array[...] = 1


def flat(value: Any) -> list[Any]:
    """All arrays of nested tuples."""
    return [leaf for part in value for leaf in flat(part)] if isinstance(value, tuple) else [value]


@pytest.mark.parametrize("name", NETWORKS)
def test_the_way_back_is_that_of_what_was_given(name: str) -> None:
    params, given = arguments(name)
    tape = rl.forward(params, **given)
    dh = np.ones(tape.h.shape[1:])
    before = flat((rl.backward(tape, dh), rl.gradient_flow(tape, dh)))
    overwrite(params, given)
    after = flat((rl.backward(tape, dh), rl.gradient_flow(tape, dh)))
    other = flat((rl.backward(rl.forward(params, **given), dh), rl.gradient_flow(rl.forward(params, **given), dh)))
    for was, now in zip(before, after, strict=True):
        np.testing.assert_array_equal(was, now)
    assert not all(np.array_equal(was, now) for was, now in zip(before, other, strict=True))  # it would have mattered


@pytest.mark.parametrize("name", ["RNNParams", "Stack", "Bidirectional"])
def test_so_it_is_of_a_workspace(name: str) -> None:
    params, given = arguments(name)
    workspace = rl.Workspace(params, STEPS, BATCH)
    dh = np.ones_like(workspace.forward(params, **given))
    before = [np.copy(array) for array in flat(workspace.backward(dh))]
    workspace.forward(params, **given)
    overwrite(params, given)
    for was, now in zip(before, flat(workspace.backward(dh)), strict=True):
        np.testing.assert_array_equal(was, now)
    workspace.forward(params, **given)  # which takes them as they are now
    assert not np.array_equal(before[0], flat(workspace.backward(dh))[0])
