"""Recordings of real sensors: the counts that their publishers or other readers give."""

import hashlib

import pytest

from spikelet import events as ev

RECORDINGS = [  # format, file, size, events, first and last time, x, y, ON
    ("evt2", "evt2_sample.raw", (640, 480), 539_481, (1_317_888, 1_367_888), (60, 599), (18, 475), 367_855),
    ("evt3", "evt3_sample.raw", (1280, 720), 219_596, (11_718_656, 11_727_457), (0, 1279), (0, 719), 115_532),
    ("dat", "ncars_sample.dat", (78, 42), 2_009, (0, 99_952), (0, 77), (0, 41), 1_350),
    ("aedat2", "dvs_rotating_disk.aedat", (240, 180), 374_296, (341_678, 3_508_437), (0, 239), (0, 179), 163_098),
    ("aedat2", "dvs_translating_boxes.aedat", (240, 180), 162_771, (294976755, 297049406), (0, 239), (0, 179), 82_944),
    ("aedat4", "sample.aedat4", (320, 240), 111_954, (1605537493718345, 1605537494308262), (0, 319), (0, 239), 55_023),
    ("bs2", "spikes_3.bs2", (128, 128), 113_063, (2, 1_449_994), (0, 127), (0, 127), 55_396),
    ("bs2", "spikes_5.bs2", (128, 128), 181_179, (8, 1_449_984), (0, 127), (0, 127), 93_262),
    ("bs2", "spikes_8.bs2", (128, 128), 101_288, (10, 1_449_984), (0, 127), (0, 127), 50_762),
    ("rosbag", "event_camera_1.bag", (640, 480), 343_474, (7_139_845, 9_218_023), (0, 639), (0, 479), 125_183),
]  # fmt: skip
"""ON and OFF of the bag: tests of event_camera_py. The last time of the EVT 3.0 sample is that of the last words of$
its time, and what evlib reads. Expelliarmus adds 4,096 us at each fall of the low part and ends 45,056 us later."""

RECORDS = {"dvs_rotating_disk.aedat": 425_984, "dvs_translating_boxes.aedat": 196_608}
EVLIB = {  # SHA-256 of the columns t, x, y, p as read by evlib 0.13.2, int64 each
    "evt2_sample.raw": "076740c7ac710cc98883bc22f9931c4d8dcbc398dea194684402bfc8cf4b81e4",
    "evt3_sample.raw": "de1e457893b79519095f58ab171c474048d82da4c116c9fa3813e21aece5df25",
    "sample.aedat4": "c657d7ebb1942120808b26e0d6d07d1ae3d4b7578d56c0e2a12c9c59b5e5576f",
}


@pytest.mark.parametrize(("name", "file", "size", "count", "time", "x", "y", "on"), RECORDINGS)
def test_counts_of_a_recording(name, file, size, count, time, x, y, on, data_file):
    events = ev.read(data_file(f"events/{file}"))
    assert events.meta["format"] == name and (events.width, events.height) == size
    assert len(events) == count and events.in_order
    assert (int(events.t.min()), int(events.t.max())) == time
    assert (int(events.x.min()), int(events.x.max()), int(events.y.min()), int(events.y.max())) == (*x, *y)
    assert int(events.p.sum()) == on
    if file in RECORDS:
        assert events.meta["records"] == RECORDS[file]
    if name == "rosbag":
        assert events.meta["messages"] == 517


@pytest.mark.parametrize("file", EVLIB)
def test_every_event_is_the_one_that_another_reader_finds(file, data_file):
    events = ev.read(data_file(f"events/{file}"))
    columns = b"".join(events.data[name].astype("<i8").tobytes() for name in "txyp")
    assert hashlib.sha256(columns).hexdigest() == EVLIB[file]


def test_a_recording_goes_from_format_to_format(data_file, tmp_path):
    """A real recording through every writer, times from 0 so that they fit."""
    events = ev.shift(ev.read(data_file("events/spikes_8.bs2")))
    for entry in ev.FORMATS:
        if entry.encode:
            options = {"chip": "DVS128"} if entry.name == "aedat2" else {}
            path = tmp_path / f"a{entry.extensions[0]}"
            ev.write(path, events, entry.name, **options)
            assert (ev.read(path, entry.name).data == events.data).all(), entry.name
