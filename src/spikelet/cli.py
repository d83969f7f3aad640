"""The command ``spikelet``: train and simulate networks, list, show and run neurons, say what is installed.

    spikelet train digits                     a network on real images, with checkpoints and figures
    spikelet list synapses                    the neurons, synapses or rules, one line each
    spikelet show LIF --target torch          what the compiler makes of one
    spikelet run LIF --current 2 --time 100ms --plot out.png
    spikelet simulate brunel --scale 0.2      a well-known network: rates, irregularity, speed
    spikelet info                             versions, back ends, data sets found

Mistakes end with one line on stderr and exit code 2, Ctrl-C with 130 (after a checkpoint, in training). Each command
imports what it needs and no more, so that ``spikelet --help`` is there at once.
"""

import argparse
import json
import os
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

from spikelet.errors import InputError, SpikeletError, did_you_mean

_EXTRAS = {
    "torch": "torch",
    "safetensors": "torch",
    "tqdm": "torch",
    "matplotlib": "plot",
    "sklearn": "data",
    "pooch": "data",
}


class Parser(argparse.ArgumentParser):
    """An argument parser whose errors are Spikelet's own."""

    def error(self, message: str) -> NoReturn:
        """Raise instead of printing the usage of the whole command."""
        raise InputError(f"{message} (see {self.prog} --help)")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code.

    Args:
        arguments: of the command line; those of this process if not given.
    """
    try:
        code = _run(sys.argv[1:] if arguments is None else list(arguments))
        sys.stdout.flush()
        return code
    except SpikeletError as error:
        return _complain(str(error))
    except ModuleNotFoundError as error:
        package = (error.name or "").split(".")[0]
        if package not in _EXTRAS:
            raise
        return _complain(f"this needs {package}, which is not installed: pip install 'spikelet[{_EXTRAS[package]}]'")
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    except BrokenPipeError:  # the reader, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + signal.SIGPIPE


def _complain(text: str) -> int:
    rank = os.environ.get("RANK", "0")
    print(f"spikelet{'' if rank == '0' else f' (process {rank})'}: error: {text}", file=sys.stderr)
    return 2


def _run(arguments: list[str]) -> int:
    parser, commands = _parser()
    first = next((word for word in arguments if not word.startswith("-")), None)
    if first is not None and first not in commands:
        raise InputError(f"unknown command '{first}'{did_you_mean(first, commands)} (known: {', '.join(commands)})")
    options, unknown = parser.parse_known_args(arguments)
    if options.command is None:
        parser.print_help()
        return 0
    if unknown:
        valid = [name for action in commands[options.command]._actions for name in action.option_strings]
        given = unknown[0].split("=")[0]
        kind = "option" if given.startswith("-") else "argument"
        raise InputError(f"{options.command}: unknown {kind} '{given}'{did_you_mean(given, valid)}")
    return options.function(options)


def _parser() -> tuple[Parser, dict[str, Parser]]:
    shape = {"formatter_class": argparse.RawDescriptionHelpFormatter, "allow_abbrev": False}
    parser = Parser(prog="spikelet", description=__doc__, **shape)
    parser.add_argument("--version", action=_Version, nargs=0, help="print the version")
    places = parser.add_subparsers(dest="command", metavar="COMMAND")
    commands: dict[str, Parser] = {}
    for name, (describe, function, line) in _COMMANDS.items():
        commands[name] = places.add_parser(name, help=line, description=function.__doc__, **shape)
        commands[name].set_defaults(function=function)
        describe(commands[name])
    return parser, commands


class _Version(argparse.Action):
    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        from spikelet import __version__

        print(f"spikelet {__version__}")
        parser.exit()


# -- train ------------------------------------------------------------------------------------------------------------


def _describe_train(parser: Parser) -> None:
    add = parser.add_argument
    add("dataset", metavar="DATASET", help="digits, mnist or fashion-mnist")
    add("--recipe", default="default", help="what to train: default or article (mnist)")
    add("--epochs", type=_integer, help="passes over the training images")
    add("--batch-size", type=_integer, help="images of a step, those of all processes together")
    add("--lr", type=_number, help="step size of Adam")
    add("--steps", type=_integer, help="time steps for each image")
    add("--encoder", help="how an image enters: constant, bernoulli or latency")
    add("--seed", type=_integer, help="of weights, order, shifts and spikes (0)")
    add("--speaker", help="of spoken digits: test with this speaker alone, train with the others")
    add("--limit", type=_integer, help="use this many images only")
    add("--out", type=Path, help="folder of the run (runs/DATASET-RECIPE-SEED)")
    add("--resume", action="store_true", help="continue the run in the folder")
    add("--overwrite", action="store_true", help="replace the run in the folder")
    add(
        "--checkpoint-every", type=_integer, default=200, help="steps between checkpoints, besides one each epoch (200)"
    )
    add("--device", default="auto", help="auto, cpu, cuda or cuda:N")
    add("--threads", type=_integer, help="of torch, in each process")
    add("--no-plots", action="store_true", help="draw nothing")
    add("--json", action="store_true", help="print the result as one line of JSON")


def train(options: argparse.Namespace) -> int:
    """Train a spiking network on real images.

    Writes checkpoints, metrics.json and three figures into the folder of the run. After Ctrl-C, or kill -9, the same
    line with --resume ends with the very weights of a run that was never interrupted. Under torchrun the images of a
    step are split among the processes, and the result is the same.
    """
    from dataclasses import asdict

    from spikelet.experiments import recipes

    changes = ("epochs", "batch_size", "lr", "steps", "encoder", "speaker", "seed", "limit")
    recipe = recipes.find(options.dataset, options.recipe).changed(**{name: getattr(options, name) for name in changes})
    for name in ("threads", "checkpoint_every"):
        if getattr(options, name) is not None and getattr(options, name) < 1:
            raise InputError(f"--{name.replace('_', '-')} must be at least 1, not {getattr(options, name)}")
    out = options.out or Path("runs") / f"{recipe.dataset}-{recipe.name}-{recipe.seed}"
    from spikelet.experiments import report, train as training

    how = training.Options(
        out=out,
        resume=options.resume,
        overwrite=options.overwrite,
        device=options.device,
        threads=options.threads,
        checkpoint_every=options.checkpoint_every,
        figures=not options.no_plots,
    )
    outcome = training.train(recipe, how)
    if outcome.stopped is not None:
        if outcome.first:
            print(f"stopped after step {outcome.step}; --resume continues the run in {out}", file=sys.stderr)
        return 128 + outcome.stopped
    if outcome.first and outcome.metrics is not None:
        print(json.dumps(asdict(outcome.metrics)) if options.json else f"{report.text(outcome.metrics)}\nsee {out}/")
    return 0


# -- list, show, run --------------------------------------------------------------------------------------------------


def _describe_list(parser: Parser) -> None:
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


def _describe_show(parser: Parser) -> None:
    parser.add_argument("name", metavar="NAME", help="a neuron, synapse or rule: a name of `spikelet list`")
    parser.add_argument("--target", default="model", help="model, ir, torch, numpy or latex")


def show_entry(options: argparse.Namespace) -> int:
    """Show a neuron, a synapse or a rule: its equations, or what the compiler makes of them."""
    from spikelet.simulate import show

    name, found = options.name, {name: entry for zoo in _zoos().values() for name, entry in zoo.items()}
    if name not in found:
        raise InputError(f"unknown neuron '{name}'{did_you_mean(name, found)} (`spikelet list` names them)")
    print(show(found[name], options.target).rstrip())
    return 0


def _describe_run(parser: Parser) -> None:
    add = parser.add_argument
    add("neuron", metavar="NEURON", help="a name of `spikelet list`")
    add("--current", help="value of the neuron's only input, such as 10 or 0.2nA")
    add("--input", action="append", default=[], metavar="NAME=VALUE", help="value of a named input; may be repeated")
    add("--time", default="500ms", help="how long (500ms)")
    add("--dt", default="0.1ms", help="time step (0.1ms)")
    add("--param", action="append", default=[], metavar="NAME=VALUE", help="value of a parameter; may be repeated")
    add("--record", action="append", default=[], metavar="NAME", help="variable to draw (v); may be repeated")
    add("--seed", type=_integer, default=0, help="of a random neuron (0)")
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


# -- simulate ---------------------------------------------------------------------------------------------------------


def _describe_simulate(parser: Parser) -> None:
    add = parser.add_argument
    networks = "brunel, vogels-abbott-cuba, vogels-abbott-coba, cobahh, microcircuit, izhikevich or hpc"
    add("network", metavar="NETWORK", help=networks)
    add("--scale", type=_number, default=1.0, help="share of the neurons (1)")
    add("--time", default="1s", help="how long (1s)")
    add("--discard", help="beginning that the figures leave out (a tenth of --time)")
    add("--threads", type=_integer, default=1, help="how many share the work; the spikes are the same (default 1)")
    add("--seed", type=_integer, default=0, help="of connections, weights, initial values and drive (0)")
    add("--to", type=Path, metavar="FOLDER", help="record the spikes into this folder (zarr), too")
    add("--plot", type=Path, help="draw spikes and rates into this file (.png, .pdf, .svg)")
    add("--json", action="store_true", help="print the numbers as one line of JSON")


def simulate_network(options: argparse.Namespace) -> int:
    """Simulate a well-known network; tell its rates, irregularity and synchrony, and what it costs."""
    from spikelet import units
    from spikelet.experiments import network_run, report

    time = units.quantity(options.time, "ms")
    discard = None if options.discard is None else units.quantity(options.discard, "ms")
    if options.plot:
        report.check_figure(options.plot)
    how = {"time": time, "discard": discard, "seed": options.seed, "threads": options.threads, "to": options.to}
    outcome = network_run.run(options.network, scale=options.scale, **how)
    print(json.dumps(outcome.numbers) if options.json else network_run.text(outcome.numbers))
    if options.plot:
        network_run.draw(outcome, options.plot)
    return 128 + signal.SIGINT if outcome.interrupted else 0


# -- info -------------------------------------------------------------------------------------------------------------


def _describe_info(parser: Parser) -> None:
    parser.add_argument("--json", action="store_true", help="print one line of JSON")


def info(options: argparse.Namespace) -> int:
    """Print versions, back ends and the data sets that were found."""
    found = {"versions": _versions(), "backends": _backends(), "data": _data()}
    if options.json:
        print(json.dumps(found))
        return 0
    for title, rows in found.items():
        print(title)
        for name, value in rows.items():
            print(f"  {name:16} {value}")
    return 0


def _versions() -> dict[str, str]:
    import platform
    from importlib.metadata import PackageNotFoundError, version

    from spikelet import __version__

    rows = {"spikelet": __version__, "python": platform.python_version(), "system": platform.platform()}
    for name in ("numpy", "scipy", "llvmlite", "torch", "safetensors", "matplotlib", "scikit-learn", "nir", "triton"):
        try:
            rows[name] = version(name)
        except PackageNotFoundError:
            rows[name] = "not installed"
    return rows


def _backends() -> dict[str, str]:
    from importlib.util import find_spec

    from spikelet import simulate

    rows = dict(simulate.BACKENDS)
    if find_spec("torch") is None:
        return rows | {"torch_eager": "not ready: pip install 'spikelet[torch]'"}
    import torch

    gpus = [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())]
    return rows | {"devices": ", ".join(["cpu", *gpus]), "threads": str(torch.get_num_threads())}


def _data() -> dict[str, str]:
    from spikelet import datasets

    return {name: str(place) for name, place in datasets.available().items()}


# -- numbers ----------------------------------------------------------------------------------------------------------


def _integer(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"'{text}' is not a whole number") from None


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"'{text}' is not a number") from None


_COMMANDS: dict[str, tuple[Callable[[Parser], None], Callable[[argparse.Namespace], int], str]] = {
    "train": (_describe_train, train, "train a network on real images"),
    "list": (_describe_list, list_entries, "list the neurons, synapses or rules"),
    "show": (_describe_show, show_entry, "show a neuron, synapse or rule, or what the compiler makes of it"),
    "run": (_describe_run, run_neuron, "simulate a neuron under a constant input"),
    "simulate": (_describe_simulate, simulate_network, "simulate a well-known network"),
    "info": (_describe_info, info, "versions, back ends, data sets found"),
}

if __name__ == "__main__":
    raise SystemExit(main())
