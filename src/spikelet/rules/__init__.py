"""The zoo of learning rules: each entry is one assignment in one of the modules, and every `Rule` in them is an entry.

To add a rule, write its assignment; nothing here has to change.

Example:
    >>> from spikelet import rules
    >>> rules.STDP(tau_plus=16.8).parameters["tau_plus"]
    16.8
    >>> rules.entries()["TripletSTDP"] is rules.TripletSTDP
    True
"""

from spikelet.rule import Rule
from spikelet.rules import (
    calcium,
    error,
    homeostasis,
    loihi,
    rate,
    reward,
    stdp,
    triplet,
    voltage,
)
from spikelet.rules.calcium import *
from spikelet.rules.error import *
from spikelet.rules.homeostasis import *
from spikelet.rules.loihi import *
from spikelet.rules.rate import *
from spikelet.rules.reward import *
from spikelet.rules.stdp import *
from spikelet.rules.triplet import *
from spikelet.rules.voltage import *

_MODULES = (
    stdp,
    triplet,
    voltage,
    calcium,
    rate,
    reward,
    error,
    homeostasis,
    loihi,
)


def entries() -> dict[str, Rule]:
    """Return every entry of the zoo by name: all `Rule` instances of its modules, in the order of the text."""
    return {name: value for module in _MODULES for name, value in vars(module).items() if isinstance(value, Rule)}
