"""Spike response models: the membrane as a sum of kernels, of incoming spikes and of the neuron's own.

A kernel that is a difference of exponentials is two linear states, so that no history is kept.
"""

from spikelet.model import Neuron

SRM = Neuron(
    "SRM",
    """
    di_syn/dt = -i_syn/tau_syn : 1           # deliver weights here, to="i_syn": each adds w*eps0 to h
    dh/dt = i_syn/tau_syn + (R*I - h)/tau_mem : 1   # eps0 = tau_mem/(tau_mem-tau_syn)*(exp(-s/tau_mem)-exp(-s/tau_syn))
    deta/dt = -eta/tau_mem : 1               # refractory kernel, summed over all own spikes
    v = v_rest + h + eta : 1
    I : 1 (input)                            # filtered by kappa0 = R/tau_mem*exp(-s/tau_mem)
    tau_mem = 10 ms;  tau_syn = 5 ms         # membrane and synapse of a cortical cell, rounded
    R = 1;  v_rest = 0;  v_reset = 0         # normalised
    v_th = 1
    """,
    threshold="v > v_th",
    reset="eta += v_reset - v_th",
    doc="Spike response model: the membrane as a sum of kernels of all input and all own spikes; with these kernels it "
    "is the LIF neuron. Defaults are normalised, times typical.",
    ref="Gerstner & Kistler 2002, sections 4.2.1-4.2.2",
)

SRM0 = Neuron(
    "SRM0",
    """
    di_syn/dt = -i_syn/tau_syn : 1           # deliver weights here, to="i_syn": each adds w*eps0 to h
    dh/dt = i_syn/tau_syn + (R*I - h)/tau_mem : 1   # kernels as in SRM
    deta/dt = -eta/tau_mem : 1               # eta = (v_reset - v_th)*exp(-s/tau_mem), s since the last spike alone
    v = v_rest + h + eta : 1
    I : 1 (input)
    tau_mem = 10 ms;  tau_syn = 5 ms         # membrane and synapse of a cortical cell, rounded
    R = 1;  v_rest = 0;  v_reset = 0         # normalised
    v_th = 1
    """,
    threshold="v > v_th",
    reset="eta = v_reset - v_th",
    refractory="v > v_th",  # it fires where v crosses the threshold from below
    doc="Spike response model in which only the last own spike counts, so that it cannot adapt; fires where v crosses "
    "the threshold from below. Defaults are normalised, times typical.",
    ref="Gerstner & Kistler 2002, section 4.2.3 (short-term memory approximation)",
)

MasquelierThorpe = Neuron(
    "MasquelierThorpe",
    """
    dx/dt = -x/tau_syn : 1                   # deliver weights here, to="x": each adds w*eps to h
    dh/dt = K*(1/tau_syn - 1/tau_mem)*x - h/tau_mem : 1   # eps = K*(exp(-s/tau_mem) - exp(-s/tau_syn))
    dp/dt = -p/tau_mem : 1                   # eta = p + q = v_th*K_1*exp(-s/tau_mem)
    dq/dt = -q/tau_syn : 1                   #     - v_th*K_2*(exp(-s/tau_mem) - exp(-s/tau_syn))
    v = h + p + q : 1
    tau_mem = 10 ms;  tau_syn = 2.5 ms       # all from the methods of the paper
    K = 2.1;  K_1 = 2;  K_2 = 4              # K: peak of eps about 1
    v_th = 500                               # 500 units of synaptic weight
    """,
    threshold="v > v_th",
    reset="x = 0; h = 0; p = (K_1 - K_2)*v_th; q = K_2*v_th",
    refractory="v > v_th",  # eta begins above threshold: it fires where v crosses it from below
    doc="SRM0 with a spike and an after-potential in eta, whose own spike clears all earlier input: the neuron that "
    "finds repeating patterns by STDP. Defaults: Masquelier & Thorpe 2008.",
    ref="Masquelier, Guyonneau & Thorpe 2008, PLoS ONE 3:e1377, methods",
)
