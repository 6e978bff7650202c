"""What is wrong, in words, each with its number; the cause before what follows from it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, NamedTuple

import numpy as np

from rnnlab.diagnosis.measures import SEEN, LayerDiagnosis
from rnnlab.diagnosis.subject import Subject

Kind = Literal[
    "not finite",
    "learning rate",
    "cut off",
    "dead units",
    "chaos",
    "saturated units",
    "gate",
    "explodes",
    "lost between layers",
    "vanishes",
]
MANY = 0.5  # share of units from which on a layer has a fault
LARGE = 5.0  # times what initialisations draw: a training that went well stays below
LEAST_WRITTEN = 0.1  # of what comes in, over all steps that a unit remembers
BRIEF = 10.0  # steps: that a unit forgets sooner is its forget gate's fault
SHUT = 0.05  # mean of an output gate
GROWN = -SEEN  # log10 of a gradient beside that at lag 0


class Fault(NamedTuple):
    """One thing that is wrong."""

    kind: Kind
    where: str  # a layer's name, or "x"
    number: float  # that is behind it
    told: str  # in words

    def __str__(self) -> str:
        return self.told


def faults_of(subject: Subject, layers: tuple[LayerDiagnosis, ...]) -> tuple[Fault, ...]:
    """All faults; what follows from another comes after it."""
    steps = len(subject.x)
    before = [Fault("not finite", began.where, began.step, began.told()) for began in subject.began]
    found = [fault for layer in layers for fault in causes(layer, steps)]
    trained = [fault for fault in found if fault.kind == "learning rate"]  # of which an overflow is a consequence
    others = [fault for fault in found if fault.kind != "learning rate"]
    cut = cut_off(subject, layers)
    return (*trained, *before, *cut, *others, *vanishing(layers, steps), *between_layers(layers))


def cut_off(subject: Subject, layers: tuple[LayerDiagnosis, ...]) -> Iterator[Fault]:
    """Weights of 0 that let nothing through, neither way."""
    if not subject.dh.any():
        yield Fault("cut off", "readout", 0.0, "the readout's weights are 0: no gradient comes to the network")
    for layer in layers:
        if layer.gains.get("weight_ih") == 0:
            told = f"{layer.name}'s weight_ih is 0: nothing of its inputs comes in, and no gradient goes back to them"
            yield Fault("cut off", layer.name, 0.0, told)


def causes(layer: LayerDiagnosis, steps: int) -> Iterator[Fault]:
    """What is wrong inside a layer, but for a gradient that vanishes."""
    yield from grown_weights(layer)
    if layer.dead >= MANY:
        told = f"{layer.dead:.0%} of {layer.name}'s ReLUs are dead{driven(layer)}"
        yield Fault("dead units", layer.name, layer.dead, told)
    chaotic = is_chaotic(layer, steps)
    if chaotic:
        yield chaos(layer)
    elif layer.dead < MANY and not layer.gates and np.nanmean(layer.saturated) > MANY:
        yield saturation(layer)
    yield from gate_faults(layer, steps)
    if not chaotic and np.nanmax(layer.decay.log10_gradient) > GROWN:
        yield explosion(layer)


def grown_weights(layer: LayerDiagnosis) -> Iterator[Fault]:
    """Recurrent weights and others that are all larger than anything draws them."""
    grown = {name: gain for name, gain in layer.gains.items() if gain > LARGE}
    if "weight_hh" in grown and len(grown) > 1:
        told = ", ".join(f"{name} {gain:.2g}" for name, gain in grown.items())
        yield Fault(
            "learning rate",
            layer.name,
            grown["weight_hh"],
            f"{layer.name}'s weights are many times what is drawn, as after a learning rate that is too large ({told}; "
            f"drawn they are near 1)",
        )


def driven(layer: LayerDiagnosis) -> str:
    """What sends most to the units or gates, in words."""
    if not layer.drives:
        return ""
    most = max(layer.drives, key=lambda name: layer.drives[name])
    return f": most comes from {most}, {layer.drives[most]:.2g} in the root mean square"


def is_chaotic(layer: LayerDiagnosis, steps: int) -> bool:
    """Whether bounded states that differ a little part, a hundredfold over all steps."""
    return (
        layer.nonlinearity in ("tanh", "sigmoid")
        and layer.exponents.size > 0
        and layer.exponents[0] * steps > GROWN * np.log(10.0)
    )


def chaos(layer: LayerDiagnosis) -> Fault:
    """Two runs part."""
    rate = float(layer.exponents[0])
    told = f"{layer.name} is chaotic: two runs part {np.exp(rate):.3g} times a step (Lyapunov exponent {rate:.2g})"
    return Fault("chaos", layer.name, rate, f"{told}, its recurrent weights have gain {gain(layer):.2g}")


def gain(layer: LayerDiagnosis) -> float:
    """Of its recurrent weights: sqrt(H) times the root mean square of an entry."""
    return layer.gains.get("weight_hh", np.nan)


def saturation(layer: LayerDiagnosis) -> Fault:
    """Most units are flat."""
    flat = float(np.nanmean(layer.saturated))
    told = f"{flat:.0%} of {layer.name}'s units are saturated{driven(layer)}"
    return Fault("saturated units", layer.name, flat, told)


def gate_faults(layer: LayerDiagnosis, steps: int) -> Iterator[Fault]:
    """Gates that let nothing in or out, or can't move any more."""
    seen = set()
    for name, number, remembered in written(layer, steps):
        if number * remembered < LEAST_WRITTEN:
            seen.add(name)
            told = f"{layer.name}'s {name} gate lets nothing in, {number:.2g} of what comes a step"
            yield Fault("gate", layer.name, number, told + driven(layer))
    if "output" in layer.gates and np.median(layer.gates["output"]) < SHUT:
        seen.add("output")
        number = float(np.median(layer.gates["output"]))
        told = f"{layer.name}'s output gate is shut, it shows {number:.2g} of its cell"
        yield Fault("gate", layer.name, number, told + driven(layer))
    for name, flat in layer.stuck.items():
        if flat > MANY and name not in seen:
            told = (
                f"{flat:.0%} of {layer.name}'s {name} gate can't move, {np.median(layer.gates[name]):.3g} of it is open"
            )
            yield Fault("gate", layer.name, flat, told + driven(layer))


def written(layer: LayerDiagnosis, steps: int) -> Iterator[tuple[str, float, float]]:
    """The gate that lets in, how open it is, and for how many steps what comes in is added up, of an LSTM at least ten."""
    if "input" in layer.gates:
        remembered = min(1 / max(1 - float(np.median(layer.kept)), 1 / steps), steps)
        yield "input", float(np.median(layer.gates["input"])), max(remembered, BRIEF)
    if "update" in layer.gates:
        yield "update", float(np.median(1 - layer.kept)), steps


def explosion(layer: LayerDiagnosis) -> Fault:
    """The gradient grows."""
    most = float(np.nanmax(layer.decay.log10_gradient))
    told = f"{layer.name} explodes: {rate_told(layer)}, 10^{most:.1f} times over its steps"
    return Fault(
        "explodes", layer.name, layer.decay.factor, f"{told}; its recurrent weights have gain {gain(layer):.2g}"
    )


def between_layers(layers: tuple[LayerDiagnosis, ...]) -> Iterator[Fault]:
    """Layers to which less than 1 % of the gradient comes, at whichever lag, that comes to another."""
    largest = [layer.decay.log10_last + float(np.max(layer.decay.log10_gradient)) for layer in layers]
    if np.isneginf(largest).all():
        return
    for layer, size in zip(layers, largest, strict=True):
        there = size - max(largest)
        if there < SEEN:
            part = "nothing" if np.isneginf(there) else f"10^{there:.1f}"
            told = f"{layer.name} gets {part} of the gradient of the layer that gets most"
            yield Fault("lost between layers", layer.name, float(10**there), told)


def vanishing(layers: tuple[LayerDiagnosis, ...], steps: int) -> Iterator[Fault]:
    """Layers whose gradient is under 1 % before half of the steps, that first which alone keeps least."""
    some = [layer for layer in layers if not np.isneginf(layer.decay.log10_gradient).all()]  # of the loss
    short = [layer for layer in some if layer.decay.horizon is not None and layer.decay.horizon < steps / 2]
    for layer in sorted(short, key=alone):
        told = f"{layer.name} vanishes: {way_told(layer)}, horizon {layer.decay.horizon} of your {steps} steps"
        yield Fault("vanishes", layer.name, layer.decay.factor, f"{told}; {why_it_vanishes(layer)}")


def alone(layer: LayerDiagnosis) -> float:
    """What a layer keeps a step by itself: a gradient may also come by way of layers above."""
    return float(np.exp(layer.exponents[0])) if layer.exponents.size else layer.decay.factor


def rate_told(layer: LayerDiagnosis) -> str:
    """The factor of a step, with its interval."""
    factor, (low, high) = layer.decay.factor, layer.decay.interval
    if factor == 0:
        gone = int(np.argmax(np.isneginf(layer.decay.log10_gradient)))
        return f"a gradient of exactly 0 from lag {gone} on"
    return f"{factor:.3g} a step" + (f" ({low:.3g} to {high:.3g})" if np.isfinite(low) and low < high else "")


def way_told(layer: LayerDiagnosis) -> str:
    """The factor of a step; of a gradient that comes back on another way, as from a second direction, where it is small."""
    there = layer.decay.log10_gradient >= SEEN
    again = np.flatnonzero(~there[:-1] & there[1:]) + 1
    if not again.size:
        return rate_told(layer)
    return f"under 1 % at {np.count_nonzero(~there)} lags, and more again from lag {again[0]} on"


def why_it_vanishes(layer: LayerDiagnosis) -> str:
    """By which part of a step."""
    if layer.kept.size:
        keeper = next((f"{name} gate" for name in ("forget", "update") if name in layer.gates), "leak")
        return f"its {keeper} keeps {np.median(layer.kept):.2g} a step"
    return f"its recurrent weights have gain {gain(layer):.2g}, alone it keeps {alone(layer):.2g} a step"


def verdict_of(faults: tuple[Fault, ...], layers: tuple[LayerDiagnosis, ...], steps: int) -> str:
    """The first fault; or that there is none, with the number that says so."""
    if faults:
        return faults[0].told
    worst = min(layers, key=lambda layer: layer.decay.horizon or np.inf)
    seen = f"horizon {worst.decay.horizon}" if worst.decay.horizon else "1 % is left at every lag"
    return f"healthy: {worst.name} has {rate_told(worst)}, {seen} of your {steps} steps"
