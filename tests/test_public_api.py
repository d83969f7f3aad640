"""The public names, spelled out: adding or losing one is a decision, and shows in this file."""

import ast
import inspect
import re
from pathlib import Path
from types import ModuleType

import pytest

import spikelet

ROOT = Path(__file__).parents[1]
MODULES = [
    "analysis", "audio", "datasets", "decode", "encode", "errors", "events", "neurons", "nn", "plot", "rules",
    "surrogates", "synapses", "units",
]  # fmt: skip
OBJECTS = [
    "Neuron", "Synapse", "Rule", "Surrogate", "run", "show", "Network", "Population", "Projection", "Current",
    "Poisson", "SpikeTrain", "lognormal", "normal", "uniform", "all_to_all", "distance", "expression", "fixed_indegree",
    "fixed_outdegree", "fixed_probability", "fixed_total", "from_arrays", "from_matrix", "one_to_one",
    "pairwise_poisson", "small_world", "convolution", "low_rank", "symmetric",
    "every", "NetworkResult", "stop_after_spikes",
]  # fmt: skip


def test_the_names_are_these_and_no_others() -> None:
    assert sorted(spikelet.__all__) == sorted([*MODULES, *OBJECTS, "__version__"])
    assert set(spikelet.__all__) <= set(dir(spikelet))


@pytest.mark.parametrize("name", MODULES)
def test_a_module_resolves(name: str) -> None:
    module = getattr(spikelet, name)
    assert isinstance(module, ModuleType)
    assert module.__name__ == f"spikelet.{name}"
    assert (module.__doc__ or "").strip(), f"spikelet.{name} has no docstring"


@pytest.mark.parametrize("name", OBJECTS)
def test_an_object_resolves(name: str) -> None:
    value = getattr(spikelet, name)
    assert value.__name__ == name
    assert inspect.getdoc(value), f"spikelet.{name} has no docstring"


def test_a_star_import_brings_all_names() -> None:
    space: dict[str, object] = {}
    exec("from spikelet import *", space)
    assert set(spikelet.__all__) <= space.keys()


def test_type_checkers_see_what_arrives_at_run_time() -> None:
    tree = ast.parse((ROOT / "src/spikelet/__init__.py").read_text())
    block = next(node for node in tree.body if isinstance(node, ast.If))
    shown = {alias.asname for node in block.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert shown == set(spikelet.__all__) - {"__version__"}


def test_the_version_is_one_number() -> None:
    assert re.fullmatch(r"\d+\.\d+\.\d+", spikelet.__version__)
    assert f"({spikelet.__version__})" in (ROOT / "CHANGELOG.md").read_text()


def test_the_examples_of_the_readme_run() -> None:
    blocks = re.findall(r"^```python\n(.*?)^```", (ROOT / "README.md").read_text(), re.M | re.S)
    assert len(blocks) == 4
    space: dict[str, object] = {}
    exec(blocks[0], space)
    out = space["out"]
    assert out["v"].shape == (3000, 1)  # pyright: ignore[reportIndexIssue]
    assert len(out.spikes.times) > 0  # pyright: ignore[reportAttributeAccessIssue]
    for block in blocks[1:]:  # each goes on where the one before ends
        exec(block, space)
    rate = space["out"]["E"].rate() / 0.001  # pyright: ignore[reportIndexIssue]
    assert 36.5 < rate < 39  # Brunel 2000, g = 5 and eta = 2: established simulators give 37 to 39 Hz
    weights = space["syn"].weights()  # pyright: ignore[reportAttributeAccessIssue]
    assert weights.shape == (10_000,) and abs(weights.mean() - 0.5) > 0.02


def test_the_examples_of_the_simulator_run() -> None:
    blocks = re.findall(r"^```python\n(.*?)^```", (ROOT / "docs" / "simulator.md").read_text(), re.M | re.S)
    space: dict[str, object] = {}
    exec(blocks[0].replace("1*second", "20*ms"), space)
    fresh = "net = sl.Network()\nE, I = net.add(LIF, 100, 'E'), net.add(LIF, 30, 'I')\n"
    exec(fresh + blocks[2] + "net.run(10*ms, record={'I': 'ampa_g'})", space)
    small = blocks[0].replace("1*second", "20*ms").replace("0_000", "000").replace("_500", "50")
    exec(small + blocks[1] + "net.run(3*ms); assert set(syn.delays()) == {2.0}", space)


def test_the_examples_of_running_and_recording_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    page = (ROOT / "docs" / "simulator.md").read_text()
    first = re.findall(r"^```python\n(.*?)^```", page, re.M | re.S)[0]
    part = page[page.index("\n## Run\n") : page.index("\n## Keep\n")]
    space: dict[str, object] = {}
    for block in [first.replace("1*second", "20*ms"), *re.findall(r"^```python\n(.*?)^```", part, re.M | re.S)]:
        exec(block, space)
    assert space["net"].t == pytest.approx(120.0)  # pyright: ignore[reportAttributeAccessIssue]


def test_links_between_documents_lead_somewhere() -> None:
    for page in [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")]:
        for link in re.findall(r"\]\(([^)#:]+)\)", page.read_text()):
            assert (page.parent / link).exists(), f"{page.name} links to {link}"
