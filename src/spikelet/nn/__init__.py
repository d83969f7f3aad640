"""Torch layers: time first, ``(T, B, *N)``, with an explicit state: ``y, state = layer(x, state=None)``."""

from spikelet.nn import initialise, losses
from spikelet.nn.checks import check
from spikelet.nn.deep_rewiring import DeepRewiring
from spikelet.nn.fold import Fold
from spikelet.nn.initialise import fluctuation_driven_
from spikelet.nn.layer import Layer, detach
from spikelet.nn.linear import Linear
from spikelet.nn.neurons import Neurons
from spikelet.nn.recurrent import Recurrent
from spikelet.nn.sequential import Residual, Sequential

__all__ = [
    "DeepRewiring",
    "Fold",
    "Layer",
    "Linear",
    "Neurons",
    "Recurrent",
    "Residual",
    "Sequential",
    "check",
    "detach",
    "fluctuation_driven_",
    "initialise",
    "losses",
]
