"""Every public plot has its figure in the documentation, drawn by the script and readable in one column."""

import inspect
from pathlib import Path

import pytest
from matplotlib import pyplot
from PIL import Image

from spikelet import plot
from spikelet.experiments import plot_gallery

DOCS = Path(__file__).parents[2] / "docs"
FUNCTIONS = sorted(set(plot.__all__) - {"COLOURS", "COLUMN", "GREY", "figure"})
SLOW = {"animate_network", "animate_events"}  # films take seconds; their own tests draw short ones


def test_every_function_has_an_entry() -> None:
    assert sorted(plot_gallery.ENTRIES) == FUNCTIONS


def test_page_is_up_to_date() -> None:
    assert (DOCS / "plots.md").read_text() == plot_gallery.page(), "run: make gallery"
    files = {path.name for path in (DOCS / "plots").iterdir()}
    assert files == {f"{name}{entry.suffix}" for name, entry in plot_gallery.ENTRIES.items()}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_figure_is_as_wide_as_a_column(name: str) -> None:
    entry = plot_gallery.ENTRIES[name]
    with Image.open(DOCS / "plots" / f"{name}{entry.suffix}") as picture:
        assert picture.width == round(plot.COLUMN * 150)
    assert f"plot.{name}(" in entry.code


@pytest.mark.parametrize("name", sorted(set(FUNCTIONS) - SLOW))
def test_script_draws_the_figure(name: str, tmp_path: Path) -> None:
    path = tmp_path / f"{name}.png"
    plot_gallery.ENTRIES[name].make(path)
    with Image.open(path) as picture, Image.open(DOCS / "plots" / f"{name}.png") as kept:
        assert picture.size == kept.size
        colours = picture.convert("RGB").getcolors(maxcolors=1 << 24)
    assert colours is not None and len(colours) > 20  # something is drawn
    assert pyplot.get_fignums() == []  # into the axes given


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_tell_what_they_take(name: str) -> None:
    function = getattr(plot, name)
    taken = inspect.signature(function).parameters
    assert "ax" in taken or "path" in taken
    assert "Args:" in (function.__doc__ or "")
