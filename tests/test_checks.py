"""Wrong arguments one by one, each a kind that once went through: the message names the argument."""

import warnings
from typing import Any

import mpmath
import numpy as np
import pandas as pd
import pytest

import rnnlab as rl
from rnnlab import kernels, tasks
from rnnlab._base import checks


class Fails:
    """Fails whatever it is asked for."""

    def __array__(self, *_: Any, **__: Any) -> Any:
        raise RuntimeError("boom")

    def __repr__(self) -> str:
        raise RuntimeError("boom")


def test_arrays_are_read_as_what_they_are() -> None:
    for given, expected in [
        (pd.DataFrame({"a": pd.array([1, 2], dtype="Int64")}), np.float64),
        (pd.DataFrame({"a": pd.array([1.5, 2], dtype="Float32")}), np.float32),
        (np.array([[1.0], [2.0]], ">f8"), np.float64),
        (np.array([[1.0], [2.0]], ">f4"), np.float32),
        (np.ma.masked_array([[1.0], [2.0]], [[False], [False]]), np.float64),
    ]:
        made = checks.numbers("x", given, (2,))
        assert made.dtype == expected
        assert made.dtype.isnative
        np.testing.assert_array_equal(made, np.asarray(given, dtype=np.float64))


@pytest.mark.parametrize(
    ("given", "error", "told"),
    [
        (np.ma.masked_array([1.0, 2.0], [False, True]), ValueError, "x has masked values"),
        (pd.Series([1, None], dtype="Int64"), ValueError, "x has the value nan"),
        (pd.Series(["1", "2"]), TypeError, "x is .*: expected real numbers"),
        ([[1.0], [1.0, 2.0]], TypeError, "x is .*: expected real numbers"),
        ([10**400], TypeError, "x is .*: expected real numbers"),
        ([1j], TypeError, "x is .*: expected real numbers"),
    ],
)
def test_what_are_no_numbers(given: Any, error: Any, told: str) -> None:
    with pytest.raises(error, match=told):
        checks.numbers("x", given, (1, 2))


MASKED = np.ma.masked_array(np.zeros((3, 2, 2)), np.arange(12).reshape(3, 2, 2) == 11)


@pytest.mark.parametrize(
    "call",
    [
        lambda params, x: rl.forward(params, x),
        lambda params, x: rl.forward(params, x, length=[1, 1]),
        lambda params, x: rl.forward(params, x, batch_first=True),
        lambda params, x: rl.Workspace(params, 3, 2).forward(params, x),
        lambda params, x: rl.lyapunov_spectrum(params, x[:, 1]),
    ],
)
def test_masks_are_seen_wherever_inputs_are_taken(call: Any) -> None:
    """Also after a sequence's end, where a number that is not finite is not looked at."""
    params = rl.RNNParams.init(2, 3, rng=np.random.default_rng(0))
    with pytest.raises(ValueError, match="x has masked values: expected a number in every place"):
        call(params, MASKED)


def test_parameters_of_foreign_byte_order_keep_their_type() -> None:
    params = rl.RNNParams.init(2, 3, rng=np.random.default_rng(0), dtype=np.float32)
    foreign = rl.RNNParams(*(array.astype(">f4") for array in params))
    got, expected = (rl.forward(given, np.ones((4, 2))).h for given in (foreign, params))
    assert got.dtype == np.float32
    np.testing.assert_array_equal(got, expected)


@pytest.mark.parametrize("of", ["record", "x", "length"])
def test_tapes_whose_arrays_are_none(of: str) -> None:
    tape = rl.forward(rl.RNNParams.init(2, 3, rng=np.random.default_rng(0)), np.zeros((4, 2)))
    for wrong in (-1, None, [[1], [1, 2]], Fails()):
        changed = tape._replace(record=wrong if of == "record" else tape.record._replace(**{of: wrong}))
        with pytest.raises((TypeError, ValueError), match=r"^tape\.record.* (is|has shape|was changed)"):
            rl.backward(changed, np.ones(3))


@pytest.mark.parametrize(
    ("x", "length", "error", "told"),
    [
        (np.zeros((3, 2)), [[1], [1, 2]], TypeError, r"length is \[\[1\], \[1, 2\]\]: expected integers"),
        (np.zeros((3, 0, 2)), np.empty(0, int), ValueError, r"x has shape \(3, 0, 2\): expected \(T, 2\)"),
    ],
)
def test_lengths_that_are_none(x: Any, length: Any, error: Any, told: str) -> None:
    with pytest.raises(error, match=told):
        rl.forward(rl.RNNParams.init(2, 3, rng=np.random.default_rng(0)), x, length=length)


@pytest.mark.parametrize(
    "value", [np.float32(np.inf), np.float64(np.inf), np.float32(np.nan), 10**400, np.float16(0), -1, "1"]
)
def test_settings_that_are_no_positive_numbers(value: Any) -> None:
    with pytest.raises(ValueError, match=r"rate is .*: expected a finite number above 0"):
        checks.positive(rate=value)


def test_settings_of_any_type_are_taken_without_a_warning() -> None:
    checks.positive(a=np.float32(0.01), b=np.float16(3), c=np.longdouble(1), d=np.int8(1), e=10**300)


@pytest.mark.parametrize("function", [rl.log10_abs, rl.to_float])
@pytest.mark.parametrize(
    ("number", "error", "told"),
    [
        (1.0, TypeError, "number is 1.0: expected a Scaled"),
        (kernels.Scaled("a", 1), TypeError, "number has mantissas and exponents of types"),
        (kernels.Scaled(1j, 1), TypeError, "number has mantissas and exponents of types complex128 and int64"),
        (kernels.Scaled(1.0, np.nan), TypeError, "of types float64 and float64: expected floats and integers"),
        (kernels.Scaled(np.ones(2), np.ones(3, int)), ValueError, r"mantissas \(2,\) and exponents \(3,\)"),
    ],
)
def test_scaled_numbers(function: Any, number: Any, error: Any, told: str) -> None:
    assert function(kernels.Scaled(1.5, 1)) == pytest.approx({rl.log10_abs: np.log10(3), rl.to_float: 3.0}[function])
    with pytest.raises(error, match=told):
        function(number)


@pytest.mark.parametrize(
    "task",
    [
        tasks.statland(),
        tasks.adding(20),
        tasks.adding(20, "hochreiter1997"),
        tasks.copy(3),
        tasks.latch(5),
        tasks.temporal_order(10),
        tasks.temporal_order(10, "hochreiter1997"),
        tasks.windows(np.arange(9.0), 3),
    ],
)
def test_drawing_names_what_is_wrong(task: rl.Task) -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(TypeError, match=r"rng is 3: expected a numpy.random.Generator"):
        task.draw(3, 2)  # type: ignore[arg-type]
    for size in (0, 1.5, "2", None, True):
        with pytest.raises(ValueError, match=r"batch_size is .*: expected an integer of at least 1"):
            task.draw(rng, size)  # type: ignore[arg-type]
    for size in (2**50, 2**63, 10**30):
        with pytest.raises(ValueError, match=r"batch_size is .*: that takes .* GiB, expected less than"):
            task.draw(rng, size)
    assert task.draw(rng, np.uint8(200)).x.shape[1] == 200


def test_sizes_of_small_integer_types_are_sizes() -> None:
    rng = np.random.default_rng(0)
    assert tasks.adding(np.uint8(250), "martens2011").draw(rng, 2).x.shape[0] == 275
    assert tasks.copy(np.int8(127)).draw(rng, np.uint8(2)).x.shape[0] == 147
    for made in (tasks.adding(10**30), tasks.copy(2**63), tasks.latch(10**400)):
        with pytest.raises(ValueError, match=r"(seq_len|delay) is .* and batch_size is 1: that takes"):
            made.draw(rng, 1)


def test_huge_numbers_are_told() -> None:
    with pytest.raises(ValueError, match="series has values up to 1e\\+308: expected ones whose squares are finite"):
        tasks.windows(np.array([1e308, -1e308] * 9), 3)
    with pytest.raises(ValueError, match="noise is 1e\\+305: expected at most"):
        tasks.latch(3, noise=1e305)
    model = rl.Model(
        rl.RNNParams([[1.0], [1.0]], [[1e308, -1e308], [0.0, 0.0]], [0.0, 0.0]),
        rl.Readout([[1.0, 1.0]], [0.0]),
        "linear",
    )
    with pytest.warns(
        RuntimeWarning, match="outputs from step 3 on are not a number: states left the range of float64"
    ):
        rl.predict(model, np.full((6, 1), 10.0))
    with pytest.raises(ValueError, match=r"updates is 10\d+: that takes"):
        rl.fit(model, tasks.latch(3), rl.Recipe(0.1), updates=10**30, batch_size=1, rng=np.random.default_rng(0))


def test_exponents_of_any_size() -> None:
    one = rl.kaplan_yorke_dimension([1.0, 1.0, -1.5, -1.7])
    assert rl.kaplan_yorke_dimension([1e308, 1e308, -1.5e308, -1.7e308]) == pytest.approx(one, rel=1e-12)
    assert rl.entropy_rate([1e308, 1e308]) == np.inf
    assert rl.kaplan_yorke_dimension([-np.inf]) == 0
    for function in (rl.kaplan_yorke_dimension, rl.entropy_rate):
        with pytest.raises(TypeError, match=r"exponents is \[1j\]: expected real numbers"):
            function([1j])


@pytest.mark.parametrize(
    ("w1", "x", "b1", "told"), [(1.7e308, 10.0, 0.0, "w1 x"), (1.0, 1e300, 0.0, "x"), (1.0, 1.0, 1e300, "b1")]
)
def test_inputs_that_overflow_between_rescalings(w1: float, x: float, b1: float, told: str) -> None:
    with pytest.raises(ValueError, match=f"^{told} has the size .*: expected less than .* beside w2 = 2"):
        rl.one_unit_gradients(w1, 2.0, b1, [x] * 3, nonlinearity="linear")


def test_the_lane_whose_input_overflows_is_told_of_one_input_for_all() -> None:
    with pytest.raises(ValueError, match=r"^x has the size 1e\+30: expected less than .* beside w2 = 2.68435e\+08"):
        rl.one_unit_gradients(1.0, [1.0, 2.0**28], 0.0, np.full((3, 1), 1e30), nonlinearity="linear")


def test_a_bounded_unit_takes_larger_inputs() -> None:
    """Its states don't grow: one window's growth on the way back is left, not two."""
    flow = rl.one_unit_gradients(1.0, 2.0**28, 0.0, np.zeros(3), h0=1e100)
    assert rl.to_float(flow.h)[0, 0] == 0
    with pytest.raises(ValueError, match=r"^h0 has the size 1e\+200: expected less than"):
        rl.one_unit_gradients(1.0, 2.0**28, 0.0, np.zeros(3), h0=1e200)


@pytest.mark.parametrize("w2", [0.5, 1.0, -3.0, 2.0**10, 2.0**28])
@pytest.mark.parametrize("loud", ["x", "w1", "b1", "h0"])
def test_the_largest_inputs_are_exact(w2: float, loud: str) -> None:
    """Just below the limit, against 400 bits."""
    largest = 0.99 * 2.0 ** (960 - 32 * np.log2(max(1.0, abs(w2))))
    at = {"x": 1.0, "w1": 1.0, "b1": 0.5, "h0": 0.25, loud: largest}
    at["w1"] = 1 / largest if loud == "x" else at["w1"]
    signs = np.random.default_rng(0).uniform(0.1, 1, 40)
    got = rl.one_unit_gradients(at["w1"], w2, at["b1"], at["x"] * signs, at["h0"], nonlinearity="linear")
    with mpmath.workprec(400):
        states, x = [mpmath.mpf(at["h0"])], [mpmath.mpf(float(value)) for value in at["x"] * signs]
        for value in x:
            states.append(mpmath.mpf(at["w1"]) * value + mpmath.mpf(w2) * states[-1] + mpmath.mpf(at["b1"]))
        powers = [mpmath.mpf(w2) ** (len(x) - 1 - t) for t in range(len(x))]
        expected = {
            "w1": sum(power * value for power, value in zip(powers, x, strict=True)),
            "w2": sum(power * state for power, state in zip(powers, states[:-1], strict=True)),
            "state": states[-1],
        }
        for name, value in expected.items():
            found = rl.log10_abs(getattr(got, name)).ravel()[-1]
            assert found == pytest.approx(float(mpmath.log10(abs(value))), rel=1e-12, abs=1e-9)


def test_singular_values_beyond_floats_and_such_that_are_not_settled() -> None:
    factors = np.array([[1.0, 0.3], [1.0, 1.0]])[None].repeat(3, 0)
    one = rl.anatomy.log10_singular_values(factors)
    for power in (-1060, -400, 400, 1023):
        found = rl.anatomy.log10_singular_values(factors * 2.0**power)
        np.testing.assert_allclose(found, one + 3 * power * np.log10(2), atol=1e-9 if power > -1000 else 1e-3)
    close = np.random.default_rng(1).standard_normal((2, 60, 60)) * 1e-3 + np.eye(60)
    with pytest.warns(RuntimeWarning, match="the singular values are not settled after 300 sweeps: .* by 5e-06"):
        rl.anatomy.log10_singular_values(close)


def test_an_object_that_fails_is_named() -> None:
    with (
        warnings.catch_warnings(),
        pytest.raises(TypeError, match="x is a Fails that can't be shown: expected real numbers"),
    ):
        checks.numbers("x", Fails(), (1,))
