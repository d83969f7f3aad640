"""A neuron and its synapses as one model: what the text becomes, that it means the same, and what is refused."""

from typing import Any

import numpy as np
import pytest
from tests.zoo.stimuli import EXACT, pulse

from spikelet import neurons, synapses
from spikelet.errors import InputError, ModelError, UnitError
from spikelet.ir.lower import lower
from spikelet.ir.verify import verify
from spikelet.model import Neuron
from spikelet.sim.compose import compose, sender
from spikelet.simulate import run
from spikelet.synapse import Synapse

CELL = Neuron(
    "Cell",
    """
    dv/dt = (E_L - v)/tau_m + I/C : mV (unless refractory)   # a comment
    I : pA (input)
    C = 250 pF;  tau_m = 10 ms;  E_L = -70 mV; v_th = -50 mV
    """,
    threshold="v > v_th", reset="v = E_L", refractory="2 ms", initial="v = E_L",
)  # fmt: skip
CURRENT = Synapse("Current", "di/dt = -i/tau : pA (post); out = i : pA; tau = 2 ms", on_pre="i += w")
GATE = Synapse(
    "Gate", "dg/dt = -g/tau : nS (post); out = g*(E - v_post) : pA; tau = 5 ms; E = 0 mV", on_pre="g += w"
)  # fmt: skip


VOLTS = Neuron("Volts", "dv/dt = (I - v)/(1 ms) : mV; I : mV (input)")
AMPERES = Neuron("Amperes", "dv/dt = (I - v)/(1 ms) : pA; I : pA (input)")


def test_what_the_text_becomes():
    found = compose(CELL, {"exc": CURRENT, "inh": GATE(E=-80.0)}, {"exc": "I", "inh": "I"})
    assert found.neuron.text.splitlines() == [
        "dv/dt = (E_L - v)/tau_m + I/C : mV (unless refractory)",
        "I_drive : pA (input)",
        "I = I_drive + exc_out + inh_out : pA",
        "C = 250 pF",
        "tau_m = 10 ms",
        "E_L = -70 mV",
        "v_th = -50 mV",
        "dexc_i/dt = -exc_i/exc_tau : pA",
        "exc_out = exc_i : pA",
        "exc_tau = 2 ms",
        "dinh_g/dt = -inh_g/inh_tau : nS",
        "inh_out = inh_g*(inh_E - v) : pA",
        "inh_tau = 5 ms",
        "inh_E = 0 mV",
    ]
    assert found.neuron.name == "Cell + exc, inh"
    assert found.jumps == {("exc", "i"): "exc_i", ("inh", "g"): "inh_g"}
    assert found.inputs == {"I": "I_drive"}
    assert found.factors == {("exc", "i"): None, ("inh", "g"): None}
    assert found.neuron.states == ("v", "exc_i", "inh_g") and found.neuron.inputs == ("I_drive",)
    assert found.neuron.parameters["inh_E"] == -80.0
    events = ("threshold", "reset", "refractory", "initial", "method", "reset_gradient")
    assert all(getattr(found.neuron, event) == getattr(CELL, event) for event in events)


def test_without_receptors_the_neuron_is_left_as_it_is():
    found = compose(CELL, {})
    assert found.neuron is CELL
    assert (found.jumps, found.inputs, found.factors) == ({}, {"I": "I"}, {})


@pytest.mark.parametrize(("synapse", "method"), [(CURRENT, "exact"), (GATE, "exponential_euler")])
def test_the_integrator_follows_the_rule(synapse: Synapse, method: str):
    found = compose(CELL, {"s": synapse})
    step = lower(found.neuron, list(found.jumps.values()))
    verify(step)
    assert step.method == method


def test_values_carry_over_also_of_every_neuron():
    tau, E_L = np.array([1.0, 4.0]), np.array([-70.0, -60.0])
    found = compose(CELL(E_L=E_L, surrogate_scale=2.0), {"a": CURRENT(tau=tau)}).neuron
    np.testing.assert_array_equal(found.parameters["a_tau"], tau)  # type: ignore[arg-type]
    np.testing.assert_array_equal(found.parameters["E_L"], E_L)  # type: ignore[arg-type]
    assert found.parameters["surrogate_scale"] == 2.0
    out = run(found, {"a_i": pulse(1.0, 100, 2)}, t=10, dt=0.1, record=("a_i", "v"), **EXACT)
    s = 0.1 * np.arange(100)[:, None]
    np.testing.assert_allclose(out["a_i"], np.exp(-s / tau), rtol=1e-12)
    assert out["v"][0].tolist() == E_L.tolist()


def test_it_fires_as_the_neuron_of_the_zoo_that_has_the_same_currents_inside():
    """LIFPhysical holds two exponential currents of its own; composed with two of ours it is the same model."""
    bare = Neuron(
        "Bare",
        "dv/dt = (v_rest - v)/tau_mem + I/C : mV (unless refractory); I : pA (input); C = 250 pF; tau_mem = 10 ms\n"
        "v_rest = -70 mV; v_reset = -70 mV; v_th = -55 mV; t_ref = 2 ms",
        threshold="v > v_th", reset="v = v_reset", refractory="t_ref", initial="v = v_rest",
    )  # fmt: skip
    found = compose(bare, {"e": synapses.ExponentialCurrent, "i": synapses.ExponentialCurrent(tau_syn=6.0)})
    rng = np.random.default_rng(3)
    e, i = rng.poisson(0.4, (2000, 5)) * 180.0, rng.poisson(0.3, (2000, 5)) * -50.0
    options: dict[str, Any] = {"t": 200, "dt": 0.1, "record": "v", "dtype": "float64"}
    ours = run(found.neuron, {"e_i": e, "i_i": i, "I_drive": 100.0}, **options)
    zoo = run(neurons.LIFPhysical(tau_i=6.0), {"i_e": e, "i_i": i, "I": 100.0}, **options)
    assert len(zoo.spikes) > 20
    np.testing.assert_array_equal(ours.spikes.times, zoo.spikes.times)
    np.testing.assert_array_equal(ours.spikes.ids, zoo.spikes.ids)
    np.testing.assert_allclose(ours["v"], zoo["v"], rtol=1e-12)


def test_conductances_are_those_of_the_zoo():
    bare = Neuron(
        "Bare",
        "dv/dt = (g_L*(v_rest - v) + I)/C : mV (unless refractory); I : pA (input); C = 200 pF; g_L = 10 nS\n"
        "v_rest = -60 mV; v_th = -50 mV; t_ref = 5 ms",
        threshold="v > v_th", reset="v = v_rest", refractory="t_ref", initial="v = v_rest",
    )  # fmt: skip
    gate = synapses.ExponentialConductance
    found = compose(bare, {"e": gate, "i": gate(tau_syn=10.0, E_rev=-80.0)})
    rng = np.random.default_rng(4)
    e, i = rng.poisson(0.3, (2000, 5)) * 6.0, rng.poisson(0.1, (2000, 5)) * 20.0
    options: dict[str, Any] = {"t": 200, "dt": 0.1, "record": "v", "dtype": "float64"}
    ours = run(found.neuron, {"e_g": e, "i_g": i, "I_drive": 20.0}, **options)
    zoo = run(neurons.CoBaLIF, {"g_e": e, "g_i": i, "I": 20.0}, **options)
    assert len(zoo.spikes) > 20
    np.testing.assert_array_equal(ours.spikes.times, zoo.spikes.times)
    np.testing.assert_allclose(ours["v"], zoo["v"], rtol=1e-10)


@pytest.mark.parametrize("name", neurons.entries())
def test_every_neuron_of_the_zoo_keeps_its_meaning(name: str):
    """A receptor that is never hit changes nothing: each entry runs as before, input by input."""
    model = neurons.entries()[name]
    if not model.inputs:
        with pytest.raises(InputError, match="has no input; say with to= which one receptor 's' adds to"):
            compose(model, {"s": CURRENT})
        return
    to = model.inputs[0]
    unit = model.unit(to)
    quiet = Synapse("Quiet", f"y[k+1] = y : {unit} (post); out = y : {unit}", on_pre="" if unit == "int" else "y += w")
    found = compose(model, {"s": quiet}, {"s": to})
    inputs: dict[str, Any] = {other: 2 if model.unit(other) == "int" else 1.5 for other in model.inputs}
    options: dict[str, Any] = {"t": 20, "dt": 0.1, "n": 2, "record": model.states, "dtype": "float64", "seed": 5}
    expected = run(model, inputs, **options)
    ours = run(found.neuron, {found.inputs[other]: value for other, value in inputs.items()}, **options)
    for state in model.states:
        np.testing.assert_allclose(ours[state], expected[state], rtol=1e-7, atol=1e-9)


def test_a_sub_expression_of_the_neuron_may_be_read():
    """v of SRM is a sum of states."""
    gate = Synapse("Gate", "dg/dt = -g/tau : 1 (post); out = g*(E - v_post) : 1; tau = 5 ms; E = 3", on_pre="g += w")
    found = compose(neurons.SRM, {"s": gate})
    assert "s_out = s_g*(s_E - v) : 1" in found.neuron.text
    out = run(found.neuron, {"s_g": pulse(1.0, 100)}, t=10, dt=0.1, record="h", **EXACT)
    assert out["h"].max() > 0.1


def test_names_of_the_receptor_and_of_the_neuron_do_not_mix():
    """The same names on both sides, and names that are part of each other."""
    odd = Synapse(
        "Odd",
        "dv/dt = -v/tau_m : 1 (post); de/dt = -e*exp(-0*v)/tau_m : pA (post)\n"
        "out = e + v*(1e3 fA) + 0*(v_post - E_L)*(1 nS) : pA; tau_m = 3 ms; E_L = 5 mV",
        on_pre="v += w/(1 pA); e += w",
    )
    found = compose(CELL, {"e": odd})
    lines = found.neuron.text.splitlines()
    assert "de_e/dt = -e_e*exp(-0*e_v)/e_tau_m : pA" in lines
    assert "e_out = e_e + e_v*(1e3 fA) + 0*(v - e_E_L)*(1 nS) : pA" in lines
    assert found.jumps == {("e", "v"): "e_v", ("e", "e"): "e_e"}
    out = run(found.neuron, {"e_e": pulse(1.0, 100)}, t=10, dt=0.1, record=("v", "e_e"), method="rk4", **EXACT)
    np.testing.assert_allclose(out["e_e"][:, 0], np.exp(-0.1 * np.arange(100) / 3), rtol=1e-6)


def test_a_unit_stays_a_unit_beside_a_variable_of_that_name():
    cell = Neuron("Cell", "dV/dt = (I/(1 pA) - V)/(10 ms) : 1; I : pA (input)")
    synapse = Synapse("S", "di/dt = -i/tau : pA (post); out = i*E/V : pA; tau = 2 ms; E = 500 mV", on_pre="i += w")
    found = compose(cell, {"s": synapse})
    assert "s_out = s_i*s_E/(1 V) : pA" in found.neuron.text
    out = run(found.neuron, {"s_i": pulse(1.0, 100)}, t=10, dt=0.1, record="V", **EXACT)["V"][:, 0]
    s = 0.1 * np.arange(100)
    np.testing.assert_allclose(out, 0.5 * 2 / 8 * (np.exp(-s / 10) - np.exp(-s / 2)), atol=1e-12)


def test_a_variable_that_hides_a_unit_is_an_error_and_not_another_model():
    """In the second line the units would even fit; only the value would be another."""
    synapse = Synapse("S", "di/dt = -i*q*(1 ms) : pA (post); out = i : pA; q = 1 mV/ms2/(1 mV)", on_pre="i += w")
    with pytest.raises(ModelError):
        compose(Neuron("Cell", "dv/dt = (I/(1 pA) - v)/(10 ms) : 1; I : pA (input); ms2 = 1"), {"s": synapse})
    synapse = Synapse("S", "di/dt = -i/ms : pA (post); out = i*(3 mV/ms2)/(1 mV/ms**2) : pA", on_pre="i += w")
    with pytest.raises(ModelError, match="S, line 1 .out.: a variable of Cell has the name of a unit in this line"):
        compose(Neuron("Cell", "dv/dt = (I/(1 pA) - v)/(10 ms) : 1; I : pA (input); ms2 = 5 ms2"), {"s": synapse})


def test_initial_values_and_places_that_live_elsewhere():
    synapse = Synapse(
        "S",
        "du/dt = -u/tau_u : 1 (pre); dg/dt = (g_0 - g)/tau : nS (post); out = g*(E - v_post) : pA\n"
        "tau_u = 1 ms; tau = 5 ms; E = 0 mV; g_0 = 3 nS; unused = 1 mV",
        on_pre="u += 1; g += w*u",
        initial="g = g_0/3; u = 1",
    )
    found = compose(CELL(v_th=1e3), {"s": synapse(tau_u=[1.0, 2.0, 3.0])})
    assert found.neuron.initial == "v = E_L\ns_g = s_g_0/3"
    assert "s_tau_u" not in found.neuron.parameters and "s_unused" not in found.neuron.parameters
    out = run(found.neuron, t=10, dt=0.1, record="s_g", **EXACT)["s_g"][:, 0]
    np.testing.assert_allclose(out, 3 - 2 * np.exp(-0.1 * np.arange(1, 101) / 5), rtol=1e-10)
    half = sender(synapse)
    assert half is not None
    assert set(half.neuron.parameters) == {"tau_u", "w", "surrogate_scale"} and half.neuron.initial == "u = 1"
    assert found.factors["s", "g"] is not None


def test_a_spike_may_reach_the_membrane_itself():
    delta = Synapse("Delta", "du/dt = -u/tau : 1 (pre); tau = 50 ms", on_pre="u += 1; v_post += w*u")
    found = compose(CELL, {"d": delta})
    assert found.jumps == {("d", "v_post"): "v"} and found.inputs == {"I": "I"}
    assert found.neuron.states == ("v",)
    half = sender(delta)
    assert half is not None and half.factors == {"v_post": "v_post_factor"}


@pytest.mark.parametrize(
    ("on_pre", "expected"),
    [
        ("i += w", None),
        ("i += 2*w", [2.0, 2.0]),
        ("i -= w*c", [-3.0, -3.0]),
        ("i = i + w*c", [3.0, 3.0]),
        ("u += 1; i += w*u", [1.0, 1.5]),
        ("i += w*u; u += 1", [0.0, 0.5]),
        ("i += sent; u += 1; h -= w*(u + c)", [0.0, 0.5]),
    ],
)
def test_the_factor_that_the_sender_computes(on_pre: str, expected: list[float] | None):
    """Two spikes, one half-life of u apart."""
    text = "du/dt = -u*log(2)/(1 ms) : 1 (pre); c = 3; sent = w*u : pA\n"
    text += "di/dt = -i/(1 ms) : pA (post); dh/dt = -h/(1 ms) : pA (post); out = i + h : pA"
    half = sender(Synapse("S", text, on_pre=on_pre))
    if expected is None:
        assert half is None
        return
    assert half is not None
    out = run(half.neuron, {half.input: np.ones((2, 1))}, t=2, dt=1, record=tuple(half.factors.values()), **EXACT)
    np.testing.assert_allclose(out[half.factors["i"]][:, 0], expected)
    if "h" in half.factors:
        np.testing.assert_allclose(out[half.factors["h"]][:, 0], [-4.0, -4.5])


@pytest.mark.parametrize(
    ("receptors", "to", "message"),
    [
        ({"my receptor": CURRENT}, {}, "Cell: 'my receptor' is no name for a receptor"),
        ({"tau": CURRENT}, {}, "Cell: 'tau' is no name for a receptor"),
        ({"lambda": CURRENT}, {}, "Cell: 'lambda' is no name for a receptor"),
        ({"a": CELL}, {}, "Cell: receptor 'a' must be a Synapse, got Neuron"),
        ({"ampa": CURRENT}, {"amap": "I"}, "Cell: to= names 'amap', which is no receptor; did you mean 'ampa'?"),
        ({"a": CURRENT}, {"a": "i"}, "receptor 'a' adds to 'i', which is not an input of Cell; did you mean 'I'?"),
        ({"a": CURRENT}, {"a": "v"}, "receptor 'a' adds to 'v', which is a state, not an input of Cell"),
    ],
)
def test_what_cannot_be_joined(receptors: dict[str, Any], to: dict[str, str], message: str):
    with pytest.raises(InputError) as caught:
        compose(CELL, receptors, to)
    assert message in str(caught.value)


def test_a_neuron_with_several_inputs_asks_for_one():
    two = Neuron("Two", "dv/dt = (I + J - v)/(1 ms) : pA; I : pA (input); J : pA (input)")
    with pytest.raises(InputError, match="Two has the inputs I, J; say with to= which one receptor 'a' adds to"):
        compose(two, {"a": CURRENT})
    found = compose(two, {"a": CURRENT, "b": CURRENT}, {"a": "J", "b": "I"})
    assert found.inputs == {"I": "I_drive", "J": "J_drive"}
    assert "J = J_drive + a_out : pA" in found.neuron.text and "I = I_drive + b_out : pA" in found.neuron.text


@pytest.mark.parametrize(
    ("neuron", "synapse", "message", "under"),
    [
        (VOLTS, CURRENT, "'out' is in pA, but 'I' of Volts is in mV", "out"),
        (AMPERES, GATE, "Gate, line 1 (out): cannot subtract mV and pA", "E - v_post"),
    ],
)
def test_units_that_do_not_fit_are_shown_in_the_line_of_the_synapse(
    neuron: Neuron, synapse: Synapse, message: str, under: str
):
    with pytest.raises(UnitError) as caught:
        compose(neuron, {"a": synapse})
    line, carets = str(caught.value).splitlines()[-2:]
    assert message in str(caught.value)
    assert line[carets.index("^") : carets.rindex("^") + 1] == under


def test_a_neuron_without_units_takes_the_units_of_the_synapse():
    """LIF(v_th=20*mV) is in mV: with conductances it is the model that says so."""
    known = neurons.LIF(tau_mem=20.0, R=0.1, v_rest=-60.0, v_th=-50.0, v_reset=-60.0, t_ref=5.0)
    spelt = Neuron(
        "Spelt",
        """
        dv/dt = (v_rest - v + R*I)/tau_mem : mV (unless refractory)
        I : pA (input)
        R = 0.1 GOhm;  v_rest = -60 mV;  tau_mem = 20 ms;  t_ref = 5 ms
        """,
        threshold="v > -50 mV", reset="v = v_rest", refractory="t_ref", initial="v = v_rest",
    )  # fmt: skip
    given = {"e": synapses.ExponentialConductance, "x": CURRENT}
    both = [compose(neuron, given) for neuron in (known, spelt)]
    assert "e_v_post = v*(1 mV) : mV" in both[0].neuron.text
    assert "I = I_drive + e_out/(1 pA) + x_out/(1 pA) : 1" in both[0].neuron.text
    jumps = {"e_g": np.where(np.arange(2000) % 70 == 3, 9.0, 0.0)[:, None], "I_drive": np.full((2000, 1), 60.0)}
    runs = [run(one.neuron, jumps, t=200, dt=0.1, record="v", **EXACT) for one in both]
    assert len(runs[0].spikes.times) > 3
    np.testing.assert_allclose(runs[0]["v"], runs[1]["v"], rtol=1e-12)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("vm", "'vm_post' stands for 'vm' of Cell, which it does not have; did you mean 'v'?"),
        ("tau_m", "'tau_m_post' stands for 'tau_m' of Cell, which is a parameter"),
        ("I", "'I_post' stands for 'I' of Cell, which is an input"),
    ],
)
def test_a_state_that_the_neuron_does_not_have(name: str, message: str):
    synapse = Synapse("S", f"dg/dt = -g/ms : nS (post); out = g*{name}_post*(1 pA) : pA", on_pre="g += w")
    with pytest.raises(ModelError) as caught:
        compose(CELL, {"s": synapse})
    assert message in str(caught.value)
    line, carets = str(caught.value).splitlines()[-2:]
    assert line[carets.index("^") : carets.rindex("^") + 1] == f"{name}_post"
    jump = Synapse("S", "", on_pre=f"{name}_post += w")
    with pytest.raises(ModelError, match=f"'{name}_post' stands for '{name}' of Cell"):
        compose(CELL, {"s": jump})


def test_two_of_one_name_are_refused():
    cell = Neuron("Cell", "dv/dt = (I - v)/tau : pA; da_i/dt = -a_i/tau : pA; tau = 1 ms; I : pA (input)")
    with pytest.raises(ModelError, match="receptor 'a' would bring a second 'a_i', which Cell has already"):
        compose(cell, {"a": CURRENT})
    b_i = Synapse("B", "db_i/dt = -b_i/tau : pA (post); out = b_i : pA; tau = 1 ms", on_pre="b_i += w")
    with pytest.raises(ModelError, match="receptor 'a_b' would bring a second 'a_b_i', which receptor 'a' has already"):
        compose(CELL, {"a": b_i, "a_b": CURRENT})


def test_what_the_engine_cannot_run_is_refused():
    gap = Synapse("Gap", "out = w*(0 mV - v_post) : pA")
    with pytest.raises(ModelError, match="the simulator cannot run this yet: 'out' reads 'w'"):
        compose(CELL, {"gap": gap})
    with pytest.raises(ModelError, match="the simulator cannot run this yet"):
        sender(gap)


def test_the_composite_is_saved_and_read_back():
    found = compose(CELL, {"ampa": GATE, "nmda": synapses.NMDA, "gaba": GATE(E=-80.0)}).neuron
    assert Neuron.from_json(found.to_json()) == found


def test_many_receptors_have_a_name_that_fits():
    found = compose(CELL, {f"receptor_{k}": CURRENT for k in range(20)}).neuron
    assert len(found.name) <= 100 and found.name.startswith("Cell + receptor_0, ")
    assert len(found.states) == 21
