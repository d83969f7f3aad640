"""What the kernels that connect share: random words by the strip, and loops over lists that lie one behind the other.

Lists (the partners of each row) are given by ``start``: list r takes the places ``start[r]`` to ``start[r + 1] - 1``,
and a kernel that does the rows lo to hi - 1 has memory for these alone. Random words are those of `spikelet.random`:
draw i of row r is word ``i % 32 // 8`` of the block of step ``i // 32 * 8 + i % 8`` and element r, so that eight blocks
are made at once, and a list does not depend on how long it is or on what else is drawn.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from spikelet.backends.llvm_random import LOW, MULTIPLIER, WEYL
from spikelet.backends.sparse_kernels import READ, WRITE, Kernel

WIDE = 8  # blocks that are made at once
GROUP = 4 * WIDE  # words that are made at once; memory for words holds a multiple of them
_KIND = f"<{WIDE} x i64>"


class Lists(Kernel):
    """A function over lists."""

    def __init__(self, head: str):
        super().__init__(head, "double")

    @contextmanager
    def rows(self) -> Iterator[tuple[str, str, str, str]]:
        """Write a loop over rows lo to hi and yield the row, its length, its place in the memory, and in the whole."""
        base = self.load("i64", "%start", "%lo")
        with self.loop("r", "%hi", "%lo") as r:
            first = self.load("i64", "%start", r)
            length = self.calculate("sub", self.load("i64", "%start", self.calculate("add", r, 1)), first)
            yield r, length, self.calculate("sub", first, base), first

    def draw(self, memory: str, count: str, row: str, use: str = "%use") -> None:
        """Fill memory with random words of a row."""
        self.do(f"call void @words(ptr {memory}, i64 {count}, i64 %seed, i64 {row}, i64 {use})")

    def word(self, memory: str, i: str) -> str:
        """Return an entry of memory of 32-bit integers as i64."""
        return self.value(f"zext i32 {self.load('i32', memory, i)} to i64")

    def put_word(self, value: str, memory: str, i: str) -> None:
        """Store an i64 as a 32-bit integer."""
        self.store("i32", self.value(f"trunc i64 {value} to i32"), memory, i)

    def below(self, word: str, n: str) -> str:
        """Return a number in 0 ... n - 1 for a random word; n is at most 2**32."""
        return self.calculate("lshr", self.calculate("mul", word, n), 32)

    def increase(self, memory: str, i: str) -> str:
        """Add 1 to an entry of memory of 64-bit integers, and return what it was."""
        place = self.at("i64", memory, i)
        old = self.load("i64", place)
        self.store("i64", self.calculate("add", old, 1), place)
        return old


def words() -> str:
    """``words``: the first ``count`` words of a row, and up to 31 beyond; ``use`` is stream * 65536 + draw."""
    f = Lists(f"internal void @words({WRITE} %out, i64 %count, i64 %seed, i64 %element, i64 %use) noinline")
    keys = _keys(f)
    rest = [f.everywhere("i64", WIDE, part) for part in ("%element", f.calculate("lshr", "%element", 32), "%use")]
    each = f"<{', '.join(f'i64 {i}' for i in range(WIDE))}>"
    groups = f.calculate("lshr", f.calculate("add", "%count", GROUP - 1), GROUP.bit_length() - 1)
    with f.loop("g", groups) as g:
        first = f.everywhere("i64", WIDE, f.calculate("mul", g, WIDE))
        block = _philox(f, [f.calculate("add", first, each, _KIND), *rest], keys)
        place = f.calculate("mul", g, GROUP)
        for number, word in enumerate(block):
            narrow = f.value(f"trunc {_KIND} {word} to <{WIDE} x i32>")
            at = f.at("i32", "%out", f.calculate("add", place, number * WIDE))
            f.do(f"store <{WIDE} x i32> {narrow}, ptr {at}, align 4")
    return f.text()


def _keys(f: Lists) -> list[tuple[str, str]]:
    """Return the two words of the key of each round, in the low 32 bits."""
    words = "%seed", f.calculate("lshr", "%seed", 32)
    found = []
    for i in range(10):
        key = [
            f.everywhere("i64", WIDE, f.calculate("add", word, weyl * i & LOW))
            for word, weyl in zip(words, WEYL, strict=True)
        ]
        found.append((key[0], key[1]))
    return found


def _philox(f: Lists, counter: list[str], keys: list[tuple[str, str]]) -> list[str]:
    """Return the four words of Philox 4x32-10 in the low 32 bits of vectors of i64.

    The high bits are cut off just before a product, and nowhere else: there the compiler sees that 32 bits are in use,
    for which there is an instruction; of a key that was cut outside of the loop it would not know.
    """

    def do(operation: str, a: str, b: str) -> str:
        return f.calculate(operation, a, b, _KIND)

    def every(number: int) -> str:
        return f"<{', '.join([f'i64 {number}'] * WIDE)}>"

    c0, c1, c2, c3 = counter
    for k0, k1 in keys:
        product0, product1 = (
            do("mul", do("and", word, every(LOW)), every(multiplier))
            for word, multiplier in zip((c0, c2), MULTIPLIER, strict=True)
        )
        c0, c1 = do("xor", do("xor", do("lshr", product1, every(32)), c1), k0), product1
        c2, c3 = do("xor", do("xor", do("lshr", product0, every(32)), c3), k1), product0
    return [c0, c1, c2, c3]


__all__ = ["GROUP", "READ", "WIDE", "WRITE", "Lists", "words"]
