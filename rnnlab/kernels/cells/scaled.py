"""Gradients of parameters far beyond the range of floats: sums over steps, of which each has units of its own.

On the way back a sequence's gradient is in units of 2^e, chosen anew where it leaves the middle of the floats' range
(`sequences.rescale`), and what a step leaves for the sums has the units that it had. A gradient is summed band by band, over
all steps whose exponents lie in one band at once, and the bands are added up as mantissa x 2^exponent, entry by entry.

What is here calls a cell's kernels from Python, as `stack` does.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from rnnlab.kernels._floats import constants_of
from rnnlab.kernels.cells.cell import own_gradients, parts_of
from rnnlab.kernels.cells.dispatch import clear_sums, finish
from rnnlab.kernels.cells.parts import layer_flow, scaled_flow_of
from rnnlab.kernels.scaling import Scaled, merge


def backward(params: Any, tape: Any, dloss: Any, gradients: Any, work: Any) -> Any:
    """Backpropagation through time with exponents, through a network of recurrent cells.

    Parameters
    ----------
    params, tape, dloss, gradients, work
        As of `Cell.backward`; the gradients are work space.

    Returns
    -------
    params
        The gradients of the parameters, of the type of the parameters, of `Scaled`.
    x : Scaled
        (T, B, I).
    h0 : Scaled, or tuple of them
        (S, B, H), nested as the network is.
    """
    whole = type(constants_of(dloss.dtype.type(0)).far)
    flow = scaled_flow_of(params, len(tape.x), np.zeros(dloss.shape[:2], whole))
    own = unshared(gradients)
    layer_flow(params, tape, dloss, flow, own, work)
    return sums(params, tape, own, flow), in_units(inputs_of(own), flow.input_exponent), initial(work, flow)


def unshared(gradients: Any) -> Any:
    """The same arrays where they last, and for what the steps leave arrays of all steps, which no two layers share."""
    if not hasattr(gradients, "_fields"):
        return tuple(map(unshared, gradients))
    own = dict(own_gradients(gradients))
    if parts_of(gradients):
        return gradients._replace(**{name: unshared(value) for name, value in own.items()})
    more = len(gradients.x) - len(next(iter(own.values())))  # than of a stretch
    sizes = {name: (len(array) + more, *array.shape[1:]) for name, array in own.items()}
    return gradients._replace(**{name: np.empty(size, gradients.x.dtype) for name, size in sizes.items()})


def inputs_of(gradients: Any) -> Any:
    """The gradient of the inputs, which a network of layers has from its lowest one."""
    return inputs_of(gradients.layers[0]) if hasattr(gradients, "layers") else gradients.x


def in_units(array: Any, exponent: Any) -> Scaled:
    """An array (..., N) in units of 2^exponent (...)."""
    return Scaled(array, np.repeat(exponent[..., None], array.shape[-1], axis=-1))


def initial(work: Any, flow: Any) -> Any:
    """The gradients of the initial states, where the way back has left them."""
    parts = zip(parts_of(work), parts_of(flow), strict=True)
    return tuple(initial(*pair) for pair in parts) or in_units(work.now, np.stack([flow.exponent] * len(work.now)))


def sums(params: Any, tape: Any, gradients: Any, flow: Any) -> Any:
    """The gradients of the parameters, from what all steps left in units of their own."""
    parts = zip(*(parts_of(one) for one in (params, tape, gradients, flow)), strict=True)
    if parts_of(params):
        return params.of([sums(*part) for part in parts])
    width, exponent = constants_of(params[0].dtype.type(0)).far, flow.input_exponent
    totals = type(params)(*(Scaled(np.zeros_like(a), np.zeros(a.shape, exponent.dtype)) for a in gradients.params))
    rows = dict(own_gradients(gradients))
    for band in np.unique(exponent // width):
        unit, there = type(width)(band * width), exponent // width == band
        inside = np.where(there, np.ldexp(params[0].dtype.type(1), np.where(there, exponent - unit, 0)), 0)
        chosen = {name: selected(array, inside) for name, array in rows.items()}
        clear_sums(gradients.params)
        finish(params, tape, gradients._replace(x=gradients.x[:0], **chosen))
        for total, found in zip(totals, gradients.params, strict=True):
            flat = Scaled(total.mantissa.reshape(-1), total.exponent.reshape(-1))
            merge(flat, found.reshape(-1), np.full(found.size, unit, exponent.dtype))
    return totals


def selected(rows: Any, factor: Any) -> Any:
    """Rows (T, B, ...) times a factor (T, B), and 0 where that is 0, whatever is there."""
    factor = factor.reshape(*factor.shape, *[1] * (rows.ndim - 2))
    return np.where(factor == 0, rows.dtype.type(0), rows * factor)
