"""``spikelet encode``: an image, a sound or a table of signals as spikes."""

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spikelet.commands.arguments import integer, number
from spikelet.errors import DataError, InputError, did_you_mean

if TYPE_CHECKING:
    import numpy as np

_OF_IMAGES = "poisson bernoulli rate periodic latency rank_order phase weighted_phase burst lif population".split()
_OF_SIGNALS = "step_forward delta temporal_contrast moving_window sigma_delta lif".split()
_OF_SOUNDS = ["cochlea", "sound_onset"]
_KINDS = {  # extension -> kind of file, its encoders; the first is the default
    **{extension: ("image", _OF_IMAGES) for extension in (".png", ".jpg", ".jpeg")},
    ".wav": ("sound", _OF_SOUNDS),
    ".csv": ("table", _OF_SIGNALS),
}


def describe_encode(parser: argparse.ArgumentParser) -> None:
    """Describe the options of ``spikelet encode``."""
    add = parser.add_argument
    add(
        "file",
        type=Path,
        metavar="FILE",
        help="image (.png, .jpg), sound (.wav) or table (.csv, a signal in each column)",
    )
    add(
        "--with",
        dest="encoder",
        metavar="ENCODER",
        help="poisson for an image, cochlea for a sound, step_forward for a table",
    )
    add("--steps", type=integer, default=100, help="time steps for an image (100)")
    add("--dt", default="1ms", help="time step (1ms)")
    add("--rate", default="100Hz", help="rate of a white pixel: poisson, rate, periodic (100Hz)")
    add("--threshold", type=number, help="of a signal's encoder, in its unit (0.1)")
    add("--channels", type=integer, help="of the cochlea (64)")
    add("--seed", type=integer, default=0, help="of random spikes (0)")
    add("--out", type=Path, help="write the spikes into this .npz: times [ms], ids")
    add("--plot", type=Path, help="draw input and spikes into this file (.png, .pdf, .svg)")
    add("--json", action="store_true", help="print the numbers as one line of JSON")


def encode_file(options: argparse.Namespace) -> int:
    """Turn a file into spikes: an image, a sound or signals; tell how many, draw them, write them."""
    from spikelet import units
    from spikelet.experiments import report

    kind, encoders = _kind(options.file)
    name = options.encoder or encoders[0]
    if name not in encoders:
        raise InputError(
            f"no encoder '{name}' for a {kind}{did_you_mean(name, encoders)} (known: {', '.join(encoders)})"
        )
    if options.plot:
        report.check_figure(options.plot)
    dt = units.quantity(options.dt, "ms")
    given, spikes = {"image": _image, "sound": _sound, "table": _table}[kind](name, options, dt)
    numbers = _numbers(options.file, kind, name, spikes, dt)
    print(json.dumps(numbers) if options.json else _text(numbers))
    if options.out:
        _write(options.out, spikes, dt)
    if options.plot:
        _draw(given, spikes, numbers, options.plot)
    return 0


def _kind(path: Path) -> tuple[str, list[str]]:
    if path.suffix.lower() not in _KINDS:
        raise InputError(f"{path}: the extension is none of {', '.join(_KINDS)}")
    if not path.is_file():
        raise DataError(f"{path}: cannot be read (No such file or directory)")
    return _KINDS[path.suffix.lower()]


def _image(name: str, options: argparse.Namespace, dt: float) -> "tuple[np.ndarray, np.ndarray]":
    """Return an image (h, w) from 0 to 1, and its spikes (T, 1, ...)."""
    import numpy as np

    from spikelet import encode, units

    grey = _grey(options.file)
    x, steps, seed = grey[None], options.steps, options.seed
    rate = units.quantity(options.rate, "kHz")
    calls: dict[str, Callable[[], Any]] = {
        "bernoulli": lambda: encode.bernoulli(x, steps, seed=seed),
        "rate": lambda: encode.rate(x * rate, steps, dt, seed=seed),
        "poisson": lambda: encode.poisson(x * rate, steps, dt, seed=seed),
        "periodic": lambda: encode.periodic(x * rate, steps, dt),
        "rank_order": lambda: encode.rank_order(x, steps),
        "lif": lambda: encode.lif(2 * x, steps, dt=dt),  # white twice above the threshold
        "phase": lambda: encode.phase(x, steps, steps),  # one cycle
    }
    return grey, np.asarray(calls.get(name, lambda: getattr(encode, name)(x, steps))())


def _grey(path: Path) -> "np.ndarray":
    """Return an image as brightness (h, w) float64 from 0 to 1."""
    import numpy as np
    from matplotlib import image

    try:
        pixels = image.imread(path)
    except (OSError, SyntaxError, ValueError) as error:
        raise DataError(f"{path}: not an image that can be read ({error})") from None
    values = np.asarray(pixels, np.float64) / (255 if pixels.dtype == np.uint8 else 1)
    return values if values.ndim == 2 else values[..., : min(3, values.shape[2])].mean(2)


def _sound(name: str, options: argparse.Namespace, dt: float) -> "tuple[np.ndarray, np.ndarray]":
    """Return a waveform (L, 1), and its spikes (T, 1, ...)."""
    from spikelet import audio

    sound = audio.read_wav(options.file)
    mono = sound.samples.mean(0, keepdims=True)
    more = {} if options.channels is None else {"bank": options.channels}
    return mono.T, getattr(audio, name)(mono, sound.rate, dt, **more)


def _table(name: str, options: argparse.Namespace, dt: float) -> "tuple[np.ndarray, np.ndarray]":
    """Return signals (T, N), and their spikes (T, 1, N)."""
    from spikelet import encode

    signals = _columns(options.file)
    x, level = signals[:, None], 0.1 if options.threshold is None else options.threshold
    if name == "lif":
        return signals, encode.lif(x, len(x), dt=dt)
    if name == "temporal_contrast":
        return signals, encode.temporal_contrast(x, threshold=options.threshold)
    more = {"off_spikes": True} if name == "delta" else {}
    return signals, getattr(encode, name)(x, level, **more)


def _columns(path: Path) -> "np.ndarray":
    """Return the numbers of a table (T, N); a first line of names is left out."""
    import csv

    import numpy as np

    try:
        rows = [row for row in csv.reader(path.read_text().splitlines()) if row]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path}: not a table of numbers ({error})") from None
    if rows and not any(_is_number(cell) for cell in rows[0]):
        rows = rows[1:]
    for place, row in enumerate(rows, 1):
        wrong = [cell for cell in row if not _is_number(cell)]
        if wrong or len(row) != len(rows[0]):
            what = f"'{wrong[0]}' is not a number" if wrong else f"{len(row)} columns, the first row has {len(rows[0])}"
            raise DataError(f"{path}: row {place}: {what}")
    if not rows:
        raise DataError(f"{path}: there are no numbers in it")
    return np.array(rows, np.float64)


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _numbers(path: Path, kind: str, name: str, spikes: "np.ndarray", dt: float) -> dict[str, Any]:
    import numpy as np

    count, cells = float(np.abs(spikes).sum()), int(np.prod(spikes.shape[1:]))
    duration = len(spikes) * dt
    return {
        "file": str(path),
        "kind": kind,
        "encoder": name,
        "steps": len(spikes),
        "dt_ms": dt,
        "shape": list(spikes.shape[2:]),
        "spikes": int(count),
        "rate_hz": 1000 * count / (cells * duration) if cells and duration else 0.0,
        "negative": int((spikes < 0).sum()),
    }


def _text(numbers: dict[str, Any]) -> str:
    shape = " x ".join(map(str, numbers["shape"]))
    duration = numbers["steps"] * numbers["dt_ms"]
    negative = f", {numbers['negative']:,} of them negative" if numbers["negative"] else ""
    return (
        f"{numbers['file']}: {numbers['kind']} as {numbers['encoder']}\n"
        f"{numbers['spikes']:,} spikes{negative} of {shape} neurons in {numbers['steps']:,} steps of "
        f"{numbers['dt_ms']:g} ms ({duration:g} ms): {numbers['rate_hz']:.4g} Hz on average"
    )


def _write(path: Path, spikes: "np.ndarray", dt: float) -> None:
    """Write spikes as columns; several in a step are several rows."""
    import io

    import numpy as np

    from spikelet.files import write_atomic

    flat = np.abs(spikes.reshape(len(spikes), -1)).astype(np.int64)
    step, ids = np.nonzero(flat)
    times, again = (step + 1) * dt, flat[step, ids]
    content = io.BytesIO()
    np.savez(content, times=np.repeat(times, again), ids=np.repeat(ids, again), n=flat.shape[1], stop=len(flat) * dt)
    write_atomic(path, content.getvalue())


def _draw(given: "np.ndarray", spikes: "np.ndarray", numbers: dict[str, Any], path: Path) -> None:
    from spikelet import plot
    from spikelet.experiments.report import write_figure

    drawn, axes = plot.figure(9, 4.2, columns=2) if numbers["kind"] == "image" else plot.figure(8, 5, rows=2)
    if numbers["kind"] == "image":
        axes[0].imshow(given, cmap="gray", vmin=0, vmax=1)
        axes[0].set_title("image")
        axes[0].set_axis_off()
        plot.encoders({numbers["encoder"]: spikes}, dt=numbers["dt_ms"], ax=axes[1:])
    else:
        share = len(spikes) * numbers["dt_ms"] / len(given)
        axes[0].plot((1 + _steps(len(given))) * share, given, linewidth=0.8)
        axes[0].set_ylabel(numbers["kind"])
        plot.encoders({numbers["encoder"]: spikes}, dt=numbers["dt_ms"], ax=axes[1:])
        axes[0].set_xlim(axes[1].get_xlim())
    write_figure(path, drawn)


def _steps(count: int) -> "np.ndarray":
    import numpy as np

    return np.arange(count)
