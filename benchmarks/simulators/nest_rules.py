"""Learning rules in NEST, on one thread: ns an event; see `benchmarks.rule_events`.

    python benchmarks/simulators/nest_rules.py NEURONS INDEGREE

Parrots repeat spikes at random; those of the second layer hear the synapses that learn on a port that does nothing.
"""

import json
import sys
import time

import nest

RATE, BEFORE, DURATION = 10.0, 200.0, 1000.0  # Hz, ms, ms
SYNAPSES = {
    "STDP": ("stdp_synapse", {"mu_plus": 0.0, "mu_minus": 0.0, "Wmax": 1.0}),
    "NearestSTDP": ("stdp_nn_symm_synapse", {"mu_plus": 0.0, "mu_minus": 0.0, "Wmax": 1.0}),
    "MultiplicativeSTDP": ("stdp_synapse", {"mu_plus": 1.0, "mu_minus": 1.0, "Wmax": 1.0}),
    "PowerLawSTDP": ("stdp_pl_synapse_hom", {}),
    "TripletSTDP": ("stdp_triplet_synapse", {"Wmax": 1.0}),
    "InhibitorySTDP": ("vogels_sprekeler_synapse", {"Wmax": 1.0}),
    "DopamineSTDP": ("stdp_dopamine_synapse", {"Wmin": 0.0, "Wmax": 1.0}),
}


def cost(name: str | None, n: int, indegree: int) -> tuple[float, float]:
    """Return CPU seconds of a run, and how many spikes the senders sent."""
    nest.ResetKernel()
    nest.set_verbosity("M_ERROR")
    nest.set(resolution=0.1, local_num_threads=1, rng_seed=1)
    source = nest.Create("poisson_generator", params={"rate": RATE})
    pre, post = nest.Create("parrot_neuron", n), nest.Create("parrot_neuron", n)
    nest.Connect(source, pre + post)
    recorder = nest.Create("spike_recorder", params={"start": BEFORE})
    nest.Connect(pre, recorder)
    if name is not None:
        model, values = SYNAPSES[name]
        if model == "stdp_dopamine_synapse":
            transmitter, dopamine = nest.Create("volume_transmitter"), nest.Create("parrot_neuron", 5)
            nest.Connect(source, dopamine)
            nest.Connect(dopamine, transmitter)
            values = {**values, "volume_transmitter": transmitter}
        nest.CopyModel(model, "learning", values)
        what = {"synapse_model": "learning", "weight": 0.5, "delay": 1.5, "receptor_type": 1}
        nest.Connect(pre, post, {"rule": "fixed_indegree", "indegree": indegree}, what)
    nest.Prepare()
    nest.Run(BEFORE)
    begin = time.process_time()
    nest.Run(DURATION)
    found = time.process_time() - begin
    nest.Cleanup()
    return found, recorder.n_events


def main(n: int, indegree: int) -> None:
    alone = cost(None, n, indegree)[0]
    found = {}
    for name in SYNAPSES:
        seconds, spikes = cost(name, n, indegree)
        found[name] = (seconds - alone) / (spikes * indegree) * 1e9
    print(json.dumps(found))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
