"""The physical limits of the workloads, measured beside them with torch's own operators."""

import torch
from torch import Tensor, nn

from benchmarks.networks import Folded, training
from benchmarks.race import Job


def memory(like: Tensor) -> Job:
    """Move 24 bytes per element: six streams of float32, those of a fused layer that saves its state.

    ``torch.add`` reads two tensors and writes a fresh one, three streams. Forward they stand for the input, the spikes
    and the saved state; backward for the gradient of the spikes, the saved state and the gradient of the input.
    """
    one, other = torch.rand_like(like).detach(), torch.rand_like(like).detach()
    add = torch.add
    wait = torch.cuda.synchronize if like.is_cuda else lambda: None
    return Job(lambda: add(one, other), lambda _: add(one, other), wait=wait)


def linear(x: Tensor, outputs: int) -> Job:
    """The products of a first Linear on (T, B, N): forward and the gradient of its weight."""
    rows, weight = x.detach().flatten(0, 1), torch.rand(outputs, x.shape[-1])
    gradient = torch.rand(len(rows), outputs)
    return Job(lambda: torch.mm(rows, weight.T), lambda _: torch.mm(gradient.T, rows))


def article(image: Tensor, hidden: int, classes: int, steps: int) -> Job:
    """The products of the article's network with its first layer computed once, and the step of Adam."""
    first, second = torch.rand(hidden, image.shape[1]), torch.rand(classes, hidden)
    weights = [nn.Parameter(torch.rand_like(weight)) for weight in (first, second)]
    adam = torch.optim.Adam(weights, lr=5e-4)
    spikes, scores = torch.rand(steps * len(image), hidden), torch.rand(steps * len(image), classes)
    once = torch.rand(len(image), hidden)

    def forward() -> None:
        torch.mm(image, first.T)
        torch.mm(spikes, second.T)

    def backward(_: None) -> None:
        torch.mm(scores, second)
        weights[1].grad = torch.mm(scores.T, spikes)
        weights[0].grad = torch.mm(once.T, image)
        adam.step()

    return Job(forward, backward)


def rsnn(x: Tensor, hidden: int, classes: int) -> Job:
    """The products of the recurrent network: those of its recurrence step by step, its weight gradient as one."""
    steps, batch, inputs = x.shape
    rows = x.flatten(0, 1)
    first, again, last = (torch.rand(*s) for s in ((hidden, inputs), (hidden, hidden), (classes, hidden)))
    spikes, scores = torch.rand(steps * batch, hidden), torch.rand(steps * batch, classes)
    step = torch.rand(batch, hidden)

    def forward() -> None:
        torch.mm(rows, first.T)
        for _ in range(steps):
            torch.mm(step, again.T)
        torch.mm(spikes, last.T)

    def backward(_: None) -> None:
        torch.mm(scores, last)
        torch.mm(scores.T, spikes)
        for _ in range(steps):
            torch.mm(step, again)
        torch.mm(spikes.T, spikes)  # the gradient of the recurrent weight
        torch.mm(spikes.T, rows)

    return Job(forward, backward)


def conv(x: Tensor, upstream: Tensor) -> Job:
    """The convolutional network without neurons: both convolutions, both poolings, the Linear, on all steps at once."""
    net = Folded(
        nn.Conv2d(1, 12, 5), nn.MaxPool2d(2), nn.Conv2d(12, 64, 5), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(1024, 10)
    )
    return training(net, x, upstream, clear=net.parameters())
