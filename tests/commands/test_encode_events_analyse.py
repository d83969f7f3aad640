"""``spikelet encode``, ``events``, ``analyse``: what they print, write and draw, and what they say about bad files."""

import json
from pathlib import Path

import numpy as np
import pytest

from spikelet import audio, encode, events
from spikelet.audio import wav_bytes
from spikelet.cli import main
from spikelet.commands.encode import _KINDS


def printed(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    assert main([str(argument) for argument in arguments]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    return out


def numbers(capsys: pytest.CaptureFixture[str], *arguments: object) -> dict:
    return json.loads(printed(capsys, *arguments, "--json"))


def complaint(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    assert main([str(argument) for argument in arguments]) == 2
    return capsys.readouterr().err


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    """An image of four pixels, a tone and two signals."""
    image = pytest.importorskip("matplotlib.image")
    grey = np.array([[0, 51], [102, 255]], np.uint8)
    image.imsave(tmp_path / "a.png", grey, cmap="gray", vmin=0, vmax=255)
    tone = 0.5 * np.sin(2 * np.pi * 0.5 * np.arange(1600) / 8)
    (tmp_path / "a.wav").write_bytes(wav_bytes(tone, 8.0))
    rows = "\n".join(f"{np.sin(k / 5)},{k / 20}" for k in range(40))
    (tmp_path / "a.csv").write_text("angle,ramp\n" + rows + "\n")
    return {"image": tmp_path / "a.png", "sound": tmp_path / "a.wav", "table": tmp_path / "a.csv"}


def test_an_image(files: dict[str, Path], capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    out = tmp_path / "s.npz"
    found = numbers(capsys, "encode", files["image"], "--with", "bernoulli", "--steps", 50, "--seed", 3, "--out", out)
    x = np.array([[[0, 51], [102, 255]]]) / 255
    expected = encode.bernoulli(x, 50, seed=3)
    assert found["spikes"] == int(expected.sum()) and found["shape"] == [2, 2] and found["steps"] == 50
    assert found["rate_hz"] == pytest.approx(1000 * expected.mean())
    with np.load(out) as stored:
        step, ids = np.nonzero(expected.reshape(50, 4))
        assert (stored["times"] == step + 1).all() and (stored["ids"] == ids).all()
        assert (stored["n"], stored["stop"]) == (4, 50)


def test_rates_and_steps_have_units(files: dict[str, Path], capsys: pytest.CaptureFixture[str]) -> None:
    """The white pixel fires at --rate, the others in proportion: 0, 0.2, 0.4 and 1 of 500 Hz."""
    arguments = ("encode", files["image"], "--with", "periodic", "--rate", "0.5kHz", "--dt", "500us", "--steps", 2000)
    assert numbers(capsys, *arguments)["rate_hz"] == pytest.approx(500 * 1.6 / 4, rel=0.01)


def test_a_sound(files: dict[str, Path], capsys: pytest.CaptureFixture[str]) -> None:
    found = numbers(capsys, "encode", files["sound"], "--dt", "5ms", "--channels", 16)
    sound = audio.read_wav(files["sound"])
    assert found["encoder"] == "cochlea" and found["shape"] == [16] and found["steps"] == 40
    assert found["spikes"] == int(audio.cochlea(sound.samples, 8.0, 5.0, bank=16).sum()) > 0


def test_signals(files: dict[str, Path], capsys: pytest.CaptureFixture[str]) -> None:
    x = np.array([[np.sin(k / 5), k / 20] for k in range(40)])[:, None]
    found = numbers(capsys, "encode", files["table"], "--threshold", 0.2)
    spikes = encode.step_forward(x, 0.2)
    assert found["spikes"] == int(np.abs(spikes).sum()) and found["negative"] == int((spikes < 0).sum()) > 0
    text = printed(capsys, "encode", files["table"], "--threshold", 0.2)
    assert text.splitlines()[0] == f"{files['table']}: table as step_forward"
    assert f"{found['spikes']:,} spikes, {found['negative']:,} of them negative of 2 neurons in 40 steps" in text


EVERY = [(kind, name) for kind, names in dict(_KINDS.values()).items() for name in names]


@pytest.mark.parametrize("kind, name", EVERY)
def test_every_encoder_draws(
    kind: str, name: str, files: dict[str, Path], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert hasattr(encode, name) or hasattr(audio, name)
    drawing = ("--plot", tmp_path / "a.png") if name in ("poisson", "cochlea", "step_forward") else ()
    found = numbers(capsys, "encode", files[kind], "--with", name, "--dt", "2ms", "--steps", 40, *drawing)
    assert found["spikes"] > 0 and found["kind"] == kind
    if drawing:
        assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")


def test_files_that_hold_something_else(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, content, text in (
        ("a.png", b"no image", "a.png: not an image that can be read"),
        ("a.wav", b"no sound", "a.wav: not a WAV file; it begins with b'no sound'"),
        ("a.csv", b"1,2\n3,x\n", "a.csv: row 2: 'x' is not a number"),
        ("b.csv", b"1,2\n3\n", "b.csv: row 2: 1 columns, the first row has 2"),
        ("c.csv", b"\xff\xfe\x00", "c.csv: not a table of numbers"),
        ("d.csv", b"name\n", "d.csv: there are no numbers in it"),
        ("e.csv", b"1\nnan\n", "x is nan at (1, 0, 0)"),
    ):
        (tmp_path / name).write_bytes(content)
        assert text in complaint(capsys, "encode", tmp_path / name)
    (tmp_path / "a.csv").write_text("1\n2\n")
    wrong = complaint(capsys, "encode", tmp_path / "a.csv", "--with", "step_foward")
    assert "no encoder 'step_foward' for a table; did you mean 'step_forward'? (known: step_forward, delta," in wrong


# -- events -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """Write 200 events of 20 x 10 pixels, one pixel of which is hot."""
    k = np.arange(200)
    hot = k % 4 == 0
    x, y = np.where(hot, 7, k % 20), np.where(hot, 3, k // 20)
    path = tmp_path / "a.npz"
    events.write(path, events.from_columns(1000 + 50 * k, x, y, k % 3 == 0, (20, 10)))
    return path


def test_what_a_recording_holds(recording: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = numbers(capsys, "events", recording)
    assert (found["format"], found["width"], found["height"], found["events"], found["on"]) == ("npz", 20, 10, 200, 67)
    assert found["start_us"] == 1000 and found["duration_s"] == 50 * 199 / 1e6
    assert found["rate_per_s"] == pytest.approx(200 / 0.00995)
    assert found["hot_pixels"] == [[7, 3]] and found["in_order"]
    text = printed(capsys, "events", recording).splitlines()
    assert text[0] == f"{recording}: npz, 20 x 10" and text[1] == "events        200 (33.5 % ON)"
    assert text[-1] == "hot pixels    1: (7, 3)"


@pytest.mark.parametrize("name", ["b.npz", "b.dat", "b.bs2", "b.aedat"])
def test_a_recording_in_another_format(
    name: str, recording: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    form = ("--as", "aedat3") if name.endswith("aedat") else ()
    printed(capsys, "events", recording, "--to", tmp_path / name, *form)
    size = () if name.endswith(("npz", "dat")) else ("--size", "20x10")
    found = numbers(capsys, "events", tmp_path / name, *size)
    assert (found["events"], found["on"]) == (200, 67)
    if not form:  # AEDAT 3 names a camera, and with it the size
        assert (found["width"], found["height"]) == (20, 10)
    written, original = events.read(tmp_path / name), events.read(recording)
    for column in "txyp":
        assert (written.data[column] == original.data[column]).all()


def test_a_recording_is_drawn(recording: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, begin in (("a.png", b"\x89PNG"), ("a.gif", b"GIF8")):
        printed(capsys, "events", recording, "--plot", tmp_path / name)
        assert (tmp_path / name).read_bytes().startswith(begin)


def test_recordings_at_hand(data_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = data_folder / "events" / "ncars_sample.dat"
    if not path.exists():
        pytest.skip(f"data: {path} is missing")
    found = numbers(capsys, "events", path)
    assert (found["format"], found["events"], found["on"], found["start_us"]) == ("dat", 2009, 1350, 0)
    assert found["duration_s"] == 0.099952


# -- analyse ----------------------------------------------------------------------------------------------------------


def stored(path: Path, times: list[float], ids: list[int], **more: float) -> Path:
    np.savez(path, times=np.array(times, float), ids=np.array(ids, int), **more)
    return path


def test_what_spikes_are_like(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A clock of 20 ms, one of 10 ms, and a silent neuron."""
    times = [*range(20, 1001, 20), *range(10, 1001, 10)]
    path = stored(tmp_path / "s.npz", times, [0] * 50 + [1] * 100, n=3, stop=1000.0)
    found = numbers(capsys, "analyse", path)
    assert (found["spikes"], found["neurons"], found["silent"], found["duration_ms"]) == (150, 3, 1, 1000)
    assert found["rate_hz"] == pytest.approx(50) and found["rate_median_hz"] == pytest.approx(50)
    assert found["rate_max_hz"] == pytest.approx(100)
    for name in ("cv", "cv2", "lv"):
        assert found[name] == pytest.approx(0, abs=1e-9)
    half = numbers(capsys, "analyse", path, "--start", "500ms", "--neurons", 2)
    assert (half["spikes"], half["neurons"], half["rate_hz"]) == (75, 2, pytest.approx(75))
    assert printed(capsys, "analyse", path).startswith(f"{path}: 150 spikes of 3 neurons in 1000 ms\nrate        50 Hz")


def test_a_poisson_process_is_recognised(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spikes = encode.poisson(np.full((1, 40), 0.02), 20_000, 0.5, seed=1)[:, 0]
    step, ids = np.nonzero(spikes)
    path = stored(tmp_path / "s.npz", list((step + 1) * 0.5), list(ids), stop=10_000.0)
    found = numbers(capsys, "analyse", path, "--plot", tmp_path / "a.png", "--bin", "50ms")
    assert found["rate_hz"] == pytest.approx(20, rel=0.05)
    assert all(found[name] == pytest.approx(1, abs=0.07) for name in ("cv", "cv2", "lv", "fano"))
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")


def test_few_spikes_have_no_irregularity(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = stored(tmp_path / "s.npz", [3.0], [0], stop=20.0)
    assert "CV          too few spikes" in printed(capsys, "analyse", path)
    assert numbers(capsys, "analyse", path)["cv"] is None
    nothing = numbers(capsys, "analyse", stored(tmp_path / "n.npz", [], [], stop=20.0))
    assert nothing["spikes"] == 0 and nothing["rate_hz"] == 0


def test_what_encode_writes_is_read(files: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Counts of a Poisson source repeat an id: several spikes of one neuron in one step."""
    out = tmp_path / "s.npz"
    arguments = ("encode", files["image"], "--rate", "3kHz", "--steps", 200, "--out", out)
    encoded = numbers(capsys, *arguments)
    found = numbers(capsys, "analyse", out)
    assert found["spikes"] == encoded["spikes"] and found["rate_hz"] == pytest.approx(encoded["rate_hz"])
    assert found["duration_ms"] == 200


def test_files_that_are_no_spikes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "s.npz"
    path.write_bytes(b"no archive")
    assert "s.npz: not an .npz file of numbers" in complaint(capsys, "analyse", path)
    np.savez(path, times=np.zeros(2))
    assert "s.npz: has no 'ids' (found: times)" in complaint(capsys, "analyse", path)
    np.savez(path, times=np.zeros(2), ids=np.array([{}, {}], dtype=object))
    assert "s.npz: not an .npz file of numbers" in complaint(capsys, "analyse", path)  # it could execute something
    stored(path, [1.0, 2.0], [0])
    assert "and ids (1,) of int64 are no columns" in complaint(capsys, "analyse", path)
    stored(path, [1.0, np.nan], [0, 0])
    assert "a time is not finite, or an id negative" in complaint(capsys, "analyse", path)
    stored(path, [1.0, 2.0], [0, 5])
    assert "--neurons must be above the largest id, 5, not 3" in complaint(capsys, "analyse", path, "--neurons", 3)
    wrong = complaint(capsys, "analyse", path, "--start", "9ms")
    assert "--start must be before --stop, not 9 ms and 2 ms" in wrong
