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

from rnnlab.kernels import one_unit_training
from rnnlab.kernels.activations import (
    LINEAR,
    RELU,
    SIGMOID,
    TANH,
    linear_and_slope,
    relu_and_slope,
    sigmoid,
    sigmoid_and_slope,
    tanh,
    tanh_and_slope,
)
from rnnlab.kernels.attention import (
    AttentionGradients,
    AttentionTape,
    AttentionWork,
    attention_backward,
    attention_flow,
    attention_forward,
)
from rnnlab.kernels.gru import GRUGradients, GRUTape, GRUWork, gru_backward, gru_flow, gru_forward
from rnnlab.kernels.losses import CROSS_ENTROPY, SQUARED_ERROR, cross_entropy, squared_error
from rnnlab.kernels.lstm import LSTMGradients, LSTMTape, LSTMWork, lstm_backward, lstm_flow, lstm_forward
from rnnlab.kernels.one_unit import Weights, backward, forward
from rnnlab.kernels.one_unit_blocks import Gradients, last_state_gradients
from rnnlab.kernels.one_unit_scaled import (
    WINDOW,
    Adjoint,
    Tape,
    scaled_backward,
    scaled_forward,
    spread_gradients,
)
from rnnlab.kernels.optimisers import (
    ADAM,
    MOMENTUM,
    RMSPROP,
    SGD,
    Descent,
    clip_by_norm,
    clip_by_value,
    global_norm,
    take_step,
)
from rnnlab.kernels.regulariser import Regulariser, add_regulariser
from rnnlab.kernels.rnn import RNNGradients, RNNTape, RNNWork, rnn_backward, rnn_flow, rnn_forward
from rnnlab.kernels.scaling import Scaled, add, normalise, to_float
from rnnlab.kernels.sequences import WHOLE, Flow
from rnnlab.kernels.team import Team
from rnnlab.kernels.training import (
    FINITE,
    GRADIENT,
    LOSS,
    PARAMETERS,
    Batches,
    Course,
    Head,
    Log,
    Network,
    Vector,
    loss_and_gradient,
    train_block,
)

__all__ = [
    "ADAM",
    "CROSS_ENTROPY",
    "FINITE",
    "GRADIENT",
    "LINEAR",
    "LOSS",
    "MOMENTUM",
    "PARAMETERS",
    "RELU",
    "RMSPROP",
    "SGD",
    "SIGMOID",
    "SQUARED_ERROR",
    "TANH",
    "WHOLE",
    "WINDOW",
    "Adjoint",
    "AttentionGradients",
    "AttentionTape",
    "AttentionWork",
    "Batches",
    "Course",
    "Descent",
    "Flow",
    "GRUGradients",
    "GRUTape",
    "GRUWork",
    "Gradients",
    "Head",
    "LSTMGradients",
    "LSTMTape",
    "LSTMWork",
    "Log",
    "Network",
    "RNNGradients",
    "RNNTape",
    "RNNWork",
    "Regulariser",
    "Scaled",
    "Tape",
    "Team",
    "Vector",
    "Weights",
    "add",
    "add_regulariser",
    "attention_backward",
    "attention_flow",
    "attention_forward",
    "backward",
    "clip_by_norm",
    "clip_by_value",
    "cross_entropy",
    "forward",
    "global_norm",
    "gru_backward",
    "gru_flow",
    "gru_forward",
    "last_state_gradients",
    "linear_and_slope",
    "loss_and_gradient",
    "lstm_backward",
    "lstm_flow",
    "lstm_forward",
    "normalise",
    "one_unit_training",
    "relu_and_slope",
    "rnn_backward",
    "rnn_flow",
    "rnn_forward",
    "scaled_backward",
    "scaled_forward",
    "sigmoid",
    "sigmoid_and_slope",
    "spread_gradients",
    "squared_error",
    "take_step",
    "tanh",
    "tanh_and_slope",
    "to_float",
    "train_block",
]
