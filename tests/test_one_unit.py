"""The checked API: right numbers, and one clear sentence for every wrong argument."""

import math
import subprocess
import sys
from typing import Any

import mpmath
import numba
import numpy as np
import pytest

import rnnlab as rl
from rnnlab import one_unit
from tests.reference import exact_gradients

GOOD = {"w1": 1.0, "w2": 0.5, "b1": 0.0, "x": [1.0, 2.0, 3.0]}


def test_powers_beyond_floats() -> None:
    flow = rl.one_unit_gradients(w1=1.0, w2=2.0, b1=0.0, x=np.zeros(5000), nonlinearity="linear")
    # log10 of 2^k for every k: only the final multiplication by log10(2) rounds
    np.testing.assert_allclose(rl.log10_abs(flow.h)[:, 0], np.arange(5000, -1, -1) * np.log10(2.0), rtol=1e-15)
    assert np.isinf(rl.to_float(flow.h)[0, 0])


def test_every_lane_has_its_own_length() -> None:
    x = np.random.default_rng(0).normal(size=(7, 2))
    both = rl.one_unit_gradients(1.2, [0.5, 0.9], 0.1, x, length=[3, 7])
    alone = rl.one_unit_gradients(1.2, 0.5, 0.1, x[:3, 0])
    np.testing.assert_array_equal(rl.to_float(both.h)[:4, 0], rl.to_float(alone.h)[:, 0])
    np.testing.assert_array_equal(rl.to_float(both.x)[:3, 0], rl.to_float(alone.x)[:, 0])
    assert not rl.to_float(both.h)[4:, 0].any()
    assert rl.to_float(both.w2)[0] == rl.to_float(alone.w2)[0]


def test_length_zero_is_the_initial_state() -> None:
    flow = rl.one_unit_gradients(1.0, 0.5, 0.0, [1.0, 1.0], length=0)
    assert rl.to_float(flow.h)[:, 0].tolist() == [1.0, 0.0, 0.0]
    assert rl.to_float(flow.w2)[0] == 0.0


@pytest.mark.parametrize("steps", [1, 15, 16, 17, 40])
@pytest.mark.parametrize("nonlinearity", ["linear", "relu", "tanh", "sigmoid"])
def test_gradients_against_central_differences(nonlinearity: str, steps: int) -> None:
    rng = np.random.default_rng(steps)
    x = rng.uniform(0.2, 1.0, size=steps)
    given = {"w1": 0.7, "w2": 0.6, "b1": 0.3, "x": x, "h0": 0.4, "nonlinearity": nonlinearity}
    flow = rl.one_unit_gradients(**given)
    for name in ("w1", "w2", "b1", "h0"):
        step = 1e-6
        up, down = (
            rl.to_float(rl.one_unit_gradients(**{**given, name: given[name] + side}).state)[-1, 0]
            for side in (step, -step)
        )
        measured = rl.to_float(flow.h)[0, 0] if name == "h0" else rl.to_float(getattr(flow, name))[0]
        # central differences: truncation 1e-12 and rounding 1e-10 at this step
        assert measured == pytest.approx((up - down) / (2 * step), rel=1e-6, abs=1e-9)


def test_float32_stays_float32() -> None:
    flow = rl.one_unit_gradients(1.0, 0.5, 0.0, np.ones(20, np.float32))
    assert flow.h.mantissa.dtype == flow.w2.mantissa.dtype == np.float32
    assert flow.h.exponent.dtype == np.int32


@pytest.mark.parametrize("w2", [0.01, 300.0])
def test_exponents_of_many_steps_are_wider_and_the_same(w2: float, monkeypatch: pytest.MonkeyPatch) -> None:
    given = {"w1": 0.7, "w2": w2, "b1": 0.3, "x": np.zeros(70), "nonlinearity": "linear"}
    narrow = rl.one_unit_gradients(**given)
    monkeypatch.setattr(one_unit, "_FEW_STEPS", 69)
    wide = rl.one_unit_gradients(**given)
    assert (narrow.h.exponent.dtype, wide.h.exponent.dtype) == (np.int32, np.int64)
    assert abs(wide.h.exponent[0, 0]) > 300
    for few, many in zip(narrow, wide, strict=True):
        np.testing.assert_array_equal(few, many)


@pytest.mark.skipif(bool(numba.config.DISABLE_JIT), reason="interpreted functions are not compiled")
def test_kernels_are_compiled_once_for_scalars_and_arrays() -> None:
    rl.one_unit_gradients(1.0, 0.5, 0.0, np.ones(20))
    compiled = rl.kernels.last_state_gradients.signatures
    frozen = np.ones((20, 3))
    frozen.flags.writeable = False
    for x in (np.ones((20, 3)), np.ones((20, 1)), [1.0] * 20, frozen):
        rl.one_unit_gradients(np.ones(3), 0.5, 0.0, x)
        rl.one_unit_gradients(1.0, np.ones(3), 0.0, x, np.ones(3))
    assert rl.kernels.last_state_gradients.signatures == compiled


def test_lists_strided_and_read_only_arrays_are_accepted() -> None:
    x = np.arange(12.0).reshape(6, 2) / 12
    x.flags.writeable = False
    strided = rl.one_unit_gradients(1, 1, 0, x[::2, ::-1])
    plain = rl.one_unit_gradients(1, 1, 0, x[::2, ::-1].tolist())
    np.testing.assert_array_equal(strided.h.mantissa, plain.h.mantissa)


@pytest.mark.parametrize(
    ("wrong", "error", "words"),
    [
        ({"w2": float("nan")}, ValueError, "w2 has the value nan"),
        ({"w2": float("inf")}, ValueError, "w2 has the value inf"),
        ({"w2": 1e12}, ValueError, "w2 has the value 1000000000000.0"),
        ({"w2": "two"}, TypeError, "w2 is 'two'"),
        ({"w1": None}, TypeError, "w1 is None"),
        ({"x": []}, ValueError, "x has shape (0,)"),
        ({"x": [1.0, float("nan"), 2.0]}, ValueError, "x has the value nan: expected finite numbers"),
        ({"x": [1.0, float("-inf"), 2.0], "length": 1}, ValueError, "x has the value -inf: expected finite numbers"),
        ({"x": [1.0, -1e300, 2.0], "w2": 4.0}, ValueError, "x has the size 1e+300: expected less than"),
        ({"x": np.ones((2, 2, 2))}, ValueError, "x has shape (2, 2, 2)"),
        ({"x": np.ones((4, 2)), "w2": [1, 2, 3]}, ValueError, "x has shape (4, 2): expected (T,), (T, 1) or (T, 3)"),
        ({"h0": [1, 2], "w2": [1, 2, 3]}, ValueError, "h0 has shape (2,): expected a scalar or (3,)"),
        ({"length": 4}, ValueError, "length has values 4 to 4: expected 0 to 3"),
        ({"length": -1}, ValueError, "length has values -1 to -1"),
        ({"length": 1.5}, TypeError, "length is 1.5: expected integers"),
        ({"nonlinearity": "than"}, ValueError, "nonlinearity is 'than': expected one of linear, relu, tanh, sigmoid"),
        ({"x": [[1.0], [2.0, 3.0]]}, TypeError, "x is"),
    ],
)
def test_wrong_arguments_are_named(wrong: dict[str, object], error: type[Exception], words: str) -> None:
    with pytest.raises(error) as raised:
        rl.one_unit_gradients(**{**GOOD, **wrong})
    assert words in str(raised.value)


def test_import_is_light() -> None:
    code = "import sys, rnnlab; print([m for m in ('pandas', 'matplotlib', 'seaborn', 'torch', 'jax') if m in sys.modules])"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "[]"


def test_the_number_in_the_readme() -> None:
    flow = rl.one_unit_gradients(w1=1.0, w2=2.0, b1=0.0, x=[0.0] * 5000, nonlinearity="linear")
    assert rl.log10_abs(flow.h)[0, 0] == 1505.149978319906


FAINT = [  # W2, h_0, T: a start so small that its exponent is its own, and a day on which tanh is no longer the identity
    (np.float64, 128.0, 1e-100, 60),
    (np.float64, 2.0**28, 10 * 2.0**-1008, 36),
    (np.float64, 2.0, 2.0**-80, 120),
    (np.float32, 2.0, 2.0**-11, 40),
    (np.float32, 8.0, 2.0**-30, 14),
    (np.float32, 0.99, 2.0**-10.5, 30),
]


@pytest.mark.parametrize(("kind", "w2", "h0", "steps"), FAINT)
def test_a_faint_state_that_grows_is_linear_only_as_long_as_it_is_small(
    kind: Any, w2: float, h0: float, steps: int
) -> None:
    """Against mpmath; 60 roundings. As if linear to the window's end, float32 was wrong at W2 = 2 and h_0 = 2^-11."""
    x = np.zeros(steps, kind)
    flow = rl.one_unit_gradients(kind(1), kind(w2), kind(0), x, kind(h0), nonlinearity="tanh")
    truth = exact_gradients("tanh", 1.0, float(kind(w2)), 0.0, x, float(kind(h0)))
    for name, found in (("h0", flow.h), ("w2", flow.w2)):
        mantissa, exponent = (float(np.ravel(part)[0]) for part in found)
        relative = mpmath.mpf(mantissa) * mpmath.mpf(2) ** int(exponent) / truth[name] - 1
        assert abs(relative) < 60 * float(np.finfo(kind).eps)
    linear = steps * math.log10(float(kind(w2)))  # what it was told to be
    assert abs(float(rl.log10_abs(flow.h)[0, 0]) - linear) > 1e-6
