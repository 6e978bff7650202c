"""How much of the last step's loss reaches an input so many steps back: tanh, GRU, attention, LSTMs by forget bias."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rnnlab.experiments._lab.lags import Problem, pull_back, sizes_by_lag
from rnnlab.experiments._lab.networks import params_of

BATCH = 16  # sequences per network


def measure_cures(given: tuple[Any, str, float | None]) -> pd.DataFrame:
    """A row per lag of one kind of network."""
    spec, network, forget_bias = given
    logs = np.array([log10_gradients(spec, network, forget_bias, seed) for seed in range(spec.seeds)])
    low, middle, high = np.quantile(logs, [0.25, 0.5, 0.75], axis=0)
    columns = {"lag": range(spec.lags), "log10_gradient": middle, "low": low, "high": high}
    return pd.DataFrame(columns).assign(part="cure", network=network, forget_bias=forget_bias)


def log10_gradients(spec: Any, network: str, forget_bias: float | None, seed: int) -> NDArray[np.float64]:
    """log10 of the root mean square of dL/dx_t over a batch by lag, 0 at lag 0; all networks on the same inputs."""
    more = {} if forget_bias is None else {"forget_bias": forget_bias}
    params = params_of(network, 1, spec.hidden_size, np.random.default_rng(seed), **more)
    logs = np.log10(sizes_by_lag(pull_back(params, Problem(spec.lags, BATCH, spec.hidden_size, seed))))
    return np.asarray(logs - logs[0])
