"""The text of the kernel of `first_spike`: a convolution of spikes in which each neuron fires at most once, in LLVM.

Spikes are taken in the order of their steps, and each adds its patch of weights to the potentials; so the work goes
with the number of spikes, of which there are few. For each sample: sort the spikes by step -> for each step, add the
patches, then see who has reached the threshold -> where maps compete, silence at each place all but the first. Each
potential is a sum in the order of the spikes, with one rounding a term.
"""

from spikelet.backends.sparse_kernels import READ, WRITE, Kernel

NAME = "first_spikes"
SIZES = ("batch", "channels", "height", "width", "rows", "columns", "maps", "deep", "wide", "padding", "steps")
"""The integers that it is given: samples; channels, height and width of the input; height and width of the output; its
maps, a multiple of a vector; height and width of the weights' patch; zeros around the input; steps."""


def module(real: str) -> str:
    """Return the text of the kernel for ``real`` numbers, ``float`` or ``double``."""
    pointers = f"{READ} %input, {READ} %weight, {WRITE} %fired, {WRITE} %potential"
    scratch = f"{WRITE} %list, {WRITE} %ends, {WRITE} %sums, {WRITE} %when"
    sizes = ", ".join(f"i64 %{name}" for name in SIZES)
    f = Kernel(f"void @{NAME}({pointers}, {scratch}, {sizes}, {real} %threshold, i1 %compete)", real)
    f.do("%plane = mul i64 %height, %width")
    f.do("%inputs = mul i64 %channels, %plane")
    f.do("%places = mul i64 %rows, %columns")
    f.do("%neurons = mul i64 %places, %maps")
    f.do("%silent = trunc i64 %steps to i32")
    best = _Best(f)
    with f.loop("b", "%batch") as b:
        of_input = f.at("i8", "%input", f.calculate("mul", b, "%inputs"))
        first = f.calculate("mul", b, "%neurons")
        potential = f.at(real, "%potential", first)
        _sort(f, of_input)
        with f.loop("i", "%neurons") as i:
            f.store(real, f.zero, "%sums", i)
            f.store("i32", "%silent", "%when", i)
            f.store(real, f.zero, potential, i)
        with f.loop("t", "%steps") as t:
            _step(f, t, potential)
        with f.when("%compete"), f.loop("p", "%places") as p:
            best.silence(f.calculate("mul", p, "%maps"), potential)
        fired = f.at("i8", "%fired", first)
        with f.loop("i", "%neurons") as i:
            f.store("i8", f.value(f"trunc i32 {f.load('i32', '%when', i)} to i8"), fired, i)
    return f.text()


def _sort(f: Kernel, of_input: str) -> None:
    """List the inputs that fire by their step; ``ends`` becomes where the spikes of each step end in the list."""
    last = f.calculate("add", "%steps", 2)
    with f.loop("t", last) as t:
        f.store("i64", "0", "%ends", t)
    with f.loop("i", "%inputs") as i:  # what is silent fires in step T, at the end of the list
        after = f.at("i64", "%ends", f.calculate("add", _step_of(f, of_input, i), 1))
        f.store("i64", f.calculate("add", f.load("i64", after), 1), after)
    with f.loop("t", last, "1") as t:
        before = f.load("i64", "%ends", f.calculate("sub", t, 1))
        f.store("i64", f.calculate("add", f.load("i64", "%ends", t), before), "%ends", t)
    with f.loop("i", "%inputs") as i:
        end = f.at("i64", "%ends", _step_of(f, of_input, i))
        place = f.load("i64", end)
        f.store("i64", i, "%list", place)
        f.store("i64", f.calculate("add", place, 1), end)


def _step_of(f: Kernel, of_input: str, i: str) -> str:
    return f.value(f"zext i8 {f.load('i8', of_input, i)} to i64")


def _step(f: Kernel, t: str, potential: str) -> None:
    """Add the patches of the spikes of a step, and see who fires; a step without spikes changes nothing."""
    is_first = f.value(f"icmp eq i64 {t}, 0")
    before = f.value(f"select i1 {is_first}, i64 0, i64 {f.calculate('sub', t, 1)}")
    begin = f.value(f"select i1 {is_first}, i64 0, i64 {f.load('i64', '%ends', before)}")
    end = f.load("i64", "%ends", t)
    with f.when(f.value(f"icmp slt i64 {begin}, {end}")):
        with f.loop("e", end, begin) as e:
            _add(f, f.load("i64", "%list", e))
        step = f.value(f"trunc i64 {t} to i32")
        with f.loop("i", "%neurons") as i:
            total, when = f.load(f.real, "%sums", i), f.load("i32", "%when", i)
            waits = f.value(f"icmp eq i32 {when}, %silent")
            seen = f.value(f"select i1 {waits}, {f.real} {total}, {f.real} {f.load(f.real, potential, i)}")
            fires = f.value(f"fcmp ogt {f.real} {seen}, %threshold")
            now = f.value(f"and i1 {waits}, {fires}")
            f.store(f.real, seen, potential, i)
            f.store("i32", f.value(f"select i1 {now}, i32 {step}, i32 {when}"), "%when", i)


def _add(f: Kernel, spike: str) -> None:
    """Add the patch of one spike: output (y, x) sees input (y + i - padding, x + j - padding) through weight (i, j)."""
    channel, place = f.calculate("sdiv", spike, "%plane"), f.calculate("srem", spike, "%plane")
    y = f.calculate("add", f.calculate("sdiv", place, "%width"), "%padding")
    x = f.calculate("add", f.calculate("srem", place, "%width"), "%padding")
    tops, lefts = _taps(f, y, "%rows", "%deep"), _taps(f, x, "%columns", "%wide")
    with f.loop("i", tops[1], tops[0]) as i, f.loop("j", lefts[1], lefts[0]) as j:
        row = f.calculate("mul", f.calculate("sub", y, i), "%columns")
        target = f.calculate("mul", f.calculate("add", row, f.calculate("sub", x, j)), "%maps")
        line = f.calculate("add", f.calculate("mul", channel, "%deep"), i)
        tap = f.calculate("mul", f.calculate("add", f.calculate("mul", line, "%wide"), j), "%maps")
        sums, weights = f.at(f.real, "%sums", target), f.at(f.real, "%weight", tap)
        with f.loop("m", "%maps") as m:
            total = f.calculate("fadd", f.load(f.real, sums, m), f.load(f.real, weights, m), f.real)
            f.store(f.real, total, sums, m)


def _taps(f: Kernel, place: str, size: str, taps: str) -> tuple[str, str]:
    """Return first and last plus one of the taps through which an input is seen from inside the output."""
    low = f.calculate("sub", f.calculate("add", place, 1), size)
    high = f.calculate("add", place, 1)
    first = f.value(f"select i1 {f.value(f'icmp sgt i64 {low}, 0')}, i64 {low}, i64 0")
    return first, f.value(f"select i1 {f.value(f'icmp slt i64 {high}, {taps}')}, i64 {high}, i64 {taps}")


class _Best:
    """Of the maps at one place, the one that fires first; of equal ones that of the highest potential, then the first.

    Its variables are declared in the entry block.
    """

    def __init__(self, f: Kernel):
        self.f = f
        self.map, self.step = f.variable("i64", "-1"), f.variable("i32", "%silent")
        self.potential = f.variable(f.real, f.zero)

    def silence(self, place: str, potential: str) -> None:
        """Let the other maps at a place be silent."""
        f = self.f
        f.set(self.map, "-1")
        f.set(self.step, "%silent")
        with f.loop("m", "%maps") as m:
            self._compare(m, f.calculate("add", place, m), potential)
        with f.loop("m", "%maps") as m:
            i = f.calculate("add", place, m)
            wins = f.value(f"icmp eq i64 {m}, {f.get(self.map)}")
            f.store("i32", f.value(f"select i1 {wins}, i32 {f.load('i32', '%when', i)}, i32 %silent"), "%when", i)

    def _compare(self, m: str, i: str, potential: str) -> None:
        f = self.f
        when, seen = f.load("i32", "%when", i), f.load(f.real, potential, i)
        earlier = f.value(f"icmp slt i32 {when}, {f.get(self.step)}")
        equal = f.value(f"icmp eq i32 {when}, {f.get(self.step)}")
        higher = f.value(f"fcmp ogt {f.real} {seen}, {f.get(self.potential)}")
        fires = f.value(f"icmp slt i32 {when}, %silent")
        better = f.value(f"and i1 {fires}, {f.value(f'and i1 {equal}, {higher}')}")
        with f.when(f.value(f"or i1 {earlier}, {better}")):
            f.set(self.map, m)
            f.set(self.step, when)
            f.set(self.potential, seen)
