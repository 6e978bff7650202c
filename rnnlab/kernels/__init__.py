"""Numba kernels, callable from Python and from your own ``@njit`` code: they compute and never check.

A wrong shape reads and writes out of bounds, as in C. Unless you are writing compiled code yourself, call the checked
functions of `rnnlab` instead.

>>> from numba import njit
>>> from rnnlab import kernels
>>> @njit
... def gate(a):
...     return kernels.sigmoid(a)
>>> gate(0.0)
0.5
"""

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
    attention_forward,
)
from rnnlab.kernels.gru import GRUGradients, GRUTape, GRUWork, gru_backward, gru_flow, gru_forward
from rnnlab.kernels.lstm import LSTMGradients, LSTMTape, LSTMWork, lstm_backward, lstm_flow, lstm_forward
from rnnlab.kernels.one_unit import Weights, backward, forward
from rnnlab.kernels.one_unit_scaled import (
    WINDOW,
    Adjoint,
    Gradients,
    Scaled,
    Tape,
    last_state_gradients,
    scaled_backward,
    scaled_forward,
    spread_gradients,
)
from rnnlab.kernels.rnn import RNNGradients, RNNTape, RNNWork, rnn_backward, rnn_flow, rnn_forward
from rnnlab.kernels.scaling import add, normalise, to_float
from rnnlab.kernels.sequences import Flow

__all__ = [
    "LINEAR",
    "RELU",
    "SIGMOID",
    "TANH",
    "WINDOW",
    "Adjoint",
    "AttentionGradients",
    "AttentionTape",
    "AttentionWork",
    "Flow",
    "GRUGradients",
    "GRUTape",
    "GRUWork",
    "Gradients",
    "LSTMGradients",
    "LSTMTape",
    "LSTMWork",
    "RNNGradients",
    "RNNTape",
    "RNNWork",
    "Scaled",
    "Tape",
    "Weights",
    "add",
    "attention_backward",
    "attention_forward",
    "backward",
    "forward",
    "gru_backward",
    "gru_flow",
    "gru_forward",
    "last_state_gradients",
    "linear_and_slope",
    "lstm_backward",
    "lstm_flow",
    "lstm_forward",
    "normalise",
    "relu_and_slope",
    "rnn_backward",
    "rnn_flow",
    "rnn_forward",
    "scaled_backward",
    "scaled_forward",
    "sigmoid",
    "sigmoid_and_slope",
    "spread_gradients",
    "tanh",
    "tanh_and_slope",
    "to_float",
]
