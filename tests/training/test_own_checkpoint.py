"""Checkpoints of one's own cells and nonlinearities: given again to be read, known again, and never executed."""

import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from numba import njit

import rnnlab as rl
from rnnlab.kernels.cells import rnn


class Mine(NamedTuple):
    weight_ih: Any
    weight_hh: Any
    bias: Any

    @staticmethod
    def cell() -> Any:
        return rnn.CELL


Namesake = type("RNNParams", (Mine,), {})


@njit
def value(a: float) -> float:
    return a / (1 + abs(a))


@njit
def slope(a: float) -> float:
    return 1 / (1 + abs(a)) ** 2


@njit
def constant(a: float) -> float:
    return 0.5 + 0 * a


def fit_of(params: Any, nonlinearity: Any = "tanh", size: int = 5) -> rl.Fit:
    """A Fit of no updates."""
    rng, none = np.random.default_rng(0), np.zeros(0)
    model = rl.Model(params, rl.Readout.init(1, 1, rng=rng), nonlinearity)
    unseen = (np.zeros(0, np.int64), np.zeros((0, 1, 0)), np.zeros((0, 1)), np.zeros((0, 1)))
    history = rl.History(np.zeros(0, np.int64), none, none, np.zeros(0, np.int64), np.zeros((0, 1)), none, *unseen)
    return rl.Fit(model, history, None, rl.TrainingState(0, "sgd", np.zeros((0, size)), rng.bit_generator.state))


ARRAYS = rl.RNNParams.init(1, 1, rng=np.random.default_rng(0))


@pytest.mark.parametrize("network", [Mine(*ARRAYS), Namesake(*ARRAYS), rl.Stack((ARRAYS, Mine(*ARRAYS)))])
def test_own_cells_are_given_again(tmp_path: Path, network: Any) -> None:
    kind = type(network.layers[1] if isinstance(network, rl.Stack) else network)
    rl.save_fit(tmp_path / "own", fit_of(network, size=8 if isinstance(network, rl.Stack) else 5))
    kept = rl.load_fit(tmp_path / "own", cells=(kind,)).model.params
    assert str(kept) == str(network)
    assert type(kept) is type(network)
    name = kind.__name__
    with pytest.raises(ValueError, match=rf"own has a cell '{name}': expected its class, pass cells=\({name},\)"):
        rl.load_fit(tmp_path / "own")


@pytest.mark.parametrize("wrong", [Mine, [Mine], (3,), ("Mine",), (int,)])
def test_what_is_no_class_of_parameters_is_refused(wrong: Any, tmp_path: Path) -> None:
    with pytest.raises(TypeError, match=r"cells is .*: expected a tuple of classes of parameters, say \(MyCell,\)"):
        rl.load_fit(tmp_path / "no file", cells=wrong)


def test_an_own_nonlinearity_is_given_again_and_known(tmp_path: Path) -> None:
    own, named = tmp_path / "own", tmp_path / "named"
    rl.save_fit(own, fit_of(ARRAYS, (value, slope)))
    rl.save_fit(named, fit_of(ARRAYS))
    assert rl.load_fit(own, nonlinearity=(value, slope)).model.nonlinearity == (value, slope)
    for path, given, says in (
        (own, None, "has the nonlinearity of its own: expected nonlinearity=.value, slope., which no file holds"),
        (own, (value, constant), "has another nonlinearity than the given pair: expected one with the same values at"),
        (named, (value, slope), "has the nonlinearity 'tanh': expected none"),
    ):
        with pytest.raises(ValueError, match=says):
            rl.load_fit(path, nonlinearity=given)
    with pytest.raises(TypeError, match="expected a function compiled by numba"):
        rl.load_fit(own, nonlinearity=(abs, abs))


def test_a_name_in_a_file_is_never_looked_up(tmp_path: Path) -> None:
    """Whatever a file says that its cell is, classes come from the call alone."""
    rl.save_fit(tmp_path / "good", fit_of(ARRAYS))
    with np.load(tmp_path / "good") as file:
        arrays = dict(file)
    rest = json.loads(str(arrays["rest"]))
    for name in ("builtins.exec", "own os.system", "Mine", "own Mine", "os.system"):
        arrays["rest"] = np.array(json.dumps({**rest, "cell": name}))
        np.savez(tmp_path / "bad.npz", **arrays)
        with pytest.raises(ValueError, match=r"bad.npz (is no file of save_fit|has a cell)"):
            rl.load_fit(tmp_path / "bad.npz")
