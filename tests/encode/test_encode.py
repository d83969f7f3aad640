"""Encoders against closed forms; numpy against torch, bit for bit; errors."""

import subprocess
import sys

import numpy as np
import pytest

from spikelet import encode, random
from spikelet.errors import InputError, ShapeError
from spikelet.units import Hz, ms

torch = pytest.importorskip("torch")

RAMP = np.linspace(0, 1, 12, dtype=np.float64).reshape(3, 2, 2)
ENCODERS = {
    "constant": lambda x: encode.constant(x, 7),
    "bernoulli": lambda x: encode.bernoulli(x, 50, seed=3),
    "rate": lambda x: encode.rate(x, 50, 0.7, seed=3),
    "poisson": lambda x: encode.poisson(x, 50, 9.0, seed=3),
    "latency": lambda x: encode.latency(x, 13),
    "latency with a threshold": lambda x: encode.latency(x, 13, threshold=0.3),
    "latency rc": lambda x: encode.latency(x, 13, "rc", tau=5.0),
    "latency rc, none silent": lambda x: encode.latency(x, 13, "rc", tau=5.0, silent=False),
    "delta": lambda x: encode.delta(x, 0.3),
    "delta with off spikes": lambda x: encode.delta(x, 0.3, padding=0.5, off_spikes=True),
}
all_encoders = pytest.mark.parametrize("encoder", ENCODERS.values(), ids=ENCODERS)


@all_encoders
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_numpy_and_torch_agree_bit_for_bit(encoder, dtype):
    x = RAMP.astype(dtype)
    ours, theirs = encoder(x), encoder(torch.from_numpy(x))
    assert isinstance(ours, np.ndarray) and isinstance(theirs, torch.Tensor)
    assert str(ours.dtype) == dtype and theirs.dtype == getattr(torch, dtype)
    assert ours.shape == tuple(theirs.shape)
    assert (ours == theirs.numpy()).all()
    assert len(np.unique(ours)) > 1


@all_encoders
def test_the_memory_layout_of_the_input_does_not_matter(encoder):
    x = torch.from_numpy(np.ascontiguousarray(RAMP.transpose(2, 1, 0))).permute(2, 1, 0)
    assert not x.is_contiguous()
    assert (encoder(x).numpy() == encoder(RAMP)).all()


@all_encoders
def test_an_empty_batch_gives_an_empty_batch(encoder):
    full = encoder(np.zeros((3, 5)))
    if full.shape[0] == 3:  # delta takes time first
        assert encoder(np.zeros((3, 0))).shape == (3, 0)
    else:
        assert encoder(np.zeros((0, 5))).shape == (full.shape[0], 0, 5)
        assert encoder(torch.zeros(0, 5)).shape == (full.shape[0], 0, 5)


# -- constant ---------------------------------------------------------------------------------------------------------


def test_constant_is_a_view_without_memory():
    x = torch.rand(2, 3, requires_grad=True)
    y = encode.constant(x, 100)
    assert y.shape == (100, 2, 3) and y.stride(0) == 0 and y.data_ptr() == x.data_ptr()
    y.sum().backward()
    assert x.grad is not None and (x.grad == 100).all()
    array = np.random.default_rng(0).random((2, 3))
    view = encode.constant(array, 100)
    assert view.shape == (100, 2, 3) and view.strides[0] == 0 and np.shares_memory(view, array)


def test_constant_takes_any_finite_value():
    assert encode.constant(np.array([[-70.0, 300.0]]), 1).tolist() == [[[-70.0, 300.0]]]


# -- Bernoulli and rate -----------------------------------------------------------------------------------------------


def test_bernoulli_of_a_pixel_of_32():
    """32/256 for 1 s in steps of 1 ms: 125 spikes expected, standard deviation 10.46."""
    counts = encode.bernoulli(np.full((400, 1), 32 / 256), 1000).sum(0)
    assert abs(counts.mean() - 125) < 3 * 10.46 / np.sqrt(400)
    assert abs(counts.std() / 10.46 - 1) < 4 / np.sqrt(2 * 400)
    assert 125 - 3 * 10.46 < counts[0, 0] < 125 + 3 * 10.46


def test_bernoulli_mean_is_the_pixel():
    """The mean over 1,000 steps is the pixel within 3 standard errors, for all but the odd one of 256 values."""
    p = np.arange(256).reshape(1, 256) / 255
    off = encode.bernoulli(p, 1000).mean(0) - p
    error = np.sqrt(p * (1 - p) / 1000)
    assert (np.abs(off) <= 3 * error + 1e-15).mean() > 0.98
    assert (np.abs(off) <= 4.5 * error + 1e-15).all()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_bernoulli_at_the_ends(dtype):
    """Probability 0 never fires, probability 1 always."""
    spikes = encode.bernoulli(np.array([[0.0, 1.0]], dtype=dtype), 20_000)
    assert spikes[:, 0, 0].sum() == 0 and spikes[:, 0, 1].sum() == 20_000


def test_bernoulli_steps_and_neurons_are_independent():
    spikes = encode.bernoulli(np.full((1, 40), 0.3), 5000)[:, 0]
    across = np.corrcoef(spikes.T) - np.eye(40)
    assert np.abs(across).max() < 4.5 / np.sqrt(5000)
    for lag in (1, 2, 3, 4, 5, 8):
        r = np.corrcoef(spikes[lag:].ravel(), spikes[:-lag].ravel())[0, 1]
        assert abs(r) < 4.5 / np.sqrt(spikes.size)


def test_bernoulli_spikes_where_the_stated_word_is_below_p():
    """Step k of element e takes word k % 4 of block k // 4 on the encoders' stream."""
    p = np.array([[0.2, 0.5, 0.9]])
    words = random.bits(8, np.arange(3)[:, None], np.arange(3), stream=1000)
    uniform = (np.stack(words, 1).reshape(12, 3) + 0.5) / 2**32
    assert (encode.bernoulli(p, 11, seed=8)[:, 0] == (uniform < p)[:11]).all()


@pytest.mark.parametrize("name", ["bernoulli", "rate", "poisson"])
@pytest.mark.parametrize("kind", ["numpy", "torch"])
def test_batches_and_pieces_change_nothing(name, kind):
    """The spikes of an image do not depend on its batch, its place in it, or the cutting of the sequence."""
    step = () if name == "bernoulli" else (1.5 if name == "poisson" else 0.9,)
    images = RAMP.reshape(6, 2)
    images = torch.from_numpy(images) if kind == "torch" else images

    def encoded(rows, steps=9, first_step=0):
        spikes = getattr(encode, name)(images[rows], steps, *step, seed=5, samples=rows, first_step=first_step)
        return np.asarray(spikes)

    whole = encoded(np.arange(6))
    assert (whole == np.asarray(getattr(encode, name)(images, 9, *step, seed=5))).all()
    rows = np.array([4, 0, 5])
    assert (encoded(rows) == whole[:, rows]).all()
    for cut in (1, 2, 3, 4, 5, 8):
        assert (np.concatenate([encoded(rows, cut), encoded(rows, 9 - cut, cut)]) == whole[:, rows]).all()


def test_samples_may_be_a_tensor_or_a_list():
    x = torch.full((2, 50), 0.5)
    several = [encode.bernoulli(x, 4, samples=s) for s in (torch.tensor([7, 2]), np.array([7, 2]), [7, 2])]
    assert (several[0] == several[1]).all() and (several[0] == several[2]).all()
    assert (several[0] != encode.bernoulli(x, 4)).any()


def test_many_elements_are_drawn_in_parts():
    """More elements than fit into one part give the numbers that each has alone."""
    x = np.full((3, 5000), 0.5)
    whole = encode.bernoulli(x, 1000, seed=1)
    part = encode.bernoulli(x[2:], 1000, seed=1, samples=[2])
    assert (whole[:, 2:] == part).all()


def test_seeds_differ():
    x = np.full((1, 1000), 0.5)
    assert abs((encode.bernoulli(x, 10, seed=0) == encode.bernoulli(x, 10, seed=1)).mean() - 0.5) < 0.03


def test_rate_is_bernoulli_of_rate_times_dt():
    rates = np.array([[10 * Hz, 200 * Hz, 1000 * Hz]])
    got = encode.rate(rates, 4000, 1 * ms, seed=2)
    assert (got == encode.bernoulli(rates * 1.0, 4000, seed=2)).all()
    assert got[:, 0, 2].sum() == 4000


def test_encoded_spikes_carry_no_gradient():
    x = torch.rand(2, 3, requires_grad=True)
    for spikes in (encode.bernoulli(x, 3), encode.rate(x, 3, 1.0), encode.poisson(x, 3, 1.0), encode.latency(x, 3)):
        assert not spikes.requires_grad


# -- Poisson ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mean", [0.05, 1.0, 2.0, 30.0, 480.0])
def test_poisson_counts(mean):
    """Mean and variance are rate*dt; the counts are those of the Poisson distribution (chi-square)."""
    from scipy.stats import chisquare, poisson

    counts = encode.poisson(np.full((1, 2000), mean * 10), 10, 0.1).ravel()
    n = counts.size
    assert (counts == np.round(counts)).all()
    assert abs(counts.mean() - mean) < 4 * np.sqrt(mean / n)
    assert abs(counts.var() - mean) < 4 * np.sqrt((mean + 2 * mean**2) / n)
    low, high = int(poisson.ppf(0.01, mean)), int(poisson.ppf(0.99, mean))
    values = np.arange(low, high + 1)
    expected = np.array([poisson.cdf(low, mean), *poisson.pmf(values[1:-1], mean), poisson.sf(high - 1, mean)])
    if len(expected) > 2:
        clipped = np.clip(counts, low, high)
        observed = np.array([(clipped == v).sum() for v in values])
        assert chisquare(observed, expected / expected.sum() * n).pvalue > 1e-3


def test_poisson_of_a_fast_source():
    """20 kHz at 0.1 ms means two spikes a step."""
    assert abs(encode.poisson(np.full((1, 5000), 20_000 * Hz), 10, 0.1 * ms).mean() - 2) < 3 * np.sqrt(2 / 50_000)


def test_poisson_of_rate_zero_is_silent():
    assert encode.poisson(np.zeros((1, 100)), 1000, 1.0).sum() == 0


# -- latency ----------------------------------------------------------------------------------------------------------


def test_linear_latency_is_the_closed_form():
    """One spike each, in step round((T - 1)(1 - x))."""
    x = np.random.default_rng(0).random((4, 50))
    spikes = encode.latency(x, 30)
    assert (spikes.sum(0) == 1).all()
    assert (spikes.argmax(0) == np.round(29 * (1 - x))).all()
    assert encode.latency(np.array([[1.0, 0.5, 0.0]]), 101)[:, 0].argmax(0).tolist() == [0, 50, 100]


def test_linear_latency_below_the_threshold_is_silent():
    x = np.array([[0.0, 0.19, 0.2, 0.21]])
    assert encode.latency(x, 10, threshold=0.2).sum(0).tolist() == [[0, 0, 1, 1]]
    shown = encode.latency(x, 10, threshold=0.2, silent=False)
    assert shown.sum(0).tolist() == [[1, 1, 1, 1]] and shown[-1, 0, :2].tolist() == [1, 1]


@pytest.mark.parametrize("tau, threshold, dt", [(20.0, 0.2, 1.0), (1.0, 0.01, 0.01), (7.0, 0.5, 0.3)])
def test_rc_latency_is_the_closed_form(tau, threshold, dt):
    """In step round(tau*ln(x/(x - threshold))/dt); silent where x is not above threshold or that is too late."""
    x = np.random.default_rng(1).uniform(0, 1.5, (10, 200))
    spikes = encode.latency(x, 60, "rc", tau=tau, threshold=threshold, dt=dt)
    with np.errstate(invalid="ignore", divide="ignore"):
        step = np.round(tau * np.log(x / (x - threshold)) / dt)
    fires = (x > threshold) & (step < 60)
    assert 0 < fires.mean() < 1
    assert (spikes.sum(0) == fires).all()
    assert (spikes.argmax(0)[fires] == step[fires]).all()


def test_rc_latency_is_that_of_a_charged_membrane():
    """Euler-integrated dv/dt = (x - v)/tau crosses the threshold at the time of the spike, within half a step."""
    x, tau, threshold, dt = 0.6, 10.0, 0.3, 0.5
    fine = 1e-4
    v = x * (1 - np.exp(-np.arange(0, 50, fine) / tau))
    crossing = np.argmax(v >= threshold) * fine
    step = encode.latency(np.array([[x]]), 100, "rc", tau=tau, threshold=threshold, dt=dt).argmax()
    assert abs(step * dt - crossing) <= dt / 2 + fine


def test_rc_inputs_that_never_fire():
    x = np.array([[-1.0, 0.0, 0.2, 0.2000001, 5.0]])
    assert encode.latency(x, 50, "rc").sum(0).tolist() == [[0, 0, 0, 0, 1]]
    last = encode.latency(x, 50, "rc", silent=False)
    assert last.sum(0).tolist() == [[1, 1, 1, 1, 1]] and last[-1, 0].tolist() == [1, 1, 1, 1, 0]


# -- delta ------------------------------------------------------------------------------------------------------------


def test_delta_is_the_closed_form():
    """A spike where x[n] - x[n-1] reaches the threshold; with off spikes -1 where it falls by as much."""
    signal = 0.45 + 0.4 * np.sin(2 * np.pi * np.arange(60) / 30)
    change = np.diff(signal, prepend=0.0)
    spikes = encode.delta(signal[:, None], 0.05)
    assert spikes[:, 0].tolist() == (change >= 0.05).astype(float).tolist()
    signed = encode.delta(signal[:, None], 0.05, off_spikes=True)
    assert signed[:, 0].tolist() == ((change >= 0.05) * 1.0 - (change <= -0.05)).tolist()
    assert (signed == -1).any()


def test_delta_compares_the_first_step_with_the_padding():
    x = np.full((3, 1), 0.5)
    assert encode.delta(x, 0.1)[:, 0].tolist() == [1, 0, 0]
    assert encode.delta(x, 0.1, padding=0.45)[:, 0].tolist() == [0, 0, 0]
    assert encode.delta(x, 0.1, padding=0.7, off_spikes=True)[:, 0].tolist() == [-1, 0, 0]
    assert encode.delta(x, 0.1, padding="first")[:, 0].tolist() == [0, 0, 0]


def test_a_change_of_exactly_the_threshold_counts():
    x = np.array([[0.0], [0.25], [0.0]])
    assert encode.delta(x, 0.25, off_spikes=True)[:, 0].tolist() == [0, 1, -1]


# -- errors -----------------------------------------------------------------------------------------------------------

X = np.full((2, 3), 0.5)
NAN = np.array([[0.5, 0.5], [0.5, np.nan]])
MISTAKES = [
    (lambda: encode.bernoulli(NAN, 5), InputError, "bernoulli: x is nan at (1, 1)"),
    (lambda: encode.bernoulli(torch.tensor([[np.inf]]), 5), InputError, "bernoulli: x is inf at (0, 0)"),
    (lambda: encode.constant(NAN, 5), InputError, "constant: x is nan at (1, 1)"),
    (lambda: encode.bernoulli(X + 1, 5), InputError, "bernoulli: x reaches 1.5, above 1 (a probability per step;"),
    (lambda: encode.bernoulli(X - 1, 5), InputError, "bernoulli: x reaches -0.5, below 0"),
    (lambda: encode.latency(X + 1, 5), InputError, "latency: x reaches 1.5, above 1"),
    (lambda: encode.bernoulli(X, 0), InputError, "steps must be an integer of at least 1, not 0"),
    (lambda: encode.bernoulli(X, -3), InputError, "steps must be an integer of at least 1, not -3"),
    (lambda: encode.constant(X, 2.5), InputError, "steps must be an integer of at least 1, not 2.5"),
    (lambda: encode.latency(X, True), InputError, "steps must be an integer of at least 1, not True"),
    (lambda: encode.poisson(X, "5", 1.0), InputError, "steps must be an integer of at least 1, not '5'"),
    (lambda: encode.bernoulli(X, 5, first_step=-1), InputError, "first_step must be an integer of at least 0, not -1"),
    (lambda: encode.bernoulli(X, 5, seed=0.5), InputError, "seed must be an integer, not 0.5"),
    (lambda: encode.bernoulli(np.float64(0.5), 5), ShapeError, "bernoulli: x must be (B, *N), not ()"),
    (lambda: encode.delta(np.zeros(4)), ShapeError, "delta: x must be (T, B, *N), not (4,)"),
    (lambda: encode.bernoulli(np.zeros((2, 2), np.uint8), 5), InputError, "must be float32 or float64, not uint8; div"),
    (lambda: encode.constant(torch.zeros(2, dtype=torch.int64), 5), InputError, "float32 or float64, not int64"),
    (lambda: encode.bernoulli(X, 5, samples=[1]), ShapeError, "samples must be (2,), one for each row"),
    (lambda: encode.bernoulli(X, 5, samples=[0.0, 1.0]), InputError, "samples must be integers, not float64"),
    (lambda: encode.bernoulli(X, 5, samples=[0, -1]), InputError, "samples must not be negative, not -1"),
    (lambda: encode.rate(X * 10, 5, 1.0), InputError, "rates*dt reaches 5, above one spike a step; use a shorter dt"),
    (lambda: encode.rate(-X, 5, 1.0), InputError, "rate: x reaches -0.5, below 0"),
    (lambda: encode.rate(X, 5, 0), InputError, "dt must be a number above 0 [ms], not 0"),
    (lambda: encode.poisson(X * 1e4, 5, 1.0), InputError, "poisson: rates*dt reaches 5000; at most 500 spikes"),
    (lambda: encode.latency(X, 5, "linaer"), InputError, "'linear', 'log' or 'rc', not 'linaer'; did you mean 'lin"),
    (lambda: encode.latency(X, 5, "rc", tau=-1.0), InputError, "tau must be a number above 0 [ms], not -1.0"),
    (lambda: encode.latency(X, 5, "rc", threshold=0), InputError, "threshold must be a number above 0"),
    (lambda: encode.delta(X, 0.0), InputError, "threshold must be a number above 0"),
    (lambda: encode.delta(X, "high"), InputError, "threshold must be a number above 0"),
    (lambda: encode.delta(X, padding="last"), InputError, "padding must be a number or 'first', not 'last'"),
]


@pytest.mark.parametrize("call, kind, text", MISTAKES, ids=[text for _, _, text in MISTAKES])
def test_errors(call, kind, text):
    with pytest.raises(kind) as error:
        call()
    assert text in str(error.value)


def test_torch_is_not_imported_for_arrays():
    code = (
        "import sys, numpy as np; from spikelet import encode; x = np.full((2, 2), 0.5);"
        "encode.bernoulli(x, 3), encode.poisson(x, 3, 1.0), encode.latency(x, 3, 'rc'), encode.delta(x);"
        "print('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"
