"""A network in one file: what it consists of, its synapses, and where it stands, to the bit.

The file is a safetensors file: arrays by name, and one text of JSON for the rest. It takes the place of an older one
only when all of it is on the disk. Nothing in it is executed; patterns and distributions, which have done their work,
are kept as text for the summary.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from spikelet.errors import DataError
from spikelet.files import replacing
from spikelet.model import Neuron
from spikelet.rule import Rule
from spikelet.sim.cable import Changes, Passing
from spikelet.sim.codec import Arrays, decode, encode
from spikelet.sim.connect_calls import Draws
from spikelet.sim.connect_patterns import Pattern
from spikelet.sim.connect_rows import Pair, Rows
from spikelet.sim.description import Description
from spikelet.sim.engine import Engine
from spikelet.sim.population import Population, View
from spikelet.sim.position import position, restore
from spikelet.sim.projection import Projection
from spikelet.sim.storage import Storage, restored
from spikelet.synapse import Synapse

SCHEMA = 1


@dataclass(frozen=True, repr=False, eq=False)
class Stored(Pattern):
    """A pattern, weight or delay that has done its work: what it read like.

    Attributes:
        text: Its text.
    """

    text: str

    def __repr__(self) -> str:
        return self.text

    def rows(self, pair: Pair, draws: Draws, threads: int | None) -> Rows:
        """Refuse: the synapses are there already."""
        raise DataError(f"{self.text} was read from a file, and cannot make synapses again")

    def expected(self, pair: Pair) -> None:
        """Return that it is not known."""


def save(network: Description, engine: Engine, path: Path) -> None:
    """Write a network to a file.

    Raises:
        DataError: the file cannot be written; one that stood there before is unharmed.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import save_file

    arrays: Arrays = {}
    data = {
        "schema": SCHEMA,
        "seed": network.seed,
        "dtype": network.dtype.name,
        "method": network.method,
        "dt": engine.dt,
        "populations": [_population(p, arrays) for p in network.populations.values()],
        "projections": [_projection(p, engine, arrays) for p in network.projections.values()],
        "passing": [_passing(p, i, arrays) for i, p in enumerate(engine.parts.wiring.changes.passing)],
        "drives": [
            {"current": encode(drive.current, f"drive.{i}", arrays), "view": _view(drive.view), "to": drive.to}
            for i, drive in enumerate(network.drives)
        ],
        "engine": position(engine, arrays),
    }
    with replacing(path) as part:
        whole = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
        try:
            save_file(whole, part, {"spikelet": json.dumps(data)})
        except SafetensorError as error:  # how that library tells of a full disk or a missing folder
            raise OSError(str(error)) from error


def rebuild(network: Description, data: dict[str, Any], arrays: Arrays) -> Engine:
    """Describe in an empty network what ``read`` returned; returns it built, where it stood.

    Raises:
        DataError: an array is missing, of another size, or of something unknown.
    """
    for entry in data["populations"]:
        model = Neuron.from_json(entry["model"]) if isinstance(entry["model"], str) else decode(entry["model"], arrays)
        network.add(model, entry["n"], entry["name"])
    made = {}
    for i, entry in enumerate(data["projections"]):
        post = [_placed(network, view) for view in entry["post"]]
        texts = {name: Stored(entry[name]) for name in ("pattern", "weight", "delay")}
        synapse = None if entry["synapse"] is None else Synapse.from_json(entry["synapse"])
        network.connect(
            _placed(network, entry["pre"]), post, texts["pattern"], to=entry["to"], synapse=synapse,
            receptor=None if synapse is None else entry["receptor"],
            rule=None if entry["rule"] is None else Rule.from_json(entry["rule"]),
            dendritic_fraction=entry.get("dendritic_fraction", 0.0), weight=texts["weight"], delay=texts["delay"],
            name=entry["name"],
        )  # fmt: skip
        made[entry["name"]] = _synapses(entry, f"edges.{i}.", arrays)
    for entry in data["drives"]:
        network.drive(_placed(network, entry["view"]), decode(entry["current"], arrays), to=entry["to"])
    since = {entry["name"]: entry["since"] for entry in data["projections"] if entry.get("since") is not None}
    passing = [_passed(network, entry, i, arrays) for i, entry in enumerate(data.get("passing", ()))]
    engine = Engine(network, data["dt"], made, Changes(since, tuple(passing)))
    restore(engine, data["engine"], arrays)
    return engine


def read(path: Path) -> tuple[dict[str, Any], Arrays]:
    """Return what a file says of a network, and its arrays.

    Raises:
        DataError: there is no such file, or it is no network of a version that this one reads.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            data = json.loads((file.metadata() or {}).get("spikelet", "null"))
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # not a mapping
    except FileNotFoundError:
        raise DataError(f"there is no file {path}") from None
    except (OSError, SafetensorError, ValueError) as error:
        raise DataError(f"{path} is damaged, or no network that Spikelet has saved: {error}") from error
    if not isinstance(data, dict) or data.get("schema") != SCHEMA:
        raise DataError(f"{path} is no network of schema {SCHEMA}, which this version reads")
    return data, arrays


def _population(population: Population, arrays: Arrays) -> dict[str, Any]:
    model = population.model
    saved = model.to_json() if isinstance(model, Neuron) else encode(model, f"source.{population.name}", arrays)
    return {"name": population.name, "n": population.n, "model": saved}


def _projection(projection: Projection, engine: Engine, arrays: Arrays) -> dict[str, Any]:
    wiring = engine.parts.wiring
    kept = wiring.storage(projection) if projection.rule is None else engine.edges(projection)
    texts = {name: str(getattr(projection, name)) for name in ("pattern", "weight", "delay")}
    return {
        "name": projection.name,
        "pre": _view(projection.pre),
        "post": [_view(view) for view in projection.post],
        "to": projection.to,
        "synapse": None if projection.synapse is None else projection.synapse.to_json(),
        "receptor": projection.receptor,
        "rule": None if projection.rule is None else projection.rule.to_json(),
        "dendritic_fraction": projection.dendritic_fraction,
        "since": wiring.changes.since.get(projection.name),
        **_kept(kept, f"edges.{projection.number}.", arrays),
        **texts,
    }


def _kept(synapses: Storage, prefix: str, arrays: Arrays) -> dict[str, Any]:
    """Put synapses into ``arrays``; returns the rest of them."""
    own, rest = synapses.saved()
    arrays |= {prefix + name: array for name, array in own.items()}
    return {"storage": synapses.kind, "edges": rest}


def _synapses(entry: Mapping[str, Any], prefix: str, arrays: Arrays) -> Storage:
    """Return what ``_kept`` was given."""
    own = {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}
    try:
        return restored(entry.get("storage", "sparse"), own, entry["edges"])
    except KeyError as error:
        raise DataError(f"the file has no array {prefix}{error.args[0]}") from None


def _passing(passing: Passing, i: int, arrays: Arrays) -> dict[str, Any]:
    """Put synapses over which spikes are on their way into ``arrays``; returns the rest of them."""
    if passing.came is not None:
        arrays[f"came.{i}"] = passing.came
    own = {"projection": passing.projection.name, "sent": list(passing.sent)}
    return own | _kept(passing.synapses, f"passing.{i}.", arrays)


def _passed(network: Description, entry: Mapping[str, Any], i: int, arrays: Arrays) -> Passing:
    """Return what ``_passing`` was given."""
    first, number = entry["sent"]
    synapses = _synapses(entry, f"passing.{i}.", arrays)
    return Passing(network.projections[entry["projection"]], synapses, (first, number), arrays.get(f"came.{i}"))


def _view(view: View) -> list[Any]:
    return [view.population.name, view.start, view.stop]


def _placed(network: Description, entry: list[Any]) -> View:
    name, start, stop = entry
    return View(network[name], start, stop)
