"""The check of a cell: right cells pass; every kind of wrong one is named, with the array and the step.

The wrong ones are vanilla cells run by Python itself, which compiles nothing.
"""

from typing import Any, NamedTuple

import numpy as np
import pytest

import rnnlab as rl
from rnnlab.kernels.cells import CELLS, recurrence, rnn
from rnnlab.kernels.sequences import ScaledFlow


def interpreted(function: Any) -> Any:
    """The function before it was compiled."""
    return getattr(function, "py_func", function)


def flow(params: Any, tape: Any, dloss: Any, flow: Any, gradients: Any, work: Any) -> None:
    units = np.zeros(tape.x.shape[:2], np.int64)
    scaled = ScaledFlow(flow.log10_norm, flow.exponent, units, units.copy())
    interpreted(recurrence.norms_back)(params, tape, dloss, scaled, gradients, work, False)


RIGHT = rnn.CELL._replace(forward=interpreted(recurrence.forward), backward=interpreted(recurrence.backward), flow=flow)


def with_step_back(step_back: Any) -> Any:
    return RIGHT._replace(steps=RIGHT.steps._replace(backward=step_back))


def params_of(cell: Any) -> Any:
    """Parameters of a class whose cell it is."""

    class Own(NamedTuple):
        weight_ih: Any
        weight_hh: Any
        bias: Any

        @staticmethod
        def cell() -> Any:
            return cell

    return Own(*rl.RNNParams.init(2, 3, rng=np.random.default_rng(0)))


@pytest.mark.parametrize("kind", [kind for kind in CELLS if kind is not rl.ReLURNNParams])  # the vanilla cell's kernels
def test_cells_of_rnnlab_are_right(kind: Any) -> None:
    params = kind.init(2, 3, rng=np.random.default_rng(0))
    errors = rl.check_cell(params)
    assert set(errors) >= {*params._fields, "x", *(f"{name}0" for name in kind.cell().states)}
    assert ("tangent" in errors) == (kind.cell().tangent is not None)
    assert max(errors.values()) < 1e-9  # differences: truncation 1e-15, rounding 1e-16 / 1e-4 of a loss of a few units


def test_a_cell_of_ones_own_is_right() -> None:
    shared = [rl.check_cell(params_of(RIGHT)), rl.check_cell(rl.RNNParams(*params_of(RIGHT)))]
    assert shared[0].keys() == shared[1].keys()
    assert max(shared[0].values()) < 1e-9


def without_slope(params: Any, tape: Any, gradients: Any, work: Any, t: int) -> None:
    gradients.a[t] = np.broadcast_to(work.now[0], tape.slope[t].shape)
    work.now[0] = gradients.a[t] @ params.weight_hh


def without_the_way_back(params: Any, tape: Any, gradients: Any, work: Any, t: int) -> None:
    gradients.a[t] = work.now[0] * tape.slope[t]
    work.now[0] = 0 * (gradients.a[t] @ params.weight_hh)


def slope_of_the_first_step(params: Any, tape: Any, gradients: Any, work: Any, t: int) -> None:
    gradients.a[t] = work.now[0] * tape.slope[0]
    work.now[0] = gradients.a[t] @ params.weight_hh


def not_linear(params: Any, tape: Any, gradients: Any, work: Any, t: int) -> None:
    gradients.a[t] = work.now[0] * tape.slope[t] + 1e-3
    work.now[0] = gradients.a[t] @ params.weight_hh


def forgotten(params: Any, tape: Any, gradients: Any) -> None:
    """Nothing is added to the gradient of the bias."""
    bias = np.zeros_like(gradients.params.bias)
    interpreted(rnn.finish)(params, tape, gradients._replace(params=gradients.params._replace(bias=bias)))


def overwritten(params: Any, tape: Any, gradients: Any) -> None:
    """The share of a stretch in the place of that of those before."""
    gradients.params.bias[:] = 0
    interpreted(rnn.finish)(params, tape, gradients)


def shifted_weights(params: Any, tape: Any, gradients: Any) -> None:
    """weight_hh from the states after the step, and no longer from those before."""
    interpreted(rnn.finish)(params, tape, gradients)
    gradients.params.weight_hh[:] += np.einsum("tbg,tbh->gh", gradients.a, tape.h[1:] - tape.h[:-1])


def twice(*given: Any) -> None:
    flow(*given)
    given[3].log10_norm[:] += 0.01


WRONG = {
    "slope": (with_step_back(without_slope), "weight_ih is wrong from step 1 on (as are weight_hh, bias, x, h0, flow"),
    "way back": (with_step_back(without_the_way_back), "h0 is wrong from step 1 on (as are flow)"),
    "step index": (with_step_back(slope_of_the_first_step), "weight_ih is wrong from step 2 on"),
    "not linear": (with_step_back(not_linear), "weight_ih is wrong from step 1 on"),
    "unwritten": (
        RIGHT._replace(steps=RIGHT.steps._replace(finish=forgotten)),
        "bias is wrong from step 1 on: at [",
    ),
    "overwritten": (
        RIGHT._replace(steps=RIGHT.steps._replace(finish=overwritten)),
        "bias is wrong from step 3 on: at [",
    ),
    "shifted": (
        RIGHT._replace(steps=RIGHT.steps._replace(finish=shifted_weights)),
        "weight_hh is wrong from step 1 on (as are share): at [",
    ),
    "tangent": (
        RIGHT._replace(tangent=lambda params, tape: lambda t, q: params.weight_hh @ q),
        "tangent is wrong from step 1 on: at [",
    ),
    "tangent's step": (
        RIGHT._replace(tangent=lambda params, tape: lambda t, q: rnn.tangent(params, tape)(0, q)),
        "tangent is wrong from step 2 on: at [",
    ),
    "flow": (RIGHT._replace(flow=twice), "flow is wrong from step 1 on: at ["),
    "share": (RIGHT._replace(share=lambda tape, made: (made.a, tape.h[1:])), "share is wrong from step 1 on: at ["),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_named(name: str) -> None:
    cell, says = WRONG[name]
    with pytest.raises(ValueError) as told:
        rl.check_cell(params_of(cell))
    assert str(told.value).startswith(says)
    assert str(told.value).endswith("by differences of its forward")


def reshaped(**changed: Any) -> Any:
    """The vanilla cell with other shapes in one of its tuples."""

    def shapes(*sizes: int) -> Any:
        made = rnn.shapes(*sizes)
        return made._replace(**{owner: getattr(made, owner)._replace(**new) for owner, new in changed.items()})

    return RIGHT._replace(shapes=shapes)


class NoInputs(NamedTuple):
    weight: Any
    cell = staticmethod(lambda: RIGHT)


PLAIN = rl.RNNParams.init(2, 3, rng=np.random.default_rng(0))


@pytest.mark.parametrize(
    ("params", "more", "error", "says"),
    [
        (3, {}, TypeError, "params is 3: expected those of a single cell"),
        (rl.Stack((PLAIN,)), {}, TypeError, "expected those of a single cell"),
        (params_of("vanilla"), {}, TypeError, "Own.cell() returns 'vanilla': expected a Cell"),
        (NoInputs([1.0]), {}, TypeError, "NoInputs has the fields weight: expected weight_ih among them"),
        (params_of(RIGHT._replace(shapes=None)), {}, TypeError, "Own.cell() has no shapes"),
        (params_of(RIGHT._replace(states=("c",))), {}, ValueError, "Own.cell() has states ('c',): expected h first"),
        (params_of(RIGHT._replace(steps=None)), {}, ValueError, "expected h first, and its four kernels in steps"),
        (
            params_of(reshaped(tape={"h": (5, 4, 2)})),
            {},
            ValueError,
            "Own.cell().shapes(5, 4, 3, 2) has tape.h (5, 4, 2): expected (6, 4, 2)",
        ),
        (params_of(reshaped(work={"now": (4, 2)})), {}, ValueError, "has work.now (4, 2): expected (1, 4, 2)"),
        (PLAIN, {"steps": 0}, ValueError, "steps is 0: expected an integer of at least 1"),
        (PLAIN, {"steps": 10**30}, ValueError, "expected at most 100"),
        (PLAIN, {"rng": 1}, TypeError, "rng is 1: expected a numpy.random.Generator"),
        (PLAIN, {"nonlinearity": "gelu"}, ValueError, "nonlinearity is 'gelu'"),
    ],
)
def test_wrong_arguments_are_named(params: Any, more: dict[str, Any], error: Any, says: str) -> None:
    with pytest.raises(error) as told:
        rl.check_cell(params, **more)
    assert says in str(told.value)
