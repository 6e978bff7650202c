"""The linear recurrent unit against complex numbers, the determinant and differences."""

import numba
import numpy as np
import pytest

import rnnlab as rl
from rnnlab.kernels.cells.lru import CELL, LRUParams

pytestmark = pytest.mark.skipif(not numba.config.DISABLE_JIT, reason="interpreted: compiling it takes half a minute")


@pytest.fixture(scope="module")
def params() -> LRUParams:
    return LRUParams.init(2, 4, rng=np.random.default_rng(0), ring=(0.3, 0.95))


def test_it_is_the_recurrence_of_complex_numbers(params: LRUParams) -> None:
    size = np.exp(-np.exp(params.log_decay))
    assert ((size >= 0.3) & (size <= 0.95)).all()
    x, h = np.random.default_rng(1).standard_normal((7, 2)), np.zeros(2, complex)
    factor, into = size * np.exp(1j * params.angle), params.weight_ih[:2] + 1j * params.weight_ih[2:]
    for row in x:
        h = factor * h + np.sqrt(1 - size**2) * (into @ row)
    found = rl.forward(params, x).h[-1]
    np.testing.assert_allclose(found, np.concatenate([h.real, h.imag]), rtol=1e-13)  # 30 roundings


def test_its_exponents_add_up_to_the_logarithm_of_the_determinant(params: LRUParams) -> None:
    exponents = rl.lyapunov_spectrum(params, np.zeros((60, 2)), discard=0)
    np.testing.assert_allclose(np.sum(exponents), -2 * np.exp(params.log_decay).sum(), rtol=1e-12)  # 60 QRs of 4 x 4


def test_its_adjoint_is_that_of_differences_and_a_wrong_one_is_found(params: LRUParams) -> None:
    assert max(rl.check_cell(params).values()) < 1e-8  # of differences of the forward
    with pytest.raises(ValueError, match="h0 is wrong from step 1 on"):
        rl.check_cell(Wrong(*params))


def kept_whole(_params, _tape, gradients, work, t):  # type: ignore[no-untyped-def]
    """A step back at which dL/dh_(t-1) = dL/dh_t."""
    gradients.h[t] = work.now[0]


class Wrong(LRUParams):
    """The control."""

    @staticmethod
    def cell():  # type: ignore[no-untyped-def]
        """The cell with that step."""
        return CELL._replace(steps=CELL.steps._replace(backward=kept_whole))
