"""The text of the kernels that turn records of fixed size into events, and that look events over, in LLVM."""

from spikelet.backends.sparse_kernels import READ, WRITE, Kernel


def record_module() -> str:
    """Return the text of ``pairs``, ``five`` and ``survey``."""
    return "\n\n".join(["declare i32 @llvm.bswap.i32(i32)", _pairs(), _five(), _survey()])


def _put(f: Kernel, count: str, time: str, x: str, y: str, p: str) -> None:
    """Write event ``count``, 16 bytes: time, x, y, polarity; what is left is 0."""
    place = f.at("i8", "%events", f.calculate("shl", count, 4))
    f.store("i64", time, place)
    address = f.calculate("or", x, f.calculate("shl", y, 16))
    f.store("i64", f.calculate("or", address, f.calculate("shl", p, 32)), f.at("i64", place, "1"))


def _pairs() -> str:
    """``pairs``: records of two words of 32 bits, an address and a time, the address first where ``first`` is 0.

    A record counts where its address has the bits ``value`` of the bits ``mask``. ``fields`` are shift and mask of x, y
    and the polarity. A time counts in ``t_mask``, above ``base``; a fall by more than half of 32 bits is an overflow.
    """
    f = Kernel(
        f"void @pairs({READ} %records, i64 %n, i64 %swap, i64 %first, i64 %mask, i64 %value, {READ} %fields, "
        f"i64 %t_mask, i64 %base, {WRITE} %events, {WRITE} %count)",
        "double",
    )
    fields = [f.load("i64", "%fields", str(i)) for i in range(6)]
    swapped, second = f.value("icmp ne i64 %swap, 0"), f.calculate("xor", "%first", 1)
    total, before, over = f.variable("i64", "0"), f.variable("i64", "0"), f.variable("i64", "%base")
    with f.loop("i", "%n") as i:
        place = f.at("i64", "%records", i)
        words = []
        for number in ("%first", second):
            word = f.load("i32", place, number)
            turned = f.value(f"call i32 @llvm.bswap.i32(i32 {word})")
            chosen = f.value(f"select i1 {swapped}, i32 {turned}, i32 {word}")
            words.append(f.value(f"zext i32 {chosen} to i64"))
        address, t = words[0], f.calculate("and", words[1], "%t_mask")
        fallen = f.value(f"icmp sgt i64 {f.calculate('sub', f.get(before), t)}, {1 << 31}")
        f.set(over, f.calculate("add", f.get(over), f.value(f"select i1 {fallen}, i64 {1 << 32}, i64 0")))
        f.set(before, t)
        x, y, p = (f.calculate("and", f.calculate("lshr", address, fields[2 * k]), fields[2 * k + 1]) for k in range(3))
        count = f.get(total)
        _put(f, count, f.calculate("add", f.get(over), t), x, y, p)  # the next one takes its place if it does not count
        counts = f.value(f"icmp eq i64 {f.calculate('and', address, '%mask')}, %value")
        f.set(total, f.calculate("add", count, f.value(f"zext i1 {counts} to i64")))
    f.store("i64", f.get(total), "%count")
    return f.text()


def _five() -> str:
    """``five``: records of five bytes; those of the row ``overflow`` are none and add ``step`` to all later times."""
    f = Kernel(
        f"void @five({READ} %records, i64 %n, i64 %overflow, i64 %step, {WRITE} %events, {WRITE} %count)", "double"
    )
    total, over = f.variable("i64", "0"), f.variable("i64", "0")
    with f.loop("i", "%n") as i:
        place = f.at("i8", "%records", f.calculate("mul", i, 5))
        x, y, high, middle, low = (f.value(f"zext i8 {f.load('i8', place, str(k))} to i64") for k in range(5))
        upper = f.calculate("shl", f.calculate("and", high, 127), 16)
        t = f.calculate("or", upper, f.calculate("or", f.calculate("shl", middle, 8), low))
        mark = f.value(f"icmp eq i64 {y}, %overflow")
        f.set(over, f.calculate("add", f.get(over), f.value(f"select i1 {mark}, i64 %step, i64 0")))
        count = f.get(total)
        _put(f, count, f.calculate("add", f.get(over), t), x, y, f.calculate("lshr", high, 7))
        f.set(total, f.calculate("add", count, f.value(f"zext i1 {f.value(f'xor i1 {mark}, true')} to i64")))
    f.store("i64", f.get(total), "%count")
    return f.text()


def _survey() -> str:
    """``survey``: the largest x, y and polarity (of 8 bits without a sign), and how often the time falls."""
    f = Kernel(f"void @survey({READ} %events, i64 %n, i64 %stride, {WRITE} %found)", "double")
    tops = [f.variable("i64", "0") for _ in range(3)]
    falls, before = f.variable("i64", "0"), f.variable("i64", str(-(2**63)))
    with f.loop("i", "%n") as i:
        place = f.at("i8", "%events", f.calculate("mul", i, "%stride"))
        t, word = f.load("i64", place), f.load("i64", f.at("i64", place, "1"))
        for top, shift, mask in zip(tops, (0, 16, 32), (0xFFFF, 0xFFFF, 0xFF), strict=True):
            value = f.calculate("and", f.calculate("lshr", word, shift), mask)
            larger = f.value(f"icmp sgt i64 {value}, {f.get(top)}")
            f.set(top, f.value(f"select i1 {larger}, i64 {value}, i64 {f.get(top)}"))
        fallen = f.value(f"zext i1 {f.value(f'icmp slt i64 {t}, {f.get(before)}')} to i64")
        f.set(falls, f.calculate("add", f.get(falls), fallen))
        f.set(before, t)
    for number, variable in enumerate([*tops, falls]):
        f.store("i64", f.get(variable), "%found", str(number))
    return f.text()
