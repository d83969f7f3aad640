"""Neurons without adaptation: the threshold unit of 1943, integrate-and-fire, and its exponential and quadratic kin.

The members of the IF and LIF family are dimensionless (rest 0, threshold 1), so that any unit fits:
``LIF(v_th=20*mV, R=0.1*GOhm)``. Those with conductances, and ``LIFPhysical``, are in mV, pA, pF and nS.
"""

from spikelet.model import Neuron

McCullochPitts = Neuron(
    "McCullochPitts",
    """
    v[k+1] = where(I > 0, -1, E - theta) : 1   # excess over threshold; one inhibitory input vetoes all the others
    E : 1 (input)                              # number of active excitatory inputs
    I : 1 (input)                              # number of active inhibitory inputs
    theta = 2                                  # 2: AND of two inputs; 1: OR; 0: fires unless inhibited (NOT)
    """,
    threshold="v >= 0",
    doc="Logical threshold unit with absolute inhibition, for circuits of binary units on a common clock. "
    "theta = 2 is the AND of the paper's examples.",
    ref="McCulloch & Pitts 1943, Bull. Math. Biophys. 5:115, theorem I and Fig. 1",
)

IF = Neuron(
    "IF",
    """
    dv/dt = R*I/tau_mem : 1 (unless refractory)
    I : 1 (input)
    tau_mem = 1 ms                           # so that with dt = 1 ms each step adds I, as in converted networks
    R = 1;  v_reset = 0;  v_th = 1           # normalised
    t_ref = 0 ms                             # no refractoriness
    """,
    threshold="v > v_th",
    reset="v = v_reset",
    refractory="t_ref",
    initial="v = v_reset",
    doc="Perfect integrator, for counting arguments and rate coding: it forgets nothing. Defaults are normalised.",
    ref="Lapicque 1907 without leak; Gerstner & Kistler 2002, section 4.1",
)

IFSubtract = Neuron(
    "IFSubtract",
    """
    dv/dt = R*I/tau_mem : 1
    I : 1 (input)
    tau_mem = 1 ms;  R = 1;  v_th = 1        # normalised, as IF
    v_0 = 0                                  # start value; v_th/2 rounds a count instead of truncating it
    """,
    threshold="v > v_th",
    reset="v -= v_th",
    initial="v = v_0",
    doc="Perfect integrator that keeps what exceeds the threshold, for converted networks: its rate is the ReLU of its "
    "input, without loss. Defaults are normalised.",
    ref="Rueckauer et al. 2017, Front. Neurosci. 11:682, section 2.2 (reset by subtraction)",
)

LIF = Neuron(
    "LIF",
    """
    dv/dt = (v_rest - v + R*I) / tau_mem : 1 (unless refractory)
    I : 1 (input)
    tau_mem = 20 ms                          # R*C; a cortical pyramidal cell, as in Brunel 2000
    R = 1;  v_rest = 0;  v_reset = 0         # normalised to the distance from rest to threshold
    v_th = 1
    t_ref = 0 ms                             # no refractoriness
    """,
    threshold="v > v_th",
    reset="v = v_reset",
    refractory="t_ref",
    initial="v = v_rest",
    doc="Leaky integrate-and-fire, an RC circuit with a threshold: the standard neuron of network models. "
    "Defaults are normalised; tau_mem from Brunel 2000.",
    ref="Lapicque 1907; Gerstner & Kistler 2002, Eq. 4.3-4.4",
)

LIFPhysical = Neuron(
    "LIFPhysical",
    """
    dv/dt = (v_rest - v)/tau_mem + (i_e + i_i + I)/C : mV (unless refractory)
    di_e/dt = -i_e/tau_e : pA                # deliver excitatory weights here, to="i_e"
    di_i/dt = -i_i/tau_i : pA                # and inhibitory (negative) ones here, to="i_i"
    I : pA (input)
    C = 250 pF;  tau_mem = 10 ms             # defaults of NEST's iaf_psc_exp, all but the last line
    v_rest = -70 mV;  v_reset = -70 mV;  v_th = -55 mV;  t_ref = 2 ms
    tau_e = 2 ms;  tau_i = 2 ms
    """,
    threshold="v > v_th",
    reset="v = v_reset",
    refractory="t_ref",
    initial="v = v_rest",
    doc="LIF with exponential synaptic currents in physical units, the workhorse of network simulators. "
    "Defaults: iaf_psc_exp of NEST.",
    ref="Tsodyks, Uziel & Markram 2000, J. Neurosci. 20:RC50; Rotter & Diesmann 1999, Biol. Cybern. 81:381, section 3",
)

LI = Neuron(
    "LI",
    """
    dv/dt = (v_rest - v + R*I) / tau_mem : 1
    I : 1 (input)
    tau_mem = 20 ms                          # as LIF
    R = 1;  v_rest = 0                       # normalised
    """,
    initial="v = v_rest",
    doc="Leaky integrator that never spikes, the readout of trained networks. Defaults as LIF.",
    ref="Bellec et al. 2018, NeurIPS 31, supplement (readout neurons)",
)

Leaky = Neuron(
    "Leaky",
    """
    v[k+1] = beta*v + I : 1
    I : 1 (input)
    beta = 0.95                              # exp(-dt/tau_mem): dt = 1 ms, tau_mem = 20 ms; Eshraghian et al. 2023
    v_th = 1                                 # normalised
    """,
    threshold="v > v_th",
    reset="v -= v_th",
    doc="Leaky map of the deep-learning tutorials, threshold subtracted in the step of the spike. "
    "Defaults: Eshraghian et al. 2023.",
    ref="Neftci, Mostafa & Zenke 2019, IEEE Signal Process. Mag. 36:51; Eshraghian et al. 2023, Eq. 4",
)

LeakyDelayed = Neuron(
    "LeakyDelayed",
    """
    v[k+1] = beta*v + I - detach(spike)*v_th : 1   # spike: of the step before, so the reset comes one step late
    I : 1 (input)
    beta = 0.95                              # as Leaky
    v_th = 1                                 # normalised
    """,
    threshold="v > v_th",
    doc="Leaky map whose reset comes one step after the spike, as in snnTorch and the introductory article (which "
    "tests the old membrane, and so reports each spike one step later still). Defaults: Eshraghian et al. 2023.",
    ref="Eshraghian et al. 2023, Proc. IEEE 111:1016, Eq. 4",
)

LeakyToZero = Neuron(
    "LeakyToZero",
    """
    v[k+1] = beta*v + I : 1
    I : 1 (input)
    beta = 0.95                              # as Leaky
    v_th = 1                                 # normalised
    """,
    threshold="v > v_th",
    reset="v = 0",
    doc="Leaky map set to zero by a spike: what exceeded the threshold is lost. Defaults: Eshraghian et al. 2023.",
    ref="Eshraghian et al. 2023, appendix B.1 (reset to zero)",
)

LeakyNoReset = Neuron(
    "LeakyNoReset",
    """
    v[k+1] = beta*v + I : 1
    I : 1 (input)
    beta = 0.95                              # as Leaky
    v_th = 1                                 # normalised
    """,
    threshold="v > v_th",
    doc="Leaky map that a spike leaves as it is: a low-pass filter with a threshold, linear and so parallel in time. "
    "Defaults: Eshraghian et al. 2023.",
    ref="Eshraghian et al. 2023, appendix B.1 (no reset)",
)

CuBaLIF = Neuron(
    "CuBaLIF",
    """
    di_syn/dt = (I - i_syn) / tau_syn : 1    # I: low-passed input; a jump by w (to="i_syn"): i_syn = w*exp(-t/tau_syn)
    dv/dt = (v_rest - v + R*i_syn) / tau_mem : 1 (unless refractory)
    I : 1 (input)
    tau_mem = 10 ms;  tau_syn = 5 ms         # Neftci, Mostafa & Zenke 2019, tutorial
    R = 1;  v_rest = 0;  v_reset = 0         # normalised
    v_th = 1;  t_ref = 0 ms
    """,
    threshold="v > v_th",
    reset="v = v_reset",
    refractory="t_ref",
    initial="v = v_rest",
    doc="LIF behind an exponential synaptic current (current-based), as the CubaLIF node of NIR. "
    "Defaults: Neftci et al. 2019.",
    ref="Neftci, Mostafa & Zenke 2019, IEEE Signal Process. Mag. 36:51; Pedersen et al. 2024 (NIR), CubaLIF",
)

AlphaLIF = Neuron(
    "AlphaLIF",
    """
    dx/dt = (I - x) / tau_syn : 1            # a jump by w (to="x") gives i_syn = w*(e*t/tau_syn)*exp(-t/tau_syn)
    di_syn/dt = (exp(1)*x - i_syn) / tau_syn : 1   # peak w at t = tau_syn; a constant I ends as exp(1)*I
    dv/dt = (v_rest - v + R*i_syn) / tau_mem : 1 (unless refractory)
    I : 1 (input)
    tau_mem = 10 ms;  tau_syn = 5 ms         # as CuBaLIF
    R = 1;  v_rest = 0;  v_reset = 0         # normalised
    v_th = 1;  t_ref = 0 ms
    """,
    threshold="v > v_th",
    reset="v = v_reset",
    refractory="t_ref",
    initial="v = v_rest",
    doc="LIF behind an alpha-shaped synaptic current, which rises before it falls. Defaults as CuBaLIF.",
    ref="Rall 1967, J. Neurophysiol. 30:1138; Rotter & Diesmann 1999, Biol. Cybern. 81:381, section 3",
)

CoBaLIF = Neuron(
    "CoBaLIF",
    """
    dv/dt = (g_L*(v_rest - v) + g_e*(E_e - v) + g_i*(E_i - v) + I) / C : mV (unless refractory)
    dg_e/dt = -g_e/tau_e : nS                # deliver excitatory weights here, to="g_e"
    dg_i/dt = -g_i/tau_i : nS                # and inhibitory (positive) ones here, to="g_i"
    I : pA (input)
    C = 200 pF;  g_L = 10 nS                 # tau_mem = 20 ms; this and the rest: Brette et al. 2007, benchmark 1
    v_rest = -60 mV;  v_reset = -60 mV;  v_th = -50 mV;  t_ref = 5 ms
    E_e = 0 mV;  E_i = -80 mV;  tau_e = 5 ms;  tau_i = 10 ms
    """,
    threshold="v > v_th",
    reset="v = v_reset",
    refractory="t_ref",
    initial="v = v_rest",
    doc="LIF with excitatory and inhibitory conductances, which shunt as well as drive. "
    "Defaults: COBA benchmark of Brette et al. 2007.",
    ref="Vogels & Abbott 2005; Brette et al. 2007, J. Comput. Neurosci. 23:349, benchmark 1",
)

QIF = Neuron(
    "QIF",
    """
    dv/dt = (a_0*(v - v_rest)*(v - v_c) + R*I) / tau_mem : 1 (unless refractory)
    I : 1 (input)
    tau_mem = 10 ms                          # Gerstner et al. 2014, section 5.3
    a_0 = 1;  v_rest = 0;  v_c = 1           # normalised: rest at 0, without input a spike starts above 1
    R = 1;  v_th = 10;  v_reset = -10        # a peak and a reset far out stand for infinity
    t_ref = 0 ms
    """,
    threshold="v > v_th",
    reset="v = v_reset",
    refractory="t_ref",
    initial="v = v_rest",
    doc="Quadratic integrate-and-fire, the normal form of every neuron that starts to fire at zero frequency. "
    "Defaults are normalised.",
    ref="Latham et al. 2000, J. Neurophysiol. 83:808; Gerstner et al. 2014, Eq. 5.16",
)

ThetaNeuron = Neuron(
    "ThetaNeuron",
    """
    dphi/dt = ((1 - cos(phi)) + (1 + cos(phi))*I) / tau_mem : 1
    I : 1 (input)
    tau_mem = 10 ms                          # as QIF
    """,
    threshold="phi > pi",
    reset="phi -= 2*pi",
    doc="QIF on a circle, v = tan(phi/2): peak and reset at infinity without any large number. Defaults as QIF.",
    ref="Ermentrout & Kopell 1986, SIAM J. Appl. Math. 46:233",
)

EIF = Neuron(
    "EIF",
    """
    dv/dt = (v_rest - v + delta*exp((v - v_th)/delta) + R*I) / tau_mem : mV (unless refractory)
    v_cut = v_th + 20*delta : mV             # where the spike counts as fired
    I : pA (input)
    tau_mem = 10 ms;  v_rest = -65 mV        # this to t_ref: the paper's fit to the Wang-Buzsaki neuron
    v_th = -59.9 mV;  delta = 3.48 mV        # v_th: where the upstroke starts, sharpness delta
    v_reset = -68 mV;  t_ref = 1.7 ms
    R = 0.1 GOhm                             # C = tau_mem/R = 100 pF; the paper's are densities
    """,
    threshold="v > v_cut",
    reset="v = v_reset",
    refractory="t_ref",
    initial="v = v_rest",
    doc="Exponential integrate-and-fire: the upstroke of the sodium current in one term. "
    "Defaults: Fourcaud-Trocme et al. 2003.",
    ref="Fourcaud-Trocme, Hansel, van Vreeswijk & Brunel 2003, J. Neurosci. 23:11628; Gerstner et al. 2014, Eq. 5.6",
)
