"""Checks: NaN and infinity are refused, naming layer, variable and step."""

import runpy

import pytest
import torch

from spikelet import Neuron
from spikelet.errors import NumericsError, ParameterError
from spikelet.nn import Neurons, Sequential, check, checks


@pytest.fixture
def explosive():
    """A map that overflows a few steps after its input."""
    return Neuron("Explosive", "v[k+1] = v*v*1e30 + I : 1; I : 1 (input)")


def test_check_returns_what_was_set_before():
    assert check(True) is False
    assert check(False) is True


@pytest.mark.parametrize(("value", "name"), [(float("nan"), "nan"), (float("inf"), "inf"), (-float("inf"), "-inf")])
def test_a_bad_input_is_named(leaky, value, name):
    x = torch.zeros(6, 2, 3)
    x[4, 1, 2] = value
    layer = Neurons(leaky)
    layer(x)  # off by default
    check(True)
    place = r"in step 4 \(batch row 1, neuron 2\), expected finite"
    with pytest.raises(NumericsError, match=rf"Neurons\(Leaky\): input 'I' is {name} {place}"):
        layer(x)


def test_a_bad_state_is_named(explosive):
    x = torch.zeros(6, 1, 2)
    x[1] = 1.0
    check(True)
    with pytest.raises(NumericsError, match=r"\(Explosive\): state 'v' is inf in step 3 \(batch row 0, neuron 0\)"):
        Neurons(explosive, output="v")(x)


def test_a_network_says_which_layer(leaky):
    net = Sequential(torch.nn.Linear(2, 2), Neurons(leaky), torch.nn.Linear(2, 2), Neurons(leaky))
    with torch.no_grad():
        net[2].weight.fill_(float("nan"))
    check(True)
    with pytest.raises(NumericsError, match=r"layer '3': Neurons\(Leaky\): input 'I' is nan in step 0"):
        net(torch.ones(3, 1, 2))


def test_a_learnt_time_constant_must_stay_positive(integrator):
    layer = Neurons(integrator, learn="tau_mem", output="v")
    with torch.no_grad():
        layer.tau_mem.fill_(-1.0)  # where a step of an optimiser may lead; on the CPU no switch is needed to hear of it
    with pytest.raises(ParameterError, match=r"Neurons\(LI\): learnt 'tau_mem' is -1, expected more than 0"):
        layer(torch.ones(2, 1, 1))


def test_checking_changes_no_numbers(lif):
    layer, x = Neurons(lif), torch.rand(20, 2, 3) * 4
    expected = layer(x)
    check(True)
    torch.testing.assert_close(layer(x), expected, rtol=0, atol=0)
    torch.func.vmap(lambda one: layer(one)[0])(x.unsqueeze(0))  # values cannot be read here: no check, no error


@pytest.mark.parametrize(("value", "expected"), [("1", True), ("0", False), ("", False)])
def test_the_environment_switches_checks_on(value, expected, monkeypatch):
    monkeypatch.setenv("SPIKELET_CHECK", value)
    assert runpy.run_path(checks.__file__)["checking"]() is expected
