"""Forward and back on two cores have the bits of one, and an error on either is raised."""

from typing import Any

import numpy as np
import pytest

import rnnlab as rl
from rnnlab import two_cores
from rnnlab.kernels.cells.cell import allocate, shapes_of
from rnnlab.kernels.cells.pipeline import FINISHED, finish_behind, step_ahead
from rnnlab.kernels.sequences import WHOLE
from rnnlab.kernels.team import AWAY

KINDS = (rl.RNNParams, rl.LSTMParams, rl.GRUParams)  # of two, five and eight stretches; each takes seconds to compile
STEPS, BATCH = 600, 16
LOSSES = {
    "of the last step": ({}, {}, False),
    "of every step": ({}, {}, True),
    "lengths": ({"length": np.arange(BATCH) * 40}, {}, False),
    "windows": ({}, {"window": 7}, False),
}


@pytest.fixture(autouse=True)
def worth_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every cell is worth a second thread."""
    monkeypatch.setattr(two_cores, "WORTH", 0)


def run(kind: Any, loss: str = "of the last step") -> tuple[rl.Tape, Any, dict[str, Any]]:
    rng = np.random.default_rng(0)
    of_forward, of_backward, every = LOSSES[loss]
    tape = rl.forward(kind.init(3, 8, rng=rng), rng.standard_normal((STEPS, BATCH, 3)), **of_forward)
    return tape, rng.standard_normal((STEPS, BATCH, 8)[not every :]), of_backward


def arrays(found: Any) -> list[Any]:
    return [array for part in found for array in (arrays(part) if isinstance(part, tuple) else [part])]


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize(("batch", "inputs", "hidden"), [(16, 3, 8), (24, 64, 40), (40, 1, 100), (64, 33, 130)])
@pytest.mark.parametrize("kind", KINDS)
def test_halves_have_the_states_of_the_whole(
    kind: Any, batch: int, inputs: int, hidden: int, dtype: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(0)
    params = kind.init(inputs, hidden, rng=rng, dtype=dtype)
    x, h0, length = (
        rng.standard_normal((30, batch, inputs)),
        rng.standard_normal((batch, hidden)),
        np.arange(batch) % 31,
    )
    start = (h0, -h0) if kind is rl.LSTMParams else h0
    for how in ({}, {"h0": start}, {"length": length}):
        tapes = []
        for cores in (1, 2):
            monkeypatch.setattr(two_cores, "available_cores", lambda cores=cores: cores)
            tapes.append(rl.forward(params, x.astype(dtype), **how))
        for one, two in zip(*(tape.record for tape in tapes), strict=True):
            np.testing.assert_array_equal(one, two)


def test_what_is_halved_has_whole_blocks_of_sequences_and_large_products(monkeypatch: pytest.MonkeyPatch) -> None:
    params = rl.LSTMParams.init(3, 8, rng=np.random.default_rng(0))

    def halved(batch: int) -> bool:
        return two_cores.has_halves(params, rl.forward(params, np.zeros((30, batch, 3))).record)

    assert halved(16)
    assert halved(24)
    assert not halved(20)
    assert not halved(8)
    monkeypatch.setattr(two_cores, "WORTH", 30 * 16 * 256 + 1)
    assert not halved(16)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("kind", KINDS)
def test_two_cores_give_the_bits_of_one(kind: Any, loss: str, monkeypatch: pytest.MonkeyPatch) -> None:
    tape, dh, how = run(kind, loss)
    with monkeypatch.context() as alone:
        alone.setattr(two_cores, "available_cores", lambda: 1)
        wanted = rl.backward(tape, dh, **how)
    pipelines = []

    def in_pipeline(*given: Any) -> None:
        pipelines.append(given)
        run_there(*given)

    run_there = two_cores.in_pipeline
    monkeypatch.setattr(two_cores, "in_pipeline", in_pipeline)
    monkeypatch.setattr(two_cores, "available_cores", lambda: 2)
    for mine, theirs in zip(arrays(rl.backward(tape, dh, **how)), arrays(wanted), strict=True):
        np.testing.assert_array_equal(mine, theirs)
    assert len(pipelines) == 1


@pytest.mark.parametrize("failing", ["step_ahead", "finish_behind"])
def test_an_error_on_either_core_is_raised_and_nobody_waits(failing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise ValueError("it failed")

    tape, dh, _ = run(rl.LSTMParams)
    monkeypatch.setattr(two_cores, "available_cores", lambda: 2)
    monkeypatch.setattr(two_cores, failing, fail)
    with pytest.raises(ValueError, match="it failed"):
        rl.backward(tape, dh)


@pytest.mark.parametrize("waits", [True, False])
def test_the_thread_that_waits_writes_the_inputs_of_a_stretch(waits: bool) -> None:
    rng = np.random.default_rng(0)
    tape = rl.forward(rl.RNNParams.init(3, 8, rng=rng), rng.standard_normal((5, 2, 3)))
    dloss, shapes = rng.standard_normal((1, 2, 8)), shapes_of(tape.params, 5, 2)
    work = allocate(np.zeros, shapes.work, float)
    even, odd = (allocate(lambda shape, kind: np.full(shape, np.nan, kind), shapes.gradients, float) for _ in range(2))
    board = np.zeros((2, 8), np.int64)
    board[FINISHED] = AWAY if waits else -1  # as it stands when the single stretch is done
    step_ahead(tape.params, tape.record, dloss, (even, odd), work, WHOLE, board)
    assert np.isnan(even.x).all() == waits
    finish_behind(tape.params, tape.record, (even, odd), board)
    for mine, theirs in zip(arrays((even.params, even.x)), arrays(rl.backward(tape, dloss[0])[:2]), strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_what_is_small_or_one_stretch_stays_on_one_core(monkeypatch: pytest.MonkeyPatch) -> None:
    def large(steps: int) -> bool:
        tape = rl.forward(params, np.zeros((steps, BATCH, 3)))
        gradients = params.cell().shapes(steps, BATCH, 3, 8).gradients
        rows = min(steps, 256)
        return two_cores.in_stretches(params, tape.record, gradients._replace(a=np.zeros((rows, BATCH, 8))))

    params = rl.RNNParams.init(3, 8, rng=np.random.default_rng(0))
    assert large(257)
    assert not large(256)
    monkeypatch.setattr(two_cores, "WORTH", 257 * BATCH * 64 + 1)
    assert not large(257)


def test_a_network_of_parts_goes_back_as_it_did() -> None:
    rng = np.random.default_rng(0)
    stack = rl.Stack.init(rl.RNNParams, 3, 8, 2, rng=rng)
    tape = rl.forward(stack, rng.standard_normal((STEPS, BATCH, 3)))
    above = rl.backward(rl.forward(stack.layers[1], tape.parts[0].h[1:]), np.ones((BATCH, 8)))
    found = rl.backward(tape, np.ones((BATCH, 8)))
    np.testing.assert_array_equal(found.params.layers[1].weight_hh, above.params.weight_hh)
