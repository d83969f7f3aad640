"""Renewal trains: intervals have their law, the first ones too; rates, dead times, hazards; and what is refused."""

from typing import Any

import numpy as np
import pytest
from scipy import stats

import spikelet as sl
from spikelet import random
from spikelet.errors import InputError, ShapeError
from spikelet.model import Neuron
from spikelet.sim.renewal import Renewal, dead_time, gamma, hazard, intervals, lognormal

LEAST = 1e-3  # p-values below fail; all seeds are fixed


def spikes(law: Renewal, n: int, t: float, dt: float = 0.001, seed: int = 1) -> list[np.ndarray]:
    """Return the times [ms] of the spikes of each element, in the middle of their steps."""
    steps, ids = law.prepare(n, dt, seed, 2).spikes(0, round(t / dt))
    return [(steps[ids == i] + 0.5) * dt for i in range(n)]


def gaps(law: Renewal, n: int = 100, t: float = 100.0) -> np.ndarray:
    return np.concatenate([np.diff(times) for times in spikes(law, n, t)])


LAWS: dict[str, tuple[Renewal, Any]] = {
    "dead time": (dead_time(0.5, 1.5), stats.expon(1.5, 0.5)),
    "gamma": (gamma(0.5, 2.5), stats.gamma(2.5, scale=2.0 / 2.5)),
    "bursty gamma": (gamma(0.5, 0.6, 0.5), stats.gamma(0.6, 0.5, 1.5 / 0.6)),
    "lognormal": (lognormal(0.5, 0.5, 0.3), stats.lognorm(np.log(1.25) ** 0.5, 0.3, 1.7 / 1.25**0.5)),
    "hazard": (hazard([0.0, 1.0, 2.0], [0.0, 0.0, 1.0]), None),
}


@pytest.mark.parametrize("name", LAWS)
def test_intervals_have_their_law(name: str) -> None:
    law, right = LAWS[name]
    found = gaps(law)
    assert found.size > 3000

    def cdf(x: np.ndarray) -> np.ndarray:
        grown = np.where(x < 1, 0, np.where(x < 2, (x - 1) ** 2 / 2, x - 1.5))  # the integral of the hazard
        return -np.expm1(-grown) if right is None else right.cdf(x)

    assert stats.kstest(found, cdf).pvalue > LEAST
    mean = 2.0 if right is not None else law.mean
    assert law.mean == pytest.approx(mean, rel=1e-4) and found.mean() == pytest.approx(mean, rel=0.03)


@pytest.mark.parametrize("name", LAWS)
def test_the_table_is_the_law(name: str) -> None:
    law, right = LAWS[name]
    if right is not None:
        assert law.cdf[:-1] == pytest.approx(right.cdf(law.times[:-1]), abs=1e-9)
    middle = (law.times[1:] + law.times[:-1]) / 2
    if right is not None:
        assert np.interp(middle, law.times, law.cdf) == pytest.approx(right.cdf(middle), abs=2e-4)


def test_trains_begin_as_if_they_had_always_been() -> None:
    """The rate is the same from the start, and the first spike comes after the forward recurrence time."""
    law = gamma(0.5, 4.0)
    times = spikes(law, 4000, 10.0, dt=0.01)
    everything = np.concatenate(times)
    rates = np.histogram(everything, np.arange(11))[0] / 4000
    assert rates == pytest.approx(0.5, abs=4.5 * (0.5 / 4000) ** 0.5)
    first = np.array([one[0] for one in times if len(one)])
    x = np.linspace(0, 60, 60_001)
    survival = stats.gamma(4.0, scale=0.5).sf(x)
    recurrence = np.cumsum(survival) * 0.001 / 2.0
    assert stats.kstest(first, lambda t: np.interp(t, x, recurrence)).pvalue > LEAST


def test_no_spike_falls_into_the_dead_time_and_the_rate_is_kept() -> None:
    found = gaps(dead_time(0.2, 4.0), t=400.0)
    assert found.min() >= 4.0 - 0.001 and found.mean() == pytest.approx(5.0, rel=0.03)
    assert found.std() == pytest.approx(1.0, rel=0.05)


def test_measured_intervals_come_again_each_as_often_as_another() -> None:
    found = gaps(intervals([1.0, 2.0, 2.0, 5.0]), 200)
    values, counts = np.unique(np.rint(found * 1000) / 1000, return_counts=True)
    assert values.tolist() == [1.0, 2.0, 5.0]
    assert counts / found.size == pytest.approx([0.25, 0.5, 0.25], abs=0.03)


def test_intervals_of_one_length_keep_their_steps() -> None:
    counts = intervals([1.0]).prepare(50, 0.1, 3, 1).counts(0, 1000)
    assert (counts.sum(axis=0) == 100).all() and (np.diff(np.nonzero(counts.T)[1].reshape(50, 100)) == 10).all()
    phases = np.nonzero(counts.T)[1].reshape(50, 100)[:, 0]
    assert len(set(phases)) > 5


def test_an_interval_is_the_stated_function_of_its_number() -> None:
    """Interval j of element e by the words of step j and element e, looked up in the table."""
    law = Renewal([0.0, 1.0, 3.0], [0.0, 0.25, 1.0])
    for e, times in enumerate(spikes(law, 5, 40.0, seed=9)):
        w0, w1, _, _ = random.bits(9, np.arange(len(times) - 1), np.full(len(times) - 1, e), 2)
        u = ((w0.astype(object) << 32 | w1.astype(object)) >> 2) / 2.0**62
        assert np.diff(times) == pytest.approx(np.interp(u.astype(float), law.cdf, law.times), abs=0.0011)


def test_short_intervals_put_several_spikes_into_a_step() -> None:
    counts = gamma(30.0, 4.0).prepare(500, 0.1, 1, 2).counts(0, 400)
    assert counts.mean() == pytest.approx(3.0, rel=0.01) and counts.max() > 4
    assert counts.sum(axis=0).var() == pytest.approx(1200 / 4, rel=0.25)  # of renewal counts: mean over shape


def test_a_network_goes_on_bit_for_bit(tmp_path: Any) -> None:
    def network() -> Any:
        net = sl.Network(seed=4)
        source = net.add(lognormal(0.2, 0.8, 1.0), 40, "source")
        cells = net.add(Neuron("Sum", "dv/dt = 0/ms : mV"), 10, "cells")
        net.connect(source, cells, sl.fixed_probability(0.5), to="v", weight=1.0, delay=0.3)
        return net

    whole = network().run(40, dt=0.1, record={"cells": "v"})["cells"]["v"]
    net = network()
    parts = [net.run(10, dt=0.1, record={"cells": "v"})["cells"]["v"] for _ in range(2)]
    net.save(tmp_path / "net")
    parts += [sl.Network.load(tmp_path / "net").run(20, record={"cells": "v"})["cells"]["v"]]
    np.testing.assert_array_equal(whole, np.concatenate(parts))
    assert whole[-1].min() > 50


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: dead_time(0.5, 2.0), "a rate of 0.5 kHz leaves no room for a dead time of 2 ms after each spike"),
        (lambda: gamma(0.5, 0), "gamma: shape must be positive"),
        (lambda: gamma(-1, 1), "gamma: rate must not be below 0, got -1"),
        (lambda: lognormal(0.5, 0), "lognormal: cv must be positive"),
        (lambda: hazard([0.0, 1.0], [1.0, 0.0]), "hazard: rates must not be negative, and the last one above 0"),
        (lambda: hazard([1.0, 2.0], [1.0, 1.0]), "hazard: times must ascend from 0"),
        (lambda: hazard([0.0, 2.0], [1.0]), "hazard: 2 times, but 1 rates"),
        (lambda: intervals([]), "intervals: there are none"),
        (lambda: intervals([0.0, 0.0]), "Renewal: all intervals are 0"),
        (lambda: Renewal([0.0, 1.0], [0.0, 0.9]), "Renewal: cdf must ascend from 0 to 1, got 0 to 0.9"),
        (lambda: Renewal([2.0, 1.0], [0.0, 1.0]), "Renewal: times must be intervals, not negative and ascending"),
        (lambda: Renewal([0.0], [1.0]), "Renewal: 1 times and 1 values of cdf; expected as many, at least 2"),
        (lambda: dead_time(1e8, 0.0).prepare(1, 0.1, 0, 0), "spikes a step; at most 100000 can be drawn"),
    ],
)
def test_mistakes_are_told(make: Any, text: str) -> None:
    with pytest.raises((InputError, ShapeError)) as caught:
        make()
    assert text in str(caught.value)
