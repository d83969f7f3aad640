"""The text of the kernels that connect: partners of rows drawn at random, counted, and placed, in LLVM.

A row is a source whose targets are drawn, or a target whose sources are. ``n`` is the number of possible partners;
where a row must not be its own partner, row r is partner ``r + shift``, if there is one of that number. Nothing is
sorted: what is drawn by target comes to its source by counting first and then drawing the same words again.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from spikelet.backends.llvm_math import declarations
from spikelet.sim.connect_text import READ, WRITE, Lists, words

NOWHERE = 2**62  # a shift beyond all partners: no row is its own
PART = 7  # words of a list that is merged with others
DENSE = 256  # a set with more than one member in so many is read from its bits, in order
_DRAWN = f"i64 %n, i64 %shift, i64 %seed, i64 %use, {WRITE} %words"


def picks_module() -> str:
    """Return the text of ``replace``, ``distinct``, ``count``, ``throw``, ``spread`` and ``group``."""
    text = "\n\n".join([words(), _replace(), _Distinct().text(), _count(), _throw(), _spread(), _group()])
    return "\n".join([*declarations(text), "", text])


def places_module(index: str, real: str) -> str:
    """Return the text of ``place``, ``merge`` and ``merge_weighted`` for targets ``i16`` or ``i32``."""
    return "\n\n".join([_place(index), _merge(index, real, False), _merge(index, real, True)])


def _own(f: Lists, row: str) -> tuple[str, str]:
    """Return how many partners a row may have, and from which number on they count one further."""
    own = f.calculate("add", row, "%shift")
    inside = f.value(f"icmp ult i64 {own}, %n")
    n = f.calculate("sub", "%n", f.value(f"zext i1 {inside} to i64"))
    return n, f.value(f"select i1 {inside}, i64 {own}, i64 {NOWHERE}")


def _passed(f: Lists, partner: str, own: str) -> str:
    """Return the number of a partner when the row itself is counted too."""
    beyond = f.value(f"icmp sge i64 {partner}, {own}")
    return f.calculate("add", partner, f.value(f"zext i1 {beyond} to i64"))


# -- who --------------------------------------------------------------------------------------------------------------


def _replace() -> str:
    """``replace``: partners of rows lo to hi, drawn independently."""
    f = Lists(f"void @replace(i64 %lo, i64 %hi, {READ} %start, {_DRAWN}, {WRITE} %picks)")
    with f.rows() as (r, length, offset, _):
        f.draw("%words", length, r)
        n, own = _own(f, r)
        picks = f.at("i32", "%picks", offset)
        with f.loop("i", length) as i:
            f.put_word(_passed(f, f.below(f.word("%words", i), n), own), picks, i)
    return f.text()


class _Distinct(Lists):
    """Writes ``distinct``: partners of rows lo to hi, each at most once, every set as likely as any other.

    Floyd's way: of 0 ... n - 1 take m; the i-th draw is among the first n - m + i + 1, and where it has been taken
    already, the last of these is taken instead. Where more than half are wanted, those that stay out are drawn.
    """

    def __init__(self) -> None:
        super().__init__(
            f"void @distinct(i64 %lo, i64 %hi, {READ} %start, {_DRAWN}, {WRITE} %bits, {WRITE} %picks)",
        )
        self.place, self.left = self.variable("i64", "0"), self.variable("i64", "0")
        cells = self.calculate("lshr", self.calculate("add", "%n", 63), 6)
        with self.loop("cell", cells) as cell:
            self.store("i64", "0", "%bits", cell)
        with self.rows() as (r, length, offset, _):
            n, own = _own(self, r)
            others = self.calculate("sub", n, length)
            few = self.value(f"icmp sle i64 {length}, {others}")
            m = self.value(f"select i1 {few}, i64 {length}, i64 {others}")
            self.draw("%words", m, r)
            self._choose(n, m)
            dense = self.value(f"icmp sge i64 {self.calculate('mul', length, DENSE)}, {n}")
            picks = self.at("i32", "%picks", offset)
            with self.when(dense):
                self._read(n, few, own, picks)
            with self.when(self.value(f"xor i1 {dense}, true")):
                self._copy(length, own, picks)

    def _choose(self, n: str, m: str) -> None:
        """Set the bits of m of n, and replace the words by their numbers."""
        first = self.calculate("sub", n, m)
        with self.loop("i", m) as i:
            top = self.calculate("add", first, i)
            drawn = self.below(self.word("%words", i), self.calculate("add", top, 1))
            place, bit = self._bit(drawn)
            taken = self.value(f"icmp ne i64 {self.calculate('and', self.load('i64', place), bit)}, 0")
            chosen = self.value(f"select i1 {taken}, i64 {top}, i64 {drawn}")
            place, bit = self._bit(chosen)
            self.store("i64", self.calculate("or", self.load("i64", place), bit), place)
            self.put_word(chosen, "%words", i)

    def _bit(self, number: str) -> tuple[str, str]:
        place = self.at("i64", "%bits", self.calculate("lshr", number, 6))
        return place, self.calculate("shl", "1", self.calculate("and", number, 63))

    def _read(self, n: str, few: str, own: str, picks: str) -> None:
        """List the numbers whose bits are set (or not, where more than half are wanted), ascending; clear the bits."""
        flip = self.value(f"select i1 {few}, i64 0, i64 -1")
        self.set(self.place, "0")
        with self.loop("cell", self.calculate("lshr", self.calculate("add", n, 63), 6)) as cell:
            place = self.at("i64", "%bits", cell)
            low = self.calculate("shl", cell, 6)
            rest = self.calculate("sub", n, low)
            whole = self.value(f"icmp sge i64 {rest}, 64")
            some = self.calculate("sub", self.calculate("shl", "1", rest), 1)
            inside = self.value(f"select i1 {whole}, i64 -1, i64 {some}")
            self.set(self.left, self.calculate("and", self.calculate("xor", self.load("i64", place), flip), inside))
            self.store("i64", "0", place)
            with self.loop("k", self.value(f"call i64 @llvm.ctpop.i64(i64 {self.get(self.left)})")):
                left = self.get(self.left)
                lowest = self.value(f"call i64 @llvm.cttz.i64(i64 {left}, i1 true)")
                self.set(self.left, self.calculate("and", left, self.calculate("sub", left, 1)))
                at = self.get(self.place)
                self.put_word(_passed(self, self.calculate("add", low, lowest), own), picks, at)
                self.set(self.place, self.calculate("add", at, 1))

    def _copy(self, length: str, own: str, picks: str) -> None:
        """List the numbers as they were chosen; clear their bits."""
        with self.loop("i", length) as i:
            chosen = self.word("%words", i)
            self.store("i64", "0", self._bit(chosen)[0])
            self.put_word(_passed(self, chosen, own), picks, i)


def _throw() -> str:
    """``throw``: throw balls at rows, in steps of ``balls`` each, the last one of the rest; ``counts`` gains them."""
    f = Lists(f"void @throw(i64 %total, i64 %balls, i64 %rows, i64 %seed, i64 %use, {WRITE} %words, {WRITE} %counts)")
    left = f.variable("i64", "0")
    f.set(left, "%total")
    whole = f.calculate("sub", f.calculate("add", "%total", "%balls"), 1)
    with f.loop("batch", f.calculate("udiv", whole, "%balls")) as batch:
        count = f.value(f"call i64 @llvm.smin.i64(i64 {f.get(left)}, i64 %balls)")
        f.draw("%words", count, batch)
        with f.loop("i", count) as i:
            f.increase("%counts", f.below(f.word("%words", i), "%rows"))
        f.set(left, f.calculate("sub", f.get(left), count))
    return f.text()


def _spread() -> str:
    """``spread``: throw balls at rows and at their ``n`` places until ``wanted`` have come to rest; one step of many.

    On ``taken[r]`` of its places row r lets nothing rest. ``counts[r]`` gains what came to rest there; it may be the
    memory of ``taken``: then each ball takes its place. ``batch`` is the element of this step's words.
    """
    f = Lists(
        f"void @spread(i64 %balls, i64 %rows, i64 %n, i64 %seed, i64 %batch, i64 %use, {WRITE} %words, "
        f"ptr %taken, ptr %counts, {WRITE} %wanted)"
    )
    left = f.variable("i64", "0")
    f.set(left, f.load("i64", "%wanted"))
    f.draw("%words", f.calculate("shl", "%balls", 1), "%batch")
    places = f.at("i32", "%words", "%balls")
    with f.loop("i", "%balls") as i:
        row = f.below(f.word("%words", i), "%rows")
        taken = f.load("i64", "%taken", row)
        free = f.value(f"icmp uge i64 {f.below(f.word(places, i), '%n')}, {taken}")
        rests = f.calculate("and", free, f.value(f"icmp sgt i64 {f.get(left)}, 0"), "i1")
        one = f.value(f"zext i1 {rests} to i64")
        counted = f.at("i64", "%counts", row)
        f.store("i64", f.calculate("add", f.load("i64", counted), one), counted)
        f.set(left, f.calculate("sub", f.get(left), one))
    f.store("i64", f.get(left), "%wanted")
    return f.text()


# -- where ------------------------------------------------------------------------------------------------------------


def _count() -> str:
    """``count``: add to ``counts`` how often each number is among the keys."""
    f = Lists(f"void @count({READ} %keys, i64 %number, {WRITE} %counts)")
    with f.loop("i", "%number") as i:
        f.increase("%counts", f.word("%keys", i))
    return f.text()


def _group() -> str:
    """``group``: list the places of equal keys side by side, from ``next[key]`` on, in their order."""
    f = Lists(f"void @group({READ} %keys, i64 %number, {WRITE} %next, {WRITE} %order)")
    with f.loop("i", "%number") as i:
        f.store("i64", i, "%order", f.increase("%next", f.word("%keys", i)))
    return f.text()


def _place(index: str) -> str:
    """``place``: write each row's number to where its partners' lists have come, ``next``."""
    f = Lists(
        f"void @place(i64 %lo, i64 %hi, {READ} %start, {READ} %picks, {WRITE} %next, {WRITE} %targets)",
    )
    with f.rows() as (r, length, offset, _):
        row = f.value(f"trunc i64 {r} to {index}")
        picks = f.at("i32", "%picks", offset)
        with f.loop("i", length) as i:
            f.store(index, row, "%targets", f.increase("%next", f.word(picks, i)))
    return f.text()


def _merge(index: str, real: str, weighted: bool) -> str:
    """``merge``: put the synapses of one delay side by side, in their order, within each of the rows lo to hi.

    ``table`` has `PART` words for each of ``parts`` lists: the addresses of start, picks, which, numbers and values,
    then the step from one value to the next, and what is added to a target. ``which`` is the number of each synapse's
    delay in its list, and ``numbers`` what this delay is among all, 0 ... delays - 1. Row r's segments go to
    ``pointer``, from ``r * delays`` on, and its synapses to their place among all, from ``start[r]`` on.
    """
    weights = f", {WRITE} %weights" if weighted else ""
    f = Lists(
        f"void @merge{'_weighted' if weighted else ''}(i64 %lo, i64 %hi, i64 %parts, {READ} %table, i64 %delays, "
        f"{READ} %start, {WRITE} %next, {WRITE} %pointer, {WRITE} %targets{weights})"
    )
    running = f.variable("i64", "0")
    with f.loop("r", "%hi", "%lo") as r:
        with f.loop("k", "%delays") as k:
            f.store("i64", "0", "%next", k)
        with _synapses(f, r) as (i, which, _):
            f.increase("%next", _number(f, which, i))
        f.set(running, f.load("i64", "%start", r))
        pointer = f.at("i64", "%pointer", f.calculate("mul", r, "%delays"))
        with f.loop("k", "%delays") as k:
            here, count = f.get(running), f.load("i64", "%next", k)
            f.store("i64", here, pointer, k)
            f.store("i64", here, "%next", k)
            f.set(running, f.calculate("add", here, count))
        with _synapses(f, r) as (i, which, rest):
            place = f.increase("%next", _number(f, which, i))
            picks, values, step, shift = rest
            target = f.calculate("add", f.word(picks, i), shift)
            f.store(index, f.value(f"trunc i64 {target} to {index}"), "%targets", place)
            if weighted:
                _weigh(f, real, values, f.calculate("mul", i, step), place)
    return f.text()


@contextmanager
def _synapses(f: Lists, r: str) -> Iterator[tuple[str, tuple[str, str], tuple[str, str, str, str]]]:
    """Write a loop over the synapses of a row, list by list.

    Yields the place in the lists; which and numbers; and picks, values, the step between them, and the shift.
    """
    with f.loop("part", "%parts") as part:
        own = f.at("i64", "%table", f.calculate("mul", part, PART))
        start, picks, which, numbers, values = (f.load("ptr", f.at("i64", own, str(n))) for n in range(5))
        step, shift = (f.load("i64", own, str(n)) for n in (5, 6))
        base, first = f.load("i64", start, "%lo"), f.load("i64", start, r)
        last = f.load("i64", start, f.calculate("add", r, 1))
        with f.loop("i", f.calculate("sub", last, base), f.calculate("sub", first, base)) as i:
            yield i, (which, numbers), (picks, values, step, shift)


def _number(f: Lists, which: tuple[str, str], i: str) -> str:
    """Return the number of a synapse's delay among all."""
    own, numbers = which
    return f.load("i64", numbers, f.value(f"zext i16 {f.load('i16', own, i)} to i64"))


def _weigh(f: Lists, real: str, values: str, i: str, place: str) -> None:
    weight = f.load("double", values, i)
    f.store(real, f.value(f"fptrunc double {weight} to float") if real == "float" else weight, "%weights", place)
