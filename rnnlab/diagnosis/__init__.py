"""What is wrong with a network on your data, where, since when, and what would help."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from rnnlab.api import time_first
from rnnlab.diagnosis.measures import LayerDiagnosis, layers_of
from rnnlab.diagnosis.record import Diagnosis
from rnnlab.diagnosis.remedies import remedies_of, worst
from rnnlab.diagnosis.subject import Subject, subject_of
from rnnlab.diagnosis.verdict import faults_of
from rnnlab.kernels.cells.cell import leaves_of, sizes_of
from rnnlab.nonlinearities import Nonlinearity, Pair

__all__ = ["Diagnosis", "diagnose"]


def diagnose(
    network: Any,
    x: ArrayLike,
    dh: ArrayLike | None = None,
    *,
    nonlinearity: Nonlinearity | Pair = "tanh",
    length: ArrayLike | None = None,
    batch_first: bool = False,
) -> Diagnosis:
    """Say what is wrong with a network on some data, where and since when, and what would help here.

    Parameters
    ----------
    network : parameters of a recurrent cell, a Stack, a Bidirectional, a Model, or a Fit of one
        Weights may be NaN or infinite: the diagnosis says where. Of a Model its own nonlinearity is taken.
    x : array_like, (T, I) or (T, B, I)
        Inputs, oldest first. What comes before the first NaN or infinite one, or before states that overflow, is measured.
    dh : array_like, (H,) or (B, H), or (T, H) or (T, B, H), optional
        The derivative of your loss with respect to the last state, or to every one, as of `backward`. Default: a random
        direction for the last state of every sequence (seed 0), of a Model one of its readout's; of a Bidirectional for
        the last state of each direction, which of the second is at the first step.
    nonlinearity, length, batch_first
        As of `forward`. Of a `dh` for every step time is first either way, as of the states.

    Returns
    -------
    Diagnosis
        It prints itself in words. `.verdict` is the first fault with its number, `.faults` are all of them, the cause before
        what follows from it: `kind` is "not finite", "learning rate", "cut off", "dead units", "chaos", "saturated units", "gate",
        "explodes", "lost between layers" or "vanishes"; a healthy network has none. `.layers` has the numbers of every
        cell, `.remedies` what each would do to this network on these data, untrained; `.to_frame()` is a tidy table,
        `.plot()` a figure of four panels, and a notebook shows both words and figure.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as above; the message names it.

    Notes
    -----
    A layer vanishes where the median over sequences of |dL/ds_t|, s all its states, is under 1 % of that at lag 0 before
    half of the steps; it explodes where it is a hundred times that. It is chaotic where its largest Lyapunov exponent
    makes two runs part a hundredfold over the steps (R. Engelken, F. Wolf, L. F. Abbott, 2023, section II). A unit is
    saturated with less than a tenth of the steepest slope, a ReLU dead if no step of no sequence makes it active.

    Examples
    --------
    >>> import numpy as np, rnnlab as rl
    >>> rng = np.random.default_rng(0)
    >>> x = rng.standard_normal((200, 32, 1))
    >>> weak = rl.RNNParams.init(1, 16, rng=rng, scheme="orthogonal", gain=0.5)
    >>> found = rl.diagnose(weak, 0.1 * x)
    >>> found.faults[0].kind, found.layers[0].decay.horizon
    ('vanishes', 7)
    """
    subject = subject_of(network, time_first(x, batch_first), dh, nonlinearity, length)
    layers = layers_of(subject)
    return Diagnosis(
        network=described(subject),
        steps=(len(subject.x), subject.given[0]),
        sequences=subject.given[1],
        faults=faults_of(subject, layers),
        began=subject.began,
        layers=layers,
        now=worst([layer.decay for layer in layers]) if layers else None,
        remedies=remedies_of(subject),
        unknown=tuple(unknown_of(subject, layers)),
    )


def described(subject: Subject) -> str:
    """A network in words."""
    kinds = [type(leaf).__name__.removesuffix("Params") for leaf in leaves_of(subject.params)]
    what = type(subject.params).__name__.removesuffix("Params")
    inside = "" if kinds == [what] else f" of {len(kinds)} {'/'.join(dict.fromkeys(kinds))} cells"
    inputs, outputs = sizes_of(subject.params)
    return f"{what}{inside}, {counted(inputs, 'input')}, {counted(outputs, 'output')}, {subject.x.dtype}"


def counted(number: int, thing: str) -> str:
    """So many of a thing."""
    return f"{number} {thing}{'s' * (number != 1)}"


def unknown_of(subject: Subject, layers: tuple[LayerDiagnosis, ...]) -> Iterator[str]:
    """What can't be known from what was given."""
    if not layers:
        yield "anything else, until what is not finite is cured"
        return
    if subject.drawn:
        where = "each direction's last step" if subject.dh.ndim == 3 else "the last step"
        yield f"your loss (a random direction at {where} stands for it)"
    if not np.ptp(subject.x, axis=(0, 1)).any():
        yield "what your inputs do (they are the same at every step)"
    yield "whether your task needs that memory"
    yield "what training would make of a remedy"
    if not any(layer.gates or layer.kept.size or layer.drives for layer in layers):
        yield "what a cell of your own does inside"
