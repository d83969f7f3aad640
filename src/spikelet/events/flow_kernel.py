"""The text of the kernel that matches blocks of two slices, in LLVM."""

from spikelet.backends.sparse_kernels import READ, WRITE, Kernel


def flow_module() -> str:
    """Return the text of ``match``.

    ``corners`` are the places of the upper left pixels of the blocks in ``newer``, ``steps`` how far before it the
    block of each displacement begins in ``older``; both slices are i32. The first of the best displacements is taken.
    """
    f = Kernel(
        f"void @match({READ} %newer, {READ} %older, i64 %width, {READ} %corners, i64 %count, i64 %block, "
        f"{READ} %steps, i64 %displacements, {WRITE} %which, {WRITE} %sad)",
        "double",
    )
    total, best, chosen = (f.variable("i64", "0") for _ in range(3))
    with f.loop("k", "%count") as k:
        corner = f.load("i64", "%corners", k)
        f.set(best, str(2**62))
        with f.loop("s", "%displacements") as s:
            before = f.calculate("sub", corner, f.load("i64", "%steps", s))
            f.set(total, "0")
            _differences(f, total, corner, before)
            better = f.value(f"icmp slt i64 {f.get(total)}, {f.get(best)}")
            f.set(best, f.value(f"select i1 {better}, i64 {f.get(total)}, i64 {f.get(best)}"))
            f.set(chosen, f.value(f"select i1 {better}, i64 {s}, i64 {f.get(chosen)}"))
        f.store("i64", f.get(chosen), "%which", k)
        f.store("i64", f.get(best), "%sad", k)
    return "declare i32 @llvm.abs.i32(i32, i1)\n\n" + f.text()


def _differences(f: Kernel, total: str, corner: str, before: str) -> None:
    """Add the absolute differences of two blocks."""
    with f.loop("row", "%block") as row:
        down = f.calculate("mul", row, "%width")
        new = f.at("i32", "%newer", f.calculate("add", corner, down))
        old = f.at("i32", "%older", f.calculate("add", before, down))
        with f.loop("column", "%block") as column:
            apart = f.calculate("sub", f.load("i32", new, column), f.load("i32", old, column), "i32")
            size = f.value(f"call i32 @llvm.abs.i32(i32 {apart}, i1 false)")
            f.set(total, f.calculate("add", f.get(total), f.value(f"zext i32 {size} to i64")))
