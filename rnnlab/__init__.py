"""rnnlab: how gradients travel through recurrent networks, and what that does to learning.

The command line is ``python -m rnnlab.experiments``. Importing rnnlab loads neither pandas nor matplotlib.
"""

from rnnlab import anatomy, kernels, tasks
from rnnlab._tapes import Tape
from rnnlab.api import GradientFlow, Gradients, backward, forward, gradient_flow
from rnnlab.checkpoints import load_fit, save_fit
from rnnlab.lyapunov import entropy_rate, kaplan_yorke_dimension, lyapunov_spectrum
from rnnlab.one_unit import OneUnitGradients, log10_abs, one_unit_gradients, to_float
from rnnlab.params import AttentionParams, GRUParams, LSTMParams, Readout, RNNParams
from rnnlab.tasks import Batch, Task
from rnnlab.training import Fit, History, Model, Recipe, Stopped, TrainingState, fit, predict
from rnnlab.workspace import Workspace

__version__ = "0.1.0"
__all__ = [
    "AttentionParams",
    "Batch",
    "Fit",
    "GRUParams",
    "GradientFlow",
    "Gradients",
    "History",
    "LSTMParams",
    "Model",
    "OneUnitGradients",
    "RNNParams",
    "Readout",
    "Recipe",
    "Stopped",
    "Tape",
    "Task",
    "TrainingState",
    "Workspace",
    "__version__",
    "anatomy",
    "backward",
    "entropy_rate",
    "fit",
    "forward",
    "gradient_flow",
    "kaplan_yorke_dimension",
    "kernels",
    "load_fit",
    "log10_abs",
    "lyapunov_spectrum",
    "one_unit_gradients",
    "predict",
    "save_fit",
    "tasks",
    "to_float",
]
