"""Layers on the fused kernel: the numbers and gradients of torch_eager, in every way a layer can be called."""

import functools

import numpy as np
import pytest
import torch
from tests.zoo.test_every_entry import FAMILIES, stimulus

from spikelet import Neuron, surrogates
from spikelet.nn import Neurons, detach

# a spread of the zoo: exact, coupled, map, Runge-Kutta, exponential Euler, two kinds of refractoriness, noise, rates
ZOO = (
    "LIF", "ALIF", "CuBaLIF", "Leaky", "LSNN", "AdEx", "Izhikevich", "HodgkinHuxley", "GLIF5", "MAT2", "NoisyLIF",
    "EscapeLIF", "GLM", "SRM0", "LI", "Tanh", "McCullochPitts", "CoBaLIF", "MasquelierThorpe", "LoihiCuBa",
)  # fmt: skip
FIRST, STEPS = 40, 30  # the stretch of a stimulus that is run


def random(*shape, seed=1, dtype=torch.float64):
    return torch.rand(shape, dtype=dtype, generator=torch.Generator().manual_seed(seed))


@functools.cache
def drive(family, batch=2, dtype=torch.float64):
    """A model, its inputs (T, B, N) and dt; every sample has another stretch of the stimulus."""
    given, dt = stimulus(family)
    model, starts = FAMILIES[family][0], [FIRST + 200 * sample for sample in range(batch)]
    count = 5
    rows = {name: np.stack([x[k : k + STEPS, :count] for k in starts], 1) for name, x in given.items()}
    return (
        model,
        {n: torch.as_tensor(x).to(torch.int64 if model.unit(n) == "int" else dtype) for n, x in rows.items()},
        dt,
    )


def layers(model, dt, to, **options):
    """The same layer on both back ends."""
    learn = "all" if "learn" not in options else options.pop("learn")
    return [
        Neurons(model, dt, to=tuple(to), learn=learn, backend=backend, dtype=torch.float64, **options)
        for backend in ("llvm_cpu", "torch_eager")
    ]


def everything(layer, x, *, state=None, steps=None, **call):
    """Run a layer; returns all results, and the gradients of all that can have one, by name."""
    x = {name: value.clone().requires_grad_(value.is_floating_point()) for name, value in x.items()}
    if state is not None:
        state = {n: v.clone().requires_grad_(v.is_floating_point()) for n, v in state.items()}
    out, final = layer(x, state, steps=steps, **call)
    out = out if isinstance(out, dict) else {layer.output: out}
    found = {**{f"output {n}": v for n, v in out.items()}, **{f"final {n}": v for n, v in final.items()}}
    loss = torch.zeros((), dtype=torch.float64)
    for number, value in enumerate(found[name] for name in sorted(found)):
        if value.is_floating_point():
            loss = loss + (value * (random(*value.shape, seed=number) - 0.4)).sum()
    leaves = {**{f"input {n}": v for n, v in x.items()}, **{f"start {n}": v for n, v in (state or {}).items()}}
    leaves |= dict(layer.named_parameters())
    leaves = {name: leaf for name, leaf in leaves.items() if leaf.requires_grad}
    if loss.requires_grad:
        gradients = torch.autograd.grad(loss, list(leaves.values()), allow_unused=True)
        zeros = [torch.zeros_like(leaf) for leaf in leaves.values()]
        pairs = zip(leaves, gradients, zeros, strict=True)
        found |= {f"gradient of {name}": zero if g is None else g for name, g, zero in pairs}
    return {name: value.detach() for name, value in found.items()}


def require_equal(ours, theirs):
    assert sorted(ours) == sorted(theirs)
    for name, value in ours.items():
        expected = theirs[name]
        if not name.startswith("gradient"):
            torch.testing.assert_close(
                value, expected, rtol=1e-9, atol=1e-9, msg=lambda text, name=name: f"{name}: {text}"
            )
            continue
        size = expected.abs().max().item()
        torch.testing.assert_close(
            value, expected, rtol=1e-9, atol=1e-9 * size + 1e-12, msg=lambda text, name=name: f"{name}: {text}"
        )


def outputs_of(model):
    return (*(("spikes",) if model.spiking else ()), *model.states)


# -- numbers -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("family", ZOO)
def test_values_and_gradients_of_everything(family):
    model, x, dt = drive(family)
    pair = layers(model, dt, x, output=outputs_of(model))
    ours, theirs = (everything(layer, x, seed=3) for layer in pair)
    require_equal(ours, theirs)
    assert any(value.abs().max() > 0 for name, value in ours.items() if name.startswith("output"))
    learns = [value for name, value in ours.items() if name.startswith("gradient")]
    assert family == "LoihiCuBa" or any(value.abs().max() > 0 for value in learns)


@pytest.mark.parametrize("family", ["LIF", "AdEx", "HodgkinHuxley", "NoisyLIF", "LoihiCuBa"])
def test_a_given_state_and_its_gradient(family):
    model, x, dt = drive(family)
    pair = layers(model, dt, x, output=outputs_of(model), learn=())
    _, state = pair[1]({name: value[:7] for name, value in x.items()}, seed=3)
    require_equal(*(everything(layer, x, state=state, seed=3) for layer in pair))


@pytest.mark.parametrize("family", ["LIF", "ALIF", "HodgkinHuxley", "NoisyLIF"])
def test_lengths(family):
    model, x, dt = drive(family, 4)
    pair = layers(model, dt, x, output=outputs_of(model))
    require_equal(*(everything(layer, x, lengths=torch.tensor([STEPS, 11, 1, 0]), seed=3) for layer in pair))


@pytest.mark.parametrize("memory", ["fast", "low"])
@pytest.mark.parametrize("family", ["LIF", "CuBaLIF", "AdEx"])
def test_a_parameter_for_each_neuron(family, memory):
    model, x, dt = drive(family)
    names = [name for name, value in model.parameters.items() if value and name not in ("t_ref", "surrogate_scale")]
    many = model(**{name: model.parameters[name] * np.linspace(0.9, 1.1, 5) for name in names})
    require_equal(*(everything(layer, x) for layer in layers(many, dt, x, output=outputs_of(model), memory=memory)))


def test_a_parameter_for_each_channel(lif):
    tau = np.array([10.0, 20.0]).reshape(2, 1, 1)
    x = {"I": 4 * random(12, 3, 2, 4, 3)}
    require_equal(*(everything(layer, x) for layer in layers(lif(tau_mem=tau, t_ref=0), 1.0, ("I",))))


@pytest.mark.parametrize("memory", ["fast", "low"])
@pytest.mark.parametrize("family", ["LIF", "Izhikevich", "CoBaLIF", "LI", "NoisyLIF"])
def test_a_held_input(family, memory):
    model, x, dt = drive(family)
    one = {name: value[:1] for name, value in x.items()}
    pair = layers(model, dt, x, output=outputs_of(model), memory=memory)
    ours, theirs = (everything(layer, one, steps=STEPS, seed=3) for layer in pair)
    require_equal(ours, theirs)
    repeated = {name: value.expand(STEPS, *value.shape[1:]) for name, value in one.items()}
    full = everything(pair[0], repeated, seed=3)
    for name in one:
        assert ours[f"gradient of input {name}"].shape == one[name].shape
        full[f"gradient of input {name}"] = full[f"gradient of input {name}"].sum(0, keepdim=True)
    require_equal(ours, full)


@pytest.mark.parametrize("attach", [False, True])
@pytest.mark.parametrize("surrogate", [surrogates.arctan, surrogates.boxcar, surrogates.multi_gaussian(h=0.3)])
def test_surrogates_and_attached_resets(leaky, surrogate, attach):
    x = {"I": 0.6 * random(30, 4, 5)}
    pair = layers(leaky(reset_gradient=attach), 1.0, x, surrogate=surrogate)
    require_equal(*(everything(layer, x) for layer in pair))


def test_inputs_that_are_not_given_are_zero(two_inputs):
    for names in (("I_e",), ("I_i",), ("I_i", "I_e")):
        x = {name: random(9, 2, 3, seed=len(name)) for name in names}
        require_equal(*(everything(layer, x) for layer in layers(two_inputs, 1.0, ("I_e", "I_i"))))


def test_jumps_into_several_states(cuba):
    x = {"v": 0.2 * random(20, 2, 3), "g": 0.3 * random(20, 2, 3, seed=2)}
    require_equal(*(everything(layer, x) for layer in layers(cuba, 1.0, x, output=("v", "g", "spikes"))))


@pytest.mark.parametrize("kind", [torch.bool, torch.int32, torch.float16, torch.bfloat16, torch.float32])
def test_kinds_of_input(lif, kind):
    x = (8 * random(20, 2, 3)).to(kind)
    ours, theirs = (layer(x) for layer in layers(lif, 1.0, ("I",), output=("spikes", "v"), learn=()))
    for one, other in zip(ours, theirs, strict=True):
        for name in one:
            assert one[name].dtype == other[name].dtype
            torch.testing.assert_close(one[name], other[name])
    assert ours[0]["spikes"].dtype == (kind if kind.is_floating_point else torch.float32)
    assert kind == torch.bool or ours[0]["spikes"].sum() > 0


def test_gradients_of_low_precision(lif):
    x = (4 * random(20, 2, 3)).to(torch.bfloat16)
    found = []
    for layer in layers(lif, 1.0, ("I",), learn="tau_mem"):
        given = x.clone().requires_grad_()
        spikes, state = layer(given)
        (spikes.float().square().sum() + state["v"].sum()).backward()
        assert given.grad.dtype == torch.bfloat16 and state["v"].dtype == torch.float32
        found.append((given.grad.float(), layer.tau_mem.grad))
    torch.testing.assert_close(found[0], found[1], rtol=1e-2, atol=1e-3)  # bfloat16 has 8 bits


def test_autocast(lif):
    linear = torch.nn.Linear(3, 4)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        x = linear(10 * random(20, 2, 3, dtype=torch.float32))
        ours, theirs = (layer(x)[0] for layer in layers(lif, 1.0, ("I",), learn=()))
    assert x.dtype == torch.bfloat16 and ours.dtype == torch.float32
    assert torch.equal(ours, theirs)


# -- time --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("family", ["LIF", "AdEx", "NoisyLIF", "GLM", "HodgkinHuxley"])
def test_pieces_make_the_whole(family):
    model, x, dt = drive(family, dtype=torch.float32)
    layer = Neurons(model, dt, to=tuple(x), output=outputs_of(model), backend="llvm_cpu")
    whole, end = layer(x, seed=5)
    state, parts = None, []
    for first, last in ((0, 1), (1, 12), (12, STEPS)):
        out, state = layer({name: value[first:last] for name, value in x.items()}, state, seed=5)
        parts.append(out)
    for name in whole:
        assert torch.equal(torch.cat([part[name] for part in parts]), whole[name])
    for name in end:
        assert torch.equal(state[name], end[name])


def test_backpropagation_through_pieces_equals_that_through_the_whole(lif):
    layer, _ = layers(lif, 1.0, ("I",), output="v")
    x = 3 * random(20, 2, 3)
    weights = random(20, 2, 3, seed=2)
    whole = torch.autograd.grad((layer(x)[0] * weights).sum(), list(layer.parameters()), allow_unused=True)
    state, loss = None, 0.0
    for first, last in ((0, 7), (7, 20)):
        v, state = layer(x[first:last], state)
        loss = loss + (v * weights[first:last]).sum()
    pieces = torch.autograd.grad(loss, list(layer.parameters()), allow_unused=True)
    for ours, theirs in zip(pieces, whole, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-10, atol=1e-12)


def test_detach_cuts_the_graph(lif):
    layer, _ = layers(lif, 1.0, ("I",), output="v")
    x = random(10, 1, 2).requires_grad_()
    _, state = layer(x[:6])
    v, _ = layer(x[6:], detach(state))
    (gradient,) = torch.autograd.grad(v.sum(), x)
    assert (gradient[:6] == 0).all() and gradient[6:].abs().max() > 0


# -- memory ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("family", ["LIF", "ALIF", "AdEx", "HodgkinHuxley", "NoisyLIF", "McCullochPitts"])
def test_both_kinds_of_memory_give_the_same_bits(family, dtype):
    model, x, dt = drive(family)
    x = {n: torch.cat([v, v, v, v]).to(dtype) for n, v in x.items()}  # several checkpoints

    def run(memory):
        layer = Neurons(model, dt, to=tuple(x), learn="all", output=outputs_of(model), memory=memory, dtype=dtype)
        return everything(layer, x, seed=3)

    fast, low = run("fast"), run("low")
    assert list(fast) == list(low)
    for name in fast:
        assert torch.equal(fast[name], low[name]), name


def saved_bytes(run):
    """What autograd keeps, each memory once."""
    kept = {}

    def pack(tensor):
        kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        result = run()
    return sum(kept.values()), result


@pytest.mark.parametrize("family", ["LIF", "ALIF", "CuBaLIF", "AdEx"])
def test_little_memory_is_the_input_and_little_more(family):
    model, x, dt = drive(family)
    name = model.inputs[0]
    given = x[name].float().repeat(17, 4, 100).requires_grad_()  # 510 steps
    layer = Neurons(model, dt, learn="all", memory="low")
    low, _ = saved_bytes(lambda: layer(given))
    assert 4 <= low / given.numel() <= 4.2


def test_what_is_not_read_again_is_not_kept(leaky):
    x = random(500, 8, 100, dtype=torch.float32).requires_grad_()
    fast, _ = saved_bytes(lambda: Neurons(leaky)(x))
    learning, _ = saved_bytes(lambda: Neurons(leaky, learn="beta")(x))
    assert fast / x.numel() < 5.5  # one number and perhaps a condition a step; x itself has no part in the gradient
    assert learning / x.numel() < 10
    nothing, _ = saved_bytes(lambda: Neurons(leaky)(x.detach()))
    assert nothing == 0


def test_a_held_input_is_kept_once(leaky):
    x = random(1, 8, 100, dtype=torch.float32).requires_grad_()
    bytes_, _ = saved_bytes(lambda: Neurons(leaky, learn="beta", memory="low")(x, steps=500))
    assert bytes_ < 500 * x.numel() * 0.5


def test_without_a_gradient_nothing_is_computed_for_it(leaky, monkeypatch):
    from spikelet.backends import llvm_cpu

    asked, real = [], llvm_cpu.backward

    def watched(*arguments, wanted_inputs, wanted_coefficients, **options):
        asked.append((list(wanted_inputs), list(wanted_coefficients)))
        return real(*arguments, wanted_inputs=wanted_inputs, wanted_coefficients=wanted_coefficients, **options)

    monkeypatch.setattr(llvm_cpu, "backward", watched)
    x = random(5, 2, 3)
    Neurons(leaky, learn="beta", dtype=torch.float64)(x)[0].sum().backward()
    Neurons(leaky)(x.requires_grad_())[0].sum().backward()
    assert asked == [([], ["beta"]), (["I"], [])]


# -- transforms --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("memory", ["fast", "low"])
def test_an_ensemble_by_vmap_equals_its_members(lif, memory):
    members = [
        Neurons(lif(tau_mem=tau), learn=("tau_mem", "v_th"), memory=memory, dtype=torch.float64)
        for tau in (5.0, 10.0, 20.0)
    ]
    parameters, buffers = torch.func.stack_module_state(members)
    x = 4 * random(30, 2, 3)

    def loss(parameters, buffers):
        spikes, state = torch.func.functional_call(members[0], (parameters, buffers), (x,))
        return (spikes * weights).sum() + state["v"].sum()

    weights = random(30, 2, 3, seed=2)
    got = torch.func.vmap(torch.func.grad(loss))(parameters, buffers)
    for i, member in enumerate(members):
        spikes, state = member(x)
        want = torch.autograd.grad((spikes * weights).sum() + state["v"].sum(), [member.tau_mem, member.v_th])
        for name, theirs in zip(("tau_mem", "v_th"), want, strict=True):
            torch.testing.assert_close(got[name][i], theirs, rtol=1e-9, atol=1e-12)


def test_a_jacobian_equals_its_rows(lif):
    layer = Neurons(lif, output="v")
    x = 2 * random(6, 1, 2)

    def last(x):
        return layer(x)[0][-1].flatten()

    jacobian = torch.func.jacrev(last)(x)
    for row in range(2):
        given = x.clone().requires_grad_()
        (want,) = torch.autograd.grad(last(given)[row], given)
        torch.testing.assert_close(jacobian[row], want)


def test_the_transforms_of_a_random_model_draw_the_same_numbers(noisy):
    layer, x = Neurons(noisy, learn="sigma", dtype=torch.float64), random(3, 20, 2, 4)
    together = torch.func.vmap(lambda one: layer(one, seed=4)[0])(x)
    for one, expected in zip(x, together, strict=True):
        assert torch.equal(layer(one, seed=4)[0], expected)


def test_a_user_s_names_cannot_clash():
    text = """
        dk0/dt = (T - k0)/M : 1
        dstate/dt = -state/dt_ : 1
        T : 1 (input)
        M = 10 ms; dt_ = 5 ms; limits = 1; lo = 0.5
        """
    model = Neuron("Clash", text, threshold="k0 > limits", reset="k0 = lo*state; state += lo", initial="state = lo")
    x = {"T": 3 * random(40, 2, 3)}
    require_equal(*(everything(layer, x) for layer in layers(model, 1.0, x, output=("k0", "state", "spikes"))))
