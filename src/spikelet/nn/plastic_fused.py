"""A call of a layer that learns as one kernel for CPUs: what it can do, and how it is given its arguments."""

import ctypes
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from spikelet.backends import llvm_cpu, llvm_jit
from spikelet.backends.llvm_plastic import Part, Plan
from spikelet.backends.llvm_plastic_loop import ABOVE, FIRED, SPIKE, plastic_kernel
from spikelet.backends.memory import MEMORY
from spikelet.backends.numpy_reference import numbers
from spikelet.ir.lower import STEP, Step
from spikelet.ir.nodes import topological
from spikelet.nn.coefficients import Prepared
from spikelet.nn.plastic_cells import Cells
from spikelet.nn.plastic_inhibition import matrix
from spikelet.nn.plastic_layout import Layout
from spikelet.nn.plastic_loop import Kept
from spikelet.nn.plastic_rule import Change, Learning
from spikelet.nn.plastic_state import Given, Signals, Whole

_REAL = {torch.float32: "float", torch.float64: "double"}
_NUMBERS = {torch.float32: np.float32, torch.float64: np.float64}
_TYPES = {"int": torch.int64, "bool": torch.bool}
_NOTHING = (Part("rests", {}), Part("rests", {}))


@dataclass(frozen=True)
class _Compiled:
    """A kernel in memory."""

    function: Callable[[int], None]
    signature: tuple[str, ...]
    coefficients: Mapping[str, Tensor]


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
        self.compiled: dict[object, _Compiled] = {}
        self.turned: tuple[Tensor, int, Tensor] | None = None

    def obstacle(self, device: torch.device, inhibition: object) -> str:
        """Say why the kernel cannot do a call; nothing if it can."""
        model, step = self.neurons.model, self.neurons.step
        if device.type != "cpu":
            return f"x is on {device}, and the fused kernel is for CPUs"
        if not self.layout.linear:
            return f"the fused kernel does nn.Linear, and this is {type(self.layout.module).__name__}"
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
        if inhibition is not None and matrix(inhibition) is None:
            kind = type(inhibition).__name__
            return f"what inhibits is {kind}, and the fused kernel does a matrix, or a Linear without bias"
        return ""

    def too_much(self, given: Given) -> str:
        """Say why the kernel cannot do these spikes; nothing if it can."""
        if given.batch * max(given.x.shape[2], given.receivers[0]) >= 2**31:
            return "there are too many neurons"
        return "" if given.single else "x holds several spikes of a sender in a step"

    def __call__(
        self, given: Given, prepared: Prepared, whole: Whole, signals: Signals, inhibition: Tensor | None
    ) -> tuple[Tensor, Whole]:
        """Run all steps; returns what the layer shows of each, (T, B, M), and the state after the last.

        Where ``whole`` has no states of the rule the layer does not learn.
        """
        call = _Call(self, given, whole, signals, inhibition)
        tables = [n for n, v in zip(self.neurons.step.coefficients, prepared.coefficients, strict=True) if v.ndim]
        kernel = self._kernel(call, tuple(tables))
        values = zip(self.neurons.step.coefficients, prepared.coefficients, strict=True)
        for name, value in values:
            value = value.contiguous()
            call.memory[f"neurons.coef.{name}"] = call.memory[f"probe.coef.{name}"] = value
        call.run(kernel)
        return call.finished()

    def by_sender(self, inhibition: Tensor, dtype: torch.dtype) -> Tensor:
        """Return what inhibits by sender and receiver; a copy is kept as long as nothing changes it."""
        kept = self.turned
        if kept is None or kept[0] is not inhibition or kept[1] != inhibition._version or kept[2].dtype != dtype:
            kept = self.turned = inhibition, inhibition._version, inhibition.detach().to(dtype).t().contiguous()
        return kept[2]

    # --- kernels ------------------------------------------------------------------------------------------------------

    def _kernel(self, call: "_Call", tables: tuple[str, ...]) -> _Compiled:
        key = (
            call.dtype,
            call.given.batch == 1,
            tables,
            call.learns,
            call.inhibits,
            call.biased,
            *call.signals.network,
        )
        if key not in self.compiled:
            plan = self._plan(call, tables)
            printed = plastic_kernel(plan)
            function = llvm_jit.compile(printed.text).function("kernel", ctypes.c_void_p)
            self.compiled[key] = _Compiled(function, printed.signature, self._coefficients(call.dtype))
        return self.compiled[key]

    def _plan(self, call: "_Call", tables: tuple[str, ...]) -> Plan:
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
            single=call.given.batch == 1,
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


def _lists(given: Given) -> dict[str, Tensor]:
    """Return who fires in each step and sample."""
    events = given.events
    assert events is not None  # as too_much saw
    return {name: torch.from_numpy(getattr(events, name)) for name in ("columns", "start", "stop")}


def _parts(name: str, change: Change) -> tuple[Part, Part]:
    """Return what a change does to synapses, and to the side that has fired."""
    return Part(name, change.synaptic, change.tables), Part(name, change.sided, change.tables)


class _Call:
    """The memory of one call."""

    def __init__(self, fused: Fused, given: Given, whole: Whole, signals: Signals, inhibition: Tensor | None):
        self.fused, self.given, self.before, self.signals = fused, given, whole, signals
        self.learns = whole.kept is not None
        self.kept = Kept({}, {}, torch.zeros((), dtype=torch.int64)) if whole.kept is None else whole.kept
        self.dtype, self.inhibits = given.x.dtype, inhibition is not None
        bias = fused.layout.module.bias
        self.biased = bias is not None
        batch, n, m = given.batch, given.x.shape[2], given.receivers[0]
        self.weights = fused.layout.module.weight.detach().t()  # (N, M), which is how Layout keeps them in memory
        most = max(n, m)
        self.memory: dict[str, Tensor] = {
            **_lists(given), "weights": self.weights.contiguous(),
            "out": self._out(given.steps, batch, m), "drive": self._room(batch, m), "change": self._room(most),
            "column": self._room(n), "above": self._room(m), "pass": torch.zeros(m, dtype=torch.bool),
            "share": torch.full((), 1.0 if fused.reduced == "sum" else 1 / batch, dtype=self.dtype),
            "limits": self._limits(), "spikes": self._room(batch, m) if whole.spikes is None else whole.spikes.clone(),
            **{name: torch.zeros(most, dtype=torch.int32) for name in ("head", "count", "touched", "firing")},
            "next": torch.zeros(batch * most, dtype=torch.int32),
        }  # fmt: skip
        if bias is not None:
            self.memory["bias"] = bias.detach().contiguous()
        if inhibition is not None:
            self.memory["inhibition"] = fused.by_sender(inhibition, self.dtype)
        self.numbers = {"T": given.steps, "B": batch, "N": n, "M": m, "winners": fused.cells.winners or 0}
        self._states()

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
        shared, memory, start = self.fused.cells.shared, self.memory, dict[str, int]()
        for name, value in self.before.neurons.items():
            if name == STEP:
                start |= dict.fromkeys(("neurons", "probe"), int(value))
            else:
                memory[f"neurons.{name}"] = (value[0] if name in shared else value).clone(
                    memory_format=torch.contiguous_format
                )
        for name in shared:
            memory[f"jumps.{name}"] = torch.zeros_like(memory[f"neurons.{name}"])
        for place, group in self.kept.places.items():
            for name, value in group.items():
                if name == STEP:
                    start[place] = int(value)
                else:
                    memory[f"{place}.{name}"] = value.clone(memory_format=torch.contiguous_format)
        for name, value in self.kept.synapse.items():  # (B, M, 1, N) to (B, N, M)
            memory[f"synapse.{name}"] = value[:, :, 0].mT.clone(memory_format=torch.contiguous_format)
        start |= dict.fromkeys(("flow", "on_pre", "on_post"), int(self.kept.step))
        self.numbers |= {f"start.{name}": value for name, value in start.items()}
        memory.update({f"signal.{name}": value.contiguous() for name, value in self.signals.values.items()})

    def run(self, kernel: _Compiled) -> None:
        """Call the kernel, and bring the weights back where they are kept."""
        memory = {**self.memory, **kernel.coefficients}
        words = np.zeros(len(kernel.signature), np.int64)
        for place, name in enumerate(kernel.signature):
            if name == "dt":
                words[place] = np.float64(self.fused.dt).view(np.int64)
            else:
                words[place] = self.numbers[name] if name in self.numbers else memory[name].data_ptr()
        kernel.function(words.ctypes.data)
        if self.learns and self.memory["weights"].data_ptr() != self.weights.data_ptr():
            self.weights.copy_(self.memory["weights"])

    def finished(self) -> tuple[Tensor, Whole]:
        """Return what the layer shows, and the state."""
        memory, steps = self.memory, self.given.steps
        neurons: dict[str, Tensor] = {}
        for name, value in self.before.neurons.items():
            now = value + steps if name == STEP else memory[f"neurons.{name}"]
            neurons[name] = now.expand_as(value) if name in self.fused.cells.shared else now
        places = {
            place: {n: v + steps if n == STEP else memory[f"{place}.{n}"] for n, v in group.items()}
            for place, group in self.kept.places.items()
        }
        synapse = {name: memory[f"synapse.{name}"].mT.unsqueeze(2) for name in self.kept.synapse}
        kept = Kept(places, synapse, self.kept.step + steps) if self.learns else None
        return memory["out"], Whole(neurons, kept, None if self.before.spikes is None else memory["spikes"])
