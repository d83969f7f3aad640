"""Which back end a layer uses, what it compiles, and how it gets on with threads, processes and changed parameters."""

import copy
import pickle
import sys
import threading

import numpy as np
import pytest
import torch
from torch import nn

from spikelet import Neuron, neurons
from spikelet.backends import llvm_cpu, llvm_jit
from spikelet.errors import BackendError, InputError, ParameterError, ShapeError
from spikelet.nn import Neurons, Recurrent, Residual, Sequential, linear_ops


def drive(*shape, scale=4.0, seed=1, dtype=torch.float32):
    return scale * torch.rand(shape, dtype=dtype, generator=torch.Generator().manual_seed(seed))


@pytest.fixture
def kernel_calls(monkeypatch):
    """Count what the fused kernel runs."""
    calls, real = [], llvm_cpu.forward

    def watched(*arguments, **options):
        calls.append(options["save"])
        return real(*arguments, **options)

    monkeypatch.setattr(llvm_cpu, "forward", watched)
    return calls


# -- the choice --------------------------------------------------------------------------------------------------------


def test_the_choice_is_told_and_made(lif, kernel_calls):
    x = drive(3, 1, 2)
    for backend, calls in (("auto", 1), ("llvm_cpu", 1), ("torch_eager", 0)):
        layer = Neurons(lif, backend=backend)
        kernel_calls.clear()
        layer(x)
        assert len(kernel_calls) == calls
        assert layer.explain().startswith("llvm_cpu: " if calls else "torch_eager: ")
        assert layer.explain(x) == layer.explain({"I": x}) == layer.explain()
        asked = f"backend={backend!r}"
        assert (asked in layer.explain()) == (asked in repr(layer)) == (backend != "auto")


def test_on_another_device_the_choice_is_another(lif):
    layer = Neurons(lif).to("meta")
    assert layer.explain() == "torch_eager: x is on meta, and the fused kernel 'llvm_cpu' is for CPUs"
    assert layer.explain(torch.zeros(1, 1, 1)).startswith("llvm_cpu")
    assert layer(torch.ones(3, 1, 2, device="meta"))[0].is_meta
    named = Neurons(lif, backend="llvm_cpu").to("meta")
    with pytest.raises(BackendError, match=r"Neurons\(LIF\): backend='llvm_cpu' cannot run this: x is on meta"):
        named(torch.ones(3, 1, 2, device="meta"))
    with pytest.raises(BackendError, match="cannot run this"):
        named.explain()


def test_a_model_that_the_kernel_does_not_do(lif, monkeypatch, kernel_calls):
    monkeypatch.setitem(llvm_cpu.UNSUPPORTED, "LIF", "it is a Tuesday")
    layer = Neurons(lif)
    assert layer.explain() == "torch_eager: the fused kernel 'llvm_cpu' does not do LIF: it is a Tuesday"
    layer(drive(3, 1, 2))
    assert not kernel_calls
    with pytest.raises(BackendError, match="cannot run this: .* it is a Tuesday"):
        Neurons(lif, backend="llvm_cpu")(drive(3, 1, 2))


def test_nothing_is_saved_where_no_gradient_will_be_asked_for(lif, kernel_calls):
    x = drive(3, 1, 2)
    Neurons(lif)(x)
    Neurons(lif, learn="tau_mem")(x)
    Neurons(lif, memory="low")(x.requires_grad_())
    with torch.no_grad():
        Neurons(lif, learn="tau_mem")(x)
    assert kernel_calls == ["none", "fast", "low", "none"]


def test_mistakes(lif):
    with pytest.raises(InputError, match=r"Neurons\(LIF\): memory is 'slow', expected one of \('fast', 'low'\)"):
        Neurons(lif, memory="slow")
    with pytest.raises(BackendError, match=r"no back end 'llvm', expected one of .*did you mean 'llvm_cpu'"):
        Neurons(lif, backend="llvm")
    layer = Neurons(lif)
    with pytest.raises(ShapeError, match=r"steps=5 holds one step of x, expected \(1, B, \*N\), input 'I' has 2 steps"):
        layer(drive(2, 1, 3), steps=5)
    for steps in (0, 2.0, True):
        with pytest.raises(InputError, match=r"Neurons\(LIF\): steps is .*, expected a positive integer"):
            layer(drive(1, 1, 3), steps=steps)
    with pytest.raises(InputError, match=r"input 'I' is torch.complex64, expected real numbers"):
        layer(torch.zeros(2, 1, 3, dtype=torch.complex64))
    with pytest.raises(
        ShapeError, match=r"Sequential: steps=5 holds one step, expected \(1, B, \*N\), x is \(2, 1, 3\)"
    ):
        Sequential(nn.Linear(3, 3), layer)(drive(2, 1, 3), steps=5)


# -- what is compiled --------------------------------------------------------------------------------------------------


def modules_made():
    return sum(llvm_jit.COMPILED.values())


@pytest.mark.parametrize("model", [neurons.LIF, neurons.AdEx, neurons.NoisyLIF])
def test_other_values_compile_nothing(model):
    def train(model, t=5, batch=2, count=3, seed=0, **options):
        layer = Neurons(model, learn="all", **options)
        layer(drive(t, batch, count).requires_grad_(), seed=seed)[0].sum().backward()
        with torch.no_grad():
            layer(drive(t, batch, count), seed=seed)

    train(model)
    before = modules_made()
    train(model, t=9)
    train(model, batch=7)
    train(model, count=2000)
    train(model, seed=5)
    for name in ("v_th", "v_rest"):
        train(model(**{name: model.parameters[name] + 0.1}))
    train(model, dt=0.5)
    assert modules_made() == before


def test_refractoriness_and_tables_are_kernels_of_their_own():
    before = modules_made()
    model = Neuron("Mine", "dv/dt = (I - v)/tau : 1; I : 1 (input); tau = 7 ms; ref = 1 ms", threshold="v > 0.7",
                   reset="v = 0.1", refractory="ref")  # fmt: skip
    for values in ({}, {"ref": 0.0}, {"tau": np.array([5.0, 6.0])}):
        Neurons(model(**values))(drive(3, 1, 2))
    made = modules_made()
    assert made - before == 3
    for values in ({"ref": 3.0}, {"tau": np.array([5.5, 9.0])}, {"tau": 4.0}):
        Neurons(model(**values))(drive(3, 1, 2))
    assert modules_made() == made


# -- parameters that change --------------------------------------------------------------------------------------------


def changed_by_fill(layer):
    with torch.no_grad():
        layer.tau_mem.fill_(5.0)


def changed_behind_torch(layer):
    layer.tau_mem.data.fill_(5.0)


def changed_by_replacing_data(layer):
    layer.tau_mem.data = torch.full_like(layer.tau_mem, 5.0)


def changed_by_a_state_dict(layer):
    layer.load_state_dict({**layer.state_dict(), "tau_mem": torch.full_like(layer.tau_mem, 5.0)})


def changed_by_assignment(layer):
    layer.tau_mem = (
        nn.Parameter(torch.full_like(layer.tau_mem, 5.0)) if layer.learn else torch.full_like(layer.tau_mem, 5.0)
    )


CHANGES = [
    changed_by_fill,
    changed_behind_torch,
    changed_by_replacing_data,
    changed_by_a_state_dict,
    changed_by_assignment,
]


@pytest.mark.parametrize("tau", [10.0, np.array([10.0, 20.0, 30.0])])
@pytest.mark.parametrize("learn", [(), "tau_mem"])
@pytest.mark.parametrize("change", CHANGES)
def test_what_is_kept_follows_the_parameters(integrator, change, learn, tau):
    layer, x = Neurons(integrator(tau_mem=tau), learn=learn, output="v"), drive(6, 2, 3)
    with torch.no_grad():
        before = layer(x)[0]
        assert torch.equal(layer(x)[0], before)
        change(layer)
        after = layer(x)[0]
    assert not torch.equal(after, before)
    torch.testing.assert_close(after, Neurons(integrator(tau_mem=5.0), output="v")(x)[0])


def test_coefficients_are_evaluated_once(lif, monkeypatch):
    layer, evaluated = Neurons(lif, learn="tau_mem"), []
    real = layer._fused.evaluate.of_step
    layer._fused.evaluate.of_step = lambda values: evaluated.append(1) or real(values)
    x = drive(3, 2, 3)
    with torch.no_grad():
        for _ in range(3):
            layer(x)
        layer(drive(7, 2, 3))
    assert len(evaluated) == 1
    layer(x)  # learns: every call has a graph of its own
    layer(x)
    assert len(evaluated) == 3
    with torch.no_grad():
        layer(drive(3, 4, 3))
    assert len(evaluated) == 4


def test_what_inference_mode_kept_can_be_trained(lif):
    layer, x = Neurons(lif), drive(5, 2, 3)
    with torch.inference_mode():
        expected = layer(x)[0]
    given = x.clone().requires_grad_()
    spikes = layer(given)[0]
    spikes.sum().backward()
    assert torch.equal(spikes, expected) and given.grad.abs().max() > 0


def test_a_learnt_time_constant_that_is_no_longer_positive_is_named(lif):
    layer = Neurons(lif, learn="tau_mem")
    with torch.no_grad():
        layer(drive(2, 1, 3))
        layer.tau_mem.fill_(-1.0)
        with pytest.raises(ParameterError, match=r"Neurons\(LIF\): learnt 'tau_mem' is -1"):
            layer(drive(2, 1, 3))


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda layer: pickle.loads(pickle.dumps(layer))])
def test_copies(lif, copied):
    layer, x = Neurons(lif, learn="tau_mem", memory="low"), drive(20, 2, 3)
    layer(x)
    other = copied(layer)
    assert torch.equal(other(x)[0], layer(x)[0]) and other.memory == "low" and repr(other) == repr(layer)
    with torch.no_grad():
        other.tau_mem.fill_(3.0)
    assert not torch.equal(other(x)[0], layer(x)[0])
    assert set(layer.state_dict()) == set(lif.parameters)


# -- held inputs and spikes in a network -------------------------------------------------------------------------------


def gradients_seen(module):
    """Record the shapes of the gradients that reach a module's output."""
    shapes = []
    module.register_full_backward_hook(lambda _, __, outputs: shapes.append(tuple(outputs[0].shape)))
    return shapes


@pytest.mark.parametrize("recurrent", [False, True])
def test_a_held_input_and_its_gradient_are_never_expanded(leaky, recurrent):
    layer = Recurrent(Neurons(leaky), nn.Linear(5, 5)) if recurrent else Neurons(leaky)
    net = Sequential(nn.Linear(6, 5), Residual(nn.Linear(5, 5)), Sequential(nn.ReLU(), layer), nn.Linear(5, 3))
    first, last = gradients_seen(net[0]), gradients_seen(net[3])
    image = drive(4, 6).requires_grad_()
    held, _ = net(image[None], steps=25)
    (ours,) = torch.autograd.grad(held.square().sum(), image)
    assert first == [(4, 5)] and last == [(100, 3)]
    full, _ = net(image.expand(25, 4, 6).clone())
    (theirs,) = torch.autograd.grad(full.square().sum(), image)
    torch.testing.assert_close(held, full)
    torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)
    assert held.abs().sum() > 0


def test_a_held_dict(two_inputs):
    net = Sequential(Neurons(two_inputs, output=("v", "spikes")))
    one = {"I_e": drive(1, 2, 3), "I_i": drive(1, 2, 3, seed=2, scale=0.5)}
    held, _ = net(one, steps=7)
    full, _ = net({name: x.expand(7, 2, 3).clone() for name, x in one.items()})
    for name in full:
        assert torch.equal(held[name], full[name])


def test_a_layer_of_ones_own_gets_what_is_held_expanded(leaky):
    class Mine(Residual):
        holds = False

        def forward(self, x, state=None, *, lengths=None, seed=0, samples=None):
            return super().forward(x, state, lengths=lengths, seed=seed, samples=samples)

    net = Sequential(nn.Linear(3, 3), Mine(Neurons(leaky)))
    image = drive(2, 3)
    torch.testing.assert_close(net(image[None], steps=6)[0], net(image.expand(6, 2, 3).clone())[0])


def test_a_linear_layer_behind_spikes_looks_for_silence(leaky):
    net = Sequential(
        nn.Linear(400, 400), Neurons(leaky(v_th=1.5)), nn.Identity(), nn.Linear(400, 400), nn.ReLU(), nn.Linear(400, 9)
    )
    x = drive(100, 16, 400, scale=0.3)
    with torch.no_grad():
        before = linear_ops.TAKEN.copy()
        out, _ = net(x)
        taken = linear_ops.TAKEN - before
        hidden, _ = net[1](net[0](x))
        expected = net[5](torch.relu(net[3](hidden)))
    assert 0 < (hidden != 0).float().mean() < 0.05
    torch.testing.assert_close(out, expected, rtol=1e-4, atol=1e-5)
    assert taken["sparse"] == 1  # and not the first, whose input is dense


@pytest.mark.parametrize(("output", "spikes"), [("spikes", True), ("v", False), (("spikes",), False)])
def test_what_tells_a_network_that_spikes_come(leaky, output, spikes):
    layer = Neurons(leaky, output=output)
    assert layer.spikes is spikes
    if isinstance(output, str):
        assert Sequential(layer, nn.Flatten(), nn.MaxPool1d(2)).spikes is spikes
        assert Recurrent(layer, nn.Linear(2, 2)).spikes is spikes
    assert not Sequential(layer, nn.Linear(2, 2)).spikes and not Residual(layer).spikes


# -- threads and processes ---------------------------------------------------------------------------------------------


def test_two_python_threads_give_the_numbers_of_one(lif):
    layer = Neurons(lif, learn="tau_mem")
    xs = [drive(40, 64, 70, seed=seed) for seed in range(4)]

    def train(x):
        given = x.clone().requires_grad_()
        out, _ = layer(given)
        (gradient,) = torch.autograd.grad(out.sum(), given)
        return out.detach(), gradient

    expected = [train(x) for x in xs]
    found = {}

    def work(first):
        for _ in range(3):
            for i in range(first, 4, 2):
                found[i] = train(xs[i])

    threads = [threading.Thread(target=work, args=(first,)) for first in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for i, (out, gradient) in enumerate(expected):
        assert torch.equal(found[i][0], out) and torch.equal(found[i][1], gradient)


class Encoded(torch.utils.data.Dataset):
    """Samples that pass a layer in the worker."""

    def __init__(self, layer):
        self.layer = layer

    def __len__(self):
        return 6

    def __getitem__(self, index):
        with torch.no_grad():
            return self.layer(drive(40, 20, 40, seed=index))[0]


@pytest.mark.skipif(sys.platform == "win32", reason="there is no fork here")
@pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")  # Python 3.12 on a process with threads
def test_layers_work_in_forked_workers_of_a_loader(lif):
    layer = Neurons(lif)
    data = Encoded(layer)
    expected = [data[i] for i in range(6)]  # the kernels and their threads are at work before the fork
    loader = torch.utils.data.DataLoader(data, batch_size=None, num_workers=2, multiprocessing_context="fork")
    found = list(loader)
    for ours, theirs in zip(found, expected, strict=True):
        assert torch.equal(ours, theirs)
    assert sum(x.sum() for x in found) > 0
