"""rnnlab: how gradients travel through recurrent networks, and what that does to learning.

The command line is ``python -m rnnlab.experiments``. Importing rnnlab loads neither pandas nor matplotlib.
"""

from rnnlab._base import starting as _starting  # noqa: F401 - first: a Ctrl-C may come while the others are imported

# isort: split
from rnnlab import (
    anatomy as anatomy,
    forward_mode as forward_mode,
    kernels as kernels,
    laws as laws,
    schedules as schedules,
    tasks as tasks,
)
from rnnlab._base.task import Batch as Batch, Task as Task
from rnnlab.api import backward as backward, forward as forward, gradient_flow as gradient_flow
from rnnlab.cell_check import check_cell as check_cell
from rnnlab.convert import (
    from_flax as from_flax,
    from_keras as from_keras,
    from_torch as from_torch,
    load_weights as load_weights,
    to_keras as to_keras,
    to_torch as to_torch,
)
from rnnlab.diagnosis import Diagnosis as Diagnosis, diagnose as diagnose
from rnnlab.flossing import (
    Flossed as Flossed,
    FlossingLoss as FlossingLoss,
    floss as floss,
    flossing_loss as flossing_loss,
)
from rnnlab.gradients import GradientFlow as GradientFlow, Gradients as Gradients
from rnnlab.kernels.cells import (
    AttentionParams as AttentionParams,
    Bidirectional as Bidirectional,
    GRUParams as GRUParams,
    LeakyRNNParams as LeakyRNNParams,
    LSTMParams as LSTMParams,
    MinGRUParams as MinGRUParams,
    ReLURNNParams as ReLURNNParams,
    ResetBeforeGRUParams as ResetBeforeGRUParams,
    RNNParams as RNNParams,
    Stack as Stack,
)
from rnnlab.lyapunov import (
    entropy_rate as entropy_rate,
    kaplan_yorke_dimension as kaplan_yorke_dimension,
    lyapunov_spectrum as lyapunov_spectrum,
)
from rnnlab.one_unit import (
    OneUnitGradients as OneUnitGradients,
    log10_abs as log10_abs,
    one_unit_gradients as one_unit_gradients,
    to_float as to_float,
)
from rnnlab.params import Readout as Readout
from rnnlab.tape import Tape as Tape
from rnnlab.training import (
    SGD as SGD,
    Adam as Adam,
    Fit as Fit,
    History as History,
    Model as Model,
    Recipe as Recipe,
    RMSprop as RMSprop,
    Stopped as Stopped,
    Symptom as Symptom,
    TrainingState as TrainingState,
    Truncation as Truncation,
    fit as fit,
    load_fit as load_fit,
    predict as predict,
    save_fit as save_fit,
    symptoms as symptoms,
)
from rnnlab.workspace import Workspace as Workspace

__version__ = "0.1.0"
__all__ = [name for name in dir() if not name.startswith("_") or name == "__version__"]
