"""docs/data.md: its example runs, and its table is that of the data sets."""

import re
from pathlib import Path

import pytest

from spikelet import datasets
from spikelet.cli import _parser

PAGE = (Path(__file__).parents[2] / "docs" / "data.md").read_text()


def test_the_example_runs() -> None:
    pytest.importorskip("torch")
    (example,) = re.findall(r"^```python\n(.*?)^```", PAGE, re.M | re.S)
    space: dict = {}
    exec(example, space)
    assert space["x"].shape[1:] == (16, 700) and space["x"].shape[0] == space["loss_takes"]["lengths"].max()
    assert space["spikes"].shape[1:] == (4, 32) and space["spikes"].sum() > 0
    assert space["onsets"].shape[1:] == (4, 4, 16)


def test_the_table_is_that_of_the_data_sets() -> None:
    rows = re.findall(r"^\| `([\w-]+)` \| `(\w+)` \| .*? \| (.*?) \|", PAGE, re.M)
    assert {name for name, _, _ in rows} == set(datasets.TABLE)
    for name, function, counts in rows:
        source = datasets.TABLE[name]
        assert function == source.reader
        numbers = [int(number.replace(",", "")) for number in re.findall(r"[\d,]*\d", counts)]
        assert numbers[: len(source.counts)] == list(source.counts.values())


def test_the_commands_exist() -> None:
    _, commands = _parser()
    lines = [line.split("#")[0].split() for line in re.findall(r"^spikelet .*", PAGE, re.M)]
    assert len(lines) == 7
    for _, command, *words in lines:
        known = {option for action in commands[command]._actions for option in action.option_strings}
        assert {word for word in words if word.startswith("--")} <= known
