"""One process or several under ``torchrun``, which start the same command line and compute the same thing.

The batch size counts the images of all processes together: each batch is split among them, and the gradients of the
parts, each divided by the size of the whole batch, are summed. So an uneven last batch needs no special case, a process
without a share adds zeros, and all of them take the same number of steps. What else they must agree on in a step (its
loss, the wish to stop) rides in the same message.
"""

import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from spikelet.errors import BackendError, SpikeletError

if TYPE_CHECKING:
    from torch import Tensor

TIMEOUT = timedelta(minutes=5)  # a process that is late by more than this is taken for dead
T = TypeVar("T")


@dataclass(frozen=True)
class World:
    """The processes of this run and this one's place among them.

    Attributes:
        rank: this process, from 0.
        size: their number.
        device: where this process computes, as torch names it.
    """

    rank: int = 0
    size: int = 1
    device: str = "cpu"

    @property
    def first(self) -> bool:
        """Whether this process writes and prints."""
        return self.rank == 0

    def share(self, items: "Tensor") -> "Tensor":
        """Return this process's part of a batch: every ``size``-th item, none where there are too few."""
        return items[self.rank :: self.size]

    def sum(self, tensors: "Sequence[Tensor]") -> "list[Tensor]":
        """Add tensors over all processes, in one message.

        Args:
            tensors: of the same shapes and dtype in every process.

        Returns:
            Their sums, the same bits in every process.

        Raises:
            BackendError: another process has ended or does not answer.
        """
        import torch

        if self.size == 1:
            return list(tensors)
        flat = torch.cat([tensor.reshape(-1) for tensor in tensors])
        with _others_alive():
            torch.distributed.all_reduce(flat)
        parts = flat.split([tensor.numel() for tensor in tensors])
        return [part.view_as(tensor) for part, tensor in zip(parts, tensors, strict=True)]

    def on_first(self, function: Callable[[], T]) -> T:
        """Run ``function`` in process 0; every process gets its value, or its ``SpikeletError``."""
        import torch

        if self.size == 1:
            return function()
        box: list[Any] = [None, None]
        if self.first:
            try:
                box[0] = function()
            except SpikeletError as error:
                box[1] = error
        with _others_alive():
            torch.distributed.broadcast_object_list(box, src=0, device=torch.device(self.device))
        if box[1] is not None:
            raise box[1]
        return box[0]


@contextmanager
def _others_alive() -> Iterator[None]:
    try:
        yield
    except RuntimeError as error:
        reason = str(error).splitlines()[0]
        raise BackendError(f"another process of this run has ended or does not answer ({reason})") from error


@contextmanager
def world(device: str = "auto") -> Iterator[World]:
    """Join the processes that ``torchrun`` started, or be alone.

    Args:
        device: ``"cpu"``, ``"cuda"``, ``"cuda:1"`` or ``"auto"`` (a GPU where there is one).

    Raises:
        BackendError: the device is not there, or the other processes are not.
    """
    import torch.distributed as dist

    size, rank = int(os.environ.get("WORLD_SIZE", "1")), int(os.environ.get("RANK", "0"))
    place = _device(device)
    if size == 1:
        yield World(device=place)
        return
    with _others_alive():
        dist.init_process_group("nccl" if place.startswith("cuda") else "gloo", timeout=TIMEOUT)
    try:
        yield World(rank, size, place)
    finally:
        dist.destroy_process_group()


def _device(name: str) -> str:
    import torch

    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name == "cuda":
        name = f"cuda:{os.environ.get('LOCAL_RANK', '0')}"
    try:
        torch.zeros(1, device=name)
    except (RuntimeError, AssertionError) as error:
        raise BackendError(f"device '{name}' is not available here: {str(error).splitlines()[0]}") from error
    return name


class StopRequest:
    """Turns Ctrl-C and SIGTERM into a wish that the loop grants after the current step.

    A second Ctrl-C ends a lone process at once. Under ``torchrun`` it is ignored, because there the launcher passes
    on the signal that the terminal has already delivered.
    """

    def __init__(self, *, alone: bool) -> None:
        self.alone = alone
        self.signal: int | None = None

    def __enter__(self) -> "StopRequest":
        heard = threading.current_thread() is threading.main_thread()  # elsewhere Python allows no handler
        signals = (signal.SIGINT, signal.SIGTERM) if heard else ()
        self._before = {number: signal.signal(number, self._note) for number in signals}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _note(self, number: int, _frame: object) -> None:
        if self.signal is not None and self.alone:
            raise KeyboardInterrupt
        self.signal = number
