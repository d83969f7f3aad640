"""The pages of the gallery are those that the zoo generates today."""

from pathlib import Path

import pytest

from spikelet import neurons
from spikelet.experiments import gallery

FOLDER = Path(__file__).parent.parent / "docs" / "gallery"
PNG = b"\x89PNG\r\n"


@pytest.mark.parametrize("name", neurons.entries())
def test_page_is_up_to_date(name):
    text = (FOLDER / f"{name}.md").read_text()
    assert text == gallery.page(name, neurons.entries()[name]), "run: make gallery"
    assert (FOLDER / f"{name}.png").read_bytes().startswith(PNG)


def test_index_is_up_to_date():
    assert (FOLDER / "README.md").read_text() == gallery.index(), "run: make gallery"
    pages = {path.stem for path in FOLDER.glob("*.md")} - {"README"}
    assert pages == set(neurons.entries())


def test_figure_shows_what_its_neuron_does():
    figure = gallery.draw("LIF", neurons.LIF)
    trace, curve = figure.axes
    assert trace.lines[0].get_ydata().max() > 0.9  # it reaches the threshold of 1
    rates = curve.lines[0].get_ydata()
    assert rates[0] == 0 and rates[-1] > 50  # silent without current, over 50 Hz at three times the rheobase
