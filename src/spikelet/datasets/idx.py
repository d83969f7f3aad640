"""Files of the form idx, as MNIST and its likes have them: a magic number, the shape, the numbers."""

import gzip
import math
import zlib
from pathlib import Path

import numpy as np

from spikelet.errors import DataError


def read_idx(path: Path, shape: tuple[int, ...]) -> np.ndarray:
    """Read an idx file of unsigned bytes, compressed or not, that must hold an array of ``shape``."""
    head = 4 + 4 * len(shape)
    expected = head + math.prod(shape)
    content = content_of(path, expected + 1)  # never more than one byte too many: a small file may unpack to gigabytes
    if len(content) < head or content[:2] != b"\0\0":
        raise DataError(f"{path}: not an idx file; it begins with {content[:12]!r}")
    if content[2:4] != bytes((8, len(shape))):
        raise DataError(
            f"{path}: expected an idx file of unsigned bytes with {len(shape)} axes (magic number "
            f"{0x800 + len(shape)}), found magic number {int.from_bytes(content[:4], 'big')}"
        )
    found = tuple(int(size) for size in np.frombuffer(content[4:head], ">u4"))
    if found != shape:
        raise DataError(f"{path}: holds an array of shape {found}, expected {shape}")
    if len(content) != expected:
        what = f"truncated after {len(content):,} of" if len(content) < expected else "longer than the expected"
        raise DataError(f"{path}: {what} {expected:,} bytes")
    return np.frombuffer(content, np.uint8, offset=head).reshape(shape).copy()


def content_of(path: Path, most: int) -> bytes:
    """Return at most ``most`` bytes, unpacked where the file is compressed, whatever its name says."""
    try:
        with path.open("rb") as file:
            compressed = file.read(2) == b"\x1f\x8b"
            file.seek(0)
            if not compressed:
                return file.read(most)
            with gzip.open(file) as unpacked:
                return unpacked.read(most)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(f"{path}: the compressed file is damaged or was not downloaded in full ({error})") from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error})") from None
