"""Models that the tests of the layers share; their texts stand here so that no test depends on the zoo."""

import pytest
import torch

from spikelet import Neuron
from spikelet.nn import check


@pytest.fixture(autouse=True)
def _clean():
    """Each test starts with checks off and the same weights."""
    torch.manual_seed(0)
    before = check(False)
    yield
    check(before)


@pytest.fixture
def leaky():
    """The discrete leaky map with a subtracting reset."""
    text = "v[k+1] = beta*v + I : 1; I : 1 (input); beta = 0.9; v_th = 1"
    return Neuron("Leaky", text, threshold="v > v_th", reset="v -= v_th")


@pytest.fixture
def lif():
    """A leaky integrator with refractoriness."""
    return Neuron(
        "LIF",
        """
        dv/dt = (v_rest - v + R*I)/tau_mem : 1 (unless refractory)
        I : 1 (input)
        tau_mem = 20 ms; R = 1; v_rest = 0; v_reset = 0; v_th = 1; t_ref = 2 ms
        """,
        threshold="v > v_th",
        reset="v = v_reset",
        refractory="t_ref",
        initial="v = v_rest",
    )


@pytest.fixture
def cuba():
    """A leaky integrator behind an exponential synapse that takes jumps."""
    return Neuron(
        "CuBa",
        """
        dv/dt = (g - v)/tau_mem : 1
        dg/dt = -g/tau_syn : 1
        tau_mem = 20 ms; tau_syn = 5 ms; v_th = 1
        """,
        threshold="v > v_th",
        reset="v -= v_th",
    )


@pytest.fixture
def two_inputs():
    """A leaky map with an exciting and an inhibiting input."""
    text = "v[k+1] = 0.5*v + I_e - I_i : 1; I_e : 1 (input); I_i : 1 (input); v_th = 1"
    return Neuron("TwoInputs", text, threshold="v > v_th", reset="v = 0")


@pytest.fixture
def integrator():
    """A leaky integrator without threshold."""
    return Neuron("LI", "dv/dt = (I - v)/tau_mem : 1; I : 1 (input); tau_mem = 10 ms")


@pytest.fixture
def noisy():
    """A leaky integrator with white noise."""
    text = """
        dv/dt = (I - v)/tau_mem + sigma*sqrt(2/tau_mem)*xi : 1
        I : 1 (input)
        tau_mem = 10 ms; sigma = 0.5; v_th = 1
        """
    return Neuron("Noisy", text, threshold="v > v_th", reset="v = 0")
