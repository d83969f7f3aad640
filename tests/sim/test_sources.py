"""Sources and currents: spikes at the right steps, rates, and closed forms."""

import numpy as np
import pytest
from scipy import stats

import spikelet as sl
from spikelet import random
from spikelet.errors import InputError, ShapeError, SpikeletError
from spikelet.model import Neuron
from spikelet.sim import sources
from spikelet.sim.currents import Current, noise, ramp, sinusoid, steps
from spikelet.sim.noise import NoiseRows
from spikelet.sim.sources import Binomial, Gamma, Poisson, PulsePacket, SpikeTrain

# -- spike trains -----------------------------------------------------------------------------------------------------


def test_a_spike_of_step_k_has_the_time_of_its_end() -> None:
    counts = SpikeTrain([0.1, 0.2, 0.2, 0.7], [1, 0, 2, 1]).prepare(3, 0.1).counts(0, 8)
    right = np.zeros((8, 3))
    right[[0, 1, 1, 6], [1, 0, 2, 1]] = 1
    np.testing.assert_array_equal(counts, right)


@pytest.mark.parametrize("dt", [0.1, 0.05, 1.0, 1 / 3, 0.025])
def test_times_of_steps_come_back_to_their_steps(dt: float) -> None:
    """(k + 1) dt divided by dt is not always k + 1."""
    k = np.array([0, 1, 2, 5, 6, 9, 10, 28, 1000, 123_456, 10**7, 10**9])
    assert sources._step_of((k + 1) * dt, dt).tolist() == k.tolist()


def test_times_off_the_grid_belong_to_the_step_they_lie_in() -> None:
    times = np.array([0.01, 0.0999, 0.1001, 0.15, 0.299, 0.301])
    assert sources._step_of(times, 0.1).tolist() == [0, 0, 1, 1, 2, 3]


def test_the_order_of_a_train_does_not_matter_and_repeats_count() -> None:
    rng = np.random.default_rng(0)
    times, ids = rng.integers(1, 30, 500) * 0.5, rng.integers(0, 7, 500)
    right = np.zeros((30, 7))
    np.add.at(right, (np.rint(times / 0.5).astype(int) - 1, ids), 1)
    assert right.max() > 2
    counts = SpikeTrain(times, ids).prepare(7, 0.5).counts(0, 30)
    np.testing.assert_array_equal(counts, right)
    np.testing.assert_array_equal(SpikeTrain(times[::-1], ids[::-1]).prepare(7, 0.5).counts(0, 30), right)


def test_an_empty_train_is_silent() -> None:
    assert not SpikeTrain([], []).prepare(4, 0.1).counts(0, 5).any()


def test_a_train_with_a_period_begins_anew() -> None:
    once = SpikeTrain([0.1, 0.5, 0.5, 1.0], [1, 0, 0, 2])
    again = SpikeTrain(once.times, once.ids, period=1.0)
    counts = again.prepare(3, 0.1).counts(0, 35)
    np.testing.assert_array_equal(counts, np.tile(once.prepare(3, 0.1).counts(0, 10), (4, 1))[:35])
    np.testing.assert_array_equal(again.prepare(3, 0.1).counts(17, 5), counts[17:22])
    assert not SpikeTrain([], [], period=1.0).prepare(3, 0.1).counts(0, 35).any()


@pytest.mark.parametrize(
    ("period", "dt", "text"),
    [
        (0.9, 0.1, "SpikeTrain: period is 0.9 ms; the last spike, 1 ms, lies after the end"),
        (0.0, 0.1, "SpikeTrain: period is 0 ms; not positive"),
        (-1.0, 0.1, "SpikeTrain: period is -1 ms; not positive"),
        (np.nan, 0.1, "SpikeTrain: period must be a finite number, got nan"),
        (1.05, 0.1, "SpikeTrain: period is 1.05 ms, no whole number of steps of 0.1 ms"),
        (1.0, 3.0, "SpikeTrain: period is 1 ms, no whole number of steps of 3 ms"),
    ],
)
def test_a_wrong_period_is_refused(period: float, dt: float, text: str) -> None:
    with pytest.raises(InputError, match=text):
        SpikeTrain([0.5, 1.0], period=period).prepare(1, dt)


def test_one_id_for_all_spikes() -> None:
    counts = SpikeTrain([1.0, 2.0], 3).prepare(5, 1.0).counts(0, 3)
    assert np.argwhere(counts).tolist() == [[0, 3], [1, 3]]


def test_spikes_are_listed_with_repeats() -> None:
    k, ids = SpikeTrain([0.3, 0.1, 0.3, 0.3], [2, 1, 0, 2]).prepare(3, 0.1).spikes(0, 5)
    assert k.tolist() == [0, 2, 2, 2]
    assert ids.tolist() == [1, 0, 2, 2]
    assert ids.dtype == np.int32


@pytest.mark.parametrize(
    ("times", "ids", "kind", "text"),
    [
        ([0.0], [0], InputError, r"SpikeTrain: times\[0\] is 0 ms; a spike of the first step has the time dt"),
        ([1.0, -2.0], [0, 0], InputError, r"SpikeTrain: times\[1\] is -2 ms"),
        ([1.0, np.nan], [0, 0], InputError, r"SpikeTrain: times\[1\] is nan"),
        ([np.inf], [0], InputError, r"SpikeTrain: times\[0\] is inf"),
        ([1.0], [-1], InputError, "SpikeTrain: ids are integers from 0 on, got -1"),
        ([1.0], [0.5], InputError, "SpikeTrain: ids are integers from 0 on, got 0.5"),
        ([1.0, 2.0], [0, 1, 2], ShapeError, "SpikeTrain: 2 times, but 3 ids"),
        ([[1.0]], [0], InputError, r"SpikeTrain: times must be numbers of shape \(E,\)"),
        ("abc", [0], InputError, "SpikeTrain: times must be numbers"),
    ],
)
def test_wrong_trains_are_refused(times: object, ids: object, kind: type, text: str) -> None:
    with pytest.raises(kind, match=text):
        SpikeTrain(times, ids)


def test_an_id_outside_the_population_is_refused() -> None:
    with pytest.raises(InputError, match="SpikeTrain: id 3 in a population of 3; ids are 0 to 2"):
        SpikeTrain([1.0], [3]).prepare(3, 0.1)


# -- Poisson ----------------------------------------------------------------------------------------------------------


def test_rates_per_neuron() -> None:
    rate = np.array([0.0, 0.02, 1.0, 20.0, 300.0])
    counts = Poisson(rate).prepare(5, 0.1, 1, 0).counts(0, 20_000, "float64")
    mean = rate * 0.1
    assert (np.abs(counts.mean(0) - mean) <= 4 * np.sqrt(mean / 20_000)).all()
    np.testing.assert_allclose(counts.var(0)[2:], mean[2:], rtol=0.1)


def test_equal_rates_per_neuron_are_one_rate() -> None:
    one, each = (Poisson(rate).prepare(80, 0.1, 1, 0) for rate in (7.0, np.full(80, 7.0)))
    assert each.kernel == "poisson"
    np.testing.assert_array_equal(one.counts(0, 9), each.counts(0, 9))


def test_a_neuron_has_the_same_counts_among_others_of_other_rates() -> None:
    one = Poisson(7.0).prepare(80, 0.1, 1, 0).counts(0, 200)
    rate = np.full(80, 7.0)
    rate[::3] = 400.0
    each = Poisson(rate).prepare(80, 0.1, 1, 0)
    assert each.kernel == "poisson_each"
    same = np.arange(80) % 3 > 0
    np.testing.assert_array_equal(each.counts(0, 200)[:, same], one[:, same])


@pytest.mark.parametrize("per_neuron", [False, True])
def test_a_rate_changes_at_its_times(per_neuron: bool) -> None:
    times = [0.5, 1.0, 3.04]
    rates = np.array([40.0, 0.0, 5.0])
    given = np.outer(rates, [1, 2, 4]) if per_neuron else rates
    n = 3 if per_neuron else 70
    counts = Poisson((times, given)).prepare(n, 0.1, 1, 0).counts(0, 50, "float64")
    assert not counts[:5].any()
    assert counts[5:10].mean(0).min() > 1
    assert not counts[10:30].any()
    assert counts[30:].sum() > 0
    factor = np.array([1, 2, 4]) if per_neuron else 1
    constant = Poisson(5.0 * factor).prepare(n, 0.1, 1, 0).counts(30, 20, "float64")
    np.testing.assert_array_equal(counts[30:], constant)  # the numbers belong to the step, not to the segment


def test_a_course_that_began_before_the_run() -> None:
    counts = Poisson(([-5.0, -1.0, 0.3], [0.0, 30.0, 0.0])).prepare(50, 0.1, 1, 0).counts(0, 6)
    assert counts[:3].mean() > 2
    assert not counts[3:].any()


@pytest.mark.parametrize(
    ("rate", "kind", "text"),
    [
        (-1.0, InputError, r"Poisson: a rate must be finite and not negative \[kHz\], got -1"),
        (np.nan, InputError, "got nan"),
        ("5 Hz", InputError, r"Poisson: rate must be a number, \(n,\) or \(times, rates\) \[kHz\], got '5 Hz'"),
        (np.ones((2, 2)), InputError, "Poisson: rate must be a number"),
        (([0.0, 1.0], [1.0]), ShapeError, "Poisson: 2 times, but 1 values"),
        (([1.0, 1.0], [1.0, 2.0]), InputError, "Poisson: times must ascend, but 1 ms comes after 1 ms"),
        (([0.0], [-2.0]), InputError, "got -2"),
    ],
)
def test_wrong_rates_are_refused(rate: object, kind: type, text: str) -> None:
    with pytest.raises(kind, match=text):
        Poisson(rate)


def test_a_rate_for_another_population_is_refused() -> None:
    with pytest.raises(ShapeError, match="Poisson: rate has 3 values for a population of 4"):
        Poisson([1.0, 2.0, 3.0]).prepare(4, 0.1, 0, 0)


def test_a_rate_beyond_what_can_be_drawn_is_refused() -> None:
    with pytest.raises(InputError, match="Poisson: rate.dt reaches 200000 events a step; at most 100000 can be drawn"):
        Poisson(2e6).prepare(4, 0.1, 0, 0)


# -- Gamma ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", [1, 2, 5])
def test_intervals_of_a_gamma_train(order: int) -> None:
    """At most one spike a step: the intervals, in steps, follow the gamma law to the width of a step."""
    rate, dt = 0.05, 0.1
    counts = Gamma(rate, order).prepare(400, dt, 2, 1).counts(0, 20_000, "float64")
    assert abs(counts.mean() / (rate * dt) - 1) < 0.04
    k, ids = np.nonzero(counts.T)[::-1]
    intervals = np.diff(k)[np.diff(ids) == 0] * dt
    rng = np.random.default_rng(0)
    sample = rng.choice(intervals, 5000, replace=False) + rng.uniform(-dt / 2, dt / 2, 5000)
    assert stats.kstest(sample, stats.gamma(order, scale=1 / (rate * order)).cdf).pvalue > 1e-3
    assert abs(intervals.std() / intervals.mean() - order**-0.5) < 0.02


def test_a_gamma_train_is_stationary_from_the_start() -> None:
    """Without a random phase there would be next to no spikes in the first tenth of an interval."""
    counts = Gamma(0.1, 10).prepare(100_000, 0.1, 3, 1).counts(0, 10, "float64")
    assert abs(counts.sum() - 10_000) < 400


def test_order_1_is_poisson() -> None:
    counts = Gamma(20.0, 1).prepare(100, 0.1, 1, 0).counts(0, 10)
    np.testing.assert_array_equal(counts, Poisson(20.0).prepare(100, 0.1, 1, 0).counts(0, 10))


def test_order_2_is_every_second_event() -> None:
    given = Gamma(20.0, 2).prepare(100, 0.1, 1, 0)
    phase = given.state["phase"].copy()
    events = Poisson(40.0).prepare(100, 0.1, 1, 0).counts(0, 50, "float64")
    right = np.diff((phase + np.cumsum(events, 0)) // 2, axis=0, prepend=0)
    np.testing.assert_array_equal(given.counts(0, 50), right)
    assert set(phase.tolist()) == {0, 1}


def test_the_state_continues_a_gamma_train() -> None:
    whole = Gamma(3.0, 4).prepare(50, 0.1, 1, 0).counts(0, 40)
    first = Gamma(3.0, 4).prepare(50, 0.1, 1, 0)
    first.counts(0, 25)
    restored = Gamma(3.0, 4).prepare(50, 0.1, 1, 0)
    restored.state["phase"][:] = first.state["phase"]
    np.testing.assert_array_equal(restored.counts(25, 15), whole[25:])


@pytest.mark.parametrize("order", [0, 1.5, True, "2"])
def test_wrong_orders_are_refused(order: object) -> None:
    with pytest.raises(InputError, match="Gamma: order must be an integer of at least 1"):
        Gamma(1.0, order)  # pyright: ignore[reportArgumentType]


# -- volleys ----------------------------------------------------------------------------------------------------------


def test_every_element_has_every_spike_of_a_volley() -> None:
    given = PulsePacket([50.0, 120.0], n=3, sd=2.0).prepare(500, 0.1, 1, 0)
    counts = given.counts(0, 2000, "float64")
    assert (counts[:850].sum(0) == 3).all()
    assert (counts[850:].sum(0) == 3).all()
    k, _ = given.spikes(0, 850)
    times = (k + 0.5) * 0.1
    jitter = times + np.random.default_rng(0).uniform(-0.05, 0.05, len(times))
    assert stats.kstest(jitter, stats.norm(50, 2).cdf).pvalue > 1e-3


def test_without_jitter_a_volley_is_one_step() -> None:
    counts = PulsePacket(1.0, n=2, sd=0).prepare(4, 0.1, 1, 0).counts(0, 20)
    assert (counts[9] == 2).all()
    assert counts.sum() == 8


def test_a_volley_at_the_start_loses_what_comes_before() -> None:
    total = PulsePacket(0.0, n=1, sd=1.0).prepare(10_000, 0.1, 1, 0).counts(0, 100, "float64").sum()
    assert abs(total - 5000) < 250


@pytest.mark.parametrize(
    ("given", "text"),
    [({"n": 0}, "PulsePacket: n must be"), ({"sd": -1}, "sd must not be below 0, got -1"), ({"times": "x"}, "times")],
)
def test_wrong_volleys_are_refused(given: dict, text: str) -> None:
    with pytest.raises(InputError, match=text):
        PulsePacket(**{"times": [1.0], "n": 1, "sd": 1.0, **given})


# -- currents ---------------------------------------------------------------------------------------------------------


def rows(current: object, k0: int, T: int, n: int = 3, dt: float = 0.1) -> np.ndarray:
    return np.broadcast_to(current.rows(k0, T, n, dt, seed=1, stream=2), (T, n))  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "current",
    [
        Current(4.0),
        Current([1.0, 2.0, 3.0]),
        Current(np.arange(60.0).reshape(20, 3)),
        steps([(0.3, 1.0), (1.1, [1, 2, 3])]),
        ramp(0, 10, 0.5, 1.5),
        sinusoid(2.0, 0.3, offset=1.0, phase=0.2),
        noise(1.5),
        noise(1.5, tau=0.7),
    ],
)
def test_any_cut_of_a_current_gives_the_same(current: object) -> None:
    whole = rows(current, 0, 30)
    parts = [rows(current, k0, T) for k0, T in ((0, 1), (1, 9), (10, 2), (12, 18))]
    np.testing.assert_array_equal(np.concatenate(parts), whole)


def test_given_rows_end() -> None:
    current = Current([[1.0], [2.0]])
    assert current.rows(0, 4, 5, 0.1).ravel().tolist() == [1, 2, 0, 0]
    assert current.rows(1, 1, 5, 0.1).tolist() == [[2]]
    assert current.rows(7, 2, 5, 0.1).ravel().tolist() == [0, 0]


def test_steps_hold_from_their_time_on() -> None:
    current = steps([(0.2, 1.0), (0.36, [5.0, 6.0])])
    right = [[0, 0], [0, 0], [1, 1], [1, 1], [5, 6], [5, 6]]
    assert current.rows(0, 6, 2, 0.1).tolist() == right


def test_a_ramp() -> None:
    k = np.arange(40)
    right = np.interp(k * 0.1, [1.0, 3.0], [-2.0, 6.0])
    np.testing.assert_allclose(rows(ramp(-2, 6, 1.0, 3.0), 0, 40)[:, 0], right, rtol=0, atol=1e-12)


def test_a_sinusoid() -> None:
    found = rows(sinusoid(3.0, 0.25, offset=-1.0, phase=np.pi / 2), 0, 41)[:, 0]
    np.testing.assert_allclose(found[[0, 10, 20, 30, 40]], [2, -1, -4, -1, 2], rtol=0, atol=1e-12)


def test_white_noise_is_the_stated_normal() -> None:
    found = rows(noise(2.5), 3, 5, n=4)
    right = 2.5 * random.normal(1, np.arange(3, 8)[:, None], np.arange(4)[None], 2)
    np.testing.assert_allclose(found, right, rtol=1e-13)


def test_coloured_noise_follows_the_stated_normal() -> None:
    """x = keep x + sd sqrt(1 - keep**2) z, from the stationary law on; one law for each element."""
    sd, tau = np.array([1.0, 2.0, 0.5]), np.array([0.5, 5.0, 50.0])
    found = noise(sd, tau=tau).rows(0, 40, 3, 0.1, 1, 2)
    z = random.normal(1, np.arange(40)[:, None], np.arange(3)[None], 2)
    x, keep = sd * z[0], np.exp(-0.1 / tau)
    for k in range(40):
        x = x if k == 0 else keep * x + sd * np.sqrt(1 - keep**2) * z[k]
        np.testing.assert_allclose(found[k], x, rtol=1e-12)


def test_noise_is_added_to_rows_of_any_width_and_type() -> None:
    """Beyond a strip of the kernel, into a part of wider rows."""
    wide = np.ones((7, 1300), np.float32)
    NoiseRows(noise(3.0, tau=2.0), 1100, 0.1, 1, 2).add(wide[:, 100:1200], 5)
    expected = 1 + noise(3.0, tau=2.0).rows(5, 7, 1100, 0.1, 1, 2)
    np.testing.assert_allclose(wide[:, 100:1200], expected, atol=2e-6)
    assert (wide[:, :100] == 1).all() and (wide[:, 1200:] == 1).all()


@pytest.mark.parametrize("tau", [0.5, 5.0])
def test_coloured_noise_is_stationary_with_its_time_constant(tau: float) -> None:
    x = noise(3.0, tau=tau).rows(0, 400, 2000, 0.1, seed=5, stream=1)
    np.testing.assert_allclose(x[[0, 1, 50, 399]].std(1), 3.0, rtol=0.06)
    for lag in (1, 5, 20):
        found = (x[lag:] * x[:-lag]).mean() / 9
        assert abs(found - np.exp(-lag * 0.1 / tau)) < 0.04


def test_rows_of_noise_continue_and_can_be_restored() -> None:
    law = noise(1.0, tau=2.0)
    whole = law.rows(0, 30, 4, 0.1, 1, 2)
    made = NoiseRows(law, 4, 0.1, 1, 2)
    np.testing.assert_array_equal(made.rows(0, 12), whole[:12])
    other = NoiseRows(law, 4, 0.1, 1, 2)
    other.step, other.last = made.step, made.last.copy()
    np.testing.assert_array_equal(made.rows(12, 18), whole[12:])
    np.testing.assert_array_equal(other.rows(12, 18), whole[12:])
    np.testing.assert_array_equal(made.rows(3, 4), whole[3:7])  # back in time


def test_a_background_of_many_synapses_is_one_source() -> None:
    """What Binomial counts goes to its neuron times the weight, in each step."""
    net = sl.Network(seed=2, dtype="float64")
    background = net.add(Binomial(1000, 0.02), 300, "background")
    cells = net.add(Neuron("Sees", "seen[k+1] = I : pA; I : pA (input)"), 300, "cells")
    net.connect(background, cells, sl.one_to_one(), weight=0.5, delay=0.2)
    out = net.run(50, dt=0.1, record={cells: "seen", background: "spikes"})
    seen = out[cells]["seen"]
    counts = np.zeros((500, 300))
    spikes = out[background].spikes
    np.add.at(counts, (np.rint(spikes.times / 0.1).astype(int) - 1, spikes.ids), 1)
    np.testing.assert_array_equal(seen[2:], 0.5 * counts[:-2])
    assert counts.mean() == pytest.approx(2.0, rel=0.02) and counts.var() == pytest.approx(2 * 0.998, rel=0.03)


def test_each_neuron_may_have_numbers_of_its_own() -> None:
    amplitude, phase = np.array([1.0, 2.0]), np.array([0.0, np.pi / 2])
    found = rows(sinusoid(amplitude, 0.25, phase=phase), 0, 11, n=2)
    np.testing.assert_allclose(found[10], [1.0, 0.0], atol=1e-12)
    np.testing.assert_allclose(found[0], [0.0, 2.0], atol=1e-12)
    found = rows(ramp(0.0, np.array([1.0, 10.0]), 0.0, np.array([1.0, 2.0])), 0, 30, n=2)
    np.testing.assert_allclose(found[[5, 29]], [[0.5, 2.5], [1.0, 10.0]], atol=1e-12)


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: Current([1.0, np.nan]), "Current: value must be finite numbers"),
        (lambda: Current(np.zeros((2, 2, 2))), "Current: value must be"),
        (lambda: Current([1.0, 2.0]).rows(0, 1, 3, 0.1), "Current: value has 2 values for a population of 3"),
        (lambda: Current(np.ones((4, 2))).rows(0, 1, 3, 0.1), "Current: value has 2 values for a population of 3"),
        (lambda: steps([(1.0, 2.0), (0.5, 1.0)]), "steps: times must ascend, but 0.5 ms comes after 1 ms"),
        (lambda: steps([(1.0, [1, 2]), (2.0, [1, 2, 3])]), "steps: expected"),
        (lambda: steps([1.0, 2.0]), "steps: expected"),  # pyright: ignore[reportArgumentType]
        (lambda: steps([]), "steps: expected"),
        (lambda: steps([(0, [1, 2])]).rows(0, 1, 3, 0.1), "steps: a value has 2 values for a population of 3"),
        (lambda: ramp(0, 1, 2.0, 2.0), "ramp: t_stop must be after t_start = 2 ms, got 2"),
        (lambda: ramp(0, "1", 2.0, 3.0), "ramp: stop must be a finite number, got '1'"),  # pyright: ignore
        (lambda: sinusoid(np.inf, 1.0), "sinusoid: amplitude must be a finite number, got inf"),
        (lambda: noise(-1.0), "noise: sd must not be below 0, got -1"),
        (lambda: noise(1.0, tau=0), "noise: tau must be positive"),
        (lambda: noise([1.0, -1.0]), r"noise: sd\[1\] must not be below 0, got -1"),
        (lambda: noise([1.0, 2.0]).rows(0, 1, 3, 0.1), "noise: sd has 2 values for a population of 3"),
        (lambda: sinusoid([1.0, 2.0], [1.0, 2.0, 3.0]), "the numbers do not fit: 2 of amplitude, 3 of frequency"),
        (lambda: sinusoid([1.0, 2.0], 1.0).rows(0, 1, 3, 0.1), "sinusoid: amplitude has 2 values for a population of"),
        (lambda: ramp(0, 1, [0.0, 2.0], 2.0), "ramp: t_stop must be after t_start = 2 ms, got 2"),
    ],
)
def test_wrong_currents_are_refused(make: object, text: str) -> None:
    with pytest.raises(SpikeletError, match=text):
        make()  # type: ignore[operator]


def test_sources_are_data_that_nobody_changes() -> None:
    rate = np.array([1.0, 2.0])
    source = Poisson(rate)
    rate[0] = 50.0
    assert source.rate.tolist() == [1, 2]
    with pytest.raises(ValueError, match="read-only"):
        source.rate[0] = 3
    with pytest.raises(AttributeError):
        source.rate = 1.0  # pyright: ignore[reportAttributeAccessIssue]


def test_sources_can_be_told_from_anything_else() -> None:
    held = (Poisson(1.0), Gamma(1.0, 2), SpikeTrain([1.0], [0]), PulsePacket(1.0, 1, 0))
    assert all(isinstance(source, sources.Source) for source in held)
    assert not isinstance(Current(1.0), sources.Source)
