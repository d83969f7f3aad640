"""The memory of one call of a layer that learns, as its kernel takes it.

Receivers (*M) lie with the channels of a place together, (*places, channels); of a linear layer they are as they are.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import prod

import numpy as np
import torch
from torch import Tensor

from spikelet.backends.memory import MEMORY
from spikelet.ir.lower import STEP
from spikelet.nn.plastic_layout import Layout
from spikelet.nn.plastic_loop import Kept
from spikelet.nn.plastic_state import Given, Signals, Whole
from spikelet.nn.plastic_tiles import Tiles

_NUMBERS = {torch.float32: np.float32, torch.float64: np.float64}


@dataclass(frozen=True)
class Compiled:
    """A kernel in memory."""

    function: Callable[[int], None]
    signature: tuple[str, ...]
    coefficients: Mapping[str, Tensor]


class Memory:
    """The arguments of a kernel for one call.

    Args:
        layout: The synapses.
        given: The arguments of the call.
        whole: The state before the first step; without states of the rule where the layer does not learn.
        signals: Values for each step.
        shared: States of the neurons that all samples share.
    """

    def __init__(self, layout: Layout, given: Given, whole: Whole, signals: Signals, shared: tuple[str, ...]):
        self.layout, self.given, self.before, self.signals = layout, given, whole, signals
        self.shared, self.learns = shared, whole.kept is not None
        self.kept = Kept({}, {}, torch.zeros((), dtype=torch.int64)) if whole.kept is None else whole.kept
        self.dtype, self.inhibits, bias = given.x.dtype, whole.spikes is not None, layout.bias()
        self.biased, batch, (n, m) = bias is not None, given.batch, (prod(given.senders), prod(given.receivers))
        self.weights = self._laid_out()
        self.arrays: dict[str, Tensor] = {
            **_lists(given), "weights": self.weights,
            "out": self._out(given.steps, batch, *given.receivers[1:], given.receivers[0]),
            "drive": self._room(batch, m), "above": self._room(m), "pass": torch.zeros(m, dtype=torch.bool),
            "limits": self._limits(),
            "spikes": self._room(batch, m) if whole.spikes is None else self.inward(whole.spikes),
            "change": self._room(max(n, m) if layout.linear else self.weights.numel()),
            "column": self._room(len(self.weights)),
            **{name: torch.zeros(max(n, m), dtype=torch.int32) for name in ("head", "count", "touched", "firing")},
            "next": torch.zeros(batch * max(n, m), dtype=torch.int32),
        }  # fmt: skip
        if bias is not None:
            self.arrays["bias"] = self.inward(bias.detach().expand(given.receivers))
        self.numbers = {"T": given.steps, "B": batch, "N": n, "M": m}
        self._states()

    def add_tiles(self, tiles: Tiles) -> None:
        """Add the lists of a convolution."""
        self.numbers |= tiles.numbers
        self.arrays |= {**tiles.lists, "hit": torch.zeros(len(self.weights), dtype=torch.bool)}

    def inward(self, value: Tensor) -> Tensor:
        """Return a copy of values (..., *M) of receivers, as they lie in a kernel."""
        return value.movedim(-len(self.given.receivers), -1).clone(memory_format=torch.contiguous_format)

    def _outward(self, name: str) -> Tensor:
        """Return values (..., *M) of receivers."""
        return self.arrays[name].movedim(-1, -len(self.given.receivers)).contiguous()

    def _laid_out(self) -> Tensor:
        """Return the weights in rows by sender, (K, M): those of the module where it keeps them so, or a copy."""
        return self.layout.module.weight.detach().flatten(1).t().contiguous()

    def _room(self, *shape: int) -> Tensor:
        return torch.zeros(shape, dtype=self.dtype)

    def _out(self, *shape: int) -> Tensor:
        """Return room for what the layer shows, which the kernel fills but for steps past the end of a sequence."""
        if self.given.lengths is not None:
            return self._room(*shape)
        return torch.from_numpy(MEMORY.empty(shape, _NUMBERS[self.dtype]))

    def _limits(self) -> Tensor:
        if self.given.lengths is not None:
            return self.given.lengths.contiguous()
        return torch.full((self.given.batch,), self.given.steps, dtype=torch.int64)

    def _states(self) -> None:
        """Copy the states, which the kernel changes where they are."""
        arrays, start = self.arrays, dict[str, int]()
        for name, value in self.before.neurons.items():
            if name == STEP:
                start |= dict.fromkeys(("neurons", "probe"), int(value))
            else:
                arrays[f"neurons.{name}"] = self.inward(value[0] if name in self.shared else value)
        for name in self.shared:
            arrays[f"jumps.{name}"] = torch.zeros_like(arrays[f"neurons.{name}"])
        for place, group in self.kept.places.items():
            for name, value in group.items():
                if name == STEP:
                    start[place] = int(value)
                elif place == "post":
                    arrays[f"post.{name}"] = self.inward(value)
                else:
                    arrays[f"{place}.{name}"] = value.clone(memory_format=torch.contiguous_format)
        for name, value in self.kept.synapse.items():  # (B, M, L, K) to (B, L, K, M)
            arrays[f"synapse.{name}"] = value.permute(0, 2, 3, 1).clone(memory_format=torch.contiguous_format)
        start |= dict.fromkeys(("flow", "on_pre", "on_post"), int(self.kept.step))
        self.numbers |= {f"start.{name}": value for name, value in start.items()}
        for name, value in self.signals.values.items():
            received = name not in self.signals.network and not name.endswith("_pre")
            arrays[f"signal.{name}"] = self.inward(value) if received else value.contiguous()

    def run(self, kernel: Compiled, dt: float) -> None:
        """Call the kernel, and bring the weights back where they are kept."""
        arrays = {**self.arrays, **kernel.coefficients}
        words = np.zeros(len(kernel.signature), np.int64)
        for place, name in enumerate(kernel.signature):
            if name == "dt":
                words[place] = np.float64(dt).view(np.int64)
            else:
                words[place] = self.numbers[name] if name in self.numbers else arrays[name].data_ptr()
        kernel.function(words.ctypes.data)
        weight = self.layout.module.weight.detach()
        if self.learns and self.weights.data_ptr() != weight.data_ptr():
            weight.copy_(self.weights.t().reshape(weight.shape))

    def finished(self) -> tuple[Tensor, Whole]:
        """Return what the layer shows, and the state."""
        arrays, steps = self.arrays, self.given.steps
        neurons: dict[str, Tensor] = {}
        for name, value in self.before.neurons.items():
            now = value + steps if name == STEP else self._outward(f"neurons.{name}")
            neurons[name] = now.expand_as(value) if name in self.shared else now
        places = {
            place: {n: v + steps if n == STEP else self._trace(place, n) for n, v in group.items()}
            for place, group in self.kept.places.items()
        }
        synapse = {name: arrays[f"synapse.{name}"].permute(0, 3, 1, 2) for name in self.kept.synapse}
        kept = Kept(places, synapse, self.kept.step + steps) if self.learns else None
        return self._outward("out"), Whole(neurons, kept, self._outward("spikes") if self.inhibits else None)

    def _trace(self, place: str, name: str) -> Tensor:
        return self._outward(f"post.{name}") if place == "post" else self.arrays[f"{place}.{name}"]


def _lists(given: Given) -> dict[str, Tensor]:
    """Return who fires in each step and sample, and where senders have several spikes how many."""
    events = given.events
    assert events is not None  # as Fused.too_much saw
    found = {name: torch.from_numpy(getattr(events, name)) for name in ("columns", "start", "stop")}
    if events.values is not None:
        found["counts"] = torch.from_numpy(events.values)
        found["rounds"] = given.x.detach().flatten(1).amax(1).to(torch.int64)
    return found
