"""Plastic projections in a network: made from its parts, and the states of their rules that the network shares."""

from collections.abc import Iterator, Mapping, MutableMapping, Sequence

import numpy as np

from spikelet import random
from spikelet.errors import InputError, did_you_mean
from spikelet.lang.places import side
from spikelet.model import Neuron
from spikelet.rule import Rule
from spikelet.sim.edges import Edges
from spikelet.sim.history import History
from spikelet.sim.plastic import Plastic
from spikelet.sim.plastic_sides import Target, Traces
from spikelet.sim.projection import Projection
from spikelet.sim.receivers import Receiver
from spikelet.sim.sending import Sending

_STREAM = 0x3FFF  # no other use of random numbers has this one


class Variables(MutableMapping[str, float]):
    """The (network) states of the rules of a network, such as a reward, to be read and set between runs by name.

    Rules that have a state of the same name are set together.

    Args:
        projections: Name -> plastic projection.
    """

    def __init__(self, projections: Mapping[str, Plastic]):
        self._states: dict[str, list[Traces]] = {}
        for one in projections.values():
            for name in one.traces["network"].state if "network" in one.traces else ():
                self._states.setdefault(name, []).append(one.traces["network"])

    def _of(self, name: object) -> list[Traces]:
        if name not in self._states:
            has = f"they have {', '.join(self._states)}" if self._states else "they have none"
            near = did_you_mean(name, self._states)
            raise InputError(f"no rule of the network has a (network) state {name!r}{near}; {has}")
        return self._states[str(name)]

    def __getitem__(self, name: str) -> float:
        return self._of(name)[0].state[name].item()

    def __setitem__(self, name: str, value: float) -> None:
        groups = self._of(name)
        if not isinstance(value, int | float | np.number) or not np.isfinite(value):
            raise InputError(f"the (network) state {name!r} must be a finite number, got {value!r}"[:200])
        for group in groups:
            group.state[name][...] = value

    def __delitem__(self, name: str) -> None:
        raise InputError(f"the (network) state {name!r} belongs to a rule and cannot be removed")

    def __iter__(self) -> Iterator[str]:
        return iter(self._states)

    def __len__(self) -> int:
        return len(self._states)

    def __repr__(self) -> str:
        return repr(dict(self))


def plastic(
    projection: Projection,
    edges: Edges,
    receivers: Mapping[str, Receiver],
    rows: Sequence[np.ndarray],
    histories: Mapping[str, History],
    sending: Sending | None,
    *,
    dt: float,
) -> Plastic:
    """Return the calls of a plastic projection of a network.

    Args:
        projection: Which; it has a rule.
        edges: Its synapses; see ``graded``.
        receivers: Population -> what receives there.
        rows: Of each channel, (1, neurons of the network) what is delivered in a step.
        histories: Population -> its spikes.
        sending: The sending half of its synapses, where there is one.
        dt: Step [ms].
    """
    rule, factors, targets = projection.rule, {} if sending is None else sending.factors, []
    assert rule is not None
    acts = projection.synapse is not None and projection.synapse.coupling is not None  # not at spikes: `Coupled` does
    for view in projection.post:
        name = view.population.name
        receiver = receivers[name]
        begin = receiver.first + view.start
        channels = () if acts else receiver.reached[projection.name]
        reached = tuple(rows[c][0, begin : begin + len(view)] for c, _ in channels)
        released = tuple(factors.get(jump) for _, jump in channels)
        targets.append(Target(len(view), view.start, reached, histories.get(name), name, released))
    pre = projection.pre
    history = histories.get(pre.population.name) or History(1, pre.population.n)  # of who never fires
    found = Plastic(
        rule, edges, history, pre.start, targets, dt=dt, units=_units(projection, rule),
        fraction=projection.dendritic_fraction, sender=pre.population.name, seed=_seed(projection),
    )  # fmt: skip
    if acts:
        found.become_general("its synapses act in every step")
    return found


def _seed(projection: Projection) -> int:
    """Return the seed of the random numbers of a projection's synapses, which are those of no other."""
    words = random.bits(projection.network.seed, 0, projection.number, _STREAM)
    return int(words[0]) | int(words[1]) << 32


def _units(projection: Projection, rule: Rule) -> dict[str, str]:
    """Return the units of the states of the neurons that a rule reads."""
    models = {"pre": projection.pre.population.model, "post": projection.post[0].population.model}
    found = {}
    for name in rule.definition.partners:
        model = models[side(name)]
        assert isinstance(model, Neuron)  # see check
        found[name] = model.unit(name.rpartition("_")[0])
    return found
