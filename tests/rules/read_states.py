"""Neurons that have the states that a rule reads."""

from spikelet.experiments.rule_protocols import units_read
from spikelet.lang.places import side
from spikelet.model import Neuron
from spikelet.rule import Rule


def neuron_read_by(rule: Rule, own: str) -> Neuron:
    """Return a spiking neuron with the states that a rule reads of the side ``own``, beside a voltage."""
    units = {name.removesuffix(f"_{own}"): unit for name, unit in units_read(rule).items() if side(name) == own}
    lines = [f"d{name}/dt = -{name}/(9 ms) : {unit}" for name, unit in ({"v": "mV"} | units).items()]
    unit = units.get("v", "mV")
    return Neuron(own, "\n".join(lines), threshold="v > 1" + unit.replace("1", "").replace("mV", " mV"), reset="v = 0")
