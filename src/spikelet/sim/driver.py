"""The loop over time of a network as compiled code: a table of calls, and the small kernels between the large ones.

A block is as many steps as the shortest delay, so that what arrives in it was sent before it. In each block the driver
goes through a table of calls ``kernel(args, first, last, scratch)``: fill inputs, deliver spikes, step the neurons,
list the spikes. ``args`` holds 64-bit words: numbers, addresses, and the bits of doubles; the driver writes the number
of the block's first step into one of them. Neurons read their states from one set of arrays and write to another; the
sets change places from block to block, so each call has the arguments for even and for odd blocks.

Several threads have a table each, of their shares (see ``share``). They wait for each other where the kind of the calls
changes: then some read what others have written.
"""

import ctypes
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from spikelet.backends import llvm_jit
from spikelet.backends.llvm_modes import declarations, small_numbers_are_zero
from spikelet.backends.llvm_printer import Function
from spikelet.sim import team
from spikelet.sim.share import WHOLE
from spikelet.sim.team import APART

SIGNATURE = "ptr %args, i64 %first, i64 %last, ptr %scratch"
_RECORD = 8  # words of a call: function, arguments for even and odd blocks, place of the step, first, last, scratch,
# and how often the thread waits for the others before it
_BYTES = 8  # neurons whose flags are looked at in one go
_COUNTS = 16  # sources whose counts are looked at in one go: most are 0
_DECLARATIONS = """
declare i64 @llvm.ctpop.i64(i64)
declare i64 @llvm.cttz.i64(i64, i1)
"""


def lined(numbers: Sequence[int]) -> np.ndarray:
    """Return numbers as an array that has its lines of the cache for itself: the driver writes to it in each block."""
    whole = np.zeros(len(numbers) + 2 * APART, np.int64)
    begin = -whole.ctypes.data % (8 * APART) // 8
    found = whole[begin : begin + len(numbers)]
    found[:] = numbers
    return found


@dataclass(frozen=True)
class Words:
    """The arguments of a kernel by name, in the order of its words; the first two are always the step and the steps.

    Attributes:
        names: Name of each word.
    """

    names: tuple[str, ...]

    def load(self, f: Function, types: Mapping[str, str] | None = None) -> dict[str, str]:
        """Load all words at the head of a kernel: ``ptr`` or ``i64``; returns name -> value."""
        types = types or {}
        return {name: f.word(types.get(name, "i64"), i) for i, name in enumerate(self.names)}

    def array(self, values: Mapping[str, int]) -> np.ndarray:
        """Return the words as an array."""
        return lined([values[name] for name in self.names])


FILL = Words(("step", "T", "rows", "stride", "n", "source", "source.stride", "source.step"))
COLLECT = Words(("step", "T", "fired", "stride", "n", "base", "ids", "row", "counts", "slots"))
LIST = Words(("step", "T", "rows", "n", "ids", "times", "counts", "slots", "thread", "threads"))
GATHER = Words(("step", "T", "rows", "n", "ids", "count", "every", "out", "base"))


def begun(name: str) -> Function:
    """Begin a kernel."""
    return Function(f"void @{name}({SIGNATURE})")


def _drive() -> str:
    given = "ptr %table, i64 %calls, i64 %block, i64 %blocks, i64 %step, i64 %length, ptr %counter, i64 %threads"
    f = Function(f"void @drive({given}, i64 %behind)")
    passed = f.value("alloca i64")
    f.store("i64", "0", passed)

    def wait(times: str) -> None:
        with f.when(f.value(f"icmp sgt i64 {times}, 0")):
            given = f"ptr %counter, i64 %threads, i64 {f.load('i64', passed)}, i64 {times}"
            f.store("i64", f.value(f"call i64 @wait({given})"), passed)

    with small_numbers_are_zero(f), f.loop("block", "%blocks") as b:
        number = f.value(f"add i64 %block, {b}")
        odd = f.value(f"trunc i64 {number} to i1")
        done = f.value(f"mul i64 {b}, %length")
        now = f.value(f"add i64 %step, {done}")
        with f.loop("call", "%calls") as c:
            place = f.value(f"mul i64 {c}, {_RECORD}")
            word = [f.at("i64", "%table", f.value(f"add i64 {place}, {i}")) for i in range(_RECORD)]
            function, even_args, odd_args, scratch = (f.load("ptr", word[i]) for i in (0, 1, 2, 6))
            first, last = f.load("i64", word[4]), f.load("i64", word[5])
            wait(f.load("i64", word[7]))
            args = f.value(f"select i1 {odd}, ptr {odd_args}, ptr {even_args}")
            f.store("i64", now, args, f.load("i64", word[3]))
            f.do(f"call void {function}(ptr {args}, i64 {first}, i64 {last}, ptr {scratch})")
        wait("%behind")
    return f.text()


def _own_steps(f: Function, w: Mapping[str, str]) -> tuple[str, str]:
    """Return the first step of a block that is this thread's, and the first that is not."""
    first = f.value(f"mul i64 {w['T']}, {w['thread']}")
    last = f.value(f"add i64 {first}, {w['T']}")
    return f.value(f"sdiv i64 {first}, {w['threads']}"), f.value(f"sdiv i64 {last}, {w['threads']}")


def _zero(real: str) -> str:
    """``zero_REAL``: rows of a piece of an input are 0."""
    f = begun(f"zero_{real}")
    w = FILL.load(f, {"rows": "ptr"})
    with f.loop("t", w["T"]) as t:
        row = f.at(real, w["rows"], f.value(f"mul i64 {t}, {w['stride']}"))
        with f.loop("i", w["n"]) as i:
            f.store(real, "0.0", row, i)
    return f.text()


def _fill(real: str) -> str:
    """``fill_REAL``: rows of a piece of an input are those of a source, which may be the same for all steps."""
    f = begun(f"fill_{real}")
    w = FILL.load(f, {"rows": "ptr", "source": "ptr"})
    with f.loop("t", w["T"]) as t:
        row = f.at(real, w["rows"], f.value(f"mul i64 {t}, {w['stride']}"))
        now = f.value(f"add i64 {t}, {w['step']}")
        number = f.value(f"sub i64 {now}, {w['source.step']}")
        source = f.at(real, w["source"], f.value(f"mul i64 {number}, {w['source.stride']}"))
        with f.loop("i", w["n"]) as i:
            f.store(real, f.load(real, source, i), row, i)
    return f.text()


def _collect() -> str:
    """``collect``: list the neurons whose flag is set, numbered from ``base``, step by step, in the slots of a ring."""
    f = begun("collect")
    w = COLLECT.load(f, {"fired": "ptr", "ids": "ptr", "counts": "ptr"})
    place = f.value("alloca i64")
    left = f.value("alloca i64")
    words = f.value(f"sdiv i64 {w['n']}, {_BYTES}")
    whole = f.value(f"mul i64 {words}, {_BYTES}")
    with f.loop("t", w["T"]) as t:
        row = f.at("i8", w["fired"], f.value(f"mul i64 {t}, {w['stride']}"))
        now = f.value(f"add i64 {t}, {w['step']}")
        slot = f.value(f"srem i64 {now}, {w['slots']}")
        listed = f.at("i32", w["ids"], f.value(f"mul i64 {slot}, {w['row']}"))
        f.store("i64", "0", place)

        def append(neuron: str, count: str, listed: str = listed) -> None:
            at = f.load("i64", place)
            number = f.value(f"add i64 {neuron}, {w['base']}")
            f.store("i32", f.value(f"trunc i64 {number} to i32"), listed, at)
            f.store("i64", f.value(f"add i64 {at}, {count}"), place)

        with f.loop("word", words) as k:
            flags = f.value(f"load i64, ptr {f.at('i64', row, k)}, align 1")
            with f.when(f.value(f"icmp ne i64 {flags}, 0")):
                f.store("i64", flags, left)
                base = f.value(f"mul i64 {k}, {_BYTES}")
                with f.loop("bit", f.value(f"call i64 @llvm.ctpop.i64(i64 {flags})")):
                    rest = f.load("i64", left)
                    bit = f.value(f"call i64 @llvm.cttz.i64(i64 {rest}, i1 true)")
                    byte = f.value(f"lshr i64 {bit}, 3")
                    append(f.value(f"add i64 {base}, {byte}"), "1")
                    lower = f.value(f"sub i64 {rest}, 1")
                    f.store("i64", f.value(f"and i64 {rest}, {lower}"), left)
        with f.loop("rest", w["n"], whole) as i:
            append(i, f.value(f"zext i8 {f.load('i8', row, i)} to i64"))
        f.store("i32", f.value(f"trunc i64 {f.load('i64', place)} to i32"), w["counts"], slot)
    return f.text()


def _list(real: str) -> str:
    """``list_REAL``: list the sources whose count is not 0, and the count, in the slots of a history."""
    f = begun(f"list_{real}")
    w = LIST.load(f, {"rows": "ptr", "ids": "ptr", "times": "ptr", "counts": "ptr"})
    place = f.value("alloca i64")
    first, end = _own_steps(f, w)
    with f.loop("t", end, first) as t:
        row = f.at(real, w["rows"], f.value(f"mul i64 {t}, {w['n']}"))
        now = f.value(f"add i64 {t}, {w['step']}")
        slot = f.value(f"srem i64 {now}, {w['slots']}")
        begin = f.value(f"mul i64 {slot}, {w['n']}")
        listed, times = f.at("i32", w["ids"], begin), f.at(real, w["times"], begin)
        f.store("i64", "0", place)

        def entry(i: str, row: str = row, listed: str = listed, times: str = times) -> None:
            count = f.load(real, row, i)
            at = f.load("i64", place)
            f.store("i32", f.value(f"trunc i64 {i} to i32"), listed, at)
            f.store(real, count, times, at)
            some = f.value(f"fcmp une {real} {count}, 0.0")
            f.store("i64", f.value(f"add i64 {at}, {f.value(f'zext i1 {some} to i64')}"), place)

        groups = f.value(f"sdiv i64 {w['n']}, {_COUNTS}")
        whole = f.value(f"mul i64 {groups}, {_COUNTS}")
        with f.loop("group", groups) as group:
            begin = f.value(f"mul i64 {group}, {_COUNTS}")
            vector = f"<{_COUNTS} x {real}>"
            counts = f.value(f"load {vector}, ptr {f.at(real, row, begin)}, align 4")
            flags = f.value(f"fcmp une {vector} {counts}, zeroinitializer")
            flags = f.value(f"bitcast <{_COUNTS} x i1> {flags} to i{_COUNTS}")
            with f.when(f.value(f"icmp ne i{_COUNTS} {flags}, 0")):
                with f.loop("i", f.value(f"add i64 {begin}, {_COUNTS}"), begin) as i:
                    entry(i)
        with f.loop("rest", w["n"], whole) as i:
            entry(i)
        f.store("i32", f.value(f"trunc i64 {f.load('i64', place)} to i32"), w["counts"], slot)
    return f.text()


def _gather(type_: str) -> str:
    """``gather_TYPE``: copy chosen neurons of the steps that are recorded, every so many steps."""
    f = begun(f"gather_{type_}")
    w = GATHER.load(f, {"rows": "ptr", "ids": "ptr", "out": "ptr"})
    with f.loop("t", w["T"]) as t:
        now = f.value(f"add i64 {t}, {w['step']}")
        after = f.value(f"add i64 {now}, 1")
        rest = f.value(f"srem i64 {after}, {w['every']}")
        due = f.value(f"icmp eq i64 {rest}, 0")
        with f.when(due):
            number = f.value(f"sdiv i64 {after}, {w['every']}")
            number = f.value(f"sub i64 {number}, {w['base']}")
            out = f.at(type_, w["out"], f.value(f"mul i64 {number}, {w['count']}"))
            row = f.at(type_, w["rows"], f.value(f"mul i64 {t}, {w['n']}"))
            with f.loop("i", w["count"]) as i:
                f.store(type_, f.load(type_, row, f.load("i64", w["ids"], i)), out, i)
    return f.text()


@cache
def library() -> llvm_jit.Library:
    """Return the compiled driver and its small kernels."""
    parts = [team.text(), _drive(), _collect()]
    parts += [make(real) for make in (_zero, _fill, _list) for real in ("float", "double")]
    parts += [_gather(type_) for type_ in ("float", "double", "i8", "i32", "i64")]
    parts += [_DECLARATIONS, declarations()]
    return llvm_jit.compile("\n\n".join(parts))


def address_of(library: llvm_jit.Library, name: str) -> int:
    """Return the address of a kernel, for the table."""
    function = library.function(name, *[ctypes.c_void_p] * 4)
    return ctypes.cast(function, ctypes.c_void_p).value or 0  # type: ignore[arg-type]  # a function pointer is one


@dataclass
class Call:
    """One entry of the table.

    Attributes:
        function: Address of the kernel.
        even: Its words in even blocks.
        odd: Its words in odd blocks; often the same array.
        steps: Place of the number of steps in the words.
        place: Place of the number of the step.
        first: Lower bound of the range that the kernel does.
        last: Upper bound.
        kind: What it works on, see ``share``; of a whole call there is one, whoever has it in its table.
        scratch: Memory that it works in.
        kept: What must stay in memory as long as the call.
    """

    function: int
    even: np.ndarray
    odd: np.ndarray
    steps: int = 1
    place: int = 0
    first: int = 0
    last: int = 1
    kind: str = WHOLE
    scratch: np.ndarray | None = None
    kept: tuple[object, ...] = ()

    def lasts(self, steps: int) -> None:
        """Set the number of steps of a block."""
        self.even[self.steps] = self.odd[self.steps] = steps


class _Table:
    """The calls of one thread as the driver reads them."""

    def __init__(self, calls: Sequence[Call], thread: int, threads: int):
        self.calls, self.empty = calls, np.zeros(1, np.uint8)
        rows, waits, kind = [], 0, calls[-1].kind if calls else WHOLE
        for call in calls:
            waits, kind = waits + (call.kind != kind and threads > 1), call.kind
            if call.first < call.last and (call.kind != WHOLE or thread == 0):
                rows.append((*self._words(call), waits))
                waits = 0
        self.behind, self.count = waits, len(rows)
        self.words = np.array(rows, np.int64).reshape(-1, _RECORD)

    def _words(self, call: Call) -> tuple[int, ...]:
        scratch = self.empty if call.scratch is None else call.scratch
        sides = call.even.ctypes.data, call.odd.ctypes.data
        return call.function, *sides, call.place, call.first, call.last, scratch.ctypes.data


class Driver:
    """Runs tables of calls, one for each thread; their calls are of the same kinds, in the same order.

    Where there are several, it is a context: the other threads begin with it and end with it.
    """

    def __init__(self, *tables: Iterable[Call]):
        self.tables = [_Table(tuple(calls), i, len(tables)) for i, calls in enumerate(tables)]
        self.shared = lined([0] * team.WORDS)
        self.threads: list[threading.Thread] = []
        types = (ctypes.c_void_p, *[ctypes.c_int64] * 5, ctypes.c_void_p, *[ctypes.c_int64] * 2)
        self.function = library().function("lead", *types)

    def __enter__(self) -> "Driver":
        """Begin the other threads."""
        pointer, number = ctypes.c_void_p, ctypes.c_int64
        serve = library().function("serve", pointer, number, pointer, number, number)
        for table in self.tables[1:]:
            given = table.words.ctypes.data, table.count, self.shared.ctypes.data, len(self.tables), table.behind
            self.threads.append(threading.Thread(target=serve, args=given, daemon=True))
            self.threads[-1].start()
        return self

    def __exit__(self, *error: object) -> None:
        """End them."""
        library().function("stop", ctypes.c_void_p)(self.shared.ctypes.data)
        for thread in self.threads:
            thread.join()
        self.threads.clear()

    def run(self, block: int, blocks: int, step: int, length: int) -> None:
        """Run blocks of ``length`` steps from ``step`` on; ``block`` is the number of the first one."""
        for table in self.tables:
            for call in table.calls:
                call.lasts(length)
        own = self.tables[0]
        shared, threads = self.shared.ctypes.data, len(self.tables)
        self.function(own.words.ctypes.data, own.count, block, blocks, step, length, shared, threads, own.behind)
