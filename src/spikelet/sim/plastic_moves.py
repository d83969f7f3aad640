"""Small kernels of plastic projections: rows of their own, copies of neurons' states, and the index by target."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from spikelet.backends import llvm_jit
from spikelet.backends.llvm_printer import Function
from spikelet.sim.driver import SIGNATURE, Words

MOVE = Words(("step", "T", "to", "of", "n", "slots", "stride"))
FILL = Words(("step", "T", "to", "of", "sources", "delays", "delay", "begin", "end", "slots", "stride"))


def _slot(f: Function, w: dict[str, str], real: str, name: str, step: str) -> str:
    """Return the slot of a ring for a step."""
    slot = f.value(f"srem i64 {step}, {w['slots']}")
    return f.at(real, w[name], f.value(f"mul i64 {slot}, {w['stride']}"))


def _add(real: str) -> str:
    """``add``: to[i] += of[slot of the step, i]."""
    f = Function(f"void @add({SIGNATURE})")
    w = MOVE.load(f, {"to": "ptr", "of": "ptr"})
    row = _slot(f, w, real, "of", w["step"])
    with f.loop("i", w["n"]) as i:
        place = f.at(real, w["to"], i)
        f.store(real, f.value(f"fadd {real} {f.load(real, place)}, {f.load(real, row, i)}"), place)
    return f.text()


def _clear(real: str) -> str:
    """``clear``: to[slot of the step, i] = 0."""
    f = Function(f"void @clear({SIGNATURE})")
    w = MOVE.load(f, {"to": "ptr"})
    row = _slot(f, w, real, "to", w["step"])
    with f.loop("i", w["n"]) as i:
        f.store(real, "0.0", row, i)
    return f.text()


def _keep(real: str) -> str:
    """``keep``: to[slot of the step, i] = of[i]."""
    f = Function(f"void @keep({SIGNATURE})")
    w = MOVE.load(f, {"to": "ptr", "of": "ptr"})
    row = _slot(f, w, real, "to", w["step"])
    with f.loop("i", w["n"]) as i:
        f.store(real, f.load(real, w["of"], i), row, i)
    return f.text()


def _see(real: str) -> str:
    """``see``: to[s, d] = of[slot of the step delay[d] ago, s], for delays ``begin`` to ``end - 1``."""
    f = Function(f"void @see({SIGNATURE})")
    w = FILL.load(f, {"to": "ptr", "of": "ptr", "delay": "ptr"})
    with f.loop("d", w["end"], w["begin"]) as d:
        ago = f.value(f"sub i64 {w['step']}, {f.load('i64', w['delay'], d)}")
        row = _slot(f, w, real, "of", f.value(f"add i64 {ago}, {w['slots']}"))  # never below 0
        with f.loop("s", w["sources"]) as s:
            line = f.value(f"mul i64 {s}, {w['delays']}")
            f.store(real, f.load(real, row, s), w["to"], f.value(f"add i64 {line}, {d}"))
    return f.text()


@cache
def moving(real: str) -> llvm_jit.Library:
    """Return ``add``, ``clear``, ``keep`` and ``see``."""
    return llvm_jit.compile("\n\n".join(make(real) for make in (_add, _clear, _keep, _see)))


@contextmanager
def _synapses(f: Function, index: str) -> Iterator[tuple[str, str, str]]:
    """Write a loop over all synapses; yield segment, place of the target's states, and number of the synapse."""
    with f.loop("s", "%segments") as s:
        offset = f.load("i64", "%offset", f.value(f"srem i64 {s}, %delays"))
        begin, after = f.load("i64", "%pointer", s), f.value(f"add i64 {s}, 1")
        with f.loop("e", f.load("i64", "%pointer", after), begin) as e:
            target = f.value(f"zext {index} {f.load(index, '%targets', e)} to i64")
            yield s, f.value(f"add i64 {target}, {offset}"), e


@cache
def transposing(index: str, segment: str) -> llvm_jit.Library:
    """Return ``count`` and ``transpose`` for types of targets and of segments."""
    f = Function("void @count(ptr %pointer, i64 %segments, i64 %delays, ptr %offset, ptr %targets, ptr %counts)")
    with _synapses(f, index) as (_, target, _):
        f.store("i64", f.value(f"add i64 {f.load('i64', '%counts', target)}, 1"), "%counts", target)
    given = (
        "ptr %pointer, i64 %segments, i64 %delays, ptr %offset, ptr %targets, ptr %next, ptr %position, ptr %segment"
    )
    g = Function(f"void @transpose({given})")
    with _synapses(g, index) as (s, target, e):
        place = g.load("i64", "%next", target)
        g.store("i64", g.value(f"add i64 {place}, 1"), "%next", target)
        g.store("i32", g.value(f"trunc i64 {e} to i32"), "%position", place)
        g.store(segment, g.value(f"trunc i64 {s} to {segment}"), "%segment", place)
    return llvm_jit.compile("\n\n".join([f.text(), g.text()]))
