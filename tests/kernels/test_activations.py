"""tanh and sigmoid: accuracy against mpmath and long doubles, special values, types, slopes."""

from typing import Any

import mpmath
import numba
import numpy as np
import pytest
from numpy.typing import NDArray

from rnnlab import kernels
from rnnlab.kernels._floats import FLOAT32, FLOAT64, Constants
from tests.reference import value_and_slope

INTERPRETED = bool(numba.config.DISABLE_JIT)
POINTS, EXACT = (2_000, 2_000) if INTERPRETED else (200_000, 100_000)
FUNCTIONS = {"tanh": kernels.tanh_and_slope, "sigmoid": kernels.sigmoid_and_slope}
TYPES = [np.float32, np.float64]


@numba.njit
def map_pair(function: Any, a: Any, h: Any, slope: Any) -> None:
    for i in range(a.size):
        h[i], slope[i] = function(a[i])


def evaluate(name: str, a: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Value and slope of every element, in the type of the array."""
    h, slope = np.empty_like(a), np.empty_like(a)
    with np.errstate(all="ignore"):
        map_pair(FUNCTIONS[name], a, h, slope)
    return h, slope


def sample(kind: type, count: int) -> NDArray[Any]:
    """Arguments of both signs, of every magnitude from subnormal to saturated."""
    rng = np.random.default_rng(7)
    smallest = -44.0 if kind is np.float32 else -322.0
    spread = 10 ** rng.uniform(smallest, 2.0, count // 2)
    middle = rng.uniform(0, 12, count - count // 2)
    return (np.concatenate([spread, middle]) * rng.choice([-1, 1], count)).astype(kind)


def exact(name: str, a: NDArray[Any]) -> tuple[list[Any], list[Any]]:
    with mpmath.workdps(40):
        pairs = [value_and_slope(name, mpmath.mpf(float(v))) for v in a]
    return [value for value, _ in pairs], [slope for _, slope in pairs]


def in_ulp(values: NDArray[Any], truth: list[Any]) -> float:
    """Largest error in units in the last place of the true value."""
    with mpmath.workdps(40):
        spacing = np.spacing(np.abs(np.array([float(t) for t in truth], dtype=values.dtype)))
        errors = [
            abs(mpmath.mpf(float(v)) - t) / mpmath.mpf(float(s)) for v, t, s in zip(values, truth, spacing, strict=True)
        ]
        return float(max(errors))


def in_ulp_of_long(values: NDArray[Any], truth: NDArray[np.longdouble]) -> float:
    """The same, where the truth is a long double."""
    spacing = np.spacing(np.abs(truth.astype(values.dtype)))
    return float((np.abs(values - truth) / spacing.astype(np.longdouble)).max())


def polynomial_error(constants: Constants, leading: int = 0) -> float:
    """Largest relative error of e^r - 1 on |r| <= ln(2) / 2, in units of half a last place, without so many first pairs."""
    coefficients = [float(each) for pair in constants.polynomial[leading:] for each in pair]
    with mpmath.workdps(40):
        places = [mpmath.log(2) / 2 * k / 500 for k in range(-500, 501) if k]
        ascending = coefficients[::-1]
        values = [sum(each * r**power for power, each in enumerate(ascending, 2)) + r for r in places]
        errors = [abs(value / mpmath.expm1(r) - 1) for r, value in zip(places, values, strict=True)]
        return float(max(errors)) / (np.finfo(constants.one).eps / 2)


@pytest.mark.parametrize("constants", [FLOAT32, FLOAT64])
def test_the_polynomial_adds_a_quarter_of_a_rounding_at_most(constants: Constants) -> None:
    assert polynomial_error(constants) <= 0.25
    assert polynomial_error(constants, leading=1) > 1  # no pair is spare


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_within_three_ulp_of_mpmath(name: str, kind: type) -> None:
    a = sample(kind, EXACT)
    a = a[np.abs(a) < (80 if kind is np.float32 else 700)]
    (h, slope), (value, own_slope) = evaluate(name, a), exact(name, a)
    assert in_ulp(h, value) <= 3.0
    if name == "tanh":  # whose slope is held far out, where it is small enough to be no gradient
        inside = np.flatnonzero(np.abs(a) < (30 if kind is np.float32 else 300))
        assert in_ulp(slope[inside], [own_slope[i] for i in inside]) <= 4.0


@pytest.mark.parametrize("kind", TYPES)
def test_tanh_within_three_ulp_of_long_doubles(kind: type) -> None:
    a = sample(kind, POINTS)
    truth = np.tanh(a.astype(np.longdouble))
    assert in_ulp_of_long(evaluate("tanh", a)[0], truth) <= 3.0


@pytest.mark.parametrize("kind", TYPES)
def test_slope_of_tanh_within_four_ulp_of_long_doubles(kind: type) -> None:
    """Digits are kept in saturation, where 1 - h^2 has none."""
    a = sample(kind, POINTS)
    a = a[np.abs(a) < (30 if kind is np.float32 else 300)]
    e = np.exp(-2 * np.abs(a.astype(np.longdouble)))
    truth = 4 * e / (1 + e) ** 2
    h, slope = evaluate("tanh", a)
    assert in_ulp_of_long(slope, truth) <= 4.0
    assert in_ulp_of_long(1 - h * h, truth) > 1000  # a control


@pytest.mark.parametrize("kind", TYPES)
def test_special_values_of_tanh(kind: type) -> None:
    tiny = np.finfo(kind).smallest_subnormal
    a = np.array([0.0, -0.0, tiny, -tiny, np.inf, -np.inf, 1e30, -1e30, np.nan], dtype=kind)
    h, slope = evaluate("tanh", a)
    np.testing.assert_array_equal(h, np.array([0.0, -0.0, tiny, -tiny, 1, -1, 1, -1, np.nan], dtype=kind))
    np.testing.assert_array_equal(np.signbit(h[:2]), [False, True])
    assert slope[0] == slope[2] == 1.0
    assert (slope[4:8] > 0).all()
    assert evaluate("tanh", np.array([20.0], kind))[0][0] == 1.0  # where it rounds to 1, long before it is held
    assert np.isnan(slope[8])


@pytest.mark.parametrize("kind", TYPES)
def test_special_values_of_sigmoid(kind: type) -> None:
    a = np.array([0.0, -0.0, np.inf, -np.inf, 1e30, -1e30, np.nan], dtype=kind)
    h, slope = evaluate("sigmoid", a)
    np.testing.assert_array_equal(h, np.array([0.5, 0.5, 1, 0, 1, 0, np.nan], dtype=kind))
    np.testing.assert_array_equal(slope[:6], np.array([0.25, 0.25, 0, 0, 0, 0], dtype=kind))


def test_sigmoid_reaches_the_subnormals() -> None:
    a = np.array([-720.0, -740.0, -744.0])
    truth = np.array([float(t) for t in exact("sigmoid", a)[0]])
    # a subnormal has few digits: one unit of the smallest number
    np.testing.assert_allclose(evaluate("sigmoid", a)[0], truth, rtol=1e-15, atol=5e-324)


@pytest.mark.parametrize("kind", TYPES)
def test_tanh_is_odd(kind: type) -> None:
    a = sample(kind, POINTS)
    np.testing.assert_array_equal(evaluate("tanh", -a)[0], -evaluate("tanh", a)[0])


@pytest.mark.parametrize("kind", TYPES)
def test_tanh_never_falls(kind: type) -> None:
    """Neither between neighbours nor across a border of the range reduction, of which there are 28 below 20."""
    a = np.sort(np.concatenate([sample(kind, POINTS), np.linspace(-20, 20, POINTS, dtype=kind)]))
    borders = (np.arange(-28, 29) + 0.5) * np.log(2) / 2
    around = (borders.astype(kind)[:, None] * (1 + np.arange(-500, 501) * np.finfo(kind).eps)).astype(kind).ravel()
    for points in (a, np.nextafter(a, kind(np.inf)), np.sort(around)):
        assert (np.diff(evaluate("tanh", points)[0]) >= 0).all()


@pytest.mark.parametrize("kind", TYPES)
def test_sigmoid_falls_by_one_ulp_at_most(kind: type) -> None:
    a = np.sort(sample(kind, POINTS))
    h = evaluate("sigmoid", a)[0]
    assert (np.diff(h) >= -np.spacing(np.abs(h[1:]))).all()
    spaced = evaluate("sigmoid", np.linspace(-20, 20, POINTS // 40, dtype=kind))[0]
    assert (np.diff(spaced) >= 0).all()  # many units apart


@pytest.mark.parametrize("kind", TYPES)
def test_relu_and_linear(kind: type) -> None:
    a = np.array([-1.5, -0.0, 0.0, 2.5, np.nan], dtype=kind)
    with np.errstate(all="ignore"):
        relu = [kernels.relu_and_slope(v) for v in a]
        linear = [kernels.linear_and_slope(v) for v in a]
    np.testing.assert_array_equal([r[0] for r in relu], [0, 0, 0, 2.5, np.nan])
    np.testing.assert_array_equal([r[1] for r in relu[:4]], [0, 0, 0, 1])
    np.testing.assert_array_equal([v[0] for v in linear], a)
    assert {v[1] for v in linear} == {1.0}


@pytest.mark.skipif(INTERPRETED, reason="the types are those that the compiler infers")
def test_float32_is_computed_in_float32() -> None:
    fresh = numba.njit(error_model="numpy")(kernels.tanh_and_slope.py_func)  # compiled code from a cache has no text
    fresh(np.float32(1.0))
    returned = fresh.overloads[(numba.float32,)].signature.return_type
    assert returned == numba.types.UniTuple(numba.float32, 2)
    text = fresh.inspect_llvm((numba.float32,))
    body = text[text.index("define") : text.index("\n}\n")]
    assert "double" not in body
