"""A rule between neurons that fire once: the same weights as in the simulator, which goes from step to step."""

import numpy as np
import pytest

from spikelet import rules
from spikelet.errors import InputError, ParameterError
from spikelet.experiments.forced import trained
from spikelet.nn import SingleSpikes
from spikelet.rule import Rule

STEPS = 12
HOLDING = [
    name
    for name, rule in rules.entries().items()
    if set(rule.places.values()) <= {"pre", "post"} and not rule.definition.partners
]


def all_pairs() -> tuple[np.ndarray, np.ndarray]:
    sent, fired = np.meshgrid(np.arange(STEPS), np.arange(STEPS), indexing="ij")
    return sent.ravel(), fired.ravel()


def test_these_rules_are_more_than_a_few() -> None:
    assert {"STDP", "KheradpishehSTDP", "TripletSTDP", "InhibitorySTDP", "MultiplicativeSTDP"} <= set(HOLDING)


@pytest.mark.parametrize("name", HOLDING)
def test_every_pair_of_steps_leaves_the_weight_of_the_simulator(name: str) -> None:
    rule, (sent, fired) = rules.entries()[name], all_pairs()
    found = SingleSpikes(rule, STEPS)(np.full(sent.shape, 0.5), sent, fired) - 0.5
    times = [[np.array([step + 1.0]) for step in steps] for steps in (sent, fired)]
    expected = trained(rule, *times, weight=0.5)
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=3e-7)  # the simulator: single precision
    assert np.abs(expected).max() > 1e-5


@pytest.mark.parametrize(
    ("rule", "post_alone", "pre_alone"),
    [
        (rules.STDP, 0.0, 0.0),
        (rules.InhibitorySTDP, 0.0, -0.005 * 2 * 0.005 * 20),  # eta times alpha, 2*rho_0*tau
        (rules.KheradpishehSTDP, -0.003 * 0.25, 0.0),
    ],
)
def test_one_spike_alone(rule: Rule, post_alone: float, pre_alone: float) -> None:
    learn, w = SingleSpikes(rule, STEPS), np.full(3, 0.5)
    found = learn(w, np.array([STEPS, 3, STEPS]), np.array([4, STEPS, STEPS]))
    np.testing.assert_allclose(found - w, [post_alone, pre_alone, 0], atol=1e-15)


def test_the_step_is_counted_in_time() -> None:
    """exp(-5*dt/tau) of the pair rule."""
    for dt in (0.5, 2.0):
        found = SingleSpikes(rules.STDP, STEPS, dt)(np.array([0.5]), np.array([2]), np.array([7]))
        assert found[0] - 0.5 == pytest.approx(0.005 * np.exp(-5 * dt / 20))


def test_weights_keep_their_type_and_shapes_spread() -> None:
    learn = SingleSpikes(rules.KheradpishehSTDP(a_plus=0.1, a_minus=0.2), STEPS)
    w = np.full((2, 3), 0.5, np.float32)
    found = learn(w, np.array([[0, 4, 5], [5, 12, 3]]), np.array([[4], [3]]))
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, [[0.525, 0.525, 0.45], [0.45, 0.45, 0.525]], rtol=1e-6)


@pytest.mark.parametrize(
    ("rule", "error", "text"),
    [
        (rules.PreCentredSTDP, InputError, "kept for the synapse"),
        (rules.Oja, InputError, "expected (pre) and (post) states alone"),
        (rules.STDP(a_plus=np.ones(3)), ParameterError, "'a_plus' is an array, expected one number"),
        (Rule("Open", "a : 1", on_post="w += a"), ParameterError, "'a' is no value"),
        (Rule("Timed", "a = 0.1 /ms", on_post="w += a*t"), InputError, "on_post reads the time"),
        (Rule("Near", "a = 0.1", on_post="w += a*v_post"), InputError, "it reads v_post"),
        ("STDP", InputError, "expected a Rule"),
    ],
)
def test_what_it_cannot_do_is_said_at_once(rule, error: type[Exception], text: str) -> None:
    with pytest.raises(error) as found:
        SingleSpikes(rule, STEPS)
    assert text in str(found.value)
