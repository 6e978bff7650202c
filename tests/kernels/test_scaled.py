"""Gradients of parameters with exponents: plain BPTT where it has numbers, closed forms and mpmath far beyond; a control."""

from typing import Any

import mpmath
import numpy as np
import pytest

import rnnlab as rl
from rnnlab.kernels import Scaled
from rnnlab.kernels.cells import scaled
from tests.reference import relative

PROMISE = 1e-12  # as of the plain gradients: sums of some hundred products of rounded factors


def leaves(found: Any) -> list[Any]:
    """All arrays of gradients, in order."""
    if isinstance(found, np.ndarray | Scaled):
        return [found]
    return [leaf for part in found for leaf in leaves(part)]


def both(params: Any, dh_every: bool = True, gain: float = 1.0) -> tuple[rl.Gradients, rl.Gradients]:
    """Gradients of a batch with ends of its own, plain and scaled."""
    rng = np.random.default_rng(3)
    tape = rl.forward(params, rng.standard_normal((40, 3, 2)), length=[40, 17, 0])
    dh = gain * rng.standard_normal(tape.h[1:].shape if dh_every else tape.h[0].shape)
    return rl.backward(tape, dh), rl.backward(tape, dh, scaled=True)


@pytest.mark.parametrize("kind", [rl.RNNParams, rl.ReLURNNParams, rl.LSTMParams])
@pytest.mark.parametrize("dh_every", [True, False])
def test_in_range_they_are_the_plain_ones(kind: Any, dh_every: bool) -> None:
    plain, wide = both(kind.init(2, 4, rng=np.random.default_rng(0), scheme="gaussian", gain=3.0), dh_every)
    for one, other in zip(leaves(plain), leaves(wide), strict=True):
        assert relative(rl.to_float(other), one) <= PROMISE


def test_so_are_those_of_layers_and_directions() -> None:
    rng = np.random.default_rng(1)
    network = rl.Stack.init(rl.RNNParams, 2, 3, 2, rng=rng, bidirectional=True, scheme="gaussian", gain=2.0)
    plain, wide = both(network)
    assert type(wide.params) is rl.Stack
    for one, other in zip(leaves(plain), leaves(wide), strict=True):
        assert relative(rl.to_float(other), one) <= PROMISE


def as_exact(number: Scaled, place: Any) -> Any:
    """An entry as an exact number."""
    return mpmath.mpf(float(number.mantissa[place])) * mpmath.mpf(2) ** int(number.exponent[place])


@pytest.mark.parametrize("w", [0.25, 1.0, 0.75, 2.0, -3.0])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_a_linear_unit_has_its_closed_form(w: float, dtype: Any) -> None:
    """h_t = w^(t-1) of a single input: dh_T/dw_ih = w^(T-1), of w_hh (T-1) w^(T-2), of the bias the sum of all w^k."""
    steps = 600 if dtype is np.float64 else 76
    params = rl.RNNParams(*(np.array(a, dtype) for a in ([[1.0]], [[w]], [0.0])))
    tape = rl.forward(params, np.eye(steps, 1, dtype=dtype), nonlinearity="linear")
    found = rl.backward(tape, [1.0], scaled=True).params
    exact = mpmath.mpf(w)
    expected = [(found.weight_ih, exact ** (steps - 1)), (found.bias, mpmath.fsum(exact**k for k in range(steps)))]
    if w > 0.5:  # whose states are within floats
        expected.append((found.weight_hh, (steps - 1) * exact ** (steps - 2)))
    for got, wanted in expected:
        ratio = as_exact(got, (0,) * got.mantissa.ndim) / wanted
        assert abs(ratio - 1) < steps * np.finfo(dtype).eps  # a rounding a step


def test_far_beyond_floats_they_are_those_of_fifty_digits() -> None:
    """A chaotic tanh network, whose gradients explode: the adjoint of the states that were run, by hand in mpmath."""
    rng, units, steps = np.random.default_rng(1), 6, 2500
    w, u = 4 * rng.standard_normal((units, units)) / np.sqrt(units), rng.standard_normal(units)
    x = rng.standard_normal((steps, 1))
    tape = rl.forward(rl.RNNParams(0.1 * np.ones((units, 1)), w, np.zeros(units)), x)
    found = rl.backward(tape, 1e280 * u, scaled=True)
    with mpmath.workdps(50):
        exact, h = mpmath.matrix(w.tolist()), [mpmath.matrix(row.tolist()) for row in tape.h]
        dh, dw, dv = mpmath.matrix((1e280 * u).tolist()), mpmath.matrix(units, units), mpmath.matrix(units, 1)
        for t in range(steps, 0, -1):
            da = mpmath.matrix([float(tape.record.slope[t - 1, 0, i]) * dh[i] for i in range(units)])
            dw, dv, dh = dw + da * h[t - 1].T, dv + da * float(x[t - 1, 0]), exact.T * da
        assert abs(dw[0, 0]) > mpmath.mpf(2) ** 1100  # in chaos the last bits of tanh decide by how much
        for got, wanted in ((found.params.weight_hh, dw), (found.params.weight_ih, dv), (found.h0, dh)):
            for place in np.ndindex(got.mantissa.shape):
                at = wanted[place if len(place) == 2 else place[0]]
                assert abs(as_exact(got, place) / at - 1) < 1e-11  # rounding of 2500 products of 6 x 6


def test_bands_taken_for_one_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: with the units of all steps forgotten the same comparison fails by far."""
    params = rl.RNNParams([[1.0]], [[2.0]], [0.0])
    tape = rl.forward(params, np.zeros((500, 1)), [1e-9], nonlinearity="linear")
    right = rl.log10_abs(rl.backward(tape, [1.0], scaled=True).params.bias)
    honest = scaled.sums

    def forgetful(params: Any, tape: Any, gradients: Any, flow: Any) -> Any:
        return honest(params, tape, gradients, flow._replace(input_exponent=0 * flow.input_exponent))

    monkeypatch.setattr(scaled, "sums", forgetful)
    wrong = rl.log10_abs(rl.backward(tape, [1.0], scaled=True).params.bias)
    np.testing.assert_allclose(right, 500 * np.log10(2), rtol=1e-12)
    assert abs(wrong - right) > 100


@pytest.mark.parametrize(("change", "says"), [({"window": 5}, "window is 5"), ({}, "AttentionParams")])
def test_what_has_no_exponents_is_refused(change: Any, says: str) -> None:
    kind = rl.RNNParams if change else rl.AttentionParams
    tape = rl.forward(kind.init(1, 2, rng=np.random.default_rng(0)), np.zeros((3, 1)))
    with pytest.raises(ValueError, match=says):
        rl.backward(tape, np.ones(2), scaled=True, **change)
