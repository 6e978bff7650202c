"""Activation functions: each value with its slope, branch-free, so that loops over many lanes vectorise.

A nonlinearity is one of the codes :data:`LINEAR`, :data:`RELU`, :data:`TANH`, :data:`SIGMOID`, or a user's own compiled
function from a to f(a) and f'(a), for which kernels are compiled anew (`by_nonlinearity`). A kernel takes all four codes:
to compile that of the one-unit network for tanh alone would save 0.2 of 8.5 s, and cost them again for each further one.

``tanh`` and ``sigmoid`` share one range reduction: e^y = 2^k (1 + p) with k = round(y / ln 2) and p = expm1(y - k ln 2)
from a polynomial (J.-M. Muller, *Elementary Functions*, 3rd ed., 2016, sections 3.2 and 11.1).

The slope f'(a) comes from the same exponential and not from 1 - h^2, which is exactly 0 from |a| = 19 on: a saturated
unit has a tiny gradient, not none.

Everything is computed in the type of the argument, float32 or float64, to at most 3 units in the last place.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from numba import njit, types
from numba.extending import overload

from rnnlab.kernels._floats import constants_of, reinterpret
from rnnlab.kernels._jit import INLINED, UNALIASED, inner_kernel

LINEAR, RELU, TANH, SIGMOID, OWN = range(5)


def by_nonlinearity(
    known: Callable[..., Any], own: Callable[..., Any], options: dict[str, Any] = INLINED
) -> Callable[..., Any]:
    """A function of a nonlinearity and more: `known` where that is a code, `own` where it is a function."""

    def call(nonlinearity: Any, *rest: Any) -> Any:
        return (own if callable(nonlinearity) else known)(nonlinearity, *rest)

    @overload(call, strict=False, **options)
    def implementation(nonlinearity, *rest):  # type: ignore[no-untyped-def]
        return own if isinstance(nonlinearity, types.Callable) else known

    return call


code_of = by_nonlinearity(lambda nonlinearity: nonlinearity, lambda nonlinearity: OWN)


@cache
def own_nonlinearity(value: Callable[..., Any], slope: Callable[..., Any]) -> Any:
    """The compiled function a -> (f(a), f'(a)) of two; always the same, so that no kernel is compiled twice."""
    return njit(**INLINED["jit_options"])(lambda a: (value(a), slope(a)))


@inner_kernel
def exponential_parts(y: Any, y_log2_e: Any) -> Any:
    """(p, k) with e^y = 2^k (1 + p), for |y| small enough that k fits the exponent field twice over; and y log2(e)."""
    c = constants_of(y)
    shifted = y_log2_e + c.rounder
    rounded = shifted - c.rounder
    r = y - rounded * c.ln2_high - rounded * c.ln2_low
    square = r * r
    q = c.polynomial[0][0] * r + c.polynomial[0][1]
    for odd, even in c.polynomial[1:]:  # in pairs: half as long a chain, 0.92 of the time of 1,000 steps of one unit
        q = q * square + (odd * r + even)
    return r + square * q, type(c.sign_bit)(reinterpret(shifted) - c.rounder_bits)


@inner_kernel
def power_of_two(k: Any) -> Any:
    """2^k as a float of the width of the integer k, for k in the range of normal exponents."""
    c = constants_of(k)
    return reinterpret(type(k)((k + c.exponent_bias) << c.mantissa_bits))


@inner_kernel
def with_sign_of(magnitude: Any, number: Any) -> Any:
    """`magnitude` (not negative) with the sign of `number`, that of -0 and nan included."""
    c = constants_of(number)
    return reinterpret(type(c.sign_bit)(reinterpret(magnitude) | (reinterpret(number) & c.sign_bit)))


@inner_kernel
def tanh_and_slope(a: Any) -> Any:
    """tanh(a) and its derivative 4 e^(-2|a|) / (1 + e^(-2|a|))^2.

    Beyond |a| = 300 (float32: 30) the derivative stays at its value there, 1e-260 (float32: 4e-26): small enough to be
    no gradient, large enough to be multiplied safely.
    """
    c = constants_of(a)
    two = c.one + c.one
    size = abs(a)
    size = c.tanh_limit if size > c.tanh_limit else size  # this way round a nan stays a nan
    # no step waits for y = -2 |a|, a sum as a product would be fused into what follows: 0.96 of the time of a single unit
    p, k = exponential_parts(-(size + size), size * (-two * c.log2_e))
    scale = power_of_two(k)
    scaled = scale * p  # exact: added to twice it takes 2 % less time than in two fused products
    expm1 = scaled + (scale - c.one)
    total = two + expm1
    inverse = c.one / total
    magnitude = (c.zero - expm1) * inverse  # 0 - expm1 is +0 at 0, where -expm1 would be -0
    magnitude += (-expm1 - magnitude * total) * inverse  # as a division rounds; a second one costs 0.2 ns
    exponential = scaled + scale
    rest = (exponential + exponential) * inverse  # 1 - tanh |a|
    return with_sign_of(magnitude, a), rest * (two - rest)


@inner_kernel
def sigmoid_and_slope(a: Any) -> Any:
    """1 / (1 + e^-a) and its derivative e^-|a| / (1 + e^-|a|)^2, both right to the last subnormal."""
    c = constants_of(a)
    size = abs(a)
    size = c.sigmoid_limit if size > c.sigmoid_limit else size
    p, k = exponential_parts(-size, size * -c.log2_e)
    half = type(k)(k >> type(k)(1))  # 2^k may be subnormal: two factors, of which neither is
    first = power_of_two(half)
    exponential = (first * p + first) * power_of_two(type(k)(k - half))
    value = c.one / (c.one + exponential)
    return (exponential * value if a < c.zero else value), exponential * value * value


@inner_kernel
def relu_and_slope(a: Any) -> Any:
    """max(a, 0) and its derivative: 1 for a > 0, 0 for a <= 0 (PyTorch's choice at 0). A nan stays a nan."""
    c = constants_of(a)
    return (c.zero if a <= c.zero else a), (c.one if a > c.zero else c.zero)


@inner_kernel
def linear_and_slope(a: Any) -> Any:
    """a and its derivative 1."""
    return a, constants_of(a).one


@inner_kernel
def tanh(a: Any) -> Any:
    """tanh(a): odd, within 3 units in the last place, right at 0, subnormals, infinities and nan."""
    return tanh_and_slope(a)[0]


@inner_kernel
def sigmoid(a: Any) -> Any:
    """1 / (1 + e^-a), within 3 units in the last place, right at infinities and nan."""
    return sigmoid_and_slope(a)[0]


def activate_known(nonlinearity: int, a: Any, value: Any) -> None:
    """`activate` of a code."""
    if nonlinearity == TANH:
        for i in range(a.size):
            value[i], a[i] = tanh_and_slope(a[i])
    elif nonlinearity == SIGMOID:
        for i in range(a.size):
            value[i], a[i] = sigmoid_and_slope(a[i])
    elif nonlinearity == RELU:
        for i in range(a.size):
            value[i], a[i] = relu_and_slope(a[i])
    else:
        for i in range(a.size):
            value[i], a[i] = linear_and_slope(a[i])


def activate_own(nonlinearity: Any, a: Any, value: Any) -> None:
    """`activate` of a function."""
    for i in range(a.size):
        value[i], a[i] = nonlinearity(a[i])


# write f(a) of a row of pre-activations to `value`, and f'(a) in their place; both (N,), they share no memory
activate = by_nonlinearity(activate_known, activate_own, UNALIASED)
