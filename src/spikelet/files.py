"""Files that are, after a crash at any moment, either the old one or the new one."""

import contextlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from spikelet.errors import DataError


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield the path of a file to write, which takes the place of ``path`` when all of it is on the disk.

    Raises:
        DataError: the disk is full, the folder is not writable, ...; a file that stood there before is unharmed.
    """
    part = path.with_name(path.name + ".part")
    try:
        yield part
        with open(part, "rb+") as file:
            os.fsync(file.fileno())
        os.replace(part, path)
        _sync_folder(path.parent)
    except OSError as error:
        raise DataError(f"cannot write {path}: {error.strerror or error}; what stood there is kept") from error
    finally:
        with contextlib.suppress(OSError):
            part.unlink()


def write_atomic(path: Path, content: bytes) -> None:
    """Write a file as a whole.

    Args:
        path: the file; its folder must exist.
        content: all of its bytes.

    Raises:
        DataError: the disk is full, the folder is not writable, ...; a file that stood there before is unharmed.
    """
    with replacing(path) as part:
        part.write_bytes(content)


def _sync_folder(folder: Path) -> None:
    if os.name == "nt":  # there a folder cannot be opened
        return
    handle = os.open(folder, os.O_RDONLY)  # a rename is durable once its folder is
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
