"""Lists of spikes: from the flags of neurons into the history of their population.

One thread lists all. Of several, each lists the spikes of its own neurons first, which it has at hand; when all have,
each copies its list behind those of the threads before it. So a list is ascending, and flags stay where they are.
"""

from collections.abc import Sequence
from functools import cache

import numpy as np

from spikelet.backends import llvm_jit
from spikelet.sim import driver
from spikelet.sim.driver import Call, Words
from spikelet.sim.group import Stepping, placed
from spikelet.sim.history import History
from spikelet.sim.share import LISTS, OWN, Share

JOIN = Words(
    ("step", "T", "own", "stride", "counted", "apart", "mask", "thread", "threads", "ids", "row", "counts", "slots")
)
_LINES = 32  # 32-bit numbers in two lines of the cache: counts of two threads are not to share them


class Listing:
    """The lists of one population.

    Args:
        history: Where they go.
        steppings: Whose flags they are made of, one for each thread.
        length: Most steps of a block.
    """

    def __init__(self, history: History, steppings: Sequence[Stepping], length: int):
        self.history, self.steppings, self.n = history, steppings, steppings[0].group.n
        self.slots = max(1 << (length - 1).bit_length(), _LINES)
        self.counted = placed((len(steppings), self.slots), np.dtype(np.int32))

    def calls(self, share: Share) -> tuple[list[Call], list[Call]]:
        """Return the calls of a thread: those that look at its own neurons, and those after which others may read."""
        history = self.history.words()
        if share.count == 1:
            place = {"ids": history["ids"], "row": self.history.ids.shape[1]}
            return [self._collect(share, place | {"counts": history["counts"], "slots": history["slots"]})], []
        lo, hi = share.of(self.n)
        own = placed((self.slots, max(hi - lo, 1)), np.dtype(np.int32))
        counted = self.counted[share.number]
        place = {"ids": own.ctypes.data, "row": own.shape[1], "counts": counted.ctypes.data, "slots": self.slots}
        words = JOIN.array(
            {
                "step": 0, "T": 0, "own": own.ctypes.data, "stride": own.shape[1],
                "counted": self.counted.ctypes.data, "apart": self.slots, "mask": self.slots - 1,
                "row": self.history.ids.shape[1], **history, **share.words,
            }
        )  # fmt: skip
        kept = own, self.counted, self.history
        join = Call(driver.address_of(_library(), "join"), words, words, kind=LISTS, kept=kept)
        return [self._collect(share, place, own)], [join]

    def _collect(self, share: Share, place: dict[str, int], own: np.ndarray | None = None) -> Call:
        fired, (lo, hi) = self.steppings[share.number].fired, share.of(self.n)
        given = {
            "step": 0,
            "T": 0,
            "fired": fired[0, lo:].ctypes.data,
            "stride": fired.shape[1],
            "n": hi - lo,
            "base": lo,
        }
        words, library = driver.COLLECT.array(given | place), driver.library()
        kept = library, fired, own, self.history
        return Call(driver.address_of(library, "collect"), words, words, kind=OWN, kept=kept)


@cache
def _library() -> llvm_jit.Library:
    return llvm_jit.compile(_join())


def _join() -> str:
    """``join``: copy the lists of a thread to the history; the last thread writes how many there are."""
    f = driver.begun("join")
    w = JOIN.load(f, dict.fromkeys(("own", "counted", "ids", "counts"), "ptr"))
    before = f.value("alloca i64")
    last = f.value(f"icmp eq i64 {w['thread']}, {f.value(f'''sub i64 {w['threads']}, 1''')}")
    with f.loop("t", w["T"]) as t:
        now = f.value(f"add i64 {t}, {w['step']}")
        here = f.value(f"and i64 {now}, {w['mask']}")
        slot = f.value(f"srem i64 {now}, {w['slots']}")
        f.store("i64", "0", before)
        with f.loop("k", w["thread"]) as k:
            place = f.value(f"add i64 {f.value(f'''mul i64 {k}, {w['apart']}''')}, {here}")
            count = f.value(f"zext i32 {f.load('i32', w['counted'], place)} to i64")
            f.store("i64", f.value(f"add i64 {f.load('i64', before)}, {count}"), before)
        place = f.value(f"add i64 {f.value(f'''mul i64 {w['thread']}, {w['apart']}''')}, {here}")
        count = f.value(f"zext i32 {f.load('i32', w['counted'], place)} to i64")
        begin = f.load("i64", before)
        own = f.at("i32", w["own"], f.value(f"mul i64 {here}, {w['stride']}"))
        listed = f.at("i32", w["ids"], f.value(f"add i64 {f.value(f'''mul i64 {slot}, {w['row']}''')}, {begin}"))
        with f.loop("i", count) as i:
            f.store("i32", f.load("i32", own, i), listed, i)
        with f.when(last):
            total = f.value(f"add i64 {begin}, {count}")
            f.store("i32", f.value(f"trunc i64 {total} to i32"), w["counts"], slot)
    return f.text()
