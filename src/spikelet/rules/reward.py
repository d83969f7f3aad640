"""Plasticity by reward: what pairs of spikes leave behind becomes a change of the weight when a third factor says so.

The third factor is one number for the network, ``net.variables["reward"] = 1.0``, or a state of each receiving neuron,
to which another projection delivers. Pairs are those of `STDP`: all of them, the sender's spike of one step first.
Weights are plain numbers in the unit of the projection.
"""

from spikelet.rule import Rule

MSTDP = Rule(
    "MSTDP",
    """
    dx_pre/dt = -x_pre/tau_plus : 1 (pre)
    dx_post/dt = -x_post/tau_minus : 1 (post)
    reward[k+1] = reward : 1 (network)       # stays as it has been set
    tau_plus = 20 ms;  tau_minus = 20 ms
    a_plus = 1;  a_minus = 1;  gamma = 0.1   # gamma, the learning rate, is in the unit of the weights
    w_min = 0;  w_max = 1
    """,
    on_pre="x_pre += 1; w = clip(w - gamma*reward*a_minus*x_post, w_min, w_max)",
    on_post="x_post += 1; w = clip(w + gamma*reward*a_plus*x_pre, w_min, w_max)",
    doc="Reward-modulated pair rule: each pair changes the weight by the reward of the step in which its second spike "
    "is. With a negative reward, what would be strengthened is weakened.",
    ref="Florian 2007, Neural Comput. 19:1468, MSTDP",
)

MSTDPET = Rule(
    "MSTDPET",
    """
    dx_pre/dt = -x_pre/tau_plus : 1 (pre)
    dx_post/dt = -x_post/tau_minus : 1 (post)
    dz/dt = -z/tau_z : 1/ms                  # eligibility: pairs of the last tau_z
    w[k+1] = clip(w + gamma*dt*reward*z[k+1], w_min, w_max) : 1
    reward[k+1] = reward : 1 (network)
    tau_plus = 20 ms;  tau_minus = 20 ms;  tau_z = 25 ms
    a_plus = 1;  a_minus = 1;  gamma = 0.1
    w_min = 0;  w_max = 1
    """,
    on_pre="x_pre += 1; z -= a_minus*x_post/tau_z; w = clip(w - gamma*dt*reward*a_minus*x_post/tau_z, w_min, w_max)",
    on_post="x_post += 1; z += a_plus*x_pre/tau_z; w = clip(w + gamma*dt*reward*a_plus*x_pre/tau_z, w_min, w_max)",
    doc="Reward-modulated pair rule with an eligibility trace, so that reward may come later than the spikes that have "
    "earned it. A pair counts from its own step on, as in the paper's discrete form, where dt is 1 ms.",
    ref="Florian 2007, Neural Comput. 19:1468, MSTDPET",
)

RewardSTDP = Rule(
    "RewardSTDP",
    """
    dx_pre/dt = -x_pre/tau_plus : 1 (pre)
    dx_post/dt = -x_post/tau_minus : 1 (post)
    dc/dt = -c/tau_c : 1                     # eligibility
    ddopamine/dt = -dopamine/tau_d : 1 (network)
    w[k+1] = clip(w + dt*eta*c*(dopamine - b), w_min, w_max) : 1
    tau_plus = 20 ms;  tau_minus = 20 ms;  tau_c = 1 second;  tau_d = 200 ms
    a_plus = 1;  a_minus = 1.5;  b = 0       # b: the level of dopamine at which nothing is learnt
    eta = 1/second
    w_min = 0;  w_max = 4
    """,
    on_pre="x_pre += 1; c -= a_minus*x_post",
    on_post="x_post += 1; c += a_plus*x_pre",
    doc="Distal reward: each pair marks its synapse for a second, and dopamine turns marks into changes of the weight. "
    "A reward is net.variables['dopamine'] += 0.5; also known as R-STDP.",
    ref="Izhikevich 2007, Cereb. Cortex 17:2443, Eq. 1-3",
)

DopamineSTDP = Rule(
    "DopamineSTDP",
    """
    dx_pre/dt = -x_pre/tau_plus : 1 (pre)
    dx_post/dt = -x_post/tau_minus : 1 (post)
    dc/dt = -c/tau_c : 1
    w[k+1] = clip(w + dt/(1 ms)*c*(dopamine_post - b), w_min, w_max) : 1
    tau_plus = 20 ms;  tau_minus = 20 ms;  tau_c = 1 second
    a_plus = 1;  a_minus = 1.5;  b = 0
    w_min = 0;  w_max = 200
    """,
    on_pre="x_pre += 1; c -= a_minus*x_post",
    on_post="x_post += 1; c += a_plus*x_pre",
    doc="Distal reward by the spikes of dopamine neurons: the receiver has a state, ddopamine/dt = -dopamine/tau_n : "
    "1, to which they deliver 1/tau_n each, and which is their rate in 1/ms; b is their rate without a surprise.",
    ref="Izhikevich 2007, Cereb. Cortex 17:2443; Potjans, Morrison & Diesmann 2010, Front. Comput. Neurosci. 4:141",
)

ActorCriticTD = Rule(
    "ActorCriticTD",
    """
    deps/dt = -eps/tau_eps : 1 (pre)         # which state the animal has been in
    w[k+1] = clip(w + dt/(1 ms)*a*eps*(dopamine_post - b), w_min, w_max) : 1
    tau_eps = 400 ms;  a = 0.01;  b = 0
    w_min = 0;  w_max = 100
    """,
    on_pre="eps += 1",
    doc="Learning by a temporal difference: synapses of the states that have been active change by how far dopamine "
    "lies above its baseline, which is the error of the prediction of reward. It serves actor and critic; the state "
    "'dopamine' of the receiver is that of DopamineSTDP.",
    ref="Potjans, Diesmann & Morrison 2011, PLoS Comput. Biol. 7:e1001133",
)
