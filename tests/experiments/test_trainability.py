"""Training one-unit networks: the kernel against a written-out reference, the map, and what must fail."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from pydantic import ValidationError

from rnnlab.experiments import trainability
from rnnlab.experiments._lab import runner, saving
from rnnlab.experiments._lab.looks import PAPER
from rnnlab.kernels import one_unit_training as training
from rnnlab.nonlinearities import CODES
from tests.reference import complex_step, last_state

SMALL = trainability.Spec(w2="-2:2:9", seq_len="1,5,20", seeds=2)
NEVER = (0.0, 1, np.inf)  # a threshold, patience and bound at which no lane stops


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    return runner.normal_form(trainability.measure(SMALL))


def start(lanes: int) -> NDArray[np.float64]:
    return np.random.default_rng(lanes).uniform(0.3, 0.9, (5, lanes))


def data_of(updates: int, sequences: int = 3, steps: int = 4) -> training.Data:
    rng = np.random.default_rng(updates)
    return training.Data(rng.uniform(0.1, 1, (updates, sequences, steps)), rng.standard_normal((updates, sequences)))


def train(name: str, parameters: Any, data: training.Data, clip: float, rule: Any = NEVER, rate: float = 0.1) -> Any:
    lanes = parameters.shape[1]
    network = training.Network(*parameters.copy())
    descent = training.Descent(np.full(lanes, rate), np.full(lanes, clip), *rule)
    outcome = trainability.train(name, data, network, descent)
    return np.array(network), outcome


def loss(name: str, parameters: Any, data: training.Data, update: int) -> Any:
    w1, w2, b1, w3, b2 = parameters
    total = 0
    for x, target in zip(data.x[update], data.target[update], strict=True):
        total = total + (w3 * last_state(name, w1, w2, b1, x, 0 * w1) + b2 - target) ** 2
    return total / len(data.x[update])


def gradient(name: str, parameters: Any, data: training.Data, update: int) -> NDArray[np.float64]:
    """Complex steps, one parameter at a time."""

    def along(k: int) -> Any:
        return complex_step(
            lambda v: loss(name, [*parameters[:k], v, *parameters[k + 1 :]], data, update), parameters[k]
        )

    return np.array([along(k) for k in range(5)])


def reference(name: str, parameters: Any, data: training.Data, clip: float, keep: Any = 1.0) -> NDArray[np.float64]:
    """Gradient descent written out; `keep` multiplies the gradient."""
    for update in range(len(data.x)):
        g = keep * gradient(name, parameters, data, update)
        g = g * np.minimum(1, clip / np.linalg.norm(g, axis=0))
        parameters = parameters - 0.1 * g
    return np.asarray(parameters)


@pytest.mark.parametrize("name", CODES)
@pytest.mark.parametrize("clip", [np.inf, 0.5])
def test_trainings_against_complex_steps(name: str, clip: float) -> None:
    got, _ = train(name, start(5), data_of(8), clip)
    # eight updates, each right to about 1e-15, that do not diverge from one another
    np.testing.assert_allclose(got, reference(name, start(5), data_of(8), clip), rtol=1e-12)


@pytest.mark.parametrize("dropped", range(5))
def test_dropping_a_gradient_is_noticed(dropped: int) -> None:
    keep = (np.arange(5) != dropped)[:, None]
    got, _ = train("tanh", start(5), data_of(8), 0.5)
    wrong = reference("tanh", start(5), data_of(8), 0.5, keep)
    assert (np.abs(got - wrong).max(axis=0) > 1e-3).all()


def test_a_clipped_step_has_the_length_of_the_clip() -> None:
    before = start(4)
    after, _ = train("linear", before, data_of(1), 0.01)
    np.testing.assert_allclose(np.linalg.norm(after - before, axis=0), 0.1 * 0.01, rtol=1e-12)  # of 1 - 1e-3


@pytest.mark.parametrize("lanes", [1, 7, 128, 131])
def test_lanes_are_independent(lanes: int) -> None:
    together, whole = train("tanh", start(lanes), data_of(5), 0.5)
    for lane in {0, lanes // 2, lanes - 1}:
        alone, one = train("tanh", start(lanes)[:, lane : lane + 1], data_of(5), 0.5)
        # equal but for fused products, which the compiler makes in vectors and not always in remainders
        np.testing.assert_allclose(together[:, lane], alone[:, 0], rtol=1e-13)
        assert whole.loss[lane] == pytest.approx(one.loss[0], rel=1e-12)


def test_a_diverging_lane_stops_at_its_last_good_parameters() -> None:
    parameters = start(2)
    parameters[1] = [3.0, 0.5]
    data = data_of(60, steps=30)
    got, outcome = train("linear", parameters, data, np.inf, (0.0, 1, 1e6), rate=0.01)
    assert outcome.diverged_at[0] >= 0
    assert outcome.solved_at.tolist() == [-1, -1]
    assert outcome.diverged_at[1] == -1
    stop = outcome.diverged_at[0]
    shorter = training.Data(data.x[:stop], data.target[:stop])
    np.testing.assert_array_equal(got[:, 0], train("linear", parameters, shorter, np.inf, rate=0.01)[0][:, 0])
    assert (np.abs(got) <= 1e6).all()


@pytest.mark.parametrize("bad", [np.nan, np.inf, 1e300])
def test_a_lane_that_is_not_finite_stops_at_once(bad: float) -> None:
    parameters = start(3)
    parameters[1, 1] = bad
    got, outcome = train("linear", parameters, data_of(5), 1.0 if bad < np.inf else np.inf)
    assert outcome.diverged_at.tolist() == [-1, 0, -1]
    np.testing.assert_array_equal(got[:, 1], parameters[:, 1])


def test_a_solved_lane_stops_after_its_patience() -> None:
    data = trainability.inputs(200, 2, 0.0, np.random.default_rng(0))
    _, outcome = train("linear", np.full((5, 1), 0.8), data, np.inf, (0.1, 10, 1e6), rate=0.05)
    at = outcome.solved_at[0]
    assert 0 < at < 100
    stopped = [train("linear", np.full((5, 1), 0.8), cut(data, n), np.inf, (0.1, 10, 1e6), 0.05) for n in (at + 9, 200)]
    np.testing.assert_array_equal(stopped[0][0], stopped[1][0])  # no step from the tenth small loss on
    assert stopped[0][1].solved_at[0] == -1  # nine are not ten
    assert [loss_after(n, data) < 0.1 for n in (at, at + 1)] == [False, True]  # the losses of updates at - 1 and at


def loss_after(updates: int, data: training.Data) -> float:
    return float(train("linear", np.full((5, 1), 0.8), cut(data, updates), np.inf, rate=0.05)[1].loss[0])


def cut(data: training.Data, updates: int) -> training.Data:
    return training.Data(data.x[:updates], data.target[:updates])


def test_the_target_is_the_first_input() -> None:
    data = trainability.inputs(3, 6, 0.02, np.random.default_rng(1))
    assert data.target.tolist() == [[1.0, -1.0]] * 3
    np.testing.assert_array_equal(data.x[:, :, 0], data.target)
    assert 0 < np.abs(data.x[:, :, 1:]).max() < 0.2  # ten standard deviations


@pytest.mark.parametrize("seq_len", [1, 2, 5])
def test_first_answers_have_the_right_sign(seq_len: int) -> None:
    w2 = np.array([-2.0, -0.5, 0.5, 2.0])
    network = trainability.initial_network(w2, seq_len, np.random.default_rng(2))
    answer = network.w3 * last_state("linear", network.w1, w2, 0.0, [1.0] + [0.0] * (seq_len - 1), 0.0)
    assert (answer > 0).all()


def test_columns_and_shares(table: pd.DataFrame) -> None:
    rows = table[table.part == "map"]
    assert len(rows) == 2 * 3 * 9 * 2
    assert len(table) == len(rows) + 10
    assert (rows.runs == 2).all()
    np.testing.assert_allclose(rows[list(trainability.OUTCOMES)].sum(axis=1), 1, rtol=1e-15)
    assert (rows.updates_to_solve.notna() == (rows.solved > 0)).all()
    assert (rows.updates_to_diverge.notna() == (rows.diverged > 0)).all()


def test_checks_hold(table: pd.DataFrame) -> None:
    checks = trainability.checks(table)
    assert checks.verdict.eq("holds").all()
    assert len(checks) == 2 + 4 + 8 + 4
    late = table.assign(updates_to_solve=table.updates_to_solve + 11)
    assert trainability.checks(late).verdict.eq("holds").sum() == len(checks) - 2


def test_a_map_with_clipping_mixed_up_fails(table: pd.DataFrame) -> None:
    other = table.variant.map({"plain": "clipped", "clipped": "plain"})
    assert not trainability.checks(table.assign(variant=other)).verdict.eq("holds").all()


def test_a_wrong_gradient_fails(table: pd.DataFrame) -> None:
    checks = trainability.checks(table.assign(bptt=(1 + 1e-9) * table.bptt))
    assert checks[~checks.verdict.eq("holds")].claim.str.contains("complex steps").tolist() == [True, True]


def test_other_settings_make_no_claims_on_the_map() -> None:
    few = trainability.measure(trainability.Spec(w2=2, seq_len=20, seeds=1, updates=10))
    assert len(trainability.checks(few)) == 2
    assert set(trainability.draw(few)) == {"map"}


def test_workers_do_not_change_the_table(table: pd.DataFrame) -> None:
    backwards = trainability.measure(SMALL, lambda part, items: reversed([part(item) for item in reversed(items)]))
    pd.testing.assert_frame_equal(runner.normal_form(backwards), table)


def test_every_nonlinearity_is_trained() -> None:
    spec = trainability.Spec(w2="0.5,1", seq_len=2, seeds=1, updates=20, nonlinearity="relu,sigmoid")
    assert trainability.checks(trainability.measure(spec)).verdict.eq("holds").all()


@pytest.mark.parametrize(
    "wrong", [{"w2": []}, {"seeds": 0}, {"updates": 9}, {"clip": 0}, {"noise": -1}, {"seq_len": [0]}]
)
def test_wrong_specs_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        trainability.Spec(**wrong)


def test_figure_is_drawn_from_the_table_alone(table: pd.DataFrame) -> None:
    one, two = (saving.rendered(trainability.draw(table), PAPER) for _ in range(2))
    assert one["map.png"] == two["map.png"]


def thrown(rate: float, updates: int = 40) -> Any:
    """One linear training that its first gradient, of a norm above 10, throws to weights that pass nothing on."""
    start = np.array([[1.0], [1.3], [0.0], [1.0], [0.0]])
    data = trainability.inputs(updates, 12, 0.0, np.random.default_rng(0))
    return train("linear", start, data, np.inf, (0.1, 10, 1e6), rate)[1], start, data


def test_the_largest_gradient_is_that_of_complex_steps() -> None:
    outcome, start, data = thrown(1e-9)
    first = np.linalg.norm(gradient("linear", start, data, 0))
    np.testing.assert_allclose(outcome.largest, first, rtol=1e-6)  # as all, since steps of 1e-9 change it by less
    assert abs(outcome.largest[0] / np.linalg.norm(gradient("linear", start, data, 0)[1:]) - 1) > 1e-3  # the control


@pytest.mark.parametrize(("rate", "became"), [(1e-9, "exploded"), (1.0, "diverged")])
def test_an_explosion_is_no_stall(rate: float, became: str) -> None:
    verdicts = trainability.verdicts(thrown(rate)[0])
    assert {name: verdicts[name][0] for name in trainability.OUTCOMES} == {
        name: float(name == became) for name in trainability.OUTCOMES
    }
    faint = trainability.verdicts(thrown(rate, 1)[0]._replace(largest=np.array([9.0]), diverged_at=np.array([-1])))
    assert faint["stalled"][0] == 1
    lost = trainability.verdicts(thrown(rate, 1)[0]._replace(largest=np.array([np.nan]), diverged_at=np.array([-1])))
    assert lost["exploded"][0] == 1


@pytest.mark.parametrize(("name", "steps"), [("linear", 7), ("tanh", 5)])
def test_lanes_that_go_on_alone_come_to_what_they_come_to_with_the_others(name: str, steps: int) -> None:
    """Bit for bit, where some stop early, some late and some never; but for the last loss of those that have stopped."""
    w2 = np.linspace(-2.5, 2.5, 3 * trainability.VECTOR)
    data = trainability.inputs(3 * trainability.EARLY, steps, 0.02, np.random.default_rng(1))
    descent = trainability.descent_of(np.full(w2.size, 0.01), np.full(w2.size, np.inf))
    found, wanted = (trainability.initial_network(w2, steps, np.random.default_rng(0)) for _ in range(2))
    mine, theirs = trainability.train(name, data, found, descent), trainability.train_lanes(name, data, wanted, descent)
    stopped = np.maximum(mine.solved_at, mine.diverged_at)
    on = stopped < 0
    for one, other in zip((*found, *mine._replace(loss=mine.loss[on])), (*wanted, *theirs), strict=True):
        np.testing.assert_array_equal(one, other if other.size == one.size else other[on])
    assert on.any()
    assert (stopped > trainability.EARLY).any()
    assert (stopped[~on] < trainability.EARLY / 2).any()
