"""Recurrent networks of other frameworks, a file a framework; none of them is imported."""

from rnnlab.convert.files import load_weights as load_weights
from rnnlab.convert.flax import from_flax as from_flax
from rnnlab.convert.keras import from_keras as from_keras, to_keras as to_keras
from rnnlab.convert.torch import from_torch as from_torch, to_torch as to_torch
