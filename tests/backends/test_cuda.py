"""The same numbers on a GPU: run wherever one is at hand, skipped with its reason elsewhere."""

import numpy as np
import pytest
import torch

from spikelet import encode, neurons, random, surrogates
from spikelet.backends import torch_eager
from spikelet.ir.lower import lower
from spikelet.simulate import run
from spikelet.units import cm, uA

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="gpu: no CUDA device on this machine")

DRIVES = {
    "LIF": (1.5, 0.1),
    "CuBaLIF": (1.5, 0.1),
    "ALIF": (2.0, 0.1),
    "AdEx": (800.0, 0.05),
    "Izhikevich": (10.0, 0.1),
    "HodgkinHuxley": (10 * uA / cm**2, 0.02),
    "LoihiCuBa": (10.0, 1.0),
    "NoisyLIF": (0.9, 0.1),
    "EscapeLIF": (1.2, 0.1),
}


@pytest.mark.parametrize("name", DRIVES)
def test_spikes_equal_the_reference_in_float64(name):
    model = neurons.entries()[name]
    height, dt = DRIVES[name]
    steps, n = 1000, 8
    drive = np.round(height * np.linspace(0.5, 1.5, n)) if name == "LoihiCuBa" else height * np.linspace(0.5, 1.5, n)
    expected = run(model, drive, t=steps * dt, dt=dt, dtype="float64")
    step = lower(model)
    element = torch.arange(n, device="cuda")[None]
    stepper = torch_eager.Stepper(
        step, model.parameters, dt=dt, surrogate=surrogates.arctan, dtype=torch.float64, device="cuda", element=element
    )
    state = torch_eager.initial_state(step, model.parameters, (1, n), dt=dt, dtype=torch.float64, device="cuda")
    x = torch.as_tensor(drive, device="cuda").expand(steps, 1, n)
    out, _ = torch_eager.scan(stepper, {model.inputs[0]: x}, state, steps=steps)
    k, ids = np.nonzero(out["spikes"][:, 0].cpu().numpy())
    assert len(expected.spikes) > 0
    np.testing.assert_allclose((k + 1) * dt, expected.spikes.times, rtol=0, atol=1e-9)
    np.testing.assert_array_equal(ids, expected.spikes.ids)


def test_random_words_are_those_of_the_cpu():
    element = torch.arange(4096)
    for draw in (random.uniform_torch, random.normal_torch):
        here = draw(7, torch.tensor(3), element, 5)
        there = draw(7, torch.tensor(3, device="cuda"), element.cuda(), 5)
        torch.testing.assert_close(there.cpu(), here, rtol=0 if draw is random.uniform_torch else 1e-14, atol=0)


def test_encoded_spikes_are_those_of_the_cpu():
    x = torch.rand(16, 64)
    torch.testing.assert_close(encode.bernoulli(x.cuda(), 20, seed=1).cpu(), encode.bernoulli(x, 20, seed=1))


def test_gradients_are_those_of_the_cpu():
    gradients = []
    for device in ("cpu", "cuda"):
        x = torch.linspace(0, 0.4, 50 * 6, dtype=torch.float64).reshape(50, 1, 6).to(device).requires_grad_()
        step = lower(neurons.ALIF)
        tau = torch.tensor(10.0, dtype=torch.float64, device=device, requires_grad=True)
        parameters = {**neurons.ALIF.parameters, "tau_mem": tau}
        options = {"dt": 1.0, "dtype": torch.float64, "device": device}
        stepper = torch_eager.Stepper(step, parameters, surrogate=surrogates.arctan, **options)
        state = torch_eager.initial_state(step, parameters, (1, 6), **options)
        out, _ = torch_eager.scan(stepper, {"I": 10 * x}, state, steps=50)
        out["spikes"].sum().backward()
        gradients.append((x.grad.cpu(), tau.grad.cpu()))
    for here, there in zip(*gradients, strict=True):
        assert here.abs().max() > 0
        torch.testing.assert_close(there, here, rtol=1e-9, atol=1e-12)
