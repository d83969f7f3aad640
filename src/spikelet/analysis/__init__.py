"""Measures of spikes, of signals and of models; ``docs/analysis.md`` has their equations, units and sources.

Spikes are an object with columns ``times`` [ms] and ``ids``, as ``result["E"].spikes`` is, or the two columns, or the
times of one train, in any order; arrays come out. Rates are in 1/ms (divide by ``units.Hz``), frequencies in Hz.

| of | measures |
|---|---|
| rates | `mean_rates` `population_rate` `binned_counts` `psth` `spike_density` `optimal_bin_width` `optimal_kernel_width` |
| intervals | `isi` `cv` `cv_isi` `cv2` `lv` `lvr` |
| counts | `fano_factor` `correlation` `correlation_matrix` `synchrony` `membrane_synchrony` `pairwise_coherence` |
| pairs of trains | `cross_correlogram` `auto_correlogram` `sttc` `victor_purpura` `van_rossum` `isi_distance` `spike_distance` `spike_synchronization` `schreiber` `coincidence_factor` `distance_matrix` |
| rhythms and signals | `vector_strength` `mean_phase` `phases_at_spikes` `phase_locking` `power_spectrum` `spike_spectrum` `coherence` `spike_triggered_average` `rmse` `snr` |
| significance | `surrogate_trains` |
| information | `words` `entropy` `mutual_information` |
| models | `f_i_curve` `phase_plane` `siegert_rate` |
| exchange | `from_neo` `to_neo` |
"""  # noqa: E501

from spikelet.analysis.correlograms import auto_correlogram, cross_correlogram
from spikelet.analysis.counts import (
    correlation,
    correlation_matrix,
    fano_factor,
    membrane_synchrony,
    pairwise_coherence,
    synchrony,
)
from spikelet.analysis.distances import coincidence_factor, distance_matrix, schreiber, van_rossum, victor_purpura
from spikelet.analysis.f_i import f_i_curve
from spikelet.analysis.information import entropy, mutual_information, words
from spikelet.analysis.intervals import cv, cv2, cv_isi, isi, lv, lvr
from spikelet.analysis.neo_trains import from_neo, to_neo
from spikelet.analysis.phase_planes import PhasePlane, phase_plane
from spikelet.analysis.phases import mean_phase, phase_locking, phases_at_spikes, vector_strength
from spikelet.analysis.profiles import isi_distance, spike_distance, spike_synchronization
from spikelet.analysis.rates import binned_counts, mean_rates, population_rate, psth
from spikelet.analysis.reconstruction import rmse, snr
from spikelet.analysis.siegert import siegert_rate
from spikelet.analysis.smoothing import optimal_bin_width, optimal_kernel_width, spike_density
from spikelet.analysis.spectra import coherence, power_spectrum, spike_spectrum
from spikelet.analysis.surrogate_data import surrogate_trains
from spikelet.analysis.tiling import sttc
from spikelet.analysis.triggered import spike_triggered_average

__all__ = [
    "PhasePlane",
    "auto_correlogram",
    "binned_counts",
    "coherence",
    "coincidence_factor",
    "correlation",
    "correlation_matrix",
    "cross_correlogram",
    "cv",
    "cv2",
    "cv_isi",
    "distance_matrix",
    "entropy",
    "f_i_curve",
    "fano_factor",
    "from_neo",
    "isi",
    "isi_distance",
    "lv",
    "lvr",
    "mean_phase",
    "mean_rates",
    "membrane_synchrony",
    "mutual_information",
    "optimal_bin_width",
    "optimal_kernel_width",
    "pairwise_coherence",
    "phase_locking",
    "phase_plane",
    "phases_at_spikes",
    "population_rate",
    "power_spectrum",
    "psth",
    "rmse",
    "schreiber",
    "siegert_rate",
    "snr",
    "spike_density",
    "spike_distance",
    "spike_spectrum",
    "spike_synchronization",
    "spike_triggered_average",
    "sttc",
    "surrogate_trains",
    "synchrony",
    "to_neo",
    "van_rossum",
    "vector_strength",
    "victor_purpura",
    "words",
]
