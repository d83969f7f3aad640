"""docs/signals.md: its example runs, its tables name every encoder and decoder, and their parameters."""

import inspect
import re
from pathlib import Path

import numpy as np
import pytest

from spikelet import decode, encode

PAGE = (Path(__file__).parents[2] / "docs" / "signals.md").read_text()
ENCODERS, DECODERS = PAGE.split("## Decoders")
LINES = [[cell.strip() for cell in line.split("|")[1:-1]] for line in ENCODERS.splitlines() if line.startswith("| `")]
ROWS = [(first, parameters) for first, _, parameters, _ in LINES]


def test_the_example_runs(capsys: pytest.CaptureFixture[str]) -> None:
    example, article = re.findall(r"^```python\n(.*?)^```", PAGE, re.M | re.S)
    space: dict[str, object] = {}
    exec(example, space)
    printed = capsys.readouterr().out.split()
    assert float(printed[0]) == pytest.approx(50, abs=0.5)
    assert float(printed[1]) < 0.05
    assert np.shape(space["spikes"]) == (600, 1)
    exec(article, space)
    numbers = [float(one) for one in re.findall(r"[\d.]+", capsys.readouterr().out)]
    assert abs(numbers[0] - 125) < 3 * 10.5
    assert np.allclose(numbers[1:5], [50, 40.6, 25.1, 7.8], atol=10)
    assert numbers[5:] == [0, 1, 2, 3]


def test_the_tables_name_everything() -> None:
    named = {row[0].split("`")[1] for row in ROWS}
    assert named == set(encode.__all__)
    first_columns = "\n".join(re.findall(r"^\| (.*?) \|", DECODERS, re.M))
    assert set(re.findall(r"`(\w+)`", first_columns)) == set(decode.__all__)


@pytest.mark.parametrize("first, parameters", ROWS, ids=[row[0] for row in ROWS])
def test_the_parameters_exist(first: str, parameters: str) -> None:
    known = inspect.signature(getattr(encode, first.split("`")[1])).parameters
    named = " ".join(re.findall(r"`([^`]*)`", parameters)).split()
    assert set(named) <= set(known)
    described = {"x", "rates", "steps", "seed", "samples", "first_step", "kind", "tau"}
    wide = {"dt", "threshold", "silent"} if "latency" in first or "rate" in known else set()
    assert set(known) - set(named) <= described | wide
