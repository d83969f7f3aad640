"""Delays behind the synapse, values for single neurons, states of neurons that a rule reads, against plain Python."""

import math

import numpy as np
import pytest
from tests.sim.plastic_bench import Bench, edges
from tests.sim.test_plastic import DT, bench, problem

from spikelet import rules
from spikelet.model import Neuron
from spikelet.rule import Rule
from spikelet.sim.connect import all_to_all, from_arrays
from spikelet.sim.network import Network
from spikelet.sim.sources import SpikeTrain

# -- the two parts of a delay -----------------------------------------------------------------------------------------


def pairs(given, fraction: float, p: dict[str, float]) -> tuple[np.ndarray, np.ndarray]:
    """Additive STDP by sums over all pairs, with both delays; returns weights and what arrived (steps, targets)."""
    synapses, weights, pre, post = given
    arrived, end = np.zeros(post.shape), []
    for (source, target, delay), w in zip(synapses, weights, strict=True):
        behind = round(fraction * delay)
        sent = [k + delay - behind for k in np.flatnonzero(pre[:, source])]
        fired = [k + behind for k in np.flatnonzero(post[:, target])]
        for k, event in sorted([(k, 0) for k in sent] + [(k, 1) for k in fired]):
            if k >= len(pre):
                continue
            if event == 0:
                if k + behind < len(pre):
                    arrived[k + behind, target] += w
                w -= p["a_minus"] * math.fsum(
                    math.exp(-(k - other) * DT / p["tau_minus"]) for other in fired if other < k
                )
            else:
                w += p["a_plus"] * math.fsum(
                    math.exp(-(k - other) * DT / p["tau_plus"]) for other in sent if other <= k
                )
            w = min(max(w, 0.0), p["w_max"])
        end.append(w)
    return np.array(end), arrived


@pytest.mark.parametrize("fraction", [0.0, 0.3, 0.5, 1.0])
@pytest.mark.parametrize("cuts", [(), (2,)])
def test_each_side_is_seen_at_the_synapse_after_its_part_of_the_delay(fraction: float, cuts):
    rule, given = rules.STDP(a_plus=0.06, a_minus=0.05, tau_plus=16.8, tau_minus=33.7), problem(3)
    found = bench(rule, *given, fraction=fraction, cuts=cuts)
    weights, arrived = pairs(given, fraction, dict(rule.parameters))
    np.testing.assert_allclose(found.run(), weights, rtol=0, atol=1e-12)
    np.testing.assert_allclose(found.delivered, arrived, rtol=0, atol=1e-12)
    assert np.ptp(weights) > 0.3


def test_where_the_delay_lies_makes_a_difference():
    given, p = problem(3), dict(rules.STDP(a_plus=0.06, a_minus=0.05).parameters)
    assert np.abs(pairs(given, 0.0, p)[0] - pairs(given, 1.0, p)[0]).max() > 0.05


@pytest.mark.parametrize("fraction", [0.5, 1.0])
def test_pieces_of_a_run_with_spikes_behind_the_synapse_are_one_run(fraction: float):
    given = problem(5)
    whole, pieces = (bench(rules.MultiplicativeSTDP(eta=0.1), *given, fraction=fraction) for _ in range(2))
    whole.run()
    for steps in (1, 6, 93, 2, 198):
        pieces.run(steps)
    np.testing.assert_array_equal(whole.weights, pieces.weights)
    np.testing.assert_array_equal(whole.delivered, pieces.delivered)


def test_a_network_with_spikes_behind_the_synapse_goes_on_from_a_file(tmp_path):
    def made() -> Network:
        net = Network(dtype="float64")
        train = net.add(SpikeTrain([1.0, 2.0, 3.0, 4.6], [0, 1, 0, 1]), 2)
        cell = net.add(Neuron("Cell", "dv/dt = -v/(9 ms) : 1", threshold="v > 1.5", reset="v = 0"), 3, "cell")
        net.connect(
            train, cell, all_to_all(), to="v", weight=0.9, delay=1.5, rule=rules.STDP, dendritic_fraction=0.6, name="P"
        )
        return net

    whole, net = made(), made()
    whole.run(10.0, record="cell")
    net.run(4.8)  # some are on the axon, some on the dendrite
    net.save(tmp_path / "net")
    again = Network.load(tmp_path / "net")
    again.run(5.2)
    np.testing.assert_array_equal(again.projections["P"].weights(), whole.projections["P"].weights())
    assert again.projections["P"].dendritic_fraction == 0.6 and np.ptp(whole.projections["P"].weights()) > 0


# -- a value for each neuron ------------------------------------------------------------------------------------------


def test_arrays_of_parameters_are_one_value_for_each_neuron():
    """Each pair of neurons learns as it would with numbers of its own."""
    given, random = problem(4), np.random.default_rng(1)
    n = given[2].shape[1], given[3].shape[1]
    own = {"a_plus": random.uniform(0.01, 0.1, n[1]), "w_max": random.uniform(0.5, 1.5, n[1])}
    own["tau_minus"], own["tau_plus"] = random.uniform(5, 40, n[1]), random.uniform(5, 40, n[0])
    found = bench(rules.STDP(a_minus=0.04, **own), *given, fraction=0.5).run()
    for i, (source, target, delay) in enumerate(given[0]):
        values = {name: value[source if name == "tau_plus" else target] for name, value in own.items()}
        p = dict(rules.STDP(a_minus=0.04, **values).parameters)
        alone = [(source, target, delay)], given[1][i : i + 1], given[2], given[3]
        assert found[i] == pytest.approx(pairs(alone, 0.5, p)[0][0], abs=1e-12)


def test_a_value_for_each_sender_may_be_what_its_trace_jumps_by():
    rule = Rule("R", "dx/dt = -x/ms : 1 (pre); jump = 1", on_pre="x += jump", on_post="w += x")
    raster = np.zeros((2, 9, 2), int)
    raster[0, 1], raster[1, 2] = 1, 1
    found = Bench(rule(jump=[1.0, 3.0]), edges([0, 1, 1], [0, 1, 0], 0.0, [1, 1, 2], (2, 2)), *raster, dt=1.0)
    np.testing.assert_allclose(found.run(), [1.0, 0.0, 3.0])  # the spike over two steps comes too late


# -- states of the neurons --------------------------------------------------------------------------------------------

RAMP = Neuron("Ramp", "dv/dt = slope : mV; slope = 1 mV/ms", threshold="v > 3.05 mV", reset="v = -v")
SPIKY = Neuron("Spiky", "dv/dt = slope : mV; slope = 2 mV/ms", threshold="v > 2.5 mV", reset="v = 0 mV")


def recorded(rule: Rule, delay: float = 0.7, cells: int = 2) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Run two senders onto receivers in two populations; returns weights and the records of the three."""
    net = Network(dtype="float64")
    pre = net.add(SPIKY(slope=np.array([2.0, 3.1])), 2, "pre", initial={"v": np.array([0.4, 1.0])})
    a, b = net.add(RAMP, 1, "a"), net.add(RAMP(slope=1.7), cells, "b")
    weights = net.connect(pre, [b, a], all_to_all(), to="v", weight=0.0, delay=delay, rule=rule)
    result = net.run(8.0, dt=0.1, record={one: ["v", "spikes"] for one in (pre, a, b)})
    v_post = np.concatenate([result[b]["v"], result[a]["v"]], 1)
    fired = np.zeros((3, 80, 3), bool)
    for row, one, shift in ((0, pre, 0), (1, b, 0), (1, a, cells)):
        spikes = result[one].spikes
        fired[row, np.rint(spikes.times / 0.1).astype(int) - 1, spikes.ids + shift] = True
    return weights.weights().reshape(2, -1), result[pre]["v"], v_post, fired


def test_events_read_the_senders_states_as_of_arrival_and_the_receivers_as_they_are():
    on_post = recorded(Rule("R", "", on_post="w += v_pre*v_post/(1 mV*mV)"))
    weights, v_pre, v_post, fired = on_post
    expected = np.zeros_like(weights)
    for k, j in zip(*np.nonzero(fired[1]), strict=True):
        if k >= 7:
            expected[:, j] += v_pre[k - 7] * v_post[k, j]
        else:  # before the first step the state has always been what it was
            expected[:, j] += np.array([0.4, 1.0]) * v_post[k, j]
    np.testing.assert_allclose(weights, expected, rtol=1e-12)
    weights, v_pre, v_post, fired = recorded(Rule("R", "", on_pre="w = w*3 + v_pre/mV + v_post/mV"))
    expected = np.zeros_like(weights)
    for k, i in zip(*np.nonzero(fired[0, :, :2]), strict=True):
        if k + 7 < 80:
            expected[i] = 3 * expected[i] + v_pre[k, i] + v_post[k + 6]  # v_post as the step before has left it
    np.testing.assert_allclose(weights, expected, rtol=1e-12)


CLOPATH = Rule(
    "Clopath",
    """
    du_minus/dt = (v_post - u_minus)/tau_minus : mV (post)
    du_plus/dt = (v_post - u_plus)/tau_plus    : mV (post)
    dx/dt = -x/tau_x                           : 1 (pre)
    dw/dt = a_ltp*x*max(v_post - theta_plus, 0 mV)*max(u_plus - theta_minus, 0 mV)/ms : 1
    tau_minus = 10 ms;  tau_plus = 7 ms;  tau_x = 15 ms
    theta_minus = -1 mV;  theta_plus = 0.5 mV;  a_ltp = 0.08/mV**2;  a_ltd = 0.06/mV
    """,
    on_pre="w -= a_ltd*max(u_minus - theta_minus, 0 mV); x += 1",
    ref="Clopath et al. 2010, Eq. 1-4",
)


def test_low_pass_filtered_voltages_drive_a_rule_at_every_step():
    weights, _, v_post, fired = recorded(CLOPATH)
    p, dt = dict(CLOPATH.parameters), 0.1
    w, x, u_minus, u_plus, v = np.zeros((2, 3)), np.zeros(2), np.zeros(3), np.zeros(3), np.zeros(3)
    for k in range(80):
        gate = np.maximum(v - p["theta_plus"], 0) * np.maximum(u_plus - p["theta_minus"], 0)
        w += dt * p["a_ltp"] * x[:, None] * gate
        u_minus = v + (u_minus - v) * np.exp(-dt / p["tau_minus"])
        u_plus = v + (u_plus - v) * np.exp(-dt / p["tau_plus"])
        x *= np.exp(-dt / p["tau_x"])
        for i in np.flatnonzero(fired[0, k - 7, :2]) if k >= 7 else ():
            w[i] -= p["a_ltd"] * np.maximum(u_minus - p["theta_minus"], 0)
            x[i] += 1
        v = v_post[k]
    np.testing.assert_allclose(weights, w, rtol=1e-9)
    assert np.ptp(w) > 0.1 and len(np.unique(w)) == 4  # two receivers are alike


def test_filters_of_the_senders_states_are_seen_as_of_arrival():
    rule = Rule("R", "du/dt = (v_pre - u)/(4 ms) : mV (pre)", on_post="w = u/mV")
    weights, v_pre, _, fired = recorded(rule)
    u, seen = np.array([0.0, 0.0]), []
    for k in range(80):  # in step k the synapse sees what was there when step k - 7 began
        v = v_pre[k - 8] if k >= 8 else np.array([0.4, 1.0])
        u = v + (u - v) * np.exp(-0.1 / 4)
        seen.append(u)
    last = [np.flatnonzero(fired[1, :, j])[-1] for j in range(3)]
    np.testing.assert_allclose(weights, np.array([seen[k] for k in last]).T, rtol=1e-12)


CALCIUM = Rule(
    "Calcium",
    """
    dc/dt = -c/tau_ca : 1
    dw/dt = (-w*(1 - w)*(0.5 - w) + g_p*(1 - w)*heaviside(c - 1.3) - g_d*w*heaviside(c - 1))/tau : 1
    tau_ca = 20 ms;  tau = 5 second;  g_d = 200;  g_p = 321.808
    """,
    on_pre="c += 1",
    on_post="c += 2",
    ref="Graupner & Brunel 2012, Eq. 1-2, set DP, without noise and thirty times as fast",
)


@pytest.mark.parametrize("shift", [-20.0, 0.0, 12.0])
def test_calcium_of_a_synapse_decides_at_every_step(shift: float):
    """Three pairs 100 ms apart, delay 13.7 ms, against Euler with a quarter of the step."""
    pre, post = 30.0 + 100 * np.arange(3), 43.7 + shift + 100 * np.arange(3)
    net, dt = Network(dtype="float64"), 0.02
    train, teacher = net.add(SpikeTrain(pre, [0] * 3), 1), net.add(SpikeTrain(post - dt, [0] * 3), 1)
    cell = net.add(Neuron("Relay", "dv/dt = -v/ms : 1; du/dt = -u/ms : 1", threshold="v > 0.5", reset="v = 0"), 1)
    net.connect(teacher, cell, from_arrays([0], [0]), to="v", weight=1.0)
    syn = net.connect(train, cell, from_arrays([0], [0]), to="u", weight=0.4, delay=13.7, rule=CALCIUM)
    net.run(330.0, dt=dt)
    h = dt / 4
    jumps = np.zeros(66_000)
    np.add.at(jumps, np.rint((pre + 13.7) / h).astype(int), 1.0)
    np.add.at(jumps, np.rint(post / h).astype(int), 2.0)
    w, c = 0.4, 0.0
    for jump in jumps:
        c = (c + jump) * (1 - h / 20)
        w += h / 5000 * (-w * (1 - w) * (0.5 - w) + 321.808 * (1 - w) * (c > 1.3) - 200 * w * (c > 1))
    assert abs(w - 0.4) > 0.01
    assert syn.weights()[0] - 0.4 == pytest.approx(w - 0.4, rel=0.01)


def test_pieces_and_files_do_not_change_what_is_read(tmp_path):
    def made() -> Network:
        net = Network(dtype="float64")
        pre = net.add(SPIKY(slope=np.array([2.0, 3.1])), 2, "pre")
        cell = net.add(RAMP, 3, "cell")
        both = Rule(
            "B", "du/dt = (v_pre - u)/(4 ms) : mV (pre)", on_pre="w += v_pre/mV + v_post/mV", on_post="w += u/mV"
        )
        net.connect(pre, cell, from_arrays([0, 0, 1], [0, 1, 2]), to="v", weight=0.0, delay=0.7, rule=both, name="P")
        return net

    whole, net = made(), made()
    whole.run(9.0, dt=0.1)
    for t in (0.1, 2.4, 3.0):
        net.run(t, dt=0.1)
    net.save(tmp_path / "net")
    again = Network.load(tmp_path / "net")
    again.run(3.5)
    np.testing.assert_array_equal(again.projections["P"].weights(), whole.projections["P"].weights())
    assert np.abs(whole.projections["P"].weights()).min() > 0.1
