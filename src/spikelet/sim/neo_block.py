"""A result as a block of Neo, the data model that the tools of electrophysiology share (Garcia et al. 2014).

One segment, from the begin of the run to its end; in it a spike train for each recorded neuron, also for those that did
not fire, and a signal for each recorded state. Neo's signals sample instants, and so do recorded states: sample times
are the ends of steps. A rate is a signal whose samples are the ends of its bins.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from spikelet import __version__
from spikelet.sim.recording import Recording
from spikelet.sim.spikes import Spikes

if TYPE_CHECKING:
    import neo  # pyright: ignore[reportMissingImports]  # optional

_SPELLED = {"GOhm": "mV/pA", "fC": "pA*ms", "cm2": "cm**2", "1": "dimensionless"}  # what `quantities` calls otherwise


def block(
    recordings: Mapping[str, Recording], *, dt: float, start: float, stop: float, interrupted: bool
) -> "neo.Block":
    """Return a block.

    Args:
        recordings: What was recorded.
        dt: Step [ms].
        start: Where the run began [ms].
        stop: Where it ended [ms].
        interrupted: Whether it ended early.

    Raises:
        ModuleNotFoundError: neo is not installed.
    """
    try:
        import neo  # pyright: ignore[reportMissingImports]  # optional
    except ModuleNotFoundError as error:
        text = "to_neo needs neo, which is not installed: pip install 'spikelet[neo]'"
        raise ModuleNotFoundError(text, name="neo") from error
    made = neo.Block(description=f"simulated with Spikelet {__version__}", dt=dt)
    segment = neo.Segment(name=f"{start:g} to {stop:g} ms", interrupted=interrupted)
    made.segments.append(segment)
    for recording in recordings.values():
        if recording.fired is not None:
            segment.spiketrains.extend(_trains(recording.name, recording.spikes))
        for name in recording.states:
            signal = _signal(recording, name)
            kind = segment.analogsignals if isinstance(signal, neo.AnalogSignal) else segment.irregularlysampledsignals
            kind.append(signal)
    return made


def _trains(population: str, spikes: Spikes) -> "list[neo.SpikeTrain]":
    """Return a train for each neuron."""
    import quantities as pq  # pyright: ignore[reportMissingImports]  # what neo needs itself

    from spikelet.analysis import to_neo  # no simulation waits for all of it

    neurons = np.arange(spikes.n) if spikes.neurons is None else spikes.neurons
    places = np.searchsorted(neurons, spikes.ids)
    stop = spikes.t_stop + spikes.dt / 2  # none is lost to a rounding at the end
    trains = to_neo(spikes.times, places, n=len(neurons), start=spikes.t_start, stop=stop)
    for neuron, train in zip(neurons, trains, strict=True):
        train.name, train.sampling_rate = f"{population}[{neuron}]", 1.0 / (spikes.dt * pq.ms)
        train.annotate(population=population, id=int(neuron))
    return trains


def _signal(recording: Recording, name: str) -> Any:
    """Return a state as a signal; regular where its times are."""
    import neo  # pyright: ignore[reportMissingImports]  # optional
    import quantities as pq  # pyright: ignore[reportMissingImports]  # what neo needs itself

    values, t = recording[name], recording.times(name)
    own: dict[str, Any] = {"name": name, "units": _unit(recording.units.get(name, "1")), "population": recording.name}
    if values.ndim > 1:
        neurons = np.arange(values.shape[1]) if recording.neurons is None else recording.neurons
        own["array_annotations"] = {"id": np.asarray(neurons)}
    steps = np.diff(t)
    if len(t) > 1 and np.allclose(steps, steps[0], rtol=1e-6):
        period = (t[-1] - t[0]) / len(steps) * pq.ms
        return neo.AnalogSignal(values, t_start=t[0] * pq.ms, sampling_period=period, **own)
    return neo.IrregularlySampledSignal(t * pq.ms, values, **own)


def _unit(text: str) -> str:
    """Return a unit as `quantities` spells it."""
    if text in _SPELLED:
        return _SPELLED[text]
    for ours, theirs in _SPELLED.items():
        text = text.replace(ours, theirs) if ours != "1" else text
    return text
