"""What a network of several asks of its parts, be they cells or networks again: where their gradients and norms are written."""

from __future__ import annotations

from typing import Any

import numpy as np

from rnnlab.kernels.cells import recurrence
from rnnlab.kernels.cells.cell import parts_of
from rnnlab.kernels.cells.dispatch import own_kernel
from rnnlab.kernels.sequences import Flow, ScaledFlow

layer_flow = own_kernel(lambda cell: recurrence.scaled_flow if cell.flow is recurrence.flow else cell.flow)


def flow_of(network: Any, steps: int, loss_exponent: Any) -> Any:
    """Where the norms of a network's gradients are written, as its cell's `flow` takes it."""
    made = scaled_flow_of(network, steps, loss_exponent)
    return made if parts_of(network) else Flow(made.log10_norm, made.exponent)


def scaled_flow_of(network: Any, steps: int, loss_exponent: Any) -> Any:
    """The same as part of a network."""
    if parts_of(network):
        return network.flow(steps, loss_exponent)
    batch, kind = loss_exponent.shape[1], loss_exponent.dtype
    norms = np.empty((max(len(type(network).cell().states), 1), steps + 1, batch))
    return ScaledFlow(norms, np.zeros(batch, kind), loss_exponent, np.empty((steps, batch), kind))


def gradients_into(gradients: Any, params: Any, x: Any) -> Any:
    """Gradients with other places for those of the parameters and, if given, of the inputs."""
    if hasattr(gradients, "into"):
        return gradients.into(params, x)
    return gradients._replace(params=params) if x is None else gradients._replace(params=params, x=x)
