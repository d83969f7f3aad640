"""Bounds that a rule's text gives to weights, and the warning of weights that it would cut."""

import math

import numpy as np
import pytest

from spikelet import neurons, rules
from spikelet.backends.rule_bounds import weight_bounds
from spikelet.errors import MagnitudeWarning
from spikelet.rule import Rule
from spikelet.sim.connect import all_to_all, from_arrays
from spikelet.sim.distributions import normal, uniform
from spikelet.sim.network import Network

BOUNDS = {
    "an event alone has it": (Rule("Low", "", on_pre="w = max(w - 0.1, -2)", on_post="w += 0.1"), (-2, math.inf)),
    "the narrowest counts": (
        Rule("Two", "low = 0.1", on_pre="w = clip(w - 0.1, low, 3)", on_post="w = clip(w + 0.1, 0, 2)"), (0.1, 2),
    ),
    "a line": (rules.RewardSTDP(w_min=-1), (-1, 4)),
    "a line that reads a neuron": (rules.Clopath(w_max=2), (0, 2)),
    "of an array the widest": (rules.STDP(w_max=np.array([0.5, 2.0, 1.0])), (0, 2)),
    "computed": (Rule("Half", "w_max = 3", on_post="w = min(w + 0.1, w_max/2)"), (-math.inf, 1.5)),
    "a bound that changes is none": (
        Rule("Own", "dx/dt = -x/(5 ms) : 1 (pre)", on_pre="x += 1", on_post="w = min(w, x)"), (-math.inf, math.inf),
    ),
    "none": (rules.PES, (-math.inf, math.inf)),
    "a sum of two rules": (rules.STDP(w_max=5) + rules.SynapticScaling, (0, 5)),
}  # fmt: skip


@pytest.mark.parametrize("case", BOUNDS)
def test_bounds_are_those_of_the_text(case: str):
    rule, expected = BOUNDS[case]
    assert weight_bounds(rule, {"v_post": "mV"}) == expected


WEIGHTS = {  # what the user gives, rule, what the warning says of it
    "another unit": (30.0, rules.STDP, "weights are 30, but the rule keeps them from 0 to 1, and cuts them at their"),
    "a sign": (-0.5, rules.STDP, "weights are -0.5, but"),
    "a distribution": (uniform(-1, 1), rules.STDP, "weights are -1 to 1, but"),
    "one side": (2.0, rules.HebbRate, "weights are 2, but the rule keeps them at 1 or less"),
}


def connected(weight: object, rule: Rule, pattern: object = None) -> None:
    net = Network()
    cell = neurons.ReLU if rule is rules.HebbRate else neurons.LIF
    cells, more = net.add(cell, 3, "cells"), {"to": "v"}
    if rule is rules.HebbRate:
        from spikelet.synapses import RateCoupling

        more = {"synapse": RateCoupling}
    net.connect(cells, cells, pattern or all_to_all(), weight=weight, delay=1.0, rule=rule, **more)


@pytest.mark.parametrize("case", WEIGHTS)
def test_weights_that_the_rule_would_cut_are_told(case: str):
    weight, rule, text = WEIGHTS[case]
    with pytest.warns(MagnitudeWarning) as told:
        connected(weight, rule)
    assert f"cells to cells: {text}" in str(told[0].message) and told[0].filename == __file__


@pytest.mark.parametrize("weight", [0.0, 1.0, np.float32(1.0000001), uniform(0, 1), normal(0.5, 0.1), "0.1*i", None])
def test_other_weights_are_not(weight: object):
    if weight is None:
        connected(np.array([0.0, 0.5]), rules.STDP, from_arrays([0, 1], [1, 2]))
    else:
        connected(weight, rules.STDP)
