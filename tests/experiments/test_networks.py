"""The networks as described: sizes, numbers of synapses, weights and delays. What they do is tested in tests/papers."""

import numpy as np
import pytest

from spikelet.errors import InputError
from spikelet.experiments import networks
from spikelet.sim.network import Network

SMALL = {"microcircuit": 0.02, "hpc": 0.01}  # of the other networks a tenth


def built(name: str, scale: float, **more: object) -> Network:
    entry = networks.find(name)
    net = entry.make(scale, 3, **more)
    net.build(entry.dt)
    return net


@pytest.mark.parametrize("name", networks.NETWORKS)
def test_every_network_runs_and_tells_what_it_is(name: str) -> None:
    entry = networks.find(name)
    assert entry.make.__doc__ and entry.make.__doc__[0].isupper()
    net = entry.make(SMALL.get(name, 0.1), 0)
    result = net.run(20.0, dt=entry.dt)
    assert all(result[population].n == len(net[population]) for population in result.names)
    again = entry.make(SMALL.get(name, 0.1), 0).run(20.0, dt=entry.dt)
    other = entry.make(SMALL.get(name, 0.1), 1).run(20.0, dt=entry.dt)
    assert sum(len(result[p].spikes) for p in result.names) > 0
    assert result.spike_hash() == again.spike_hash() != other.spike_hash()


def test_brunel_has_its_synapses_and_drive() -> None:
    net = built("brunel", 0.01, g=4.5, eta=0.9)
    assert [len(net[name]) for name in ("E", "I")] == [100, 25]
    drive, excitation, inhibition = net.projections.values()
    assert net["drive"].model.rate == pytest.approx(9.0)  # kHz
    for projection, indegree, weight in ((excitation, 1000, 0.1), (inhibition, 250, -0.45)):
        assert np.bincount(projection.targets(), minlength=125).tolist() == [indegree] * 125
        assert set(np.round(projection.weights(), 9)) == {weight}
        assert set(np.round(projection.delays(), 9)) == {1.5}
    assert len(drive) == 125


@pytest.mark.parametrize(
    ("name", "weights"),
    [("vogels-abbott-cuba", (1.62, -9.0)), ("vogels-abbott-coba", (0.6, 6.7)), ("cobahh", (6.0, 67.0))],
)
@pytest.mark.parametrize("scale", [1.0, 0.25])
def test_vogels_abbott_has_80_synapses_for_each_neuron(name: str, weights: tuple[float, float], scale: float) -> None:
    net = built(name, scale)
    n = round(4000 * scale)
    assert [len(net[population]) for population in ("E", "I")] == [0.8 * n, 0.2 * n]
    for projection, mean, weight in zip(net.projections.values(), (64, 16), weights, strict=True):
        assert len(projection) / n == pytest.approx(mean, abs=4 * np.sqrt(mean / n))
        assert set(np.round(projection.weights(), 5)) == {weight}
        assert set(np.round(projection.delays(), 9)) == {0.1}


def test_microcircuit_has_the_published_number_of_synapses() -> None:
    totals = networks.microcircuit_synapses()
    assert sum(networks.SIZES) == 77_169
    assert totals.sum() == pytest.approx(298.9e6, rel=1e-3)
    pairs = np.outer(networks.SIZES, networks.SIZES)
    at_least_one = 1 - (1 - 1 / pairs) ** totals
    np.testing.assert_allclose(at_least_one, networks._PROBABILITIES, rtol=1e-3)


def test_microcircuit_scales_sizes_and_indegrees_and_strengthens_weights() -> None:
    k = 0.02
    net = built("microcircuit", k)
    totals = networks.microcircuit_synapses() / np.array(networks.SIZES)[:, None]
    for target, post in enumerate(networks.LAYERS):
        assert len(net[post]) == round(k * networks.SIZES[target])
        for source, pre in enumerate(networks.LAYERS):
            name = f"{pre} to {post}"
            if not totals[target, source]:
                assert name not in net.projections
                continue
            projection = net.projections[name]
            assert len(projection) / len(net[post]) == pytest.approx(k * totals[target, source], abs=0.5)
            weights, expected = projection.weights(), 87.8 / np.sqrt(k) * (1 if source % 2 == 0 else -4)
            expected *= 2 if name == "L4E to L23E" else 1
            assert (weights * expected > 0).all()
            if len(weights) > 1000:
                assert weights.mean() == pytest.approx(expected, rel=0.02)
                assert weights.std() == pytest.approx(0.1 * abs(expected), rel=0.1)
                delays = projection.delays()
                assert delays.min() >= 0.1 - 1e-9
                # of a normal law that is cut at low
                assert delays.mean() == pytest.approx(1.54 if source % 2 == 0 else 0.77, rel=0.05)


@pytest.mark.parametrize(("scale", "drive"), [(0.02, "poisson"), (0.02, "current"), (1.0, "poisson"), (1.0, "current")])
def test_microcircuit_keeps_the_mean_input(scale: float, drive: str) -> None:
    """In-degrees, weights and currents of the description give the same mean at every scale and with both drives."""
    net = networks.microcircuit(scale, drive=drive)
    rates = dict(zip(networks.LAYERS, np.array(networks.RATES_HZ) / 1000, strict=True))
    for name, population in net.populations.items():
        if name in networks.LAYERS:
            rates[f"drive of {name}"] = scale * networks._DRIVES[networks.LAYERS.index(name)] * 0.008
            mean = population.model.parameters["i_ext"]
            for p in net.projections.values():
                if p.post[0].population is population:
                    weight = p.weight if isinstance(p.weight, float) else p.weight.mean
                    indegree = getattr(p.pattern, "n", len(population)) / len(population)
                    mean += 0.5 * weight * indegree * rates[p.pre.population.name]
            target = networks.LAYERS.index(name)
            K = networks.microcircuit_synapses()[target] / networks.SIZES[target]
            inside = K * networks.microcircuit_weights()[target] @ (np.array(networks.RATES_HZ) / 1000)
            expected = 0.5 * (inside + 87.8 * networks._DRIVES[target] * 0.008)
            assert mean == pytest.approx(expected, rel=5e-3)


def test_izhikevich_has_the_weights_and_cells_of_the_script() -> None:
    net = built("izhikevich", 1.0)
    excitation, inhibition = net.projections.values()
    assert len(excitation) == 800_000 and len(inhibition) == 200_000
    for projection, mean, spread in ((excitation, 0.25, 0.5), (inhibition, -0.5, 1.0)):
        assert projection.weights().mean() == pytest.approx(mean, rel=0.01)
        assert np.ptp(projection.weights()) == pytest.approx(spread, rel=1e-3)
    E, I = net["E"].model.parameters, net["I"].model.parameters
    r = np.sqrt((E["c"] + 65) / 15)
    assert r.std() == pytest.approx(1 / np.sqrt(12), rel=0.1)  # of a uniform law
    np.testing.assert_allclose(E["d"], 8 - 6 * r**2)
    np.testing.assert_allclose((I["a"] - 0.02) / 0.08, (0.25 - I["b"]) / 0.05)
    assert (E["noise"], I["noise"]) == (5.0, 2.0)


@pytest.mark.parametrize(
    ("name", "scale", "message"),
    [
        ("brunl", 1.0, "unknown network 'brunl'; did you mean 'brunel'\\? \\(known: brunel, vogels-abbott-cuba, "),
        ("brunel", 0.0, "scale must be positive, not 0"),
        ("brunel", float("nan"), "scale must be positive, not nan"),
        ("brunel", 1e-5, "scale 1e-05 leaves none of 10,000 neurons"),
        ("microcircuit", 1.5, "microcircuit: scale must be at most 1, not 1.5"),
    ],
)
def test_mistakes_are_named(name: str, scale: float, message: str) -> None:
    with pytest.raises(InputError, match=message):
        networks.find(name).make(scale, 0)


def test_an_unknown_drive_is_an_error() -> None:
    with pytest.raises(InputError, match="drive='noise' is neither 'poisson' nor 'current'"):
        networks.microcircuit(0.1, drive="noise")
