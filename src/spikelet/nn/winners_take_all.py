"""Neurons of which only the first few fire: the competition is decided within the step."""

from typing import Any

import torch
from torch import Tensor

from spikelet.errors import InputError
from spikelet.nn.arguments import SPIKES, count
from spikelet.nn.layer import Layer, Sequences, State
from spikelet.nn.neurons import Neurons
from spikelet.nn.plastic_cells import Cells


class WinnersTakeAll(Layer):
    """Neurons of which at most k fire in a step: those furthest above their threshold.

    The others keep what they have, are not reset, and may fire in the next step. Where ``surrogate_scale`` differs from
    neuron to neuron, it is the distance in its unit that counts. The steps are those of ``torch_eager``.

    Args:
        neurons: the layer of neurons, with a threshold; all neurons of a sample compete.
        k: how many may fire in a step.

    Raises:
        InputError: these are no neurons that spike, or k is no positive integer.

    Example:
        >>> import spikelet as sl
        >>> layer = sl.nn.WinnersTakeAll(sl.nn.Neurons(sl.neurons.IF), k=1)
        >>> spikes, _ = layer(torch.tensor([[[2.0, 3.0, 0.5]]]))
        >>> spikes.flatten().tolist()
        [0.0, 1.0, 0.0]
    """

    def __init__(self, neurons: Neurons, k: int = 1):
        super().__init__()
        if not isinstance(neurons, Neurons) or not neurons.model.spiking:
            raise InputError(f"WinnersTakeAll: neurons is {type(neurons).__name__}, expected nn.Neurons that spike")
        self.neurons, self.k = neurons, count("winners: k", k)
        self.cells = Cells(neurons, self.k, ())

    @property
    def time_step(self) -> float:
        """The dt of the neurons [ms]."""
        return self.neurons.dt

    @property
    def spikes(self) -> bool:
        """Whether spikes are what a call returns."""
        return self.neurons.spikes

    def forward(
        self,
        x: Sequences,
        state: State | None = None,
        *,
        lengths: Tensor | None = None,
        seed: int = 0,
        samples: Tensor | None = None,
    ) -> tuple[Sequences, State]:
        """Run the neurons over a sequence; arguments and result as those of ``Neurons``."""
        neurons = self.neurons
        call = neurons.start(x, state, lengths=lengths, seed=seed, samples=samples)
        stepping, current = self.cells.start(call), self.cells.initial(call) if call.state is None else call.state
        names = (neurons.output,) if isinstance(neurons.output, str) else neurons.output
        columns: dict[str, list[Tensor]] = {name: [] for name in names}
        rows = {name: value.unbind(0) for name, value in call.inputs.items()}
        for k in range(call.steps):
            alive = None if call.lengths is None else call.lengths > k
            spikes, current = stepping({name: row[k] for name, row in rows.items()}, current, alive)
            for name, column in columns.items():
                column.append(_until(alive, spikes if name == SPIKES else current[name]))
        outputs = {name: torch.stack(column) for name, column in columns.items()}
        outputs = {n: v.to(call.outer) if v.is_floating_point() else v for n, v in outputs.items()}
        return (outputs[neurons.output] if isinstance(neurons.output, str) else outputs), current

    def __getstate__(self) -> dict[str, Any]:
        kept = self.__dict__.copy()
        del kept["cells"]  # made again from the arguments
        return kept

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        self.cells = Cells(self.neurons, self.k, ())


def _until(alive: Tensor | None, value: Tensor) -> Tensor:
    """Return 0 past the end of a sequence."""
    return value if alive is None else torch.where(alive.reshape(-1, *(1,) * (value.ndim - 1)), value, 0)
