"""One call of a plastic layer, step after step, in torch operations."""

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor

from spikelet.nn.arguments import SPIKES
from spikelet.nn.call import Call
from spikelet.nn.layer import State
from spikelet.nn.plastic_cells import Cells
from spikelet.nn.plastic_layout import Layout
from spikelet.nn.plastic_loop import Kept, Tracing
from spikelet.nn.plastic_state import Given, Signals, Whole


class Run:
    """The steps of a call.

    Args:
        layout: The synapses.
        cells: The neurons.
        inhibit: Spikes (B, *M) of a step -> what they send into the next, or None.
        tracing: What steps the rule; None where the layer does not learn.
        signals: Values for each step.
    """

    def __init__(
        self, layout: Layout, cells: Cells, inhibit: Callable[[Tensor], Tensor] | None, tracing: Tracing | None,
        signals: Signals,
    ):  # fmt: skip
        self.layout, self.cells, self.inhibit, self.tracing, self.signals = layout, cells, inhibit, tracing, signals
        self.own = () if tracing is None else tracing.learning.own

    def __call__(self, given: Given, call: Call, whole: Whole) -> tuple[Tensor, Whole]:
        """Run all steps; returns what the layer shows of each, (T, B, *M), and the state after the last."""
        stepping = self.cells.start(call)
        name, target = self.cells.neurons.output, self.cells.neurons.targets[0]
        most = 1 if given.single or self.tracing is None else int(given.x.max())
        shown: list[Tensor] = []
        for k, row in enumerate(given.x.unbind(0)):
            alive = None if given.lengths is None else given.lengths > k
            kept = whole.kept if self.tracing is None else self._begin(k, whole, alive)
            drive, kept = self._delivered(row, most, kept, whole.neurons, k, alive)
            if self.inhibit is not None and whole.spikes is not None:
                drive = drive + self.inhibit(whole.spikes)
            spikes, neurons = stepping({target: drive}, whole.neurons, alive)
            if self.tracing is not None and kept is not None:
                partners = self._partners(k, neurons)
                kept = self.tracing.event("on_post", kept, partners, spikes > 0, alive)
                kept = replace(kept, step=kept.step + 1)
            shown.append(self._shown(spikes if name == SPIKES else neurons[str(name)], alive))
            whole = Whole(
                neurons, kept, whole.spikes if whole.spikes is None else self._sent(spikes, whole.spikes, alive)
            )
        return torch.stack(shown), whole

    def _begin(self, k: int, whole: Whole, alive: Tensor | None) -> Kept:
        """Set what the program sets, and take the rule a step further."""
        assert self.tracing is not None and whole.kept is not None  # the layer learns
        kept, rows = whole.kept, self.signals.network
        if rows:
            network = {n: rows[n][k].to(v.dtype) if n in rows else v for n, v in kept.places["network"].items()}
            kept = replace(kept, places={**kept.places, "network": network})
        return self.tracing.begin(kept, self._partners(k, whole.neurons), alive)

    def _partners(self, k: int, neurons: State) -> dict[str, Tensor]:
        """Return states of the two neurons, (B, *N) or (B, *M)."""
        found = {name: neurons[name.removesuffix("_post")] for name in self.own}
        return found | {name: rows[k] for name, rows in self.signals.partners.items()}

    def _delivered(
        self, row: Tensor, most: int, kept: Kept | None, neurons: State, k: int, alive: Tensor | None
    ) -> tuple[Tensor, Kept | None]:
        """Deliver the spikes of a step, each with the weight that it meets, and run ``on_pre``."""
        bias = self.layout.bias()
        if self.tracing is None or kept is None:
            drive = self.layout.apply(row)
            return (drive if bias is None else drive + bias), kept
        partners = self._partners(k, neurons)
        drive = self.layout.apply(row.clamp(max=1))
        kept = self.tracing.event("on_pre", kept, partners, row > 0, alive)
        for several in range(1, most):
            again = row > several
            drive = drive + self.layout.apply(again.to(row.dtype))
            kept = self.tracing.event("on_pre", kept, partners, again, alive)
        return (drive if bias is None else drive + bias), kept

    def _shown(self, value: Tensor, alive: Tensor | None) -> Tensor:
        if alive is None:
            return value
        return torch.where(alive.reshape(-1, *[1] * (value.ndim - 1)), value, torch.zeros_like(value))

    def _sent(self, spikes: Tensor, before: Tensor, alive: Tensor | None) -> Tensor:
        if alive is None:
            return spikes
        return torch.where(alive.reshape(-1, *[1] * (spikes.ndim - 1)), spikes, before)
