"""Numbers as mantissa x 2^exponent: values far outside the range of a float, at nearly its speed.

A power of two scales exactly, so wherever a plain product would have been a normal number the scaled one has the same
bits. Rescaling is integer arithmetic on the exponent field, branch-free, and vectorises. While kernels compute with it
the exponent is an integer of the float's width: int64 beside float64, int32 beside float32.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from rnnlab._base.showing import largest_entry, shows
from rnnlab.kernels._floats import constants_of, reinterpret
from rnnlab.kernels._jit import inner_kernel, kernel
from rnnlab.kernels.activations import power_of_two


@inner_kernel
def normalise(mantissa: Any, exponent: Any) -> Any:
    """Bring a scaled number to 1 <= |mantissa| < 2, as (mantissa, exponent); zero, inf and nan are left as they are.

    Parameters
    ----------
    mantissa : float32 or float64
        Zero, a normal number, inf or nan.
    exponent : int32 or int64
    """
    c = constants_of(mantissa)
    whole = type(c.sign_bit)
    largest = whole(c.exponent_bias + c.exponent_bias + whole(1))  # of the field, that of inf and nan
    field = whole((reinterpret(mantissa) >> c.mantissa_bits) & largest)
    rest = whole(reinterpret(mantissa) & ~whole(largest << c.mantissa_bits))
    scaled = reinterpret(whole(rest | reinterpret(c.one)))
    is_normal = (field != whole(0)) & (field != largest)
    shift = whole(field - c.exponent_bias) if is_normal else whole(0)
    return (scaled if is_normal else mantissa), whole(exponent + shift)


@inner_kernel
def without_subnormals(number: Any) -> Any:
    """The number, or 0 if it is subnormal: arithmetic on those is a hundred times slower, and gradients vanish there."""
    c = constants_of(number)
    smallest = power_of_two(type(c.sign_bit)(type(c.sign_bit)(1) - c.exponent_bias))
    return c.zero if abs(number) < smallest else number


@inner_kernel
def power_below(exponent: Any) -> Any:
    """2^exponent for an exponent up to 0; 0 where it is no normal number, as sums with subnormal ones are ten times slower."""
    c = constants_of(exponent)
    lowest = type(c.sign_bit)(type(c.sign_bit)(1) - c.exponent_bias)
    power = power_of_two(min(type(c.sign_bit)(0), max(lowest, exponent)))
    return power if exponent > lowest else c.zero


@inner_kernel
def add(mantissa: Any, exponent: Any, other: Any, other_exponent: Any) -> Any:
    """The sum of two scaled numbers, in the larger exponent of those not zero; the mantissas need not be normalised."""
    c = constants_of(mantissa)
    whole = type(c.sign_bit)
    top = max(exponent, other_exponent)
    top = other_exponent if mantissa == c.zero else top
    top = exponent if other == c.zero else top
    return mantissa * power_below(whole(exponent - top)) + other * power_below(whole(other_exponent - top)), top


@inner_kernel
def to_float(mantissa: Any, exponent: Any) -> Any:
    """mantissa x 2^exponent as a plain number, for exponents that the type can hold; smaller ones become the floor."""
    c = constants_of(mantissa)
    whole = type(c.sign_bit)
    floor = whole(whole(1) - c.exponent_bias)
    return mantissa * power_of_two(whole(min(c.exponent_bias, max(floor, exponent))))


@shows(largest_entry)
class Scaled(NamedTuple):
    """An array of mantissas and one of exponents, of the same shape."""

    mantissa: Any
    exponent: Any


@kernel
def part(whole: Scaled, first: int, last: int) -> Scaled:
    """Lanes first .. last - 1 of a `Scaled`, as a view."""
    return Scaled(whole.mantissa[first:last], whole.exponent[first:last])


@kernel
def clear(total: Scaled) -> None:
    """Set every number to 0 x 2^0."""
    total.mantissa[:] = 0
    total.exponent[:] = 0


@inner_kernel
def add_to(total: Scaled, place: Any, mantissa: Any, exponent: Any) -> None:
    """Add a number to the one at an index."""
    both, power = add(total.mantissa[place], total.exponent[place], mantissa, exponent)
    total.mantissa[place], total.exponent[place] = normalise(both, power)


@inner_kernel
def merge(total: Scaled, window: Any, exponent: Any) -> None:
    """Add one window's sums, in units of 2^exponent, to the totals; all (L,)."""
    for i in range(window.size):
        add_to(total, i, window[i], exponent[i])
