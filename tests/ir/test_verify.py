"""Every step of every model is well formed, after every stage of the compiler; a malformed one is told apart."""

from dataclasses import replace

import pytest
from tests.ir.hand_written import CASES, LIF

from spikelet import neurons
from spikelet.errors import ModelError
from spikelet.ir import lower as module, simplify as s
from spikelet.ir.lower import lower
from spikelet.ir.nodes import KINDS, Node, node, topological
from spikelet.ir.verify import MalformedStep, verify, verify_nodes
from spikelet.model import METHODS

ALL = {name: case.model for name, case in CASES.items()} | neurons.entries()
STAGES = ("_flow", "_maps", "_delivered", "_spike", "_reset", "_recovered", "_refractory_next")


def _roots(result):
    if isinstance(result, dict):
        return list(result.values())
    return [n for n in (result if isinstance(result, tuple) else (result,)) if isinstance(n, Node)]


@pytest.fixture
def stages(monkeypatch):
    """Verify what each stage returns, and count the stages that were seen."""
    seen: set[str] = set()

    def watched(owner, name):
        stage = getattr(owner, name)

        def run(*args, **kwargs):
            result = stage(*args, **kwargs)
            verify_nodes(name, _roots(result))
            seen.add(name)
            return result

        monkeypatch.setattr(owner, name, run)

    for name in STAGES:
        watched(module._Lowering, name)
    watched(module, "integrate")
    watched(module, "hoisted")
    module._lower.cache_clear()
    yield seen
    module._lower.cache_clear()


def test_every_model_is_well_formed_after_every_stage(stages):
    for model in ALL.values():
        verify(lower(model))
    assert stages == {*STAGES, "integrate", "hoisted"}


@pytest.mark.parametrize("name", ALL)
def test_a_step_is_well_formed_with_jumps_attached_resets_and_every_method(name):
    model = ALL[name]
    verify(lower(model, model.states))
    verify(lower(model(reset_gradient=True)))
    for method in METHODS:
        try:
            step = lower(model, method=method)
        except ModelError:
            continue
        verify(step)


@pytest.mark.parametrize("name", ALL)
def test_the_surrogate_enters_at_one_node(name):
    step = lower(ALL[name])
    kinds = [n.kind for n in step.program()]
    assert kinds.count("spike") == ALL[name].spiking
    assert set(kinds) <= set(KINDS)


@pytest.mark.parametrize("name", ALL)
def test_nothing_that_depends_on_parameters_alone_is_left_in_the_step(name):
    program = lower(ALL[name]).program()
    assert not {n.kind for n in program} & {"parameter", "propagator"}
    late = [n for n in program if n.args and all(arg.kind in ("const", "coefficient") for arg in n.args)]
    assert [n for n in late if n.type != "bool" and n.kind != "spike"] == []


STEP = lower(LIF)
V = node("state", value="v")


def _loose(kind, *args, value=None, type_="real"):
    """A node that was not made by ``node()``."""
    return Node(kind, args, value, type_)


def _with(update):
    return replace(STEP, updates={**STEP.updates, "v": update})


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        (lambda: replace(STEP, updates={"v": V}), "states without a new value: \\['refractory'\\]"),
        (lambda: replace(STEP, initial={}), "initial values do not match"),
        (lambda: _with(node("parameter", value="tau")), "was not hoisted"),
        (lambda: _with(node("neg", node("coefficient", value="v_th"))), "was not hoisted"),
        (lambda: _with(node("coefficient", value="nobody")), "has no definition"),
        (lambda: _with(node("state", value="nobody")), "unknown state nobody"),
        (lambda: _with(node("input", value="nobody")), "unknown input nobody"),
        (lambda: _with(node("teleport", V)), "unknown kind"),
        (lambda: _with(node("neg", V, type_="complex")), "unknown type"),
        (lambda: _with(node("add", V)), "1 arguments"),
        (lambda: _with(_loose("neg", V)), "not interned"),
        (lambda: _with(node("add", V, node("cast", V, value="int", type_="int"))), "types"),
        (lambda: _with(node("select", V, V, V)), "its condition is real"),
        (lambda: _with(node("select", s.compare(">", V, s.const(1.0)), V, s.const(1))), "types"),
        (lambda: _with(node("call", V, value="sinh")), "no such function"),
        (lambda: _with(node("call", V, V, value="exp")), "not 1 arguments"),
        (lambda: _with(node("cast", V, value="int", type_="int")), "v is real, not int"),
        (lambda: _with(node("noise", value=("xi", 0))), "is of no law"),
        (lambda: _with(node("spike", s.compare(">", V, s.const(0.5)), V)), "2 spike nodes"),
        (lambda: replace(STEP, coefficients={**STEP.coefficients, "v_th": V}), "in a coefficient"),
    ],
)
def test_a_malformed_step_is_rejected(broken, message):
    verify(STEP)
    with pytest.raises(MalformedStep, match=message):
        verify(broken())


def test_verify_looks_below_the_roots():
    deep = s.add(V, s.mul(s.const(2.0), node("call", V, value="sinh")))
    assert any(n.value == "sinh" for n in topological([deep]))
    with pytest.raises(MalformedStep, match="no such function"):
        verify(_with(deep))
