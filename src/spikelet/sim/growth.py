"""Synapses put to others, or taken away: new ``Edges`` from old ones, each synapse with where it comes from."""

from dataclasses import replace
from typing import Any

import numpy as np

from spikelet.errors import InputError, ShapeError
from spikelet.sim.edges import Edges


def added(
    name: str, edges: Edges, pairs: tuple[Any, Any], weights: Any, delays: Any, dt: float
) -> tuple[Edges, np.ndarray]:  # fmt: skip
    """Return synapses with further ones, which stand behind those of their source and delay.

    Args:
        name: Of the projection, for messages.
        edges: What there is, each with a weight.
        pairs: Sources and targets of the new ones.
        weights: A number, or one for each of them.
        delays: The same [ms], of those that there are; None is the only one.
        dt: Step [ms].

    Returns:
        The synapses, and for each the number that it has had, -1 where it is new.

    Raises:
        InputError: a number is wrong; the message names it.
        ShapeError: there are not as many of one as of the other.
    """
    sources, targets = numbers(name, edges, pairs)
    count = len(sources)
    values = _each(name, "weights", weights, count)
    if not np.isfinite(values).all():
        raise InputError(f"{name}: weights[{int(np.argmin(np.isfinite(values)))}] is not finite")
    segments = sources * len(edges.delays) + _places(name, edges, delays, dt, count)
    order = np.argsort(segments, kind="stable")
    old = np.repeat(np.arange(len(edges.pointer) - 1), np.diff(edges.pointer))
    origin = np.concatenate([np.arange(len(edges)), np.full(count, -1)])
    place = np.argsort(np.concatenate([old, segments[order]]), kind="stable")
    more = np.bincount(segments, minlength=len(edges.pointer) - 1)
    given = np.asarray(edges.weights)
    found = replace(
        edges,
        pointer=edges.pointer + np.concatenate([[0], np.cumsum(more)]),
        targets=np.concatenate([edges.targets, targets[order].astype(edges.targets.dtype)])[place],
        weights=np.concatenate([given, values[order].astype(given.dtype)])[place],
    )
    return found, origin[place]


def removed(edges: Edges, chosen: np.ndarray) -> tuple[Edges, np.ndarray]:
    """Return the synapses that are not chosen, (E,) bool, and the number that each of them has had."""
    kept = np.flatnonzero(~chosen)
    before = np.concatenate([[0], np.cumsum(~chosen)])
    weights = np.asarray(edges.weights)[kept]
    return replace(edges, pointer=before[edges.pointer], targets=edges.targets[kept], weights=weights), kept


def between(name: str, edges: Edges, pairs: tuple[Any, Any]) -> np.ndarray:
    """Return which synapses join some pairs, (E,) bool.

    Raises:
        InputError: a pair has none.
    """
    sources, targets = numbers(name, edges, pairs)
    wanted = np.unique(sources * edges.n_target + targets)
    have = edges.sources() * edges.n_target + edges.targets
    place = np.searchsorted(wanted, have).clip(max=max(len(wanted) - 1, 0))
    chosen = wanted[place] == have if len(wanted) else np.zeros(len(have), bool)
    missing = np.ones(len(wanted), bool)
    missing[place[chosen]] = False
    if missing.any():
        source, target = divmod(int(wanted[np.argmax(missing)]), edges.n_target)
        raise InputError(f"{name}: there is no synapse from source {source} to target {target}")
    return chosen


def numbers(name: str, edges: Edges, pairs: tuple[Any, Any]) -> tuple[np.ndarray, np.ndarray]:
    """Return numbers of sources and of targets as (n,) int64."""
    found = []
    for what, given, n in zip(("source", "target"), pairs, (edges.n_source, edges.n_target), strict=True):
        array = np.asarray(given)
        if array.ndim != 1 or (array.size and array.dtype.kind not in "iu"):
            raise InputError(f"{name}: {what}s must be whole numbers of shape (n,), got {given!r}"[:200])
        wrong = np.flatnonzero((array < 0) | (array >= n))
        if wrong.size:
            raise InputError(f"{name}: {what}s[{int(wrong[0])}] is {array[wrong[0]]}; there are {n}, numbered from 0")
        found.append(array.astype(np.int64))
    if len(found[0]) != len(found[1]):
        raise ShapeError(f"{name}: {len(found[0])} sources, but {len(found[1])} targets")
    return found[0], found[1]


def _each(name: str, what: str, given: Any, count: int) -> np.ndarray:
    try:
        values = np.asarray(given, float)
    except (TypeError, ValueError):
        raise InputError(f"{name}: {what} must be a number or one for each synapse, got {given!r}"[:200]) from None
    if values.shape not in ((), (count,)):
        raise ShapeError(f"{name}: {what} of shape {values.shape} for {count} new synapses")
    return np.broadcast_to(values, (count,))


def _places(name: str, edges: Edges, delays: Any, dt: float, count: int) -> np.ndarray:
    """Return the places of delays among those that there are."""
    if delays is None:
        if len(edges.delays) != 1:
            raise InputError(f"{name}: its synapses have {len(edges.delays)} delays; say with delays= which one")
        delays = edges.delays[0] * dt
    given = _each(name, "delays", delays, count)
    steps = np.rint(given / dt)
    places = np.searchsorted(edges.delays, steps).clip(max=max(len(edges.delays) - 1, 0))
    wrong = np.flatnonzero(edges.delays[places] != steps) if len(edges.delays) else np.arange(count)
    if wrong.size:
        known = ", ".join(f"{d * dt:g}" for d in edges.delays[:8]) + (", ..." if len(edges.delays) > 8 else "")
        raise InputError(
            f"{name}: a new synapse has a delay that others have, of {known or 'no'} ms, not {given[wrong[0]]:g} ms"
        )
    return places.astype(np.int64)
