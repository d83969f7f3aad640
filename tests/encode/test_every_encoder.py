"""What every encoder of `encode.__all__` promises, as properties over one table."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import pytest

from spikelet import encode
from spikelet.encode import draws, tensors
from spikelet.errors import InputError, ShapeError
from spikelet.units import kHz, ms

torch = pytest.importorskip("torch")

FIR = [0.1, 0.2, 0.3, 0.2, 0.1]
T = 40
RNG = np.random.default_rng(5)
VALUES = RNG.random((6, 2, 3))
VALUES[0, 0] = 0.0, 0.5, 1.0
SIGNED = 2 * RNG.random((6, 2, 3)) - 1
IMAGES = RNG.random((3, 12, 10))
PHASES = RNG.random((6, 2)) * 6
WAVES = np.sin(2 * np.pi * np.outer(np.linspace(0.4, 1.5, 6), np.arange(320)) / 8) * np.linspace(0.2, 1, 6)[:, None]
SIGNAL = 0.5 + 0.4 * np.sin(2 * np.pi * np.arange(T)[:, None, None] / 30 + PHASES) + 0.05 * RNG.random((T, 6, 2))


@dataclass(frozen=True)
class Case:
    """One way to call an encoder.

    Attributes:
        call: from input and keyword arguments to spikes.
        x: the input.
        shape: of the spikes.
        values: what the spikes may be.
        random: whether there is a seed, samples and a first step.
        pieces: whether a sequence may be encoded in pieces: from (x, steps, first step) to spikes.
        bounded: whether numbers outside [0, 1] are refused.
    """

    call: Callable[..., Any]
    x: np.ndarray = field(default_factory=lambda: VALUES)
    shape: tuple[int, ...] = (T, 6, 2, 3)
    values: Sequence[int] | None = (0, 1)
    random: bool = False
    pieces: Callable[[Any, int, int], Any] | None = None
    bounded: bool = True

    @property
    def in_time(self) -> bool:
        return self.x is SIGNAL


def of_values(name: str, *args: Any, **given: Any) -> Case:
    shape = given.pop("shape", (T, 6, 2, 3))
    options = {n: given.pop(n) for n in ("values", "bounded") if n in given}
    return Case(lambda x, **more: getattr(encode, name)(x, T, *args, **given, **more), shape=shape, **options)


def at_random(name: str, *args: Any, signed: bool = False, **options: Any) -> Case:
    function = partial(getattr(encode, name), signed=signed)

    def pieces(x: Any, steps: int, first: int) -> Any:
        return function(x, steps, *args, seed=7, first_step=first)

    return Case(lambda x, **more: function(x, T, *args, **{"seed": 7, **more}), random=True, pieces=pieces, **options)


def of_signals(name: str, *args: Any, **given: Any) -> Case:
    values = given.pop("values", (-1, 0, 1))
    function = getattr(encode, name)
    return Case(lambda x: function(x, *args, **given), SIGNAL, (T, 6, 2), values, bounded=False)


def of_images(name: str, maps: int, **given: Any) -> Case:
    function = getattr(encode, name)
    return Case(lambda x: function(x, T, **given), IMAGES, (T, 3, maps, 12, 10))


def of_waves(name: str, *axes: int, **given: Any) -> Case:
    function = getattr(encode, name)
    return Case(lambda x: function(x, 8 * kHz, 1 * ms, **given), WAVES, (T, 6, *axes), bounded=False)


COUNTS = tuple(range(40))
CASES = {
    "constant": of_values("constant", values=None, bounded=False),
    "bernoulli": at_random("bernoulli"),
    "bernoulli, signed": at_random("bernoulli", signed=True, x=SIGNED, values=(-1, 0, 1), bounded=False),
    "rate": at_random("rate", 0.9, bounded=False),
    "rate, signed": at_random("rate", 0.9, signed=True, x=SIGNED, values=(-1, 0, 1), bounded=False),
    "poisson": at_random("poisson", 1.5, values=COUNTS, bounded=False),
    "poisson, signed": at_random("poisson", 1.5, signed=True, x=SIGNED, values=range(-40, 41), bounded=False),
    "inhomogeneous_poisson": Case(
        lambda x, **more: encode.inhomogeneous_poisson(x, 1.5, **{"seed": 7, **more}),
        SIGNAL,
        (T, 6, 2),
        COUNTS,
        random=True,
        pieces=lambda x, steps, first: encode.inhomogeneous_poisson(x[first : first + steps], 1.5, first_step=first),
        bounded=False,
    ),
    "periodic": Case(
        lambda x: encode.periodic(x, T, 0.9, phase=0.5),
        pieces=lambda x, steps, first: encode.periodic(x, steps, 0.9, phase=0.5, first_step=first),
        bounded=False,
    ),
    "latency": of_values("latency"),
    "latency, log": of_values("latency", "log"),
    "latency, rc": of_values("latency", "rc", tau=5.0, bounded=False),
    "rank_order": Case(lambda x: encode.rank_order(x), shape=(6, 6, 2, 3), bounded=False),
    "rank_order, some": of_values("rank_order", threshold=0.3, bounded=False),
    "intensity_to_latency": of_values("intensity_to_latency", bounded=False),
    "phase": of_values("phase", 9, start=1.0),
    "phase, one cycle": of_values("phase", 9, cycles=False),
    "weighted_phase": of_values("weighted_phase"),
    "burst": of_values("burst"),
    "population": of_values("population", shape=(T, 6, 2, 3, 8)),
    "population, rank": of_values("population", 5, kind="rank", shape=(T, 6, 2, 3, 5)),
    "population, winner": of_values("population", 5, kind="winner", shape=(T, 6, 2, 3, 5)),
    "lif": of_values("lif", tau=5.0, threshold=0.3, t_ref=2.0, bounded=False),
    "lif, a signal": of_signals("lif", tau=5.0, threshold=0.3, values=(0, 1)),
    "difference_of_gaussians": of_images("difference_of_gaussians", 2),
    "difference_of_gaussians, normalised": of_images("difference_of_gaussians", 2, normalise=3, threshold=0.01),
    "gabor": of_images("gabor", 4, threshold=0.05),
    "delta": of_signals("delta", 0.05, values=(0, 1)),
    "delta, both signs": of_signals("delta", 0.05, off_spikes=True),
    "temporal_contrast": of_signals("temporal_contrast"),
    "temporal_contrast, fixed": of_signals("temporal_contrast", threshold=np.full((6, 2), 0.07)),
    "step_forward": of_signals("step_forward", 0.1),
    "moving_window": of_signals("moving_window", 0.1),
    "sigma_delta": of_signals("sigma_delta", 0.04, values=tuple(range(-40, 41))),
    "hsa": of_signals("hsa", FIR, values=(0, 1)),
    "modified_hsa": of_signals("modified_hsa", FIR, 0.2, values=(0, 1)),
    "bsa": of_signals("bsa", FIR, 0.4, values=(0, 1)),
    "cochlea": of_waves("cochlea", 12, bank=12),
    "sound_onset": of_waves("sound_onset", 4, 12, bank=12, levels=4),
    "bsa, multiplicative": of_signals("bsa", FIR, form="multiplicative", values=(0, 1)),
}
every = pytest.mark.parametrize("name", CASES)
RANDOM = [name for name, case in CASES.items() if case.random]


def test_the_table_holds_every_encoder() -> None:
    assert {name.split(",")[0] for name in CASES} == set(encode.__all__)


@every
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_numpy_and_torch_agree_bit_for_bit(name: str, dtype: str) -> None:
    case, x = CASES[name], CASES[name].x.astype(dtype)
    before = x.copy()
    ours, theirs = case.call(x), case.call(torch.from_numpy(x))
    assert isinstance(ours, np.ndarray) and isinstance(theirs, torch.Tensor)
    assert ours.shape == tuple(theirs.shape) == case.shape
    assert str(ours.dtype) == dtype and theirs.dtype == getattr(torch, dtype)
    np.testing.assert_array_equal(ours, theirs.numpy())
    np.testing.assert_array_equal(x, before)
    assert len(np.unique(ours)) > 1


@pytest.mark.skipif(not torch.cuda.is_available(), reason="gpu: no CUDA device on this machine")
def test_a_gpu_gives_the_spikes_of_the_cpu() -> None:
    for name, case in CASES.items():
        x = torch.from_numpy(case.x)
        there = case.call(x.cuda())
        assert there.is_cuda and (there.cpu() == case.call(x)).all(), name


@every
def test_the_way_of_other_devices_gives_the_same_spikes(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What runs there is array operations in place of kernels and accumulation: here they run on the CPU."""
    case = CASES[name]
    expected = case.call(case.x)
    for module in (draws, tensors):
        monkeypatch.setattr(module, "on_cpu", lambda x: False)
    np.testing.assert_array_equal(case.call(torch.from_numpy(case.x)).numpy(), expected)


@every
def test_spikes_are_what_they_may_be(name: str) -> None:
    values = CASES[name].values
    if values is not None:
        spikes = CASES[name].call(CASES[name].x)
        assert set(np.unique(spikes)) <= set(values)
        assert not np.signbit(spikes[spikes == 0]).any()


@every
def test_the_memory_layout_does_not_matter(name: str) -> None:
    case = CASES[name]
    turned = np.asfortranarray(case.x)
    np.testing.assert_array_equal(case.call(turned), case.call(case.x))
    tensor = torch.from_numpy(case.x.T.copy()).permute(*range(case.x.ndim - 1, -1, -1))
    assert not tensor.is_contiguous()
    np.testing.assert_array_equal(case.call(tensor).numpy(), case.call(case.x))


@every
def test_the_batch_does_not_matter(name: str) -> None:
    """Each sample alone, or some of them in another order, gives the spikes that it has among the others."""
    case = CASES[name]
    whole = case.call(case.x)
    for rows in ([2], [1, 0]):
        part = case.x[:, rows] if case.in_time else case.x[rows]
        more = {"samples": rows} if case.random else {}
        if "fixed" in name:
            found = encode.temporal_contrast(part, threshold=0.07)
        else:
            found = case.call(part, **more)
        np.testing.assert_array_equal(found, whole[:, rows])


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.pieces])
@pytest.mark.parametrize("kind", ["numpy", "torch"])
def test_a_sequence_may_be_encoded_in_pieces(name: str, kind: str) -> None:
    case = CASES[name]
    pieces = case.pieces
    assert pieces is not None
    x = torch.from_numpy(case.x) if kind == "torch" else case.x
    whole = np.asarray(pieces(x, T, 0))
    for cut in (1, 6, 39):
        parts = [np.asarray(pieces(x, cut, 0)), np.asarray(pieces(x, T - cut, cut))]
        np.testing.assert_array_equal(np.concatenate(parts), whole)


@pytest.mark.parametrize("name", RANDOM)
def test_the_number_of_threads_does_not_matter(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    case = CASES[name]
    many = np.repeat(case.x, 300, 1 if case.in_time else 0)  # enough for several threads
    found = []
    for threads in ("1", "3"):
        monkeypatch.setenv("SPIKELET_THREADS", threads)
        found.append(case.call(many))
    np.testing.assert_array_equal(*found)


@pytest.mark.parametrize("name", RANDOM)
def test_a_seed_makes_other_spikes_and_the_same_ones_again(name: str) -> None:
    function, case = getattr(encode, name.split(",")[0]), CASES[name]
    function = partial(function, signed=True) if "signed" in name else function
    args = (case.x,) if case.in_time else (case.x, T)
    args = args if name.startswith("bernoulli") else (*args, 0.5)
    one, again, other = (function(*args, seed=seed) for seed in (1, 1, 2))
    assert (one == again).all() and (one != other).any()


@every
def test_an_empty_batch_gives_an_empty_batch(name: str) -> None:
    case = CASES[name]
    if "fixed" in name:
        return  # its threshold has a shape
    empty = case.x[:, :0] if case.in_time else case.x[:0]
    shape = (case.shape[0], 0, *case.shape[2:])
    assert case.call(empty).shape == shape
    assert tuple(case.call(torch.from_numpy(empty)).shape) == shape


@every
@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_a_number_that_is_none_is_refused(name: str, wrong: float) -> None:
    case = CASES[name]
    x = case.x.copy()
    x[1, 1] = wrong
    place = "1, 1" if x.ndim == 2 else "1, 1, 0"
    for given in (x, torch.from_numpy(x)):
        with pytest.raises(InputError, match=rf"{name.split(',')[0]}: x is {wrong} at \({place}\)"):
            case.call(given)


@every
def test_integers_are_refused(name: str) -> None:
    case = CASES[name]
    with pytest.raises(
        InputError, match="x must be float32 or float64, not uint8; (divide 8-bit images by 255|read_wav gives such)"
    ):
        case.call((case.x * 255).astype(np.uint8))


@every
def test_a_single_number_is_refused(name: str) -> None:
    with pytest.raises(ShapeError, match=rf"{name.split(',')[0]}: .*x must be \(.*B, .*\), not \(\)"):
        CASES[name].call(np.float64(0.5))


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.bounded])
def test_what_is_out_of_bounds_is_refused(name: str) -> None:
    case = CASES[name]
    with pytest.raises(InputError, match=r"x reaches 1\.5, above 1"):
        case.call(np.where(case.x == case.x.max(), 1.5, case.x))
    with pytest.raises(InputError, match=r"x reaches -0\.5, below 0"):
        case.call(np.where(case.x == case.x.max(), -0.5, case.x))


@every
def test_spikes_carry_no_gradient(name: str) -> None:
    if name != "constant":
        assert not CASES[name].call(torch.from_numpy(CASES[name].x).requires_grad_()).requires_grad


# -- rates ------------------------------------------------------------------------------------------------------------

MEANS: dict[str, tuple[Callable[[np.ndarray], np.ndarray], Callable[[np.ndarray], np.ndarray]]] = {
    # mean and variance of the count in a step
    "bernoulli": (lambda x: x, lambda x: abs(x) * (1 - abs(x))),
    "rate": (lambda x: 0.9 * x, lambda x: 0.9 * abs(x) * (1 - 0.9 * abs(x))),
    "poisson": (lambda x: 1.5 * x, lambda x: 1.5 * abs(x)),
    "inhomogeneous_poisson": (lambda x: 1.5 * x, lambda x: 1.5 * x),
}


def test_each_random_encoder_has_its_mean() -> None:
    assert set(MEANS) == {name.split(",")[0] for name in RANDOM}


@pytest.mark.parametrize("name", RANDOM)
def test_the_mean_is_within_three_standard_errors(name: str) -> None:
    """Over all elements; and each element within 4.5 of its own, which one of 150,000 is not."""
    case, (mean, variance) = CASES[name], MEANS[name.split(",")[0]]
    copies = 200
    x = np.repeat(case.x, copies, 1 if case.in_time else 0)
    spikes = case.call(x, seed=1)
    axis = (0,) if case.in_time else ()
    of_each = spikes.reshape(len(spikes), -1, copies, *spikes.shape[2:])
    samples = of_each.mean(2) if axis else of_each.mean((0, 2))
    number = copies * (1 if axis else T)
    off = samples - mean(case.x)
    error = np.sqrt(variance(case.x) / number)
    assert (np.abs(off) <= 4.5 * error + 1e-12).all()
    assert abs(off.mean()) <= 3 * np.sqrt((error**2).sum()) / error.size
