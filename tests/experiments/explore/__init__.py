"""The explorer's tests: the kept result, addresses, and what the kernels say of them."""

from pathlib import Path
from typing import Any

import numpy as np

import rnnlab as rl

RESULT = Path(__file__).parents[3] / "results" / "explore"


def address_of(state: dict[str, Any]) -> str:
    """As a teacher would share it."""
    words = {name: ",".join(map(repr, value)) if name == "x" else value for name, value in state.items()}
    return "#" + "&".join(f"{name}={value}" for name, value in words.items())


def kernels_gradient(state: dict[str, Any]) -> Any:
    """dh_T/dh_0 of a state by `one_unit_gradients`: inputs are the oldest, then 0; more than T are cut."""
    x = np.zeros(state["t"])
    given = state.get("x", [])[: state["t"]]
    x[: len(given)] = given
    flow = rl.one_unit_gradients(
        state.get("w1", 1.0), state["w2"], state.get("b1", 0.0), x, state["h0"], nonlinearity=state["f"]
    )
    return rl.log10_abs(flow.h)[0, 0], rl.to_float(flow.h)[0, 0]


def go_to(page: Any, address: str) -> None:
    """Change the address of a page that is open."""
    page.evaluate(
        "async (to) => { const done = new Promise((r) => addEventListener('hashchange', r, {once: true})); location.hash = to; await done }",
        address,
    )
