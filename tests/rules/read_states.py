"""Neurons that have the states that a rule reads."""

import itertools

from spikelet.errors import UnitError
from spikelet.lang.places import side
from spikelet.lang.rule import check_units
from spikelet.model import Neuron
from spikelet.rule import Rule
from spikelet.units import ONE, VOLTAGE

UNITS = {"1": ONE, "mV": VOLTAGE}


def units_of(rule: Rule) -> dict[str, str]:
    """Return a unit of each state of the neurons that a rule reads, with which its text is right."""
    names = rule.definition.partners
    for units in itertools.product(UNITS, repeat=len(names)):
        found = dict(zip(names, units, strict=True))
        try:
            check_units(rule.definition, {name: UNITS[unit] for name, unit in found.items()})
        except UnitError:
            continue
        return found
    raise AssertionError(f"{rule.name}: no units of {names} fit its text")


def neuron_read_by(rule: Rule, own: str) -> Neuron:
    """Return a spiking neuron with the states that a rule reads of the side ``own``, beside a voltage."""
    units = {name.removesuffix(f"_{own}"): unit for name, unit in units_of(rule).items() if side(name) == own}
    lines = [f"d{name}/dt = -{name}/(9 ms) : {unit}" for name, unit in ({"v": "mV"} | units).items()]
    unit = units.get("v", "mV")
    return Neuron(own, "\n".join(lines), threshold="v > 1" + unit.replace("1", "").replace("mV", " mV"), reset="v = 0")
