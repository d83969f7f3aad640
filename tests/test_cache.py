"""The cache on disk: made once, private, checked, and never the reason why something fails."""

import errno
import os
import stat
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest

from spikelet import cache
from spikelet.errors import DataError

SOURCE = Path(__file__).parents[1] / "src"
needs_users = pytest.mark.skipif(not hasattr(os, "geteuid"), reason="this system has no user numbers")


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty cache folder; nothing has been warned of yet."""
    monkeypatch.setenv("SPIKELET_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(cache, "_warned", False)
    return tmp_path / "cache"


def maker(content: bytes = b"content") -> tuple[list[bytes], Callable[[], bytes]]:
    """Return a list, and a function that makes the content and appends it there."""
    made: list[bytes] = []

    def make() -> bytes:
        made.append(content)
        return content

    return made, make


def entry(root: Path, kind: str = "kind") -> Path:
    """Return the only file of a folder."""
    (path,) = (root / kind).iterdir()
    return path


# -- the folder -------------------------------------------------------------------------------------------------------


def test_the_folder_is_made_and_private(root: Path) -> None:
    path = cache.folder("kind")
    assert path == root / "kind"
    assert path.is_dir()
    assert cache.folder("kind") == path
    if hasattr(os, "geteuid"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o700


@needs_users
def test_it_is_private_under_any_umask(root: Path) -> None:
    before = os.umask(0)
    try:
        assert stat.S_IMODE(cache.folder("kind").stat().st_mode) == 0o700
    finally:
        os.umask(before)


def test_without_a_name_it_is_in_the_cache_folder_of_the_user(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("SPIKELET_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache.folder("kind") == tmp_path / "xdg" / "spikelet" / "kind"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("USERPROFILE", str(tmp_path / "home"))
    assert cache.folder("kind") == tmp_path / "home" / ".cache" / "spikelet" / "kind"


def test_a_tilde_is_the_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    monkeypatch.setenv("SPIKELET_CACHE", "~/mine")
    assert cache.folder("kind") == tmp_path / "mine" / "kind"


@needs_users
@pytest.mark.parametrize("mode", [0o755, 0o720, 0o701])
def test_a_folder_open_to_others_is_refused(root: Path, mode: int) -> None:
    cache.folder("kind").chmod(mode)
    with pytest.raises(DataError, match=r"open to other users: chmod 700 .*kind"):
        cache.folder("kind")


@needs_users
def test_a_folder_of_another_user_is_refused(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache.folder("kind")
    owner = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: owner + 1)
    with pytest.raises(DataError, match="belongs to another user; SPIKELET_CACHE may name another one"):
        cache.folder("kind")


def test_a_file_in_its_place_is_refused(root: Path) -> None:
    root.mkdir()
    (root / "kind").write_text("")
    with pytest.raises(DataError, match="kind is not a folder"):
        cache.folder("kind")
    (root / "kind").unlink()
    root.rmdir()
    root.write_text("")
    with pytest.raises(DataError, match="SPIKELET_CACHE may name another one"):
        cache.folder("kind")


def test_a_user_without_a_home_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def nowhere(path: Path) -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("SPIKELET_CACHE")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(Path, "expanduser", nowhere)
    with pytest.raises(DataError, match="no cache folder: .* SPIKELET_CACHE may name one"):
        cache.folder("kind")


# -- what is kept -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("content", [b"", b"x", bytes(range(256)) * 4096])
def test_content_is_made_once(root: Path, content: bytes) -> None:
    made, make = maker(content)
    assert [cache.fetch("kind", "a key", make) for _ in range(3)] == [content] * 3
    assert len(made) == 1
    assert len(list((root / "kind").iterdir())) == 1


def test_another_key_or_kind_is_other_content() -> None:
    for kind, key in [("a", "x"), ("a", "y"), ("b", "x"), ("a", "x" * 100_000), ("a", "x/../y"), ("a", "Größe\n")]:
        content = f"{kind} {key}".encode()
        assert cache.fetch(kind, key, lambda content=content: content) == content
        assert cache.fetch(kind, key, lambda: b"made again") == content


def test_an_error_of_the_maker_is_the_callers_and_leaves_nothing(root: Path) -> None:
    def fail() -> bytes:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        cache.fetch("kind", "a key", fail)
    assert not list((root / "kind").iterdir())


def truncate(whole: bytes) -> bytes:
    return whole[:-1]


def lengthen(whole: bytes) -> bytes:
    return whole + b"!"


def flip(whole: bytes) -> bytes:
    return whole[:-1] + bytes([whole[-1] ^ 1])


def flip_checksum(whole: bytes) -> bytes:
    return bytes([whole[0] ^ 1]) + whole[1:]


def empty(whole: bytes) -> bytes:
    return b""


@pytest.mark.parametrize("damage", [truncate, lengthen, flip, flip_checksum, empty])
def test_a_damaged_entry_is_made_anew(root: Path, damage: Callable[[bytes], bytes]) -> None:
    made, make = maker()
    cache.fetch("kind", "a key", make)
    path = entry(root)
    path.write_bytes(damage(path.read_bytes()))
    assert [cache.fetch("kind", "a key", make) for _ in range(2)] == [b"content"] * 2
    assert len(made) == 2


def test_an_entry_under_the_name_of_another_is_made_anew(root: Path) -> None:
    cache.fetch("kind", "one", lambda: b"one")
    path = entry(root)
    whole = path.read_bytes()
    path.unlink()
    cache.fetch("kind", "two", lambda: b"two")
    entry(root).write_bytes(whole)
    assert cache.fetch("kind", "two", lambda: b"two") == b"two"


# -- disks that do not play along -------------------------------------------------------------------------------------


def fetch_twice(expected_warning: str) -> int:
    """Fetch a key twice, with one warning in all; return how often the content was made."""
    made, make = maker()
    with pytest.warns(RuntimeWarning, match=expected_warning) as caught:
        assert cache.fetch("kind", "a key", make) == b"content"
        assert cache.fetch("kind", "a key", make) == b"content"
    assert len(caught) == 1
    return len(made)


@pytest.mark.parametrize("code", [errno.EROFS, errno.ENOSPC, errno.EACCES])
def test_a_disk_that_takes_nothing_costs_one_warning(monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    def refuse(*args: object, **kwargs: object) -> tuple[int, str]:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(cache.tempfile, "mkstemp", refuse)
    assert fetch_twice(f"nothing is kept on disk: .*{os.strerror(code)}") == 2


def test_a_disk_that_is_full_half_way_leaves_nothing(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "replace", refuse)
    assert fetch_twice(os.strerror(errno.ENOSPC)) == 2
    assert not list((root / "kind").iterdir())


def test_a_folder_that_cannot_be_made_costs_one_warning(root: Path) -> None:
    root.write_text("a file in its place")
    assert fetch_twice("SPIKELET_CACHE may name another one") == 2


@needs_users
def test_nothing_is_read_from_a_folder_open_to_others(root: Path) -> None:
    cache.fetch("kind", "a key", lambda: b"theirs")
    (root / "kind").chmod(0o777)
    assert fetch_twice("chmod 700") == 2


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_the_right_to_write_is_still_read(root: Path) -> None:
    cache.fetch("kind", "one", lambda: b"one")
    cache.folder("kind").chmod(0o500)
    try:
        assert cache.fetch("kind", "one", lambda: b"two") == b"one"
        assert fetch_twice("nothing is kept on disk") == 2
    finally:
        cache.folder("kind").chmod(0o700)


def test_an_entry_that_cannot_be_read_is_made(root: Path) -> None:
    cache.fetch("kind", "a key", lambda: b"content")
    path = entry(root)
    path.unlink()
    path.mkdir()
    assert fetch_twice("nothing is kept on disk") == 2


# -- several processes ------------------------------------------------------------------------------------------------

RACE = """
import sys
from spikelet import cache
sys.stdin.read(1)  # both begin when told
for number in range(200):
    content = bytes([number]) * 50_000
    assert cache.fetch("race", str(number), lambda: content) == content
print("done")
"""


def test_two_processes_may_make_the_same(root: Path) -> None:
    path = os.pathsep.join([str(SOURCE), os.environ.get("PYTHONPATH", "")])
    command = [sys.executable, "-W", "error", "-c", RACE]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    racers = [subprocess.Popen(command, env={**os.environ, "PYTHONPATH": path}, **pipes) for _ in range(2)]
    for racer in racers:
        assert racer.stdin is not None
        racer.stdin.write("!")
        racer.stdin.flush()
    for racer in racers:
        out, err = racer.communicate(timeout=120)
        assert (out, racer.returncode) == ("done\n", 0), err
    assert len(list((root / "race").iterdir())) == 200  # and no unfinished file
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert cache.fetch("race", "7", lambda: b"") == bytes([7]) * 50_000
