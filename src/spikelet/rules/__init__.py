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
    error,
    homeostasis,
    loihi,
    reward,
    stdp,
)
from spikelet.rules.error import *  # noqa: F403
from spikelet.rules.homeostasis import *  # noqa: F403
from spikelet.rules.loihi import *  # noqa: F403
from spikelet.rules.reward import *  # noqa: F403
from spikelet.rules.stdp import *  # noqa: F403  # the zoo is what its modules hold

_MODULES = (
    stdp,
    reward,
    error,
    homeostasis,
    loihi,
)


def entries() -> dict[str, Rule]:
    """Return every entry of the zoo by name: all `Rule` instances of its modules, in the order of the text."""
    return {name: value for module in _MODULES for name, value in vars(module).items() if isinstance(value, Rule)}
