"""A result as Neo and its tools see it: units, times, who fired."""

import sys
from typing import Any

import numpy as np
import pytest
from tests.sim.test_record import network

from spikelet import neurons
from spikelet.sim.network import Network
from spikelet.sim.record import every
from spikelet.sim.recording import Recording
from spikelet.sim.result import NetworkResult


@pytest.fixture
def neo() -> Any:
    return pytest.importorskip("neo")


def test_a_train_for_each_neuron_and_a_signal_for_each_state(neo: Any):
    net = network()
    I = net["I"]
    found = net.run(40.0, record={"E": "spikes", I[[9, 4]]: ["spikes", every(0.5, "v")], "noise": every(2.0, "rate")})
    segment = found.to_neo().segments[0]
    trains = segment.spiketrains
    assert len(trains) == 62
    assert [(t.annotations["population"], t.annotations["id"]) for t in trains[58:]] == [
        ("E", 58), ("E", 59), ("I[9,4]", 4), ("I[9,4]", 9),
    ]  # fmt: skip
    spikes = found["E"].spikes
    for i in (0, 7, 59):
        np.testing.assert_array_equal(trains[i].rescale("ms").magnitude, spikes.times[spikes.ids == i])
    assert sum(map(len, trains)) == len(spikes) + len(found["I[9,4]"].spikes) > 50
    assert trains[0].t_start.rescale("s").magnitude == 0 and trains[0].t_stop.rescale("s") >= 0.04
    v, rate = segment.analogsignals
    assert (v.name, v.annotations["population"], v.shape) == ("v", "I[9,4]", (80, 2))
    assert v.array_annotations["id"].tolist() == [9, 4]
    np.testing.assert_allclose(v.times.rescale("ms").magnitude, found["I[9,4]"].t)
    np.testing.assert_array_equal(v.magnitude, found["I[9,4]"]["v"])
    assert rate.units.rescale("Hz").magnitude == pytest.approx(1000.0)
    assert rate.rescale("Hz").magnitude.mean() == pytest.approx(12_000, rel=0.02)


def test_states_have_the_units_of_their_model(neo: Any):
    net = Network()
    cells = net.add(neurons.AdEx, 2, "cells")
    found = net.run(5.0, record={cells: ["v", "w"]})
    assert found[cells].units == {"v": "mV", "w": "pA"}
    v, w = found.to_neo().segments[0].analogsignals
    assert v.rescale("V").magnitude[0, 0] == pytest.approx(found[cells]["v"][0, 0] / 1000)
    assert str(w.units.dimensionality) == "pA"


@pytest.mark.parametrize(
    ("unit", "as_si", "value"),
    [("GOhm", "ohm", 1e9), ("fC", "coulomb", 1e-15), ("nS/cm2", "S/m**2", 1e-5), ("mV/ms", "V/s", 1.0), ("1", "", 1.0)],
)
def test_units_that_are_spelled_otherwise(neo: Any, unit: str, as_si: str, value: float):
    t = np.array([0.1, 0.2])
    held = Recording("E", 1, None, {"x": t}, {"x": np.ones((2, 1))}, None, {"x": unit})
    (signal,) = NetworkResult({"E": held}, 0.1, 0.0, 0.2).to_neo().segments[0].analogsignals
    found = signal.rescale(as_si) if as_si else signal
    np.testing.assert_allclose(found.magnitude, value, rtol=1e-12)


def test_times_with_gaps_are_an_irregular_signal(neo: Any):
    t = np.array([1.0, 2.0, 4.0])
    held = Recording("E", 5, None, {"rate": t}, {"rate": np.array([3.0, 4.0, 5.0])}, None, {"rate": "1/ms"})
    segment = NetworkResult({"E": held}, 1.0, 0.0, 4.0).to_neo().segments[0]
    assert not segment.analogsignals
    np.testing.assert_array_equal(segment.irregularlysampledsignals[0].times.magnitude, t)


def test_without_neo_the_error_tells_what_to_install(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "neo", None)
    with pytest.raises(ModuleNotFoundError, match=r"to_neo needs neo, .*pip install 'spikelet\[neo\]'"):
        NetworkResult({}, 0.1, 0.0, 1.0).to_neo()
