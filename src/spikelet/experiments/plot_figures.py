"""How the figures of ``docs/plots.md`` are drawn: a function for each of `spikelet.plot`, of the same name."""

from pathlib import Path
from typing import Any

import numpy as np

from spikelet import analysis, encode, neurons, plot, surrogates
from spikelet.experiments import plot_material as material
from spikelet.simulate import run


def raster(ax: Any) -> None:
    """Draw spikes with their rate."""
    spikes = material.cortex()["E"].spikes
    plot.raster(spikes, neurons=spikes.n, duration=1000, rates=5.0, ax=ax)


def populations(ax: Any) -> None:
    """Draw spikes of two populations."""
    result = material.cortex()
    plot.populations({name: result[name].spikes for name in ("E", "I")}, start=0, stop=1000, width=5, ax=ax)


def trace(ax: Any) -> None:
    """Draw states of two neurons."""
    model = neurons.AdEx
    result = run(model, np.array([700.0, 1000.0]), t=200, dt=0.05, record=("v", "w"))
    plot.trace(result, ("v", "w"), unit={name: model.unit(name) for name in ("v", "w")}, ax=ax)


def isi_histogram(ax: Any) -> None:
    """Draw intervals of a noisy neuron."""
    plot.isi_histogram(material.quiet_and_busy()[1], ax=ax)


def psth(ax: Any) -> None:
    """Draw responses to a stimulus."""
    plot.psth(*material.trials(), start=-100, stop=400, width=10, ax=ax)


def correlogram(ax: Any) -> None:
    """Draw lags of a noisy neuron."""
    plot.correlogram(material.quiet_and_busy()[1], window=150, width=2.5, duration=20_000, ax=ax)


def spectrum(ax: Any) -> None:
    """Draw spectra of two neurons."""
    span = {"start": 0, "stop": 20_000, "segment": 500}
    names = ("regular", "noisy")
    trains = zip(names, material.quiet_and_busy(), strict=True)
    plot.spectrum({n: analysis.spike_spectrum(t, **span) for n, t in trains}, unit="Hz", highest=300, ax=ax)


def f_i_curve(ax: Any) -> None:
    """Draw rates over currents."""
    currents = np.linspace(0, 3, 61)
    models = {"LIF": neurons.LIF, "LIF, t_ref = 5 ms": neurons.LIF(t_ref=5.0), "ALIF": neurons.ALIF}
    rates = {name: analysis.f_i_curve(model, currents, t=600, skip=200) for name, model in models.items()}
    plot.f_i_curve(currents, rates, ax=ax)


def phase_plane(ax: Any) -> None:
    """Draw the plane of FitzHugh-Nagumo."""
    model = neurons.FitzHughNagumo
    plane = analysis.phase_plane(model, "v", "w", x_range=(-2.4, 2.4), y_range=(-0.8, 1.8), I=0.5)
    plot.phase_plane(plane, trajectory=run(model, 0.5, t=200, dt=0.05, record=("v", "w")), ax=ax)


def surrogate(ax: Any) -> None:
    """Draw four surrogates."""
    plot.surrogate([getattr(surrogates, n) for n in ("arctan", "fast_sigmoid", "triangle", "sigmoid")], ax=ax)


def learning_curve(ax: Any) -> None:
    """Draw losses and accuracies."""
    losses, accuracy, _ = material.training()
    plot.learning_curve(losses, accuracy, epochs=8, ax=ax)


def confusion(ax: Any) -> None:
    """Draw a confusion matrix."""
    plot.confusion(material.training()[2], ax=ax)


def weight_matrix(ax: Any) -> None:
    """Draw weights on a ring."""
    plot.weight_matrix(material.hat(), unit="nS", ax=ax)


def weight_histogram(ax: Any) -> None:
    """Draw weights of two projections."""
    net = material.balanced()
    net.build()
    _, e, i = net.projections.values()
    plot.weight_histogram({"from E": e, "from I": i}, unit="mV", ax=ax)


def receptive_fields(ax: Any) -> None:
    """Draw what neurons respond to."""
    plot.receptive_fields(material.fields(), (12, 12), ax=ax)


def encoders(ax: Any) -> None:
    """Draw what four encoders make of a signal."""
    t = np.arange(300.0)
    signal = 0.5 + 0.35 * np.sin(2 * np.pi * t / 150) + 0.12 * np.sin(2 * np.pi * t / 43)
    rows = signal[:, None, None]
    fir = np.exp(-np.arange(24) / 6.0) / 4
    codes = {
        "temporal contrast": encode.temporal_contrast(rows),
        "step forward": encode.step_forward(rows, 0.08),
        "moving window": encode.moving_window(rows, 0.05, window=5),
        "BSA": encode.bsa(rows, fir),
    }
    plot.encoders(codes, signal=signal, ax=ax)


def connectivity(ax: Any) -> None:
    """Draw a network."""
    net = material.balanced()
    net.build()
    plot.connectivity(net, ax=ax)


def event_frames(ax: Any) -> None:
    """Draw events as frames."""
    plot.event_frames(material.rotating_bar(), frames=4, size=(48, 48), ax=ax)


def event_cloud(path: Path) -> None:
    """Draw events in space and time."""
    figure, flat = plot.figure(plot.COLUMN, 2.8)
    place = flat.get_subplotspec()
    flat.remove()
    plot.event_cloud(material.rotating_bar(), size=(48, 48), ax=figure.add_subplot(place, projection="3d"))
    figure.savefig(path, dpi=150, metadata={"Software": None})


def animate_events(path: Path) -> None:
    """Draw a film of events."""
    plot.animate_events(material.rotating_bar(), path, window=20, size=(48, 48))


def animate_network(path: Path) -> None:
    """Draw a film of a network."""
    plot.animate_network(material.balanced(), path, t=150, population="E", window=75, frame=5, fps=10)
