"""docs/learning.md: its examples run, in their order, and what they name is there."""

import importlib
import re
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")

PAGE = (Path(__file__).parents[2] / "docs" / "learning.md").read_text()


def test_the_examples_run(capsys: pytest.CaptureFixture[str]) -> None:
    space: dict[str, Any] = {}
    first, simulated, layers, single = re.findall(r"^```python\n(.*?)^```", PAGE, re.M | re.S)
    exec(first, space)
    exec(simulated, space)
    assert capsys.readouterr().out == "(1000,)\n"
    sums = space["syn"].weights().reshape(100, 10).sum(0)
    assert abs(sums - 10).max() < 1e-4
    torch.manual_seed(0)
    exec(layers.split("v, state = ")[0], space)
    before = space["layer"].module.weight.clone()
    exec("v, state = " + layers.split("v, state = ")[1], space)
    assert (space["layer"].module.weight != before).any() and space["layer"].module.weight.grad is None
    assert space["model"][1].weight.grad.abs().sum() > 0
    exec(single, space)
    assert space["step"].shape == (20, 2, 28, 28) and space["maps"].shape == (20, 30, 12, 12)
    assert space["step"].min() == 0 and space["maps"].min() < 15


@pytest.mark.parametrize("name", sorted(set(re.findall(r"`((?:rules|sim\.structural|nn)\.\w+)`", PAGE))))
def test_what_is_named_is_there(name: str) -> None:
    module, _, entry = name.rpartition(".")
    assert hasattr(importlib.import_module(f"spikelet.{module}"), entry)
