"""The text of the kernels that go through events one by one, in LLVM: frames, filters with a memory for each pixel.

Events are those of `EVENT`, 16 bytes each; ``last`` is the time of the last event of each pixel, i64, which the caller
sets to the far past; ``keep`` gets a byte for each event.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from spikelet.backends.sparse_kernels import READ, WRITE, Kernel

_HEAD = f"{READ} %events, i64 %n"


def filter_module() -> str:
    """Return the text of ``frame``, ``refractory``, ``denoise``, ``integrate`` and ``patches``."""
    return "\n\n".join([_frame(), _refractory(), _denoise(), _integrate(), _patches()])


class _Walk(Kernel):
    """A function over events."""

    def __init__(self, name: str, rest: str):
        super().__init__(f"void @{name}({_HEAD}, {rest})", "double")

    @contextmanager
    def each(self) -> Iterator[tuple[str, str, str, str, str]]:
        """Write a loop over the events and yield number, t, x, y, p as i64."""
        with self.loop("i", "%n") as i:
            place = self.at("i8", "%events", self.calculate("shl", i, 4))
            t = self.load("i64", place)
            word = self.load("i64", self.at("i64", place, "1"))
            x = self.calculate("and", word, 0xFFFF)
            y = self.calculate("and", self.calculate("lshr", word, 16), 0xFFFF)
            p = self.calculate("and", self.calculate("lshr", word, 32), 1)
            yield i, t, x, y, p

    def pixel(self, x: str, y: str, width: str = "%width") -> str:
        """Return the number of a pixel."""
        return self.calculate("add", self.calculate("mul", y, width), x)

    def put(self, i: str, condition: str) -> None:
        """Say whether event i is kept."""
        self.store("i8", self.value(f"zext i1 {condition} to i8"), "%keep", i)


def _frame() -> str:
    """``frame``: add 1 to the pixel of each event; ``plane`` is how far ON lies behind OFF, 0 to merge them."""
    f = _Walk("frame", f"i64 %width, i64 %plane, {WRITE} %counts")
    with f.each() as (_, _, x, y, p):
        place = f.at("i32", "%counts", f.calculate("add", f.pixel(x, y), f.calculate("mul", p, "%plane")))
        f.store("i32", f.calculate("add", f.load("i32", place), 1, "i32"), place)
    return f.text()


def _refractory() -> str:
    """``refractory``: keep an event if the last one of its pixel that was kept lies ``period`` or more before."""
    f = _Walk("refractory", f"i64 %width, i64 %period, {WRITE} %last, {WRITE} %keep")
    with f.each() as (i, t, x, y, _):
        place = f.at("i64", "%last", f.pixel(x, y))
        last = f.load("i64", place)
        ready = f.value(f"icmp sge i64 {f.calculate('sub', t, last)}, %period")
        f.put(i, ready)
        f.store("i64", f.value(f"select i1 {ready}, i64 {t}, i64 {last}"), place)
    return f.text()


def _denoise() -> str:
    """``denoise``: keep an event if one of the 8 neighbours had one, at most ``window`` before.

    ``last`` has a margin of one pixel around the sensor; ``width`` is its width.
    """
    f = _Walk("denoise", f"i64 %width, i64 %window, {WRITE} %last, {WRITE} %keep")
    with f.each() as (i, t, x, y, _):
        corner = f.at("i64", "%last", f.pixel(x, y))  # the upper left neighbour
        latest = ""
        for row in range(3):
            start = f.at("i64", corner, f.calculate("mul", "%width", row))
            for column in range(3):
                if (row, column) != (1, 1):
                    seen = f.load("i64", start, str(column))
                    more = f.value(f"icmp sgt i64 {seen}, {latest}") if latest else ""
                    latest = f.value(f"select i1 {more}, i64 {seen}, i64 {latest}") if latest else seen
        f.put(i, f.value(f"icmp sle i64 {f.calculate('sub', t, latest)}, %window"))
        f.store("i64", t, f.at("i64", corner, f.calculate("add", "%width", 1)))
    return f.text()


def _integrate() -> str:
    """``integrate``: sum ON as 1 and OFF as -1 for each pixel; keep the event that takes it to ``threshold``, reset."""
    f = _Walk("integrate", f"i64 %width, i64 %threshold, {WRITE} %sums, {WRITE} %keep")
    with f.each() as (i, _, x, y, p):
        place = f.at("i64", "%sums", f.pixel(x, y))
        step = f.calculate("sub", f.calculate("shl", p, 1), 1)
        total = f.calculate("add", f.load("i64", place), step)
        reached = f.value(f"icmp sge i64 {f.calculate('mul', total, step)}, %threshold")
        f.put(i, reached)
        f.store("i64", f.value(f"select i1 {reached}, i64 0, i64 {total}"), place)
    return f.text()


def _patches() -> str:
    """``patches``: copy the last times of one polarity around each event, its own included, (n, size, size).

    ``last`` holds two planes, OFF and ON, ``plane`` pixels each, with a margin of half a patch around the sensor.
    """
    f = _Walk("patches", f"i64 %width, i64 %plane, i64 %size, {WRITE} %last, {WRITE} %out")
    half = f.calculate("lshr", "%size", 1)
    middle = f.calculate("add", f.calculate("mul", half, "%width"), half)
    area = f.calculate("mul", "%size", "%size")
    with f.each() as (i, t, x, y, p):
        corner = f.at("i64", "%last", f.calculate("add", f.pixel(x, y), f.calculate("mul", p, "%plane")))
        f.store("i64", t, corner, middle)
        out = f.at("i64", "%out", f.calculate("mul", i, area))
        with f.loop("row", "%size") as row:
            source = f.at("i64", corner, f.calculate("mul", row, "%width"))
            target = f.at("i64", out, f.calculate("mul", row, "%size"))
            with f.loop("column", "%size") as column:
                f.store("i64", f.load("i64", source, column), target, column)
    return f.text()
