"""The populations of a network and who sends to whom."""

from typing import TYPE_CHECKING, Any

import numpy as np

from spikelet.errors import InputError
from spikelet.plot.style import COLOURS, GREY, finish, narrow, one_axes, shrink

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MANY = 6  # populations beyond which arrows cross too often to be followed: a table is drawn


def connectivity(network: Any, *, kind: str = "auto", ax: Any = None) -> "Axes":
    """Draw the populations of a network and its projections, as circles and arrows or as a table.

    Blue is a positive mean weight, red a negative one (which, with a reversal potential, need not be what excites and
    what inhibits), grey one that is not known. Once the network is built, the number of synapses onto a neuron is told.

    Args:
        network: a `spikelet.Network`, built or not.
        kind: ``graph``, ``table``, or ``auto``: a graph of up to six populations.
        ax: axes.

    Raises:
        InputError: it has no populations, or the kind is not known.
    """
    if not hasattr(network, "populations") or not hasattr(network, "projections"):
        raise InputError(f"connectivity: expected a Network, got {type(network).__name__}")
    populations = dict(network.populations)
    if not populations:
        raise InputError("connectivity: the network has no populations")
    if kind not in ("auto", "graph", "table"):
        raise InputError(f"connectivity: kind '{kind}' is none of auto, graph, table")
    links = _links(network)
    graph = kind == "graph" or (kind == "auto" and len(populations) <= _MANY)
    axes = one_axes(ax, 5.2, 4.6)
    (_graph if graph else _table)(axes, populations, links)
    return axes


def _links(network: Any) -> dict[tuple[str, str], tuple[int, float]]:
    """Return (from, to) -> sign and number of synapses onto a neuron, NaN where the network is not built."""
    built = network.built is not None
    found: dict[tuple[str, str], tuple[int, float]] = {}
    for projection in network.projections.values():
        total = sum(len(view) for view in projection.post)
        indegree = len(projection) / total if built else float("nan")
        sign = _sign(projection, built)
        for view in projection.post:
            pair = projection.pre.population.name, view.population.name
            before = found.get(pair)
            if before is not None:
                sign, number = (sign if before[0] == sign else 0), before[1] + indegree
                found[pair] = sign, number
            else:
                found[pair] = sign, indegree
    return found


def _sign(projection: Any, built: bool) -> int:
    """Return the sign of the mean weight, 0 if it is not known."""
    weight = projection.weights() if built else projection.weight
    mean = getattr(weight, "mean", None)
    value = mean() if callable(mean) else weight if mean is None else mean
    try:
        return int(np.sign(np.mean(np.asarray(value, float))))
    except (TypeError, ValueError):
        return 0


def _tint(sign: int) -> str:
    return {1: COLOURS[0], -1: COLOURS[1]}.get(sign, GREY)


def _graph(axes: "Axes", populations: dict[str, Any], links: dict[tuple[str, str], tuple[int, float]]) -> None:
    from matplotlib.patches import Circle, FancyArrowPatch

    places, radius = _places(populations)
    centred: dict[str, Any] = {"ha": "center", "va": "center"}
    for (pre, post), (sign, number) in links.items():
        if pre == post:
            out = places[pre] if len(populations) > 2 else np.array([0.0, 1.0])
            start, end, label, bend = _loop(places[pre], radius[pre], out)
        else:
            start, end, label, bend = _arc(places[pre], places[post], radius[pre], radius[post])
        style = {"arrowstyle": "-|>", "mutation_scale": 9, "color": _tint(sign), "linewidth": 1.3}
        axes.add_patch(FancyArrowPatch(tuple(start), tuple(end), connectionstyle=f"arc3,rad={bend}", **style))
        if np.isfinite(number):
            x, y = map(float, label)
            axes.text(x, y, f"{number:,.3g}", fontsize=7, color=_tint(sign), **centred)
    for name, population in populations.items():
        x, y = map(float, places[name])
        axes.add_patch(Circle((x, y), radius[name], facecolor="white", edgecolor="black", zorder=3))
        axes.text(x, y, f"{name}\n{population.n:,}", fontsize=7.5, zorder=4, **centred)
    axes.set_xlim(-1.6, 1.6)
    axes.set_ylim(*{1: (-0.9, 0.9), 2: (-0.9, 0.9), 3: (-1.15, 1.8)}.get(len(populations), (-1.7, 1.8)))
    axes.set_aspect("equal")
    axes.set_axis_off()
    known = any(np.isfinite(number) for _, number in links.values())
    axes.set_title("neurons in circles" + (", synapses onto a neuron at arrows" if known else ""))
    _legend(axes, links)
    shrink(axes)


def _places(populations: dict[str, Any]) -> tuple[dict[str, np.ndarray], dict[str, float]]:
    """Return where populations lie, on a circle of radius 1, and how large they are drawn."""
    count = len(populations)
    first = np.pi if count == 2 else np.pi / 2
    angle = first - 2 * np.pi * np.arange(count) / count
    points = np.stack([np.cos(angle), np.sin(angle)], 1) * (0 if count == 1 else 1)
    radius = {name: 0.22 + 0.04 * float(np.log10(max(1, p.n))) for name, p in populations.items()}
    return dict(zip(populations, points, strict=True)), radius


def _loop(place: np.ndarray, radius: float, out: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
    """Return start, end, place of the label and bend of an arrow back to where it comes from, at the side ``out``."""
    side = np.array([-out[1], out[0]]) * radius * 0.55
    base = place + out * radius * 0.85
    return base + side, base - side, base + out * (0.5 + 0.08 * abs(out[0])), -1.6


def _arc(a: np.ndarray, b: np.ndarray, before: float, after: float) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
    """Return start, end, place of the label and bend of an arrow; one and the one back leave room between them."""
    way = (b - a) / np.hypot(*(b - a))
    aside = np.array([way[1], -way[0]])
    start = a + way * (before + 0.02) + aside * 0.05
    end = b - way * (after + 0.03) + aside * 0.05
    bulge = 0.09 * np.hypot(*(end - start))  # half of the bend
    label = start + 0.36 * (end - start) + aside * (bulge + 0.1 + 0.12 * abs(aside[0]))
    return start, end, label, 0.18


def _legend(axes: "Axes", links: dict[tuple[str, str], tuple[int, float]]) -> None:
    signs = {sign for sign, _ in links.values()}
    for sign, name in ((1, "weight > 0"), (-1, "weight < 0"), (0, "weight not known")):
        if sign in signs:
            axes.plot([], [], color=_tint(sign), linewidth=1.3, label=name)
    if signs:
        axes.legend(frameon=False, loc="lower center", ncols=3, bbox_to_anchor=(0.5, -0.06))


def _table(axes: "Axes", populations: dict[str, Any], links: dict[tuple[str, str], tuple[int, float]]) -> None:
    sends = [name for name in populations if any(pre == name for pre, _ in links)]
    hears = [name for name in populations if any(post == name for _, post in links)]
    table = np.full((max(1, len(hears)), max(1, len(sends))), np.nan)
    most = max((number for _, number in links.values() if np.isfinite(number)), default=1.0)
    letters = min(7.0, (60.0 if narrow(axes) else 110.0) / table.shape[1])
    for (pre, post), (sign, number) in links.items():
        share = 0.15 + 0.85 * np.sqrt(number / most) if np.isfinite(number) else 0.6
        row, column = hears.index(post), sends.index(pre)
        table[row, column] = -sign * share  # so that blue is positive, as that of the arrows
        if np.isfinite(number) and letters > 4.5:
            tint = "white" if share > 0.7 else "black"
            text = f"{number:,.0f}" if number >= 10 else f"{number:.1f}"
            axes.text(column, row, text, ha="center", va="center", fontsize=letters, color=tint)
    axes.imshow(table, cmap="RdBu_r", vmin=-1.15, vmax=1.15, aspect="auto")
    axes.set_xticks(range(len(sends)), sends, rotation=60, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(len(hears)), hears)
    axes.tick_params(length=0)
    axes.set_xlabel("from")
    axes.set_ylabel("to")
    known = any(np.isfinite(number) for _, number in links.values())
    axes.set_title("synapses onto a neuron" if known else "projections")
    finish(axes)
