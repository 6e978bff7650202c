"""The short way of `forward` and `backward` gives what the long one gives, to the bit, and takes nothing unusual."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

import rnnlab as rl
from rnnlab.api import backward_checked, forward_checked
from rnnlab.kernels.cells import CELLS
from rnnlab.kernels.cells.cell import leaves_of, sizes_of
from rnnlab.plan import make_of, plan_of
from rnnlab.ready import backward_ready, forward_ready

RECURRENT = {kind.__name__: (kind,) for kind in CELLS if kind.cell().states}
NETWORKS = {
    "layers": (rl.LSTMParams, rl.RNNParams, rl.GRUParams),
    "directions": (rl.Bidirectional, rl.LSTMParams, rl.GRUParams),
    "both": (rl.LeakyRNNParams, (rl.Bidirectional, rl.RNNParams, (rl.GRUParams, rl.LSTMParams)), rl.MinGRUParams),
}


def network(made: Any, inputs: int, hidden: int, rng: np.random.Generator, dtype: Any) -> Any:
    """A cell, layers in a tuple, or two directions."""
    if not isinstance(made, tuple):
        return made.init(inputs, hidden, rng=rng, dtype=dtype)
    if made[0] is rl.Bidirectional:
        return rl.Bidirectional(*(network(part, inputs, hidden, rng, dtype) for part in made[1:]))
    layers: list[Any] = []
    for part in made:
        layers.append(network(part, sizes_of(layers[-1])[1] if layers else inputs, hidden, rng, dtype))
    return rl.Stack(tuple(layers))


def drawn(made: Any, hidden: int, dtype: Any) -> tuple[Any, Any]:
    rng = np.random.default_rng(0)
    params = network(made[0] if len(made) == 1 else made, 2, hidden, rng, dtype)
    return params, rng.standard_normal((7, 3, 2)).astype(dtype)


def flat(value: Any) -> list[Any]:
    return [leaf for part in value for leaf in flat(part)] if isinstance(value, tuple) else [value]


@pytest.mark.parametrize("made", [*RECURRENT.values(), *NETWORKS.values()], ids=[*RECURRENT, *NETWORKS])
@pytest.mark.parametrize("batched", [True, False])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_both_ways_agree_to_the_bit(made: Any, batched: bool, dtype: Any) -> None:
    params, x = drawn(made, 4, dtype)
    x = x if batched else x[:, 0].copy()
    short, long = forward_ready(params, x, "tanh"), forward_checked(params, x, None, "tanh", None, False)
    assert short is not None
    for mine, theirs in zip(flat(short[:-1]), flat(long[:-1]), strict=True):
        np.testing.assert_array_equal(mine, theirs)
    for dh in (np.ones_like(short.h[0]), np.random.default_rng(1).standard_normal(short.h[1:].shape).astype(dtype)):
        found, wanted = backward_ready(short, dh), backward_checked(long, dh, None, None, None, False)
        assert found is not None
        for mine, theirs in zip(flat(found), flat(wanted), strict=True):
            np.testing.assert_array_equal(mine, theirs)


def written(array: Any, value: float) -> Any:
    """A copy with another number in the first place."""
    other = array.copy()
    other.flat[0] = value
    return other


def read_only(array: Any) -> Any:
    """A copy that nobody may write to."""
    other = array.copy()
    other.flags.writeable = False
    return other


UNUSUAL = {
    "list": lambda params, x: (params, x.tolist(), "tanh"),
    "nan": lambda params, x: (params, written(x, np.nan), "tanh"),
    "float32": lambda params, x: (params, x.astype(np.float32), "tanh"),
    "stride": lambda params, x: (params, x[::2], "tanh"),
    "inputs": lambda params, x: (params, x[..., :1].copy(), "tanh"),
    "read-only": lambda params, x: (params, read_only(x), "tanh"),
    "none": lambda params, x: (None, x, "tanh"),
    "nonlinearity": lambda params, x: (params, x, "tahn"),
}
WEIGHTS = {
    "fewer": lambda bias: bias[:-1],
    "infinite": lambda bias: written(bias, np.inf),
    "nan": lambda bias: written(bias, np.nan),
    "float32": lambda bias: bias.astype(np.float32),
    "list": lambda bias: bias.tolist(),
    "stride": lambda bias: np.repeat(bias, 2)[::2],
    "read-only": read_only,
}
LAYERS = {
    "none": lambda layers: (),
    "list": lambda layers: list(layers),
    "number": lambda layers: 3,
    "a number among them": lambda layers: (*layers, 3),
    "that do not fit": lambda layers: layers[::-1],
    "that do not fit below": lambda layers: (rl.Stack(layers[::-1]), layers[1]),
    "attention": lambda layers: (*layers, rl.AttentionParams.init(4, 4, rng=np.random.default_rng(0))),
}


@pytest.mark.parametrize("made", [(rl.RNNParams,), (rl.RNNParams, rl.RNNParams)], ids=["cell", "network"])
@pytest.mark.parametrize("unusual", UNUSUAL)
def test_what_is_not_ready_goes_the_long_way(unusual: str, made: Any) -> None:
    assert forward_ready(*UNUSUAL[unusual](*drawn(made, 4, np.float64))) is None


@pytest.mark.parametrize("unusual", WEIGHTS)
def test_weights_that_are_not_ready_go_the_long_way(unusual: str) -> None:
    """Of a cell, and of the last one in a network."""
    params, x = drawn((rl.RNNParams, rl.RNNParams), 4, np.float64)
    below, above = (leaf._replace(bias=WEIGHTS[unusual](leaf.bias)) for leaf in params.layers)
    assert forward_ready(below, x, "tanh") is None
    assert forward_ready(rl.Stack((params.layers[0], above)), x, "tanh") is None


@pytest.mark.parametrize("unusual", LAYERS)
def test_layers_that_are_not_ready_go_the_long_way(unusual: str) -> None:
    """Those that are none are still refused in a sentence, the list is taken."""
    params, x = drawn((rl.RNNParams, rl.RNNParams), 4, np.float64)
    other = params._replace(layers=LAYERS[unusual](params.layers))
    assert forward_ready(other, x, "tanh") is None
    if unusual == "list":
        np.testing.assert_array_equal(rl.forward(other, x).h, rl.forward(params, x).h)
    else:
        with pytest.raises((TypeError, ValueError), match=r"^params.*expected"):
            rl.forward(other, x)


def test_a_class_of_ones_own_around_layers_goes_the_long_way() -> None:
    """And comes to the same."""

    class Layers(rl.Stack):
        pass

    params, x = drawn((rl.RNNParams, rl.RNNParams), 4, np.float64)
    own = Layers(params.layers)
    assert forward_ready(own, x, "tanh") is None
    np.testing.assert_array_equal(rl.forward(own, x).h, rl.forward(params, x).h)


@pytest.mark.parametrize("made", [(rl.RNNParams,), *NETWORKS.values()], ids=["cell", *NETWORKS])
def test_a_changed_tape_goes_the_long_way(made: Any) -> None:
    """In whatever part of a network it was changed."""
    tape = rl.forward(*drawn(made, 4, np.float64))
    dh, last, weights = np.ones(tape.h.shape[1:]), leaves_of(tape.record)[-1], leaves_of(tape.params)[-1]
    assert backward_ready(tape, dh) is not None
    assert backward_ready(tape, dh[:2]) is None
    assert backward_ready(tape, dh * np.nan) is None
    for array, place, wrong in ((weights.bias, 0, np.nan), (last.length, 0, 8), (last.length, 0, -1)):
        before = array[place]
        array[place] = wrong
        assert backward_ready(tape, dh) is None
        with pytest.raises(ValueError, match="expected"):
            rl.backward(tape, dh)
        array[place] = before
    last.h.shape = (1, *last.h.shape)
    assert backward_ready(tape, dh) is None
    with pytest.raises(ValueError, match=r"^tape\.record.*expected"):
        rl.backward(tape, dh)


def test_a_tape_of_other_parts_goes_the_long_way() -> None:
    tape = rl.forward(*drawn((rl.RNNParams, rl.RNNParams), 4, np.float64))
    record, dh = tape.record, np.ones((3, 4))
    for layers in (record.layers[:1], record.layers[::-1], (record.layers[0], record)):
        changed = tape._replace(record=record._replace(layers=layers))
        assert backward_ready(changed, dh) is None
        with pytest.raises((TypeError, ValueError), match=r"^tape\.record.*expected"):
            rl.backward(changed, dh)


def test_a_loss_on_every_step_is_taken_as_it_is_where_no_sequence_ends_early() -> None:
    params, x = drawn((rl.RNNParams, rl.RNNParams), 4, np.float64)
    dh = np.ones((7, 3, 4))
    assert backward_ready(rl.forward(params, x), dh) is not None
    assert backward_ready(rl.forward(params, x, length=[7, 7, 6]), dh) is None


def test_runs_in_several_threads_have_work_space_of_their_own() -> None:
    params, x = drawn((rl.LSTMParams,), 4, np.float64)
    wanted = rl.backward(rl.forward(params, x), np.ones((3, 4)))

    def run(_: int) -> Any:
        return rl.backward(rl.forward(params, x), np.ones((3, 4)))

    with ThreadPoolExecutor(8) as threads:
        for found in threads.map(run, range(400)):
            for mine, theirs in zip(flat(found), flat(wanted), strict=True):
                np.testing.assert_array_equal(mine, theirs)


def test_work_space_is_lent_to_one_run_at_a_time_and_kept_if_small() -> None:
    rng = np.random.default_rng(0)
    small, large = (rl.RNNParams.init(2, hidden, rng=rng) for hidden in (4, 80))
    for params, kept in ((small, True), (large, False)):
        plan = plan_of(make_of(params), 7, 3, np.dtype(np.float64))
        assert plan is not None
        first, second = plan.take_work(), plan.take_work()
        assert first is not second
        plan.give_back(first)
        assert (plan.take_work() is first) is kept
