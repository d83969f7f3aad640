"""The stored outcomes of the slow tests are complete, current and good.

The slow tests themselves run by ``make test-slow``, which writes tests/slow_record.json.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
RECORD = ROOT / "tests" / "slow_record.json"
GOOD = {"passed", "xfailed"}


def complaints(collected: set[str], recorded: dict[str, str]) -> list[str]:
    """Say in words where the slow tests and their record disagree; the empty list means that they agree."""
    return (
        [f"{name} has no stored outcome" for name in sorted(collected - recorded.keys())]
        + [f"{name} is stored, but is no slow test any more" for name in sorted(recorded.keys() - collected)]
        + [f"{name} is stored as {outcome}" for name, outcome in recorded.items() if outcome not in GOOD]
    )


def run_pytest(*arguments: str, folder: Path = ROOT, plugins: bool = True) -> subprocess.CompletedProcess[str]:
    """Run pytest in a process of its own, free of what this run's own workers have set."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTEST_")}
    if not plugins:
        environment["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)


def slow_of(files: set[Path], slow: set[str]) -> set[str]:
    """Return the names of all slow tests: as this run found them, if it looked at all files; else they are collected.

    A run of all files need not collect them again, which takes a minute.
    """
    if files == set((ROOT / "tests").rglob("test_*.py")):
        return slow
    done = run_pytest("--collect-only", "-q", "-m", "slow", "tests")
    assert done.returncode in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED), done.stdout + done.stderr
    return {line for line in done.stdout.splitlines() if line.startswith("tests/") and "::" in line}


def test_the_record_agrees_with_the_slow_tests(collected: tuple[set[Path], set[str]]) -> None:
    slow = slow_of(*collected)
    recorded = json.loads(RECORD.read_text()) if RECORD.exists() else {}
    found = complaints(slow, recorded)
    assert not found, "run `make test-slow` and commit tests/slow_record.json:\n" + "\n".join(found)


def test_each_kind_of_disagreement_is_named() -> None:
    assert complaints({"a", "b"}, {"a": "passed", "b": "xfailed"}) == []
    assert complaints({"a"}, {}) == ["a has no stored outcome"]
    assert complaints(set(), {"a": "passed"}) == ["a is stored, but is no slow test any more"]
    assert complaints({"a"}, {"a": "failed"}) == ["a is stored as failed"]
    assert complaints({"a"}, {"a": "skipped"}) == ["a is stored as skipped"]


SAMPLE = """
import pytest
@pytest.fixture
def broken(): raise ValueError("no")
def test_good(): pass
def test_bad(): assert False
def test_skipped(): pytest.skip("no reason")
def test_no_data(): pytest.skip("data: gone")
def test_setup(broken): pass
@pytest.mark.xfail
def test_xfail(): assert False
"""


def test_what_is_stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SPIKELET_DATA", raising=False)
    assert store(tmp_path, "-p", "xdist", "-n", "1") == {
        "test_sample.py::test_bad": "failed",
        "test_sample.py::test_good": "passed",
        "test_sample.py::test_no_data": "skipped",
        "test_sample.py::test_setup": "failed",
        "test_sample.py::test_skipped": "skipped",
        "test_sample.py::test_xfail": "xfailed",
    }


def test_a_skip_for_promised_data_is_a_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPIKELET_DATA", str(tmp_path))
    stored = store(tmp_path)
    assert stored["test_sample.py::test_no_data"] == "failed"
    assert stored["test_sample.py::test_skipped"] == "skipped"


def test_a_file_that_skips_itself_for_promised_data_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPIKELET_DATA", str(tmp_path))
    done = run_sample(tmp_path, "import pytest\npytest.skip('data: gone', allow_module_level=True)")
    assert done.returncode == pytest.ExitCode.INTERRUPTED, done.stdout
    assert "nothing may be skipped for missing data, but: data: gone" in done.stdout


def store(folder: Path, *arguments: str) -> dict[str, str]:
    run_sample(folder, SAMPLE, "--record-slow", "record.json", *arguments)
    return json.loads((folder / "record.json").read_text())


def run_sample(folder: Path, text: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    (folder / "test_sample.py").write_text(text)
    (folder / "conftest.py").write_text((ROOT / "tests" / "conftest.py").read_text())
    return run_pytest("-q", *arguments, folder=folder, plugins=False)
