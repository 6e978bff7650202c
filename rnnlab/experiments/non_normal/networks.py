"""Recurrent matrices: with the same eigenvalues and more or less normal, chains, and those of the literature."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rnnlab._base.initial import orthogonal

Array = NDArray[np.float64]
UNITS, CHAIN = 32, 100  # of networks whose gradients are followed, and of Kerg et al. 2019
RADIUS = 0.9  # of all eigenvalues of `schur`
JORDAN = (0.5, 0.6)  # eigenvalue and gain of a chain whose gradient grows, as 0.5 + 0.6 > 1
DEMO = 30  # size of EigTool's demo whose powers grow as in its documentation's figure, over one hundredfold


def schur(size: float) -> Array:
    """U (R + T) U^T: R rotations by random angles times 0.9, T strictly above them, its entries N(0, size^2 / H)."""
    rng = np.random.default_rng(0)
    blocks = [RADIUS * rotation(angle) for angle in rng.uniform(0, np.pi, UNITS // 2)]
    form = np.kron(np.triu(np.ones((UNITS // 2, UNITS // 2)), 1), np.ones((2, 2)))
    form *= size / np.sqrt(UNITS) * rng.standard_normal((UNITS, UNITS))
    for k, block in enumerate(blocks):
        form[2 * k : 2 * k + 2, 2 * k : 2 * k + 2] = block
    turned = orthogonal(UNITS, rng)
    return turned @ form @ turned.T


def rotation(angle: float) -> Array:
    """A rotation of the plane."""
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


def chain(size: int, gain: float, eigenvalue: float = 0.0, skip: float = 0.0) -> Array:
    """Each unit feeds the next by `gain`, itself by `eigenvalue`, and all further on by `skip`: d, alpha, beta of Kerg 2019."""
    return eigenvalue * np.eye(size) + gain * np.eye(size, k=-1) + skip * np.tri(size, k=-2)


def symmetric(radius: float) -> Array:
    """A symmetric random matrix of that spectral radius."""
    drawn = np.random.default_rng(1).standard_normal((UNITS, UNITS))
    drawn = drawn + drawn.T
    return radius / np.abs(np.linalg.eigvalsh(drawn)).max() * drawn


def eigtool_demo() -> Array:
    """EigTool's transient_demo, a complex matrix, as a real one of twice its size, with the same singular values twice."""
    shift = np.roll(np.eye(DEMO), 1, axis=1)
    diagonal = np.exp(2j * np.pi * np.arange(DEMO) / DEMO)
    matrix = 0.4 * (np.diag(diagonal) + shift) - 0.5 * np.eye(DEMO)
    return np.block([[matrix.real, -matrix.imag], [matrix.imag, matrix.real]])
