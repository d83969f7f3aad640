"""Sums of products: what they do in each step, and what the chip has not."""

import numpy as np
import pytest
from tests.sim.plastic_bench import Bench, edges

from spikelet import rules
from spikelet.errors import EquationError, InputError
from spikelet.rule import Rule
from spikelet.rules.loihi import sum_of_products

STEPS, N = 300, (5, 4)


def spikes(seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    return (random.random((STEPS, N[0])) < 0.08).astype(int), (random.random((STEPS, N[1])) < 0.08).astype(int)


def bench(rule: Rule, w: float = 0.5) -> Bench:
    return Bench(rule, edges(*np.divmod(np.arange(20), 4), w, 1, N), *spikes(), dt=1.0)


def test_pairwise_stdp_is_the_rule_of_that_name():
    ours = sum_of_products(
        "dw = 2^-2*x1*y0 - 2^-2*x0*y1", x1=(1, 16.8), y1=(1, 33.7), w_min=0, w_max=1
    )  # fmt: skip
    pair = rules.STDP(a_plus=0.25, a_minus=0.25, tau_plus=16.8, tau_minus=33.7)
    found = bench(ours).run()
    np.testing.assert_allclose(found, bench(pair).run(), rtol=0, atol=1e-14)
    assert np.ptp(found) > 0.5


def test_every_kind_of_product_is_added_when_it_should_be():
    """Products of single spikes, of both in one step, of none, with constants, tag and weight, against a loop."""
    rule = sum_of_products(
        """
        dt = 2^-1*x1*y0 - 0.25*t             # fades in every step
        dw = -2^-3*x0*(w - 2) + x0*y0 - 2^-4*y0*y1*t - 2^-6*t + 2^-7*(x1 + 3)
        """,
        x1=(2, 20), y1=(1, 10), w_min=-4, w_max=4,
    )  # fmt: skip
    pre, post = spikes()
    x, y, tag, w = np.zeros((5, 1)), np.zeros(4), np.zeros((5, 4)), np.full((5, 4), 0.5)
    for k in range(STEPS):
        arrives = pre[k - 1][:, None] > 0 if k else np.zeros((5, 1), bool)
        w = np.clip(w - tag / 64 + (x + 3) / 128, -4, 4)
        tag = tag - 0.25 * tag
        x, y = x * np.exp(-1 / 20) + 2 * arrives, y * np.exp(-1 / 10)
        w = np.where(arrives, np.clip(w - (w - 2) / 8, -4, 4), w)
        y = y + post[k]
        w = np.where(post[k] > 0, np.clip(w + arrives - y * tag / 16, -4, 4), w)
        tag = np.where(post[k] > 0, tag + x / 2, tag)
    np.testing.assert_allclose(bench(rule).run(), w.ravel(), rtol=1e-10)
    assert (pre[:-1].T @ post[1:]).sum() > 20 and np.ptp(w) > 0.5


def test_reward_is_a_spike_and_a_trace():
    rule = sum_of_products("dt = x0; dw = 2^-1*r1*t + x0*r0", r1=(3, 5), w_min=-99, w_max=99)
    pre = np.zeros((40, 1), int)
    pre[[3, 12, 20]] = 1  # they arrive in steps 4, 13 and 21
    found = Bench(rule, edges([0], [0], 0.0, 1, (1, 1)), pre, np.zeros((40, 1), int), dt=1.0)
    w, tag, r0, r1, reward = 0.0, 0.0, 0.0, 0.0, 0.0
    for k in range(40):
        if k in (10, 13, 30):
            found.plastic.traces["network"].state["reward"][...] = reward = 1.0
        w, r0, r1, reward = w + r1 * tag / 2, reward, r1 * np.exp(-1 / 5) + 3 * reward, 0.0
        if k in (4, 13, 21):
            w, tag = w + r0, tag + 1
        assert found.run(1)[0] == pytest.approx(w, rel=1e-12), k
    assert w > 10


WRONG = [  # text, message, what the caret is under
    ("dw = 2^-2*x1*z0", "'z0' is no factor of the chip; did you mean 'y0'?", "z0"),
    ("dw = 2^-2*x1*x5", "'x5' is no factor of the chip", "x5"),
    ("dw = 3*x1*y0", "the scale 3 is no power of two; write 2^k", "3"),
    ("dw = 0.3*x1*y0", "the scale 0.3 is no power of two", "0.3"),
    ("dw = 2^9*x1*y0", "the scale 2^9 does not fit into four bits, from 2^-8 to 2^7", "2^9"),
    ("dw = 2^-1*2^-2*x1", "a product has one scale", "2^-2"),
    ("dw = x1*x2*y1*y2*w", "5 factors; a product has at most 4", "x1*x2*y1*y2*w"),
    ("dw = x1*y0*d", "the delay 'd' does not learn here, and is no factor", "d"),
    ("dw = x1*(y0 + 2)", "'y0' is 0 or 1; write the products with and without it", "y0"),
    ("dw = x1*(y1 + 200)", "expected a whole number up to 127 beside a factor", "200"),
    ("dw = x1*(y1 * 2)", "expected a factor and a constant, such as (x1 + 3)", "*"),
    ("dw = x1*(y1 + 2", "the line ends where a factor is expected", " "),
    ("dw = x1*", "the line ends where a factor is expected", " "),
    ("dw =", "an expression is missing", " "),
    ("dw = x1/y1", "'/' has no place in a sum of products", "/"),
    ("dw = exp(x1)", "'exp' is no factor of the chip", "exp"),
    ("dw = x1 y0", "expected '+', '-' or '*' between what is added and multiplied", "y0"),
    ("dd = x1*y0", "'dd' is nothing that a rule can change; delays of synapses do not learn here", "dd"),
    ("w = x1*y0", "'w' is nothing that a rule can change; expected 'dw = ...' or 'dt = ...'", "w"),
]


@pytest.mark.parametrize(("text", "message", "under"), WRONG)
def test_what_the_chip_has_not_is_shown_where_it_stands(text: str, message: str, under: str):
    with pytest.raises(EquationError) as caught:
        sum_of_products(text, x1=(1, 20), y1=(1, 20))
    assert message in str(caught.value)
    line, carets = str(caught.value).splitlines()[-2:]
    assert line.ljust(len(carets))[carets.index("^") : carets.rindex("^") + 1] == under


@pytest.mark.parametrize(
    ("text", "traces", "message"),
    [
        ("dw = x1*y0", {}, "the trace 'x1' needs an impulse and a time constant: x1=(1, 20*ms)"),
        ("dw = x1*y0", {"x1": (1, 20), "y2": (1, 20)}, "the trace 'y2' is given, but no product reads it"),
        ("dw = x1*y0", {"x1": (1, 20), "x3": (1, 20)}, "'x3' is no trace; did you mean"),
        ("dw = x1*y0", {"x1": 20}, "x1= is an impulse and a time constant, (1, 20*ms), got 20"),
        ("dt = x0", {}, "there is no line 'dw = ...', so the weight never changes"),
    ],
)
def test_traces_are_given_as_the_text_needs_them(text: str, traces: dict, message: str):
    with pytest.raises((InputError, EquationError)) as caught:
        sum_of_products(text, **traces)
    assert message in str(caught.value)
