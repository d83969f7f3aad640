"""Threads that work on the blocks of a network together: they wait for each other, and for orders, in compiled code.

Waking a thread takes longer than many steps of a small network. So the others begin with a run and end with it; in
between they look at a counter, and after a while let others have their core.
"""

from spikelet.backends.llvm_printer import Function

APART = 16  # words of two lines of the cache, which are fetched together
EPOCH, FINISHED, COUNTER, ORDER = 0, APART, 2 * APART, 3 * APART  # places in the memory that the threads share
WORDS = 4 * APART
_STOP = -1  # number of blocks that ends a thread
_PATIENCE = 20_000  # looks at a counter, after which a waiting thread lets others have its core
_REST = 100 * _PATIENCE  # looks after which it sleeps in between
_NAP = 50  # microseconds
_DECLARATIONS = "declare i32 @sched_yield()\ndeclare i32 @usleep(i32)"


def text() -> str:
    """Return ``wait``, which ``drive`` calls, and ``lead`` and ``serve``, which call it."""
    return "\n\n".join([_until(), _wait(), _lead(), _serve(), _stop(), _DECLARATIONS])


def _until() -> str:
    """``until``: wait until a counter has come to a number."""
    f = Function("internal void @until(ptr %counter, i64 %number) noinline")
    looks = f.value("alloca i64")
    f.store("i64", "0", looks)
    f.do("br label %look")
    f.label("look")
    there = f.value("load atomic i64, ptr %counter acquire, align 8")
    seen = f.value(f"add i64 {f.load('i64', looks)}, 1")
    f.store("i64", seen, looks)
    with f.when(f.value(f"icmp sgt i64 {seen}, {_PATIENCE}")):
        f.value("call i32 @sched_yield()")
        with f.when(f.value(f"icmp sgt i64 {seen}, {_REST}")):
            f.value(f"call i32 @usleep(i32 {_NAP})")
    f.do(f"br i1 {f.value(f'icmp sge i64 {there}, %number')}, label %done, label %look")
    f.label("done")
    return f.text()


def _wait() -> str:
    """``wait``: wait ``times`` times until all threads have come as far; returns how often there has been a wait."""
    f = Function("internal i64 @wait(ptr %counter, i64 %threads, i64 %passed, i64 %times)")
    with f.loop("time", "%times") as i:
        number = f.value(f"add i64 {f.value(f'add i64 %passed, {i}')}, 1")
        f.value("atomicrmw add ptr %counter, i64 1 acq_rel")
        f.do(f"call void @until(ptr %counter, i64 {f.value(f'mul i64 {number}, %threads')})")
    return "\n".join([*f.lines, "  %end = add i64 %passed, %times", "  ret i64 %end", "}"])


def _lead() -> str:
    """``lead``: let all threads do blocks, this one among them; returns when all have done them."""
    f = Function(
        "void @lead(ptr %table, i64 %calls, i64 %block, i64 %blocks, i64 %step, i64 %length, ptr %shared, "
        "i64 %threads, i64 %behind)"
    )
    for i, name in enumerate(("block", "blocks", "step", "length")):
        f.store("i64", f"%{name}", "%shared", str(ORDER + i))
    counter = f.at("i64", "%shared", str(COUNTER))
    f.store("i64", "0", counter)
    epoch = _order(f)
    f.do(
        "call void @drive(ptr %table, i64 %calls, i64 %block, i64 %blocks, i64 %step, i64 %length, "
        f"ptr {counter}, i64 %threads, i64 %behind)"
    )
    others = f.value("sub i64 %threads, 1")
    finished = f.at("i64", "%shared", str(FINISHED))
    f.do(f"call void @until(ptr {finished}, i64 {f.value(f'mul i64 {epoch}, {others}')})")
    return f.text()


def _order(f: Function) -> str:
    """Let the others read the order that has been written; returns its number."""
    epoch = f.value(f"add i64 {f.load('i64', '%shared', str(EPOCH))}, 1")
    f.do(f"store atomic i64 {epoch}, ptr %shared release, align 8")
    return epoch


def _stop() -> str:
    """``stop``: end the other threads."""
    f = Function("void @stop(ptr %shared)")
    f.store("i64", str(_STOP), "%shared", str(ORDER + 1))
    _order(f)
    return f.text()


def _serve() -> str:
    """``serve``: do what is ordered, until the order to stop."""
    f = Function("void @serve(ptr %table, i64 %calls, ptr %shared, i64 %threads, i64 %behind)")
    done = f.value("alloca i64")
    f.store("i64", "0", done)
    counter, finished = (f.at("i64", "%shared", str(place)) for place in (COUNTER, FINISHED))
    f.do("br label %next")
    f.label("next")
    number = f.value(f"add i64 {f.load('i64', done)}, 1")
    f.store("i64", number, done)
    f.do(f"call void @until(ptr %shared, i64 {number})")
    block, blocks, step, length = (f.load("i64", "%shared", str(ORDER + i)) for i in range(4))
    f.do(f"br i1 {f.value(f'icmp slt i64 {blocks}, 0')}, label %end, label %work")
    f.label("work")
    f.do(
        f"call void @drive(ptr %table, i64 %calls, i64 {block}, i64 {blocks}, i64 {step}, i64 {length}, "
        f"ptr {counter}, i64 %threads, i64 %behind)"
    )
    f.value(f"atomicrmw add ptr {finished}, i64 1 acq_rel")
    f.do("br label %next")
    f.label("end")
    return f.text()
