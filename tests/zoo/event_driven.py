"""An independent integrator for hybrid neurons: adaptive steps, spikes located to 1e-10 ms, none of our code."""

from collections.abc import Callable

import numpy as np
from scipy.integrate import solve_ivp

Rates = Callable[[np.ndarray], np.ndarray]


def spike_times(
    flow: Rates,
    excess: Callable[[np.ndarray], float],
    reset: Rates,
    start: list[float],
    *,
    t: float,
    t_ref: float = 0.0,
    hold: bool = True,
) -> np.ndarray:
    """Return the spike times of ``dy/dt = flow(y)`` with ``y = reset(y)`` where ``excess(y)`` rises through zero.

    ``hold``: whether ``y`` stands still for ``t_ref`` after a spike; otherwise it flows, and cannot spike.
    """

    def event(_: float, y: np.ndarray) -> float:
        return excess(y)

    event.terminal, event.direction = True, 1.0  # type: ignore[attr-defined]
    now, y, found = 0.0, np.array(start, dtype=float), []
    options = {"rtol": 1e-10, "atol": 1e-12, "max_step": 5.0}
    while now < t:
        part = solve_ivp(lambda _, y: flow(y), (now, t), y, events=event, **options)
        if not part.t_events[0].size:
            break
        now = float(part.t_events[0][0])
        found.append(now)
        y = reset(part.y_events[0][0])
        if not hold and t_ref > 0:
            y = solve_ivp(lambda _, y: flow(y), (now, now + t_ref), y, **options).y[:, -1]
        now += t_ref
        if excess(y) >= 0:  # still above: a grid would fire again at once
            found.append(now)
            y = reset(y)
    return np.array(found)
