"""What differs between float32 and float64: one NamedTuple of constants each, and a number's bits.

Kernels are written once. :func:`constants_of` picks the constants of an argument's type at compile time, so a float32
call never touches float64, and :func:`reinterpret` is a single bitcast instruction.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import types
from numba.extending import intrinsic, overload


class Constants(NamedTuple):
    """Constants of one floating-point type, each stored in that type or in the integer of its width."""

    one: Any
    zero: Any
    log2_e: Any  # 1 / ln 2
    ln2_high: Any  # ln 2 with enough trailing zero bits that k * ln2_high is exact
    ln2_low: Any  # ln 2 - ln2_high
    rounder: Any  # 1.5 * 2^(mantissa bits): adding it leaves the nearest integer in the low bits
    rounder_bits: Any
    mantissa_bits: Any
    exponent_bias: Any
    sign_bit: Any
    polynomial: Any  # of (e^r - 1 - r) / r^2 on |r| <= ln(2) / 2, minimax, in pairs, the highest powers first
    tanh_limit: Any  # |a| beyond which tanh's slope 4 e^(-2|a|) is held constant
    sigmoid_limit: Any  # e^-limit rounds to 0
    far: Any  # states of magnitude above 2^far or below 2^-far get an exponent of their own
    faint: Any  # below this, with room for slopes above 1, a gradient that did not grow may have been subnormal before


FLOAT64 = Constants(
    one=np.float64(1),
    zero=np.float64(0),
    log2_e=np.float64(1.4426950408889634),
    ln2_high=np.float64(0.6931471803691238),
    ln2_low=np.float64(1.9082149292705877e-10),
    rounder=np.float64(6755399441055744.0),
    rounder_bits=np.int64(0x4338000000000000),
    mantissa_bits=np.int64(52),
    exponent_bias=np.int64(1023),
    sign_bit=np.int64(-0x8000000000000000),
    polynomial=(
        (np.float64(2.5114449456025554058e-8), np.float64(2.7626269072739969577e-7)),
        (np.float64(2.7557228040230363567e-6), np.float64(2.480150460538926859e-5)),
        (np.float64(1.9841269902918379466e-4), np.float64(1.3888888932227392825e-3)),
        (np.float64(8.3333333333146536276e-3), np.float64(4.1666666666574184882e-2)),
        (np.float64(1.6666666666666685868e-1), np.float64(0.50000000000000054871)),
    ),
    tanh_limit=np.float64(300),
    sigmoid_limit=np.float64(746),
    far=np.int64(64),
    faint=np.float64(2.0**-512),
)

FLOAT32 = Constants(
    one=np.float32(1),
    zero=np.float32(0),
    log2_e=np.float32(1.4426950408889634),
    ln2_high=np.float32(0.693145751953125),
    ln2_low=np.float32(1.428606765330187e-06),
    rounder=np.float32(12582912.0),
    rounder_bits=np.int32(0x4B400000),
    mantissa_bits=np.int32(23),
    exponent_bias=np.int32(127),
    sign_bit=np.int32(-0x80000000),
    polynomial=(
        (np.float32(1.9914167629748372e-4), np.float32(1.3940959073148084e-3)),
        (np.float32(8.3332730831609428e-3), np.float32(4.1666355430994946e-2)),
        (np.float32(1.6666666816702429e-1), np.float32(0.5000000046152751)),
    ),
    tanh_limit=np.float32(30),
    sigmoid_limit=np.float32(105),
    far=np.int32(10),
    faint=np.float32(2.0**-110),
)


def constants_of(number: Any) -> Constants:
    """The constants of `number`'s type: float32 if it is float32 or int32, else float64."""
    return FLOAT32 if isinstance(number, (np.float32, np.int32)) else FLOAT64


@overload(constants_of, inline="always")
def _constants_of(number):  # type: ignore[no-untyped-def]
    if number in (types.float32, types.int32):
        return lambda number: FLOAT32
    return lambda number: FLOAT64


def reinterpret(number: Any) -> Any:
    """The bits of a float read as the integer of its width, or those of an integer as the float of its width."""
    partner = {"f": "i", "i": "f"}[number.dtype.kind] + str(number.dtype.itemsize)
    return number.view(np.dtype(partner))[()]


_PARTNER = {
    types.float32: types.int32,
    types.float64: types.int64,
    types.int32: types.float32,
    types.int64: types.float64,
}


@intrinsic
def _bitcast(typingctx, number):  # type: ignore[no-untyped-def]
    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.bitcast(args[0], context.get_value_type(signature.return_type))

    return _PARTNER[number](number), codegen


@overload(reinterpret)
def _reinterpret(number):  # type: ignore[no-untyped-def]
    return lambda number: _bitcast(number)
