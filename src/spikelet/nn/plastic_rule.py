"""A learning rule in torch: what events and steps do to weights and to states of synapses, for a batch at once.

Everything broadcasts to (B, M, L, K), see ``plastic_layout``: B samples, M rows of weights, L places at which a row is
used, K weights of a row. All samples and places share the weights (M, 1, K); each has its own states.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from spikelet.backends.numpy_reference import numbers
from spikelet.backends.rule_bounds import weight_bounds
from spikelet.backends.torch_eager import statements
from spikelet.errors import BackendError, InputError, ModelError, ParameterError, UnitError, did_you_mean
from spikelet.ir.lower import Step, lower
from spikelet.ir.nodes import Node, topological
from spikelet.ir.rule_program import EVENTS, Program, bounded, flow, program, sides, traces
from spikelet.lang.increments import WEIGHT
from spikelet.lang.places import side
from spikelet.lang.rule import check_units
from spikelet.model import Neuron
from spikelet.nn.plastic_layout import Layout
from spikelet.rule import Rule

PLACES = ("pre", "post", "network")
_LOW, _HIGH = "low?", "high?"  # no names of a text
Values = Mapping[str, Tensor]
Draw = Callable[[str, int], Tensor]


class Change:
    """What an event, or a step, does to weights and states.

    Args:
        rule: Whose it is.
        found: Its program.
        batched: How the changes of a weight are reduced: ``"sum"`` or ``"mean"`` over the samples.

    Attributes:
        synaptic: New weight, without its bounds, the bounds, and new states of synapses.
        sided: New states of the side that has fired, which depend on states of that side alone.
    """

    def __init__(self, rule: Rule, found: Program, batched: str):
        self.rule, self.found, self.batched = rule, found, batched
        updates = dict(found.updates)
        self.sided = {n: updates.pop(n) for n in found.updates if rule.places.get(n) in ("pre", "post")}
        if WEIGHT in updates:
            updates[WEIGHT], low, high = bounded(updates[WEIGHT])
            updates |= {name: bound for name, bound in ((_LOW, low), (_HIGH, high)) if bound is not None}
        self.synaptic = updates
        self.tables = found.tables(rule)
        self._made: dict[object, Callable[[Values, Tensor, Draw], dict[str, Tensor]]] = {}

    def synapses(self, dt: float, layout: Layout, values: Values, time: Tensor, draw: Draw) -> dict[str, Tensor]:
        """Return what is new of synapses; ``values`` broadcast to (B, M, L, K)."""

        def shaped(name: str, value: Tensor) -> Tensor:
            where = self.tables.get(name)
            if where is None:
                return value
            return (layout.sender if where == "pre" else layout.receiver)(value.unsqueeze(0))

        return self._function("synaptic", dt, values[WEIGHT], shaped)(values, time, draw)

    def side(self, dt: float, w: Tensor, values: Values, time: Tensor) -> dict[str, Tensor]:
        """Return what is new of the side that has fired; ``values`` broadcast to (B, *N), or (B, *M)."""
        return self._function("sided", dt, w, lambda _, value: value)(values, time, no_draw)

    def _function(
        self, which: str, dt: float, w: Tensor, shaped: Callable[[str, Tensor], Tensor]
    ) -> Callable[[Values, Tensor, Draw], dict[str, Tensor]]:
        """Return a printed function, its coefficients computed once."""
        key = (which, dt, w.dtype, w.device)
        if key not in self._made:
            definitions = self.found.coefficients
            function = statements(self.rule.name, getattr(self, which), definitions, w.dtype)
            known: dict[str, Tensor] = {}
            for name, value in numbers(definitions, self.rule.parameters, dt).items():
                type_ = torch.int64 if definitions[name].type == "int" else w.dtype
                known[name] = shaped(name, torch.tensor(value, dtype=type_, device=w.device))

            def run(values: Values, time: Tensor, draw: Draw) -> dict[str, Tensor]:
                new = function(values, known, time, draw)
                return {name: torch.as_tensor(value, device=time.device) for name, value in new.items()}

            self._made[key] = run
        return self._made[key]

    def weights(self, w: Tensor, new: Values, mask: Tensor | None) -> Tensor:
        """Return the weights (M, 1, K) after the changes of all samples and places at which ``mask`` holds."""
        inner = new[WEIGHT].to(w.dtype)
        shape = torch.broadcast_shapes(inner.shape, (1, *w.shape), *(() if mask is None else (mask.shape,)))
        if shape[0] == shape[2] == 1:  # to the last bit what the text says
            after = self._bounded(inner.expand(shape)[0], new)
        else:
            change = (inner - w).expand(shape)
            change = change if mask is None else torch.where(mask, change, torch.zeros_like(change))
            change = change.sum((0, 2)).unsqueeze(1)
            after = self._bounded(w + (change / shape[0] if self.batched == "mean" else change), new)
        if mask is None:
            return after
        return torch.where(mask.expand(shape).any(2).any(0).unsqueeze(1), after, w)

    def _bounded(self, value: Tensor, new: Values) -> Tensor:
        """Apply the bounds, of which those of receivers are (1, M, 1, 1), and those of senders (1, 1, 1, K)."""
        for name, function in ((_LOW, torch.maximum), (_HIGH, torch.minimum)):
            if name in new:
                bound = new[name].to(value.dtype)
                value = function(value, bound[0] if bound.ndim == 4 else bound)
        return value


def no_draw(law: str, stream: int) -> Tensor:
    """Events draw no random numbers; ``Learning`` has looked."""
    raise AssertionError(f"a draw of {law} in an event")


class Learning:
    """A rule, checked for a layer.

    Args:
        label: Name of the layer, for messages.
        rule: The rule.
        model: Of the neurons that receive.
        layout: Of the synapses.
        batched: How changes are reduced over the batch.

    Attributes:
        events: ``on_pre`` and ``on_post``.
        flow: What a step does to synapses; None where nothing.
        steps: Place -> the step of the states that are kept there.
        models: Place, ``synapse`` among them -> the model of its states.
        own: States of the receiver that its neurons have, such as ``v_post``.
        given: States of the two neurons that a call must give as signals.
        bounds: Between which it keeps weights.
        fresh: The states before the first step of the last call that began with them, and what they are for.
    """

    fresh: tuple[object, Any] | None = None

    def __init__(self, label: str, rule: object, model: Neuron, layout: Layout, batched: str):
        if not isinstance(rule, Rule):
            raise InputError(f"{label}: rule is {rule!r}, expected a Rule such as rules.STDP"[:200])
        self.label, self.rule, self.layout, self.batched = label, rule, layout, batched
        for name, value in rule.parameters.items():
            if value is None:
                raise ParameterError(f"{label}: {rule.name} needs a value for '{name}': {rule.name}({name}=...)")
        if not model.spiking and rule.definition.on_post:
            raise InputError(f"{label}: {model.name} has no threshold, so on_post= of {rule.name} would never run")
        partners = rule.definition.partners
        self.own = tuple(n for n in partners if side(n) == "post" and n.removesuffix("_post") in model.states)
        self.given = tuple(n for n in partners if n not in self.own)
        variables = model.definition.variables
        check_units(rule.definition, {n: variables[n.removesuffix("_post")].dimension for n in self.own})
        units = {n: model.unit(n.removesuffix("_post")) for n in self.own}
        self.models = {p: m for p in (*PLACES, "synapse") if (m := self._traces(p, units)) is not None}
        self.steps: dict[str, Step] = {place: lower(self.models[place]) for place in PLACES if place in self.models}
        self._check_arrays(layout)
        found = flow(rule, units)
        self.flow = None if found is None else Change(rule, found, batched)
        self.bounds = weight_bounds(rule, units)
        self.events = {event: Change(rule, program(rule, event), batched) for event in EVENTS}
        self._check_draws()

    def _traces(self, place: str, units: dict[str, str]) -> Neuron | None:
        """Return the states of a place as a model; a signal has the unit that fits, which is added to ``units``."""
        unknown = [name for name in self.given if name not in units]
        *candidates, last = dict.fromkeys(["mV", "pA", *map(self.rule.unit, self.rule.states), "1"])
        for unit in candidates if unknown else ():
            try:
                found = traces(self.rule, place, {**units, **dict.fromkeys(unknown, unit)})
            except UnitError:
                continue
            units.update((name, unit) for name in unknown if found is not None and name in found.inputs)
            return found
        return traces(self.rule, place, {**units, **dict.fromkeys(unknown, last)})

    def _check_arrays(self, layout: Layout) -> None:
        for name, place in sides(self.rule).items():
            if not layout.linear:
                raise BackendError(
                    f"{self.label}: parameter '{name}' of {self.rule.name} is an array; with a convolution, whose "
                    "weights are used at many places, it must be one number"
                )
            size = layout.module.in_features if place == "pre" else layout.module.out_features
            shape = np.shape(self.rule.parameters[name])  # type: ignore[arg-type]  # None has been refused
            if shape != (size,):
                raise ParameterError(
                    f"{self.label}: parameter '{name}' of {self.rule.name} has shape {shape}; expected one number, or "
                    f"one for each of the {size} neurons that {'send' if place == 'pre' else 'receive'}"
                )

    def _check_draws(self) -> None:
        yet = f"{self.label}: a layer cannot run this rule yet: {self.rule.name} has random numbers in"
        for event, change in self.events.items():
            if any(n.kind == "noise" for n in topological(change.found.updates.values())):
                raise ModelError(f"{yet} {event}=")
        for place, step in self.steps.items():
            if step.noise:
                raise ModelError(f"{yet} a ({place}) state")

    def parameters(self, place: str) -> dict[str, object]:
        """Return the values of the parameters of the states of a place."""
        return dict(self.models[place].parameters)

    def reads(self) -> set[str]:
        """Return the names of all that anything of the rule reads."""
        changes = [*self.events.values(), *([] if self.flow is None else [self.flow])]
        roots: list[Node] = [n for change in changes for n in change.found.updates.values()]
        roots += [n for step in self.steps.values() for n in step.updates.values()]
        return {str(n.value) for n in topological(roots) if n.kind in ("state", "input")}

    def require(self, signals: Mapping[str, object]) -> None:
        """Check that the signals of a call are those that the rule needs and can take.

        Raises:
            InputError: one is missing, or is none.
        """
        network = [name for name, place in self.rule.places.items() if place == "network"]
        valid = [*self.given, *network]
        for name in signals:
            if name not in valid:
                has = f", which its neurons have: {name}" if name in self.own else ""
                near = did_you_mean(name, valid)
                raise InputError(f"{self.label}: signals names {name!r}{has}; {self.rule.name} takes {valid}{near}")
        for name in self.given:
            if name not in signals:
                who = "sending" if side(name) == "pre" else "receiving"
                raise InputError(
                    f"{self.label}: {self.rule.name} reads '{name}', a state of the {who} neurons that the layer does "
                    f"not have: give signals={{'{name}': ...}}, a value for each step"
                )
