"""The text of the kernels that draw weights and delays, in LLVM.

Numbers are made in pairs: draws i and i + half of a round make numbers i and i + half. What lies outside the bounds is
drawn again in a further round (the next ``draw`` of the generator), as often as it takes. Delays are whole numbers of
steps, so that their law is a list of probabilities: a word is looked up among its sums, exact to 2**-32.
"""

from collections.abc import Callable

from spikelet.backends.llvm_math import declarations, exp
from spikelet.backends.llvm_random import normal_pair, unit
from spikelet.backends.llvm_values import Value
from spikelet.sim.connect_text import READ, WRITE, Lists, words

LAWS = ("uniform", "normal", "lognormal")  # as they are numbered in `draw`
GUIDE_BITS = 12  # leading bits of a word by which the search for its delay begins
Pair = tuple[Value, Value]


def laws_module() -> str:
    """Return the text of ``draw`` and ``delays``."""
    text = "\n\n".join([words(), *(_fill(law) for law in LAWS), _draw(), _delays()])
    return "\n".join([*declarations(text), "", text])


def _fill(law: str) -> str:
    """Return the function that makes ``half`` pairs of numbers of a law with parameters a, b and c."""
    f = Lists(
        f"internal void @{law}({READ} %first, {READ} %second, i64 %half, double %a, double %b, double %c, "
        f"{WRITE} %out0, {WRITE} %out1) noinline"
    )
    a, b, c = (Value(f, "double", name) for name in ("%a", "%b", "%c"))
    with f.loop("i", "%half") as i:
        u0, u1 = (unit(Value(f, "i64", f.word(memory, i))) for memory in ("%first", "%second"))
        for memory, drawn in zip(("%out0", "%out1"), _PAIRS[law](u0, u1), strict=True):
            number = drawn * b + a
            f.store("double", (exp(number) * c if law == "lognormal" else number).name, memory, i)
    return f.text()


_PAIRS: dict[str, Callable[[Value, Value], Pair]] = {
    "uniform": lambda u0, u1: (u0, u1), "normal": normal_pair, "lognormal": normal_pair,
}  # fmt: skip


def _draw() -> str:
    """``draw``: numbers of a law within bounds, one for each member of the lists of rows lo to hi."""
    f = Lists(
        f"void @draw(i64 %lo, i64 %hi, {READ} %start, i64 %law, double %a, double %b, double %c, double %low, "
        f"double %high, i64 %seed, i64 %use, {WRITE} %words, {WRITE} %tries, {WRITE} %pending, {WRITE} %values)"
    )
    missing, use, kept = f.variable("i64", "0"), f.variable("i64", "0"), f.variable("i64", "0")
    with f.rows() as (r, length, offset, _):
        values = f.at("double", "%values", offset)
        _round(f, length, r, "%use")
        f.set(missing, "0")
        with f.loop("i", length) as i:  # a loop of its own, without places: mostly nothing is missing
            number = f.load("double", "%tries", i)
            f.store("double", number, values, i)
            f.set(missing, f.calculate("add", f.get(missing), _outside(f, number)))
        with f.when(f.value(f"icmp sgt i64 {f.get(missing)}, 0")):
            f.set(kept, "0")
            with f.loop("i", length) as i:
                _keep(f, kept, i, f.load("double", "%tries", i))
            f.set(use, "%use")
        with f.repeat(lambda: f.value(f"icmp sgt i64 {f.get(missing)}, 0")):
            f.set(use, f.calculate("add", f.get(use), 1))
            count = f.get(missing)
            _round(f, count, r, f.get(use))
            f.set(kept, "0")
            with f.loop("i", count) as i:
                number, place = f.load("double", "%tries", i), f.word("%pending", i)
                f.store("double", number, values, place)
                _keep(f, kept, place, number)  # never ahead of what is still to be read
            f.set(missing, f.get(kept))
    return f.text()


def _round(f: Lists, count: str, row: str, use: str) -> None:
    """Fill ``tries`` with ``count`` numbers of the law."""
    half = f.calculate("lshr", f.calculate("add", count, 1), 1)
    f.draw("%words", f.calculate("shl", half, 1), row, use)
    second, out = f.at("i32", "%words", half), f.at("double", "%tries", half)
    for number, law in enumerate(LAWS):
        with f.when(f.value(f"icmp eq i64 %law, {number}")):
            f.do(
                f"call void @{law}(ptr %words, ptr {second}, i64 {half}, double %a, double %b, double %c, "
                f"ptr %tries, ptr {out})"
            )


def _outside(f: Lists, number: str) -> str:
    """Return 1 where a number is out of bounds, else 0."""
    low, high = f.value(f"fcmp olt double {number}, %low"), f.value(f"fcmp ogt double {number}, %high")
    return f.value(f"zext i1 {f.calculate('or', low, high, 'i1')} to i64")


def _keep(f: Lists, kept: str, place: str, number: str) -> None:
    """Append a place to ``pending`` where its number is out of bounds."""
    at = f.get(kept)
    f.put_word(place, "%pending", at)
    f.set(kept, f.calculate("add", at, _outside(f, number)))


def _delays() -> str:
    """``delays``: the number of a delay for each member of the lists of rows lo to hi.

    It is the first whose limit lies above the word; ``guide`` tells where to begin, for each value of the leading bits.
    """
    f = Lists(
        f"void @delays(i64 %lo, i64 %hi, {READ} %start, {READ} %guide, {READ} %limits, i64 %seed, i64 %use, "
        f"{WRITE} %words, {WRITE} %which)"
    )
    found = f.variable("i64", "0")
    with f.rows() as (r, length, offset, _):
        f.draw("%words", length, r)
        which = f.at("i16", "%which", offset)
        with f.loop("i", length) as i:
            word = f.word("%words", i)
            begin = f.load("i16", "%guide", f.calculate("lshr", word, 32 - GUIDE_BITS))
            f.set(found, f.value(f"zext i16 {begin} to i64"))
            with f.repeat(lambda: f.value(f"icmp uge i64 {word}, {f.load('i64', '%limits', f.get(found))}")):
                f.set(found, f.calculate("add", f.get(found), 1))
            f.store("i16", f.value(f"trunc i64 {f.get(found)} to i16"), which, i)
    return f.text()
