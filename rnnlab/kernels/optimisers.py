"""Steps of gradient descent on one flat vector of parameters, in place, and clipping, as PyTorch or Keras define them.

The parameters of all arrays lie one after another in row 0 of `values` (R, P), so that a step is one loop; the rows
after it are what an optimiser remembers, 0 at first. An optimiser is named by one of the codes :data:`SGD`,
:data:`MOMENTUM`, :data:`RMSPROP`, :data:`ADAM`; with g the gradient and r the learning rate:

    SGD       p -= r g
    momentum  v = m v + g,                            p -= r v; Nesterov's p -= r (g + m v)
    RMSprop   q = s q + (1 - s) g^2,                  p -= r g / (sqrt(q) + e), or with momentum of that quotient; centred
              it is q - a^2 for q, a = s a + (1 - s) g
    Adam      v = m v + (1 - m) g,  q = s q + (1 - s) g^2,
              p -= r / (1 - m^k) v / (sqrt(q / (1 - s^k)) + e),  in update k = 1, 2, ..

(torch.optim.SGD, RMSprop and Adam; D. P. Kingma and J. Ba, ICLR 2015, algorithm 1.) Keras 3 differs in three places:

    momentum  v = m v + r g,  p -= v; Nesterov's p -= m v + r g: the same until r changes
    RMSprop   p -= r g / sqrt(q + e), centred r g / sqrt(q - a^2 + e)
    Adam      p -= r sqrt(1 - s^k) / (1 - m^k) v / (sqrt(q) + e), the end of section 2 of Kingma and Ba

Weight decay w, before the step: g += w p, as torch.optim.SGD, RMSprop and Adam have it, or decoupled, p -= r w p, as
torch.optim.AdamW and all optimisers of Keras do (I. Loshchilov and F. Hutter, ICLR 2019).
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
    momentum: float  # m: 0.9 (PyTorch's for Adam)
    square_decay: float  # s: 0.99 for RMSprop, 0.999 for Adam
    epsilon: float  # e: 1e-8
    weight_decay: float  # w
    decoupled: bool  # whether weight decay leaves the gradient alone
    keras: bool  # whether steps and clipping are as Keras has them
    clip_norm: float  # longest gradient
    clip_value: float  # largest entry of a gradient, after it was shortened
    clip_weight: float  # longest gradient of each array
    nesterov: bool = False  # whether momentum is Nesterov's
    centred: bool = False  # whether RMSprop divides by the deviation of gradients, not by their root mean square


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
def clip_by_norm(gradient: Any, norm: float, longest: float, epsilon: float = CLIP_EPSILON) -> None:
    """Shorten a gradient (P,) of that norm to `longest`, as torch.nn.utils.clip_grad_norm_ does; Keras has no epsilon."""
    factor = longest / (norm + epsilon)
    if factor < 1:
        for i in range(gradient.size):
            gradient[i] *= factor


@kernel
def clip(gradient: Any, edges: Any, norm: float, descent: Descent) -> None:
    """Shorten a gradient (P,) of that norm as a whole or each array's, from edges[k] to edges[k + 1]; then its entries."""
    epsilon = 0.0 if descent.keras else CLIP_EPSILON
    clip_by_norm(gradient, norm, descent.clip_norm, epsilon)
    if descent.clip_weight < np.inf:
        for k in range(edges.size - 1):
            part = gradient[edges[k] : edges[k + 1]]
            clip_by_norm(part, global_norm(part), descent.clip_weight, epsilon)
    clip_by_value(gradient, descent.clip_value)


@kernel
def clip_by_value(gradient: Any, bound: float) -> None:
    """Bring every entry of a gradient (P,) into -bound .. bound, as torch.nn.utils.clip_grad_value_ does."""
    if bound < np.inf:
        limit = type(constants_of(gradient[0]).one)(bound)
        for i in range(gradient.size):
            g = limit if gradient[i] > limit else gradient[i]
            gradient[i] = -limit if g < -limit else g


@kernel
def take_step(values: Any, gradient: Any, descent: Descent, rate: float, step: int) -> None:
    """Take one step of the optimiser.

    Parameters
    ----------
    values : ndarray (R, P)
        Row 0 the parameters, then what the optimiser remembers: R = 1 for SGD, 2 for momentum and RMSprop, 3 for Adam;
        RMSprop has one more with momentum and one more, the last, if it is centred.
    gradient : ndarray (P,)
        Work space afterwards.
    descent : Descent
    rate : float
        The learning rate r of this update.
    step : int
        This update's number, from 1.
    """
    if descent.weight_decay > 0:
        decay(values[0], gradient, descent, rate)
    if descent.optimiser == ADAM:
        adam_step(values, gradient, descent, rate, step)
    elif descent.optimiser == RMSPROP:
        rmsprop_step(values, gradient, descent, rate)
    elif descent.optimiser == MOMENTUM:
        momentum_step(values[0], values[1], gradient, descent, rate)
    else:
        sgd_step(values, gradient, rate)


@kernel
def decay(p: Any, gradient: Any, descent: Descent, rate: float) -> None:
    """Weight decay, of the parameters or of the gradient."""
    number = type(gradient[0])
    kept, weight = number(1 - rate * descent.weight_decay), number(descent.weight_decay)
    for i in range(p.size):
        if descent.decoupled:
            p[i] *= kept
        else:
            gradient[i] += weight * p[i]


@kernel
def sgd_step(values: Any, gradient: Any, rate: float) -> None:
    """Plain gradient descent."""
    r, p = type(gradient[0])(rate), values[0]
    for i in range(gradient.size):
        p[i] -= r * gradient[i]


@kernel
def momentum_step(p: Any, v: Any, gradient: Any, descent: Descent, rate: float) -> None:
    """Step along the velocity v."""
    number = type(gradient[0])
    r, m = number(rate), number(descent.momentum)
    added, taken = (r, number(1)) if descent.keras else (number(1), r)
    ahead = descent.nesterov
    for i in range(gradient.size):
        g = added * gradient[i]
        v[i] = m * v[i] + g
        p[i] -= taken * (g + m * v[i] if ahead else v[i])


@kernel
def rmsprop_step(values: Any, gradient: Any, descent: Descent, rate: float) -> None:
    """Row 1 is the running mean of squares, row 2 the velocity if there is momentum, the last the mean if it is centred."""
    number = type(gradient[0])
    s, epsilon = number(descent.square_decay), number(descent.epsilon)
    zero, fresh = number(0), number(1 - descent.square_decay)
    within, beside = (epsilon, zero) if descent.keras else (zero, epsilon)
    q, mean = values[1], values[values.shape[0] - 1]
    for i in range(gradient.size):
        g = gradient[i]
        q[i] = s * q[i] + fresh * g * g
        square = q[i]
        if descent.centred:
            mean[i] = s * mean[i] + fresh * g
            square -= mean[i] * mean[i]
        gradient[i] = g / (np.sqrt(square + within) + beside)
    if descent.momentum == 0:
        sgd_step(values, gradient, rate)
    else:
        momentum_step(values[0], values[2], gradient, descent, rate)


@kernel
def adam_step(values: Any, gradient: Any, descent: Descent, rate: float, step: int) -> None:
    """Row 1 is the running mean, row 2 that of squares; the corrections of their start at 0 are float64."""
    number = type(gradient[0])
    correction = math.sqrt(1 - descent.square_decay**step)
    m, s = number(descent.momentum), number(descent.square_decay)
    epsilon = number(descent.epsilon / correction if descent.keras else descent.epsilon)
    fresh, fresh_square = number(1 - descent.momentum), number(1 - descent.square_decay)
    r = number(rate / (1 - descent.momentum**step))
    inverse = number(1 / correction)
    p, v, q = values[0], values[1], values[2]
    for i in range(gradient.size):
        g = gradient[i]
        v[i] = m * v[i] + fresh * g
        q[i] = s * q[i] + fresh_square * g * g
        p[i] -= r * v[i] / (np.sqrt(q[i]) * inverse + epsilon)
