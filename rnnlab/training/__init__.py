"""Training a cell with a linear readout on a task."""

from rnnlab.training.checkpoint import load_fit as load_fit, save_fit as save_fit
from rnnlab.training.fitting import fit as fit, predict as predict
from rnnlab.training.optimisers import (
    SGD as SGD,
    Adam as Adam,
    RMSprop as RMSprop,
    Truncation as Truncation,
)
from rnnlab.training.records import (
    Fit as Fit,
    History as History,
    Model as Model,
    Recipe as Recipe,
    Stopped as Stopped,
    TrainingState as TrainingState,
)
from rnnlab.training.symptoms import Symptom as Symptom, symptoms as symptoms
