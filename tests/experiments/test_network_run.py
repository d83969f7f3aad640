"""The numbers of a run, against what a network's own result tells."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

from spikelet.errors import InputError
from spikelet.experiments import network_run, networks
from spikelet.sim import session
from spikelet.sim.result import NetworkResult


@pytest.fixture(scope="module")
def outcome() -> network_run.Outcome:
    return network_run.run("vogels-abbott-cuba", scale=0.25, time=300.0, discard=100.0, seed=4)


def test_numbers_are_those_of_the_network(outcome: network_run.Outcome) -> None:
    net = networks.vogels_abbott_cuba(0.25, 4)
    whole = net.run(300.0)
    numbers, inner = outcome.numbers, list(net.projections.values())
    assert (numbers["network"], numbers["time_ms"], numbers["discard_ms"]) == ("vogels-abbott-cuba", 300.0, 100.0)
    assert numbers["neurons"] == 1000 and numbers["synapses"] == sum(map(len, inner))
    rates, total = {}, 0
    for name, projection in zip(("E", "I"), inner, strict=True):
        late = whole[name].spikes.ids[whole[name].spikes.times > 100.0 + 1e-6]
        rates[name] = len(late) / (whole[name].n * 0.2)
        total += np.bincount(projection.sources(), minlength=whole[name].n)[late].sum()
    assert rates["E"] > 1
    assert numbers["rates_hz"] == pytest.approx(rates, rel=1e-5)
    assert network_run.events(net, whole) > total  # those of the beginning too
    assert network_run.events(net, outcome.result) == total
    assert 0 < numbers["cv_isi"] < 2 and 0 < numbers["synchrony"] < 1
    assert numbers["build_s"] > 0 and numbers["core_s_per_bio_s"] > 0 and numbers["events_per_s"] > 0
    assert numbers["peak_rss_mb"] is None or numbers["peak_rss_mb"] > 10
    json.dumps(numbers, allow_nan=False)


def test_the_hash_is_that_of_all_spikes_in_order(outcome: network_run.Outcome) -> None:
    whole = networks.vogels_abbott_cuba(0.25, 4).run(300.0)
    E, I = whole["E"].spikes, whole["I"].spikes
    pairs = sorted(zip([*E.steps, *I.steps], [*E.ids, *(I.ids + 800)], strict=True))
    assert outcome.numbers["spike_hash"] == hashlib.sha256(np.array(pairs, "<i8").tobytes()).hexdigest()


def test_a_tenth_is_left_out_unless_told() -> None:
    numbers = network_run.run("izhikevich", scale=0.1, time=55.0).numbers
    assert (numbers["time_ms"], numbers["discard_ms"]) == (55.0, 6.0)  # whole steps of 1 ms
    assert network_run.run("izhikevich", scale=0.1, time=5.0, discard=0.0).numbers["discard_ms"] == 0


def test_threads_change_no_spike(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "_LONG", 0)
    one, two = (network_run.run("brunel", scale=0.1, time=60.0, threads=threads).numbers for threads in (1, 2))
    assert (one["threads"], two["threads"]) == (1, 2)
    assert one["rates_hz"]["E"] > 1
    assert two["spike_hash"] == one["spike_hash"]


def test_spikes_are_recorded_into_a_folder_the_beginning_too(tmp_path: Path) -> None:
    outcome = network_run.run("izhikevich", scale=0.1, time=60.0, to=tmp_path / "run.zarr")
    whole = NetworkResult.open(tmp_path / "run.zarr")
    assert (whole.t_start, whole.t_stop) == (0.0, 60.0) and len(whole["E"].spikes) > 10
    assert whole.spike_hash() == outcome.numbers["spike_hash"]
    assert outcome.numbers["spike_hash"] == network_run.run("izhikevich", scale=0.1, time=60.0).numbers["spike_hash"]


def test_what_cannot_be_told_is_null() -> None:
    numbers = network_run.run("brunel", scale=0.01, time=0.5).numbers
    assert numbers["cv_isi"] is None and numbers["synchrony"] is None
    assert numbers["rates_hz"] == {"E": 0.0, "I": 0.0}
    assert "unknown" in network_run.text(numbers)


def test_the_text_tells_the_numbers(outcome: network_run.Outcome) -> None:
    text = network_run.text(outcome.numbers)
    assert text.startswith("vogels-abbott-cuba: 1,000 neurons, ")
    assert f"E {outcome.numbers['rates_hz']['E']:8.3f} Hz" in text


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"threads": 0}, "--threads must be at least 1, not 0"),
        ({"time": 0.0}, "--time must be positive, not 0 ms"),
        ({"time": float("inf")}, "--time must be positive, not inf ms"),
        ({"time": 10.0, "discard": 10.0}, "--discard must be at least 0 and less than the time of 10 ms, not 10 ms"),
        ({"discard": -1.0}, "--discard must be at least 0 and less than the time of 1000 ms, not -1 ms"),
    ],
)
def test_mistakes_are_named(how: dict, message: str) -> None:
    with pytest.raises(InputError, match=message):
        network_run.run("brunel", **how)


def test_a_figure_shows_the_spikes_and_rates(outcome: network_run.Outcome, tmp_path: Path) -> None:
    network_run.draw(outcome, tmp_path / "a.png")
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
