"""Gradients of every state and input: plain BPTT bit for bit where it has numbers, mpmath beyond, no lane its neighbours'."""

from typing import Any

import mpmath
import numpy as np
import pytest
from numpy.typing import NDArray

import rnnlab as rl
from rnnlab.kernels.one_unit.blocks import find_loudest
from tests.kernels.test_one_unit import CODES, run
from tests.kernels.test_scaling import INTERPRETED, gradients, near_lanes
from tests.reference import exact_gradients


def far_and_faint(kind: type, steps: int = 53) -> dict[str, Any]:
    """Weights and inputs of seven lanes that explode, vanish, or fall so low within a window that they go through it again."""
    rng = np.random.default_rng(5)
    x = rng.normal(size=(steps, 7)).astype(kind)
    x[20:22, ::2] = 20 if kind is np.float32 else 280  # beyond 30 and 300 slopes are held constant
    one = np.ones(7, kind)
    return {"w1": -one, "w2": np.linspace(0.2, 7.9, 7).astype(kind), "b1": 0 * one, "x": x, "h0": kind(0.1) * one}


@pytest.mark.parametrize("kind", [np.float32, np.float64])
@pytest.mark.parametrize("name", CODES)
@pytest.mark.parametrize("shape", [(1, 1), (15, 3), (16, 3), (17, 3), (24, 9), (50, 257)])
def test_equal_to_plain_bit_for_bit(name: str, shape: tuple[int, int], kind: type) -> None:
    weights, x, h0, length = near_lanes(shape, kind)
    with np.errstate(all="ignore"):
        plain = run(name, weights, x, h0, length)
        flow = rl.one_unit_gradients(*weights, x, h0, length, name)
    near = ~np.logical_or.accumulate(flow.state.exponent != 0)  # states in units of their own round otherwise
    plain["h"] = np.where(near, plain["h"], rl.to_float(flow.state))
    for got, expected in ((flow.h, plain["dh"]), (flow.x, plain["dx"]), (flow.state, plain["h"])):
        normal = np.abs(expected) > (1e-30 if kind is np.float32 else 1e-300)
        np.testing.assert_array_equal(rl.to_float(got)[normal], expected[normal])
    after = np.arange(shape[0] + 1)[:, None] > length
    assert not flow.h.mantissa[after].any()
    assert not flow.x.mantissa[after[1:]].any()


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_against_mpmath(kind: type) -> None:
    """From h_t on the rest is a shorter sequence, whose gradient of its h_0 is dh_T/dh_t; dh_T/dx_t by its first input."""
    given = far_and_faint(kind)
    flow = rl.one_unit_gradients(**given)
    steps, lanes = given["x"].shape
    for lane in range(lanes):
        w1, w2, b1 = (float(given[name][lane]) for name in ("w1", "w2", "b1"))
        for t in range(0, steps, 5):
            h = float(flow.state.mantissa[t, lane])
            truth = exact_gradients("tanh", w1, w2, b1, given["x"][t:, lane], h)["h0"]
            # a slope is off by its argument's rounding, and arguments are up to 288, a half of eps each
            allowed = 600 * float(np.finfo(kind).eps) * (steps - t)
            for number, expected in ((flow.h, truth), (flow.x, truth * w1 / w2)):
                exact = mpmath.ldexp(float(number.mantissa[t, lane]), int(number.exponent[t, lane]))
                assert abs(exact / expected - 1) < allowed
    assert flow.h.exponent[:, 0].min() < (-140 if kind is np.float32 else -1100)  # the control: out of the type's range


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_no_bit_of_a_lane_depends_on_its_neighbours(kind: type) -> None:
    given, length = far_and_faint(kind), np.array([53, 48, 25, 53, 21, 0, 20])
    together = rl.one_unit_gradients(**given, length=length)
    for lane in range(7):
        own = {name: np.ascontiguousarray(value[..., lane : lane + 1]) for name, value in given.items()}
        alone = rl.one_unit_gradients(**own, length=length[lane])
        for one, among in zip(alone, together, strict=True):
            np.testing.assert_array_equal(one.mantissa[..., 0], among.mantissa[..., lane])
            np.testing.assert_array_equal(one.exponent[..., 0], among.exponent[..., lane])
    powers = together.h.exponent[16:32]  # the control: one changes its units within a window, the other between two
    assert (np.ptp(powers[:, 0]) > 0, np.ptp(powers[:, 1])) == (True, 0)


def test_the_same_as_without_every_step() -> None:
    """More lanes than a block, and a number of lanes whose rows begin anywhere within a line of memory."""
    rng, lanes = np.random.default_rng(0), 3 if INTERPRETED else 301
    weights, x = rng.uniform(0.2, 1.5, (3, lanes)), rng.normal(size=(40, lanes))
    flow, alone = rl.one_unit_gradients(*weights, x, 0.5), gradients("tanh", weights, x, 0.5)
    first: list[NDArray[Any]] = [rl.to_float(number)[0] for number in (flow.h, flow.x)]
    for got, expected in zip(first, (alone.h0, alone.x1), strict=True):
        np.testing.assert_array_equal(got, rl.to_float(expected))
    for name in ("w1", "w2", "b1"):
        np.testing.assert_array_equal(getattr(flow, name), getattr(alone, name))


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_find_loudest(kind: type) -> None:
    rows = [[1, -3, 0, np.nan, -np.inf, 5], [-2, 1, -0.0, 1, 2, -np.nan]]
    out = np.empty(6, kind)
    find_loudest(np.array(rows, kind), out)
    np.testing.assert_array_equal(out, [2, 3, 0, np.nan, np.inf, np.nan])
