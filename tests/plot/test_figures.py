"""Figures of statistics, planes, weights and codes show what they are given."""

import io
from collections.abc import Iterator
from types import SimpleNamespace

import numpy as np
import pytest
from matplotlib import pyplot
from PIL import Image

from spikelet import Network, Neuron, Poisson, analysis, neurons, normal, one_to_one, plot, run
from spikelet.errors import InputError, ShapeError
from spikelet.sim.connect import all_to_all
from spikelet.simulate import Result, Spikes


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    yield
    pyplot.close("all")


def drawn(axes: object) -> bytes:
    file = io.BytesIO()
    np.ravel(np.atleast_1d(axes))[0].figure.savefig(file, format="png")
    return file.getvalue()


# -- rasters of many spikes, long traces ------------------------------------------------------------------------------


def test_a_raster_of_many_spikes_is_an_image_that_holds_them_all() -> None:
    rng = np.random.default_rng(0)
    times, ids = rng.uniform(0, 1000, 300_000), rng.integers(0, 5000, 300_000)
    axes = plot.raster(SimpleNamespace(times=times, ids=ids), neurons=5000, duration=1000)
    (image,) = axes.images
    counts = image.get_array()
    assert counts.sum() == 300_000
    assert image.get_extent() == [0, 1000, -0.5, 4999.5]
    assert len(axes.collections) == 0 and drawn(axes)


def test_a_single_spike_in_a_raster_of_many_can_be_seen() -> None:
    """One neuron among 5,000 is silent but for one spike; its pixel is not white."""
    times, ids = np.linspace(0, 500, 60_000), np.tile(np.arange(100), 600)
    lonely = SimpleNamespace(times=np.append(times, 900.0), ids=np.append(ids, 4000))
    figure, axes = plot.figure(plot.COLUMN, 2.5)
    plot.raster(lonely, neurons=5000, duration=1000, ax=axes)
    file = io.BytesIO()
    figure.savefig(file, format="png")
    grey = np.asarray(Image.open(file).convert("L"), int)
    left, bottom = axes.transData.transform((880, 3900))
    right, top = axes.transData.transform((920, 4100))
    part = grey[int(len(grey) - top) : int(len(grey) - bottom), int(left) : int(right)]
    assert part.min() < 200 and np.median(part) == 255


def test_a_raster_with_rates_has_two_axes() -> None:
    spikes = SimpleNamespace(times=np.array([1.0, 3.0, 3.5, 9.0]), ids=np.array([0, 1, 0, 1]))
    above, below = plot.raster(spikes, neurons=2, duration=10.0, rates=5.0)
    assert below.get_lines()[0].get_ydata().tolist() == [300.0, 100.0]
    assert above.get_xlim() == below.get_xlim() == (0, 10)
    with pytest.raises(ShapeError, match=r"1 axes for a raster with rates \(2\)"):
        plot.raster(spikes, rates=5.0, ax=plot.figure()[1])
    with pytest.raises(InputError, match="raster: duration must be positive, got -1"):
        plot.raster(spikes, duration=-1)


def test_a_raster_takes_columns() -> None:
    axes = plot.raster([3.0, 1.0], [0, 1], neurons=2, duration=4.0)
    assert axes.collections[0].get_offsets().tolist() == [[3, 0], [1, 1]]
    with pytest.raises(InputError, match="times: entry 1 is not finite"):
        plot.raster([1.0, np.nan])


def test_a_raster_shows_what_was_recorded(net: Network) -> None:
    net.run(20, dt=1.0)
    axes = plot.raster(net.run(30)["A"].spikes)
    assert axes.get_xlim() == (20, 50) and axes.get_ylim() == (-0.5, 2.5)
    assert (axes.collections[0].get_offsets()[:, 0] > 20).all()


def test_a_long_trace_keeps_its_peaks() -> None:
    t = np.arange(1, 200_001) * 0.1
    values = np.zeros((200_000, 1))
    values[123_456], values[777] = 7.0, -3.0
    none = Spikes(np.zeros(0), np.zeros(0, int))
    (axes,) = plot.trace(Result(t, none, {}, 1, {"v": values}, 0.1), "v")
    x, y = axes.get_lines()[0].get_data()
    assert len(x) < 30_000 and y.max() == 7.0 and y.min() == -3.0
    assert x[y.argmax()] == t[123_456] and x[0] == t[0] and x[-1] == t[-1]


# -- statistics -------------------------------------------------------------------------------------------------------


def test_histogram_of_intervals() -> None:
    axes = plot.isi_histogram([0.0, 1.0, 3.0, 5.0, 20.0], width=1.0, stop=4.0)
    share, edges = axes.patches[0].get_data().values, axes.patches[0].get_data().edges
    assert edges.tolist() == [0, 1, 2, 3, 4] and share.tolist() == [0, 0.25, 0.5, 0]
    assert axes.get_title() == "4 intervals, CV 1.16, 1 longer"
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("interval [ms]", "density [1/ms]")
    with pytest.raises(InputError, match="no neuron has two spikes"):
        plot.isi_histogram([1.0, 2.0], [0, 1])


def test_psth_of_trials_and_of_events() -> None:
    above, below = plot.psth([1.0, 4.0, 2.0], [0, 0, 1], trials=4, start=0, stop=10, width=5)
    assert below.patches[0].get_data().values.tolist() == [150.0, 0.0]
    assert above.get_ylim() == (-0.5, 3.5) and above.get_ylabel() == "trial"
    above, below = plot.psth([11.0, 29.0, 32.0], events=[30.0, 10.0], start=-5, stop=5, width=5)
    assert above.collections[0].get_offsets().tolist() == [[1, 0], [-1, 1], [2, 1]]
    assert below.patches[0].get_data().values.tolist() == [100.0, 200.0]


def test_correlogram_and_what_is_expected() -> None:
    a, b = [10.0, 20.0], [12.0, 22.0, 50.0]
    axes = plot.correlogram(a, b, window=5, width=1, duration=60)
    heights = {bar.get_x() + 0.5: bar.get_height() for bar in axes.patches}
    assert heights[2.0] == pytest.approx(2 / (1 - 2 / 60)) and heights[0.0] == 0
    assert axes.get_lines()[1].get_ydata()[0] == pytest.approx(2 * 3 * 1 / 60)
    own = plot.correlogram(a, window=12, width=1)
    assert sum(bar.get_height() for bar in own.patches) == 2


def test_spectra_are_drawn_as_given() -> None:
    axes = plot.spectrum({"a": ([0.0, 1.0, 2.0, 3.0], [9.0, 1.0, 2.0, 4.0])}, unit="mV²/Hz", highest=2.0)
    assert axes.get_lines()[0].get_xdata().tolist() == [1.0, 2.0] and axes.get_yscale() == "log"
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("frequency [Hz]", "power [mV²/Hz]")
    assert plot.spectrum(([0.0, 1.0], [2.0, 3.0]), log=False).get_lines()[0].get_ydata().tolist() == [2.0, 3.0]
    with pytest.raises(ShapeError, match=r"spectrum of a: \(2,\), power: \(3,\)"):
        plot.spectrum({"a": ([0.0, 1.0], [1.0, 2.0, 3.0])})


# -- the phase plane --------------------------------------------------------------------------------------------------


def test_phase_plane_with_nullclines_trajectory_and_fixed_point() -> None:
    model = neurons.FitzHughNagumo
    plane = analysis.phase_plane(model, "v", "w", x_range=(-2.5, 2.5), y_range=(-1, 2), points=61, I=0.5)
    course = run(model, 0.5, t=50, record=("v", "w"))
    axes = plot.phase_plane(plane, trajectory=course)
    labels = {line.get_label(): line for line in axes.get_lines()}
    assert np.array_equal(labels["trajectory"].get_ydata(), course["w"][:, 0])
    assert {"dv/dt = 0", "dw/dt = 0"} < set(labels)
    (point,) = [line for line in axes.get_lines() if line.get_marker() == "o"]
    assert point.get_xdata()[0] == plane.fixed_points[0].x and point.get_markerfacecolor() == "white"
    paths = axes.collections[1].get_paths()  # after the arrows
    v, w = np.concatenate([path.vertices for path in paths]).T
    assert w == pytest.approx(v - v**3 / 3 + 0.5, abs=0.02)
    with pytest.raises(InputError, match="the trajectory has no 'w'"):
        plot.phase_plane(plane, trajectory={"v": [1.0]})
    with pytest.raises(InputError, match="expected what analysis.phase_plane returns, got int"):
        plot.phase_plane(3)


def test_units_stand_at_the_axes_of_a_plane() -> None:
    plane = analysis.phase_plane(neurons.AdEx, "v", "w", x_range=(-80, -40), y_range=(-50, 200), points=21)
    axes = plot.phase_plane(plane, arrows=False)
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("v [mV]", "w [pA]")


# -- weights ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def net() -> Network:
    made = Network(0)
    model = Neuron("M", "dv/dt = -v/(10 ms) : mV", threshold="v > 1 mV", reset="v = 0 mV")
    a, b = made.add(model, 3, "A"), made.add(model, 2, "B")
    source = made.add(Poisson(0.5), 3, "noise")
    made.connect(source, a, one_to_one(), to="v", weight=2.0)
    made.connect(a, [a, b], all_to_all(), to="v", weight=normal(0.5, 0.1))
    made.connect(b, a, all_to_all(), to="v", weight=-0.25)
    return made


def test_weights_as_a_matrix(net: Network) -> None:
    matrix = np.array([[1.0, -2.0, 0.0], [0.0, 0.5, 0.0]])
    axes = plot.weight_matrix(matrix, unit="mV")
    (image,) = axes.images
    assert np.array_equal(image.get_array(), matrix) and image.get_clim() == (-2.0, 2.0)
    net.build()
    back = list(net.projections.values())[2]
    assert plot.weight_matrix(back).images[0].get_array().tolist() == [[-0.25, -0.25]] * 3
    with pytest.raises(ShapeError, match=r"expected \(targets, sources\), got shape \(3,\)"):
        plot.weight_matrix([1.0, 2.0, 3.0])
    with pytest.raises(InputError, match="weights: one is not finite"):
        plot.weight_matrix([[np.nan]])


def test_a_large_matrix_loses_no_synapse() -> None:
    matrix = np.zeros((2500, 1500))
    matrix[1777, 3], matrix[20, 1499], matrix[19, 1498] = -3.0, 1.0, 0.5
    shown = plot.weight_matrix(matrix).images[0].get_array()
    assert shown.shape == (834, 750)
    assert sorted(shown[shown != 0].tolist()) == [-3.0, 1.0]  # the two neighbours are one block


def test_histograms_of_weights_have_common_bins(net: Network) -> None:
    axes = plot.weight_histogram({"a": [1.0, 2.0, 2.1], "b": [5.0]}, bins=4, unit="nS")
    first, second = (patch.get_data() for patch in axes.patches)
    assert first.values.tolist() == [1, 2, 0, 0] and second.values.tolist() == [0, 0, 0, 1]
    assert first.edges.tolist() == second.edges.tolist() == [1, 2, 3, 4, 5]
    assert axes.get_xlabel() == "weight [nS]"
    net.build()
    same = plot.weight_histogram(next(iter(net.projections.values())))
    assert same.patches[0].get_data().values.sum() == 3
    with pytest.raises(InputError, match="weights of a: there are none"):
        plot.weight_histogram({"a": []})


def test_receptive_fields_stand_side_by_side() -> None:
    weights = np.arange(5 * 6).reshape(5, 6)
    axes = plot.receptive_fields(weights, (2, 3), most=4)
    sheet = axes.images[0].get_array()
    assert sheet[:2, :3].tolist() == weights[0].reshape(2, 3).tolist()
    assert sheet[:2, 4:].tolist() == weights[1].reshape(2, 3).tolist()
    assert sheet[3:, :3].tolist() == weights[2].reshape(2, 3).tolist()
    assert axes.get_title() == "receptive fields of 4 of 5 neurons"
    with pytest.raises(ShapeError, match="6 inputs are not an image of 2 x 2"):
        plot.receptive_fields(weights, (2, 2))


# -- codes ------------------------------------------------------------------------------------------------------------


def test_encoders_stand_below_the_signal() -> None:
    signal = np.array([0.0, 0.5, 1.0])
    counts = np.zeros((3, 2, 4))
    counts[2, 1, 3] = 2.0
    rows = plot.encoders({"delta": np.array([0, 1, -1]), "count": counts}, signal=signal, dt=2.0, sample=1)
    assert len(rows) == 3 and rows[0].get_lines()[0].get_xdata().tolist() == [2, 4, 6]
    assert [axes.get_title(loc="left") for axes in rows[1:]] == ["delta: 2 spikes", "count: 2 spikes"]
    up, down = rows[1].collections
    assert [path.vertices.tolist() for path in up.get_paths()] == [[[4, 0], [4, 1]]]
    assert [path.vertices.tolist() for path in down.get_paths()] == [[[6, 0], [6, -1]]]
    assert [text.get_text() for text in rows[1].get_yticklabels()] == ["\N{MINUS SIGN}", "+"]
    assert rows[2].collections[0].get_offsets().tolist() == [[6, 3]]
    assert rows[-1].get_xlabel() == "time [ms]"
    _, given = plot.figure(rows=2)
    below = plot.encoders({"a": np.array([0, 1, 0, 0]), "b": np.array([1, 0, 0, 0])}, ax=given)
    assert [axes.get_xlim() for axes in below] == [(0, 4), (0, 4)]
    with pytest.raises(ShapeError, match="encoders differ in steps: a 2, b 3"):
        plot.encoders({"a": np.zeros(2), "b": np.zeros(3)})
    with pytest.raises(InputError, match="count has no sample 2; there are 2"):
        plot.encoders({"count": counts}, sample=2)
    with pytest.raises(InputError, match="nothing to draw"):
        plot.encoders({})
