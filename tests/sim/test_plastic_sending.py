"""Synapses that learn and whose spikes release a share of the weight, against plain Python, spike by spike."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from spikelet import rules
from spikelet.model import Neuron
from spikelet.rule import Rule
from spikelet.sim.connect import from_arrays, one_to_one
from spikelet.sim.network import Network
from spikelet.sim.result import NetworkResult
from spikelet.sim.sources import SpikeTrain
from spikelet.synapse import Synapse

DT, STEPS, TAU_SYN, SHORT = 0.5, 160, 3.0, {"U": 0.4, "tau_rec": 30.0, "tau_fac": 8.0}
LAZY = rules.STDP(a_plus=0.06, a_minus=0.05, tau_plus=16.8, tau_minus=33.7, w_max=1.0)
PAIRS = LAZY(tau_plus=np.full(4, 16.8))  # equal numbers, which nothing proves
SYNAPSE = Synapse(
    "Two",
    """
    du/dt = -u/tau_fac : 1 (pre);  dx/dt = (1 - x)/tau_rec : 1 (pre)
    di/dt = -i/tau_syn : 1 (post);  dj/dt = -j/tau_syn : 1 (post)
    out = i + j : 1;  U = 0.4; tau_rec = 30 ms;  tau_fac = 8 ms;  tau_syn = 3 ms
    """,
    on_pre="u += U*(1 - u); i += w*u*x; j += w; x -= u*x",
    initial="x = 1",
)  # a part of the weight to i, all of it to j
CELL = Neuron(
    "Cell", "dv/dt = -v/(10 ms) : 1;  dy/dt = (I - y)/(5 ms) : 1;  I : 1 (input)", threshold="v > 0.5", reset="v = 0"
)  # fires when v gets 1, whatever comes to I


def made(rule: Rule, source: str, fraction: float, delay: float | None) -> tuple[Network, list[tuple[int, int, int]]]:
    """Return a network with a projection P between given spikes, and its synapses: source, target, delay [steps]."""
    random = np.random.default_rng(5)
    net = Network(dtype="float64")
    times, ids = (a + 1 for a in np.nonzero(random.random((STEPS - 2, 4)) < 0.15))
    if source == "a source":  # which may send two spikes in a step
        times, ids = np.append(times, times[::3]), np.append(ids, ids[::3])
    train = net.add(SpikeTrain(times * DT, ids - 1), 4, "train")
    taught, cells = np.nonzero(random.random((STEPS - 2, 5)) < 0.12)
    teacher = net.add(SpikeTrain((taught + 1) * DT, cells), 5)
    a, b = net.add(CELL, 2, "a"), net.add(CELL, 3, "b")
    net.connect(teacher, [a, b], one_to_one(), to="v", weight=1.0)
    sender = train
    if source == "neurons":
        sender = net.add(CELL, 4, "sender")
        net.connect(train, sender, one_to_one(), to="v", weight=1.0)
    sources, targets = np.nonzero(random.random((4, 5)) < 0.8)
    steps = random.integers(1, 6, len(sources)) if delay is None else np.full(len(sources), round(delay / DT))
    net.connect(
        sender, [a, b], from_arrays(sources, targets), synapse=SYNAPSE, to="I", receptor="s", rule=rule, name="P",
        weight=random.uniform(0.2, 0.9, len(sources)), delay=steps * DT if delay is None else delay,
        dendritic_fraction=fraction,
    )  # fmt: skip
    return net, list(zip(sources.tolist(), targets.tolist(), steps.tolist(), strict=True))


def record(source: str) -> Mapping[str, tuple[str, ...]]:
    sends = "train" if source == "a source" else "sender"
    return {"a": ("spikes", "s_i", "s_j"), "b": ("spikes", "s_i", "s_j"), sends: ("spikes",)}


def steps_of(result: NetworkResult, name: str, n: int) -> list[list[int]]:
    spikes = result[name].spikes
    steps = np.rint(spikes.times / DT).astype(int) - 1
    return [sorted(steps[spikes.ids == i].tolist()) for i in range(n)]


def shares(sent: list[int]) -> dict[int, float]:
    """Return what each spike releases: u and x decay over the interval, then ``on_pre``."""
    u, x, last, found = 0.0, 1.0, -1, {}
    for k in dict.fromkeys(sent):
        u *= math.exp(-(k - last) * DT / SHORT["tau_fac"])
        x = 1 + (x - 1) * math.exp(-(k - last) * DT / SHORT["tau_rec"])
        u += SHORT["U"] * (1 - u)
        found[k], last = u * x, k
        x -= u * x
    return found


def naive(synapses, weights, sent, fired, fraction: float) -> tuple[np.ndarray, np.ndarray]:
    """Go through the events of each synapse; returns the weights, and i and j after each step, (steps, targets, 2)."""
    end, states = [], np.zeros((STEPS, len(fired), 2))
    p: dict[str, Any] = dict(LAZY.parameters)
    for (source, target, delay), w in zip(synapses, weights, strict=True):
        behind, share = round(fraction * delay), shares(sent[source])
        come = [(k + delay - behind, k) for k in sent[source]]
        went = [k + behind for k in fired[target]]
        for k, side, began in sorted([(k, 0, began) for k, began in come] + [(k, 1, 0) for k in went]):
            if k >= STEPS:
                continue
            if side == 0:
                since = np.arange(STEPS) - (k + behind)
                decay = np.where(since >= 0, np.exp(-np.maximum(since, 0) * DT / TAU_SYN), 0.0)
                states[:, target] += decay[:, None] * [w * share[began], w]
                w -= p["a_minus"] * math.fsum(math.exp(-(k - o) * DT / p["tau_minus"]) for o in went if o < k)
            else:
                w += p["a_plus"] * math.fsum(math.exp(-(k - o) * DT / p["tau_plus"]) for o, _ in come if o <= k)
            w = min(max(w, 0.0), p["w_max"])
        end.append(w)
    return np.array(end), states


@pytest.mark.parametrize(
    ("rule", "source", "fraction", "delay"),
    [
        (LAZY, "a source", 0.0, None),
        (LAZY, "neurons", 0.6, None),
        (PAIRS, "neurons", 0.0, None),
        (PAIRS, "a source", 1.0, None),
        (LAZY, "neurons", 0.0, 0.0),
    ],
    ids=["lazily", "lazily, in part behind", "pair by pair", "pair by pair, behind", "without a delay"],
)
def test_a_spike_delivers_what_it_releases_and_the_rule_sees_it_once(rule: Rule, source: str, fraction, delay):
    net, synapses = made(rule, source, fraction, delay)
    net.build(DT)
    weights = net.projections["P"].weights()
    result = net.run(STEPS * DT, record=record(source))
    sent = steps_of(result, "train" if source == "a source" else "sender", 4)
    assert any(len(set(steps)) < len(steps) for steps in sent) is (source == "a source")
    fired = steps_of(result, "a", 2) + steps_of(result, "b", 3)
    expected, states = naive(synapses, weights, sent, fired, fraction)
    assert ("lazily" in net.summary()) is (rule is LAZY)
    np.testing.assert_allclose(net.projections["P"].weights(), expected, rtol=0, atol=1e-10)
    for place, state in enumerate(("s_i", "s_j")):
        found = np.hstack([result["a"][state], result["b"][state]])
        np.testing.assert_allclose(found, states[..., place], rtol=0, atol=1e-10)
    assert np.ptp(expected) > 0.3 and np.ptp(states[..., 0] / np.maximum(states[..., 1], 1e-9)) > 0.2


@pytest.mark.parametrize("rule", [LAZY, PAIRS], ids=["lazily", "pair by pair"])
def test_pieces_and_files_change_nothing(rule: Rule, tmp_path):
    whole, pieces = (made(rule, "neurons", 0.6, None)[0] for _ in range(2))
    whole.run(STEPS * DT, dt=DT, record=record("neurons"))
    for steps in (1, 46, 2):
        pieces.run(steps * DT, dt=DT)
    pieces.save(tmp_path / "net")  # with spikes on the axon and on the dendrite
    again = Network.load(tmp_path / "net")
    again.run((STEPS - 49) * DT, record=record("neurons"))
    np.testing.assert_array_equal(again.projections["P"].weights(), whole.projections["P"].weights())
    for name in ("a", "b"):
        for state in ("s_i", "s_j"):
            np.testing.assert_array_equal(again[name][state], whole[name][state])
