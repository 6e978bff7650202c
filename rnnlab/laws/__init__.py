"""Closed forms that the measurements are held against, each with its source.

Nothing here runs a recurrence: a law is never used to produce the number it is compared with.
"""

from rnnlab.laws import (
    depth as depth,
    forward_mode as forward_mode,
    gated_mean_field as gated_mean_field,
    gates as gates,
    linear_recurrence as linear_recurrence,
    mean_field as mean_field,
    memory as memory,
    non_normal as non_normal,
    one_unit as one_unit,
)
from rnnlab.laws.one_unit import (
    LOG10_2 as LOG10_2,
    cliff_onset as cliff_onset,
    cliff_wall as cliff_wall,
    latch_threshold as latch_threshold,
    log10_gradient_bound as log10_gradient_bound,
    log10_linear_gradient as log10_linear_gradient,
    saddle_nodes as saddle_nodes,
    tanh_attractor as tanh_attractor,
    tanh_attractor_multiplier as tanh_attractor_multiplier,
    turn as turn,
)
