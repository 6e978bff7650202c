"""Inputs by name."""

import numpy as np
import pytest

from rnnlab import series


@pytest.mark.parametrize("name", ["statland", "normal", "zeros", "prices"])
def test_inputs(name: series.InputName) -> None:
    one, again = series.inputs(name, 50, 3), series.inputs(name, 50, 3)
    np.testing.assert_array_equal(one, again)
    assert one.shape == (50,)
    if name == "statland":
        assert set(one) == {0.0, 0.5, 1.0}
    if name == "prices":
        assert 0.0 <= one.min() < one.max() <= 1.0


def test_too_many_days() -> None:
    with pytest.raises(ValueError, match="longer than the 1047 days"):
        series.inputs("prices", 2000, 0)
