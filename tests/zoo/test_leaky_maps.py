"""The discrete leaky maps of the tutorials against the published maps, written out."""

import numpy as np
import pytest
from scipy.signal import lfilter
from tests.zoo.offsets import times_of
from tests.zoo.stimuli import EXACT, pulse, raster

from spikelet.neurons import Leaky, LeakyDelayed, LeakyNoReset, LeakyToZero
from spikelet.simulate import run

BETAS = np.array([0.8, 0.95, 0.99])  # of the introductory article
DRIVE = np.random.default_rng(2).uniform(0, 0.6, (300, 1))


def leaky_loop(reset):
    """The map of the tutorials, written out; `reset(mem, spk)` is applied where each variant does."""
    mem, memories, spikes = np.zeros(3), [], []
    for x in DRIVE:
        mem = BETAS * mem + x
        spk = mem > 1
        mem = reset(mem, spk)
        memories.append(mem)
        spikes.append(spk)
    return np.array(memories), np.array(spikes)


@pytest.mark.parametrize(
    ("model", "reset"),
    [
        (Leaky, lambda mem, spk: mem - spk),
        (LeakyToZero, lambda mem, spk: np.where(spk, 0, mem)),
        (LeakyNoReset, lambda mem, spk: mem),
    ],
)
def test_leaky_variants_are_the_published_maps(model, reset):
    memories, spikes = leaky_loop(reset)
    out = run(model(beta=BETAS), DRIVE, t=300, dt=1, record="v", **EXACT)
    np.testing.assert_allclose(out["v"], memories, rtol=1e-12)
    np.testing.assert_array_equal(raster(out, 300, 3), spikes)
    assert spikes.sum(axis=0).min() > 20


def test_leaky_delayed_is_the_map_of_the_article_one_step_ahead():
    """The article tests the old membrane, then steps: the same membrane; its spikes come one step after ours."""
    mem, memories, spikes = np.zeros(3), [], []
    for x in DRIVE:
        spk = mem > 1
        mem = BETAS * mem + x - spk
        memories.append(mem)
        spikes.append(spk)
    out = run(LeakyDelayed(beta=BETAS), DRIVE, t=300, dt=1, record="v", **EXACT)
    np.testing.assert_allclose(out["v"], memories, rtol=1e-12)
    np.testing.assert_array_equal(raster(out, 300, 3)[:-1], np.array(spikes)[1:])


def test_leaky_no_reset_is_a_linear_filter():
    out = run(LeakyNoReset(beta=0.95), DRIVE, t=300, dt=1, record="v", **EXACT)
    np.testing.assert_allclose(out["v"][:, 0], lfilter([1.0], [1.0, -0.95], DRIVE[:, 0]), rtol=1e-12)


def test_leaky_delayed_reacts_to_bursts_as_in_the_article():
    """One spike of 0.8 never fires; slow decay or a larger weight turns bursts of input into spikes."""
    spikes = np.zeros((1000, 1))
    spikes[np.r_[0:200:10, 600:800:10]] = 1
    alone = run(LeakyDelayed(beta=BETAS), pulse(0.8, 300, 3), t=300, dt=1, **EXACT)
    assert alone.counts().sum() == 0
    weak = run(LeakyDelayed(beta=BETAS), 0.3 * spikes, t=1000, dt=1, **EXACT)
    strong = run(LeakyDelayed(beta=BETAS), 0.95 * spikes, t=1000, dt=1, **EXACT)
    assert weak.counts()[0] == 0 and weak.counts()[2] > 2
    assert (strong.counts() > weak.counts()).all()
    fired = times_of(weak, 2)
    assert ((fired < 300) | (fired > 600)).all()
