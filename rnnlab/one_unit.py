"""The one-unit network behind checks: they check, cast, allocate and call a kernel, and compute nothing themselves."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rnnlab import kernels
from rnnlab._base.checks import floats, lengths, numbers, plain, shortened
from rnnlab._base.memory import empty
from rnnlab._base.showing import axes_of, lines, shows
from rnnlab.nonlinearities import Nonlinearity, Pair, checked_nonlinearity

_HEADROOM = {np.dtype(np.float64): 960, np.dtype(np.float32): 112}  # powers of two below which sums are exact
_FEW_STEPS = 2**20  # up to which the exponents, of which a step adds 1,100 at most, are within int32
_LARGEST_W2 = {np.dtype(np.float64): 2.0**28, np.dtype(np.float32): 2.0**3}


@shows(lambda flow: f"log10 |dh_T/dh_0| {np.median(log10_abs(flow.h)[0]):.4g}")
class OneUnitGradients(NamedTuple):
    """Derivatives of the last state h_T of L one-unit networks, each a `kernels.Scaled` of mantissas and exponents."""

    h: kernels.Scaled  # (T + 1, L): dh_T/dh_t in row t
    x: kernels.Scaled  # (T, L): dh_T/dx_t in row t - 1
    w1: kernels.Scaled  # (L,)
    w2: kernels.Scaled  # (L,)
    b1: kernels.Scaled  # (L,)
    state: kernels.Scaled  # (T + 1, L): the states h_t themselves

    def to_frame(self) -> Any:
        """A row for every step of every network.

        Returns
        -------
        DataFrame
            step (t, 0 .. T), network, log10_h and log10_x (of |dh_T/dh_t| and |dh_T/dx_t|; x_0 is nan), log10_state.
        """
        import pandas as pd

        log10_h, log10_x = log10_abs(self.h), log10_abs(self.x)
        step, network = np.indices(log10_h.shape).reshape(2, -1)
        of_x = np.vstack([np.full((1, log10_h.shape[1]), np.nan), log10_x])
        columns = {"log10_h": log10_h, "log10_x": of_x, "log10_state": log10_abs(self.state)}
        return pd.DataFrame(
            {"step": step, "network": network, **{name: table.ravel() for name, table in columns.items()}}
        )

    def plot(self, ax: Any = None) -> Any:
        """log10 |dh_T/dh_t| over steps; of more than ten networks the median and the tenths.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Default: of a new figure.

        Returns
        -------
        matplotlib.axes.Axes
        """
        ax, sizes = axes_of(ax), log10_abs(self.h)
        lines(ax, np.arange(len(sizes)), sizes)
        ax.set(xlabel="step t", ylabel="log10 |dh_T/dh_t|")
        return ax


def one_unit_gradients(
    w1: ArrayLike,
    w2: ArrayLike,
    b1: ArrayLike,
    x: ArrayLike,
    h0: ArrayLike = 0.0,
    length: ArrayLike | None = None,
    nonlinearity: Nonlinearity | Pair = "tanh",
) -> OneUnitGradients:
    """Every gradient of the last state of h_t = f(W1 x_t + W2 h_(t-1) + B1), for many networks at once.

    Parameters
    ----------
    w1, w2, b1 : array_like, scalar or (L,)
        Weights. |w2| is 0 or in 2^-28 .. 2^28 (float32: 2^-3 .. 2^3): between two rescalings nothing may overflow.
    x : array_like, (T,) or (T, L)
        Inputs, oldest first, like b1 and h0 of sizes up to 1e289 where |w2| <= 1 (float32: 1e33). float32 is computed in
        float32; anything else in float64.
    h0 : array_like, scalar or (L,)
        Initial state.
    length : array_like of int, scalar or (L,), optional
        Each network's own number of steps, 0 to T; default T.
    nonlinearity : {"tanh", "relu", "sigmoid", "linear"}, or a pair of functions
        One of your own is (value, slope), f(a) and f'(a) as functions of a that ``numba.njit`` compiled; between two
        rescalings nothing may overflow: |f'(a)| is at most 2^32 (float32: 2^4). Its states are plain floats.

    Returns
    -------
    OneUnitGradients
        Each gradient is mantissa * 2^exponent, exact far outside the range of floats; see `log10_abs` and `to_float`.

    Raises
    ------
    TypeError
        If an argument is not numeric.
    ValueError
        If a shape, a value or a name is not as above.

    Examples
    --------
    >>> import rnnlab as rl
    >>> flow = rl.one_unit_gradients(w1=1.0, w2=2.0, b1=0.0, x=[0.0] * 5000, nonlinearity="linear")
    >>> float(rl.log10_abs(flow.h)[0, 0]).__round__(6)  # 2^5000
    1505.149978
    """
    choice = checked_nonlinearity(nonlinearity)
    inputs = floats("x", x, (1, 2))
    kind = inputs.dtype
    inputs = inputs if inputs.ndim == 2 else inputs[:, None]
    if inputs.shape[0] < 1:
        raise ValueError(f"x has shape {np.shape(x)}: expected at least one step")
    given = {"w1": w1, "w2": w2, "b1": b1, "h0": h0}
    vectors = {name: numbers(name, value, (0, 1), kind) for name, value in given.items()}
    lanes = max(
        inputs.shape[1], *(vector.size for vector in vectors.values()), 1 if length is None else plain(length).size
    )
    if inputs.shape[1] not in (1, lanes):
        raise ValueError(f"x has shape {np.shape(x)}: expected (T,), (T, 1) or (T, {lanes})")
    vectors = {name: _per_lane(name, vector, lanes) for name, vector in vectors.items()}
    _check_w2(vectors["w2"])
    inputs = _repeated(inputs, (inputs.shape[0], lanes))
    steps = lengths(length, inputs.shape[0], lanes)
    weights = kernels.Weights(vectors["w1"], vectors["w2"], vectors["b1"])
    found, loudest = _differentiate(choice, weights, inputs, vectors["h0"], steps)
    if not np.isfinite(loudest).all():
        numbers("x", x, (1, 2))  # says what is wrong with it
    _check_sizes(loudest, vectors, bounded=nonlinearity in ("tanh", "sigmoid"))
    return found


def log10_abs(number: kernels.Scaled) -> NDArray[np.float64]:
    """log10 of the size of mantissa * 2^exponent; -inf for 0.

    Parameters
    ----------
    number : Scaled

    Returns
    -------
    ndarray
        Of the same shape, float64.

    Raises
    ------
    TypeError, ValueError
        If it is none.
    """
    mantissa, exponent = _checked_scaled(number)
    with np.errstate(divide="ignore"):
        size: NDArray[np.float64] = np.log10(np.abs(np.asarray(mantissa, dtype=np.float64)))
    return size + exponent * np.log10(2.0)


def to_float(number: kernels.Scaled) -> NDArray[Any]:
    """Mantissa * 2^exponent as plain floats: inf or 0 outside their range.

    Parameters
    ----------
    number : Scaled

    Returns
    -------
    ndarray
        Of the same shape and floating type.

    Raises
    ------
    TypeError, ValueError
        If it is none.
    """
    mantissa, exponent = _checked_scaled(number)
    with np.errstate(over="ignore", under="ignore"):
        found: NDArray[Any] = np.ldexp(mantissa, np.clip(exponent, -3000, 3000).astype(np.int32))
    return found


def _checked_scaled(number: Any) -> kernels.Scaled:
    """Mantissas of a floating type and as many exponents, which are integers."""
    if not isinstance(number, kernels.Scaled):
        raise TypeError(f"number is {shortened(number)}: expected a Scaled, as one_unit_gradients returns them")
    mantissa, exponent = plain(number.mantissa), plain(number.exponent)
    if mantissa.dtype.kind != "f" or exponent.dtype.kind not in "iu":
        kinds = f"{mantissa.dtype} and {exponent.dtype}"
        raise TypeError(f"number has mantissas and exponents of types {kinds}: expected floats and integers")
    if mantissa.shape != exponent.shape:
        raise ValueError(f"number has mantissas {mantissa.shape} and exponents {exponent.shape}: expected one shape")
    return kernels.Scaled(mantissa, exponent)


def _per_lane(name: str, vector: NDArray[Any], lanes: int) -> NDArray[Any]:
    """`vector` as (lanes,), a scalar repeated."""
    if vector.size not in (1, lanes):
        raise ValueError(f"{name} has shape {vector.shape}: expected a scalar or ({lanes},)")
    return _repeated(vector.reshape(-1), (lanes,))


def _repeated(array: NDArray[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    """`array` in this shape; as it is, not a read-only view of it, for which kernels would be compiled anew in 5 s."""
    return array if array.shape == shape else np.ascontiguousarray(np.broadcast_to(array, shape))


def _check_w2(w2: NDArray[Any]) -> None:
    """Refuse a recurrent weight that could overflow between two rescalings."""
    largest = _LARGEST_W2[w2.dtype]
    outside = (w2 != 0) & ((np.abs(w2) > largest) | (np.abs(w2) < 1 / largest))
    if outside.any():
        raise ValueError(f"w2 has the value {w2[outside][0]}: expected 0 or a size in {1 / largest:g} .. {largest:g}")


def _check_sizes(loudest: NDArray[Any], weights: dict[str, NDArray[Any]], bounded: bool) -> None:
    """Refuse inputs and states that, grown by W2 from one rescaling to the next, could leave the range of floats.

    It comes after the run, in which the largest inputs (L,) are found in the cache, where to find them before takes a tenth.
    """
    log2_w2 = np.log2(np.maximum(np.abs(weights["w2"]), 1))
    windows = 1 if bounded else 2  # of a unit whose states don't grow only the way back does
    largest = 2.0 ** (_HEADROOM[loudest.dtype] - windows * kernels.WINDOW * log2_w2.astype(np.float64))
    with np.errstate(over="ignore"):
        sizes = {"x": loudest, "w1 x": np.abs(weights["w1"]) * loudest, "b1": weights["b1"], "h0": weights["h0"]}
    for name, size in sizes.items():
        outside = np.flatnonzero(~(np.abs(size) < largest))
        if outside.size:
            lane = outside[0]
            raise ValueError(
                f"{name} has the size {abs(size[lane]):g}: expected less than {largest[lane]:g}, "
                f"so that nothing overflows beside w2 = {weights['w2'][lane]:g}"
            )


def _differentiate(
    nonlinearity: Any, weights: kernels.Weights, x: NDArray[Any], h0: NDArray[Any], length: NDArray[np.int64]
) -> tuple[OneUnitGradients, NDArray[Any]]:
    """Allocate, run the kernel, gather; the gradients, and the largest size of each network's inputs."""
    (steps, lanes), kind = x.shape, x.dtype
    whole = np.dtype(np.int64 if kind == np.float64 else np.int32)
    narrow = np.dtype(np.int32) if steps <= _FEW_STEPS else whole
    dh, state, dx = (empty((rows, lanes), kind) for rows in (steps + 1, steps + 1, steps))
    power, windows = (empty((rows, lanes), narrow) for rows in (steps + 1, steps // kernels.WINDOW + 1))
    loudest = np.empty(lanes, kind)
    every = kernels.EveryStep(kernels.Scaled(dh, power), dx, state, windows, loudest)
    kinds = (whole, narrow, whole, whole, whole)  # of the exponents; x_1 is one of every step
    last = kernels.Gradients(*(kernels.Scaled(np.empty(lanes, kind), np.empty(lanes, each)) for each in kinds))
    kernels.last_state_gradients(nonlinearity, weights, x, h0, length, last, every)
    states = kernels.Scaled(state, _of_every_step(windows, steps + 1))
    dx_scaled = kernels.Scaled(dx, power[:steps])
    return OneUnitGradients(every.h, dx_scaled, last.w1, last.w2, last.b1, states), loudest


def _of_every_step(windows: NDArray[Any], steps: int) -> NDArray[Any]:
    """The exponents of states from those of windows; where all are 0 they take no memory, and can't be written to."""
    if not windows.any():
        return np.broadcast_to(windows.dtype.type(0), (steps, windows.shape[1]))
    return np.repeat(windows, kernels.WINDOW, axis=0)[:steps]
