"""Every format: files built from its description, its own writer, the table, and the errors of `read` and `write`."""

import bz2
import inspect
import io
import re
import struct
from pathlib import Path

import numpy as np
import pytest
from tests.events import fixtures

from spikelet import events as ev
from spikelet.errors import DataError, InputError, ShapeError
from spikelet.events import flatbuffer, hdf5, packages, rosbag
from spikelet.events.formats import BYTES, REAL

WRITERS = [entry.name for entry in ev.FORMATS if entry.encode]
OPTIONS = {"aedat2": {"chip": "DAVIS240"}, "aedat3": {"source": "DAVIS240C"}}


def rows(events: ev.Events) -> list[tuple[int, ...]]:
    return [tuple(int(value) for value in row) for row in events.data.tolist()]


def some(n: int = 5000, *, width: int = 200, height: int = 150, top: int = 8_000_000) -> ev.Events:
    r = np.random.default_rng(n)
    t = np.sort(r.integers(0, top, n))
    return ev.from_columns(t, r.integers(0, width, n), r.integers(0, height, n), r.integers(0, 2, n), (width, height))


# -- files built by hand ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", fixtures.FILES)
def test_a_file_built_from_the_description_is_read(name):
    events = ev.decode(fixtures.FILES[name](), name)
    assert rows(events) == fixtures.ROWS[name]
    known = name not in ("atis", "bs2")  # these have no header
    assert (events.width, events.height) == fixtures.SIZES[name]
    assert events.meta["size_known"] is known and events.meta["format"] == name


@pytest.mark.parametrize("name", fixtures.FILES)
def test_a_file_is_recognised_and_takes_a_size(name, tmp_path):
    extension = next(entry.extensions[0] for entry in ev.FORMATS if entry.name == name)
    path = tmp_path / f"recording{extension}"
    path.write_bytes(fixtures.FILES[name]())
    events = ev.read(path, size=(64, 48))
    assert events.meta["format"] == name and events.meta["path"] == str(path)
    assert (events.width, events.height) == (64, 48)
    with pytest.raises(DataError, match=re.escape(f"{path}: event 2: x is 33, up to 33; width is 20")):
        ev.read(path, size=(20, 48))


def test_aedat2_of_a_dvs128_has_another_layout():
    events = ev.decode(fixtures.aedat2_dvs128())
    assert rows(events) == fixtures.PLAIN and (events.width, events.height) == (128, 128)
    bare = fixtures.aedat2_dvs128().replace(b"# AEChip: ch.unizh.ini.jaer.chip.retina.DVS128\r\n", b"")
    with pytest.raises(DataError, match="names no chip .* chip=...\\) is one of DVS128"):
        ev.decode(bare)
    assert rows(ev.decode(bare, chip="DVS128")) == fixtures.PLAIN
    with pytest.raises(InputError, match="no chip 'DAVIS999' for AEDAT 2.0.*did you mean"):
        ev.decode(bare, chip="DAVIS999")


def test_the_only_compressions_of_aedat4_are_its_own():
    zstandard, frame = pytest.importorskip("zstandard"), pytest.importorskip("lz4.frame")
    content = fixtures.aedat4()
    at = content.rindex(struct.pack("<I", 16) + b"EVTS") - 4
    body = content[at:]
    for kind, pack in ((1, frame.compress), (4, zstandard.ZstdCompressor().compress)):
        packed = pack(body)
        whole = content[: at - 8].replace(struct.pack("<iiq", 16, 0, -1), struct.pack("<iiq", 16, kind, -1))
        whole = whole + struct.pack("<ii", 0, len(packed)) + packed
        assert rows(ev.decode(whole)) == fixtures.PLAIN
    wrong = content.replace(struct.pack("<iiq", 16, 0, -1), struct.pack("<iiq", 16, 9, -1))
    with pytest.raises(DataError, match="compression 9 is not one of AEDAT 4"):
        ev.decode(wrong)


def test_a_bomb_in_aedat4_is_not_unpacked():
    zstandard = pytest.importorskip("zstandard")
    content = fixtures.aedat4().replace(struct.pack("<iiq", 16, 0, -1), struct.pack("<iiq", 16, 3, -1))
    bomb = zstandard.ZstdCompressor().compress(b"\0" * 10_000_000)
    at = content.rindex(struct.pack("<I", 16) + b"EVTS") - 12
    with pytest.raises(DataError, match="unpacks to more than"):
        ev.decode(content[:at] + struct.pack("<ii", 0, len(bomb)) + bomb)


def test_recordings_of_shd(tmp_path):
    content = fixtures.spoken()
    first = ev.decode(content, recording=0)
    assert rows(first) == [(125_000, 3, 0, 1), (500_000, 699, 0, 1), (750_000, 0, 0, 1)]
    assert (first.width, first.height, first.meta["label"]) == (700, 1, 7)
    recordings, labels = ev.spoken(content)
    assert [rows(one) for one in recordings] == [rows(first), [(250_000, 12, 0, 1)]] and labels.tolist() == [7, 19]
    path = tmp_path / "shd.h5"
    path.write_bytes(ev.encode_spoken(recordings, labels))
    assert rows(ev.read(path, recording=1)) == rows(recordings[1])
    again, same = ev.spoken(str(path), [1, 0])
    assert [rows(one) for one in again] == [rows(one) for one in recordings[::-1]] and same.tolist() == [19, 7]
    with pytest.raises(InputError, match="recording must be from 0 to 1, not 2"):
        ev.decode(content, recording=2)
    with pytest.raises(InputError, match="many recordings"):
        ev.decode(content)
    with pytest.raises(InputError, match="keeps neither y nor p"):
        ev.encode_spoken([some(3)], [0])


def test_a_span_of_dsec_reads_these_times_only():
    pytest.importorskip("h5py")
    events = some(3000, top=500_000)
    content = ev.encode(events, "hdf5")
    whole = ev.decode(content)
    t = events.t - events.t[0]
    for span in ((0, 400_000), (120_345, 260_001), (400_000, 900_000), (7, 8)):
        part = hdf5.decode(content, span=span)
        assert rows(part) == rows(whole[(t >= span[0]) & (t < span[1])])


def test_bags_packed_by_bz2_and_lz4():
    frame = pytest.importorskip("lz4.frame")
    for name, pack in ((b"bz2", bz2.compress), (b"lz4", frame.compress)):
        assert rows(ev.decode(fixtures.rosbag(name, pack))) == fixtures.PLAIN
    with pytest.raises(DataError, match="a chunk is packed by 'zip', expected none, bz2 or lz4"):
        ev.decode(fixtures.rosbag(b"zip"))
    with pytest.raises(DataError, match="a chunk cannot be unpacked"):
        ev.decode(fixtures.rosbag(b"bz2"))
    with pytest.raises(DataError, match="a chunk unpacks to .* bytes, it claims"):
        ev.decode(fixtures.rosbag(b"bz2", lambda data: bz2.compress(data[:-1])))


def test_topics_of_a_bag():
    with pytest.raises(DataError, match=r"topics of events: \['/dvs/events'\]; topic='/else' names not one"):
        ev.decode(fixtures.rosbag(), topic="/else")
    assert rows(ev.decode(fixtures.rosbag(), topic="/dvs/events")) == fixtures.PLAIN
    with pytest.raises(DataError, match=r"topics of events: \[\]"):
        ev.decode(fixtures.rosbag().replace(b"dvs_msgs/EventArray", b"dvs_msgs/EventOther"))
    with pytest.raises(InputError, match="no writer"):
        ev.encode(some(3), "rosbag")


def test_messages_that_are_cut():
    with pytest.raises(DataError, match="truncated: a list of 6 elements in a message"):
        rosbag._array(fixtures.ros_message()[:-1])
    with pytest.raises(DataError, match="truncated: a message of 20 bytes ends inside of a field"):
        rosbag._array(fixtures.ros_message()[:20])


def test_evt3_counts_the_overflows_of_its_time():
    """24 bits overflow after 16.8 s; a high part that falls a little is no overflow."""
    head = b"% evt 3.0\n"
    words = [0x8FFF, 0x6FFF, 0x0001, 0x2005, 0x8000, 0x2006, 0x6001, 0x2007, 0x8001, 0x2008, 0x8000, 0x2009]
    events = ev.decode(head + struct.pack("<12H", *words))
    assert events.t.tolist() == [2**24 - 1, 2**24, 2**24 + 1, 2**24 + 4096, 2**24]
    events = ev.decode(b"% evt 2.0\n" + struct.pack("<4I", 0x8FFFFFFF, 0x10000801, 0x80000000, 0x10000801))
    assert events.t.tolist() == [(2**28 - 1) << 6, 2**34]


@pytest.mark.parametrize(
    ("plugin", "size"), [("hal_plugin_gen3_fx3", (640, 480)), ("hal_plugin_imx636_x", (1280, 720))]
)
def test_the_header_may_name_the_sensor_only(plugin, size):
    events = ev.decode(f"% evt 2.0\n% plugin_name {plugin}\n".encode() + struct.pack("<2I", 8 << 28, 1 << 28))
    assert (events.width, events.height) == size


# -- our writers ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", WRITERS)
def test_what_is_written_is_read(name, tmp_path):
    events = some()
    path = tmp_path / "recording"
    ev.write(path, events, name, **OPTIONS.get(name, {}))
    again = ev.read(path, name)
    assert (again.data == events.data).all() and len(again) == len(events)
    assert not list(tmp_path.glob("*.part"))


@pytest.mark.parametrize("name", WRITERS)
def test_no_events_are_a_recording_too(name):
    if name in ("atis", "bs2"):
        with pytest.raises(InputError, match="a recording of no events is an empty file"):
            ev.encode(some(0), name)
        with pytest.raises(DataError, match="empty"):
            ev.decode(b"", name)
        return
    again = ev.decode(ev.encode(some(0), name, **OPTIONS.get(name, {})), name)
    assert len(again) == 0


LONG = {"aedat3": 2**40, "aedat4": 2**55, "dat": 2**32 - 1, "evt2": 2**34 - 1, "npz": 2**62, "hdf5": 10**10}


@pytest.mark.parametrize("name", LONG)
def test_late_times_are_kept(name):
    start = LONG[name] - 3000
    events = ev.from_columns([start, start + 1, LONG[name]], [1, 2, 3], [3, 2, 1], [1, 0, 1], (128, 128))
    again = ev.decode(ev.encode(events, name), name)
    assert (again.data == events.data).all()


def test_evt3_bridges_pauses_its_counter_cannot_tell():
    """The counter of 24 bits turns over in 16.8 s; the pauses here are from one second to 100 s."""
    t = np.cumsum([0, 1, 10**6, 17 * 10**6, 34 * 10**6, 10**8, 0, 5])
    events = ev.from_columns(t, np.arange(8), np.arange(8), 1)
    assert (ev.decode(ev.encode(events, "evt3")).data == events.data).all()
    with pytest.raises(InputError, match="words to bridge pauses; events.shift helps"):
        ev.encode(ev.from_columns([10**16], [0], [0], 1), "evt3")


@pytest.mark.parametrize("compression", ["none", "lz4"])
def test_aedat4_in_several_packets(compression):
    events = some(45_000)
    content = ev.encode(events, "aedat4", compression=compression)
    assert (ev.decode(content).data == events.data).all()
    assert b"IOHE" in content[:40]


def test_our_flatbuffers_are_aligned_and_read_by_the_library_of_the_format():
    body = flatbuffer.packet(b"EVTS", b"\1" * 32, 2)
    assert len(body) % 8 == 0 and body.index(b"\1" * 32) % 8 == 0  # counted from the size on
    flatbuffers = pytest.importorskip("flatbuffers.table")
    table = flatbuffers.Table(bytearray(body[4:]), struct.unpack_from("<I", body, 4)[0])
    assert table.VectorLen(table.Offset(4)) == 2


TOO_MUCH = [
    ("atis", {"t": 2**23}, "ATIS .bin holds t from 0 to 8388607 us, but there is 8388608; events.shift moves times"),
    ("bs2", {"x": 256}, "SLAYER .bs2 holds x from 0 to 255, but there is 256"),
    ("atis", {"y": 240}, "y = 240 marks an overflow"),
    ("evt2", {"t": 2**34}, "EVT 2.0 holds t from 0 to 17179869183 us"),
    ("evt3", {"x": 2048}, "EVT 3.0 holds x from 0 to 2047, but there is 2048"),
    ("dat", {"t": -1}, "DAT holds t from 0 to 4294967295 us, but there is -1"),
    ("aedat2", {"x": 640}, "AEDAT 2.0 of a DAVIS640 holds x from 0 to 639"),
    ("aedat3", {"y": 480}, "AEDAT 3.1 of a DAVIS640 holds y from 0 to 479"),
    ("aedat4", {"x": 2**15}, "AEDAT 4 holds x from 0 to 32767"),
]


@pytest.mark.parametrize(("name", "column", "text"), TOO_MUCH)
def test_what_a_format_cannot_hold_is_refused(name, column, text):
    given = {"t": 5, "x": 5, "y": 5, "p": 1} | column
    events = ev.from_columns(*([given[key]] for key in "txyp"))
    with pytest.raises(InputError, match=re.escape(text)):
        ev.encode(events, name)


def test_events_out_of_order_are_refused_where_order_is_needed():
    events = ev.from_columns([5, 3], [0, 0], [0, 0], 1)
    for name in ("evt3", "hdf5"):
        with pytest.raises(InputError, match="in the order of time; events.sort"):
            ev.encode(events, name)


# -- read, write and the table ----------------------------------------------------------------------------------------


def test_the_table_of_the_documentation_is_the_table_of_the_code():
    text = (Path(__file__).parents[2] / "docs" / "events.md").read_text()
    assert ev.table() in text, "put the text of spikelet.events.table() into docs/events.md"


def test_the_table_says_what_is_tested():
    """Formats that are marked as tested on a recording are those of test_events_real.py; the others are built here."""
    real = (Path(__file__).parent / "test_events_real.py").read_text()
    names = {entry.name for entry in ev.FORMATS if entry.tested == REAL}
    assert names == set(re.findall(r'^    \("(\w+)", "', real, re.M))
    assert {entry.name for entry in ev.FORMATS if entry.tested == BYTES} <= set(fixtures.FILES)


def test_names_and_options_have_neighbours(tmp_path):
    path = tmp_path / "a.raw"
    path.write_bytes(fixtures.evt3())
    with pytest.raises(InputError, match="no format 'evt33', expected .*did you mean 'evt3'"):
        ev.read(path, format="evt33")
    with pytest.raises(InputError, match="evt3 has no option 'sise', expected size; did you mean 'size'"):
        ev.read(path, sise=(3, 4))
    with pytest.raises(InputError, match="'.raw' may be evt2 or evt3: write\\(..., format=...\\) says which$"):
        ev.write(path, some(3))
    with pytest.raises(InputError, match="'.bag' is of ROS 1 bag .*, which has a reader alone; use one of .aedat, "):
        ev.write(tmp_path / "a.bag", some(3))
    with pytest.raises(InputError, match="'.aedat5' is none of .*did you mean '.aedat'"):
        ev.write(tmp_path / "a.aedat5", some(3))
    with pytest.raises(InputError, match="compression must be 'none' or 'lz4', not 'gzip'"):
        ev.encode(some(3), "aedat4", compression="gzip")
    assert path.read_bytes() == fixtures.evt3()


def test_files_that_are_none(tmp_path):
    with pytest.raises(DataError, match="nothing.raw: cannot be read .No such file"):
        ev.read(tmp_path / "nothing.raw")
    path = tmp_path / "a.xyz"
    path.write_bytes(b"hello")
    with pytest.raises(DataError, match="a.xyz: of no format that is known; it begins with b'hello'"):
        ev.read(path)


def test_a_missing_package_is_named(monkeypatch):
    def fail(name):
        raise ImportError(name)

    monkeypatch.setattr(packages, "import_module", fail)
    with pytest.raises(DataError, match=r"HDF5 needs h5py, which is not installed: pip install 'spikelet\[events\]'"):
        ev.decode(b"\x89HDF\r\n\x1a\n")


# -- the events themselves --------------------------------------------------------------------------------------------


def test_events_refuse_what_is_none():
    with pytest.raises(InputError, match="event 1: x is 7, up to 7; width is 7"):
        ev.from_columns([0, 1], [6, 7], [0, 0], 1, (7, 7))
    with pytest.raises(InputError, match="event 0: polarity is 2"):
        ev.from_columns([0], [0], [0], 2)
    with pytest.raises(InputError, match="polarity is -1"):
        ev.from_columns([0], [0], [0], -1)
    with pytest.raises(ShapeError, match="x has shape \\(1,\\), t \\(2,\\)"):
        ev.from_columns([0, 1], [0], [0, 0], 1)
    with pytest.raises(InputError, match="t must hold whole numbers"):
        ev.from_columns([0.5], [0], [0], 1)
    with pytest.raises(InputError, match="x must hold whole numbers from 0 to 65535"):
        ev.from_columns([0], [-1], [0], 1)
    with pytest.raises(ShapeError, match="must be a column of"):
        ev.Events(np.zeros(3), 4, 4)
    with pytest.raises(InputError, match="width must be a whole number above 0, not 0"):
        ev.Events(np.zeros(0, ev.EVENT), 0, 4)


def test_rows_of_events_are_events():
    events = some(100)
    assert len(events[10:20]) == 10 and events[events.p == 1].p.all()
    assert rows(events[[3, 1]]) == [rows(events)[3], rows(events)[1]]
    with pytest.raises(InputError, match="would be one row"):
        events[3]
    assert repr(events) == f"Events(100 of 200 x 150, {events.duration / 1e6:g} s)"


def test_sort_keeps_the_order_of_equal_times():
    events = ev.from_columns([3, 1, 3, 1], [0, 1, 2, 3], [0, 0, 0, 0], 1)
    assert not events.in_order and rows(ev.sort(events)) == [(1, 1, 0, 1), (1, 3, 0, 1), (3, 0, 0, 1), (3, 2, 0, 1)]
    assert ev.sort(ev.sort(events)).in_order


def test_the_example_of_the_documentation_runs():
    text = (Path(__file__).parents[2] / "docs" / "events.md").read_text()
    (block,) = re.findall(r"^```python\n(.*?)^```", text, re.M | re.S)
    space: dict = {}
    exec(block, space)
    assert space["windows"].dropped == 0 and len(space["windows"]) == 4
    assert space["frames"].shape == (4, 2, 8, 10) and space["frames"].sum() == len(space["clean"]) > 100
    assert (space["again"].data == space["clean"].data).all()


def test_every_function_stands_in_the_documentation():
    text = (Path(__file__).parents[2] / "docs" / "events.md").read_text()
    public = [name for name, value in vars(ev).items() if callable(value) and not name.startswith("_")]
    internal = {"Format", "Flow", "from_columns", "log_intensity", "encode_spoken"}
    assert [name for name in public if name not in internal and f"`{name}" not in text] == []


def test_the_tables_of_the_documentation_name_what_there_is():
    """Each call in the tables of transforms and of arrays has the parameters of the function."""
    text = (Path(__file__).parents[2] / "docs" / "events.md").read_text()
    text = text[text.index("## Change") : text.index("## The DVS pixel")]
    cells = re.findall(r"^\| (`.*?`) \|(?! *gives)", text.replace(r"\|", "or"), re.M)
    assert len(cells) >= 20
    for cell in cells:
        shared = re.search(r"`\(([^)]*)\)`", cell)  # several names that take the same
        for name, own in re.findall(r"`(\w+)(?:\((.*?)\))?`", cell):
            given = [part.split("=")[0].strip() for part in (own or (shared[1] if shared else "")).split(",")]
            known = list(inspect.signature(getattr(ev, name)).parameters)
            named = [part for part in given[1:] if part.isidentifier()]
            assert set(named) <= set(known), f"{name}: {set(named) - set(known)} in docs/events.md"


def test_recordings_packed_by_blosc():
    """Recordings of DSEC are packed by Blosc."""
    h5py, plugin = pytest.importorskip("h5py"), pytest.importorskip("hdf5plugin")
    memory, columns = io.BytesIO(), np.array(fixtures.PLAIN)
    with h5py.File(memory, "w") as file:
        for i, name in enumerate("txyp"):
            file.create_dataset(f"events/{name}", data=columns[:, i], chunks=(3,), **plugin.Blosc())
    assert rows(ev.decode(memory.getvalue())) == fixtures.PLAIN
