"""Synapses of all pairs that learn: their targets are not looked up, and what is set between two images is cheap."""

import numpy as np
import pytest

from spikelet import neurons, rules
from spikelet.sim import engine as engine_module, source_laws as laws_of
from spikelet.sim.connect import all_to_all, fixed_probability
from spikelet.sim.distributions import uniform
from spikelet.sim.edges import Edges
from spikelet.sim.network import Network
from spikelet.sim.sources import Poisson
from spikelet.units import Hz


def network(rule, pattern=None, *, rate=60 * Hz, delay: float = 1.0, dtype: str = "float32") -> Network:
    net = Network(seed=4, dtype=dtype)
    x, cells = net.add(Poisson(rate), 70, "x"), net.add(neurons.LIF(v_th=25.0), 37, "cells")
    what = {"to": "v", "weight": uniform(0.1, 0.6), "delay": delay, "rule": rule, "name": "P"}
    net.connect(x, cells, all_to_all() if pattern is None else pattern, **what)
    net.build(1.0)
    return net


def learned(net: Network) -> tuple[np.ndarray, str]:
    out = net.run(400.0)
    assert len(out["cells"].spikes.ids) > 50
    return net.projections["P"].weights(), out.spike_hash()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    "rule",
    [rules.DiehlCookSTDP(a_post=0.01), rules.STDP, rules.MultiplicativeSTDP, rules.STDP(w_max=np.linspace(0.7, 1, 37))],
)
def test_rows_in_order_learn_to_the_bit_as_rows_that_are_looked_up(monkeypatch, rule, dtype):
    net = network(rule, dtype=dtype)
    assert net.built is not None and net.built.parts.learning["P"].edges.whole
    found = learned(net)
    monkeypatch.setattr(Edges, "whole", False)
    other = learned(network(rule, dtype=dtype))
    np.testing.assert_array_equal(found[0], other[0])
    assert found[1] == other[1]
    assert np.unique(found[0]).size > 500  # not all at a bound


def test_what_is_known_of_the_places_of_synapses():
    net = network(rules.STDP)
    edges = net.projections["P"].edges
    assert edges.whole and edges.ordered
    some = network(rules.STDP, fixed_probability(0.3)).projections["P"].edges
    assert not some.whole and some.ordered
    np.testing.assert_array_equal(some.order(), np.arange(len(some)))
    mixed = network(rules.STDP, delay=uniform(1.0, 5.0)).projections["P"]
    assert not mixed.edges.whole and not mixed.edges.ordered
    values = np.arange(len(mixed)) / 1e4
    mixed.set(weights=values)
    np.testing.assert_allclose(mixed.weights(), values, rtol=1e-6)


def test_ordered_is_what_sorting_finds():
    draw = np.random.default_rng(0)
    seen = set()
    for _ in range(200):
        counts = draw.integers(0, 3, 4)
        pointer = np.concatenate([[0], np.cumsum(counts)])
        edges = Edges(4, 3, np.ones(1, np.int64), pointer, draw.integers(0, 3, pointer[-1]).astype(np.uint16), 1.0)
        assert edges.ordered == bool((edges.order() == np.arange(len(edges))).all())
        seen.add(edges.ordered)
    assert seen == {True, False}


def test_setting_rates_and_weights_during_a_run_makes_no_call_again(monkeypatch):
    made = []
    ready = engine_module.ready
    monkeypatch.setattr(engine_module, "ready", lambda *given: made.append(1) or ready(*given))
    rates = np.linspace(0.02, 0.12, 70)

    def image(net: Network) -> None:
        net["x"].set(rate=np.roll(rates, round(net.t)))
        net.projections["P"].normalise(20.0)

    whole = network(rules.DiehlCookSTDP, rate=rates)
    out = whole.run(300.0, call=image, each=100.0)
    assert len(made) == 1
    parts = network(rules.DiehlCookSTDP, rate=rates)
    ids = []
    for _ in range(3):
        ids.append(parts.run(100.0)["cells"].spikes.ids)
        image(parts)
    np.testing.assert_array_equal(np.concatenate(ids), out["cells"].spikes.ids)
    np.testing.assert_array_equal(whole.projections["P"].weights(), parts.projections["P"].weights())


def test_a_source_that_needs_another_kernel_gets_it_during_a_run():
    net = network(rules.STDP)
    silent = []

    def switch(net: Network) -> None:
        silent.append(net["x"].model.rate)
        net["x"].set(rate=0.0 if len(silent) % 2 else np.linspace(0.05, 0.2, 70))

    times = net.run(400.0, call=switch, each=100.0)["cells"].spikes.times
    assert len(silent) == 4
    assert (times <= 101).any() and (times > 202).any()
    assert not ((times > 140) & (times <= 200)).any()  # the leak is 20 ms; nothing comes in


# -- sources ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lit", [[3], [64, 65], [0, 127, 130, 199], []])
def test_groups_of_silent_sources_leave_the_others_as_they_are(lit):
    rates = np.zeros(200)
    rates[lit] = 0.4
    full = Poisson(np.full(200, 0.4)).prepare(200, 1.0, 5, 1).counts(0, 500)
    found = Poisson(rates).prepare(200, 1.0, 5, 1).counts(0, 500)
    np.testing.assert_array_equal(found[:, lit], full[:, lit])
    assert found.sum() == full[:, lit].sum()


def test_the_rarest_of_sources_is_not_silent():
    given = Poisson(np.array([1e-11, 0.5])).prepare(2, 1.0, 5, 1)
    assert given.fixed["silent"] == -1
    assert Poisson(np.array([0.0, 0.5])).prepare(2, 1.0, 5, 1).fixed["silent"] == 0


def test_laws_do_not_depend_on_those_that_were_asked_for_before(monkeypatch):
    means = np.array([0.0, 0.003, 0.2, 0.71])

    def tables() -> list[np.ndarray]:
        laws = laws_of.poisson_laws(means)
        begins = laws.place[:, 0]
        rest = [laws.rest[b : b + 2**levels] for b, levels in zip(begins, laws.place[:, 1], strict=True)]
        return [laws.low, laws.size, laws.limits, laws.place[:, 1:], np.array(rest)]

    monkeypatch.setattr(laws_of, "_small_laws", [])
    alone = tables()
    laws_of.poisson_laws(np.sort(np.random.default_rng(0).random(3000)))
    after = tables()
    laws_of.poisson_laws(np.sort(np.random.default_rng(1).random(3000)))  # more than are remembered
    for one, two, three in zip(alone, after, tables(), strict=True):
        np.testing.assert_array_equal(one, two)
        np.testing.assert_array_equal(one, three)
