"""Plasticity by an error or a teacher, which reaches the receiving neuron and is one of its states.

A rule reads such a state as ``error_post``, ``teacher_post``; other projections deliver to it, or the program sets it,
``net["cells"].set(teacher=1)``. A teacher that sends spikes needs a receiver with the line ``teacher[k+1] = 0 : 1``, so
that a spike delivered there is seen for one step.
"""

from spikelet.rule import Rule

PES = Rule(
    "PES",
    """
    da/dt = -a/tau_pre : 1/ms (pre)          # rate of the sender
    dw/dt = -eta*error_post*a : 1
    tau_pre = 5 ms;  eta = 1e-4              # eta: what a spike changes at an error of 1
    """,
    on_pre="a += 1/tau_pre",
    doc="Prescribed error sensitivity: weights go down the gradient of the squared error, which is the sender's rate "
    "times the error. error = output - target is a state of the receiver.",
    ref="MacNeil & Eliasmith 2011, PLoS ONE 6:e22885, Eq. 2",
)

Voja = Rule(
    "Voja",
    """
    dx/dt = -x/tau : 1 (pre)                 # rate of the sender, 1 at rate_max
    tau = 20 ms;  rate_max = 100 Hz;  eta = 0.01
    """,
    on_pre="x += 1/(tau*rate_max)",
    on_post="w += eta*(x - w)",
    doc="The weights of a neuron that fires move towards the activities that made it fire, so that it becomes "
    "selective for them. Other neurons keep theirs.",
    ref="Voelker, Crawford & Eliasmith 2014, UCNC, Lect. Notes Comput. Sci. 8553: Vector-Oja",
)

WidrowHoff = Rule(
    "WidrowHoff",
    "alpha = 0.01",
    on_pre="w += alpha*error_post",
    doc="Delta rule: each spike that arrives changes its weight by the error that the receiver has then. "
    "error = target - output is a state of the receiver.",
    ref="Widrow & Hoff 1960, IRE WESCON Conv. Rec. 4:96",
)

SupervisedHebb = Rule(
    "SupervisedHebb",
    """
    dw/dt = alpha*teacher_post*rate_pre - gamma*w : 1
    alpha = 1 kHz;  gamma = 0 kHz
    """,
    doc="Linear associator: each weight adds the product of its sender's activity and of what its receiver shall "
    "give, and forgets at the rate gamma, so that it stays below alpha/gamma. What is shown for 1 ms is learnt once; "
    "patterns of length 1 at right angles are recalled exactly. Sender and receiver have states 'rate' and 'teacher'.",
    ref="Hagan, Demuth & Beale 1996, Neural Network Design, Eq. 7.5, 7.45",
)

TeacherForcedHebb = Rule(
    "TeacherForcedHebb",
    """
    dx/dt = -x/tau : 1 (pre)
    tau = 20 ms;  alpha = 0.05;  alpha_0 = 0.005
    w_min = 0;  w_max = 1
    """,
    on_pre="x += 1",
    on_post="w = clip(w + alpha*x - alpha_0, w_min, w_max)",
    doc="Hebbian rule for a receiver that a strong current makes fire when it should: inputs shortly before its spikes "
    "gain alpha*exp(-t/tau), all lose alpha_0.",
    ref="Legenstein, Naeger & Maass 2005, Neural Comput. 17:2337 (spikes forced by a teacher)",
)

TeacherSignedHebb = Rule(
    "TeacherSignedHebb",
    """
    dx/dt = -x/tau : 1 (pre)
    tau = 20 ms;  alpha = 0.01
    w_min = 0;  w_max = 1
    """,
    on_pre="x += 1",
    on_post="w = clip(w + where(teacher_post > 0, alpha*x, -alpha*x), w_min, w_max)",
    doc="Hebbian for receivers that are right to fire, anti-Hebbian for the others: the state 'teacher' of the "
    "receiver is above 0 where it is the right one.",
    ref="Ponulak & Kasinski 2010, Neural Comput. 22:467, section 1 (supervised Hebbian learning)",
)

ReSuMe = Rule(
    "ReSuMe",
    """
    dx/dt = -x/tau : 1 (pre)
    w[k+1] = clip(w + teacher_post*(a_d + a*x), w_min, w_max) : 1
    tau = 5 ms;  a = 0.1;  a_d = 0.005       # a_d is what a spike without any input before it is worth
    w_min = -1;  w_max = 1
    """,
    on_pre="x += 1",
    on_post="w = clip(w - (a_d + a*x), w_min, w_max)",
    doc="Remote supervised method: a spike of the teacher strengthens the inputs just before it, one of the receiver "
    "weakens them in the same way, so that learning ends when both are the same train.",
    ref="Ponulak 2005, tech. report, Poznan; Ponulak & Kasinski 2010, Neural Comput. 22:467, Eq. 2.4",
)

XCAL = Rule(
    "XCAL",
    """
    dss_pre/dt = -ss_pre/tau_ss : 1 (pre)            # averages of the sender over a short and a medium time
    ds_pre/dt = (ss_pre - s_pre)/tau_s : 1 (pre)
    dm_pre/dt = (s_pre - m_pre)/tau_m : 1 (pre)
    dss_post/dt = -ss_post/tau_ss : 1 (post)         # and of the receiver, which also has a long one
    ds_post/dt = (ss_post - s_post)/tau_s : 1 (post)
    dm_post/dt = (s_post - m_post)/tau_m : 1 (post)
    dl_post/dt = (gain_l*m_post - l_post)/tau_l : 1 (post)
    learn[k+1] = 0 : 1 (network)                     # set to 1 at the end of a trial
    short = (0.9*s_pre + 0.1*m_pre)*(0.9*s_post + 0.1*m_post) : 1
    medium = m_pre*m_post : 1
    long = max(l_post, low_l) : 1
    error = where(short < 1e-4, 0, where(short > 0.1*medium, short - medium, -9*short)) : 1
    own = where(short < 1e-4, 0, where(short > 0.1*long, short - long, -9*short)) : 1
    share = 0.4999/(gain_l - low_l)*(long - low_l)*mismatch : 1
    change = learn*lrate*(error + share*own) : 1
    w[k+1] = w + change*where(change > 0, 1 - w, w) : 1
    tau_ss = 2 ms;  tau_s = 2 ms;  tau_m = 10 ms;  tau_l = 1 second
    gain_l = 2.5;  low_l = 0.2;  lrate = 0.04;  rate_max = 100 Hz
    mismatch = 0.01                                  # 1 - cosine between the layer's two phases, 0.01 at least
    """,
    on_pre="ss_pre += 1/(tau_ss*rate_max)",
    on_post="ss_post += 1/(tau_ss*rate_max)",
    doc="LEABRA's rule: the product of both activities in the last moments against the same product over the trial, "
    "which is an error, and against the receiver's average over many trials, which is BCM. "
    "net.variables['learn'] = 1 at the end of a trial lets the next step change the weights.",
    ref="O'Reilly et al. 2012, Computational Cognitive Neuroscience, ch. 4",
)

UrbanczikSenn = Rule(
    "UrbanczikSenn",
    """
    dx/dt = -x/tau_s : 1/ms (pre)
    dpsp/dt = (x - psp)/tau_l : 1/ms (pre)           # (exp(-t/tau_l) - exp(-t/tau_s))/(tau_l - tau_s)
    phi = phi_max/(1 + k_0*exp(beta*(theta - v_star_post))) : 1/ms
    h = beta/(1 + exp(beta*(v_star_post - theta))/k_0) : 1
    dchange/dt = (-phi*h*psp - change)/tau_delta : 1/ms**2
    dw/dt = eta*change : 1
    tau_s = 3 ms;  tau_l = 10 ms;  tau_delta = 100 ms
    phi_max = 0.15/ms;  k_0 = 0.5;  beta = 5;  theta = 1
    eta = 0.01 ms
    """,
    on_pre="x += 1/tau_s",
    on_post="change += h*psp/tau_delta",
    doc="Dendritic prediction of somatic spikes: weights onto the dendrite change until the rate phi(v_star) that its "
    "voltage predicts is that at which the soma fires. The receiver has the state 'v_star', the dendrite's voltage as "
    "it would arrive at the soma without a teacher.",
    ref="Urbanczik & Senn 2014, Neuron 81:521, Eq. 1-5",
)
