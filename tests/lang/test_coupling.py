"""A synapse that acts all the time: what is sent, what the receiver makes of the sum, and what cannot be run."""

from typing import Any

import numpy as np
import pytest

from spikelet.errors import ModelError
from spikelet.lang.coupling import coupling, spelled
from spikelet.lang.synapse import define
from spikelet.lang.syntax import Expr

MORE = "; q = 2 mV; E = 5 mV; g = 3 nS"


def split(out: str) -> tuple[list[str], list[tuple[int | None, bool, str]]]:
    """Return the texts that are sent, and of each part its number, whether it is weighted, and what reads it."""
    found = coupling(define("S", f"out = {out}{MORE}", "", ""))
    assert found is not None
    return [*map(spelled, found.sent)], [
        (part.sent, part.weighted, "" if part.read is None else spelled(part.read)) for part in found.parts
    ]


@pytest.mark.parametrize(
    ("out", "sent", "parts"),
    [
        ("w*v_pre : pA", ["v_pre"], [(0, True, "")]),
        ("w*(v_pre - v_post) : pA", ["v_pre"], [(0, True, ""), (None, True, "(-v_post)")]),
        ("g*(v_pre - v_post) : pA", ["v_pre"], [(0, False, "g"), (None, False, "(-(g * v_post))")]),
        ("w*tanh(v_pre/q)*(E - v_post) : pA", ["tanh((v_pre / q))"], [(0, True, "(E - v_post)")]),
        ("w*tanh(v_pre/q)/q*v_pre : pA", ["(tanh((v_pre / q)) * v_pre)"], [(0, True, "(1 / q)")]),
        ("w*v_pre*h_post + w*v_pre*E/q : pA", ["v_pre"], [(0, True, "(h_post + (E / q))")]),
        ("-(w*v_pre)/(1 + v_post/q) : pA", ["v_pre"], [(0, True, "((-1) / (1 + (v_post / q)))")]),
        ("w*w*v_pre : pA", ["v_pre"], []),
        ("tanh(w/g)*(v_pre - v_post) : pA", ["v_pre"], []),
        ("w*tanh((2*v_pre - v_post)/q)*sin(v_pre/q) : pA", ["(2 * v_pre)", "sin((v_pre / q))"], []),
    ],
)
def test_out_is_parted_where_it_is_a_sum_of_products(out: str, sent: list[str], parts: list[object]):
    assert split(out) == (sent, parts)


def value(expr: Expr, names: dict[str, Any]) -> Any:
    args = [value(arg, names) for arg in expr.args]
    if expr.op in ("number", "name"):
        return expr.value if expr.op == "number" else names[str(expr.value)]
    if expr.op == "neg":
        return -args[0]
    known = {"+": np.add, "-": np.subtract, "*": np.multiply, "/": np.divide, "call": np.tanh}
    return known[expr.op](*args)


def test_sub_expressions_are_written_out_and_parts_mean_the_same():
    found = coupling(
        define("S", f"d = v_pre - v_post : mV; s = tanh(v_pre/q) : 1; out = g*d*s/2 + w*(s - 1)*d : pA{MORE}", "", "")
    )
    assert found is not None
    rng = np.random.default_rng(1)
    names = {
        "v_pre": rng.normal(size=9),
        "v_post": rng.normal(size=9),
        "w": rng.normal(size=9),
        "q": 2.0,
        "E": 5.0,
        "g": 3.0,
    }
    total = sum(
        (1.0 if part.sent is None else value(found.sent[part.sent], names))
        * (names["w"] if part.weighted else 1.0)
        * (1.0 if part.read is None else value(part.read, names))
        for part in found.parts
    )
    d, s = names["v_pre"] - names["v_post"], np.tanh(names["v_pre"] / 2.0)
    assert total == pytest.approx(3.0 * d * s / 2 + names["w"] * (s - 1) * d)


def test_what_spikes_drive_is_no_coupling():
    assert coupling(define("S", "dg/dt = -g/ms : nS (post); out = g*(0 mV - v_post) : pA", "g += w", "")) is None
    assert coupling(define("S", "", "v_post += w", "")) is None


@pytest.mark.parametrize(
    ("text", "on_pre", "message"),
    [
        ("dg/dt = -g/ms : pA (post); out = g + w*v_pre : pA", "g += w*(1 mV)", "'out' reads the sender all the time"),
        ("ds/dt = -s/ms : 1; out = w*s*v_pre : pA", "", "'out' reads 's', a (synapse) state"),
        ("out = w*v_pre*uniform() : pA", "", "'out' draws random numbers"),
        ("out = w*v_pre*sin(t/(1 ms)*v_pre/(1 mV)) : pA", "", "what is sent reads 't'"),
        (
            "ds/dt = xi/(1 ms**0.5) - v_pre*s/(1 mV*ms) : 1 (pre); out = w*s*v_pre : pA",
            "",
            "'s' is sent, and reads 'xi'",
        ),
    ],
)
def test_what_cannot_be_run_is_said_to_be_so(text: str, on_pre: str, message: str):
    with pytest.raises(ModelError) as caught:
        coupling(define("S", text, on_pre, ""))
    assert "the simulator cannot run this yet: " in str(caught.value) and message in str(caught.value)
