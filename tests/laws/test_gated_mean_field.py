"""The gated mean field against samples, published weights, and its own border."""

import numpy as np
import pytest
from scipy.special import expit

from rnnlab.laws import gated_mean_field as law


def test_one_step_of_many_units_leaves_the_moments_as_they_are() -> None:
    rng, many, gain, bias, inputs, drive = np.random.default_rng(0), 400_000, 4.0, 1.0, 0.4, 0.25
    told = law.minimal_rnn(gain, bias, inputs, drive)
    h, x = np.sqrt(told.state) * rng.standard_normal(many), np.sqrt(inputs) * rng.standard_normal(many)
    a = (
        np.sqrt(gain**2 * told.state + drive) * rng.standard_normal(many) + bias
    )  # independent of h, as the theory has it
    u = expit(a)
    assert np.mean((u * h + (1 - u) * x) ** 2) == pytest.approx(told.state, rel=0.02)  # several sqrt(2 / many)
    slope = gain * u * (1 - u) * (h - x)
    assert np.mean(u**2) + np.mean(slope**2) == pytest.approx(told.chi, rel=0.02)
    assert np.mean(u**2) == pytest.approx(told.kept, rel=0.01)
    assert told.time_scale == pytest.approx(-1 / np.log(told.chi))


def test_published_weights_are_critical() -> None:
    drive = 1.39**2 * 0.46
    assert law.critical_gain(0.0, 0.46, drive) == pytest.approx(6.88, abs=0.04)  # R has two digits
    assert law.minimal_rnn(7.5, 0.0, 0.46, drive).chi > 1.05


@pytest.mark.parametrize("bias", [0.0, 3.0])
def test_at_the_border_gradients_keep_their_size(bias: float) -> None:
    gain = law.critical_gain(bias, 0.4, 0.25)
    assert law.minimal_rnn(gain, bias, 0.4, 0.25).chi == pytest.approx(1.0, abs=1e-6)
    assert law.minimal_rnn(1.01 * gain, bias, 0.4, 0.25).time_scale == np.inf


def test_without_weights_gates_alone_are_left() -> None:
    told = law.minimal_rnn(0.0, 2.0, 0.4, 0.0)
    assert told.chi == pytest.approx(expit(2.0) ** 2, rel=1e-12)
    assert told.state == pytest.approx(0.4 * (1 - expit(2.0)) ** 2 / (1 - expit(2.0) ** 2), rel=1e-9)
