"""What is looked at: a network, inputs and a loss, cut before the first step that is not finite, which the API would refuse."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rnnlab._base.checks import numbers, real_numbers
from rnnlab.api import checked_inputs, forward
from rnnlab.kernels.cells import Bidirectional, Stack
from rnnlab.kernels.cells.cell import parts_of, sizes_of, with_leaves
from rnnlab.lyapunov import single_cells
from rnnlab.nonlinearities import Nonlinearity, Pair
from rnnlab.params import checked_choice, checked_leaves, checked_params, dtype_of
from rnnlab.tape import Tape
from rnnlab.training import Fit, Model

Array = NDArray[Any]


class Began(NamedTuple):
    """Where something not finite began."""

    what: Literal["weights", "readout", "inputs", "states"]
    where: str  # "x", a layer's name, or that of its or the readout's parameter
    step: int  # t of x_t or h_t, 1 .. T
    value: float  # nan, inf or -inf
    entries: int  # how many numbers of that array, or of that step, are not finite

    def told(self) -> str:
        """In words; x_t is row t - 1 of x."""
        if self.what == "inputs":
            return f"{self.where} has a {self.value:g} at step {self.step}, x[{self.step - 1}]"
        if self.what in ("weights", "readout"):
            which = "all is from step 1 on" if self.what == "weights" else "no output is finite"
            return f"{self.where} has {self.entries} entries that are not finite ({self.value:g}), so {which}"
        return f"{self.where} overflows at step {self.step}: {self.entries} of its states are {self.value:g}"


class Subject(NamedTuple):
    """What is measured: finite throughout."""

    params: Any
    x: Array  # (T, B, I), the steps before anything not finite, maybe none
    dh: Array  # (B, H) or (T, B, H)
    length: Array  # (B,)
    nonlinearity: Nonlinearity | Pair
    given: tuple[int, int]  # steps and sequences as given
    drawn: bool  # whether dh is random, as none was given
    began: tuple[Began, ...]  # what is not finite

    def tape(self) -> Tape:
        """A run through all that is finite."""
        return forward(self.params, self.x, nonlinearity=self.nonlinearity, length=self.length)

    def some(self, sequences: int) -> Subject:
        """The same of the first sequences alone."""
        return self._replace(x=self.x[:, :sequences], dh=self.dh[..., :sequences, :], length=self.length[:sequences])

    def until(self, steps: int) -> Subject:
        """The same of the first steps alone."""
        dh = self.dh if self.dh.ndim == 2 else self.dh[:steps]
        return self._replace(x=self.x[:steps], dh=dh, length=np.minimum(self.length, steps))


def subject_of(network: Any, x: ArrayLike, dh: ArrayLike | None, nonlinearity: Any, length: Any) -> Subject:
    """What can be measured of what was given, and what is not finite in it."""
    network = network.model if isinstance(network, Fit) else network
    readout = network.readout if isinstance(network, Model) else None
    if isinstance(network, Model):
        network, nonlinearity = network.params, network.nonlinearity
    broken, params = finite_params(network)
    checked_choice(params, nonlinearity)
    given = real_numbers("x", x).astype(dtype_of(params))
    inputs, own = checked_inputs(params, np.where(np.isfinite(given), given, 0), length)
    if not own.any():
        raise ValueError("length is 0 throughout: expected a sequence with a step at least")
    whole = given.reshape(len(inputs), -1, inputs.shape[-1])
    unread = bad_readout(readout)
    loss = checked_loss(dh, None if unread else readout, params, whole.shape[:2], inputs.ndim == 3)
    bad = first_bad_input(whole, own)
    subject = Subject(
        params,
        inputs.reshape(whole.shape),
        loss,
        own,
        nonlinearity,
        whole.shape[:2],
        dh is None,
        (*broken, *unread, *bad),
    )
    if broken:
        return subject.until(0)
    finite = finite_states(subject.until(bad[0].step - 1) if bad else subject)
    return at_last_states(finite) if finite.drawn else finite


def finite_params(network: Any) -> tuple[list[Began], Any]:
    """The weights that are not finite; and the same network, checked, with 0 in their places."""
    leaves = checked_leaves("network", network)
    arrays = [{name: real_numbers(f"network.{name}", a) for name, a in leaf._asdict().items()} for leaf in leaves]
    for leaf in leaves:
        if not type(leaf).cell().states:
            raise TypeError(
                f"network is {type(leaf).__name__}: expected a recurrent network, attention goes back in one step"
            )
    filled = [
        type(leaf)(*(np.where(np.isfinite(a), a, a.dtype.type(0)) for a in own.values()))
        for leaf, own in zip(leaves, arrays, strict=True)
    ]
    found = [
        Began("weights", f"{name}'s {field}", 1, float(a[~np.isfinite(a)].flat[0]), int((~np.isfinite(a)).sum()))
        for name, own in zip(names_of(network), arrays, strict=True)
        for field, a in own.items()
        if not np.isfinite(a).all()
    ]
    return found, checked_params(with_leaves(network, iter(filled)))[1]


def bad_readout(readout: Any) -> list[Began]:
    """What is not finite in a Model's readout."""
    arrays = {} if readout is None else {name: real_numbers(name, a) for name, a in readout._asdict().items()}
    bad = {name: array[~np.isfinite(array)] for name, array in arrays.items()}
    return [Began("readout", f"the readout's {name}", 1, float(a[0]), a.size) for name, a in bad.items() if a.size]


def names_of(network: Any, name: str = "layer", alone: bool = True) -> list[str]:
    """What the cells of a network are called: layer 1, layer 2 forward, ..."""
    parts = parts_of(network)
    if not parts:
        return [f"{name} 1" if alone else name]
    if isinstance(network, Stack):
        places = [f"{name} {k + 1}" if alone else f"{name}.{k + 1}" for k in range(len(parts))]
    else:
        places = [f"{name} 1 {way}" if alone else f"{name} {way}" for way in network.places()]
    return [cell for part, place in zip(parts, places, strict=True) for cell in names_of(part, place, False)]


def checked_loss(dh: Any, readout: Any, params: Any, sizes: tuple[int, int], batched: bool) -> Array:
    """The loss's derivatives (B, H) or (T, B, H); by default, of every sequence, in a random direction."""
    (steps, batch), hidden, kind = sizes, sizes_of(params)[1], dtype_of(params)
    if dh is None:
        rng = np.random.default_rng(0)
        if readout is None:
            return rng.standard_normal((batch, hidden)).astype(kind)
        weight = numbers("network.readout.weight", readout.weight, (2,), kind)
        if weight.shape[1] != hidden:
            raise ValueError(f"network.readout.weight has shape {weight.shape}: expected (O, {hidden})")
        return rng.standard_normal((batch, len(weight))).astype(kind) @ weight
    last = (batch, hidden) if batched else (hidden,)
    loss = numbers("dh", dh, (len(last), len(last) + 1), kind)
    if loss.shape not in (last, (steps, *last)):
        raise ValueError(
            f"dh has shape {loss.shape}: expected {last} for the last step or {(steps, *last)} for every step"
        )
    if not loss.any():
        raise ValueError("dh is 0 throughout: expected the derivative of a loss that depends on a state")
    return loss.reshape(*loss.shape[: loss.ndim - len(last)], batch, hidden)


def at_first_step(network: Any) -> Array:
    """Which outputs (H,) are of a direction whose last step is the first one."""
    if isinstance(network, Bidirectional):
        return np.concatenate([at_first_step(network.forward), ~at_first_step(network.backward)])
    if isinstance(network, Stack):
        return at_first_step(network.layers[-1])
    return np.zeros(sizes_of(network)[1], bool)


def at_last_states(subject: Subject) -> Subject:
    """The same with a loss of each direction's last state, where some runs back."""
    first = at_first_step(subject.params)
    if not (first.any() and len(subject.x)):
        return subject
    dh, b = np.zeros((len(subject.x), *subject.dh.shape), subject.dh.dtype), np.arange(len(subject.length))
    dh[np.maximum(subject.length, 1) - 1, b] += np.where(first, 0, subject.dh)
    dh[0] += np.where(first, subject.dh, 0)
    return subject._replace(dh=dh)


def first_bad_input(x: Array, length: Array) -> tuple[Began, ...]:
    """The first step with an input that is not finite, before its sequence's end."""
    bad = ~np.isfinite(x) & (np.arange(len(x))[:, None] < length)[:, :, None]
    steps = np.flatnonzero(bad.any(axis=(1, 2)))
    if not steps.size:
        return ()
    t = int(steps[0])
    return (Began("inputs", "x", t + 1, float(x[t][bad[t]][0]), int(bad[t].sum())),)


def finite_states(subject: Subject) -> Subject:
    """The same up to the step before states overflow, if they do."""
    while len(subject.x):
        bad = min(first_bad_states(subject), key=lambda began: began.step, default=None)
        if bad is None:
            return subject
        known = any(began.what == "states" for began in subject.began)
        subject = subject.until(bad.step - 1)._replace(began=(*subject.began, *(() if known else (bad,))))
    return subject


def first_bad_states(subject: Subject) -> Iterator[Began]:
    """The first step of every layer that is not finite, in the layer's own time."""
    tape = subject.tape()
    for name, cell in zip(names_of(subject.params), single_cells(tape), strict=True):
        for state in type(cell.params).cell().states:
            rows = getattr(cell.record, state)
            bad = np.flatnonzero(~np.isfinite(rows).all(axis=(1, 2)))
            if bad.size:
                row = rows[bad[0]]
                yield Began(
                    "states", name, int(bad[0]), float(row[~np.isfinite(row)][0]), int((~np.isfinite(row)).sum())
                )
