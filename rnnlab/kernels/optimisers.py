"""Steps of gradient descent on one flat vector of parameters, in place, and clipping: PyTorch's definitions.

The parameters of all arrays lie one after another in row 0 of `values` (R, P), so that a step is one loop; the rows
after it are what an optimiser remembers, 0 at first. An optimiser is named by one of the codes :data:`SGD`,
:data:`MOMENTUM`, :data:`RMSPROP`, :data:`ADAM`; with g the gradient and r the learning rate:

    SGD       p -= r g
    momentum  v = m v + g,                            p -= r v
    RMSprop   q = s q + (1 - s) g^2,                  p -= r g / (sqrt(q) + e)
    Adam      v = m v + (1 - m) g,  q = s q + (1 - s) g^2,
              p -= r / (1 - m^k) v / (sqrt(q / (1 - s^k)) + e),  in update k = 1, 2, ..

(torch.optim.SGD, RMSprop and Adam; D. P. Kingma and J. Ba, ICLR 2015, algorithm 1.)
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from rnnlab.kernels._floats import constants_of
from rnnlab.kernels._jit import kernel
from rnnlab.kernels.sequences import largest

SGD, MOMENTUM, RMSPROP, ADAM = range(4)
CLIP_EPSILON = 1e-6  # of torch.nn.utils.clip_grad_norm_


class Descent(NamedTuple):
    """The optimiser with its step size, and the bounds of clipping, inf for none."""

    optimiser: int  # SGD, MOMENTUM, RMSPROP or ADAM
    learning_rate: float  # r
    momentum: float  # m: 0.9 (PyTorch's for Adam)
    square_decay: float  # s: 0.99 for RMSprop, 0.999 for Adam
    epsilon: float  # e: 1e-8
    clip_norm: float  # longest gradient
    clip_value: float  # largest entry of a gradient, after it was shortened


@kernel
def global_norm(gradient: Any) -> float:
    """The Euclidean norm of a gradient (P,) in float64, without overflow or underflow on the way; nan if there is one."""
    total = 0.0
    for i in range(gradient.size):
        total += np.float64(gradient[i]) * np.float64(gradient[i])
    if 1e-280 < total < 1e300:
        return math.sqrt(total)
    size = np.float64(largest(gradient))
    if size == 0 or not math.isfinite(size):
        return size
    total = 0.0
    for i in range(gradient.size):
        total += (np.float64(gradient[i]) / size) ** 2
    return size * math.sqrt(total)


@kernel
def clip_by_norm(gradient: Any, norm: float, longest: float) -> None:
    """Shorten a gradient (P,) of that norm to `longest`, as torch.nn.utils.clip_grad_norm_ does."""
    factor = longest / (norm + CLIP_EPSILON)
    if factor < 1:
        for i in range(gradient.size):
            gradient[i] *= factor


@kernel
def clip_by_value(gradient: Any, bound: float) -> None:
    """Bring every entry of a gradient (P,) into -bound .. bound, as torch.nn.utils.clip_grad_value_ does."""
    if bound < np.inf:
        limit = type(constants_of(gradient[0]).one)(bound)
        for i in range(gradient.size):
            g = limit if gradient[i] > limit else gradient[i]
            gradient[i] = -limit if g < -limit else g


@kernel
def take_step(values: Any, gradient: Any, descent: Descent, step: int) -> None:
    """Take one step of the optimiser.

    Parameters
    ----------
    values : ndarray (R, P)
        Row 0 the parameters, then what the optimiser remembers: R = 1 for SGD, 2 for momentum and RMSprop, 3 for Adam.
    gradient : ndarray (P,)
    descent : Descent
    step : int
        This update's number, from 1.
    """
    if descent.optimiser == ADAM:
        adam_step(values, gradient, descent, step)
    elif descent.optimiser == RMSPROP:
        rmsprop_step(values, gradient, descent)
    elif descent.optimiser == MOMENTUM:
        momentum_step(values, gradient, descent)
    else:
        sgd_step(values, gradient, descent)


@kernel
def sgd_step(values: Any, gradient: Any, descent: Descent) -> None:
    """Plain gradient descent."""
    rate, p = type(gradient[0])(descent.learning_rate), values[0]
    for i in range(gradient.size):
        p[i] -= rate * gradient[i]


@kernel
def momentum_step(values: Any, gradient: Any, descent: Descent) -> None:
    """Row 1 is the velocity."""
    number = type(gradient[0])
    rate, m = number(descent.learning_rate), number(descent.momentum)
    p, v = values[0], values[1]
    for i in range(gradient.size):
        v[i] = m * v[i] + gradient[i]
        p[i] -= rate * v[i]


@kernel
def rmsprop_step(values: Any, gradient: Any, descent: Descent) -> None:
    """Row 1 is the running mean of squares."""
    number = type(gradient[0])
    rate, s, epsilon = number(descent.learning_rate), number(descent.square_decay), number(descent.epsilon)
    fresh = number(1 - descent.square_decay)
    p, q = values[0], values[1]
    for i in range(gradient.size):
        g = gradient[i]
        q[i] = s * q[i] + fresh * g * g
        p[i] -= rate * g / (np.sqrt(q[i]) + epsilon)


@kernel
def adam_step(values: Any, gradient: Any, descent: Descent, step: int) -> None:
    """Row 1 is the running mean, row 2 that of squares; the corrections of their start at 0 are float64."""
    number = type(gradient[0])
    m, s, epsilon = number(descent.momentum), number(descent.square_decay), number(descent.epsilon)
    fresh, fresh_square = number(1 - descent.momentum), number(1 - descent.square_decay)
    rate = number(descent.learning_rate / (1 - descent.momentum**step))
    inverse = number(1 / math.sqrt(1 - descent.square_decay**step))
    p, v, q = values[0], values[1], values[2]
    for i in range(gradient.size):
        g = gradient[i]
        v[i] = m * v[i] + fresh * g
        q[i] = s * q[i] + fresh_square * g * g
        p[i] -= rate * v[i] / (np.sqrt(q[i]) * inverse + epsilon)
