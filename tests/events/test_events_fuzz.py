"""Damaged and hostile files: what is read is events or a `DataError`, and memory stays in proportion to the file."""

import struct
import tracemalloc

import numpy as np
import pytest
from tests.events import fixtures

from spikelet import events as ev
from spikelet.errors import DataError

EDGES = np.array([0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF], np.uint64)


def mutated(content: bytes, r: np.random.Generator) -> bytes:
    """Return a file with one to four changes: bytes, numbers of a field's size, a cut, a piece twice or taken out."""
    data = bytearray(content)
    for _ in range(r.integers(1, 5)):
        if not data:
            break
        at, kind = int(r.integers(len(data))), int(r.integers(6))
        if kind == 0:
            data[at] = int(r.integers(256))
        elif kind == 1:
            data[at] ^= 1 << int(r.integers(8))
        elif kind == 2:
            word = struct.pack("<Q", int(r.choice(EDGES)))[: int(r.choice([1, 2, 4, 8]))]
            data[at : at + len(word)] = word
        elif kind == 3:
            del data[at:]
        elif kind == 4:
            data[at:at] = data[at : at + int(r.integers(1, 40))]
        else:
            del data[at : at + int(r.integers(1, 40))]
    return bytes(data)


def survive(name: str, count: int) -> int:
    """Read mutated files; return how many of them are still events."""
    content, fine = fixtures.FILES[name](), 0
    r = np.random.default_rng(list(name.encode()))
    for _ in range(count):
        given = mutated(content, r)
        try:
            events = ev.decode(given, name)
        except DataError as error:
            assert str(error)
            continue
        assert len(events) <= 12 * len(given)
        fine += 1
    return fine


@pytest.mark.parametrize("name", fixtures.FILES)
def test_two_thousand_mutated_files(name):
    assert 0 < survive(name, 2000) < 2000


@pytest.mark.parametrize("name", fixtures.FILES)
def test_memory_of_mutated_files(name):
    survive(name, 1)  # compiles what there is to compile
    tracemalloc.start()
    survive(name, 200 if name != "hdf5" else 50)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1e6


@pytest.mark.parametrize("name", fixtures.FILES)
def test_every_cut_of_a_file(name):
    """No cut gives events that are not in the file, and each format that says how long it is sees that it was cut."""
    content = fixtures.FILES[name]()
    whole = fixtures.ROWS[name]
    step = 1 if len(content) < 1000 else len(content) // 97
    for length in range(0, len(content), step):
        try:
            events = ev.decode(content[:length], name)
        except DataError:
            continue
        assert events.data.tolist() == whole[: len(events)]


DECLARED = [
    (
        "aedat3",
        lambda c: c.replace(struct.pack("<iii", 6, 4, 3), struct.pack("<iii", 2**31 - 1, 2**31 - 1, 3)),
        "truncated",
    ),
    ("aedat4", lambda c: c.replace(struct.pack("<ii", 0, 128), struct.pack("<ii", 0, 2**31 - 1)), "truncated"),
    (
        "aedat4",
        lambda c: c.replace(struct.pack("<I", 6), struct.pack("<I", 2**31)),
        "a vector of 2,147,483,648 elements",
    ),
    ("aedat4", lambda c: c.replace(b"<dv", b'<!DOCTYPE x [<!ENTITY a "aaaa">]><dv'), "has declarations|IOHE|truncated"),
    ("dat", lambda c: c.replace(b"\x0c\x08", b"\x0c\x10"), "events of type 12 with 16 bytes"),
    ("evt2", lambda c: c.replace(b"34x34", b"5x5"), "event 0: x|event .* is .*; width is 5"),
    ("evt2", lambda c: c.replace(b"34x34", b"0x34"), "width must be a whole number above 0"),
    ("evt2", lambda c: c.replace(b"34x34", b"99999x34"), "width must be at most 65536"),
    ("evt3", lambda c: c + b"\x00\x10", "is 0x1000, of a kind that evt3 does not have"),
]


@pytest.mark.parametrize(("name", "change", "text"), DECLARED)
def test_what_a_file_declares_is_compared_with_its_size(name, change, text):
    content = change(fixtures.FILES[name]())
    assert content != fixtures.FILES[name]()
    tracemalloc.start()
    with pytest.raises(DataError, match=text):
        ev.decode(content, name)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2e6


def test_a_bomb_in_an_npz_is_not_unpacked():
    import io
    import zipfile

    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w", zipfile.ZIP_BZIP2) as archive:
        archive.writestr("t.npy", b"\0" * 10_000_000)
    tracemalloc.start()
    with pytest.raises(DataError, match="'t.npy' claims 10,000,000 bytes in a file of"):
        ev.decode(memory.getvalue())
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2e6


def test_an_npz_cannot_carry_objects():
    import io
    import pickle
    import zipfile

    body = pickle.dumps([1])
    text = b"{'descr': '|O', 'fortran_order': False, 'shape': (1,), }".ljust(117) + b"\n"
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w") as archive:
        archive.writestr("t.npy", b"\x93NUMPY\x01\x00" + struct.pack("<H", 118) + text + body)
    with pytest.raises(DataError, match="an array of object, expected whole numbers"):
        ev.decode(memory.getvalue())


def test_an_hdf5_column_that_claims_more_than_the_file():
    import io

    h5py = pytest.importorskip("h5py")
    memory = io.BytesIO()
    with h5py.File(memory, "w") as file:
        for name in "xyp":
            file.create_dataset(f"events/{name}", (10**12,), np.uint16, chunks=(1000,))
        file.create_dataset("events/t", (10**12,), np.int64, chunks=(1000,))
    with pytest.raises(DataError, match="events/t claims 1,000,000,000,000 entries in a file of"):
        ev.decode(memory.getvalue())


def test_mutated_lists_of_recordings():
    """SHD and SSC; some damages make the library go round for ever, if it is let."""
    content, fine = fixtures.spoken(), 0
    r = np.random.default_rng(8)
    for _ in range(200):
        try:
            recordings, labels = ev.spoken(mutated(content, r))
        except DataError:
            continue
        assert len(recordings) == len(labels) and sum(map(len, recordings)) <= len(content)
        fine += 1
    assert 0 < fine < 200


def test_a_list_that_claims_more_than_the_file():
    content = fixtures.spoken()
    heap = content.index(b"GCOL")
    entry = struct.pack("<IQ", 3, heap)  # length and place of the first list
    with pytest.raises(DataError, match="recording 0 claims 4,294,967,295 entries"):
        ev.decode(content.replace(entry, struct.pack("<IQ", 2**32 - 1, heap)), recording=0)
    with pytest.raises(DataError, match="nothing of that kind is there"):
        ev.decode(content.replace(entry, struct.pack("<IQ", 3, heap + 8)), recording=0)
    broken = bytearray(content)
    broken[heap + 16 + 8 : heap + 16 + 16] = struct.pack("<Q", 2**63)  # size of the first list of the collection
    with pytest.raises(DataError, match="a list of 9,223,372,036,854,775,808 bytes, but"):
        ev.decode(bytes(broken), recording=0)
