"""The pages of the gallery are those that the zoo generates today."""

from pathlib import Path

import numpy as np
import pytest

from spikelet import neurons, rules, synapses
from spikelet.experiments import gallery, gallery_pages, gallery_rules, rule_protocols

FOLDER = Path(__file__).parent.parent / "docs" / "gallery"
PNG = b"\x89PNG\r\n"


@pytest.mark.parametrize("name", neurons.entries())
def test_page_is_up_to_date(name):
    text = (FOLDER / f"{name}.md").read_text()
    assert text == gallery.page(name, neurons.entries()[name]), "run: make gallery"
    assert (FOLDER / f"{name}.png").read_bytes().startswith(PNG)


def test_index_is_up_to_date():
    assert (FOLDER / "README.md").read_text() == gallery.index(), "run: make gallery"
    pages = {path.stem for path in FOLDER.glob("*.md")} - {"README", "rules", *gallery_pages.NAMES}
    assert pages == set(neurons.entries())


@pytest.mark.parametrize("zoo", gallery_pages.NAMES)
def test_the_page_of_synapses_is_up_to_date(zoo):
    text = (FOLDER / f"{zoo}.md").read_text()
    assert text == gallery_pages.page(zoo), "run: make gallery"
    for name in synapses.entries():
        assert f"\n## {name}\n" in text


@pytest.mark.parametrize("name", rules.entries())
def test_the_page_of_a_rule_is_up_to_date(name):
    folder = FOLDER / gallery_rules.FOLDER
    assert (folder / f"{name}.md").read_text() == gallery_rules.page(name, rules.entries()[name]), "run: make gallery"
    assert (folder / f"{name}.png").read_bytes().startswith(PNG)


def test_the_index_of_rules_is_up_to_date():
    assert (FOLDER / "rules.md").read_text() == gallery_rules.index(), "run: make gallery"
    assert {path.stem for path in (FOLDER / gallery_rules.FOLDER).glob("*.md")} == set(rules.entries())


def test_the_figure_of_a_rule_shows_its_window():
    lag, rate = gallery_rules.draw(rules.STDP(tau_plus=16.8)).axes
    x, change = lag.lines[-1].get_data()
    np.testing.assert_allclose(change[x >= 0], 60 * 0.005 * np.exp(-x[x >= 0] / 16.8), rtol=1e-6)
    np.testing.assert_allclose(change[x < 0], -60 * 0.00525 * np.exp(x[x < 0] / 20), rtol=1e-6)
    assert rate.get_xlabel() == "receiver's rate [Hz]"


def test_the_figure_of_a_rule_is_chosen_by_what_it_reads():
    labels = {
        "Clopath": ["receiver's voltage [mV]"], "BCMRate": ["receiver's rate"], "PES": ["error_post"],
        "BCM": ["receiver's spike less sender's [ms]", "receiver's rate [Hz]"],
    }  # fmt: skip
    for name, expected in labels.items():
        assert [curve.label for curve in rule_protocols.curves(rules.entries()[name])] == expected
    (curve,) = rule_protocols.curves(rules.BCMRate)
    at = curve.x.searchsorted([0.5, 1.0, 2.0])
    assert curve.change[at[0]] < 0 < curve.change[at[2]] and abs(curve.change[at[1]]) < 1e-9


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
