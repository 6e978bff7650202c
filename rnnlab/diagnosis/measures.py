"""What is measured of every layer: its gradient against lag, saturation, gates, Lyapunov exponents, sizes of weights."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import scipy
from numpy.typing import NDArray

from rnnlab._base.blas import one_blas_thread
from rnnlab.api import forward, gradient_flow
from rnnlab.diagnosis.subject import Subject, names_of
from rnnlab.gradients import FLOAT_RANGE, GradientFlow
from rnnlab.kernels.cells import ReLURNNParams
from rnnlab.lyapunov import single_cells, size_of_state, sums_of
from rnnlab.tape import Tape

Array = NDArray[np.float64]
SEEN = -2.0  # log10 of the share of a gradient down to which it is counted as there
FLAT = 0.1  # of the steepest slope: below it a unit counts as saturated
BLOCKS = 8  # of lags, from which the interval of a single sequence is taken
EXPONENTS = 10  # largest ones


class Decay(NamedTuple):
    """A gradient against lag: log10 |dL/ds_(T - lag)|, s all states of the layer together (of the LSTM h and c)."""

    log10_gradient: Array  # (L + 1,): median over sequences, relative to lag 0
    low: Array  # (L + 1,): the tenth of sequences that has least
    high: Array
    factor: float  # a step on the way back, in the geometric mean; 0 where the gradient becomes exactly 0
    interval: tuple[
        float, float
    ]  # 95 %, over sequences, or of one sequence over blocks of lags; nan if there are too few
    horizon: int | None  # the first lag at which less than 1 % is there; None if there is none
    float32_horizon: int | None  # the first lag at which float32 shows 0
    log10_last: float  # of the gradient at lag 0 itself


class LayerDiagnosis(NamedTuple):
    """All that is measured of one cell of a network."""

    name: str
    kind: str  # of its parameters, say LSTM
    units: int
    nonlinearity: str  # of its units, "own" of a pair of functions
    decay: Decay
    saturated: (
        Array  # (T,): share of units, of gated cells of gate values, with less than a tenth of the steepest slope
    )
    dead: float  # share of ReLUs that are never active
    exponents: Array  # the largest Lyapunov exponents, nats a step, along the longest sequence
    gates: dict[str, Array]  # (H,) each: how open in the mean over steps and sequences
    stuck: dict[str, float]  # share of a gate's values whose slope is so small that it can't move in these steps
    kept: Array  # (H,): the factor of a step by the gate (or leak) alone, in the geometric mean; empty where there is none
    gains: dict[str, float]  # root mean square of the entries times sqrt(H), of the biases without
    drives: dict[str, float]  # root mean square of what inputs, recurrent weights and bias send to the units and gates


def layers_of(subject: Subject) -> tuple[LayerDiagnosis, ...]:
    """Every cell's measurements; none where no step is finite."""
    if not len(subject.x):
        return ()
    tape, alone = subject.tape(), single_cells(longest(subject))
    names, cells = names_of(subject.params), single_cells(tape)
    return tuple(
        layer_of(*each, subject.length)
        for each in zip(names, cells, decays(tape, subject), map(exponents, alone), strict=True)
    )


def longest(subject: Subject) -> Tape:
    """A run through its longest sequence alone."""
    b = int(np.argmax(subject.length))
    steps = max(int(subject.length[b]), 1)
    return forward(subject.params, subject.x[:steps, b], nonlinearity=subject.nonlinearity)


def layer_of(name: str, cell: Tape, decay: Decay, spectrum: Array, length: Any) -> LayerDiagnosis:
    """The measurements of one cell."""
    inside = np.arange(len(cell.h) - 1)[:, None] < length
    kind = type(cell.params).cell()
    gates = {} if kind.opened is None else kind.opened(cell.record)
    kept = np.empty(0) if kind.kept is None else np.asarray(kind.kept(cell.params, cell.record))[inside]
    with np.errstate(divide="ignore"):
        kept = np.exp(np.log(kept.astype(np.float64)).mean(axis=0)) if len(kept) else np.empty(0)
    movable = FLAT / max(int(length.max()), 1)
    return LayerDiagnosis(
        name,
        type(cell.params).__name__.removesuffix("Params"),
        cell.h.shape[-1],
        nonlinearity_of(cell),
        decay,
        saturated_share(cell, gates, inside),
        dead_share(cell, inside),
        spectrum,
        {gate: values[inside].mean(axis=0, dtype=np.float64) for gate, values in gates.items()},
        {gate: share(values[inside] * (1 - values[inside]) < movable) for gate, values in gates.items()},
        kept,
        gains_of(cell.params, cell.h.shape[-1]),
        drives_of(cell, inside),
    )


def share(true: Any) -> float:
    """The share of places where it is true; 0 of none."""
    return float(true.mean()) if true.size else 0.0


def decays(tape: Tape, subject: Subject) -> list[Decay]:
    """The gradient of every cell against lag."""
    flows = flat(gradient_flow(tape, subject.dh))
    return [decay_of(aligned(log10_states(flow), subject.length)) for flow in flows]


def flat(flow: Any) -> list[GradientFlow]:
    """The flows of all cells of a network."""
    return [flow] if isinstance(flow, GradientFlow) else [cell for part in flow for cell in flat(part)]


def log10_states(flow: GradientFlow) -> Array:
    """log10 of the norm of all states together, (T + 1, B)."""
    if flow.log10_norm_c is None:
        return flow.log10_norm
    two = 2 * np.log(10.0)
    return np.logaddexp(two * flow.log10_norm, two * flow.log10_norm_c) / two


def aligned(norms: Array, length: Any) -> Array:
    """Against lag: row 0 is each sequence's last step to which a gradient comes; nan before its first step."""
    steps = np.arange(len(norms))[:, None]
    there = np.isfinite(norms) & (steps <= length)
    last = np.where(there.any(axis=0), np.where(there, steps, 0).max(axis=0), length)
    rows = last - steps
    return np.where(rows >= 0, np.take_along_axis(norms, np.maximum(rows, 0), axis=0), np.nan)


def decay_of(norms: Array) -> Decay:
    """What the gradient against lag (L + 1, B) comes to."""
    norms = norms[~np.isnan(norms).all(axis=1)]
    start = np.where(np.isfinite(norms[0]), norms[0], 0.0)
    low, middle, high = quantiles(norms - start)
    factor, interval = factor_of(norms - start)
    lost = quantiles(norms)[1] < FLOAT_RANGE[np.float32][0]
    return Decay(
        middle, low, high, factor, interval, first(middle < SEEN), first(lost), float(quantiles(norms[:1])[1][0])
    )


def quantiles(values: Array) -> Array:
    """A tenth, the half and nine tenths over the sequences that are so long, (3, L + 1): -inf is a value as others."""
    found = np.empty((3, len(values)))
    for row, all_of in enumerate(np.sort(values, axis=1)):  # nan comes last
        count = int((~np.isnan(all_of)).sum())
        found[:, row] = all_of[np.round(np.array([0.1, 0.5, 0.9]) * (count - 1)).astype(int)]
    return found


def first(true: Any) -> int | None:
    """The first place at which it is true."""
    found = np.flatnonzero(true)
    return int(found[0]) if found.size else None


def factor_of(relative: Array) -> tuple[float, tuple[float, float]]:
    """The mean factor of a step and its 95 % interval."""
    lags = (~np.isnan(relative)).sum(axis=0) - 1
    ends = np.take_along_axis(relative, np.maximum(lags, 0)[None], axis=0)[0]
    rates = ends[lags > 0] / lags[lags > 0]
    if not rates.size:
        return np.nan, (np.nan, np.nan)
    if np.isneginf(rates).mean() > 0.5:
        return 0.0, (0.0, 0.0)
    rates = rates[np.isfinite(rates)]
    mean = rates.mean()
    if rates.size == 1:
        edges = np.linspace(0, int(lags.max()), BLOCKS + 1).astype(int)
        whole = relative[edges, int(np.argmax(lags))]
        rates = np.diff(whole) / np.diff(edges) if np.diff(edges).min() else np.empty(0)
    half = (
        scipy.special.stdtrit(rates.size - 1, 0.975) * rates.std(ddof=1) / np.sqrt(rates.size)
        if rates.size > 1
        else np.nan
    )
    return float(10**mean), (float(10 ** (mean - half)), float(10 ** (mean + half)))


def steepest(cell: Tape) -> float:
    """The largest slope of the units' nonlinearity; of one of a user's own the largest seen."""
    if isinstance(cell.nonlinearity, str):
        return 0.25 if cell.nonlinearity == "sigmoid" else 1.0
    return float(np.abs(type(cell.params).cell().slopes(cell.record)).max()) or 1.0


def saturated_share(cell: Tape, gates: dict[str, Any], inside: Any) -> Array:
    """The share at every step, over the sequences that are so long; nan where nothing is known."""
    slopes = type(cell.params).cell().slopes
    if slopes is not None:
        flat_ones = np.abs(slopes(cell.record)) < FLAT * steepest(cell)
    elif gates:
        flat_ones = np.concatenate([values * (1 - values) < FLAT * 0.25 for values in gates.values()], axis=2)
    else:
        return np.full(len(inside), np.nan)
    counted = np.maximum(inside.sum(axis=1), 1)
    return np.asarray((flat_ones.mean(axis=2) * inside).sum(axis=1) / counted)


def nonlinearity_of(cell: Tape) -> str:
    """By name; cells without a choice have tanh or ReLU by their type."""
    if isinstance(cell.params, ReLURNNParams):
        return "relu"
    if not type(cell.params).cell().nonlinear:
        return "tanh"
    return cell.nonlinearity if isinstance(cell.nonlinearity, str) else "own"


def dead_share(cell: Tape, inside: Any) -> float:
    """The share of ReLUs that no step of no sequence makes active."""
    if nonlinearity_of(cell) != "relu" or not inside.any():
        return 0.0
    return share((type(cell.params).cell().slopes(cell.record)[inside] == 0).all(axis=0))


def exponents(cell: Tape) -> Array:
    """The largest Lyapunov exponents of a run of one sequence, after a tenth of it; none of a cell without a tangent."""
    steps, discard = len(cell.h) - 1, (len(cell.h) - 1) // 10
    if type(cell.params).cell().tangent is None:
        return np.empty(0)
    try:
        with one_blas_thread(), np.errstate(all="ignore"):
            sums = sums_of(cell, min(EXPONENTS, size_of_state(cell)), discard)
    except ValueError:  # a Jacobian beyond the range of floats
        return np.empty(0)
    return np.sort(sums / (steps - discard))[::-1]


def gains_of(params: Any, hidden: int) -> dict[str, float]:
    """The sizes of its arrays, as initialisations have them near 1."""
    with np.errstate(over="ignore"):
        sizes = {name: float(np.sqrt(np.square(np.float64(array)).mean())) for name, array in params._asdict().items()}
    return {name: size * (np.sqrt(hidden) if name.startswith("weight") else 1.0) for name, size in sizes.items()}


def drives_of(cell: Tape, inside: Any) -> dict[str, float]:
    """What units and gates are driven by; nothing of cells without these weights."""
    if not {"weight_ih", "weight_hh", "bias"} <= set(cell.params._fields) or not inside.any():
        return {}
    params, record = cell.params, cell.record
    with np.errstate(over="ignore", invalid="ignore"):
        sent = {
            "its inputs": record.x[inside] @ params.weight_ih.T,
            "its recurrent weights": record.h[:-1][inside] @ params.weight_hh.T,
            "its bias": params.bias,
        }
        return {name: float(np.sqrt(np.square(np.float64(values)).mean())) for name, values in sent.items()}
