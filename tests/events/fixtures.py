"""Small files of each format, put together byte by byte from the description of the format, and what they hold.

Nothing here uses the writers of `spikelet.events`: structs are packed by hand, each with its fields in the order of the
document. ``FILES`` maps a format to its bytes, ``ROWS`` to its events (t, x, y, p), ``SIZES`` to the sensor.
"""

import io
import struct
import zipfile

PLAIN = [(10, 3, 5, 1), (10, 0, 0, 0), (75, 33, 33, 1), (1000, 12, 7, 0), (4096, 33, 0, 1), (8000, 1, 31, 0)]
"""Events that every format can hold."""


def aedat2_davis() -> bytes:
    """iniVation, AEDAT 2.0: big-endian; DAVIS: bit 31 no event, y from bit 22, x from bit 12, polarity bit 11."""
    head = b"#!AER-DAT2.0\r\n# created by hand\r\n# AEChip: eu.seebetter.ini.chips.davis.DAVIS240C\r\n"
    body = b"".join(struct.pack(">II", y << 22 | x << 12 | p << 11, t) for t, x, y, p in PLAIN)
    frame = struct.pack(">II", 1 << 31 | 5 << 12, 2000)  # a sample of a frame
    trigger = struct.pack(">II", 1 << 10, 2001)  # an external input
    return head + body[:24] + frame + trigger + body[24:]


def aedat2_dvs128() -> bytes:
    """DVS128: y from bit 8, x from bit 1, polarity bit 0 (1 = ON), bit 15 an external event."""
    head = b"#!AER-DAT2.0\r\n# AEChip: ch.unizh.ini.jaer.chip.retina.DVS128\r\n"
    rows = [struct.pack(">II", y << 8 | x << 1 | p, t) for t, x, y, p in PLAIN]
    return head + b"".join([*rows[:2], struct.pack(">II", 1 << 15, 11), *rows[2:]])


def aedat3() -> bytes:
    """AEDAT 3.1: little-endian packets of 28 bytes of head; an invalid event, and a packet of another kind between."""
    head = b"#!AER-DAT3.1\r\n#Format: RAW\r\n#Source 1: DVS128\r\n#Start-Time: 2016-01-01 00:00:00 (TZ+0000)\r\n"

    def polarity(t: int, x: int, y: int, p: int, valid: int = 1) -> bytes:
        return struct.pack("<Ii", x << 17 | y << 2 | p << 1 | valid, t)

    first = [polarity(*row) for row in PLAIN[:3]] + [polarity(80, 1, 1, 1, valid=0)]
    special = struct.pack("<hhiiiiii", 0, 1, 8, 4, 0, 1, 1, 1) + struct.pack("<Ii", 1 << 1 | 1, 90)
    second = [polarity(*row) for row in PLAIN[3:]]
    packets = [struct.pack("<hhiiiiii", 1, 1, 8, 4, 0, 6, 4, 3), *first, special]
    packets += [struct.pack("<hhiiiiii", 1, 1, 8, 4, 0, 3, 3, 3), *second]
    return head + b"#!END-HEADER\r\n" + b"".join(packets)


def aedat4() -> bytes:
    """AEDAT 4 without compression: a FlatBuffer IOHeader, then a packet of a stream of events and one of another."""
    attributes = b'<attr key="typeIdentifier" type="string">%s</attr>'
    sizes = b'<node name="info"><attr key="sizeX" type="int">34</attr><attr key="sizeY" type="int">34</attr></node>'
    streams = b'<node name="0">' + attributes % b"EVTS" + sizes + b'</node><node name="1">' + attributes % b"IMUS"
    xml = b'<dv version="2.0"><node name="outInfo">' + streams + b"</node></node></dv>"
    # root at 28, letters, list of fields at 12 (length 10, table of 24 bytes, fields at 4, 8 and 16), table, text
    fields = struct.pack("<I4s4x5H6x", 28, b"IOHE", 10, 24, 4, 8, 16)
    table = struct.pack("<iiqI4x", 28 - 12, 0, -1, 8) + struct.pack("<I", len(xml)) + xml
    header = fields + table
    events = b"".join(struct.pack("<qhhb3x", t, x, y, p) for t, x, y, p in PLAIN)
    packet = struct.pack("<I4s", 16, b"EVTS") + struct.pack("<HHH2x", 6, 8, 4) + struct.pack("<iI", 8, 4)
    packet += struct.pack("<I", len(PLAIN)) + events
    packet = struct.pack("<I", len(packet)) + packet
    other = struct.pack("<ii", 1, 4) + b"IMUS"
    start = b"#!AER-DAT4.0\r\n" + struct.pack("<I", len(header)) + header
    return start + other + struct.pack("<ii", 0, len(packet)) + packet


def dat() -> bytes:
    """Prophesee DAT: text, type 12 (CD), 8 bytes an event: time, then x (14 bits), y (14 bits), polarity (4 bits)."""
    head = b"% Data file containing CD events\n% Version 2\n% Width 34\n% Height 34\n"
    return head + b"\x0c\x08" + b"".join(struct.pack("<II", t, p << 28 | y << 14 | x) for t, x, y, p in PLAIN)


def evt2() -> bytes:
    """EVT 2.0: words of 32 bits, kind in the upper four: 8 high time, 0 OFF, 1 ON, 10 trigger, 14 others."""
    words, high = [0xE0000000], None
    for t, x, y, p in PLAIN:
        if t >> 6 != high:
            high = t >> 6
            words.append(8 << 28 | high)
        words.append(p << 28 | (t & 63) << 22 | x << 11 | y)
    words.append(10 << 28 | 1)
    return b"% evt 2.0\n% geometry 34x34\n% end\n" + struct.pack(f"<{len(words)}I", *words)


def evt3() -> bytes:
    """EVT 3.0: words of 16 bits; the last two events come as a vector of 12 and one of 8 neighbours."""
    words = [2 << 12 | 5]  # an event before any time: nobody knows when it was
    for t, x, y, p in PLAIN[:-1]:
        words += [8 << 12 | t >> 12, 6 << 12 | t & 0xFFF, y, 2 << 12 | p << 11 | x]
    t, x, y, p = PLAIN[-1]
    words += [8 << 12 | t >> 12, 6 << 12 | t & 0xFFF, y]
    words += [3 << 12 | p << 11 | 0, 4 << 12 | 1 << x | 1 << 11, 5 << 12 | 1 << 0 | 1 << 7]  # base 0, then base 12
    words += [10 << 12 | 1, 7 << 12, 14 << 12, 15 << 12]
    return b"% evt 3.0\n% format EVT3;height=34;width=34\n% end\n" + struct.pack(f"<{len(words)}H", *words)


def five_bytes(rows: list[tuple[int, int, int, int]]) -> bytes:
    """ATIS .bin and SLAYER .bs2: x, y, polarity in the upper bit of the 23 bits of time, big-endian."""
    return b"".join(bytes((x, y)) + struct.pack(">I", p << 23 | t)[1:] for t, x, y, p in rows)


def npz() -> bytes:
    """An .npz is a zip of .npy files: magic, version, length of the header, a text, then the numbers."""

    def npy(kind: str, numbers: list[int], scalar: bool = False) -> bytes:
        shape = "()" if scalar else f"({len(numbers)},)"
        text = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}"
        text = text.ljust(117) + "\n"
        code = {"<i8": "q", "<u2": "H", "|i1": "b"}[kind]
        return (
            b"\x93NUMPY\x01\x00"
            + struct.pack("<H", 118)
            + text.encode()
            + struct.pack(f"<{len(numbers)}{code}", *numbers)
        )

    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w", zipfile.ZIP_DEFLATED) as archive:
        for i, (name, kind) in enumerate((("t", "<i8"), ("x", "<u2"), ("y", "<u2"), ("p", "|i1"))):
            archive.writestr(f"{name}.npy", npy(kind, [row[i] for row in PLAIN]))
        for name in ("width", "height"):
            archive.writestr(f"{name}.npy", npy("<i8", [34], scalar=True))
    return memory.getvalue()


def dsec() -> bytes:
    """DSEC: columns, times from an offset, first row of each millisecond."""
    import h5py
    import numpy as np

    memory = io.BytesIO()
    columns = np.array(PLAIN)
    with h5py.File(memory, "w") as file:
        for i, name in enumerate("txyp"):
            file[f"events/{name}"] = columns[:, i] - (10 if name == "t" else 0)
        file["t_offset"] = 10
        file["ms_to_idx"] = np.searchsorted(columns[:, 0] - 10, np.arange(9) * 1000).astype(np.uint64)
        file.attrs["width"], file.attrs["height"] = 34, 34
    return memory.getvalue()


def spoken() -> bytes:
    """SHD and SSC: lists of times [s] and of units of each recording, and labels; times are half-precision there."""
    import h5py
    import numpy as np

    memory = io.BytesIO()
    with h5py.File(memory, "w") as file:
        for name, kind, lists in (
            ("times", np.float16, ([0.125, 0.5, 0.75], [0.25])),
            ("units", np.uint16, ([3, 699, 0], [12])),
        ):
            column = file.create_dataset(f"spikes/{name}", (2,), h5py.vlen_dtype(kind))
            for i, values in enumerate(lists):
                column[i] = np.array(values, kind)
        file["labels"] = np.array([7, 19])
    return memory.getvalue()


def ros_message(rows: list[tuple[int, int, int, int]] = PLAIN) -> bytes:
    """dvs_msgs/EventArray: header (sequence, time, name), height, width, then 13 bytes an event."""
    start = struct.pack("<IIII", 1, 2, 3, 3) + b"cam" + struct.pack("<III", 34, 34, len(rows))
    return start + b"".join(struct.pack("<HHIIB", x, y, 0, t * 1000, p) for t, x, y, p in rows)


def ros_record(op: int, data: bytes, **fields: bytes) -> bytes:
    """A record of a bag: its header, of fields with their lengths, and its data, with their lengths."""
    entries = [b"op=" + bytes((op,)), *(name.encode() + b"=" + value for name, value in fields.items())]
    header = b"".join(struct.pack("<I", len(entry)) + entry for entry in entries)
    return struct.pack("<I", len(header)) + header + struct.pack("<I", len(data)) + data


def rosbag(compression: bytes = b"none", pack=lambda data: data) -> bytes:
    """A bag with one chunk: a connection, two messages, the later one first, and one message of something else."""

    def connection(number: int, topic: bytes, kind: bytes) -> bytes:
        entries = [b"topic=" + topic, b"type=" + kind, b"md5sum=0", b"message_definition=Header header"]
        data = b"".join(struct.pack("<I", len(entry)) + entry for entry in entries)
        return ros_record(7, data, conn=struct.pack("<I", number), topic=topic)

    def message(number: int, time: tuple[int, int], raw: bytes) -> bytes:
        return ros_record(2, raw, conn=struct.pack("<I", number), time=struct.pack("<II", *time))

    chunk = connection(0, b"/dvs/events", b"dvs_msgs/EventArray") + connection(1, b"/imu", b"sensor_msgs/Imu")
    chunk += message(0, (3, 5), ros_message(PLAIN[3:])) + message(1, (1, 0), b"imu")
    chunk += message(0, (2, 900), ros_message(PLAIN[:3]))
    start = ros_record(3, b" " * 20, index_pos=bytes(8), conn_count=bytes(4), chunk_count=bytes(4))
    packed = ros_record(5, pack(chunk), compression=compression, size=struct.pack("<I", len(chunk)))
    return b"#ROSBAG V2.0\n" + start + packed


ATIS = [*PLAIN[:4], (0, 0, 240, 0), *PLAIN[4:]]
"""With one overflow of the time before the fifth event."""

FILES = {
    "aedat2": aedat2_davis, "aedat3": aedat3, "aedat4": aedat4, "dat": dat, "evt2": evt2, "evt3": evt3,
    "atis": lambda: five_bytes(ATIS), "bs2": lambda: five_bytes(PLAIN), "hdf5": dsec, "npz": npz,
    "rosbag": rosbag,
}  # fmt: skip
_LAST = PLAIN[-1]
ROWS = {name: PLAIN for name in FILES} | {
    "evt3": [*PLAIN[:-1], _LAST, (_LAST[0], 11, 31, 0), (_LAST[0], 12, 31, 0), (_LAST[0], 19, 31, 0)],
    "atis": [*PLAIN[:4], *((t + 8192, x, y, p) for t, x, y, p in PLAIN[4:])],
}
SIZES = dict.fromkeys(FILES, (34, 34)) | {"aedat2": (240, 180), "aedat3": (128, 128)}
