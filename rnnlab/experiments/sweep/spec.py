"""What the sweep varies."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BeforeValidator, Field, FiniteFloat, model_validator

from rnnlab import series
from rnnlab.experiments._lab.spec import Choices, ExperimentSpec, Lengths, RecurrentWeights
from rnnlab.nonlinearities import Nonlinearity

SETTINGS = {"inputs", "w1", "b1", "h0"}  # in the table where they are not the defaults, of which stories are told
STATES_AT_ONCE = 2_000_000  # lanes x steps measured in one go: bounds memory, whatever the size of the grid
BYTES_PER_ROW = 210  # of the table in memory, as measured and as read back; of 10^5, 10^6, 5 10^6 rows within 12 %
BYTES_PER_STATE = 52  # inputs, tapes and adjoints in float64 and float32

UP_TO = 20  # lengths that one alone stands for


def up_to(value: Any) -> Any:
    """A single number T as it is typed stands for lengths from 1 to T, so that a curve is seen; lists are as given."""
    text = str(value).strip()
    if isinstance(value, (bool, list, tuple)) or not text.isdecimal() or int(text) < 1:
        return value
    return [int(number) for number in np.unique(np.geomspace(1, int(text), UP_TO).round())]


Size = Annotated[FiniteFloat, Field(ge=-1e30, le=1e30)]  # from where no state overflows between two rescalings


class Spec(ExperimentSpec):
    """The grid, and the network it is laid over."""

    w2: RecurrentWeights = Field(
        default=tuple(round(-2.5 + 0.1 * k, 12) + 0.0 for k in range(51)), description="recurrent weights W2"
    )
    seq_len: Annotated[Lengths, BeforeValidator(up_to)] = Field(
        default=(1, 2, 3, 5, 7, 10, 15, 20, 30, 50, 70, 100, 150, 200, 300, 500, 700, 1000),
        description="sequence lengths T; of one alone those from 1 up to it",
    )
    nonlinearity: Choices[Nonlinearity] = Field(
        default=("linear", "relu", "tanh", "sigmoid"), description="linear, relu, tanh, sigmoid"
    )
    seeds: int = Field(default=4, ge=1, description="input sequences per point, seeded 0, 1, ...")
    inputs: series.InputName = Field(default="statland", description="statland, normal, zeros or prices")
    w1: Size = Field(default=1.0, description="input weight W1")
    b1: Size = Field(default=0.0, description="bias B1")
    h0: Size = Field(default=0.5, description="initial state h_0")
    hidden_size: int = Field(default=1, ge=1, description="units; from 2 on W2 scales a recurrent matrix")
    recurrent: Literal["orthogonal", "gaussian", "identity"] = Field(
        default="orthogonal", description="that matrix: orthogonal, gaussian or identity"
    )

    @model_validator(mode="after")
    def _enough_prices(self) -> Spec:
        if self.inputs == "prices" and max(self.seq_len) > series.daily_prices().size:
            days = series.daily_prices().size
            raise ValueError(f"seq_len is {max(self.seq_len)}, but inputs 'prices' has {days} days: take shorter ones")
        return self

    @model_validator(mode="after")
    def _one_unit_has_no_gaussian_matrix(self) -> Spec:
        if self.recurrent == "gaussian" and self.hidden_size == 1:  # 1 is orthogonal and the identity
            raise ValueError("recurrent is 'gaussian', but hidden_size is 1: give 2 units or more a recurrent matrix")
        return self

    def rows(self) -> int:
        """Rows of the table."""
        return len(self.w2) * len(self.seq_len) * len(self.nonlinearity) * self.seeds

    def bytes_needed(self, workers: int) -> int:
        """Memory the sweep takes: its table, and what each worker has in hand."""
        in_hand = max(STATES_AT_ONCE, 2 * max(self.seq_len) * self.hidden_size)
        matrices = 6 * 8 * self.hidden_size**2 if self.hidden_size > 1 else 0
        return self.rows() * BYTES_PER_ROW + workers * (in_hand * BYTES_PER_STATE + matrices)
