"""From a model to a step: shared parts, hoisted coefficients, streams, names, and what compiles anew."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from tests.ir.hand_written import CUBA, DICE, EXPONENTIAL, LIF, QUADRATIC

from spikelet.backends.numpy_reference import Interpreter
from spikelet.errors import EquationError, InputError, ModelError
from spikelet.ir import lower as module
from spikelet.ir.lower import lower
from spikelet.ir.nodes import topological
from spikelet.model import Neuron
from spikelet.simulate import run, show


def kinds(nodes):
    return Counter(n.kind for n in nodes)


def test_a_common_part_is_computed_once():
    text = "dv/dt = (exp(-v) + exp(-v)*I + a)/tau : 1; a = I*exp(-v) : 1; I : 1 (input); tau = 5 ms"
    program = lower(Neuron("Shared", text, method="euler")).program()
    counted = kinds(program)
    assert counted["call"] == 1
    assert counted["neg"] == 1
    assert sum(n.kind == "mul" and n.args[0].kind != "coefficient" for n in program) == 2  # exp*I and I*exp


def test_the_threshold_and_its_distance_share_their_parts():
    program = lower(Neuron("T", "v[k+1] = 0.5*v + I : 1; I : 1 (input)", threshold="v*v > tanh(v)")).program()
    assert sum(n.kind == "call" for n in program) == 1
    assert sum(n.kind == "mul" and n.args[0] is n.args[1] for n in program) == 1


def test_the_smallest_step_is_small():
    """v' = P v + Q I, spike(v' > 1, (v' - 1)/scale), and v' - 1 once more, where it spiked."""
    step = lower(Neuron("L", "dv/dt = (I - v)/tau : 1; I : 1 (input); tau = 9 ms", threshold="v > 1", reset="v -= 1"))
    expected = {"state": 1, "input": 1, "mul": 2, "add": 1, "compare": 1, "sub": 1, "div": 1, "spike": 1, "choose": 1}
    counted = kinds(step.program())
    del counted["const"], counted["coefficient"]
    assert counted == expected
    assert set(step.coefficients) == {"k0", "k1", "surrogate_scale"}
    assert step.types == {"v": "real"}


def test_the_step_adds_only_the_states_that_it_needs():
    assert set(lower(LIF).types) == {"v", "refractory"}
    assert set(lower(CUBA).types) == {"v", "i", "x"}
    assert set(lower(DICE).types) == {"v", "u", "step"}
    condition = Neuron("C", "v[k+1] = v + I : 1; I : 1 (input)", threshold="v > 1", refractory="v > 1")
    assert lower(condition).types == {"v": "real", "refractory": "bool"}
    assert lower(Neuron("S", "v[k+1] = v + spike : 1", threshold="v > 1")).types == {"v": "real", "spike": "real"}


def test_changing_a_parameter_compiles_nothing():
    step = lower(LIF)
    before = module._lower.cache_info()
    for tau in (3.0, 4.0, np.array([5.0, 6.0])):
        assert lower(LIF(tau=tau)) is step
        run(LIF(tau=tau, v_th=0.5), 1.0, t=1, seed=3)
    after = module._lower.cache_info()
    assert after.misses == before.misses
    assert after.hits > before.hits


def test_what_changes_the_step_compiles_it():
    steps = {
        lower(LIF),
        lower(LIF, ("v",)),
        lower(LIF(method="euler")),
        lower(LIF, method="rk4"),
        lower(LIF(name="Other")),
    }
    assert len(steps) == 5
    assert lower(LIF, method="euler") is lower(LIF(method="euler"))
    assert lower(LIF, ("I",)) is lower(LIF)  # an input takes no jump


def test_a_parameter_may_be_called_like_a_coefficient():
    text = "dv/dt = (I - v)/k9 : 1; I : 1 (input); k9 = 5 ms; k0 = 0.7; k1 = 0.2; k2 = 0.3; k3 = 2"
    plain = text.replace("k9", "tau").replace("k0", "a").replace("k1", "b").replace("k2", "c").replace("k3", "d")
    odd = Neuron("Odd", text, threshold="v > k0", reset="v = k1*v + k2 + k3*k3/100")
    even = Neuron("Even", plain, threshold="v > a", reset="v = b*v + c + d*d/100")
    assert len(set(lower(odd).coefficients)) == len(lower(even).coefficients)
    results = [run(model, 1.3, t=50, record="v", dtype="float64") for model in (odd, even)]
    np.testing.assert_array_equal(results[0]["v"], results[1]["v"])
    assert len(results[0].spikes) > 3


@pytest.mark.parametrize("name", ["step", "refractory", "spikes"])
def test_a_state_may_not_take_a_name_of_the_step(name):
    with pytest.raises(EquationError, match=f"M, line 1 .*: a state cannot be called '{name}'"):
        Neuron("M", f"{name}[k+1] = {name}/2 + I : 1; I : 1 (input)")


@pytest.mark.parametrize("duration", ["t", "uniform()*(5 ms)", "v*(1 ms)"])
def test_a_refractory_duration_is_of_parameters_alone(duration):
    with pytest.raises(EquationError, match="a refractory duration may depend on parameters only"):
        Neuron("M", "dv/dt = -v/(5 ms) : 1", threshold="v > 1", refractory=duration)


def test_delivery_to_an_unknown_name_is_an_error_with_the_nearest():
    with pytest.raises(InputError, match="CuBa: cannot deliver to 'xx': neither an input nor a state"):
        lower(CUBA, ("xx",))
    with pytest.raises(InputError, match="did you mean 'v_e'"):
        lower(Neuron("E", "v_e[k+1] = v_e : 1"), ("v_i",))


@pytest.mark.parametrize(
    ("text", "draws"),
    [
        ("v[k+1] = uniform() - uniform() : 1", 2),
        ("v[k+1] = u + u : 1; u = uniform() : 1", 1),  # one place in the text, however often it is read
        ("v[k+1] = u + normal() : 1; w[k+1] = u + normal() : 1; u = uniform() : 1", 3),
        ("dv/dt = -v/(3 ms) + xi/sqrt(1 ms) + xi/sqrt(2 ms) : 1; dw/dt = -w/(3 ms) : 1", 1),
        ("dv/dt = -v**3/(3 ms) + xi/sqrt(1 ms) + xi/sqrt(2 ms) : 1", 2),
    ],
)
def test_each_use_of_noise_is_a_stream(text, draws):
    step = lower(Neuron("N", text))
    streams = [n.value[1] for n in step.program() if n.kind == "noise"]
    assert len(streams) == len(set(streams)) == draws
    assert step.noise


def test_the_same_statement_on_two_lines_draws_twice():
    model = Neuron("N", "v[k+1] = v : 1", threshold="v < 5", reset="v += uniform()\nv += uniform()")
    assert sum(n.kind == "noise" for n in lower(model).program()) == 2


def test_a_threshold_sees_the_end_of_the_step():
    """t reaches 3 ms at the end of step 2."""
    out = run(Neuron("Alarm", "v[k+1] = v : 1", threshold="t > 2.5 ms and t < 3.5 ms"), t=6, dt=1)
    assert out.spikes.times.tolist() == [3.0]


@pytest.mark.parametrize(
    ("threshold", "distance"),
    [
        ("v > w", "v - w"),
        ("v >= w", "v - w"),
        ("v < w", "w - v"),
        ("w <= v + 1", "v + 1 - w"),
        ("v > w and w > 2", "min(v - w, w - 2)"),
        ("v > w or w > 2", "max(v - w, w - 2)"),
        ("not v > w", "w - v"),
        ("not (v > w or w > 2)", "-max(v - w, w - 2)"),
        ("1 < v < w", "min(v - 1, w - v)"),
        ("v > w and v == 2", "v - w"),  # an equality has no distance
    ],
)
def test_the_distance_to_the_threshold(threshold, distance):
    """How far the condition is from changing, positive where it holds, in units of surrogate_scale."""
    text = "v[k+1] = I : 1; w[k+1] = J : 1; x[k+1] = x : 1; I : 1 (input); J : 1 (input)"
    step = lower(Neuron("Distance", text, threshold=threshold))
    (spike,) = (n for n in step.program() if n.kind == "spike")
    watched = Interpreter(replace(step, updates={**step.updates, "x": spike.args[1]}), {"surrogate_scale": 4.0}, dt=1.0)
    v, w = np.meshgrid(np.linspace(-3, 4, 8), np.linspace(-3.25, 4, 7))
    fired, state = watched({"I": v, "J": w}, watched.initial(v.shape), None, 0)
    expected = eval(distance, {"v": v, "w": w, "min": np.minimum, "max": np.maximum}) / 4
    np.testing.assert_allclose(state["x"], expected)
    if "==" not in threshold:
        np.testing.assert_array_equal(np.where(expected == 0, fired, expected > 0), fired)


def minima(step):
    return sum(n.kind == "call" and n.value == "min" for n in step.program())


@pytest.mark.parametrize(
    ("change", "method", "expected"),
    [
        ({}, "rk4", 3),
        ({}, "heun", 1),
        ({}, "euler", 0),
        ({"threshold": "v >= v_top"}, "rk4", 3),
        ({"threshold": "v > v_top*2 - v_low"}, "rk4", 3),
        ({"threshold": "v > v_top + w"}, "rk4", 0),  # a level that moves
        ({"threshold": "v_top < v"}, "rk4", 0),
        ({"threshold": "w > v_top"}, "rk4", 0),  # v is reset, but is not what is compared
        ({"reset": "v -= v_top"}, "rk4", 0),  # what lies beyond the level is kept
        ({"reset": "w += v; v = v_low"}, "rk4", 0),  # ... or is read
        ({"reset": "w += 0.3"}, "rk4", 0),
    ],
)
def test_trial_points_stay_below_a_threshold_that_resets(change, method, expected):
    events = {"threshold": "v > v_top", "reset": "v = v_low; w += 0.3"} | change
    assert minima(lower(Neuron("Q", QUADRATIC.text, **events), method=method)) == expected


def test_an_upswing_does_not_carry_the_other_states_along():
    """Without the ceiling exp((v - v_T)/delta) at a trial point would be 1e300, and w with it."""
    bare = Neuron("Bare", EXPONENTIAL.text, threshold="v > v_top", reset="w += b; v += 0*v; v = v_reset")
    assert minima(lower(bare)) == 0
    out = run(EXPONENTIAL, 2000.0, t=40, dt=0.5, record=("v", "w"), dtype="float64")
    assert len(out.spikes) > 3
    assert np.abs(out["w"]).max() < 1000
    assert np.isfinite(out["v"]).all()


def test_show_lists_every_node_and_state():
    text = show(LIF, "ir")
    step = lower(LIF)
    assert sum(line.startswith("  %") for line in text.splitlines()) == len(topological(step.roots))
    assert all(f"  {name}' <- %" in text for name in step.updates)
    assert "method=exact" in text
    assert "spike -> %" in text


def test_a_step_names_its_method_and_why():
    assert (lower(LIF).method, lower(LIF).reason) == ("exact", "linear with constant coefficients")
    euler = lower(LIF, method="euler")
    assert (euler.method, euler.reason) == ("euler", "linear with constant coefficients")  # why the rule would choose


def test_a_tower_of_sub_expressions_is_read_once_each(monkeypatch):
    calls, read = [], module._Lowering.read

    def counted(*args, **more):
        calls.append(args)
        return read(*args, **more)

    monkeypatch.setattr(module._Lowering, "read", counted)
    lines = [f"x{i + 1} = 0.5*(x{i} + x{i}*x{i}) : 1" for i in range(12)]
    model = Neuron("Tower", "\n".join(["dv/dt = (x12 - v)/(10 ms) : 1", "x0 = v + 1 : 1", *lines]))
    lower(model, method="euler")
    assert len(calls) < 1000  # read afresh at each use, it would be 3**12


def test_a_name_does_not_reach_the_source_as_text():
    with pytest.raises(ModelError, match="name"):
        Neuron('x"""\nraise SystemExit\n"""', "dv/dt = -v/(10 ms) : 1")
