"""Slow, obvious versions of the recurrence, the oracles of the kernels' tests."""

from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np

FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    "linear": lambda a: a,
    "relu": lambda a: np.where(np.real(a) > 0, a, 0 * a),
    "tanh": np.tanh,
    "sigmoid": lambda a: 1 / (1 + np.exp(-a)),
}


def relative(got: Any, expected: Any) -> float:
    """Largest error relative to the largest entry."""
    return float(np.abs(got - expected).max() / max(np.abs(expected).max(), 1e-300))


def last_state(nonlinearity: str, w1: Any, w2: Any, b1: Any, x: Any, h0: Any) -> Any:
    """h_T of h_t = f(w1 x_t + w2 h_(t-1) + b1); complex arguments carry complex-step derivatives through."""
    h = h0
    for x_t in x:
        h = FUNCTIONS[nonlinearity](w1 * x_t + w2 * h + b1)
    return h


def complex_step(function: Callable[[Any], Any], value: Any) -> Any:
    """Derivative by the complex step: no subtraction, so relative error 1e-15 (Squire & Trapp, SIAM Review 1998)."""
    return np.imag(function(value + 1e-200j)) / 1e-200


def exact_gradients(nonlinearity: str, w1: float, w2: float, b1: float, x: Any, h0: float) -> dict[str, Any]:
    """Derivatives of h_T by forward accumulation with 60 digits, unbounded exponents and no BPTT."""
    with mpmath.workdps(60):
        h, derivatives = mpmath.mpf(h0), {"h0": mpmath.mpf(1), "w1": 0, "w2": 0, "b1": 0}
        w1, w2, b1 = (mpmath.mpf(float(w)) for w in (w1, w2, b1))
        for x_t in x:
            a = w1 * mpmath.mpf(float(x_t)) + w2 * h + b1
            own = {"h0": 0, "w1": mpmath.mpf(float(x_t)), "w2": h, "b1": 1}
            h, slope = value_and_slope(nonlinearity, a)
            derivatives = {name: slope * (own[name] + w2 * d) for name, d in derivatives.items()}
        return derivatives


def value_and_slope(nonlinearity: str, a: Any) -> tuple[Any, Any]:
    """f(a) and f'(a) in mpmath, the slopes from formulas that lose no digits in saturation."""
    if nonlinearity == "tanh":
        return mpmath.tanh(a), mpmath.sech(a) ** 2
    if nonlinearity == "sigmoid":
        return 1 / (1 + mpmath.exp(-a)), 1 / (2 * mpmath.cosh(a / 2)) ** 2
    if nonlinearity == "relu":
        return max(a, mpmath.mpf(0)), mpmath.mpf(int(a > 0))
    return a, mpmath.mpf(1)


def sigmoid_of(a: float) -> float:
    """1 / (1 + e^-a) with 30 digits, rounded."""
    with mpmath.workdps(30):
        return float(1 / (1 + mpmath.exp(-mpmath.mpf(a))))
