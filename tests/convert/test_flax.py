"""Cells of Flax: parameters by hand, and where Flax is installed its own cells, of linen and of nnx."""

import os
from typing import Any

import numpy as np
import pytest

import rnnlab as rl
from tests.reference import relative

PROMISE = 1e-5  # of the largest entry: Flax computes in float32, 60 roundings of 6e-8 at most double it
CELLS = ["LSTMCell", "OptimizedLSTMCell", "GRUCell", "SimpleCell"]


def installed() -> Any:
    os.environ.setdefault("JAX_PLATFORMS", "cpu")
    pytest.importorskip("jax", reason="JAX is an optional peer: pip install 'rnnlab[frameworks]'")
    return pytest.importorskip("flax", reason="Flax is an optional peer: pip install 'rnnlab[frameworks]'")


def said(name: str) -> dict[str, Any]:
    """What a SimpleCell's parameters do not say."""
    return {"nonlinearity": "tanh"} if name == "SimpleCell" else {}


def dense(rows: int, bias: float | None, fill: float = 0.0, columns: int = 2) -> dict[str, Any]:
    """A dense layer's parameters."""
    kernel = {"kernel": np.full((rows, columns), fill)}
    return kernel if bias is None else {**kernel, "bias": np.full(columns, bias)}


LSTM: dict[str, Any] = {f"i{gate}": dense(3, None, k) for k, gate in enumerate("ifgo")}
LSTM |= {f"h{gate}": dense(2, 10.0 + k, 4 + k) for k, gate in enumerate("ifgo")}
GRU: dict[str, Any] = {f"i{gate}": dense(3, 1.0 + k, k) for k, gate in enumerate("rzn")}
GRU |= {"hr": dense(2, None, 3), "hz": dense(2, None, 4), "hn": dense(2, 9.0, 5)}
SIMPLE: dict[str, Any] = {"i": dense(3, 1.0), "h": dense(2, None)}


def test_gates_are_put_in_our_order() -> None:
    lstm = rl.from_flax({"params": {"cell": LSTM}})
    np.testing.assert_array_equal(lstm.weight_ih[:, 0], np.repeat([0.0, 1, 2, 3], 2))
    np.testing.assert_array_equal(lstm.weight_hh[:, 0], np.repeat([4.0, 5, 6, 7], 2))
    np.testing.assert_array_equal(lstm.bias, np.repeat([10.0, 11, 12, 13], 2))
    gru = rl.from_flax(GRU)
    np.testing.assert_array_equal(gru.bias, np.repeat([1.0, 2, 3], 2))
    np.testing.assert_array_equal(gru.bias_hn, [9.0, 9.0])
    assert type(rl.from_flax(SIMPLE, nonlinearity="relu")) is rl.ReLURNNParams


def test_several_cells_are_told_apart_by_their_paths() -> None:
    whole = {"params": {"LSTMCell_0": LSTM, "block": {"GRUCell_0": GRU}, "Dense_0": dense(2, 0.0)}}
    with pytest.raises(ValueError, match=r"2 recurrent networks: .* 'params.LSTMCell_0', 'params.block.GRUCell_0'"):
        rl.from_flax(whole)
    for prefix in ("block", "GRUCell_0", "params/block/GRUCell_0"):
        assert type(rl.from_flax(whole, prefix)) is rl.GRUParams


def test_what_is_no_cell_is_refused_in_a_sentence() -> None:
    for params, how, error, says in (
        (3, {}, TypeError, "params is 3: expected nested mappings"),
        ({"Dense_0": dense(2, 0.0)}, {}, ValueError, "has the keys .*Dense_0.*: expected an LSTM, GRU or SimpleCell"),
        (SIMPLE, {}, ValueError, "a SimpleCell does not say its nonlinearity"),
        (GRU, {"nonlinearity": "relu"}, ValueError, "expected none, the GRU has no choice"),
        ({**SIMPLE, "i": dense(3, np.nan)}, {"nonlinearity": "tanh"}, ValueError, "i.bias has the value nan"),
        ({**SIMPLE, "i": {}}, {"nonlinearity": "tanh"}, ValueError, "i is {}: expected a mapping with kernel"),
        ({**SIMPLE, "i": 3}, {"nonlinearity": "tanh"}, ValueError, "i is 3: expected a mapping with kernel"),
        ({**SIMPLE, "h": dense(2, 0.0, columns=3)}, {"nonlinearity": "tanh"}, ValueError, "weight_hh has shape"),
        ({**GRU, "hn": dense(3, 0.0)}, {}, ValueError, "hn.kernel has shape .*: expected .2, "),
    ):
        with pytest.raises(error, match=says):
            rl.from_flax(params, **how)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", CELLS)
def test_cells_of_linen(name: str) -> None:
    linen, jax = installed() and pytest.importorskip("flax.linen"), pytest.importorskip("jax")
    model = linen.RNN(getattr(linen, name)(4))
    x = np.random.default_rng(0).standard_normal((5, 3)).astype(np.float32)
    params = model.init(jax.random.key(0), x)
    params = jax.tree.map(lambda array: array + 0.1, params)  # biases start at 0
    cell = rl.from_flax(params, **said(name))
    assert relative(rl.forward(cell, x).h[1:], np.asarray(model.apply(params, x))) <= PROMISE
    dout = np.random.default_rng(1).standard_normal((5, 4)).astype(np.float32)
    expected = jax.grad(lambda inputs: (model.apply(params, inputs) * dout).sum())(x)
    assert relative(rl.backward(rl.forward(cell, x), dout).x, np.asarray(expected)) <= 10 * PROMISE


@pytest.mark.parametrize("name", CELLS)
def test_cells_of_nnx(name: str) -> None:
    nnx, jax = installed() and pytest.importorskip("flax.nnx"), pytest.importorskip("jax")
    model = nnx.RNN(getattr(nnx, name)(3, 4, rngs=nnx.Rngs(0)), rngs=nnx.Rngs(0))
    nnx.update(model, jax.tree.map(lambda array: array + 0.1, nnx.state(model, nnx.Param)))
    x = np.random.default_rng(0).standard_normal((1, 5, 3)).astype(np.float32)
    expected = np.asarray(model(x))[0]
    for params in (nnx.state(model, nnx.Param), nnx.to_pure_dict(nnx.state(model, nnx.Param))):
        assert relative(rl.forward(rl.from_flax(params, **said(name)), x[0]).h[1:], expected) <= PROMISE
    with pytest.raises(TypeError, match=r"expected nested mappings, as model.init or nnx.state\(model\) give"):
        rl.from_flax(model)
