"""The jobs of the benchmarks are equal where they say so, and every script runs. Nothing here looks at a time."""

import json
import math
import sys
import weakref
from pathlib import Path

import pytest
import torch
from benchmarks import (
    article_net,
    conv_net,
    encode_poisson,
    events_read,
    first_call,
    floors,
    gpu_layer,
    lif_layer,
    linear_lif,
    memory,
    models,
    networks,
    parse_time,
    peers,
    plastic_layer,
    rsnn,
    rule_events,
    saved,
    sim_brunel,
    sim_hpc,
    sim_izhikevich,
    sim_microcircuit,
    sim_stdp,
    sim_storage,
    sim_vogels_abbott,
    simulator,
)
from benchmarks.harness import FIELDS, FLOOR, OURS, Options
from benchmarks.peers import torch_loop
from benchmarks.race import once
from torch import nn

import spikelet as sl
from spikelet import neurons

ROOT = Path(__file__).parent.parent
QUICK = Options(quick=True, record=False, rounds=1, peers=("torch_loop",), threads=1)


@pytest.fixture(autouse=True)
def _own_threads(monkeypatch):
    monkeypatch.setenv("SPIKELET_THREADS", "1")


def test_hand_written_loop_does_our_job_spike_by_spike_and_to_the_gradient():
    jobs, missing = lif_layer.jobs((60, 3, 40), ("torch_loop",))
    assert not missing
    results = {}
    for name in (OURS, "torch_loop"):
        jobs[name].prepare()
        spikes = jobs[name].forward()
        gradient: list[torch.Tensor] = []
        spikes.register_hook(gradient.append)
        jobs[name].backward(spikes)
        results[name] = spikes.detach(), gradient[0]
    (ours, upstream), (theirs, same) = results.values()
    assert 0.01 < ours.mean() < 0.2
    assert torch.equal(ours, theirs)
    assert torch.equal(upstream, same)


def test_hand_written_loop_has_our_input_gradient():
    torch.manual_seed(0)
    x = (0.06 + 0.3 * torch.randn(60, 3, 40)).requires_grad_()
    upstream = torch.randn(60, 3, 40)
    gradients = []
    for network in (sl.nn.Neurons(lif_layer.LIF), torch_loop.lif((40,))):
        job = networks.training(network, x, upstream, clear=[x])
        job.prepare()
        job.backward(job.forward())
        gradients.append(x.grad.clone())
    assert gradients[0].abs().max() > 0.1
    torch.testing.assert_close(gradients[0], gradients[1], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("script", "shape"), [(linear_lif, (40, 3, 30)), (rsnn, (40, 3, 30, 20, 5)), (conv_net, (8, 2))], ids=str
)
def test_networks_give_what_ours_give(script, shape):
    jobs, _ = script.jobs(shape, ("torch_loop",))
    ours, theirs = (jobs[name].forward().detach() for name in (OURS, "torch_loop"))
    assert ours.abs().mean() > 1e-3
    torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4)


def test_hoisted_network_gives_what_the_whole_pass_gives():
    torch.manual_seed(0)
    net, image = networks.article(torch_loop, 30, 20, 5), torch.rand(4, 30)
    assert torch.equal(article_net.hoisted(net, 6)(image), net(image.expand(6, 4, 30)))


def test_training_clears_gradients_and_steps_the_optimiser():
    net = nn.Linear(3, 2)
    before = net.weight.detach().clone()
    adam = torch.optim.Adam(net.parameters(), lr=0.1)
    job = networks.training(net, torch.ones(5, 4, 3), loss=lambda y: y.sum(), optimizer=adam, clear=net.parameters())
    for _ in range(2):
        job.prepare()
        job.backward(job.forward())
    assert torch.equal(net.weight.grad, torch.full((2, 3), 20.0))  # of one pass, not of two
    assert not torch.equal(net.weight, before)


@pytest.mark.parametrize("peer", ["snntorch", "spyx"])
def test_a_peer_that_cannot_be_imported_is_told_with_its_reason(peer, monkeypatch):
    monkeypatch.delitem(sys.modules, f"benchmarks.peers.{peer}", raising=False)
    for package in ("snntorch", "jax"):
        monkeypatch.setitem(sys.modules, package, None)
    (line,) = lif_layer.lines(Options(quick=True, record=False, rounds=1, peers=("torch_loop", peer), threads=1))
    assert line["peer"][peer] is None
    assert line["missing"][peer].startswith("ModuleNotFoundError: import of ")
    assert line["ratio"]["torch_loop"] > 0


SIMULATOR = (
    rule_events,
    sim_brunel,
    sim_hpc,
    sim_izhikevich,
    sim_microcircuit,
    sim_stdp,
    sim_storage,
    sim_vogels_abbott,
)


@pytest.mark.parametrize(
    "script",
    [
        lif_layer,
        linear_lif,
        article_net,
        rsnn,
        conv_net,
        encode_poisson,
        events_read,
        memory,
        models,
        parse_time,
        plastic_layer,
        *SIMULATOR,
    ],
    ids=lambda s: s.__name__,
)
def test_script_runs(script):
    lines = list(script.lines(QUICK))
    assert lines
    for line in lines:
        assert set(FIELDS) <= set(line)
        assert f"benchmarks.{line['name']}" == script.__name__
        json.dumps(line, allow_nan=False)


def test_encoders_and_torch_draw_from_the_same_laws():
    shape = (400, 4, 100)
    for name, pair in encode_poisson.jobs(shape).items():
        ours, theirs = (pair[who]() for who in (OURS, encode_poisson.TORCH))
        assert ours.shape == theirs.shape == shape and ours.dtype == theirs.dtype
        counts = [spikes.double().mean(0) for spikes in (ours, theirs)]
        mean = 0.05  # of rates from 0 to 100 Hz
        assert all(abs(float(c.mean()) - mean) < 0.004 for c in counts), name
        assert float(torch.corrcoef(torch.stack(counts).flatten(1))[0, 1]) > 0.8  # pixel by pixel


def test_other_simulators_run_in_their_own_python(monkeypatch, tmp_path):
    case, options = simulator.Case("brunel"), Options(True, False, 1, ("brian2", "nest"), 1)
    python = tmp_path / "python"
    monkeypatch.setenv("SIMULATORS", str(python))
    found, missing = simulator.others(case, 0.1, options)
    assert not found and all(text.startswith(f"there is no {python}") for text in missing.values())
    program = 'case "$1 $2 $3" in *brian2_networks.py*brunel*0.1) echo compiling; echo "{\\"rate_hz\\": 2}";; '
    python.write_text(f'#!/bin/sh\n{program} *) echo "Error: no" >&2; exit 1;; esac\n')
    python.chmod(0o755)
    assert simulator.others(case, 0.1, options) == ({"brian2": {"rate_hz": 2}}, {"nest": "Error: no"})
    alone = simulator.Case("brunel", alone="too large")
    assert simulator.others(alone, 0.1, options) == ({}, {"brian2": "too large", "nest": "too large"})


@pytest.mark.parametrize("drive", ["poisson", "current"])
def test_microcircuit_as_lists_has_all_of_its_synapses(drive):
    told = json.loads(simulator.layers(simulator.Case("microcircuit", more=(("drive", drive),)), 0.1))
    assert sum(told["sizes"]) == 7717
    assert sum(n for _, _, n, _ in told["synapses"]) == 2_988_686
    numbers = [round(number, 6) for number, _ in told["drives"]]
    assert numbers == ([160, 150, 210, 190, 200, 190, 290, 210] if drive == "poisson" else [0] * 8)
    assert all((weight > 0) == (source % 2 == 0) for source, _, _, weight in told["synapses"])


def test_gpu_script_runs_on_a_cpu_when_quick():
    lines = list(gpu_layer.lines(Options(quick=True, record=False, rounds=1, peers=(), threads=1), "cpu"))
    assert [line["shape"][0] for line in lines] == ["LIF", "AdEx", "ALIF", "User"]
    assert all(line["device"] == "cpu" and FLOOR in line["ratio"] for line in lines)


def test_models_claim_every_entry_once():
    assert set(models.MODELS) == {"CuBaLIF", "ALIF", "Izhikevich", "AdEx", "HodgkinHuxley", "User"}
    rates = [networks.rate(models.job(m, 1.0, (1.2, 6.0), (50, 2, 40))) for m in (models.USER, neurons.ALIF)]
    assert rates[0] == rates[1] > 0.01  # the user's model is ALIF under other names


def test_memory_floor_moves_24_bytes_per_element(monkeypatch):
    moved = []

    def add(one, other):
        moved.append(sum(part.numel() * part.element_size() for part in (one, other, one)))  # two read, one written

    monkeypatch.setattr(torch, "add", add)
    once(floors.memory(torch.empty(5, 2, 3)))
    assert sum(moved) == 24 * 30


@pytest.mark.parametrize("name", neurons.entries())
def test_first_call_can_make_a_layer_of_every_entry(name):
    layer = first_call.make(neurons.entries()[name])
    assert layer.model.name == neurons.entries()[name].name


# -- what is saved for the backward pass ------------------------------------------------------------------------------


def test_kept_bytes_count_each_storage_once_and_no_parameters():
    x, linear = torch.ones(10, 6), nn.Linear(6, 4, bias=False)
    assert saved.kept_bytes(lambda: linear(x), without=linear.parameters()) == 4 * (60 + 40)  # its input, its output
    assert saved.kept_bytes(lambda: linear(x), without=linear.parameters(), output=False) == 4 * 60
    rows = torch.ones(10, 6, requires_grad=True)
    assert saved.kept_bytes(lambda: sum((row.square() for row in rows.unbind(0)), 0.0), output=False) == 4 * 60


def test_kept_bytes_leave_out_what_was_dropped_again():
    x = torch.ones(100, requires_grad=True)
    dropped: list[weakref.ref] = []

    def forward():
        squares = x.exp().detach()  # the graph of exp, which saved its result, is gone
        dropped.append(weakref.ref(squares))
        return x * 2.0

    assert saved.kept_bytes(forward, output=False) == 0
    assert dropped[0]() is None


# -- the peers' environment -------------------------------------------------------------------------------------------


def test_every_peer_has_a_line_with_pinned_packages_and_none_of_them_is_torch():
    text = (ROOT / "benchmarks" / "peers.txt").read_text()
    rows = [line.partition(":") for line in text.splitlines() if line and not line.startswith("#")]
    packages = {name: parts.split() for name, _, parts in rows}
    assert set(peers.ALL) - {"torch_loop"} <= set(packages)
    assert all("==" in package for listed in packages.values() for package in listed)
    assert not any(package.startswith(("torch==", "nvidia")) for listed in packages.values() for package in listed)


def test_every_peer_keeps_the_same_of_its_membrane():
    assert torch_loop.BETA == 0.95
    assert lif_layer.LIF.parameters["tau_mem"] == -1 / math.log(torch_loop.BETA)
