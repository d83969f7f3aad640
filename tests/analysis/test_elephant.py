"""Elephant and PySpike find the same on random trains, and Neo takes and gives trains, where they are installed."""

import importlib
import sys
import warnings

import numpy as np
import pytest

from spikelet import analysis
from spikelet.errors import InputError

WHY = "not installed: pip install 'spikelet[reference]'"
pq = pytest.importorskip("quantities", reason=f"quantities is {WHY}")
neo = pytest.importorskip("neo", reason=f"neo is {WHY}")
STOP = 200.0


def trains(seed: int, n: int = 4) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [np.sort(rng.uniform(0, STOP, rng.integers(15, 60))) for _ in range(n)]


def columns(many: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    return np.concatenate(many), np.repeat(np.arange(len(many)), [len(one) for one in many])


@pytest.fixture(scope="module")
def elephant():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of its own imports
        pytest.importorskip("elephant", reason=f"elephant is {WHY}")
        for name in ("conversion", "spectral", "spike_train_correlation", "spike_train_dissimilarity", "statistics"):
            importlib.import_module(f"elephant.{name}")
    return sys.modules["elephant"]


def as_neo(many: list[np.ndarray]) -> list:
    return [neo.SpikeTrain(one, units="ms", t_stop=STOP) for one in many]


# -- Neo --------------------------------------------------------------------------------------------------------------


def test_trains_go_to_neo_and_back() -> None:
    many = [*trains(0), np.zeros(0)]
    times, ids = columns(many)
    order = np.lexsort((ids, times))
    sent = analysis.to_neo(times, ids, n=6, stop=STOP)
    assert [len(train) for train in sent] == [*map(len, many), 0]
    assert float(sent[0].t_stop) == STOP and str(sent[0].units.dimensionality) == "ms"
    back = analysis.from_neo(sent)
    assert np.array_equal(back.times, times[order]) and np.array_equal(back.ids, ids[order])
    assert (back.n, back.t_start, back.t_stop, len(back)) == (6, 0.0, STOP, len(times))
    assert len(analysis.to_neo(back)) == 6  # which tells its own window and number


def test_other_units_and_windows_are_read() -> None:
    one = neo.SpikeTrain([0.1, 0.3], units="s", t_start=0.05, t_stop=0.4)
    back = analysis.from_neo(one)
    assert back.times == pytest.approx([100.0, 300.0]) and (back.t_start, back.t_stop) == pytest.approx((50.0, 400.0))


def test_what_is_no_train_is_refused() -> None:
    with pytest.raises(InputError, match="expected neo.SpikeTrain, entry 0 is float"):
        analysis.from_neo([1.0])
    with pytest.raises(InputError, match="from_neo: no trains"):
        analysis.from_neo([])
    with pytest.raises(InputError, match="spikes lie outside the recording, 0 to 5 ms"):
        analysis.to_neo([7.0], stop=5.0)


def test_without_neo_the_error_tells_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "neo", None)
    with pytest.raises(ModuleNotFoundError, match=r"to_neo needs neo, .* pip install 'spikelet\[neo\]'"):
        analysis.to_neo([1.0])


# -- Elephant ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(3))
def test_distances_are_those_of_elephant(elephant, seed: int) -> None:
    many = trains(seed)
    theirs, (times, ids) = as_neo(many), columns(many)
    dissimilarity = elephant.spike_train_dissimilarity
    ours = analysis.distance_matrix(times, ids, measure="victor_purpura", cost=0.05)
    assert ours == pytest.approx(dissimilarity.victor_purpura_distance(theirs, 50 * pq.Hz), rel=1e-9)
    ours = analysis.distance_matrix(times, ids, measure="van_rossum", tau=7.0)
    assert np.sqrt(2) * ours == pytest.approx(dissimilarity.van_rossum_distance(theirs, 7 * pq.ms), abs=1e-6)
    tiling = elephant.spike_train_correlation.spike_time_tiling_coefficient
    ours = analysis.distance_matrix(times, ids, measure="sttc", window=1.5, start=0.0, stop=STOP)
    table = [[tiling(a, b, dt=1.5 * pq.ms) for b in theirs] for a in theirs]
    assert ours == pytest.approx(np.array(table), abs=1e-9)


def test_statistics_are_those_of_elephant(elephant) -> None:
    many = trains(5)
    times, ids = columns(many)
    statistics = elephant.statistics
    intervals = [np.diff(one) for one in many]
    assert analysis.cv2(times, ids) == pytest.approx([statistics.cv2(one) for one in intervals])
    assert analysis.lv(times, ids) == pytest.approx([statistics.lv(one) for one in intervals])
    lvr = [statistics.lvr(one * pq.ms, R=5 * pq.ms) for one in intervals]
    assert analysis.lvr(times, ids) == pytest.approx(lvr)
    assert analysis.cv(times, ids) == pytest.approx([statistics.cv(one) for one in intervals])
    assert analysis.fano_factor(times, ids, stop=STOP) == pytest.approx(statistics.fanofactor(as_neo(many)))
    rates = [float(statistics.mean_firing_rate(one).rescale("1/ms")) for one in as_neo(many)]
    assert analysis.mean_rates(times, ids, stop=STOP) == pytest.approx(rates)


@pytest.mark.filterwarnings("ignore:The 'copy' argument in Quantity")  # Elephant's own call
def test_correlations_and_spectra_are_those_of_elephant(elephant) -> None:
    many = trains(6)
    times, ids = columns(many)
    binned = elephant.conversion.BinnedSpikeTrain(as_neo(many), bin_size=5 * pq.ms)
    # theirs are half open at the other end: no spike lies on a border here
    ours = analysis.correlation_matrix(times, ids, start=0, stop=STOP, width=5)
    assert ours == pytest.approx(elephant.spike_train_correlation.correlation_coefficient(binned))
    x, y = np.random.default_rng(0).normal(size=(2, 1000))
    signals = [neo.AnalogSignal(v, units="mV", sampling_rate=1 * pq.kHz) for v in (x, y)]
    frequencies, power = elephant.spectral.welch_psd(signals[0], len_segment=128)
    found = analysis.power_spectrum(x, dt=1.0, segment=128.0)
    assert found[0] == pytest.approx(frequencies.rescale("Hz").magnitude)
    assert found[1] == pytest.approx(power.rescale("mV**2/Hz").magnitude[0])
    _, coherency, phase = elephant.spectral.welch_coherence(*signals, len_segment=128)
    _, ours, lag = analysis.coherence(x, y, dt=1.0, segment=128.0)
    assert ours == pytest.approx(np.ravel(coherency)) and np.abs(lag) == pytest.approx(
        np.abs(np.ravel(phase.magnitude))
    )


# -- PySpike ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(5))
def test_profiles_are_those_of_pyspike(seed: int) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pyspike = pytest.importorskip("pyspike", reason=f"pyspike is {WHY}")
    a, b = trains(seed, 2)
    theirs = [pyspike.SpikeTrain(one, [0, STOP]) for one in (a, b)]
    assert analysis.isi_distance(a, b, stop=STOP) == pytest.approx(pyspike.isi_distance(*theirs), rel=1e-9)
    assert analysis.spike_distance(a, b, stop=STOP) == pytest.approx(pyspike.spike_distance(*theirs), rel=1e-9)
    assert analysis.spike_synchronization(a, b) == pytest.approx(pyspike.spike_sync(*theirs))
