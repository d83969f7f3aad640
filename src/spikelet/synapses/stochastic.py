"""Release by chance: each synapse draws for itself whether, or how much of, a spike passes."""

from spikelet.synapse import Synapse

BernoulliCurrent = Synapse(
    "BernoulliCurrent",
    """
    di/dt = -i/tau_syn : pA (post)
    out = i : pA
    p_release = 0.5                          # as p_transmit of bernoulli_synapse of NEST
    tau_syn = 2 ms
    """,
    on_pre="i += w*heaviside(p_release - uniform())",
    doc="Exponential current that a spike starts with probability p_release, at each synapse on its own.",
    ref="Lefort, Tomm, Sarria & Petersen 2009, Neuron 61:301 (failure rates); NEST, bernoulli_synapse",
)

QuantalTsodyksMarkram = Synapse(
    "QuantalTsodyksMarkram",
    """
    du/dt = -u/tau_fac : 1 (pre)             # probability that a vesicle is released
    last[k+1] = last : ms (pre)              # time of the spike before
    ready[k+1] = ready : 1                   # sites that hold a vesicle
    released[k+1] = released : 1             # vesicles of the last spike
    di/dt = -i/tau_syn : pA (post)
    out = i : pA
    sites = 5                                # number of release sites
    U = 0.5;  tau_rec = 800 ms;  tau_fac = 10 ms   # as quantal_stp_synapse of NEST, but for tau_fac = 0 there
    tau_syn = 3 ms
    """,
    on_pre="""
        ready += binomial(sites - ready, 1 - exp((last - t)/tau_rec));  last = t;  u += U*(1 - u)
        released = binomial(ready, u);  ready -= released;  i += w*released/sites
        """,
    initial="ready = sites",
    doc="Short-term plasticity of single vesicles: each site is filled with time constant tau_rec and released with "
    "probability u. The mean over many synapses is TsodyksMarkram with the weight w.",
    ref="Fuhrmann, Segev, Markram & Tsodyks 2002, J. Neurophysiol. 87:140; NEST, quantal_stp_synapse",
)
