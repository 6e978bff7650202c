"""Implementations agree where they are installed; what fails or is missed is a row; rounds, ratios and targets."""

from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import pytest

from rnnlab.experiments import bench
from rnnlab.experiments.bench import cases, cells, training
from rnnlab.experiments.bench.cell_problem import RECURRENT, make_problem
from rnnlab.experiments.bench.comparing import Implementation, compared, deviation, installed
from rnnlab.experiments.bench.timing import Effort, Row, rounds_of, timed

# the same sums in another order: 60 terms of rounded products
AGREEMENT = 1e-12
SHORT = Effort(3, 0.0)
PEERS = {one.name: one for one in (*cells.IMPLEMENTATIONS[1:], *cells.FURTHER) if one.name != "its products"}


def ready(one: Implementation) -> None:
    """Skip what is not installed."""
    if not installed(one.library):
        pytest.skip(f"{one.library} is an optional peer: pip install 'rnnlab[peers]'")


@pytest.mark.parametrize(
    ("peer", "cell"), [(peer, cell) for peer in PEERS for cell in RECURRENT if cell in ("rnn", "lstm", "gru")]
)
@pytest.mark.parametrize("shape", [(1, 1, 1, 1), (20, 3, 2, 7)], ids=str)
def test_gradients_agree(peer: str, cell: str, shape: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """What torch.compile compiles is run as it is: compiling takes half a minute, and its result has a claim."""
    ready(PEERS[peer])
    if peer == "torch.compile":
        monkeypatch.setattr("torch.compile", lambda function: function)
    problem = make_problem(cell, "float64", shape)
    if (peer, cell) == ("equinox", "rnn"):
        with pytest.raises(LookupError, match="has no rnn"):
            PEERS[peer].build(problem, 1)
        return
    ours, theirs = cells.build_call(problem, 1)(), PEERS[peer].build(problem, 1)()
    assert deviation(theirs, ours) <= AGREEMENT
    assert deviation([2 * np.asarray(theirs[0]), *theirs[1:]], ours) > 0.5  # the control


@pytest.mark.parametrize("cell", sorted(set(RECURRENT) - {"rnn", "lstm", "gru"}))
def test_a_scan_of_jax_agrees_for_every_cell(cell: str) -> None:
    ready(PEERS["JAX scan"])
    problem = make_problem(cell, "float64", (20, 3, 2, 7))
    assert deviation(PEERS["JAX scan"].build(problem, 1)(), cells.build_call(problem, 1)()) <= AGREEMENT


def test_a_stack_has_the_gradients_of_its_layers_run_by_hand() -> None:
    ours, by_hand = cells.stack("rnn", SHORT, 1)
    assert by_hand.deviation == 0
    assert by_hand.ratio_q1 <= by_hand.ratio <= by_hand.ratio_q3
    assert ours.rounds == by_hand.rounds == 3


@pytest.mark.parametrize("peer", training.IMPLEMENTATIONS[1:], ids=lambda one: one.name)
def test_two_hundred_clipped_updates_agree(peer: Implementation) -> None:
    ready(peer)
    problem = training.make_problem((12, 5, 7))
    ours, theirs = (one.build(problem, 1)() for one in (training.IMPLEMENTATIONS[0], peer))
    assert deviation(theirs, ours) <= AGREEMENT
    start = [*problem.model.params, *problem.model.readout]
    assert deviation(theirs, start) > 1e-3  # they have moved


def test_gradients_carried_forwards_are_timed_beside_bptt() -> None:
    rows = cases.forward_mode([4], 20, SHORT)
    assert [row.implementation for row in rows] == ["BPTT", "truncated BPTT", "RTRL", "UORO"]
    assert np.isnan(rows[0].ratio)
    assert all(row.ratio > 0 for row in rows[1:])


def test_all_take_their_turn_in_every_round_until_the_budget_is_spent() -> None:
    turns: list[str] = []
    runs = {name: lambda name=name: turns.append(name) for name in "ab"}
    seconds = rounds_of(runs, Effort(9, 0.0))
    assert {key: len(rounds) for key, rounds in seconds.items()} == {"a": 3, "b": 3}
    assert len(rounds_of(runs, Effort(9, 1e9))["a"]) == 9
    changes = sum(one != next_one for one, next_one in pairwise(turns))
    assert changes == 2 * (1 + 3) - 1 + 2 * (1 + 9)  # how many calls are needed is asked first


def test_a_ratio_is_that_of_rounds_whatever_slows_both_sides() -> None:
    slowed = np.array([1.0, 1.0, 5.0, 1.0, 9.0])
    row = timed(Row("tanh", "some"), 3 * slowed, 1000, slowed)
    assert (row.seconds_q1, row.seconds, row.seconds_q3) == (3.0, 3.0, 15.0)
    assert (row.ratio_q1, row.ratio, row.ratio_q3) == (3.0, 3.0, 3.0)
    assert row.ns_per_item == 3e6


def broken(_problem: Any, _cores: int) -> Any:
    raise RuntimeError("no C++ compiler\nwas found")


def test_a_peer_that_fails_is_a_row_that_says_so() -> None:
    ways = [Implementation("rnnlab", "nothing", lambda *_: lambda: None)]
    ways += [Implementation("other", "nothing", broken, library) for library in ("numpy", "no_such_library")]
    rows = compared(Row("tanh", "some"), 1, ways, None, SHORT)
    assert [row.note for row in rows[1:]] == [
        "not timed: no C++ compiler was found",
        "no_such_library is not installed",
    ]
    assert all(np.isnan(row.seconds) and np.isnan(row.ratio) for row in rows[1:])
    with pytest.raises(RuntimeError, match="no C"):
        compared(Row("tanh", "some"), 1, [Implementation("rnnlab", "nothing", broken)], None, SHORT)


def test_a_target_missed_is_a_row_of_the_checks() -> None:
    row = Row("tanh", "some", "np.tanh", dtype="float64", seconds=1.0, ratio=1.2)
    cell = Row("cells", "rnn 1x1x1x1", "torch.nn", dtype="float64", cores=2, seconds=1.0, ratio=0.5, deviation=0.0)
    slow = Row("start-up", "import rnnlab", seconds=0.6)
    found = bench.checks(pd.DataFrame([row, cell, cell._replace(implementation="JAX scan", ratio=3.0), slow]))
    verdicts = found.set_index("claim")["verdict"].to_dict()
    assert verdicts["tanh, float64 on 1 core: np.tanh, some: times as fast"] == "missed"
    assert verdicts["start-up, 1 core: import rnnlab: seconds"] == "missed"
    worst = found[found["claim"].str.contains("the faster of torch.nn and JAX scan")]
    assert worst["measured"].tolist() == [0.5, 0.5]
    assert set(worst["verdict"]) == {"missed"}
    assert verdicts["cells, float64: gradients of torch.nn equal ours"] == "holds"
    assert bench.checks(pd.DataFrame([row, slow]))["verdict"].tolist() == ["missed", "missed"]  # no cells were timed
