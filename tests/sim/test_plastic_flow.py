"""Lines of synapses against a loop: what is computed once for each receiver, and loops that become vectors."""

import re

import numpy as np
import pytest
from tests.sim.plastic_bench import Bench, edges

from spikelet import rules
from spikelet.backends import llvm_jit
from spikelet.ir.rule_program import flow, program
from spikelet.rule import Rule
from spikelet.sim.plastic_events import Shape
from spikelet.sim.plastic_flow import Flow
from spikelet.sim.plastic_kernels import Arrive

DT = 0.5
RULE = Rule(
    "Driven",
    """
    dx/dt = -x/tau_x : 1 (pre)
    dy/dt = -y/tau_y : 1 (post)
    dm/dt = (y - m)/tau_m : 1 (post)
    gain[k+1] = gain : 1 (network)
    de/dt = -e/tau_e : 1
    drive = gain*exp(-m)*(y - theta)/(1 + y*y) : 1
    w[k+1] = w + rate*(drive*(x + e) - where(y > theta, m*m, exp(m)*gain)*w) : 1
    tau_x = 4 ms; tau_y = 6 ms; tau_m = 30 ms; tau_e = 12 ms; theta = 0.4; rate = 0.01
    """,
    on_pre="x += 1; e = e + 0.3*w",
    on_post="y += 1; e = e - 0.2*x",
    initial="gain = 0.7",
)


def slow(synapses, weights, pre: np.ndarray, post: np.ndarray, theta: np.ndarray) -> list[float]:
    """Go through each synapse by itself; it has delays before and behind it, in steps."""
    end = []
    for (source, target, before, behind), start in zip(synapses, weights, strict=True):
        w, x, y, m, e = float(start), 0.0, 0.0, 0.0, 0.0
        for k in range(len(pre)):
            th = theta[target]
            drive = 0.7 * np.exp(-m) * (y - th) / (1 + y * y)
            w += 0.01 * (drive * (x + e) - (m * m if y > th else np.exp(m) * 0.7) * w)
            fast, late = np.exp(-DT / 6), np.exp(-DT / 30)
            m = m * late + y * 6 / (6 - 30) * (fast - late)  # dm/dt = (y - m)/30, dy/dt = -y/6
            x, y, e = x * np.exp(-DT / 4), y * fast, e * np.exp(-DT / 12)
            if k >= before and pre[k - before, source]:
                x, e = x + 1, e + 0.3 * w
            if k >= behind and post[k - behind, target]:
                y, e = y + 1, e - 0.2 * x
        end.append(w)
    return end


@pytest.mark.parametrize("fraction", [0.0, 0.5])
def test_what_is_computed_once_for_each_receiver_is_what_each_synapse_would_have_computed(fraction: float):
    random, n, steps = np.random.default_rng(2), (9, 7), 120
    sources, targets = np.nonzero(random.random(n) < 0.7)
    sources, targets = np.append(sources, sources[:5]), np.append(targets, targets[:5])  # some pairs have two synapses
    delays = 2 * random.integers(1, 4, len(sources))
    pre, post = ((random.random((steps, m)) < 0.1).astype(int) for m in n)
    theta = np.linspace(0.1, 0.9, n[1])
    made = edges(sources, targets, np.linspace(0.2, 0.8, len(sources)), delays, n)
    starts = np.asarray(made.weights).copy()
    found = Bench(RULE(theta=theta), made, pre, post, dt=DT, fraction=fraction)
    found.run()
    whole = np.repeat(np.tile(made.delays, n[0]), np.diff(made.pointer))
    behind = (whole * fraction).astype(int)
    synapses = zip(made.sources(), made.targets, whole - behind, behind, strict=True)
    expected = slow(synapses, starts, pre, post, theta)
    np.testing.assert_allclose(found.plastic.weights, expected, rtol=1e-10)
    assert np.ptp(expected) > 0.2


def shape(rule: Rule, **more) -> Shape:
    """Return what a kernel of a rule depends on."""
    names = [name for name in rule.places if name != "w"]
    states = {place: [] for place in ("pre", "post", "synapse", "network", "of", "from")}
    for name in names:
        states[rule.places[name]].append((name, "real"))
    for name in rule.definition.partners:
        states["of" if name.endswith("_post") else "from"].append((name, "real"))
    given = {"real": "float", "index": "i16", "segment": "i16", "whole": False, "multiple": False, "scaled": ()}
    held = tuple((place, tuple(found)) for place, found in states.items())
    return Shape(**{**given, "states": held, "tables": (), **more})


def once(rule: Rule) -> tuple[str, ...]:
    found = flow(rule)
    assert found is not None
    return tuple(sorted(f"{n.kind} {n.value or ''}".strip() for n in Flow(found, shape(rule)).once))


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("w[k+1] = w + x*exp(y) : 1", ("call exp",)),  # the largest value, not y or -y
        ("w[k+1] = w + exp(x)*y : 1", ()),  # of the sender, or a state as it is
        ("w[k+1] = w + exp(x + y) : 1", ()),
        ("w[k+1] = w + exp(e)*(1 + y)*y : 1", ("add",)),  # from the left: exp(e)*(1 + y), and that times y
        ("w[k+1] = w + (x + exp(w))*where(y > 1, 2*y, 0) : 1", ("select",)),
        ("w[k+1] = where(sqrt(y) > 1, w, x) : 1", ("call sqrt",)),  # a condition is decided by each synapse
        ("w[k+1] = y*y + x : 1", ()),  # one rounding with the sum: a product by itself would have two
        ("w[k+1] = w + x*exp(normal()) : 1", ()),
    ],
)
def test_only_what_depends_on_the_receiver_alone_is_computed_once(line: str, expected: tuple[str, ...]):
    text = "dx/dt = -x/(4 ms) : 1 (pre); dy/dt = -y/(4 ms) : 1 (post); de/dt = -e/(4 ms) : 1; "
    assert once(Rule("R", text + line, on_pre="x += 1; e += 1", on_post="y += 1")) == expected


def test_dear_functions_of_the_receiver_leave_the_synapses_of_the_zoo():
    for rule in (rules.BCMPower, rules.UrbanczikSenn, rules.SynapticScaling, rules.Oja):
        found = flow(rule, dict.fromkeys(rule.definition.partners, "1"))
        assert found is not None
        receivers, synapses = re.split(r"\ns\.\d+\.test:", Flow(found, shape(rule)).text())
        assert re.search(r"@sk_(exp|pow)", receivers) and not re.search(r"@sk_(exp|pow)", synapses), rule.name


@pytest.mark.skipif("+avx2" not in llvm_jit.features(), reason="without gathers, a cost model may decide otherwise")
@pytest.mark.parametrize("rule", [rules.DopamineSTDP, rules.MultiplicativeSTDP, rules.GuetigSTDP], ids=lambda r: r.name)
def test_synapses_that_look_up_their_receivers_learn_in_vectors(rule: Rule):
    changes = flow(rule)
    kind, found = (Arrive, program(rule, "on_pre")) if changes is None else (Flow, changes)
    text = llvm_jit.optimised(kind(found, shape(rule)).kernel().text)
    body = text[text.index(f"@{kind.name}(") :]
    assert re.search(r"<\d+ x float>", body)
