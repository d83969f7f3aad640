"""The phase plane of a model in two of its states: vector field, nullclines, fixed points and their stability."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from spikelet.backends.numpy_reference import Interpreter
from spikelet.errors import InputError, ModelError, ParameterError, ShapeError, did_you_mean
from spikelet.ir.lower import lower
from spikelet.model import EVENTS, Neuron

_HALVINGS = 60  # of an interval in which a rate of change has a zero: down to rounding


@dataclass(frozen=True)
class FixedPoint:
    """A point where neither state changes.

    Attributes:
        x: Value of the first state.
        y: Value of the second one.
        eigenvalues: (2,) of the Jacobian [1/ms].
        kind: Such as ``stable focus`` or ``saddle``.
    """

    x: float
    y: float
    eigenvalues: np.ndarray
    kind: str


@dataclass(frozen=True)
class PhasePlane:
    """How two states of a model move, others and inputs being held.

    Attributes:
        model: The model.
        names: The two states.
        x: (X,) values of the first state.
        y: (Y,) values of the second one.
        dx: (Y, X) rate of change of the first state [its unit/ms].
        dy: (Y, X) of the second one.
        nullclines: State -> (P, 2) points (x, y) where it does not change, in no order.
        fixed_points: Where both do not change.
    """

    model: Neuron
    names: tuple[str, str]
    x: np.ndarray
    y: np.ndarray
    dx: np.ndarray
    dy: np.ndarray
    nullclines: Mapping[str, np.ndarray]
    fixed_points: tuple[FixedPoint, ...]


class _Flow:
    """The rates of change of all states of a model, without its events, as a function of two of them."""

    def __init__(self, model: Neuron, names: tuple[str, str], held: Mapping[str, float]):
        self.names, self.held = names, dict(held)
        text = re.sub(r"\(\s*unless\s+refractory\s*\)", "", model.text)  # without spikes nothing is held
        free = model.changed(text=text, **{event: "" for event in EVENTS if event != "initial"})
        step = lower(free, method="euler")
        if step.noise:
            raise ModelError(
                f"{model.name} has noise, and so no vector field; set its strength aside in a model of its own"
            )
        self.inputs = model.inputs
        # a step of forward Euler of 1 ms adds the rate of change itself
        self.step = Interpreter(step, model.parameters, dt=1.0)

    def __call__(self, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the rates of change of the two states, in the shape of x and y."""
        x, y = np.broadcast_arrays(np.asarray(x, float), np.asarray(y, float))
        flat = {self.names[0]: x.ravel(), self.names[1]: y.ravel()}
        state = self.step.initial((x.size,))
        state |= {name: np.full(x.size, value) for name, value in self.held.items() if name in state} | flat
        inputs = {name: np.full(x.size, float(self.held.get(name, 0.0))) for name in self.inputs}
        with np.errstate(all="ignore"):  # an exponential may overflow far from where a neuron lives
            _, new = self.step(inputs, state, np.arange(x.size), 0)
        first, second = ((new[name] - flat[name]).reshape(x.shape) for name in self.names)
        return first, second


def phase_plane(
    model: Neuron,
    x: str,
    y: str,
    *,
    x_range: tuple[float, float],
    y_range: tuple[float, float],
    points: int = 201,
    **held: float,
) -> PhasePlane:
    """Return the vector field of a model in the plane of two of its states, its nullclines and fixed points.

    Threshold and reset take no part: it is the flow between spikes.

    Args:
        model: any neuron with two or more states that flow.
        x: first state, drawn to the right.
        y: second state.
        x_range: its values, from and to.
        y_range: those of the second one.
        points: of the grid in each direction.
        **held: values of inputs (0 if not given) and of further states (their initial values).

    Raises:
        InputError: a name or a range is wrong.
        ModelError: the states do not flow, but go from step to step, or are moved by noise.
        ParameterError: a parameter has no value, or several.

    Example:
        >>> from spikelet import neurons
        >>> plane = phase_plane(neurons.FitzHughNagumo, "v", "w", x_range=(-2.5, 2.5), y_range=(-1, 2), I=0.0)
        >>> [point.kind for point in plane.fixed_points]
        ['stable focus']
    """
    names = _checked(model, x, y, held)
    xs, ys = (_axis(name, span, points) for name, span in zip(names, (x_range, y_range), strict=True))
    flow = _Flow(model, names, held)
    dx, dy = flow(xs[None, :], ys[:, None])
    clines = {name: _zeros(flow, which, xs, ys) for which, name in enumerate(names)}
    return PhasePlane(model, names, xs, ys, dx, dy, clines, _fixed_points(flow, xs, ys, dx, dy))


def _checked(model: Neuron, x: str, y: str, held: Mapping[str, float]) -> tuple[str, str]:
    for name, value in model.parameters.items():
        if value is None or np.size(value) != 1:
            given = "no value" if value is None else f"{np.size(value)} values"
            raise ParameterError(f"{model.name}: a phase plane needs one value of '{name}', it has {given}")
    for name in (x, y):
        if name not in model.states:
            raise InputError(f"{model.name} has no state '{name}'{did_you_mean(name, model.states)}")
        if name not in model.definition.of_kind("flow"):
            raise ModelError(f"{model.name}: '{name}' does not flow (it has no line d{name}/dt)")
    if x == y:
        raise InputError(f"a phase plane needs two states, not '{x}' twice")
    for name in held:
        if name not in (*model.states, *model.inputs) or name in (x, y):
            valid = [other for other in (*model.states, *model.inputs) if other not in (x, y)]
            raise InputError(f"{model.name}: '{name}' is no state or input to hold{did_you_mean(name, valid)}")
    return x, y


def _axis(name: str, span: Any, points: int) -> np.ndarray:
    if np.shape(span) != (2,) or not np.isfinite(span).all() or not span[0] < span[1]:
        raise InputError(f"the range of {name} must be two numbers that ascend, got {span!r}")
    if isinstance(points, bool) or not isinstance(points, int | np.integer) or points < 3:
        raise ShapeError(f"a phase plane needs 3 or more points in each direction, got {points!r}")
    return np.linspace(float(span[0]), float(span[1]), points)


def _zeros(flow: _Flow, which: int, xs: np.ndarray, ys: np.ndarray) -> np.ndarray:
    """Return points where a state does not change, found along every line of the grid in both directions."""
    found = []
    for along in (0, 1):  # 0: along y at each x; 1: along x at each y
        lines, grid = (xs, ys) if along == 0 else (ys, xs)

        def value(t: np.ndarray, line: np.ndarray, along: int = along) -> np.ndarray:
            return flow(*((line, t) if along == 0 else (t, line)))[which]

        table = value(grid[:, None], lines[None, :])
        crossed = (np.sign(table[:-1]) * np.sign(table[1:]) < 0) | (table[:-1] == 0)
        k, line = np.nonzero(crossed & np.isfinite(table[:-1]) & np.isfinite(table[1:]))
        root = _bisected(lambda t, at=lines[line], value=value: value(t, at), grid[k], grid[k + 1])
        found.append(np.stack((lines[line], root) if along == 0 else (root, lines[line]), 1))
    return np.concatenate(found)


def _bisected(value: Any, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    if not low.size:
        return low
    sign = np.sign(value(low))
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        same = np.sign(value(middle)) == sign
        low, high = np.where(same & (sign != 0), middle, low), np.where(same & (sign != 0), high, middle)
    return np.where(sign == 0, low, (low + high) / 2)


def _fixed_points(
    flow: _Flow, xs: np.ndarray, ys: np.ndarray, dx: np.ndarray, dy: np.ndarray
) -> tuple[FixedPoint, ...]:
    """Start Newton's method in every cell of the grid in which both rates of change have either sign."""

    def both(table: np.ndarray) -> np.ndarray:
        corners = np.stack([table[:-1, :-1], table[1:, :-1], table[:-1, 1:], table[1:, 1:]])
        return (corners.min(0) <= 0) & (corners.max(0) >= 0)

    step = np.array([xs[1] - xs[0], ys[1] - ys[0]])
    found: list[FixedPoint] = []
    for row, column in np.argwhere(both(dx) & both(dy)):
        point = _newton(flow, np.array([xs[column], ys[row]]) + step / 2, step)
        if point is None or not (xs[0] <= point[0] <= xs[-1] and ys[0] <= point[1] <= ys[-1]):
            continue
        if all(np.any(np.abs(point - (other.x, other.y)) > 1e-6 * step) for other in found):
            values = np.linalg.eigvals(_jacobian(flow, point, step))
            found.append(FixedPoint(float(point[0]), float(point[1]), values, _kind(values)))
    return tuple(sorted(found, key=lambda point: point.x))


def _newton(flow: _Flow, point: np.ndarray, step: np.ndarray) -> np.ndarray | None:
    """Return the fixed point near a start, None where there is none within a few cells."""
    start = point
    for _ in range(50):
        jacobian, value = _jacobian(flow, point, step), np.array([float(part) for part in flow(*point)])
        if not np.isfinite(jacobian).all() or abs(np.linalg.det(jacobian)) < 1e-300:
            return None
        move = np.linalg.solve(jacobian, value)
        point = point - move
        if not np.isfinite(point).all() or np.any(np.abs(point - start) > 5 * step):
            return None
        if np.all(np.abs(move) <= 1e-12 * (step + np.abs(point))):
            return point
    return None


def _jacobian(flow: _Flow, point: np.ndarray, step: np.ndarray) -> np.ndarray:
    h = 1e-4 * step
    offsets = np.array([[h[0], 0], [-h[0], 0], [0, h[1]], [0, -h[1]]])
    fx, fy = flow(*(point + offsets).T)
    return np.array([[(f[0] - f[1]) / (2 * h[0]), (f[2] - f[3]) / (2 * h[1])] for f in (fx, fy)])


def _kind(values: np.ndarray) -> str:
    real, imaginary = np.real(values), np.imag(values)
    if real.min() < 0 < real.max():
        return "saddle"
    shape = "focus" if np.abs(imaginary).max() > 0 else "node"
    return f"{'stable' if real.max() < 0 else 'unstable'} {shape}"
