"""Recurrent: the spikes of step k enter step k+1."""

import copy
import pickle

import pytest
import torch

from spikelet.errors import InputError, NumericsError, ShapeError, StateError
from spikelet.nn import Neurons, Recurrent, check, detach


def drive(*shape, scale=0.6, seed=1):
    return torch.rand(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed)) * scale


def linear(n, scale=1.0):
    module = torch.nn.Linear(n, n, bias=False, dtype=torch.float64)
    with torch.no_grad():
        module.weight.mul_(scale)
    return module


def test_a_loop_by_hand_gives_the_same(leaky):
    x, module = drive(25, 3, 4), linear(4)
    layer = Recurrent(Neurons(leaky, output=("spikes", "v")), module)
    out, state = layer(x)
    v, s = torch.zeros(3, 4, dtype=torch.float64), torch.zeros(3, 4, dtype=torch.float64)
    for k in range(25):
        v = 0.9 * v + x[k] + module(s)
        s = (v > 1).to(v.dtype)
        v = v - s
        torch.testing.assert_close(out["spikes"][k], s, rtol=0, atol=0)
        torch.testing.assert_close(out["v"][k], v)
    torch.testing.assert_close(state["spikes"], s, rtol=0, atol=0)
    assert 0 < out["spikes"].sum() < out["spikes"].numel()


def test_the_feedback_comes_one_step_later(leaky):
    module = torch.nn.Linear(1, 1, bias=False)
    torch.nn.init.constant_(module.weight, 0.25)
    x = torch.tensor([1.5, 0.0, 0.0]).reshape(3, 1, 1)
    v, state = Recurrent(Neurons(leaky, output="v"), module)(x)
    torch.testing.assert_close(v.flatten(), torch.tensor([0.5, 0.9 * 0.5 + 0.25, 0.9 * 0.7]))
    assert state["spikes"].item() == 0


def looped(module, x, delay):
    """A leaky map whose spikes come back after ``delay`` steps, by hand."""
    v, spikes = torch.zeros_like(x[0]), []
    for k in range(len(x)):
        v = 0.9 * v + x[k] + module(spikes[k - delay] if k >= delay else torch.zeros_like(x[0]))
        spikes.append((v > 1).to(v.dtype))
        v = v - spikes[-1]
    return torch.stack(spikes)


@pytest.mark.parametrize("backend", ["auto", "torch_eager"])
@pytest.mark.parametrize(("delay", "steps"), [(None, 1), (1.0, 1), (3.0, 3), (4.8, 5), (40.0, 40)])
def test_a_delay_is_so_many_steps(leaky, delay, steps, backend):
    x, module = drive(25, 3, 4), linear(4)
    layer = Recurrent(Neurons(leaky, backend=backend), module, delay=delay)
    spikes, state = layer(x)
    expected = looped(module, x, steps)
    assert torch.equal(spikes, expected)
    silent = torch.zeros(max(steps - 25, 0), 3, 4, dtype=x.dtype)
    on_its_way = torch.cat([silent, expected[-steps:]])
    assert torch.equal(state["spikes"], on_its_way[0] if steps == 1 else on_its_way)
    assert 0 < spikes.sum() < spikes.numel()


@pytest.mark.parametrize("backend", ["auto", "torch_eager"])
def test_a_delay_streams_and_freezes(leaky, backend):
    x, layer = drive(25, 3, 4), Recurrent(Neurons(leaky, backend=backend), linear(4), delay=3.0)
    whole, end = layer(x)
    state, parts = None, []
    for chunk in (x[:1], x[1:3], x[3:17], x[17:]):
        out, state = layer(chunk, state)
        parts.append(out)
    assert torch.equal(torch.cat(parts), whole) and torch.equal(state["spikes"], end["spikes"])
    assert state["spikes"].shape == (3, 3, 4)
    cut, state = layer(x, lengths=torch.tensor([25, 7, 0]))
    alone, end = layer(x[:7, 1:2])
    assert torch.equal(cut[:7, 1:2], alone) and torch.equal(state["spikes"][:, 1:2], end["spikes"])
    assert (cut[7:, 1] == 0).all() and (state["spikes"][:, 2] == 0).all()
    with pytest.raises(StateError, match=r"'spikes' has shape \(2, 3, 4\), expected \(3, 3, 4\)"):
        layer(x, {**state, "spikes": state["spikes"][:2]})


@pytest.mark.parametrize("delay", [0.0, 0.4, -1.0, "1 ms"])
def test_a_delay_is_at_least_a_step(leaky, delay):
    with pytest.raises(InputError, match=r"Recurrent\(Leaky\): delay is .*, expected at least one step, 1 ms"):
        Recurrent(Neurons(leaky), linear(4), delay=delay)


def test_an_input_is_held(leaky):
    layer, x = Recurrent(Neurons(leaky), linear(4)), drive(1, 3, 4)
    assert torch.equal(layer(x, steps=20)[0], layer(x.expand(20, 3, 4).clone())[0])


def test_low_precision_goes_in_and_out(leaky):
    layer = Recurrent(Neurons(leaky), torch.nn.Linear(4, 4, dtype=torch.bfloat16))
    spikes, state = layer(drive(9, 2, 4).bfloat16())
    assert spikes.dtype == state["spikes"].dtype == torch.bfloat16 and state["v"].dtype == torch.float32


def test_feedback_goes_where_to_says(two_inputs):
    module = torch.nn.Linear(1, 1, bias=False)
    torch.nn.init.constant_(module.weight, 1.0)
    layer = Recurrent(Neurons(two_inputs, output="v"), module, to="I_i")
    v, _ = layer({"I_e": torch.tensor([2.0, 0.0]).reshape(2, 1, 1)})
    assert v.flatten().tolist() == [0.0, -1.0]


def test_feedback_may_be_a_jump(cuba):
    module = torch.nn.Linear(1, 1, bias=False)
    torch.nn.init.constant_(module.weight, -3.0)
    layer = Recurrent(Neurons(cuba, to=("v", "g"), output=("v", "g")), module, to="g")
    out, _ = layer({"v": torch.tensor([1.5, 0.0]).reshape(2, 1, 1)})
    assert out["g"].flatten().tolist() == [0.0, -3.0]


def test_streaming_equals_the_whole_run(lif):
    layer, x = Recurrent(Neurons(lif), linear(4, 8.0)), drive(30, 2, 4, scale=4.0)
    whole, end = layer(x)
    first, state = layer(x[:11])
    second, state = layer(x[11:], state)
    torch.testing.assert_close(torch.cat([first, second]), whole, rtol=0, atol=0)
    for name in end:
        torch.testing.assert_close(state[name], end[name], rtol=0, atol=0)
    assert not torch.equal(whole, layer.neurons(x)[0])  # the feedback matters here


def test_lengths_freeze_state_and_feedback(leaky):
    layer, x = Recurrent(Neurons(leaky), linear(4)), drive(12, 3, 4)
    spikes, state = layer(x, lengths=torch.tensor([12, 5, 0]))
    alone, end = layer(x[:5, 1:2])
    torch.testing.assert_close(spikes[:5, 1], alone[:, 0], rtol=0, atol=0)
    assert (spikes[5:, 1] == 0).all() and (spikes[:, 2] == 0).all()
    for name in end:
        torch.testing.assert_close(state[name][1], end[name][0], rtol=0, atol=0)


def test_a_random_model_is_reproducible_and_streams(noisy):
    layer, x = Recurrent(Neurons(noisy), linear(3)), drive(20, 2, 3)
    whole, _ = layer(x, seed=3, lengths=torch.tensor([20, 11]))
    first, state = layer(x[:8], seed=3)
    second, _ = layer(x[8:], state, seed=3, lengths=torch.tensor([12, 3]))
    torch.testing.assert_close(torch.cat([first, second]), whole, rtol=0, atol=0)
    assert not torch.equal(layer(x, seed=4)[0][:, 0], whole[:, 0])


def test_gradients_reach_the_feedback_weights_through_time(leaky):
    module = linear(4)
    layer, x = Recurrent(Neurons(leaky, learn="beta"), module), drive(20, 2, 4).requires_grad_()
    spikes, state = layer(x)
    spikes[-1].sum().backward()
    assert module.weight.grad.abs().max() > 0 and layer.neurons.beta.grad.abs() > 0
    assert x.grad[:-1].abs().max() > 0
    x.grad = None
    spikes, _ = layer(x, detach(state))
    spikes.sum().backward()  # the graph of the first call is not needed


def test_copies_give_the_same_numbers(leaky):
    layer, x = Recurrent(Neurons(leaky), linear(4)), drive(10, 2, 4)
    for other in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        torch.testing.assert_close(other(x)[0], layer(x)[0], rtol=0, atol=0)
    assert set(layer.state_dict()) == {"module.weight", "neurons.beta", "neurons.v_th", "neurons.surrogate_scale"}


def test_checks_name_the_step(leaky):
    module = linear(2)
    x = torch.ones(6, 1, 2, dtype=torch.float64)
    with torch.no_grad():
        module.weight.fill_(torch.inf)
    check(True)
    with pytest.raises(NumericsError, match=r"Recurrent\(Leaky\): state 'v' is .* in step \d"):
        Recurrent(Neurons(leaky), module)(x)


def test_mistakes(leaky, two_inputs, integrator):
    neurons = Neurons(leaky)
    with pytest.raises(InputError, match="no threshold, so there are no spikes to feed back"):
        Recurrent(Neurons(integrator, output="v"), torch.nn.Linear(2, 2))
    with pytest.raises(InputError, match="expected spikelet.nn.Neurons"):
        Recurrent(torch.nn.Linear(2, 2), torch.nn.Linear(2, 2))
    with pytest.raises(InputError, match="holds a layer with a state"):
        Recurrent(neurons, Neurons(leaky))
    with pytest.raises(InputError, match=r"several inputs \('I_e', 'I_i'\): name one in to="):
        Recurrent(Neurons(two_inputs), torch.nn.Linear(2, 2))
    with pytest.raises(InputError, match="to='v' is none of the inputs"):
        Recurrent(neurons, torch.nn.Linear(2, 2), to="v")
    with pytest.raises(ShapeError, match=r"module Linear made \(1, 3\) of spikes \(1, 2\)"):
        Recurrent(neurons, torch.nn.Linear(2, 3))(torch.ones(2, 1, 2))
    layer = Recurrent(neurons, torch.nn.Linear(2, 2))
    with pytest.raises(StateError, match="'spikes' is missing"):
        layer(torch.ones(2, 1, 2), {"v": torch.zeros(1, 2)})
    with pytest.raises(StateError, match=r"'spikes' has shape \(2, 2\), expected \(1, 2\)"):
        layer(torch.ones(2, 1, 2), {"v": torch.zeros(1, 2), "spikes": torch.zeros(2, 2)})
