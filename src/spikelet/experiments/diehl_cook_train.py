"""Training and testing the network of Diehl & Cook: passes over images that can be interrupted and gone on with."""

import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from spikelet import progress
from spikelet.errors import DataError
from spikelet.experiments.diehl_cook import PIXELS, Show, network
from spikelet.files import write_atomic
from spikelet.sim.network import Network

CLASSES = 10
BLOCK = 10_000  # images whose answers give the neurons their labels
_KEEP = 2_000  # images from one file to the next


@dataclass(frozen=True)
class Trained:
    """A network after training.

    Attributes:
        weights: (784, n).
        theta: (n,) mV.
        labels: (n,) the class to which each neuron answered most in the last images of training.
        curve: (K, 2) images so far, and the accuracy in a block of images with labels from the block before.
        shown: Images shown, those that were shown again included.
    """

    weights: np.ndarray
    theta: np.ndarray
    labels: np.ndarray
    curve: np.ndarray
    shown: int


def assigned(answers: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """Return the class that each neuron answers to with the most spikes on average, (n,).

    Args:
        answers: (K, n) spikes.
        classes: (K,) of the images.
    """
    means = [answers[classes == c].mean(0) if (classes == c).any() else np.zeros(answers.shape[1]) for c in range(10)]
    return np.argmax(means, axis=0)


def predicted(answers: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return the class whose neurons answer most on average, (K,)."""
    means = [answers[:, labels == c].mean(1) if (labels == c).any() else np.zeros(len(answers)) for c in range(CLASSES)]
    return np.argmax(means, axis=0)


class Training:
    """Passes over images, one after the other.

    Args:
        n: Number of excitatory neurons.
        images: (K, 784) uint8.
        classes: (K,) of the images.
        seed: Of weights and spikes.
        folder: Where what has been done is kept, and gone on with; None keeps nothing.
    """

    def __init__(self, n: int, images: np.ndarray, classes: np.ndarray, seed: int, folder: Path | None = None):
        self.n, self.images, self.classes, self.seed, self.folder = n, images, classes, seed, folder
        self.block = min(BLOCK, len(images))
        self.answers = np.zeros((2, self.block, n), np.uint8)  # to the block before, and to this one
        self.curve: list[tuple[int, float]] = []
        self.done = 0
        self.net: Network = network(n, seed)
        if folder is not None:
            self._restore(folder)

    def run(self, passes: int) -> Trained:
        """Go on until there have been so many passes."""
        last = passes * len(self.images)
        step = min(_KEEP, self.block)
        with progress.bar(last, unit="images", done=self.done) as bar:
            while self.done < last:
                begin = self.done
                end = min(last, (begin // step + 1) * step, (begin // len(self.images) + 1) * len(self.images))
                Show(self.net, learns=True, done=self._note).run(self.images[np.arange(begin, end) % len(self.images)])
                self._look()
                self._save()
                bar.update(end - begin)
        return self.trained()

    def trained(self) -> Trained:
        """Return the network as it is."""
        weights = self.net.projections["image"].weights().reshape(PIXELS, self.n)
        known = min(self.done, self.block)
        numbers = np.arange(self.done - known, self.done)
        answers = self.answers[numbers // self.block % 2, numbers % self.block]
        labels = assigned(answers, self.classes[numbers % len(self.images)])
        return Trained(weights, self.net["E"]["theta"], labels, np.array(self.curve).reshape(-1, 2), self.shown)

    @property
    def shown(self) -> int:
        """Images shown so far, those that were shown again included."""
        return round(self.net.t / 500)

    def _note(self, _: int, answer: np.ndarray) -> None:
        self.answers[self.done // self.block % 2, self.done % self.block] = np.minimum(answer, 255)
        self.done += 1

    def _look(self) -> None:
        """Test a block that is whole with the labels of the one before it."""
        if self.done % self.block == 0 and self.done >= 2 * self.block:
            now = self.done // self.block - 1
            before, own = (self._classes(number) for number in (now - 1, now))
            labels = assigned(self.answers[(now - 1) % 2], before)
            right = predicted(self.answers[now % 2], labels) == own
            self.curve.append((self.done, float(right.mean())))

    def _classes(self, block: int) -> np.ndarray:
        return self.classes[np.arange(block * self.block, (block + 1) * self.block) % len(self.images)]

    # --- files --------------------------------------------------------------------------------------------------------

    def _names(self, folder: Path, done: int) -> tuple[Path, Path]:
        stem = f"n{self.n}-seed{self.seed}-{done:08d}"
        return folder / f"{stem}.npz", folder / f"{stem}.safetensors"

    def _save(self) -> None:
        if self.folder is None:
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        log, net = self._names(self.folder, self.done)
        content = io.BytesIO()
        about: dict[str, Any] = {"images": len(self.images), "curve": self.curve}
        np.savez_compressed(content, answers=self.answers, about=np.array(json.dumps(about)))
        write_atomic(log, content.getvalue())
        self.net.save(net)  # the network last: where it is, the other one is
        for old in self.folder.glob(f"n{self.n}-seed{self.seed}-*"):
            if old.stem != net.stem:
                old.unlink()

    def _restore(self, folder: Path) -> None:
        found = sorted(folder.glob(f"n{self.n}-seed{self.seed}-*.safetensors"))
        if not found:
            return
        self.done = int(found[-1].stem.rsplit("-", 1)[1])
        log, net = self._names(folder, self.done)
        with np.load(log) as kept:
            about = json.loads(str(kept["about"]))
            self.answers = kept["answers"]
        if about["images"] != len(self.images) or self.answers.shape[1:] != (self.block, self.n):
            raise DataError(f"{net} was trained on {about['images']:,} images, not on {len(self.images):,}")
        self.curve = [(int(done), share) for done, share in about["curve"]]
        self.net = Network.load(net)


def answered(trained: Trained, images: np.ndarray, seed: int) -> np.ndarray:
    """Return the spikes of each neuron for each image, (K, n), without learning."""
    found = np.zeros((len(images), len(trained.theta)), np.float32)
    show = Show(network(len(trained.theta), seed, trained.weights, trained.theta), learns=False, done=found.__setitem__)
    show.run(images)
    return found
