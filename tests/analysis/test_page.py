"""docs/analysis.md names every public measure, and its examples run."""

import doctest
import re
from pathlib import Path

import pytest

from spikelet import analysis
from spikelet.analysis import surrogate_data

PAGE = Path(__file__).parents[2] / "docs" / "analysis.md"


@pytest.mark.parametrize("name", sorted(set(analysis.__all__) - {"PhasePlane"}))
def test_every_measure_is_in_the_page(name: str) -> None:
    assert re.search(rf"`{name}[`(]", PAGE.read_text()), f"docs/analysis.md has no row for {name}"


def test_the_page_names_nothing_else() -> None:
    """The first cell of each row names measures that there are, or methods of `surrogate_trains`."""
    cells = "\n".join(re.findall(r"^\| (`.*?) \|", PAGE.read_text(), re.M))
    methods = set(surrogate_data._METHODS)
    assert set(re.findall(r"`(\w+)`", cells)) <= set(analysis.__all__) | methods
    assert methods <= set(re.findall(r"`(\w+)`", cells))


def test_examples_run() -> None:
    result = doctest.testfile(str(PAGE), module_relative=False)
    assert result.attempted >= 4 and result.failed == 0
