"""The fused kernel against the steps in torch operations, which are checked elsewhere."""

import itertools

import numpy as np
import pytest
import torch
from tests.nn.test_plastic import cells
from tests.nn.test_plastic_layer import ADAPTIVE, CELL, PAIRS, layer, spikes
from torch import nn

from spikelet import neurons, rules
from spikelet.backends import llvm_jit
from spikelet.errors import BackendError
from spikelet.ir.nodes import topological
from spikelet.lang.places import side
from spikelet.model import Neuron
from spikelet.nn import Plastic
from spikelet.rule import Rule

ZOO = rules.entries()
BOTH = ("llvm_cpu", "torch_eager")


def same(made: list[Plastic], x: torch.Tensor, tolerance: float = 1e-11, **more) -> torch.Tensor:
    """Run both ways twice, the second time from the state of the first; returns the spikes."""
    state: list = [None, None]
    for _ in range(2):
        (fused, state[0]), (steps, state[1]) = (one(x, s, **more) for one, s in zip(made, state, strict=True))
        compare(fused, steps, tolerance)
        compare(state[0], state[1], tolerance)
        torch.testing.assert_close(made[0].weight, made[1].weight, rtol=tolerance, atol=tolerance)
    return fused  # pyright: ignore[reportPossiblyUnboundVariable]


def compare(a, b, tolerance: float) -> None:
    if isinstance(a, torch.Tensor):
        torch.testing.assert_close(a, b, rtol=tolerance, atol=tolerance)
        return
    assert set(a) == set(b)
    for name in a:
        compare(a[name], b[name], tolerance)


def signals(rule: Rule, steps: int, batch: int, n: int, m: int) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(5)
    found = {}
    for name in rule.definition.partners:
        if side(name) == "pre":
            found[name] = torch.randn(steps, batch, n, generator=generator, dtype=torch.float64)
    for name, place in rule.places.items():
        if place == "network":
            found[name] = torch.randn(steps, batch, generator=generator, dtype=torch.float64)
    return found


@pytest.mark.parametrize("name", ZOO)
def test_every_rule_of_the_zoo(name: str):
    """With one sample it is the kernel that is compared with the simulator, in ``test_plastic``."""
    rule, made, batch = ZOO[name], [], 3
    for backend in BOTH:
        one = Plastic(nn.Linear(6, 4, bias=False).double(), cells(rule, "post"), rule, backend=backend)
        with torch.no_grad():
            one.weight.copy_(torch.rand(4, 6, generator=torch.Generator().manual_seed(1)) * 0.6 + 0.2)
        made.append(one)
    if made[0].rules.flow and any(n.kind == "noise" for n in topological(made[0].rules.flow.synaptic.values())):
        with pytest.raises(BackendError, match="draws random numbers"):
            made[0].explain()
        return
    start, x = made[0].weight.clone(), spikes(40, batch, 6)
    y = same(made, x, signals=signals(rule, 40, batch, 6, 4))
    assert 5 < y.sum() < 0.5 * y.numel() and (made[0].weight - start).abs().max() > 1e-8


@pytest.mark.parametrize("batch", [1, 4])
@pytest.mark.parametrize(
    "more",
    [
        {"winners": 2},
        {"shared": "theta", "cell": ADAPTIVE},
        {"inhibition": -2.0 * (1 - torch.eye(4))},
        {"shared": "theta", "cell": ADAPTIVE, "inhibition": -torch.rand(4, 4), "winners": 1},
        {"reduction": "mean"},
        {"to": "v", "cell": Neuron("Jump", "dv/dt = -v/(9 ms) : 1; v_th = 1", threshold="v > v_th", reset="v = 0")},
        {"output": "v"},
        {"cell": CELL(v_th=np.array([0.2, 0.3, 0.4, 0.5]))},
        {"rule": PAIRS(w_max=np.array([0.7, 0.8, 0.9, 1.0]), tau_plus=np.arange(4.0, 10.0))},
    ],
    ids=lambda more: "-".join(more),
)
def test_every_option(more: dict, batch: int):
    rule = more.get("rule", PAIRS)
    rest = {key: value for key, value in more.items() if key != "rule"}
    made = [layer(rule, backend=backend, **rest) for backend in BOTH]
    assert same(made, spikes(50, batch, 6, rate=0.3)).sum() > 5


@pytest.mark.parametrize(
    "more", [{"winners": 1}, {"shared": "theta", "cell": ADAPTIVE}, {"inhibition": -torch.ones(4, 4)}]
)
def test_evaluation_without_gradients_is_one_kernel_too(more: dict):
    made, x = [layer(backend=backend, **more).eval() for backend in BOTH], spikes(40, 3, 6, rate=0.4)
    before = made[0].weight.clone()
    assert same(made, x).sum() > 5 and torch.equal(made[0].weight, before)
    _, learnt = made[0].train()(x)
    _, rested = made[0].eval()(x, learnt)
    assert torch.equal(rested["pre"]["x_pre"], learnt["pre"]["x_pre"]) and rested["step"] == 40


def test_sequences_of_several_lengths_with_a_bias():
    made = [layer(backend=backend, shared="theta", cell=ADAPTIVE) for backend in BOTH]
    for one in made:
        one.module.bias = nn.Parameter(torch.linspace(-0.1, 0.2, 4).double())
    y = same(made, spikes(40, 3, 6, rate=0.3), lengths=torch.tensor([40, 0, 17]))
    assert y[:, 1].sum() == 0 and y[17:, 2].sum() == 0 and y.sum() > 5


@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("learning", [True, False])
def test_several_spikes_of_a_sender_in_a_step(batch: int, learning: bool):
    x = torch.poisson(torch.full((50, batch, 6), 0.3), generator=torch.Generator().manual_seed(2)).double()
    x[4:9], x[20] = 0, 0
    x[20, 0, 3] = 7
    made = [layer(backend=backend, winners=3) for backend in BOTH]
    for one in made:
        one.learning = learning
    assert same(made, x, lengths=torch.tensor([50, 9, 30][:batch])).sum() > 5


def test_times_and_integers():
    rule = Rule(
        "Clock",
        "n[k+1] = n : int; age[k+1] = age + dt : ms (pre); last[k+1] = last : ms (post); tau = 20 ms",
        on_pre="age = 0; n += 1; w = w*(1 - 0.02*exp(-(t - last)/tau))",
        on_post="last = t; w = w + 0.01*where(n > 3, 1, -1)",
    )
    made = [layer(rule, backend=backend) for backend in BOTH]
    assert same(made, spikes(40, 2, 6, rate=0.4)).sum() > 5


def test_single_precision_differs_by_rounding():
    made = [layer(backend=backend).float() for backend in BOTH]
    x = spikes(40, 2, 6).float()
    (fused, _), (steps, _) = (one(x) for one in made)
    assert (fused != steps).float().mean() < 0.02
    assert (made[0].weight - made[1].weight).abs().max() < 1e-3 if not torch.equal(fused, steps) else True
    assert fused.dtype == torch.float32


def test_spikes_may_be_given_in_any_form():
    x = spikes(30, 2, 6)
    forms = [x, x.bool(), x.to(torch.uint8), x.transpose(1, 2).contiguous().transpose(1, 2)]
    results = []
    for form in forms:
        made = layer(backend="llvm_cpu")
        results.append((made(form)[0], made.weight))
    for y, weight in results[1:]:
        assert torch.equal(y, results[0][0]) and torch.equal(weight, results[0][1])


def test_a_weight_in_another_order_of_memory_learns_too():
    made, other, x = layer(backend="llvm_cpu"), layer(backend="llvm_cpu"), spikes(30, 2, 6)
    other.module.weight.data = other.weight.data.contiguous()
    assert made.weight.stride() == (1, 4) and other.weight.stride() == (6, 1)
    made(x)
    other(x)
    assert torch.equal(made.weight, other.weight)


def test_sizes_and_values_compile_nothing():
    rule = PAIRS(tau_plus=3.0)
    layer(rule, backend="llvm_cpu")(spikes(5, 2, 6))
    before = sum(llvm_jit.COMPILED.values())
    for n, m, steps, batch in itertools.product((3, 9), (2, 5), (1, 7), (2, 6)):
        layer(rule(a_plus=0.1 / n), n=n, m=m, backend="llvm_cpu")(spikes(steps, batch, n))
    assert sum(llvm_jit.COMPILED.values()) == before


def test_a_call_tells_what_runs_it_and_why():
    conv, several = Plastic(nn.Conv2d(1, 2, 3), neurons.LIF, PAIRS), torch.full((2, 1, 6), 2.0)
    assert layer().explain() == "llvm_cpu: the fused kernel for CPUs does all steps"
    assert layer().explain(several) == conv.explain() == layer().explain()
    assert layer(backend="torch_eager").explain() == "torch_eager: asked for by backend='torch_eager'"
    wide = layer(inhibition=nn.Sequential(nn.Linear(4, 4).double()))
    assert wide.explain() == (
        "torch_eager: what inhibits is Sequential, and the fused kernel does a matrix, or a Linear without bias"
    )
    with pytest.raises(BackendError, match=r"backend='llvm_cpu' cannot run this: .* draws random numbers"):
        Plastic(nn.Conv2d(1, 2, 3), neurons.LIF, rules.GraupnerBrunel, backend="llvm_cpu").explain()
    with pytest.raises(BackendError, match=r"backend='llvm_cpu' cannot run this: x holds other numbers than counts"):
        layer(backend="llvm_cpu", winners=1).eval()(several / 4)
