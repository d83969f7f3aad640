"""How well neurons that learn digits without labels answer, while they learn."""

from dataclasses import dataclass

import numpy as np

from spikelet import decode

CLASSES = 10
BLOCK = 10_000  # images whose answers tell what the neurons stand for


@dataclass(frozen=True)
class Trained:
    """Neurons after training.

    Attributes:
        weights: (n, 784).
        theta: (n,) mV.
        curve: (K, 2) images so far, and the accuracy [%] in a block of images with labels from the block before.
    """

    weights: np.ndarray
    theta: np.ndarray
    curve: np.ndarray


class Curve:
    """Takes the answers to images one after the other; each block is judged by labels from the block before.

    Args:
        labels: (K,) classes of the images, which come in this order, again and again.
        n: Number of neurons.
        block: Images of a block; of few images at most half of them.
    """

    def __init__(self, labels: np.ndarray, n: int, block: int = BLOCK):
        self.labels, self.block = labels, min(block, len(labels) // 2)
        self.answers = np.zeros((2, self.block, n), np.float32)
        self.found: list[tuple[int, float]] = []

    def add(self, numbers: np.ndarray, answers: np.ndarray) -> None:
        """Take spikes of each neuron, (B, n); ``numbers`` (B,) count up from 0, and go on in a further pass."""
        for number, answer in zip(numbers, answers, strict=True):
            self.answers[number // self.block % 2, number % self.block] = answer
            blocks, rest = divmod(int(number) + 1, self.block)
            if blocks >= 2 and not rest:
                self.found.append((int(number) + 1, self._accuracy(blocks - 1)))

    def _accuracy(self, now: int) -> float:
        """Return the accuracy in a block [%]."""
        own, before = (
            self.labels[np.arange(k * self.block, (k + 1) * self.block) % len(self.labels)] for k in (now, now - 1)
        )
        shares = decode.assign_classes(self.answers[None, (now - 1) % 2], before, CLASSES)
        return 100 * float((decode.classify_vote(self.answers[None, now % 2], shares) == own).mean())

    @property
    def rows(self) -> np.ndarray:
        """(K, 2) images so far, and accuracies [%]."""
        return np.array(self.found).reshape(-1, 2)
