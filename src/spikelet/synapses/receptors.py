"""Receptors: what a spike does to the current or the conductance of the neuron that receives it.

Each is normalised to its peak: after one spike of weight w the current or conductance rises to w at most. Several
spikes add, since the equations are linear; so all synapses of one receptor share one set of states.
"""

from spikelet.synapse import Synapse

ExponentialCurrent = Synapse(
    "ExponentialCurrent",
    """
    di/dt = -i/tau_syn : pA (post)           # after one spike: i = w*exp(-t/tau_syn)
    out = i : pA
    tau_syn = 2 ms                           # as iaf_psc_exp of NEST
    """,
    on_pre="i += w",
    doc="Current that jumps by w and decays exponentially. Default: iaf_psc_exp of NEST.",
    ref="Rotter & Diesmann 1999, Biol. Cybern. 81:381, section 3",
)

AlphaCurrent = Synapse(
    "AlphaCurrent",
    """
    dx/dt = -x/tau_syn : pA (post)
    di/dt = (exp(1)*x - i)/tau_syn : pA (post)   # after one spike: i = w*(e*t/tau_syn)*exp(-t/tau_syn)
    out = i : pA
    tau_syn = 2 ms                           # as iaf_psc_alpha of NEST
    """,
    on_pre="x += w",
    doc="Current that rises and falls as an alpha function, with its peak w at tau_syn. "
    "Default: iaf_psc_alpha of NEST.",
    ref="Rall 1967, J. Neurophysiol. 30:1138; Rotter & Diesmann 1999, Biol. Cybern. 81:381, section 3",
)

DoubleExponentialCurrent = Synapse(
    "DoubleExponentialCurrent",
    """
    dx/dt = -x/tau_rise : pA (post)
    di/dt = peak*x/tau_rise - i/tau_decay : pA (post)
    # after one spike i is in proportion to exp(-t/tau_decay) - exp(-t/tau_rise); peak makes its maximum w
    peak = exp(1/exprel(log(tau_decay/tau_rise))) : 1   # (tau_decay/tau_rise)**(tau_rise/(tau_decay - tau_rise))
    out = i : pA
    tau_rise = 0.5 ms;  tau_decay = 3 ms     # a fast excitatory synapse, rounded
    """,
    on_pre="x += w",
    doc="Current with a rise and a decay of its own, of peak w; with equal time constants it is AlphaCurrent. "
    "Defaults are typical of fast excitation.",
    ref="Roth & van Rossum 2009, in: Computational Modeling Methods for Neuroscientists, chapter 6",
)

ExponentialConductance = Synapse(
    "ExponentialConductance",
    """
    dg/dt = -g/tau_syn : nS (post)           # after one spike: g = w*exp(-t/tau_syn)
    out = g*(E_rev - v_post) : pA
    tau_syn = 5 ms;  E_rev = 0 mV            # excitation of Brette et al. 2007; inhibition there: 10 ms, -80 mV
    """,
    on_pre="g += w",
    doc="Conductance that jumps by w and decays exponentially, towards the reversal potential E_rev. "
    "Defaults: excitation in the COBA benchmark of Brette et al. 2007.",
    ref="Vogels & Abbott 2005, J. Neurosci. 25:10786; Brette et al. 2007, J. Comput. Neurosci. 23:349, benchmark 1",
)

AlphaConductance = Synapse(
    "AlphaConductance",
    """
    dx/dt = -x/tau_syn : nS (post)
    dg/dt = (exp(1)*x - g)/tau_syn : nS (post)   # after one spike: g = w*(e*t/tau_syn)*exp(-t/tau_syn)
    out = g*(E_rev - v_post) : pA
    tau_syn = 0.2 ms;  E_rev = 0 mV          # excitation in iaf_cond_alpha of NEST; inhibition there: 2 ms, -85 mV
    """,
    on_pre="x += w",
    doc="Conductance that rises and falls as an alpha function, with its peak w at tau_syn. "
    "Defaults: iaf_cond_alpha of NEST.",
    ref="Rall 1967, J. Neurophysiol. 30:1138",
)

DoubleExponentialConductance = Synapse(
    "DoubleExponentialConductance",
    """
    dx/dt = -x/tau_rise : nS (post)
    dg/dt = peak*x/tau_rise - g/tau_decay : nS (post)
    peak = exp(1/exprel(log(tau_decay/tau_rise))) : 1   # as in DoubleExponentialCurrent: the maximum of g is w
    out = g*(E_rev - v_post) : pA
    tau_rise = 0.5 ms;  tau_decay = 3 ms     # a fast excitatory synapse, rounded
    E_rev = 0 mV
    """,
    on_pre="x += w",
    doc="Conductance with a rise and a decay of its own, of peak w; with equal time constants it is AlphaConductance. "
    "Defaults are typical of fast excitation.",
    ref="Roth & van Rossum 2009, in: Computational Modeling Methods for Neuroscientists, chapter 6",
)

NMDA = Synapse(
    "NMDA",
    """
    dx/dt = -x/tau_rise : nS (post)
    dg/dt = peak*x/tau_rise - g/tau_decay : nS (post)
    peak = exp(1/exprel(log(tau_decay/tau_rise))) : 1   # as in DoubleExponentialCurrent: the maximum of g is w
    open = 1/(1 + Mg/K_Mg*exp(-v_post/v_Mg)) : 1   # share of channels that magnesium does not block
    out = g*open*(E_rev - v_post) : pA
    tau_rise = 2 ms;  tau_decay = 100 ms;  E_rev = 0 mV   # Wang 1999
    Mg = 1 mM                                # outside the cell
    K_Mg = 3.57 mM;  v_Mg = 1 mV/0.062       # Jahr & Stevens 1990
    """,
    on_pre="x += w",
    doc="Slow conductance that magnesium blocks at rest: it opens where the neuron is depolarised, so that it detects "
    "coincidence. The weight is the peak without block.",
    ref="Jahr & Stevens 1990, J. Neurosci. 10:3178 (block); Wang 1999, J. Neurosci. 19:9587 (time constants)",
)
