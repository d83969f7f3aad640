"""What holds for every entry of the zoo of synapses."""

import numpy as np
import pytest
from tests.zoo.stimuli import pulse

from spikelet import synapses
from spikelet.ir.lower import lower
from spikelet.ir.verify import verify
from spikelet.model import Neuron
from spikelet.sim.compose import compose, sender
from spikelet.simulate import BACKENDS, run
from spikelet.synapse import Synapse

ALL = synapses.entries()
ZOO = {name: synapse for name, synapse in ALL.items() if synapse.coupling is None}  # others: tests/sim/test_coupled.py
CELL = Neuron(
    "Cell", "dv/dt = (E_L - v)/tau_m + I/C : mV; I : pA (input); C = 250 pF; tau_m = 10 ms; E_L = -70 mV",
    threshold="v > 1 V", reset="v = E_L", initial="v = E_L",
)  # fmt: skip


def test_the_index_holds_every_entry():
    assert list(ALL) == [
        "ExponentialCurrent", "AlphaCurrent", "DoubleExponentialCurrent",
        "ExponentialConductance", "AlphaConductance", "DoubleExponentialConductance", "NMDA", "TsodyksMarkram",
        "BernoulliCurrent", "QuantalTsodyksMarkram",
        "GapJunction", "GradedSynapse", "GatedSynapse", "RateCoupling",
    ]  # fmt: skip
    assert all(getattr(synapses, name) is synapse for name, synapse in ALL.items())


@pytest.mark.parametrize("name", ALL)
def test_an_entry_is_described_saved_and_complete(name: str):
    synapse = ALL[name]
    assert synapse.name == name and synapse.doc.strip().endswith(".") and any(c.isdigit() for c in synapse.ref)
    assert Synapse.from_json(synapse.to_json()) == synapse
    assert None not in synapse.parameters.values()
    if name in ZOO:
        assert synapse.unit("w") == synapse.unit("out" if name.endswith(("Current", "TsodyksMarkram")) else "g")


@pytest.mark.parametrize("name", ZOO)
def test_an_entry_joins_a_neuron_and_compiles(name: str):
    found = compose(CELL, {"r": ZOO[name]})
    step = lower(found.neuron, list(found.jumps.values()))
    verify(step)
    assert (
        step.method
        == {"C": "exponential_euler", "A": "rk4", "t": "exact", "m": "exact"}[
            "C" if name.endswith("Conductance") else name[-1]
        ]
    )
    assert (sender(ZOO[name]) is None) == (name != "TsodyksMarkram")


@pytest.mark.parametrize("name", ZOO)
def test_one_spike_has_the_peak_w_and_several_add(name: str):
    """Current or conductance of weight 3 at its largest is 3; two spikes do what the sum of both does."""
    synapse = ZOO[name]
    found = compose(CELL, {"r": synapse})
    (jump,) = found.jumps.values()
    kernel = "r_g" if "g" in synapse.states else "r_i"
    one = run(found.neuron, {jump: pulse(3.0, 30_000)}, t=300, dt=0.01, record=kernel, dtype="float64")[kernel][:, 0]
    exact = lower(found.neuron).method == "exact"  # beside a conductance, states are integrated to first order
    assert one.max() == pytest.approx(3.0, rel=1e-5 if exact else 0.03)
    both = pulse(3.0, 30_000)
    both[500] = -1.5
    two = run(found.neuron, {jump: both}, t=300, dt=0.01, record=kernel, dtype="float64")[kernel][:, 0]
    np.testing.assert_allclose(two[500:], one[500:] - one[:-500] / 2, atol=1e-9)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", ZOO)
def test_every_back_end_runs_it(name: str, backend: str):
    found = compose(CELL, {"r": ZOO[name]})
    jumps = {jump: pulse(5.0, 50, 3) for jump in found.jumps.values()} | {found.inputs["I"]: np.full(3, 20.0)}
    options = {"t": 5, "record": "v", "dtype": "float64"}
    outs = [run(found.neuron, jumps, backend=b, **options)["v"] for b in (backend, "numpy_reference")]
    assert np.ptp(outs[1]) > 0.01
    np.testing.assert_allclose(*outs, rtol=1e-10)
