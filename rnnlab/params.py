"""Parameters of the cells: NamedTuples of arrays, their initialisers by name, and PyTorch's state dicts.

Shapes: I inputs, H units. Rows of the LSTM's weights are the gates i, f, g, o, of the GRU's r, z, n, H rows each.
PyTorch's two biases of a gate act as their sum, so there is one here; only the GRU's candidate needs a second.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rnnlab import _initial
from rnnlab._initial import Scheme

Array = NDArray[Any]


class RNNParams(NamedTuple):
    """Vanilla cell: h_t = f(weight_ih x_t + weight_hh h_(t-1) + bias)."""

    weight_ih: Array  # (H, I)
    weight_hh: Array  # (H, H)
    bias: Array  # (H,)

    @classmethod
    def init(
        cls,
        input_size: int,
        hidden_size: int,
        *,
        rng: np.random.Generator,
        scheme: Scheme = "pytorch",
        gain: float = 1.0,
        dtype: Any = np.float64,
    ) -> RNNParams:
        """Draw parameters.

        Parameters
        ----------
        input_size, hidden_size : int
            I and H, at least 1.
        rng : numpy.random.Generator
        scheme : {"pytorch", "glorot", "orthogonal", "identity", "gaussian", "sparse"}
            pytorch: all uniform within 1 / sqrt(H). glorot: uniform within sqrt(6 / (fan in + fan out)) (Glorot and
            Bengio 2010), no bias; the others have input weights like it and recurrent ones as named: orthogonal:
            gain x a Haar-random orthogonal matrix (Saxe 2014). identity: gain x the identity, input weights
            N(0, 0.001^2) (IRNN, Le, Jaitly and Hinton 2015). gaussian: N(0, gain^2 / H). sparse: 15 entries a row
            (or H) scaled to spectral radius 0.95 gain (Pascanu, Mikolov and Bengio 2013, section 4.1, "smart").
        gain : float
            Factor of the recurrent weights, of every scheme but pytorch and glorot.
        dtype : {float64, float32}

        Returns
        -------
        RNNParams

        Raises
        ------
        TypeError, ValueError
            If an argument is not as above; the message names it.
        """
        made = _initial.draw(input_size, hidden_size, 1, _initial.Recipe(rng, scheme, gain, dtype))
        return cls(made.weight_ih, made.weight_hh, made.bias)

    @classmethod
    def from_torch(cls, state: Mapping[str, Any]) -> RNNParams:
        """Parameters of a ``torch.nn.RNN`` (one layer) or ``RNNCell``, from its state dict of tensors or arrays."""
        weight_ih, weight_hh, bias_ih, bias_hh = _torch_arrays(state, 1)
        return cls(weight_ih, weight_hh, bias_ih + bias_hh)

    def to_torch(self) -> dict[str, Array]:
        """A state dict of arrays for ``torch.nn.RNN``; its second bias is 0."""
        return _torch_state(self, np.zeros_like(self.bias))


class LSTMParams(NamedTuple):
    """LSTM, gates i, f, g, o."""

    weight_ih: Array  # (4 H, I)
    weight_hh: Array  # (4 H, H)
    bias: Array  # (4 H,)

    @classmethod
    def init(
        cls,
        input_size: int,
        hidden_size: int,
        *,
        rng: np.random.Generator,
        scheme: Scheme = "pytorch",
        gain: float = 1.0,
        dtype: Any = np.float64,
        forget_bias: float | None = None,
        chrono: float | None = None,
    ) -> LSTMParams:
        """Draw parameters, each gate's block as `RNNParams.init` draws its weights.

        Parameters
        ----------
        input_size, hidden_size, rng, scheme, gain, dtype
            As in `RNNParams.init`.
        forget_bias : float, optional
            The forget gate's bias (Gers, Schmidhuber and Cummins 2000; 1 in Jozefowicz 2015).
        chrono : float, optional
            Longest expected dependency T_max > 2: the forget gate's bias is log U[1, T_max - 1], the input gate's its
            negative (Tallec and Ollivier 2018, section 2.2).

        Returns
        -------
        LSTMParams
        """
        made = _initial.draw(input_size, hidden_size, 4, _initial.Recipe(rng, scheme, gain, dtype))
        _initial.set_forget_bias(made.bias.reshape(4, -1), rng, forget_bias, chrono)
        return cls(made.weight_ih, made.weight_hh, made.bias)

    @classmethod
    def from_torch(cls, state: Mapping[str, Any]) -> LSTMParams:
        """Parameters of a ``torch.nn.LSTM`` (one layer) or ``LSTMCell``, from its state dict of tensors or arrays."""
        weight_ih, weight_hh, bias_ih, bias_hh = _torch_arrays(state, 4)
        return cls(weight_ih, weight_hh, bias_ih + bias_hh)

    def to_torch(self) -> dict[str, Array]:
        """A state dict of arrays for ``torch.nn.LSTM``; its second bias is 0."""
        return _torch_state(self, np.zeros_like(self.bias))


class GRUParams(NamedTuple):
    """GRU, gates r, z, n; the reset gate multiplies weight_hn h + bias_hn."""

    weight_ih: Array  # (3 H, I)
    weight_hh: Array  # (3 H, H)
    bias: Array  # (3 H,)
    bias_hn: Array  # (H,)

    @classmethod
    def init(
        cls,
        input_size: int,
        hidden_size: int,
        *,
        rng: np.random.Generator,
        scheme: Scheme = "pytorch",
        gain: float = 1.0,
        dtype: Any = np.float64,
    ) -> GRUParams:
        """Draw parameters, each gate's block as `RNNParams.init` draws its weights; bias_hn is like the bias."""
        made = _initial.draw(input_size, hidden_size, 3, _initial.Recipe(rng, scheme, gain, dtype))
        return cls(made.weight_ih, made.weight_hh, made.bias, made.second_bias)

    @classmethod
    def from_torch(cls, state: Mapping[str, Any]) -> GRUParams:
        """Parameters of a ``torch.nn.GRU`` (one layer) or ``GRUCell``, from its state dict of tensors or arrays."""
        weight_ih, weight_hh, bias_ih, bias_hh = _torch_arrays(state, 3)
        hidden = weight_hh.shape[1]
        bias = bias_ih + bias_hh
        bias[2 * hidden :] = bias_ih[2 * hidden :]
        return cls(weight_ih, weight_hh, bias, bias_hh[2 * hidden :].copy())

    def to_torch(self) -> dict[str, Array]:
        """A state dict of arrays for ``torch.nn.GRU``; its second bias is 0 but for the candidate's."""
        second = np.zeros_like(self.bias)
        second[-self.bias_hn.size :] = self.bias_hn
        return _torch_state(self, second)


class AttentionParams(NamedTuple):
    """Single-head causal self-attention over embedded inputs."""

    weight_ih: Array  # (H, I): the embedding
    bias: Array  # (H,)
    weight_q: Array  # (H, H)
    weight_k: Array  # (H, H)
    weight_v: Array  # (H, H)
    weight_o: Array  # (H, H)

    @classmethod
    def init(
        cls,
        input_size: int,
        hidden_size: int,
        *,
        rng: np.random.Generator,
        scheme: Scheme = "glorot",
        gain: float = 1.0,
        dtype: Any = np.float64,
    ) -> AttentionParams:
        """Draw parameters: the embedding as `RNNParams.init` draws input weights, the others as recurrent ones."""
        made = _initial.draw(input_size, hidden_size, 4, _initial.Recipe(rng, scheme, gain, dtype))
        q, k, v, o = made.weight_hh.reshape(4, hidden_size, hidden_size)
        return cls(made.weight_ih[:hidden_size].copy(), made.bias[:hidden_size].copy(), q, k, v, o)


class Readout(NamedTuple):
    """A linear map from states to outputs: y_t = weight h_t + bias."""

    weight: Array  # (O, H)
    bias: Array  # (O,)

    @classmethod
    def init(cls, hidden_size: int, output_size: int, *, rng: np.random.Generator, dtype: Any = np.float64) -> Readout:
        """Draw both uniformly within 1 / sqrt(H), as ``torch.nn.Linear`` does."""
        _initial.check(_initial.Recipe(rng, "pytorch", 1.0, dtype), hidden_size=hidden_size, output_size=output_size)
        bound = 1 / math.sqrt(hidden_size)
        weight = rng.uniform(-bound, bound, (output_size, hidden_size))
        return cls(weight.astype(dtype), rng.uniform(-bound, bound, output_size).astype(dtype))


def _torch_arrays(state: Mapping[str, Any], gates: int) -> list[Array]:
    """weight_ih, weight_hh, bias_ih, bias_hh of a one-layer module or a cell; missing biases are 0."""
    names = [key.removesuffix("_l0") for key in state]
    unknown = sorted(set(names) - {"weight_ih", "weight_hh", "bias_ih", "bias_hh"})
    if unknown:
        raise ValueError(f"the state dict has {unknown}: expected one layer, one direction and no projection")
    given = {name: _to_array(value) for name, value in zip(names, state.values(), strict=True)}
    if not {"weight_ih", "weight_hh"} <= set(given):
        raise ValueError(
            f"the state dict has the keys {sorted(state)}: expected weight_ih_l0 and weight_hh_l0 at least"
        )
    rows = given["weight_hh"].shape[0]
    if rows != gates * given["weight_hh"].shape[1]:
        raise ValueError(
            f"weight_hh has shape {given['weight_hh'].shape}: expected ({gates} H, H), is it another kind of cell?"
        )
    zero = np.zeros(rows, given["weight_hh"].dtype)
    return [given["weight_ih"], given["weight_hh"], given.get("bias_ih", zero), given.get("bias_hh", zero)]


def _to_array(value: Any) -> Array:
    """A copy of a tensor or array as an array, without importing torch."""
    return np.array(value.detach().cpu().numpy() if hasattr(value, "detach") else value)


def _torch_state(params: Any, second_bias: Array) -> dict[str, Array]:
    """PyTorch's names for a layer's parameters."""
    return {
        "weight_ih_l0": params.weight_ih,
        "weight_hh_l0": params.weight_hh,
        "bias_ih_l0": params.bias,
        "bias_hh_l0": second_bias,
    }


Params = RNNParams | LSTMParams | GRUParams | AttentionParams
