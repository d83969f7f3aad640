"""From one form of a network to another: trained layers in the simulator."""

from spikelet.convert.layers import from_layers

__all__ = ["from_layers"]
