"""Lyapunov exponents against eigenvalues, determinants, complex-step Jacobians and mean-field numbers."""

from typing import Any

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
