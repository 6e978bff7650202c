"""PyTorch's own modules, where it is installed, with every gradient."""

from typing import Any

import numpy as np
import pytest
from scipy.stats import ks_2samp

import rnnlab as rl
from rnnlab.kernels.cells.cell import leaves_of, parts_of, with_leaves
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


def states_of(torch: Any, module: Any, batch: int, rng: np.random.Generator) -> tuple[Any, Any]:
    """A state of every layer and direction, as PyTorch takes it; and nested as rnnlab does, in float64."""
    count = module.num_layers * (1 + module.bidirectional)
    drawn = rng.standard_normal((1 + isinstance(module, torch.nn.LSTM), count, batch, module.hidden_size))
    tensors = [torch.from_numpy(state).requires_grad_() for state in drawn]
    return tensors, [tuple(row) if len(row) > 1 else row[0] for row in drawn.swapaxes(0, 1)]


def doubled(network: Any) -> Any:
    """The same parameters in float64."""
    leaves = (type(leaf)(*(array.astype(np.float64) for array in leaf)) for leaf in leaves_of(network))
    return with_leaves(network, leaves)


def last_of(tape: rl.Tape) -> list[Any]:
    """The last states (S, B, H) of all cells, in order."""
    if tape.parts:
        return [states for part in tape.parts for states in last_of(part)]
    return [np.array([states[-1] for states in (tape.h, tape.c) if states is not None])]


def theirs_and_ours(seed: int) -> tuple[Any, Any, Any]:
    """A random module with random sequences, lengths, initial states and a loss of all outputs and last states: run there
    on packed sequences, here with nan in the padding of x and of the loss's derivatives."""
    torch, rng = installed(), np.random.default_rng(seed)
    torch.manual_seed(seed)
    kind = [torch.float64, torch.float64, torch.float32, torch.bfloat16, torch.float16][rng.integers(5)]
    module = random_module(torch, rng)
    if kind != torch.float64:  # of few digits, so that the sum of two biases is exact in float32
        module = module.to(torch.bfloat16).to(kind)
    source, said = as_source(torch, module, rng)
    network = rl.from_torch(source, **said)
    assert {array.dtype for leaf in leaves_of(network) for array in leaf} == {
        np.dtype("float64" if kind == torch.float64 else "float32")
    }
    network, module, steps = doubled(network), module.double(), int(rng.integers(1, 8))
    x = rng.standard_normal((steps, int(rng.integers(1, 4)), module.input_size))
    length = rng.integers(1, steps + 1, x.shape[1])
    inside = (np.arange(steps)[:, None] < length)[..., None]
    inputs, (start, h0) = torch.from_numpy(x).requires_grad_(), states_of(torch, module, x.shape[1], rng)
    packed = torch.nn.utils.rnn.pack_padded_sequence(inputs, torch.from_numpy(length), enforce_sorted=False)
    out, ends = module(packed, tuple(start) if len(start) > 1 else start[0])
    out = torch.nn.utils.rnn.pad_packed_sequence(out, total_length=steps)[0]
    ends, (dends, dh_n) = ends if len(start) > 1 else (ends,), states_of(torch, module, x.shape[1], rng)
    dout = rng.standard_normal(out.shape)
    torch.autograd.backward([out, *ends], [torch.from_numpy(dout * inside), *dends])
    tape = rl.forward(network, np.where(inside, x, np.nan), nested(network, iter(h0)), length=length)
    loss = np.where(inside, dout, np.nan), nested(network, iter(dh_n))
    assert relative(tape.h[1:] * inside, out.detach().numpy()) <= PROMISE
    assert relative(np.stack(last_of(tape), axis=1), np.stack([end.detach().numpy() for end in ends])) <= PROMISE
    return (module, inputs, start), tape, loss


@pytest.mark.parametrize("seed", range(200))
def test_random_modules_with_every_gradient(seed: int) -> None:
    """Outputs, last states, dL/d of the inputs, every weight and every initial state, and the size of the last, to 1e-12.

    All 200: pytest tests/convert/test_torch_modules.py
    """
    (module, inputs, start), tape, (dout, dh_n) = theirs_and_ours(seed)
    found, flow = rl.backward(tape, dout, dh_n=dh_n), rl.gradient_flow(tape, dout, dh_n=dh_n)
    assert relative(found.x, inputs.grad.numpy()) <= PROMISE
    ours, network = by_name(found.params), tape.params
    for name, parameter in module.named_parameters():
        assert relative(ours[name], parameter.grad.numpy()) <= PROMISE, name
    for k, (dh0, sizes) in enumerate(zip(in_order(network, found.h0), in_order(network, flow), strict=True)):
        theirs = [state.grad[k].numpy() for state in start]
        assert relative(np.reshape(dh0, (len(start), *theirs[0].shape)), np.array(theirs)) <= PROMISE
        assert relative(10 ** sizes.log10_norm[0], np.linalg.norm(theirs[0], axis=-1)) <= 10 * PROMISE  # log10 rounds
    torch = installed()
    back = {name: torch.from_numpy(array) for name, array in rl.to_torch(network).items()}
    module.load_state_dict({name: back[name] for name in module.state_dict()})


def test_a_loss_of_other_last_states_does_not_match() -> None:
    """The control: of two layers in two directions, with the last states of the lower layer's directions changed over."""
    seeds = (seed for seed in range(200) if len(leaves_of(theirs_and_ours(seed)[1].params)) == 4)
    (_, inputs, _), tape, (dout, dh_n) = theirs_and_ours(next(seeds))
    swapped = ((*dh_n[0][::-1],), *dh_n[1:])
    assert relative(rl.backward(tape, dout, dh_n=swapped).x, inputs.grad.numpy()) > 1e-3


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
def test_the_scheme_pytorch_draws_as_pytorch_does(kind: str) -> None:
    """Every block of every array, by the test of Kolmogorov and Smirnov on 2,000 numbers of each."""
    torch, size = installed(), 2000
    torch.manual_seed(0)
    theirs = rl.from_torch(getattr(torch.nn, kind)(1, size, dtype=torch.float64))
    ours = type(theirs).init(1, size, rng=np.random.default_rng(0))
    for name, mine, other in zip(ours._fields, ours, theirs, strict=True):
        for k in range(len(mine) // size):
            block = slice(k * size, (k + 1) * size)
            assert ks_2samp(mine[block].flat[:size], other[block].flat[:size]).pvalue > 1e-3, (name, k)


def test_two_biases_of_the_candidate_added_up_would_be_too_wide() -> None:
    """The control: the test above tells the sum of two from one."""
    params = rl.GRUParams.init(1, 2000, rng=np.random.default_rng(0))
    bound, (_, z, n) = 2000**-0.5, params.bias.reshape(3, -1)
    assert max(np.abs(n).max(), np.abs(params.bias_hn).max()) <= bound < np.abs(z).max() <= 2 * bound
    assert ks_2samp(n + params.bias_hn, n).pvalue < 1e-9
    assert abs(np.corrcoef(n, params.bias_hn)[0, 1]) < 0.1  # 4.5 standard errors: they are two


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
