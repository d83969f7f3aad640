"""Properties that hold for every neuron of the zoo, and the list of the independent check of each."""

import ast
import functools
from pathlib import Path

import numpy as np
import pytest

from spikelet import neurons
from spikelet.backends import llvm_cpu, numpy_reference, torch_eager
from spikelet.model import Neuron
from spikelet.simulate import TARGETS, Result, run, show
from spikelet.units import uA

ENTRIES = neurons.entries()
NAMES = list(ENTRIES)
MODELS = [*ENTRIES.values(), *neurons.ADEX_PATTERNS.values(), *neurons.IZHIKEVICH_2004.values()]
STEPS, SIZE = 1000, 8  # length of a run, neurons of each entry in it

# What makes a family fire within 1000 steps: mean input (or inputs, or jumps into states), and dt [ms].
DEFAULT = (2.0, 0.1)
STIMULI: dict[str, tuple[float | dict[str, float], float]] = {
    "DiehlCook": (80.0, 0.5),
    "McCullochPitts": ({"E": 2.0, "I": 0.1}, 1.0),
    "Leaky": (0.15, 1.0),
    "LeakyDelayed": (0.15, 1.0),
    "LeakyToZero": (0.15, 1.0),
    "LeakyNoReset": (0.05, 1.0),
    "LIFPhysical": ({"I": 500.0, "i_e": 10.0, "i_i": -5.0}, 0.1),
    "CuBaLIF": ({"I": 1.5, "i_syn": 0.02}, 0.1),
    "CoBaLIF": ({"I": 100.0, "g_e": 0.4, "g_i": 0.4}, 0.1),
    "SRM": ({"I": 1.0, "i_syn": 0.02}, 0.1),
    "SRM0": ({"I": 1.0, "i_syn": 0.02}, 0.1),
    "MasquelierThorpe": ({"x": 20.0}, 0.1),
    "EIF": (50.0, 0.1),
    "LSNN": (0.1, 1.0),
    "AdEx": (900.0, 0.1),
    "LiuWang": (1000.0, 0.1),
    "MAT2": (700.0, 0.1),
    "GLIF1": (500.0, 0.125),
    "GLIF2": (500.0, 0.125),
    "GLIF3": (500.0, 0.125),
    "GLIF4": (500.0, 0.125),
    "GLIF5": (500.0, 0.125),
    "PoissonNeuron": (0.3, 0.1),
    "GLM": (0.5, 1.0),
    "LoihiCuBa": (10.0, 1.0),
    "Izhikevich": (12.0, 0.25),
    "IzhikevichScript": (15.0, 0.25),
    "HodgkinHuxley": (20 * uA, 0.02),
    "HodgkinHuxleyPoint": (2000.0, 0.02),
    "ConnorStevens": (30 * uA, 0.02),
    "TraubMiles": (10 * uA, 0.02),
    "WangBuzsaki": (5 * uA, 0.02),
    "ResonateAndFire": (15.0, 0.01),
    "FitzHughNagumo": (0.8, 0.1),
    "MorrisLecar": (200 * uA, 0.2),
    "HindmarshRose": (3.0, 0.05),
    "BasuHasler": (3.0, 0.05),
}


def families() -> dict[str, list[Neuron]]:
    """Entries by the name of the first of their text: those that differ in values alone run as one population."""
    found: dict[tuple[str, ...], list[Neuron]] = {}
    for model in MODELS:
        found.setdefault((model.text, model.threshold, model.reset), []).append(model)
    return {members[0].name: members for members in found.values()}


FAMILIES = families()


def stimulus(family: str) -> tuple[dict[str, np.ndarray], float]:
    """Inputs (STEPS, N) that change every 20 steps, other ones for each neuron, and dt."""
    model, n = FAMILIES[family][0], SIZE * len(FAMILIES[family])
    given, dt = STIMULI.get(family, DEFAULT)
    means = given if isinstance(given, dict) else {model.inputs[0]: given}
    rng = np.random.default_rng(11)
    inputs = {}
    for where, mean in means.items():
        blocks = mean * rng.uniform(0, 2, (STEPS // 20, n))
        whole = family == "McCullochPitts" or model.unit(where) == "int"
        inputs[where] = np.repeat(np.round(blocks + 0.3) if whole else blocks, 20, axis=0)
    return inputs, dt


@functools.cache
def simulated(family: str, backend: str, dtype: str, steps: int = STEPS) -> Result:
    """The run of a family under its stimulus, all states recorded; SIZE neurons of each entry, side by side."""
    members = [model.parameters for model in FAMILIES[family]]
    values = {name: np.repeat([member[name] for member in members], SIZE) for name in members[0]}
    model = FAMILIES[family][0](**values)
    inputs, dt = stimulus(family)
    inputs = {name: rows[:steps] for name, rows in inputs.items()}
    return run(model, inputs, t=steps * dt, dt=dt, record=model.states, seed=5, backend=backend, dtype=dtype)


def reference(family: str) -> Result:
    return simulated(family, "numpy_reference", "float64")


def raster(family: str, out: Result) -> np.ndarray:
    """Spikes (T, N)."""
    dense = np.zeros((len(out.t), out.n), dtype=bool)
    dense[np.rint(out.spikes.times / stimulus(family)[1]).astype(int) - 1, out.spikes.ids] = True
    return dense


@pytest.mark.parametrize("backend", [llvm_cpu, numpy_reference, torch_eager])
def test_no_back_end_leaves_an_entry_out(backend):
    assert backend.UNSUPPORTED == {}


def test_the_index_is_complete():
    assert len(ENTRIES) >= 60
    for name, model in ENTRIES.items():
        assert getattr(neurons, name) is model and model.name == name


@pytest.mark.parametrize("name", NAMES)
def test_entry_tells_what_it_is_for_and_where_it_comes_from(name):
    model = ENTRIES[name]
    assert model.doc.endswith(".") and "\n" not in model.doc
    assert any(year in model.ref for year in ("19", "20"))
    if any(variable.kind == "parameter" for variable in model.definition.variables.values()):
        assert "#" in model.text  # where the defaults come from


@pytest.mark.parametrize("model", MODELS, ids=[model.name.replace(" ", "-") for model in MODELS])
def test_entry_survives_json_and_shows_in_every_target(model):
    again = Neuron.from_json(model.to_json())
    assert again == model and again.parameters == model.parameters and again.states == model.states
    for target in TARGETS:
        assert show(model, target).strip()


@pytest.mark.parametrize("family", FAMILIES)
def test_entry_reacts_and_stays_finite(family):
    out = reference(family)
    states = FAMILIES[family][0].states
    for state in states:
        assert np.isfinite(out[state]).all()
    for i, model in enumerate(FAMILIES[family]):
        own = slice(i * SIZE, (i + 1) * SIZE)
        if not model.spiking:
            assert np.ptp(out[states[0]][:, own], axis=0).min() > 0
        elif model.name in ENTRIES:
            assert 0 < out.counts()[own].sum() < STEPS * SIZE


@pytest.mark.parametrize("backend", ["llvm_cpu", "torch_eager"])
@pytest.mark.parametrize("family", FAMILIES)
def test_spikes_are_those_of_the_reference_in_float64(family, backend):
    expected, found = reference(family), simulated(family, backend, "float64")
    np.testing.assert_array_equal(found.spikes.ids, expected.spikes.ids)
    np.testing.assert_array_equal(found.spikes.times, expected.spikes.times)
    for state in FAMILIES[family][0].states:
        scale = np.abs(expected[state]).max() + np.ptp(expected[state])
        np.testing.assert_allclose(found[state], expected[state], rtol=0, atol=1e-9 * scale)


def first_difference(family: str, backend: str, steps: int) -> np.ndarray:
    """First step in which each neuron's spike in float32 is not that of the reference, or ``steps``."""
    found = raster(family, simulated(family, backend, "float32", steps))
    other = raster(family, reference(family))[:steps] != found
    return np.where(other.any(axis=0), other.argmax(axis=0), steps)


def assert_float32_follows(family: str, backend: str, steps: int) -> None:
    """Up to the first other spike all states agree to rounding, so that the margin of that spike was one, too."""
    expected, found = reference(family), simulated(family, backend, "float32", steps)
    until = np.arange(steps)[:, None] < first_difference(family, backend, steps)
    for state in FAMILIES[family][0].states:
        rows = expected[state][:steps]
        scale = np.ptp(rows, axis=0).max() + 1e-3 * np.abs(rows).max()
        assert (np.abs(found[state] - rows) <= ROUNDING.get(family, 1e-4) * scale)[until].all(), state


# Where an upstroke multiplies differences by e in a small part of a step, or a long Euler step makes chaos.
ROUNDING = {"EIF": 0.02, "AdEx": 0.02, "Izhikevich": 0.005, "IzhikevichScript": 0.3, "TraubMiles": 5e-4}


@pytest.mark.parametrize("backend", ["llvm_cpu", "torch_eager"])
@pytest.mark.parametrize("family", FAMILIES)
def test_float32_follows_the_reference(family, backend):
    assert_float32_follows(family, backend, STEPS // 8)


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["numpy_reference", "llvm_cpu", "torch_eager"])
@pytest.mark.parametrize("family", FAMILIES)
def test_float32_follows_the_reference_over_the_whole_run(family, backend):
    assert_float32_follows(family, backend, STEPS)


@pytest.mark.parametrize("backend", ["llvm_cpu", "torch_eager"])
@pytest.mark.parametrize("steps", [STEPS // 8, pytest.param(STEPS, marks=pytest.mark.slow)])
def test_float32_seldom_changes_a_spike(steps, backend):
    """Neurons that spike differently at some time, of all; of their steps it is under 1e-4 that decide."""
    other = {family: int((first_difference(family, backend, steps) < steps).sum()) for family in FAMILIES}
    assert sum(other.values()) < 0.01 * SIZE * len(MODELS), other
    assert sum(other.values()) < 1e-4 * SIZE * len(MODELS) * steps, other


# Entry -> the test that compares it with a closed form, a published figure or a golden table.
CHECKS: dict[str, str] = {
    "McCullochPitts": "zoo/test_mcculloch_pitts.py::test_mcculloch_pitts_heat_illusion",
    "IF": "zoo/test_integrate_and_fire.py::test_if_interval_is_threshold_over_current",
    "IFSubtract": "zoo/test_integrate_and_fire.py::test_if_subtract_counts_like_a_relu",
    "LIF": "zoo/test_integrate_and_fire.py::test_lif_intervals_are_the_closed_form_rounded_up_to_the_grid",
    "LIFPhysical": "zoo/test_integrate_and_fire.py::test_lif_physical_rheobase_and_f_i_curve",
    "LI": "zoo/test_integrate_and_fire.py::test_li_follows_a_step_of_current",
    "Leaky": "zoo/test_leaky_maps.py::test_leaky_variants_are_the_published_maps",
    "LeakyDelayed": "zoo/test_leaky_maps.py::test_leaky_delayed_is_the_map_of_the_article_one_step_ahead",
    "LeakyToZero": "zoo/test_leaky_maps.py::test_leaky_variants_are_the_published_maps",
    "LeakyNoReset": "zoo/test_leaky_maps.py::test_leaky_no_reset_is_a_linear_filter",
    "CuBaLIF": "zoo/test_synaptic_currents.py::test_cuba_lif_psp_and_low_passed_input",
    "AlphaLIF": "zoo/test_synaptic_currents.py::test_alpha_lif_current_and_psp",
    "CoBaLIF": "zoo/test_synaptic_currents.py::test_coba_lif_at_constant_conductance_is_a_faster_lif",
    "SRM": "zoo/test_spike_response.py::test_srm_with_all_spikes_is_the_lif_neuron",
    "SRM0": "zoo/test_spike_response.py::test_srm0_forgets_all_but_the_last_spike",
    "MasquelierThorpe": "zoo/test_spike_response.py::test_masquelier_thorpe_kernels",
    "QIF": "zoo/test_integrate_and_fire.py::test_qif_normal_form_period_and_square_root_onset",
    "ThetaNeuron": "zoo/test_integrate_and_fire.py::test_theta_neuron_rate_is_the_square_root_of_its_current",
    "EIF": "zoo/test_integrate_and_fire.py::test_eif_f_i_curve_is_the_quadrature",
    "ALIF": "zoo/test_adaptive.py::test_alif_settles_at_the_interval_of_its_fixed_point",
    "LSNN": "zoo/test_adaptive.py::test_lsnn_is_the_published_map",
    "DiehlCook": "zoo/test_adaptive.py::test_diehl_cook_settles_where_its_threshold_does",
    "AdEx": "zoo/test_golden.py::test_adex_bg2005_start",
    "LiuWang": "zoo/test_adaptive.py::test_liu_wang_first_intervals",
    "MAT2": "zoo/test_adaptive.py::test_mat2_fires_where_its_closed_form_does",
    "GLIF1": "zoo/test_adaptive.py::test_glif1_is_lif",
    "GLIF2": "zoo/test_adaptive.py::test_glif_levels_against_the_event_driven_solution",
    "GLIF3": "zoo/test_adaptive.py::test_glif_levels_against_the_event_driven_solution",
    "GLIF4": "zoo/test_adaptive.py::test_glif_levels_against_the_event_driven_solution",
    "GLIF5": "zoo/test_adaptive.py::test_glif_levels_against_the_event_driven_solution",
    "MihalasNiebur": "zoo/test_adaptive.py::test_mihalas_niebur_tonic_and_class_1",
    "PoissonNeuron": "zoo/test_stochastic.py::test_poisson_neuron_rate_fano_and_cv",
    "EscapeLIF": "zoo/test_stochastic.py::test_escape_lif_mean_interval_is_the_integral_of_the_survivor",
    "GLM": "zoo/test_stochastic.py::test_glm_feedback_makes_a_markov_chain",
    "NoisyLIF": "zoo/test_stochastic.py::test_noisy_lif_has_the_siegert_rates",
    "ReLU": "zoo/test_rate.py::test_rate_units_are_their_functions",
    "Sigmoid": "zoo/test_rate.py::test_rate_units_are_their_functions",
    "Tanh": "zoo/test_rate.py::test_rate_units_are_their_functions",
    "LIFRate": "zoo/test_rate.py::test_lif_rate_is_nengos",
    "IntrinsicSigmoid": "zoo/test_rate.py::test_intrinsic_plasticity_makes_the_output_exponential",
    "LoihiCuBa": "zoo/test_golden.py::test_loihi",
    "Izhikevich": "papers/test_izhikevich_2004.py::test_which_patterns_are_the_model_s",
    "IzhikevichRS": "papers/test_izhikevich_2003.py::test_cell_type",
    "IzhikevichIB": "papers/test_izhikevich_2003.py::test_cell_type",
    "IzhikevichCH": "papers/test_izhikevich_2003.py::test_cell_type",
    "IzhikevichFS": "papers/test_izhikevich_2003.py::test_cell_type",
    "IzhikevichLTS": "papers/test_izhikevich_2003.py::test_cell_type",
    "IzhikevichTC": "papers/test_izhikevich_2003.py::test_cell_type",
    "IzhikevichRZ": "papers/test_izhikevich_2003.py::test_cell_type",
    "IzhikevichScript": "zoo/test_golden.py::test_izhikevich2004",
    "HodgkinHuxley": "zoo/test_golden.py::test_hodgkin_huxley_first_spike",
    "HodgkinHuxleyPoint": "zoo/test_hodgkin_huxley.py::test_the_point_neuron_is_a_patch_of_1e_4_cm2",
    "ConnorStevens": "papers/test_connor_1977.py::test_rates",
    "TraubMiles": "papers/test_traub_miles_1991.py::test_rate",
    "WangBuzsaki": "papers/test_wang_buzsaki_1996.py::test_rate",
    "ResonateAndFire": "papers/test_izhikevich_2001.py::test_threshold",
    "FitzHughNagumo": "papers/test_fitzhugh_1961.py::test_period",
    "MorrisLecar": "papers/test_morris_lecar_1981.py::test_rates_and_rests",
    "MorrisLecarHopf": "papers/test_morris_lecar_1981.py::test_rates_and_rests",
    "MorrisLecarSNIC": "papers/test_morris_lecar_1981.py::test_rates_and_rests",
    "HindmarshRose": "papers/test_hindmarsh_rose_1984.py::test_slow_bursts",
    "BasuHasler": "papers/test_basu_hasler_2010.py::test_rates",
}


@functools.cache
def functions_of(path: Path) -> tuple[set[str], str]:
    """Names of the functions of a file, and its text."""
    text = path.read_text()
    found = {node.name for node in ast.parse(text).body if isinstance(node, ast.FunctionDef)}
    return found, text


@pytest.mark.parametrize("name", NAMES)
def test_entry_has_an_independent_check(name):
    file, test = CHECKS[name].split("::")
    found, text = functions_of(Path(__file__).parents[1] / file)
    members = next(members for members in FAMILIES.values() if ENTRIES[name] in members)
    assert test in found and test.startswith("test_") and any(model.name in text for model in members)
