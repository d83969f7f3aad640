"""Learning synapses in whole networks: the order of a step, cuts of a run, and what a user sees."""

import numpy as np
import pytest

from spikelet import neurons, rules, synapses
from spikelet.errors import InputError, ModelError, NumericsError
from spikelet.model import Neuron
from spikelet.rule import Rule
from spikelet.sim.connect import all_to_all, fixed_indegree, from_arrays, one_to_one
from spikelet.sim.distributions import uniform
from spikelet.sim.network import Network
from spikelet.sim.result import join
from spikelet.sim.sources import Poisson, SpikeTrain

DT = 0.1
RELAY = Neuron("Relay", "dv/dt = -v/(10 ms) : 1", threshold="v > 0.5", reset="v = 0")  # fires when it gets 1
ACTIVE = neurons.LIF(tau_mem=20.0, v_th=20.0, v_reset=10.0, t_ref=2.0)


def one_pair(shift: float, delay: float) -> float:
    """Return the change of a weight when the receiver fires ``shift`` ms after a spike has arrived."""
    net = Network(dtype="float64")
    arrival = 10.0
    source, teacher = (
        net.add(SpikeTrain([arrival - delay], [0]), 1),
        net.add(SpikeTrain([arrival + shift - DT], [0]), 1),
    )
    cell = net.add(RELAY, 1, "cell")
    net.connect(teacher, cell, one_to_one(), to="v", weight=1.0)
    syn = net.connect(source, cell, one_to_one(), to="v", weight=0.25, delay=delay, rule=rules.STDP)
    result = net.run(25.0, dt=DT, record=cell)
    assert result[cell].spikes.times == pytest.approx([arrival + shift])
    return syn.weights()[0] - 0.25


@pytest.mark.parametrize("delay", [0.1, 3.0])
@pytest.mark.parametrize("shift", [-7.0, -0.1, 0.0, 0.1, 4.0])
def test_the_delay_lies_before_the_synapse_and_a_pair_in_one_step_counts_as_the_senders_first(shift, delay):
    expected = 0.005 * np.exp(-shift / 20) if shift >= 0 else -0.00525 * np.exp(shift / 20)
    assert one_pair(shift, delay) == pytest.approx(expected, rel=1e-9)


def test_each_spike_transmits_the_weight_that_it_meets():
    """A synapse that doubles at each arrival: jumps of 1, 2, 4 in the steps of the arrivals, and into an input too."""
    double = Rule("Double", "", on_pre="w *= 2")
    for to, size in (("v", 1.0), ("I", DT)):
        net = Network(dtype="float64")
        cell = net.add(Neuron("Sum", "dv/dt = I : 1; I : 1/ms (input)"), 2, "cell")
        train = net.add(SpikeTrain([1.0, 2.0, 2.3], [0, 0, 0]), 1)
        syn = net.connect(train, cell, all_to_all(), to=to, weight=1.0, delay=0.5, rule=double)
        result = net.run(4.0, dt=DT, record={cell: "v"})
        t, v = result[cell].t, result[cell]["v"]
        expected = size * ((t > 1.45) * 1.0 + (t > 2.45) * 2.0 + (t > 2.75) * 4.0)
        np.testing.assert_allclose(v, np.stack([expected] * 2, 1), atol=1e-12)
        assert syn.weights().tolist() == [8.0, 8.0]


def learning(seed: int = 3, dtype: str = "float32") -> Network:
    """Return a recurrent network with two plastic projections, one of them onto two populations."""
    net = Network(seed, dtype=dtype)
    E, I = net.add(ACTIVE, 150, "E", initial={"v": uniform(0, 20)}), net.add(ACTIVE, 40, "I")
    noise = net.add(Poisson(25.0), 190, "noise")
    net.connect(noise, [E, I], one_to_one(), to="v", weight=0.1, delay=1.5)
    net.connect(
        E, [E, I], fixed_indegree(30), to="v", weight=uniform(0, 1), delay=uniform(0.3, 2.0), name="exc",
        rule=rules.STDP(a_plus=0.05, a_minus=0.05),
    )  # fmt: skip
    net.connect(
        I, E[:90], fixed_indegree(10), synapse=synapses.ExponentialCurrent, weight=-4.0, delay=1.0, name="inh",
        rule=Rule("Grow", "dx/dt = -x/(20 ms) : 1 (post)", on_pre="w -= 0.01*x", on_post="x += 1"),
    )  # fmt: skip
    return net


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_pieces_of_a_run_are_one_run(dtype: str):
    whole, net = learning(dtype=dtype), learning(dtype=dtype)
    expected = whole.run(60.0)
    pieces = [net.run(t) for t in (0.1, 7.0, 12.9, 0.3, 39.7)]
    assert len(expected["E"].spikes) > 100
    assert join(pieces).spike_hash() == expected.spike_hash()
    for name, syn in whole.projections.items():
        np.testing.assert_array_equal(net.projections[name].weights(), syn.weights())
    exc = whole.projections["exc"].weights()
    assert 0 <= exc.min() and exc.max() <= 1 and not np.array_equal(exc, first_weights())
    assert whole.projections["inh"].weights().min() < -4.01


def first_weights() -> np.ndarray:
    net = learning()
    net.build(DT)
    return net.projections["exc"].weights()


def test_recording_and_the_seed_of_another_projection_change_no_weight():
    plain, watched = learning(), learning()
    plain.run(30.0)
    watched.run(30.0, record={"E": ("spikes", "v"), "noise": "spikes"}, every=3)
    np.testing.assert_array_equal(plain.projections["exc"].weights(), watched.projections["exc"].weights())


def test_weights_are_set_in_place_and_learning_goes_on():
    net = Network(dtype="float64")
    train, cell = net.add(SpikeTrain([1.0, 2.0, 5.0], [0, 1, 0]), 2), net.add(neurons.LIF(v_th=1e9), 3, "cell")
    syn = net.connect(train, cell, all_to_all(), to="v", weight=0.0, rule=Rule("Add", "", on_pre="w += 1"))
    net.run(3.0, dt=DT)
    assert syn.weights().tolist() == [1.0] * 6
    syn.set(weights=np.arange(6.0))
    net.run(3.0)
    assert syn.weights().tolist() == [1.0, 2.0, 3.0, 3.0, 4.0, 5.0]
    syn.set(weights=0.5)
    assert syn.weights().tolist() == [0.5] * 6


def test_events_read_the_receivers_states():
    """``on_pre`` sees v as it was recorded last, ``on_post`` as the reset has left it."""
    net = Network(dtype="float64")
    cell = net.add(Neuron("Ramp", "dv/dt = 1/ms : 1", threshold="v > 3.05", reset="v = -v"), 4, "cell")
    train = net.add(SpikeTrain([1.0, 2.0], [0, 0]), 1)
    early = net.connect(
        train, cell[1:], all_to_all(), to="v", weight=0.0, rule=Rule("Pre", "", on_pre="w = w + v_post")
    )
    late = net.connect(train, cell[2:], all_to_all(), to="v", weight=0.0, rule=Rule("Post", "", on_post="w = v_post"))
    result = net.run(5.0, dt=DT, record={cell: "v"})
    v = result[cell]["v"]
    assert early.weights() == pytest.approx([v[9, 1] + v[19, 1]] * 3)  # recorded at 1.0 and 2.0, arrival at 1.1, 2.1
    assert late.weights() == pytest.approx([v.min()] * 2) and v.min() < -3


LEAKY = Neuron(
    "Leaky", "dv/dt = (-70 mV - v + I/(10 nS))/(20 ms) : mV; I : pA (input)",
    threshold="v > -50 mV", reset="v = -60 mV", refractory="5 ms", initial="v = -70 mV",
)  # fmt: skip


def test_inhibition_brings_the_receiver_to_its_target_rate():
    """Vogels et al. 2011: whatever the drive, the rate settles at rho_0."""
    net = Network(seed=2)
    cells = net.add(LEAKY, 20, "cells")
    drive, brake = net.add(Poisson(np.linspace(3.0, 5.0, 20)), 20), net.add(Poisson(0.02), 100)
    net.connect(drive, cells, one_to_one(), to="v", weight=0.4)
    syn = net.connect(
        brake, cells, all_to_all(), synapse=synapses.ExponentialConductance(E_rev=-80.0, tau_syn=10.0), weight=0.0,
        rule=rules.InhibitorySTDP(eta=0.01, rho_0=0.01, w_max=20),
    )  # fmt: skip
    first = net.run(200.0, dt=0.5, record=cells)[cells].spikes.counts() / 0.2
    net.run(5000.0)
    rates = net.run(5000.0, record=cells)[cells].spikes.counts() / 5.0
    assert first[-1] > 30.0 and first[-1] > first[0] + 10.0
    np.testing.assert_allclose(rates, 10.0, rtol=0.3)
    assert 0 < syn.weights().max() < 20


# -- mistakes ---------------------------------------------------------------------------------------------------------


def test_mistakes_end_at_once_and_name_the_projection():
    net = Network()
    train, cell = net.add(SpikeTrain([1.0], [0]), 1), net.add(ACTIVE, 1, "cell")
    silent = net.add(Neuron("Silent", "dv/dt = -v/ms : 1"), 1, "silent")
    with pytest.raises(InputError, match=r"P: expected a Rule such as rules.STDP, got 'STDP'"):
        net.connect(train, cell, one_to_one(), to="v", rule="STDP", name="P")  # type: ignore[arg-type]
    with pytest.raises(InputError, match=r"P: Silent has no threshold, so on_post= of STDP would never run"):
        net.connect(train, [cell, silent], from_arrays([0], [0]), to="v", rule=rules.STDP, name="P")
    with pytest.raises(InputError, match=r"P: R reads 'v_pre', but a source sends, which has no states"):
        net.connect(train, cell, one_to_one(), to="v", rule=Rule("R", "", on_pre="w += v_pre"), name="P")
    with pytest.raises(ModelError, match=r"P: .* yet: a rule on QuantalTsodyksMarkram, which releases by chance or"):
        net.connect(train, cell, one_to_one(), synapse=synapses.QuantalTsodyksMarkram, rule=rules.STDP, name="P")
    assert not net.projections


def test_a_part_behind_the_synapse_is_checked():
    net = Network()
    train, cell = net.add(SpikeTrain([1.0], [0]), 1), net.add(ACTIVE, 1, "cell")
    with pytest.raises(InputError, match=r"P: dendritic_fraction must be a number from 0 to 1, got 1.5"):
        net.connect(train, cell, one_to_one(), to="v", rule=rules.STDP, name="P", dendritic_fraction=1.5)
    with pytest.raises(InputError, match=r"P: dendritic_fraction=1 tells where .* a synapse that learns, but there is"):
        net.connect(train, cell, one_to_one(), to="v", name="P", dendritic_fraction=1)
    net.connect(
        train, cell, one_to_one(), to="v", rule=Rule("R", "", on_pre="w += v_post"), name="P", dendritic_fraction=1
    )
    with pytest.raises(ModelError, match="R: .* yet: it reads 'v_post', and a part of the delay lies behind"):
        net.build(DT)


# -- a third factor, a stack without delays, a file -------------------------------------------------------------------


def test_a_reward_is_set_by_name_between_runs():
    rule = Rule(
        "R", "dr/dt = -r/(50 ms) : 1 (network); e[k+1] = e : 1; dw/dt = r*e/(1 ms) : 1", on_pre="e += 1"
    )  # fmt: skip
    net = Network(dtype="float64")
    train, cell = net.add(SpikeTrain([1.0], [0]), 2), net.add(neurons.LIF(v_th=1e9), 1)
    syn = net.connect(train, cell, all_to_all(), to="v", weight=0.0, rule=rule)
    with pytest.raises(InputError, match="the network has not been built"):
        net.variables["r"] = 1.0
    net.run(3.0, dt=DT)
    assert syn.weights().tolist() == [0.0, 0.0]
    net.variables["r"] = 0.5
    net.run(2.0)
    reward = 0.5 * np.exp(-np.arange(20) * DT / 50)
    np.testing.assert_allclose(syn.weights(), [DT * reward.sum(), 0.0], rtol=1e-12)
    assert net.variables["r"] == pytest.approx(0.5 * np.exp(-2.0 / 50))


def test_without_a_delay_a_pair_in_one_step_is_the_senders_first():
    net = Network(dtype="float64")
    start = net.add(SpikeTrain([1.0], [0]), 1)
    a, b = net.add(RELAY, 1, "a"), net.add(RELAY, 1, "b")
    net.connect(start, a, one_to_one(), to="v", weight=1.0)
    syn = net.connect(a, b, one_to_one(), to="v", weight=0.8, delay=0.0, rule=rules.STDP)
    result = net.run(3.0, dt=DT, record=[a, b])
    assert result[a].spikes.times == pytest.approx(result[b].spikes.times) and len(result[b].spikes) == 1
    assert syn.weights() == pytest.approx([0.8 + 0.005])


def test_a_network_that_was_saved_goes_on_learning_as_one_that_was_not(tmp_path):
    whole, net = learning(), learning()
    whole.run(20.0)
    net.run(20.0)
    net.save(tmp_path / "net.safetensors")
    again = Network.load(tmp_path / "net.safetensors")
    assert again.run(15.3).spike_hash() == whole.run(15.3).spike_hash()
    for name, syn in whole.projections.items():
        np.testing.assert_array_equal(again.projections[name].weights(), syn.weights())
        assert again.projections[name].rule == syn.rule


def test_a_weight_that_is_no_number_ends_the_run_and_is_named():
    net = Network()
    train, cell = net.add(SpikeTrain([1.0, 1.2], [1, 1]), 2), net.add(neurons.LIF(v_th=1e9), 3, "cell")
    rule = Rule("Burst", "", on_pre="w = w*w*w")
    net.connect(train, cell, from_arrays([0, 1, 1], [2, 2, 0]), to="I", weight=[1.0, 3.0, 1e20], rule=rule, name="P")
    with pytest.raises(NumericsError, match=r"P: Burst made the weight of 1 of 3 synapses inf \(first: source 1, targ"):
        net.run(2.0, dt=DT)
