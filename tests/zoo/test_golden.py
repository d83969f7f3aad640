"""Every neuron entry of golden.json, by name: numbers computed once from the equations, in the same scheme and step."""

import functools

import numpy as np
import pytest
from tests.papers.izhikevich_patterns import all_patterns, together
from tests.zoo.offsets import GOLDEN, crossing_times, ours, times_of

from spikelet.neurons.adaptive import ADEX_CURRENTS, ADEX_PATTERNS, AdEx
from spikelet.neurons.hodgkin_huxley import HodgkinHuxley
from spikelet.neurons.izhikevich import IZHIKEVICH_2004, IzhikevichScript
from spikelet.neurons.loihi import LoihiCuBa
from spikelet.simulate import run
from spikelet.units import uA

run = functools.partial(run, dtype="float64", backend="numpy_reference")
EXACT = 1e-9  # same scheme and step


def by_name(table, key="name"):
    """Parametrize a test over the rows of a table."""
    rows = [pytest.param(i, row, id=str(row[key]).replace(" ", "-")) for i, row in enumerate(GOLDEN[table])]
    return pytest.mark.parametrize(("i", "row"), rows)


def assert_times(out, i, table, golden, dt):
    found, expected = times_of(out, i), ours(table, golden, dt)
    assert len(found) == len(expected)
    assert np.allclose(found, expected, rtol=0, atol=EXACT), (found[:8], expected[:8])


# --- Izhikevich: the update of the scripts ----------------------------------------------------------------------------


@by_name("izhikevich2004")
def test_izhikevich2004(i, row):
    out = all_patterns()
    model = IZHIKEVICH_2004[row["name"][0]].parameters
    assert [model[name] for name in ("a", "b", "c", "d", "v_0", "u_0", "tau", "k_1", "k_0")] == pytest.approx(
        [row[name] for name in ("a", "b", "c", "d", "V0", "u0", "dt", "k1", "k0")]
    )
    last = round(row["T"] / row["dt"])  # t = 0 ... T inclusive
    steps = times_of(out, i)
    found = steps[steps <= last + 1] * row["dt"]
    expected = ours("izhikevich2004", row["spike_times"], row["dt"])
    assert found == pytest.approx(expected, rel=0, abs=EXACT)
    assert out["v"][last, i] == pytest.approx(row["V_end"], rel=0, abs=EXACT)


@pytest.fixture(scope="module")
def classes_2003():
    rows = GOLDEN["izhikevich2003"]
    values = {name: np.array([row[name] for row in rows], dtype=float) for name in "abcd"}
    model = IzhikevichScript(**values, v_0=-65, u_0=-65 * values["b"])
    return run(model, I=10.0, t=1000, dt=0.25)


@by_name("izhikevich2003")
def test_izhikevich2003(classes_2003, i, row):
    assert_times(classes_2003, i, "izhikevich2003", row["spike_times"], row["dt"])


# --- Hodgkin-Huxley: RK4, dt = 0.01 ms, crossings of 0 mV interpolated ------------------------------------------------


def hodgkin_huxley(t):
    current = np.array([row["I"] for row in GOLDEN["hodgkin_huxley"]]) * uA
    return run(HodgkinHuxley, I=current, t=t, dt=0.01, method="rk4", record="v")


@pytest.fixture(scope="module")
def squid_12_ms():
    return hodgkin_huxley(12)


@pytest.fixture(scope="module")
def squid_1_s():
    return hodgkin_huxley(1000)


@by_name("hodgkin_huxley", "I")
def test_hodgkin_huxley_first_spike(squid_12_ms, i, row):
    crossings = crossing_times(squid_12_ms["v"][:, i], squid_12_ms.t, 0.0)
    assert list(crossings[:1]) == pytest.approx([] if row["first"] is None else [row["first"]], rel=0, abs=EXACT)
    grid = np.ceil(crossings / 0.01 - 1e-6) * 0.01  # a crossing counts at the end of its step, and once
    assert times_of(squid_12_ms, i) == pytest.approx(grid, rel=0, abs=EXACT)


@pytest.mark.slow
@by_name("hodgkin_huxley", "I")
def test_hodgkin_huxley(squid_1_s, i, row):
    v = squid_1_s["v"][:, i]
    crossings = crossing_times(v, squid_1_s.t, 0.0)
    assert len(crossings) == len(times_of(squid_1_s, i)) == row["n"]
    assert list(crossings[:1]) == pytest.approx([] if row["first"] is None else [row["first"]], rel=0, abs=EXACT)
    if row["last_isi"] is not None:
        assert crossings[-1] - crossings[-2] == pytest.approx(row["last_isi"], rel=0, abs=1e-7)
    assert (v.max(), v.min()) == pytest.approx((row["vmax"], row["vmin"]), rel=0, abs=1e-7)


# --- AdEx: forward Euler ----------------------------------------------------------------------------------------------


def adex_patterns(dt):
    models = [ADEX_PATTERNS[row["name"]] for row in GOLDEN["adex_patterns"]]
    current = np.array([ADEX_CURRENTS[row["name"]] for row in GOLDEN["adex_patterns"]])
    return run(together(models), I=current, t=600, dt=dt, method="euler")


@pytest.fixture(scope="module")
def adex_coarse():
    return adex_patterns(0.1)


@pytest.fixture(scope="module")
def adex_fine():
    return adex_patterns(0.001)


@by_name("adex_patterns")
def test_adex_patterns(adex_coarse, i, row):
    model = ADEX_PATTERNS[row["name"]].parameters
    ours_ = [model[name] for name in ("C", "g_L", "v_rest", "v_th", "delta", "a", "tau_w", "b", "v_reset", "v_cut")]
    assert ours_ == [row[name] for name in ("C", "gL", "EL", "VT", "DT", "a", "tau_w", "b", "Vr", "V_peak")]
    assert ADEX_CURRENTS[row["name"]] == row["I"]
    assert_times(adex_coarse, i, "adex_patterns", row["times_dt0p1"], 0.1)


@pytest.mark.slow
@by_name("adex_patterns")
def test_adex_patterns_at_a_fine_step(adex_fine, i, row):
    assert_times(adex_fine, i, "adex_patterns", row["times_dt0p001"], 0.001)


def adex_bg2005(t):
    current = np.array([row["I"] for row in GOLDEN["adex_bg2005"]])
    return run(AdEx(v_cut=20), I=current, t=t, dt=0.005, method="euler")


@pytest.fixture(scope="module")
def adex_120_ms():
    return adex_bg2005(120)


@pytest.fixture(scope="module")
def adex_1_s():
    return adex_bg2005(1000)


@by_name("adex_bg2005", "I")
def test_adex_bg2005_start(adex_120_ms, i, row):
    early = [time for time in row["times"] if time <= 120]
    assert_times(adex_120_ms, i, "adex_bg2005", early, row["dt"])


@pytest.mark.slow
@by_name("adex_bg2005", "I")
def test_adex_bg2005(adex_1_s, i, row):
    assert_times(adex_1_s, i, "adex_bg2005", row["times"], row["dt"])


# --- Loihi: integers --------------------------------------------------------------------------------------------------


def test_loihi():
    table = GOLDEN["loihi"]
    steps = len(table["spikes"])
    arrivals = np.array([[table["arrivals"].get(str(k), 0)] for k in range(steps)])
    model = LoihiCuBa(delta_u=table["du"], delta_v=table["dv"], v_th=table["vth"], bias=table["bias"])
    out = run(model, I=arrivals, t=steps, dt=1.0, record=("u", "v"))
    assert out["u"][:, 0].tolist() == table["u"]
    assert out["v"][:, 0].tolist() == table["v"]
    assert times_of(out).tolist() == ours("loihi", np.flatnonzero(table["spikes"]), 1.0).tolist()
