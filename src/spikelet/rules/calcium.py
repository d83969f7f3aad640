"""Plasticity by calcium in the synapse: moderate levels depress, high ones potentiate.

The weight follows the calcium of its synapse in every step.
"""

from spikelet.rule import Rule

GraupnerBrunel = Rule(
    "GraupnerBrunel",
    """
    da/dt = -a/tau_ca : 1 (pre)              # calcium that arriving spikes let in
    db/dt = -b/tau_ca : 1 (post)             # and spikes of the receiver
    c = a + b : 1
    potentiates = heaviside(c - theta_p) : 1
    depresses = heaviside(c - theta_d) : 1
    noise = sigma*sqrt(tau*(potentiates + depresses)) : ms**0.5
    drift = -w*(1 - w)*(w_star - w) + gamma_p*(1 - w)*potentiates - gamma_d*w*depresses : 1
    dw/dt = (drift + noise*xi)/tau : 1
    c_pre = 1;  c_post = 2;  theta_d = 1;  theta_p = 1.3;  tau_ca = 20 ms
    gamma_d = 200;  gamma_p = 321.808;  sigma = 2.8284;  tau = 150 second;  w_star = 0.5
    D = 13.7 ms                              # of the calcium of an arriving spike: delay= of the projection
    """,
    on_pre="a += c_pre",
    on_post="b += c_post",
    doc="Each spike lets calcium in; above theta_d the efficacy sinks, above theta_p it rises, and between stimuli it "
    "goes to 0 or 1. The efficacy is the weight. Give the projection delay=D, 13.7 ms: depression at post before pre, "
    "potentiation at pre before post (set DP).",
    ref="Graupner & Brunel 2012, PNAS 109:3991, Eq. 1-2, Table S1",
)

GraupnerBrunelDPD = GraupnerBrunel(
    name="GraupnerBrunelDPD",
    doc="Calcium rule, set DPD: depression, potentiation, depression along the time between the spikes.",
    c_pre=0.9, c_post=0.9, gamma_d=250, gamma_p=550, D=4.6,
)  # fmt: skip

GraupnerBrunelDPDPrime = GraupnerBrunel(
    name="GraupnerBrunelDPDPrime",
    doc="Calcium rule, set DPD': as DPD, with depression far from coincidence, too.",
    c_pre=1, c_post=2, theta_p=2.5, gamma_d=50, gamma_p=600, D=2.2,
)  # fmt: skip

GraupnerBrunelP = GraupnerBrunel(
    name="GraupnerBrunelP",
    doc="Calcium rule, set P: potentiation alone, whatever comes first.",
    c_pre=2, c_post=2, gamma_d=160, gamma_p=257.447, D=0,
)  # fmt: skip

GraupnerBrunelD = GraupnerBrunel(
    name="GraupnerBrunelD",
    doc="Calcium rule, set D: depression alone, within a few milliseconds.",
    c_pre=0.6, c_post=0.6, gamma_d=500, gamma_p=550, sigma=5.6568, D=0,
)  # fmt: skip

GraupnerBrunelDPrime = GraupnerBrunel(
    name="GraupnerBrunelDPrime",
    doc="Calcium rule, set D': depression alone, over a wide range of times.",
    c_pre=1, c_post=2, theta_p=3.5, gamma_d=60, gamma_p=600, D=0,
)  # fmt: skip

GraupnerBrunelSlices = GraupnerBrunel(
    name="GraupnerBrunelSlices",
    doc="Calcium rule fitted to hippocampal slices (up is b = 5.28145 times as strong as down; 0.7 are down at first).",
    tau_ca=48.8373, c_pre=1, c_post=0.275865, gamma_d=313.0965, gamma_p=1645.59, sigma=9.1844, tau=688_355,
    D=18.8008,
)  # fmt: skip

GraupnerBrunelCultures = GraupnerBrunel(
    name="GraupnerBrunelCultures",
    doc="Calcium rule fitted to hippocampal cultures (up is b = 36.0263 times as strong as down).",
    tau_ca=11.9536, c_pre=0.58156, c_post=1.76444, gamma_d=61.141, gamma_p=113.6545, sigma=2.5654, tau=33_759.6, D=10,
)  # fmt: skip

GraupnerBrunelCortex = GraupnerBrunel(
    name="GraupnerBrunelCortex",
    doc="Calcium rule fitted to slices of visual cortex (up is b = 5.40988 times as strong as down).",
    tau_ca=22.6936, c_pre=0.5617539, c_post=1.23964, gamma_d=331.909, gamma_p=725.085, sigma=3.3501, tau=346_361.5,
    D=4.6098,
)  # fmt: skip

Shouval = Rule(
    "Shouval",
    """
    df/dt = -f/tau_f : 1 (pre)               # NMDA receptors that are open, fast and slow
    ds/dt = -s/tau_s : 1 (pre)
    de/dt = -e/tau_e : mV (pre)              # EPSP, difference of two exponentials
    dr/dt = -r/tau_r : mV (pre)
    db/dt = -b/tau_b : mV (post)             # back-propagating spike, and what it leaves
    da/dt = -a/tau_a : mV (post)
    v = v_rest + e - r + b + a : mV
    nmda = g_nmda*(f + s)*(v_ca - v)/(1 + exp(-0.062*v/mV)/3.57) : uM/ms
    dc/dt = nmda - c/tau_ca : uM
    omega = 0.25 + sigmoid((c - 0.55 uM)/(0.0125 uM)) - 0.25*sigmoid((c - 0.35 uM)/(0.0125 uM)) : 1
    tau_w = 0.1 second/(1e-5 + (c/uM)**3) + 1 second : ms
    dw/dt = (omega - w)/tau_w : 1
    tau_f = 50 ms;  tau_s = 200 ms;  tau_e = 50 ms;  tau_r = 5 ms;  tau_b = 3 ms;  tau_a = 25 ms;  tau_ca = 50 ms
    v_rest = -65 mV;  v_ca = 130 mV;  g_nmda = 0.002 uM/mV/ms;  opens = 0.5
    epsp = 1 mV;  spike_size = 100 mV
    """,
    on_pre="f += opens*(0.5 - f); s += opens*(0.5 - s); e += 1.435*epsp; r += 1.435*epsp",
    on_post="b = 0.75*spike_size; a = 0.25*spike_size",
    doc="Calcium through NMDA receptors, which need glutamate and voltage; its level sets where the weight goes, and "
    "how fast. One rule for pairing (v_rest), rates and spike times. Weights rest at 0.25. With delay=2, "
    "dendritic_fraction=1 spikes of the receiver reach the spine 2 ms late, as in the paper.",
    ref="Shouval, Bear & Cooper 2002, PNAS 99:10831, Eq. 1-6",
)
