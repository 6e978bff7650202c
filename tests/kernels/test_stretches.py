"""The way back goes through a stretch of steps at a time, and adds up what it finds."""

from typing import Any

import numpy as np
import pytest

import rnnlab as rl
from rnnlab.kernels.cells import cell as cell_module
from rnnlab.kernels.cells.cell import by_steps, own_gradients, shapes_for, shapes_of
from rnnlab.kernels.cells.dispatch import NUMBERS, ROWS, steps_ahead
from tests.cells_reference import CELLS, RECURRENT
from tests.kernels.test_cells import PROMISE, Case
from tests.reference import relative


@pytest.mark.parametrize("cell", RECURRENT)
def test_stretches_add_up(cell: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The way back in stretches of three steps, the last of one, is that in one; so are its norms, and with exponents."""

    def found() -> dict[str, Any]:
        tape = rl.forward(case.params, case.x, case.h0, length=case.length)
        far = rl.backward(tape, case.dh, scaled=True).params
        scaled = {f"scaled {name}": np.ldexp(*array) for name, array in far._asdict().items()}
        return {**case.gradients(), "flow": 10 ** rl.gradient_flow(tape, case.dh).log10_norm, **scaled}

    case = Case(cell, (7, 2, 2, 3))
    whole = found()
    monkeypatch.setattr(cell_module, "STRETCH", (1, 6))
    cell_module.shapes_for.cache_clear()
    assert {shape[0] for _, shape in own_gradients(shapes_of(case.params, 7, 2).gradients)} == {3}
    for name, got in found().items():
        assert relative(got, whole[name]) <= PROMISE, name
    cell_module.shapes_for.cache_clear()


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru", "leakyrnn"])
def test_inputs_are_projected_a_stretch_at_a_time(cell: str) -> None:
    """A run of two stretches and more, whose every step is that from the state before it alone."""
    batch, units = ROWS, 8
    rows = NUMBERS // (batch * units * CELLS[cell].cell().gates)
    case = Case(cell, (2 * rows + 1, batch, 2, units))
    assert steps_ahead(case.params, rl.forward(case.params, case.x).record) == rows
    start = case.h0
    tape = rl.forward(case.params, case.x, start)
    for t, x in enumerate(case.x):
        step = rl.forward(case.params, x[None], start)
        assert relative(step.h[1], tape.h[t + 1]) <= PROMISE
        start = (tape.h[t + 1], tape.c[t + 1]) if cell == "lstm" else tape.h[t + 1]


def test_what_is_not_kept_step_by_step_is_kept_whole() -> None:
    """A cell with something else in its tape, or among its gradients, goes back in one."""
    shapes = CELLS["rnn"].cell().shapes

    def other(t: int, b: int, i: int, h: int) -> Any:
        made = shapes(t, b, i, h)
        return made._replace(tape=made.tape._replace(slope=(b, t, h)))

    assert by_steps(shapes)
    assert not by_steps(other)
    sizes = 10**5, 2, 3, 5
    assert shapes_for(other, *sizes).gradients.a[0] == 10**5 > shapes_for(shapes, *sizes).gradients.a[0]
