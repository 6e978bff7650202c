"""The one-unit network: plain, with exponents, in blocks of lanes, and trained."""

from rnnlab.kernels.one_unit import training as training
from rnnlab.kernels.one_unit.adjoint import (
    Adjoint as Adjoint,
    EveryStep as EveryStep,
    scaled_backward as scaled_backward,
)
from rnnlab.kernels.one_unit.blocks import (
    Gradients as Gradients,
    last_state_gradients as last_state_gradients,
)
from rnnlab.kernels.one_unit.plain import Weights as Weights, backward as backward, forward as forward
from rnnlab.kernels.one_unit.scaled import WINDOW as WINDOW, Tape as Tape, scaled_forward as scaled_forward
