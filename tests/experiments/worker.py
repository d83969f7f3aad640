"""A process of a run that the tests let go wrong: ``python worker.py MODE ARGUMENT [arguments of spikelet]``.

kill STEP ...       dies by SIGKILL before that step
fail STEP ...       process 1 raises before that step
gradients FILE      stores the gradients of some batches; then process 0 fails where all wait for it
run - ...           the command itself
"""

import os
import signal
import sys
from pathlib import Path

BATCHES = (128, 33, 1)  # even; uneven; the second process of two goes without


def gradients(file: Path | None) -> list:
    """Gradients of the first images of digits, which enter as random spikes, and store them by process 0."""
    import torch
    from safetensors.torch import save_file

    from spikelet.experiments import architecture, recipes
    from spikelet.experiments.batches import load
    from spikelet.experiments.distributed import world
    from spikelet.experiments.loop import Loop

    recipe = recipes.find("digits").changed(encoder="bernoulli", shift=1)
    found = []
    with world("cpu") as here:
        training, _, classes = load(recipe, "cpu")
        loop = Loop(recipe, architecture.build(recipe, 64, len(classes)), training, here)
        for size in BATCHES:
            sums, told = loop.gradients(torch.arange(size))
            found.append([*sums, torch.tensor(told)])
        if file is not None and here.first:
            named = {f"{i}/{j}": value for i, row in enumerate(found) for j, value in enumerate(row)}
            save_file({name: value.contiguous() for name, value in named.items()}, file)
        if file is not None:
            here.on_first(fail)
    return found


def fail() -> None:
    from spikelet.errors import DataError

    raise DataError("the first process was told to fail")


def main(mode: str, argument: str, *command: str) -> int:
    if mode == "gradients":
        from spikelet.errors import DataError

        try:
            gradients(Path(argument))
        except DataError as error:
            print(error, file=sys.stderr)
            return 2
        return 0
    from spikelet.cli import main as spikelet
    from spikelet.experiments.loop import Loop

    advance = Loop.advance

    def interrupted(self: Loop, *, stop: bool = False) -> bool:
        if self.step == int(argument) and mode == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        if self.step == int(argument) and self.world.rank == 1:
            raise RuntimeError("this process was told to fail")
        return advance(self, stop=stop)

    if mode != "run":
        Loop.advance = interrupted  # type: ignore[method-assign]
    return spikelet(command)


if __name__ == "__main__":
    raise SystemExit(main(*sys.argv[1:]))
