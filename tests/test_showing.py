"""Objects that show themselves: short lines, tables, pictures; and nothing heavy is imported for it."""

import inspect
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import numpy as np
import pytest
from matplotlib import pyplot as plt

import rnnlab as rl

RNG = np.random.default_rng(0)
PARAMS = rl.RNNParams.init(1, 8, rng=RNG)
MODEL = rl.Model(PARAMS, rl.Readout.init(8, 1, rng=RNG))


@cache  # not where tests are collected, which every process does
def tape() -> Any:
    return rl.forward(PARAMS, RNG.standard_normal((40, 1)))


@cache
def done() -> rl.Fit:
    return rl.fit(MODEL, rl.tasks.latch(5), rl.Recipe(0.01), updates=3, batch_size=2, rng=RNG)


SHOWN: dict[
    str, tuple[Callable[[], Any], str, str]
] = {  # an object, its table's last column, its picture's vertical axis
    "flow": (lambda: rl.gradient_flow(tape(), np.ones(8)), "log10_norm", "log10 of the norm of the gradient"),
    "one unit": (
        lambda: rl.one_unit_gradients(1.0, [0.5, 0.9], 0.0, np.zeros(9)),
        "log10_state",
        "log10 |dh_T/dh_t|",
    ),
    "history": (lambda: done().history, "spectral_radius_0", "size (log10 scale)"),
    "spectrum": (lambda: rl.lyapunov_spectrum(PARAMS, np.zeros((9, 1))), "nats a step", "nats a step"),
    "triangle": (lambda: rl.anatomy.loss_triangle(tape()), "log10 |dL_s/dh_t|", "loss at step s"),
    "singular values": (
        lambda: rl.anatomy.log10_singular_values(np.ones((2, 2, 2)) + np.eye(2)),
        "log10 of the singular value",
        "log10 of the singular value",
    ),
}


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    yield
    plt.close("all")


@pytest.mark.parametrize("name", SHOWN)
def test_tables_pictures_and_short_lines(name: str) -> None:
    make, column, label = SHOWN[name]
    made = make()
    frame = made.to_frame()
    assert frame.columns[-1] == column
    assert len(frame) >= 2
    axes = made.plot()
    assert axes.get_ylabel() == label
    assert axes.get_xlabel()
    assert made.plot(axes) is axes
    assert len(repr(made)) < 300


def test_what_has_a_picture_has_a_table() -> None:
    """Of every public record, whichever there are; those of arrays alone are in SHOWN too."""
    kinds = [kind for kind in map(rl.__dict__.get, rl.__all__) if inspect.isclass(kind)]
    assert {kind for kind in kinds if hasattr(kind, "plot")} == {kind for kind in kinds if hasattr(kind, "to_frame")}
    shown = {type(make()) for make, _, _ in SHOWN.values()} | {rl.Diagnosis}
    assert {kind for kind in kinds if hasattr(kind, "plot")} <= shown
    for kind in shown - {rl.Diagnosis}:
        assert list(inspect.signature(kind.plot).parameters) == ["self", "ax"]


SHORT = {
    "Adam",
    "RMSprop",
    "SGD",
    "Truncation",
    "Recipe",
    "Stopped",
    "Symptom",
    "Task",
    "Diagnosis",
}  # hold no arrays, or are read


def test_every_public_record_is_short() -> None:
    """All that functions return or take; Diagnosis, which is meant to be read, has lines."""
    records = [PARAMS, rl.Stack((PARAMS,)), rl.Bidirectional(PARAMS, PARAMS), tape()]
    records += [rl.gradient_flow(tape(), np.ones(8)), rl.backward(tape(), np.ones(8))]
    records += [
        MODEL,
        MODEL.readout,
        done(),
        done().history,
        done().state,
        rl.tasks.latch(5).draw(RNG, 9),
        SHOWN["one unit"][0](),
        rl.flossing_loss(PARAMS, np.ones((9, PARAMS.weight_ih.shape[1]))),
        rl.floss(MODEL, rl.tasks.latch(5), updates=1, rng=RNG),
    ]
    shown = {type(record) for record in records}
    for record in records:
        assert len(repr(record)) < 300, repr(record)
        assert "array(" not in repr(record)
        assert "\n" not in repr(record)
    assert "(8, 8)" in repr(PARAMS)
    assert repr(rl.tasks.latch(5)) == "Task(squared_error, inputs 1, outputs 1, chance 0.25)"
    assert repr(rl.Workspace(PARAMS, 40, 2)) == "Workspace(RNNParams, T 40, B 2, I 1, H 8, float64, 1 part)"
    arrays = [kind for kind in map(rl.__dict__.get, rl.__all__) if inspect.isclass(kind) and hasattr(kind, "_fields")]
    plain = [kind for kind in arrays if "__repr__" in vars(kind) and kind.__repr__.__module__ != "rnnlab._base.showing"]
    assert {kind.__name__ for kind in plain} <= SHORT, plain
    assert shown


def test_what_is_computed_from_a_spectrum_is_a_plain_array() -> None:
    spectrum = SHOWN["spectrum"][0]()
    for made in (2 * spectrum, spectrum[:3], np.exp(spectrum)):
        assert type(made) is np.ndarray
    assert isinstance(spectrum.max(), float)


def test_importing_and_diagnosing_load_neither_matplotlib_nor_pandas() -> None:
    code = (
        "import sys, numpy as np, rnnlab as rl; heavy = {'pandas', 'matplotlib', 'seaborn'}; assert not heavy & set(sys.modules);"
        "found = rl.diagnose(rl.RNNParams([[1.0]], [[0.5]], [0.0]), np.ones((20, 1)), [1.0]); str(found);"
        "assert not heavy & set(sys.modules); found.to_frame(); assert 'pandas' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
