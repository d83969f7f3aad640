"""docs/analysis.md names every public measure, and its examples run."""

import doctest
import re
from pathlib import Path

import pytest

from spikelet import analysis

PAGE = Path(__file__).parents[2] / "docs" / "analysis.md"


@pytest.mark.parametrize("name", sorted(set(analysis.__all__) - {"PhasePlane"}))
def test_every_measure_is_in_the_page(name: str) -> None:
    assert re.search(rf"`{name}[`(]", PAGE.read_text()), f"docs/analysis.md has no row for {name}"


def test_examples_run() -> None:
    result = doctest.testfile(str(PAGE), module_relative=False)
    assert result.attempted >= 4 and result.failed == 0
