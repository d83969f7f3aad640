"""Synapses that act all the time, by the states of the sender: no spike is needed, and none is looked at.

Each reads its sender as it was at the start of a step (with a delay: so much earlier), while the receiver flows.
"""

from spikelet.synapse import Synapse

GapJunction = Synapse(
    "GapJunction",
    """
    out = w*(v_pre - v_post) : pA            # w: conductance [nS]; connect both ways, see connect.symmetric
    """,
    doc="Electrical synapse: a conductance w between two membranes.",
    ref="Bennett & Zukin 2004, Neuron 41:495; Hahne et al. 2015, Front. Neuroinform. 9:22",
)

GradedSynapse = Synapse(
    "GradedSynapse",
    """
    out = w*sigmoid((v_pre - theta)/slope)*(E_rev - v_post) : pA
    theta = -40 mV;  slope = 2 mV            # release is half of its largest at theta
    E_rev = -80 mV                           # graded inhibition, as between the neurons of central pattern generators
    """,
    doc="Conductance of w at most that opens with the sender's potential, without spikes.",
    ref="Wang & Rinzel 1992, Neural Comput. 4:84",
)

GatedSynapse = Synapse(
    "GatedSynapse",
    """
    s_inf = sigmoid((v_pre - theta)/slope) : 1
    ds/dt = (s_inf - s)/tau_syn : 1 (pre)
    out = w*s*(E_rev - v_post) : pA
    theta = -40 mV;  slope = 2 mV;  tau_syn = 10 ms
    E_rev = -80 mV                           # as in GradedSynapse
    """,
    doc="Graded conductance whose gate follows the sender's potential with a time constant.",
    ref="Wang & Rinzel 1992, Neural Comput. 4:84; as in Prinz, Bucher & Marder 2004, Nat. Neurosci. 7:1345, where the "
    "time constant depends on the potential",
)

RateCoupling = Synapse(
    "RateCoupling",
    """
    out = w*r_pre : 1                        # w: what a rate of 1 adds
    """,
    doc="Input of w times the rate r of the sender, for units such as Tanh, Sigmoid and ReLU.",
    ref="Sompolinsky, Crisanti & Sommers 1988, Phys. Rev. Lett. 61:259, Eq. 1",
)
