"""rnnlab: how gradients travel through recurrent networks, and what that does to learning.

The command line is ``python -m rnnlab.experiments``. Importing rnnlab loads neither pandas nor matplotlib.
"""

from rnnlab import kernels
from rnnlab.api import OneUnitGradients, log10_abs, one_unit_gradients, to_float

__version__ = "0.1.0"
__all__ = ["OneUnitGradients", "__version__", "kernels", "log10_abs", "one_unit_gradients", "to_float"]
