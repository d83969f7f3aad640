"""Fluctuation-driven weights: the membrane fluctuates as wanted, for every model that is linear below threshold."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from spikelet import Neuron
from spikelet.errors import InputError, ParameterError, ShapeError
from spikelet.nn import Neurons, fluctuation_driven_
from spikelet.nn.initialise import respond
from spikelet.units import Hz

OUTPUTS, INPUTS = 40, 300


def poisson(rate, dt, steps, inputs=INPUTS):
    generator = torch.Generator().manual_seed(5)
    return torch.poisson(torch.full((steps, 1, inputs), rate * dt), generator=generator)


def free(neurons, drive):
    """Return the membrane (T, outputs) with the threshold out of reach, without its beginning."""
    with torch.no_grad():
        neurons.v_th.fill_(1e9)
        v = Neurons.forward(neurons, drive)[0]["v"]
    return v[300:, 0]


def outputs_v(model, dt=1.0, **more):
    return Neurons(model, dt, output=("v",), **more)


# -- the response ------------------------------------------------------------------------------------------------------


def test_the_response_of_an_exact_integrator_is_the_closed_form(integrator):
    answer = respond(Neurons(integrator, dt=0.5, output="v"))
    kernel = (1 - math.exp(-0.05)) * np.exp(-0.05 * np.arange(2000))
    assert answer.rest.item() == 0
    assert answer.mean.item() == pytest.approx(kernel.sum(), rel=1e-4)
    assert answer.power.item() == pytest.approx((kernel**2).sum(), rel=1e-4)


def test_the_response_to_a_jump_has_the_integrals_of_the_paper(cuba):
    answer = respond(outputs_v(cuba, dt=0.05, to="g"))
    # eps(t) = tau_s/(tau_m - tau_s) (exp(-t/tau_m) - exp(-t/tau_s)):
    # eps_bar = tau_s, eps_hat = tau_s^2/(2 (tau_m + tau_s))
    assert answer.mean.item() * 0.05 == pytest.approx(5.0, rel=0.01)
    assert answer.power.item() * 0.05 == pytest.approx(25 / (2 * 25), rel=0.01)


def test_the_rest_is_found(lif):
    answer = respond(Neurons(lif(v_rest=-65.0, v_th=-50.0, v_reset=-65.0)))
    assert answer.rest.item() == pytest.approx(-65.0)


# -- the weights -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("xi", "mean"), [(1.5, 0.2), (3.0, 0.0)])
@pytest.mark.parametrize(("name", "arguments"), [("lif", {}), ("leaky", {}), ("cuba", {"to": "g"})])
def test_the_membrane_fluctuates_as_wanted(name, arguments, xi, mean, request):
    model = request.getfixturevalue(name)
    neurons, rate = outputs_v(model, **arguments), 20 * Hz
    linear = fluctuation_driven_(
        nn.Linear(INPUTS, OUTPUTS), neurons, rate, xi=xi, mean=mean, generator=torch.Generator().manual_seed(3)
    )
    v = free(neurons, linear(poisson(rate, 1.0, 1500)))
    assert v.std(0).square().mean().sqrt().item() == pytest.approx((1 - mean) / xi, rel=0.1)
    scatter = v.mean(0).std().item() / math.sqrt(OUTPUTS)
    assert v.mean().item() == pytest.approx(mean, abs=4 * scatter + 0.01)
    assert (linear.bias == 0).all()


def test_two_modules_share_the_variance(leaky):
    neurons, rate = outputs_v(leaky), 20 * Hz
    generator = torch.Generator().manual_seed(3)
    forward = fluctuation_driven_(nn.Linear(INPUTS, OUTPUTS), neurons, rate, share=0.8, generator=generator)
    back = fluctuation_driven_(nn.Linear(100, OUTPUTS), neurons, rate, share=0.2, generator=generator)
    drive = forward(poisson(rate, 1.0, 1500)) + back(poisson(rate, 1.0, 1500, 400)[..., INPUTS:])
    assert free(neurons, drive).std(0).square().mean().sqrt().item() == pytest.approx(0.5, rel=0.1)
    assert forward.weight.var() > back.weight.var()


def test_every_neuron_gets_its_own_weights(leaky):
    beta = np.linspace(0.5, 0.98, OUTPUTS)
    neurons, rate = outputs_v(leaky(beta=beta)), 20 * Hz
    linear = fluctuation_driven_(nn.Linear(INPUTS, OUTPUTS), neurons, rate, generator=torch.Generator().manual_seed(3))
    spread = free(neurons, linear(poisson(rate, 1.0, 2000))).std(0)
    assert spread[:20].mean().item() == pytest.approx(0.5, rel=0.1)
    assert spread[20:].mean().item() == pytest.approx(0.5, rel=0.1)
    assert linear.weight[:5].std() > 2 * linear.weight[-5:].std()


def test_convolutions_count_their_kernel(leaky):
    neurons = Neurons(leaky)
    narrow = fluctuation_driven_(nn.Conv2d(4, 64, 3), neurons, 10 * Hz)
    wide = fluctuation_driven_(nn.Linear(36, 256), neurons, 10 * Hz)
    assert narrow.weight.std().item() == pytest.approx(wide.weight.std().item(), rel=0.1)


def test_the_generator_makes_it_reproducible(leaky):
    generators = [torch.Generator().manual_seed(1) for _ in range(2)]
    one, other = (fluctuation_driven_(nn.Linear(9, 4), Neurons(leaky), generator=g) for g in generators)
    torch.testing.assert_close(one.weight, other.weight, rtol=0, atol=0)


def test_a_membrane_that_never_forgets_needs_steps():
    model = Neuron("IF", "v[k+1] = v + I : 1; I : 1 (input); v_th = 1", threshold="v > v_th", reset="v = 0")
    with pytest.raises(InputError, match=r"Neurons\(IF\): the response of 'v' never dies away; give steps="):
        fluctuation_driven_(nn.Linear(9, 4), Neurons(model))
    answer = respond(Neurons(model), steps=50)
    assert answer.mean.item() == pytest.approx(50) and answer.power.item() == pytest.approx(50)


def test_mistakes(leaky, two_inputs):
    linear, neurons = nn.Linear(9, 4), Neurons(leaky)
    with pytest.raises(InputError, match="membrane='u' is none of the states"):
        fluctuation_driven_(linear, neurons, membrane="u")
    with pytest.raises(InputError, match="Flatten has no weight matrix"):
        fluctuation_driven_(nn.Flatten(), neurons)
    with pytest.raises(InputError, match="several inputs"):
        fluctuation_driven_(linear, Neurons(two_inputs))
    with pytest.raises(InputError, match="a mean of 0.9 from 9 inputs fluctuates by more"):
        fluctuation_driven_(linear, neurons, 1 * Hz, mean=0.9, xi=3.0)
    with pytest.raises(InputError, match="mean 1.5 above rest, expected below 1"):
        fluctuation_driven_(linear, neurons, mean=1.5)
    with pytest.raises(InputError, match="rate -1, .* expected all > 0"):
        fluctuation_driven_(linear, neurons, -1.0)
    with pytest.raises(ShapeError, match=r"parameters of shape \(5,\) behind 4 outputs"):
        fluctuation_driven_(linear, Neurons(leaky(beta=np.linspace(0.1, 0.9, 5))))
    model = Neuron("NoName", "v[k+1] = 0.5*v + I : 1; I : 1 (input)", threshold="v > 2", reset="v = 0")
    with pytest.raises(ParameterError, match="no parameter 'v_th'; give threshold="):
        fluctuation_driven_(linear, Neurons(model))
    fluctuation_driven_(linear, Neurons(model), threshold=2.0)
    bursting = Neuron("Own", "v[k+1] = 0.5*v + 1 + I : 1; I : 1 (input); v_th = 1", threshold="v > v_th", reset="v = 0")
    with pytest.raises(InputError, match="spikes without input"):
        fluctuation_driven_(linear, Neurons(bursting))
