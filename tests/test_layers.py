"""The import order of docs/architecture.md holds; nothing is imported to find that out, all is read from the source."""

import ast
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "spikelet"
TOP = "__init__"  # spikelet/__init__.py itself


@dataclass(frozen=True)
class Import:
    """One import statement: who, what (a module of ours without "spikelet.", or a foreign package), and where."""

    module: str
    target: str
    ours: bool
    line: int
    at_run_time: bool  # at module level, so that importing `module` executes it

    def __str__(self) -> str:
        return f"{self.module} (line {self.line}) imports {self.target}"


@dataclass(frozen=True)
class Rules:
    """The two tables: places of our modules, and places of foreign packages."""

    place: dict[str, tuple[int, int, int]]  # name -> rank, part between bars, position
    anywhere: dict[str, set[str]]  # package -> modules that may import it at module level
    in_functions: dict[str, set[str]]  # package -> modules that may import it inside functions

    def place_of(self, module: str) -> tuple[int, int, int]:
        return self.place[module.split(".")[0]]

    def allows(self, package: str, module: str, at_run_time: bool) -> bool:
        allowed = self.anywhere.get(package, set())
        if not at_run_time:
            allowed = allowed | self.in_functions.get(package, set())
        return any(module == name or module.startswith(f"{name}.") for name in allowed)


def read_rules(text: str) -> Rules:
    blocks = dict(re.findall(r"^```(ranks|packages)\n(.*?)^```", text, re.M | re.S))
    place = {}
    for row in blocks["ranks"].splitlines():
        rank, names = row.split(maxsplit=1)
        for part, group in enumerate(names.split("|")):
            place |= {name: (int(rank), part, index) for index, name in enumerate(group.split())}
    anywhere, in_functions = {}, {}
    for row in blocks["packages"].splitlines():
        package, places = row.split(maxsplit=1)
        before, _, after = places.partition("|")
        anywhere[package] = expand(before, place)
        in_functions[package] = expand(after, place)
    return Rules(place, anywhere, in_functions)


def expand(names: str, place: dict[str, tuple[int, int, int]]) -> set[str]:
    if ranks := re.fullmatch(r"\s*ranks (\d+)-(\d+)\s*", names):
        low, high = map(int, ranks.groups())
        return {name for name, (rank, _, _) in place.items() if low <= rank <= high}
    return set(names.split())


def module_name(path: Path) -> str:
    parts = list(path.relative_to(SOURCE).with_suffix("").parts)
    return ".".join(parts[:-1] if len(parts) > 1 and parts[-1] == "__init__" else parts)


FILES = {module_name(path): path for path in sorted(SOURCE.rglob("*.py"))}
RULES = read_rules((ROOT / "docs" / "architecture.md").read_text())


def imports_of(module: str, text: str, is_package: bool) -> Iterator[Import]:
    """Yield every import in the source ``text``, whether at module level, in a function or for type checkers only."""

    def walk(node: ast.AST, at_run_time: bool) -> Iterator[Import]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.Import | ast.ImportFrom):
                for target in targets(child, module, is_package):
                    ours = target.split(".")[0] == "spikelet"
                    short = (target.removeprefix("spikelet").lstrip(".") or TOP) if ours else target.split(".")[0]
                    yield Import(module, short, ours, child.lineno, at_run_time)
            elif isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
                yield from walk(child, False)
            elif isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
                yield from walk(ast.Module(child.body, []), False)
                yield from walk(ast.Module(child.orelse, []), at_run_time)
            else:
                yield from walk(child, at_run_time)

    yield from walk(ast.parse(text), True)


def targets(node: ast.Import | ast.ImportFrom, module: str, is_package: bool) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
        return
    base = node.module or ""
    if node.level:
        up = ["spikelet", *([] if module == TOP else module.split("."))]
        up = up[: len(up) - (node.level - (1 if is_package else 0))]
        base = ".".join([*up, *([base] if base else [])])
    for alias in node.names:  # `from spikelet.lang import parser` is the module, if there is one of that name
        if alias.name == "__version__":
            continue  # a plain text that any module may quote
        inner = f"{base}.{alias.name}"
        short = inner.removeprefix("spikelet.")
        yield inner if short in FILES or short in RULES.place else base


def all_imports() -> list[Import]:
    return [found for name, path in FILES.items() for found in imports_of(name, path.read_text(), is_package(path))]


def is_package(path: Path) -> bool:
    return path.name == "__init__.py"


def wrong_order(found: Import, rules: Rules) -> bool:
    """Return whether an import of one of our modules goes up, to the right, or across a bar."""
    mine, theirs = found.module.split(".")[0], found.target.split(".")[0]
    if not found.ours or mine == theirs:
        return False
    rank, part, index = rules.place_of(mine)
    other_rank, other_part, other_index = rules.place_of(theirs)
    return other_rank > rank or (other_rank == rank and (other_part != part or other_index > index))


IMPORTS = all_imports()
STEPS = {name: {f.target for f in IMPORTS if f.module == name and f.at_run_time} for name in FILES}


def test_every_module_has_a_place_in_the_table() -> None:
    missing = sorted({name.split(".")[0] for name in FILES} - RULES.place.keys())
    assert not missing, f"docs/architecture.md gives no rank to {missing}"


def test_imports_go_down_only() -> None:
    wrong = [str(found) for found in IMPORTS if wrong_order(found, RULES)]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("package", sorted({name.split(".")[0] for name in FILES if "." in name}))
def test_a_package_has_no_cycles(package: str) -> None:
    names = [name for name in FILES if name.split(".")[0] == package]
    graph = {name: {f.target for f in IMPORTS if f.module == name and f.target in names} for name in names}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail("a cycle of imports: " + " <- ".join(error.args[1]))


def test_foreign_packages_are_imported_only_where_the_table_says() -> None:
    foreign = [f for f in IMPORTS if not f.ours and f.target not in sys.stdlib_module_names]
    wrong = [f for f in foreign if not RULES.allows(f.target, f.module, f.at_run_time)]
    assert not wrong, "\n".join(map(str, wrong))


@pytest.mark.parametrize("package", ["torch", "matplotlib"])
def test_no_chain_of_imports_loads_an_optional_package(package: str) -> None:
    for module in FILES:
        chain = chain_to(package, module)
        if chain and not RULES.allows(package, module, at_run_time=True):
            pytest.fail(f"importing {module} imports {package}: {' -> '.join(chain)}")


def chain_to(package: str, module: str) -> list[str]:
    """Return the modules through which importing ``module`` executes an import of ``package``, or nothing."""
    chains = {module: [module]}
    waiting = [module]
    while waiting:
        here = waiting.pop()
        if package in STEPS[here]:
            return [*chains[here], package]
        parents = {here.rsplit(".", 1)[0]} if "." in here else set()
        for step in (STEPS[here] | parents) & FILES.keys() - chains.keys():
            chains[step] = [*chains[here], step]
            waiting.append(step)
    return []


SAMPLE = """
import numpy as np
from spikelet.lang import parser, no_such_module
from . import stages
from ..errors import did_you_mean
if TYPE_CHECKING:
    import torch
def f():
    import scipy.linalg
    from spikelet import cli
"""


def test_the_reader_of_imports_sees_every_kind() -> None:
    found = {(f.target, f.at_run_time) for f in imports_of("ir.lower", SAMPLE, is_package=False)}
    assert found == {
        ("numpy", True), ("lang.parser" if "lang.parser" in FILES else "lang", True), ("lang", True), ("ir", True),
        ("errors", True), ("torch", False), ("scipy", False), ("cli", False),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("module", "target", "wrong"),
    [
        ("model", "lang.parser", False),
        ("lang.parser", "model", True),
        ("surrogates", "model", False),
        ("model", "surrogates", True),
        ("nn.neurons", "sim.engine", True),
        ("sim.engine", "nn.neurons", True),
        ("ir.lower", "ir.nodes", False),
        ("errors", TOP, True),
        ("__main__", "cli", False),
    ],
)
def test_the_order_is_judged_right(module: str, target: str, wrong: bool) -> None:
    assert wrong_order(Import(module, target, True, 1, True), RULES) is wrong


@pytest.mark.parametrize(
    ("package", "module", "at_run_time", "allowed"),
    [
        ("numpy", "lang.parser", True, False),
        ("numpy", "model", True, True),
        ("torch", "nn.neurons", True, True),
        ("torch", "encode", True, False),
        ("torch", "encode", False, True),
        ("torch", "backends.numpy_reference", False, False),
        ("scipy", "ir.integrate", True, True),
        ("scipy", "ir.lower", False, False),
        ("matplotlib", "plot", True, False),
        ("matplotlib", "plot", False, True),
        ("requests", "datasets", False, False),
    ],
)
def test_the_allow_list_is_read_right(package: str, module: str, at_run_time: bool, allowed: bool) -> None:
    assert RULES.allows(package, module, at_run_time) is allowed
