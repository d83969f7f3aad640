"""Short-term plasticity against the iteration of the paper, spike by spike."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from tests.zoo.stimuli import EXACT

from spikelet.ir.lower import lower
from spikelet.lang.syntax import Expr
from spikelet.model import Neuron
from spikelet.sim.compose import compose, sender
from spikelet.simulate import BACKENDS, run
from spikelet.synapse import Synapse
from spikelet.synapses import TsodyksMarkram

# reference/plasticity.md, section 15: released share of the weight at each spike of a train of 20 Hz
DEPRESSING = {"U": 0.5, "tau_rec": 800.0, "tau_fac": 1e-3}
FACILITATING = {"U": 0.1, "tau_rec": 100.0, "tau_fac": 1000.0}
GOLDEN = [
    (DEPRESSING, [0.5, 0.265147, 0.154835, 0.103020, 0.078683, 0.067251, 0.061882, 0.059360]),
    (FACILITATING, [0.1, 0.174353, 0.221999, 0.250531, 0.267988, 0.279758, 0.288640, 0.295860]),
]


def paper(times: np.ndarray, U: float, tau_rec: float, tau_fac: float) -> np.ndarray:
    """u, x and the share u x at each spike, (n, 3): Markram, Wang & Tsodyks 1998; u after, x before the release."""
    u, x = U, 1.0
    rows = [(u, x, u * x)]
    for interval in np.diff(times):
        x = 1 + (x * (1 - u) - 1) * np.exp(-interval / tau_rec)
        u = U + u * (1 - U) * np.exp(-interval / tau_fac)
        rows.append((u, x, u * x))
    return np.array(rows)


def released(times: np.ndarray, values: Mapping[str, float], dt: float, **options: Any) -> np.ndarray:
    """u after and x before the release, and the factor of the weight, at each spike, (n, 3)."""
    half = sender(TsodyksMarkram(**values))
    assert half is not None
    steps = np.rint(times / dt).astype(int)
    train = np.zeros((steps[-1] + 1, 1))
    train[steps] = 1
    record = ("u", "x", half.factors["i"])
    out = run(half.neuron, {half.input: train}, t=len(train) * dt, dt=dt, record=record, **{**EXACT, **options})
    u, x, share = (out[name][steps, 0] for name in record)
    assert np.count_nonzero(out[half.factors["i"]]) == len(times)  # between spikes nothing is released
    return np.column_stack([u, x / (1 - u), share])


@pytest.mark.parametrize(("values", "shares"), GOLDEN)
@pytest.mark.parametrize("dt", [0.1, 1.0, 5.0])
def test_a_regular_train_gives_the_table_of_the_reference(values: dict[str, float], shares: list[float], dt: float):
    times = 50.0 * np.arange(8)
    found = released(times, values, dt)
    np.testing.assert_allclose(found[:, 2], shares, atol=6e-7)
    np.testing.assert_allclose(found, paper(times, **values), rtol=1e-10)


@pytest.mark.parametrize("values", [DEPRESSING, FACILITATING, {"U": 0.03, "tau_rec": 130.0, "tau_fac": 530.0}])
def test_an_irregular_train_is_exact_at_any_step(values: dict[str, float]):
    times = np.cumsum(np.random.default_rng(7).integers(1, 300, 40)).astype(float)
    expected = paper(times, **values)
    assert np.ptp(expected[:, 2]) > 0.02
    for dt in (0.25, 1.0):
        np.testing.assert_allclose(released(times, values, dt), expected, rtol=1e-9)


@pytest.mark.parametrize("backend", BACKENDS)
def test_every_back_end_releases_the_same(backend: str):
    times = np.array([0.0, 3.0, 10.0, 60.0])
    found = released(times, FACILITATING, 1.0, backend=backend)
    np.testing.assert_allclose(found, paper(times, **FACILITATING), rtol=1e-10)


def test_a_long_train_settles_where_the_closed_form_says():
    """Fixed points of the iteration at rate r: u = U/(1 - (1-U) e_f), x = (1-e_r)/(1 - (1-u) e_r)."""
    e_f, e_r = np.exp(-20 / 1000), np.exp(-20 / 100)
    u = 0.1 / (1 - 0.9 * e_f)
    x = (1 - e_r) / (1 - (1 - u) * e_r)
    last = released(20.0 * np.arange(600), FACILITATING, 1.0)[-1]
    np.testing.assert_allclose(last, [u, x, u * x], rtol=1e-6)


def test_the_sender_is_integrated_exactly():
    half = sender(TsodyksMarkram)
    assert half is not None and lower(half.neuron).method == "exact"


def value(expr: Expr, known: Mapping[str, float]) -> float:
    """The value of a small expression."""
    args = [value(arg, known) for arg in expr.args]
    match expr.op:
        case "number":
            return float(expr.value)  # type: ignore[arg-type]
        case "name":
            return known[str(expr.value)]
        case "+":
            return args[0] + args[1]
        case "-":
            return args[0] - args[1]
        case "*":
            return args[0] * args[1]
    raise AssertionError(expr.op)


def test_the_arrival_of_a_spike_evaluated_lazily_is_the_paper():
    """What an engine does that keeps u and x as of the last spike: decay over the interval, then on_pre in order."""
    arrival = TsodyksMarkram(**FACILITATING).arrival
    (jump,) = arrival.jumps
    assert jump.state == "i" and jump.after == 1 and jump.factor is not None
    assert [part.name for part in arrival.assignments] == ["u", "x"]
    times = np.array([0.0, 12.0, 40.0, 41.0, 500.0])
    known = {**FACILITATING, "u": 0.0, "x": 1.0}
    shares = []
    for interval in np.diff(times, prepend=times[0]):
        known["u"] *= np.exp(-interval / 1000)
        known["x"] = 1 + (known["x"] - 1) * np.exp(-interval / 100)
        for k, part in enumerate([*arrival.assignments, None]):
            if k == jump.after:
                shares.append(value(jump.factor, known))
            if part is not None:
                known[part.name] = value(part.expr, known)
    np.testing.assert_allclose(shares, paper(times, **FACILITATING)[:, 2], rtol=1e-13)


def test_the_current_is_the_sum_of_what_was_released():
    cell = Neuron("Cell", "dv/dt = (I/(1 pA) - v)/tau : 1; I : pA (input); tau = 10 ms")
    found = compose(cell, {"s": TsodyksMarkram(tau_syn=3.0)})
    assert found.jumps == {("s", "i"): "s_i"}
    assert found.neuron.states == ("v", "s_i")
    times = 50.0 * np.arange(8)
    shares = released(times, {"U": 0.03, "tau_rec": 130.0, "tau_fac": 530.0}, 1.0)[:, 2]
    jumps = np.zeros((500, 1))
    jumps[times.astype(int)] = 200 * shares[:, None]
    out = run(found.neuron, {"s_i": jumps}, t=500, dt=1.0, record="s_i", **EXACT)["s_i"][:, 0]
    s = np.arange(500)[:, None] - times
    expected = np.where(s >= 0, 200 * shares * np.exp(-np.maximum(s, 0) / 3), 0).sum(1)
    np.testing.assert_allclose(out, expected, rtol=1e-10, atol=1e-12)


def test_states_of_each_synapse_are_not_those_of_the_sender():
    text = TsodyksMarkram.text.replace("(pre)", "(synapse)")
    own = Synapse("Own", text, on_pre=TsodyksMarkram.on_pre, initial="x = 1")
    assert own.arrival.each and sender(own) is None  # see tests/sim/test_release.py
    assert not TsodyksMarkram.arrival.each
