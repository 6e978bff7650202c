"""The field's classic tasks, each with the loss that chance reaches: StatLand, adding, copy, temporal order, latch.

And those of numbers of your own: `from_arrays`, `stream` (`rnnlab.own_data`), `windows`.

A task is drawn in batches from a Generator. Axes: T steps, B sequences, I inputs, S steps with a target, the last of the
T, O outputs. The chance floor is the smallest loss, in expectation, of a prediction that knows nothing of the inputs; for
the copy task, of one that has no memory.
"""

from __future__ import annotations

import math
from functools import partial
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from rnnlab._base.checks import numbers, one_of, positive, whole
from rnnlab._base.task import Batch, Task, task_of
from rnnlab.own_data import from_arrays as from_arrays, stream as stream  # noqa: PLC0414 - public here

Array = NDArray[Any]
Adding = Literal["hochreiter1997", "martens2011", "arjovsky2016"]
TemporalOrder = Literal["hochreiter1997", "two-symbol", "three-symbol"]

STATLAND_RULES = (((0.0, 0.0), 0.0), ((0.0, 0.5), 1.0), ((1.0, 0.5), 0.0), ((1.0, 1.0), 1.0))
STATLAND_LEVELS = (0.0, 0.5, 1.0)  # low, medium, high
COPIED, ALPHABET = 10, 8  # symbols to copy, and how many there are
LOUDEST = 1e300  # standard deviation of noise, at most
LATCH_NOISE = math.sqrt(0.2)  # standard deviation


def statland(seq_len: int = 2) -> Task:
    """StatLand's stock prices (low 0, medium 0.5, high 1): the last two of `seq_len` days decide tomorrow's price.

    The rules (yesterday, today) -> tomorrow: (0, 0) -> 0, (0, 0.5) -> 1, (1, 0.5) -> 0, (1, 1) -> 1. Earlier days are any.

    Returns
    -------
    Task
        Chance 1/4, the variance of tomorrow's price.
    """
    seq_len = whole(2, "seq_len", seq_len)
    days, tomorrow = (np.array(part) for part in zip(*STATLAND_RULES, strict=True))

    def draw(rng: np.random.Generator, batch_size: int) -> Batch:
        rule = rng.integers(len(tomorrow), size=batch_size)
        x = rng.choice(STATLAND_LEVELS, (seq_len, batch_size))
        x[-2:] = days[rule].T
        return Batch(x[:, :, None], tomorrow[rule][None, :, None])

    return task_of(draw, "squared_error", 1, 1, 0.25, seq_len=seq_len)


def adding(seq_len: int, variant: Adding = "arjovsky2016") -> Task:
    """Add the two numbers that are marked.

    Parameters
    ----------
    seq_len : int
        T, at least 10; of the first variant 20.
    variant : {"hochreiter1997", "martens2011", "arjovsky2016"}
        hochreiter1997: numbers in -1 .. 1, lengths T to 1.1 T; of the markers the first and the last are -1, the first
        marked one is among the first ten, the second among the first T / 2 - 1; where the first number of all is
        marked, it counts as 0; the target is 0.5 + (a + b) / 4 (Hochreiter and Schmidhuber 1997, experiment 4).
        martens2011: numbers in 0 .. 1, lengths T to 1.1 T, marks in the first tenth and in the four after it, the target
        is the mean (Martens and Sutskever 2011; code of Pascanu, Mikolov and Bengio 2013).
        arjovsky2016: numbers in 0 .. 1, a mark in each half, the target is the sum (Arjovsky, Shah and Bengio 2016).

    Returns
    -------
    Task
        Chance 1/24, 1/24 and 1/6; of the first a little less, since sometimes a number counts as 0.
    """
    seq_len = whole(20 if variant == "hochreiter1997" else 10, "seq_len", seq_len)
    zeroed = (1 + sum(1 / _second_marks(seq_len, first) for first in range(1, 10))) / 10  # how often one counts as 0
    known = {
        "hochreiter1997": (_adding_1997, (2 - zeroed) / 48),
        "martens2011": (_adding_2011, 1 / 24),
        "arjovsky2016": (_adding_2016, 1 / 6),
    }
    draw, chance = one_of("variant", variant, known)
    return task_of(partial(draw, seq_len), "squared_error", 2, 1, chance, seq_len=seq_len)


def _adding_2016(seq_len: int, rng: np.random.Generator, batch_size: int) -> Batch:
    half, each = seq_len // 2, np.arange(batch_size)
    marked = rng.integers(half, size=batch_size), rng.integers(half, seq_len, size=batch_size)
    x = np.zeros((seq_len, batch_size, 2))
    x[:, :, 0] = rng.random((seq_len, batch_size))
    for where in marked:
        x[where, each, 1] = 1
    return Batch(x, (x[marked[0], each, 0] + x[marked[1], each, 0])[None, :, None])


def _adding_2011(seq_len: int, rng: np.random.Generator, batch_size: int) -> Batch:
    longest, each = _longest(seq_len), np.arange(batch_size)
    length = rng.integers(seq_len, longest + 1, size=batch_size)
    first, second = rng.integers(length // 10), length // 10 + rng.integers(4 * length // 10)
    x = np.zeros((longest, batch_size, 2))
    x[:, :, 0] = rng.random((longest, batch_size))
    x[first, each, 1] = x[second, each, 1] = 1
    return Batch(x, ((x[first, each, 0] + x[second, each, 0]) / 2)[None, :, None], length)


def _adding_1997(seq_len: int, rng: np.random.Generator, batch_size: int) -> Batch:
    longest, each = _longest(seq_len), np.arange(batch_size)
    length = rng.integers(seq_len, longest + 1, size=batch_size)
    first = rng.integers(10, size=batch_size)
    second = rng.integers(_second_marks(seq_len, first))
    second += second >= first  # any but the first
    x = np.zeros((longest, batch_size, 2))
    x[:, :, 0] = rng.uniform(-1, 1, (longest, batch_size))
    x[0, :, 1] = x[length - 1, each, 1] = -1
    x[first, each, 1] = x[second, each, 1] = 1
    a, b = (np.where(where == 0, 0.0, x[where, each, 0]) for where in (first, second))
    return Batch(x, (0.5 + (a + b) / 4)[None, :, None], length)


def _second_marks(seq_len: int, first: Any) -> Any:
    """How many steps the second mark of 1997 may be at: the first T / 2 - 1 without that of the first mark."""
    return seq_len // 2 - 1 - (first < seq_len // 2 - 1)


def copy(delay: int) -> Task:
    """Repeat ten symbols of eight after a delay.

    Ten symbols, then `delay` steps of which the last shows the signal to begin and the others a blank, then ten blanks,
    during which the symbols are to come out; before that a blank is to. T = delay + 20; ten kinds of input, one-hot (eight
    symbols, the blank, the signal), nine classes of output (Arjovsky, Shah and Bengio 2016, section 4.1).

    Returns
    -------
    Task
        Chance 10 ln 8 / (delay + 20), of a network without memory.
    """
    delay = whole(1, "delay", delay)
    blank, signal, steps = ALPHABET, ALPHABET + 1, delay + 2 * COPIED
    kinds = np.eye(ALPHABET + 2)

    def draw(rng: np.random.Generator, batch_size: int) -> Batch:
        shown, wanted = np.full((2, steps, batch_size), blank)
        shown[:COPIED] = wanted[-COPIED:] = rng.integers(ALPHABET, size=(COPIED, batch_size))
        shown[COPIED + delay - 1] = signal
        return Batch(kinds.take(shown, axis=0), wanted)

    chance = COPIED * math.log(ALPHABET) / min(steps, 2**1000)
    return task_of(draw, "cross_entropy", ALPHABET + 2, ALPHABET + 1, chance, delay=delay)


_DISTRACTORS = 4
_PLACES: dict[str, tuple[tuple[float, float], ...]] = {  # of symbols, in parts of T
    "two-symbol": ((0.1, 0.2), (0.5, 0.6)),
    "three-symbol": ((0.1, 0.2), (0.3, 0.4), (0.6, 0.7)),
    "hochreiter1997": (),  # drawn by a function of its own
}


def temporal_order(seq_len: int, variant: TemporalOrder = "two-symbol") -> Task:
    """Tell in which order a few symbols, A or B each, came among distractors; one class for every order.

    Parameters
    ----------
    seq_len : int
        T, at least 10.
    variant : {"two-symbol", "three-symbol", "hochreiter1997"}
        two-symbol: at random steps in [0.1 T, 0.2 T) and [0.5 T, 0.6 T) A or B, elsewhere c, d, e or f; 6 kinds of input,
        one-hot, 4 classes. three-symbol: in [0.1 T, 0.2 T), [0.3 T, 0.4 T), [0.6 T, 0.7 T), 8 classes (Pascanu, Mikolov
        and Bengio 2013, section 4.1). hochreiter1997: lengths T to 1.1 T, the first step shows E, the last B, two symbols
        X or Y in steps [0.1 T, 0.2 T] and [0.5 T, 0.6 T], elsewhere a, b, c or d; 8 kinds (Hochreiter and Schmidhuber
        1997, experiment 6a).

    Returns
    -------
    Task
        Chance ln 4 (three-symbol: ln 8).
    """
    seq_len = whole(10, "seq_len", seq_len)
    places = one_of("variant", variant, _PLACES)
    if variant == "hochreiter1997":
        return task_of(partial(_order_1997, seq_len), "cross_entropy", 8, 4, math.log(4), seq_len=seq_len)
    kinds, symbols = np.eye(2 + _DISTRACTORS), len(places)
    edges = (seq_len * np.array(places) + 1e-9).astype(np.int64)
    counts = [_DISTRACTORS] * seq_len + [2] * symbols + [*np.diff(edges)[:, 0]]
    many, values = np.array(counts)[:, None], 2 ** np.arange(symbols)

    def draw(rng: np.random.Generator, batch_size: int) -> Batch:
        # one call for all: `integers` for each of the four takes 15 us more
        drawn = (many * rng.random((many.size, batch_size))).astype(np.int64)
        shown, symbol, steps = 2 + drawn[:seq_len], drawn[seq_len:-symbols], drawn[-symbols:]
        shown[edges[:, :1] + steps, np.arange(batch_size)] = symbol
        return Batch(kinds.take(shown, axis=0), (values @ symbol)[None])

    return task_of(draw, "cross_entropy", len(kinds), 2**symbols, symbols * math.log(2), seq_len=seq_len)


def _order_1997(seq_len: int, rng: np.random.Generator, batch_size: int) -> Batch:
    longest, each = _longest(seq_len), np.arange(batch_size)
    length = rng.integers(seq_len, longest + 1, size=batch_size)
    shown = rng.integers(2, 6, size=(longest, batch_size))
    drawn = rng.integers(2, size=(2, batch_size))
    for symbol, tenth in zip(drawn, (1, 5), strict=True):
        first, last = -(-tenth * seq_len // 10), (tenth + 1) * seq_len // 10
        shown[rng.integers(first, last + 1, size=batch_size), each] = symbol
    shown[0], shown[length - 1, each] = 6, 7
    return Batch(np.eye(8).take(shown, axis=0), (drawn[0] + 2 * drawn[1])[None], length)


def latch(seq_len: int, informative: int = 1, noise: float = LATCH_NOISE) -> Task:
    """Hold one bit: the first inputs are all 1 or all -1, the others noise, and at the end 1 or 0 is to come out.

    Lengths are T to 1.1 T: of one length, a unit that turns over at every step would do (Bengio, Simard and Frasconi 1994,
    section II; in this form experiment 3a of Hochreiter and Schmidhuber 1997).

    Parameters
    ----------
    seq_len : int
        T.
    informative : int
        How many inputs show the bit, 1 to T.
    noise : float
        Standard deviation of the other inputs, N(0, noise^2), by default sqrt(0.2).

    Returns
    -------
    Task
        Chance 1/4.
    """
    seq_len, informative = whole(1, "seq_len", seq_len), whole(1, "informative", informative)
    if informative > seq_len:
        raise ValueError(f"informative is {informative}: expected at most seq_len, which is {seq_len}")
    if np.ndim(noise) or np.ma.is_masked(noise) or noise != 0:
        positive(noise=noise)
    if float(noise) > LOUDEST:
        raise ValueError(f"noise is {noise}: expected at most {LOUDEST}")

    def draw(rng: np.random.Generator, batch_size: int) -> Batch:
        bit, length = rng.integers(2, size=batch_size), rng.integers(seq_len, _longest(seq_len) + 1, size=batch_size)
        x = noise * rng.standard_normal((_longest(seq_len), batch_size, 1))
        x[:informative] = 2.0 * bit[:, None] - 1
        return Batch(x, bit[None, :, None].astype(np.float64), length)

    return task_of(draw, "squared_error", 1, 1, 0.25, seq_len=seq_len)


def windows(series: Array, seq_len: int | tuple[int, ...]) -> Task:
    """Predict the next value of a series from windows of one or several lengths, mixed in a batch.

    Parameters
    ----------
    series : array_like (N,)
        Oldest first, longer than every window.
    seq_len : int or tuple of int
        How many values a window has, drawn from these; shorter ones end early, with zeros after them.

    Returns
    -------
    Task
        Chance the variance of the values to be predicted.
    """
    given: tuple[Any, ...] = seq_len if isinstance(seq_len, tuple) and seq_len else (seq_len,)
    choice = tuple(whole(1, "seq_len", steps) for steps in given)
    series, longest = numbers("series", series, (1,), np.float64).copy(), max(choice)
    if series.size <= longest:
        raise ValueError(f"series has shape {series.shape}: expected more than {longest} numbers, the longest window")
    cut = np.lib.stride_tricks.sliding_window_view(series, longest + 1)
    step = np.arange(longest)[:, None]

    def draw(rng: np.random.Generator, batch_size: int) -> Batch:
        drawn, length = cut[rng.integers(len(cut), size=batch_size)].T, rng.choice(choice, batch_size)
        moved = np.take_along_axis(drawn, np.minimum(longest - length + step, longest - 1), axis=0)
        return Batch(np.where(step < length, moved, 0.0)[:, :, None], drawn[-1:, :, None], length)

    with np.errstate(over="ignore", invalid="ignore"):
        chance = float(series[longest:].var())
    if not math.isfinite(chance):
        raise ValueError(f"series has values up to {np.abs(series).max():g}: expected ones whose squares are finite")
    return task_of(draw, "squared_error", 1, 1, chance, seq_len=longest)


def _longest(seq_len: int) -> int:
    """Of lengths T to 1.1 T."""
    return seq_len + seq_len // 10
