"""What is recorded: of whom, which values, how often; each against what a full recording or a stopped network shows."""

from typing import Any

import numpy as np
import pytest

from spikelet import neurons, rules
from spikelet.errors import InputError
from spikelet.sim.connect import all_to_all, fixed_probability, one_to_one
from spikelet.sim.distributions import uniform
from spikelet.sim.network import Network
from spikelet.sim.record import every
from spikelet.sim.result import join
from spikelet.sim.sources import Poisson
from spikelet.units import Hz, ms

CELL = neurons.LIF(tau_mem=20.0, v_th=20.0, v_reset=10.0, t_ref=2.0)


def network(seed: int = 4) -> Network:
    """Return neurons under noise, with a static and a plastic projection."""
    net = Network(seed)
    E, I = net.add(CELL, 60, "E", initial={"v": uniform(0, 20)}), net.add(CELL, 20, "I")
    noise = net.add(Poisson(12.0), 80, "noise")
    net.connect(noise, [E, I], one_to_one(), to="v", weight=0.16, delay=1.0)
    net.connect(I, E, all_to_all(), to="v", weight=-0.3, delay=1.0, name="fixed")
    net.connect(E, I, fixed_probability(0.3), to="v", weight=uniform(0, 1), delay=1.0, rule=rules.STDP, name="learning")
    return net


WHOLE = {"E": ("spikes", "v"), "I": ("spikes", "v"), "noise": "spikes"}


def test_parts_of_a_population_are_recorded_as_the_whole_shows_them():
    whole, net = network().run(40.0, record=WHOLE), network()
    E, I = net["E"], net["I"]
    wanted = {E[:10]: ["v", "spikes"], E[7]: "v", I[[12, 3]]: ("spikes", "v"), I[::7]: "v", "noise": "spikes"}
    found = net.run(40.0, record=wanted)
    assert found.names == ("E[0:10]", "E[7:8]", "I[12,3]", "I[0,7,14]", "noise")
    ids = {"E[0:10]": np.arange(10), "E[7:8]": [7], "I[12,3]": [12, 3], "I[0,7,14]": [0, 7, 14]}
    for name, chosen in ids.items():
        np.testing.assert_array_equal(found[name]["v"], whole[name[0]]["v"][:, chosen])
        np.testing.assert_array_equal(found[name].neurons, chosen)
    for place, chosen in ((E[:10], range(10)), ("I[12,3]", [3, 12])):
        part, spikes = found[place].spikes, whole[found[place].name[0]].spikes.of(list(chosen))
        assert len(part) > 3
        for column in ("times", "ids", "neurons"):
            np.testing.assert_array_equal(getattr(part, column), getattr(spikes, column))
        assert part.rate() == spikes.rate()


def test_frames_have_the_chosen_neurons_as_columns():
    pytest.importorskip("pandas")
    net = network()
    found = net.run(5.0, record={net["I"][[12, 3]]: "v", "E": "rate"}, every=10)
    assert found["I[12,3]"].to_pandas("v").columns.tolist() == [12, 3]
    rate = found["E"].to_pandas("rate")
    assert rate.columns.tolist() == ["rate"] and rate.index.tolist() == pytest.approx([1, 2, 3, 4, 5])


def test_a_population_in_full_goes_by_its_name():
    net = network()
    found = net.run(1.0, record={net["E"][:]: "v", "E": "spikes"})
    assert found.names == ("E",) and found["E"]["v"].shape == (10, 60)


def test_each_state_has_its_interval():
    whole, net = network().run(30.0, record=WHOLE), network()
    wanted = {"E": [every(1 * ms, "v"), "spikes"], "I": every(0.3 * ms, "v")}
    found = join([net.run(t, record=wanted) for t in (0.7, 10.6, 18.7)])
    np.testing.assert_array_equal(found["E"]["v"], whole["E"]["v"][9::10])
    np.testing.assert_array_equal(found["I"]["v"], whole["I"]["v"][2::3])
    np.testing.assert_allclose(found["E"].times("v"), np.arange(1.0, 30.5, 1.0))
    np.testing.assert_allclose(found["I"].t, np.arange(0.3, 30.05, 0.3))
    assert len(found["E"].spikes) == len(whole["E"].spikes)


def test_two_intervals_in_one_place_have_times_of_their_own():
    izhikevich = neurons.Izhikevich
    net = Network()
    cells = net.add(izhikevich, 3, "cells")
    found = net.run(20.0, dt=0.5, record={cells: [every(1.0, "v"), every(4.0, "u")]})
    assert found[cells]["v"].shape == (20, 3) and found[cells]["u"].shape == (5, 3)
    assert found[cells].times("u").tolist() == [4, 8, 12, 16, 20]
    with pytest.raises(InputError, match="cells: v, u have times of their own; ask for them with times"):
        found[cells].t


@pytest.mark.parametrize("width", [0.1, 0.7, 5.0])
def test_rates_are_histograms_of_the_spikes(width: float):
    net, whole = network(), network().run(60.0, record=WHOLE)
    wanted = {"E": every(width, "rate"), net["I"][5:15]: every(width, "rate"), "noise": every(width, "rate")}
    found = net.run(60.0, record=wanted)
    bins = int(60.0 / width + 1e-9)
    for name, n, keep in (("E", 60, range(60)), ("I[5:15]", 10, range(5, 15)), ("noise", 80, range(80))):
        spikes = whole[name.split("[")[0]].spikes.of(list(keep))
        step = round(width / 0.1)
        counts = np.bincount(spikes.steps // step, minlength=bins)[:bins]
        np.testing.assert_allclose(found[name]["rate"], counts / (n * width), rtol=1e-12)
        np.testing.assert_allclose(found[name].times("rate"), width * np.arange(1, bins + 1))
        assert found[name].fired is None
    assert found["noise"]["rate"].mean() / Hz == pytest.approx(12_000, rel=0.02)


def test_rates_of_pieces_are_the_bins_that_lie_in_one():
    whole = network().run(30.0, record={"E": every(3.0, "rate")})["E"]["rate"]
    net = network()
    parts = [net.run(t, record={"E": every(3.0, "rate")}) for t in (7.0, 5.0, 18.0)]
    assert [len(part["E"]["rate"]) for part in parts] == [2, 1, 6]
    np.testing.assert_array_equal(join(parts)["E"]["rate"], whole[[0, 1, 3, 4, 5, 6, 7, 8, 9]])


def test_weights_over_time_are_those_of_a_network_that_is_stopped():
    net, stopped = network(), network()
    syn = stopped.projections["learning"]
    seen = []
    for _ in range(8):
        stopped.run(5.0)
        seen.append(syn.weights())
    learning = net.projections["learning"]
    wanted = {
        learning: every(5.0, "weights"),
        learning[[3, 0, 40]]: every(10.0, "weights"),
        "fixed": every(20.0, "weights"),
    }
    found = net.run(40.0, record=wanted)
    assert found.names == ("learning", "learning[3,0,40]", "fixed")
    np.testing.assert_array_equal(found[learning]["weights"], seen)
    assert np.ptp(found[learning]["weights"], axis=0).max() > 0
    np.testing.assert_array_equal(found["learning[3,0,40]"]["weights"], np.array(seen)[1::2][:, [3, 0, 40]])
    np.testing.assert_allclose(found[learning].t, np.arange(5.0, 41.0, 5.0))
    assert found["fixed"]["weights"].tolist() == [[-0.3] * 1200] * 2


def test_recording_all_of_that_changes_no_spike():
    plain, net = network().run(50.0), network()
    learning = net.projections["learning"]
    wanted: dict[Any, Any] = {
        "E": ["spikes", every(1.0, "rate"), every(0.3, "v")],
        "I": "spikes",
        net["E"][3:5]: ["v", "spikes"],
        learning: every(0.7, "weights"),
        learning[:5]: "weights",
        "noise": "rate",
    }
    found = net.run(50.0, record=wanted)
    for name in "EI":
        np.testing.assert_array_equal(found[name].spikes.times, plain[name].spikes.times)
        np.testing.assert_array_equal(found[name].spikes.ids, plain[name].spikes.ids)
    assert len(plain["E"].spikes) > 50


def test_stretches_of_a_result_are_those_of_a_run():
    whole, net = network().run(30.0, record=WHOLE), network()
    net.run(12.0)
    part, cut = net.run(10.0, record=WHOLE), whole.between(12.0, 22.0)
    assert cut.spike_hash() == part.spike_hash()
    assert cut["E"].rate() == pytest.approx(part["E"].rate(), rel=1e-12)
    np.testing.assert_array_equal(cut["E"]["v"], part["E"]["v"])
    np.testing.assert_allclose(cut["E"].t, part["E"].t)
    with pytest.raises(InputError, match="no time between 40 and 50 ms; the run goes from 0 to 30 ms"):
        whole.between(40, 50)


MISTAKES = {
    "no state": ({"E": "vv"}, "E: cannot record 'vv'; did you mean 'v'"),
    "no population": ("e", "no population 'e' in the network; did you mean 'E'"),
    "no rate of weights": ({"fixed": "weight"}, "fixed: cannot record 'weight'; did you mean 'weights'"),
    "a state of a source": ({"noise": "v"}, "noise: cannot record 'v'; it has spikes, rate"),
    "an interval off the grid": (
        {"E": every(0.25, "v")},
        "record: 'v' of E every 0.25 ms, which is no multiple of dt = 0.1 ms",
    ),
    "a number": ({"E": 3}, "record: of E expected names such as 'spikes' or 'v', .* got 3"),
    "no place": ({3: "v"}, "no population 3 in the network|expected a population, a projection"),
    "twice": ({"E": ["v", every(1.0, "v")]}, "record: 'v' of E is asked for twice, in different ways"),
}


@pytest.mark.parametrize("mistake", MISTAKES, ids=str)
def test_mistakes_name_the_object(mistake: str):
    record, text = MISTAKES[mistake]
    with pytest.raises(InputError, match=text):
        network().run(1.0, record=record)


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        (lambda n: every(-1.0, "v"), "every: the interval must be a positive number of ms, got -1.0"),
        (lambda n: every(1.0), "name what is recorded"),
        (lambda n: every(1.0, "spikes"), "spikes are recorded when they happen, or counted as 'rate'"),
        (lambda n: n["E"][[3, 60]], "E: there is no number 60; they are 0 to 59"),
        (lambda n: n["E"][[3, 3]], "expected one or several, each once"),
        (lambda n: n["E"][0.5], "expected numbers from 0 to 59"),
        (lambda n: n.connect(n["E"][::2], n["I"], all_to_all()), r"connect: pre E\[.*\] leaves neurons out"),
        (lambda n: n.run(1.0, record=network()["E"]), "record: Population.* belongs to another network"),
        (lambda n: n.run(1.0, record={n.projections["learning"][10**6]: "weights"}), "learning: there is no number"),
    ],
)
def test_mistakes_of_intervals_and_choices(wrong: Any, text: str):
    with pytest.raises(InputError, match=text):
        wrong(network())
