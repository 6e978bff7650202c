"""PyTorch's own modules, where it is installed, with every gradient."""

from typing import Any

import numpy as np
import pytest

import rnnlab as rl
from rnnlab.kernels.cells.cell import leaves_of, parts_of
from tests.convert.test_torch import CELLS, ENDS, installed, named
from tests.reference import relative

PROMISE = 1e-12  # of the largest entry: a few hundred roundings of 1e-16 each


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
