"""Losses against plain formulas, written here in numpy."""

import math

import numpy as np
import pytest
import torch

from spikelet.errors import InputError, ShapeError
from spikelet.nn import losses

T, B, C = 12, 5, 4
LENGTHS = [12, 7, 1, 12, 3]
WEIGHT = np.array([1.0, 2.0, 0.5, 3.0])


@pytest.fixture
def membrane():
    return np.random.default_rng(0).normal(size=(T, B, C)) * 2


@pytest.fixture
def spikes():
    return (np.random.default_rng(1).random((T, B, C)) < 0.3).astype(float)


@pytest.fixture
def labels():
    return np.array([0, 3, 2, 1, 3])


def cross_entropy(logits, labels, weight=None):
    weight = np.ones(logits.shape[-1]) if weight is None else weight
    pairs = list(zip(logits, labels, strict=True))
    each = [-(row[y] - math.log(sum(math.exp(z) for z in row))) * weight[y] for row, y in pairs]
    return sum(each) / sum(weight[y] for y in labels)


def pieces(values, lengths):
    """Return each sequence, cut to its length."""
    return [values[: (T if lengths is None else lengths[b]), b] for b in range(B)]


def call(function, values, *arguments, lengths=None, weight=None, **more):
    if weight is not None:
        more["weight"] = torch.tensor(weight)
    lengths = None if lengths is None else torch.tensor(lengths)
    return function(torch.tensor(values), *(torch.tensor(a) for a in arguments), lengths=lengths, **more).item()


EXPECTED = {
    losses.cross_entropy_rate: lambda parts, y, w: cross_entropy(np.array([p.mean(0) for p in parts]), y, w),
    losses.cross_entropy_count: lambda parts, y, w: cross_entropy(np.array([p.sum(0) for p in parts]), y, w),
    losses.cross_entropy_max_membrane: lambda parts, y, w: cross_entropy(np.array([p.max(0) for p in parts]), y, w),
    losses.cross_entropy_membrane_sum: lambda parts, y, w: (
        sum(
            cross_entropy(p[k : k + 1], y[b : b + 1], None) * (1 if w is None else w[y[b]])
            for b, p in enumerate(parts)
            for k in range(len(p))
        )
        / (B if w is None else sum(w[c] for c in y))
    ),
}


@pytest.mark.parametrize("function", EXPECTED, ids=lambda f: f.__name__)
@pytest.mark.parametrize("lengths", [None, LENGTHS], ids=["whole", "lengths"])
@pytest.mark.parametrize("weight", [None, WEIGHT], ids=["equal", "weighted"])
def test_cross_entropies(function, lengths, weight, membrane, labels):
    expected = EXPECTED[function](pieces(membrane, lengths), labels, weight)
    assert call(function, membrane, labels, lengths=lengths, weight=weight) == pytest.approx(expected, rel=1e-10)


def test_the_membrane_sum_is_the_sum_of_the_steps_losses(membrane, labels):
    v, y = torch.tensor(membrane), torch.tensor(labels)
    loss = torch.zeros((), dtype=torch.float64)
    for step in v:
        loss += torch.nn.CrossEntropyLoss()(step, y)
    torch.testing.assert_close(losses.cross_entropy_membrane_sum(v, y), loss)


@pytest.mark.parametrize("lengths", [None, LENGTHS], ids=["whole", "lengths"])
def test_first_spikes(lengths, spikes, labels):
    parts = pieces(spikes, lengths)
    steps = np.array([[next((k for k in range(len(p)) if p[k, c]), len(p)) for c in range(C)] for p in parts])
    got = losses.first_spike_steps(torch.tensor(spikes), lengths=None if lengths is None else torch.tensor(lengths))
    np.testing.assert_array_equal(got.numpy(), steps)
    expected = cross_entropy(-steps * 0.5 / 3.0, labels)
    assert call(losses.first_spike_time, spikes, labels, tau=3.0, dt=0.5, lengths=lengths) == pytest.approx(expected)


def test_the_gradient_of_the_first_spike_hastens_it():
    spikes = torch.tensor([0.0, 0.0, 1.0, 0.0, 1.0], dtype=torch.float64).reshape(5, 1, 1).requires_grad_()
    losses.first_spike_steps(spikes).sum().backward()
    # a spike at 0 saves 2 steps, at 1 one; without that at 2 the next is at 4: 2 steps; later ones change nothing
    assert spikes.grad.flatten().tolist() == [-2.0, -1.0, -2.0, 0.0, 0.0]


@pytest.mark.parametrize("lengths", [None, LENGTHS], ids=["whole", "lengths"])
def test_mean_squared_count(lengths, spikes, labels):
    parts = pieces(spikes, lengths)
    counts = np.array([p.sum(0) for p in parts])
    wanted = np.random.default_rng(2).random((B, C)) * 5
    expected = ((counts - wanted) ** 2).mean()
    assert call(losses.mean_squared_count, spikes, wanted, lengths=lengths) == pytest.approx(expected)
    wanted = np.array([[(0.8 if c == labels[b] else 0.1) * len(p) for c in range(C)] for b, p in enumerate(parts)])
    got = call(losses.mean_squared_count, spikes, labels, lengths=lengths, correct=0.8, wrong=0.1)
    assert got == pytest.approx(((counts - wanted) ** 2).mean())


def closed_form(a, b, tau):
    def overlap(x, y):
        return sum(math.exp(-abs(s - t) / tau) for s in x for t in y)

    return 0.5 * (overlap(a, a) + overlap(b, b) - 2 * overlap(a, b))


@pytest.mark.parametrize("tau", [2.0, 10.0])
@pytest.mark.parametrize("lengths", [None, LENGTHS], ids=["whole", "lengths"])
def test_van_rossum(tau, lengths, spikes):
    other = (np.random.default_rng(3).random((T, B, C)) < 0.4).astype(float)
    expected = np.mean(
        [
            closed_form(*(0.5 * np.flatnonzero(train[:, c]) for train in pair), tau)
            for pair in zip(pieces(spikes, lengths), pieces(other, lengths), strict=True)
            for c in range(C)
        ]
    )
    assert call(losses.van_rossum, spikes, other, tau=tau, dt=0.5, lengths=lengths) == pytest.approx(expected)


@pytest.mark.parametrize(("tau", "distance"), [(1.0, 1.731109), (10.0, 1.129272), (50.0, 0.776260)])
def test_van_rossum_of_the_reference_trains(tau, distance):
    trains = torch.zeros(2, 90, 1, 1, dtype=torch.float64)
    trains[0, [10, 30, 55, 80]] = 1
    trains[1, [12, 29, 70]] = 1
    assert losses.van_rossum(trains[0], trains[1], tau=tau).sqrt().item() == pytest.approx(distance, abs=1e-6)


def test_van_rossum_of_one_extra_spike_is_a_half():
    train = torch.zeros(5, 1, 1, dtype=torch.float64)
    extra = train.clone()
    extra[3] = 1
    assert losses.van_rossum(train, extra).item() == pytest.approx(0.5)


@pytest.mark.parametrize("lengths", [None, LENGTHS], ids=["whole", "lengths"])
def test_regularisers(lengths, spikes):
    parts = pieces(spikes, lengths)
    steps = sum(len(p) for p in parts)
    rates = sum(p.sum(0) for p in parts) / (steps * 0.5)
    below, above = np.maximum(0.5 - rates, 0), np.maximum(rates - 0.6, 0)
    assert below.max() > 0 and above.max() > 0
    expected = (below**2 + above**2).mean()
    assert call(losses.rate_band, spikes, low=0.5, high=0.6, dt=0.5, lengths=lengths) == pytest.approx(expected)
    expected = sum(p.sum() for p in parts) / (steps * C)
    assert call(losses.sparsity, spikes, lengths=lengths) == pytest.approx(expected)


ALL = [
    *((f, lambda x, f=f, **k: f(x, torch.tensor([0, 1]), **k)) for f in EXPECTED),
    (losses.first_spike_time, lambda x, **k: losses.first_spike_time(x, torch.tensor([0, 1]), **k)),
    (losses.mean_squared_count, lambda x, **k: losses.mean_squared_count(x, torch.tensor([0, 1]), **k)),
    (losses.van_rossum, lambda x, **k: losses.van_rossum(x, torch.zeros_like(x), **k)),
    (losses.rate_band, lambda x, **k: losses.rate_band(x, 0.9, 1.0, **k)),
    (losses.sparsity, losses.sparsity),
]


@pytest.mark.parametrize(("function", "run"), ALL, ids=[f.__name__ for f, _ in ALL])
def test_nothing_flows_back_from_beyond_the_end(function, run):
    x = torch.full((6, 2, 3), 0.25, dtype=torch.float64, requires_grad=True)
    run(x, lengths=torch.tensor([6, 2])).backward()
    assert (x.grad[2:, 1] == 0).all() and x.grad[:2, 1].abs().sum() > 0 and x.grad[2:, 0].abs().sum() > 0


@pytest.mark.parametrize(("function", "run"), ALL, ids=[f.__name__ for f, _ in ALL])
def test_gradients_are_those_of_finite_differences(function, run):
    x = torch.rand(5, 2, 3, dtype=torch.float64, requires_grad=True) * 0.8
    assert torch.autograd.gradcheck(lambda x: run(x, lengths=torch.tensor([5, 3])), (x,))


def test_mistakes():
    x, y = torch.zeros(5, 2, 3), torch.tensor([0, 1])
    with pytest.raises(ShapeError, match=r"cross_entropy_rate: .* shape \(5, 2\), expected \(T, B, classes\)"):
        losses.cross_entropy_rate(x[..., 0], y)
    with pytest.raises(ShapeError, match=r"cross_entropy_count: target has shape \(3,\), expected \(2,\)"):
        losses.cross_entropy_count(x, torch.tensor([0, 1, 2]))
    with pytest.raises(InputError, match="target is torch.float32, expected classes as integers"):
        losses.cross_entropy_max_membrane(x, y.float())
    with pytest.raises(ShapeError, match=r"mean_squared_count: target has shape \(2, 2\), expected \(2, 3\) or \(B,\)"):
        losses.mean_squared_count(x, torch.zeros(2, 2))
    with pytest.raises(ShapeError, match=r"van_rossum: target has shape \(4, 2, 3\), expected \(5, 2, 3\)"):
        losses.van_rossum(x, x[:4])
    with pytest.raises(InputError, match=r"rate_band: low is 2, expected at most high = 1"):
        losses.rate_band(x, 2.0, 1.0)
    with pytest.raises(InputError, match=r"sparsity: lengths are \[6, 1\], expected 0 to 5"):
        losses.sparsity(x, lengths=torch.tensor([6, 1]))
