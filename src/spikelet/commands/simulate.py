"""``spikelet simulate``: run a well-known network."""

import argparse
import json
import signal
from pathlib import Path

from spikelet.commands.arguments import integer, number


def describe_simulate(parser: argparse.ArgumentParser) -> None:
    """Describe the options of ``spikelet simulate``."""
    add = parser.add_argument
    networks = "brunel, vogels-abbott-cuba, vogels-abbott-coba, cobahh, microcircuit, izhikevich or hpc"
    add("network", metavar="NETWORK", help=networks)
    add("--scale", type=number, default=1.0, help="share of the neurons (1)")
    add("--time", default="1s", help="how long (1s)")
    add("--discard", help="beginning that the figures leave out (a tenth of --time)")
    add("--threads", type=integer, default=1, help="how many share the work; the spikes are the same (default 1)")
    add("--seed", type=integer, default=0, help="of connections, weights, initial values and drive (0)")
    add("--to", type=Path, metavar="FOLDER", help="record the spikes into this folder (zarr), too")
    add("--overwrite", action="store_true", help="replace the recording in that folder")
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
    names = ("seed", "threads", "to", "overwrite")
    how = {"time": time, "discard": discard, **{name: getattr(options, name) for name in names}}
    outcome = network_run.run(options.network, scale=options.scale, **how)
    print(json.dumps(outcome.numbers) if options.json else network_run.text(outcome.numbers))
    if options.plot:
        network_run.draw(outcome, options.plot)
    return 128 + signal.SIGINT if outcome.interrupted else 0
