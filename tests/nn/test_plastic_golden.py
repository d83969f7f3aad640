"""Layers that learn against the reference numbers of pairs, triplets and rewarded pairs, in both ways of running."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from spikelet import rules
from spikelet.model import Neuron
from spikelet.nn import Plastic
from spikelet.rule import Rule

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "golden.json").read_text())
BOTH = ["llvm_cpu", "torch_eager"]
FOLLOWS = Neuron("Follows", "v[k+1] = I : 1; I : 1 (input); v_th = 1", threshold="v > v_th", reset="v = 0")


def pair(rule: Rule, pre, post, w: float, dt: float, backend: str) -> tuple[Plastic, torch.Tensor]:
    """Return a synapse whose receiver fires when a second, strong sender does, and the spikes of both senders."""
    strong = float(rule.parameters["w_max"])  # type: ignore[arg-type]  # one number
    made = Plastic(nn.Linear(2, 1, bias=False).double(), FOLLOWS(v_th=strong / 2), rule, dt=dt, backend=backend)
    with torch.no_grad():
        made.weight.copy_(torch.tensor([[w, strong]], dtype=torch.float64))
    x = torch.zeros(round(max(*pre, *post) / dt) + 1, 1, 2, dtype=torch.float64)
    for column, times in enumerate((pre, post)):  # a step ends with its spikes
        x[np.round(np.asarray(times) / dt).astype(int) - 1, 0, column] = 1
    return made, x


@pytest.mark.parametrize("backend", BOTH)
@pytest.mark.parametrize(("rule", "name"), [(rules.STDP, "all_to_all"), (rules.NearestSTDP, "nearest")])
def test_pairs(rule: Rule, name: str, backend: str):
    golden = GOLDEN["pair_stdp"]
    known = {"tau_plus": golden["tau_plus"], "tau_minus": golden["tau_minus"], "a_plus": 1, "a_minus": 1}
    made, x = pair(rule(w_max=1000, **known), golden["pre"], golden["post"], 5.0, 1.0, backend)
    y, _ = made(x)
    assert y.sum() == len(golden["post"])
    assert made.weight[0, 0].item() - 5 == pytest.approx(golden[name], rel=1e-12)


@pytest.mark.parametrize("backend", BOTH)
@pytest.mark.parametrize(
    "case", [c for c in GOLDEN["triplet"] if not c["nearest"]], ids=lambda c: f"{c['set']}{c['dt']}"
)
def test_triplets(case: dict, backend: str):
    rule = {"full": rules.TripletSTDP, "minimal": rules.MinimalTripletSTDP}[case["set"]]
    for rate, expected in list(zip(case["rho"], case["dw"], strict=True))[2 if backend == "llvm_cpu" else 4 :]:
        starts = 20.0 + np.arange(60) * 1000.0 / rate
        made, x = pair(rule(w_max=1000), starts, starts + case["dt"], 5.0, 5.0, backend)
        y, _ = made(x)
        assert y.sum() == 60
        assert made.weight[0, 0].item() - 5 == pytest.approx(expected, rel=1e-10), rate


@pytest.mark.parametrize("backend", BOTH)
@pytest.mark.parametrize("name", ["stdp", "mstdp", "mstdpet"])
def test_every_millisecond_of_rewarded_pairs(name: str, backend: str):
    rule = {
        "stdp": rules.STDP(a_plus=0.2, a_minus=0.2, w_max=10),
        "mstdp": rules.MSTDP(gamma=0.2, w_min=-10, w_max=10),
        "mstdpet": rules.MSTDPET(gamma=0.2, w_min=-10, w_max=10),
    }[name]
    made, x = pair(rule, (10, 85, 115, 135), (15, 75, 110, 140), 0.2, 1.0, backend)
    state, found = None, []
    for k, row in enumerate(GOLDEN["florian"]):
        reward = torch.tensor([1.0 if row["t"] <= 100 else -1.0])
        signals = {} if name == "stdp" else {"reward": reward}
        _, state = made(x[k : k + 1] if k < len(x) else 0 * x[:1], state, signals=signals)
        found.append(made.weight[0, 0].item())
    np.testing.assert_allclose(found, [row[name] for row in GOLDEN["florian"]], rtol=1e-12)
