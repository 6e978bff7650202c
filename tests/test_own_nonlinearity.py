"""A nonlinearity of one's own: the built-in one written anew gives the same numbers, others those of complex steps."""

import math
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import numba
import numpy as np
import pytest

import rnnlab as rl
from rnnlab.experiments import sweep
from rnnlab.experiments.sweep.figures import panels
from rnnlab.kernels._jit import _with_foreign_code
from tests.reference import complex_step


@numba.njit
def tanh(a: float) -> float:
    return math.tanh(a)


@numba.njit
def tanh_slope(a: float) -> float:
    return 1 / math.cosh(a) ** 2


@numba.njit
def softplus(a: float) -> float:
    return np.log1p(np.exp(a))


@numba.njit
def logistic(a: float) -> float:
    return 1 / (1 + np.exp(-a))


TANH, SOFTPLUS = (tanh, tanh_slope), (softplus, logistic)


def test_tanh_written_anew_is_tanh() -> None:
    """To 20 steps' roundings: ours is within 3 units in the last place, the C library's within 1."""
    rng = np.random.default_rng(0)
    params, x, dh = rl.RNNParams.init(2, 5, rng=rng), rng.standard_normal((20, 3, 2)), rng.standard_normal((20, 3, 5))
    mine, known = (rl.forward(params, x, nonlinearity=choice) for choice in (TANH, "tanh"))
    np.testing.assert_allclose(mine.h, known.h, rtol=1e-13, atol=1e-15)
    for got, expected in zip(rl.backward(mine, dh).params, rl.backward(known, dh).params, strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-12, atol=1e-13)
    workspace = rl.Workspace(params, 20, 3, nonlinearity=TANH)
    np.testing.assert_array_equal(workspace.forward(params, x), mine.h[-1])


def test_one_unit_against_complex_steps() -> None:
    """Every derivative of softplus units, one of which ends early."""
    rng, steps = np.random.default_rng(1), 40
    given = {"w1": 0.7, "w2": np.array([0.9, -1.3]), "b1": 0.1, "h0": np.array([0.4, -0.2])}
    x, length = rng.standard_normal((steps, 2)), np.array([steps, 7])
    flow = rl.one_unit_gradients(**given, x=x, length=length, nonlinearity=SOFTPLUS)
    for lane, last in enumerate(length):
        own = {name: np.broadcast_to(value, 2)[lane] for name, value in given.items()}

        def end(own: Any = own, inputs: Any = x[:last, lane], **moved: Any) -> Any:
            now = {**own, **moved}
            h = now["h0"]
            for x_t in inputs:
                h = np.log1p(np.exp(now["w1"] * x_t + now["w2"] * h + now["b1"]))
            return h

        for name in given:
            expected = complex_step(lambda value, name=name, end=end: end(**{name: value}), own[name])
            got = flow.h if name == "h0" else getattr(flow, name)
            # 40 steps of a few roundings, cancelling by less than a factor of ten
            np.testing.assert_allclose(np.ravel(rl.to_float(got)[..., lane])[0], expected, rtol=1e-12)


def test_gradients_beyond_floats() -> None:
    """|dh_T/dh_0| is the product of |w2| f'(a_t), here of 2,000 factors below 1e-3."""
    steps, w2 = 2000, 1e-3
    flow = rl.one_unit_gradients(1.0, w2, 0.0, np.zeros(steps), nonlinearity=SOFTPLUS)
    factors = w2 / (1 + np.exp(-w2 * rl.to_float(flow.state)[:-1, 0]))
    np.testing.assert_allclose(rl.log10_abs(flow.h)[0, 0], np.log10(factors).sum(), rtol=1e-12)
    assert rl.log10_abs(flow.h)[0, 0] < -6000


def test_check_cell_holds_the_slope_too() -> None:
    params = rl.RNNParams.init(2, 3, rng=np.random.default_rng(0))
    assert max(rl.check_cell(params, TANH).values()) < 1e-9
    with pytest.raises(ValueError, match="weight_ih is wrong from step 1 on"):
        rl.check_cell(params, (tanh, logistic))


def test_the_sweep_takes_it_from_python() -> None:
    spec = sweep.Spec(w2=(0.5, 2.0), seq_len=(1, 100), seeds=1, nonlinearity=("tanh",), inputs="zeros")
    table = sweep.measure(spec, own={"softplus": SOFTPLUS})
    assert table["nonlinearity"].unique().tolist() == ["tanh", "softplus"]
    mine = table[(table["nonlinearity"] == "softplus") & (table["seq_len"] == 100)]
    flow = rl.one_unit_gradients(1.0, mine["w2"], 0.0, np.zeros(100), h0=0.5, nonlinearity=SOFTPLUS)
    np.testing.assert_allclose(mine["log10_dh0"], rl.log10_abs(flow.h)[0], rtol=1e-12)
    assert mine["log10_dh0_law"].isna().all()
    assert sweep.checks(table).verdict.eq("holds").all()
    assert panels(table, 3.0)[2] == ["tanh", "softplus"]
    with pytest.raises(ValueError, match="own has the name 'tanh'"):
        sweep.measure(spec, own={"tanh": SOFTPLUS})


@pytest.mark.parametrize(
    ("wrong", "error", "says"),
    [
        ((softplus,), ValueError, "nonlinearity has 1 parts: expected a name, or a pair (value, slope)"),
        (softplus, ValueError, "nonlinearity is CPUDispatcher"),
        ((softplus, 1.0), TypeError, "nonlinearity has the slope 1.0: expected a function compiled by numba.njit"),
        ((numba.njit(lambda a, b: a), logistic), TypeError, "nonlinearity has a value with other arguments"),
        ((softplus, numba.njit(lambda a: 1)), TypeError, "nonlinearity has a slope that is 1 at 0.5: expected a float"),
        ((softplus, numba.njit(lambda a: 1j * a)), TypeError, "nonlinearity has a slope that is 0.5j at 0.5"),
    ],
)
def test_what_is_no_pair_of_functions_is_named(wrong: Any, error: Any, says: str) -> None:
    for call in (
        lambda: rl.forward(rl.RNNParams([[1.0]], [[1.0]], [0.0]), [[1.0]], nonlinearity=wrong),
        lambda: rl.one_unit_gradients(1.0, 1.0, 0.0, [1.0], nonlinearity=wrong),
    ):
        with pytest.raises(error) as told:
            call()
        assert says in str(told.value)


@pytest.mark.skipif(bool(numba.config.DISABLE_JIT), reason="interpreted functions are not compiled")
def test_what_numba_cant_compile_is_named() -> None:
    @numba.njit
    def broken(a: float) -> Any:
        return a + "1"

    with pytest.raises(TypeError, match="nonlinearity has a value that Numba can't compile for a float"):
        rl.one_unit_gradients(1.0, 1.0, 0.0, [1.0], nonlinearity=(broken, logistic))


def test_a_gated_cell_has_no_choice() -> None:
    params = rl.GRUParams.init(1, 2, rng=np.random.default_rng(0))
    with pytest.raises(ValueError, match="expected none, a GRUParams cell has no choice"):
        rl.forward(params, [[1.0]], nonlinearity=TANH)


def test_saturation_asks_for_a_name() -> None:
    tape = rl.forward(rl.RNNParams([[1.0]], [[1.0]], [0.0]), [[1.0]])
    with pytest.raises(TypeError, match=r"tape.nonlinearity is a pair of functions: expected a name"):
        rl.anatomy.saturation(tape._replace(nonlinearity=TANH))


class Own(NamedTuple):
    weight: Any


def test_what_has_foreign_code_in_it_is_not_cached() -> None:
    """A cell of one's own, alone or in a network, and a function; the control: rnnlab's cells and plain arrays."""
    ours, own = rl.RNNParams([[1.0]], [[1.0]], [0.0]), Own(np.ones(1))
    kinds = {name: numba.typeof(value) for name, value in {"ours": ours, "array": np.ones(1), "code": 2}.items()}
    assert not any(map(_with_foreign_code, kinds.values()))
    assert _with_foreign_code(numba.typeof(own))
    assert _with_foreign_code(numba.typeof((ours, (own, ours))))
    assert _with_foreign_code(numba.typeof(numba.njit(lambda a: a)))


HELPER = "import numba\n@numba.njit\ndef factor():\n    return {factor}\n"
MINE = """
import numba
from helper import factor

@numba.njit
def value(a):
    return factor() * a

@numba.njit
def slope(a):
    return factor()
"""
PROGRAM = """
import numpy as np
from mine import slope, value
from rnnlab import kernels
from rnnlab.nonlinearities import checked_nonlinearity
h, s, one = np.zeros((2, 1)), np.empty((1, 1)), np.ones(1)
kernels.forward(checked_nonlinearity((value, slope)), kernels.Weights(one, one, 0 * one), np.ones((1, 1)), h, s)
print(h[1, 0].item(), s[0, 0].item())
"""


@pytest.mark.skipif(bool(numba.config.DISABLE_JIT), reason="interpreted kernels have no cache")
def test_an_edit_of_what_ones_own_code_calls_takes_effect(tmp_path: Path) -> None:
    """In a module whose own file is as it was."""
    (tmp_path / "mine.py").write_text(MINE)
    environment = {
        **os.environ,
        "PYTHONPATH": f"{Path(rl.__file__).parents[1]}{os.pathsep}{tmp_path}",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    for factor in (2.0, 3.0):
        (tmp_path / "helper.py").write_text(HELPER.format(factor=factor))
        told = subprocess.run(
            [sys.executable, "-c", PROGRAM], env=environment, cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert told.stdout.split() == [str(factor)] * 2, told.stderr
