"""A recurrent layer in one kernel is the layer stepped in torch, and says which of the two it is."""

import numpy as np
import pytest
import torch
from torch import nn

from spikelet import neurons
from spikelet.backends import llvm_jit
from spikelet.errors import BackendError
from spikelet.nn import Neurons, Recurrent, Sequential
from spikelet.units import ms

T, B, N = 40, 5, 6
CASES = {
    "plain": (neurons.LIF(tau_mem=5 * ms), {}),
    "refractory, learns": (neurons.LIF(tau_mem=5 * ms, t_ref=2 * ms), {"learn": ("tau_mem", "v_th")}),
    "shows a state": (neurons.ALIF, {"output": ("v", "spikes"), "learn": "tau_a"}),
    "a state alone": (neurons.CuBaLIF, {"output": "v"}),
    "random": (neurons.EscapeLIF(tau_mem=5 * ms), {}),
    "per neuron": (neurons.LIF(tau_mem=np.linspace(3, 9, N)), {"learn": "tau_mem"}),
    "low memory": (neurons.LIF(tau_mem=5 * ms), {"memory": "low"}),
}


def pair(case: str, delay: float | None = None, bias: bool = True) -> tuple[Recurrent, Recurrent]:
    """The same layer on both back ends."""
    model, options = CASES[case]
    torch.manual_seed(0)
    linear = nn.Linear(N, N, bias=bias).double()
    made = []
    for backend in ("llvm_cpu", "torch_eager"):
        layer = Recurrent(
            Neurons(model, backend=backend, dtype=torch.float64, **options), nn.Linear(N, N, bias=bias).double(),
            delay=delay,
        )  # fmt: skip
        layer.module.load_state_dict({name: 3 * value for name, value in linear.state_dict().items()})
        made.append(layer)
    return made[0], made[1]


def outcome(layer: Recurrent, x: torch.Tensor, state=None) -> dict[str, torch.Tensor]:
    """Everything a call gives, and the gradients of all that can have one."""
    x = x.clone().requires_grad_()
    y, after = layer(x, state)
    shown = y if isinstance(y, dict) else {"y": y}
    weights = torch.linspace(-1, 1, T, dtype=x.dtype)[:, None, None]
    loss = sum((value * weights).sum() for value in shown.values()) + after["v"].sum() + 0.3 * after["spikes"].sum()
    loss.backward()
    found = {**shown, **{f"after {n}": v for n, v in after.items()}, "x": x.grad}
    return found | {f"gradient of {n}": p.grad for n, p in layer.named_parameters()}


@pytest.mark.parametrize("delay", [None, 3 * ms])
@pytest.mark.parametrize("case", CASES)
def test_the_kernel_is_the_stepped_layer(case, delay):
    x = 4 * torch.rand(T, B, N, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    found, wanted = (outcome(layer, x) for layer in pair(case, delay))
    assert set(found) == set(wanted)
    for name, value in wanted.items():
        torch.testing.assert_close(found[name], value, rtol=1e-8, atol=1e-10, msg=name)


def test_pieces_are_the_whole_and_without_a_bias():
    fused, stepped = pair("plain", 2 * ms, bias=False)
    x = 4 * torch.rand(T, B, N, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    whole, end = fused(x)
    parts, state = [], None
    for piece in x.split([1, 17, 22]):
        y, state = fused(piece, state)
        parts.append(y)
    torch.testing.assert_close(torch.cat(parts), whole, rtol=0, atol=0)
    assert state["spikes"].shape == (2, B, N)
    torch.testing.assert_close(state["spikes"], end["spikes"], rtol=0, atol=0)
    torch.testing.assert_close(stepped(x)[0], whole, rtol=0, atol=0)


def test_an_input_that_is_held():
    fused, stepped = pair("plain")
    x = 4 * torch.rand(1, B, N, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    grads = []
    for layer in (fused, stepped):
        given = x.clone().requires_grad_()
        y, _ = layer(given, steps=T)
        y.sum().backward()
        grads.append((y.detach(), given.grad))
    torch.testing.assert_close(grads[0], grads[1], rtol=1e-9, atol=1e-12)


def test_it_says_why_it_steps():
    assert pair("plain")[0].explain().startswith("llvm_cpu")
    own = Recurrent(Neurons(neurons.LIF), nn.Identity())
    assert own.explain().startswith("torch_eager: the feedback is a Identity")
    maps = Recurrent(Neurons(neurons.LIF), nn.Linear(N, N))
    assert "wants x of (T, B, N)" in maps.explain(torch.zeros(T, B, 2, N))
    with pytest.raises(BackendError, match="backend='llvm_cpu' cannot run this: the feedback is a Identity"):
        Recurrent(Neurons(neurons.LIF, backend="llvm_cpu"), nn.Identity())(torch.zeros(T, B, N))


def test_nothing_is_compiled_again():
    layer = Recurrent(Neurons(neurons.LIF, learn="tau_mem"), nn.Linear(N, N))

    def step(batch: int, steps: int) -> None:
        layer(torch.rand(steps, batch, N, requires_grad=True))[0].sum().backward()

    step(3, 5)
    before = sum(llvm_jit.COMPILED.values())
    for batch, steps in ((1, 9), (70, 2)):
        step(batch, steps)
    layer.neurons.tau_mem.data += 1
    step(3, 5)
    assert sum(llvm_jit.COMPILED.values()) == before


def test_it_is_one_node_of_a_graph():
    net = Sequential(nn.Linear(4, N), Recurrent(Neurons(neurons.LIF, learn="tau_mem"), nn.Linear(N, N)))
    x = torch.rand(T, B, 4)
    compiled = torch.compile(net, fullgraph=True, backend="aot_eager")
    torch.testing.assert_close(compiled(x)[0], net(x)[0], rtol=0, atol=0)
    compiled(x)[0].sum().backward()
    found = [p.grad.clone() for p in net.parameters()]
    net.zero_grad()
    net(x)[0].sum().backward()
    for one, two in zip(found, (p.grad for p in net.parameters()), strict=True):
        torch.testing.assert_close(one, two)


def test_low_precision_outside_only():
    layer = Recurrent(Neurons(neurons.LIF(tau_mem=5 * ms)), nn.Linear(N, N))
    x = 4 * torch.rand(T, B, N, generator=torch.Generator().manual_seed(3))
    y, state = layer(x.bfloat16())
    assert y.dtype == torch.bfloat16 and state["v"].dtype == torch.float32 and y.any()
    torch.testing.assert_close(y.float(), layer(x.bfloat16().float())[0], rtol=0, atol=0)


def test_no_second_derivative():
    layer = Recurrent(Neurons(neurons.LIF), nn.Linear(N, N))
    x = torch.rand(T, B, N, requires_grad=True)
    (first,) = torch.autograd.grad(layer(x)[0].sum(), x, create_graph=True)
    with pytest.raises(BackendError, match="second derivative"):
        first.sum().backward()
