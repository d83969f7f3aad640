"""Well-known networks, each as its paper describes it, and their names for ``spikelet simulate``.

``scale`` is the share of the neurons. Unless a function says otherwise a neuron keeps its number of synapses, so that
mean and variance of its input, and with them the rates, stay those of the whole network; only what neurons share grows.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from spikelet import random
from spikelet.errors import InputError, did_you_mean
from spikelet.experiments.scaling import hpc
from spikelet.experiments.sizes import size
from spikelet.model import Neuron
from spikelet.neurons import LIF
from spikelet.sim.connect import all_to_all, fixed_indegree, fixed_probability, fixed_total, one_to_one
from spikelet.sim.distributions import normal, uniform
from spikelet.sim.network import Network
from spikelet.sim.population import Population
from spikelet.sim.sources import Poisson
from spikelet.units import Hz, kHz, ms, mV, nS, pA

# -- Brunel 2000 ------------------------------------------------------------------------------------------------------


def brunel(scale: float = 1.0, seed: int = 0, *, g: float = 5.0, eta: float = 2.0) -> Network:
    """Sparse balance of excitation and inhibition (Brunel 2000, model A): 12,500 LIF, 15.6 M synapses.

    Its regimes: (g, eta) = (5, 2) asynchronous irregular, (3, 2) synchronous regular, (6, 4) fast and (4.5, 0.9) slow
    oscillation.

    Args:
        scale: share of the neurons.
        seed: of all random numbers.
        g: inhibition is as many times as strong as excitation.
        eta: drive, relative to the one that suffices to reach the threshold.
    """
    J, C_E, C_I, tau_mem, v_th, delay = 0.1 * mV, 1000, 250, 20 * ms, 20 * mV, 1.5 * ms
    model = LIF(tau_mem=tau_mem, v_rest=0 * mV, v_reset=10 * mV, v_th=v_th, t_ref=2 * ms)
    net = Network(seed)
    E, I = net.add(model, size(10_000, scale), "E"), net.add(model, size(2_500, scale), "I")
    drive = net.add(Poisson(eta * v_th / (J * tau_mem) * kHz), len(E) + len(I), "drive")
    net.connect(drive, [E, I], one_to_one(), to="v", weight=J, delay=delay)
    net.connect(E, [E, I], fixed_indegree(C_E), to="v", weight=J, delay=delay)
    net.connect(I, [E, I], fixed_indegree(C_I), to="v", weight=-g * J, delay=delay)
    return net


# -- Vogels & Abbott 2005, in the three forms of Brette et al. 2007 ---------------------------------------------------

_CUBA = Neuron(
    "CUBA",
    """
    dv/dt = (E_L - v + g_e + g_i)/tau_mem : mV (unless refractory)
    dg_e/dt = -g_e/tau_e : mV
    dg_i/dt = -g_i/tau_i : mV
    tau_mem = 20 ms;  tau_e = 5 ms;  tau_i = 10 ms;  t_ref = 5 ms
    E_L = -49 mV;  v_th = -50 mV;  v_reset = -60 mV
    """,
    threshold="v > v_th",
    reset="v = v_reset",
    refractory="t_ref",
    ref="Vogels & Abbott 2005, J. Neurosci. 25:10786; Brette et al. 2007, J. Comput. Neurosci. 23:349, benchmark 2",
)

_COBA = Neuron(
    "COBA",
    """
    dv/dt = (E_L - v + I + g_e*(E_e - v) + g_i*(E_i - v))/tau_mem : mV (unless refractory)
    dg_e/dt = -g_e/tau_e : 1                 # relative to the leak of 10 nS
    dg_i/dt = -g_i/tau_i : 1
    tau_mem = 20 ms;  tau_e = 5 ms;  tau_i = 10 ms;  t_ref = 5 ms
    E_L = -60 mV;  E_e = 0 mV;  E_i = -80 mV;  I = 20 mV
    v_th = -50 mV;  v_reset = -60 mV
    """,
    threshold="v > v_th",
    reset="v = v_reset",
    refractory="t_ref",
    ref="Vogels & Abbott 2005, J. Neurosci. 25:10786; Brette et al. 2007, J. Comput. Neurosci. 23:349, benchmark 1",
)

_COBAHH = Neuron(
    "COBAHH",
    """
    dv/dt = (g_L*(E_L - v) + g_e*(E_e - v) + g_i*(E_i - v) + g_Na*m**3*h*(E_Na - v) + g_K*n**4*(E_K - v))/C : mV
    dg_e/dt = -g_e/tau_e : nS
    dg_i/dt = -g_i/tau_i : nS
    dm/dt = alpha_m*(1 - m) - beta_m*m : 1
    dh/dt = alpha_h*(1 - h) - beta_h*h : 1
    dn/dt = alpha_n*(1 - n) - beta_n*n : 1
    x = v - v_T : mV                         # the rates are functions of the distance to v_T
    alpha_m = 1.28 kHz/exprel(-(x - 13 mV)/(4 mV)) : kHz
    beta_m = 1.4 kHz/exprel((x - 40 mV)/(5 mV)) : kHz
    alpha_h = 0.128 kHz*exp(-(x - 17 mV)/(18 mV)) : kHz
    beta_h = 4 kHz/(1 + exp(-(x - 40 mV)/(5 mV))) : kHz
    alpha_n = 0.16 kHz/exprel(-(x - 15 mV)/(5 mV)) : kHz
    beta_n = 0.5 kHz*exp(-(x - 10 mV)/(40 mV)) : kHz
    C = 200 pF;  g_L = 10 nS;  g_Na = 20 uS;  g_K = 6 uS
    E_L = -60 mV;  E_Na = 50 mV;  E_K = -90 mV;  E_e = 0 mV;  E_i = -80 mV
    v_T = -63 mV;  v_th = -20 mV
    tau_e = 5 ms;  tau_i = 10 ms;  t_ref = 3 ms
    """,
    threshold="v > v_th",
    refractory="t_ref",
    ref="Traub & Miles 1991; Brette et al. 2007, J. Comput. Neurosci. 23:349, benchmark 3",
)


def vogels_abbott_cuba(scale: float = 1.0, seed: int = 0) -> Network:
    """Self-sustained irregular activity with synaptic currents (Vogels & Abbott 2005): 4,000 LIF, 2 % connected."""
    return _vogels_abbott(_CUBA, scale, seed, 1.62 * mV, -9 * mV, {"v": uniform(-60, -50)})


def vogels_abbott_coba(scale: float = 1.0, seed: int = 0) -> Network:
    """The same with synaptic conductances, which are relative to that of the leak: 4,000 LIF, 2 % connected."""
    start = {"v": normal(-65, 5), "g_e": normal(4, 1.5), "g_i": normal(20, 12)}
    return _vogels_abbott(_COBA, scale, seed, 0.6, 6.7, start)


def cobahh(scale: float = 1.0, seed: int = 0) -> Network:
    """The same of Hodgkin-Huxley neurons, with the currents of Traub & Miles: 4,000, 2 % connected."""
    start = {"v": normal(-65, 5), "g_e": normal(40, 15), "g_i": normal(200, 120)}
    return _vogels_abbott(_COBAHH, scale, seed, 6 * nS, 67 * nS, start)


def _vogels_abbott(model: Neuron, scale: float, seed: int, w_e: float, w_i: float, initial: dict) -> Network:
    net = Network(seed)
    E = net.add(model, size(3_200, scale), "E", initial=initial)
    I = net.add(model, size(800, scale), "I", initial=initial)
    pattern = fixed_probability(min(1.0, 0.02 / scale))
    net.connect(E, [E, I], pattern, to="g_e", weight=w_e)
    net.connect(I, [E, I], pattern, to="g_i", weight=w_i)
    return net


# -- Potjans & Diesmann 2014 ------------------------------------------------------------------------------------------

_MICROCIRCUIT = Neuron(
    "MicrocircuitLIF",
    """
    dv/dt = (v_rest - v)/tau_mem + (i + i_ext)/C : mV (unless refractory)
    di/dt = -i/tau_syn : pA
    C = 250 pF;  tau_mem = 10 ms;  tau_syn = 0.5 ms;  t_ref = 2 ms
    v_rest = -65 mV;  v_th = -50 mV;  v_reset = -65 mV
    i_ext = 0 pA                             # constant current
    """,
    threshold="v > v_th",
    reset="v = v_reset",
    refractory="t_ref",
    ref="Potjans & Diesmann 2014, Cereb. Cortex 24:785, Table 4",
)

LAYERS = ("L23E", "L23I", "L4E", "L4I", "L5E", "L5I", "L6E", "L6I")
SIZES = (20683, 5834, 21915, 5479, 4850, 1065, 14395, 2948)
RATES_HZ = (0.971, 2.868, 4.746, 5.396, 8.142, 9.078, 0.991, 7.523)  # at full scale; van Albada et al. 2018
_DRIVES = (1600, 1500, 2100, 1900, 2000, 1900, 2900, 2100)  # synapses from outside for each neuron, of 8 Hz
_V_MEAN = (-68.28, -63.16, -63.33, -63.45, -63.11, -61.66, -66.72, -61.43)  # mV, at the start
_V_SD = (5.36, 4.57, 4.74, 4.94, 4.94, 4.55, 5.46, 4.48)
_PROBABILITIES = np.array(  # [target, source]
    [
        [0.1009, 0.1689, 0.0437, 0.0818, 0.0323, 0, 0.0076, 0],
        [0.1346, 0.1371, 0.0316, 0.0515, 0.0755, 0, 0.0042, 0],
        [0.0077, 0.0059, 0.0497, 0.135, 0.0067, 0.0003, 0.0453, 0],
        [0.0691, 0.0029, 0.0794, 0.1597, 0.0033, 0, 0.1057, 0],
        [0.1004, 0.0622, 0.0505, 0.0057, 0.0831, 0.3726, 0.0204, 0],
        [0.0548, 0.0269, 0.0257, 0.0022, 0.06, 0.3158, 0.0086, 0],
        [0.0156, 0.0066, 0.0211, 0.0166, 0.0572, 0.0197, 0.0396, 0.2252],
        [0.0364, 0.001, 0.0034, 0.0005, 0.0277, 0.008, 0.0658, 0.1443],
    ]
)


def microcircuit(scale: float = 1.0, seed: int = 0, *, drive: str = "poisson") -> Network:
    """Layers 2/3 to 6 under a square millimetre of cortex (Potjans & Diesmann 2014): 77,169 LIF, 299 M synapses.

    Down-scaled by k, sizes and in-degrees are multiplied by k and weights by 1/sqrt(k), which keeps the variance of
    the input; a constant current replaces the mean that is missing.

    Args:
        scale: share of the neurons, and of the synapses of each, at most 1.
        seed: of all random numbers.
        drive: ``"poisson"``, or ``"current"`` for a constant current of the same mean.

    Raises:
        InputError: an argument is wrong.
    """
    if drive not in ("poisson", "current"):
        raise InputError(f"microcircuit: drive={drive!r} is neither 'poisson' nor 'current'")
    sizes = [size(n, scale) for n in SIZES]
    if scale > 1:
        raise InputError(f"microcircuit: scale must be at most 1, not {scale:g}")
    tau_syn, root = _MICROCIRCUIT.parameters["tau_syn"], math.sqrt(scale)
    weights, totals = microcircuit_weights(), microcircuit_synapses()
    outside = weights[0, 0] * np.array(_DRIVES) * 8 * Hz  # pA/ms of each neuron at full scale
    inside = (weights * totals / np.array(SIZES)[:, None]) @ (np.array(RATES_HZ) * Hz)
    current = tau_syn * ((1 - root) * inside + (1 if drive == "current" else 1 - root) * outside)
    net = Network(seed)
    populations = [
        net.add(_MICROCIRCUIT(i_ext=float(I)), n, name, initial={"v": normal(mean, sd)})
        for name, n, I, mean, sd in zip(LAYERS, sizes, current, _V_MEAN, _V_SD, strict=True)
    ]
    for target, post in enumerate(populations):
        if drive == "poisson":
            train = net.add(Poisson(scale * _DRIVES[target] * 8 * Hz), len(post), f"drive of {post.name}")
            net.connect(train, post, one_to_one(), to="i", weight=weights[0, 0] / root, delay=1.5 * ms)
        for source, pre in enumerate(populations):
            total = round(totals[target, source] * scale * len(post) / SIZES[target])
            if total:
                _join_layers(net, pre, post, total, weights[target, source] / root)
    return net


def _join_layers(net: Network, pre: Population, post: Population, total: int, weight: float) -> None:
    """Connect two populations by synapses of one sign, whose weights and delays are normal."""
    bound = {"low": 0.0} if weight > 0 else {"high": 0.0}
    delay = normal(1.5, 0.75, low=0.1) if weight > 0 else normal(0.75, 0.375, low=0.1)
    weights = normal(weight, 0.1 * abs(weight), **bound)
    net.connect(pre, post, fixed_total(total), to="i", weight=weights, delay=delay)


def microcircuit_weights() -> np.ndarray:
    """Return the mean weight [target, source] at full scale [pA]: that of a potential of 0.15 mV, times its factor."""
    weights = 87.8 * pA * np.tile([1.0, -4.0], (8, 4))
    weights[LAYERS.index("L23E"), LAYERS.index("L4E")] *= 2
    return weights


def microcircuit_synapses() -> np.ndarray:
    """Return the number of synapses [target, source] at full scale, which gives the pairs their probabilities."""
    pairs = np.outer(SIZES, SIZES).astype(float)
    return np.rint(np.log1p(-_PROBABILITIES) / np.log1p(-1 / pairs))


# -- Izhikevich 2003 --------------------------------------------------------------------------------------------------

_IZHIKEVICH = Neuron(
    "Izhikevich2003",
    """
    # as the paper's script steps it: two half steps of v, then u from the new v
    drive = I + noise*normal() : mV/ms
    half = v + dt/2*(0.04 kHz/mV*v*v + 5 kHz*v + 140 mV/ms - u + drive) : mV
    v[k+1] = half + dt/2*(0.04 kHz/mV*half*half + 5 kHz*half + 140 mV/ms - u + drive) : mV
    u[k+1] = u + dt*a*(b*v[k+1] - u) : mV/ms
    I : mV/ms (input)
    noise = 5 mV/ms
    a = 0.02 kHz;  b = 0.2 kHz;  c = -65 mV;  d = 8 mV/ms
    """,
    threshold="v >= 30 mV",
    reset="v = c; u += d",
    initial="v = -65 mV; u = -65 mV*b",
    ref="Izhikevich 2003, IEEE Trans. Neural Netw. 14:1569, the script of Fig. 3",
)


def izhikevich(scale: float = 1.0, seed: int = 0) -> Network:
    """Rhythms of 1,000 randomly coupled cells of the cortex (Izhikevich 2003, Fig. 3), all with all, in steps of 1 ms.

    ``scale`` divides the weights, since each neuron hears all others.
    """
    n_e, n_i = size(800, scale), size(200, scale)
    r = random.uniform(seed, 0, np.arange(n_e + n_i), random.STREAMS["init"])
    r_e, r_i = r[:n_e], r[n_e:]
    net = Network(seed)
    E = net.add(_IZHIKEVICH(c=-65 + 15 * r_e**2, d=8 - 6 * r_e**2), n_e, "E")
    I = net.add(_IZHIKEVICH(a=0.02 + 0.08 * r_i, b=0.25 - 0.05 * r_i, d=2.0, noise=2.0), n_i, "I")
    net.connect(E, [E, I], all_to_all(), to="I", weight=uniform(0, 0.5 / scale))
    net.connect(I, [E, I], all_to_all(), to="I", weight=uniform(-1 / scale, 0))
    return net


# -- by name ----------------------------------------------------------------------------------------------------------


class Entry(NamedTuple):
    """A network: what makes it from ``scale`` and ``seed``, and its step [ms]."""

    make: Callable[..., Network]
    dt: float = 0.1


NETWORKS = {
    "brunel": Entry(brunel),
    "vogels-abbott-cuba": Entry(vogels_abbott_cuba),
    "vogels-abbott-coba": Entry(vogels_abbott_coba),
    "cobahh": Entry(cobahh),
    "microcircuit": Entry(microcircuit),
    "izhikevich": Entry(izhikevich, dt=1.0),
    "hpc": Entry(hpc),
}


def find(name: str) -> Entry:
    """Return a network by its name.

    Raises:
        InputError: there is none; the message names the nearest.
    """
    if name not in NETWORKS:
        raise InputError(f"unknown network '{name}'{did_you_mean(name, NETWORKS)} (known: {', '.join(NETWORKS)})")
    return NETWORKS[name]
