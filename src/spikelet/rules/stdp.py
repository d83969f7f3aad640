"""Plasticity by the times of pairs of spikes.

All pairs of spikes count, through traces that add up, unless an entry says otherwise: which pairs do is the difference
between `STDP`, `NearestSTDP`, `PreCentredSTDP` and `ReducedSymmetricSTDP`, and any weight dependence can be written
with each. Of a pair in the same step the spike of the sending neuron counts as the earlier one. The weights are plain
numbers in the unit of the projection, and are kept from 0 to ``w_max``.
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

PreCentredSTDP = Rule(
    "PreCentredSTDP",
    """
    dx_pre/dt = -x_pre/tau_plus : 1 (pre)
    dx_post/dt = -x_post/tau_minus : 1 (post)
    dlast/dt = -last/tau_plus : 1 (post)     # by how much x_pre has decayed since the receiver's last spike
    counted[k+1] = counted : 1               # the x_pre that this spike found: its pairs are not made again
    tau_plus = 20 ms;  tau_minus = 20 ms
    a_plus = 0.005;  a_minus = 0.00525
    w_max = 1
    """,
    on_pre="x_pre += 1; w = clip(w - a_minus*x_post, 0, w_max)",
    on_post="w = clip(w + a_plus*(x_pre - counted*last), 0, w_max); counted = x_pre; last = 1; x_post = 1",
    doc="Additive pair rule in which each arriving spike makes two pairs: with the last spike of the receiver before "
    "it, and with the next one after it. Between Poisson trains it is a BCM rule.",
    ref="Izhikevich & Desai 2003, Neural Comput. 15:1511; Morrison et al. 2008, Fig. 7B (presynaptic centred)",
)

ReducedSymmetricSTDP = Rule(
    "ReducedSymmetricSTDP",
    """
    dage_pre/dt = 1 : ms (pre)               # time since the last spike
    dage_post/dt = 1 : ms (post)
    tau_plus = 20 ms;  tau_minus = 20 ms
    a_plus = 0.005;  a_minus = 0.00525
    w_max = 1
    """,
    on_pre="w = clip(w - where(age_post <= age_pre, a_minus*exp(-age_post/tau_minus), 0), 0, w_max); age_pre = 0 ms",
    on_post="w = clip(w + where(age_pre < age_post, a_plus*exp(-age_pre/tau_plus), 0), 0, w_max); age_post = 0 ms",
    initial="age_pre = 1000000 ms; age_post = 1000000 ms",
    doc="Additive pair rule in which only neighbours make a pair: a spike of one neuron and the one of the other that "
    "comes next, with no spike of either between them.",
    ref="Morrison, Diesmann & Gerstner 2008, Biol. Cybern. 98:459, Fig. 7C (reduced symmetric, restricted)",
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

GuetigSTDP = Rule(
    "GuetigSTDP",
    """
    dx_pre/dt = -x_pre/tau_plus : 1 (pre)
    dx_post/dt = -x_post/tau_minus : 1 (post)
    tau_plus = 20 ms;  tau_minus = 20 ms
    eta = 0.005;  alpha = 1.05;  mu = 0.02   # step (lambda in the paper), asymmetry, exponent
    w_max = 1
    """,
    on_pre="x_pre += 1; w = max(w - eta*alpha*w_max*(w/w_max)**mu*x_post, 0)",
    on_post="x_post += 1; w = min(w + eta*w_max*(1 - w/w_max)**mu*x_pre, w_max)",
    doc="Pair rule between additive (mu = 0) and multiplicative (mu = 1): small exponents leave weights apart and yet "
    "let them follow correlations of their inputs.",
    ref="Guetig, Aharonov, Rotter & Sompolinsky 2003, J. Neurosci. 23:3697, Eq. 1-3",
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

DiehlCookSTDP = Rule(
    "DiehlCookSTDP",
    """
    dx_pre/dt = -x_pre/tau_pre : 1 (pre)
    dx_post1/dt = -x_post1/tau_post1 : 1 (post)
    dx_post2/dt = -x_post2/tau_post2 : 1 (post)
    tau_pre = 20 ms;  tau_post1 = 20 ms;  tau_post2 = 40 ms
    a_pre = 0.0001;  a_post = 0.01           # nu_ee_pre and nu_ee_post of the authors' program
    w_max = 1
    """,
    on_pre="x_pre = 1; w = clip(w - a_pre*x_post1, 0, w_max)",
    on_post="w = clip(w + a_post*x_pre*x_post2, 0, w_max); x_post1 = 1; x_post2 = 1",
    doc="Triplet rule of the network that learns digits without labels: potentiation needs an earlier spike of the "
    "receiver, depression is a hundred times weaker. Traces are set to 1, as in the authors' program.",
    ref="Diehl & Cook 2015, Front. Comput. Neurosci. 9:99, and their program (github.com/peter-u-diehl/stdp-mnist)",
)

KheradpishehSTDP = Rule(
    "KheradpishehSTDP",
    """
    dage/dt = 1 : ms (pre)                   # time since the sender's last spike
    window = 30 ms                           # how long an image is shown
    a_plus = 0.004;  a_minus = 0.003
    """,
    on_pre="age = 0 ms",
    on_post="w += where(age <= window, a_plus, -a_minus)*w*(1 - w)",
    initial="age = 1000000 ms",
    doc="What counts is only whether a sender has fired before the receiver, within the image that is shown: then the "
    "weight grows, else it shrinks. Both slow down near 0 and 1, so weights stay between them.",
    ref="Kheradpisheh et al. 2018, Neural Netw. 99:56, Eq. 3",
)
