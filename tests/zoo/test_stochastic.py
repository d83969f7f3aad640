"""Stochastic neurons against the probabilities that their equations state."""

import numpy as np
import pytest
from tests.zoo.offsets import times_of

from spikelet.analysis import siegert_rate
from spikelet.neurons import GLM, EscapeLIF, NoisyLIF, PoissonNeuron
from spikelet.simulate import run

SEEDS = range(5)


def raster(out, steps, neurons, dt):
    dense = np.zeros((steps, neurons), dtype=bool)
    dense[np.rint(out.spikes.times / dt).astype(int) - 1, out.spikes.ids] = True
    return dense


def assert_mean(samples, expected, errors=3.0):
    """The mean of independent samples lies within some standard errors of what is expected."""
    samples = np.asarray(samples, dtype=float)
    error = samples.std(ddof=1) / np.sqrt(len(samples))
    assert abs(samples.mean() - expected) < errors * error, (samples.mean(), expected, error)


def test_poisson_neuron_rate_fano_and_cv():
    """CV = 1 and Fano factor 1 +- 2/sqrt(N); a grid of dt makes them sqrt(1 - p) and 1 - p."""
    rate, dt, n = 0.04, 0.25, 1000
    out = run(PoissonNeuron, rate, t=500, dt=dt, n=n, seed=1)
    counts = out.counts()
    assert_mean(counts, rate * 500)
    assert counts.var(ddof=1) / counts.mean() == pytest.approx(1 - rate * dt, abs=2 / np.sqrt(n) * np.sqrt(2))
    isi = np.concatenate([np.diff(times_of(out, i)) for i in range(200)])
    assert isi.std() / isi.mean() == pytest.approx(np.sqrt(1 - rate * dt), abs=0.05)


def test_poisson_neuron_follows_its_rate_step_by_step():
    rate = np.where(np.arange(1000) % 2, 2.0, 0.5)  # probabilities 0.05 and 0.2, one after the other
    dense = raster(run(PoissonNeuron, rate[:, None], t=100, dt=0.1, n=50, seed=2), 1000, 50, 0.1)
    for start, p in ((0, 0.05), (1, 0.2)):
        assert abs(dense[start::2].mean() - p) <= 3.5 * np.sqrt(p * (1 - p) / 25000)
    pairs = (dense[1::2] & dense[::2]).mean()  # one step does not tell of the next
    assert abs(pairs - 0.01) <= 3.5 * np.sqrt(0.01 / 25000)
    assert run(PoissonNeuron, 0.0, t=100, dt=1, n=50).counts().sum() == 0


def test_poisson_neuron_depends_on_the_seed_alone():
    one, two, again = (run(PoissonNeuron, 0.2, t=100, dt=1, n=50, seed=seed) for seed in (1, 2, 1))
    assert not np.array_equal(one.counts(), two.counts())
    np.testing.assert_array_equal(one.spikes.times, again.spikes.times)


def test_escape_lif_hazard_at_fixed_membrane():
    """P(spike in dt) = 1 - exp(-rho dt), rho = rho0 exp((u - theta)/Delta_u); v stands at reset = rest."""
    v = np.array([0.6, 1.0, 1.4])
    model = EscapeLIF(v_rest=np.repeat(v, 100), v_reset=np.repeat(v, 100))
    counts = run(model, 0.0, t=400, dt=0.4, n=300, seed=3).counts().reshape(3, 100)
    p = -np.expm1(-0.1 * np.exp((v - 1) / 0.2) * 0.4)
    error = np.sqrt(p * (1 - p) / (100 * 1000))
    assert (abs(counts.mean(axis=1) / 1000 - p) < 3.5 * error).all()


def test_escape_lif_mean_interval_is_the_integral_of_the_survivor():
    """Mean interval = integral of exp(-integral of rho), v = I (1 - exp(-s/tau)) after a reset to 0."""
    dt, current = 0.2, np.repeat([0.9, 1.4], 200)
    out = run(EscapeLIF(t_ref=2.0), current, t=500, dt=dt, seed=4)
    for x, ids in ((0.9, range(200)), (1.4, range(200, 400))):
        s = np.arange(0, 400, dt) + dt  # the hazard of a step is that of its end
        rho = 0.1 * np.exp((x * (1 - np.exp(-s / 20)) - 1) / 0.2)
        mean = 2.0 + dt * (1 + np.exp(-np.cumsum(rho) * dt).sum())
        intervals = np.concatenate([np.diff(times_of(out, i))[:4] for i in ids])
        assert len(intervals) > 750  # nearly all: what is cut off is long
        assert_mean(intervals, mean, 3.5)


def test_escape_lif_far_above_threshold_fires_in_every_step():
    out = run(EscapeLIF, 1e6, t=20, dt=1, seed=5)
    assert out.counts()[0] == 20


def test_glm_without_filters_is_a_bernoulli_draw():
    u = np.array([-3.0, -1.0, 0.0, 2.0])
    out = run(GLM(w_fb=0, bias=np.repeat(u, 50)), 0.0, t=500, dt=1, n=200, seed=6)
    counts = out.counts().reshape(4, 50)
    p = 1 / (1 + np.exp(-u))
    error = np.sqrt(p * (1 - p) / (50 * 500))
    assert (abs(counts.mean(axis=1) / 500 - p) < 3.5 * error).all()
    np.testing.assert_allclose(counts.var(axis=1, ddof=1), 500 * p * (1 - p), rtol=0.7)  # binomial, not Poisson


def test_glm_feedback_makes_a_markov_chain():
    """A feedback of one step: P(1|0) = sigma(bias), P(1|1) = sigma(bias + w); stationary rate p0/(1 + p0 - p1)."""
    out = run(GLM(w_fb=2.5, bias=-2.0, tau_fb=0.01), 0.0, t=1000, dt=1, n=100, seed=7)
    dense = raster(out, 1000, 100, 1.0)
    p0, p1 = 1 / (1 + np.exp(2.0)), 1 / (1 + np.exp(-0.5))
    before, after = dense[:-1], dense[1:]
    for state, p in ((0, p0), (1, p1)):
        chosen = after[before == state]
        assert chosen.mean() == pytest.approx(p, abs=3.5 * np.sqrt(p * (1 - p) / chosen.size))
    assert_mean(dense[50:].mean(axis=0), p0 / (1 + p0 - p1), 3.5)


def test_glm_filters_its_input():
    drive = np.random.default_rng(8).normal(size=(40, 1))
    out = run(GLM(bias=-50.0), drive, t=40, dt=1, record=("h_in", "h_fb"), dtype="float64")
    kernel = np.exp(-np.arange(40) / 5)
    np.testing.assert_allclose(out["h_in"][:, 0], np.convolve(drive[:, 0], kernel)[:40], rtol=1e-12)
    assert (out["h_fb"] == 0).all()


# tau 20, threshold 20, reset 10 mV, t_ref 2 ms; (mu, sigma) -> rate in Hz
SIEGERT = {(15.0, 5.0): 9.4608, (20.0, 5.0): 27.3406, (25.0, 5.0): 47.2174}


def siegert(mu, sigma, threshold=20.0):
    """Rate in Hz."""
    return 1000 * float(siegert_rate(mu, sigma, tau=20.0, threshold=threshold, reset=10.0, t_ref=2.0))


def noisy_rates(dt, t, n, v_th, seed):
    """Rates (3, n) in Hz of the three points of the table, after 100 ms."""
    mu = np.repeat([point[0] for point in SIEGERT], n)
    model = NoisyLIF(v_th=v_th, v_reset=10.0, sigma=5.0)
    warm = run(model, mu, t=100, dt=dt, seed=seed)
    out = run(model, mu, t=t, dt=dt, seed=seed + 1000, state=warm.state)
    return out.counts().reshape(3, n) / t * 1000


def test_noisy_lif_free_membrane_is_the_stationary_process():
    """sigma*sqrt(tau)*xi on a leak of tau: Gaussian of variance sigma**2/2, correlated over tau, at any dt."""
    out = run(NoisyLIF(v_th=1e9, sigma=5.0), 15.0, t=4000, dt=4.0, n=200, record="v", seed=9, dtype="float64")
    v = out["v"][100:]
    means, variances = v.mean(axis=0), v.var(axis=0, ddof=1)
    assert_mean(means, 15.0, 3.5)
    assert variances.mean() == pytest.approx(12.5, rel=0.02)
    lag = ((v[5:] - 15) * (v[:-5] - 15)).mean(axis=0)
    assert_mean(lag, 12.5 * np.exp(-1), 3.5)


def test_noisy_lif_has_the_siegert_rates():
    """A threshold tested every dt acts like one 0.5826 sigma sqrt(dt/tau) higher (Broadie et al. 1997): lower it."""
    rates = noisy_rates(0.1, 400, 300, 20.0 - 0.5826 * 5.0 * np.sqrt(0.1 / 20), seed=0)
    for i, rate in enumerate(SIEGERT.values()):
        assert_mean(rates[i], rate)
        assert rates[i].mean() == pytest.approx(rate, rel=0.02)


@pytest.mark.slow
def test_noisy_lif_approaches_the_siegert_rates_in_fine_steps():
    """Without the correction the error falls as sqrt(dt); at 0.01 ms it is that of a threshold 0.065 mV higher."""
    rates = np.array([noisy_rates(0.01, 250, 400, 20.0, seed).mean(axis=1) for seed in SEEDS])
    for i, ((mu, sigma), rate) in enumerate(SIEGERT.items()):
        assert_mean(rates[:, i], siegert(mu, sigma, 20 + 0.5826 * 5 * np.sqrt(0.01 / 20)), 4)  # of five seeds
        assert rates[:, i].mean() == pytest.approx(rate, rel=0.06)
