"""What the cells' functions accept, what they refuse and how they say it; kernels in user code; the work space."""

from functools import cache
from typing import Any

import numba
import numpy as np
import pytest

import rnnlab as rl
from rnnlab import kernels
from rnnlab.kernels.cells import recurrence
from rnnlab.kernels.cells.cell import allocate
from tests.cells_reference import CELLS, RECURRENT

RNG = np.random.default_rng(0)
RNN = rl.RNNParams.init(2, 3, rng=np.random.default_rng(0))
LSTM = rl.LSTMParams.init(2, 3, rng=np.random.default_rng(0))
ATTENTION = rl.AttentionParams.init(2, 3, rng=np.random.default_rng(0))
X = RNG.standard_normal((5, 4, 2))
ZEROS = np.zeros((4, 3))
NETWORKS = {"rnn": RNN, "lstm": LSTM, "stack": rl.Stack((RNN, rl.LSTMParams.init(3, 3, rng=np.random.default_rng(0))))}


@cache
def tape_of(name: str = "rnn") -> Any:
    """What a forward pass leaves; not where tests are collected, which every process does."""
    return rl.forward(NETWORKS[name], X)


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        (lambda: rl.forward((1, 2), X), TypeError, r"params is \(1, 2\): expected one of RNNParams"),
        (lambda: rl.forward(RNN._replace(bias=np.zeros(2)), X), ValueError, r"params.bias has shape \(2,\): expected"),
        (lambda: rl.forward(RNN._replace(weight_hh=np.zeros((3, 2))), X), ValueError, r"weight_hh has shape \(3, 2\)"),
        (lambda: rl.forward(RNN._replace(weight_ih=np.zeros((0, 2))), X), ValueError, r"weight_ih has shape \(0, 2\)"),
        (lambda: rl.forward(RNN._replace(weight_ih=np.zeros(3)), X), ValueError, "expected a matrix"),
        (lambda: rl.forward(LSTM._replace(weight_ih=np.zeros((5, 2))), X), ValueError, "a multiple of 4 rows"),
        (lambda: rl.forward(RNN._replace(bias=["a"] * 3), X), TypeError, "params.bias is .*expected real numbers"),
        (lambda: rl.forward(RNN._replace(bias=[0, np.nan, 0]), X), ValueError, "params.bias has the value nan"),
        (lambda: rl.forward(RNN, X[:, :, :1]), ValueError, r"x has shape \(5, 4, 1\): expected \(T, 2\) or"),
        (lambda: rl.forward(RNN, X[:0]), ValueError, "T, B >= 1"),
        (lambda: rl.forward(RNN, X[:, :0]), ValueError, "T, B >= 1"),
        (lambda: rl.forward(RNN, X[0, 0]), ValueError, "x has shape .* expected 2 or 3 dimensions"),
        (lambda: rl.forward(RNN, X + np.inf), ValueError, "x has the value inf"),
        (lambda: rl.forward(RNN, X * 1j), TypeError, "expected real numbers"),
        (lambda: rl.forward(RNN, X, h0=np.zeros(4)), ValueError, r"h0 has shape \(4,\): expected \(3,\) or \(4, 3\)"),
        (lambda: rl.forward(LSTM, X, h0=ZEROS), TypeError, "expected a pair"),
        (lambda: rl.forward(LSTM, X, h0=(ZEROS, ZEROS[0, 0])), ValueError, "c0 has shape"),
        (lambda: rl.forward(ATTENTION, X, h0=ZEROS), ValueError, "attention has no state that goes on"),
        (lambda: rl.forward(RNN, X, nonlinearity="gelu"), ValueError, "nonlinearity is 'gelu'"),
        (lambda: rl.forward(LSTM, X, nonlinearity="relu"), ValueError, "LSTMParams cell has no choice"),
        (lambda: rl.forward(RNN, X, length=6), ValueError, "length has values 6 to 6: expected 0 to 5"),
        (lambda: rl.forward(RNN, X, length=-1), ValueError, "expected 0 to 5"),
        (lambda: rl.forward(RNN, X, length=[1, 2]), ValueError, r"length has shape \(2,\)"),
        (lambda: rl.forward(RNN, X, length=1.5), TypeError, "expected integers"),
        (lambda: rl.backward(tape_of(), np.zeros(3)), ValueError, r"dh has shape|dh has 1"),
        (
            lambda: rl.backward(tape_of(), np.zeros((5, 3))),
            ValueError,
            r"dh has shape \(5, 3\): expected \(4, 3\) for the last",
        ),
        (lambda: rl.backward(tape_of(), np.zeros((4, 4, 3))), ValueError, r"or \(5, 4, 3\) for every step"),
        (lambda: rl.backward(tape_of(), ZEROS, ZEROS), ValueError, "expected none, only an LSTM has it; of its parts"),
        (lambda: rl.Workspace(RNN, 5, 4).backward(ZEROS), ValueError, "expected a forward before it"),
        (lambda: rl.backward(tape_of(), None), TypeError, "dh is None: expected real numbers"),
        (lambda: rl.backward(tape_of(), None, dh_n=ZEROS[0, :1]), ValueError, r"dh_n has shape .*: expected"),
        (lambda: rl.backward(tape_of(), None, dh_n="x"), TypeError, "dh_n is 'x': expected real numbers"),
        (lambda: rl.gradient_flow(tape_of("lstm"), None, dh_n=ZEROS), TypeError, r"expected a pair \(dh_n, dc_n\)"),
        (
            lambda: rl.gradient_flow(tape_of("stack"), None, dh_n=ZEROS),
            TypeError,
            "expected a tuple of 2, one for each part",
        ),
        (
            lambda: rl.gradient_flow(tape_of("stack"), None, dh_n=(None, (ZEROS[0, 0], None))),
            ValueError,
            r"layers\[1\]\.dh_n has shape",
        ),
        (lambda: rl.backward(rl.forward(LSTM, X), ZEROS, ZEROS[:2]), ValueError, r"dc has shape \(2, 3\)"),
        (lambda: rl.backward(tape_of(), ZEROS, window=0), ValueError, "window is 0: expected an integer of at least 1"),
        (lambda: rl.backward(rl.forward(ATTENTION, X), ZEROS, window=2), ValueError, "window is 2: expected None"),
        (lambda: rl.backward("tape", ZEROS), TypeError, "tape is 'tape': expected what forward returned"),
        (lambda: rl.gradient_flow(tape_of(), ZEROS + np.nan), ValueError, "dh has the value nan"),
    ],
)
def test_bad_arguments_are_one_sentence(call: Any, error: Any, says: str) -> None:
    with pytest.raises(error, match=says) as caught:
        call()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "change",
    [
        {"h": np.zeros((6, 4, 2))},
        {"slope": np.zeros((4, 4, 3))},
        {"slope": np.zeros((5, 3, 4)).transpose(0, 2, 1)},
        {"slope": np.zeros((5, 4, 3), np.float32)},
        {"length": np.full(4, 6)},
        {"length": np.full(4, 5, np.int32)},
        {"x": np.zeros((5, 4, 3))},
    ],
    ids=str,
)
def test_a_changed_tape_is_refused(change: dict[str, Any]) -> None:
    """Kernels do not check: a tape that does not fit together would be read out of bounds."""
    for function in (rl.backward, rl.gradient_flow):
        with pytest.raises((ValueError, TypeError), match=r"tape|params"):
            function(tape_of()._replace(record=tape_of().record._replace(**change)), ZEROS)


def test_a_tape_of_another_cell_is_refused() -> None:
    with pytest.raises((ValueError, TypeError), match="expected a"):
        rl.backward(tape_of()._replace(params=LSTM), ZEROS)


def test_any_layout_compiles_once_and_gives_the_same() -> None:
    expected = rl.backward(tape_of(), ZEROS + 1).x
    before = len(recurrence.forward.signatures) if hasattr(recurrence.forward, "signatures") else None
    frozen = X.copy()
    frozen.setflags(write=False)
    versions = [
        (RNN, np.asfortranarray(X)),
        (RNN, X.tolist()),
        (RNN, frozen),
        (RNN, np.repeat(X, 2, axis=0)[::2]),
        (RNN, X.astype(">f8")),
        (rl.RNNParams(*(array.tolist() for array in RNN)), X),
        (RNN._replace(weight_hh=np.asfortranarray(RNN.weight_hh)), X),
    ]
    for params, x in versions:
        np.testing.assert_array_equal(rl.backward(rl.forward(params, x), ZEROS + 1).x, expected)
    ints = rl.forward(RNN, np.ones((5, 2), int))
    np.testing.assert_array_equal(ints.h, rl.forward(RNN, np.ones((5, 2))).h)
    if before is not None:
        assert len(recurrence.forward.signatures) == before


def test_unbatched_shapes() -> None:
    tape = rl.forward(LSTM, X[:, 0], h0=(np.zeros(3), np.ones(3)))
    assert tape.h.shape == tape.c.shape == (6, 3)
    gradients = rl.backward(tape, np.ones(3), np.ones(3))
    assert gradients.x.shape == (5, 2)
    assert [array.shape for array in gradients.h0] == [(3,), (3,)]
    flow = rl.gradient_flow(tape, np.ones((5, 3)))
    assert flow.log10_norm.shape == flow.log10_norm_c.shape == (6,)


@pytest.mark.parametrize("kind", [CELLS[name] for name in RECURRENT])
def test_truncated_bptt_stops_between_windows(kind: Any) -> None:
    """Of a loss at the end the last window alone has gradients, those of whole BPTT; a window of T steps is no window."""
    params = kind.init(2, 3, rng=np.random.default_rng(0), scheme="gaussian")
    tape, dh = rl.forward(params, X), np.ones((4, 3))
    whole, cut = rl.backward(tape, dh), rl.backward(tape, dh, window=2)
    np.testing.assert_array_equal(cut.x[-2:], whole.x[-2:])
    assert not cut.x[:-2].any()
    assert whole.x[:-2].all()
    for one, other in zip(rl.backward(tape, dh, window=5).params, whole.params, strict=True):
        np.testing.assert_array_equal(one, other)


def test_length_zero_returns_the_initial_state() -> None:
    for params, h0 in ((RNN, ZEROS + 2), (LSTM, (ZEROS + 2, ZEROS))):
        tape = rl.forward(params, X, h0, length=[0, 5, 2, 0])
        np.testing.assert_array_equal(tape.h[-1, [0, 3]], 2.0)
        gradients = rl.backward(tape, ZEROS + 1)
        np.testing.assert_array_equal(gradients.x[:, 0], 0)
        np.testing.assert_array_equal((gradients.h0[0] if params is LSTM else gradients.h0)[0], 1.0)


@numba.njit
def my_training_step(params: Any, tape: Any, work: Any, gradients: Any, dloss: Any) -> Any:
    """As a user writes it: kernels called from compiled code."""
    kernels.rnn_forward(kernels.TANH, params, tape, work)
    work.now[:] = 0
    kernels.rnn_backward(params, tape, dloss, gradients, work)
    return gradients.params.weight_hh.sum()


def test_kernels_in_user_code() -> None:
    shapes = rl.RNNParams.cell().shapes(5, 4, 2, 3)
    tape, work, gradients = (allocate(np.zeros, part, np.float64) for part in shapes[1:])
    tape.x[:] = X
    tape.length[:] = 5
    got = my_training_step(RNN, tape, work, gradients, np.ones((1, 4, 3)))
    expected = rl.backward(tape_of(), np.ones((4, 3)))
    assert got == pytest.approx(expected.params.weight_hh.sum(), rel=1e-13)
    np.testing.assert_array_equal(gradients.x, expected.x)


def test_kernels_name_what_they_take_and_return() -> None:
    assert {"FINITE", "LOSS", "GRADIENT", "PARAMETERS", "WHOLE", "attention_flow"} <= set(kernels.__all__)
    assert all(hasattr(kernels, name) for name in kernels.__all__)
    assert kernels.one_unit_training.train


@pytest.mark.parametrize("kind", [CELLS[name] for name in RECURRENT])
@pytest.mark.parametrize("threads", [1, 2, 3])
def test_work_space_equals_the_functions(kind: Any, threads: int) -> None:
    steps, batch, hidden = 50, 70, 64  # large enough for two parts
    rng = np.random.default_rng(1)
    params = kind.init(3, hidden, rng=rng)
    workspace = rl.Workspace(params, steps, batch, threads)
    for _ in range(2):  # buffers are used again
        x, dh = rng.standard_normal((steps, batch, 3)), rng.standard_normal((batch, hidden))
        h, got = workspace.forward(params, x), workspace.backward(dh)
        tape = rl.forward(params, x)
        expected = rl.backward(tape, dh)
        np.testing.assert_allclose(h, tape.h[-1], rtol=1e-12, atol=1e-14)
        np.testing.assert_allclose(got.x, expected.x, rtol=1e-10, atol=1e-13)
        for one, other in zip(got.params, expected.params, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-10, atol=1e-11)


def test_work_space_sees_changed_weights_and_refuses_others() -> None:
    workspace = rl.Workspace(RNN, 5, 4)
    params = rl.RNNParams(*(array.copy() for array in RNN))
    workspace.forward(params, X)
    params.weight_hh[:] = 0
    np.testing.assert_array_equal(workspace.forward(params, X), rl.forward(params, X).h[-1])
    with pytest.raises(ValueError, match="dh has shape"):
        workspace.backward(np.zeros(3))
    for call, error, says in (
        (lambda: workspace.forward(LSTM, X), TypeError, "expected what was given at first"),
        (lambda: workspace.forward(rl.RNNParams.init(2, 4, rng=RNG), X), ValueError, "other shapes"),
        (lambda: workspace.forward(params._replace(bias=[np.nan] * 3), X), ValueError, "bias has the value nan"),
        (lambda: workspace.forward(RNN, X[1:]), ValueError, r"x has shape \(4, 4, 2\): expected \(5, 4, 2\)"),
        # that forward broke off
        (lambda: workspace.backward(np.zeros((4, 3))), ValueError, "expected a forward before it"),
        (lambda: rl.Workspace(ATTENTION, 5, 4), TypeError, "expected a recurrent cell's"),
        (lambda: rl.Workspace(RNN, 0, 4), ValueError, "steps is 0"),
        (lambda: rl.Workspace(LSTM, 5, 4, nonlinearity="foo"), ValueError, "nonlinearity is 'foo'"),
        (lambda: rl.Workspace(LSTM, 5, 4, nonlinearity="relu"), ValueError, "LSTMParams cell has no choice"),
    ):
        with pytest.raises(error, match=says):
            call()
