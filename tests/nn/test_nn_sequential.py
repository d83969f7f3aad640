"""Sequential, Residual and Fold: state is threaded, stateless modules see (T*B, ...), constants pass once."""

import copy
import pickle
from collections import OrderedDict

import pytest
import torch
from torch import nn

from spikelet.errors import InputError, ShapeError, StateError
from spikelet.nn import Fold, Neurons, Recurrent, Residual, Sequential


@pytest.fixture
def net(leaky, integrator):
    return Sequential(nn.Linear(6, 5), Neurons(leaky), nn.Linear(5, 3), Neurons(integrator, output="v"))


def rows_seen(module):
    """Count the rows that pass through a module."""
    seen = []
    module.register_forward_hook(lambda _, inputs, __: seen.append(len(inputs[0])))
    return seen


# -- state -------------------------------------------------------------------------------------------------------------


def test_the_result_is_that_of_the_parts(net):
    x = torch.rand(9, 2, 6)
    y, state = net(x)
    hidden, first = net[1](net[0](x))
    expected, second = net[3](net[2](hidden))
    torch.testing.assert_close(y, expected)
    assert list(state) == ["1", "3"]
    torch.testing.assert_close(state["1"], first)
    torch.testing.assert_close(state["3"], second)
    assert net.time_step == 1.0 and len(net) == 4 and next(iter(net)) is net[0] is net["0"]


def test_streaming_equals_the_whole_run(net):
    x = torch.rand(20, 2, 6) * 3
    whole, end = net(x)
    first, state = net(x[:7])
    second, state = net(x[7:], state)
    torch.testing.assert_close(torch.cat([first, second]), whole)
    torch.testing.assert_close(state, end)


def test_nested_layers_have_nested_states(leaky):
    inner = Sequential(nn.Linear(4, 4), Recurrent(Neurons(leaky), nn.Linear(4, 4)))
    net = Sequential(OrderedDict(front=nn.Linear(4, 4), block=Residual(inner), last=Neurons(leaky)))
    y, state = net(torch.rand(5, 2, 4))
    assert y.shape == (5, 2, 4)
    assert set(state) == {"block", "last"} and set(state["block"]) == {"1"}
    assert set(state["block"]["1"]) == {"v", "spikes"}
    assert net(torch.rand(5, 2, 4), state)[0].shape == (5, 2, 4)


def test_wrong_states_are_named(net):
    x = torch.rand(3, 2, 6)
    _, state = net(x)
    with pytest.raises(StateError, match=r"layer '3': Neurons\(LI\): state 'v' has shape \(2, 2\), expected \(2, 3\)"):
        net(x, {**state, "3": {"v": state["3"]["v"][:, :2]}})
    with pytest.raises(StateError, match=r"Sequential: state of layer '3' is missing"):
        net(x, {"1": state["1"]})
    with pytest.raises(StateError, match=r"state of layer '0' is not known, expected \['1', '3'\]"):
        net(x, {**state, "0": {}})
    with pytest.raises(StateError, match=r"layer '1': .*state 'v' has shape \(2, 5\), expected \(1, 5\)"):
        net(x[:, :1], state)


def test_lengths_reach_every_layer(net):
    x = torch.rand(10, 2, 6) * 3
    y, state = net(x, lengths=torch.tensor([10, 4]))
    alone, end = net(x[:4, 1:])
    torch.testing.assert_close(y[:4, 1:], alone)
    assert (y[4:, 1] == 0).all()
    torch.testing.assert_close(state["3"]["v"][1], end["3"]["v"][0])


def test_equal_random_layers_do_not_share_their_noise(noisy):
    class Zero(nn.Linear):
        def forward(self, x):
            return x * 0

    net = Sequential(Neurons(noisy, output="v"), Zero(2, 2), Neurons(noisy, output="v"))
    kept = []
    net[0].register_forward_hook(lambda *call: kept.append(call[-1][0]))
    second, _ = net(torch.zeros(200, 1, 2))
    correlation = torch.corrcoef(torch.stack([kept[0].flatten(), second.flatten()]))[0, 1]
    assert abs(correlation) < 0.3
    again, _ = net(torch.zeros(200, 1, 2))
    torch.testing.assert_close(again, second, rtol=0, atol=0)
    assert not torch.equal(net(torch.zeros(200, 1, 2), seed=1)[0], second)


# -- folding -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("module", "shape", "expected"),
    [
        (nn.Linear(4, 2), (4,), (2,)),
        (nn.Conv1d(2, 3, 3), (2, 8), (3, 6)),
        (nn.Conv2d(2, 3, 3, padding=1), (2, 5, 5), (3, 5, 5)),
        (nn.Conv3d(1, 2, 2), (1, 3, 3, 3), (2, 2, 2, 2)),
        (nn.ConvTranspose2d(2, 1, 2, stride=2), (2, 3, 3), (1, 6, 6)),
        (nn.AvgPool2d(2), (2, 4, 4), (2, 2, 2)),
        (nn.MaxPool1d(2), (2, 4), (2, 2)),
        (nn.AdaptiveAvgPool2d(1), (3, 4, 4), (3, 1, 1)),
        (nn.BatchNorm1d(4), (4,), (4,)),
        (nn.BatchNorm2d(3), (3, 4, 4), (3, 4, 4)),
        (nn.LayerNorm(4), (4,), (4,)),
        (nn.GroupNorm(2, 4), (4, 3), (4, 3)),
        (nn.InstanceNorm1d(2), (2, 5), (2, 5)),
        (nn.Dropout(0.5), (4,), (4,)),
        (nn.Dropout2d(0.5), (2, 3, 3), (2, 3, 3)),
        (nn.Flatten(), (2, 3, 4), (24,)),
        (nn.Unflatten(1, (2, 2)), (4,), (2, 2)),
        (nn.ReLU(), (4,), (4,)),
        (nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Flatten()), (1, 4, 4), (8,)),
    ],
)
def test_stateless_modules_see_time_and_batch_as_one_axis(module, shape, expected):
    x = torch.rand(6, 3, *shape)
    net = Sequential(module)
    torch.manual_seed(1)
    y, state = net(x)
    assert y.shape == (6, 3, *expected) and state == {}
    torch.manual_seed(1)
    torch.testing.assert_close(y, module(x.flatten(0, 1)).unflatten(0, (6, 3)))


def test_batch_norm_takes_its_statistics_over_all_steps():
    x = torch.randn(50, 8, 3) * 4 + 7
    y, _ = Sequential(nn.BatchNorm1d(3))(x)
    torch.testing.assert_close(y.mean((0, 1)), torch.zeros(3), atol=1e-5, rtol=0)
    torch.testing.assert_close(y.var((0, 1), unbiased=False), torch.ones(3), atol=1e-4, rtol=0)


def test_dropout_draws_at_every_step():
    y, _ = Sequential(nn.Dropout(0.5))(torch.ones(1, 1, 64).expand(4, 1, 64))
    assert not torch.equal(y[0], y[1])


class Mine(nn.Module):
    def forward(self, x):
        return 2 * x


def test_fold_wraps_a_module_of_ones_own(leaky):
    net = Sequential(Fold(Mine()), nn.Sequential(Fold(Mine()), nn.Linear(3, 3)), Neurons(leaky))
    assert net(torch.ones(4, 2, 3))[0].shape == (4, 2, 3)
    torch.testing.assert_close(Fold(Mine())(torch.ones(4, 2, 3)), torch.full((4, 2, 3), 2.0))


def test_mistakes_of_modules(leaky):
    with pytest.raises(InputError, match=r"layer '1': Mine is not known here.*wrap it: nn.Fold\(Mine\(...\)\)"):
        Sequential(nn.Linear(2, 2), Mine())
    with pytest.raises(InputError, match="layer '0': LSTM is not known here"):
        Sequential(nn.LSTM(2, 2))
    with pytest.raises(InputError, match="layer '0' is a float, expected a torch module"):
        Sequential(1.0)
    with pytest.raises(InputError, match="layer '0': Sequential does not hand on the state"):
        Sequential(nn.Sequential(nn.Linear(2, 2), Neurons(leaky)))
    with pytest.raises(InputError, match="holds a layer with a state"):
        Fold(Neurons(leaky))
    with pytest.raises(InputError, match=r"different dt \('0': 1 ms, '1': 0.5 ms\)"):
        Sequential(Neurons(leaky), Neurons(leaky, dt=0.5))
    with pytest.raises(InputError, match=r"different dt \('0': 1 ms, '1': 0.5 ms\)"):
        Sequential(Neurons(leaky), Residual(Sequential(Neurons(leaky, dt=0.5))))


def test_mistakes_of_calls(leaky):
    net = Sequential(Neurons(leaky, output=("spikes", "v")), nn.Linear(2, 2))
    with pytest.raises(InputError, match=r"layer '1': Linear takes one tensor, given the outputs \('spikes', 'v'\)"):
        net(torch.ones(3, 1, 2))
    with pytest.raises(ShapeError, match=r"layer '0': Linear: x has shape \(3,\), expected \(T, B, \*N\)"):
        Sequential(nn.Linear(3, 2))(torch.ones(3))
    with pytest.raises(ShapeError, match=r"Mean: gave \(\) for T\*B = 6 rows"):
        Fold(type("Mean", (nn.Module,), {"forward": lambda self, x: x.mean()})())(torch.ones(3, 2, 4))
    with pytest.raises(RuntimeError) as caught:
        Sequential(nn.Linear(3, 2))(torch.ones(3, 1, 4))
    assert caught.value.__notes__ == ["in layer '0': Linear"]


# -- constants ---------------------------------------------------------------------------------------------------------


def test_a_constant_input_passes_the_prefix_once(leaky):
    net = Sequential(nn.Flatten(), nn.Linear(6, 5), nn.ReLU(), Neurons(leaky), nn.Linear(5, 3))
    first, last = rows_seen(net[1]), rows_seen(net[4])
    image = torch.rand(4, 2, 3)
    constant, _ = net(image.expand(25, 4, 2, 3))
    assert first == [4] and last == [100]
    full, _ = net(image.expand(25, 4, 2, 3).clone())
    assert first == [4, 100]
    torch.testing.assert_close(constant, full)
    assert constant.abs().sum() > 0


def test_a_constant_input_gives_the_same_gradients(net):
    image = torch.rand(4, 6, requires_grad=True)
    names = [name for name, _ in net.named_parameters()]
    targets = [image, *net.parameters()]
    constant = torch.autograd.grad(net(image.expand(25, 4, 6))[0].square().sum(), targets)
    full = torch.autograd.grad(net(image.expand(25, 4, 6) + torch.zeros(25, 4, 6))[0].square().sum(), targets)
    for name, ours, theirs in zip(["image", *names], constant, full, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5, msg=name)


@pytest.mark.parametrize(
    ("front", "training", "expected"),
    [
        (nn.Dropout(0.5), True, 25 * 4),
        (nn.Dropout(0.5), False, 4),
        (nn.BatchNorm1d(6), True, 25 * 4),
        (nn.BatchNorm1d(6), False, 4),
        (Fold(Mine()), True, 25 * 4),
        (Fold(Mine(), repeatable=True), True, 4),
        (Fold(nn.LayerNorm(6)), True, 4),
        (nn.Sequential(nn.ReLU(), nn.Dropout(0.5)), True, 25 * 4),
        (nn.Sequential(nn.ReLU(), Fold(Mine())), False, 25 * 4),
    ],
)
def test_the_prefix_ends_at_chance_and_batch_statistics(leaky, front, training, expected):
    net = Sequential(front, nn.Linear(6, 5), Neurons(leaky)).train(training)
    seen = rows_seen(net[1])
    net(torch.rand(4, 6).expand(25, 4, 6))
    assert seen == [expected]


def test_running_averages_are_those_of_all_steps():
    image = torch.randn(4, 6).expand(25, 4, 6)
    one, other = Sequential(nn.BatchNorm1d(6)), Sequential(nn.BatchNorm1d(6))
    one(image)
    other(image.clone())
    torch.testing.assert_close(one[0].running_var, other[0].running_var)


def test_a_constant_stays_constant_through_stateless_modules():
    y, state = Sequential(nn.Linear(6, 5))(torch.rand(4, 6).expand(25, 4, 6))
    assert y.shape == (25, 4, 5) and y.stride(0) == 0 and state == {}


# -- residual ----------------------------------------------------------------------------------------------------------


def test_residual_adds_its_input(leaky):
    body = Sequential(nn.Linear(3, 3), Neurons(leaky))
    x = torch.rand(6, 2, 3)
    y, state = Residual(body)(x)
    inner, expected = body(x)
    torch.testing.assert_close(y, x + inner)
    torch.testing.assert_close(state, expected)
    torch.testing.assert_close(Residual(nn.Linear(3, 3).requires_grad_(False))(x)[0].shape, x.shape)
    with pytest.raises(ShapeError, match=r"Residual: x has shape \(6, 2, 3\), the body gave \(6, 2, 4\)"):
        Residual(nn.Linear(3, 4))(x)
    with pytest.raises(StateError, match="'v' is not known"):
        Residual(nn.Linear(3, 3))(x, {"v": x[0]})
    with pytest.raises(InputError, match=r"the body gave the outputs \('v',\)"):
        Residual(Neurons(leaky, output=("v",)))(x)


# -- copies ------------------------------------------------------------------------------------------------------------


def test_copies_and_state_dicts(net):
    x = torch.rand(5, 2, 6) * 3
    expected, _ = net(x)
    for other in (copy.deepcopy(net), pickle.loads(pickle.dumps(net))):
        torch.testing.assert_close(other(x)[0], expected, rtol=0, atol=0)
    saved = net.state_dict()
    assert {"0.weight", "1.beta", "3.tau_mem"} <= set(saved)
    fresh = copy.deepcopy(net)
    nn.init.zeros_(fresh[0].weight)
    fresh.load_state_dict(saved)
    torch.testing.assert_close(fresh(x)[0], expected, rtol=0, atol=0)


def test_a_module_at_two_places_is_run_twice():
    relu = nn.Linear(3, 3)
    y, _ = Sequential(relu, nn.ReLU(), relu)(torch.ones(2, 1, 3))
    torch.testing.assert_close(y, relu(torch.relu(relu(torch.ones(2, 1, 3)))))


def test_functional_call_and_per_sample_gradients(net):
    x, parameters = torch.rand(12, 3, 6) * 3, dict(net.named_parameters())

    def loss(parameters, one):
        return torch.func.functional_call(net, parameters, (one.unsqueeze(1),))[0].square().sum()

    got = torch.func.vmap(torch.func.grad(loss), in_dims=(None, 1))(parameters, x)
    for i in range(3):
        want = torch.autograd.grad(net(x[:, i : i + 1])[0].square().sum(), list(parameters.values()))
        for name, theirs in zip(parameters, want, strict=True):
            torch.testing.assert_close(got[name][i], theirs, rtol=1e-4, atol=1e-5)


def test_a_small_network_learns(leaky, integrator):
    labels = torch.arange(12) % 3
    x = torch.nn.functional.one_hot(labels, 6).float()[None].expand(10, 12, 6)
    net = Sequential(nn.Linear(6, 16), Neurons(leaky), nn.Linear(16, 3), Neurons(integrator, output="v"))
    optimiser = torch.optim.Adam(net.parameters(), lr=0.02)
    for _ in range(40):
        optimiser.zero_grad()
        nn.functional.cross_entropy(net(x)[0].mean(0), labels).backward()
        optimiser.step()
    assert (net(x)[0].mean(0).argmax(-1) == labels).all()
