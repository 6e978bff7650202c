"""The gradient of Lyapunov exponents against complex steps, PyTorch's QR and a closed form; what flossing reaches."""

from typing import Any

import numpy as np
import pytest

import rnnlab as rl
from rnnlab import flossing

UNITS, STEPS = 5, 16
VALUES: dict[str, Any] = {
    "tanh": np.tanh,
    "sigmoid": lambda a: 1 / (1 + np.exp(-a)),
    "linear": lambda a: a,
    "relu": lambda a: np.where(a.real > 0, a, 0),
}
SLOPES: dict[str, Any] = {
    "tanh": lambda h: 1 - h * h,
    "sigmoid": lambda h: h * (1 - h),
    "linear": np.ones_like,
    "relu": lambda h: (h.real > 0) + 0 * h,
}


def network(seed: int = 0) -> tuple[rl.RNNParams, Any, Any]:
    """Parameters with a bias, inputs, an initial state."""
    rng = np.random.default_rng(seed)
    params = rl.RNNParams.init(2, UNITS, rng=rng, scheme="gaussian", gain=1.2)
    params = params._replace(bias=0.1 * rng.standard_normal(UNITS))
    return params, rng.standard_normal((STEPS, 2)), 0.3 * rng.standard_normal(UNITS)


def reference(params: Any, x: Any, h: Any, q: Any, how: tuple[str, int, float]) -> Any:
    """The loss by Gram and Schmidt in complex numbers, without conjugation, so that it is analytic."""
    name, discard, target = how
    total: Any = 0.0
    for t, row in enumerate(x):
        h = VALUES[name](params.weight_ih @ row + params.weight_hh @ h + params.bias)
        product = SLOPES[name](h)[:, None] * (params.weight_hh @ q)
        columns: list[Any] = []
        logs = np.zeros(q.shape[1], complex)
        for i, column in enumerate(product.T):
            for before in columns:
                column = column - (before @ column) * before
            logs[i] = np.log(column @ column) / 2
            columns.append(column / np.sqrt(column @ column))
        q, total = np.array(columns).T, total + (t >= discard) * logs
    return (((total / (len(x) - discard)) - target) ** 2).sum()


@pytest.mark.parametrize("name", VALUES)
@pytest.mark.parametrize(("k", "discard", "target"), [(UNITS, 0, 0.0), (3, 4, 0.1), (1, 0, -0.2)])
def test_gradient_is_that_of_complex_steps(name: Any, k: int, discard: int, target: float) -> None:
    params, x, h0 = network()
    if name == "relu":
        params = params._replace(bias=params.bias + 9.0)  # no dead unit, whose direction would be lost
        h0 = h0 + 5.0
        params = params._replace(weight_hh=0.3 * params.weight_hh)
    got = rl.flossing_loss(params, x, h0, k, nonlinearity=name, discard=discard, target=target)
    start = np.linalg.qr(np.random.default_rng(0).standard_normal((UNITS, k)))[0]
    for field, array in params._asdict().items():
        expected = np.empty(array.shape)
        for index in np.ndindex(array.shape):
            moved = array.astype(complex)
            moved[index] += 1e-100j
            at = reference(params._replace(**{field: moved}), x, h0 + 0j, start, (name, discard, target))
            expected[index] = at.imag / 1e-100
        # a condition number of 10^3 of R at some steps, 16 of them: 13 digits of 16 are left
        np.testing.assert_allclose(getattr(got.gradients, field), expected, rtol=1e-9, atol=1e-10)


def test_gradient_is_that_of_torch() -> None:
    """By the adjoint of QR that PyTorch has."""
    torch = pytest.importorskip("torch")
    params, x, h0 = network(1)
    leaves = [torch.tensor(array, requires_grad=True) for array in params]
    h, total = torch.tensor(h0), torch.zeros(3, dtype=torch.float64)
    q = torch.linalg.qr(torch.tensor(np.random.default_rng(0).standard_normal((UNITS, 3))))[0]
    for row in torch.tensor(x):
        h = torch.tanh(leaves[0] @ row + leaves[1] @ h + leaves[2])
        q, r = torch.linalg.qr((1 - h * h)[:, None] * (leaves[1] @ q))
        total = total + torch.log(torch.abs(torch.diagonal(r)))
    loss = ((total / STEPS) ** 2).sum()
    loss.backward()
    got = rl.flossing_loss(params, x, h0, 3)
    assert got.loss == pytest.approx(loss.item(), rel=1e-12)
    for array, leaf in zip(got.gradients, leaves, strict=True):
        np.testing.assert_allclose(array, leaf.grad.numpy(), rtol=1e-9, atol=1e-11)


def test_all_exponents_of_a_linear_network_are_its_determinant() -> None:
    """Their sum is ln |det W|, of which the gradient is W^-T, whatever the frame."""
    params, x, _ = network(2)
    first, ahead = rl.flossing_loss(params, x, nonlinearity="linear"), 1e-6
    assert first.exponents.sum() == pytest.approx(np.linalg.slogdet(params.weight_hh)[1], abs=1e-12)
    # a loss with the target -d less that with 0 is 2 d times the sum, and d^2 for each
    moved = rl.flossing_loss(params, x, nonlinearity="linear", target=-ahead)
    gradient = (moved.gradients.weight_hh - first.gradients.weight_hh) / (2 * ahead)
    np.testing.assert_allclose(gradient, np.linalg.inv(params.weight_hh).T, rtol=1e-6, atol=1e-6)


def test_without_the_way_through_slopes_the_gradient_is_wrong(monkeypatch: Any) -> None:
    """A negative control: the tests above see each of the two paths."""
    params, x, h0 = network(1)
    whole = rl.flossing_loss(params, x, h0).gradients
    monkeypatch.setitem(flossing.CURVATURES, "tanh", np.zeros_like)
    part = rl.flossing_loss(params, x, h0).gradients
    assert np.abs(part.weight_hh - whole.weight_hh).max() > 0.1 * np.abs(whole.weight_hh).max()
    assert not part.bias.any()
    assert whole.bias.any()


def test_exponents_are_those_of_the_spectrum() -> None:
    params, x, h0 = network(3)
    got = rl.flossing_loss(params, x, h0, 4, discard=3)
    expected = rl.lyapunov_spectrum(params, x, h0, 4, discard=3)
    np.testing.assert_allclose(np.sort(got.exponents)[::-1], expected, rtol=1e-12, atol=1e-14)


def test_flossing_brings_exponents_to_their_target() -> None:
    rng, task = np.random.default_rng(3), rl.tasks.temporal_order(20)
    model = rl.Model(rl.RNNParams.init(6, 8, rng=rng), rl.Readout.init(8, 4, rng=rng))
    for target in (0.0, -0.5):
        done = rl.floss(model, task, updates=150, rng=rng, k=4, learning_rate=0.02, target=target)
        assert np.abs(done.exponents[-1] - target).max() < 0.2
        assert np.abs(done.exponents[0] - target).max() > 0.5
        assert done.model.readout is model.readout
    assert done.exponents.shape == (150, 4)


def test_float32_stays_float32() -> None:
    params, x, _ = network()
    small = rl.RNNParams(*(array.astype(np.float32) for array in params))
    got, expected = (rl.flossing_loss(p, x, k=2) for p in (small, params))
    assert got.gradients.weight_hh.dtype == np.float32
    np.testing.assert_allclose(got.gradients.weight_hh, expected.gradients.weight_hh, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(
    ("changed", "error", "says"),
    [
        (
            {"params": rl.LSTMParams.init(2, 3, rng=np.random.default_rng(0))},
            TypeError,
            "is a LSTMParams: expected RNN",
        ),
        ({"nonlinearity": "cosine"}, ValueError, "nonlinearity is 'cosine': expected one of linear, relu"),
        ({"k": 6}, ValueError, "k is 6: expected at most 5"),
        ({"k": 0}, ValueError, "k is 0: expected an integer"),
        ({"discard": STEPS}, ValueError, f"discard is {STEPS}: expected at most {STEPS - 1}"),
        ({"target": np.nan}, ValueError, "target has the value nan"),
        ({"x": np.zeros((3, 2, 2))}, ValueError, r"expected one sequence, \(T, I\)"),
        (
            {"params": network()[0]._replace(weight_hh=np.ones((UNITS, UNITS)))},
            ValueError,
            "Jacobian of step 1 loses direction 2 of 5",
        ),
    ],
)
def test_bad_input(changed: Any, error: Any, says: str) -> None:
    params, x, _ = network()
    with pytest.raises(error, match=says):
        rl.flossing_loss(**{"params": params, "x": x, "h0": None, **changed})


@pytest.mark.parametrize(
    ("changed", "error", "says"),
    [
        ({"updates": 0}, ValueError, "updates is 0: expected an integer"),
        ({"rng": 0}, TypeError, "rng is 0: expected a numpy.random.Generator"),
        ({"learning_rate": -1}, ValueError, "learning_rate is -1: expected a finite number above 0"),
        ({"task": "copy"}, TypeError, "task is 'copy': expected a Task"),
    ],
)
def test_bad_flossing(changed: Any, error: Any, says: str) -> None:
    rng = np.random.default_rng(0)
    model = rl.Model(rl.RNNParams.init(6, 3, rng=rng), rl.Readout.init(3, 4, rng=rng))
    usual = {"model": model, "task": rl.tasks.temporal_order(20), "updates": 1, "rng": rng}
    with pytest.raises(error, match=says):
        rl.floss(**{**usual, **changed})
