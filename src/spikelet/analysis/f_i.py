"""The f-I curve of any neuron: its firing rate over the current that drives it."""

from typing import Any

import numpy as np

from spikelet.analysis import columns as c
from spikelet.errors import InputError, ModelError, did_you_mean
from spikelet.model import Neuron
from spikelet.simulate import run

MEASURES = ("count", "interval", "onset")


def f_i_curve(
    model: Neuron,
    currents: Any,
    *,
    input: str | None = None,
    t: float = 1000.0,
    skip: float = 200.0,
    dt: float = 0.1,
    measure: str = "interval",
    **how: Any,
) -> np.ndarray:
    """Return the firing rate of a neuron at constant currents, all of which run at once.

    Args:
        model: any neuron with a threshold.
        currents: (m,) in the unit of the input.
        input: name of the input, or of a state that receives as much in each step; the only input if not given.
        t: duration [ms].
        skip: spikes before it do not count [ms]; with ``onset`` all do.
        dt: step [ms].
        measure: ``count`` (spikes over time), ``interval`` (1 over the mean interval, which is exact for regular
            spikes; 0 for less than two spikes) or ``onset`` (1 over the first interval).
        **how: to `spikelet.run`: method, dtype, backend, seed, or n.

    Returns:
        (m,) [1/ms]; divide by ``units.Hz`` for Hz.

    Raises:
        ModelError: the model has no threshold.
        InputError: an argument is wrong.

    Example:
        >>> from spikelet import neurons
        >>> rates = f_i_curve(neurons.LIF, [0.5, 2.0], t=500.0, skip=0.0)
        >>> float(rates[0]), bool(rates[1] > 0.05)
        (0.0, True)
    """
    currents = np.asarray(currents, float)
    if currents.ndim != 1 or not currents.size:
        raise InputError(f"f_i_curve: expected currents (m,), got shape {currents.shape}")
    if not model.spiking:
        raise ModelError(f"{model.name} has no threshold, and so no firing rate")
    if measure not in MEASURES:
        raise InputError(
            f"f_i_curve: measure '{measure}' is none of {', '.join(MEASURES)}{did_you_mean(measure, MEASURES)}"
        )
    if not 0 <= skip < t:
        raise InputError(f"f_i_curve: skip = {skip:g} ms must be 0 or more and below t = {t:g} ms")
    drive: Any = currents[None] if input is None else {input: currents[None]}
    result = run(model, drive, t=t, dt=dt, **how)
    times, ids = result.spikes.times, result.spikes.ids
    if measure == "count":
        return np.bincount(ids[times > skip], minlength=len(currents)) / (t - skip)
    late = times > (0 if measure == "onset" else skip)
    return _from_intervals(c.trains(times[late], ids[late], len(currents)), measure)


def _from_intervals(trains: c.Trains, measure: str) -> np.ndarray:
    """Return 1 over the mean or the first interval of each train, 0 where there is none."""
    number = np.diff(trains.first) - 1
    spiked = np.flatnonzero(number > 0)
    first = trains.first[:-1][spiked]
    last = first + (1 if measure == "onset" else number[spiked])
    rates = np.zeros(len(trains))
    rates[spiked] = (last - first) / (trains.times[last] - trains.times[first])
    return rates
