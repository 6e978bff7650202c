"""Initialisers against their definitions, PyTorch's state dicts without and with PyTorch."""

from typing import Any

import numpy as np
import pytest

import rnnlab as rl
from tests.cells_reference import CELLS

GATED = [(rl.RNNParams, 1), (rl.LSTMParams, 4), (rl.GRUParams, 3)]


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def blocks(params: Any) -> Any:
    """The recurrent weights, one square block a gate."""
    hidden = params.weight_hh.shape[1]
    return params.weight_hh.reshape(-1, hidden, hidden)


@pytest.mark.parametrize(("kind", "gates"), GATED)
def test_orthogonal_blocks(kind: Any, gates: int) -> None:
    params = kind.init(3, 20, rng=rng(), scheme="orthogonal", gain=1.5)
    assert len(blocks(params)) == gates
    for block in blocks(params):
        np.testing.assert_allclose(block @ block.T, 1.5**2 * np.eye(20), atol=1e-13)


def test_sparse_has_15_entries_a_row_and_its_radius() -> None:
    params = rl.RNNParams.init(6, 50, rng=rng(), scheme="sparse")
    assert ((params.weight_hh != 0).sum(axis=1) == 15).all()
    assert np.abs(np.linalg.eigvals(params.weight_hh)).max() == pytest.approx(0.95, rel=1e-12)


def test_identity_is_the_irnn() -> None:
    params = rl.RNNParams.init(100, 40, rng=rng(), scheme="identity")
    np.testing.assert_array_equal(params.weight_hh, np.eye(40))
    np.testing.assert_array_equal(params.bias, 0)
    assert params.weight_ih.std() == pytest.approx(0.001, rel=0.05)  # 4,000 draws: 1 % is one standard error


def test_gaussian_and_bounds() -> None:
    gaussian = rl.RNNParams.init(2, 300, rng=rng(), scheme="gaussian", gain=2.0)
    assert gaussian.weight_hh.std() == pytest.approx(2 / np.sqrt(300), rel=0.01)  # 90,000 draws: 0.24 % is one
    pytorch = rl.GRUParams.init(2, 100, rng=rng())
    for array in (pytorch.weight_ih, pytorch.weight_hh, pytorch.bias_hn):
        assert 0.08 < np.abs(array).max() <= 0.1
    glorot = rl.RNNParams.init(4, 60, rng=rng(), scheme="glorot")
    assert 0.95 < np.abs(glorot.weight_hh).max() / np.sqrt(6 / 120) <= 1
    np.testing.assert_array_equal(glorot.bias, 0)


def test_the_two_biases_of_a_gru_are_added_up_for_its_gates_alone() -> None:
    """As PyTorch draws them: bias_ih + bias_hh for r and z, each in its own place for the candidate."""
    generator = rng()
    drawn = [rl.GRUParams.init(1, 4, rng=generator) for _ in range(4000)]
    r, z, n = np.stack([params.bias for params in drawn]).reshape(-1, 3, 4).std(axis=(0, 2))
    of_one, of_two = 0.5 / np.sqrt(3), 0.5 / np.sqrt(1.5)  # of one and of two numbers uniform within 1 / sqrt(H)
    np.testing.assert_allclose([r, z], of_two, rtol=0.03)  # 16,000 draws: the standard error is 0.5 %
    np.testing.assert_allclose([n, np.std([params.bias_hn for params in drawn])], of_one, rtol=0.03)


def test_forget_bias_and_chrono() -> None:
    ones = rl.LSTMParams.init(2, 5, rng=rng(), scheme="glorot", forget_bias=1.0).bias.reshape(4, 5)
    np.testing.assert_array_equal(ones, [[0] * 5, [1] * 5, [0] * 5, [0] * 5])
    chrono = rl.LSTMParams.init(2, 1000, rng=rng(), scheme="glorot", chrono=100.0).bias.reshape(4, 1000)
    np.testing.assert_array_equal(chrono[0], -chrono[1])
    assert 0 <= chrono[1].min()
    assert np.exp(chrono[1]).mean() == pytest.approx(50, rel=0.05)  # U[1, 99]: the standard error is 1.8 %


@pytest.mark.parametrize("kind", [rl.GRUParams, rl.ResetBeforeGRUParams])
def test_chrono_of_the_gru_is_its_update_gate(kind: Any) -> None:
    r, z, n = kind.init(2, 1000, rng=rng(), scheme="glorot", chrono=100.0).bias.reshape(3, 1000)
    assert not r.any()
    assert not n.any()
    assert 0 <= z.min()
    assert np.exp(z).mean() == pytest.approx(50, rel=0.05)  # U[1, 99]: the standard error is 1.8 %
    with pytest.raises(ValueError, match=r"chrono is 2\.0: expected a longest dependency above 2"):
        kind.init(2, 3, rng=rng(), chrono=2.0)


def test_a_stack_is_drawn_layer_by_layer_with_a_scheme_for_each() -> None:
    schemes = ["orthogonal", "identity", "pytorch"]
    stack = rl.Stack.init(rl.GRUParams, 3, [4, 5, 6], 3, rng=rng(), scheme=schemes, gain=2.0, chrono=[None, 9.0, None])
    again, below = rng(), 3
    for params, size, scheme, chrono in zip(stack.layers, (4, 5, 6), schemes, (None, 9.0, None), strict=True):
        alone = rl.GRUParams.init(below, size, rng=again, scheme=scheme, gain=2.0, chrono=chrono)  # type: ignore[arg-type]
        for one, other in zip(params, alone, strict=True):
            np.testing.assert_array_equal(one, other)
        below = size
    both = rl.Stack.init([rl.LSTMParams, rl.RNNParams], 3, 4, 2, rng=rng(), bidirectional=True, dtype=np.float32)
    assert [type(layer.backward) for layer in both.layers] == [rl.LSTMParams, rl.RNNParams]
    assert both.layers[1].backward.weight_ih.shape == (4, 8)
    assert not np.array_equal(both.layers[0].forward.weight_ih, both.layers[0].backward.weight_ih)


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"layers": 0}, "layers is 0: expected an integer of at least 1"),
        ({"kind": [rl.LSTMParams, 3]}, "kind is 3: expected a class of parameters"),
        ({"scheme": ["glorot"]}, "scheme has 1 entries: expected one for all layers, or 2, one a layer"),
        ({"hidden_size": [3, 0]}, "hidden_size is 0: expected an integer of at least 1"),
        ({"scheme": ["glorot", "he"]}, "scheme is 'he': expected one of pytorch"),
        ({"kind": rl.LSTMParams(1, 2, 3)}, "kind is LSTMParams.*: expected a class of parameters"),
        (
            {"kind": rl.GRUParams, "forget_bias": 1.0},
            "GRUParams.init got an .*'forget_bias': expected some of scheme, gain",
        ),
    ],
)
def test_bad_stacks(changed: dict[str, Any], says: str) -> None:
    how: dict[str, Any] = {
        "kind": rl.LSTMParams,
        "input_size": 2,
        "hidden_size": 3,
        "layers": 2,
        "rng": rng(),
        **changed,
    }
    with pytest.raises((TypeError, ValueError), match=says):
        rl.Stack.init(**how)


def test_equal_seeds_give_equal_weights() -> None:
    for kind in CELLS.values():
        for one, other in zip(kind.init(2, 3, rng=rng(7)), kind.init(2, 3, rng=rng(7)), strict=True):
            np.testing.assert_array_equal(one, other)
        assert all(array.dtype == np.float32 for array in kind.init(2, 3, rng=rng(), dtype=np.float32))


@pytest.mark.parametrize(
    ("changed", "error", "says"),
    [
        ({"scheme": "he"}, ValueError, "scheme is 'he': expected one of pytorch"),
        ({"rng": 0}, TypeError, "rng is 0: expected a numpy.random.Generator"),
        ({"gain": np.nan}, ValueError, "gain has the value nan"),
        ({"gain": "x"}, TypeError, "gain is 'x': expected real numbers"),
        ({"hidden_size": 0}, ValueError, "hidden_size is 0: expected an integer of at least 1"),
        ({"input_size": 1.5}, ValueError, "input_size is 1.5: expected an integer"),
        ({"dtype": np.int64}, ValueError, "expected float32 or float64"),
        ({"dtype": "foo"}, ValueError, "dtype is 'foo': expected float32 or float64"),
        ({"chrono": 1.0}, ValueError, "chrono is 1.0"),
        ({"chrono": "a"}, ValueError, "chrono is 'a'"),
        ({"chrono": 9.0, "forget_bias": 1.0}, ValueError, "expected at most one"),
        ({"forget_bias": np.inf}, ValueError, "forget_bias has the value inf"),
        ({"forget_bias": "a"}, TypeError, "forget_bias is 'a': expected real numbers"),
    ],
)
def test_bad_recipes(changed: dict[str, Any], error: Any, says: str) -> None:
    arguments: dict[str, Any] = {"input_size": 2, "hidden_size": 3, "rng": rng(), **changed}
    with pytest.raises(error, match=says):
        rl.LSTMParams.init(arguments.pop("input_size"), arguments.pop("hidden_size"), **arguments)


@pytest.mark.parametrize(("kind", "gates"), GATED)
def test_state_dicts_go_round(kind: Any, gates: int) -> None:
    params = kind.init(2, 3, rng=rng(gates))
    state = params.to_torch()
    assert list(state) == ["weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"]
    for one, other in zip(kind.from_torch(state), params, strict=True):
        np.testing.assert_array_equal(one, other)
    state["bias_hh_l0"] = state["bias_hh_l0"] + 1.0
    moved = kind.from_torch(state).bias - params.bias
    np.testing.assert_allclose(moved[: 2 * 3 if gates == 3 else None], 1.0)  # the candidate's second bias stays apart


def test_state_dicts_of_other_modules() -> None:
    state = rl.LSTMParams.init(2, 3, rng=rng()).to_torch()
    with pytest.raises(ValueError, match="expected \\(3 H, H\\), is it another kind of cell"):
        rl.GRUParams.from_torch(state)
    with pytest.raises(ValueError, match="expected one layer"):
        rl.LSTMParams.from_torch({**state, "weight_ih_l1": state["weight_ih_l0"]})
    with pytest.raises(ValueError, match="expected weight_ih_l0 and weight_hh_l0 at least"):
        rl.LSTMParams.from_torch({"bias_ih_l0": state["bias_ih_l0"]})
    without = rl.LSTMParams.from_torch({key: value for key, value in state.items() if "bias" not in key})
    np.testing.assert_array_equal(without.bias, 0)
