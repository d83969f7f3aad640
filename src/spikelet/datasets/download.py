"""Fetch the files of a data set: through pooch, with their checksums, continued where a connection broke."""

import hashlib
import http
import http.client
import urllib.error
import urllib.request
import zipfile
from pathlib import Path
from typing import Any

from spikelet.datasets.folder import data_folder
from spikelet.datasets.table import File, Source, find
from spikelet.errors import DataError
from spikelet.files import replacing, write_atomic

_BLOCK = 2**16  # bytes
_PATIENCE = 60  # seconds without a byte
_MOST = 2**36  # bytes that an archive may unpack to


def download(name: str, folder: Path | str | None = None) -> Path:
    """Fetch the files of a data set that are not there yet.

    A file that is there is left alone, and one whose connection broke is continued. A file takes its name only when its
    checksum is the one of the table. Where nobody has published one (fsdd), that of the first download is stored
    beside it, and the reader checks what is inside.

    Args:
        name: of `TABLE`.
        folder: where to put it; the default is the folder of that name in `data_folder`.

    Returns:
        The folder.

    Raises:
        InputError: no such data set.
        DataError: it has to be fetched by a person, cannot be reached, or is another file; pooch is not installed.
    """
    source = find(name)
    place = Path(folder) if folder is not None else data_folder() / source.name
    if not source.files:
        raise DataError(f"{name}: there is nothing to download; scikit-learn ships it: pip install 'spikelet[data]'")
    try:
        place.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"cannot make the folder {place}: {error.strerror or error}") from None
    for file in source.files:
        _get(source, file, place)
    return place


def _get(source: Source, file: File, place: Path) -> None:
    wanted = place / (file.unpacked or file.name)
    if wanted.exists():
        return
    if not file.url:
        raise DataError(
            f"{source.name}: {file.name} is given out on a page for people alone: {source.page}. Fetch it there and "
            f"put it into {place}"
        )
    path = place / file.name
    if not path.exists():
        _fetch(source, file, path)
    if file.unpacked is not None:
        _unpack(path, wanted)


def _fetch(source: Source, file: File, path: Path) -> None:
    """Fetch one file; what has arrived stays beside it until it is whole."""
    try:
        import pooch
    except ModuleNotFoundError as error:
        raise DataError(f"{source.name}: pooch is not installed: pip install 'spikelet[data]'") from error
    part = path.with_name(path.name + ".partial")
    pin = path.with_name(path.name + ".sha256")
    known = file.checksum or (f"sha256:{pin.read_text().strip()}" if pin.exists() else None)

    def continued(url: str, output: Any, _pooch: Any, **_: Any) -> None:
        _append(url, part)
        part.replace(str(output))

    try:
        pooch.retrieve(file.url, known, path.name, path.parent, downloader=continued)  # type: ignore[arg-type]  # its stub knows its own downloaders alone
    except (OSError, http.client.HTTPException) as error:
        raise DataError(
            f"{source.name}: cannot fetch {file.url} ({error}); call download again to go on with what has arrived"
        ) from error
    except ValueError as error:
        raise DataError(f"{source.name}: {file.url} is another file than it was: {error}") from error
    if file.checksum is None and not pin.exists():
        write_atomic(pin, (checksum(path, "sha256") + "\n").encode())


def _append(url: str, part: Path) -> None:
    """Fetch a file from where ``part`` ends, if the server can."""
    done = part.stat().st_size if part.exists() else 0
    headers = {"User-Agent": "spikelet"} | ({"Range": f"bytes={done}-"} if done else {})
    try:
        answer = urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=_PATIENCE)
    except urllib.error.HTTPError as error:
        if error.code == http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            return  # all of it has arrived before
        raise
    with answer:
        goes_on = answer.status == http.HTTPStatus.PARTIAL_CONTENT
        with part.open("ab" if goes_on else "wb") as file:
            while block := answer.read(_BLOCK):
                file.write(block)
        expected = int(answer.headers.get("Content-Length", 0)) + (done if goes_on else 0)
    if (arrived := part.stat().st_size) < expected:
        raise OSError(f"the connection broke after {arrived:,} of {expected:,} bytes")


def checksum(path: Path, kind: str) -> str:
    """Return the checksum of a file, ``kind`` being "md5" or "sha256"."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, kind).hexdigest()


def _unpack(archive: Path, wanted: Path) -> None:
    """Take one file out of a zip archive, complete or not at all."""
    try:
        with zipfile.ZipFile(archive) as opened, opened.open(wanted.name) as packed, replacing(wanted) as part:
            size = opened.getinfo(wanted.name).file_size
            if size > _MOST:
                raise DataError(f"{archive}: {wanted.name} declares {size:,} bytes")
            with part.open("wb") as file:
                while block := packed.read(_BLOCK):
                    file.write(block)
    except (zipfile.BadZipFile, KeyError, EOFError) as error:
        raise DataError(f"{archive}: does not hold {wanted.name} ({error})") from None
