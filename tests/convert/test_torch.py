"""Networks of PyTorch from its state dicts, made by hand."""

from typing import Any

import numpy as np
import pytest

import rnnlab as rl
from rnnlab.kernels.cells.cell import leaves_of

CELLS = {"RNN": rl.RNNParams, "LSTM": rl.LSTMParams, "GRU": rl.GRUParams}
GATES = {"RNN": 1, "LSTM": 4, "GRU": 3}
ENDS = ("", "_reverse")


def installed() -> Any:
    return pytest.importorskip("torch", reason="torch is an optional peer: pip install 'rnnlab[frameworks]'")


def drawn(kind: str, layers: int = 1, directions: int = 1, bias: bool = True) -> dict[str, Any]:
    """A state dict as PyTorch names it."""
    rng, rows, state = np.random.default_rng(0), GATES[kind] * 4, {}
    for k in range(layers):
        for end in ENDS[:directions]:
            state[f"weight_ih_l{k}{end}"] = rng.standard_normal((rows, 4 * directions if k else 3))
            state[f"weight_hh_l{k}{end}"] = rng.standard_normal((rows, 4))
            if bias:
                state[f"bias_ih_l{k}{end}"], state[f"bias_hh_l{k}{end}"] = rng.standard_normal((2, rows))
    return state


def named(name: str) -> dict[str, Any]:
    """What an RNN's state dict does not say."""
    return {"nonlinearity": "tanh"} if name == "RNN" else {}


def test_one_layer_is_the_cell_two_directions_are_bidirectional_several_layers_a_stack() -> None:
    for kind, cell in CELLS.items():
        assert type(rl.from_torch(drawn(kind), **named(kind))) is cell
        both = rl.from_torch(drawn(kind, directions=2), **named(kind))
        assert isinstance(both, rl.Bidirectional)
        stack = rl.from_torch(drawn(kind, 3, 2), **named(kind))
        assert isinstance(stack, rl.Stack)
        assert [type(layer) for layer in stack.layers] == [rl.Bidirectional] * 3
        assert [type(params) for params in leaves_of(stack)] == [cell] * 6


@pytest.mark.parametrize("kind", CELLS)
@pytest.mark.parametrize(("layers", "directions"), [(1, 1), (1, 2), (3, 1), (2, 2)])
def test_there_and_back(kind: str, layers: int, directions: int) -> None:
    state = drawn(kind, layers, directions)
    network = rl.from_torch(state, **named(kind))
    again = rl.to_torch(network)
    assert list(again) == list(state)  # in PyTorch's order
    for name in state:
        if "weight" in name:
            np.testing.assert_array_equal(again[name], state[name])
    for params, same in zip(leaves_of(network), leaves_of(rl.from_torch(again, **named(kind))), strict=True):
        for array, equal in zip(params, same, strict=True):
            np.testing.assert_array_equal(array, equal)
            assert array.flags.c_contiguous


def test_copies_go_in_and_out() -> None:
    state = drawn("LSTM")
    params = rl.from_torch(state)
    out = rl.to_torch(params)
    for array in (*state.values(), *out.values()):
        array[...] = np.nan
    assert all(np.isfinite(array).all() for array in params)
    for kind in (rl.MinGRUParams, rl.LeakyRNNParams):
        made = kind.init(2, 3, rng=np.random.default_rng(0))
        for array in made.to_torch().values():
            array[...] = np.nan
        assert all(np.isfinite(array).all() for array in made)


@pytest.mark.parametrize("prefix", ["rnn.", "module.", "_orig_mod.", "module._orig_mod.model.encoder.rnn.0."])
def test_any_prefix_is_found(prefix: str) -> None:
    state = {"head.weight": np.ones((2, 4)), **{prefix + name: array for name, array in drawn("GRU", 2).items()}}
    assert isinstance(rl.from_torch(state), rl.Stack)


def test_one_of_several_is_named() -> None:
    state = {f"module.{path}.{name}": a for path in ("encoder", "decoder") for name, a in drawn("GRU").items()}
    with pytest.raises(ValueError, match=r"2 recurrent networks: .* 'module.encoder', 'module.decoder'"):
        rl.from_torch(state)
    for prefix in ("decoder", "module.decoder", "module.decoder."):
        assert type(rl.from_torch(state, prefix)) is rl.GRUParams
    with pytest.raises(ValueError, match=r"prefix is 'coder': expected one of 'module.encoder', 'module.decoder'"):
        rl.from_torch(state, "coder")
    with pytest.raises(TypeError, match="prefix is 3: expected a string"):
        rl.from_torch(state, 3)  # type: ignore[arg-type]


def test_the_nonlinearity_is_asked_for_and_carried() -> None:
    state = drawn("RNN", 2, bias=False)
    with pytest.raises(ValueError, match="does not say its nonlinearity: pass nonlinearity='tanh' or"):
        rl.from_torch(state)
    assert [type(cell) for cell in rl.from_torch(state, nonlinearity="relu").layers] == [rl.ReLURNNParams] * 2
    with pytest.raises(ValueError, match="nonlinearity is 'sigmoid': expected one of tanh, relu"):
        rl.from_torch(state, nonlinearity="sigmoid")
    with pytest.raises(ValueError, match="nonlinearity is 'relu': expected none, the LSTM has no choice"):
        rl.from_torch(drawn("LSTM"), nonlinearity="relu")


def test_half_precision_becomes_float32() -> None:
    state = {name: array.astype(np.float16) for name, array in drawn("LSTM").items()}
    params = rl.from_torch(state)
    assert all(array.dtype == np.float32 for array in params)
    np.testing.assert_array_equal(params.weight_ih, state["weight_ih_l0"])


def changed(**arrays: Any) -> dict[str, Any]:
    """An LSTM's state dict with some entries replaced, or taken out by None."""
    return {name: array for name, array in {**drawn("LSTM"), **arrays}.items() if array is not None}


LSTM = drawn("LSTM")
BAD: list[tuple[Any, Any, str]] = [
    (3, TypeError, "source is 3: expected a torch.nn.Module, or a mapping"),
    ("model.pt", TypeError, "source is 'model.pt': expected a torch.nn.Module"),
    ([LSTM], TypeError, "source is .*: expected a torch.nn.Module, or a mapping"),
    ({1: 2}, TypeError, "expected names, which are strings"),
    ({}, ValueError, "has 0 entries, .* and no recurrent network"),
    (
        {"weight": np.ones((2, 2))},
        ValueError,
        "1 entries, .*'weight'.* and no recurrent network: expected names such as",
    ),
    (changed(weight_ih_l0=3.0), ValueError, "weight_ih has shape .*: expected 1 or 2 dimensions"),
    (changed(weight_ih_l0="text"), TypeError, "weight_ih is .*: expected real numbers"),
    (changed(weight_ih_l0=[[1.0], [1.0, 2.0]]), TypeError, "weight_ih is .*: expected an array or a tensor"),
    (changed(weight_hh_l0=LSTM["weight_hh_l0"] * np.nan), ValueError, "weight_hh has the value nan: expected finite"),
    (changed(weight_hh_l0=LSTM["weight_hh_l0"].T), ValueError, "weight_hh has shape .*: transposed?"),
    (
        changed(weight_ih_l0=LSTM["weight_ih_l0"].T),
        ValueError,
        r"weight_ih has shape .*: expected \(16, I\): transposed?",
    ),
    (
        changed(weight_hh_l0=np.ones((20, 4))),
        ValueError,
        r"weight_hh has shape \(20, 4\): expected \(H, H\), \(3 H, H\) or",
    ),
    (changed(bias_ih_l0=np.ones(12)), ValueError, r"bias_ih has shape \(12,\): expected \(16,\)"),
    (changed(weight_hh_l0=None), ValueError, "expected weight_ih and weight_hh from layer 0 on"),
    (changed(weight_hr_l0=np.ones((2, 4))), ValueError, "has projections"),
    (changed(weight_ih_l0=np.ones((16, 3), np.int8)), ValueError, "weight_ih is quantised"),
    ({"lstm._all_weight_values.0.param": 1}, ValueError, "quantised, take the weights as before"),
    ({"weight_ih_l0_g": 1, "weight_ih_l0_v": 1}, ValueError, "parametrised, pass the module itself"),
    ({f"{k[:-1]}2": v for k, v in LSTM.items()}, ValueError, "expected weight_ih and weight_hh from layer 0 on"),
    ({**LSTM, **{f"{k[:-1]}2": v for k, v in LSTM.items()}}, ValueError, "layer 0, layer 2: expected layers from 0 on"),
    (
        {**LSTM, **{f"{k[:-1]}1": v for k, v in LSTM.items()}},
        ValueError,
        r"layers\[1\] has 3 inputs: expected 4, as many as the layer below has outputs",
    ),
]


@pytest.mark.parametrize(
    ("source", "error", "says"), BAD, ids=lambda value: value[:20] if isinstance(value, str) else ""
)
def test_what_is_no_network_is_refused_in_a_sentence(source: Any, error: Any, says: str) -> None:
    with pytest.raises(error, match=says) as raised:
        rl.from_torch(source)
    assert "\n" not in str(raised.value)
    assert len(str(raised.value)) < 400


def test_what_torch_does_not_have_is_not_written() -> None:
    rng = np.random.default_rng(0)
    lstm, wider = rl.LSTMParams.init(3, 4, rng=rng), rl.LSTMParams.init(4, 5, rng=rng)
    for network, error, says in (
        (rl.MinGRUParams.init(3, 4, rng=rng), TypeError, "network has MinGRUParams: expected RNN, LSTM or GRU"),
        (rl.Stack((lstm, wider)), ValueError, r"LSTMParams of \[4, 5\] units: expected one kind and one size"),
        (rl.Stack((lstm, rl.GRUParams.init(4, 4, rng=rng))), ValueError, "has GRUParams, LSTMParams of"),
        (
            rl.Stack((rl.Bidirectional(lstm, lstm), rl.LSTMParams.init(8, 4, rng=rng))),
            ValueError,
            "some in two directions",
        ),
        (rl.Stack((rl.Stack((lstm,)),)), TypeError, "network has Stack: expected RNN, LSTM or GRU"),
        (3, TypeError, "params is 3: expected one of RNNParams"),
    ):
        with pytest.raises(error, match=says):
            rl.to_torch(network)
