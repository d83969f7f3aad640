"""The arguments and the state of one call of a plastic layer, checked, and taken apart for the steps."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from spikelet import random
from spikelet.backends import sparse_product
from spikelet.errors import InputError, ShapeError, StateError
from spikelet.ir.lower import STEP
from spikelet.nn.arguments import SPIKES
from spikelet.nn.checks import checking, is_true, require_finite
from spikelet.nn.layer import Like, State, as_lengths, require_like, require_names
from spikelet.nn.plastic_layout import Layout
from spikelet.nn.plastic_loop import Kept, Tracing

PLACES = ("pre", "post", "network")
_RULES = (*PLACES, "synapse", STEP)  # entries of a state that belong to the rule


@dataclass(frozen=True)
class Given:
    """The arguments of a call.

    Attributes:
        x: (T, B, *N) spikes, in the dtype of the weights.
        receivers: Shape (*M).
        lengths: (B,) valid steps, or None.
        seed: Of random numbers.
        samples: (B,) index of each sequence in its data set, or None.
    """

    x: Tensor
    receivers: tuple[int, ...]
    lengths: Tensor | None
    seed: int
    samples: Tensor | None

    @cached_property
    def events(self) -> sparse_product.Index | None:
        """Who fires in each step and sample, (T*B, N), and how often; None where it is not looked for."""
        if torch.compiler.is_compiling() or self.x.device.type != "cpu":  # to look would be to wait for the device
            return None
        x = self.x.detach().reshape(self.steps * self.batch, -1).contiguous().numpy()
        return sparse_product.find(x, x.size, 1, "events")

    @property
    def single(self) -> bool:
        """Whether it is known that all of ``x`` is 0 or 1."""
        return self.events is not None and self.events.values is None

    @cached_property
    def whole(self) -> bool:
        """Whether all of ``x`` is whole, finite and not negative."""
        return self.single or not is_true(_odd(self.x).any())

    @property
    def steps(self) -> int:
        """T."""
        return self.x.shape[0]

    @property
    def batch(self) -> int:
        """B."""
        return self.x.shape[1]

    @property
    def senders(self) -> tuple[int, ...]:
        """The shape (*N) of the senders."""
        return tuple(self.x.shape[2:])

    def like(self, *shape: int) -> Like:
        """Return what a state of real numbers has to be."""
        return Like(shape, self.x.dtype, self.x.device)


def given(layout: Layout, x: object, lengths: object, seed: int, samples: Tensor | None, learns: bool) -> Given:
    """Check the arguments of a call.

    Raises:
        InputError: ``x`` is no tensor of spikes.
        ShapeError: it does not fit the module.
    """
    label, weight = layout.label, layout.module.weight
    if not isinstance(x, Tensor):
        raise InputError(f"{label}: x is a {type(x).__name__}, expected one tensor of spikes (T, B, *N)")
    if x.dtype.is_complex or x.layout != torch.strided:
        kind = x.dtype if x.dtype.is_complex else x.layout
        raise InputError(f"{label}: x is {kind}, expected a dense tensor of spikes")
    if x.ndim < 3 or 0 in x.shape[:2]:
        raise ShapeError(f"{label}: x has shape {tuple(x.shape)}, expected (T, B, *N), time first, with T and B >= 1")
    if x.device != weight.device:
        raise InputError(f"{label}: x is on {x.device}, the weights are on {weight.device}")
    layout.require_real()
    receivers = layout.receivers(tuple(x.shape[2:]))
    if checking():
        require_finite(label, "x", x)
    x = x.to(weight.dtype)
    limits = as_lengths(label, lengths, x.shape[0], x.shape[1], x.device)
    found = Given(x, receivers, limits, random.whole(seed), samples)
    if learns and not found.whole:
        value = float(x[_odd(x)][0])
        raise InputError(f"{label}: x holds {value:g}; a rule learns from spikes, 0 or 1, or whole counts of them")
    return found


def _odd(x: Tensor) -> Tensor:
    """Tell which are no counts; NaN and infinity have no difference of 0 to anything."""
    return (x < 0) | (x - x.round() != 0)


@dataclass
class Whole:
    """The state of a layer between two steps.

    Attributes:
        neurons: State -> (B, *M); those that are shared are the same for all samples.
        kept: The states of the rule; None where there are none, in a call that does not learn.
        spikes: (B, *M) of the last step, where they inhibit; else None.
    """

    neurons: State
    kept: Kept | None
    spikes: Tensor | None


class States:
    """Takes states of a layer apart and puts them together.

    Args:
        label: Name of the layer, for messages.
        call: The arguments of the call.
        shared: States that all samples share.
        inhibits: Whether spikes inhibit.
        tracing: What steps the rule; None in a call that does not learn.
    """

    def __init__(self, label: str, call: Given, shared: tuple[str, ...], inhibits: bool, tracing: Tracing | None):
        self.label, self.call, self.shared, self.inhibits, self.tracing = label, call, shared, inhibits, tracing

    def own(self, state: State | None) -> State | None:
        """Return the state of the neurons, where nothing is shared."""
        return self._checked(state).get("neurons")

    def neurons(self, state: State | None, start: State) -> State:
        """Return the state of the neurons with what is shared; ``start`` are their initial values."""
        state = self._checked(state)
        own = state.get("neurons")
        if own is None:
            own = {name: value for name, value in start.items() if name not in self.shared}
        require_names(self.label, own, {name for name in start if name not in self.shared}, "state of neurons")
        found = dict(own)
        for name in self.shared:
            value = state.get("shared", {}).get(name)
            if value is None:
                found[name] = start[name]
                continue
            require_like(self.label, name, value, self.call.like(*self.call.receivers))
            found[name] = value.expand_as(start[name])
        return found

    def whole(self, state: State | None, neurons: State) -> Whole:
        """Return the state before the first step; ``neurons`` are checked."""
        state, call = self._checked(state), self.call
        spikes = None
        if self.inhibits:
            like = call.like(call.batch, *call.receivers)
            spikes = state.get(SPIKES)
            if spikes is None:
                spikes = torch.zeros(like.shape, dtype=like.dtype, device=like.device)
            require_like(self.label, SPIKES, spikes, like)
        return Whole(neurons, None if self.tracing is None else self._kept(state, self.tracing), spikes)

    def joined(self, whole: Whole, before: State | None) -> State:
        """Return a state as a dict; in a call that does not learn what there was of the rule stays."""
        found: State = {"neurons": {n: v for n, v in whole.neurons.items() if n not in self.shared}}
        if self.shared:
            found["shared"] = {name: whole.neurons[name][0].clone() for name in self.shared}
        if whole.spikes is not None:
            found[SPIKES] = whole.spikes
        if whole.kept is None or self.tracing is None:
            return found | {name: value for name, value in (before or {}).items() if name in _RULES}
        found |= {place: dict(group) for place, group in whole.kept.places.items()}
        if whole.kept.synapse:
            found["synapse"] = {n: self._shown(v) for n, v in whole.kept.synapse.items()}
        return found | {STEP: whole.kept.step}

    def _shown(self, value: Tensor) -> Tensor:
        """Return a state of synapses, without the axis of places where there is one place."""
        assert self.tracing is not None  # as joined saw
        return value.squeeze(2) if self.tracing.layout.linear else value

    def _checked(self, state: State | None) -> State:
        if state is None:
            return {}
        if not isinstance(state, dict):
            raise StateError(f"{self.label}: state is a {type(state).__name__}, expected the dict that it returned")
        known = {"neurons", *_RULES, *(["shared"] if self.shared else []), *([SPIKES] if self.inhibits else [])}
        require_names(self.label, state, set(), optional=known)
        for name, value in state.items():
            if name not in (SPIKES, STEP) and not isinstance(value, dict):
                raise StateError(f"{self.label}: state {name!r} is a {type(value).__name__}, expected a dict of states")
        if set(state) - {"shared"} and "neurons" not in state:
            raise StateError(f"{self.label}: state 'neurons' is missing, given {sorted(state)}")
        return state

    def _kept(self, state: State, tracing: Tracing) -> Kept:
        fresh = tracing.fresh()
        if not set(_RULES) & set(state):
            return fresh
        expected = {*fresh.places, STEP, *(["synapse"] if fresh.synapse else [])}
        require_names(self.label, {n: v for n, v in state.items() if n in _RULES}, expected, "states of the rule")
        synapse = state.get("synapse", {})
        if tracing.layout.linear:
            synapse = {n: v.unsqueeze(2) if isinstance(v, Tensor) and v.ndim == 3 else v for n, v in synapse.items()}
        require_like(self.label, STEP, state[STEP], fresh.step)
        for place, group in (*fresh.places.items(), ("synapse", fresh.synapse)):
            own = synapse if place == "synapse" else state.get(place, {})
            require_names(self.label, own, set(group), f"({place}) state")
            for name, value in group.items():
                require_like(self.label, name, own[name], value)
        return Kept({place: dict(state[place]) for place in fresh.places}, dict(synapse), state[STEP])


class Signals:
    """Values that a call gives for each step.

    Args:
        label: Name of the layer, for messages.
        call: The arguments of the call.
        signals: Name -> values.
        network: Names of (network) states.

    Raises:
        ShapeError: there are not as many as steps, samples and neurons.
    """

    def __init__(self, label: str, call: Given, signals: Mapping[str, Tensor], network: set[str]):
        self.values: dict[str, Tensor] = {}
        self.network: dict[str, tuple[Tensor, ...]] = {}
        self.partners: dict[str, tuple[Tensor, ...]] = {}
        for name, value in signals.items():
            side = () if name in network else call.senders if name.endswith("_pre") else call.receivers
            shape = (call.steps, call.batch, *side)
            tensor = _values(label, name, value, call.x.device)
            fits = 1 <= tensor.ndim <= len(shape) and all(
                own in (1, size) for own, size in zip(tensor.shape, shape, strict=False)
            )
            if not fits or tensor.shape[0] != call.steps:
                raise ShapeError(f"{label}: signal {name!r} has shape {tuple(tensor.shape)}, expected {shape}")
            tensor = tensor.to(call.x.dtype)
            require_finite(label, f"signal {name!r}", tensor)  # what NaN does to weights cannot be undone
            self.values[name] = tensor.reshape(*tensor.shape, *[1] * (len(shape) - tensor.ndim)).expand(shape)
            (self.network if name in network else self.partners)[name] = self.values[name].unbind(0)


def _values(label: str, name: str, value: object, device: torch.device) -> Tensor:
    try:
        return torch.as_tensor(value, device=device)
    except (TypeError, ValueError, RuntimeError):
        raise InputError(f"{label}: signal {name!r} is {value!r}, expected numbers for each step"[:200]) from None
