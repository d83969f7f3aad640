"""``spikelet train``: train a network on images, sounds or events."""

import argparse
import json
import sys
from pathlib import Path

from spikelet.commands.arguments import integer, number
from spikelet.errors import InputError


def describe_train(parser: argparse.ArgumentParser) -> None:
    """Describe the options of ``spikelet train``."""
    add = parser.add_argument
    add("dataset", metavar="DATASET", help="digits, mnist, fashion-mnist, fsdd (spoken) or nmnist (event digits)")
    add("--recipe", default="default", help="what to train: default, article (mnist) or quick (fsdd, nmnist)")
    add("--epochs", type=integer, help="passes over the training images")
    add("--batch-size", type=integer, help="images of a step, those of all processes together")
    add("--lr", type=number, help="step size of Adam")
    add("--steps", type=integer, help="time steps for each image")
    add("--encoder", help="how an image enters: constant, bernoulli or latency")
    add("--seed", type=integer, help="of weights, order, shifts and spikes (0)")
    add("--speaker", help="of spoken digits: test with this speaker alone, train with the others")
    add("--limit", type=integer, help="use this many images only")
    add("--out", type=Path, help="folder of the run (runs/DATASET-RECIPE-SEED)")
    add("--resume", action="store_true", help="continue the run in the folder")
    add("--overwrite", action="store_true", help="replace the run in the folder")
    add("--checkpoint-every", type=integer, default=200, help="steps between checkpoints, besides one each epoch (200)")
    add("--device", default="auto", help="auto, cpu, cuda or cuda:N")
    add("--threads", type=integer, help="of torch, in each process")
    add("--no-plots", action="store_true", help="draw nothing")
    add("--json", action="store_true", help="print the result as one line of JSON")


def train(options: argparse.Namespace) -> int:
    """Train a spiking network on real images, sounds or events.

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
