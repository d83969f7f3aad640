"""The operators spikelet::scan and spikelet::scan_backward, called as torch calls them."""

import json
from dataclasses import replace

import pytest
import torch

from spikelet import Neuron, neurons, surrogates
from spikelet.backends import llvm_cpu, torch_ops
from spikelet.backends.program import read, reads, write
from spikelet.errors import BackendError, EquationError
from spikelet.nn.coefficients import Coefficients

SCAN, BACKWARD = torch.ops.spikelet.scan.default, torch.ops.spikelet.scan_backward.default
NOISY = Neuron(
    "Noisy",
    "dv/dt = (I - v)/tau + sigma*sqrt(2/tau)*xi : 1; I : 1 (input); tau = 10 ms; sigma = 0.5",
    threshold="v > 1",
    reset="v = 0",
)
LIF = neurons.LIF(t_ref=2)


def random(*shape, seed=1, dtype=torch.float32):
    return torch.rand(shape, dtype=dtype, generator=torch.Generator().manual_seed(seed))


def text_of(model, outputs=("spikes", "v"), dtype="float32", **options):
    names = [name for name, node in read(plain(model)).program.step.coefficients.items() if node.type == "real"]
    given = {"to": (), "inputs": model.inputs, "outputs": outputs, "learn": names, "dtype": dtype, **options}
    return write(model, surrogates.arctan, **given)


def plain(model, **options):
    given = {"to": (), "inputs": model.inputs, "outputs": (), "learn": (), "dtype": "float32", **options}
    return write(model, surrogates.arctan, **given)


def arguments(model, lanes=(2, 3), steps=12, *, dtype=torch.float32, save="fast", held=False, lengths=None, learn=True):
    """Arguments of a call in which everything that can have a gradient has one."""
    text = text_of(model, dtype=str(dtype).split(".")[1])
    step = read(text).program.step
    values = {name: torch.tensor(value, dtype=torch.float64) for name, value in model.parameters.items()}
    prepared = Coefficients(step, 1.0, lambda *_: None)(values, lanes, dtype, torch.device("cpu"))
    noise = step.noise
    scale = 400.0 if model.name == "AdEx" else 5.0
    state = [prepared.initial[name] for name in read(text).states]
    given = torch_ops.Arguments(
        program=text,
        inputs=[scale * random(1 if held else steps, *lanes, dtype=dtype) for _ in model.inputs],
        state=state,
        coefficients=prepared.coefficients,
        start=prepared.initial.get("step"),
        element=torch.arange(torch.Size(lanes).numel()).reshape(lanes) if noise else None,
        lengths=lengths,
        steps=steps,
        dt=1.0,
        seed=3,
        save=save,
    )

    def fresh(tensors):
        return [t.clone().requires_grad_(learn and t.is_floating_point()) for t in tensors]

    return replace(given, inputs=fresh(given.inputs), state=fresh(state), coefficients=fresh(given.coefficients))


def loss_of(flat, results):
    """A sum in which everything has a weight of its own."""
    terms = []
    for i, value in enumerate(flat[:results]):
        if value.is_floating_point():
            weights = torch.cos(torch.arange(value.numel(), dtype=value.dtype) + i).reshape(value.shape)
            terms.append((value * weights).sum())
    return torch.stack(terms).sum()


def results(given):
    return 2 + len(given.state)


def gradients(given, run=SCAN):
    leaves = [t for t in given.smooth if t.requires_grad]
    found = torch.autograd.grad(loss_of(run(*given.positional), results(given)), leaves, allow_unused=True)
    return [torch.zeros_like(t) if g is None else g for t, g in zip(leaves, found, strict=True)]


# -- what torch asks of an operator ------------------------------------------------------------------------------------

# Not LIF with "fast": room is saved for both of its kernels (with and without refractoriness), and what one of them
# leaves unwritten differs from call to call.
CASES = [
    (LIF, {"save": "low"}),
    (LIF, {"save": "none", "lengths": torch.tensor([12, 5])}),
    (LIF, {"save": "low", "held": True}),
    (LIF, {"save": "none", "learn": False}),
    (neurons.Izhikevich, {}),
    (neurons.Leaky, {"dtype": torch.float64}),
    (NOISY, {}),
    (NOISY, {"lanes": (4,), "save": "low"}),
]


@pytest.mark.parametrize(("model", "options"), CASES)
def test_the_operator_passes_torch_s_own_checks(model, options):
    given = arguments(model, **options)
    torch.library.opcheck(SCAN, given.positional)
    with torch.no_grad():
        flat = SCAN(*given.positional)
    number = results(given)
    slopes = [None if not v.is_floating_point() or i == 1 else torch.rand_like(v) for i, v in enumerate(flat[:number])]
    wanted = [t.is_floating_point() for t in given.smooth]
    constant = replace(
        given,
        inputs=[t.detach() for t in given.inputs],
        state=[t.detach() for t in given.state],
        coefficients=[t.detach() for t in given.coefficients],
    )
    torch.library.opcheck(BACKWARD, (*constant.positional, flat[number:], slopes, wanted))


@pytest.mark.parametrize("lanes", [(0, 3), (2, 0)])
def test_no_lane_at_all(lanes):
    given = arguments(LIF, lanes)
    found = gradients(given)
    assert [g.shape for g in found] == [t.shape for t in given.smooth if t.requires_grad]


def test_results_are_no_aliases_of_arguments():
    model = Neuron("Idle", "v[k+1] = v : 1; w[k+1] = I : 1; I : 1 (input)")
    x, v, w = random(1, 4), random(4, seed=2), random(4, seed=3)
    text = plain(model, outputs=("v", "w"))
    flat = SCAN(text, [x], [v, w], [], None, None, None, 1, 1.0, 0, "none")
    for value in flat:
        value.zero_()
    assert x.all() and v.all() and w.all()


def test_low_precision_in_and_out():
    given = arguments(LIF, learn=False)
    low = replace(given, inputs=[x.to(torch.bfloat16) for x in given.inputs])
    flat, expected = SCAN(*low.positional), SCAN(*replace(low, inputs=[x.float() for x in low.inputs]).positional)
    assert flat[0].dtype == flat[1].dtype == torch.bfloat16 and flat[2].dtype == torch.float32
    torch.testing.assert_close(flat[1].float(), expected[1], rtol=1e-2, atol=0)
    assert torch.equal(flat[2], expected[2])


def test_autocast_leaves_no_low_precision():
    given = arguments(LIF, learn=False)
    low = replace(given, inputs=[x.to(torch.bfloat16) for x in given.inputs])
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert SCAN(*low.positional)[1].dtype == torch.float32
    double = arguments(LIF, dtype=torch.float64, learn=False)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert SCAN(*double.positional)[1].dtype == torch.float64


# -- gradients ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", [LIF, NOISY, neurons.AdEx])
@pytest.mark.parametrize("options", [{}, {"held": True}, {"lengths": torch.tensor([12, 5])}])
def test_what_is_saved_does_not_matter(model, options):
    fast, low, none = (gradients(arguments(model, save=save, **options)) for save in ("fast", "low", "none"))
    for one, other, third in zip(fast, low, none, strict=True):
        assert torch.equal(one, other) and torch.equal(one, third)
    assert fast[0].abs().max() > 0


def test_the_short_way_and_the_operator_give_the_same():
    given = arguments(NOISY)
    short = gradients(given, lambda *a: [*torch_ops.scan(torch_ops.Arguments(*a), 2)[0], *torch_ops.scan(given, 2)[1]])
    for one, other in zip(short, gradients(given), strict=True):
        torch.testing.assert_close(one, other)


def test_a_table_of_coefficients_has_a_gradient_for_each_entry():
    shared = arguments(neurons.Leaky, (4, 3), dtype=torch.float64)
    every = replace(
        shared, coefficients=[c.detach().expand(4, 3).clone().requires_grad_() for c in shared.coefficients]
    )
    last = replace(shared, coefficients=[c.detach().expand(3).clone().requires_grad_() for c in shared.coefficients])
    count = len(shared.coefficients)
    sums = [gradients(given)[-count:] for given in (shared, last, every)]
    for one, three, twelve in zip(*sums, strict=True):
        assert three.shape == (3,) and twelve.shape == (4, 3)
        torch.testing.assert_close(twelve.sum(0), three)
        torch.testing.assert_close(three.sum(), one)


def test_only_the_gradients_that_are_wanted_are_returned():
    given = arguments(LIF)
    names = len(given.smooth)
    with torch.no_grad():
        flat = SCAN(*given.positional)
    slopes = [torch.ones_like(flat[0]), *[None] * (results(given) - 1)]
    for position in range(names):
        if given.smooth[position].is_floating_point():
            wanted = [i == position for i in range(names)]
            (only,) = BACKWARD(*given.positional, flat[results(given) :], slopes, wanted)
            assert only.shape == given.smooth[position].shape


def test_inputs_that_the_backward_pass_reads():
    assert reads(text_of(neurons.Leaky, learn=()), "fast") == ()
    assert reads(text_of(neurons.Leaky, learn=()), "low") == ("I",)
    product = Neuron("Product", "v[k+1] = v*I : 1; I : 1 (input)", threshold="v > 1", reset="v = 0")
    assert reads(text_of(product, learn=()), "fast") == ("I",)


@pytest.mark.parametrize("run", [SCAN, lambda *a: torch_ops.scan(torch_ops.Arguments(*a), 2)[0]])
@pytest.mark.parametrize("model", [LIF, neurons.AdEx])
def test_a_second_derivative_is_an_error(model, run):
    given = arguments(model)
    (first,) = torch.autograd.grad(run(*given.positional)[0].sum(), given.inputs[:1], create_graph=True)
    with pytest.raises(BackendError, match="no second derivative"):
        first.sum().backward()


def test_seeds_of_64_bits():
    found = []
    for seed in (2**64 - 1, -1, 0):
        found.append(torch_ops.scan(replace(arguments(NOISY, learn=False), seed=seed), 2)[0][1])
    assert torch.equal(found[0], found[1]) and not torch.equal(found[0], found[2])


# -- vmap --------------------------------------------------------------------------------------------------------------


def stacked(given, pick):
    """Three values of each of the arguments that ``pick`` names, and the axis along which they lie."""
    many, dims, scales = {}, {}, (0.7, 1.0, 1.3)
    for name in pick:
        values = getattr(given, name)
        if not isinstance(values, list):
            many[name], dims[name] = torch.stack([values, values + 1, values + 3]), 0
            continue
        dims[name] = [min(i, value.ndim) for i, value in enumerate(values)]
        rows = [[value * scale if value.is_floating_point() else value for scale in scales] for value in values]
        many[name] = [torch.stack(row, axis) for row, axis in zip(rows, dims[name], strict=True)]
    return many, dims


def each(many, dims, index):
    return {
        name: [v.select(d, index) for v, d in zip(values, dims[name], strict=True)]
        if isinstance(values, list)
        else values.select(dims[name], index)
        for name, values in many.items()
    }


PICKS = [("inputs",), ("state",), ("coefficients",), ("inputs", "state", "coefficients"), ("element",), ("start",)]


@pytest.mark.parametrize("pick", PICKS, ids="-".join)
@pytest.mark.parametrize("held", [False, True])
def test_vmap_is_a_loop(pick, held):
    given = arguments(NOISY, lanes=(2, 3), dtype=torch.float64, held=held, learn=False)
    many, dims = stacked(given, pick)

    def run(values):
        return SCAN(*replace(given, **values).positional)[: results(given)]

    got = torch.func.vmap(run, in_dims=(dims,))(many)
    for index in range(3):
        for ours, theirs in zip(got, run(each(many, dims, index)), strict=True):
            assert torch.equal(ours[index], theirs)


@pytest.mark.parametrize("pick", PICKS, ids="-".join)
def test_vmap_of_gradients_is_a_loop(pick):
    given = arguments(NOISY, lanes=(2, 3), dtype=torch.float64, learn=False)
    many, dims = stacked(given, pick)

    def loss(smooth, values):
        call = replace(given, **{**values, **{n: values.get(n, v) for n, v in smooth.items()}})
        outputs, final = torch_ops.scan(call, 2)
        return loss_of([*outputs, *final], results(given))

    def slopes(values):
        smooth = {n: values.get(n, getattr(given, n)) for n in ("inputs", "state", "coefficients")}
        rest = {n: v for n, v in values.items() if n not in smooth}
        return torch.func.grad(loss)(smooth, rest)

    got = torch.func.vmap(slopes, in_dims=(dims,))(many)
    for index in range(3):
        want = slopes(each(many, dims, index))
        for name in want:
            for ours, theirs in zip(got[name], want[name], strict=True):
                torch.testing.assert_close(ours[index], theirs, rtol=1e-10, atol=1e-12)


def test_vmap_of_lengths():
    given = arguments(LIF, lanes=(2, 3), learn=False)
    lengths = torch.tensor([[12, 5], [0, 7], [1, 12]])

    def run(lengths):
        return SCAN(*replace(given, lengths=lengths).positional)[: results(given)]

    got = torch.func.vmap(run)(lengths)
    for index in range(3):
        for ours, theirs in zip(got, run(lengths[index]), strict=True):
            assert torch.equal(ours[index], theirs)


def test_vmap_in_vmap():
    given = arguments(LIF, lanes=(2,), dtype=torch.float64, learn=False)
    x, tables = 4 * random(3, 12, 2, dtype=torch.float64), [c + torch.zeros(4, *c.shape) for c in given.coefficients]

    def slopes(x, coefficients):
        def loss(x):
            return loss_of(torch_ops.scan(replace(given, inputs=[x], coefficients=coefficients), 2)[0], 2)

        return torch.func.grad(loss)(x)

    inner = torch.func.vmap(slopes, in_dims=(0, None))
    got = torch.func.vmap(inner, in_dims=(None, 0))(x, tables)
    assert got.shape == (4, 3, 12, 2)
    for i in range(3):
        torch.testing.assert_close(got[2, i], slopes(x[i], [t[2] for t in tables]))


# -- programs as text --------------------------------------------------------------------------------------------------


def test_a_text_does_not_know_the_values_of_parameters():
    assert plain(neurons.LIF(tau_mem=3.0)) == plain(neurons.LIF) == plain(neurons.LIF(v_th=2.0))
    assert plain(neurons.LIF) != plain(neurons.LIF(reset_gradient=True))
    assert plain(neurons.LIF, dtype="float64") != plain(neurons.LIF)
    assert json.loads(plain(neurons.LIF))["model"]["values"] == {}


def test_a_text_is_read_once():
    assert read(plain(neurons.LIF)) is read(plain(neurons.LIF(tau_mem=3.0)))


def test_a_text_says_what_is_delivered_where():
    plan = read(plain(neurons.CuBaLIF, to=("i_syn",), inputs=("i_syn",), outputs=("v",)))
    assert plan.inputs == {"i_syn": "real"} and plan.outputs == {"v": "real"}
    assert plan.program.step.inputs == ("I", "i_syn")
    assert read(plain(neurons.LoihiCuBa, outputs=("u",))).outputs == {"u": "int"}


def test_nothing_in_a_text_is_executed():
    data = json.loads(plain(neurons.LIF))
    data["model"]["text"] = "dv/dt = __import__('os').getpid() : 1"
    with pytest.raises(EquationError):
        read(json.dumps(data))


def test_programs_share_their_kernels():
    assert read(plain(neurons.LIF)).program.step is read(plain(neurons.LIF, outputs=("v",))).program.step
    assert llvm_cpu.saved_like(read(plain(LIF)).program, 10, 6, "none") == {}
