"""What holds for every entry of the zoo of rules."""

import pytest

from spikelet import rules
from spikelet.ir.lower import lower
from spikelet.ir.verify import verify
from spikelet.rule import Rule
from spikelet.sim.plastic_program import EVENTS, flow, program, traces

ZOO = rules.entries()


NAMES = """
    STDP
    NearestSTDP
    MultiplicativeSTDP
    VanRossumSTDP
    PowerLawSTDP
    TripletSTDP
    InhibitorySTDP
    MSTDP
    MSTDPET
    RewardSTDP
    DopamineSTDP
    ActorCriticTD
    PES
    Voja
    WidrowHoff
    SupervisedHebb
    TeacherForcedHebb
    TeacherSignedHebb
    ReSuMe
    XCAL
    UrbanczikSenn
    SynapticScaling
    LoihiSTDP
    LoihiRewardSTDP
"""


def test_the_index_holds_every_entry():
    assert list(ZOO) == NAMES.split()
    assert all(getattr(rules, name) is rule for name, rule in ZOO.items())


@pytest.mark.parametrize("name", ZOO)
def test_an_entry_is_described_saved_and_complete(name: str):
    rule = ZOO[name]
    assert rule.name == name and rule.doc.strip().endswith(".") and any(c.isdigit() for c in rule.ref)
    assert Rule.from_json(rule.to_json()) == rule
    assert None not in rule.parameters.values()


@pytest.mark.parametrize("name", ZOO)
def test_the_traces_of_an_entry_are_integrated_exactly(name: str):
    rule, own = ZOO[name], {"pre", "post"} & set(ZOO[name].places.values())
    for place in sorted(own):
        model = traces(rule, place)
        assert model is not None
        step = lower(model)
        verify(step)
        assert step.method in ("exact", "map")
        assert {n for n, p in rule.places.items() if p == place} <= set(step.types)


@pytest.mark.parametrize("name", ZOO)
def test_what_happens_to_an_entry_sets_the_weight_and_all_of_its_states(name: str):
    rule = ZOO[name]
    found = {event: program(rule, event) for event in EVENTS if getattr(rule, event)}
    flowing = flow(rule)
    found |= {"flow": flowing} if flowing is not None else {}
    changed = {event: set(one.updates) for event, one in found.items()}
    for event, place in (("on_pre", "pre"), ("on_post", "post"), ("flow", "synapse")):
        assert changed.get(event, set()) <= {"w", *(n for n, p in rule.places.items() if p in (place, "synapse"))}
    flows = {n for n, p in rule.places.items() if p in ("pre", "post", "network")}  # of themselves, by their lines
    assert {"w", *rule.places} == set().union(*changed.values()) | flows
    for one in found.values():
        assert set(one.values(rule, 0.1)) == set(one.coefficients)
