"""DEEP R in torch: the number of connections, what stays, and that a sparse network learns."""

import numpy as np
import pytest
import torch
from torch import nn

from spikelet.errors import InputError
from spikelet.nn.deep_rewiring import DeepRewiring


def test_the_number_of_connections_and_every_sign_stay():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(30, 20), nn.Tanh(), nn.Linear(20, 5))
    adam = torch.optim.Adam(model.parameters(), lr=0.05)
    deep = DeepRewiring(model, connectivity=(0.1, 0.3), lr=0.05, l1=0.02, temperature=0.01, optimizer=adam)
    layers = [model[0], model[2]]
    first = [layer.weight.detach().clone() for layer in layers]
    counts = [int((w != 0).sum()) for w in first]
    assert counts == [60, 30] == [deep.active(layer) for layer in layers]
    signs: dict[tuple[int, int], float] = {}
    for _ in range(40):
        adam.zero_grad()
        model(torch.randn(16, 30)).square().sum().backward()
        for layer in layers:
            assert (layer.weight.grad[layer.weight == 0] == 0).all()
        adam.step()
        deep.step()
        for k, layer in enumerate(layers):
            flat = layer.weight.detach().reshape(-1)
            live = flat.nonzero().squeeze(1).tolist()
            assert deep.active(layer) == counts[k] and len(live) <= counts[k]
            for place in live:
                assert signs.setdefault((k, place), float(flat[place].sign())) == float(flat[place].sign())
    assert deep.rewired > 50
    assert int(((layers[0].weight != 0) & (first[0] == 0)).sum()) > 20


def test_theta_decays_and_diffuses_as_written():
    layer = nn.Linear(100, 60).double()
    deep = DeepRewiring([layer], connectivity=0.5, lr=0.02, l1=3.0, temperature=0.5, seed=3)
    with torch.no_grad():
        layer.weight.copy_(torch.where(layer.weight != 0, 50.0 * layer.weight.sign(), 0.0))
    for _ in range(20):
        deep.step()
    theta = layer.weight.detach().abs()[layer.weight != 0].numpy()
    assert deep.rewired == 0 and len(theta) == 3_000
    assert theta.mean() == pytest.approx(50 - 20 * 0.02 * 3.0, abs=4 * np.sqrt(0.4 / 3_000))
    assert theta.var() == pytest.approx(20 * 2 * 0.02 * 0.5, rel=4 * np.sqrt(2 / 3_000))


def test_which_wake_is_drawn_from_all_that_are_dormant():
    """All of 10 connections of 40 die at each of 200 steps; every place wakes as often: chi squared, times 3/4."""
    layer, counts = nn.Linear(8, 5), np.zeros(40)
    deep = DeepRewiring([layer], connectivity=0.25, lr=1.0, l1=1.0)
    for _ in range(200):
        deep.step()
        counts[layer.weight.detach().reshape(-1).nonzero().squeeze(1).numpy()] += 1
    assert deep.rewired == 2000 and counts.sum() == 2000
    chi = ((counts - 50) ** 2 / 50).sum() / 0.75
    assert abs(chi - 40) < 4 * np.sqrt(2 * 40)


def test_a_connection_that_wakes_has_no_momentum():
    layer = nn.Linear(6, 4, bias=False)
    sgd = torch.optim.SGD(layer.parameters(), lr=0.1, momentum=0.9)
    deep = DeepRewiring([layer], connectivity=0.5, lr=0.1, l1=5.0, optimizer=sgd)
    for _ in range(5):
        before = layer.weight.detach() != 0
        sgd.zero_grad()
        layer(torch.ones(3, 6)).sum().backward()
        sgd.step()
        deep.step()
        new = (layer.weight.detach() != 0) & ~before
        assert new.any() and (sgd.state[layer.weight]["momentum_buffer"][new] == 0).all()
        assert (layer.weight.detach()[new].abs() < 1e-11).all()


def test_rewiring_finds_the_inputs_that_matter():
    """A regression on 20 of 100 inputs with 25 connections: rewiring reaches all those whose sign is right."""
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(256, 100, generator=generator)
    target = x[:, :20].sum(1, keepdim=True)
    layer = nn.Linear(100, 1, bias=False)
    sgd = torch.optim.SGD(layer.parameters(), lr=0.05)
    deep = DeepRewiring([layer], connectivity=0.25, lr=0.05, l1=0.3, seed=1)
    ever = torch.zeros(100, dtype=torch.bool)
    right = torch.zeros(20, dtype=torch.bool)
    for _ in range(200):
        sgd.zero_grad()
        (layer(x) - target).square().mean().backward()
        sgd.step()
        deep.step()
        ever |= layer.weight.detach()[0] != 0
        right |= layer.weight.detach()[0, :20] > 0
    found = layer.weight.detach()[0, :20] > 0.5
    assert ever.float().mean() > 0.7 and deep.active(layer) == 25
    assert found.sum() >= 6 and torch.equal(found, right)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"connectivity": 0}, "connectivity must lie above 0 and be at most 1, got 0"),
        ({"connectivity": (0.1, 0.2)}, "2 numbers connectivity= for 1 layers"),
        ({"lr": -1}, "lr must be a number that is not negative, got -1"),
        ({"temperature": float("nan")}, "temperature must be a number that is not negative, got nan"),
        ({"layers": [nn.Tanh()]}, "Tanh has no weight of shape (out, in)"),
        ({"layers": nn.Tanh()}, "1 numbers connectivity= for 0 layers"),
    ],
)
def test_mistakes_are_named(change: dict, message: str):
    given = {"layers": [nn.Linear(3, 2)], "connectivity": 0.5, "lr": 0.1, **change}
    with pytest.raises(InputError) as caught:
        DeepRewiring(given.pop("layers"), **given)
    assert f"DeepRewiring: {message}" in str(caught.value) or "0 numbers connectivity= for 0 layers" in str(
        caught.value
    )
