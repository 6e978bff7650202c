"""rnnlab: how gradients travel through recurrent networks, and what that does to learning.

The command line is ``python -m rnnlab.experiments``. Importing rnnlab loads neither pandas nor matplotlib.
"""

from rnnlab import anatomy, kernels
from rnnlab._tapes import Tape
from rnnlab.api import GradientFlow, Gradients, backward, forward, gradient_flow
from rnnlab.lyapunov import entropy_rate, kaplan_yorke_dimension, lyapunov_spectrum
from rnnlab.one_unit import OneUnitGradients, log10_abs, one_unit_gradients, to_float
from rnnlab.params import AttentionParams, GRUParams, LSTMParams, RNNParams
from rnnlab.workspace import Workspace

__version__ = "0.1.0"
__all__ = [
    "AttentionParams",
    "GRUParams",
    "GradientFlow",
    "Gradients",
    "LSTMParams",
    "OneUnitGradients",
    "RNNParams",
    "Tape",
    "Workspace",
    "__version__",
    "anatomy",
    "backward",
    "entropy_rate",
    "forward",
    "gradient_flow",
    "kaplan_yorke_dimension",
    "kernels",
    "log10_abs",
    "lyapunov_spectrum",
    "one_unit_gradients",
    "to_float",
]
