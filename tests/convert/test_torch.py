"""Networks of PyTorch: state dicts by hand, and where PyTorch is installed its own modules with every gradient."""

from typing import Any

import numpy as np
import pytest

import rnnlab as rl
from rnnlab.kernels.cells.cell import leaves_of, parts_of
from tests.reference import relative

CELLS = {"RNN": rl.RNNParams, "LSTM": rl.LSTMParams, "GRU": rl.GRUParams}
GATES = {"RNN": 1, "LSTM": 4, "GRU": 3}
ENDS = ("", "_reverse")
PROMISE = 1e-12  # of the largest entry: a few hundred roundings of 1e-16 each


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


def random_module(torch: Any, rng: np.random.Generator) -> Any:
    """A module of random kind, size, layers, directions, biases."""
    kind, inputs, hidden = str(rng.choice(list(CELLS))), int(rng.integers(1, 6)), int(rng.integers(1, 8))
    how: dict[str, Any] = {"bias": bool(rng.integers(2)), "dtype": torch.float64}
    how |= {"nonlinearity": str(rng.choice(["tanh", "relu"]))} if kind == "RNN" else {}
    return getattr(torch.nn, kind)(
        inputs, hidden, num_layers=int(rng.integers(1, 5)), bidirectional=bool(rng.integers(2)), **how
    )


def as_source(torch: Any, module: Any, rng: np.random.Generator) -> tuple[Any, dict[str, Any]]:
    """The module alone or inside a model, itself or as a state dict; and what has to be said with it."""
    whole = torch.nn.ModuleDict({"head": torch.nn.Linear(2, 2), "rnn": module}) if rng.integers(2) else module
    if rng.integers(2):
        return whole, {}
    said = {"nonlinearity": module.nonlinearity} if isinstance(module, torch.nn.RNN) else {}
    return whole.state_dict(), said


def nested(network: Any, values: Any) -> Any:
    """One value for each cell, in order, nested as the network is."""
    parts = parts_of(network)
    return tuple(nested(part, values) for part in parts) if parts else next(values)


def in_order(network: Any, values: Any) -> list[Any]:
    """What `nested` was made of."""
    parts = parts_of(network)
    pairs = zip(parts, values, strict=True) if parts else ()
    return [value for pair in pairs for value in in_order(*pair)] if parts else [values]


def by_name(gradients: Any) -> dict[str, Any]:
    """All gradients of parameters by PyTorch's names; its two biases have the same, but for the candidate's of the GRU."""
    named: dict[str, Any] = {}
    for k, layer in enumerate(gradients.layers if isinstance(gradients, rl.Stack) else [gradients]):
        for end, cell in zip(ENDS, leaves_of(layer), strict=False):
            second = cell.bias.copy()
            if isinstance(cell, rl.GRUParams):
                second[-len(cell.bias_hn) :] = cell.bias_hn
            arrays = {"weight_ih": cell.weight_ih, "weight_hh": cell.weight_hh, "bias_ih": cell.bias, "bias_hh": second}
            named |= {f"{name}_l{k}{end}": array for name, array in arrays.items()}
    return named


def start_of(torch: Any, module: Any, batch: int, rng: np.random.Generator) -> tuple[Any, Any]:
    """An initial state of every layer and direction, as PyTorch takes it; and a row a cell, as rnnlab's cells do."""
    count = module.num_layers * (1 + module.bidirectional)
    drawn = rng.standard_normal((1 + isinstance(module, torch.nn.LSTM), count, batch, module.hidden_size))
    tensors = [torch.from_numpy(state).requires_grad_() for state in drawn]
    return tensors, iter([tuple(row) if len(row) > 1 else row[0] for row in drawn.swapaxes(0, 1)])


@pytest.mark.parametrize("seed", range(200))
def test_random_modules_with_every_gradient(seed: int) -> None:
    """Outputs, dL/d of the inputs, every weight and every initial state, and the size of the last, to 1e-12."""
    torch, rng = installed(), np.random.default_rng(seed)
    torch.manual_seed(seed)
    module = random_module(torch, rng)
    source, said = as_source(torch, module, rng)
    network = rl.from_torch(source, **said)
    x = rng.standard_normal((int(rng.integers(1, 8)), int(rng.integers(1, 4)), module.input_size))
    inputs, (start, h0) = torch.from_numpy(x).requires_grad_(), start_of(torch, module, x.shape[1], rng)
    expected = module(inputs, tuple(start) if len(start) > 1 else start[0])[0]
    dout = rng.standard_normal(expected.shape)
    expected.backward(torch.from_numpy(dout))
    tape = rl.forward(network, x, nested(network, h0))
    found, flow = rl.backward(tape, dout), rl.gradient_flow(tape, dout)
    assert relative(tape.h[1:], expected.detach().numpy()) <= PROMISE
    assert relative(found.x, inputs.grad.numpy()) <= PROMISE
    ours = by_name(found.params)
    for name, parameter in module.named_parameters():
        assert relative(ours[name], parameter.grad.numpy()) <= PROMISE, name
    for k, (dh0, sizes) in enumerate(zip(in_order(network, found.h0), in_order(network, flow), strict=True)):
        theirs = [state.grad[k].numpy() for state in start]
        assert relative(np.reshape(dh0, (len(start), *theirs[0].shape)), np.array(theirs)) <= PROMISE
        assert relative(10 ** sizes.log10_norm[0], np.linalg.norm(theirs[0], axis=-1)) <= 10 * PROMISE  # log10 rounds
    back = {name: torch.from_numpy(array) for name, array in rl.to_torch(network).items()}
    module.load_state_dict({name: back[name] for name in module.state_dict()})


def test_a_changed_weight_does_not_match() -> None:
    """The control: the comparison above tells one weight from another."""
    torch = installed()
    module = torch.nn.LSTM(3, 4, 2, dtype=torch.float64)
    network = rl.from_torch(module)
    with torch.no_grad():
        module.weight_hh_l1[0, 0] += 1e-6
    x = np.random.default_rng(0).standard_normal((5, 2, 3))
    assert relative(rl.forward(network, x).h[1:], module(torch.from_numpy(x))[0].detach().numpy()) > 1e-9


@pytest.mark.parametrize("kind", CELLS)
def test_cells_of_torch(kind: str) -> None:
    torch = installed()
    module = getattr(torch.nn, f"{kind}Cell")(3, 4, dtype=torch.float64, bias=kind != "GRU")
    x = np.random.default_rng(0).standard_normal((1, 2, 3))
    expected = module(torch.from_numpy(x[0]))
    expected = (expected[0] if kind == "LSTM" else expected).detach().numpy()
    for source, said in ((module, {}), (module.state_dict(), named(kind))):
        assert relative(rl.forward(rl.from_torch(source, **said), x).h[1], expected) <= PROMISE


def test_modules_say_their_nonlinearity() -> None:
    torch = installed()
    for module in (torch.nn.RNN(2, 3, nonlinearity="relu"), torch.nn.RNNCell(2, 3, nonlinearity="relu")):
        assert type(rl.from_torch(module)) is rl.ReLURNNParams
        with pytest.raises(ValueError, match="nonlinearity is 'tanh': expected none or 'relu', which the module has"):
            rl.from_torch(module, nonlinearity="tanh")


def test_wrapped_parametrised_and_half_modules() -> None:
    torch = installed()
    module = torch.nn.GRU(3, 4)
    plain = rl.from_torch(module)
    wrapped = torch.nn.DataParallel(module)
    compiled = torch.compile(module, backend="eager")
    for source in (wrapped, wrapped.state_dict(), compiled, compiled.state_dict()):
        for one, other in zip(rl.from_torch(source), plain, strict=True):
            np.testing.assert_array_equal(one, other)
    for kind in (torch.float16, torch.bfloat16):
        half = rl.from_torch(torch.nn.GRU(3, 4, dtype=kind))
        assert all(array.dtype == np.float32 for array in half)
    normed = torch.nn.utils.parametrizations.weight_norm(torch.nn.LSTM(3, 4), "weight_hh_l0")
    np.testing.assert_array_equal(rl.from_torch(normed).weight_hh, normed.weight_hh_l0.detach().numpy())
    with pytest.raises(ValueError, match="parametrised, pass the module itself"):
        rl.from_torch(normed.state_dict())


def test_modules_that_have_no_such_weights() -> None:
    torch = installed()
    with pytest.raises(ValueError, match="has projections"):
        rl.from_torch(torch.nn.LSTM(3, 4, proj_size=2))
    for source in (torch.nn.LSTM(3, 4, device="meta"), torch.nn.LSTM(3, 4, device="meta").state_dict()):
        with pytest.raises(ValueError, match="on the meta device, where it has no values"):
            rl.from_torch(source)
    with pytest.raises(ValueError, match="source is a Linear: expected an RNN, LSTM or GRU"):
        rl.from_torch(torch.nn.Linear(2, 2))
    two = torch.nn.ModuleDict({"a": torch.nn.LSTM(2, 2), "b": torch.nn.GRU(2, 2)})
    with pytest.raises(ValueError, match="2 recurrent networks: pass as prefix one of 'a', 'b'"):
        rl.from_torch(two)
    assert type(rl.from_torch(two, "b")) is rl.GRUParams
