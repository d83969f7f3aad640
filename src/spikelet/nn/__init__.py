"""Torch layers: time first, ``(T, B, *N)``, with an explicit state: ``y, state = layer(x, state=None)``."""

from spikelet.nn import initialise, losses
from spikelet.nn.checks import check
from spikelet.nn.competition import (
    inhibition_level,
    lateral_inhibition,
    lattice_inhibition,
    learning_neurons,
    silence_later_maps,
    winners,
)
from spikelet.nn.deep_rewiring import DeepRewiring
from spikelet.nn.first_spike import FirstSpikeConv2d, FirstSpikes, first_steps, pool_first, spikes_of
from spikelet.nn.fold import Fold
from spikelet.nn.initialise import fluctuation_driven_
from spikelet.nn.layer import Layer, detach
from spikelet.nn.linear import Linear
from spikelet.nn.neurons import Neurons
from spikelet.nn.plastic import Plastic
from spikelet.nn.recurrent import Recurrent
from spikelet.nn.sequential import Residual, Sequential
from spikelet.nn.single_spikes import SingleSpikes
from spikelet.nn.winners_take_all import WinnersTakeAll

__all__ = [
    "DeepRewiring",
    "FirstSpikeConv2d",
    "FirstSpikes",
    "Fold",
    "Layer",
    "Linear",
    "Neurons",
    "Plastic",
    "Recurrent",
    "Residual",
    "Sequential",
    "SingleSpikes",
    "WinnersTakeAll",
    "check",
    "detach",
    "first_steps",
    "fluctuation_driven_",
    "inhibition_level",
    "initialise",
    "lateral_inhibition",
    "lattice_inhibition",
    "learning_neurons",
    "losses",
    "pool_first",
    "silence_later_maps",
    "spikes_of",
    "winners",
]
