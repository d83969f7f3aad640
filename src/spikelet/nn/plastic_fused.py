"""A call of a layer that learns as one kernel for CPUs: what it can do, and how it is given its arguments."""

import ctypes
from math import prod
from typing import Any

import numpy as np
import torch
from torch import Tensor

from spikelet.backends import llvm_cpu, llvm_jit
from spikelet.backends.llvm_plastic import Part, Plan
from spikelet.backends.llvm_plastic_loop import ABOVE, FIRED, SPIKE, Loop
from spikelet.backends.llvm_plastic_tiles import Tiles as TilesLoop
from spikelet.backends.numpy_reference import numbers
from spikelet.ir.lower import Step
from spikelet.ir.nodes import topological
from spikelet.nn.coefficients import Prepared
from spikelet.nn.plastic_call import Compiled, Memory
from spikelet.nn.plastic_cells import Cells
from spikelet.nn.plastic_inhibition import require_shape, weights
from spikelet.nn.plastic_layout import Layout
from spikelet.nn.plastic_rule import Change, Learning
from spikelet.nn.plastic_state import Given, Signals, Whole
from spikelet.nn.plastic_tiles import Tiles

_REAL = {torch.float32: "float", torch.float64: "double"}
_TYPES = {"int": torch.int64, "bool": torch.bool}
_NOTHING = (Part("rests", {}), Part("rests", {}))


class Fused:
    """Runs calls that learn.

    Args:
        layout: The synapses.
        cells: The neurons.
        learning: The rule.
    """

    def __init__(self, layout: Layout, cells: Cells, learning: Learning):
        self.layout, self.cells, self.learning = layout, cells, learning
        self.neurons, self.rule, self.dt = cells.neurons, learning.rule, cells.neurons.dt
        self.reduced = learning.batched
        self.compiled: dict[object, Compiled] = {}
        self.turned: tuple[Tensor, int, Tensor] | None = None
        self.tiles: dict[str, tuple[object, Tiles]] = {}

    def obstacle(self, device: torch.device, inhibition: object) -> str:
        """Say why the kernel cannot do a call; nothing if it can."""
        model, step = self.neurons.model, self.neurons.step
        if device.type != "cpu":
            return f"x is on {device}, and the fused kernel is for CPUs"
        if model.name in llvm_cpu.UNSUPPORTED:
            return f"the fused kernel does not do {model.name}: {llvm_cpu.UNSUPPORTED[model.name]}"
        if step.noise:
            return f"{model.name} draws random numbers, which the fused kernel does not"
        flow = self.learning.flow
        if flow is not None and any(n.kind == "noise" for n in topological(flow.synaptic.values())):
            return f"{self.rule.name} draws random numbers, which the fused kernel does not"
        integers = [n for n in self.learning.own if step.types.get(n.removesuffix("_post")) != "real"]
        integers += [n for n in self.neurons.targets if model.definition.variables[n].integer]
        if integers:
            return f"'{integers[0]}' is an integer"
        if inhibition is not None and weights(self.layout, inhibition) is None:
            own = type(self.layout.module).__name__
            does = f"{'a matrix, or ' if self.layout.linear else ''}a {own} without bias"
            return f"what inhibits is {type(inhibition).__name__}, and the fused kernel does {does}"
        return ""

    def too_much(self, given: Given) -> str:
        """Say why the kernel cannot do these spikes; nothing if it can."""
        positions = max(prod(given.senders[1:]), prod(given.receivers[1:]))  # they are counted in float32
        if given.batch * max(prod(given.senders), prod(given.receivers)) >= 2**31 or positions >= 2**24:
            return "there are too many neurons"
        if given.events is None:
            return "torch.compile does not see who fires"
        return "" if given.whole else "x holds other numbers than counts of spikes"

    def __call__(
        self, given: Given, prepared: Prepared, whole: Whole, signals: Signals, inhibition: Any
    ) -> tuple[Tensor, Whole]:
        """Run all steps; returns what the layer shows of each, (T, B, M), and the state after the last.

        Where ``whole`` has no states of the rule the layer does not learn.
        """
        call = Memory(self.layout, given, whole, signals, self.cells.shared)
        call.numbers["winners"] = self.cells.winners or 0
        call.arrays["share"] = torch.full((), 1.0 if self.reduced == "sum" else 1 / given.batch, dtype=call.dtype)
        if not self.layout.linear:
            call.add_tiles(self._tiles("", self.layout, given.senders, given.receivers))
        if inhibition is not None:
            call.arrays["inhibition"] = self._by_sender(inhibition, call.dtype)
            if not self.layout.linear:
                sent = Layout(self.layout.label, inhibition)
                require_shape(sent.label, sent.receivers(given.receivers), given.receivers)
                call.add_tiles(self._tiles("inhibition.", sent, given.receivers, given.receivers))
        tables = [n for n, v in zip(self.neurons.step.coefficients, prepared.coefficients, strict=True) if v.ndim]
        kernel = self._kernel(call, tuple(tables))
        values = zip(self.neurons.step.coefficients, prepared.coefficients, strict=True)
        for name, value in values:
            value = call.inward(value.expand(given.receivers)) if value.ndim else value.contiguous()
            call.arrays[f"neurons.coef.{name}"] = call.arrays[f"probe.coef.{name}"] = value
        call.run(kernel, self.dt)
        return call.finished()

    def _by_sender(self, inhibition: object, dtype: torch.dtype) -> Tensor:
        """Return what inhibits by sender and receiver; a copy is kept as long as nothing changes it."""
        kept, weight = self.turned, weights(self.layout, inhibition)
        assert weight is not None  # as obstacle saw
        if kept is None or kept[0] is not weight or kept[1] != weight._version or kept[2].dtype != dtype:
            turned = weight.detach().to(dtype).flatten(1).t().contiguous()
            kept = self.turned = weight, weight._version, turned
        return kept[2]

    def _tiles(self, name: str, layout: Layout, senders: tuple[int, ...], receivers: tuple[int, ...]) -> Tiles:
        """Return the lists of a convolution; they are kept for images of the same size."""
        module = layout.module
        key = (senders, receivers, module.kernel_size, module.stride, module.dilation, module.padding)
        if name not in self.tiles or self.tiles[name][0] != key:
            self.tiles[name] = key, Tiles.of(name, layout, senders, receivers)
        return self.tiles[name][1]

    # --- kernels ------------------------------------------------------------------------------------------------------

    def _kernel(self, call: Memory, tables: tuple[str, ...]) -> Compiled:
        key = (
            call.dtype,
            call.given.batch == 1,
            call.given.single,
            tables,
            call.learns,
            call.inhibits,
            call.biased,
            *call.signals.network,
        )
        if key not in self.compiled:
            plan = self._plan(call, tables)
            printed = (Loop if self.layout.linear else TilesLoop)(plan).kernel()
            function = llvm_jit.compile(printed.text).function("kernel", ctypes.c_void_p)
            self.compiled[key] = Compiled(function, printed.signature, self._coefficients(call.dtype))
        return self.compiled[key]

    def _plan(self, call: Memory, tables: tuple[str, ...]) -> Plan:
        cells, learning, step = self.cells, self.learning, self.cells.step
        own = dict.fromkeys(tables, "post")
        updates = dict(step.updates) | ({SPIKE: step.spike} if step.spike is not None else {})
        probe = cells.probe
        definition = self.rule.definition
        types = {n: "int" if definition.variables[n].integer else "real" for n in definition.places}
        where = dict(definition.places) | dict.fromkeys(learning.own, "of")
        where |= {n: f"signal.{n.rpartition('_')[2]}" for n in learning.given}
        rule = {
            "traces": {place: Part(place, s.updates, self._tables(place, s)) for place, s in learning.steps.items()},
            "flow": None if learning.flow is None else _parts("flow", learning.flow)[0],
            "events": {event: _parts(event, change) for event, change in learning.events.items()},
            "given": tuple(call.signals.network),
        }
        rests = {"traces": {}, "flow": None, "events": dict.fromkeys(learning.events, _NOTHING), "given": ()}
        return Plan(
            **(rule if call.learns else rests),
            real=_REAL[call.dtype],
            neurons=Part("neurons", updates, own),
            probe=None if probe is None else Part("probe", {FIRED: probe.spike, ABOVE: probe.updates["above"]}, own),  # type: ignore[dict-item]  # who competes spikes
            target=self.neurons.targets[0],
            shared=cells.shared,
            where=where,
            types=types | {f"neurons.{n}": t for n, t in self.neurons.step.types.items()},
            single=self.layout.linear and call.given.batch == 1,
            counted=not call.given.single,
            inhibits=call.inhibits,
            biased=call.biased,
            output=str(self.neurons.output),
        )

    def _tables(self, place: str, step: Step) -> dict[str, str]:
        """Return the coefficients of traces that have a value for each neuron."""
        values = self._numbers(place, step)
        return {name: place for name, value in values.items() if np.ndim(value)}

    def _numbers(self, place: str, step: Step) -> dict[str, Any]:
        return numbers(step.coefficients, self.learning.models[place].parameters, self.dt)

    def _coefficients(self, dtype: torch.dtype) -> dict[str, Tensor]:
        """Return the coefficients of the rule by the names of their arguments."""
        learning, found = self.learning, dict[str, Tensor]()
        for place, step in learning.steps.items():
            for name, value in self._numbers(place, step).items():
                type_ = _TYPES.get(step.coefficients[name].type, dtype)
                found[f"{place}.coef.{name}"] = torch.tensor(value, dtype=type_)
        changes = {**learning.events, **({} if learning.flow is None else {"flow": learning.flow})}
        for part, change in changes.items():
            definitions = change.found.coefficients
            for name, value in numbers(definitions, self.rule.parameters, self.dt).items():
                type_ = _TYPES.get(definitions[name].type, dtype)
                found[f"{part}.coef.{name}"] = torch.tensor(value, dtype=type_)
        return found


def _parts(name: str, change: Change) -> tuple[Part, Part]:
    """Return what a change does to synapses, and to the side that has fired."""
    return Part(name, change.synaptic, change.tables), Part(name, change.sided, change.tables)
