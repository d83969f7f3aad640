"""A layer that learns against the simulator: the same rule and spikes lead to the same weights, for every entry."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import nn

from spikelet import rules
from spikelet.errors import UnitError
from spikelet.lang.places import side
from spikelet.lang.rule import check_units
from spikelet.model import Neuron
from spikelet.nn import Plastic
from spikelet.rule import Rule
from spikelet.sim.connect import all_to_all, one_to_one
from spikelet.sim.network import Network
from spikelet.sim.sources import SpikeTrain
from spikelet.units import parse_unit

DT, STEPS, N, M = 0.5, 150, 7, 5
USERS = (  # rules that are in no zoo, of five lines
    Rule("Target", """
        dx/dt = -x/tau : 1 (pre)
        tau = 20 ms;  eta = 0.02;  target = 0.3;  w_max = 1
        """, on_pre="x += 1", on_post="w = clip(w + eta*(x - target), 0, w_max)"),
    Rule("Tagged", """
        dx/dt = -x/(15 ms) : 1 (pre)
        dtag/dt = (0.1 - tag)/(40 ms) - w*tag**2/(60 ms) : 1
        reward[k+1] = reward : 1 (network)
        """, on_pre="x = 1; tag -= 0.2*v_post", on_post="tag += 0.3*x; w = clip(w + 0.1*reward*tag, 0, 1)"),
)  # fmt: skip
ZOO = rules.entries() | {rule.name: rule for rule in USERS}
CUTS = (0, 40, 41, 110, STEPS)  # a run in pieces, between which third factors are set


def unit_of(rule: Rule, partner: str) -> str:
    """Return a unit in which a rule can read a state of a neuron."""
    for unit in ("1", "mV", "kHz", "pA", "nS"):
        try:
            check_units(rule.definition, {partner: parse_unit(unit)[1]})
        except UnitError:
            continue
        return unit
    raise AssertionError(f"{rule.name}: no unit for {partner}")


def cells(rule: Rule, own: str) -> Neuron:
    """Return neurons with every state that a rule reads of one side, each with a course of its own."""
    names = [name for name in rule.definition.partners if side(name) == own]
    units = {name.removesuffix(f"_{own}"): unit_of(rule, name) for name in names}
    v = units.pop("v", "1")
    lines = [f"dv/dt = (I - v)/(5 ms) : {v}; I : {v} (input); v_th = 0.3 {v if v != '1' else ''}"]
    kick = ["v = v/3"]
    for number, (name, unit) in enumerate(units.items()):
        lines.append(f"k_{name} = {0.7 - number / 5} {'' if unit == '1' else unit}")
        for same in (name, f"{name}_seen"):  # one to be recorded, whatever the name of the other is
            lines.append(f"d{same}/dt = -{same}/({7 + number} ms) : {unit}")
            kick.append(f"{same} += k_{name}")
    initial = "; ".join(f"{name} = -k_{name}/2; {name}_seen = {name}" for name in units)
    events = {"threshold": "v > v_th", "reset": "; ".join(kick), "refractory": "1.5 ms", "initial": initial}
    return Neuron(f"Cells of the {own} side", "\n".join(lines), **events)


def spikes(seed: int, most: int = 1) -> np.ndarray:
    """Return spikes (STEPS, N)."""
    return np.random.default_rng(seed).binomial(most, 0.12 / most, (STEPS, N))


def train(counts: np.ndarray) -> SpikeTrain:
    steps, ids = np.nonzero(counts)
    again = counts[steps, ids]
    return SpikeTrain(np.repeat((steps + 1) * DT, again), np.repeat(ids, again))


class Simulated:
    """The simulator's weights, and what the layer has to be given for the same."""

    def __init__(self, rule: Rule, counts: np.ndarray, start: np.ndarray):
        net = Network(dtype="float64")
        source = net.add(train(counts), N, "source")
        from_cells = any(side(name) == "pre" for name in rule.definition.partners)
        if from_cells:  # states of senders are seen over one step at least
            pre = net.add(cells(rule, "pre"), N, "pre")
            net.connect(source, pre, one_to_one(), to="I", weight=7.0, delay=0)
        self.post = net.add(cells(rule, "post"), M, "post")
        sender, delay = (pre, DT) if from_cells else (source, 0)  # pyright: ignore[reportPossiblyUnboundVariable]
        syn = net.connect(sender, self.post, all_to_all(), to="I", weight=1.0, delay=delay, rule=rule)
        net.build(DT)
        syn.set(weights=start.T.ravel())
        names = [name for name, place in rule.places.items() if place == "network"]
        watched = {"post": "spikes"} | ({"pre": ("spikes", *cells(rule, "pre").states)} if from_cells else {})
        watched = {key: [n for n in np.atleast_1d(names) if n != "rate"] for key, names in watched.items()}
        pieces, self.set = [], []
        for begin, end in pairwise(CUTS):
            self.set.append({name: 0.6 - 0.4 * len(self.set) for name in names})
            for name, value in self.set[-1].items():
                net.variables[name] = value
            pieces.append(net.run((end - begin) * DT, dt=DT, record=watched))
        self.spikes = np.zeros((STEPS, M))
        for piece in pieces:
            train_ = piece["post"].spikes
            self.spikes[np.round(np.asarray(train_.times) / DT).astype(int) - 1, train_.ids] = 1
        self.weights = syn.weights().reshape(N, M).T
        self.x, self.signals = counts, {}
        if from_cells:
            self._seen(rule, pieces)

    def _seen(self, rule: Rule, pieces: list) -> None:
        """Shift what senders do by the delay: the layer has none. Lines see states as the step before has left them."""
        self.x = np.zeros((STEPS, N))
        for piece in pieces:
            sent = piece["pre"].spikes
            k = np.round(np.asarray(sent.times) / DT).astype(int)
            self.x[k[k < STEPS], np.asarray(sent.ids)[k < STEPS]] = 1
        events = {name for part in (*rule.definition.on_pre, *rule.definition.on_post) for name in part.expr.names()}
        for name in (name for name in rule.definition.partners if side(name) == "pre"):
            assert name not in events, f"{rule.name}: an event reads {name}: this test shifts what lines read"
            state = name.removesuffix("_pre")
            course = np.concatenate([piece["pre"]["v" if state == "v" else f"{state}_seen"] for piece in pieces])
            first = np.full((2, N), dict(cells(rule, "pre").parameters).get(f"k_{state}", 0.0)) / -2
            self.signals[name] = np.concatenate([first, course[:-2]])


def learned(rule: Rule, simulated: Simulated, start: np.ndarray, **more) -> tuple[Plastic, torch.Tensor]:
    layer = Plastic(nn.Linear(N, M, bias=False).double(), cells(rule, "post"), rule, dt=DT, **more)
    with torch.no_grad():
        layer.weight.copy_(torch.from_numpy(start))
    x, state, shown = torch.from_numpy(simulated.x).double().unsqueeze(1), None, []
    given = {name: torch.from_numpy(values).unsqueeze(1) for name, values in simulated.signals.items()}
    for begin, end, factors in zip(CUTS, CUTS[1:], simulated.set, strict=False):
        for first, last, held in ((begin, begin + 1, factors), (begin + 1, end, {})):  # set once, as the step begins
            signals = {name: values[first:last] for name, values in given.items()}
            signals |= {name: torch.tensor([value], dtype=torch.float64) for name, value in held.items()}
            if first < last:
                y, state = layer(x[first:last], state, signals=signals)
                shown.append(y)
    return layer, torch.cat(shown)[:, 0]


@pytest.mark.parametrize("name", ZOO)
def test_the_weights_are_those_of_the_simulator(name: str):
    rule = ZOO[name] if "sigma" not in ZOO[name].parameters else ZOO[name](sigma=0.0)  # each draws its own noise
    start = np.random.default_rng(1).uniform(0.2, 0.8, (M, N))
    simulated = Simulated(rule, spikes(2), start)
    layer, shown = learned(rule, simulated, start)
    np.testing.assert_array_equal(shown.numpy(), simulated.spikes)
    assert 20 < simulated.spikes.sum() < simulated.spikes.size / 2
    assert np.abs(simulated.weights - start).max() > 1e-7
    np.testing.assert_allclose(layer.weight.numpy() - start, simulated.weights - start, rtol=1e-8, atol=1e-13)
