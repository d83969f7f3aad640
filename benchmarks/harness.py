"""What all scripts share: the command line, and one JSON line for each case.

A ratio is the median of the ratios within the rounds of a race. CPU time stands beside wall time: where the two differ,
something waited, or worked on other cores.
"""

import argparse
import json
import os
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, Literal

from benchmarks import machine
from benchmarks.peers import ALL, LEARNING, SIMULATORS
from benchmarks.race import Times, milliseconds

RESULTS = Path(__file__).parent / "results"
OURS, FLOOR = "ours", "floor"
FASTEST = "fastest peer"
# fmt: off
FIELDS = (
    "name", "shape", "unit", "ours", "peer", "missing", "ratio", "floor", "cpu_time", "peak_rss", "target", "holds",
    "rounds", "threads", "versions", "machine",
)
# fmt: on


@dataclass(frozen=True)
class Options:
    """What the command line asks for.

    Attributes:
        quick: small shapes and few rounds, to see that everything runs; such figures are never recorded.
        record: store the lines in `RESULTS`.
        rounds: how often each contestant runs.
        peers: which peers run.
        threads: of torch and of Spikelet, from ``SPIKELET_THREADS``.
    """

    quick: bool
    record: bool
    rounds: int
    peers: tuple[str, ...]
    threads: int


def options(doc: str | None, *, rounds: int = 11, peers: Iterable[str] = (), arguments: Any = None) -> Options:
    """Read the command line of a script and set the number of threads: one, unless ``SPIKELET_THREADS`` says more."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="small shapes, three rounds; never recorded")
    parser.add_argument("--record", action="store_true", help="store the lines in benchmarks/results")
    parser.add_argument("--rounds", type=int, help=f"how often each contestant runs (default {rounds})")
    parser.add_argument("--peers", help="names with commas between them, or none; default: all")
    given = parser.parse_args(arguments)
    if given.quick and given.record:
        parser.error("--quick is for trying a script: its figures are not recorded")
    known = tuple(peers)
    wanted = known if given.peers is None else [name for name in given.peers.split(",") if name not in ("", "none")]
    for name in wanted:
        if name not in (every := (*ALL, *LEARNING, *SIMULATORS)):
            parser.error(f"no peer {name!r}, expected some of {', '.join(every)}")
    chosen = tuple(name for name in wanted if name in known)  # one command may run scripts with other peers
    return Options(given.quick, given.record, given.rounds or (3 if given.quick else rounds), chosen, set_threads())


def set_threads() -> int:
    """Let torch and Spikelet use ``SPIKELET_THREADS`` threads, one by default; return the number."""
    threads = int(os.environ.setdefault("SPIKELET_THREADS", "1"))
    torch = sys.modules.get("torch")  # not every script needs it
    if torch is not None:
        torch.set_num_threads(threads)
    return threads


@dataclass(frozen=True)
class Bound:
    """What a claim says about one number: ``at_least`` or ``at_most`` so much.

    Attributes:
        what: a peer, `FASTEST`, `FLOOR`, or the name of another number of the line.
        at_least: the smallest value that holds.
        at_most: the largest value that holds.
    """

    what: str
    at_least: float | None = None
    at_most: float | None = None

    def judge(self, numbers: Mapping[str, float | None]) -> dict[str, Any]:
        """Return the bound, what was seen, and whether it holds: None where nothing was seen."""
        seen = numbers.get(self.what)
        limits = {name: value for name in ("at_least", "at_most") if (value := getattr(self, name)) is not None}
        holds = seen is not None and all(seen >= v if n == "at_least" else seen <= v for n, v in limits.items())
        return {"what": self.what, **limits, "seen": seen, "holds": None if seen is None else holds}


def ratios(
    times: Mapping[str, Times], *, costs: Iterable[str] = (FLOOR,), of: Literal["total", "cpu"] = "total"
) -> dict[str, float]:
    """Return how many times slower than ours each peer is, and how many times slower than each of ``costs`` we are."""
    found = {}
    for name, other in times.items():
        if name != OURS:
            pairs = zip(getattr(times[OURS], of), getattr(other, of), strict=False)  # a slow one sat out some rounds
            found[name] = median(mine / its if name in costs else its / mine for mine, its in pairs)
    peers = [value for name, value in found.items() if name not in costs]
    return found | ({FASTEST: min(peers)} if peers else {})


def line(
    name: str,
    shape: Any,
    times: Mapping[str, Times],
    bounds: Iterable[Bound] = (),
    *,
    missing: Mapping[str, str] | None = None,
    costs: tuple[str, ...] = (FLOOR,),
    packages: Iterable[str] = (),
    **more: Any,
) -> dict[str, Any]:
    """Return the line of a race.

    Args:
        name: of the script.
        shape: of the case; a list of numbers or words.
        times: from `race`; ours is called `OURS`.
        bounds: what the claim says of the ratios.
        missing: peer -> why it did not run.
        costs: contestants that are no peers but measures: the floor, or another model.
        packages: whose versions matter.
        **more: further fields.
    """
    found = ratios(times, costs=costs)
    peers = {n: t.summary() for n, t in times.items() if n not in (OURS, *costs)}
    given = {
        "ours": times[OURS].summary(),
        "peer": {**peers, **dict.fromkeys(missing or {})} or None,
        "missing": dict(missing or {}),
        "ratio": {n: round(value, 3) for n, value in found.items()},
        "cpu_ratio": {n: round(value, 3) for n, value in ratios(times, costs=costs, of="cpu").items()},
        "floor": {n: times[n].summary() for n in costs if n in times} or None,
        "cpu_time": {n: milliseconds(median(t.cpu)) for n, t in times.items()},
        "peak_rss": {n: None if t.peak_rss is None else round(t.peak_rss, 1) for n, t in times.items()},
        "rounds": len(times[OURS].total),
    }
    return plain(name, shape, found, bounds, unit="ms", packages=packages, **given, **more)


def plain(
    name: str,
    shape: Any,
    numbers: Mapping[str, float | None],
    bounds: Iterable[Bound] = (),
    *,
    unit: str,
    packages: Iterable[str] = (),
    **more: Any,
) -> dict[str, Any]:
    """Return a line without a race: ``numbers`` are ours and are what the bounds are held against."""
    judged = [bound.judge(numbers) for bound in bounds]
    verdicts = [entry["holds"] for entry in judged]
    given: dict[str, Any] = dict.fromkeys(FIELDS) | {"name": name, "shape": shape, "unit": unit}
    given |= {"ours": {n: _short(value) for n, value in numbers.items()}}
    given |= {"missing": {}, "peak_rss": {"process": round(machine.peak_rss() or 0.0, 1)}}
    given |= {"target": [{**entry, "seen": _short(entry["seen"])} for entry in judged]}
    given |= {"holds": False if False in verdicts else None if None in verdicts or not verdicts else True}
    given |= {"threads": int(os.environ.get("SPIKELET_THREADS", "1")), "versions": machine.versions(*packages)}
    return given | {"machine": machine.describe()} | more


def finish(lines: Iterable[Mapping[str, Any]], *, record: bool, folder: Path = RESULTS) -> None:
    """Print each line as soon as it is there; with ``record``, store those of each name in one file at the end."""
    stored: dict[str, list[str]] = {}
    for entry in lines:
        text = json.dumps(entry)
        print(text, flush=True)
        stored.setdefault(entry["name"], []).append(text)
    for name, texts in stored.items() if record else ():
        folder.mkdir(exist_ok=True)
        part = folder / f"{name}.json.part"
        part.write_text("[\n" + ",\n".join(texts) + "\n]\n")
        os.replace(part, folder / f"{name}.json")


def _short(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
