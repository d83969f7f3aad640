"""Encoders: from numbers to spikes, time first.

Each takes a numpy array or a torch tensor of float32 or float64 and returns the same kind, dtype and device, of shape
``(T, B, *N)``: rows of time, then the axes of what was given. Those of values take ``(B, *N)`` and a number of steps;
those of signals take ``(T, B, *N)``, those of waveforms ``(B, samples)`` and their rate. docs/signals.md has the
equations and sources.

| of | encoder | gives |
|---|---|---|
| values | `constant` | the value itself at every step, as a view that takes no memory |
| | `bernoulli` | 0 or 1, a spike with probability x in each step |
| | `rate` | the same for a rate x: a spike with probability x*dt |
| | `poisson` | counts 0, 1, 2, ... with mean x*dt: a source may emit several spikes in a step |
| | `periodic` | spikes at equal intervals of 1/x |
| | `latency` | one spike, the earlier the larger x: linear, logarithmic, or as a charged membrane |
| | `rank_order` | one spike each, in the order of the values |
| | `intensity_to_latency` | the same, many in a step |
| | `phase` | one spike in each cycle of an oscillation, the earlier the larger x |
| | `weighted_phase` | the binary digits of x |
| | `burst` | the larger x, the more spikes and the closer |
| | `population` | each value by neurons with Gaussian receptive fields |
| | `lif` | what a leaky integrate-and-fire neuron does under the current x (signals, too) |
| images | `difference_of_gaussians`, `gabor` | contrasts and edges, the stronger the earlier |
| signals | `inhomogeneous_poisson` | counts with mean x*dt, of a rate that changes with time |
| | `delta` | a spike where the signal has risen by a threshold since the step before |
| | `temporal_contrast` | +1 and -1, the same with a threshold of its own making |
| | `step_forward` | +1 and -1 where it leaves a baseline, which follows |
| | `moving_window` | +1 and -1 where it leaves its mean over a window before |
| | `sigma_delta` | how far it has moved from what the spikes so far tell |
| | `hsa`, `modified_hsa`, `bsa` | spikes that a filter turns back into it |
| waveforms | `cochlea` | the nerve of an ear: filters, hair cells, ganglion cells (more in `spikelet.audio`) |
| | `sound_onset` | where a sound begins, or grows by much |

The random ones draw from `spikelet.random`, keyed by the seed, the step and the number of the element, which is
``sample * neurons + neuron``. With ``samples`` given, the index of each row in the data set, the spikes of an image do
not depend on the batch, the process or the device that encodes it; with ``first_step`` given, a sequence may be encoded
in pieces.
"""

from spikelet.audio import cochlea, sound_onset
from spikelet.encode.bursts import burst, weighted_phase
from spikelet.encode.changes import (
    contrast_threshold as contrast_threshold,
    delta,
    moving_window,
    sigma_delta,
    step_forward,
    temporal_contrast,
)
from spikelet.encode.currents import lif
from spikelet.encode.deconvolution import bsa, hsa, modified_hsa
from spikelet.encode.images import difference_of_gaussians, gabor
from spikelet.encode.populations import (
    field_responses as field_responses,
    population,
    receptive_fields as receptive_fields,
)
from spikelet.encode.rates import bernoulli, constant, inhomogeneous_poisson, periodic, poisson, rate
from spikelet.encode.timing import intensity_to_latency, latency, phase, rank_order

__all__ = [
    "bernoulli",
    "bsa",
    "burst",
    "cochlea",
    "constant",
    "delta",
    "difference_of_gaussians",
    "gabor",
    "hsa",
    "inhomogeneous_poisson",
    "intensity_to_latency",
    "latency",
    "lif",
    "modified_hsa",
    "moving_window",
    "periodic",
    "phase",
    "poisson",
    "population",
    "rank_order",
    "rate",
    "sigma_delta",
    "sound_onset",
    "step_forward",
    "temporal_contrast",
    "weighted_phase",
]
