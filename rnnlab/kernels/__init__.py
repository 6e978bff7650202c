"""Numba kernels, callable from Python and from your own ``@njit`` code: they compute and never check.

A wrong shape reads and writes out of bounds, as in C. Unless you are writing compiled code yourself, call the checked
functions of `rnnlab` instead.

The names of `kernels.one_unit_training` stay in their module: its networks and descents are others than those of cells.

>>> from numba import njit
>>> from rnnlab import kernels
>>> @njit
... def gate(a):
...     return kernels.sigmoid(a)
>>> gate(0.0)
0.5
"""

from rnnlab.kernels import one_unit
from rnnlab.kernels._floats import constants_of as constants_of
from rnnlab.kernels.activations import (
    LINEAR as LINEAR,
    RELU as RELU,
    SIGMOID as SIGMOID,
    TANH as TANH,
    linear_and_slope as linear_and_slope,
    relu_and_slope as relu_and_slope,
    sigmoid as sigmoid,
    sigmoid_and_slope as sigmoid_and_slope,
    tanh as tanh,
    tanh_and_slope as tanh_and_slope,
)
from rnnlab.kernels.cells import recurrence as recurrence
from rnnlab.kernels.cells.attention import (
    AttentionGradients as AttentionGradients,
    AttentionTape as AttentionTape,
    AttentionWork as AttentionWork,
    attention_backward as attention_backward,
    attention_flow as attention_flow,
    attention_forward as attention_forward,
)
from rnnlab.kernels.cells.cell import Cell as Cell, Shapes as Shapes, Steps as Steps
from rnnlab.kernels.cells.gru import (
    GRUGradients as GRUGradients,
    GRUTape as GRUTape,
    GRUWork as GRUWork,
)
from rnnlab.kernels.cells.lstm import (
    LSTMGradients as LSTMGradients,
    LSTMTape as LSTMTape,
    LSTMWork as LSTMWork,
)
from rnnlab.kernels.cells.rnn import (
    RNNGradients as RNNGradients,
    RNNTape as RNNTape,
    RNNWork as RNNWork,
)
from rnnlab.kernels.losses import (
    CROSS_ENTROPY as CROSS_ENTROPY,
    SQUARED_ERROR as SQUARED_ERROR,
    cross_entropy as cross_entropy,
    squared_error as squared_error,
)
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
from rnnlab.kernels.optimisers import (
    ADAM as ADAM,
    MOMENTUM as MOMENTUM,
    RMSPROP as RMSPROP,
    SGD as SGD,
    Descent as Descent,
    clip_by_norm as clip_by_norm,
    clip_by_value as clip_by_value,
    global_norm as global_norm,
    take_step as take_step,
)
from rnnlab.kernels.regulariser import Regulariser as Regulariser, add_regulariser as add_regulariser
from rnnlab.kernels.scaling import Scaled as Scaled, add as add, normalise as normalise, to_float as to_float
from rnnlab.kernels.sequences import WHOLE as WHOLE, Flow as Flow
from rnnlab.kernels.team import Team as Team
from rnnlab.kernels.training import (
    FINITE as FINITE,
    GRADIENT as GRADIENT,
    LOSS as LOSS,
    PARAMETERS as PARAMETERS,
    Batches as Batches,
    Course as Course,
    Head as Head,
    Log as Log,
    Network as Network,
    Vector as Vector,
    loss_and_gradient as loss_and_gradient,
    train_block as train_block,
)

one_unit_training = one_unit.training
# the loops through time are the same for every recurrent cell, which the type of the parameters chooses
rnn_forward, rnn_backward, rnn_flow = recurrence.forward, recurrence.backward, recurrence.flow
lstm_forward, lstm_backward, lstm_flow = recurrence.gated_forward, recurrence.backward, recurrence.flow
gru_forward, gru_backward, gru_flow = recurrence.gated_forward, recurrence.backward, recurrence.flow

__all__ = [name for name in dir() if not name.startswith("_")]
