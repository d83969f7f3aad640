"""A network that learns: that of Morrison et al. 2007, in the form of NEST's benchmark for large computers."""

import math

import numpy as np

from spikelet.experiments.sizes import size
from spikelet.model import Neuron
from spikelet.rule import Rule
from spikelet.rules import PowerLawSTDP
from spikelet.sim.connect import fixed_indegree, one_to_one
from spikelet.sim.distributions import normal
from spikelet.sim.network import Network
from spikelet.sim.sources import Poisson
from spikelet.units import kHz, ms, mV

_LIF = Neuron(
    "ScalingLIF",
    """
    dv/dt = -v/tau_mem + i/C : mV (unless refractory)
    dx/dt = -x/tau_syn : pA
    di/dt = (exp(1)*x - i)/tau_syn : pA      # an alpha function of peak w after a spike
    C = 250 pF;  tau_mem = 10 ms;  tau_syn = 0.32582722403722841 ms;  t_ref = 0.5 ms
    v_th = 20 mV;  v_reset = 0 mV
    """,
    threshold="v > v_th",
    reset="v = v_reset",
    refractory="t_ref",
    ref="Morrison, Aertsen & Diesmann 2007, Neural Comput. 19:1437; hpc_benchmark of NEST",
)

_STDP = Rule(
    "ScalingSTDP",
    PowerLawSTDP.text + "now[k+1] = 0 : 1 (pre)           # spikes of this step",
    on_pre="x_pre += 1; now += 1; w = max(w - eta*alpha*w*x_post, 0)",
    on_post="x_post += 1; w = min(w + eta*w_0**(1 - mu)*w**mu*(x_pre - now), w_max)",
    doc="PowerLawSTDP in which two spikes in the same step are no pair, as in NEST.",
    ref="Morrison, Aertsen & Diesmann 2007, Neural Comput. 19:1437",
)


def hpc(scale: float = 1.0, seed: int = 0, *, eta: float = 1.685) -> Network:
    """Random network whose excitation learns by power-law STDP (Morrison et al. 2007): 11,250 LIF, 127 M synapses.

    The delay lies behind the synapse. It fires at 8 to 12 Hz; a small part of it goes into bursts, since two neurons
    have many synapses in common.

    Args:
        scale: share of the neurons; each keeps its 9,000 + 2,250 synapses.
        seed: of all random numbers.
        eta: drive, relative to the one that suffices to reach the threshold.
    """
    weight, delay, start = 0.14 * mV * peak_current(), 1.5 * ms, {"v": normal(5.7, 7.2)}
    p: dict = dict(_LIF.parameters)
    drive = eta * p["v_th"] * p["C"] / (p["tau_mem"] * weight * math.e * p["tau_syn"]) * kHz
    rule = _STDP(tau_plus=15 * ms, tau_minus=30 * ms, eta=0.1, alpha=0.0513, mu=0.4)
    net = Network(seed)
    E, I = (net.add(_LIF, size(n, scale), name, initial=start) for n, name in ((9_000, "E"), (2_250, "I")))
    train = net.add(Poisson(drive), len(E) + len(I), "drive")
    net.connect(train, [E, I], one_to_one(), to="x", weight=weight, delay=delay)
    excitation, inhibition = fixed_indegree(9_000, autapses=False), fixed_indegree(2_250, autapses=False)
    net.connect(E, E, excitation, to="x", weight=weight, delay=delay, rule=rule, dendritic_fraction=1)
    net.connect(E, I, excitation, to="x", weight=weight, delay=delay)
    net.connect(I, [E, I], inhibition, to="x", weight=-5 * weight, delay=delay)
    return net


def peak_current() -> float:
    """Return the peak of the current of `hpc`'s synapses that makes a potential of 1 mV at its peak [pA]."""
    p: dict = dict(_LIF.parameters)
    tau_mem, tau_syn, t = p["tau_mem"], p["tau_syn"], np.linspace(0, 10 * p["tau_syn"], 100_001)
    b = 1 / tau_syn - 1 / tau_mem
    v = (np.exp(-t / tau_mem) - np.exp(-t / tau_syn)) / b - t * np.exp(-t / tau_syn)
    return float(tau_syn * p["C"] * b / (math.e * v.max()))
