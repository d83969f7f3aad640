"""torch.compile and torch.export: one graph, the same numbers, and a file that needs no more than the operators."""

import subprocess
import sys

import pytest
import torch
from torch import nn
from torch._dynamo.testing import CompileCounterWithBackend

from spikelet import neurons
from spikelet.nn import Neurons, Recurrent, Residual, Sequential, detach


@pytest.fixture(autouse=True)
def _fresh():
    torch._dynamo.reset()
    yield
    torch._dynamo.reset()


# torch's own, when it traces a function with a gradient
TRACED = pytest.mark.filterwarnings("ignore:.*should not be instantiated:DeprecationWarning")
GAINS = {"AdEx": (4_000.0, 100_000.0)}  # of the weights, such that some neurons of either layer fire
MODELS = ["LIF", "ALIF", "CuBaLIF", "AdEx", "NoisyLIF", "LSNN", "HodgkinHuxley", "LoihiCuBa"]


def network(model, learn, *, layers=1, **options):
    torch.manual_seed(0)
    last = (*(("spikes",) if model.spiking else ()), model.states[0])
    parts = [nn.Linear(6, 5), Neurons(model, learn=learn, output=last, **options)]
    if layers == 2:
        parts = [nn.Linear(6, 6), Neurons(model, learn=learn, **options), *parts]
    with torch.no_grad():
        for part, gain in zip(parts[::2], GAINS.get(model.name, (20.0, 300.0)), strict=False):
            part.weight.mul_(gain)
    return Sequential(*parts)


def gradients(net, out):
    loss = sum((v * torch.arange(v.numel()).reshape(v.shape).cos()).sum() for v in out.values())
    return torch.autograd.grad(loss, list(net.parameters()), allow_unused=True)


@pytest.mark.parametrize(
    ("name", "learn", "layers"),
    [("LIF", (), 1), ("LIF", "all", 2), ("ALIF", "all", 1), ("CuBaLIF", "all", 1), ("AdEx", "all", 1),
     ("NoisyLIF", "all", 1)],
)  # fmt: skip
def test_a_compiled_network_is_one_graph(name, learn, layers):
    net, x = network(getattr(neurons, name), learn, layers=layers), 3 * torch.rand(12, 3, 6)
    compiled = torch.compile(net, fullgraph=True, backend="aot_eager")
    out, state = compiled(x, seed=3)
    expected, final = net(x, seed=3)
    assert expected["spikes"].sum() > 0
    for key in expected:
        assert torch.equal(out[key], expected[key])
    for layer, values in final.items():
        for key, value in values.items():
            assert torch.equal(state[layer][key], value)
    for ours, theirs in zip(gradients(net, out), gradients(net, expected), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-7)


@TRACED
@pytest.mark.parametrize("options", [{"memory": "low"}, {"backend": "torch_eager"}])
def test_options_compile(options):
    net, x = network(neurons.LIF, "tau_mem", **options), 3 * torch.rand(4, 3, 6)
    out, _ = torch.compile(net, fullgraph=True, backend="aot_eager")(x)
    expected, _ = net(x)
    assert torch.equal(out["spikes"], expected["spikes"])
    for ours, theirs in zip(gradients(net, out), gradients(net, expected), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-7)


@TRACED
def test_all_kinds_of_calls_compile(noisy):
    inner = Sequential(nn.Linear(4, 4), Recurrent(Neurons(noisy), nn.Linear(4, 4)))
    net = Sequential(nn.Linear(6, 4), Residual(inner), Neurons(noisy, output="v"))
    compiled = torch.compile(net, fullgraph=True, backend="aot_eager")
    x = torch.rand(2, 3, 6)
    calls = [{"lengths": torch.tensor([2, 1, 0])}, {"samples": torch.tensor([7, 8, 9]), "seed": 4}]
    for call in calls:
        torch.testing.assert_close(compiled(x, **call)[0], net(x, **call)[0])
    state = detach(net(x)[1])
    torch.testing.assert_close(compiled(x, state)[0], net(x, state)[0])
    torch.testing.assert_close(compiled(x[:1], steps=2)[0], net(x[:1], steps=2)[0])
    torch.testing.assert_close(compiled(x[:1].expand(2, 3, 6))[0], net(x[:1], steps=2)[0])


def test_seeds_and_sizes_compile_little(noisy):
    counter = CompileCounterWithBackend("aot_eager")
    net = Sequential(nn.Linear(6, 4), Neurons(noisy, learn="sigma", output="v"))
    compiled = torch.compile(net, fullgraph=True, backend=counter)
    x = torch.rand(12, 3, 6)
    for seed in (2, 3):
        compiled(x, seed=seed)
    before = counter.frame_count
    for seed in (4, 5, 2**62):
        torch.testing.assert_close(compiled(x, seed=seed)[0], net(x, seed=seed)[0])
    assert counter.frame_count == before
    for sizes in ((11, 4), (10, 5)):
        compiled(torch.rand(*sizes, 6), seed=5)
    before = counter.frame_count
    for sizes in ((9, 6), (70, 7)):
        x = torch.rand(*sizes, 6)
        torch.testing.assert_close(compiled(x, seed=5)[0], net(x, seed=5)[0])
    assert counter.frame_count == before


def test_a_compiled_transform(lif):
    layer, x = Neurons(lif, learn="tau_mem", dtype=torch.float64), 4 * torch.rand(20, 2, 3, dtype=torch.float64)

    def slope(tau):
        return torch.func.grad(lambda t: torch.func.functional_call(layer, {"tau_mem": t}, (x,))[1]["v"].sum())(tau)

    tau = torch.tensor(7.0, dtype=torch.float64)
    expected = slope(tau)
    assert expected != 0
    torch.testing.assert_close(torch.compile(slope, fullgraph=True, backend="aot_eager")(tau), expected)


@pytest.mark.parametrize(("name", "strict"), [*((name, False) for name in MODELS), ("CuBaLIF", True)])
def test_an_exported_network_gives_the_same(name, strict):
    net, x = network(getattr(neurons, name), "all"), 3 * torch.rand(12, 3, 6)
    if name == "LoihiCuBa":  # takes integers, so no linear layer stands before it
        net, x = Neurons(neurons.LoihiCuBa, output=("spikes", "u")), (20 * torch.rand(12, 3, 6)).long()
    program = torch.export.export(net, (x,), {"seed": 3}, strict=strict)
    calls = [n for n in program.graph.nodes if n.target is torch.ops.spikelet.scan.default]
    assert len(calls) == sum(isinstance(part, Neurons) for part in net.modules())
    out, expected = program.module()(x, seed=3)[0], net(x, seed=3)[0]
    for key in expected:
        assert torch.equal(out[key], expected[key])
    assert all(n.args[-1] == "none" for n in calls)  # an exported graph is to infer: nothing is saved


def test_an_exported_network_can_be_trained_after_all():
    net, x = network(neurons.LIF, "tau_mem"), 3 * torch.rand(12, 3, 6)
    module = torch.export.export(net, (x,)).module()
    names = [name for name, _ in net.named_parameters()]
    ours = gradients(module, module(x)[0])
    for name, theirs in zip(names, gradients(net, net(x)[0]), strict=True):
        found = dict(zip([n for n, _ in module.named_parameters()], ours, strict=True))
        torch.testing.assert_close(found[name], theirs, rtol=1e-5, atol=1e-7)


def test_an_exported_file_needs_only_the_operators(tmp_path, lif):
    net = Sequential(nn.Linear(6, 5), Neurons(lif, learn="tau_mem"), nn.Linear(5, 4), Neurons(lif, output="v"))
    time, batch = torch.export.Dim("time"), torch.export.Dim("batch")
    program = torch.export.export(net, (torch.rand(12, 3, 6),), dynamic_shapes=({0: time, 1: batch},))
    torch.export.save(program, tmp_path / "net.pt2")
    x = 20 * torch.rand(20, 7, 6)
    torch.save((x, net(x)[0].detach()), tmp_path / "expected.pt")
    code = (
        "import sys, torch, spikelet.backends.torch_ops\n"
        "module = torch.export.load(sys.argv[1] + '/net.pt2').module()\n"
        "x, expected = torch.load(sys.argv[1] + '/expected.pt')\n"
        "assert torch.equal(module(x)[0], expected)\n"
        "assert 'spikelet.nn' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True)
