"""Copies of layers, and what torch.func does with them."""

import copy
import pickle

import pytest
import torch

from spikelet.errors import BackendError
from spikelet.nn import Neurons


def step_input(*shape, scale=0.6, dtype=torch.float64, seed=1):
    return torch.rand(shape, dtype=dtype, generator=torch.Generator().manual_seed(seed)) * scale


def copied_by_pickle(layer):
    return pickle.loads(pickle.dumps(layer))


def copied_by_state_dict(layer):
    fresh = Neurons(layer.model(v_th=3.0), learn=layer.learn, to=layer.targets[0])
    fresh.load_state_dict(layer.state_dict())
    return fresh


@pytest.mark.parametrize("copied", [copied_by_pickle, copy.deepcopy, copied_by_state_dict])
def test_copies_give_the_same_numbers(lif, copied):
    layer, x = Neurons(lif, learn="tau_mem"), step_input(30, 2, 3, scale=4.0)
    with torch.no_grad():
        layer.tau_mem.fill_(7.0)
    other = copied(layer)
    torch.testing.assert_close(other(x)[0], layer(x)[0], rtol=0, atol=0)
    assert other.tau_mem is not layer.tau_mem and other.tau_mem.requires_grad
    assert layer(x)[0].sum() > 0


def test_a_whole_layer_is_saved_by_torch(lif, tmp_path):
    layer = Neurons(lif, learn="tau_mem")
    torch.save(layer, tmp_path / "layer.pt")
    again = torch.load(tmp_path / "layer.pt", weights_only=False)
    assert repr(again) == repr(layer)


def test_functional_call_uses_the_given_parameters(integrator):
    layer, x = Neurons(integrator, learn="tau_mem", output="v"), torch.ones(10, 1, 1)
    v, _ = torch.func.functional_call(layer, {"tau_mem": torch.tensor(5.0)}, (x,))
    torch.testing.assert_close(v, Neurons(integrator(tau_mem=5.0), output="v")(x)[0])


def test_grad_transform_equals_autograd(lif):
    layer, x = Neurons(lif, learn="tau_mem", dtype=torch.float64), step_input(30, 2, 3, scale=4.0)

    def loss(parameters):
        return torch.func.functional_call(layer, parameters, (x,))[0].sum()

    parameters = dict(layer.named_parameters())
    got = torch.func.grad(loss)(parameters)["tau_mem"]
    (expected,) = torch.autograd.grad(layer(x)[0].sum(), layer.tau_mem)
    torch.testing.assert_close(got, expected)
    assert expected.abs() > 1e-3


@pytest.mark.parametrize("name", ["leaky", "lif"])
def test_vmap_over_inputs_and_parameters(name, request):
    model = request.getfixturevalue(name)
    layer, xs = Neurons(model, learn="v_th", dtype=torch.float64), step_input(3, 20, 2, 4, scale=4.0)
    thresholds = torch.tensor([0.5, 1.0, 2.0], dtype=torch.float64)

    def run(x, v_th):
        return torch.func.functional_call(layer, {"v_th": v_th}, (x,))[0]

    got = torch.func.vmap(run)(xs, thresholds)
    for i, threshold in enumerate(thresholds):
        torch.testing.assert_close(got[i], Neurons(model(v_th=threshold.item()))(xs[i])[0], rtol=0, atol=0)
    assert got.sum() > 0


def test_gradients_per_sample(leaky):
    layer, x = Neurons(leaky, learn="beta", dtype=torch.float64), step_input(20, 3, 4)

    def loss(parameters, one):
        return torch.func.functional_call(layer, parameters, (one.unsqueeze(1),))[0].sum()

    parameters = dict(layer.named_parameters())
    got = torch.func.vmap(torch.func.grad(loss), in_dims=(None, 1))(parameters, x)["beta"]
    for i in range(3):
        (expected,) = torch.autograd.grad(layer(x[:, i : i + 1])[0].sum(), layer.beta)
        torch.testing.assert_close(got[i], expected)


def test_second_derivatives_are_refused(leaky):
    layer, x = Neurons(leaky), step_input(10, 1, 2).requires_grad_()
    (first,) = torch.autograd.grad(layer(x)[0].sum(), x, create_graph=True)
    with pytest.raises(BackendError, match="second"):
        first.sum().backward()


@pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated:DeprecationWarning")  # torch's own, in jvp
def test_forward_mode_is_refused(leaky):
    layer, x = Neurons(leaky), step_input(10, 1, 2)
    with pytest.raises(BackendError, match=r"forward|jvp"):
        torch.func.jvp(lambda x: layer(x)[0], (x,), (torch.ones_like(x),))
