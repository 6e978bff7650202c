"""The cells' kernels, through the checked API, against complex steps, closed forms, properties; and a control."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import rnnlab as rl
from rnnlab.kernels import TANH
from rnnlab.kernels._jit import kernel
from rnnlab.kernels.cells import recurrence
from rnnlab.kernels.cells.cell import allocate
from rnnlab.kernels.cells.dispatch import cell_backward, cell_forward
from rnnlab.kernels.sequences import WHOLE
from rnnlab.nonlinearities import CODES
from tests.cells_reference import CELLS, RECURRENT, as_start, complex_step_gradients, size_of_state, states
from tests.reference import relative, sigmoid_of

KINDS = [(name, f) for name, kind in CELLS.items() for f in (CODES if kind.cell().nonlinear else ("tanh",))]
# the third is of one unit and more sequences than a vector holds, and not a multiple of them
SHAPES = [(1, 1, 1, 1), (4, 1, 2, 3), (2, 21, 1, 1), (3, 3, 1, 2), (5, 2, 3, 5)]
# sums of up to 60 products of rounded factors, cancelling by less than a factor of ten in these cases
PROMISE = 1e-12


class Case:
    """A cell on a batch of sequences of different lengths, with a loss on every state."""

    def __init__(self, cell: str, shape: tuple[int, int, int, int], nonlinearity: str = "tanh", seed: int = 0) -> None:
        steps, batch, inputs, hidden = shape
        rng = np.random.default_rng([seed, *shape])
        self.cell, self.nonlinearity = cell, nonlinearity
        drawn = CELLS[cell].init(inputs, hidden, rng=rng, scheme="gaussian", gain=0.9)
        self.params = type(drawn)(*(array + 0.1 * rng.standard_normal(array.shape) for array in drawn))
        self.x = rng.standard_normal((steps, batch, inputs))
        self.dh = rng.standard_normal((steps, batch, hidden))
        self.initial = rng.standard_normal((max(1, size_of_state(CELLS[cell])), batch, hidden))
        self.length = np.maximum(1, steps - np.arange(batch))
        self.own_dh = (
            self.dh * (np.arange(steps)[:, None] < self.length)[..., None]
        )  # what is after an end counts nowhere

    @property
    def h0(self) -> Any:
        """As the API takes the initial state."""
        return as_start(self.initial) if self.cell in RECURRENT else None

    def gradients(self) -> dict[str, Any]:
        """Every gradient by BPTT, by name."""
        tape = rl.forward(self.params, self.x, self.h0, self.nonlinearity, self.length)
        got = rl.backward(tape, self.dh)
        named = {**got.params._asdict(), "x": got.x}
        if self.cell in RECURRENT:
            named["initial"] = np.reshape(got.h0, self.initial.shape)
        return named

    def loss(self, **changed: Any) -> Any:
        """The loss of the reference with some arrays replaced."""
        arrays = {**self.params._asdict(), "x": self.x, "initial": self.initial, **changed}
        params = type(self.params)(*(arrays[name] for name in self.params._fields))
        h = states(params, arrays["x"], arrays["initial"], self.length, self.nonlinearity)
        return (h * self.own_dh).sum()

    def oracle(self, name: str) -> Any:
        """The derivative by one array, by complex steps."""
        array = {**self.params._asdict(), "x": self.x, "initial": self.initial}[name]
        return complex_step_gradients(lambda moved: self.loss(**{name: moved}), array)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize(("cell", "nonlinearity"), KINDS)
def test_every_gradient_against_complex_steps(cell: str, nonlinearity: str, shape: Any) -> None:
    case = Case(cell, shape, nonlinearity)
    for name, got in case.gradients().items():
        expected = case.oracle(name)
        if np.abs(expected).max() > 0:
            assert relative(got, expected) <= PROMISE, name
        else:
            np.testing.assert_array_equal(got, 0)


@pytest.mark.parametrize("cell", CELLS)
def test_states_equal_the_reference(cell: str) -> None:
    case = Case(cell, (6, 3, 2, 4))
    tape = rl.forward(case.params, case.x, case.h0, length=case.length)
    expected = states(case.params, case.x, case.initial, case.length)
    assert relative(tape.h[1:], expected) <= PROMISE


@kernel
def there_and_back(params: Any, tape: Any, work: Any, dloss: Any, gradients: Any) -> None:
    """As compiled code, that of training, calls a cell."""
    cell_forward(TANH, params, tape, work)
    cell_backward(params, tape, dloss, gradients, work, WHOLE)


def test_relu_in_the_type_is_so_in_compiled_code() -> None:
    case = Case("rnn", (5, 2, 3, 4), "relu")
    expected, params = case.gradients(), rl.ReLURNNParams(*case.params)
    tape, work, gradients = (allocate(np.zeros, part, np.float64) for part in params.cell().shapes(5, 2, 3, 4)[1:])
    tape.x[:], tape.h[0], tape.length[:] = case.x, case.initial[0], case.length
    there_and_back(params, tape, work, case.own_dh, gradients)
    for name, got in gradients.params._asdict().items():
        np.testing.assert_array_equal(got, expected[name])


def test_relu_in_the_type_is_relu_by_name() -> None:
    """Bit for bit, alone and in a network, by what is compiled of the vanilla cell."""
    case = Case("rnn", (5, 2, 3, 4), "relu")
    plain, named = case.params, case.gradients()
    case.params, case.nonlinearity = rl.ReLURNNParams(*plain), "tanh"  # which goes for "none but its own"
    for name, got in case.gradients().items():
        np.testing.assert_array_equal(got, named[name])
    assert isinstance(rl.backward(rl.forward(case.params, case.x), case.dh).params, rl.ReLURNNParams)
    for of_type, by_name in ((case.params, plain), (rl.Stack((case.params,)), rl.Stack((plain,)))):
        tapes = rl.forward(of_type, case.x), rl.forward(by_name, case.x, nonlinearity="relu")
        np.testing.assert_equal(*(rl.gradient_flow(tape, case.dh) for tape in tapes))
    for run in (recurrence.forward, recurrence.backward, recurrence.flow, recurrence.scaled_flow):
        assert "ReLURNN" not in str(getattr(run, "signatures", None))
    with pytest.raises(ValueError, match="expected none, a ReLURNNParams cell has no choice"):
        rl.forward(case.params, case.x, nonlinearity="sigmoid")


@pytest.mark.parametrize("cell", CELLS)
def test_a_dropped_term_fails(cell: str) -> None:
    """The control: without the share of one step the same comparison fails by far."""
    case = Case(cell, (4, 2, 2, 3))
    whole, name = case.oracle("weight_ih"), "weight_ih"
    case.dh[1] = 0  # one loss term forgotten on the way back
    assert relative(case.gradients()[name], whole) > 1e-3


@pytest.mark.parametrize("cell", CELLS)
def test_float32_is_computed_in_float32(cell: str) -> None:
    case = Case(cell, (5, 2, 3, 4))
    exact = case.gradients()
    case.params = type(case.params)(*(array.astype(np.float32) for array in case.params))
    for name, got in case.gradients().items():
        assert got.dtype == np.float32
        assert relative(got, exact[name]) <= 1e-5  # 60 roundings of 6e-8 at most double it


def test_zero_weight_lstm_keeps_sigmoid_of_the_forget_bias() -> None:
    """dc_T/dc_0 = sigmoid(b_f)^T (REFERENCE: b_f = 1 at T = 100 gives 2.484e-14)."""
    hidden, steps = 3, 100
    for bias in (0.0, 1.0, 2.0, float(np.log(99))):
        params = rl.LSTMParams(np.zeros((12, 1)), np.zeros((12, hidden)), np.repeat([0.0, bias, 0.0, 0.0], hidden))
        tape = rl.forward(params, np.zeros((steps, 1)))
        got = rl.backward(tape, np.zeros(hidden), np.ones(hidden)).h0[1]
        np.testing.assert_allclose(got, sigmoid_of(bias) ** steps, rtol=1e-13)  # 100 roundings of 1e-16


def test_orthogonal_linear_flow_is_g_to_the_lag_far_beyond_floats() -> None:
    params = rl.RNNParams.init(1, 16, rng=np.random.default_rng(1), scheme="orthogonal", gain=0.5)
    tape = rl.forward(params, np.zeros((4000, 1)), nonlinearity="linear")
    flow = rl.gradient_flow(tape, np.ones(16))
    lag = 4000 - np.arange(4001)
    np.testing.assert_allclose(flow.log10_norm, np.log10(4.0) + lag * np.log10(0.5), rtol=1e-12, atol=1e-12)
    assert flow.growth_rate == pytest.approx(0.5, rel=1e-12)
    assert int(flow.float32_lost) == 4000 - 152  # 4 x 0.5^152 is below 2^-149
    assert int(flow.float64_lost) == 4000 - 1077


def test_uniform_attention_falls_as_one_over_t() -> None:
    """Zero queries: all weights 1/T, so a single loss reaches every earlier input with the same share 1/T."""
    hidden, steps = 2, 50
    eye = np.eye(hidden)
    params = rl.AttentionParams(eye, np.zeros(hidden), 0 * eye, eye, eye, eye)
    tape = rl.forward(params, np.random.default_rng(0).standard_normal((steps, hidden)))
    dx = rl.backward(tape, np.array([1.0, 0.0])).x
    np.testing.assert_allclose(dx[:-1, 0], 1 / steps, rtol=1e-13)
    np.testing.assert_allclose(dx[-1, 0], 1 + 1 / steps, rtol=1e-13)  # the residual connection


def test_attention_flow_is_the_gradient_of_the_embedded_inputs() -> None:
    case = Case("attention", (6, 2, 3, 3))
    params = case.params._replace(weight_ih=np.eye(3))  # so that dL/dx is dL/de
    tape = rl.forward(params, case.x, length=case.length)
    flow = rl.gradient_flow(tape, case.dh)
    with np.errstate(divide="ignore"):
        expected = np.log10(np.linalg.norm(rl.backward(tape, case.dh).x, axis=-1))
    np.testing.assert_allclose(flow.log10_norm[1:], expected, rtol=1e-12, atol=1e-12)
    np.testing.assert_array_equal(flow.log10_norm[0], -np.inf)


@pytest.mark.parametrize("cell", RECURRENT)
@pytest.mark.parametrize("gain", [0.3, 3.0])
def test_flow_equals_plain_bptt(cell: str, gain: float) -> None:
    """The norm at every step against plain BPTT through the rest, beyond the 2^64 at which units change."""
    rng, steps, hidden = np.random.default_rng(5), 120, 4
    params = CELLS[cell].init(2, hidden, rng=rng, scheme="orthogonal", gain=gain)
    x, dh = 0.01 * rng.standard_normal((steps, 2)), rng.standard_normal(hidden)
    tape = rl.forward(params, x, nonlinearity="tanh")
    flow = rl.gradient_flow(tape, dh)
    assert np.abs(flow.log10_norm).max() > (20 if cell == "rnn" and gain < 1 else 0.1)
    for t in (0, 1, 60, steps - 1):
        start = as_start([getattr(tape, name)[t] for name in params.cell().states])
        plain = rl.backward(rl.forward(params, x[t:], start), dh).h0
        parts = plain if isinstance(plain, tuple) else [plain]
        norms = [flow.log10_norm[t], flow.log10_norm_c[t]][: len(parts)] if len(parts) > 1 else [flow.log10_norm[t]]
        for part, norm in zip(parts, norms, strict=True):
            assert norm == pytest.approx(float(np.log10(np.linalg.norm(part))), abs=1e-13)


def test_flow_takes_up_a_loss_after_the_gradient_has_vanished() -> None:
    """A loss at every step: the norm is that of plain BPTT even where earlier contributions are gone."""
    params = rl.RNNParams([[1.0]], [[1e-3]], [0.0])
    tape = rl.forward(params, np.zeros((400, 1)), nonlinearity="linear")
    dh = np.zeros((400, 1))
    dh[[399, 100]] = 1.0
    flow = rl.gradient_flow(tape, dh)
    assert flow.log10_norm[102] == pytest.approx(-3 * 298, rel=1e-12)
    assert flow.log10_norm[101] == pytest.approx(0.0, abs=1e-12)
    assert flow.log10_norm[0] == pytest.approx(-3 * 101, rel=1e-12)


sizes = st.tuples(st.integers(1, 6), st.integers(1, 4), st.integers(1, 4), st.integers(1, 7))


@settings(deadline=None, max_examples=15, derandomize=True)
@given(shape=sizes, cell=st.sampled_from(sorted(CELLS)))
def test_a_batch_is_its_sequences_one_by_one(shape: Any, cell: str) -> None:
    case = Case(cell, shape)
    together = rl.forward(case.params, case.x, case.h0, length=case.length)
    gradient = rl.backward(together, case.dh).x
    for b in range(shape[1]):
        h0 = as_start(case.initial[:, b]) if cell in RECURRENT else None
        alone = rl.forward(case.params, case.x[:, b], h0, length=int(case.length[b]))
        np.testing.assert_allclose(alone.h[1:], together.h[1:, b], rtol=1e-11, atol=1e-13)
        np.testing.assert_allclose(rl.backward(alone, case.dh[:, b]).x, gradient[:, b], rtol=1e-11, atol=1e-12)


@settings(deadline=None, max_examples=15, derandomize=True)
@given(shape=sizes, cell=st.sampled_from(RECURRENT))
def test_two_halves_are_one_whole(shape: Any, cell: str) -> None:
    case = Case(cell, (shape[0] + 1, *shape[1:]))
    cut = (shape[0] + 1) // 2
    whole = rl.backward(rl.forward(case.params, case.x, case.h0), case.dh)
    first = rl.forward(case.params, case.x[:cut], case.h0)
    middle = as_start([getattr(first, name)[-1] for name in case.params.cell().states])
    late = rl.backward(rl.forward(case.params, case.x[cut:], middle), case.dh[cut:])
    dh = case.dh[:cut].copy()
    both = late.h0 if isinstance(late.h0, tuple) else (late.h0, None)
    dh[-1] += both[0]
    early = rl.backward(first, dh, both[1])
    np.testing.assert_allclose(np.concatenate([early.x, late.x]), whole.x, rtol=1e-11, atol=1e-13)
    for a, b, c in zip(early.params, late.params, whole.params, strict=True):
        np.testing.assert_allclose(a + b, c, rtol=1e-10, atol=1e-12)


@settings(deadline=None, max_examples=15, derandomize=True)
@given(shape=sizes, cell=st.sampled_from(sorted(CELLS)))
def test_backward_is_linear_in_the_loss(shape: Any, cell: str) -> None:
    case = Case(cell, shape)
    tape = rl.forward(case.params, case.x, case.h0, length=case.length)
    other = np.random.default_rng(9).standard_normal(case.dh.shape)
    both = rl.backward(tape, 2 * case.dh - other).x
    np.testing.assert_allclose(
        both, 2 * rl.backward(tape, case.dh).x - rl.backward(tape, other).x, rtol=1e-10, atol=1e-11
    )


@settings(deadline=None, max_examples=15, derandomize=True)
@given(shape=sizes, cell=st.sampled_from(sorted(CELLS)))
def test_a_loss_reaches_nothing_that_follows(shape: Any, cell: str) -> None:
    case = Case(cell, shape)
    s = shape[0] // 2
    dh = np.zeros_like(case.dh)
    dh[s] = case.dh[s]
    gradient = rl.backward(rl.forward(case.params, case.x, case.h0), dh).x
    changed = case.x.copy()
    changed[s + 1 :] += 1.0
    np.testing.assert_array_equal(gradient[s + 1 :], 0)
    again = rl.backward(rl.forward(case.params, changed, case.h0), dh).x
    np.testing.assert_allclose(again, gradient, rtol=1e-12, atol=1e-14)


def permuted(name: str, array: Any, shape: tuple[int, ...], order: Any) -> Any:
    """A parameter of a network whose units come in another order: blocks of H rows, and the columns of weight_hh."""
    hidden = len(order)
    if not shape or shape[0] % hidden:
        return array
    rows = np.concatenate([order + block * hidden for block in range(shape[0] // hidden)])
    return array[rows][:, order] if name == "weight_hh" else array[rows]


@settings(deadline=None, max_examples=15, derandomize=True)
@given(shape=sizes, cell=st.sampled_from(RECURRENT))
def test_units_may_be_permuted(shape: Any, cell: str) -> None:
    case = Case(cell, shape)
    order = np.random.default_rng(3).permutation(shape[3])
    shapes = case.params.cell().shapes(1, 1, shape[2], shape[3]).params
    parts = zip(case.params._fields, case.params, shapes, strict=True)
    moved = type(case.params)(*(permuted(name, array, size, order) for name, array, size in parts))
    plain = rl.backward(rl.forward(case.params, case.x, case.h0), case.dh).x
    again = rl.backward(rl.forward(moved, case.x, as_start(case.initial[..., order])), case.dh[:, :, order]).x
    np.testing.assert_allclose(again, plain, rtol=1e-10, atol=1e-12)
