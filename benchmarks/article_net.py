"""One training step of the introductory article's network: 784-1000-10, 25 steps, batch 128, one image, Adam.

Claim: >= 5x snnTorch written as in the article, where the first layer sees the same image at every step. Our network is
the recipe ``article`` of ``spikelet train mnist``; given an image that does not change, it passes the first Linear
once. The floor is the products with that layer computed once, and the step of Adam. So does the hand-written loop; the
other peers multiply the image at every step, as their documentation does. The loss of all is the cross-entropy of the
membrane of the output layer, summed over the steps. The readouts of snnTorch and ours spike, those of the others only
integrate; what the neurons of the peers have in common with ours is told in benchmarks/lif_layer.py.
"""

from collections.abc import Callable, Iterator
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

import spikelet as sl
from benchmarks import floors, harness, networks, peers
from benchmarks.harness import FLOOR, OURS, Bound
from benchmarks.race import Job, race

SHAPE, QUICK = (25, 128, 784, 1000, 10), (5, 16, 50, 60, 10)  # steps, batch, inputs, hidden, classes
LR = 5e-4
BOUNDS = (Bound("snntorch", at_least=5),)


def ours(inputs: int, hidden: int, classes: int) -> nn.Module:
    """The network of the recipe."""
    leaky = sl.neurons.LeakyDelayed
    return sl.nn.Sequential(
        nn.Linear(inputs, hidden),
        sl.nn.Neurons(leaky),
        nn.Linear(hidden, classes),
        sl.nn.Neurons(leaky, output="v"),
    )


def hoisted(net: nn.Module, steps: int) -> Callable[[Tensor], Tensor]:
    """Pass the first layer of a network once; what follows sees its output at every step."""
    first, *others = net.children()
    rest = nn.Sequential(*others)
    return lambda image: rest(first(image).expand(steps, -1, -1))


def jobs(shape: tuple[int, ...], names: tuple[str, ...]) -> tuple[dict[str, Job], dict[str, str]]:
    """Return the contestants, and why others are missing."""
    torch.manual_seed(0)
    steps, batch, *sizes = shape
    image, labels = torch.rand(batch, sizes[0]), torch.randint(sizes[-1], (batch,))
    sequence = image.expand(steps, *image.shape)
    found, missing = peers.load(names)

    def loss(membrane: Tensor) -> Tensor:
        spread = F.cross_entropy(membrane.flatten(0, 1), labels.repeat(steps), reduction="none")
        return spread.unflatten(0, (steps, batch)).mean(1).sum()

    def step(net: nn.Module, run: Callable[[Tensor], Any] | None = None, x: Tensor = sequence) -> Job:
        adam = torch.optim.Adam(net.parameters(), lr=LR, betas=(0.9, 0.999))
        return networks.training(run or net, x, loss=loss, optimizer=adam, clear=net.parameters())

    mine = ours(*sizes)
    contestants = {OURS: step(mine)}
    for name, peer in found.items():
        if name not in peers.TORCH:
            contestants[name] = peer.article(image.numpy(), labels.numpy(), *sizes[1:], steps, LR)
            continue
        net = peer.ArticleNet(*sizes, steps) if name == "snntorch" else networks.article(peer, *sizes)
        networks.share_weights(mine, [net])
        if name == "torch_loop":
            contestants[name] = step(net, hoisted(net, steps), x=image)
        else:
            contestants[name] = step(net, x=image if name == "snntorch" else sequence)
    return contestants | {FLOOR: floors.article(image, *sizes[1:], steps)}, missing


def lines(options: harness.Options) -> Iterator[dict[str, Any]]:
    """Race."""
    shape = QUICK if options.quick else SHAPE
    contestants, missing = jobs(shape, options.peers)
    times = race(contestants, rounds=options.rounds)
    yield harness.line("article_net", shape, times, BOUNDS, missing=missing, packages=peers.PACKAGES)


if __name__ == "__main__":
    chosen = harness.options(__doc__, rounds=21, peers=peers.ALL)
    harness.finish(lines(chosen), record=chosen.record)
