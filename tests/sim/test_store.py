"""Recordings in a folder: what memory would hold, in bounded memory, whole after a kill, continued where they end."""

import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import threading
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.sim.test_record import network

from spikelet import neurons
from spikelet.errors import DataError, InputError
from spikelet.sim import store
from spikelet.sim.connect import one_to_one
from spikelet.sim.network import Network
from spikelet.sim.record import every
from spikelet.sim.result import NetworkResult, join
from spikelet.sim.sources import Poisson

SCRIPT = """
import sys
from spikelet.sim import store
from tests.sim.test_store import network, wanted
store._PATIENCE = 0.0  # seconds: write after each chunk
net = network()
net.build(0.1)
net.run(1000.0, record=wanted(net), to=sys.argv[1], each=20.0, call=lambda net: print(net.t, flush=True))
while True:
    net.run(1000.0, record=wanted(net), to=sys.argv[1])
"""


def wanted(net: Network) -> dict[Any, Any]:
    """Return one of everything that can be recorded."""
    learning = net.projections["learning"]
    return {
        "E": ["spikes", every(1.0, "v"), every(2.0, "rate")],
        net["E"][3:9]: ["v", "spikes"],
        "noise": every(1.0, "rate"),
        learning[:20]: every(5.0, "weights"),
        "fixed": every(20.0, "weights"),
    }


def assert_same(found: NetworkResult, whole: NetworkResult) -> None:
    assert (found.names, found.t_start, found.t_stop) == (whole.names, whole.t_start, whole.t_stop)
    assert found.spike_hash() == whole.spike_hash()
    for name in whole.names:
        a, b = found[name], whole[name]
        assert (a.n, tuple(a.states), a.fired is None) == (b.n, tuple(b.states), b.fired is None)
        np.testing.assert_array_equal(a.neurons, b.neurons)
        for state in b.states:
            np.testing.assert_array_equal(a[state], b[state])
            np.testing.assert_array_equal(a.times(state), b.times(state))
            assert a[state].dtype == b[state].dtype
        if b.fired is not None:
            for column in ("times", "ids", "neurons", "t_start", "t_stop", "n"):
                np.testing.assert_array_equal(getattr(a.spikes, column), getattr(b.spikes, column))
            assert a.rate() == b.rate()


@pytest.mark.parametrize("patience", [0.0, 1e9])
def test_a_folder_holds_what_memory_would(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, patience: float):
    monkeypatch.setattr(store, "_PATIENCE", patience)
    net, plain = network(), network()
    whole = plain.run(60.0, record=wanted(plain))
    found = net.run(60.0, record=wanted(net), to=tmp_path / "run.zarr")
    assert len(whole["E"].spikes) > 50 and whole["E[3:9]"]["v"].shape == (600, 6)
    assert_same(found, whole)
    assert_same(NetworkResult.open(tmp_path / "run.zarr"), whole)
    assert not found.interrupted


def test_a_run_is_continued_where_the_folder_ends(tmp_path: Path):
    path, net, plain = tmp_path / "run.zarr", network(), network()
    parts = [plain.run(t, record=wanted(plain)) for t in (20.0, 0.4, 29.6)]
    for part in parts:
        found = net.run(part.t_stop - part.t_start, record=wanted(net), to=path)
        assert_same(found, part)
    assert_same(NetworkResult.open(path), join(parts))
    middle = NetworkResult.open(path).between(19.0, 21.0)
    assert len(middle["E"]["v"]) == 2 and middle["E[3:9]"]["v"].shape == (20, 6)
    again = join(parts).between(19.0, 21.0)
    assert middle.spike_hash() == again.spike_hash()


def test_a_reader_of_zarr_opens_it(tmp_path: Path):
    zarr = pytest.importorskip("zarr")
    net = network()
    found = net.run(60.0, record=wanted(net), to=tmp_path / "run.zarr")
    group: Any = zarr.open_group(tmp_path / "run.zarr", mode="r")
    np.testing.assert_array_equal(group["E/spikes/times"][:], found["E"].spikes.times)
    np.testing.assert_array_equal(group["E/spikes/ids"][:], found["E"].spikes.ids)
    np.testing.assert_array_equal(group["E/v/values"][:], found["E"]["v"])
    np.testing.assert_array_equal(group["E/v/t"][:], found["E"].times("v"))
    np.testing.assert_array_equal(group["E_3_9/v/neurons"][:], np.arange(3, 9))
    np.testing.assert_array_equal(
        group["learning_0_20/weights/values"][2, 3:7], found["learning[0:20]"]["weights"][2, 3:7]
    )
    assert group.attrs["spikelet"]["dt"] == 0.1 and group["E/spikes/times"].shape[0] > 50


def test_any_names_make_folders_of_their_own(tmp_path: Path):
    names = ["E", "e", "a b", "a/b", "a_b", "..", "/", "α", "con:", "a" * 40]
    net = Network(2)
    for number, name in enumerate(names):
        net.add(Poisson(0.1 * (number + 1)), 5, name)
    net.add(neurons.LIF, 1, "quiet")
    found = net.run(50.0, record=names, to=tmp_path / "run.zarr")
    assert found.names == tuple(names)
    for number, name in enumerate(names):
        assert found[name].rate() == pytest.approx(0.1 * (number + 1), rel=0.5)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["run.zarr"]
    assert len({p.name.lower() for p in (tmp_path / "run.zarr").iterdir() if p.is_dir()}) == len(names)


def test_the_hash_of_many_spikes_is_taken_piece_by_piece(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    net = network()
    found = net.run(40.0, record=["E", "noise"], to=tmp_path / "run.zarr")
    whole = network().run(40.0, record=["E", "noise"]).spike_hash()
    monkeypatch.setattr("spikelet.sim.result._MANY", 1000)
    assert len(found["noise"].spikes) > 30_000
    assert found.spike_hash() == whole


def test_memory_is_bounded_while_a_run_is_streamed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A run that is 8 times as long needs no more memory, though it records 8 times as much: 3 and 66 MB."""
    monkeypatch.setattr(store, "_GATHERED", 2**20)

    def peak(t: float) -> tuple[int, int]:
        net = Network(1)
        noise, cells = net.add(Poisson(1.0), 400, "noise"), net.add(neurons.LIF(v_th=5.0), 400, "cells")
        net.connect(noise, cells, one_to_one(), to="v", weight=0.2)
        net.run(100.0, to=tmp_path / f"warm{t}", record={cells: "v"})
        tracemalloc.start()
        found = net.run(t, record={cells: ["v", "spikes"], noise: "spikes"}, to=tmp_path / f"{t}.zarr")
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        recorded = found["cells"].states["v"]
        return most, len(recorded) * 400 * 4 + len(found["noise"].spikes) * 12

    (short, few), (long, many) = peak(400.0), peak(3200.0)
    assert many > 7.5 * few and many > 60e6
    assert long < short + 2**20 and long < many / 6


def test_a_recording_can_be_read_while_it_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(store, "_PATIENCE", 0.0)
    whole, net, seen = network().run(40.0), network(), []

    def look(net: Network) -> None:
        found = NetworkResult.open(tmp_path / "run.zarr")
        seen.append(found.t_stop)
        assert found.interrupted and found.spike_hash() == whole.between(0.0, found.t_stop).spike_hash()

    net.run(40.0, to=tmp_path / "run.zarr", call=look)
    assert seen == pytest.approx([10, 20, 30, 40])
    assert not NetworkResult.open(tmp_path / "run.zarr").interrupted


# -- what goes wrong --------------------------------------------------------------------------------------------------


def test_what_was_flushed_before_a_kill_can_be_read_and_continued(tmp_path: Path):
    plain = network()
    whole = plain.run(1200.0, record=wanted(plain))
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    for number, lines in enumerate((1, 8)):
        path = tmp_path / f"{number}.zarr"
        command = [sys.executable, "-c", SCRIPT, str(path)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
        assert process.stdout is not None
        for _ in range(lines):
            reached = float(process.stdout.readline())
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
        found = NetworkResult.open(path)
        assert found.interrupted and reached <= found.t_stop + 1e-9 < 1200.0
        assert_same(found, whole.between(0.0, found.t_stop))
        net = network()
        net.run(found.t_stop)
        net.run(found.t_stop + 5.0 - net.t, record=wanted(net), to=path)
        again = NetworkResult.open(path)
        assert again.t_stop == pytest.approx(found.t_stop + 5.0)
        assert again.spike_hash() == whole.between(0.0, again.t_stop).spike_hash()


def test_a_network_goes_on_from_a_checkpoint_though_the_recording_is_longer(tmp_path: Path):
    """The process was killed after its last checkpoint: what was recorded since is recorded again, the same."""
    path, net, plain = tmp_path / "run.zarr", network(), network()

    def save(net: Network) -> None:
        if 29 < net.t < 31:
            net.save(tmp_path / "net")
            assert NetworkResult.open(path).t_stop == pytest.approx(net.t)  # the recording reaches as far

    net.run(47.0, record=wanted(net), to=path, call=save)
    loaded = Network.load(tmp_path / "net")
    assert loaded.t == pytest.approx(30.0)
    with pytest.raises(DataError, match="it ends at 47 ms, the network stands at 30 ms; overwrite=True replaces it"):
        loaded.run(30.0, record=wanted(loaded), to=path)
    loaded.run(30.0, record=wanted(loaded), to=path, overwrite=True)
    assert_same(NetworkResult.open(path), plain.run(60.0, record=wanted(plain)))


def test_what_stands_there_is_not_replaced_unless_it_is_said(tmp_path: Path):
    path = tmp_path / "run.zarr"
    network().run(5.0, to=path)
    for other in (network(), network(9)):
        with pytest.raises(DataError, match="there is a recording .*run.zarr already; .*overwrite=True replaces it"):
            other.run(5.0, to=path)
    assert NetworkResult.open(path).t_stop == 5.0
    found = network(9).run(7.0, to=path, overwrite=True)
    assert_same(found, network(9).run(7.0))
    assert sorted(p.name for p in tmp_path.iterdir()) == ["run.zarr"]


def test_folders_that_are_no_recordings_are_left_alone(tmp_path: Path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("all of it")
    for path in (tmp_path / "mine", tmp_path / "mine" / "thesis.tex"):
        with pytest.raises(DataError, match="is no recording of Spikelet; it is left as it is"):
            network().run(5.0, to=path, overwrite=True)
        with pytest.raises(DataError, match="no recording of Spikelet"):
            NetworkResult.open(path)
    with pytest.raises(DataError, match="cannot write .*: there is no folder .*absent"):
        network().run(5.0, to=tmp_path / "absent" / "run.zarr")
    with pytest.raises(InputError, match="a recording is a folder of zarr; name it run.zarr"):
        network().run(5.0, to=tmp_path / "run.h5")
    with pytest.raises(DataError, match="there is no recording .*nothing"):
        NetworkResult.open(tmp_path / "nothing")
    assert (tmp_path / "mine" / "thesis.tex").read_text() == "all of it"


def test_damage_is_told(tmp_path: Path):
    path = tmp_path / "run.zarr"
    network().run(5.0, to=path)
    progress = json.loads((path / "progress.json").read_text())
    (path / "progress.json").write_text(json.dumps({**progress, "rows": {"E/spikes": 10**6, "I/spikes": 0}}))
    with pytest.raises(DataError, match="E/spikes/times is shorter than progress.json says"):
        NetworkResult.open(path)
    (path / "progress.json").write_text("{")
    with pytest.raises(DataError, match="progress.json is damaged"):
        NetworkResult.open(path)


def test_a_full_disk_ends_the_run_and_leaves_what_was_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A file may not grow beyond some kB: what a process hears then is what it hears of a full disk."""
    monkeypatch.setattr(store, "_PATIENCE", 0.0)
    path, net = tmp_path / "run.zarr", network()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    net.run(1.0, record="noise", to=path)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
    try:
        with pytest.raises(
            DataError, match=r"cannot write .*run.zarr: File too large; the recording ends at \d+ ms"
        ) as told:
            net.run(3000.0, record="noise", to=path, each=3.0, call=lambda net: None)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    found = NetworkResult.open(path)
    assert 1.0 < found.t_stop < net.t < 3000.0
    assert found.spike_hash() == network().run(found.t_stop, record="noise").spike_hash()
    assert told.value.result.t_stop == found.t_stop


def test_ctrl_c_ends_a_streamed_run_and_keeps_what_was_simulated(tmp_path: Path):
    path, net = tmp_path / "run.zarr", network()
    net.build(0.1)
    timer = threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    result = net.run(1e7, to=path)
    timer.join()
    assert result.interrupted and 0 < result.t_stop < 1e7
    assert NetworkResult.open(path).interrupted
    assert_same(result, network().run(round(result.t_stop, 3)))
    net.run(5.0, to=path)
    found = NetworkResult.open(path)
    assert not found.interrupted
    assert found.spike_hash() == network().run(round(found.t_stop, 3)).spike_hash()


def test_an_error_is_not_hidden_by_a_folder_that_has_gone(tmp_path: Path):
    path = tmp_path / "run.zarr"

    def stumble(net: Network) -> None:
        shutil.rmtree(path)
        raise ZeroDivisionError("mine")

    with pytest.raises(ZeroDivisionError, match="mine") as told:
        network().run(20.0, to=path, call=stumble)
    assert "could not be kept: cannot write" in told.value.__notes__[0]
