"""What each remedy would do here: the same network with one change, on the same data, not trained again."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from rnnlab._base import initial
from rnnlab.api import backward, forward, gradient_flow
from rnnlab.diagnosis.measures import Decay, aligned, decay_of, decays, flat, log10_states
from rnnlab.diagnosis.subject import Subject
from rnnlab.kernels.cells import Stack
from rnnlab.kernels.cells.cell import leaves_of, sizes_of, with_leaves

SEQUENCES = 32  # at most, of those given: one answer for all of them
LONGEST = 2  # chrono's longest dependency is above that
FORGET_BIAS = 1.0  # Jozefowicz 2015
CLIP = 1.0


class Remedy(NamedTuple):
    """One change and what it makes of the layer whose gradient is lost first."""

    name: str
    horizon: int | None  # of the changed network; None if 1 % is left at every lag
    factor: float  # a step; nan where the remedy does not apply
    told: str


def remedies_of(subject: Subject) -> tuple[Remedy, ...]:
    """All that were measured by this package; none where no step is finite."""
    if not len(subject.x):
        return ()
    some = subject.some(SEQUENCES)
    now = worst(decays(some.tape(), some))
    changes: dict[str, Callable[[Any], Any]] = {
        f"forget bias {FORGET_BIAS:g}": forget_bias,
        "chrono": lambda leaf: chrono(leaf, float(len(subject.x))),
        "orthogonal": orthogonal,
    }
    changed = [of_change(name, some, now, change) for name, change in changes.items()]
    return (*changed, clipping(some), residual(some, now))


def worst(found: list[Decay]) -> Decay:
    """That of the layer with the shortest horizon, or where all have 1 % left with the smallest factor."""
    return min(found, key=lambda decay: (np.inf if decay.horizon is None else decay.horizon, decay.factor))


def of_change(name: str, subject: Subject, now: Decay, change: Callable[[Any], Any]) -> Remedy:
    """What a change of every layer's parameters does; of none if it is None for all of them."""
    leaves = leaves_of(subject.params)
    changed = [change(leaf) for leaf in leaves]
    if all(leaf is None for leaf in changed):
        kinds = " and ".join(sorted({type(leaf).__name__.removesuffix("Params") for leaf in leaves}))
        return Remedy(name, None, np.nan, f"does not apply to {kinds}")
    mixed = (old if new is None else new for old, new in zip(leaves, changed, strict=True))
    other = subject._replace(params=with_leaves(subject.params, mixed))
    tape = other.tape()
    if not np.isfinite(tape.h).all():
        return Remedy(name, None, np.nan, "its states would overflow")
    then = worst(decays(tape, other))
    return Remedy(name, then.horizon, then.factor, told(now, then, len(subject.x)))


def told(now: Decay, then: Decay, steps: int) -> str:
    """Before and after."""
    horizons = ["all" if decay.horizon is None else str(decay.horizon) for decay in (now, then)]
    return f"horizon {horizons[0]} -> {horizons[1]} of {steps} steps, {now.factor:.3g} -> {then.factor:.3g} a step"


def copied(leaf: Any) -> Any:
    """Parameters that may be changed."""
    return type(leaf)(*(np.array(array) for array in leaf))


def forget_bias(leaf: Any) -> Any:
    """The bias of the gate that keeps the state; None of a cell that has none."""
    remember = type(leaf).cell().remember
    if remember is None:
        return None
    changed = copied(leaf)
    remember(changed, FORGET_BIAS)
    return changed


def chrono(leaf: Any, longest: float) -> Any:
    """The biases that `init` draws for that longest dependency; None of a cell whose `init` does not."""
    init = getattr(type(leaf), "init", None)
    if init is None or "chrono" not in inspect.signature(init).parameters or longest <= LONGEST:
        return None
    drawn = init(*sizes_of(leaf), rng=np.random.default_rng(0), scheme="orthogonal", chrono=longest)
    return leaf._replace(bias=np.where(drawn.bias != 0, drawn.bias, leaf.bias).astype(leaf.bias.dtype))


def orthogonal(leaf: Any) -> Any:
    """Random orthogonal recurrent weights in the place of all gates'; None of a cell that has none."""
    recurrent = type(leaf).cell().recurrent
    if recurrent is None:
        return None
    changed, rng = copied(leaf), np.random.default_rng(0)
    for block in recurrent(changed):
        block[:] = initial.orthogonal(len(block), rng)
    return changed


def clipping(subject: Subject) -> Remedy:
    """All shares of a gradient are scaled by one number: early and late ones stay as far apart."""
    with np.errstate(over="ignore", invalid="ignore"):
        found = backward(subject.tape(), subject.dh / np.float32(len(subject.length))).params
        arrays = [array for leaf in leaves_of(found) for array in leaf]
        norm = float(np.sqrt(sum(np.square(np.float64(array)).sum() for array in arrays)))
    name = f"clipping at {CLIP:g}"
    if not np.isfinite(norm):
        return Remedy(name, None, np.nan, "can't: the gradient is not finite")
    if norm <= CLIP:
        return Remedy(name, None, np.nan, f"does nothing: the gradient has norm {norm:.3g}")
    return Remedy(
        name, None, np.nan, f"scales the parameters' gradient of {norm:.3g} by {CLIP / norm:.2g}, early as late"
    )


def residual(subject: Subject, now: Decay) -> Remedy:
    """Skip connections around every layer whose outputs are as many as its inputs."""
    name, layers = "residual", subject.params.layers if isinstance(subject.params, Stack) else ()
    if not any(skips(layer) for layer in layers[1:]):
        why = "one layer" if len(layers) < 2 else "no layer with as many outputs as inputs"
        return Remedy(name, None, np.nan, f"does not apply: {why}, nothing to skip; it saves depth, not time")
    try:
        with np.errstate(over="ignore", invalid="ignore"):
            found = [decay for layer in residual_decays(subject) for decay in layer]
    except ValueError:  # of the next layer, which takes finite numbers alone
        return Remedy(name, None, np.nan, "states or gradients would leave the range of floats")
    then, before = worst(found), decays(subject.tape(), subject)
    depth = [10 ** (each[0].log10_last - each[-1].log10_last) for each in (before, found)]
    told_depth = f"layer 1 gets {depth[0]:.2g} -> {depth[1]:.2g} of the top's gradient"
    return Remedy(name, then.horizon, then.factor, f"{told_depth}, {told(now, then, len(subject.x))}")


def skips(layer: Any) -> bool:
    """Whether a layer's inputs can be added to its outputs."""
    inputs, outputs = sizes_of(layer)
    return inputs == outputs


def residual_decays(subject: Subject) -> Iterator[list[Decay]]:
    """Those of every layer with skip connections, the lowest first."""
    tapes, y = [], subject.x
    for k, layer in enumerate(subject.params.layers):
        tapes.append(forward(layer, y, nonlinearity=subject.nonlinearity, length=subject.length))
        y = tapes[-1].h[1:] + (y if k and skips(layer) else 0)
    dy = np.zeros_like(tapes[-1].h[1:])
    dy[len(dy) - (len(subject.dh) if subject.dh.ndim == 3 else 1) :] = subject.dh
    found: list[list[Decay]] = []
    for k in reversed(range(len(tapes))):
        flows = flat(gradient_flow(tapes[k], dy))
        found.insert(0, [decay_of(aligned(log10_states(flow), subject.length)) for flow in flows])
        if k:
            dy = backward(tapes[k], dy).x + (dy if skips(subject.params.layers[k]) else 0)
    return iter(found)
