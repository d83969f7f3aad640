"""What holds for every entry of the zoo of rules."""

import pytest

from spikelet import rules
from spikelet.backends.numpy_reference import numbers
from spikelet.ir.lower import lower
from spikelet.ir.rule_program import program, traces
from spikelet.ir.verify import verify
from spikelet.rule import Rule

ZOO = rules.entries()


def test_the_index_holds_every_entry():
    assert list(ZOO) == [
        "STDP", "NearestSTDP", "MultiplicativeSTDP", "VanRossumSTDP", "PowerLawSTDP", "TripletSTDP", "InhibitorySTDP",
    ]  # fmt: skip
    assert all(getattr(rules, name) is rule for name, rule in ZOO.items())


@pytest.mark.parametrize("name", ZOO)
def test_an_entry_is_described_saved_and_complete(name: str):
    rule = ZOO[name]
    assert rule.name == name and rule.doc.strip().endswith(".") and any(c.isdigit() for c in rule.ref)
    assert Rule.from_json(rule.to_json()) == rule
    assert None not in rule.parameters.values()


@pytest.mark.parametrize("name", ZOO)
def test_the_traces_of_an_entry_are_integrated_exactly(name: str):
    for place in ("pre", "post"):
        model = traces(ZOO[name], place)
        assert model is not None
        step = lower(model)
        verify(step)
        assert step.method == "exact" and set(step.types) == {n for n, p in ZOO[name].places.items() if p == place}


@pytest.mark.parametrize("name", ZOO)
def test_the_program_of_an_event_sets_the_weight_and_its_own_side(name: str):
    for event, place in (("on_pre", "pre"), ("on_post", "post")):
        found = program(ZOO[name], event)
        assert set(found.updates) == {"w", *(n for n, p in ZOO[name].places.items() if p == place)}
        known = numbers(found.coefficients, ZOO[name].parameters, 0.1)
        assert set(known) == set(found.coefficients)
