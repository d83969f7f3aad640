"""``spikelet reproduce``: run the experiment of a paper and set its figures beside the published ones."""

import argparse
import json
from pathlib import Path

from spikelet.commands.arguments import integer
from spikelet.errors import InputError


def describe_reproduce(parser: argparse.ArgumentParser) -> None:
    """Describe the options of ``spikelet reproduce``."""
    add = parser.add_argument
    add("name", metavar="NAME", nargs="?", help="a paper, such as song_2000; without it, all are listed")
    add("--quick", action="store_true", help="run a short form, to see that it works; it proves nothing")
    add("--seed", type=integer, default=0, help="of all random numbers (0)")
    add("--plot", type=Path, metavar="FILE", help="draw what came out into this file (.png, .pdf, .svg)")
    add("--save", type=Path, metavar="FOLDER", help="keep a full run in this folder, as NAME.json and NAME.png")
    add("--json", action="store_true", help="print the figures as one line of JSON")


def reproduce(options: argparse.Namespace) -> int:
    """Run the experiment of a paper and set its figures beside the published ones.

    The exit code is 1 where a full run misses a figure that the paper gives or that follows from its equations. After
    Ctrl-C nothing is written.
    """
    from spikelet.experiments import report, reproduce as experiment

    if options.name is None:
        return _list(options)
    paper = experiment.find(options.name)
    if options.save and options.quick:
        raise InputError("--save keeps full runs only: leave out --quick")
    if options.plot:
        report.check_figure(options.plot)
    if options.save:
        experiment.check_folder(options.save)
    outcome = experiment.reproduce(paper.name, quick=options.quick, seed=options.seed)
    print(json.dumps(experiment.numbers(paper, outcome)) if options.json else experiment.text(paper, outcome))
    if options.save:
        experiment.save(paper, outcome, options.save)
    if options.plot:
        report.write_figure(options.plot, experiment.draw(paper, outcome))
    return int(experiment.missed(outcome))


def _list(options: argparse.Namespace) -> int:
    """List all papers, one line each, or as one line of JSON."""
    from spikelet.experiments import reproduce as experiment

    given = [name for name in ("quick", "plot", "save") if getattr(options, name)]
    if given:
        raise InputError(f"--{given[0]} needs the NAME of a paper (known: {', '.join(experiment.PAPERS)})")
    papers = [experiment.find(name) for name in experiment.PAPERS]
    if options.json:
        print(json.dumps({paper.name: {"title": paper.title, "ref": paper.ref} for paper in papers}))
        return 0
    width = max(map(len, experiment.PAPERS))
    for paper in papers:
        print(f"{paper.name:{width}}  {paper.title}")
    return 0
