"""Decoders: from spikes back to numbers, and to classes.

Spikes are numpy arrays or torch tensors, ``(T, B, *N)``: real numbers, integers or booleans. Numbers come back in the
same kind and on the same device, in the dtype of the spikes (float32 for integers and booleans).

The inverse of ``encode.NAME`` is ``decode.NAME``, with the parameters of the encoder: `latency`, `phase`,
`weighted_phase`, `burst`, `population`, `lif`, `temporal_contrast`, `step_forward`, `moving_window`, `sigma_delta`,
`hsa`, `modified_hsa`, `bsa`; `rate` is that of all codes of rate. Besides:

| decoder | gives |
|---|---|
| `count`, `rate` | the spikes of each neuron, and how many a millisecond |
| `psth`, `density` | the rate over time, as a mean over trials: a histogram, a smooth curve |
| `filtered` | spikes through a kernel: exponential, alpha, Gaussian, boxcar |
| `first_spike`, `rank`, `rank_order` | times, their order, and the sensitivity m**rank of rank-order decoding |
| `population_vector` | the direction for which a population stands |
| `fit_linear`, `linear` | the best linear filter from spikes to a signal, and its use |
| `classify_rate`, `classify_first_spike`, `classify_membrane`, `classify_window` | a class for each sequence |
| `assign_classes`, `classify_vote` | the same for layers that learned without labels |
"""

from spikelet.decode.bursts import burst, lif, weighted_phase
from spikelet.decode.changes import bsa, hsa, modified_hsa, moving_window, sigma_delta, step_forward, temporal_contrast
from spikelet.decode.counts import count, density, psth, rate
from spikelet.decode.filters import filtered
from spikelet.decode.linear import LinearFilter as LinearFilter, fit_linear, linear
from spikelet.decode.populations import population, population_vector
from spikelet.decode.readouts import (
    assign_classes,
    classify_first_spike,
    classify_membrane,
    classify_rate,
    classify_vote,
    classify_window,
)
from spikelet.decode.timing import first_spike, latency, phase, rank, rank_order

__all__ = [
    "assign_classes",
    "bsa",
    "burst",
    "classify_first_spike",
    "classify_membrane",
    "classify_rate",
    "classify_vote",
    "classify_window",
    "count",
    "density",
    "filtered",
    "first_spike",
    "fit_linear",
    "hsa",
    "latency",
    "lif",
    "linear",
    "modified_hsa",
    "moving_window",
    "phase",
    "population",
    "population_vector",
    "psth",
    "rank",
    "rank_order",
    "rate",
    "sigma_delta",
    "step_forward",
    "temporal_contrast",
    "weighted_phase",
]
