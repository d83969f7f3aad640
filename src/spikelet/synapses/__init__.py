"""The zoo of synapses: each entry is one assignment in one of the modules, and every `Synapse` in them is an entry.

To add a synapse, write its assignment; nothing here has to change.

Example:
    >>> from spikelet import synapses
    >>> synapses.ExponentialCurrent(tau_syn=5.0).parameters["tau_syn"]
    5.0
    >>> synapses.entries()["NMDA"] is synapses.NMDA
    True
"""

from spikelet.synapse import Synapse
from spikelet.synapses import continuous, receptors, short_term, stochastic
from spikelet.synapses.continuous import *  # noqa: F403  # the zoo is what its modules hold
from spikelet.synapses.receptors import *  # noqa: F403
from spikelet.synapses.short_term import *  # noqa: F403
from spikelet.synapses.stochastic import *  # noqa: F403

_MODULES = (receptors, short_term, stochastic, continuous)


def entries() -> dict[str, Synapse]:
    """Return every entry of the zoo by name: all `Synapse` instances of its modules, in the order of the text."""
    return {name: value for module in _MODULES for name, value in vars(module).items() if isinstance(value, Synapse)}
