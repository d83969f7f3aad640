"""The scan and its adjoint: well formed for the whole zoo, and what goes onto the tape."""

import pytest

from spikelet import Neuron, neurons, surrogates
from spikelet.errors import InputError
from spikelet.ir.adjoint import adjoint
from spikelet.ir.lower import REFRACTORY, lower
from spikelet.ir.nodes import depends, topological
from spikelet.ir.scan import ALIVE, can_be_quiet, scan
from spikelet.ir.verify import verify_nodes
from spikelet.lang.functions import FUNCTIONS

ENTRIES = neurons.entries()


def variants(model: Neuron):
    step = lower(model, () if model.inputs else model.states[:1])
    outputs = (*(("spikes",) if model.spiking else ()), *model.states)
    for masked in (False, True):
        for quiet in (False, True) if can_be_quiet(step) else (False,):
            yield scan(step, outputs, masked=masked, quiet=quiet)


def backward(program, coefficients: bool = True, **options):
    inputs = [n.value for n in program.leaves("input") if n.type == "real"]
    learn = [n.value for n in program.leaves("coefficient") if n.type == "real"] if coefficients else []
    return adjoint(program, surrogates.arctan, inputs=inputs, coefficients=learn, **options)


@pytest.mark.parametrize("name", ENTRIES)
def test_every_program_is_well_formed(name):
    for program in variants(ENTRIES[name]):
        verify_nodes(name, program.roots)
        for found in (backward(program), backward(program, coefficients=False)):
            verify_nodes(name, found.roots)
            verify_nodes(name, [*found.previous.values(), *found.constants.values()])
            assert all(root.type == "real" for root in found.roots)
            below = set(topological(program.roots))
            assert set(found.tape) <= below


@pytest.mark.parametrize("name", ENTRIES)
def test_the_tape_suffices(name):
    """Below the tape nothing is read that the backward pass does not have."""
    for program in variants(ENTRIES[name]):
        found = backward(program)
        leaves = [n for n in found.program() if not n.args and n not in found.tape]
        assert {n.kind for n in leaves} <= {"const", "coefficient", "time", "gradient", "input", "state", "noise"}
        states = {n.value for n in leaves if n.kind == "state"}
        assert states == set(found.previous)
        for value in found.previous.values():
            rest = [n for n in _below(value, set(found.tape)) if n.kind in ("state", "input", "noise", "time")]
            assert not rest


def _below(root, saved):
    order, stack = {}, [root]
    while stack:
        n = stack.pop()
        if n not in order and n not in saved:
            order[n] = None
            stack += n.args
    return list(order)


def real_and_whole(found) -> tuple[int, int]:
    return sum(n.type == "real" for n in found.tape), sum(n.type != "real" for n in found.tape)


@pytest.mark.parametrize("name", ["LIF", "IF", "Leaky", "CuBaLIF", "AlphaLIF", "GLIF3", "IzhikevichScript"])
def test_a_neuron_with_one_threshold_saves_one_number_a_step(name):
    step = lower(ENTRIES[name])
    found = backward(scan(step, ("spikes",), quiet=can_be_quiet(step)), coefficients=False)
    assert real_and_whole(found) == (1, 0)


def test_an_adaptive_threshold_saves_the_distance_and_whether_it_was_crossed():
    found = backward(scan(lower(neurons.ALIF), ("spikes",)), coefficients=False)
    assert real_and_whole(found) == (1, 1)


def test_a_leaky_integrator_needs_nothing_saved():
    assert backward(scan(lower(neurons.LI), ("v",)), coefficients=False).tape == ()


def test_an_input_that_spikes_are_added_to_is_saved_where_it_is_read():
    step = lower(neurons.LIF)
    program = scan(step, ("spikes",), quiet=True)
    assert "input" not in {n.kind for n in backward(program, coefficients=False, recurrent="I").program()}
    found = backward(program, recurrent="I")  # the gradient of k1 is that of v' times I
    assert any(n.kind == "input" for n in found.tape)


def test_the_surrogate_enters_at_one_node():
    """Another surrogate changes the gradient only below the one spike; without a threshold it is nowhere."""
    program = scan(lower(neurons.LIF), ("spikes",))
    one = adjoint(program, surrogates.arctan, inputs=["I"])
    assert set(one.constants) and all(name.startswith("surrogate.") for name in one.constants)
    slopes = [n for n in one.program() if n.kind == "coefficient" and str(n.value).startswith("surrogate.")]
    assert slopes
    none = backward(scan(lower(neurons.LI), ("v",)))
    assert not any(str(n.value).startswith("surrogate.") for n in none.program() if n.kind == "coefficient")


def test_a_detached_reset_passes_no_gradient_to_the_spike():
    text = dict(threshold="v > 1", reset="v -= 1")
    detached = Neuron("D", "v[k+1] = 0.9*v + I : 1; I : 1 (input)", **text)
    attached = Neuron("A", "v[k+1] = 0.9*v + I : 1; I : 1 (input)", **text, reset_gradient=True)
    found = [backward(scan(lower(model), ("v",)), coefficients=False) for model in (detached, attached)]
    surrogate = [
        any(str(n.value).startswith("surrogate.") for n in one.program() if n.kind == "coefficient") for one in found
    ]
    assert surrogate == [False, True]


def test_quiet_leaves_refractoriness_out():
    step = lower(neurons.LIF)
    program = scan(step, ("spikes", "v"), quiet=True)
    assert REFRACTORY not in program.types
    assert not any(n.kind == "state" and n.value == REFRACTORY for n in topological(program.roots))
    assert REFRACTORY in scan(step, ("spikes",)).types


def test_a_mask_freezes_states_and_silences_outputs():
    program = scan(lower(neurons.LIF), ("spikes",), masked=True)
    assert all(depends(root, ["input"]) and ALIVE in topological([root]) for root in program.roots)


def test_an_output_that_is_none():
    with pytest.raises(InputError, match=r"LIF: cannot record 'u'"):
        scan(lower(neurons.LIF), ("u",))


def test_every_derivative_of_the_table_is_read():
    """Each function with a derivative has one for each argument, so that the adjoint cannot stop short."""
    for name, row in FUNCTIONS.items():
        assert len(row.derivative) in (0, row.arity), name
