"""What holds for every entry of the zoo of rules."""

import pytest

from spikelet import rules
from spikelet.backends.numpy_reference import numbers
from spikelet.experiments.rule_protocols import units_read
from spikelet.ir.lower import lower
from spikelet.ir.rule_program import EVENTS, flow, program, traces
from spikelet.ir.verify import verify
from spikelet.rule import Rule

ZOO = rules.entries()
NAMES = """
STDP
NearestSTDP
PreCentredSTDP
ReducedSymmetricSTDP
MultiplicativeSTDP
GuetigSTDP
VanRossumSTDP
PowerLawSTDP
InhibitorySTDP
DiehlCookSTDP
KheradpishehSTDP
TripletSTDP
MinimalTripletSTDP
NearestTripletSTDP
MinimalNearestTripletSTDP
HippocampalTripletSTDP
MinimalHippocampalTripletSTDP
NearestHippocampalTripletSTDP
MinimalNearestHippocampalTripletSTDP
SlidingTripletSTDP
Clopath
ABS
GraupnerBrunel
GraupnerBrunelDPD
GraupnerBrunelDPDPrime
GraupnerBrunelP
GraupnerBrunelD
GraupnerBrunelDPrime
GraupnerBrunelSlices
GraupnerBrunelCultures
GraupnerBrunelCortex
Shouval
Hebb
HebbRate
Covariance
CovarianceRate
Oja
OjaRate
Sanger
SangerRate
BCM
BCMRate
BCMPower
BCMPowerRate
LawCooper
LawCooperRate
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
    assert set(ZOO) == set(NAMES.split())
    assert all(getattr(rules, name) is rule for name, rule in ZOO.items())


@pytest.mark.parametrize("name", ZOO)
def test_an_entry_is_described_saved_and_complete(name: str):
    rule = ZOO[name]
    assert rule.name == name and rule.doc.strip().endswith(".") and any(c.isdigit() for c in rule.ref)
    assert Rule.from_json(rule.to_json()) == rule
    assert None not in rule.parameters.values()


@pytest.mark.parametrize("name", ZOO)
def test_the_states_of_an_entry_are_integrated_without_a_mean_error_of_the_step(name: str):
    """Exactly, or by exponential Euler or RK4; Euler's method is left for what is random."""
    units = units_read(ZOO[name])
    for place in ("pre", "post", "synapse", "network"):
        model = traces(ZOO[name], place, units)
        if model is not None:
            step = lower(model)
            verify(step)
            own = {n for n, p in ZOO[name].places.items() if p == place}
            assert own <= set(step.types)
            assert step.method in ("exact", "map", "exponential_euler", "rk4") or "xi" in ZOO[name].text


@pytest.mark.parametrize("name", ZOO)
def test_the_program_of_an_event_sets_the_weight_and_its_own_side(name: str):
    places = {**ZOO[name].places, "w": "synapse"}
    for event, place in (("on_pre", "pre"), ("on_post", "post")):
        found = program(ZOO[name], event)
        assert set(found.updates) == {part.name for part in getattr(ZOO[name].definition, event)}
        assert {places[name] for name in found.updates} <= {place, "synapse"}
        known = numbers(found.coefficients, ZOO[name].parameters, 0.1)
        assert set(known) == set(found.coefficients)


@pytest.mark.parametrize("name", ZOO)
def test_what_happens_to_an_entry_sets_the_weight_and_all_of_its_states(name: str):
    rule = ZOO[name]
    found = {event: program(rule, event) for event in EVENTS if getattr(rule, event)}
    flowing = flow(rule, units_read(rule))
    found |= {"flow": flowing} if flowing is not None else {}
    changed = {event: set(one.updates) for event, one in found.items()}
    for event, place in (("on_pre", "pre"), ("on_post", "post"), ("flow", "synapse")):
        assert changed.get(event, set()) <= {"w", *(n for n, p in rule.places.items() if p in (place, "synapse"))}
    flows = {n for n, p in rule.places.items() if p in ("pre", "post", "network")}  # of themselves, by their lines
    assert {"w", *rule.places} == set().union(*changed.values()) | flows
    for one in found.values():
        assert set(numbers(one.coefficients, rule.parameters, 0.1)) == set(one.coefficients)
