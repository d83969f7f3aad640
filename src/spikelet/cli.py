"""The command ``spikelet``: train and simulate networks, show and run neurons, encode, look at events, analyse.

    spikelet train digits                     a network on real images, with checkpoints and figures
    spikelet list synapses                    the neurons, synapses or rules, one line each
    spikelet show LIF --target torch          what the compiler makes of one
    spikelet run LIF --current 2 --time 100ms --plot out.png
    spikelet simulate brunel --scale 0.2      a well-known network: rates, irregularity, speed
    spikelet reproduce song_2000              the experiment of a paper, beside the published figures
    spikelet encode digit.png --with poisson --plot out.png
    spikelet events film.raw --to film.npz    what a recording holds; and in another format
    spikelet analyse spikes.npz               rates, intervals, synchrony
    spikelet info                             versions, back ends, data sets found

Mistakes end with one line on stderr and exit code 2, Ctrl-C with 130 (after a checkpoint, in training). Each command
imports what it needs and no more, so that ``spikelet --help`` is there at once.
"""

import argparse
import os
import signal
import sys
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from spikelet.commands import analyse, encode, events, info, neurons, reproduce, simulate, train
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


_COMMANDS: dict[str, tuple[Callable[[Parser], None], Callable[[argparse.Namespace], int], str]] = {
    "train": (train.describe_train, train.train, "train a network on real images, sounds or events"),
    "list": (neurons.describe_list, neurons.list_entries, "list the neurons, synapses or rules"),
    "show": (
        neurons.describe_show,
        neurons.show_entry,
        "show a neuron, synapse or rule, or what the compiler makes of it",
    ),
    "run": (neurons.describe_run, neurons.run_neuron, "simulate a neuron under a constant input"),
    "simulate": (simulate.describe_simulate, simulate.simulate_network, "simulate a well-known network"),
    "reproduce": (reproduce.describe_reproduce, reproduce.reproduce, "run the experiment of a paper"),
    "encode": (encode.describe_encode, encode.encode_file, "turn an image, a sound or signals into spikes"),
    "events": (events.describe_events, events.show_events, "tell what a recording of an event camera holds"),
    "analyse": (analyse.describe_analyse, analyse.analyse, "measure spikes: rates, intervals, synchrony"),
    "info": (info.describe_info, info.info, "versions, back ends, data sets found"),
}

if __name__ == "__main__":
    raise SystemExit(main())
