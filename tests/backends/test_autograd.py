"""What autograd can and cannot do with a step: transforms work, what has no meaning is an error."""

import functools

import pytest
import torch
from tests.ir.hand_written import CASES, CUBA, LIF, Case

from spikelet import surrogates
from spikelet.backends import torch_eager
from spikelet.errors import BackendError
from spikelet.ir.lower import lower
from spikelet.model import Neuron

FORWARD_MODE = pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated:DeprecationWarning")  # torch's own
DOUBLE = {"dtype": torch.float64}
SOFT = Neuron("Soft", "v[k+1] = 0.9*v + I : 1; I : 1 (input); v_th = 1", threshold="v > v_th", reset="v -= v_th")


def simulated(model, inputs, steps, parameters=None, record=("spikes",), shape=None):
    """Run a model on (T, B, N) inputs."""
    step = lower(model, tuple(inputs))
    values = {**model.parameters, **(parameters or {})}
    shape = shape or next(iter(inputs.values())).shape[1:]
    element = torch.arange(torch.Size(shape).numel()).reshape(shape) if step.noise else None
    stepper = torch_eager.Stepper(
        step, values, dt=1.0, surrogate=surrogates.arctan, dtype=torch.float64, element=element
    )
    state = torch_eager.initial_state(step, values, shape, dt=1.0, dtype=torch.float64)
    return torch_eager.scan(stepper, inputs, state, steps=steps, record=record)


def drive(*shape, low=0.0, high=3.0):
    return low + (high - low) * torch.rand(*shape, **DOUBLE, generator=torch.Generator().manual_seed(0))


def rate(model, name, value, x):
    """The number of spikes as a function of a parameter."""
    return simulated(model, {"I": x}, len(x), {name: value})[0]["spikes"].sum()


# --- what is an error -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("attached", [False, True])
def test_a_second_derivative_is_an_error(attached):
    x = drive(10, 1, 3).requires_grad_()
    spikes = simulated(SOFT(reset_gradient=attached), {"I": x}, 10)[0]["spikes"]
    (gradient,) = torch.autograd.grad(spikes.sum(), x, create_graph=True)
    with pytest.raises(BackendError, match="a spike has no second derivative"):
        gradient.square().sum().backward()


@FORWARD_MODE
def test_a_second_derivative_by_transforms_is_an_error():
    x = drive(5, 1, 2)

    def spikes(v_th):
        return rate(SOFT, "v_th", v_th, x)

    for transform in (torch.func.hessian(spikes), torch.func.grad(torch.func.grad(spikes))):
        with pytest.raises(BackendError, match="second derivative|use reverse mode"):
            transform(torch.tensor(1.0, **DOUBLE))


@FORWARD_MODE
def test_forward_mode_is_an_error():
    x = drive(5, 1, 3)
    with pytest.raises(BackendError, match="use reverse mode"):
        torch.func.jvp(lambda y: simulated(SOFT, {"I": y}, 5)[0]["spikes"], (x,), (x,))
    with torch.autograd.forward_ad.dual_level(), pytest.raises(BackendError, match="use reverse mode"):
        simulated(SOFT, {"I": torch.autograd.forward_ad.make_dual(x, x)}, 5)


@FORWARD_MODE
def test_a_model_without_spikes_has_every_derivative():
    passive = CASES["passive"].model

    def membrane(tau):
        return simulated(passive, {"I": drive(5, 1, 2)}, 5, {"tau": tau}, ("v",))[0]["v"].sum()

    tau = torch.tensor(7.0, **DOUBLE)
    _, forward = torch.func.jvp(membrane, (tau,), (torch.ones((), **DOUBLE),))
    torch.testing.assert_close(forward, torch.func.grad(membrane)(tau))
    h = 1e-3
    expected = (torch.func.grad(membrane)(tau + h) - torch.func.grad(membrane)(tau - h)) / (2 * h)
    torch.testing.assert_close(torch.func.grad(torch.func.grad(membrane))(tau), expected, rtol=1e-6, atol=0)


# --- transforms -------------------------------------------------------------------------------------------------------


def test_a_gradient_function():
    x = drive(20, 2, 3)
    tau = torch.tensor(8.0, **DOUBLE)
    found = torch.func.grad(lambda value: rate(LIF, "tau", value, x))(tau)
    leaf = tau.clone().requires_grad_()
    (expected,) = torch.autograd.grad(rate(LIF, "tau", leaf, x), leaf)
    torch.testing.assert_close(found, expected, rtol=0, atol=0)
    assert found.abs() > 0


@pytest.mark.parametrize("name", ["LIF", "CuBa", "quadratic rk4", "late", "integers", "crossing"])
def test_vmap_over_inputs(name):
    case: Case = CASES[name]
    (key, value), *_ = case.inputs(12, 6).items()
    x = torch.as_tensor(value).reshape(12, 2, 3)

    def spikes(part):
        return simulated(case.model, {key: part[:, None]}, 12, record=("spikes", "v"))[0]

    found = torch.func.vmap(spikes, in_dims=1, out_dims=1)(x)
    for sample in range(2):
        for what, expected in spikes(x[:, sample]).items():
            torch.testing.assert_close(found[what][:, sample], expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("model", "name", "key"), [(LIF, "tau", "I"), (CUBA, "tau_s", "x"), (CUBA, "v_th", "x")])
def test_vmap_over_a_parameter_and_its_gradient(model, name, key):
    x = drive(15, 1, 4)
    values = torch.linspace(6, 12, 3, **DOUBLE) / (1 if name.startswith("tau") else 10)

    def total(value):
        return (simulated(model, {key: x}, 15, {name: value}, ("v",))[0]["v"] ** 2).sum()

    found = torch.func.vmap(torch.func.grad(total))(values)
    expected = torch.stack([torch.func.grad(total)(value) for value in values])
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)
    assert (found != 0).all()


def test_a_jacobian():
    """Of the spikes of three steps by the inputs of three steps: no spike sees a later input."""
    x = drive(3, 1, 1, low=0.4, high=0.9)
    jacobian = torch.func.jacrev(lambda y: simulated(SOFT, {"I": y}, 3)[0]["spikes"].flatten())(x).reshape(3, 3)
    assert torch.equal(jacobian, jacobian.tril())
    assert (jacobian.diagonal() > 0).all()


def test_per_sample_gradients():
    x = drive(10, 5, 3)
    model = SOFT

    def loss(v_th, sample):
        return rate(model, "v_th", v_th, sample[:, None])

    found = torch.func.vmap(torch.func.grad(loss), in_dims=(None, 1))(torch.tensor(1.0, **DOUBLE), x)
    expected = [torch.func.grad(loss)(torch.tensor(1.0, **DOUBLE), x[:, sample]) for sample in range(5)]
    torch.testing.assert_close(found, torch.stack(expected))


# --- the graph --------------------------------------------------------------------------------------------------------


def graph(tensor):
    """Return the names of all nodes of a tensor's graph."""
    seen, stack, names = set(), [tensor.grad_fn], []
    while stack:
        current = stack.pop()
        if current is None or current in seen:
            continue
        seen.add(current)
        names.append(current.name())
        stack.extend(following for following, _ in current.next_functions)
    return names


@pytest.mark.parametrize("name", ["LIF", "CuBa", "exponential", "late"])
def test_the_backward_pass_makes_no_gradient_of_full_size_in_each_step(name):
    """Indexing x[k] would: its backward is a tensor of zeros of the size of x, T times over."""
    case = CASES[name]
    inputs = {key: torch.as_tensor(v).reshape(50, 4, 5).requires_grad_() for key, v in case.inputs(50, 20).items()}
    model = case.model(reset_gradient=True)
    out, _ = simulated(model, inputs, 50, record=("spikes", "v"))
    names = graph(out["spikes"].sum() + out["v"].sum())
    assert not [n for n in names if "Select" in n or "Slice" in n or "Index" in n]
    assert sum("UnbindBackward" in n for n in names) == len(inputs)
    late = name == "CuBa"  # a jump to x reaches v in the next step
    assert sum("Spike" in n for n in names) == 50 - late  # one surrogate a step
    assert sum("StackBackward" in n for n in names) == 2


def test_the_graph_of_a_step_is_small():
    """The soft leaky map: v decays, adds its input, is compared and reset."""
    x = torch.ones(2, 1, 1, **DOUBLE, requires_grad=True)
    per_step = len(graph(simulated(SOFT, {"I": torch.cat([x] * 10)}, 20)[0]["spikes"])) / 20
    assert per_step < 10


def test_coefficients_are_computed_once_whatever_the_steps():
    calls = []
    original = torch.linalg.matrix_exp

    def counted(matrix):
        calls.append(matrix.shape)
        return original(matrix)

    tau = torch.tensor(5.0, **DOUBLE, requires_grad=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.linalg, "matrix_exp", counted)
        out, _ = simulated(CUBA, {"x": drive(30, 1, 2)}, 30, {"tau_s": tau}, ("v",))
    assert len(calls) == 2  # of i with x, and of v with both
    names = graph(out["v"].sum())
    assert sum("MatrixExp" in n for n in names) == 2


def test_changing_parameters_and_seeds_prints_nothing_anew():
    functions = (torch_eager.coefficient_function, torch_eager.initial_function, torch_eager._step_function)
    run = functools.partial(simulated, SOFT, {"I": drive(3, 1, 2)}, 3)
    run()
    before = [function.cache_info().misses for function in functions]
    for value in (0.5, 0.7, torch.tensor(0.9), torch.tensor([0.1, 2.0])):
        run({"v_th": value})
    assert [function.cache_info().misses for function in functions] == before


def test_no_output_is_an_alias_of_an_input():
    start = torch.rand(1, 3, **DOUBLE)
    step = lower(Neuron("Idle", "v[k+1] = v : 1; w[k+1] = I : 1; I : 1 (input)"))
    stepper = torch_eager.Stepper(step, {}, dt=1.0, surrogate=surrogates.arctan, dtype=torch.float64)
    x = torch.rand(1, 1, 3, **DOUBLE)
    out, _ = torch_eager.scan(stepper, {"I": x}, {"v": start, "w": start}, steps=1, record=("v", "w"))
    out["v"].zero_()
    out["w"].zero_()
    assert start.all()
    assert x.all()
