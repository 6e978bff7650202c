"""Compiled code keeps no array alive: when the last name of a result is gone, so is its memory."""

import gc
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import rnnlab as rl
from rnnlab import two_cores

STATES = {"one state": rl.RNNParams, "two states": rl.LSTMParams, "nonlinearity in the type": rl.ReLURNNParams}
CALLS: dict[str, Callable[[rl.Tape, Any], Any]] = {
    "forward": lambda tape, dh: tape,
    "backward": rl.backward,
    "window": lambda tape, dh: rl.backward(tape, dh, window=3),
    "scaled": lambda tape, dh: rl.backward(tape, dh, scaled=True),
    "flow": rl.gradient_flow,
}


def arrays_of(found: Any) -> list[Any]:
    """All arrays in nested tuples."""
    if isinstance(found, np.ndarray):
        return [found]
    return [array for part in found for array in arrays_of(part)] if isinstance(found, tuple) else []


def alive(run: Callable[[], Any]) -> int:
    """How many arrays of what `run` returns outlive it."""
    found = run()
    watched = [weakref.ref(array) for array in arrays_of(found)]
    assert len(watched) > 3
    del found
    gc.collect()
    return sum(one() is not None for one in watched)


def both(params: Any, call: str, **how: Any) -> Any:
    """What a run and a call on it return."""
    x = np.random.default_rng(1).standard_normal((6, 16, 2))
    tape = rl.forward(params, x, **how)
    return tape, CALLS[call](tape, np.ones((16, 3)))


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("kind", STATES)
def test_what_a_cell_returns_is_freed(kind: str, call: str) -> None:
    params = STATES[kind].init(2, 3, rng=np.random.default_rng(0))
    assert alive(lambda: both(params, call)) == 0
    assert alive(lambda: both(params, call, length=np.arange(16) % 7)) == 0


def test_so_is_what_layers_return() -> None:
    stack = rl.Stack.init(rl.LSTMParams, 2, 3, 2, rng=np.random.default_rng(0))
    assert alive(lambda: both(stack, "backward")) == 0


def test_so_is_what_two_cores_return(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("WORTH", 0), ("available_cores", lambda: 2)):
        monkeypatch.setattr(two_cores, name, value)
    params = rl.LSTMParams.init(2, 3, rng=np.random.default_rng(0))
    assert alive(lambda: both(params, "backward")) == 0


def test_what_is_kept_is_noticed() -> None:
    """The control: an array that somebody holds on to."""
    params, kept = rl.RNNParams.init(2, 3, rng=np.random.default_rng(0)), []

    def run() -> Any:
        found = both(params, "forward")
        kept.append(found[0].h)
        return found

    assert alive(run) > 0
