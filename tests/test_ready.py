"""The short way of `forward` and `backward` gives what the long one gives, to the bit, and takes nothing unusual."""

from typing import Any

import numpy as np
import pytest

import rnnlab as rl
from rnnlab.api import backward_checked, forward_checked
from rnnlab.kernels.cells import CELLS
from rnnlab.ready import backward_ready, forward_ready

RECURRENT = [kind for kind in CELLS if kind.cell().states]


def drawn(kind: Any, hidden: int, dtype: Any) -> tuple[Any, Any]:
    rng = np.random.default_rng(0)
    return kind.init(2, hidden, rng=rng, dtype=dtype), rng.standard_normal((7, 3, 2)).astype(dtype)


def flat(value: Any) -> list[Any]:
    return [leaf for part in value for leaf in flat(part)] if isinstance(value, tuple) else [value]


@pytest.mark.parametrize("kind", RECURRENT)
@pytest.mark.parametrize("batched", [True, False])
def test_both_ways_agree_to_the_bit(kind: Any, batched: bool) -> None:
    params, x = drawn(kind, 4, np.float64)
    x = x if batched else x[:, 0].copy()
    short, long = forward_ready(params, x, "tanh"), forward_checked(params, x, None, "tanh", None, False)
    assert short is not None
    np.testing.assert_array_equal(short.h, long.h)
    dh = np.ones_like(short.h[0])
    found, wanted = backward_ready(short, dh), backward_checked(long, dh, None, None, None, False)
    assert found is not None
    for mine, theirs in zip(flat(found), flat(wanted), strict=True):
        np.testing.assert_array_equal(mine, theirs)


UNUSUAL = {
    "list": lambda params, x: (params, x.tolist(), "tanh"),
    "nan": lambda params, x: (params, np.where(x == x[0, 0, 0], np.nan, x), "tanh"),
    "float32": lambda params, x: (params, x.astype(np.float32), "tanh"),
    "stride": lambda params, x: (params, x[::2], "tanh"),
    "weights": lambda params, x: (params._replace(bias=params.bias[:-1]), x, "tanh"),
    "infinite weights": lambda params, x: (params._replace(bias=params.bias + np.inf), x, "tanh"),
    "network": lambda params, x: (rl.Stack((params,)), x, "tanh"),
    "none": lambda params, x: (None, x, "tanh"),
    "nonlinearity": lambda params, x: (params, x, "tahn"),
}


@pytest.mark.parametrize("unusual", UNUSUAL)
def test_what_is_not_ready_goes_the_long_way(unusual: str) -> None:
    assert forward_ready(*UNUSUAL[unusual](*drawn(rl.RNNParams, 4, np.float64))) is None


def test_a_changed_tape_goes_the_long_way() -> None:
    tape = rl.forward(*drawn(rl.RNNParams, 4, np.float64))
    dh = np.ones((3, 4))
    assert backward_ready(tape, dh) is not None
    assert backward_ready(tape._replace(record=tape.record._replace(slope=tape.record.slope[1:])), dh) is None
    assert backward_ready(tape, dh[:2]) is None
    assert backward_ready(tape, dh * np.nan) is None
    tape.params.bias[0] = np.nan
    assert backward_ready(tape, dh) is None
    tape.params.bias[0] = 0
    tape.record.length[0] = 8
    assert backward_ready(tape, dh) is None
