"""The fused kernel of convolutions against the steps in torch operations, which are checked elsewhere."""

import itertools

import numpy as np
import pytest
import torch
from tests.nn.test_plastic import cells
from tests.nn.test_plastic_fused import BOTH, same
from tests.nn.test_plastic_layer import ADAPTIVE, CELL, PAIRS, spikes
from torch import nn

from spikelet import rules
from spikelet.backends import llvm_jit
from spikelet.errors import MagnitudeWarning, ShapeError
from spikelet.lang.places import side
from spikelet.model import Neuron
from spikelet.nn import Plastic
from spikelet.rule import Rule

ZOO = rules.entries()
QUICK = ("STDP", "PowerLawSTDP", "TripletSTDP", "Clopath", "MSTDPET", "Oja", "PES")  # one of each kind
WINDOWS = [
    {"stride": 2, "padding": 1},
    {"dilation": 2, "padding": 2},
    {"padding": "same"},
    {"stride": 3},
]
THRESHOLDS = np.array([0.1, 0.2, 0.3]).reshape(3, 1, 1)
DELTA = Rule("Delta", "eta = 0.02", on_pre="w += eta*error_post")


class Lateral(nn.Conv2d):
    """Each spike takes from other maps at its place, and from all around."""

    def __init__(self, channels: int, size: int, padding: int = 0):
        super().__init__(channels, channels, size, padding=padding, bias=False, dtype=torch.float64)
        with torch.no_grad():
            self.weight.copy_(-torch.rand(self.weight.shape, generator=torch.Generator().manual_seed(4)))
            self.weight[range(channels), range(channels), size // 2, size // 2] = 0


def convolution(
    dims: int, rule: Rule = PAIRS, cell: Neuron = CELL, bias: bool = False, window: dict = WINDOWS[0], **more
):
    """Return a layer from 2 to 3 channels."""
    torch.manual_seed(3)
    module = (nn.Conv1d, nn.Conv2d)[dims - 1](2, 3, 3, bias=bias, **window).double()
    made = Plastic(module, cell, rule, **more)
    with torch.no_grad():
        made.weight.copy_(torch.rand(made.weight.shape) * 0.6 + 0.2)
    return made


def image(dims: int, steps: int = 40, batch: int = 3, rate: float = 0.2) -> torch.Tensor:
    return spikes(steps, batch, 2, *((9,) if dims == 1 else (5, 6)), rate=rate)


def signals(rule: Rule, x: torch.Tensor) -> dict[str, torch.Tensor]:
    generator, found = torch.Generator().manual_seed(5), {}
    for name in rule.definition.partners:
        if side(name) == "pre":
            found[name] = torch.randn(x.shape, generator=generator, dtype=torch.float64)
    for name, place in rule.places.items():
        if place == "network":
            found[name] = 0.01 * torch.randn(x.shape[:2], generator=generator, dtype=torch.float64)
    return found


def pair(dims: int, *args, **more) -> list[Plastic]:
    """Return a layer twice, for its kernel and for the steps."""
    made = [convolution(dims, *args, backend=backend, **more) for backend in BOTH]
    assert made[0].explain() == "llvm_cpu: the fused kernel for CPUs does all steps"
    return made


@pytest.mark.parametrize("name", [n if n in QUICK else pytest.param(n, marks=pytest.mark.slow) for n in ZOO])
def test_every_rule_of_the_zoo(name: str):
    rule = ZOO[name] if name != "DopamineSTDP" else ZOO[name](a_plus=1e-3, a_minus=1e-3)  # many places, one weight
    if "sigma" in rule.parameters:
        assert "draws random numbers" in convolution(2, rule, cells(rule, "post")).explain()
        return
    made, x = pair(2, rule, cells(rule, "post")), image(2)
    start = made[0].weight.clone()
    y = same(made, x, signals=signals(rule, x))
    assert y.sum() > 5 and (made[0].weight - start).abs().max() > 1e-8


@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("dims", [1, 2])
@pytest.mark.parametrize("window", WINDOWS, ids=str)
def test_every_window(dims: int, window: dict, batch: int):
    made = pair(dims, window=window, bias=True)
    assert same(made, image(dims, batch=batch)).sum() > 5
    low, high = made[0].weight.min(), made[0].weight.max()
    assert low == 0 or high == 1  # a bound was reached


@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize(
    "more",
    [
        {"winners": 2},
        {"shared": "theta", "cell": ADAPTIVE, "winners": 3},
        {"reduction": "mean"},
        {"output": "v"},
        {"inhibition": Lateral(3, 1)},
        {"inhibition": Lateral(3, 3, padding=1), "winners": 5},
        {"cell": CELL(v_th=THRESHOLDS)},
        {"cell": CELL(v_th=THRESHOLDS + 0.01 * np.arange(9).reshape(3, 3)), "winners": 4},
    ],
    ids=lambda more: "-".join(more),
)
def test_every_option(more: dict, batch: int):
    assert same(pair(2, **more), image(2, batch=batch, rate=0.3)).sum() > 5


def test_sequences_of_several_lengths_with_a_bias():
    made = pair(2, cell=ADAPTIVE, shared="theta", bias=True)
    y = same(made, image(2, rate=0.3), lengths=torch.tensor([40, 0, 17]))
    assert y[:, 1].sum() == 0 and y[17:, 2].sum() == 0 and y.sum() > 5


def test_what_receivers_are_told():
    made, x = pair(1, rule=DELTA), image(1)
    y = same(made, x, signals={"error_post": spikes(*x.shape[:2], 3, 5, seed=8) - 0.19})
    assert y.sum() > 5


def test_of_equals_the_first_in_memory_win():
    made, x = pair(2, winners=4), torch.ones(6, 2, 2, 5, 6).double()
    for one in made:
        one.weight.fill_(0.5)
    y = same(made, x)
    assert (y.sum((2, 3, 4)) == 4).all() and y[0, 0].flatten().nonzero().flatten().tolist() != [0, 1, 2, 3]


def test_bounds_are_for_what_is_used():
    """What only ever meets padding is no synapse, and keeps a weight out of bounds."""
    made = pair(1, window={"padding": 2, "stride": 20})
    for one in made:
        one.weight[:] = -1.0
    with pytest.warns(MagnitudeWarning, match="weights are -1, but the rule keeps them"):
        same(made, image(1, rate=0.6))
    assert (made[0].weight == 0).any() and (made[0].weight == -1).any()


@pytest.mark.parametrize(
    "more", [{"winners": 1}, {"shared": "theta", "cell": ADAPTIVE}], ids=lambda more: "-".join(more)
)
def test_evaluation_without_gradients_is_one_kernel_too(more: dict):
    made = [one.eval() for one in pair(2, **more)]
    before = made[0].weight.clone()
    assert same(made, image(2)).sum() > 5 and torch.equal(made[0].weight, before)


def test_several_spikes_of_a_sender_in_a_step():
    x = torch.poisson(torch.full((30, 3, 2, 5, 6), 0.3), generator=torch.Generator().manual_seed(2)).double()
    assert x.max() > 2
    assert same(pair(2), x, lengths=torch.tensor([30, 9, 20])).sum() > 5


def test_single_precision_differs_by_rounding():
    made, x = [one.float() for one in pair(2)], image(2, steps=10).float()
    (fused, _), (steps, _) = (one(x) for one in made)
    assert fused.dtype == torch.float32 and fused.sum() > 5
    assert (fused != steps).float().mean() < 0.02
    assert (made[0].weight - made[1].weight).abs().max() < 1e-3 if not torch.equal(fused, steps) else True


def test_a_weight_in_another_order_of_memory_learns_too():
    made, x = pair(2), image(2)
    made[0].module.weight.data = made[0].weight.data.to(memory_format=torch.channels_last)
    assert not made[0].weight.is_contiguous()
    same(made, x)
    assert not made[0].weight.is_contiguous()


def test_sizes_and_windows_compile_nothing():
    convolution(1, backend="llvm_cpu")(image(1, steps=3))
    before = sum(llvm_jit.COMPILED.values())
    for dims, window, batch in itertools.product((1, 2), WINDOWS, (1, 2)):
        convolution(dims, window=window, backend="llvm_cpu")(image(dims, steps=2, batch=batch))
    assert sum(llvm_jit.COMPILED.values()) == before


def test_images_of_several_sizes_in_turn():
    made = pair(2)
    for shape in ((5, 6), (7, 5), (5, 6)):
        (fused, _), (steps, _) = (one(spikes(20, 2, 2, *shape)) for one in made)
        assert torch.equal(fused, steps) and fused.sum() > 5
    torch.testing.assert_close(made[0].weight, made[1].weight, rtol=1e-11, atol=1e-11)


def test_what_inhibits_is_in_the_kernel_where_it_is_a_convolution():
    module = nn.Sequential(Lateral(3, 1))
    text = "what inhibits is Sequential, and the fused kernel does a Conv2d without bias"
    assert convolution(2, inhibition=module).explain() == f"torch_eager: {text}"
    for other in (nn.Conv2d(3, 3, 1), nn.Conv2d(3, 3, 1, groups=3, bias=False), nn.Linear(3, 3, bias=False)):
        assert convolution(2, inhibition=other).explain().startswith("torch_eager: what inhibits is")


@pytest.mark.parametrize("backend", BOTH)
def test_inhibition_of_another_shape_is_an_error(backend: str):
    with pytest.raises(ShapeError, match=r"inhibition made \(3, 1, 1\) of a sample's spikes \(3, 3, 3\)"):
        convolution(2, inhibition=Lateral(3, 3), backend=backend)(image(2))
