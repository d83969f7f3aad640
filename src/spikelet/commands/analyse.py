"""``spikelet analyse``: what the spikes in a file are like."""

import argparse
import json
import math
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spikelet.commands.arguments import integer
from spikelet.errors import DataError, InputError

if TYPE_CHECKING:
    import numpy as np

_WIDTH = 5.0  # ms, of the bins of counts


def describe_analyse(parser: argparse.ArgumentParser) -> None:
    """Describe the options of ``spikelet analyse``."""
    add = parser.add_argument
    add("file", type=Path, metavar="SPIKES", help=".npz with times [ms] and ids, as `spikelet encode --out` writes")
    add("--neurons", type=integer, help="how many there are (as the file says, else up to the largest id)")
    add("--start", default="0ms", help="what comes before is left out (0ms)")
    add("--stop", help="what comes after is left out (as the file says, else the last spike)")
    add("--bin", default=f"{_WIDTH:g}ms", help=f"width of bins, for counts that are compared ({_WIDTH:g}ms)")
    add("--plot", type=Path, help="draw spikes, intervals and rates into this file (.png, .pdf, .svg)")
    add("--json", action="store_true", help="print the numbers as one line of JSON")


def analyse(options: argparse.Namespace) -> int:
    """Measure spikes: rates, irregularity of intervals, variability of counts, synchrony."""
    from spikelet import units
    from spikelet.experiments import report

    if options.plot:
        report.check_figure(options.plot)
    found = _read(options.file)
    times, ids = found["times"], found["ids"]
    n = options.neurons or int(found.get("n", ids.max() + 1 if len(ids) else 1))
    start = units.quantity(options.start, "ms")
    stop = float(found.get("stop", times.max() if len(times) else 1.0))
    stop = stop if options.stop is None else units.quantity(options.stop, "ms")
    if not start < stop:
        raise InputError(f"--start must be before --stop, not {start:g} ms and {stop:g} ms")
    if len(ids) and n <= ids.max():
        raise InputError(f"--neurons must be above the largest id, {ids.max()}, not {n}")
    inside = (times > start) & (times <= stop)
    numbers = _measures(times[inside], ids[inside], n, (start, stop), units.quantity(options.bin, "ms"))
    print(json.dumps({"file": str(options.file), **numbers}) if options.json else _text(options.file, numbers))
    if options.plot:
        _draw(times[inside], ids[inside], n, (start, stop), options.plot)
    return 0


def _read(path: Path) -> "dict[str, np.ndarray]":
    """Return the columns of a file of spikes; nothing in it can be executed."""
    import numpy as np

    try:
        with np.load(path, allow_pickle=False) as file:
            found = {name: np.asarray(file[name]) for name in file.files}
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error})") from None
    except (ValueError, EOFError, AttributeError, zipfile.BadZipFile) as error:
        raise DataError(f"{path}: not an .npz file of numbers ({error})") from None
    missing = [name for name in ("times", "ids") if name not in found]
    if missing:
        raise DataError(f"{path}: has no '{missing[0]}' (found: {', '.join(found) or 'nothing'})")
    times, ids = found["times"], found["ids"]
    if times.ndim != 1 or ids.shape != times.shape or times.dtype.kind not in "fiu" or ids.dtype.kind not in "iu":
        raise DataError(
            f"{path}: times {times.shape} of {times.dtype} and ids {ids.shape} of {ids.dtype} are no columns"
        )
    if len(ids) and (not np.isfinite(times).all() or ids.min() < 0):
        raise DataError(f"{path}: a time is not finite, or an id negative")
    return {**found, "times": times.astype(np.float64), "ids": ids.astype(np.int64)}


def _measures(
    times: "np.ndarray", ids: "np.ndarray", n: int, span: tuple[float, float], width: float
) -> dict[str, Any]:
    import numpy as np

    from spikelet import analysis

    start, stop = span
    columns = {"start": start, "stop": stop}
    rates = 1000 * analysis.mean_rates(times, ids, n=n, **columns)
    with np.errstate(invalid="ignore"):  # two intervals of 0, where a neuron fires thrice in a step, are 0/0
        numbers = {
            "spikes": len(times),
            "neurons": n,
            "silent": int((rates == 0).sum()),
            "duration_ms": stop - start,
            "rate_hz": float(rates.mean()),
            "rate_median_hz": float(np.median(rates)),
            "rate_max_hz": float(rates.max()),
            "cv": _mean(analysis.cv(times, ids, n=n)),
            "cv2": _mean(analysis.cv2(times, ids, n=n)),
            "lv": _mean(analysis.lv(times, ids, n=n)),
        }
    if stop - start >= 2 * width:
        numbers["fano"] = _mean(analysis.fano_factor(times, ids, n=n, width=width, **columns))
        numbers["synchrony"] = _finite(analysis.synchrony(times, ids, n, width=width, **columns))
    return numbers


def _mean(values: Any) -> float | None:
    """Return the mean over the neurons that have such a number; None where none has."""
    import numpy as np

    known = np.asarray(values, float)
    known = known[np.isfinite(known)]
    return float(known.mean()) if known.size else None


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def _text(path: Path, numbers: dict[str, Any]) -> str:
    rows = [
        f"{path}: {numbers['spikes']:,} spikes of {numbers['neurons']:,} neurons in {numbers['duration_ms']:g} ms",
        f"rate        {numbers['rate_hz']:.4g} Hz (median {numbers['rate_median_hz']:.4g}, most "
        f"{numbers['rate_max_hz']:.4g}; {numbers['silent']:,} silent)",
    ]
    names = {"cv": "CV", "cv2": "CV2", "lv": "LV", "fano": "Fano factor", "synchrony": "synchrony"}
    for name, shown in names.items():
        if name in numbers:
            value = numbers[name]
            rows.append(f"{shown:11} {'too few spikes' if value is None else f'{value:.4g}'}")
    return "\n".join(rows)


def _draw(times: "np.ndarray", ids: "np.ndarray", n: int, span: tuple[float, float], path: Path) -> None:
    from types import SimpleNamespace

    from spikelet import plot
    from spikelet.experiments.report import write_figure

    spikes = SimpleNamespace(times=times, ids=ids)
    drawn, axes = plot.figure(8, 7, rows=2)
    plot.raster(spikes, neurons=n, duration=span[1], ax=axes[0])
    plot.isi_histogram(spikes, ax=axes[1])
    write_figure(path, drawn)
