"""Run the experiment of a paper, tell what came of it, keep it.

`PAPERS` are the files ``author_year.py`` of this folder. A full run that is kept is a line of figures (``NAME.json``)
and a plot (``NAME.png``), from which `reproduced` makes the page of the documentation.
"""

import functools
import importlib
import io
import json
import math
import pkgutil
import re
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from spikelet import __version__, progress
from spikelet.errors import DataError, InputError, did_you_mean
from spikelet.experiments.paper import Figure, Outcome, Paper, shown
from spikelet.files import write_atomic

PAPERS = tuple(
    sorted(
        module.name
        for module in pkgutil.iter_modules([str(Path(__file__).parent)])
        if re.search(r"_\d{4}$", module.name)
    )
)


def find(name: str) -> Paper:
    """Return the experiment of a name.

    Raises:
        InputError: there is none; the text has the nearest name.
    """
    if name not in PAPERS:
        raise InputError(f"unknown paper '{name}'{did_you_mean(name, PAPERS)} (known: {', '.join(PAPERS)})")
    return importlib.import_module(f"spikelet.experiments.{name}").PAPER


def reproduce(name: str, *, quick: bool = False, seed: int = 0, show: bool | None = None) -> Outcome:
    """Run the experiment of a paper.

    Args:
        name: one of `PAPERS`.
        quick: run a short form, to see that it works; it proves nothing.
        seed: of all random numbers.
        show: whether bars are shown; None: on a terminal, after some time.

    Raises:
        InputError: there is no such paper, or the seed is negative.
    """
    paper = find(name)
    if seed < 0:
        raise InputError(f"--seed must be at least 0, not {seed}")
    begin = time.process_time()
    figures, details, series = paper.run(quick, seed, functools.partial(progress.bar, show=show))
    return Outcome(tuple(figures), seed, quick, time.process_time() - begin, details, series)


# -- what it tells ----------------------------------------------------------------------------------------------------


def numbers(paper: Paper, outcome: Outcome) -> dict[str, Any]:
    """Return an outcome for JSON; of a quick run without the published figures."""
    return {
        "name": paper.name,
        "quick": outcome.quick,
        "seed": outcome.seed,
        "seconds": round(outcome.seconds, 1),
        "version": __version__,
        "figures": [_row(figure, outcome.quick) for figure in outcome.figures],
        "details": dict(outcome.details),
    }


def _row(figure: Figure, quick: bool) -> dict[str, Any]:
    row = {"what": figure.what, "ours": _number(figure.ours), "unit": figure.unit}
    if quick:
        return row
    gate = [_number(bound) for bound in figure.gate]
    return row | {"published": figure.published, "source": figure.source, "gate": gate, "holds": figure.holds}


def _number(value: float) -> float | None:
    """Return a number with six digits, None for those that JSON does not know."""
    return float(f"{value:.6g}") if math.isfinite(value) else None


def text(paper: Paper, outcome: Outcome) -> str:
    """Return an outcome as lines to read."""
    kind = "quick run, not to be compared with the paper" if outcome.quick else "full run"
    lines = [f"{paper.name}: {paper.title}", f"{kind}, seed {outcome.seed}, {outcome.seconds:.1f} s of CPU time"]
    width = max((len(figure.what) for figure in outcome.figures), default=0)
    for figure in outcome.figures:
        line = f"  {figure.what:{width}}  {figure.ours:.4g}{' ' * bool(figure.unit)}{figure.unit}"
        lines.append(line if outcome.quick else f"{line}  ({_judged(figure)})")
    return "\n".join([*lines, *(f"  {name}: {value}" for name, value in outcome.details.items())])


def _judged(figure: Figure) -> str:
    published = f"published: {figure.published}" if figure.published else "no published figure"
    kind = "aim" if figure.source == "memory" else "gate"
    return f"{published}; {kind} {shown(figure.gate)}: {'holds' if figure.holds else 'DOES NOT HOLD'}"


def missed(outcome: Outcome) -> bool:
    """Return whether a full run misses a gate; aims, known from memory alone, do not count."""
    return not outcome.quick and any(not f.holds for f in outcome.figures if f.source != "memory")


def draw(paper: Paper, outcome: Outcome) -> Any:
    """Return the figure of an outcome, in which that of a quick run is marked as such."""
    drawn = paper.draw(outcome)
    if outcome.quick:
        mark = {"fontsize": 9, "color": "#c0392b", "ha": "right", "va": "bottom", "weight": "bold"}
        drawn.text(0.995, 0.005, "quick run", **mark)
    return drawn


# -- what is kept -----------------------------------------------------------------------------------------------------


def check_folder(folder: Path) -> None:
    """Check that files can be written into a folder, before what they will hold is computed.

    Raises:
        DataError: there is no such folder, or it is not writable.
    """
    try:
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        raise DataError(f"cannot write into the folder {folder}: {error.strerror or error}") from error


def save(paper: Paper, outcome: Outcome, folder: Path) -> None:
    """Write ``NAME.json`` and ``NAME.png``; those of an earlier run stand until both are drawn.

    Raises:
        InputError: the run was a quick one.
        DataError: a file cannot be written.
    """
    if outcome.quick:
        raise InputError("only full runs are kept, and this was a quick one")
    picture = io.BytesIO()
    draw(paper, outcome).savefig(picture, format="png", dpi=120, metadata={"Software": None})
    write_atomic(folder / f"{paper.name}.png", picture.getvalue())
    write_atomic(folder / f"{paper.name}.json", f"{json.dumps(numbers(paper, outcome), indent=1)}\n".encode())


def record(name: str, folder: Path) -> Mapping[str, Any] | None:
    """Return what was kept of a paper, None if nothing was.

    Raises:
        DataError: the file is no record of that paper.
    """
    path = folder / f"{name}.json"
    if not path.exists():
        return None
    try:
        found = json.loads(path.read_text())
    except ValueError as error:
        raise DataError(f"{path} is no JSON: {error}") from error
    if not isinstance(found, dict) or found.get("name") != name or found.get("quick") is not False:
        raise DataError(f"{path} is no record of a full run of {name}")
    return found
