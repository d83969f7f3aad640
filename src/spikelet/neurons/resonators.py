"""Neurons that oscillate below threshold or without one: planar reductions of excitability, and a burster."""

from spikelet.model import Neuron
from spikelet.units import mS

ResonateAndFire = Neuron(
    "ResonateAndFire",
    """
    dx/dt = b*x - omega*y + I : 1            # z = x + i*y turns and decays: z' = (b + i*omega)*z + I
    dy/dt = omega*x + b*y : 1                # x: like a current, y: like a voltage; pulses: to="x"
    I : kHz (input)
    b = -1 kHz;  omega = 10 kHz              # Izhikevich 2001; its unit of time is 1 ms here
    """,
    threshold="y > 1",
    reset="x = 0; y = 1",
    doc="The linear resonator: it fires for input at its own frequency, and after inhibition. "
    "Defaults: Izhikevich 2001.",
    ref="Izhikevich 2001, Neural Netw. 14:883, section 2",
)

FitzHughNagumo = Neuron(
    "FitzHughNagumo",
    """
    dv/dt = (v - v**3/3 - w + I) / tau_v : 1
    dw/dt = (v + a - b*w) / tau_w : 1
    I : 1 (input)
    a = 0.7;  b = 0.8                        # FitzHugh 1961
    tau_v = 1 ms;  tau_w = 12.5 ms           # phi = tau_v/tau_w = 0.08, FitzHugh 1969
    v_th = 0                                 # a spike is an upward crossing
    """,
    threshold="v > v_th",
    refractory="v > v_th",
    initial="v = -1.19941; w = -0.62426",  # rest at I = 0
    doc="Excitability in two equations, a cubic and a line: Hodgkin-Huxley on a plane. "
    "Defaults: FitzHugh 1961 and 1969.",
    ref="FitzHugh 1961, Biophys. J. 1:445, Eq. 1-2 (with the sign of v turned); Nagumo, Arimoto & Yoshizawa 1962",
)

MorrisLecar = Neuron(
    "MorrisLecar",
    """
    dv/dt = (I - g_L*(v - E_L) - g_Ca*m_inf*(v - E_Ca) - g_K*n*(v - E_K)) / C : mV
    dn/dt = rate*(n_inf - n) : 1
    m_inf = 0.5*(1 + tanh((v - v_1)/v_2)) : 1   # calcium follows the voltage at once
    n_inf = 0.5*(1 + tanh((v - v_3)/v_4)) : 1
    rate = phi*cosh((v - v_3)/(2*v_4)) : kHz
    I : uA/cm2 (input)
    C = 20 uF/cm2                            # this to phi: Morris & Lecar 1981, Fig. 9 (v_2 = -15 there is a misprint)
    g_L = 2 mS/cm2;  g_Ca = 4 mS/cm2;  g_K = 8 mS/cm2
    E_L = -50 mV;  E_Ca = 100 mV;  E_K = -70 mV
    v_1 = 10 mV;  v_2 = 15 mV;  v_3 = -1 mV;  v_4 = 14.5 mV
    phi = 0.06666666666666667 kHz            # 1/15 per ms
    v_0 = -50 mV                             # start value; n starts at n_inf(v_0)
    v_th = 0 mV                              # a spike is an upward crossing
    """,
    threshold="v > v_th",
    refractory="v > v_th",
    initial="v = v_0; n = 0.5*(1 + tanh((v_0 - v_3)/v_4))",
    doc="Calcium spikes of a barnacle muscle fibre in two equations; the teaching model of bifurcations. "
    "Defaults: Morris & Lecar 1981, Fig. 9.",
    ref="Morris & Lecar 1981, Biophys. J. 35:193, Eq. 9 and Fig. 9",
)

# The two ways in which firing can start, Rinzel & Ermentrout 1989 (in Koch & Segev, Methods in Neuronal Modeling).
MorrisLecarHopf = MorrisLecar(
    name="MorrisLecarHopf",
    g_Ca=4.4 * mS,
    E_L=-60,
    E_Ca=120,
    E_K=-84,
    v_1=-1.2,
    v_2=18,
    v_3=2,
    v_4=30,
    phi=0.04,
    v_0=-60,
    doc="Morris-Lecar neuron of class 2: firing starts at about 10 Hz by a Hopf bifurcation. "
    "Defaults: Rinzel & Ermentrout 1989.",
)
MorrisLecarSNIC = MorrisLecarHopf(
    name="MorrisLecarSNIC",
    g_Ca=4 * mS,
    v_3=12,
    v_4=17.4,
    phi=0.0667,
    doc="Morris-Lecar neuron of class 1: firing starts at zero frequency by a saddle-node on an invariant circle. "
    "Defaults: Rinzel & Ermentrout 1989.",
)

HindmarshRose = Neuron(
    "HindmarshRose",
    """
    dx/dt = (y - a*x**3 + b*x**2 - z + I) / tau : 1   # membrane
    dy/dt = (c - d*x**2 - y) / tau : 1       # fast currents
    dz/dt = r*(s*(x - x_R) - z) / tau : 1    # slow adaptation, which ends the bursts
    I : 1 (input)
    a = 1;  b = 3;  c = 1;  d = 5            # this to r: Hindmarsh & Rose 1984, Fig. 6
    s = 4;  x_R = -1.6                       # x_R: x at rest
    r = 0.001                                # 0.006 is in use, too
    tau = 1 ms                               # the paper's unit of time
    x_th = 1                                 # a spike is an upward crossing
    """,
    threshold="x > x_th",
    refractory="x > x_th",
    initial="x = x_R; y = c - d*x_R**2",
    doc="Three polynomials that burst, spike or fire chaotically, as the current says. "
    "Defaults: Hindmarsh & Rose 1984.",
    ref="Hindmarsh & Rose 1984, Proc. R. Soc. Lond. B 221:87",
)

BasuHasler = Neuron(
    "BasuHasler",
    """
    dv/dt = (I + i_Na*(1 - exp(-(E_Na - v)/U_T)) - i_K*(1 - exp(-(v - E_K)/U_T))) / C : mV
    dn/dt = 2*U_T/(kappa*tau_n)*tanh(kappa*(v - n)/(2*U_T)) : mV   # gate voltage of K, behind a follower
    i_Na = I_Na*sigmoid(A*kappa*(v - v_1)/U_T) : pA   # behind an amplifier
    i_K = I_K*exp(kappa*(n - v_K)/U_T) : pA  # a transistor below threshold
    I : pA (input)
    C = 1 pF;  I_Na = 10 pA;  I_K = 1 pA     # units of current and time are arbitrary: the chip's biases are not public
    v_1 = 150 mV;  v_K = 100 mV;  E_K = 0 mV;  E_Na = 300 mV   # chosen for nullclines of the published shape
    A = 3;  kappa = 0.7;  U_T = 25.8 mV      # gain of the Na amplifier; gate coupling; thermal voltage at 300 K
    tau_n = 12 ms                            # 12: saddle-node on invariant circle; 30: saddle-homoclinic
    v_0 = 20 mV                              # start value of v and n
    v_th = 200 mV                            # a spike is an upward crossing
    """,
    threshold="v > v_th",
    refractory="v > v_th",
    initial="v = v_0; n = v_0",
    doc="Silicon neuron of few transistors, drawn from its nullclines; one bias selects how firing starts. "
    "Defaults: chosen for the behaviour of Basu & Hasler 2010.",
    ref="Basu & Hasler 2010, IEEE Trans. Circuits Syst. I 57:2938",
)
