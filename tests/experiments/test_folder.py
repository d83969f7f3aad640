"""The folder of a run: refusals, the lock, and what a crash or a full disk leaves behind."""

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from spikelet.errors import DataError, InputError
from spikelet.experiments import folder as files

SETTINGS = {"dataset": "digits", "lr": 0.002}


def prepare(folder: Path, settings: dict = SETTINGS, *, resume: bool = False, overwrite: bool = False) -> None:
    files.make(folder)
    files.prepare(folder, settings, resume=resume, overwrite=overwrite)


def full_disk(_handle: int) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_file_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    files.write_json(path, {"x": 1})
    files.write_json(path, {"x": 2})
    assert files.read_json(path) == {"x": 2}
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.json"]


def test_a_full_disk_keeps_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.json"
    files.write_json(path, 1)
    monkeypatch.setattr(os, "fsync", full_disk)
    with pytest.raises(DataError, match=r"cannot write .*a\.json: No space left on device; what stood there is kept"):
        files.write_json(path, 2)
    assert files.read_json(path) == 1
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.json"]


def test_content_is_on_the_disk_before_it_gets_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    fsync, replace = os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda handle: (done.append("fsync"), fsync(handle))[1])
    monkeypatch.setattr(os, "replace", lambda a, b: (done.append("replace"), replace(a, b))[1])
    files.write_atomic(tmp_path / "a", b"content")
    assert done == ["fsync", "replace", "fsync"]  # of the file, of its name


def test_a_broken_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("{")
    with pytest.raises(DataError, match=r"a\.json is not JSON"):
        files.read_json(tmp_path / "a.json")
    with pytest.raises(DataError, match=r"cannot read .*b\.json: No such file"):
        files.read_json(tmp_path / "b.json")


def test_a_new_run_stores_its_settings(tmp_path: Path) -> None:
    prepare(tmp_path / "a" / "b")
    assert json.loads((tmp_path / "a" / "b" / files.SETTINGS).read_text()) == SETTINGS


def test_a_run_is_not_overwritten_by_accident(tmp_path: Path) -> None:
    prepare(tmp_path)
    with pytest.raises(InputError, match="there is a run in .*: --resume continues it, --overwrite replaces it"):
        prepare(tmp_path)


def test_overwriting_removes_the_run_and_nothing_else(tmp_path: Path) -> None:
    prepare(tmp_path)
    for name in ("checkpoint-00000001.safetensors", files.CHECKPOINT, files.METRICS, *files.FIGURES, "mine.txt"):
        (tmp_path / name).write_text("")
    prepare(tmp_path, {"lr": 1.0}, overwrite=True)
    assert {entry.name for entry in tmp_path.iterdir()} == {files.SETTINGS, "mine.txt"}
    assert files.read_json(tmp_path / files.SETTINGS) == {"lr": 1.0}


def test_resuming_needs_a_run(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"there is no run in .* to resume; leave out --resume to start one"):
        prepare(tmp_path, resume=True)


def test_resuming_needs_the_same_run(tmp_path: Path) -> None:
    prepare(tmp_path)
    prepare(tmp_path, dict(SETTINGS), resume=True)
    with pytest.raises(InputError, match=r"has lr = 0\.002, not 0\.1; --resume continues a run unchanged"):
        prepare(tmp_path, {**SETTINGS, "lr": 0.1}, resume=True)


def test_resuming_and_overwriting_exclude_each_other(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="exclude each other"):
        prepare(tmp_path, resume=True, overwrite=True)


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match=r"cannot make the folder .*file/run: Not a directory"):
        files.make(tmp_path / "file" / "run")


def test_one_run_at_a_time(tmp_path: Path) -> None:
    with files.locked(tmp_path):
        with pytest.raises(InputError, match="another process is training in .*; give this one another --out"):
            with files.locked(tmp_path):
                pass
    with files.locked(tmp_path):  # let go of
        pass


def test_a_file_that_the_system_refuses(tmp_path: Path) -> None:
    """No stand-in here: the limit on the size of a file is the system's own."""
    code = (
        "import resource, signal, sys; from pathlib import Path; from spikelet.experiments.folder import write_atomic\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN); resource.setrlimit(resource.RLIMIT_FSIZE, (2048, 2048))\n"
        "path = Path(sys.argv[1]); write_atomic(path, b'old'); write_atomic(path, bytes(4096))"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(files.__file__).parents[2])}
    command = [sys.executable, "-c", code, str(tmp_path / "a")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.stderr.endswith("a: File too large; what stood there is kept\n"), done.stderr
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("a", b"old")]
