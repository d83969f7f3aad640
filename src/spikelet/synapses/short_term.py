"""Short-term plasticity: what a spike transmits depends on the spikes before it, for a fraction of a second."""

from spikelet.synapse import Synapse

TsodyksMarkram = Synapse(
    "TsodyksMarkram",
    """
    du/dt = -u/tau_fac : 1 (pre)             # utilisation: share of the resources that a spike releases
    dx/dt = (1 - x)/tau_rec : 1 (pre)        # resources that are there
    di/dt = -i/tau_syn : pA (post)
    out = i : pA
    U = 0.03;  tau_rec = 130 ms;  tau_fac = 530 ms   # facilitating synapse of the paper, Fig. 1B
    tau_syn = 1.5 ms
    """,
    on_pre="u += U*(1 - u); i += w*u*x; x -= u*x",
    initial="x = 1",
    doc="Exponential current of w*u*x, where u grows with each spike (facilitation) and x is used up (depression). The "
    "default facilitates; TsodyksMarkram(U=0.5, tau_rec=800, tau_fac=0.001, tau_syn=3) is depression alone.",
    ref="Tsodyks, Pawelzik & Markram 1998, Neural Comput. 10:821; with resources that recover right after release: "
    "Markram, Wang & Tsodyks 1998, PNAS 95:5323",
)
