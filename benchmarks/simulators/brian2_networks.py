"""The networks in Brian2, as C++ on one thread; see the folder's docstring."""

# ruff: noqa: F403, F405 - Brian2 is meant to be imported whole
import json
import sys
import tempfile

import brian2
import numpy as np
from brian2 import *

CUBA = """
dv/dt = (g_e + g_i - (v + 49*mV))/(20*ms) : volt (unless refractory)
dg_e/dt = -g_e/(5*ms) : volt
dg_i/dt = -g_i/(10*ms) : volt
"""
COBA = """
dv/dt = (g_e*(0*mV - v) + g_i*(-80*mV - v) - (v + 60*mV) + 20*mV)/(20*ms) : volt (unless refractory)
dg_e/dt = -g_e/(5*ms) : 1
dg_i/dt = -g_i/(10*ms) : 1
"""
COBAHH = """
dv/dt = (10*nS*(-60*mV - v) + g_e*(0*mV - v) + g_i*(-80*mV - v) - 20*usiemens*(m*m*m)*h*(v - 50*mV)
         - 6*usiemens*(n*n*n*n)*(v + 90*mV))/(200*pF) : volt
dg_e/dt = -g_e/(5*ms) : siemens
dg_i/dt = -g_i/(10*ms) : siemens
dm/dt = alpha_m*(1 - m) - beta_m*m : 1
dn/dt = alpha_n*(1 - n) - beta_n*n : 1
dh/dt = alpha_h*(1 - h) - beta_h*h : 1
x = (v + 63*mV)/mV : 1
alpha_m = 0.32*4/exprel((13 - x)/4)/ms : Hz
beta_m = 0.28*5/exprel((x - 40)/5)/ms : Hz
alpha_h = 0.128*exp((17 - x)/18)/ms : Hz
beta_h = 4/(1 + exp((40 - x)/5))/ms : Hz
alpha_n = 0.032*5/exprel((15 - x)/5)/ms : Hz
beta_n = 0.5*exp((10 - x)/40)/ms : Hz
"""
LAYER = """
dv/dt = (-65*mV - v)/(10*ms) + (g + i_ext)/(250*pF) : volt (unless refractory)
dg/dt = -g/(0.5*ms) : amp
i_ext : amp
"""
SCRIPT = """
a : 1
b : 1
c : 1
d : 1
noise : 1
v : 1
u : 1
I : 1
"""


def brunel(scale, _):
    n, n_e = round(12500 * scale), round(10000 * scale)
    text = "dv/dt = -v/(20*ms) : volt (unless refractory)"
    P = NeuronGroup(n, text, threshold="v > 20*mV", reset="v = 10*mV", refractory=2 * ms, method="exact")
    drive = PoissonInput(P, "v", 1000, 20 * Hz, 0.1 * mV)
    E = Synapses(P[:n_e], P, on_pre="v += 0.1*mV", delay=1.5 * ms)
    E.connect(p=1000 / n_e)
    I = Synapses(P[n_e:], P, on_pre="v -= 0.5*mV", delay=1.5 * ms)
    I.connect(p=250 / (n - n_e))
    return P, drive, E, I


def vogels_abbott(scale, text, method, w_e, w_i, **how):
    P = NeuronGroup(round(4000 * scale), text, method=method, **how)
    n_e, p = round(3200 * scale), min(1, 0.02 / scale)
    E = Synapses(P[:n_e], P, on_pre=f"g_e += {w_e}")
    E.connect(p=p)
    I = Synapses(P[n_e:], P, on_pre=f"g_i += {w_i}")
    I.connect(p=p)
    return P, E, I


def cuba(scale, _):
    how = {"threshold": "v > -50*mV", "reset": "v = -60*mV", "refractory": 5 * ms}
    P, *parts = vogels_abbott(scale, CUBA, "exact", "1.62*mV", "-9*mV", **how)
    P.v = "-60*mV + rand()*10*mV"
    return P, *parts


def coba(scale, _):
    how = {"threshold": "v > -50*mV", "reset": "v = -60*mV", "refractory": 5 * ms}
    P, *parts = vogels_abbott(scale, COBA, "exponential_euler", "0.6", "6.7", **how)
    P.v, P.g_e, P.g_i = "(randn()*5 - 65)*mV", "randn()*1.5 + 4", "randn()*12 + 20"
    return P, *parts


def cobahh(scale, _):
    how = {"threshold": "v > -20*mV", "refractory": 3 * ms}
    P, *parts = vogels_abbott(scale, COBAHH, "exponential_euler", "6*nS", "67*nS", **how)
    P.v, P.g_e, P.g_i = "(randn()*5 - 65)*mV", "(randn()*15 + 40)*nS", "(randn()*120 + 200)*nS"
    return P, *parts


def microcircuit(_, layers):
    """One group and two sets of synapses, which is faster than 64; the synapses come as arrays."""
    rng, sizes = np.random.default_rng(0), layers["sizes"]
    first = np.cumsum([0, *sizes])
    how = {"threshold": "v > -50*mV", "reset": "v = -65*mV", "refractory": 2 * ms, "method": "exact"}
    P = NeuronGroup(int(first[-1]), LAYER, **how)
    P.v = np.concatenate([rng.normal(*law, n) for law, n in zip(layers["v"], sizes, strict=True)]) * mV
    P.i_ext = np.repeat(layers["current"], sizes) * pA
    parts = [P]
    for k, (number, weight) in enumerate(layers["drives"]):
        if number:
            part = P[int(first[k]) : int(first[k + 1])]
            parts.append(PoissonInput(part, "g", round(number), 8 * Hz, weight * pA))
    for sign, mean in ((1, 1.5), (-1, 0.75)):
        rows = [row for row in layers["synapses"] if row[3] * sign > 0]
        i = np.concatenate([rng.integers(first[a], first[a + 1], n) for a, b, n, w in rows])
        j = np.concatenate([rng.integers(first[b], first[b + 1], n) for a, b, n, w in rows])
        w = np.concatenate([sign * np.abs(rng.normal(w, 0.1 * abs(w), n)) for a, b, n, w in rows])
        S = Synapses(P, P, "w : amp", on_pre="g += w")
        S.connect(i=i, j=j)
        S.w = w * pA
        S.delay = np.maximum(rng.normal(mean, mean / 2, len(i)), 0.1) * ms
        parts.append(S)
    return parts


def izhikevich(scale, _):
    defaultclock.dt = 1 * ms
    n_e, n_i = round(800 * scale), round(200 * scale)
    P = NeuronGroup(n_e + n_i, SCRIPT, threshold="v >= 30", reset="v = c; u += d")
    r = np.random.default_rng(0).random(n_e + n_i)
    excites = np.arange(n_e + n_i) < n_e
    P.a, P.b = np.where(excites, 0.02, 0.02 + 0.08 * r), np.where(excites, 0.2, 0.25 - 0.05 * r)
    P.c, P.d = np.where(excites, -65 + 15 * r**2, -65), np.where(excites, 8 - 6 * r**2, 2)
    P.noise, P.v, P.u = np.where(excites, 5, 2), -65, "-65*b"
    step = """
    drive = I + noise*randn()
    v += 0.5*(0.04*v*v + 5*v + 140 - u + drive)
    v += 0.5*(0.04*v*v + 5*v + 140 - u + drive)
    u += a*(b*v - u)
    I = 0
    """
    P.run_regularly(step, when="before_groups")
    E = Synapses(P[:n_e], P, "w : 1", on_pre="I += w")
    E.connect()
    E.w = f"0.5*rand()/{scale}"
    I = Synapses(P[n_e:], P, "w : 1", on_pre="I -= w")
    I.connect()
    I.w = f"rand()/{scale}"
    return P, E, I


NETWORKS = {
    "brunel": brunel,
    "vogels-abbott-cuba": cuba,
    "vogels-abbott-coba": coba,
    "cobahh": cobahh,
    "microcircuit": microcircuit,
    "izhikevich": izhikevich,
}


def main(name, scale, duration):
    layers = json.load(sys.stdin)
    folder = tempfile.mkdtemp()
    set_device("cpp_standalone", directory=folder, build_on_run=False)
    prefs.devices.cpp_standalone.openmp_threads = 0  # none, and one thread
    defaultclock.dt = 0.1 * ms
    group, *parts = NETWORKS[name](scale, layers)
    monitor = SpikeMonitor(group)
    net = brian2.Network(group, *parts, monitor)
    net.run(200 * ms)
    net.run(duration * ms)
    device.build(directory=folder, compile=True, run=True, with_output=False)
    rate = np.sum(monitor.t / ms > 200) / len(group) / duration * 1000
    cost = device._last_run_time / (duration / 1000)
    print(json.dumps({"core_s_per_bio_s": cost, "rate_hz": float(rate), "version": brian2.__version__}))


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]), float(sys.argv[3]))
