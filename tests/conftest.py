"""Settings, fixtures and options of the whole test suite.

Data: ``SPIKELET_DATA`` names the folder with the real data. Where it is set, nothing may be skipped for missing data: a
skip whose reason starts with ``data:`` becomes a failure. Where it is not set, such a skip is allowed.
"""

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch is imported: two workers share two cores
os.environ.setdefault("MPLBACKEND", "Agg")

import hypothesis
import pytest

# The same examples in every run, and no deadline: a test that fails on a busy machine only tells that it is busy.
hypothesis.settings.register_profile(
    "spikelet",
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("spikelet")


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """Return the folder of the real data sets, or skip; with ``SPIKELET_DATA`` set, missing data is a failure."""
    named = os.environ.get("SPIKELET_DATA")
    folder = Path(named) if named else _cache_folder()
    if not folder.is_dir() or not any(folder.iterdir()):
        pytest.skip(f"data: nothing in {folder}; set SPIKELET_DATA to the folder that holds mnist/ and the others")
    return folder


@pytest.fixture(scope="session")
def data_file(data_folder: Path) -> Callable[[str], Path]:
    """Return a function: ``data_file("mnist/train-labels-idx1-ubyte.gz")`` is that path, or the test is skipped."""

    def find(name: str) -> Path:
        path = data_folder / name
        if not path.exists():
            pytest.skip(f"data: {path} is missing")
        return path

    return find


def _cache_folder() -> Path:
    root = os.environ.get("XDG_CACHE_HOME")
    return (Path(root) if root else Path.home() / ".cache") / "spikelet"


# -- a skip for missing data, where the data has been promised, is a failure ------------------------------------------


def _is_broken_promise(error: BaseException | None) -> bool:
    reason = str(getattr(error, "msg", ""))
    return isinstance(error, pytest.skip.Exception) and reason.startswith("data:") and bool(os.getenv("SPIKELET_DATA"))


def _fail(report: Any, error: BaseException | None) -> None:
    report.outcome = "failed"
    report.longrepr = f"SPIKELET_DATA is set, so nothing may be skipped for missing data, but: {error}"


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(call: pytest.CallInfo[None]) -> Iterator[None]:
    report: Any = yield
    if call.excinfo and _is_broken_promise(call.excinfo.value):
        _fail(report, call.excinfo.value)
    return report


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_make_collect_report(collector: pytest.Collector) -> Iterator[None]:
    report: Any = yield
    error = report.call.excinfo.value if getattr(report, "call", None) and report.call.excinfo else None
    if _is_broken_promise(error):  # a whole file that skips itself
        _fail(report, error)
    return report


# -- the record of the slow tests -------------------------------------------------------------------------------------


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--record-slow", metavar="FILE", help="store the outcome of every test of this run, as JSON")


def pytest_configure(config: pytest.Config) -> None:
    path = config.getoption("--record-slow")
    if path and not hasattr(config, "workerinput"):  # with xdist the main process hears of every test
        config.pluginmanager.register(OutcomeRecord(Path(path)))


_COLLECTED = pytest.StashKey[tuple[set[Path], set[str]]]()


@pytest.hookimpl(tryfirst=True)  # before -m takes the slow ones away
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    slow = {item.nodeid for item in items if item.get_closest_marker("slow")}
    config.stash[_COLLECTED] = {item.path for item in items}, slow


@pytest.fixture(scope="session")
def collected(pytestconfig: pytest.Config) -> tuple[set[Path], set[str]]:
    """Return the files that this run has looked at, and the names of the slow tests in them."""
    return pytestconfig.stash[_COLLECTED]


class OutcomeRecord:
    """Collects one outcome per test and writes them once, at the end of a run that was not interrupted."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.outcomes: dict[str, str] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call" or report.outcome != "passed":  # a failing setup or teardown has the last word
            xfailed = report.outcome == "skipped" and hasattr(report, "wasxfail")
            self.outcomes[report.nodeid] = "xfailed" if xfailed else report.outcome

    def pytest_sessionfinish(self, exitstatus: int) -> None:
        if exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.NO_TESTS_COLLECTED):
            text = json.dumps(dict(sorted(self.outcomes.items())), indent=1) + "\n"
            part = self.path.with_suffix(".part")
            part.write_text(text)
            os.replace(part, self.path)
