"""Neurons: what goes in and out, against loops written by hand."""

import math

import numpy as np
import pytest
import torch

from spikelet import surrogates
from spikelet.errors import ShapeError, StateError
from spikelet.nn import Neurons, Recurrent, detach


def step_input(*shape, scale=0.6, dtype=torch.float64, seed=1):
    return torch.rand(shape, dtype=dtype, generator=torch.Generator().manual_seed(seed)) * scale


class ArctanSpike(torch.autograd.Function):
    """The step with the arctan surrogate, written here once more."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return (x > 0).to(x.dtype)

    @staticmethod
    def backward(ctx, grad):
        (x,) = ctx.saved_tensors
        return grad * (2 / 2) / (1 + (math.pi / 2 * 2 * x) ** 2)


def leaky_loop(x, beta, v_th, attach=False):
    v, spikes = torch.zeros_like(x[0]), []
    for k in range(len(x)):
        v = beta * v + x[k]
        s = ArctanSpike.apply(v - v_th)
        v = v - (s if attach else s.detach()) * v_th
        spikes.append(s)
    return torch.stack(spikes), v


# -- numbers -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("attach", [False, True])
def test_spikes_and_gradients_equal_a_loop_by_hand(leaky, attach):
    x = step_input(30, 4, 5).requires_grad_()
    layer = Neurons(leaky(reset_gradient=attach), learn="all", dtype=torch.float64)
    spikes, state = layer(x)
    beta, v_th = (torch.tensor(value, dtype=torch.float64, requires_grad=True) for value in (0.9, 1.0))
    expected, v = leaky_loop(x, beta, v_th, attach)
    torch.testing.assert_close(spikes, expected, rtol=0, atol=0)
    torch.testing.assert_close(state["v"], v, rtol=1e-12, atol=1e-12)
    assert 0 < spikes.sum() < spikes.numel()
    upstream = step_input(30, 4, 5, seed=2)
    got = torch.autograd.grad((spikes * upstream).sum() + state["v"].sum(), [x, layer.beta, layer.v_th])
    want = torch.autograd.grad((expected * upstream).sum() + v.sum(), [x, beta, v_th])
    for ours, theirs in zip(got, want, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-6, atol=1e-9)
        assert theirs.abs().max() > 1e-3


def test_the_membrane_of_an_integrator_is_the_closed_form(integrator):
    layer = Neurons(integrator(tau_mem=np.array([5.0, 10.0, 40.0])), dt=0.5, output="v")
    v, state = layer(torch.ones(200, 1, 3, dtype=torch.float64))
    t = 0.5 * np.arange(1, 201)[:, None]
    np.testing.assert_allclose(v[:, 0].numpy(), 1 - np.exp(-t / np.array([5.0, 10.0, 40.0])), rtol=1e-10)
    torch.testing.assert_close(state["v"], v[-1])


def test_the_gradient_of_a_time_constant_is_the_closed_form(integrator):
    layer = Neurons(integrator(tau_mem=np.array([5.0, 20.0])), learn="tau_mem", output="v", dtype=torch.float64)
    v, _ = layer(torch.ones(12, 1, 2, dtype=torch.float64))
    (gradient,) = torch.autograd.grad(v[-1].sum(), layer.tau_mem)
    tau = layer.tau_mem.detach()
    torch.testing.assert_close(gradient, -(12 / tau**2) * torch.exp(-12 / tau))


def test_a_state_takes_jumps(cuba):
    x = torch.zeros(6, 1, 2, dtype=torch.float64)
    x[2] = 1.0
    layer = Neurons(cuba, to="g", output=("g", "spikes"))
    out, state = layer(x)
    assert set(out) == {"g", "spikes"}
    expected = torch.tensor([0, 0, *torch.exp(-torch.arange(4, dtype=torch.float64) / 5)], dtype=torch.float64)
    torch.testing.assert_close(out["g"][:, 0, 0], expected)
    assert set(state) >= {"v", "g"}


def test_several_inputs_are_a_dict(two_inputs):
    layer = Neurons(two_inputs, output="v")
    one = torch.full((1, 1, 1), 0.75)
    v, _ = layer({"I_e": one, "I_i": 0.5 * one})
    assert v.item() == 0.375
    v, _ = layer({"I_i": one})
    assert v.item() == -0.75
    v, _ = Neurons(two_inputs, output="v", to="I_i")(one)
    assert v.item() == -0.75


def test_every_dtype_of_input_gives_that_dtype(leaky):
    layer = Neurons(leaky, output=("v", "spikes"))
    for dtype in (torch.float64, torch.float32, torch.bfloat16, torch.float16):
        out, state = layer(torch.ones(3, 2, 2, dtype=dtype))
        assert {out["v"].dtype, out["spikes"].dtype} == {dtype}
        # a state is a sum over many steps, and goes back in: it is never of low precision
        assert state["v"].dtype == (torch.float64 if dtype == torch.float64 else torch.float32)
    out, _ = layer(torch.ones(3, 2, 2, dtype=torch.bool))
    assert out["v"].dtype == torch.get_default_dtype()


def test_autocast_keeps_states_in_float32(leaky):
    with torch.autocast("cpu", dtype=torch.bfloat16):
        x = torch.nn.Linear(3, 2)(torch.ones(4, 1, 3))
        assert x.dtype == torch.bfloat16
        spikes, state = Neurons(leaky)(x)
    assert spikes.dtype == state["v"].dtype == torch.float32


def test_neurons_have_any_number_of_axes(leaky):
    x = step_input(7, 2, 3, 4, 5)
    spikes, _ = Neurons(leaky)(x)
    flat, _ = Neurons(leaky)(x.reshape(7, 2, 60))
    assert spikes.shape == x.shape
    torch.testing.assert_close(spikes.reshape(7, 2, 60), flat, rtol=0, atol=0)
    assert Neurons(leaky)(x[:, :, 0, 0, 0])[0].shape == (7, 2)


def test_parameters_broadcast_over_channels(integrator):
    tau = np.array([5.0, 10.0]).reshape(2, 1, 1)
    v, _ = Neurons(integrator(tau_mem=tau), output="v")(torch.ones(3, 1, 2, 4, 4))
    assert v[-1, 0, 0].unique().numel() == 1 and (v[-1, 0, 0] > v[-1, 0, 1]).all()


def test_an_empty_batch_is_empty(lif):
    spikes, state = Neurons(lif)(torch.ones(5, 0, 3))
    assert spikes.shape == (5, 0, 3) and state["v"].shape == (0, 3)


def test_the_surrogate_is_used(leaky):
    x = torch.full((1, 1, 1), 0.5, dtype=torch.float64, requires_grad=True)
    for alpha in (2.0, 4.0):
        layer = Neurons(leaky, surrogate=surrogates.arctan(alpha=alpha))
        (gradient,) = torch.autograd.grad(layer(x)[0].sum(), x)
        assert gradient.item() == pytest.approx(alpha / 2 / (1 + (math.pi / 2 * alpha * 0.5) ** 2))


# -- time --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["leaky", "lif", "noisy"])
def test_streaming_equals_the_whole_run(name, request):
    layer = Neurons(request.getfixturevalue(name), output=("spikes", "v"))
    x = step_input(24, 3, 4, scale=3.0)
    whole, end = layer(x, seed=5)
    state, parts = None, []
    for chunk in (x[:1], x[1:10], x[10:]):
        out, state = layer(chunk, state, seed=5)
        parts.append(out)
    for key in whole:
        torch.testing.assert_close(torch.cat([part[key] for part in parts]), whole[key], rtol=0, atol=0)
    for key in end:
        torch.testing.assert_close(state[key], end[key], rtol=0, atol=0)


def test_a_call_starts_fresh(lif):
    layer, x = Neurons(lif, learn="tau_mem"), step_input(20, 2, 3, scale=5.0)
    first, _ = layer(x)
    first.sum().backward()
    second, _ = layer(x)
    second.sum().backward()  # no graph is left over from the first call
    torch.testing.assert_close(first, second, rtol=0, atol=0)


def test_truncated_backpropagation_stops_at_detach(leaky):
    layer, x = Neurons(leaky, output="v"), step_input(10, 1, 2, scale=0.05).requires_grad_()
    _, state = layer(x[:6])
    v, _ = layer(x[6:], detach(state))
    (gradient,) = torch.autograd.grad(v[-1].sum(), x)
    assert (gradient[:6] == 0).all()
    torch.testing.assert_close(gradient[6:, 0, 0], 0.9 ** torch.arange(3, -1, -1, dtype=torch.float64))
    v, _ = layer(x[6:], state)
    (gradient,) = torch.autograd.grad(v[-1].sum(), x)
    torch.testing.assert_close(gradient[:, 0, 0], 0.9 ** torch.arange(9, -1, -1, dtype=torch.float64))


def test_lengths_freeze_the_state_and_silence_the_output(lif):
    layer = Neurons(lif, output=("spikes", "v"))
    x = step_input(15, 3, 4, scale=6.0)
    lengths = torch.tensor([15, 6, 0])
    out, state = layer(x, lengths=lengths)
    for row, length in enumerate([15, 6]):
        alone, end = layer(x[:length, row : row + 1])
        for name in out:
            torch.testing.assert_close(out[name][:length, row], alone[name][:, 0], rtol=0, atol=0)
            assert (out[name][length:, row] == 0).all()
        for name in end:
            torch.testing.assert_close(state[name][row], end[name][0], rtol=0, atol=0)
    assert (out["v"][:, 2] == 0).all() and (state["v"][2] == 0).all()
    assert out["spikes"][:, :2].sum() > 0


# -- random models -----------------------------------------------------------------------------------------------------


def test_random_numbers_follow_sample_and_seed_not_the_batch(noisy):
    layer, x = Neurons(noisy, output="v"), torch.zeros(20, 4, 3)
    v, _ = layer(x, samples=torch.tensor([7, 8, 9, 10]), seed=3)
    part, _ = layer(x[:, :2], samples=torch.tensor([9, 8]), seed=3)
    torch.testing.assert_close(part[:, 0], v[:, 2], rtol=0, atol=0)
    torch.testing.assert_close(part[:, 1], v[:, 1], rtol=0, atol=0)
    other, _ = layer(x, samples=torch.tensor([7, 8, 9, 10]), seed=4)
    assert not torch.equal(other, v)
    assert v.std() > 0.1 and v[0].unique().numel() == 12


def test_lengths_of_a_random_model_change_no_numbers(noisy):
    layer, x = Neurons(noisy, output="v"), torch.zeros(9, 3, 2)
    v, _ = layer(x)
    cut, state = layer(x, lengths=torch.tensor([9, 4, 0]))
    torch.testing.assert_close(cut[:4, :2], v[:4, :2], rtol=0, atol=0)
    torch.testing.assert_close(state["v"][0], v[-1, 0], rtol=0, atol=0)
    torch.testing.assert_close(state["v"][1], v[3, 1], rtol=0, atol=0)
    assert (cut[4:, 1] == 0).all()


def test_samples_default_to_the_rows(noisy):
    layer, x = Neurons(noisy, output="v"), torch.zeros(5, 4, 3)
    torch.testing.assert_close(layer(x)[0], layer(x, samples=torch.arange(4))[0], rtol=0, atol=0)
    with pytest.raises(ShapeError, match=r"Neurons\(Noisy\): samples .* expected integers of \(4,\)"):
        layer(x, samples=torch.arange(3))


# -- parameters --------------------------------------------------------------------------------------------------------


def test_learn_makes_parameters_and_the_rest_are_buffers(lif):
    layer = Neurons(lif(tau_mem=np.array([10.0, 20.0])), learn=("tau_mem", "v_th"))
    assert {name for name, _ in layer.named_parameters()} == {"tau_mem", "v_th"}
    assert layer.tau_mem.shape == (2,) and layer.v_th.shape == ()
    assert set(layer.state_dict()) == set(lif.parameters)
    layer(step_input(30, 2, 2, scale=5.0))[0].sum().backward()
    assert layer.tau_mem.grad.abs().min() > 0 and layer.v_th.grad.abs() > 0
    learnt = {name for name, _ in Neurons(lif, learn="all").named_parameters()}
    assert learnt == set(lif.parameters) - {"surrogate_scale", "t_ref"}


def test_an_optimiser_finds_a_time_constant(integrator):
    layer = Neurons(integrator, learn="tau_mem", output="v")
    x = torch.ones(20, 1, 1)
    target, _ = Neurons(integrator(tau_mem=5.0), output="v")(x)
    optimiser = torch.optim.Adam(layer.parameters(), lr=0.2)
    for _ in range(150):
        optimiser.zero_grad()
        torch.nn.functional.mse_loss(layer(x)[0], target).backward()
        optimiser.step()
    assert layer.tau_mem.item() == pytest.approx(5.0, rel=0.02)


def test_constants_keep_double_precision_and_learnt_values_take_the_dtype(leaky):
    layer = Neurons(leaky(beta=0.3), learn="v_th").to(torch.bfloat16)
    assert layer.v_th.dtype == torch.bfloat16
    assert layer.beta.dtype == torch.float64 and layer.beta.item() == 0.3
    assert layer.float().double().beta.item() == 0.3
    assert layer.to("cpu").beta.device.type == "cpu"


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no accelerator here")
def test_layers_move_to_the_accelerator(lif):
    layer, x = Neurons(lif, learn="tau_mem"), step_input(20, 2, 3, scale=4.0)
    expected, _ = layer(x)
    spikes, state = layer.to("cuda")(x.cuda())
    assert state["v"].is_cuda and layer.tau_mem.is_cuda and layer.v_th.is_cuda
    torch.testing.assert_close(spikes.cpu(), expected, rtol=0, atol=0)
    with pytest.raises(StateError, match="'v' is on cpu, expected cuda"):
        layer(x.cuda(), {name: value.cpu() for name, value in state.items()})


def test_a_layer_survives_the_meta_device(leaky):
    layer = Neurons(leaky, learn="beta").to("meta")
    assert layer.beta.is_meta and layer.v_th.is_meta
    layer.to_empty(device="cpu").load_state_dict(Neurons(leaky, learn="beta").state_dict())
    assert layer.v_th.dtype == torch.float64 and layer.v_th.item() == 1.0


def test_repr_names_model_dt_and_learnables(lif):
    layer = Neurons(lif, dt=0.5, learn=("tau_mem", "v_th"), output="v")
    assert repr(layer) == "Neurons(LIF, dt=0.5 ms, learn=tau_mem, v_th, output='v')"
    assert repr(Neurons(lif)) == "Neurons(LIF, dt=1 ms)"


def test_the_input_is_taken_apart_once(leaky):
    def nodes_of(output):
        seen, open_nodes = set(), [output.grad_fn]
        while open_nodes:
            node = open_nodes.pop()
            if node is not None and node not in seen:
                seen.add(node)
                open_nodes += [other for other, _ in node.next_functions]
        return [type(node).__name__ for node in seen]

    x = step_input(8, 2, 3).requires_grad_()
    eager = Neurons(leaky, backend="torch_eager")
    for layer in (eager, Recurrent(eager, torch.nn.Linear(3, 3, dtype=torch.float64))):
        names = nodes_of(layer(x)[0])
        assert names.count("UnbindBackward0") == 1  # x[k] at every step would make the gradient quadratic in T
        assert not any(name.startswith(("Select", "Slice", "Index")) for name in names)
