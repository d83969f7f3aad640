"""Results that are expensive to make and cheap to keep, such as compiled kernels, in files named by their keys.

The folder is what the environment variable ``SPIKELET_CACHE`` names, else ``spikelet`` in the user's cache folder; each
kind of content has its own folder inside, which nobody else may enter, because what is read from it may be executed.
Files are written to one side and then renamed, so any number of processes may work with one folder. Each holds a
checksum, and one that does not agree with it is made anew. Deleting the folder costs nothing but time.
"""

import contextlib
import hashlib
import os
import stat
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path

from spikelet.errors import DataError

_warned = False


def folder(kind: str) -> Path:
    """Return the private folder of a kind of content; it is created where it is missing.

    Args:
        kind: name of the sub-folder.

    Raises:
        DataError: it cannot be created, belongs to another user, or others may read or write it.
    """
    path = _root() / kind
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            path.mkdir(mode=0o700)
        status = path.stat()
    except OSError as error:
        raise DataError(f"cache folder {path}: {error.strerror}; SPIKELET_CACHE may name another one") from error
    if not stat.S_ISDIR(status.st_mode):
        raise DataError(f"cache folder {path} is not a folder; SPIKELET_CACHE may name another one")
    _check_private(path, status)
    return path


def _root() -> Path:
    if named := os.environ.get("SPIKELET_CACHE"):
        return _home(Path(named)).absolute()
    cache = os.environ.get("XDG_CACHE_HOME")
    return (Path(cache) if cache else _home(Path("~/.cache"))).absolute() / "spikelet"


def _home(path: Path) -> Path:
    try:
        return path.expanduser()
    except RuntimeError as error:
        raise DataError(f"no cache folder: {error}; SPIKELET_CACHE may name one") from error


def _check_private(path: Path, status: os.stat_result) -> None:
    """Refuse a folder in which somebody else could leave a file for us to execute."""
    if not hasattr(os, "geteuid"):  # Windows: the user's profile is private by its access lists
        return
    if status.st_uid != os.geteuid():
        raise DataError(f"cache folder {path} belongs to another user; SPIKELET_CACHE may name another one")
    if status.st_mode & 0o077:
        raise DataError(f"cache folder {path} is open to other users: chmod 700 {path}")


def fetch(kind: str, key: str, make: Callable[[], bytes]) -> bytes:
    """Return what ``make()`` makes, from the disk where it has been made before.

    A folder that cannot be used costs one warning in the process; then everything is made anew.

    Args:
        kind: name of the sub-folder.
        key: a text of any length that determines the content.
        make: returns the content; called at most once.
    """
    name = hashlib.sha256(key.encode()).digest()
    try:
        path = folder(kind) / name.hex()
        content = _read(path, name)
    except OSError as error:
        _warn(error)
        return make()
    if content is None:
        content = make()
        try:
            _write(path, _checksum(name, content) + content)
        except OSError as error:
            _warn(error)
    return content


def _checksum(name: bytes, content: bytes) -> bytes:
    return hashlib.sha256(name + content).digest()


def _read(path: Path, name: bytes) -> bytes | None:
    """Return the content of a file, None where there is no file or not the one that was written."""
    try:
        whole = path.read_bytes()
    except FileNotFoundError:
        return None
    return whole[32:] if whole[:32] == _checksum(name, whole[32:]) else None


def _write(path: Path, whole: bytes) -> None:
    """Write a file in such a way that others see all of it or nothing."""
    handle, part = tempfile.mkstemp(dir=path.parent, prefix=path.name[:16], suffix=".part")
    try:
        with open(handle, "wb") as file:
            file.write(whole)
        os.replace(part, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(part)
        raise


def _warn(error: OSError) -> None:
    global _warned
    if not _warned:
        _warned = True
        warnings.warn(f"nothing is kept on disk: {error}", RuntimeWarning, stacklevel=3)
