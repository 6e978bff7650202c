"""How gradients that are carried in part lie to the gradient of a loss of the last state."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

import rnnlab as rl
from rnnlab.experiments.sparse_rtrl.cost import kept_by_bptt
from rnnlab.experiments.sparse_rtrl.networks import FEW, farthest, network_of, trained
from rnnlab.forward_mode import (
    Local,
    carried,
    flat,
    influence_pattern,
    local_derivatives,
    losses_of,
    unbiased_gradients,
)
from rnnlab.laws.forward_mode import linear_alignment, powers

SHORT = 30  # steps of the networks in which every n is tried
GUESSES = 6  # of UORO: as many go back at every step, one by one
Array = NDArray[np.float64]
Row = dict[str, Any]


class Run(NamedTuple):
    """A run, what its loss asks for, and its gradient."""

    tape: rl.Tape
    v: Array  # (H,): the loss's derivative by the last state
    columns: NDArray[np.bool_]  # (P,): the parameters that count
    local: list[Local]  # their derivatives at every step
    exact: Array

    @property
    def size(self) -> Row:
        """H and T, as the table has them."""
        return {"hidden_size": self.tape.h.shape[1], "steps": len(self.local)}

    def first(self, steps: int) -> Run:
        """The run as if it ended after so many steps."""
        tape = rl.forward(self.tape.params, self.tape.record.x[:steps, 0], nonlinearity=self.tape.nonlinearity)
        return Run(tape, self.v, self.columns, self.local[:steps], gradient_of(tape, self.v)[self.columns])


def gradient_of(tape: rl.Tape, v: Array, window: int | None = None) -> Array:
    """All parameters' gradients (P,) by BPTT."""
    return flat(rl.backward(tape, v, window=window).params)


def run_of(params: Any, steps: int, rng: np.random.Generator, nonlinearity: Any = "tanh") -> Run:
    """A run over white inputs with a loss v . h_T, v random, of which all parameters that are trained count."""
    tape = rl.forward(params, rng.standard_normal((steps, 1)), nonlinearity=nonlinearity)
    v, columns = rng.standard_normal(tape.h.shape[1:]), trained(params)
    local = [Local(step.state, step.params[:, columns]) for step in local_derivatives(tape)]
    return Run(tape, v, columns, local, gradient_of(tape, v)[columns])


def compared(run: Run, gradient: Array) -> Row:
    """Cosine, ratio of norms, and distance over the gradient's norm."""
    norm, square = np.linalg.norm(gradient), np.linalg.norm(run.exact)
    off = np.linalg.norm(gradient - run.exact)
    return {"cosine": gradient @ run.exact / (norm * square), "norm": norm / square, "error": off / square, **run.size}


def sparse(run: Run, reach: int) -> Array:
    """The gradient (P,) by SnAp-n."""
    return carried(run.local, losses_of(run.tape, run.v, None), influence_pattern(run.local, reach))


def sparse_row(run: Run, reach: int) -> Row:
    """SnAp-n."""
    return {"method": "SnAp", "reach": reach, **compared(run, sparse(run, reach))}


def truncated(run: Run, window: int) -> Row:
    """BPTT over the last steps."""
    return {"method": "BPTT", "reach": window, **compared(run, gradient_of(run.tape, run.v, window)[run.columns])}


def eligible(run: Run) -> Array:
    """The gradient (P,) by e-prop: of J_t only what a unit passes on to itself without being heard, by its leak or its forget gate."""
    hidden = run.tape.h.shape[1]
    kept = type(run.tape.params).cell().kept(run.tape.params, run.tape.record)[:, 0]
    states = [own_state(step.state, keep, hidden) for step, keep in zip(run.local, kept, strict=True)]
    local = [Local(state, step.params) for state, step in zip(states, run.local, strict=True)]
    return carried(local, losses_of(run.tape, run.v, None), influence_pattern(run.local, 1))


def relative_rows(spec: Any, seed: int) -> Iterator[Row]:
    """Distance of e-prop's gradient from SnAp-1's in leaky networks, over that of the gradient, with self-weights and without."""
    for name, others in (("leaky", 1.0), ("leaky, no self-weights", 1 - np.eye(spec.hidden_size))):
        rng = np.random.default_rng(seed)
        params = rl.LeakyRNNParams.init(1, spec.hidden_size, rng=rng)
        run = run_of(params._replace(weight_hh=params.weight_hh * others), SHORT, rng)
        yield {
            "network": name,
            **compared(run, run.exact + eligible(run) - sparse(run, 1)),
            "method": "e-prop off SnAp-1",
        }


def own_state(state: Array, keep: Array, hidden: int) -> Array:
    """J_t (N, N) without the way through h_(t-1) that others hear; a cell of one state keeps a share of it (H,)."""
    heard = len(state) > hidden
    return state * (np.arange(len(state)) >= hidden) if heard else np.diag(keep)


def guessed(run: Run, rng: np.random.Generator) -> Row:
    """UORO: the root mean square of a guess's cosine, and of its norm."""
    made = unbiased_gradients(run.tape, run.v, rng=rng, samples=GUESSES)
    rows = np.concatenate([array.reshape(GUESSES, -1) for array in made], axis=1)[:, run.columns]
    found = [compared(run, row) for row in rows]
    squares = {name: np.sqrt(np.mean([row[name] ** 2 for row in found])) for name in ("cosine", "norm", "error")}
    return {"method": "UORO", **squares, **run.size}


def memory_of(run: Run) -> int:
    """The steps that BPTT can keep in the memory of SnAp-1, at least one."""
    return int(max(1, influence_pattern(run.local, 1).sum() // kept_by_bptt(run.local, run.tape.record.x.shape[2])))


def all_ways(run: Run, rng: np.random.Generator) -> Iterator[Row]:
    """SnAp-1, its relative, BPTT in the same memory, and a guess."""
    yield sparse_row(run, 1)
    yield {"method": "e-prop", **compared(run, eligible(run))}
    yield truncated(run, memory_of(run))
    yield guessed(run, rng)


def reach_rows(spec: Any, seed: int) -> Iterator[Row]:
    """SnAp-n of every network for every n up to one more than is needed, and BPTT that leaves out one step."""
    for place, name in enumerate(spec.network):
        rng = np.random.default_rng([seed, place])
        run = run_of(network_of(name, FEW, rng), SHORT, rng)
        for reach in range(1, farthest(name, FEW) + 2):
            yield {"network": name, **sparse_row(run, reach)}
        yield {"network": name, **truncated(run, SHORT - 1)}


def linear_rows(spec: Any, seed: int) -> Iterator[Row]:
    """Linear orthogonal networks of every gain, at every T, with their laws."""
    for gain in spec.gain:
        rng, where = np.random.default_rng(seed), {"network": "linear", "setting": gain}
        params = rl.RNNParams.init(1, spec.hidden_size, rng=rng, scheme="orthogonal", gain=gain)
        whole = run_of(params, max(spec.seq_len), rng, "linear")
        for steps in spec.seq_len:
            run = whole.first(steps)
            rows = [sparse_row(run, 1), truncated(run, min(steps, memory_of(run)))]
            for row, law in zip(rows, laws_of(run, rows[1]["reach"]), strict=True):
                yield {**where, **row, "law": law.cosine, "law_norm": law.norm}
        yield {**where, **guessed(whole, rng)}


def laws_of(run: Run, window: int) -> Iterator[Any]:
    """Expected alignment of SnAp-1, which keeps the diagonal's powers, and of BPTT over so many steps."""
    weight_ih, weight_hh, _ = run.tape.params
    steps = len(run.local)
    near = (np.arange(steps) < window)[:, None, None]
    for approximate in (powers(np.diag(np.diag(weight_hh)), steps), powers(weight_hh, steps) * near):
        yield linear_alignment(weight_ih, weight_hh, approximate)


def leaky_rows(spec: Any, seed: int) -> Iterator[Row]:
    """Leaky networks of every step."""
    for delta in spec.delta:
        rng = np.random.default_rng(seed)
        run = run_of(rl.LeakyRNNParams.init(1, spec.hidden_size, rng=rng, delta=delta), max(spec.seq_len), rng)
        for row in all_ways(run, rng):
            yield {"network": "leaky", "setting": delta, **row}


def lstm_rows(spec: Any, seed: int) -> Iterator[Row]:
    """LSTMs of every forget bias, of half as many units."""
    for bias in spec.forget_bias:
        rng = np.random.default_rng(seed)
        params = rl.LSTMParams.init(1, spec.hidden_size // 2, rng=rng, forget_bias=bias)
        run = run_of(params, max(spec.seq_len), rng)
        for row in all_ways(run, rng):
            yield {"network": "LSTM", "setting": bias, **row}
