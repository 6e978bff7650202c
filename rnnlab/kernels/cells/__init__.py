"""The cells, one file each, and the list of those that rnnlab ships; a class of your own need not be in it."""

from rnnlab.kernels.cells.attention import AttentionParams as AttentionParams
from rnnlab.kernels.cells.bidirectional import Bidirectional as Bidirectional
from rnnlab.kernels.cells.gru import GRUParams as GRUParams
from rnnlab.kernels.cells.leaky_rnn import LeakyRNNParams as LeakyRNNParams
from rnnlab.kernels.cells.lstm import LSTMParams as LSTMParams
from rnnlab.kernels.cells.mingru import MinGRUParams as MinGRUParams
from rnnlab.kernels.cells.relu_rnn import ReLURNNParams as ReLURNNParams
from rnnlab.kernels.cells.reset_before_gru import ResetBeforeGRUParams as ResetBeforeGRUParams
from rnnlab.kernels.cells.rnn import RNNParams as RNNParams
from rnnlab.kernels.cells.stack import Stack as Stack

CELLS = (
    RNNParams,
    LSTMParams,
    GRUParams,
    AttentionParams,
    MinGRUParams,
    LeakyRNNParams,
    ReLURNNParams,
    ResetBeforeGRUParams,
)
