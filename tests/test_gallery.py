"""The pages of the gallery are those that the zoo generates today."""

from pathlib import Path

import pytest

from spikelet import neurons, rules, synapses
from spikelet.experiments import gallery, gallery_pages

FOLDER = Path(__file__).parent.parent / "docs" / "gallery"
PNG = b"\x89PNG\r\n"


@pytest.mark.parametrize("name", neurons.entries())
def test_page_is_up_to_date(name):
    text = (FOLDER / f"{name}.md").read_text()
    assert text == gallery.page(name, neurons.entries()[name]), "run: make gallery"
    assert (FOLDER / f"{name}.png").read_bytes().startswith(PNG)


def test_index_is_up_to_date():
    assert (FOLDER / "README.md").read_text() == gallery.index(), "run: make gallery"
    pages = {path.stem for path in FOLDER.glob("*.md")} - {"README", *gallery_pages.NAMES}
    assert pages == set(neurons.entries())


@pytest.mark.parametrize("zoo", gallery_pages.NAMES)
def test_the_pages_of_synapses_and_rules_are_up_to_date(zoo):
    text = (FOLDER / f"{zoo}.md").read_text()
    assert text == gallery_pages.page(zoo), "run: make gallery"
    for name in {"synapses": synapses, "rules": rules}[zoo].entries():
        assert f"\n## {name}\n" in text


def test_a_section_shows_places_and_events():
    text = gallery_pages.page("synapses")
    part = text[text.index("## TsodyksMarkram\n") : text.index("## BernoulliCurrent\n")]
    assert r"\frac{du}{dt} &= \frac{-u}{\tau_{\mathrm{fac}}} \quad(\mathrm{pre})" in part
    assert r"\text{at each spike that arrives} &:\; u \leftarrow" in part and "| `U` | 0.03 | 1 |" in part
    assert "on_pre: u += U*(1 - u); i += w*u*x; x -= u*x" in part


def test_figure_shows_what_its_neuron_does():
    figure = gallery.draw("LIF", neurons.LIF)
    trace, curve = figure.axes
    assert trace.lines[0].get_ydata().max() > 0.9  # it reaches the threshold of 1
    rates = curve.lines[0].get_ydata()
    assert rates[0] == 0 and rates[-1] > 50  # silent without current, over 50 Hz at three times the rheobase
