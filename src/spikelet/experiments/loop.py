"""The training loop: one step after the other, in one process or several."""

import math
from typing import TYPE_CHECKING

import numpy as np

from spikelet import random
from spikelet.errors import NumericsError
from spikelet.experiments import checkpoint
from spikelet.experiments.batch import Data
from spikelet.experiments.distributed import World
from spikelet.experiments.recipes import Recipe

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from spikelet import nn


class Loop:
    """A network in training.

    All that it knows is in `step`, in the tensors of the network and its optimiser, and in `losses`; from these it
    continues as if it had never been interrupted.

    Args:
        recipe: how to train.
        network: what to train.
        images: what to train on.
        world: the processes that take part.

    Attributes:
        step: training steps done.
        total: training steps of the whole run.
        batches: training steps of an epoch.
        losses: mean loss of each step done.
        correct: training images of the present epoch that were classified correctly when they were met.
    """

    def __init__(self, recipe: Recipe, network: "nn.Sequential", images: Data, world: World):
        import torch

        self.recipe, self.network, self.images, self.world = recipe, network, images, world
        self.optimiser = torch.optim.Adam(network.parameters(), lr=recipe.lr, betas=recipe.betas)
        self.batches = math.ceil(len(images) / recipe.batch_size)
        self.total = self.batches * recipe.epochs
        self.step = 0
        self.losses: list[float] = []
        self.correct = 0
        self._order = (-1, np.empty(0, np.int64))  # epoch and the order of its images

    @property
    def epoch(self) -> int:
        """The epoch of the next step, from 0."""
        return self.step // self.batches

    @property
    def at_epoch_end(self) -> bool:
        """Whether the step just done was the last of an epoch."""
        return self.step > 0 and self.step % self.batches == 0

    def advance(self, *, stop: bool = False) -> bool:
        """Do one training step.

        Args:
            stop: this process wishes to stop.

        Returns:
            Whether any process wishes to stop; the same in all of them.

        Raises:
            NumericsError: the loss is not finite.
            BackendError: another process has ended.
        """
        import torch

        if self.step % self.batches == 0:
            self.correct = 0
        gradients, (loss, correct, stops) = self.gradients(self.batch(), stop=stop)
        if not math.isfinite(loss):
            raise NumericsError(
                f"the loss is {loss} in step {self.step + 1} (epoch {self.epoch + 1}); try a smaller --lr"
            )
        for weight, gradient in zip(self.network.parameters(), gradients, strict=True):
            weight.grad = gradient
        if self.recipe.clip is not None:  # the sum over all processes, so that each shortens it alike
            torch.nn.utils.clip_grad_norm_(self.network.parameters(), self.recipe.clip)
        for group in self.optimiser.param_groups:
            group["lr"] = self.learning_rate()
        self.optimiser.step()
        self.step += 1
        self.losses.append(loss)
        self.correct += int(correct)
        return stops > 0

    def gradients(self, batch: "Tensor", *, stop: bool = False) -> "tuple[list[Tensor], list[float]]":
        """Return the gradients of the mean loss of a batch, and what else the processes must agree on.

        Args:
            batch: (B,) indices of the images of all processes.
            stop: this process wishes to stop.

        Returns:
            One gradient for each weight; and mean loss, correct answers, number of processes that wish to stop. They
            are the same in all processes.
        """
        self.optimiser.zero_grad()
        loss, correct = self._backward(batch)
        told = loss.new_tensor([loss.item(), correct, stop])
        *sums, told = self.world.sum([*(_gradient(weight) for weight in self.network.parameters()), told])
        return sums, told.tolist()

    def learning_rate(self) -> float:
        """Return the step size of the next step."""
        if self.recipe.schedule == "constant":
            return self.recipe.lr
        return self.recipe.lr * (1 + math.cos(math.pi * self.step / self.total)) / 2

    def batch(self) -> "Tensor":
        """Return the indices of the images of the next step, those of all processes."""
        import torch

        if self._order[0] != self.epoch:
            self._order = self.epoch, random.permutation(self.recipe.seed, len(self.images), self.epoch)
        order = self._order[1]
        first = self.step % self.batches * self.recipe.batch_size
        return torch.from_numpy(order[first : first + self.recipe.batch_size])

    def _backward(self, batch: "Tensor") -> "tuple[Tensor, int]":
        """Leave in the weights the gradients of this process's share of the mean loss; return that share."""
        import torch

        mine = self.world.share(batch).to(self.images.labels.device)
        if not len(mine):
            return torch.zeros((), device=mine.device), 0
        x, samples, lengths = self.images.encode(self.recipe, mine, self.epoch, shift=True)
        membrane, _ = self.network(x, seed=self.recipe.seed + self.epoch, samples=samples)
        labels = self.images.labels[mine]
        loss = self.recipe.loss_of(membrane, labels, lengths) * (len(mine) / len(batch))
        loss.backward()
        return loss.detach(), int((self.recipe.scores(membrane.detach(), lengths).argmax(1) == labels).sum())

    def tensors(self) -> "dict[str, Tensor]":
        """Return the tensors of a checkpoint."""
        import torch

        return checkpoint.pack(self.network, self.optimiser) | {
            "losses": torch.tensor(self.losses, dtype=torch.float64)
        }

    def restore(self, step: int, tensors: "dict[str, Tensor]", correct: int) -> None:
        """Continue from the tensors of a checkpoint."""
        self.losses = tensors.pop("losses").tolist()
        self.step, self.correct = step, correct
        checkpoint.unpack(tensors, self.network, self.optimiser)


def _gradient(weight: "torch.nn.Parameter") -> "Tensor":
    return weight.grad if weight.grad is not None else weight.new_zeros(weight.shape)
