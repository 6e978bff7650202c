"""Training kernels: whole gradients, the regulariser, truncated BPTT, optimisers, clipping; and controls."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

import rnnlab as rl
from rnnlab import kernels
from rnnlab.kernels import losses, optimisers
from rnnlab.kernels.optimisers import Descent
from rnnlab.kernels.products import weight_gradient
from rnnlab.kernels.training import FINITE, Course, Log, loss_and_gradient
from rnnlab.training.batches import Source
from rnnlab.training.run import Backprop, new_run, train_blocks
from tests.cells_reference import RECURRENT, TRAINED, as_start, complex_step_gradients, states
from tests.reference import relative

PROMISE = 1e-12  # as in test_cells: sums of up to 60 products of rounded factors
WHOLE_BPTT = Backprop(None, 0.0)
WINDOWED = [name for name in RECURRENT if name in TRAINED]
LENGTHS = np.array([5, 2, 5, 4])


class Whole:
    """One batch's loss as a function of all parameters, by kernels and by the reference."""

    def __init__(self, cell: str, loss: Any, steps: int, length: Any = LENGTHS) -> None:
        rng = np.random.default_rng([len(cell), steps])
        drawn = TRAINED[cell].init(2, 3, rng=rng, scheme="gaussian", gain=0.9)
        self.cell, self.loss = cell, loss
        self.params = type(drawn)(*(np.array(array + 0.1 * rng.standard_normal(array.shape)) for array in drawn))
        self.readout = rl.Readout(rng.standard_normal((3, 3)), rng.standard_normal(3))
        self.x = rng.standard_normal((5, 4, 2))
        values, classes = rng.standard_normal((steps, 4, 3)), rng.integers(3, size=(steps, 4))
        self.target = values if loss == "squared_error" else classes
        self.length = length
        ends = np.where(steps == 1, 5, length)
        self.counted = np.arange(5 - steps, 5)[:, None] < ends  # a target after a sequence's end is none

    @property
    def task(self) -> rl.Task:
        return rl.Task(lambda *_: (self.x, self.target, self.length), self.loss, 2, 3)

    def by_kernel(self, back: Backprop = WHOLE_BPTT) -> tuple[float, dict[str, Any]]:
        """The loss, and every gradient by name."""
        source = Source(self.task, 4, np.random.default_rng(0), np.float64)
        run = new_run(self.params, kernels.TANH, self.readout, source, 0, back)
        part = run.windows[0].shards[0]
        value = loss_and_gradient(part.network, part.head, source.block(1, 3), 0)
        return value, self.named(part.network.gradients.params, part.head.gradient)

    def named(self, params: Any, readout: rl.Readout) -> dict[str, Any]:
        """All arrays by name; both parts have a bias."""
        return {**params._asdict(), "readout_weight": readout.weight, "readout_bias": readout.bias}

    def by_reference(self, **changed: Any) -> Any:
        """The loss with some arrays replaced."""
        arrays = {**self.named(self.params, self.readout), **changed}
        params = type(self.params)(*(arrays[name] for name in self.params._fields))
        h = states(params, self.x, np.zeros((2, 4, 3)), self.length)[-len(self.target) :]
        return self.loss_of(h @ arrays["readout_weight"].T + arrays["readout_bias"])

    def loss_of(self, y: Any) -> Any:
        """As PyTorch defines both losses."""
        if self.loss == "squared_error":
            return ((y - self.target) ** 2)[self.counted].mean()
        at_label = np.take_along_axis(y, self.target[..., None], axis=-1)[..., 0]
        return (np.log(np.exp(y).sum(axis=-1)) - at_label)[self.counted].mean()

    def oracle(self, name: str) -> Any:
        """The derivative by one array, by complex steps."""
        array = self.named(self.params, self.readout)[name]
        return complex_step_gradients(lambda moved: self.by_reference(**{name: moved}), array)


@pytest.mark.parametrize("steps", [1, 3, 5])
@pytest.mark.parametrize("loss", ["squared_error", "cross_entropy"])
@pytest.mark.parametrize("cell", TRAINED)
def test_the_whole_gradient_against_complex_steps(cell: str, loss: str, steps: int) -> None:
    whole = Whole(cell, loss, steps)
    value, gradients = whole.by_kernel()
    assert value == pytest.approx(float(whole.by_reference()), rel=PROMISE)
    for name, got in gradients.items():
        assert relative(got, whole.oracle(name)) <= PROMISE, name


@pytest.mark.parametrize("loss", ["squared_error", "cross_entropy"])
def test_another_target_fails(loss: str) -> None:
    """The control: with the targets of two sequences exchanged the same comparison fails by far."""
    whole = Whole("lstm", loss, 1)
    expected = {name: whole.oracle(name) for name in ("weight_hh", "readout_weight")}
    whole.target[0] = (whole.target[0] + 1) % 3
    _, gradients = whole.by_kernel()
    assert all(relative(gradients[name], expected[name]) > 1e-2 for name in expected)


def windowed_gradient(whole: Whole, window: int) -> Any:
    """dL/dweight_hh of the loss on the last state by the reference: what enters a window is a constant."""
    start = 5 - window
    params = whole.params
    before = states(params, whole.x[:start], np.zeros((2, 4, 3)), whole.length)[-1] if start else np.zeros((4, 3))

    def loss(moved: Any) -> Any:
        h = states(params._replace(weight_hh=moved), whole.x[start:], np.stack([before, before]), np.full(4, window))[
            -1
        ]
        return whole.loss_of((h @ whole.readout.weight.T + whole.readout.bias)[None])

    return complex_step_gradients(loss, params.weight_hh)


@pytest.mark.parametrize("window", [1, 2, 3, 5])
def test_truncated_bptt_keeps_the_last_window_of_a_loss_at_the_end(window: int) -> None:
    whole = Whole("rnn", "squared_error", 1)
    whole.length = np.full(4, 5)
    _, gradients = whole.by_kernel(Backprop(window, 0.0))
    expected = windowed_gradient(whole, window)
    assert relative(gradients["weight_hh"], expected) < PROMISE
    assert (relative(gradients["weight_hh"], whole.oracle("weight_hh")) > 1e-2) == (window < 5)  # the control


@pytest.mark.parametrize("cell", WINDOWED)
def test_truncated_bptt_of_losses_at_every_step(cell: str) -> None:
    """The sum over windows, each by whole BPTT on its own part from the states that the run had before it."""
    whole = Whole(cell, "squared_error", 5, np.full(4, 5))
    _, gradients = whole.by_kernel(Backprop(2, 0.0))
    tape = rl.forward(whole.params, whole.x)
    total = 0.0
    for first, last in ((0, 1), (1, 3), (3, 5)):
        start = as_start([getattr(tape, name)[first] for name in whole.params.cell().states])
        part = rl.forward(whole.params, whole.x[first:last], start)
        error = part.h[1:] @ whole.readout.weight.T + whole.readout.bias - whole.target[first:last]
        dh = 2 * error / whole.target.size @ whole.readout.weight
        total = total + rl.backward(part, dh).params.weight_ih
    assert relative(gradients["weight_ih"], total) < PROMISE


@pytest.mark.parametrize("cell", WINDOWED)
def test_windows_of_sequences_that_end_early_are_their_own(cell: str) -> None:
    """The mean over sequences, each alone and without padding; counted from the end of the batch, those of 2 and 4 steps
    would lose all."""
    whole = Whole(cell, "squared_error", 1)
    _, gradients = whole.by_kernel(Backprop(1, 0.0))
    total = 0.0
    for b, steps in enumerate(whole.length):
        tape = rl.forward(whole.params, whole.x[:steps, b])
        error = tape.h[-1] @ whole.readout.weight.T + whole.readout.bias - whole.target[0, b]
        alone = rl.backward(tape, 2 * error / whole.target.size @ whole.readout.weight, window=1)
        total = total + alone.params.weight_ih
    assert relative(gradients["weight_ih"], total) < PROMISE


@pytest.mark.parametrize("shape", [(30, 20, 5, 3), (7, 43, 50, 50), (30, 20, 200, 60)])
def test_weight_gradient_in_parts(shape: tuple[int, ...]) -> None:
    """Hundred rows a product, with a last part that is shorter, and one product where the result is large."""
    steps, batch, gates, inputs = shape
    rng = np.random.default_rng(0)
    da, x, out = rng.standard_normal((steps, batch, gates)), rng.standard_normal((steps, batch, inputs)), None
    out = np.empty((gates, inputs))
    weight_gradient(da, x, out)
    np.testing.assert_allclose(out, np.einsum("tbg,tbi->gi", da, x), rtol=0, atol=1e-12)


def test_cross_entropy_holds_at_both_ends() -> None:
    """Neither does exp overflow, nor is a small loss, or its gradient, lost beside 1."""
    doutput = np.empty((1, 1, 2))
    surely = np.array([[[1000.0, 900.0]]])
    assert losses.cross_entropy(surely, np.array([[1]]), np.ones(1, int), doutput) == 100.0
    np.testing.assert_allclose(doutput[0, 0], [1.0, -1.0])
    assert losses.cross_entropy(surely, np.array([[0]]), np.ones(1, int), doutput) == pytest.approx(
        np.exp(-100.0), rel=1e-13
    )
    np.testing.assert_allclose(doutput[0, 0], [-np.exp(-100.0), np.exp(-100.0)], rtol=1e-13)


@pytest.mark.parametrize("cell", TRAINED)
def test_one_update_is_clipped_descent(cell: str) -> None:
    """A whole update by the reference: complex-step gradient, norm over all arrays, clipping, the step."""
    whole = Whole(cell, "squared_error", 1)
    model, recipe = rl.Model(whole.params, whole.readout), rl.Recipe(0.3, clip_norm=0.2)
    done = rl.fit(model, whole.task, recipe, updates=1, batch_size=4, rng=np.random.default_rng(0))
    before = whole.named(whole.params, whole.readout)
    fixed = whole.params.cell().fixed
    gradients = {name: 0 * array if name in fixed else whole.oracle(name) for name, array in before.items()}
    norm = np.sqrt(sum((g**2).sum() for g in gradients.values()))
    assert done.history.gradient_norm[0] == pytest.approx(norm, rel=PROMISE)
    assert norm > 0.2
    for name, got in whole.named(done.model.params, done.model.readout).items():
        expected = before[name] - 0.3 * 0.2 / (norm + 1e-6) * gradients[name]
        np.testing.assert_allclose(got, expected, rtol=1e-12, atol=1e-14)


def team_of(threads: int) -> tuple[Any, Any]:
    """Parameters and losses after 8 updates of two sequences a thread or more, compiled, bounds checked or interpreted."""
    whole = Whole("lstm", "cross_entropy", 1)
    run = new_run(
        whole.params,
        kernels.TANH,
        whole.readout,
        Source(whole.task, 4, np.random.default_rng(0), np.float64),
        2,
        Backprop(2, 0.0, threads),
    )
    descent = Descent(optimisers.ADAM, 0.9, 0.999, 1e-8, 0.0, False, False, 0.5, np.inf, np.inf)
    course = Course(descent, np.full(8, 0.1), 0, Log(np.empty(8), np.empty(8)))
    with ThreadPoolExecutor(threads) as executor:
        assert train_blocks(run, course, executor, lambda *_: FINITE, lambda *_: None).updates == 8
    return run.vector.values, course.log.loss


@pytest.mark.parametrize("threads", [2, 3, 4])
def test_a_team_of_threads_takes_the_steps_of_one(threads: int) -> None:
    """Only the order of sums differs; parts of 1 and 2 sequences count as such."""
    for one, other in zip(team_of(1), team_of(threads), strict=True):
        np.testing.assert_allclose(other, one, rtol=1e-11)
