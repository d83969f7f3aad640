"""``spikelet train``: a recipe, a folder, and all the rest joined.

    prepare the folder -> read the images -> build the network -> (take up the checkpoint) -> steps, each epoch ending
    with a test -> numbers and figures

Under ``torchrun`` every process runs this; the first one alone writes and prints. The network of the last epoch is the
one that is reported: the test images choose nothing.
"""

import dataclasses
import signal
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spikelet import progress
from spikelet.experiments import checkpoint, folder as files, report
from spikelet.experiments.architecture import build
from spikelet.experiments.batches import load
from spikelet.experiments.distributed import StopRequest, World, world
from spikelet.experiments.evaluate import Evaluation, evaluate
from spikelet.experiments.loop import Loop
from spikelet.experiments.recipes import Recipe

if TYPE_CHECKING:
    from spikelet import nn


_GRAIN = 32768  # elements of an operation from which torch splits it; below, a second thread only waits, and busily


@dataclass(frozen=True)
class Options:
    """How a run is carried out; none of it changes the result, but for the last bits.

    Attributes:
        out: folder of the run.
        resume: continue the run in `out`.
        overwrite: replace the run in `out`.
        device: "auto", "cpu", "cuda", "cuda:1".
        threads: of torch in each process, or None to choose by the size of the network.
        checkpoint_every: steps between checkpoints, besides that of every epoch.
        figures: whether to draw.
    """

    out: Path
    resume: bool = False
    overwrite: bool = False
    device: str = "auto"
    threads: int | None = None
    checkpoint_every: int = 200
    figures: bool = True


@dataclass(frozen=True)
class Outcome:
    """How a run ended.

    Attributes:
        metrics: of a finished run, else None.
        stopped: number of the signal that stopped it, else None.
        step: steps done.
        first: whether this process is the one that prints.
    """

    metrics: report.Metrics | None
    stopped: int | None
    step: int
    first: bool


def train(recipe: Recipe, options: Options) -> Outcome:
    """Train the network of a recipe in the folder ``options.out``.

    Raises:
        InputError: the folder holds another run, or none to resume.
        DataError: images are missing, the folder or the disk refuses a file, a checkpoint is damaged.
        NumericsError: the loss became NaN or infinite.
        BackendError: no such device, or another process has ended.
    """
    with _threads(recipe, options), world(options.device) as here, ExitStack() as stack:
        run = Run(recipe, options, here)  # reads the images: a folder is made only for a run that can begin
        here.on_first(lambda: _open_folder(recipe, options, stack))
        if options.resume:
            run.take_up()
        return run.finish()


@contextmanager
def _threads(recipe: Recipe, options: Options) -> Iterator[None]:
    """Give torch the threads that were asked for, and one alone where it would find nothing to split."""
    import torch

    before = torch.get_num_threads()
    small = recipe.network != "convolution" and recipe.batch_size * max(recipe.hidden) < _GRAIN
    torch.set_num_threads(options.threads or (1 if small else before))
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _open_folder(recipe: Recipe, options: Options, stack: ExitStack) -> None:
    if not options.resume:
        files.make(options.out)
    if options.out.is_dir():  # where it is not, `prepare` says so
        stack.enter_context(files.locked(options.out))
    files.prepare(options.out, recipe.to_json(), resume=options.resume, overwrite=options.overwrite)


class Run:
    """One run: its loop, its images and its history."""

    def __init__(self, recipe: Recipe, options: Options, here: World):
        self.recipe, self.options, self.here = recipe, options, here
        self.training, self.test, self.classes = load(recipe, here.device)
        self.network: nn.Sequential = build(recipe, self.training.inputs, len(self.classes)).to(here.device)
        self.loop = Loop(recipe, self.network, self.training, here)
        self.accuracy: dict[str, list[float]] = {"training": [], "test": []}
        self.seconds = 0.0
        self.result: Evaluation | None = None

    def take_up(self) -> None:
        """Continue from the checkpoint in the folder; begin where there is none yet."""
        found = checkpoint.load(self.options.out)
        if found is None:
            return
        step, tensors, record = found
        self.loop.restore(step, tensors, record["correct"])
        self.accuracy, self.seconds = record["accuracy"], record["seconds"]

    def finish(self) -> Outcome:
        """Train to the end, or until asked to stop."""
        with StopRequest(alone=self.here.size == 1) as stop, self._bar() as bar:
            stopping = self._steps(stop, bar)
        if stopping and self.loop.step < self.loop.total:
            return Outcome(None, stop.signal or signal.SIGTERM, self.loop.step, self.here.first)
        result = self.result or self._test()
        numbers = report.metrics(self.recipe, result, self.seconds)
        self.here.on_first(lambda: self._report(numbers, result))
        return Outcome(numbers, None, self.loop.step, self.here.first)

    def _steps(self, stop: StopRequest, bar: Any) -> bool:
        """Advance to the end of the training or to a wish to stop; return whether there was one."""
        stopping, began = False, time.perf_counter() - self.seconds
        while self.loop.step < self.loop.total and not stopping:
            stopping = self.loop.advance(stop=stop.signal is not None)
            if self.here.size == 1:  # several agree on it in their next step
                stopping = stop.signal is not None
            if self.loop.at_epoch_end:
                self._end_epoch()
            self.seconds = time.perf_counter() - began
            if stopping or self.loop.at_epoch_end or self.loop.step % self.options.checkpoint_every == 0:
                self.here.on_first(self._save)
            bar.update()
            bar.set_postfix(self._progress(), refresh=False)
        return stopping

    def _end_epoch(self) -> None:
        self.result = self._test()
        self.accuracy["training"].append(self.loop.correct / len(self.training))
        self.accuracy["test"].append(self.result.accuracy)

    def _test(self) -> Evaluation:
        return evaluate(self.recipe, self.network, self.test, len(self.classes), self.here)

    def _save(self) -> None:
        record = {"accuracy": self.accuracy, "correct": self.loop.correct, "seconds": self.seconds}
        checkpoint.save(self.options.out, self.loop.step, self.loop.tensors(), record)

    def _report(self, numbers: report.Metrics, result: Evaluation) -> None:
        files.write_json(self.options.out / files.METRICS, dataclasses.asdict(numbers))
        if self.options.figures:
            history = {"losses": self.loop.losses, **self.accuracy}
            report.write_figures(self.options.out, self.recipe, self.network, self.test, self.classes, result, history)

    def _progress(self) -> dict[str, str]:
        shown = {"epoch": f"{min(self.loop.epoch + 1, self.recipe.epochs)}", "loss": f"{self.loop.losses[-1]:.3f}"}
        return shown | ({"test": f"{100 * self.accuracy['test'][-1]:.2f} %"} if self.accuracy["test"] else {})

    def _bar(self) -> AbstractContextManager[Any]:
        """Show a progress bar, where somebody is looking."""
        show = None if self.here.first else False
        return progress.bar(self.loop.total, unit="steps", done=self.loop.step, show=show)
