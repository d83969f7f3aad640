"""Learning rules in NEST, on one thread: ns an event; see `benchmarks.rule_events`.

    python benchmarks/simulators/nest_rules.py NEURONS INDEGREE

Parrots repeat spikes that are given; those of the second layer hear the synapses that learn on a port that does
nothing. Dopamine comes from one neuron, and is handed out every 100 ms: every millisecond, as NEST does by default, an
event takes more than ten times as long.
"""

import json
import sys
import time

import nest
import numpy as np
from trains import DT, changed, trains

STEPS = 10_000
SYNAPSES = {
    "STDP": ("stdp_synapse", {"mu_plus": 0.0, "mu_minus": 0.0, "Wmax": 1.0}),
    "NearestSTDP": ("stdp_nn_symm_synapse", {"mu_plus": 0.0, "mu_minus": 0.0, "Wmax": 1.0}),
    "PreCentredSTDP": ("stdp_nn_pre_centered_synapse", {"mu_plus": 0.0, "mu_minus": 0.0, "Wmax": 1.0}),
    "ReducedSymmetricSTDP": ("stdp_nn_restr_synapse", {"mu_plus": 0.0, "mu_minus": 0.0, "Wmax": 1.0}),
    "MultiplicativeSTDP": ("stdp_synapse", {"mu_plus": 1.0, "mu_minus": 1.0, "Wmax": 1.0}),
    "GuetigSTDP": ("stdp_synapse", {"mu_plus": 0.02, "mu_minus": 0.02, "Wmax": 1.0}),
    "VanRossumSTDP": ("stdp_synapse", {"mu_plus": 0.0, "mu_minus": 1.0, "Wmax": 100.0}),
    "PowerLawSTDP": ("stdp_pl_synapse_hom", {}),
    "TripletSTDP": ("stdp_triplet_synapse", {"Wmax": 1.0}),
    "InhibitorySTDP": ("vogels_sprekeler_synapse", {"Wmax": 1.0}),
    "DopamineSTDP": ("stdp_dopamine_synapse", {"Wmin": 0.0, "Wmax": 1.0}),
}


def parrots(n, seed):
    """Return neurons that fire at random, and how many spikes there are."""
    ids, steps = trains(n, STEPS, seed)
    times = np.round((steps + 1) * DT, 1)
    given = nest.Create("spike_generator", n, params=[{"spike_times": times[ids == i]} for i in range(n)])
    made = nest.Create("parrot_neuron", n)
    nest.Connect(given, made, "one_to_one", {"delay": 1.0})
    return made, len(ids)


def cost(name, n, indegree):
    """Return CPU seconds of a run, and how many spikes the senders sent."""
    nest.ResetKernel()
    nest.set(resolution=DT, local_num_threads=1, rng_seed=1)
    (pre, spikes), (post, _) = parrots(n, 0), parrots(n, 1)
    if name is not None:
        model, values = SYNAPSES[name]
        if model == "stdp_dopamine_synapse":
            transmitter = nest.Create("volume_transmitter", params={"deliver_interval": 100})
            nest.Connect(parrots(1, 2)[0], transmitter)
            values = {**values, "volume_transmitter": transmitter}
        nest.CopyModel(model, "learning", values)
        what = {"synapse_model": "learning", "weight": 0.5, "delay": 1.5, "receptor_type": 1}
        nest.Connect(pre, post, {"rule": "fixed_indegree", "indegree": indegree}, what)
    nest.Prepare()
    begin = time.process_time()
    nest.Run(STEPS * DT)
    found = time.process_time() - begin
    nest.Cleanup()
    if name is not None:
        changed(name, nest.GetConnections(pre[:5], synapse_model="learning").weight)
    return found, spikes


def main(n, indegree):
    nest.set_verbosity("M_ERROR")
    alone, found = min(cost(None, n, indegree)[0] for _ in range(2)), {}
    for name in SYNAPSES:
        seconds, spikes = cost(name, n, indegree)
        found[name] = (seconds - alone) / (spikes * indegree) * 1e9
        print(name, round(found[name], 1), f"{seconds:.2f} s, sources alone {alone:.2f} s", file=sys.stderr)
    print(json.dumps(found))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
