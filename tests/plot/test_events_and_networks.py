"""Figures and films of events and of networks show what they are given."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from matplotlib import pyplot
from matplotlib.patches import Circle, FancyArrowPatch
from PIL import Image

from spikelet import Network, Neuron, Poisson, normal, one_to_one, plot
from spikelet.errors import DataError, InputError
from spikelet.sim.connect import all_to_all


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    yield
    pyplot.close("all")


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


# -- events -----------------------------------------------------------------------------------------------------------


def events(rows: list[tuple[int, int, int, int]]) -> np.ndarray:
    return np.array(rows, [("t", "<u8"), ("x", "<u2"), ("y", "<u2"), ("p", "i1")])


FOUR = events([(0, 0, 0, 1), (1000, 2, 1, 0), (9000, 2, 1, -1), (9999, 1, 0, 1)])


def test_events_as_frames() -> None:
    first, second = plot.event_frames(FOUR, frames=2)
    assert first.images[0].get_array().tolist() == [[1, 0, 0], [0, 0, -1]]
    assert second.images[0].get_array().tolist() == [[0, 1, 0], [0, 0, -1]]
    assert first.get_ylabel() == "red: brighter\nblue: darker"
    assert (first.get_title(), second.get_title()) == ("0–5 ms", "5–10 ms")
    assert len(plot.event_frames(FOUR, frames=5)) == 5  # in two rows, of which the second is not full
    total = sum(abs(axes.images[0].get_array()).sum() for axes in plot.event_frames(FOUR, frames=3))
    assert total == 4


def test_events_as_a_cloud(monkeypatch: pytest.MonkeyPatch) -> None:
    axes = plot.event_cloud(FOUR)
    assert axes.get_title() == "4 events" and axes.get_xlabel() == "time [ms]"
    sizes = [len(part.get_offsets()) for part in axes.collections]
    assert sizes == [2, 2]
    monkeypatch.setattr("spikelet.plot.events._CLOUD", 3)
    assert plot.event_cloud(FOUR).get_title() == "3 of 4 events"
    with pytest.raises(InputError, match="must be made with projection='3d'"):
        plot.event_cloud(FOUR, ax=plot.figure()[1])


def test_events_as_a_film(tmp_path: Path) -> None:
    path = tmp_path / "film.gif"
    axes = plot.animate_events(FOUR, path, window=4.0, fps=10)
    with Image.open(path) as film:
        assert film.n_frames == 3 and film.info["duration"] == 100
    assert axes.get_title() == "8 to 12 ms, 2 events"
    assert list(tmp_path.iterdir()) == [path]
    with pytest.raises(InputError, match=r"film.avi: a film is .gif or .mp4"):
        plot.animate_events(FOUR, tmp_path / "film.avi")
    with pytest.raises(DataError, match="cannot write"):
        plot.animate_events(FOUR, tmp_path / "no" / "film.gif")


def test_a_film_that_needs_ffmpeg_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("matplotlib.animation.FFMpegWriter.isAvailable", lambda: False)
    with pytest.raises(InputError, match="film.mp4: .mp4 needs the program ffmpeg"):
        plot.animate_events(FOUR, tmp_path / "film.mp4")


@pytest.mark.parametrize("draw", [plot.event_frames, plot.event_cloud])
def test_what_are_no_events_is_refused(draw) -> None:
    with pytest.raises(InputError, match=r"'p' is missing \(there is t, x, y\)"):
        draw(FOUR[["t", "x", "y"]])
    with pytest.raises(InputError, match="'t' is missing"):
        draw(np.zeros(3))
    with pytest.raises(InputError, match="there are no events to draw"):
        draw(FOUR[:0])
    with pytest.raises(InputError, match="an event at x = 2 or y = 1 lies outside the sensor of 2 x 2"):
        draw(FOUR, size=(2, 2))


# -- networks ---------------------------------------------------------------------------------------------------------


def test_connectivity_as_a_graph(net: Network) -> None:
    axes = plot.connectivity(net)
    assert {text.get_text() for text in axes.texts} == {"A\n3", "B\n2", "noise\n3"}
    assert sum(isinstance(patch, Circle) for patch in axes.patches) == 3
    arrows = [patch for patch in axes.patches if isinstance(patch, FancyArrowPatch)]
    tints = sorted(arrow.get_edgecolor()[:3] for arrow in arrows)
    assert len(arrows) == 4 and len(set(tints)) == 2  # three are positive
    net.build()
    counts = {text.get_text() for text in plot.connectivity(net).texts} - {"A\n3", "B\n2", "noise\n3"}
    assert counts == {"1", "3", "2"}  # from the noise, from A, and from B


def test_connectivity_as_a_table(net: Network) -> None:
    net.build()
    axes = plot.connectivity(net, kind="table")
    table = axes.images[0].get_array()
    assert [label.get_text() for label in axes.get_yticklabels()] == ["A", "B"]  # the noise hears nobody
    assert [label.get_text() for label in axes.get_xticklabels()] == ["A", "B", "noise"]
    filled = ~np.ma.getmaskarray(np.ma.masked_invalid(table))
    assert filled.tolist() == [[True, True, True], [True, False, False]]
    assert {text.get_text() for text in axes.texts} == {"3.0", "2.0", "1.0"}
    assert table[0, 1] > 0 > table[0, 0]  # the map is turned: blue is positive
    with pytest.raises(InputError, match="connectivity: kind 'tabel' is none of"):
        plot.connectivity(net, kind="tabel")
    with pytest.raises(InputError, match="expected a Network, got int"):
        plot.connectivity(3)
    with pytest.raises(InputError, match="the network has no populations"):
        plot.connectivity(Network(0))


def test_a_film_of_a_network_shows_its_last_stretch(net: Network, tmp_path: Path) -> None:
    path = tmp_path / "net.gif"
    above, below = plot.animate_network(net, path, t=20, window=10, frame=5, neurons=(0, 2), dt=1.0)
    with Image.open(path) as film:
        assert film.n_frames == 4 and net.t == 20.0
    twin = net.run(10, record={"A": ("spikes", "v")})  # it goes on where the film ended
    assert twin.t_start == 20.0
    assert above.get_xlim() == below.get_xlim() == (10, 20)
    first, second = below.get_lines()
    assert first.get_xdata().tolist() == list(range(11, 21)) and len(second.get_xdata()) == 10
    assert [label.get_text() for label in above.get_yticklabels()] == ["A", "B"]


def test_a_film_shows_what_a_run_records(net: Network, tmp_path: Path) -> None:
    _, below = plot.animate_network(net, tmp_path / "a.gif", t=12, window=12, frame=4, neurons=(1,), dt=1.0)
    same = Network(0)
    model = net.populations["A"].model
    a, b = same.add(model, 3, "A"), same.add(model, 2, "B")
    source = same.add(Poisson(0.5), 3, "noise")
    same.connect(source, a, one_to_one(), to="v", weight=2.0)
    same.connect(a, [a, b], all_to_all(), to="v", weight=normal(0.5, 0.1))
    same.connect(b, a, all_to_all(), to="v", weight=-0.25)
    result = same.run(12, dt=1.0, record={"A": "v"})
    assert below.get_lines()[0].get_ydata() == pytest.approx(result["A"]["v"][:, 1])


def test_wrong_films_are_refused(net: Network, tmp_path: Path) -> None:
    path = tmp_path / "net.gif"
    with pytest.raises(InputError, match="there is no population 'a'; did you mean 'A'"):
        plot.animate_network(net, path, t=10, population="a")
    with pytest.raises(InputError, match="A has no neuron 9; they are 0 to 2"):
        plot.animate_network(net, path, t=10, neurons=(9,))
    with pytest.raises(InputError, match="expected 0 < frame <= window and t >= frame"):
        plot.animate_network(net, path, t=10, frame=20)
    with pytest.raises(InputError, match="expected a Network, got int"):
        plot.animate_network(3, path, t=10)
