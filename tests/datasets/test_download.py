"""Downloads: from a server in this process; nothing leaves this machine."""

import dataclasses
import hashlib
import http.server
import io
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from spikelet import datasets
from spikelet.datasets import table
from spikelet.datasets.download import checksum
from spikelet.errors import DataError, InputError

pytest.importorskip("pooch")

CONTENT = bytes(range(256)) * 5000
MD5 = f"md5:{hashlib.md5(CONTENT).hexdigest()}"


class Server(http.server.BaseHTTPRequestHandler):
    """Sends ``files``; breaks off after ``breaks`` bytes, as often as that has entries."""

    files: dict[str, bytes] = {}  # noqa: RUF012  # of the class: the server makes a handler for each request
    breaks: list[int] = []  # noqa: RUF012
    asked: list[str | None] = []  # noqa: RUF012
    ranges = True

    def do_GET(self) -> None:
        content = self.files.get(self.path)
        if content is None:
            return self.send_error(404)
        wanted = self.headers["Range"] if self.ranges else None
        self.asked.append(self.headers["Range"])
        first = int(wanted.removeprefix("bytes=").removesuffix("-")) if wanted else 0
        if wanted and first >= len(content):
            return self.send_error(416)
        self.send_response(206 if wanted else 200)
        self.send_header("Content-Length", str(len(content) - first))
        self.end_headers()
        self.wfile.write(content[first : first + self.breaks.pop(0)] if self.breaks else content[first:])
        return None

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Return the address of a server; the environment may name a proxy, which would not know it."""
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    Server.files, Server.breaks, Server.asked, Server.ranges = {"/a.bin": CONTENT}, [], [], True
    running = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server)
    threading.Thread(target=running.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{running.server_port}"
    running.shutdown()
    running.server_close()


@pytest.fixture
def offer(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """Return a function that puts a file into the table, under the name of a data set that exists."""
    monkeypatch.setenv("SPIKELET_DATA", str(tmp_path))

    def change(**file: str | None) -> None:
        row = dataclasses.replace(table.TABLE["shd"], files=(table.File(**file),))
        monkeypatch.setitem(table.TABLE, "shd", row)

    return change


def test_a_file_is_fetched_once(server: str, offer, tmp_path: Path) -> None:
    offer(name="a.bin", url=f"{server}/a.bin", checksum=MD5)
    assert datasets.download("shd") == tmp_path / "shd"
    assert (tmp_path / "shd" / "a.bin").read_bytes() == CONTENT
    datasets.download("shd")
    assert Server.asked == [None]
    assert [path.name for path in (tmp_path / "shd").iterdir()] == ["a.bin"]  # nothing is left beside it


def test_a_broken_connection_is_continued(server: str, offer, tmp_path: Path) -> None:
    offer(name="a.bin", url=f"{server}/a.bin", checksum=MD5)
    Server.breaks = [300_000, 500_000]
    for _ in range(2):
        with pytest.raises(DataError, match="call download again to go on with what has arrived"):
            datasets.download("shd")
        assert not (tmp_path / "shd" / "a.bin").exists()
    datasets.download("shd")
    assert (tmp_path / "shd" / "a.bin").read_bytes() == CONTENT
    assert Server.asked == [None, "bytes=300000-", "bytes=800000-"]


def test_a_server_that_cannot_continue_sends_all_of_it(server: str, offer, tmp_path: Path) -> None:
    offer(name="a.bin", url=f"{server}/a.bin", checksum=MD5)
    Server.breaks, Server.ranges = [300_000], False
    with pytest.raises(DataError, match="call download again"):
        datasets.download("shd")
    datasets.download("shd")
    assert (tmp_path / "shd" / "a.bin").read_bytes() == CONTENT


def test_another_file_is_refused_and_leaves_nothing(server: str, offer, tmp_path: Path) -> None:
    offer(name="a.bin", url=f"{server}/a.bin", checksum="md5:" + "0" * 32)
    with pytest.raises(DataError, match="is another file than it was"):
        datasets.download("shd")
    assert list((tmp_path / "shd").iterdir()) == []


def test_without_a_published_checksum_the_first_download_sets_it(server: str, offer, tmp_path: Path) -> None:
    offer(name="a.bin", url=f"{server}/a.bin", checksum=None)
    datasets.download("shd")
    pin = tmp_path / "shd" / "a.bin.sha256"
    assert pin.read_text() == hashlib.sha256(CONTENT).hexdigest() + "\n"
    (tmp_path / "shd" / "a.bin").unlink()
    Server.files = {"/a.bin": CONTENT[:-1]}
    with pytest.raises(DataError, match="is another file than it was"):
        datasets.download("shd")


def test_an_archive_is_unpacked(server: str, offer, tmp_path: Path) -> None:
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w") as archive:
        archive.writestr("a.h5", b"inside")
    Server.files = {"/a.zip": memory.getvalue(), "/b.zip": b"no archive"}
    offer(name="a.zip", url=f"{server}/a.zip", checksum=None, unpacked="a.h5")
    datasets.download("shd")
    assert (tmp_path / "shd" / "a.h5").read_bytes() == b"inside"
    (tmp_path / "shd" / "a.zip").unlink()
    datasets.download("shd")  # what it held is there
    offer(name="b.zip", url=f"{server}/b.zip", checksum=None, unpacked="b.h5")
    with pytest.raises(DataError, match=r"b\.zip: does not hold b\.h5"):
        datasets.download("shd")
    assert not (tmp_path / "shd" / "b.h5").exists()


def test_what_cannot_be_fetched(server: str, offer, tmp_path: Path) -> None:
    offer(name="b.bin", url=f"{server}/b.bin", checksum=MD5)
    with pytest.raises(DataError, match=r"shd: cannot fetch http.*/b\.bin \(HTTP Error 404"):
        datasets.download("shd")
    with pytest.raises(DataError, match=r"DvsGesture\.tar\.gz is given out on a page for people alone: https://"):
        datasets.download("dvs-gesture")
    with pytest.raises(DataError, match="digits: there is nothing to download; scikit-learn ships it"):
        datasets.download("digits")
    with pytest.raises(InputError, match="unknown data set 'nmist'; did you mean 'nmnist'"):
        datasets.download("nmist")


# -- the table --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("source", datasets.TABLE.values(), ids=datasets.TABLE)
def test_every_row_is_complete(source: datasets.Source) -> None:
    assert callable(getattr(datasets, source.reader)) and source.name in datasets.LOADERS
    assert source.page.startswith("http") and source.citation and source.licence and source.shape
    assert len(source.classes) in (10, 11, 20, 35) and len(set(source.classes)) == len(source.classes)
    assert {"train", "test"} <= set(source.counts)
    for file in source.files:
        kind, _, digits = (file.checksum or "md5:" + "0" * 32).partition(":")
        assert len(digits) == {"md5": 32, "sha256": 64}[kind] and int(digits, 16) >= 0
        assert file.url.startswith(("http://", "https://")) or source.name == "dvs-gesture"


def test_only_one_checksum_is_unknown() -> None:
    unknown = [file.name for source in datasets.TABLE.values() for file in source.files if file.checksum is None]
    assert unknown == ["recordings.tar.gz"]  # GitHub packs it anew; the reader checks the recordings themselves


@pytest.mark.parametrize("file", datasets.TABLE["mnist"].files, ids=lambda file: file.name)
def test_the_files_at_hand_have_the_checksums_of_the_table(data_folder: Path, file: datasets.File) -> None:
    path = data_folder / "mnist" / file.name
    if not path.exists():
        pytest.skip(f"data: {path} is missing")
    assert f"md5:{checksum(path, 'md5')}" == file.checksum
