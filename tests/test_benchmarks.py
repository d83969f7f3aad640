"""The README shows what the benchmarks recorded, and the harness counts right. Nothing here looks at a real time."""

import ast
import json
from pathlib import Path

import pytest
import torch
from benchmarks import harness, machine, peers, table
from benchmarks.harness import FASTEST, FIELDS, FLOOR, OURS, Bound
from benchmarks.race import Job, Times, once, race

ROOT = Path(__file__).parent.parent
SCRIPTS = sorted(
    path.stem
    for path in (ROOT / "benchmarks").glob("*.py")
    if "__main__" in path.read_text() and path.stem not in ("table", "first_call")  # these serve the others
)


@pytest.fixture(autouse=True)
def _own_threads(monkeypatch):
    monkeypatch.setenv("SPIKELET_THREADS", "1")


def times(*seconds: float) -> Times:
    return Times(forward=[s / 2 for s in seconds], total=list(seconds), cpu=list(seconds))


def example(**changes) -> dict:
    runs = {OURS: times(1.0, 2.0, 4.0), "slow": times(5.0, 8.0, 40.0), FLOOR: times(0.5, 0.5, 2.0)}
    bounds = [Bound("slow", at_least=4), Bound(FLOOR, at_most=2.3), Bound(FASTEST, at_least=1)]
    return harness.line("lif_layer", [4, 2], runs, bounds, missing={"gone": "no such module"}) | changes


# -- what is recorded, and the README ---------------------------------------------------------------------------------


def test_table_of_the_readme_is_made_from_the_recorded_lines():
    text = (ROOT / "README.md").read_text()
    assert table.updated(text, table.recorded()) == text, "run: python -m benchmarks.table --write"


def test_every_recorded_line_has_all_fields_and_belongs_to_a_script():
    for path in sorted(harness.RESULTS.glob("*.json")):
        for entry in json.loads(path.read_text()):
            assert set(FIELDS) <= set(entry), path.name
            assert entry["name"] == path.stem
            assert entry["name"] in SCRIPTS
            assert entry["machine"]["cpu"] and entry["versions"]["spikelet"]


@pytest.mark.parametrize("name", SCRIPTS)
def test_every_script_tells_its_claim_and_stands_in_the_documentation(name):
    doc = ast.get_docstring(ast.parse((ROOT / "benchmarks" / f"{name}.py").read_text()))
    assert doc and doc.strip()
    assert f"`{name}`" in (ROOT / "docs" / "benchmarks.md").read_text()


def test_table_keeps_the_text_around_it_and_needs_its_place():
    text = f"before\n{table.BEGIN}\nstale\n{table.END}\nafter\n"
    new = table.updated(text, [example()])
    assert new.startswith(f"before\n{table.BEGIN}\n") and new.endswith(f"{table.END}\nafter\n")
    assert "stale" not in new
    assert table.updated(new, [example()]) == new
    with pytest.raises(ValueError, match="no place for the table"):
        table.updated("no markers", [])


def test_row_tells_ratios_targets_and_who_is_missing():
    row = table.row(example())
    assert "[lif_layer](benchmarks/lif_layer.py) | 4 × 2 | 2000 ms (1000 + 1000)" in row
    assert "slow 5, gone: not run" in row  # the median of 5, 4 and 10
    assert "floor 2 |" in row  # the median of 2, 4 and 2
    assert row.endswith("slow ≥ 4, floor ≤ 2.3, fastest peer ≥ 1 | yes |")
    assert "**no**" in table.row(example(holds=False))
    assert "not measured" in table.row(example(holds=None))


def test_lines_of_a_series_have_one_row():
    common = {"series": ["forward", 4, 2], "shape": ["forward", 4, 2]}
    bounds = [[{"what": "slow", "at_least": 1}], [{"what": "slow", "at_least": 3}], [{"what": "slow", "at_least": 1}]]
    places = ("1 %", "3 %", "5 %")
    lines = [example(**common, at=at, target=bound) for at, bound in zip(places, bounds, strict=True)]
    text = table.table([*lines, example()])
    assert text.count("[lif_layer](") == 2
    assert "| forward, 4 × 2; 1 %, 3 %, 5 % | 2000 to 2000 ms | slow 5, 5, 5" in text
    assert "| slow ≥ 1, slow ≥ 3 at 3 % | yes |" in text
    lines[1]["holds"] = False
    assert "**no**" in table.table(lines)


def test_lines_of_two_machines_make_two_tables():
    other = example(machine={"cpu": "another", "gpu": "a card"})
    text = table.table([example(), other])
    assert text.count(table.HEAD[0]) == 2
    assert "a card; another; 1 thread;" in text
    assert table.table([]).startswith("No benchmark has been recorded")


# -- the harness ------------------------------------------------------------------------------------------------------


def test_contestants_take_turns_and_the_first_place_goes_round():
    order: list[str] = []
    jobs = {name: Job(forward=lambda name=name: order.append(name)) for name in "abc"}
    result = race(jobs, rounds=2, warmup=1)
    assert order == ["a", "b", "c", "b", "c", "a", "c", "a", "b"]
    assert [len(entry.total) for entry in result.values()] == [2, 2, 2]


def test_a_slow_contestant_sits_out_after_its_third_round():
    jobs = {name: Job(forward=lambda: None) for name in "ab"}
    result = race(jobs, rounds=6, warmup=0, patience=0.0)
    assert [len(entry.total) for entry in result.values()] == [3, 3]


def test_passes_are_called_in_order_and_the_whole_replaces_the_backward_pass():
    calls: list[str] = []
    note = lambda name: lambda *_: calls.append(name)  # noqa: E731 - three recorders
    once(Job(note("forward"), note("backward"), prepare=note("prepare")))
    once(Job(note("forward"), whole=note("whole"), prepare=note("prepare")))
    assert calls == ["prepare", "forward", "backward", "prepare", "forward", "whole"]


def test_ratios_are_medians_of_the_ratios_within_the_rounds():
    runs = {OURS: times(1.0, 2.0, 4.0), "peer": times(5.0, 8.0), FLOOR: times(0.5, 0.5, 2.0)}
    assert harness.ratios(runs) == {"peer": 4.5, FLOOR: 2.0, FASTEST: 4.5}  # the peer sat out the third round


@pytest.mark.parametrize(
    ("bound", "holds"),
    [
        (Bound("x", at_least=5), True),
        (Bound("x", at_least=5.1), False),
        (Bound("x", at_most=5), True),
        (Bound("x", at_most=4.9), False),
        (Bound("absent", at_most=4.9), None),
    ],
)
def test_bound_tells_what_was_seen_and_whether_it_holds(bound, holds):
    judged = bound.judge({"x": 5.0})
    assert judged["holds"] is holds
    assert judged["seen"] == (5.0 if bound.what == "x" else None)


def test_a_line_holds_only_if_every_bound_was_seen_to_hold():
    assert example()["holds"] is True
    runs = {OURS: times(1.0), FLOOR: times(0.5)}
    unseen = harness.line("lif_layer", [1], runs, [Bound("gone", at_least=1)], missing={"gone": "why"})
    assert (unseen["holds"], unseen["peer"], unseen["missing"]) == (None, {"gone": None}, {"gone": "why"})
    both = [Bound("gone", at_least=1), Bound(FLOOR, at_most=1.0)]
    assert harness.line("lif_layer", [1], runs, both)["holds"] is False
    assert set(FIELDS) <= set(unseen)


def test_lines_are_stored_only_when_asked_and_by_one_rename(tmp_path, capsys):
    harness.finish([example()], record=False, folder=tmp_path)
    assert json.loads(capsys.readouterr().out)["name"] == "lif_layer"
    assert not list(tmp_path.iterdir())
    lines = [example(), example(shape=[8, 2])]
    harness.finish(lines, record=True, folder=tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["lif_layer.json"]
    assert table.recorded(tmp_path) == json.loads(json.dumps(lines))


def test_a_run_that_breaks_off_leaves_the_earlier_record(tmp_path):
    harness.finish([example()], record=True, folder=tmp_path)
    before = (tmp_path / "lif_layer.json").read_text()

    def broken():
        yield example(shape=[9])
        raise RuntimeError("machine caught fire")

    with pytest.raises(RuntimeError, match="fire"):
        harness.finish(broken(), record=True, folder=tmp_path)
    assert (tmp_path / "lif_layer.json").read_text() == before


def test_options_refuse_what_makes_no_sense(capsys):
    with pytest.raises(SystemExit):
        harness.options("doc", arguments=["--quick", "--record"])
    assert "not recorded" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        harness.options("doc", peers=peers.ALL, arguments=["--peers", "snntorc"])
    assert "no peer 'snntorc'" in capsys.readouterr().err
    given = harness.options("doc", peers=("norse", "spyx"), arguments=["--peers", "spyx,sinabs", "--rounds", "4"])
    assert (given.peers, given.rounds, given.threads) == (("spyx",), 4, 1)
    assert harness.options("doc", peers=peers.ALL, arguments=["--peers", "none"]).peers == ()


def test_peak_of_memory_sees_a_tensor_that_lived_for_a_moment():
    if not machine.reset_peak_rss():
        pytest.skip("this system does not let a process reset its peak")
    before = machine.rss()
    assert before is not None
    torch.ones(20_000_000).sum()  # 76 MiB
    assert machine.peak_rss() - before > 70


def test_machine_is_described_without_names_of_people_or_hosts():
    known = machine.describe()
    assert set(known) <= {"cpu", "cores", "caches", "memory_GiB", "system", "gpu", "load", "clock_GHz"}
    assert known["cpu"] and known["cores"] >= 1 and 0.2 < known["clock_GHz"] < 10
    assert machine.versions("torch", "no-such-package")["torch"] == torch.__version__
