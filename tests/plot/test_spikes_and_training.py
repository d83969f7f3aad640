"""Figures show what they are given; each is drawn to a file without a display."""

import io
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from matplotlib import pyplot

import spikelet as sl
from spikelet import plot
from spikelet.errors import InputError, ShapeError
from spikelet.plot import training
from spikelet.simulate import Result


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    yield
    pyplot.close("all")


@pytest.fixture(scope="module")
def result() -> Result:
    model = sl.neurons.LIF(tau_mem=np.array([5.0, 10.0, 20.0]))
    return sl.run(model, I=1.5, t=50.0, dt=0.1, record=("v", "refractory"))


def spikes(times: list[float], ids: list[int]) -> SimpleNamespace:
    return SimpleNamespace(times=np.array(times), ids=np.array(ids, int))


def drawn(axes: object) -> bytes:
    """Draw the figure of some axes; the sizes of its parts are then known, too."""
    file = io.BytesIO()
    np.atleast_1d(axes)[0].figure.savefig(file, format="png")
    return file.getvalue()


# -- trace ------------------------------------------------------------------------------------------------------------


def test_a_trace_shows_values_and_spikes(result: Result) -> None:
    (axes,) = plot.trace(result, "v", neurons=[0, 2], unit={"v": "mV"})
    first, second, *ticks = axes.get_lines()
    assert np.array_equal(first.get_xdata(), result.t)
    assert np.array_equal(first.get_ydata(), result["v"][:, 0])
    assert np.array_equal(second.get_ydata(), result["v"][:, 2])
    for line, neuron in zip(ticks, (0, 2), strict=True):
        assert np.array_equal(line.get_xdata(), result.spikes.times[result.spikes.ids == neuron])
    assert axes.get_ylabel() == "v [mV]" and axes.get_xlabel() == "time [ms]"
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["0", "2"]


def test_a_trace_of_several_variables_has_axes_for_each(result: Result) -> None:
    above, below = plot.trace(result, ["v", "refractory"])
    assert (above.get_ylabel(), below.get_ylabel()) == ("v", "refractory")
    assert (above.get_xlabel(), below.get_xlabel()) == ("", "time [ms]")
    assert len(plot.trace(result)) == 2  # all that was recorded


def test_a_silent_neuron_leaves_the_axes_their_size() -> None:
    quiet = sl.run(sl.neurons.LIF, I=0.5, t=20.0, record="v")
    _, axes = plot.figure(6, 3)
    plot.trace(quiet, "v", ax=axes)
    drawn(axes)
    assert axes.get_position().height > 0.6  # an empty row of ticks once pressed it flat


def test_a_trace_of_what_was_not_recorded(result: Result) -> None:
    with pytest.raises(InputError, match=r"'refractry' was not recorded; did you mean 'refractory'\?"):
        plot.trace(result, "refractry")
    nothing = sl.run(sl.neurons.LIF, I=2, t=1.0)
    with pytest.raises(InputError, match=r"nothing was recorded: run\(\.\.\., record='v'\)"):
        plot.trace(nothing)
    with pytest.raises(ShapeError, match=r"1 axes for 2 variables \(v, refractory\)"):
        plot.trace(result, ax=plot.figure()[1])


# -- raster -----------------------------------------------------------------------------------------------------------


def test_a_raster_has_a_dot_for_each_spike() -> None:
    axes = plot.raster(spikes([1.0, 2.0, 2.0], [0, 4, 1]), neurons=6, duration=10.0)
    assert axes.collections[0].get_offsets().tolist() == [[1, 0], [2, 4], [2, 1]]
    assert axes.get_xlim() == (0, 10) and axes.get_ylim() == (-0.5, 5.5)


def test_a_raster_finds_its_limits() -> None:
    axes = plot.raster(spikes([1.0, 8.0], [3, 0]))
    assert axes.get_xlim() == (0, 8) and axes.get_ylim() == (-0.5, 3.5)
    assert drawn(plot.raster(spikes([], [])))


def test_columns_of_different_length_are_refused() -> None:
    with pytest.raises(ShapeError, match=r"times have shape \(2,\), ids \(1,\)"):
        plot.raster(spikes([1.0, 2.0], [0]))


def test_populations_lie_one_below_the_other_with_their_rates(monkeypatch: pytest.MonkeyPatch) -> None:
    E = SimpleNamespace(times=np.array([12.0, 14.0, 14.0, 30.0]), ids=np.array([0, 99, 3, 1]), n=100)
    I = SimpleNamespace(times=np.array([10.0, 19.0]), ids=np.array([0, 2]), n=25)
    monkeypatch.setattr("spikelet.plot.rasters._SPIKES", 2)  # of four in the time shown: half of the neurons
    above, below = plot.populations({"E": E, "I": I}, start=10.0, stop=20.0, width=5.0)
    assert [label.get_text() for label in above.get_yticklabels()] == ["E  3 Hz", "I  4 Hz"]
    assert above.get_yticks() == pytest.approx([0.6, 0.1])
    first, second = (np.asarray(part.get_offsets()).tolist() for part in above.collections)
    assert first == [[12.0, pytest.approx(1 - 0.8 / 100)], [14.0, pytest.approx(1 - 0.8 * 7 / 100)]]  # not number 99
    assert second == [[19.0, pytest.approx(0.2 - 0.2 * 2.5 / 12)]]
    assert above.get_ylim() == (0, 1) and above.get_xlim() == below.get_xlim() == (10, 20)
    line, other = below.get_lines()
    assert line.get_xdata().tolist() == [12.5, 17.5]
    assert line.get_ydata() == pytest.approx([6.0, 0.0]) and other.get_ydata() == pytest.approx([0.0, 8.0])
    assert drawn(above).startswith(b"\x89PNG")


def test_many_populations_have_one_curve_and_small_ones_are_seen() -> None:
    sizes = {"A": 10_000, "B": 10, "C": 500, "D": 490}
    parts = {name: SimpleNamespace(times=np.array([1.0]), ids=np.array([0]), n=n) for name, n in sizes.items()}
    above, below = plot.populations(parts, start=0.0, stop=10.0)
    (line,) = below.get_lines()
    assert line.get_ydata()[0] == pytest.approx(1000 * 4 / 11_000 / 2)
    borders = sorted(line.get_ydata()[0] for line in above.get_lines())
    assert min(np.diff(borders)) > 0.04
    assert len(above.collections) == 4


# -- learning curve and confusion matrix ------------------------------------------------------------------------------


def test_a_learning_curve_shows_losses_and_accuracies() -> None:
    losses, accuracy = [4.0, 2.0, 1.0, 1.0], {"training": [0.5, 0.75], "test": [0.5, 0.625]}
    left, right = plot.learning_curve(losses, accuracy, epochs=2)
    raw, smooth = left.get_lines()
    assert raw.get_xdata().tolist() == [0.5, 1.0, 1.5, 2.0] and list(raw.get_ydata()) == losses
    assert list(smooth.get_ydata()) == losses  # too few to smooth
    training, test = right.get_lines()
    assert training.get_xdata().tolist() == [1, 2] and training.get_ydata().tolist() == [50, 75]
    assert test.get_ydata().tolist() == [50, 62.5]
    assert [text.get_text() for text in right.get_legend().get_texts()] == ["training 75.00 %", "test 62.50 %"]


def test_a_learning_curve_of_one_epoch_has_whole_epochs_below() -> None:
    _, right = plot.learning_curve([3.0, 1.0], {"test": [0.5]}, epochs=1)
    assert drawn(right)
    low, high = right.get_xlim()
    assert [tick for tick in right.get_xticks() if low <= tick <= high] == [1]


def test_a_learning_curve_is_smoothed_over_the_steps_before() -> None:
    values = np.arange(10.0)
    assert training._running_mean(values, 4).tolist() == [0, 0.5, 1, 1.5, 2.5, 3.5, 4.5, 5.5, 6.5, 7.5]


def test_a_confusion_matrix_counts_in_its_cells() -> None:
    axes = plot.confusion(np.array([[7, 1], [0, 12]]), ["cat", "dog"])
    cells = {text.get_position(): text.get_text() for text in axes.texts}
    assert cells == {(0, 0): "7", (1, 0): "1", (1, 1): "12"}  # (answer, true class)
    assert axes.get_title() == "95.00 % of 20 correct"
    assert [tick.get_text() for tick in axes.get_yticklabels()] == ["cat", "dog"]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("answer", "true class")


def test_one_mistake_among_a_thousand_can_be_seen() -> None:
    image = plot.confusion(np.array([[999, 1], [0, 1000]])).images[0].get_array()
    assert image[0, 1] > 0.05 and image[1, 0] == 0


def test_confusion_matrices_of_wrong_shapes_are_refused() -> None:
    with pytest.raises(ShapeError, match=r"square, not of shape \(2, 3\)"):
        plot.confusion(np.zeros((2, 3)))
    with pytest.raises(ShapeError, match="1 names for 2 classes"):
        plot.confusion(np.eye(2), ["a"])
    assert drawn(plot.confusion(np.zeros((2, 2), int)))  # nothing yet


# -- f-I curve, surrogates --------------------------------------------------------------------------------------------


def test_an_f_i_curve_is_in_hertz() -> None:
    currents, rates = np.array([0.0, 1.0]), np.array([0.0, 0.05])
    axes = plot.f_i_curve(currents, rates, unit="nA")
    assert axes.get_lines()[0].get_ydata().tolist() == [0, 50]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("current [nA]", "firing rate [Hz]")
    assert axes.get_legend() is None
    named = plot.f_i_curve(currents, {"a": rates, "b": rates / 2})
    assert [text.get_text() for text in named.get_legend().get_texts()] == ["a", "b"]
    with pytest.raises(ShapeError, match=r"rates of a: \(3,\), currents: \(2,\)"):
        plot.f_i_curve(currents, {"a": np.zeros(3)})


def test_surrogates_are_drawn_as_they_are() -> None:
    axes = plot.surrogate([sl.surrogates.arctan, sl.surrogates.triangle], span=(-1, 1))
    arctan, triangle, _ = axes.get_lines()
    x = np.asarray(arctan.get_xdata())
    assert x[0] == -1 and x[-1] == 1
    assert np.allclose(arctan.get_ydata(), 1 / (1 + (np.pi * x) ** 2))
    assert np.allclose(triangle.get_ydata(), 0.3 * (1 - np.abs(x)))
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["arctan", "triangle"]
    assert len(plot.surrogate(sl.surrogates.arctan).get_lines()) == 2  # the entry, and the threshold


# -- figures ----------------------------------------------------------------------------------------------------------


def test_a_figure_for_a_file_needs_no_pyplot() -> None:
    code = (
        "import io, sys, numpy as np; from spikelet import plot\n"
        "fig, ax = plot.figure(); plot.confusion(np.eye(3), ax=ax); fig.savefig(io.BytesIO(), format='png')\n"
        "assert 'matplotlib' in sys.modules and 'matplotlib.pyplot' not in sys.modules"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(plot.__file__).parents[2])}
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_every_figure_draws_into_given_axes() -> None:
    _, axes = plot.figure(columns=2)
    assert plot.raster(spikes([1.0], [0]), ax=axes[0]) is axes[0]
    assert plot.confusion(np.eye(2, dtype=int), ax=axes[1]) is axes[1]
    assert pyplot.get_fignums() == []


def test_without_matplotlib_the_error_tells_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ModuleNotFoundError, match=r"plots need matplotlib, .* pip install 'spikelet\[plot\]'"):
        plot.figure()
