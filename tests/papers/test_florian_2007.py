"""Florian 2007: the network against the paper's equations in a plain loop, and what reward does."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from spikelet.experiments import florian_2007 as experiment, reproduce

RATE, RATE_TRACE, TEMPORAL = experiment.TASKS
KEPT = Path(__file__).parents[2] / "docs" / "reproduced"
DECAY, DECAY_Z = np.exp(-1 / 20), np.exp(-1 / 25)


class Layer:
    """Synapses (senders, receivers) between two layers, stepped as the paper writes them, in double precision."""

    def __init__(self, w, low: float, high: float, gamma: float, trace: bool):
        self.w, self.low, self.high, self.gamma, self.trace = np.array(w, float), low, high, gamma, trace
        self.plus, self.minus = np.zeros((len(w), 1)), np.zeros((1, self.w.shape[1]))
        self.z = np.zeros_like(self.w)

    def change(self, amount) -> None:
        self.w = np.clip(self.w + self.gamma * amount, self.low, self.high)

    def arrive(self, sent, reward) -> np.ndarray:
        """Spikes arrive; ``reward`` is that of the step in which they were sent, for each receiver."""
        self.plus, self.minus = self.plus * DECAY, self.minus * DECAY
        if self.trace:
            self.change(reward * self.z)
            self.z = self.z * DECAY_Z
        delivered = sent @ self.w
        zeta = -sent[:, None] * self.minus
        self.learn(zeta, reward)
        self.plus = self.plus + sent[:, None]
        return delivered

    def fired(self, spikes, reward) -> None:
        self.learn(self.plus * spikes, reward)
        self.minus = self.minus + spikes

    def learn(self, zeta, reward) -> None:
        if self.trace:
            self.z = self.z + zeta / 25
        else:
            self.change(reward * zeta)


def loop(layers: dict[str, Layer], inputs: dict[str, np.ndarray], targets: np.ndarray) -> np.ndarray:
    """Return the output's spikes (steps,); ``inputs`` are (steps, n) spikes, ``targets`` (steps,) rewards."""
    n = layers["out"].w.shape[0]
    v, v_out, hidden, out = np.full(n, -70.0), -70.0, np.zeros(n), np.zeros(1)
    reward_hidden, reward_out, found = 0.0, 0.0, []
    for k, target in enumerate(targets):
        before = {name: spikes[k - 1] if k else spikes[0] * 0 for name, spikes in inputs.items()}
        jumps = sum(layers[name].arrive(before[name], reward_hidden) for name in inputs)
        jump = layers["out"].arrive(hidden, reward_out)[0]
        v_out = -70 + (v_out + 70) * DECAY + jump
        out = np.array([float(v_out > -54)])
        v = -70 + (v + 70) * DECAY + jumps
        hidden = (v > -54).astype(float)
        v_out, v = np.where(out[0], -70.0, v_out), np.where(hidden > 0, -70.0, v)
        reward_hidden = reward_out = target * out[0]
        for name in inputs:
            layers[name].fired(hidden, reward_hidden)
        layers["out"].fired(out, reward_out)
        found.append(out[0])
    return np.array(found)


@pytest.mark.parametrize("rule", [experiment.MSTDP(gamma=1.0), experiment.MSTDPET(gamma=4.0)], ids=lambda r: r.name)
def test_spikes_and_weights_are_those_of_the_equations(rule):
    task, seed = replace(TEMPORAL, rule=rule), 7
    shown = experiment.patterns(1, 1, seed)
    net, output = experiment.network(task, shown, seed)
    net.build(dt=1.0)
    names = {"excitatory": "excitatory to hidden", "inhibitory": "inhibitory to hidden", "out": "hidden to output"}
    shapes = {"excitatory": (1, 20), "inhibitory": (1, 20), "out": (20, 1)}
    bounds = {"excitatory": (0, 20), "inhibitory": (-20, 0), "out": (0, 20)}
    gamma, trace = rule.parameters["gamma"], "z" in rule.places
    layers = {
        name: Layer(net.projections[names[name]].weights().reshape(shapes[name]), *bounds[name], gamma, trace)
        for name in names
    }
    first = {name: layer.w.copy() for name, layer in layers.items()}
    inputs = {}
    for bit, name in enumerate(("excitatory", "inhibitory")):
        train = experiment._trains(shown, bit, seed)
        inputs[name] = np.zeros((2000, 1))
        inputs[name][np.rint(train.times).astype(int) - 1, 0] = 1
    expected = loop(layers, inputs, np.repeat(experiment.REWARDS[shown[:, 0]], 500).astype(float))
    spikes = net.run(2000.0, record=output)[output].spikes
    assert expected.sum() > 10
    np.testing.assert_array_equal(np.rint(spikes.times).astype(int) - 1, np.flatnonzero(expected))
    for name, layer in layers.items():
        found = net.projections[names[name]].weights().reshape(shapes[name])
        np.testing.assert_allclose(found, layer.w, atol=2e-3)
        assert np.abs(layer.w - first[name]).max() > 0.1


def test_each_epoch_shows_all_patterns_and_codes_are_what_they_say():
    shown = experiment.patterns(3, 5, seed=1)
    assert (np.sort(shown.reshape(5, 4, 3), axis=1) == np.arange(4)[None, :, None]).all()
    assert len({tuple(column) for column in shown.T}) == 3
    first, second = (experiment._trains(shown, bit, 1) for bit in (0, 1))
    for number, network in np.ndindex(shown.shape):
        own = [
            train.times[(train.ids == network) & (np.ceil(train.times / 500) == number + 1)]
            for train in (first, second)
        ]
        same = shown[number, network] in (0, 3)  # both bits are alike, so both inputs fire together
        assert np.array_equal(*own) == same and 10 < len(own[0]) < 45
    times, rates = experiment._rates(shown, 30).rate
    bits = experiment.PATTERNS[shown].reshape(len(shown), 3, 2)
    np.testing.assert_allclose(rates.reshape(len(shown), 3, 2, 15), 0.04 * bits[..., None].repeat(15, -1))
    assert times[1] == 500


def test_xor_is_learnt_where_both_ones_are_above_both_zeros():
    late = np.array([[1, 9, 8, 3], [1, 9, 3, 3], [7, 9, 8, 3.0]])
    counts = np.concatenate([np.zeros((5, 3, 4)), np.repeat(late[None], experiment.LATE, axis=0)])
    assert experiment.learnt(counts).tolist() == [True, False, True]


def test_a_quick_run_parts_one_from_both():
    outcome = reproduce.reproduce("florian_2007", quick=True)
    for name in (RATE.name, RATE_TRACE.name):
        counts = outcome.series[name]
        _, ten, one, both = counts[:4].mean((0, 1))
        assert min(ten, one) < 1.4 * both
        none, ten, one, both = counts[-10:].mean((0, 1))
        assert min(ten, one) > 1.4 * both and none < 1
    assert len(experiment.draw(outcome).axes) == 3


def test_the_opposite_reward_teaches_the_opposite(monkeypatch):
    monkeypatch.setattr(experiment, "REWARDS", -experiment.REWARDS)
    _, ten, one, both = experiment.learn(RATE_TRACE, networks=3, epochs=40, seed=0)[-10:].mean((0, 1))
    assert both > 1.5 * max(ten, one)


def test_the_full_run_holds():
    found = reproduce.record("florian_2007", KEPT)
    assert found is not None and found["details"]["networks"] == 20 and found["details"]["epochs"] == 200
    assert [figure["what"] for figure in found["figures"]] == [
        f"networks that learnt, {t.name}" for t in experiment.TASKS
    ]
    for figure in found["figures"]:  # the gate: in 9 of 10
        assert figure["gate"][0] == 90 and figure["ours"] >= 90
