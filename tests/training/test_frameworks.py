"""Whole trainings against PyTorch's and Keras' own loops: six updates of one network, to 1e-12."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

import numpy as np
import pytest

import rnnlab as rl
from rnnlab import schedules
from tests.reference import relative

# of Keras's own variables, which NumPy 2 has warned of since
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning")

PROMISE = 1e-12  # six updates of sums of up to 60 products, each of a rounding
UPDATES, BATCH = 6, 3
RNG = np.random.default_rng(0)
PARAMS = rl.RNNParams.init(2, 4, rng=RNG, scheme="gaussian", gain=0.9)
READOUT = rl.Readout.init(4, 2, rng=RNG)
X, TARGET = RNG.standard_normal((UPDATES, 7, BATCH, 2)), RNG.standard_normal((UPDATES, 7, BATCH, 2))
START = [*PARAMS, *READOUT]


def ours(recipe: rl.Recipe, updates: int = UPDATES) -> list[Any]:
    """The arrays after training on the given batches, one after another."""
    turn = count(-1)  # fit looks at the first once before

    def draw(*_: Any) -> Any:
        k = max(next(turn), 0)
        return X[k], TARGET[k]

    task = rl.Task(draw, "squared_error", 2, 2)
    model = rl.Model(PARAMS, READOUT)
    done = rl.fit(model, task, recipe, updates=updates, batch_size=BATCH, rng=np.random.default_rng(0))
    return [*done.model.params, *done.model.readout]


def agree(got: list[Any], expected: list[Any]) -> bool:
    """To the promise; and they have moved."""
    assert max(relative(a, b) for a, b in zip(expected, START, strict=True)) > 1e-4
    return all(relative(a, b) <= PROMISE for a, b in zip(got, expected, strict=True))


class Torch:
    """The same network, step by step, and a training of it."""

    def __init__(self) -> None:
        self.torch = pytest.importorskip("torch", reason="torch is an optional peer: pip install 'rnnlab[peers]'")
        self.weights = [self.torch.nn.Parameter(self.torch.tensor(array)) for array in START]

    def run(self, x: Any, h: Any) -> tuple[list[Any], Any]:
        w, v, b, out, c = self.weights
        states = []
        for row in self.torch.tensor(x):
            h = self.torch.tanh(row @ w.T + h @ v.T + b)
            states.append(h)
        return states, self.torch.stack(states) @ out.T + c

    def zero(self) -> Any:
        return self.torch.zeros((BATCH, 4), dtype=self.torch.float64)

    def loss(self, y: Any, target: Any) -> Any:
        return ((y - self.torch.tensor(target)) ** 2).mean()

    def train(self, optimiser: Any, clip: Any = None, schedule: Any = None) -> list[Any]:
        for x, target in zip(X, TARGET, strict=True):
            optimiser.zero_grad()
            self.loss(self.run(x, self.zero())[1], target).backward()
            if clip:
                clip(self.weights)
            optimiser.step()
            if schedule:
                schedule.step()
        return [weight.detach().numpy() for weight in self.weights]


OF_TORCH = {
    "nesterov": (
        rl.SGD(momentum=0.8, weight_decay=0.1, nesterov=True),
        "SGD",
        {"momentum": 0.8, "weight_decay": 0.1, "nesterov": True},
    ),
    "centred": (
        rl.RMSprop(rho=0.8, epsilon=1e-3, weight_decay=0.1, centred=True),
        "RMSprop",
        {"alpha": 0.8, "eps": 1e-3, "weight_decay": 0.1, "centered": True},
    ),
    "centred with momentum": (
        rl.RMSprop(rho=0.8, epsilon=1e-3, momentum=0.7, weight_decay=0.1, centred=True),
        "RMSprop",
        {"alpha": 0.8, "eps": 1e-3, "momentum": 0.7, "weight_decay": 0.1, "centered": True},
    ),
    "momentum, decay": (rl.SGD(momentum=0.8, weight_decay=0.1), "SGD", {"momentum": 0.8, "weight_decay": 0.1}),
    "rmsprop": (
        rl.RMSprop(rho=0.8, epsilon=1e-3, momentum=0.7, weight_decay=0.1),
        "RMSprop",
        {"alpha": 0.8, "eps": 1e-3, "momentum": 0.7, "weight_decay": 0.1},
    ),
    "adam, coupled": (
        rl.Adam(0.8, 0.95, 1e-3, weight_decay=0.1),
        "Adam",
        {"betas": (0.8, 0.95), "eps": 1e-3, "weight_decay": 0.1},
    ),
    "adam, decoupled": (
        rl.Adam(0.8, 0.95, 1e-3, weight_decay=0.1, decoupled=True),
        "AdamW",
        {"betas": (0.8, 0.95), "eps": 1e-3, "weight_decay": 0.1},
    ),
}


@pytest.mark.parametrize("name", OF_TORCH)
def test_optimisers_of_pytorch(name: str) -> None:
    """And decay the other way, or Keras' step, is another network."""
    given, theirs, how = OF_TORCH[name]
    other = Torch()
    expected = other.train(getattr(other.torch.optim, theirs)(other.weights, lr=0.03, **how))
    assert agree(ours(rl.Recipe(0.03, given)), expected)
    assert not agree(ours(rl.Recipe(0.03, given._replace(decoupled=not given.decoupled))), expected)
    for option in {"nesterov", "centred"} & {field for field in given._fields if getattr(given, field) is True}:
        assert not agree(ours(rl.Recipe(0.03, given._replace(**{option: False}))), expected)
    if theirs != "SGD":  # of one rate the two are the same
        assert not agree(
            ours(rl.Recipe(0.03, given._replace(decoupled=given.decoupled or False), framework="keras")), expected
        )


@pytest.mark.parametrize("which", ["clip_norm", "clip_value", "clip_weight"])
def test_clipping_of_pytorch(which: str) -> None:
    """By the norm of all, by value, by the norm of each array; each shortens here, and differs from no clipping."""
    other = Torch()
    norm, value = other.torch.nn.utils.clip_grad_norm_, other.torch.nn.utils.clip_grad_value_
    clip = {
        "clip_norm": lambda all_: norm(all_, 0.05),
        "clip_value": lambda all_: value(all_, 0.01),
        "clip_weight": lambda all_: [norm([one], 0.05) for one in all_],
    }[which]
    expected = other.train(other.torch.optim.SGD(other.weights, lr=0.5), clip)
    bound = 0.01 if which == "clip_value" else 0.05
    assert agree(ours(rl.Recipe(0.5, **{which: bound})), expected)
    assert not agree(ours(rl.Recipe(0.5)), expected)


SCHEDULES = {
    "step": (schedules.step(0.3, 2, 0.5), "StepLR", {"step_size": 2, "gamma": 0.5}),
    "exponential": (schedules.exponential(0.3, 0.7), "ExponentialLR", {"gamma": 0.7}),
    "cosine": (schedules.cosine(0.3, 6, 0.01), "CosineAnnealingLR", {"T_max": 6, "eta_min": 0.01}),
    "warm_up": (schedules.warm_up(0.3, 4, 0.25), "LinearLR", {"start_factor": 0.25, "total_iters": 4}),
}


@pytest.mark.parametrize("name", SCHEDULES)
def test_schedules_of_pytorch(name: str) -> None:
    """With momentum, whose velocity remembers gradients and not rates; as an array too."""
    given, theirs, how = SCHEDULES[name]
    other = Torch()
    optimiser = other.torch.optim.SGD(other.weights, lr=0.3, momentum=0.9)
    expected = other.train(optimiser, None, getattr(other.torch.optim.lr_scheduler, theirs)(optimiser, **how))
    assert agree(ours(rl.Recipe(given, "momentum")), expected)
    assert agree(ours(rl.Recipe([given(update) for update in range(UPDATES)], "momentum")), expected)
    assert not agree(ours(rl.Recipe(given, "momentum", framework="keras")), expected)


@pytest.mark.parametrize(("k1", "k2", "batches"), [(3, 3, 2), (2, 4, 1), (1, 3, 1), (2, 7, 1)])
def test_a_loop_with_detach(k1: int, k2: int, batches: int) -> None:
    """An update a window, from the first step: k2 steps from a detached state, the loss of the last k1 of them."""
    other = Torch()
    optimiser, updates = other.torch.optim.Adam(other.weights, lr=0.01), 0
    for x, target in zip(X[:batches], TARGET[:batches], strict=True):
        kept = {0: other.zero()}
        for begin in range(0, 7, k1):
            first, last = max(0, begin - (k2 - k1)), min(begin + k1, 7)
            optimiser.zero_grad()
            states, y = other.run(x[first:last], kept[first].detach())
            kept |= {first + 1 + k: state for k, state in enumerate(states)}
            other.loss(y[begin - first :], target[begin:last]).backward()
            optimiser.step()
            updates += 1
    expected = [weight.detach().numpy() for weight in other.weights]
    recipe = rl.Recipe(0.01, "adam", window=rl.Truncation(k2, k1))
    assert agree(ours(recipe, updates), expected)
    another = rl.Truncation(k2 + 1 if k2 < 7 else k2 - 1, k1)
    assert not agree(ours(recipe._replace(window=another), updates), expected)


def test_a_loop_with_detach_and_one_step() -> None:
    """Losses of all windows, from the first step, make one update; counted from the last they are others."""
    other = Torch()
    optimiser = other.torch.optim.SGD(other.weights, lr=0.1)
    for x, target in zip(X, TARGET, strict=True):
        optimiser.zero_grad()
        h, total = other.zero(), 0.0
        for begin in range(0, 7, 3):
            states, y = other.run(x[begin : begin + 3], h.detach())
            h, total = states[-1], total + ((y - other.torch.tensor(target[begin : begin + 3])) ** 2).sum()
        (total / target.size).backward()
        optimiser.step()
    expected = [weight.detach().numpy() for weight in other.weights]
    assert agree(ours(rl.Recipe(0.1, window=rl.Truncation(3, update="batch"))), expected)
    assert not agree(ours(rl.Recipe(0.1, window=3)), expected)


@contextmanager
def in_float64(keras: Any) -> Iterator[None]:
    """Keras' own variables in float64."""
    before = keras.config.floatx()
    keras.config.set_floatx("float64")
    try:
        yield
    finally:
        keras.config.set_floatx(before)


def halving(keras: Any) -> Any:
    """0.5, 0.25, ..; Keras' own schedules are of float32."""

    class Halving(keras.optimizers.schedules.LearningRateSchedule):  # type: ignore[misc]
        def __call__(self, step: Any) -> Any:
            return 0.5 ** (1 + keras.ops.cast(step, "float64"))

    return Halving()


OF_KERAS: dict[str, Any] = {
    "defaults of Adam": (rl.Recipe(0.03, "adam"), "Adam", {}),
    "defaults of RMSprop": (rl.Recipe(0.03, "rmsprop"), "RMSprop", {}),
    "adam": (
        rl.Recipe(0.03, rl.Adam(0.8, 0.95, 1e-3, 0.1), clip_norm=0.05),
        "Adam",
        {"beta_1": 0.8, "beta_2": 0.95, "epsilon": 1e-3, "weight_decay": 0.1, "global_clipnorm": 0.05},
    ),
    "rmsprop": (
        rl.Recipe(0.03, rl.RMSprop(0.8, 1e-3, 0.7, 0.1), clip_weight=0.05),
        "RMSprop",
        {"rho": 0.8, "epsilon": 1e-3, "momentum": 0.7, "weight_decay": 0.1, "clipnorm": 0.05},
    ),
    "nesterov": (
        rl.Recipe(schedules.step(0.5, 1, 0.5), rl.SGD(0.9, nesterov=True)),
        "SGD",
        {"momentum": 0.9, "nesterov": True},
    ),
    "centred": (
        rl.Recipe(0.03, rl.RMSprop(0.8, 1e-3, 0.7, centred=True)),
        "RMSprop",
        {"rho": 0.8, "epsilon": 1e-3, "momentum": 0.7, "centered": True},
    ),
    "momentum": (
        rl.Recipe(schedules.step(0.5, 1, 0.5), "momentum", clip_value=0.01),
        "SGD",
        {"momentum": 0.9, "clipvalue": 0.01},
    ),
}


@pytest.mark.parametrize("name", OF_KERAS)
def test_optimisers_of_keras(name: str) -> None:
    """Keras' steps on PyTorch's gradients; PyTorch's steps are others."""
    other = Torch()
    os.environ.setdefault("KERAS_BACKEND", "jax")
    keras = pytest.importorskip("keras", reason="keras is an optional peer: pip install 'rnnlab[frameworks]'")
    recipe, theirs, how = OF_KERAS[name]
    rate = halving(keras) if callable(recipe.learning_rate) else recipe.learning_rate
    jax = pytest.importorskip("jax", reason="JAX is an optional peer: pip install 'rnnlab[frameworks]'")
    with jax.enable_x64(True), in_float64(keras):
        optimiser = getattr(keras.optimizers, theirs)(rate, **how)
        variables = [keras.Variable(array, dtype="float64") for array in START]
        for x, target in zip(X, TARGET, strict=True):
            for weight, variable in zip(other.weights, variables, strict=True):
                weight.data = other.torch.tensor(keras.ops.convert_to_numpy(variable))
                weight.grad = None
            other.loss(other.run(x, other.zero())[1], target).backward()
            gradients = [keras.ops.convert_to_tensor(weight.grad.numpy(), dtype="float64") for weight in other.weights]
            optimiser.apply(gradients, variables)
        expected = [keras.ops.convert_to_numpy(variable) for variable in variables]
    assert agree(ours(recipe._replace(framework="keras")), expected)
    assert not agree(ours(recipe), expected)
