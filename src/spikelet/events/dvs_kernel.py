"""The text of the kernel of the DVS pixel, in LLVM: one pixel after the other, from event to event.

Between two frames the difference d of light and memory moves along a line, so that the times of its crossings are known
without steps. Times are double, in microseconds.
"""

from spikelet.backends.llvm_printer import number
from spikelet.backends.sparse_kernels import READ, WRITE, Kernel

NEAR = 1e-9  # of a threshold, and of a time between frames: what is missing by rounding is no miss
_INFINITY = number(float("inf"), "double")


def dvs_module() -> str:
    """Return the text of ``pixels``."""
    return _Pixels().text()


class _Pixels(Kernel):
    """``pixels``: the events of n pixels over a row of frames.

    ``light`` is (frames, n) log intensity; ``on``, ``off``, ``leak`` are (n,), thresholds and rise of d by itself
    [1/us]; noise events of pixel j are ``noise_start[j]`` to ``noise_start[j + 1] - 1`` of ``noise_t``, to which one
    entry is added that is never used, and ``noise_p``. ``count`` tells how many events there are; of these, the first
    ``capacity`` are written: ``out_t``, and ``out_pixel``, 2 * pixel + polarity.
    """

    def __init__(self) -> None:
        super().__init__(
            f"void @pixels(i64 %n, i64 %frames, {READ} %times, {READ} %light, {READ} %on, {READ} %off, {READ} %leak, "
            f"double %period, {READ} %noise_start, {READ} %noise_t, {READ} %noise_p, {WRITE} %out_t, "
            f"{WRITE} %out_pixel, i64 %capacity, {WRITE} %count)",
            "double",
        )
        self.d, self.ready, self.t = (self.variable("double", self.zero) for _ in range(3))
        self.k, self.total, self.going = (self.variable("i64", "0") for _ in range(3))
        intervals = self.calculate("sub", "%frames", 1)
        with self.loop("j", "%n") as j:
            self._begin(j)
            with self.loop("i", intervals) as i:
                self._interval(i)
        self.store("i64", self.get(self.total), "%count")

    def _real(self, operation: str, a: str, b: str) -> str:
        return self.calculate(f"f{operation}", a, b, "double")

    def _below(self, a: str, b: str) -> str:
        return self.value(f"fcmp olt double {a}, {b}")

    def _choose(self, condition: str, a: str, b: str) -> str:
        return self.value(f"select i1 {condition}, double {a}, double {b}")

    def _begin(self, j: str) -> None:
        """Load what belongs to a pixel; its memory is the first frame."""
        self.pixel = j
        self.on, self.leak = (self.load("double", f"%{name}", j) for name in ("on", "leak"))
        self.off = self.value(f"fneg double {self.load('double', '%off', j)}")
        self.stop = self.load("i64", "%noise_start", self.calculate("add", j, 1))
        self.set(self.k, self.load("i64", "%noise_start", j))
        self.set(self.d, self.zero)
        self.set(self.ready, self.load("double", "%times", "0"))

    def _interval(self, i: str) -> None:
        """Write the events between frames i and i + 1."""
        after = self.calculate("add", i, 1)
        start, self.end = (self.load("double", "%times", place) for place in (i, after))
        span = self._real("sub", self.end, start)
        light = [
            self.load("double", "%light", self.calculate("add", self.calculate("mul", place, "%n"), self.pixel))
            for place in (i, after)
        ]
        self.slope = self._real("add", self._real("div", self._real("sub", light[1], light[0]), span), self.leak)
        self.limit = self._real("add", self.end, self._real("mul", span, number(NEAR, "double")))
        ready = self.get(self.ready)
        self.set(self.t, self._choose(self._below(start, ready), ready, start))
        self.set(self.going, "1")
        with self.repeat(self._is_going):
            self._skip_noise()
            self._next()

    def _is_going(self) -> str:
        going = self.value(f"icmp ne i64 {self.get(self.going)}, 0")
        return self.calculate("and", going, self._below(self.get(self.t), self.end), "i1")

    def _noise_left(self) -> str:
        return self.value(f"icmp slt i64 {self.get(self.k)}, {self.stop}")

    def _skip_noise(self) -> None:
        """Pass the noise that came while the pixel was held."""

        def held() -> str:
            before = self._below(self.load("double", "%noise_t", self.get(self.k)), self.get(self.t))
            return self.calculate("and", self._noise_left(), before, "i1")

        with self.repeat(held):
            self.set(self.k, self.calculate("add", self.get(self.k), 1))

    def _next(self) -> None:
        """Go to the next event, or to the end of the interval."""
        t, d = self.get(self.t), self.get(self.d)
        rising = self._below(self.zero, self.slope)
        way = self._real("sub", self._choose(rising, self.on, self.off), d)
        still = self.value(f"fcmp oeq double {self.slope}, {self.zero}")
        crossing = self._choose(still, _INFINITY, self._real("add", t, self._real("div", way, self.slope)))
        noise = self._choose(self._noise_left(), self.load("double", "%noise_t", self.get(self.k)), _INFINITY)
        noisy = self._below(noise, crossing)
        when = self._choose(noisy, noise, crossing)
        over = self._below(self.limit, when)
        with self.when(over):
            self.set(self.d, self._real("add", d, self._real("mul", self.slope, self._real("sub", self.end, t))))
            self.set(self.going, "0")
        with self.when(self.value(f"xor i1 {over}, true")):
            self._event(self._choose(self._below(self.end, when), self.end, when), noisy, rising)

    def _event(self, when: str, noisy: str, rising: str) -> None:
        """Write an event and hold the pixel, whose memory then takes the light of that moment."""
        told = self.value(f"trunc i8 {self.load('i8', '%noise_p', self.get(self.k))} to i1")
        polarity = self.value(f"zext i1 {self.value(f'select i1 {noisy}, i1 {told}, i1 {rising}')} to i64")
        total = self.get(self.total)
        with self.when(self.value(f"icmp slt i64 {total}, %capacity")):
            self.store("double", when, "%out_t", total)
            code = self.calculate("or", self.calculate("shl", self.pixel, 1), polarity)
            self.store("i64", code, "%out_pixel", total)
        self.set(self.total, self.calculate("add", total, 1))
        self.set(self.k, self.calculate("add", self.get(self.k), self.value(f"zext i1 {noisy} to i64")))
        self.set(self.d, self.zero)
        ready = self._real("add", when, "%period")
        self.set(self.ready, ready)
        self.set(self.t, ready)
