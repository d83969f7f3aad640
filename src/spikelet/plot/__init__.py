"""Figures of spikes, models, training, weights, events and networks; ``docs/plots.md`` shows one of each.

Every function takes ``ax=``, matplotlib axes to draw into, and returns the axes that it drew into; without ``ax`` it
opens a figure of pyplot. `figure` makes one that needs neither pyplot nor a display, for programs that write files.
Axes in a figure as narrow as a journal's column (`COLUMN` inches) get small letters.

| of | functions |
|---|---|
| spikes and states | `raster` `populations` `trace` `isi_histogram` `psth` `correlogram` `spectrum` |
| models | `f_i_curve` `phase_plane` `surrogate` |
| training and weights | `learning_curve` `confusion` `weight_matrix` `weight_histogram` `receptive_fields` |
| signals and events | `encoders` `event_frames` `event_cloud` `animate_events` |
| networks | `connectivity` `animate_network` |
"""

from spikelet.plot.curves import f_i_curve, surrogate
from spikelet.plot.encoding import encoders
from spikelet.plot.events import animate_events, event_cloud, event_frames
from spikelet.plot.film import animate_network
from spikelet.plot.graph import connectivity
from spikelet.plot.phase import phase_plane
from spikelet.plot.rasters import populations, raster
from spikelet.plot.spike_statistics import correlogram, isi_histogram, psth, spectrum
from spikelet.plot.style import COLOURS, COLUMN, GREY, figure
from spikelet.plot.traces import trace
from spikelet.plot.training import confusion, learning_curve
from spikelet.plot.weights import receptive_fields, weight_histogram, weight_matrix

__all__ = [
    "COLOURS",
    "COLUMN",
    "GREY",
    "animate_events",
    "animate_network",
    "confusion",
    "connectivity",
    "correlogram",
    "encoders",
    "event_cloud",
    "event_frames",
    "f_i_curve",
    "figure",
    "isi_histogram",
    "learning_curve",
    "phase_plane",
    "populations",
    "psth",
    "raster",
    "receptive_fields",
    "spectrum",
    "surrogate",
    "trace",
    "weight_histogram",
    "weight_matrix",
]
