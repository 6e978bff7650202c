"""Laws of linear recurrences against integrals, sums written out, and samples."""

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import expit
from scipy.stats import norm

from rnnlab.laws import linear_recurrence as law


@pytest.mark.parametrize(("least", "most"), [(0.0, 1.0), (0.5, 0.9), (0.9, 0.999)])
@pytest.mark.parametrize("lag", [0, 1, 20])
def test_ring_is_the_integral_over_its_area(lag: int, least: float, most: float) -> None:
    area = quad(lambda r: 2 * r, least, most)[0]
    expected = quad(lambda r: 2 * r * r ** (2 * lag), least, most)[0] / area
    assert law.ring_mean_square(lag, least, most) == pytest.approx(expected, rel=1e-9)  # quad's own


@pytest.mark.parametrize("radius", [0.5, 0.9, 0.99])
def test_moments_are_sums_over_lags(radius: float) -> None:
    k, step, angle = np.arange(8000), 1e-6, 0.7

    def weights(size: float, turn: float) -> np.ndarray:
        return np.sqrt(1 - size**2) * size**k * np.exp(1j * turn * k)  # of x_(T-k) in h_T

    def moment(*ends: np.ndarray) -> float:
        return float((np.abs(np.subtract(*ends) / (2 * step)) ** 2).sum())

    log_nu = np.log(-np.log(radius))
    sizes = [np.exp(-np.exp(log_nu + way * step)) for way in (1, -1)]
    decay = moment(*(weights(size, angle) for size in sizes))
    turned = moment(*(weights(radius, angle + way * step) for way in (1, -1)))
    plain = moment(*(weights(radius + way * step, angle) for way in (1, -1)))
    for got, expected in (
        (law.log_decay_second_moment(radius), decay),
        (law.angle_second_moment(radius), turned),
        (law.radius_second_moment(radius), plain),
    ):
        assert got == pytest.approx(expected, rel=1e-5)  # step^2 times third derivatives over first, lag^2
    assert law.log_decay_second_moment(radius) < 0.26 < 0.1 * law.angle_second_moment(0.9)


@pytest.mark.parametrize("bias", [-3.0, 0.0, 5.0])
def test_gates_are_integrals(bias: float) -> None:
    one = quad(lambda a: np.log(expit(bias + a)) * norm.pdf(a), -12, 12)[0]
    assert law.log_kept_mingru(bias) == pytest.approx(one, rel=1e-7)
    a = np.linspace(-9, 9, 401)
    f, i = expit(bias + a)[:, None], expit(a)
    both = norm.pdf(a) @ np.log(f / (f + i)) @ norm.pdf(a) * (a[1] - a[0]) ** 2  # the trapezoidal rule
    assert law.log_kept_minlstm(bias) == pytest.approx(both, rel=1e-7)


def test_a_linear_readout_explains_little_of_adding() -> None:
    rng, steps, many = np.random.default_rng(0), 6, 200_000
    value = rng.random((many, steps))
    first, second = rng.integers(3, size=many), rng.integers(3, 6, size=many)
    total = value[np.arange(many), first] + value[np.arange(many), second]
    features = np.column_stack([value, np.ones(many)])
    left = total - features @ np.linalg.lstsq(features, total, rcond=None)[0]
    share = 1 - left.var() / total.var()
    assert share == pytest.approx(law.linear_share_of_adding(steps), abs=0.01)  # several 2 sqrt(1/3 / many)
