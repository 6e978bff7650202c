"""The contract of errors: whatever a public function is given, it returns, or raises a TypeError or ValueError.

The functions are those of `rnnlab.__all__`, the arguments that are right are found by the parameters' names, and one to
three of them are replaced. `laws` are closed forms, which check nothing. The whole is ``pytest -m fuzz
tests/test_contract.py``, which wants ``NUMBA_BOUNDSCHECK=1``.
"""

import contextlib
import datetime as dt
import functools
import inspect
import math
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

import rnnlab as rl

SAID = ("are not settled after", "are not a number: states left")  # how warnings of ours begin


class Refuses:
    """What is asked for an array and fails."""

    def __array__(self, *_: Any, **__: Any) -> Any:
        raise RuntimeError("boom")


def public() -> Iterator[tuple[str, Callable[..., Any]]]:
    """Functions, the modules' own functions, what draws parameters; kernels never check."""
    for name in rl.__all__:
        found = getattr(rl, name)
        if isinstance(found, ModuleType):
            if found is not rl.kernels:
                yield from functions_of(name, found)
        elif inspect.isfunction(found) or found is rl.Workspace:
            yield name, found
        elif inspect.isclass(found) and hasattr(found, "init"):
            yield f"{name}.init", found.init


def functions_of(name: str, module: ModuleType) -> Iterator[tuple[str, Callable[..., Any]]]:
    """The public functions that a module defines."""
    for word, found in vars(module).items():
        homes = (module.__name__, "rnnlab.own_data")  # whose functions are those of `tasks`
        own = inspect.isfunction(found) and found.__module__ in homes and not word.startswith("_")
        if own and any(part in (found.__doc__ or "") for part in ("Parameters\n", "Returns\n")):
            yield f"{name}.{word}", found


FUNCTIONS = {function: name for name, function in public() if name.split(".")[0] != "laws"}
FUNCTIONS = {name: function for function, name in FUNCTIONS.items()}  # each but once


@functools.cache
def right() -> dict[str, Any]:
    """An argument that is right, for every name of a parameter."""
    rng = np.random.default_rng(0)
    params = rl.RNNParams.init(1, 2, rng=rng)
    model = rl.Model(params, rl.Readout.init(2, 1, rng=rng))
    tape = rl.forward(params, np.ones((12, 1)))
    one = rl.one_unit_gradients(1.0, 0.5, 0.0, [1.0, 2.0])
    recipe, task = rl.Recipe(0.01, "adam"), rl.tasks.latch(3)
    done = rl.fit(model, task, recipe, updates=1, batch_size=2, rng=rng)
    sizes = {
        "input_size": 1,
        "hidden_size": 2,
        "output_size": 1,
        "steps": 3,
        "batch_size": 2,
        "threads": 1,
        "samples": 2,
        "reach": 2,
        "updates": 1,
    }
    arrays = {
        "x": np.ones((30, 1)),
        "w1": 1.0,
        "w2": 0.5,
        "b1": 0.0,
        "h0": None,
        "length": None,
        "series": np.arange(30.0),
    }
    arrays |= {"exponents": [0.1, -0.3], "matrices": np.ones((2, 2, 2)), "dh": np.ones(2), "dc": None, "gain": 1.0}
    names = {"nonlinearity": "tanh", "scheme": "pytorch", "variant": "hochreiter1997", "dtype": np.float64, "path": "/"}
    tasks = {"seq_len": 20, "delay": 3, "informative": 1, "noise": 0.1, "limit": 0.1}
    runs = {
        "params": params,
        "tape": tape,
        "model": model,
        "task": task,
        "recipe": recipe,
        "done": done,
        "rng": rng,
        "window": None,
        "batch_first": False,
    }
    more = {
        "number": one.h,
        "state": None,
        "k": None,
        "discard": 0,
        "rescale": True,
        "delta": 0.5,
        "cell": rl.RNNParams,
        "chrono": None,
        "forget_bias": 1.0,
    }
    state_dict = rl.to_torch(params)
    weights = [state_dict["weight_ih_l0"].T, state_dict["weight_hh_l0"].T, params.bias]  # as Keras has them
    more |= {"source": state_dict, "prefix": None, "layer_or_weights": weights, "kind": None, "reset_after": None}
    more |= {"network": params, "layers": 2, "dh_n": np.ones(2), "cells": (rl.RNNParams,)}
    more |= {"callback": None, "patience": None, "progress": False, "record_flow": None, "clip_norm": None}
    more |= {"target": np.ones(30), "loss": "squared_error", "nan_padding": False, "held_out": 0.2, "scale": True}
    more |= {"ahead": 1, "scaled": False, "learning_rate": 0.01}
    return {**sizes, **arrays, **names, **tasks, **runs, **more, **networks(params)}


def networks(params: Any) -> dict[str, Any]:
    """Layers and directions, which are right where a cell is."""
    rng = np.random.default_rng(1)
    both = rl.Bidirectional(params, rl.LSTMParams.init(1, 2, rng=rng))
    stack = rl.Stack((both, rl.GRUParams.init(4, 2, rng=rng)))
    return {"stack": stack, "bidirectional": both, "tape of a stack": rl.forward(stack, np.ones((12, 1)))}


def parameters_of(function: Callable[..., Any]) -> list[str]:
    return [
        name
        for name, parameter in inspect.signature(function).parameters.items()
        if parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
    ]


WHOLE = st.sampled_from([-1, 0, 1, 2, 3, 2**63 - 1, 2**63, 2**64, 10**30, 10**400, True])
REAL = st.sampled_from([0.0, -1.5, math.nan, math.inf, -math.inf, 1e-320, 1e-300, 1e200, 1.7e308, -1e308])
SCALAR = st.sampled_from(
    [
        np.uint8(3),
        np.int8(-1),
        np.uint64(2**64 - 1),
        np.int64(2**63 - 1),
        np.float16(0.1),
        np.float32(3),
        np.float32(np.inf),
        np.longdouble(2),
        np.bool_(True),
        np.complex64(1j),
        np.datetime64("2024-01-01"),
        np.str_("tanh"),
    ]
)
OTHER = st.sampled_from(
    [
        None,
        "",
        "tanh",
        "\x00",
        b"x",
        1j,
        {},
        {"a": 1},
        {1},
        (),
        [],
        [[1.0], [1.0, 2.0]],
        [None],
        ["a"],
        [10**400],
        object(),
        dt.date(2024, 1, 1),
        Refuses(),
        len,
        int,
        rl.RNNParams,
        range(3),
        slice(None),
        np.dtype("f4"),
        Ellipsis,
        pd.Series([1.0, 2.0]),
        pd.DataFrame({"a": ["x"]}),
        pd.Series([1, None], dtype="Int64"),
        rl,
        iter([1.0]),
        memoryview(b"ab"),
    ]
)
DTYPES = ["f8", "f4", ">f8", ">f4", "f2", "g", "i1", "u8", "?", "c16", "O", "U3", "M8[D]", "S2"]


@st.composite
def arrays(draw: Any) -> Any:
    shape = tuple(draw(st.lists(st.sampled_from([0, 1, 2, 3, 12]), max_size=4)))
    dtype = draw(st.sampled_from(DTYPES))
    if dtype in ("U3", "S2", "O", "M8[D]"):
        return np.zeros(shape, dtype)
    with np.errstate(all="ignore"):
        made = np.full(shape, draw(REAL)).astype(dtype)
    return np.ma.masked_array(made, np.ones(shape, bool)) if draw(st.integers(0, 9)) == 0 else made


@st.composite
def anything(draw: Any) -> Any:
    """Something of another kind; often what is right elsewhere, or a part of it replaced."""
    made = draw(
        st.one_of(
            WHOLE, REAL, SCALAR, OTHER, arrays(), st.sampled_from(sorted(right())).map(lambda name: right()[name])
        )
    )
    return draw(replaced(made)) if is_record(made) and draw(st.booleans()) else made


def is_record(value: Any) -> bool:
    return isinstance(value, tuple) and hasattr(value, "_replace")


FORMS: list[Callable[[Any], Any]] = [
    np.float16,
    np.longdouble,
    np.flip,
    np.ndarray.tolist,
    pd.Series,
    np.asfortranarray,
]


@st.composite
def replaced(draw: Any, made: Any) -> Any:
    """A record with one of its parts, or a part of these, replaced; an array perhaps by the same in another form."""
    field = draw(st.sampled_from(made._fields))
    part = getattr(made, field)
    if is_record(part) and draw(st.booleans()):
        other = draw(replaced(part))
    elif isinstance(part, np.ndarray) and part.ndim == 1 and draw(st.booleans()):
        other = draw(st.sampled_from(FORMS))(part)
    else:
        other = draw(st.one_of(WHOLE, REAL, SCALAR, OTHER, arrays()))
    return made._replace(**{field: other})


@st.composite
def calls(draw: Any) -> tuple[str, dict[str, Any]]:
    name = draw(st.sampled_from(sorted(FUNCTIONS)))
    parameters = parameters_of(FUNCTIONS[name])
    changed = draw(st.lists(st.sampled_from(parameters), min_size=1, max_size=3, unique=True))
    return name, {
        **{parameter: right()[parameter] for parameter in parameters},
        **{one: draw(anything()) for one in changed},
    }


def hold(name: str, arguments: dict[str, Any]) -> None:
    """Call it; any other error, and any warning but ours, goes through."""
    try:
        made = FUNCTIONS[name](**arguments)
        if isinstance(made, rl.Task):
            made.draw(arguments.get("rng", right()["rng"]), 2)
    except RuntimeWarning as warning:
        if not any(said in str(warning) for said in SAID):
            raise
    except (TypeError, ValueError):
        pass
    except OSError:
        assert name.endswith(("_fit", "load_weights"))  # which say that of files


def test_every_parameter_has_an_argument_that_is_right() -> None:
    for name, function in FUNCTIONS.items():
        missing = set(parameters_of(function)) - set(right())
        assert not missing, f"{name} has parameters that the fuzz does not know: {missing}"
    assert len(FUNCTIONS) > 25


@pytest.fixture(autouse=True, scope="module")
def somewhere(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What is written by chance is written here."""
    with contextlib.chdir(tmp_path_factory.mktemp("contract")):
        yield


HOW: dict[str, Any] = {"deadline": None, "suppress_health_check": list(HealthCheck), "database": None}


@settings(max_examples=1200, derandomize=True, **HOW)
@given(call=calls())
def test_calls(call: tuple[str, dict[str, Any]]) -> None:
    hold(*call)


@pytest.mark.fuzz
@settings(max_examples=20_000, **HOW)
@given(call=calls())
def test_calls_by_the_thousands(call: tuple[str, dict[str, Any]]) -> None:
    hold(*call)
