"""The zoo of neurons: each entry is one assignment in one of the modules, and every `Neuron` in them is an entry.

To add a neuron, write its assignment; nothing here has to change.

Example:
    >>> from spikelet import neurons
    >>> neurons.LIF(tau_mem=10.0).parameters["tau_mem"]
    10.0
    >>> neurons.entries()["LIF"] is neurons.LIF
    True
"""

from spikelet.model import Neuron
from spikelet.neurons import (
    adaptive,
    hodgkin_huxley,
    integrate_and_fire,
    izhikevich,
    loihi,
    rate,
    resonators,
    spike_response,
    stochastic,
)
from spikelet.neurons.adaptive import *
from spikelet.neurons.hodgkin_huxley import *
from spikelet.neurons.integrate_and_fire import *
from spikelet.neurons.izhikevich import *
from spikelet.neurons.loihi import *
from spikelet.neurons.rate import *
from spikelet.neurons.resonators import *
from spikelet.neurons.spike_response import *
from spikelet.neurons.stochastic import *

_MODULES = (
    integrate_and_fire,
    spike_response,
    adaptive,
    izhikevich,
    hodgkin_huxley,
    resonators,
    stochastic,
    rate,
    loihi,
)


def entries() -> dict[str, Neuron]:
    """Return every entry of the zoo by name: all `Neuron` instances of its modules, in the order of the text."""
    return {name: value for module in _MODULES for name, value in vars(module).items() if isinstance(value, Neuron)}
