"""The networks in NEST, on one thread; see the folder's docstring. Izhikevich's script cannot be said there."""

import json
import sys
import time

import nest


def cells(model, n, **values):
    return nest.Create(model, n, params=values)


def connect(pre, post, rule, weight, delay=0.1, **more):
    nest.Connect(pre, post, {**rule, **more}, {"synapse_model": "static_synapse", "weight": weight, "delay": delay})


def brunel(scale, _):
    values = {"tau_m": 20.0, "E_L": 0.0, "V_m": 0.0, "V_th": 20.0, "V_reset": 10.0, "t_ref": 2.0, "C_m": 1.0}
    E, I = (cells("iaf_psc_delta", round(n * scale), **values) for n in (10000, 2500))
    drive = nest.Create("poisson_generator", params={"rate": 20000.0})
    nest.Connect(drive, E + I, syn_spec={"weight": 0.1, "delay": 1.5})
    connect(E, E + I, {"rule": "fixed_indegree", "indegree": 1000}, 0.1, 1.5)
    connect(I, E + I, {"rule": "fixed_indegree", "indegree": 250}, -0.5, 1.5)
    return E + I


def vogels_abbott(model, scale, w_e, w_i, values, start):
    E, I = (cells(model, round(n * scale), **values) for n in (3200, 800))
    for name, law in start.items():
        (E + I).set({name: law})
    rule = {"rule": "pairwise_bernoulli", "p": min(1.0, 0.02 / scale)}
    connect(E, E + I, rule, w_e)
    connect(I, E + I, rule, w_i)
    return E + I


def cuba(scale, _):
    values = {"tau_m": 20.0, "C_m": 20.0, "E_L": -49.0, "V_th": -50.0, "V_reset": -60.0, "t_ref": 5.0}
    values |= {"tau_syn_ex": 5.0, "tau_syn_in": 10.0}
    return vogels_abbott("iaf_psc_exp", scale, 1.62, -9.0, values, {"V_m": nest.random.uniform(-60, -50)})


def coba(scale, _):
    values = {"g_L": 10.0, "C_m": 200.0, "E_L": -60.0, "V_th": -50.0, "V_reset": -60.0, "t_ref": 5.0, "I_e": 200.0}
    values |= {"tau_syn_ex": 5.0, "tau_syn_in": 10.0, "E_ex": 0.0, "E_in": -80.0}
    start = {
        "V_m": nest.random.normal(-65, 5),
        "g_ex": nest.random.normal(40, 15),
        "g_in": nest.random.normal(200, 120),
    }
    return vogels_abbott("iaf_cond_exp", scale, 6.0, -67.0, values, start)


def cobahh(scale, _):
    """Started by spikes from outside, since the conductances cannot be set."""
    values = {"g_L": 10.0, "C_m": 200.0, "E_L": -60.0, "V_T": -63.0, "t_ref": 3.0}
    values |= {"tau_syn_ex": 5.0, "tau_syn_in": 10.0, "E_ex": 0.0, "E_in": -80.0}
    neurons = vogels_abbott("hh_cond_exp_traub", scale, 6.0, -67.0, values, {"V_m": nest.random.normal(-65, 5)})
    kick = nest.Create("poisson_generator", params={"rate": 1000.0, "stop": 50.0})
    nest.Connect(kick, neurons, syn_spec={"weight": 6.0, "delay": 0.1})
    return neurons


def microcircuit(_, layers):
    values = {"tau_m": 10.0, "C_m": 250.0, "E_L": -65.0, "V_th": -50.0, "V_reset": -65.0, "t_ref": 2.0}
    values |= {"tau_syn_ex": 0.5, "tau_syn_in": 0.5}
    made = []
    for n, law, current, (number, weight) in zip(
        layers["sizes"], layers["v"], layers["current"], layers["drives"], strict=True
    ):
        made.append(cells("iaf_psc_exp", n, I_e=current, **values))
        made[-1].set(V_m=nest.random.normal(*law))
        if number:
            drive = nest.Create("poisson_generator", params={"rate": 8.0 * number})
            nest.Connect(drive, made[-1], syn_spec={"weight": weight, "delay": 1.5})
    for a, b, n, w in layers["synapses"]:
        low, high = (0.0, float("inf")) if w > 0 else (-float("inf"), 0.0)
        weight = nest.math.redraw(nest.random.normal(w, 0.1 * abs(w)), min=low, max=high)
        mean = 1.5 if w > 0 else 0.75
        delay = nest.math.redraw(nest.random.normal(mean, mean / 2), min=0.1, max=100.0)
        connect(made[a], made[b], {"rule": "fixed_total_number", "N": n}, weight, delay)
    whole = made[0]
    for part in made[1:]:
        whole = whole + part
    return whole


NETWORKS = {
    "brunel": brunel,
    "vogels-abbott-cuba": cuba,
    "vogels-abbott-coba": coba,
    "cobahh": cobahh,
    "microcircuit": microcircuit,
}


def main(name, scale, duration):
    layers = json.load(sys.stdin)
    if name not in NETWORKS:
        raise SystemExit(f"nest has no {name}")
    nest.set_verbosity("M_ERROR")
    nest.set(resolution=0.1, local_num_threads=1, rng_seed=1)
    neurons = NETWORKS[name](scale, layers)
    recorder = nest.Create("spike_recorder", params={"start": 200.0})
    nest.Connect(neurons, recorder)
    nest.Prepare()
    nest.Run(200.0)
    begin = time.process_time()
    nest.Run(duration)
    cost = (time.process_time() - begin) / (duration / 1000)
    nest.Cleanup()
    rate = recorder.n_events / len(neurons) / duration * 1000
    print(json.dumps({"core_s_per_bio_s": cost, "rate_hz": rate, "version": nest.__version__}))


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]), float(sys.argv[3]))
