"""What has been trained in torch fires in the simulator as it did there."""

import numpy as np
import pytest
import torch
from torch import nn

from spikelet import encode, neurons
from spikelet.convert import from_layers
from spikelet.errors import InputError, ShapeError
from spikelet.nn import Neurons, Recurrent, Sequential


def layer(n: int, model=neurons.LIF, **options) -> Neurons:
    made = Neurons(model(tau_mem=8.0), learn="tau_mem", dtype=torch.float64, **options)
    with torch.no_grad():
        made.tau_mem.copy_(torch.tensor(9.0))
    return made


def recorded(net: Sequential, x: torch.Tensor) -> dict[str, np.ndarray]:
    """Return the spikes of each layer of neurons, (T, N)."""
    found, y = {}, x[:, None]
    for name, part in net.named_children():
        folded = part(y.flatten(0, 1)).unflatten(0, y.shape[:2]) if not isinstance(part, Neurons | Recurrent) else y
        y = part(y)[0] if isinstance(part, Neurons | Recurrent) else folded
        if isinstance(part, Neurons | Recurrent):
            found[name] = y[:, 0].detach().flatten(1).numpy()
    return found


def require_equal(net: Sequential, x: torch.Tensor) -> int:
    """Compare the spikes of all layers; returns how many there are."""
    network = from_layers(net, x)
    result = network.run(float(len(x)), dt=1.0)
    total = 0
    for name, spikes in recorded(net, x).items():
        k, ids = np.nonzero(spikes)
        np.testing.assert_array_equal(result[name].spikes.steps, k)
        np.testing.assert_array_equal(result[name].spikes.ids, ids)
        total += len(k)
    return total


def test_a_stack_trained_on_digits_fires_the_same():
    digits = pytest.importorskip("sklearn.datasets").load_digits()
    images, labels = torch.tensor(digits.images / 16.0).flatten(1), torch.tensor(digits.target)
    torch.manual_seed(0)
    net = Sequential(
        nn.Identity(), nn.Linear(64, 40).double(), layer(40),
        nn.Linear(40, 10, bias=False).double(), layer(10),
    )  # fmt: skip
    with torch.no_grad():
        net[1].weight.mul_(15.0)
        net[3].weight.mul_(15.0)
    optimiser = torch.optim.Adam(net.parameters(), 2e-2)
    before = None
    for epoch in range(12):
        x = encode.bernoulli(images[:1200], steps=15, seed=epoch).double()
        loss = nn.functional.cross_entropy(net(x)[0].mean(0) * 10, labels[:1200])
        before = loss.item() if before is None else before
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert loss.item() < 0.8 * before  # it has learnt something
    test = encode.bernoulli(images[1200:1205], steps=15, seed=99).double()
    assert sum(require_equal(net, test[:, i]) for i in range(5)) > 100


def test_a_recurrent_layer_and_an_analog_input():
    torch.manual_seed(1)
    net = Sequential(
        nn.Linear(5, 12).double(),
        Recurrent(layer(12, neurons.ALIF), nn.Linear(12, 12).double(), delay=3.0),
        layer(12),
        nn.Linear(12, 4).double(),
        Recurrent(layer(4), nn.Linear(4, 4, bias=False).double()),
    )
    with torch.no_grad():
        net[0].weight.mul_(15.0)
        net[3].weight.mul_(30.0)
        net[1].module.weight.mul_(5.0)
    x = torch.randn(200, 5, dtype=torch.float64)
    assert require_equal(net, x) > 120


def test_single_precision_and_parameters_of_each_neuron():
    torch.manual_seed(2)
    model = neurons.LIF(tau_mem=np.linspace(4.0, 20.0, 6), v_th=0.7)
    net = Sequential(nn.Linear(3, 6), Neurons(model, learn="tau_mem"))
    with torch.no_grad():
        net[0].weight.mul_(12.0)
    x = (torch.rand(300, 3) < 0.4).float()
    network = from_layers(net, x)
    assert network.dtype == np.float32
    result = network.run(300.0, dt=1.0)
    k, ids = np.nonzero(recorded(net, x)["1"])
    assert len(k) > 100
    same = np.intersect1d(k * 6 + ids, result["1"].spikes.steps * 6 + result["1"].spikes.ids)
    assert len(same) > 0.98 * max(len(k), len(result["1"].spikes))  # rounding may move a spike at a tie


@pytest.mark.parametrize("spikes", [True, False])
def test_convolutions_keep_their_kernels(spikes):
    torch.manual_seed(3)
    model = neurons.LIF(v_th=0.6, tau_mem=np.linspace(5.0, 12.0, 4)[:, None, None])
    net = Sequential(
        nn.Conv2d(2, 4, 3, stride=2, padding=1).double(),
        Neurons(model, dtype=torch.float64),
        nn.Conv2d(4, 6, (1, 3), padding="same", groups=2, dilation=(1, 2), bias=False).double(),
        layer(6),
        nn.Flatten(),
        nn.Linear(6 * 4 * 3, 5).double(),
        layer(5),
    )
    with torch.no_grad():
        for number, gain in ((0, 40.0), (2, 60.0), (5, 40.0)):
            net[number].weight.mul_(gain)
    x = (torch.rand(60, 2, 7, 6) < 0.3).double() if spikes else torch.rand(60, 2, 7, 6, dtype=torch.float64)
    assert require_equal(net, x) > 300
    network = from_layers(net, x)
    network.build(1.0)
    kinds = [line.split("synapses, ")[1].split()[0] for line in network.summary().splitlines() if "synapses, " in line]
    assert kinds == (["convolution"] if spikes else []) + ["convolution", "dense"]


def test_a_convolution_along_one_axis():
    torch.manual_seed(4)
    net = Sequential(nn.Conv1d(3, 4, 5, padding="valid").double(), layer(4))
    with torch.no_grad():
        net[0].weight.mul_(10.0)
    assert require_equal(net, (torch.rand(80, 3, 20) < 0.3).double()) > 200


def test_what_cannot_be_converted():
    lif = Neurons(neurons.LIF)
    for stack, shape, text in (
        ((nn.Conv2d(1, 2, 3), lif), (4, 3, 6, 6), r"layer 0, a Conv2d, takes \(1, H, W\), but gets \(3, 6, 6\)"),
        ((nn.Linear(36, 2), lif), (4, 6, 6), r"a Linear, takes \(36\), but gets \(6, 6\); a Flatten is missing"),
        ((nn.Conv2d(1, 2, 3, padding=1, padding_mode="circular"), lif), (4, 1, 6, 6), "padding_mode='circular'"),
        ((nn.Conv2d(1, 2, 2, padding="same"), lif), (4, 1, 6, 6), "pads one side more than the other"),
    ):
        with pytest.raises(InputError, match=text):
            from_layers(Sequential(*stack), torch.zeros(shape))
    with pytest.raises(ShapeError, match=r"x has shape \(3,\); expected \(T, \*N\)"):
        from_layers(Sequential(nn.Linear(3, 2), Neurons(neurons.LIF)), torch.zeros(3))
    with pytest.raises(InputError, match="layer 0 is a AvgPool1d; expected Linear, Conv1d"):
        from_layers(Sequential(nn.AvgPool1d(2), Neurons(neurons.LIF)), torch.zeros(3, 2))
    with pytest.raises(InputError, match="has to end with neurons"):
        from_layers(Sequential(nn.Linear(2, 2)), torch.zeros(3, 2))
    with pytest.raises(InputError, match="layers 0 and 1 are both linear"):
        from_layers(Sequential(nn.Linear(2, 2), nn.Linear(2, 2), Neurons(neurons.LIF)), torch.zeros(3, 2))
