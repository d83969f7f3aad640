"""Events of event cameras: as frames, as a cloud in space and time, and as a film.

Events are a structured array with the fields t [us], x, y and p (1 or true is brighter, 0, -1 or false is darker).
"""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from spikelet import random
from spikelet.errors import InputError, ShapeError
from spikelet.files import replacing
from spikelet.plot.style import COLOURS, figure, narrow, opened, shrink, some_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_CLOUD = 40_000  # points of a cloud, of which more would hide each other
_FIELDS = ("t", "x", "y", "p")


def event_frames(events: Any, *, frames: int = 4, size: tuple[int, int] | None = None, ax: Any = None) -> Any:
    """Draw events of equal stretches of time as images, side by side: brighter minus darker in each pixel.

    Args:
        events: fields t [us], x, y, p.
        frames: number of images.
        size: (width, height) of the sensor; up to the largest coordinates if not given.
        ax: axes, as many as there are frames.

    Returns:
        The axes.

    Raises:
        InputError: there are no events, a field is missing, or one lies outside the sensor.
    """
    events, size = checked(events, size)
    if isinstance(frames, bool) or not isinstance(frames, int) or frames < 1:
        raise InputError(f"event_frames: frames must be a positive number, got {frames!r}")
    every = _panels(frames, size) if ax is None else some_axes(ax, frames, f"{frames} frames")
    first, last = int(events["t"].min()), int(events["t"].max())
    edges = first + (last + 1 - first) * np.arange(frames + 1) / frames
    frame = np.searchsorted(edges, events["t"], "right") - 1
    pictures = [_image(events[frame == k], size) for k in range(frames)]
    bound = max(1.0, float(np.percentile(np.abs(np.concatenate([p[p != 0] for p in pictures])), 98)))
    for axes, picture, start, stop in zip(every, pictures, edges, edges[1:], strict=False):
        axes.imshow(picture, cmap="RdBu_r", vmin=-bound, vmax=bound, interpolation="nearest")
        axes.set_xticks([])
        axes.set_yticks([])
        axes.set_title(f"{start / 1000:.0f}–{stop / 1000:.0f} ms", fontsize=8)
        shrink(axes)
    every[0].set_ylabel("red: brighter\nblue: darker", fontsize=6 if narrow(every[0]) else 8)
    return every


def _panels(frames: int, size: tuple[int, int]) -> np.ndarray:
    """Return axes for so many frames, in rows of up to four."""
    columns = min(frames, 4)
    rows = -(-frames // columns)
    every = opened(9.0, rows * (9.0 / columns * size[1] / size[0] + 0.3), rows=rows, columns=columns)
    for axes in every[frames:]:
        axes.remove()
    return every[:frames]


def event_cloud(events: Any, *, size: tuple[int, int] | None = None, seed: int = 0, ax: Any = None) -> "Axes":
    """Draw events as points in space and time, time to the right.

    Of more than 40,000 events, that many are drawn, chosen at random; the title tells of how many.

    Args:
        events: fields t [us], x, y, p.
        size: (width, height) of the sensor; up to the largest coordinates if not given.
        seed: of the choice.
        ax: axes with ``projection="3d"``.

    Raises:
        InputError: there are no events, or a field is missing; or the axes are flat.
    """
    from matplotlib.ticker import MaxNLocator

    events, size = checked(events, size)
    axes = opened(6.0, 4.6, subplot_kw={"projection": "3d"})[0] if ax is None else ax
    if getattr(axes, "name", "") != "3d":
        raise InputError("event_cloud: the axes must be made with projection='3d'")
    total = len(events)
    if total > _CLOUD:
        events = events[np.sort(random.permutation(seed, total)[:_CLOUD])]
    for brighter, tint in ((True, COLOURS[1]), (False, COLOURS[0])):
        some = events[(events["p"] > 0) == brighter]
        label = "brighter" if brighter else "darker"
        axes.scatter(some["t"] / 1000, some["x"], size[1] - 1 - some["y"].astype(int), s=1.0, color=tint, linewidths=0,
                     label=label, depthshade=False, rasterized=True)  # fmt: skip
    axes.set_xlabel("time [ms]")
    axes.set_ylabel("x [pixel]")
    axes.set_zlabel("y [pixel]")
    axes.set_ylim(0, size[0])
    axes.set_zlim(0, size[1])
    axes.set_box_aspect((1.8, 1, size[1] / size[0]), zoom=1.0)
    axes.view_init(elev=18, azim=-65)
    drawn = f"{total:,} events" if total <= _CLOUD else f"{_CLOUD:,} of {total:,} events"
    axes.set_title(drawn)
    axes.legend(frameon=False, markerscale=5, loc="upper right")
    shrink(axes)
    small = axes.xaxis.label.get_fontsize() < 9
    axes.zaxis.label.set_fontsize(axes.xaxis.label.get_fontsize())
    for axis in (axes.xaxis, axes.yaxis, axes.zaxis):
        axis.set_major_locator(MaxNLocator(4))
        axis.labelpad = -5 if small else 2
    axes.tick_params(pad=-3 if small else 0)
    return axes


def animate_events(
    events: Any, path: str | Path, *, window: float = 33.0, fps: float = 15.0, size: tuple[int, int] | None = None
) -> "Axes":
    """Write a film of events, each frame those of a stretch of time, as GIF or, with ffmpeg, as MP4.

    Args:
        events: fields t [us], x, y, p.
        path: ``.gif`` or ``.mp4``.
        window: of a frame [ms].
        fps: frames in a second of the film.
        size: (width, height) of the sensor; up to the largest coordinates if not given.

    Returns:
        The axes that show the last frame.

    Raises:
        InputError: there are no events, a field is missing, or the kind of file is not known.
        DataError: the file cannot be written.
    """
    events, size = checked(events, size)
    drawn, axes = figure(3.4, 3.4 * size[1] / size[0] + 0.3)
    t = events["t"] - events["t"].min()
    order = np.argsort(t, kind="stable")
    count = int(t.max() // (1000 * window)) + 1
    cuts = np.searchsorted(t[order], np.arange(count + 1) * 1000 * window)
    image = axes.imshow(np.zeros(size[::-1]), cmap="RdBu_r", vmin=-1, vmax=1, interpolation="nearest")
    axes.set_xticks([])
    axes.set_yticks([])
    title = axes.set_title("", fontsize=8)

    def frame(k: int) -> None:
        image.set_data(np.sign(_image(events[order[cuts[k] : cuts[k + 1]]], size)))
        title.set_text(f"{k * window:.0f} to {(k + 1) * window:.0f} ms, {cuts[k + 1] - cuts[k]:,} events")

    write_film(Path(path), drawn, frame, count, fps)
    return axes


def write_film(path: Path, drawn: Any, frame: Callable[[int], None], count: int, fps: float) -> None:
    """Write a film of a figure, as GIF by Pillow or as MP4 by ffmpeg, in the place of the file when all of it is there.

    Args:
        path: ``.gif`` or ``.mp4``.
        drawn: the figure.
        frame: draws frame k.
        count: number of frames.
        fps: frames in a second.

    Raises:
        InputError: the kind of file is not known, or ffmpeg is missing for it.
        DataError: the file cannot be written.
    """
    from matplotlib import animation

    if path.suffix not in (".gif", ".mp4"):
        raise InputError(f"{path.name}: a film is .gif or .mp4")
    if not fps > 0:
        raise InputError(f"fps must be positive, got {fps!r}")
    if path.suffix == ".mp4" and not animation.FFMpegWriter.isAvailable():
        raise InputError(f"{path.name}: .mp4 needs the program ffmpeg, which was not found; .gif needs nothing")
    kind: Any = animation.PillowWriter if path.suffix == ".gif" else animation.FFMpegWriter
    writer = kind(fps=fps)
    with replacing(path) as part:
        whole = part.with_name(part.name + path.suffix)  # writers go by the ending
        try:
            with writer.saving(drawn, str(whole), dpi=drawn.dpi):
                for k in range(count):
                    frame(k)
                    if k == 0:  # the layout is found once, and does not tremble from frame to frame
                        drawn.draw_without_rendering()
                        drawn.set_layout_engine("none")
                    writer.grab_frame()
            whole.rename(part)
        finally:
            whole.unlink(missing_ok=True)


def checked(events: Any, size: tuple[int, int] | None) -> tuple[np.ndarray, tuple[int, int]]:
    """Return events as an array, and the (width, height) of the sensor."""
    events = np.asarray(events)
    names = events.dtype.names or ()
    missing = [name for name in _FIELDS if name not in names]
    if missing:
        there = ", ".join(names) or "none"
        raise InputError(f"events need the fields t, x, y and p; '{missing[0]}' is missing (there is {there})")
    if events.ndim != 1:
        raise ShapeError(f"events: expected (N,), got shape {events.shape}")
    if not len(events):
        raise InputError("there are no events to draw")
    wide, high = (int(events[name].max()) + 1 for name in ("x", "y"))
    if size is None:
        return events, (wide, high)
    if wide > size[0] or high > size[1]:
        sensor = f"the sensor of {size[0]} x {size[1]}"
        raise InputError(f"an event at x = {wide - 1} or y = {high - 1} lies outside {sensor}")
    return events, (int(size[0]), int(size[1]))


def _image(events: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Return brighter minus darker events of each pixel, (height, width)."""
    place = events["y"].astype(np.int64) * size[0] + events["x"].astype(np.int64)
    sign = np.where(events["p"] > 0, 1.0, -1.0)
    return np.bincount(place, sign, size[0] * size[1]).reshape(size[::-1])
