"""Vogels & Abbott 2005, in the three forms of Brette et al. 2007: activity that sustains itself, and is irregular.

The rates differ from one network to the next by a tenth and more, so they are means over some networks.
"""

from typing import Any

import numpy as np

from spikelet.experiments import network_run


def numbers(name: str, time: float, discard: float) -> list[dict[str, Any]]:
    return [network_run.run(name, time=time, discard=discard, seed=seed).numbers for seed in (1, 2, 3)]


def mean(found: list[dict[str, Any]], what: str) -> float:
    if what == "rate":
        return float(np.mean([0.8 * one["rates_hz"]["E"] + 0.2 * one["rates_hz"]["I"] for one in found]))
    return float(np.mean([one[what] for one in found]))


def test_currents() -> None:
    found = numbers("vogels-abbott-cuba", 1500.0, 300.0)
    assert 5.0 < mean(found, "rate") < 6.5
    assert 0.42 < mean(found, "cv_isi") < 0.65
    assert mean(found, "synchrony") < 0.05


def test_conductances() -> None:
    found = numbers("vogels-abbott-coba", 1000.0, 200.0)
    assert 18 < mean(found, "rate") < 23
    assert mean(found, "cv_isi") > 1  # bursts
    assert mean(found, "synchrony") < 0.05


def test_hodgkin_huxley() -> None:
    found = numbers("cobahh", 600.0, 100.0)
    assert 33 < mean(found, "rate") < 39
    assert mean(found, "cv_isi") > 1
    assert mean(found, "synchrony") < 0.05
