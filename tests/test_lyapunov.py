"""Lyapunov exponents against eigenvalues, determinants, complex-step Jacobians and mean-field numbers."""

from typing import Any

import mpmath
import numpy as np
import pytest

import rnnlab as rl
from tests.cells_reference import CELLS, RECURRENT, STEPS, as_start, size_of_state


@pytest.mark.parametrize("kind", [CELLS[name] for name in RECURRENT])
def test_tangents_are_the_jacobian(kind: Any) -> None:
    """J_t e_i for every direction, against complex steps through the reference."""
    hidden, rng = 4, np.random.default_rng(3)
    params = kind.init(2, hidden, rng=rng)
    x, states = rng.standard_normal((3, 2)), rng.standard_normal((2, hidden))
    tape = rl.forward(params, x, as_start(states[: size_of_state(kind)]))
    size = hidden * size_of_state(kind)
    got = kind.cell().tangent(tape.params, tape.record)(1, np.eye(size))
    before = np.concatenate([getattr(tape.record, name)[1, 0] for name in kind.cell().states])
    for i in range(size):
        moved = before + 1e-200j * (np.arange(size) == i)
        h, c = moved[None, :hidden], moved[None, -hidden:]
        after = np.concatenate([part[0] for part in STEPS[kind](params, x[1][None], h, c, "tanh")])[:size]
        np.testing.assert_allclose(got[:, i], after.imag / 1e-200, rtol=1e-12, atol=1e-15)


def test_linear_network_has_the_moduli_of_its_eigenvalues() -> None:
    matrix = np.diag([0.9, 0.5, 0.1]) + np.triu(np.ones((3, 3)), 1)
    params = rl.RNNParams(np.zeros((3, 1)), matrix, np.zeros(3))
    got = rl.lyapunov_spectrum(params, np.zeros((3000, 1)), nonlinearity="linear", discard=1000)
    np.testing.assert_allclose(got, np.log([0.9, 0.5, 0.1]), atol=1e-3)  # 2,000 steps: O(1 / T)


def test_orthogonal_network_is_exact() -> None:
    params = rl.RNNParams.init(1, 12, rng=np.random.default_rng(0), scheme="orthogonal", gain=0.7)
    got = rl.lyapunov_spectrum(params, np.zeros((300, 1)), nonlinearity="linear")
    np.testing.assert_allclose(got, np.log(0.7), rtol=1e-12)


def test_exponents_add_up_to_the_determinant() -> None:
    rng = np.random.default_rng(1)
    params = rl.RNNParams.init(1, 30, rng=rng, scheme="gaussian", gain=2.0)
    x, h0 = np.zeros((400, 1)), rng.standard_normal(30)
    slopes = rl.forward(params, x, h0).record.slope[:, 0]
    expected = np.linalg.slogdet(params.weight_hh)[1] + np.log(slopes).sum(axis=1).mean()
    got = rl.lyapunov_spectrum(params, x, h0)
    assert got.sum() == pytest.approx(
        expected, abs=1e-6
    )  # directions decomposed every e^12 keep 11 digits of each factor
    leading = rl.lyapunov_spectrum(params, x, h0, k=3)
    np.testing.assert_allclose(leading, got[:3], atol=0.02)  # other starting directions: O(1 / T)


def test_kaplan_yorke_and_entropy() -> None:
    assert rl.kaplan_yorke_dimension([0.2, -0.1, -0.3]) == pytest.approx(2 + 0.1 / 0.3)
    assert rl.kaplan_yorke_dimension([-0.1, -0.2]) == 0.0
    assert np.isnan(rl.kaplan_yorke_dimension([0.3, -0.1]))
    assert rl.kaplan_yorke_dimension([-0.3, 0.2, -0.1]) == rl.kaplan_yorke_dimension([0.2, -0.1, -0.3])
    assert rl.kaplan_yorke_dimension([0.2, -np.inf]) == 1.0
    assert rl.entropy_rate([0.3, 0.1, -2.0]) == pytest.approx(0.4)


@pytest.mark.parametrize("function", [rl.kaplan_yorke_dimension, rl.entropy_rate])
@pytest.mark.parametrize(
    ("exponents", "error"), [([], ValueError), ([np.nan], ValueError), (0.1, ValueError), (["a"], TypeError)]
)
def test_bad_exponents(function: Any, exponents: Any, error: Any) -> None:
    with pytest.raises(error, match=r"exponents is .*: expected"):
        function(exponents)


@pytest.mark.parametrize(
    ("changed", "error", "says"),
    [
        ({"k": 0}, ValueError, "k is 0: expected an integer of at least 1"),
        ({"k": True}, ValueError, "k is True: expected an integer"),
        ({"k": 4}, ValueError, "k is 4: expected at most 3, the size of the state"),
        ({"discard": 10}, ValueError, "discard is 10: expected at most 9"),
        ({"discard": 1.5}, ValueError, "discard is 1.5: expected an integer of at least 0"),
        ({"discard": "a"}, ValueError, "discard is 'a': expected an integer"),
        ({"x": np.zeros((10, 2, 1))}, ValueError, "expected one sequence"),
        ({"params": rl.AttentionParams.init(1, 3, rng=np.random.default_rng(0))}, TypeError, "a cell with a state"),
    ],
)
def test_bad_arguments(changed: dict[str, Any], error: Any, says: str) -> None:
    arguments = {"params": rl.RNNParams.init(1, 3, rng=np.random.default_rng(0)), "x": np.zeros((10, 1)), **changed}
    with pytest.raises(error, match=says):
        rl.lyapunov_spectrum(arguments.pop("params"), arguments.pop("x"), **arguments)


def test_a_pulse_between_long_rests_is_seen() -> None:
    """QR at every step: the sum is the mean of log |det J|, and the exponents are those of the exact product."""
    params = rl.RNNParams([[0.0], [1.0]], [[0.9, 0.1], [-0.1, 0.9]], [0.0, 0.0])
    x = np.zeros((3000, 1))
    for k in range(3):
        x[40 + k :: 60] = 12.0
    jacobians = rl.anatomy.jacobians(rl.forward(params, x))
    q, total = np.linalg.qr(np.random.default_rng(0).standard_normal((2, 2)))[0], np.zeros(2)
    for jacobian in jacobians:
        q, r = np.linalg.qr(jacobian @ q)
        total += np.log(np.abs(np.diag(r)))
    got = rl.lyapunov_spectrum(params, x)
    np.testing.assert_allclose(got, total / len(x), rtol=1e-9)
    assert got.sum() == pytest.approx(np.linalg.slogdet(jacobians)[1].mean(), rel=1e-12)
    np.testing.assert_allclose(got, [-0.113, -1.319], atol=2e-3)


@pytest.mark.parametrize("strength", [1.0, 12.0, 60.0, 300.0])
def test_units_that_pass_hardly_anything_on_lose_nothing(strength: float) -> None:
    """Slopes down to 10^-260 in one step, of one unit or of both, against 400 digits."""
    params = rl.RNNParams([[0.0], [1.0]], [[0.9, 0.4], [-0.3, 0.8]], [0.0, 0.1])
    x = np.zeros((40, 1))
    x[7::9] = strength
    tape = rl.forward(params, x, [0.2, -0.1])
    x[tape.record.slope[:, 0].min(axis=1) == 0] = 18.0  # the slope of a unit at 1 is 0: that is another test
    jacobians = rl.anatomy.jacobians(rl.forward(params, x, [0.2, -0.1]))
    with mpmath.workdps(400):
        determinants = [abs(mpmath.det(mpmath.matrix(jacobian.tolist()))) for jacobian in jacobians]
        expected = float(sum(mpmath.log(determinant) for determinant in determinants) / len(x))
    assert rl.lyapunov_spectrum(params, x, [0.2, -0.1]).sum() == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("rank", [1, 2, 5])
def test_directions_that_a_matrix_loses_are_minus_infinity(rank: int) -> None:
    rng = np.random.default_rng(rank)
    m, k = rng.standard_normal((2, 6, rank))
    params = rl.RNNParams(np.ones((6, 1)), 2.5 * m @ k.T / 6, np.zeros(6))
    x = rng.standard_normal((500, 1))
    got = rl.lyapunov_spectrum(params, x)
    assert np.isfinite(got[:rank]).all()
    assert (got[rank:] == -np.inf).all()
    small = [k.T @ jacobian @ np.linalg.pinv(k.T) for jacobian in rl.anatomy.jacobians(rl.forward(params, x))[1:]]
    # between k^T h's, rank by rank, J is of full rank: the sum is that of its determinants, but for O(1 / T)
    assert got[:rank].sum() == pytest.approx(np.linalg.slogdet(small)[1].mean(), abs=0.05)
    assert rl.lyapunov_spectrum(params, x, k=rank).tolist() == pytest.approx(got[:rank].tolist(), abs=0.05)


def test_a_stack_has_the_exponents_of_its_whole_state() -> None:
    """Against QR at every step of the whole Jacobian, of layers that perturb those above them."""
    rng = np.random.default_rng(3)
    stack = rl.Stack(tuple(rl.RNNParams.init(*sizes, rng=rng, scheme="gaussian") for sizes in ((1, 3), (3, 2))))
    x = rng.standard_normal((2000, 1))
    tape = rl.forward(stack, x)
    below, above = map(rl.anatomy.jacobians, tape.parts)
    upward = tape.record.layers[1].slope[:, 0, :, None] * stack.layers[1].weight_ih  # of h_t above by h_t below
    whole = np.block([[below, np.zeros((len(x), 3, 2))], [upward @ below, above]])
    q, total = np.linalg.qr(rng.standard_normal((5, 5)))[0], np.zeros(5)
    for jacobian in whole:
        q, r = np.linalg.qr(jacobian @ q)
        total += np.log(np.abs(np.diag(r)))
    got = rl.lyapunov_spectrum(stack, x)
    np.testing.assert_allclose(got, np.sort(total / len(x))[::-1], atol=20 / len(x))  # but for O(1 / T)
    assert got.sum() == pytest.approx(np.linalg.slogdet(whole)[1].mean(), rel=1e-12)
    lost = stack._replace(layers=(stack.layers[0], rl.RNNParams(np.ones((2, 3)), np.ones((2, 2)), np.zeros(2))))
    assert np.isneginf(rl.lyapunov_spectrum(lost, x)).tolist() == [False] * 4 + [True]


def test_lost_directions_leave_the_dimension_of_what_is_left() -> None:
    params = rl.RNNParams(np.zeros((2, 1)), 4.0 * np.array([[-5.0, 5.0], [-25.0, 25.0]]), np.zeros(2))
    got = rl.lyapunov_spectrum(params, np.zeros((20000, 1)), [0.3, 0.2], nonlinearity="sigmoid", discard=1000)
    assert got[0] == pytest.approx(0.41, abs=0.01)
    assert got[1] == -np.inf
    assert rl.kaplan_yorke_dimension(got) == 1.0


def test_a_dead_unit_loses_one_direction_and_only_while_it_is_counted() -> None:
    w = 0.1 * np.diag([1.0, 2.0, 3.0, 4.0]) + 0.1
    params = rl.RNNParams(np.ones((4, 1)), w, np.array([3.0, 3.0, 3.0, -50.0]))
    x = np.ones((300, 1))
    got = rl.lyapunov_spectrum(params, x, nonlinearity="relu")
    assert np.isfinite(got).tolist() == [True, True, True, False]
    params = params._replace(weight_ih=np.array([[0.0], [0.0], [0.0], [1.0]]), bias=np.array([3.0, 3.0, 3.0, 50.0]))
    x[:20] = -200.0
    assert rl.lyapunov_spectrum(params, x, nonlinearity="relu")[-1] == -np.inf
    assert np.isfinite(rl.lyapunov_spectrum(params, x, nonlinearity="relu", discard=60)).all()
    assert rl.lyapunov_spectrum(rl.RNNParams([[0.0]], [[1.0]], [-1.0]), x, nonlinearity="relu").tolist() == [-np.inf]


@pytest.mark.parametrize("scale", [1e-200, 1e200])
def test_jacobians_far_from_one(scale: float) -> None:
    params = rl.RNNParams(np.zeros((2, 1)), scale * np.array([[1.0, 2.0], [3.0, 4.0]]), np.zeros(2))
    got = rl.lyapunov_spectrum(params, np.zeros((5, 1)), nonlinearity="linear")
    assert got.sum() == pytest.approx(2 * np.log(scale) + np.log(2.0), rel=1e-12)


def test_what_floats_can_not_show_is_refused() -> None:
    """Without a warning, which is an error here."""
    huge = rl.RNNParams(np.ones((2, 1)), np.full((2, 2), 1.7e308), np.zeros(2))
    with pytest.raises(ValueError, match="the Jacobian of step 1 is beyond the range of floats"):
        rl.lyapunov_spectrum(huge, np.ones((5, 1)), nonlinearity="relu")
