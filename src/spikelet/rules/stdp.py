"""Plasticity by the times of spikes: what pairs and triplets of spikes do to the weight.

All pairs of spikes count, through traces that add up, unless an entry says otherwise. Of a pair in the same step the
spike of the sending neuron counts as the earlier one. The weights are plain numbers in the unit of the projection, and
are kept from 0 to ``w_max``.
"""

from spikelet.rule import Rule

STDP = Rule(
    "STDP",
    """
    dx_pre/dt = -x_pre/tau_plus : 1 (pre)
    dx_post/dt = -x_post/tau_minus : 1 (post)
    tau_plus = 20 ms;  tau_minus = 20 ms
    a_plus = 0.005;  a_minus = 0.00525       # Song, Miller & Abbott: depression is stronger by a twentieth
    w_max = 1
    """,
    on_pre="x_pre += 1; w = clip(w - a_minus*x_post, 0, w_max)",
    on_post="x_post += 1; w = clip(w + a_plus*x_pre, 0, w_max)",
    doc="Additive pair rule: a spike before one of the receiver adds a_plus*exp(-t/tau_plus), one after it takes away "
    "a_minus*exp(-t/tau_minus), whatever the weight, up to hard bounds. Weights become either 0 or w_max.",
    ref="Song, Miller & Abbott 2000, Nat. Neurosci. 3:919",
)

NearestSTDP = Rule(
    "NearestSTDP",
    STDP.text,
    on_pre="x_pre = 1; w = clip(w - a_minus*x_post, 0, w_max)",
    on_post="x_post = 1; w = clip(w + a_plus*x_pre, 0, w_max)",
    doc="Additive pair rule in which each spike makes a pair with the last one of the other neuron alone.",
    ref="Morrison, Diesmann & Gerstner 2008, Biol. Cybern. 98:459 (symmetric interpretation of nearest neighbours)",
)

MultiplicativeSTDP = Rule(
    "MultiplicativeSTDP",
    """
    dx_pre/dt = -x_pre/tau_plus : 1 (pre)
    dx_post/dt = -x_post/tau_minus : 1 (post)
    tau_plus = 20 ms;  tau_minus = 20 ms
    eta = 0.01;  alpha = 1                   # step, and how much stronger depression is
    w_max = 1
    """,
    on_pre="x_pre += 1; w = max(w - eta*alpha*w*x_post, 0)",
    on_post="x_post += 1; w = min(w + eta*(w_max - w)*x_pre, w_max)",
    doc="Pair rule with soft bounds: potentiation goes with the distance to w_max, depression with the weight. Weights "
    "gather around one value.",
    ref="Rubin, Lee & Sompolinsky 2001, Phys. Rev. Lett. 86:364; Guetig et al. 2003, J. Neurosci. 23:3697, mu = 1",
)

VanRossumSTDP = Rule(
    "VanRossumSTDP",
    """
    dx_pre/dt = -x_pre/tau_plus : 1 (pre)
    dx_post/dt = -x_post/tau_minus : 1 (post)
    tau_plus = 20 ms;  tau_minus = 20 ms
    a_plus = 0.005;  a_minus = 0.005         # per pair: an amount, and a share of the weight
    w_max = 100
    """,
    on_pre="x_pre += 1; w = max(w - a_minus*w*x_post, 0)",
    on_post="x_post += 1; w = min(w + a_plus*x_pre, w_max)",
    doc="Pair rule in which potentiation adds an amount and depression takes a share of the weight, so that weights "
    "settle without a bound above; w_max is only a guard.",
    ref="van Rossum, Bi & Turrigiano 2000, J. Neurosci. 20:8812",
)

PowerLawSTDP = Rule(
    "PowerLawSTDP",
    """
    dx_pre/dt = -x_pre/tau_plus : 1 (pre)
    dx_post/dt = -x_post/tau_minus : 1 (post)
    tau_plus = 20 ms;  tau_minus = 20 ms
    eta = 0.1;  alpha = 0.11;  mu = 0.4      # step (lambda in the paper), depression, exponent
    w_0 = 1;  w_max = 1000000
    """,
    on_pre="x_pre += 1; w = max(w - eta*alpha*w*x_post, 0)",
    on_post="x_post += 1; w = min(w + eta*w_0**(1 - mu)*w**mu*x_pre, w_max)",
    doc="Pair rule in which potentiation goes with the power mu of the weight and depression with the weight itself, "
    "as Bi & Poo measured; w_max is only a guard.",
    ref="Morrison, Aertsen & Diesmann 2007, Neural Comput. 19:1437",
)

TripletSTDP = Rule(
    "TripletSTDP",
    """
    dr1/dt = -r1/tau_plus : 1 (pre)
    dr2/dt = -r2/tau_x : 1 (pre)
    do1/dt = -o1/tau_minus : 1 (post)
    do2/dt = -o2/tau_y : 1 (post)
    tau_plus = 16.8 ms;  tau_minus = 33.7 ms;  tau_x = 101 ms;  tau_y = 125 ms
    a2_plus = 5e-10;  a3_plus = 6.2e-3;  a2_minus = 7e-3;  a3_minus = 2.3e-4   # visual cortex, all pairs, full
    w_max = 1
    """,
    on_pre="w = clip(w - o1*(a2_minus + a3_minus*r2), 0, w_max); r1 += 1; r2 += 1",
    on_post="w = clip(w + r1*(a2_plus + a3_plus*o2), 0, w_max); o1 += 1; o2 += 1",
    doc="Pairs and triplets of spikes, so that the frequency of pairs counts; each slow trace is read before its own "
    "spike. TripletSTDP(a2_plus=0, a3_plus=6.5e-3, a2_minus=7.1e-3, a3_minus=0, tau_y=114) is the minimal model.",
    ref="Pfister & Gerstner 2006, J. Neurosci. 26:9673, Eq. 3-4, Table 3",
)

InhibitorySTDP = Rule(
    "InhibitorySTDP",
    """
    dx_pre/dt = -x_pre/tau : 1 (pre)
    dx_post/dt = -x_post/tau : 1 (post)
    alpha = 2*rho_0*tau : 1                  # at the rate rho_0 of the receiver both terms are the same
    tau = 20 ms;  rho_0 = 5 Hz;  eta = 0.005
    w_max = 100
    """,
    on_pre="x_pre += 1; w = clip(w + eta*(x_post - alpha), 0, w_max)",
    on_post="x_post += 1; w = clip(w + eta*x_pre, 0, w_max)",
    doc="Symmetric rule for inhibition: it grows with coincidence and shrinks with each spike that arrives, until the "
    "receiver fires at rho_0. Weights are positive: the synapse inhibits by its reversal potential.",
    ref="Vogels et al. 2011, Science 334:1569, supporting online material",
)
