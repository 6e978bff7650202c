"""What cells share whose input and recurrent weights are multiplied from panels: `work` has `input_panels` and `panels`."""

from __future__ import annotations

from typing import Any

from rnnlab.kernels._jit import kernel
from rnnlab.kernels.products import pack, project_back


@kernel
def prepare(params: Any, tape: Any, work: Any) -> None:
    """Pack the weights, transposed."""
    pack(params.weight_ih.T, work.input_panels)
    pack(params.weight_hh.T, work.panels)


@kernel
def prepare_back(params: Any, work: Any) -> None:
    """Pack the recurrent weights."""
    pack(params.weight_hh, work.panels)


@kernel
def inputs_back(params: Any, tape: Any, gradients: Any) -> None:
    """Write the gradients of the inputs of some steps from those of a = weight_ih x + bias."""
    project_back(params.weight_ih, gradients.a, gradients.x)
