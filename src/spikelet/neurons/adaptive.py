"""Neurons that tire: adaptation currents, calcium, moving thresholds, and the ladder of generalised LIF models."""

from spikelet.model import Neuron

ALIF = Neuron(
    "ALIF",
    """
    dv/dt = (v_rest - v + R*I) / tau_mem : 1
    da/dt = -a / tau_a : 1
    I : 1 (input)
    tau_mem = 20 ms                          # Bellec et al. 2018
    tau_a = 200 ms                           # Bellec et al. 2020, TIMIT
    R = 1;  v_rest = 0;  v_th = 1            # normalised
    beta = 0.2                               # rise of the threshold at a spike, in units of v_th
    """,
    threshold="v > v_th + a",
    reset="v -= v_th; a += beta",
    initial="v = v_rest",
    doc="LIF with a threshold that rises at each spike and decays: memory over seconds for trained networks. "
    "Defaults: Bellec et al. 2018 and 2020, normalised.",
    ref="Bellec et al. 2018, Eq. 3-4",
)

LSNN = Neuron(
    "LSNN",
    """
    v[k+1] = exp(-dt/tau_mem)*v + (1 - exp(-dt/tau_mem))*R*I - B*detach(spike) : 1
    b[k+1] = exp(-dt/tau_a)*b + (1 - exp(-dt/tau_a))*spike*(1 ms)/dt : 1   # (1 ms)/dt: the same rise at every dt
    B = b_0 + beta*b : 1                     # threshold
    I : 1 (input)
    tau_mem = 20 ms;  tau_a = 700 ms         # this to b_0: authors' code, sequential MNIST, dt = 1 ms
    R = 1;  beta = 1.8;  b_0 = 0.01
    t_ref = 5 ms
    surrogate_scale = 0.01                   # b_0: the pseudo-derivative is a function of (v - B)/b_0
    """,
    threshold="v > B",
    refractory="t_ref",
    doc="ALIF as its authors step it: a map, reset by the moving threshold one step late, the membrane free in "
    "refractoriness. Defaults: authors' code for sequential MNIST.",
    ref="Bellec, Salaj, Subramoney, Legenstein & Maass 2018, NeurIPS 31, section 2",
)

DiehlCook = Neuron(
    "DiehlCook",
    """
    dv/dt = (v_rest - v + R*I) / tau_mem : mV (unless refractory)
    dtheta/dt = -theta / tau_theta : mV
    I : pA (input)
    tau_mem = 100 ms;  tau_theta = 1e7 ms
    R = 1 GOhm                               # conductances of the paper are in units of the leak
    v_rest = -65 mV;  v_reset = -65 mV;  v_th = -52 mV
    theta_plus = 0.05 mV
    t_ref = 5 ms
    """,
    threshold="v > v_th + theta",
    reset="v = v_reset; theta += theta_plus",
    refractory="t_ref",
    initial="v = v_rest",
    doc="LIF whose threshold rises at each spike and stays for hours, so that in a layer of competitors all come "
    "to fire alike. Defaults: the excitatory neurons of the paper.",
    ref="Diehl & Cook 2015, Front. Comput. Neurosci. 9:99, section 2.1, 2.4",
)

AdEx = Neuron(
    "AdEx",
    """
    dv/dt = (g_L*(v_rest - v) + g_L*delta*exp((v - v_th)/delta) - w + I) / C : mV (unless refractory)
    dw/dt = (a*(v - v_rest) - w) / tau_w : pA
    I : pA (input)
    C = 281 pF;  g_L = 30 nS;  v_rest = -70.6 mV   # this to v_reset: Brette & Gerstner 2005
    v_th = -50.4 mV;  delta = 2 mV           # where the upstroke starts, and its sharpness
    a = 4 nS;  tau_w = 144 ms;  b = 80.5 pA
    v_reset = -70.6 mV;  v_cut = 20 mV       # v_cut: 0 to 20 mV are in use
    t_ref = 0 ms                             # no refractoriness
    """,
    threshold="v > v_cut",
    reset="v = v_reset; w += b",
    refractory="t_ref",
    initial="v = v_rest",
    doc="Exponential integrate-and-fire with an adaptation current: eight firing patterns from one pair of equations. "
    "Defaults: the regular spiking cell of Brette & Gerstner 2005.",
    ref="Brette & Gerstner 2005, J. Neurophysiol. 94:3637, Eq. 1-3",
)

# Naud, Marcille, Clopath & Gerstner 2008, Biol. Cybern. 99:335, Table 1, some values adjusted so that the
# figure comes out: C, g_L, v_rest, v_th, delta, a, tau_w, b, v_reset, and the current of the figure.
_NAUD_2008 = {
    "tonic": (200, 10, -70, -50, 2, 2, 30, 0, -58, 500),
    "adaptation": (200, 12, -70, -50, 2, 2, 300, 60, -58, 500),
    "initial burst": (130, 18, -58, -50, 2, 4, 150, 120, -50, 400),
    "regular bursting": (200, 10, -58, -50, 2, 2, 120, 100, -46, 210),
    "delayed accelerating": (200, 12, -70, -50, 2, -10, 300, 0, -58, 300),
    "delayed regular bursting": (100, 10, -65, -50, 2, -10, 90, 30, -47, 110),
    "transient": (100, 10, -65, -50, 2, 10, 90, 100, -47, 180),
    "irregular": (100, 12, -60, -50, 2, -11, 130, 30, -48, 160),
}
_COLUMNS = ("C", "g_L", "v_rest", "v_th", "delta", "a", "tau_w", "b", "v_reset")

# The eight firing patterns, and the step of current [pA] that shows each.
ADEX_PATTERNS: dict[str, Neuron] = {
    pattern: AdEx(name=f"AdEx {pattern}", v_cut=0, **dict(zip(_COLUMNS, row[:-1], strict=True)))
    for pattern, row in _NAUD_2008.items()
}
ADEX_CURRENTS: dict[str, float] = {pattern: float(row[-1]) for pattern, row in _NAUD_2008.items()}

LiuWang = Neuron(
    "LiuWang",
    """
    dv/dt = (g_L*(v_rest - v) + g_AHP*Ca*(E_K - v) + I) / C : mV (unless refractory)
    dCa/dt = -Ca / tau_Ca : mM
    I : pA (input)
    C = 500 pF;  g_L = 25 nS                 # this to the last line: Liu & Wang 2001; tau_mem = 20 ms
    v_rest = -70 mV;  v_th = -54 mV;  v_reset = -60 mV;  t_ref = 2 ms
    g_AHP = 7.5 nS/uM;  E_K = -80 mV
    alpha_Ca = 0.2 uM;  tau_Ca = 50 ms       # influx at a spike; tau_Ca of 80 to 600 ms adapt more slowly
    """,
    threshold="v >= v_th",
    reset="v = v_reset; Ca += alpha_Ca",
    refractory="t_ref",
    initial="v = v_rest",
    doc="LIF with a potassium current driven by calcium, which enters at each spike: spike-frequency adaptation that "
    "linearises the f-I curve. Defaults: Liu & Wang 2001.",
    ref="Liu & Wang 2001, J. Comput. Neurosci. 10:25, section 2",
)

MAT2 = Neuron(
    "MAT2",
    """
    dv/dt = (v_rest - v + R*I) / tau_mem : mV
    dtheta_1/dt = -theta_1 / tau_1 : mV
    dtheta_2/dt = -theta_2 / tau_2 : mV
    I : pA (input)
    tau_mem = 5 ms;  R = 0.05 GOhm           # this to the last line: Kobayashi et al. 2009, regular spiking
    v_rest = -65 mV;  omega = 20 mV          # omega: threshold at rest, counted from v_rest
    alpha_1 = 30 mV;  tau_1 = 10 ms
    alpha_2 = 2 mV;  tau_2 = 200 ms
    t_ref = 2 ms
    """,
    threshold="v > v_rest + omega + theta_1 + theta_2",
    reset="theta_1 += alpha_1; theta_2 += alpha_2",
    refractory="t_ref",
    initial="v = v_rest",
    doc="Leaky integrator that is never reset, with a threshold of two time scales: predicts spike times of cortical "
    "cells. Defaults: regular spiking cell of Kobayashi et al. 2009.",
    ref="Kobayashi, Tsubo & Shinomoto 2009, Front. Comput. Neurosci. 3:9, Eq. 1-3",
)

_CELL = """
    I : pA (input)
    C = 58.72 pF;  g_L = 9.43 nS             # Allen cell 490626718, Teeter et al. 2018, as in NEST
    v_rest = -78.85 mV;  v_th = -51.68 mV;  t_ref = 3.75 ms
"""
_MEMBRANE = "dv/dt = (I - g_L*(v - v_rest)) / C : mV (unless refractory)"
_MEMBRANE_ASC = """dv/dt = (I + I_1 + I_2 - g_L*(v - v_rest)) / C : mV (unless refractory)
    dI_1/dt = -k_1*I_1 : pA (unless refractory)
    dI_2/dt = -k_2*I_2 : pA (unless refractory)"""
_HARD_RESET = "v_reset = -78.85 mV"
_SPIKE_THRESHOLD = """
    dtheta_s/dt = -b_s*theta_s : mV (unless refractory)
    f_v = 0.2;  v_add = 18.51 mV             # reset: the part of v - v_rest that is kept, and what is added
    b_s = 0.009 kHz;  theta_add = 0.37 mV    # threshold raised by each spike
"""
_CURRENTS = """
    k_1 = 0.003 kHz;  k_2 = 0.1 kHz          # after-spike currents: decay,
    I_add_1 = -9.18 pA;  I_add_2 = -198.94 pA    # rise at a spike,
    f_1 = 1;  f_2 = 1                        # and the part kept through it
"""
_VOLTAGE_THRESHOLD = """
    dtheta_v/dt = a_v*(v - v_rest) - b_v*theta_v : mV (unless refractory)
    a_v = 0.005 kHz;  b_v = 0.09 kHz         # threshold that follows the membrane
"""
# What decays on its own does so through the refractory period too, as one factor at its start.
_RESET_R = "v = v_rest + f_v*(v - v_rest) + v_add; theta_s = theta_s*exp(-b_s*t_ref) + theta_add"
_RESET_ASC = "I_1 = f_1*I_1*exp(-k_1*t_ref) + I_add_1; I_2 = f_2*I_2*exp(-k_2*t_ref) + I_add_2"
_TEETER = "Teeter et al. 2018, Nat. Commun. 9:709, methods"

GLIF1 = Neuron(
    "GLIF1",
    f"{_MEMBRANE}\n{_CELL}\n{_HARD_RESET}",
    threshold="v > v_th",
    reset="v = v_reset",
    refractory="t_ref",
    initial="v = v_rest",
    doc="Allen's generalised LIF, level 1: plain LIF. Defaults: mouse cell 490626718.",
    ref=_TEETER,
)

GLIF2 = Neuron(
    "GLIF2",
    f"{_MEMBRANE}\n{_SPIKE_THRESHOLD}\n{_CELL}",
    threshold="v > v_th + theta_s",
    reset=_RESET_R,
    refractory="t_ref",
    initial="v = v_rest",
    doc="Allen's generalised LIF, level 2: reset that depends on v, and a threshold raised by spikes. "
    "Defaults: mouse cell 490626718.",
    ref=_TEETER,
)

GLIF3 = Neuron(
    "GLIF3",
    f"{_MEMBRANE_ASC}\n{_CURRENTS}\n{_CELL}\n{_HARD_RESET}",
    threshold="v > v_th",
    reset=f"v = v_reset; {_RESET_ASC}",
    refractory="t_ref",
    initial="v = v_rest",
    doc="Allen's generalised LIF, level 3: LIF with two after-spike currents. Defaults: mouse cell 490626718.",
    ref=_TEETER,
)

GLIF4 = Neuron(
    "GLIF4",
    f"{_MEMBRANE_ASC}\n{_CURRENTS}\n{_SPIKE_THRESHOLD}\n{_CELL}",
    threshold="v > v_th + theta_s",
    reset=f"{_RESET_R}; {_RESET_ASC}",
    refractory="t_ref",
    initial="v = v_rest",
    doc="Allen's generalised LIF, level 4: levels 2 and 3 together. Defaults: mouse cell 490626718.",
    ref=_TEETER,
)

GLIF5 = Neuron(
    "GLIF5",
    f"{_MEMBRANE_ASC}\n{_CURRENTS}\n{_SPIKE_THRESHOLD}\n{_VOLTAGE_THRESHOLD}\n{_CELL}",
    threshold="v > v_th + theta_s + theta_v",
    reset=f"{_RESET_R}; {_RESET_ASC}",
    refractory="t_ref",
    initial="v = v_rest",
    doc="Allen's generalised LIF, level 5: level 4 with a threshold that follows the membrane. "
    "Defaults: mouse cell 490626718.",
    ref=_TEETER,
)

MihalasNiebur = Neuron(
    "MihalasNiebur",
    """
    dv/dt = I + I_1 + I_2 - G*(v - v_rest) : mV
    dtheta/dt = a*(v - v_rest) - b*(theta - theta_inf) : mV
    dI_1/dt = -k_1*I_1 : mV/ms               # currents are divided by the capacitance
    dI_2/dt = -k_2*I_2 : mV/ms
    I : mV/ms (input)                        # 1 mV/ms is the paper's 1 V/s
    G = 0.05 kHz;  b = 0.01 kHz;  a = 0 kHz  # this to the last line: paper's Table 1, tonic spiking
    k_1 = 0.2 kHz;  k_2 = 0.02 kHz           # a = 0.005 kHz: phasic or adapting
    v_rest = -70 mV;  v_reset = -70 mV;  theta_inf = -50 mV;  theta_reset = -60 mV
    f_1 = 0;  f_2 = 1;  I_add_1 = 0 mV/ms;  I_add_2 = 0 mV/ms
    """,
    threshold="v >= theta",
    reset="I_1 = f_1*I_1 + I_add_1; I_2 = f_2*I_2 + I_add_2; v = v_reset; theta = max(theta_reset, theta)",
    initial="v = v_rest; theta = theta_inf",
    doc="Linear equations and rich update rules: twenty behaviours from a LIF with moving threshold and two currents. "
    "Defaults: tonic spiking of the paper.",
    ref="Mihalas & Niebur 2009, Neural Comput. 21:704, Eq. 2.1-2.2",
)
