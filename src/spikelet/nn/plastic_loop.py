"""The steps of a plastic layer in torch operations: the reference, for any rule, module and device."""

import functools
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from spikelet import random, surrogates
from spikelet.backends.torch_eager import Stepper, initial_state
from spikelet.ir.lower import STEP, lower
from spikelet.lang.increments import WEIGHT
from spikelet.nn.plastic_rule import Change, Draw, Learning, no_draw

Group = dict[str, Tensor]  # name of a state -> its values


@dataclass
class Kept:
    """The states of a rule.

    Attributes:
        places: Place (``pre``, ``post``, ``network``) -> states (B, *N), (B, *M), (B,).
        synapse: States of synapses, (B, M, L, K).
        step: () number of steps taken.
    """

    places: dict[str, Group]
    synapse: Group
    step: Tensor


class Tracing:
    """Steps the states of a rule in one call, and runs its events.

    Args:
        learning: The rule.
        batch: B.
        senders: Shape of the senders (*N).
        receivers: Shape of the receivers (*M).
        dt: Step [ms].
        dtype: Of states.
        device: Where.
        seed: Of the random numbers of synapses.
        samples: (B,) index of each sample, for these.
    """

    def __init__(
        self, learning: Learning, batch: int, senders: tuple[int, ...], receivers: tuple[int, ...], *, dt: float,
        dtype: torch.dtype, device: torch.device, seed: int, samples: Tensor | None,
    ):  # fmt: skip
        self.learning, self.layout, self.dt, self.seed = learning, learning.layout, dt, seed
        self.batch, self.dtype, self.device = batch, dtype, device
        self.shapes = {"pre": (batch, *senders), "post": (batch, *receivers), "network": (batch,)}
        self.exists = self.layout.exists(senders)
        self.samples = torch.arange(batch, device=device) if samples is None else samples.to(device)

    @functools.cached_property
    def steppers(self) -> dict[str, Stepper]:
        """What steps the states of each place."""
        return {place: self._stepper(place) for place in self.learning.steps}

    def _stepper(self, place: str) -> Stepper:
        return Stepper(
            self.learning.steps[place], self.learning.parameters(place), dt=self.dt, surrogate=surrogates.arctan,
            dtype=self.dtype, device=self.device,
        )  # fmt: skip

    def fresh(self) -> Kept:
        """Return the states before the first step."""
        key = (*self.shapes.values(), self.dt, self.dtype, self.device)
        if self.learning.fresh is None or self.learning.fresh[0] != key:
            self.learning.fresh = key, self._fresh()
        kept: Kept = self.learning.fresh[1]  # a copy is handed out, which may be changed
        places = {place: {n: v.clone() for n, v in group.items()} for place, group in kept.places.items()}
        return Kept(places, {name: value.clone() for name, value in kept.synapse.items()}, kept.step.clone())

    def _fresh(self) -> Kept:
        common = {"dt": self.dt, "dtype": self.dtype, "device": self.device}
        places = {
            place: initial_state(step, self.learning.parameters(place), self.shapes[place], **common)
            for place, step in self.learning.steps.items()
        }
        synapse: Group = {}
        if "synapse" in self.learning.models:
            step = lower(self.learning.models["synapse"])
            values = {n: self._of_synapses(n, v) for n, v in self.learning.parameters("synapse").items()}
            shape = (self.batch, *self.synapses)
            synapse = initial_state(step, values, shape, **common)
            synapse = {name: v for name, v in synapse.items() if name in self.learning.rule.states and name != WEIGHT}
        return Kept(places, synapse, torch.zeros((), dtype=torch.int64, device=self.device))

    def _of_synapses(self, name: str, value: object) -> object:
        """Return a parameter of synapses; an array has a value for each receiver."""
        return value if getattr(value, "ndim", 0) == 0 else torch.as_tensor(value)[:, None, None]

    @property
    def synapses(self) -> tuple[int, int, int]:
        """M, L and K."""
        rows, _, width = self.layout.weight().shape
        places = torch.Size(self.shapes["post"][1:]).numel() // rows
        return rows, places, width

    # --- a step -------------------------------------------------------------------------------------------------------

    def values(self, kept: Kept, partners: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return all that a rule may read, spreading to (B, M, L, K); ``partners`` are (B, *N) or (B, *M)."""
        layout = self.layout
        found = {WEIGHT: layout.weight(), **kept.synapse}
        found |= {n: layout.sender(v) for n, v in kept.places.get("pre", {}).items() if n != STEP}
        found |= {n: layout.receiver(v) for n, v in kept.places.get("post", {}).items() if n != STEP}
        found |= {n: v.reshape(-1, 1, 1, 1) for n, v in kept.places.get("network", {}).items() if n != STEP}
        for name, value in partners.items():
            found[name] = layout.sender(value) if name.endswith("_pre") else layout.receiver(value)
        return found

    def begin(self, kept: Kept, partners: Mapping[str, Tensor], alive: Tensor | None) -> Kept:
        """Take weights, synapses and traces a step further, by what the step finds."""
        values = self.values(kept, partners)
        change, synapse = self.learning.flow, kept.synapse
        if change is not None:
            synapse = self._changed(change, values, kept, self._existing(alive), self._draw(kept))
        places = {place: self._flowed(place, stepper, kept, partners) for place, stepper in self.steppers.items()}
        if alive is not None:
            places = {
                place: {n: v if n == STEP else _where(alive, v, kept.places[place][n]) for n, v in group.items()}
                for place, group in places.items()
            }
        return Kept(places, synapse, kept.step)

    def _flowed(self, place: str, stepper: Stepper, kept: Kept, partners: Mapping[str, Tensor]) -> Group:
        shape = self.shapes[place]
        inputs = {**partners, **self._spread_network(kept, len(shape))}
        _, new = stepper({n: v for n, v in inputs.items() if n in stepper.step.inputs}, kept.places[place])
        return {name: value if name == STEP else value.expand(shape) for name, value in new.items()}

    def event(
        self, event: str, kept: Kept, partners: Mapping[str, Tensor], spikes: Tensor, alive: Tensor | None
    ) -> Kept:
        """Run ``on_pre`` where the mask ``spikes`` (B, *N) holds, or ``on_post`` where that of (B, *M) does."""
        change, own = self.learning.events[event], event.removeprefix("on_")
        if alive is not None:
            spikes = spikes & _spread(alive, spikes.ndim)
        if not change.found.updates or not bool(spikes.any()):
            return kept
        synapse = kept.synapse
        if change.synaptic:
            mask = (self.layout.sender if own == "pre" else self.layout.receiver)(spikes)
            mask = mask if self.exists is None else mask & self.exists
            synapse = self._changed(change, self.values(kept, partners), kept, mask, no_draw)
        group = kept.places.get(own, {})
        if change.sided:
            values = {**group, **self._spread_network(kept, spikes.ndim), **partners}
            new = change.side(self.dt, self.layout.weight(), values, self._time(kept))
            group = {n: torch.where(spikes, new[n].to(v.dtype), v) if n in new else v for n, v in group.items()}
        return Kept({**kept.places, own: group} if group else kept.places, synapse, kept.step)

    def _changed(self, change: Change, values: dict[str, Tensor], kept: Kept, mask: Tensor | None, draw: Draw) -> Group:
        """Change the weights where they are; return the states of synapses as they become."""
        new = change.synapses(self.dt, self.layout, values, self._time(kept), draw)
        if WEIGHT in new:
            weight = self.layout.module.weight
            weight.copy_(change.weights(self.layout.weight(), new, mask).reshape(weight.shape))
        found = dict(kept.synapse)
        for name in found.keys() & new.keys():
            value = new[name].to(found[name].dtype).expand_as(found[name])
            found[name] = value if mask is None else torch.where(mask, value, found[name])
        return found

    def _existing(self, alive: Tensor | None) -> Tensor | None:
        """Return at which synapses of which samples a step goes on; None where at all."""
        if alive is None:
            return self.exists
        live = alive.reshape(-1, 1, 1, 1)
        return live if self.exists is None else live & self.exists

    def _spread_network(self, kept: Kept, axes: int) -> Group:
        return {n: _spread(v, axes) for n, v in kept.places.get("network", {}).items() if n != STEP}

    def _time(self, kept: Kept) -> Tensor:
        return (kept.step.to(torch.float64) * self.dt).to(self.dtype)

    def _draw(self, kept: Kept) -> Draw:
        rows, places, width = self.synapses
        number = torch.arange(rows * places * width, device=self.device).reshape(width, places, rows).permute(2, 1, 0)
        element = self.samples.reshape(-1, 1, 1, 1) * number.numel() + number

        def draw(law: str, stream: int) -> Tensor:
            function = {"uniform": random.uniform_torch, "normal": random.normal_torch}[law]
            value = function(self.seed, kept.step, element, stream).to(self.dtype)
            return value.clamp(max=1 - torch.finfo(self.dtype).eps / 2) if law == "uniform" else value

        return draw


def _spread(value: Tensor, axes: int) -> Tensor:
    """Return values (B,) so that they broadcast to more axes."""
    return value.reshape(-1, *[1] * (axes - 1))


def _where(alive: Tensor, new: Tensor, old: Tensor) -> Tensor:
    return torch.where(_spread(alive, new.ndim), new, old)
