"""Powers of non-normal matrices: how far they grow before their eigenvalues tell, and how long noise lets them remember.

A linear network h_t = W h_(t-1) + v s_t + noise passes a gradient back through W^k, k the lag.
"""

from __future__ import annotations

import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]
DISTANCES, ANGLES = 41, 64  # of the grid on which the resolvent is looked at first
NEAREST, FARTHEST = -4.0, 0.5  # log10 of |z| - 1 on it
GONE = 1e-20  # powers of W below this add nothing to the noise


def henrici_departure(weight: ArrayLike) -> float:
    """Henrici's departure from normality: sqrt(|W|_F^2 - sum |lambda_i|^2), 0 of a normal matrix alone.

    Parameters
    ----------
    weight : array_like (H, H)

    Returns
    -------
    float
        The Frobenius norm of what is above the diagonal in a Schur form.

    References
    ----------
    P. Henrici, Bounds for iterates, inverses, spectral variation and fields of values of non-normal matrices, Numerische
    Mathematik 4, 1962.
    """
    matrix = np.asarray(weight, dtype=np.float64)
    return float(np.sqrt(max(0.0, (matrix**2).sum() - (np.abs(np.linalg.eigvals(matrix)) ** 2).sum())))


def eigenvector_condition(weight: ArrayLike) -> float:
    """Condition number kappa(V) = |V| |V^-1| of unit eigenvectors: rho^k <= |W^k| <= kappa(V) rho^k, rho the spectral radius.

    Parameters
    ----------
    weight : array_like (H, H)

    Returns
    -------
    float
        1 of a normal matrix; without limit where eigenvectors come to lie together, as a chain's do.

    References
    ----------
    F. L. Bauer, C. T. Fike, Norms and exclusion theorems, Numerische Mathematik 2, 1960, for kappa(V); the bound is that of
    W^k = V diag(lambda^k) V^-1.
    """
    return float(np.linalg.cond(np.linalg.eig(np.asarray(weight, dtype=np.float64))[1]))


def log10_jordan_norm(lag: int, size: int, eigenvalue: float, gain: float) -> float:
    """log10 |W^k| of a chain W = lambda I + g S, (S h)_i = h_(i-1): entries C(k, j) lambda^(k - j) g^j, j places on.

    Parameters
    ----------
    lag : int
        k, from 0.
    size : int
        Units H.
    eigenvalue, gain : float
        lambda, the only eigenvalue, and g.

    Returns
    -------
    float
        -inf of a delay line, lambda = 0, from k = H on.

    Examples
    --------
    >>> from rnnlab.laws import non_normal
    >>> non_normal.log10_jordan_norm(31, 32, 0.0, 1.0), non_normal.log10_jordan_norm(32, 32, 0.0, 1.0)
    (0.0, -inf)
    """
    j = np.arange(size)
    entries = scipy.special.comb(lag, j) * float(gain) ** j * float(eigenvalue) ** np.maximum(lag - j, 0)
    with np.errstate(divide="ignore"):
        return float(np.log10(np.linalg.norm(scipy.linalg.toeplitz(entries, np.zeros(size)), 2)))


def resolvent_grid(weight: ArrayLike) -> tuple[Array, Array, Array]:
    """Moduli r > 1 (K,), angles (A,) and |(z I - W)^-1| at z = r e^(i angle) (K, A): the pseudospectrum beyond the circle.

    Parameters
    ----------
    weight : array_like (H, H)
        Real: angles from 0 to pi are enough.
    """
    matrix = np.asarray(weight, dtype=np.float64)
    radius, angle = 1 + np.logspace(NEAREST, FARTHEST, DISTANCES), np.linspace(0, np.pi, ANGLES)
    return radius, angle, np.array([resolvent_norms(matrix, r * np.exp(1j * angle)) for r in radius])


def resolvent_norms(matrix: Array, points: NDArray[np.complex128]) -> Array:
    """|(z I - W)^-1| at points z (P,)."""
    shifted = points[:, None, None] * np.eye(len(matrix)) - matrix
    return np.asarray(1 / np.linalg.svd(shifted, compute_uv=False)[:, -1])


def kreiss_constant(weight: ArrayLike) -> float:
    """K(W), the supremum of (|z| - 1) |(z I - W)^-1| over |z| > 1: K <= max_k |W^k| <= e H K.

    Parameters
    ----------
    weight : array_like (H, H)
        Real, of spectral radius at most 1.

    Returns
    -------
    float
        At least 1, the limit at infinity; 1 of a normal matrix.

    References
    ----------
    H.-O. Kreiss 1962, with the sharp constant e H of M. N. Spijker, On a conjecture by LeVeque and Trefethen related to the
    Kreiss matrix theorem, BIT 31, 1991; L. N. Trefethen, M. Embree, Spectra and Pseudospectra, 2005.
    """
    matrix = np.asarray(weight, dtype=np.float64)
    radius, angle, norms = resolvent_grid(matrix)
    k, a = np.unravel_index(((radius[:, None] - 1) * norms).argmax(), norms.shape)

    def depth(at: Array) -> float:
        distance = np.exp(at[0])
        return -float(distance * resolvent_norms(matrix, (1 + distance) * np.exp(1j * at[1:]))[0])

    best = scipy.optimize.minimize(depth, [np.log(radius[k] - 1), angle[a]], method="Nelder-Mead")
    return max(1.0, -float(best.fun))


def transient_bound(weight: ArrayLike, most: int) -> Array:
    """The best lower bound of max |W^k| over 1 <= k <= K, from the resolvent's norm R at |z| = r > 1.

        r^K / (1 + (r^K - 1) / ((r - 1) (r R - 1)))

    Parameters
    ----------
    weight : array_like (H, H)
        Real.
    most : int
        The largest K.

    Returns
    -------
    ndarray (most,)
        For K = 1 .. most, the largest over a grid of r.

    References
    ----------
    L. N. Trefethen, 2002, unpublished, as EigTool's documentation has it (Transients menu, Compute a Bound).
    """
    radius, _, norms = resolvent_grid(weight)
    radius, norm = radius[:, None], norms.max(axis=1, keepdims=True)
    power = radius ** np.arange(1, most + 1)
    bound = power / (1 + (power - 1) / ((radius - 1) * (radius * norm - 1)))
    return np.asarray(bound.max(axis=0))


def chain_memory(lag: ArrayLike, gain: ArrayLike) -> Array:
    """Fisher memory J(k) = g^(2 k) / (1 + g^2 + ... + g^(2 k)) of a delay line of gain g whose first unit gets the signal.

    Every unit gets noise of variance 1 at every step. A line of N units has k = 0 .. N - 1; with g = 1 the sum is
    1 + 1/2 + ... + 1/N, and only with g to infinity it goes to N, which no network of N units exceeds.

    Parameters
    ----------
    lag : array_like of int
        k.
    gain : array_like
        g, above 0.

    References
    ----------
    S. Ganguli, D. Huh, H. Sompolinsky, Memory traces in dynamical systems, PNAS 105, 2008; G. Kerg et al., Non-normal
    recurrent neural network, NeurIPS 2019, supplement B, equation 11, with alpha for g^2.

    Examples
    --------
    >>> from rnnlab.laws import non_normal
    >>> non_normal.chain_memory([0, 1, 2], 1.0).round(3).tolist()
    [1.0, 0.5, 0.333]
    """
    k, square = np.asarray(lag, dtype=np.float64), np.asarray(gain, dtype=np.float64) ** 2
    with np.errstate(invalid="ignore"):
        sums = np.where(square == 1, k + 1, np.expm1((k + 1) * np.log(square)) / (square - 1))
    return np.asarray(square**k / sums)


def total_memory(weight: ArrayLike, source: ArrayLike) -> float:
    """J_tot = sum_k v^T (W^k)^T C^-1 W^k v, C = sum_k W^k (W^k)^T: 1 of a normal W and |v| = 1, N at most.

    Parameters
    ----------
    weight : array_like (N, N)
        Of spectral radius below 1.
    source : array_like (N,)
        v, where the signal comes in.

    Returns
    -------
    float
        By doubling, with QR decompositions in the place of C: its condition number, up to 10^26 for the networks of Kerg et
        al. 2019, enters by its square root alone.

    References
    ----------
    Ganguli, Huh, Sompolinsky 2008; as Kerg et al. 2019, supplement B, equation 7, with unit noise.
    """
    power = np.asarray(weight, dtype=np.float64).T.copy()
    noise, signal = np.eye(len(power)), np.atleast_2d(np.asarray(source, dtype=np.float64))
    while np.abs(noise @ power).max() > GONE:
        noise, signal = (triangle(np.concatenate([half, half @ power])) for half in (noise, signal))
        power = power @ power
    return float((scipy.linalg.solve_triangular(noise, signal.T, trans="T") ** 2).sum())


def triangle(rows: ArrayLike) -> Array:
    """R of a QR decomposition, large rows first, so that small ones keep their digits.

    Parameters
    ----------
    rows : array_like (M, N)

    Returns
    -------
    ndarray (min(M, N), N)
        With R^T R = rows^T rows.
    """
    given = np.asarray(rows, dtype=np.float64)
    return np.asarray(np.linalg.qr(given[np.argsort(-np.abs(given).max(axis=1), kind="stable")], mode="r"))
