"""The networks that experiments compare, each as the literature starts it: one table of names, weights, labels, looks."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

import rnnlab as rl
from rnnlab._base.figures import palette
from rnnlab.nonlinearities import Nonlinearity

LINES: tuple[Any, ...] = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (1, 3)))
MARKERS = "os^DvP*Xp<"


class Start(NamedTuple):
    """How a network starts."""

    params: Any  # the class of its parameters
    label: str  # in figures
    look: int  # its place among colours, lines and markers; two networks of one figure have two places
    how: dict[str, Any] = {}  # noqa: RUF012 - arguments of its `init`, which nobody changes
    nonlinearity: Nonlinearity = "tanh"


NETWORKS = {
    "tanh": Start(rl.RNNParams, "tanh RNN", 0),
    "relu": Start(rl.RNNParams, "ReLU RNN", 0, nonlinearity="relu"),
    "irnn": Start(rl.RNNParams, "IRNN (identity)", 1, {"scheme": "identity"}, "relu"),
    "orthogonal": Start(rl.RNNParams, "tanh RNN, orthogonal", 2, {"scheme": "orthogonal"}),
    "lstm": Start(rl.LSTMParams, "LSTM", 3),
    "lstm-0": Start(rl.LSTMParams, "LSTM, forget bias 0", 3, {"forget_bias": 0.0}),
    "lstm-1": Start(rl.LSTMParams, "LSTM, forget bias 1", 3, {"forget_bias": 1.0}),
    "lstm-chrono": Start(rl.LSTMParams, "LSTM, chrono", 6),  # with the longest dependency as `chrono`
    "gru": Start(rl.GRUParams, "GRU", 4),
    "attention": Start(rl.AttentionParams, "attention", 5),
    "linear identity": Start(rl.RNNParams, "linear, identity", 6, {"scheme": "identity"}, "linear"),
    "linear orthogonal": Start(rl.RNNParams, "linear, orthogonal", 7, {"scheme": "orthogonal"}, "linear"),
    "mingru": Start(rl.MinGRUParams, "minGRU", 8),
    "leaky": Start(rl.LeakyRNNParams, "leaky RNN", 9),
}


def params_of(name: str, input_size: int, hidden_size: int, rng: np.random.Generator, **more: Any) -> Any:
    """Parameters drawn as the network of that name starts; `more` are further arguments of its `init`."""
    start = NETWORKS[name]
    return start.params.init(input_size, hidden_size, rng=rng, **start.how, **more)


def model_of(name: str, task: rl.Task, hidden_size: int, rng: np.random.Generator, **more: Any) -> rl.Model:
    """The network with a readout, for a task; `more` as of `params_of`."""
    params = params_of(name, task.inputs, hidden_size, rng, **more)
    return rl.Model(params, rl.Readout.init(hidden_size, task.outputs, rng=rng), NETWORKS[name].nonlinearity)


def look_of(name: str) -> dict[str, Any]:
    """A colour, a line and a marker, the same in every figure; markers tell networks apart in greyscale."""
    place = NETWORKS[name].look
    colour = palette(10)[place]
    return {"color": colour, "linestyle": LINES[place % len(LINES)], "marker": MARKERS[place], "markersize": 6}
