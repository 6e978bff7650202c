"""The page's numbers in Chromium, held against the kernels."""

from itertools import product
from typing import Any

import numpy as np
import pytest

from rnnlab.experiments._lab import store
from tests.experiments.explore import RESULT, address_of, go_to, kernels_gradient


def refused(state: dict[str, Any]) -> bool:
    """Whether the kernels' interface takes no such state, as it could overflow between two rescalings."""
    return state["f"] in ("linear", "relu") and state["w2"] * state["h0"] > 1e100


def states() -> list[dict[str, Any]]:
    """More than 500 states of the address: every nonlinearity, far outside the range of floats, inputs, biases."""
    rng = np.random.default_rng(0)
    grid = product(
        ("linear", "relu", "tanh", "sigmoid"), (1, 7, 50, 1000), (-1.5, 0.0, 0.5, 1.0, 1.1, 2.0), (-0.5, 0.0, 1.0)
    )
    even = [{"f": f, "t": t, "w2": w2, "h0": h0} for f, t, w2, h0 in grid]
    names = ("linear", "relu", "tanh", "sigmoid")
    drawn = [
        {
            "f": names[k % 4],
            "t": int(rng.integers(1, 1001)),
            "w2": float(np.round(rng.choice([-1, 1]) * 10 ** rng.uniform(-6, 6), 9)),
            "h0": float(np.round(rng.normal(), 3)),
            "w1": float(np.round(rng.normal(), 3)),
            "b1": float(np.round(rng.normal(), 3)),
            "x": [float(value) for value in np.round(rng.uniform(0, 1, rng.integers(0, 30)), 2)],
        }
        for k in range(300)
    ]
    ends = ((2.0**-28, 1e-300), (2.0**-28, 1e100), (2.0**28, 1e-300), (2.0**28, 1e100))
    far = [{"f": f, "t": 1000, "w2": w2, "h0": h0} for f in names for w2, h0 in ends]
    far = [{**state, "h0": min(state["h0"], 1e15)} if refused(state) else state for state in far]
    faint = [{"f": "tanh", "t": t, "w2": 2.0, "h0": 1e-300} for t in (900, 1000)]
    return [*even, *drawn, *far, *faint]


ALL = """(addresses) => addresses.map((address) => {
  history.replaceState(null, '', address);
  dispatchEvent(new HashChangeEvent('hashchange')); // as a change by hand ends in, which takes 40 ms
  return ['gradient-log10', 'gradient-value', 'float32-value', 'complaints'].map((id) => byId(id).textContent);
})"""


def test_what_it_shows_is_what_the_kernels_say(opened: Any) -> None:
    given = states()
    assert len(given) >= 500
    shown = opened.evaluate(ALL, [address_of(state) for state in given])
    wrong = [
        (state, text) for state, text in zip(given, shown, strict=True) if not agrees(kernels_gradient(state), *text)
    ]
    assert wrong == []


def agrees(kernel: tuple[float, float], log10: str, value: str, single: str, complaint: str) -> bool:
    """log10 to 1e-9; the value, where it is a normal float, to 12 digits; float32's verdict."""
    expected, number = kernel
    same = float(log10) == expected or abs(float(log10) - expected) <= 1e-9 + 1e-11 * abs(expected)
    plain = 1e-300 < abs(number) < 1e300
    close = not plain or abs(float(value.replace(",", "")) / number - 1) <= 1e-12
    limits = {"inf": expected > 38, "0": expected < -38}
    return same and close and limits.get(single.lstrip("-"), True) and complaint == ""


def test_its_curves_which_stop_early_go_through_the_same_numbers(opened: Any) -> None:
    """log10 |dh_T/dh_0| over h_0 and the loss over W2, at every state, as far as an eye sees."""
    off = """(addresses) => addresses.map((address) => {
      const [now] = parseAddress(address), gradient = solve(now).gradient, loss = toFloat(lossOf(now).loss);
      const apart = gradient[0] ? Math.abs(log10Gradient(now) - log10Of(gradient)) : Number(log10Gradient(now) !== -Infinity);
      return [apart, Math.abs(plainLoss(now) - Math.min(1e9, loss))];
    })"""
    gradient, loss = np.array(opened.evaluate(off, [address_of(state) for state in states()])).T
    assert gradient.max() < 1e-6
    assert loss.max() < 1e-4


def test_a_wrong_number_would_be_seen() -> None:
    """The control of the comparison."""
    state = {"f": "linear", "t": 50, "w2": 2.0, "h0": 1.0}
    right = ("15.0514997832", "1,125,899,906,842,624", "1.1258999e+15", "")
    assert agrees(kernels_gradient(state), *right)
    for k, false in enumerate(["15.0514997932", "1,125,899,906,842,625,999", "inf"]):
        assert not agrees(kernels_gradient(state), *right[:k], false, *right[k + 1 :])


def test_pasted_prices_are_the_oldest_inputs(opened: Any) -> None:
    go_to(opened, "#w2=0.8&t=5&f=tanh&h0=0&x=0,0.5,1&w1=1.8&b1=0.1")
    expected = kernels_gradient({"w2": 0.8, "t": 5, "f": "tanh", "h0": 0.0, "x": [0, 0.5, 1], "w1": 1.8, "b1": 0.1})[0]
    assert float(opened.inner_text("#gradient-log10")) == pytest.approx(expected, abs=1e-9)
    opened.click("#prices summary")
    opened.fill("#x", "1\n0.5\t0.25")
    expected = kernels_gradient({"w2": 0.8, "t": 5, "f": "tanh", "h0": 0.0, "x": [1, 0.5, 0.25], "w1": 1.8, "b1": 0.1})[
        0
    ]
    assert float(opened.inner_text("#gradient-log10")) == pytest.approx(expected, abs=1e-9)


def test_steps_are_those_of_the_kernels(opened: Any) -> None:
    """Plain and clipped, from each start, up to where a training is lost."""
    table = store.read_table(RESULT).query("part == 'descent' and update <= 20")
    for (start, variant), rows in table.groupby(["start", "variant"]):
        clip = rows["clip"].iloc[0] if variant == "clipped" else np.inf
        take = "([start, clip]) => { startTraining(start); const w2 = [state.w2]; for (let k = 0; k < 20; k += 1) { takeSteps(1, clip === null ? Infinity : clip); w2.push(state.w2) } return w2 }"
        shown = opened.evaluate(take, [start, None if np.isinf(clip) else clip])
        np.testing.assert_allclose(shown[: len(rows)], rows["w2"], rtol=1e-9)


def test_it_checks_itself(opened: Any) -> None:
    count = len(store.read_table(RESULT).query("part == 'state'"))
    opened.wait_for_function(
        "n => document.getElementById('self-check').textContent.startsWith(`${n} of ${n} `)", arg=count
    )
