"""``spikelet list``, ``show`` and ``run``: what there is, what becomes of it, what it does."""

import argparse
import json
from pathlib import Path
from typing import Any

from spikelet.commands.arguments import integer
from spikelet.errors import InputError, did_you_mean


def describe_list(parser: argparse.ArgumentParser) -> None:
    """Describe the options of ``spikelet list``."""
    parser.add_argument("zoo", nargs="?", default="neurons", help="neurons, synapses or rules", metavar="ZOO")
    parser.add_argument("--json", action="store_true", help="one line of JSON: name -> description and reference")


def list_entries(options: argparse.Namespace) -> int:
    """List the neurons, synapses or rules, one line each."""
    zoos = _zoos()
    if options.zoo not in zoos:
        raise InputError(
            f"list: unknown zoo '{options.zoo}'{did_you_mean(options.zoo, zoos)} (known: {', '.join(zoos)})"
        )
    found = zoos[options.zoo]
    if options.json:
        print(json.dumps({name: {"doc": model.doc, "ref": model.ref} for name, model in found.items()}))
        return 0
    width = max(map(len, found))
    for name, model in found.items():
        print(f"{name:{width}}  {model.doc.split('. ')[0].rstrip('.')}")
    return 0


def _neurons() -> dict[str, Any]:
    """Return the zoo: every ``Neuron`` in `spikelet.neurons`, in its order."""
    from spikelet import neurons
    from spikelet.model import Neuron

    return {name: value for name, value in vars(neurons).items() if isinstance(value, Neuron)}


def _zoos() -> dict[str, dict[str, Any]]:
    """Return the entries of each zoo."""
    from spikelet import rules, synapses

    return {"neurons": _neurons(), "synapses": synapses.entries(), "rules": rules.entries()}


def _neuron(name: str) -> Any:
    found = _neurons()
    if name not in found:
        raise InputError(f"unknown neuron '{name}'{did_you_mean(name, found)} (`spikelet list` names them)")
    return found[name]


def describe_show(parser: argparse.ArgumentParser) -> None:
    """Describe the options of ``spikelet show``."""
    parser.add_argument("name", metavar="NAME", help="a neuron, synapse or rule: a name of `spikelet list`")
    parser.add_argument("--target", default="model", help="model, ir, torch, numpy or latex")


def show_entry(options: argparse.Namespace) -> int:
    """Show a neuron, a synapse or a rule: its equations, or what the compiler makes of them."""
    from spikelet.simulate import show

    name, found = options.name, {name: entry for zoo in _zoos().values() for name, entry in zoo.items()}
    if name not in found:
        near = did_you_mean(name, found)
        raise InputError(f"unknown neuron, synapse or rule '{name}'{near} (`spikelet list` names them)")
    print(show(found[name], options.target).rstrip())
    return 0


def describe_run(parser: argparse.ArgumentParser) -> None:
    """Describe the options of ``spikelet run``."""
    add = parser.add_argument
    add("neuron", metavar="NEURON", help="a name of `spikelet list`")
    add("--current", help="value of the neuron's only input, such as 10 or 0.2nA")
    add("--input", action="append", default=[], metavar="NAME=VALUE", help="value of a named input; may be repeated")
    add("--time", default="500ms", help="how long (500ms)")
    add("--dt", default="0.1ms", help="time step (0.1ms)")
    add("--param", action="append", default=[], metavar="NAME=VALUE", help="value of a parameter; may be repeated")
    add("--record", action="append", default=[], metavar="NAME", help="variable to draw (v); may be repeated")
    add("--seed", type=integer, default=0, help="of a random neuron (0)")
    add("--method", help="integrator")
    add("--backend", default="auto", help="numpy_reference or torch_eager")
    add("--plot", type=Path, help="draw into this file (.png, .pdf, .svg)")
    add("--json", action="store_true", help="print the result as one line of JSON")


def run_neuron(options: argparse.Namespace) -> int:
    """Simulate one neuron under a constant input."""
    from spikelet import simulate, units

    model = _neuron(options.neuron)
    model = model(**_assignments(options.param, model, tuple(model.parameters), "parameter"))
    inputs = _assignments(options.input, model, model.inputs, "input")
    if options.current is not None:
        if len(model.inputs) != 1:
            raise InputError(f"{model.name} has the inputs {', '.join(model.inputs) or 'none'}: use --input NAME=VALUE")
        inputs[model.inputs[0]] = units.quantity(options.current, model.unit(model.inputs[0]))
    record = tuple(options.record) or model.states[:1]
    time, dt = units.quantity(options.time, "ms"), units.quantity(options.dt, "ms")
    how = {"seed": options.seed, "method": options.method, "backend": options.backend}
    result = simulate.run(model, inputs or 0, t=time, dt=dt, record=record, **how)
    spikes = [round(float(value), 6) for value in result.spikes.times]
    if options.json:
        print(json.dumps({"spikes": spikes, "rate_hz": 1000 * len(spikes) / time}))
    elif model.spiking:
        shown = ", ".join(f"{value:g}" for value in spikes[:10]) + (", ..." if len(spikes) > 10 else "")
        print(
            f"{len(spikes)} spikes in {time:g} ms ({1000 * len(spikes) / time:.4g} Hz){': ' + shown if shown else ''}"
        )
    else:
        print(", ".join(f"{name} = {result[name][-1, 0]:.6g} after {time:g} ms" for name in record))
    if options.plot:
        _plot(result, {name: model.unit(name) for name in record}, options.plot)
    return 0


def _plot(result: Any, unit: dict[str, str], path: Path) -> None:
    from spikelet import plot
    from spikelet.experiments.report import write_figure

    drawn, axes = plot.figure(7, 1.2 + 1.8 * len(unit), rows=len(unit))
    plot.trace(result, unit, unit=unit, ax=axes)
    write_figure(path, drawn)


def _assignments(texts: list[str], model: Any, valid: tuple[str, ...], kind: str) -> dict[str, float]:
    from spikelet import units

    values = {}
    for text in texts:
        name, equals, value = (part.strip() for part in text.partition("="))
        if not equals:
            raise InputError(f"'{text}' is not of the form NAME=VALUE")
        if name not in valid:
            known = ", ".join(valid) or "none"
            raise InputError(f"{model.name} has no {kind} '{name}'{did_you_mean(name, valid)} (known: {known})")
        values[name] = units.quantity(value, model.unit(name))
    return values
