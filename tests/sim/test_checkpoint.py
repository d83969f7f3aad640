"""A saved network goes on as if it had not stopped, and a file is whole or absent."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from spikelet import neurons
from spikelet.errors import DataError, InputError
from spikelet.sim.connect import all_to_all, fixed_indegree, one_to_one
from spikelet.sim.currents import noise, ramp, sinusoid, steps
from spikelet.sim.distributions import normal, uniform
from spikelet.sim.network import Network
from spikelet.sim.result import join
from spikelet.sim.sources import Gamma, Poisson, PulsePacket, SpikeTrain
from spikelet.synapses import ExponentialConductance, TsodyksMarkram

CELL = neurons.LIF(tau_mem=20.0, v_th=20.0, v_reset=10.0, t_ref=2.0)
SCRIPT = """
import sys
from tests.sim.test_checkpoint import rich
net = rich()
net.run(5.0)
while True:
    net.save(sys.argv[1])
    print("saved", flush=True)
"""


def rich() -> Network:
    """Return a network with one of everything that has a state."""
    net = Network(seed=7)
    E = net.add(CELL, 60, "E", initial={"v": uniform(0, 20)})
    I = net.add(neurons.LIF(tau_mem=np.linspace(8.0, 12.0, 20), v_th=15.0, v_reset=0.0, t_ref=1.0), 20, "I")
    wild = net.add(neurons.NoisyLIF(tau_mem=10.0, sigma=1.0), 10, "wild")
    sources = [
        Poisson(18.0),
        Gamma(4.0, 3),
        SpikeTrain([3.0, 12.05, 31.0], [0, 1, 4], period=35.0),
        PulsePacket([10.0, 25.0], 3, 1.0),
    ]
    sent = [net.add(source, 60) for source in sources]
    for source, weight in zip(sent, (0.12, 0.3, 5.0, 2.0), strict=True):
        net.connect(source, E, one_to_one(), to="v", weight=weight, delay=0.7)
    net.connect(E, [E, I, wild], fixed_indegree(8), to="v", weight=normal(0.5, 0.05), delay=uniform(0.5, 3.0))
    net.connect(I, E, fixed_indegree(5), synapse=ExponentialConductance(E_rev=-10.0), weight=0.02, delay=1.0)
    net.connect(E[:30], I, all_to_all(), synapse=TsodyksMarkram, weight=3.0, delay=uniform(1.0, 2.0))
    net.drive([E, I], noise(2.0, tau=5.0))
    net.drive(I, sinusoid(20.0, frequency=0.02))
    net.drive(wild, ramp(0.0, 1.0, 10.0, 60.0))
    net.drive(wild, steps([(5.0, 0.2), (20.0, 0.0)]))
    return net


RECORD = {"E": ("spikes", "v"), "I": ("spikes", "v"), "wild": ("spikes", "v")}


@pytest.mark.parametrize("first", [0.1, 13.3, 30.0])
def test_a_restored_network_is_the_one_that_was_saved(tmp_path: Path, first: float):
    whole = rich().run(60.0, record=RECORD)
    net = rich()
    part = net.run(first, record=RECORD)
    net.save(tmp_path / "net")
    rest = Network.load(tmp_path / "net").run(60.0 - first, record=RECORD)
    again = net.run(60.0 - first, record=RECORD)  # saving changes nothing
    for tail in (rest, again):
        found = join([part, tail])
        assert found.spike_hash() == whole.spike_hash()
        for name in RECORD:
            np.testing.assert_array_equal(found[name]["v"], whole[name]["v"])
    assert len(whole["E"].spikes) > 50 and len(whole["I"].spikes) > 20 and len(whole["wild"].spikes) > 5


def test_the_description_comes_back(tmp_path: Path):
    net = rich()
    net.build(0.1)
    syn = net.projections["E[0:30] to I"]
    syn.set(weights=np.arange(len(syn), dtype=float))
    net.save(tmp_path / "net")
    found = Network.load(tmp_path / "net")
    assert found.summary() == net.summary()
    again = found.projections["E[0:30] to I"]
    for name in ("sources", "targets", "delays", "weights"):
        np.testing.assert_array_equal(getattr(again, name)(), getattr(syn, name)())
    assert found.t == 0.0 and found["E"].n == 60


def test_what_cannot_be_saved_or_read(tmp_path: Path):
    net = Network()
    net.add(CELL, 3)
    with pytest.raises(InputError, match="build it first"):
        net.save(tmp_path / "net")
    net.build(0.1)
    with pytest.raises(DataError, match="cannot write .*absent"):
        net.save(tmp_path / "absent" / "net")
    with pytest.raises(DataError, match="there is no file"):
        Network.load(tmp_path / "nothing")
    (tmp_path / "broken").write_bytes(b"no such thing")
    with pytest.raises(DataError, match="damaged, or no network"):
        Network.load(tmp_path / "broken")
    save_file({"a": np.zeros(1)}, tmp_path / "other")
    with pytest.raises(DataError, match="no network of schema 1"):
        Network.load(tmp_path / "other")


def test_a_file_that_lacks_an_array_or_names_a_stranger_is_refused(tmp_path: Path):
    net = rich()
    net.build(0.1)
    path = tmp_path / "net"
    net.save(path)
    from safetensors import safe_open

    with safe_open(path, framework="numpy") as file:
        data = json.loads(file.metadata()["spikelet"])
    arrays = load_file(path)

    def written(changed: dict, kept: dict) -> Path:
        save_file(kept, path, {"spikelet": json.dumps(changed)})
        return path

    with pytest.raises(DataError, match="no array 'state.E.v'"):
        Network.load(written(data, {name: a for name, a in arrays.items() if name != "state.E.v"}))
    with pytest.raises(DataError, match=r"'state.E.v' of the file has shape \(3,\)"):
        Network.load(written(data, arrays | {"state.E.v": np.zeros(3, np.float32)}))
    data["populations"][3]["model"]["kind"] = "Popen"
    with pytest.raises(DataError, match="'Popen', which is no source"):
        Network.load(written(data, arrays))


def test_a_process_that_is_killed_while_it_saves_leaves_a_whole_file(tmp_path: Path):
    path = tmp_path / "net"
    command = [sys.executable, "-c", SCRIPT, str(path)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    for pause in (0.0, 0.013, 0.031):
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
        assert process.stdout is not None
        assert process.stdout.readline() == "saved\n"
        time.sleep(pause)
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
        assert Network.load(path).t == pytest.approx(5.0)
