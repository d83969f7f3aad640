"""``spikelet events``: what a recording of an event camera holds, drawn, and in another format."""

import argparse
import json
from pathlib import Path
from typing import Any

from spikelet.errors import InputError

_SHOWN = 8  # hot pixels that are named


def describe_events(parser: argparse.ArgumentParser) -> None:
    """Describe the options of ``spikelet events``."""
    add = parser.add_argument
    add(
        "file",
        type=Path,
        metavar="FILE",
        help="AEDAT 2, 3.1, 4, Prophesee DAT and raw, N-MNIST .bin, .bs2, HDF5, npz, bag",
    )
    add("--format", help="of the file, where neither its first bytes nor its extension tell")
    add("--size", metavar="WxH", help="columns and rows of the sensor, where the file does not tell, such as 34x34")
    add("--to", type=Path, metavar="FILE", help="write the events into this file")
    add("--as", dest="form", metavar="FORMAT", help="format of --to, where its extension does not tell")
    add("--plot", type=Path, help="draw the recording into this file (.png, .pdf, .svg), or as a film (.gif)")
    add("--json", action="store_true", help="print the numbers as one line of JSON")


def show_events(options: argparse.Namespace) -> int:
    """Tell format, size, duration, rate and hot pixels of a recording; draw it, write it in another format."""
    from spikelet import events
    from spikelet.experiments import report

    if options.plot and options.plot.suffix.lower() != ".gif":
        report.check_figure(options.plot)
    size = {} if options.size is None else {"size": _size(options.size)}
    recording = events.read(options.file, options.format, **size)
    numbers = _numbers(options.file, recording)
    print(json.dumps(numbers) if options.json else _text(numbers))
    if options.to:
        events.write(options.to, recording, options.form)
    if options.plot:
        _draw(recording, options.plot)
    return 0


def _size(text: str) -> tuple[int, int]:
    width, cross, height = text.lower().partition("x")
    if not (cross and width.isdigit() and height.isdigit()):
        raise InputError(f"--size must be columns x rows, such as 34x34, not '{text}'")
    return int(width), int(height)


def _numbers(path: Path, recording: Any) -> dict[str, Any]:
    import numpy as np

    from spikelet import events

    seconds = recording.duration / 1e6
    counts = np.bincount(recording.pixels, minlength=recording.width * recording.height)
    rows, columns = np.nonzero(events.hot_pixels(recording))
    return {
        "file": str(path),
        "format": recording.meta.get("format", ""),
        "width": recording.width,
        "height": recording.height,
        "events": len(recording),
        "on": int(recording.p.sum()),
        "start_us": int(recording.t.min()) if len(recording) else 0,
        "duration_s": seconds,
        "rate_per_s": len(recording) / seconds if seconds else 0.0,
        "in_order": recording.in_order,
        "active_pixels": int((counts > 0).sum()),
        "hot_pixels": [[int(x), int(y)] for x, y in zip(columns, rows, strict=True)],
    }


def _text(numbers: dict[str, Any]) -> str:
    hot = numbers["hot_pixels"]
    shown = ", ".join(f"({x}, {y})" for x, y in hot[:_SHOWN]) + (", ..." if len(hot) > _SHOWN else "")
    share = 100 * numbers["on"] / max(1, numbers["events"])
    pixels = numbers["width"] * numbers["height"]
    return "\n".join(
        (
            f"{numbers['file']}: {numbers['format']}, {numbers['width']} x {numbers['height']}",
            f"events        {numbers['events']:,} ({share:.1f} % ON)"
            + ("" if numbers["in_order"] else ", not in order"),
            f"duration      {numbers['duration_s']:g} s from {numbers['start_us']:,} us",
            f"rate          {numbers['rate_per_s']:,.0f} events/s",
            f"active pixels {numbers['active_pixels']:,} of {pixels:,}",
            f"hot pixels    {len(hot):,}{': ' + shown if hot else ''}",
        )
    )


def _draw(recording: Any, path: Path) -> None:
    from spikelet import plot
    from spikelet.experiments.report import write_figure

    size = (recording.width, recording.height)
    if path.suffix.lower() == ".gif":
        plot.animate_events(recording.data, path, size=size)
        return
    axes = plot.event_frames(recording.data, frames=4, size=size)
    write_figure(path, axes[0].figure)
