"""States, parameters, rates and currents that are read and set between runs: closed forms, files, mistakes."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spikelet import neurons
from spikelet.errors import InputError, ParameterError, SpikeletError
from spikelet.sim.connect import all_to_all, one_to_one
from spikelet.sim.currents import noise, sinusoid
from spikelet.sim.network import Network
from spikelet.sim.result import join
from spikelet.sim.sources import Gamma, Poisson, SpikeTrain
from spikelet.synapses import AlphaCurrent
from spikelet.units import Hz

QUIET = neurons.LIF(tau_mem=20.0, v_th=1e9)


def test_a_membrane_decays_from_where_it_was_set_with_the_time_constant_that_was_set():
    net = Network(dtype="float64")
    cells = net.add(QUIET, 4, "cells", initial={"v": 8.0})
    net.run(5.0)
    np.testing.assert_allclose(cells["v"], 8.0 * np.exp(-5.0 / 20.0), rtol=1e-12)
    cells.set(tau_mem=7.0)
    cells[1:3].set(v=[1.0, 2.0])
    cells[[3, 0]].set(v=5.0, tau_mem=[30.0, 40.0])
    net.run(6.0)
    expected = np.array([5.0, 1.0, 2.0, 5.0]) * np.exp(-6.0 / np.array([40.0, 7.0, 7.0, 30.0]))
    np.testing.assert_allclose(cells["v"], expected, rtol=1e-12)
    assert cells["tau_mem"].tolist() == [40.0, 7.0, 7.0, 30.0]
    assert cells[2:]["tau_mem"].tolist() == [7.0, 30.0] and cells["v_th"].tolist() == [1e9] * 4


def test_a_current_and_a_receptor_are_set():
    net = Network(dtype="float64")
    cells, train = net.add(QUIET(R=2.0), 3, "cells"), net.add(SpikeTrain([1.0], [0]), 3, "train")
    net.connect(train, cells, one_to_one(), synapse=AlphaCurrent(tau_syn=2.0), receptor="ampa", weight=0.0)
    drive = net.drive(cells, 4.0)
    net.run(400.0)
    np.testing.assert_allclose(cells["v"], 8.0, rtol=1e-6)
    drive.set(1.5)
    net.run(20.0)
    np.testing.assert_allclose(cells["v"], 3.0 + 5.0 * np.exp(-1.0), rtol=1e-6)
    cells.set(ampa_i=[0.0, 1.0, 2.0], v=0.0)
    drive.set(0.0)
    net.run(10.0)
    moved = cells["v"]
    assert moved[0] == 0 and moved[2] == pytest.approx(2 * moved[1]) and moved[1] > 0.05


def test_a_list_of_places_has_a_current_each():
    net = Network(dtype="float64")
    A, B = net.add(QUIET, 2, "A"), net.add(QUIET, 2, "B")
    first, second = net.drive([A, B], sinusoid(1.0, frequency=0.1))
    net.build(0.1)
    first.set(2.0)
    second.set(3.0)
    net.run(500.0)
    np.testing.assert_allclose([A["v"][0], B["v"][0]], [2.0, 3.0], rtol=1e-9)


@pytest.mark.parametrize("source", [Poisson(2.0), Gamma(2.0, 4)])
def test_the_rate_of_a_source_is_set(source: Any):
    net = Network(seed=2)
    train = net.add(source, 500, "train")
    cells = net.add(QUIET, 500, "cells")
    net.connect(train, cells, one_to_one(), to="v", weight=0.1)
    net.build(0.1)
    rates = []
    for rate in (2000 * Hz, 500 * Hz, 0.0):
        train.set(rate=rate)
        rates.append(net.run(50.0, record=train)[train].rate() / Hz)
    np.testing.assert_allclose(rates, [2000, 500, 0], rtol=0.02)


def test_what_was_set_is_saved(tmp_path: Path):
    def made() -> Network:
        net = Network(seed=2)
        train, cells = net.add(Poisson(3.0), 30, "train"), net.add(neurons.LIF(v_th=3.0), 30, "cells")
        net.connect(train, cells, all_to_all(), to="v", weight=0.02)
        drive = net.drive(cells, noise(0.3, tau=4.0))
        net.run(10.0)
        cells.set(v_th=2.0)
        cells[:5].set(v_th=1.5)
        train.set(rate=4.0)
        drive.set(noise(0.5, tau=3.0))
        return net

    made().save(tmp_path / "net")
    found, whole = Network.load(tmp_path / "net").run(30.0), made().run(30.0)
    assert found.spike_hash() == whole.spike_hash() and len(found["cells"].spikes) > 50


def test_setting_what_is_there_already_changes_nothing():
    def made() -> Network:
        net = Network(seed=2)
        train, cells = net.add(Gamma(3.0, 3), 30, "train"), net.add(neurons.LIF(v_th=3.0), 30, "cells")
        net.connect(train, cells, all_to_all(), to="v", weight=0.02)
        net.drive(cells, 0.5)
        return net

    net, whole = made(), made().run(40.0)
    parts = []
    for _ in range(4):
        parts.append(net.run(10.0))
        net["cells"].set(v=net["cells"]["v"], tau_mem=net["cells"]["tau_mem"][0])
        net["train"].set(rate=3.0)
        net.drives[0].set(0.5)
    assert join(parts).spike_hash() == whole.spike_hash() and len(whole["cells"].spikes) > 50


MISTAKES = {
    "no such state": (lambda n: n["E"]["vv"], "E has no state or parameter 'vv'; did you mean 'v'"),
    "no such parameter": (
        lambda n: n["E"].set(tau_mm=3.0),
        "E has no state or parameter 'tau_mm'; did you mean 'tau_mem'",
    ),
    "wrong length": (lambda n: n["E"].set(v=[1.0, 2.0]), "E: v must be a number or 10 numbers"),
    "wrong length of a part": (lambda n: n["E"][:3].set(v=np.zeros(10)), "E: v must be a number or 3 numbers"),
    "not a number": (lambda n: n["E"].set(v=np.nan), "E: v must be a number or 10 numbers, got nan"),
    "a text": (lambda n: n["E"].set(v="high"), "E: v must be a number or 10 numbers, got 'high'"),
    "wrong sign": (lambda n: n["E"].set(tau_mem=-3.0), "tau_mem"),
    "no field of a source": (lambda n: n["drive"].set(rat=3.0), "drive: a Poisson has no 'rat'; did you mean 'rate'"),
    "a rate that cannot be": (lambda n: n["drive"].set(rate=-3.0), "Poisson.*rate"),
    "a part of a source": (lambda n: n["drive"][:2].set(rate=3.0), "drive: a source is set as a whole"),
    "reading a source": (lambda n: n["drive"]["rate"], "drive is a source; what it has is in drive.model"),
    "no current": (lambda n: n.drives[0].set("strong"), "drive: expected a number or a current"),
    "a current of another size": (lambda n: n.drives[0].set(np.zeros((5, 3))), "current into E: .*3.*10"),
    "no weights": (lambda n: n.projections["E to E"]["delay"], "E to E: a projection has 'weights', not 'delay'"),
    "too many weights": (
        lambda n: n.projections["E to E"][:3].set(weights=[1.0, 2.0]),
        r"E to E: \(2,\) weights for 3",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES, ids=str)
def test_mistakes_name_the_object_and_change_nothing(mistake: str):
    def made() -> Network:
        net = Network()
        cells, source = net.add(neurons.LIF(v_th=3.0), 10, "E"), net.add(Poisson(1.0), 10, "drive")
        net.connect(source, cells, one_to_one(), to="v", weight=1.0)
        net.connect(cells, cells, all_to_all(), to="v", weight=0.1)
        net.drive(cells, 1.0)
        net.build(0.1)
        return net

    wrong, text = MISTAKES[mistake]
    net = made()
    with pytest.raises(SpikeletError, match=text) as told:
        wrong(net)
    assert isinstance(told.value, InputError | ParameterError)
    assert net.run(20.0).spike_hash() == made().run(20.0).spike_hash()


def test_nothing_is_set_before_there_are_states():
    net = Network()
    cells = net.add(QUIET, 3, "E")
    for wrong in (lambda: cells["v"], lambda: cells.set(v=3.0), lambda: net.drive(cells, 1.0).set(2.0)):
        with pytest.raises(InputError, match="the network has not been built"):
            wrong()
