"""Neurons made of ionic currents, each a conductance whose gates follow rates that depend on the voltage.

A rate of the form x/(1 - exp(-x)) is written 1/exprel(-x), which is 1 at x = 0. Currents and conductances are
densities: ``I=10*uA`` is 10 uA/cm2. A spike is an upward crossing of ``v_th``.
"""

from spikelet.model import Neuron

_HODGKIN_HUXLEY_GATES = """
    dm/dt = phi*(alpha_m*(1 - m) - beta_m*m) : 1
    dh/dt = phi*(alpha_h*(1 - h) - beta_h*h) : 1
    dn/dt = phi*(alpha_n*(1 - n) - beta_n*n) : 1
    alpha_m = 1 kHz/exprel(-(v + 40 mV)/(10 mV)) : kHz
    beta_m = 4 kHz*exp(-(v + 65 mV)/(18 mV)) : kHz
    alpha_h = 0.07 kHz*exp(-(v + 65 mV)/(20 mV)) : kHz
    beta_h = 1 kHz/(1 + exp(-(v + 35 mV)/(10 mV))) : kHz
    alpha_n = 0.1 kHz/exprel(-(v + 55 mV)/(10 mV)) : kHz
    beta_n = 0.125 kHz*exp(-(v + 65 mV)/(80 mV)) : kHz
    phi = q10**((celsius - 6.3)/10) : 1      # rates were measured at 6.3 degrees
    celsius = 6.3;  q10 = 3                  # degrees Celsius; q10 of about 3: Hodgkin, Huxley & Katz 1952
"""

HodgkinHuxley = Neuron(
    "HodgkinHuxley",
    """
    dv/dt = (I - g_Na*m**3*h*(v - E_Na) - g_K*n**4*(v - E_K) - g_L*(v - E_L)) / C : mV
    I : uA/cm2 (input)
    C = 1 uF/cm2                             # this to E_L: Table 3 of the paper, turned to v = -65 mV at rest
    g_Na = 120 mS/cm2;  g_K = 36 mS/cm2;  g_L = 0.3 mS/cm2
    E_Na = 50 mV;  E_K = -77 mV;  E_L = -54.387 mV   # E_L: no current at rest
    v_th = 0 mV
"""
    + _HODGKIN_HUXLEY_GATES,
    threshold="v > v_th",
    refractory="v > v_th",
    initial="v = -65 mV; m = 0.0529; h = 0.5961; n = 0.3177",  # rest
    doc="The giant axon of the squid, the model from which all others descend. Defaults: Hodgkin & Huxley 1952.",
    ref="Hodgkin & Huxley 1952, J. Physiol. 117:500, Eq. 7, 12-16, 20-26 and Table 3",
)

HodgkinHuxleyPoint = Neuron(
    "HodgkinHuxleyPoint",
    """
    dv/dt = (I + i_e + i_i - g_Na*m**3*h*(v - E_Na) - g_K*n**4*(v - E_K) - g_L*(v - E_L)) / C : mV
    dx_e/dt = -x_e/tau_e : pA                # a jump by w (to="x_e") gives i_e = w*(e*t/tau_e)*exp(-t/tau_e), peak w
    di_e/dt = (exp(1)*x_e - i_e)/tau_e : pA
    dx_i/dt = -x_i/tau_i : pA                # inhibition: negative w, to="x_i"
    di_i/dt = (exp(1)*x_i - i_i)/tau_i : pA
    I : pA (input)
    C = 100 pF                               # this to the end: defaults of NEST's hh_psc_alpha, 1e-4 cm2 of membrane
    g_Na = 12000 nS;  g_K = 3600 nS;  g_L = 30 nS
    E_Na = 50 mV;  E_K = -77 mV;  E_L = -54.402 mV
    tau_e = 0.2 ms;  tau_i = 2 ms
    t_ref = 2 ms                             # no new spike for as long
    v_th = 0 mV
"""
    + _HODGKIN_HUXLEY_GATES,
    threshold="v > v_th",
    refractory="t_ref",
    initial="v = -65 mV; m = 0.0529; h = 0.5961; n = 0.3177",  # rest
    doc="Hodgkin-Huxley neuron of one compartment with alpha-shaped synaptic currents, for networks. "
    "Defaults: hh_psc_alpha of NEST, which reports the top of the spike, this the crossing before it.",
    ref="Hodgkin & Huxley 1952; Gerstner & Kistler 2002, section 2.2; NEST, hh_psc_alpha",
)

ConnorStevens = Neuron(
    "ConnorStevens",
    """
    dv/dt = (I - i_Na - g_K*n**4*(v - E_K) - g_A*a**3*b*(v - E_A) - g_L*(v - E_L)) / C : mV
    i_Na = g_Na*m**3*h*(v - E_Na) : uA/cm2
    dm/dt = phi*(alpha_m*(1 - m) - beta_m*m) : 1
    dh/dt = phi*(alpha_h*(1 - h) - beta_h*h) : 1
    dn/dt = phi/2*(alpha_n*(1 - n) - beta_n*n) : 1
    da/dt = (a_inf - a)/tau_act : 1          # the A-current: activation
    db/dt = (b_inf - b)/tau_inact : 1        #                inactivation
    alpha_m = 1 kHz/exprel(-(v + 29.7 mV)/(10 mV)) : kHz   # squid rates, shifted
    beta_m = 4 kHz*exp(-(v + 54.7 mV)/(18 mV)) : kHz
    alpha_h = 0.07 kHz*exp(-(v + 48 mV)/(20 mV)) : kHz
    beta_h = 1 kHz/(1 + exp(-(v + 18 mV)/(10 mV))) : kHz
    alpha_n = 0.1 kHz/exprel(-(v + 45.7 mV)/(10 mV)) : kHz
    beta_n = 0.125 kHz*exp(-(v + 55.7 mV)/(80 mV)) : kHz
    a_inf = (0.0761*exp((v + 94.22 mV)/(31.84 mV))/(1 + exp((v + 1.17 mV)/(28.93 mV))))**(1/3) : 1
    tau_act = 0.3632 ms + 1.158 ms/(1 + exp((v + 55.96 mV)/(20.12 mV))) : ms
    b_inf = (1 + exp((v + 53.3 mV)/(14.54 mV)))**(-4) : 1
    tau_inact = 1.24 ms + 2.678 ms/(1 + exp((v + 50 mV)/(16.027 mV))) : ms
    I : uA/cm2 (input)
    C = 1 uF/cm2                             # this to phi: Connor, Walter & McKown 1977
    g_Na = 120 mS/cm2;  g_K = 20 mS/cm2;  g_A = 47.7 mS/cm2;  g_L = 0.3 mS/cm2
    E_Na = 55 mV;  E_K = -72 mV;  E_A = -75 mV;  E_L = -17 mV
    phi = 3.8                                # warming from 6.3 to 18 degrees
    v_th = 0 mV
    """,
    threshold="v > v_th",
    refractory="v > v_th",
    initial="v = -67.976 mV; m = 0.0101; h = 0.9659; n = 0.1559; a = 0.5404; b = 0.2887",  # rest
    doc="Crab axon whose A-current delays the spike, so that firing starts at zero frequency. "
    "Defaults: Connor, Walter & McKown 1977.",
    ref="Connor & Stevens 1971, J. Physiol. 213:31; Connor, Walter & McKown 1977, Biophys. J. 18:81, appendix",
)

TraubMiles = Neuron(
    "TraubMiles",
    """
    dv/dt = (I - g_Na*m**3*h*(v - E_Na) - g_K*n**4*(v - E_K) - g_L*(v - E_L)) / C : mV
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
    I : uA/cm2 (input)
    C = 1 uF/cm2                             # this to v_T: the reduction by Ermentrout & Kopell 1998
    g_Na = 100 mS/cm2;  g_K = 80 mS/cm2;  g_L = 0.1 mS/cm2
    E_Na = 50 mV;  E_K = -100 mV;  E_L = -67 mV
    v_T = -67 mV                             # -63 mV in the COBAHH network of Brette et al. 2007
    v_th = 0 mV
    """,
    threshold="v > v_th",
    refractory="v > v_th",
    initial="v = -66.591 mV; m = 0.0160; h = 0.9955; n = 0.0403",  # rest
    doc="Pyramidal cell of the hippocampus, with the sodium and potassium currents of Traub and Miles. "
    "Defaults: its reduction by Ermentrout & Kopell 1998.",
    ref="Traub & Miles 1991, Neuronal Networks of the Hippocampus; Ermentrout & Kopell 1998, PNAS 95:1259",
)

WangBuzsaki = Neuron(
    "WangBuzsaki",
    """
    dv/dt = (I - g_Na*m_inf**3*h*(v - E_Na) - g_K*n**4*(v - E_K) - g_L*(v - E_L)) / C : mV
    dh/dt = phi*(alpha_h*(1 - h) - beta_h*h) : 1
    dn/dt = phi*(alpha_n*(1 - n) - beta_n*n) : 1
    m_inf = alpha_m/(alpha_m + beta_m) : 1   # sodium activates at once
    alpha_m = 1 kHz/exprel(-(v + 35 mV)/(10 mV)) : kHz
    beta_m = 4 kHz*exp(-(v + 60 mV)/(18 mV)) : kHz
    alpha_h = 0.07 kHz*exp(-(v + 58 mV)/(20 mV)) : kHz
    beta_h = 1 kHz/(1 + exp(-(v + 28 mV)/(10 mV))) : kHz
    alpha_n = 0.1 kHz/exprel(-(v + 34 mV)/(10 mV)) : kHz
    beta_n = 0.125 kHz*exp(-(v + 44 mV)/(80 mV)) : kHz
    I : uA/cm2 (input)
    C = 1 uF/cm2                             # this to phi: Wang & Buzsaki 1996
    g_Na = 35 mS/cm2;  g_K = 9 mS/cm2;  g_L = 0.1 mS/cm2
    E_Na = 55 mV;  E_K = -90 mV;  E_L = -65 mV
    phi = 5                                  # fast gates give a shallow after-hyperpolarisation
    v_th = 0 mV
    """,
    threshold="v > v_th",
    refractory="v > v_th",
    initial="v = -64.018 mV; h = 0.7808; n = 0.0891",  # rest
    doc="Fast-spiking interneuron of the hippocampus, the cell of gamma rhythms. Defaults: Wang & Buzsaki 1996.",
    ref="Wang & Buzsaki 1996, J. Neurosci. 16:6402",
)
