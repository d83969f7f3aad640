"""Columns, rates and names of what a network recorded."""

import hashlib
import struct
import sys
import types
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from spikelet import neurons
from spikelet.errors import InputError
from spikelet.sim.network import Network
from spikelet.sim.recording import Recording
from spikelet.sim.result import NetworkResult, join
from spikelet.sim.spikes import Spikes

DT = 0.1


def spikes(pairs: list[tuple[int, int]], n: int = 4, start: int = 0, stop: int = 20) -> Spikes:
    k, ids = (np.array(column, np.int64) for column in (zip(*pairs, strict=True) if pairs else ((), ())))
    return Spikes((k + 1) * DT, ids.astype(np.int32), n, DT, start * DT, stop * DT)


def result(start: int = 0, stop: int = 20, shift: int = 0) -> NetworkResult:
    t = np.arange(start + 5, stop + 1, 5) * DT
    e = [(start + shift, 1), (start + 3, 0), (start + 3, 3), (start + 9, 1)]
    i = [(start + 3, 2), (start + 4, 0)]
    v = np.outer(t, [1.0, 10.0])
    held = {
        "E": Recording("E", 4, spikes(e, 4, start, stop), {"v": t}, {"v": v}, np.array([0, 2])),
        "I": Recording("I", 3, spikes(i, 3, start, stop)),
        "V": Recording("V", 2, None, {"v": t}, {"v": v}),
    }
    return NetworkResult(held, DT, start * DT, stop * DT)


# -- spikes -----------------------------------------------------------------------------------------------------------


def test_counts_and_rates() -> None:
    given = spikes([(0, 1), (3, 0), (9, 1), (9, 1)])
    assert len(given) == 4
    assert given.counts().tolist() == [1, 3, 0, 0]
    np.testing.assert_allclose(given.rates(), [0.5, 1.5, 0, 0])
    assert given.rate() == pytest.approx(0.5)
    assert given.rate() == pytest.approx(given.rates().mean())


def test_no_spikes() -> None:
    given = spikes([])
    assert len(given) == 0
    assert given.counts().tolist() == [0, 0, 0, 0]
    assert given.rate() == 0


def test_a_stretch_has_its_own_duration() -> None:
    assert spikes([(25, 0)], n=1, start=20, stop=30).rate() == pytest.approx(1.0)


def test_steps_come_back_from_times() -> None:
    k = np.array([0, 2, 5, 6, 28, 10**6, 10**9])
    for dt in (0.1, 0.05, 1 / 3):
        assert Spikes((k + 1) * dt, k.astype(np.int32), 1, dt, 0.0, 1.0).steps.tolist() == k.tolist()


def test_some_neurons() -> None:
    given = spikes([(0, 1), (3, 0), (3, 3), (9, 1), (12, 3)])
    some = given.of([3, 1])
    assert some.ids.tolist() == [1, 3, 1, 3]
    assert some.steps.tolist() == [0, 3, 9, 12]
    assert some.counts().tolist() == [2, 2]
    assert some.rate() == pytest.approx(1.0)
    assert given.of(2).rate() == 0
    assert given.of(0).counts().tolist() == [1]
    assert some.of([0, 1]).neurons is not None
    assert some.of([0, 1]).counts().tolist() == [2]


@pytest.mark.parametrize(
    ("ids", "text"),
    [
        (4, "there is no neuron 4; ids are 0 to 3"),
        ([-1, 2], "no neuron -1"),
        (0.5, "expected ids"),
        ([], "expected ids"),
    ],
)
def test_neurons_that_are_not_there(ids: Any, text: str) -> None:
    with pytest.raises(InputError, match=text):
        spikes([(0, 1)]).of(ids)


# -- recordings -------------------------------------------------------------------------------------------------------


def test_a_recording_holds_states_and_spikes() -> None:
    held = result()["E"]
    assert held["v"].shape == (len(held.t), 2)
    assert held.spikes.ids.tolist() == [1, 0, 3, 1]
    assert held.rate() == held.spikes.rate() == pytest.approx(4 / 4 / 2.0)


def test_what_was_not_recorded_is_named() -> None:
    held = result()
    with pytest.raises(InputError, match="E: 'u' was not recorded; ask for it with record={'E': \\('v', 'u'\\)}"):
        held["E"]["u"]
    with pytest.raises(InputError, match="E: 'V' was not recorded; did you mean 'v'?"):
        held["E"]["V"]
    with pytest.raises(InputError, match="I: 'v' was not recorded; ask for it with record={'I': 'v'}"):
        held["I"]["v"]
    with pytest.raises(InputError, match="V: spikes were not recorded; ask for them with record={'V': 'spikes'}"):
        held["V"].rate()


def test_a_population_is_found_by_name_or_by_itself() -> None:
    held = result()
    assert held.names == ("E", "I", "V")
    assert held[types.SimpleNamespace(name="I")] is held["I"]


def test_a_population_that_is_not_there() -> None:
    held = replace(result(), recordings={"exc": Recording("exc", 1)})
    with pytest.raises(InputError, match="the result holds no population 'ex'; did you mean 'exc'?"):
        held["ex"]
    with pytest.raises(InputError, match="the result holds no population 'xyzzy'; there is exc"):
        held["xyzzy"]
    with pytest.raises(InputError, match="the result holds no population 3; there is exc"):
        held[3]


def test_times_of_steps() -> None:
    np.testing.assert_array_equal(result(20, 24).t, np.array([21, 22, 23, 24]) * DT)


# -- hash and join ----------------------------------------------------------------------------------------------------


def test_the_hash_is_that_of_step_and_id_in_order() -> None:
    pairs = [(0, 1), (3, 0), (3, 3), (3, 4 + 2), (4, 4), (9, 1)]
    right = hashlib.sha256(b"".join(struct.pack("<qq", *pair) for pair in pairs)).hexdigest()
    assert result().spike_hash() == right


def test_the_hash_sees_step_id_and_population() -> None:
    given = result()
    seen = {given.spike_hash(), result(shift=1).spike_hash()}
    e, i = given["E"], given["I"]
    moved = spikes([(0, 2), (3, 0), (3, 3), (9, 1)])
    seen.add(replace(given, recordings={**given.recordings, "E": replace(e, fired=moved)}).spike_hash())
    swapped = {"E": replace(e, fired=spikes([(3, 2), (4, 0)])), "I": replace(i, n=4, fired=e.fired)}
    seen.add(replace(given, recordings={**given.recordings, **swapped}).spike_hash())
    seen.add(replace(given, recordings={}).spike_hash())
    assert len(seen) == 5


def test_stretches_join_to_the_whole() -> None:
    parts = [result(0, 20), result(20, 30), result(30, 50)]
    whole = join(parts)
    assert (whole.t_start, whole.t_stop) == (0, 5.0)
    assert len(whole["E"].spikes) == 12
    assert whole["E"].spikes.rate() == pytest.approx(12 / 4 / 5.0)
    np.testing.assert_allclose(whole["E"].t, np.arange(5, 51, 5) * DT)
    np.testing.assert_allclose(whole["E"]["v"][:, 1], 10 * whole["E"].t)
    assert whole["V"].fired is None
    k = np.concatenate([part["E"].spikes.steps for part in parts])
    np.testing.assert_array_equal(whole["E"].spikes.steps, k)


def test_stretches_that_do_not_fit_are_refused() -> None:
    with pytest.raises(InputError, match="join: a result begins at 3 ms, but the one before ends at 2 ms"):
        join([result(0, 20), result(30, 50)])
    other = result(20, 30)
    with pytest.raises(InputError, match="join: a result holds E, but the one before E, I, V"):
        join([result(0, 20), replace(other, recordings={"E": other["E"]})])
    less = {**other.recordings, "E": replace(other["E"], states={})}
    with pytest.raises(InputError, match="join: of E the results hold different things"):
        join([result(0, 20), replace(other, recordings=less)])
    with pytest.raises(InputError, match="join: no results"):
        join([])


# -- frames -----------------------------------------------------------------------------------------------------------


class Frame:
    """As much of a frame of pandas as is used."""

    def __init__(self, columns: dict):
        self.columns, self.index = {name: list(values) for name, values in columns.items()}, None

    def set_axis(self, labels: np.ndarray, axis: int) -> "Frame":
        assert axis == 0
        self.index = list(labels)
        return self

    def rename_axis(self, name: str) -> "Frame":
        self.axis = name
        return self


def test_frames_have_the_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", types.SimpleNamespace(DataFrame=Frame))
    frame: Any = result().to_pandas()
    assert list(frame.columns) == ["population", "time", "id"]
    assert frame.columns["population"] == ["E"] * 4 + ["I"] * 2
    assert frame.columns["id"] == [1, 0, 3, 1, 2, 0]
    held = result()["E"]
    spikes_frame: Any = held.to_pandas()
    assert list(spikes_frame.columns) == ["time", "id"]
    states: Any = held.to_pandas("v")
    assert list(states.columns) == [0, 2]
    assert states.index == list(held.t)
    assert states.columns[2] == list(held["v"][:, 1])


def test_frames_of_pandas_itself() -> None:
    pytest.importorskip("pandas")
    frame = result().to_pandas()
    assert frame.groupby("population").size().to_dict() == {"E": 4, "I": 2}
    states = result()["E"].to_pandas("v")
    assert states.columns.tolist() == [0, 2]
    assert states.index.name == "t"


def test_without_pandas_the_error_tells_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ModuleNotFoundError, match="to_pandas needs pandas, which is not installed: pip install pandas"):
        result()["E"].spikes.to_pandas()


def test_a_result_is_shown_by_what_it_holds_not_by_its_numbers():
    net = Network()
    cells = net.add(neurons.LI(tau_mem=10.0), 2000, "cells")
    fired = net.add(neurons.LIF(tau_mem=10.0), 3, "fired")
    out = net.run(10.0, dt=0.5, record={cells: "v", fired: ["spikes", "v"]})
    assert repr(out) == "NetworkResult(0 to 10 ms, dt = 0.5 ms: cells, fired)"
    assert repr(out[fired]) == "Recording('fired', n = 3: spikes, v)"
    assert repr(out[cells]) == "Recording('cells', n = 2000: v)"
