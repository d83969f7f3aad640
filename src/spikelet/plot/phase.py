"""The phase plane: vector field, nullclines, fixed points and trajectories."""

from typing import TYPE_CHECKING, Any

import numpy as np

from spikelet.analysis import PhasePlane
from spikelet.errors import InputError, ShapeError
from spikelet.plot.style import COLOURS, GREY, finish, labelled, one_axes, thinned

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_ARROWS = 18  # in each direction


def phase_plane(plane: PhasePlane, *, trajectory: Any = None, arrows: bool = True, ax: Any = None) -> "Axes":
    """Draw a phase plane: arrows of the flow, both nullclines, fixed points (full where stable), and a trajectory.

    Args:
        plane: of `analysis.phase_plane`.
        trajectory: what was recorded of both states: an object that gives (T,) or (T, N) for each of their names, as
            ``run(..., record=("v", "w"))`` does; the first neuron is drawn.
        arrows: whether the flow is shown.
        ax: axes.

    Raises:
        InputError: the plane is none, or the trajectory lacks a state.
    """
    if not isinstance(plane, PhasePlane):
        raise InputError(f"phase_plane: expected what analysis.phase_plane returns, got {type(plane).__name__}")
    axes = one_axes(ax, 5.2, 4.2)
    x, y = plane.names
    if arrows:
        _arrows(axes, plane)
    for table, name, tint in ((plane.dx, x, COLOURS[0]), (plane.dy, y, COLOURS[1])):
        table = np.ma.masked_invalid(table)
        if table.min() < 0 < table.max():
            axes.contour(plane.x, plane.y, table, levels=[0.0], colors=[tint], linewidths=1.5)
        axes.plot([], [], color=tint, linewidth=1.5, label=f"d{name}/dt = 0")
    if trajectory is not None:
        axes.plot(*_course(trajectory, x, y), color="black", linewidth=0.9, label="trajectory", zorder=3)
    for point in plane.fixed_points:
        stable = point.kind.startswith("stable")
        face = "black" if stable else "white"
        axes.plot(point.x, point.y, "o", markersize=5, color="black", markerfacecolor=face, zorder=4)
    axes.set_xlim(plane.x[0], plane.x[-1])
    axes.set_ylim(plane.y[0], plane.y[-1])
    axes.set_xlabel(labelled(x, plane.model.unit(x)))
    axes.set_ylabel(labelled(y, plane.model.unit(y)))
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3, frameon=False, handlelength=1.2)
    finish(axes)
    return axes


def _arrows(axes: "Axes", plane: PhasePlane) -> None:
    """Draw arrows that show the direction of the flow, longer where it is faster, but far less than in proportion."""
    rows, columns = (np.linspace(0, len(v) - 1, _ARROWS).astype(int)[1:-1] for v in (plane.y, plane.x))
    u = plane.dx[np.ix_(rows, columns)] / np.ptp(plane.x)
    v = plane.dy[np.ix_(rows, columns)] / np.ptp(plane.y)
    speed = np.hypot(u, v)
    scale = np.divide((speed / np.nanmax(speed)) ** 0.25, speed, out=np.zeros_like(speed), where=speed > 0)
    style = {"color": GREY, "alpha": 0.55, "width": 0.0028, "scale": 22, "pivot": "mid", "angles": "uv", "zorder": 0}
    axes.quiver(plane.x[columns], plane.y[rows], u * scale, v * scale, **style)


def _course(recorded: Any, x: str, y: str) -> tuple[np.ndarray, np.ndarray]:
    found = []
    for name in (x, y):
        try:
            values = np.asarray(recorded[name], float)
        except (KeyError, IndexError, TypeError) as error:
            raise InputError(f"phase_plane: the trajectory has no '{name}'") from error
        found.append(values if values.ndim == 1 else values[:, 0])
    if found[0].shape != found[1].shape:
        raise ShapeError(f"phase_plane: {x} has {len(found[0])} values, {y} has {len(found[1])}")
    kept = thinned(np.arange(len(found[0])), found[0])[0]
    return found[0][kept], found[1][kept]
