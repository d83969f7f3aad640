"""The networks of the benchmarks: built from the parts of a peer, and turned into jobs that run them.

Every peer gets its Linear and convolutions over all steps at once, which is faster than in the loop over the steps
where its documentation may put them, and the same upstream gradient as ours.
"""

from collections.abc import Callable, Iterable
from types import ModuleType
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.race import Job

Loss = Callable[[Tensor], Tensor]


class Folded(nn.Module):
    """A module without a state on all steps at once: (T, B, *N) goes in as (T*B, *N)."""

    def __init__(self, *modules: nn.Module):
        super().__init__()
        self.modules_ = nn.Sequential(*modules)

    def forward(self, x: Tensor) -> Tensor:
        """Run a sequence (T, B, *N)."""
        return self.modules_(x.flatten(0, 1)).unflatten(0, x.shape[:2])


def linear_lif(peer: ModuleType, size: int) -> nn.Module:
    """Linear(size, size), spikes."""
    return nn.Sequential(nn.Linear(size, size, bias=False), peer.lif((size,)))


def article(peer: ModuleType, inputs: int, hidden: int, classes: int) -> nn.Module:
    """Linear, spikes, Linear, membrane."""
    first, second = nn.Linear(inputs, hidden), nn.Linear(hidden, classes)
    return nn.Sequential(first, peer.lif((hidden,)), second, peer.readout(classes))


def rsnn(peer: ModuleType, inputs: int, hidden: int, classes: int) -> nn.Module:
    """Linear, recurrent spikes, Linear, membrane."""
    first, second = nn.Linear(inputs, hidden), nn.Linear(hidden, classes)
    return nn.Sequential(first, peer.recurrent(hidden), second, peer.readout(classes))


def conv(peer: ModuleType) -> nn.Module:
    """12C5-MP2-64C5-MP2-10 on 28 x 28: each convolution is pooled, then spikes."""
    return nn.Sequential(
        Folded(nn.Conv2d(1, 12, 5), nn.MaxPool2d(2)),
        peer.lif((12, 12, 12)),
        Folded(nn.Conv2d(12, 64, 5), nn.MaxPool2d(2)),
        peer.lif((64, 4, 4)),
        Folded(nn.Flatten(), nn.Linear(1024, 10)),
        peer.lif((10,)),
    )


def share_weights(model: nn.Module, others: Iterable[nn.Module]) -> None:
    """Give the layers of other networks the weights of the layer of ``model`` that has the same shape."""
    known = {m.weight.shape: m.state_dict() for m in model.modules() if isinstance(m, nn.Linear | nn.Conv2d)}
    for net in others:
        for module in net.modules():
            if isinstance(module, nn.Linear | nn.Conv2d):
                module.load_state_dict(known[module.weight.shape])


def training(
    network: Callable[[Tensor], Any],
    x: Tensor,
    upstream: Tensor | None = None,
    *,
    loss: Loss | None = None,
    optimizer: torch.optim.Optimizer | None = None,
    clear: Iterable[Tensor] = (),
) -> Job:
    """Return the job of one forward and backward pass.

    Args:
        network: takes ``x``; a tuple (output, state), as our layers return, counts as its output.
        x: input (T, B, *N).
        upstream: gradient of the output, in place of a loss.
        loss: of the output; a scalar.
        optimizer: makes a step in the backward pass.
        clear: tensors whose gradient is dropped before the clock starts.
    """
    cleared = list(clear)

    def prepare() -> None:
        for tensor in cleared:
            tensor.grad = None

    def forward() -> Tensor:
        result = network(x)
        output = result[0] if isinstance(result, tuple) else result
        return output if loss is None else loss(output)

    def backward(result: Tensor) -> None:
        result.backward(upstream)
        if optimizer is not None:
            optimizer.step()

    return Job(forward, backward, prepare=prepare, wait=torch.cuda.synchronize if x.is_cuda else lambda: None)


def rate(job: Job) -> float:
    """Return the mean output of a job: of spikes, their number per neuron and step."""
    job.prepare()
    result = job.forward()
    return round(float(result.detach().mean() if isinstance(result, Tensor) else result.mean()), 4)
