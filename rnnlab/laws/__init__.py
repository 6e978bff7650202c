"""Closed forms that the measurements are held against, each with its source.

Nothing here runs a recurrence: a law is never used to produce the number it is compared with.
"""

from rnnlab.laws.one_unit import (
    LOG10_2,
    cliff_onset,
    cliff_wall,
    latch_threshold,
    log10_gradient_bound,
    log10_linear_gradient,
    saddle_nodes,
    tanh_attractor,
    tanh_attractor_multiplier,
)

__all__ = [
    "LOG10_2",
    "cliff_onset",
    "cliff_wall",
    "latch_threshold",
    "log10_gradient_bound",
    "log10_linear_gradient",
    "saddle_nodes",
    "tanh_attractor",
    "tanh_attractor_multiplier",
]
