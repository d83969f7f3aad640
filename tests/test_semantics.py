"""docs/semantics.md says what the code does: its tables are read from the page and run, its lists are compared."""

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch

from spikelet import nn
from spikelet.ir.lower import lower
from spikelet.lang.functions import FUNCTIONS
from spikelet.lang.variables import RESERVED
from spikelet.model import METHODS, Neuron
from spikelet.simulate import BACKENDS, run
from spikelet.units import UNITS

PAGE = (Path(__file__).parents[1] / "docs" / "semantics.md").read_text()
Columns = dict[str, np.ndarray]
_CAPTION = re.compile(r"Table: `(\w+)`(?:, (source|spike) -> (\w+), weight ([\d.]+))?")


@dataclass(frozen=True)
class Table:
    """A worked table: its model, who delivers what to whom, and its columns."""

    model: str
    sender: str
    target: str
    weight: float
    cells: dict[str, list[str]]

    def numbers(self, column: str) -> np.ndarray:
        return np.array([float(cell) for cell in self.cells[column]])

    @property
    def delays(self) -> list[int | None]:
        """The delays of which the columns tell, or one ``None`` where there is none."""
        found = {int(match[1]) for name in self.cells if (match := re.search(r", d=(\d)$", name))}
        return sorted(found) or [None]

    def columns(self, delay: int | None) -> Columns:
        """Return the columns of numbers that belong to a delay, without its mark."""
        end = f", d={delay}"
        mine = [name for name in self.cells if ", d=" not in name or name.endswith(end)]
        names = [name for name in mine if name not in ("k", "working")]
        return {name.removesuffix(end): self.numbers(name) for name in names}


def _models() -> dict[str, Neuron]:
    space = {"Neuron": Neuron}
    for block in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL):
        exec(block, space)
    return {name: value for name, value in space.items() if isinstance(value, Neuron)}


def _tables() -> list[Table]:
    found = []
    for match in _CAPTION.finditer(PAGE):
        model, sender, target, weight = match.groups()
        head, _, *rows = PAGE[match.end() :].strip().split("\n\n")[0].split("\n")
        names = [cell.strip() for cell in head.strip("|").split("|")]
        cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]
        columns = dict(zip(names, zip(*cells, strict=True), strict=True))
        found.append(Table(model, sender or "", target or "", float(weight or 0), columns))
    return found


MODELS, TABLES = _models(), _tables()
PAIRS = [(table, delay) for table in TABLES for delay in table.delays]
CASES = [pytest.param(*pair, id=f"{i}-{pair[0].model}-d={pair[1]}") for i, pair in enumerate(PAIRS)]


def _delivered(table: Table, delay: int | None, k: int, columns: Columns, spikes: list[float]) -> float:
    """Return what enters step k: what was sent in step k - d, and the drive."""
    assert delay is not None
    sent = columns["source"] if table.sender == "source" else spikes
    arriving = table.weight * sent[k - delay] if k >= delay else 0.0
    return arriving + (columns["drive"][k] if "drive" in columns else 0.0)


def _inputs(table: Table, delay: int | None, k: int, columns: Columns, spikes: list[float]) -> dict[str, float]:
    model = MODELS[table.model]
    given = {name: columns[name][k] for name in model.inputs if name in columns}
    given |= {name.removeprefix("jump "): column[k] for name, column in columns.items() if name.startswith("jump ")}
    if table.sender:
        delivered = _delivered(table, delay, k, columns, spikes)
        assert delivered == pytest.approx(given[table.target]), f"the table's {table.target}[{k}]"
    return given


def test_the_page_has_every_table():
    senders = {(table.sender, table.target, delay) for table in TABLES for delay in table.delays if table.sender}
    assert {("source", "I", d) for d in (0, 1, 2)} | {("source", "v", d) for d in (0, 1, 2)} <= senders
    assert {("spike", "I", 1), ("spike", "I", 2)} <= senders
    assert {table.model for table in TABLES} == set(MODELS)
    assert all(len(table.cells["k"]) >= 3 for table in TABLES)
    assert PAGE.count("\nTable: ") == len(TABLES)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(("table", "delay"), CASES)
def test_a_table_is_what_happens(table, delay, backend):
    """Step by step, the state passed on by hand, so that spikes can be fed back over any delay."""
    model, columns = MODELS[table.model], table.columns(delay)
    states = [name for name in lower(model).types if name in columns]
    known = {"spike", "source", "drive", *model.inputs, *(f"jump {name}" for name in model.states)}
    assert set(columns) - set(states) <= known, "a column of the table that nothing checks"
    state, spikes = None, []
    for k in range(len(table.cells["k"])):
        given = _inputs(table, delay, k, columns, spikes)
        out = run(model, given, t=1, dt=1, n=1, record=states, state=state, dtype="float64", backend=backend)
        state = out.state
        assert out.spikes.times.tolist() == [k + 1.0] * len(out.spikes)  # a continued run goes on in time
        spikes.append(float(len(out.spikes)))
        for name in states:
            assert out[name].item() == pytest.approx(columns[name][k], abs=1e-12), f"{name} in step {k}"
    if model.spiking and "spike" in columns:
        assert spikes == columns["spike"].tolist()


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("table", [table for table in TABLES if not table.sender], ids=lambda table: table.model)
def test_a_table_is_what_happens_in_one_run(table, backend):
    model, columns = MODELS[table.model], table.columns(None)
    steps = len(table.cells["k"])
    given = {name: columns[name][:, None] for name in model.inputs}
    given |= {name[5:]: column[:, None] for name, column in columns.items() if name.startswith("jump ")}
    states = [name for name in lower(model).types if name in columns]
    out = run(model, given or 0, t=steps, dt=1, record=states, dtype="float64", backend=backend)
    for name in states:
        np.testing.assert_allclose(out[name][:, 0], columns[name], atol=1e-12)
    if model.spiking:  # a spike found in step k has time t_{k+1}
        np.testing.assert_array_equal(out.spikes.times, np.flatnonzero(columns["spike"]) + 1)


def test_a_recurrent_layer_has_a_delay_of_one_step():
    table = next(table for table in TABLES if table.sender == "spike")
    columns = table.columns(1)
    loop = torch.nn.Linear(1, 1, bias=False, dtype=torch.float64)
    with torch.no_grad():
        loop.weight.fill_(table.weight)
    layer = nn.Recurrent(nn.Neurons(MODELS[table.model], dt=1.0, output=("spikes", "v")), loop)
    out, _ = layer(torch.as_tensor(columns["drive"])[:, None, None])
    assert out["spikes"].flatten().tolist() == columns["spike"].tolist()
    np.testing.assert_allclose(out["v"].flatten().detach(), columns["v"], atol=1e-12)


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.model)
def test_the_working_is_right(table):
    """The arithmetic beside a table leads to its number: the state before a hard reset, or the recorded one."""
    for k, cell in enumerate(table.cells.get("working", ())):
        if not cell:
            continue
        left, right = cell.split("=")
        assert re.fullmatch(r"[-+*/0-9. ]+", left)
        value = eval(left, {"__builtins__": {}})
        assert value == pytest.approx(float(right), abs=1e-12)
        recorded = [float(table.cells[name][k]) for name in ("v", "x") if name in table.cells]
        was_reset = table.cells["spike"][k] == "1"
        assert was_reset or float(right) in [pytest.approx(number) for number in recorded]


def test_the_page_lists_the_functions_names_methods_and_units():
    functions = re.search(r"\*\*Functions\*\*: `([^`]*)`", PAGE)
    assert functions and set(functions[1].split()) == set(FUNCTIONS)
    reserved = re.search(r"\*\*Reserved\*\*:(.*?)\n- ", PAGE, re.DOTALL)
    assert reserved and all(f"`{name}`" in reserved[1] for name in RESERVED)
    assert all(f"`{method}`" in PAGE for method in METHODS)
    coherent = re.search(r"one coherent set: ([^(]*)\(1/ms\), ([^.]*)\.", PAGE)
    assert coherent and all(UNITS[symbol.strip()][0] == 1.0 for part in coherent.groups() for symbol in part.split(","))
