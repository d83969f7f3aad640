"""Behind a layer with memory="low" a linear layer keeps one bit of each spike for its backward pass."""

import torch
from torch import nn

from spikelet import neurons
from spikelet.nn import Neurons, Sequential


def stack(memory: str) -> Sequential:
    torch.manual_seed(0)
    lif = neurons.LIF(tau_mem=5.0)
    return Sequential(
        nn.Linear(20, 77), Neurons(lif, memory=memory), nn.Linear(77, 33), Neurons(lif, memory=memory), nn.Linear(33, 5)
    )


def test_a_linear_layer_behind_low_memory_keeps_a_bit_of_each_spike():
    x = 6 * torch.rand(30, 4, 20, generator=torch.Generator().manual_seed(1))
    gradients, sizes = [], []
    for memory in ("fast", "low"):
        kept: list[torch.Tensor] = []
        net = stack(memory)
        with torch.autograd.graph.saved_tensors_hooks(lambda t, kept=kept: kept.append(t) or t, lambda t: t):
            y, _ = net(x)
        assert y.any()
        y.square().sum().backward()
        gradients.append([p.grad for p in net.parameters()])
        sizes.append(sorted(t.numel() for t in kept if t.dtype == torch.uint8 and t.ndim == 2))
    assert sizes == [[], [120 * 5, 120 * 10]]  # rows of 33 and of 77 bits
    for one, two in zip(*gradients, strict=True):
        torch.testing.assert_close(one, two, rtol=0, atol=0)


def test_bits_are_kept_only_where_something_learns():
    net = stack("low")
    for parameter in net.parameters():
        parameter.requires_grad_(False)
    x = (6 * torch.rand(30, 4, 20)).requires_grad_()
    kept: list[torch.Tensor] = []
    with torch.autograd.graph.saved_tensors_hooks(lambda t: kept.append(t) or t, lambda t: t):
        net(x)
    assert not [t for t in kept if t.dtype == torch.uint8 and t.ndim == 2]
