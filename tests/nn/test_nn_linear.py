"""The linear layer is torch's, whichever way it goes, for every kind of call; and it says which way that was."""

import contextlib
import copy

import pytest
import torch
from torch import nn
from torch.func import functional_call, grad, hessian, jacrev, jvp, vmap
from torch.nn import functional
from torch.nn.utils import parametrize

from spikelet.backends import sparse_product
from spikelet.errors import ShapeError
from spikelet.nn import linear_ops
from spikelet.nn.linear import Linear, call, event_linear, explain

TAKEN = linear_ops.TAKEN
FORWARD_MODE = pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated:DeprecationWarning")  # torch's own


@pytest.fixture(autouse=True)
def _nothing_taken(monkeypatch):
    """Nothing has been computed yet, and products of a few milliseconds are large."""
    TAKEN.clear()
    monkeypatch.setattr(sparse_product, "LEAST", 10_000_000)


@pytest.fixture
def always_sparse(monkeypatch):
    """The sparse way however small the product is."""
    monkeypatch.setattr(sparse_product, "LEAST", 0)
    monkeypatch.setattr(sparse_product, "most_active", lambda rows, width, *_, **__: rows * width)


def spikes(*shape, density=0.03, dtype=torch.float32, seed=1):
    return (torch.rand(shape, generator=torch.Generator().manual_seed(seed)) < density).to(dtype)


def pair(*sizes, **options):
    """Return our layer and torch's, with equal parameters."""
    ours, torchs = Linear(*sizes, **options), nn.Linear(*sizes, **options)
    torchs.load_state_dict(ours.state_dict())
    return ours, torchs


def trained(layer, x, upstream):
    """Return output and gradients of one training step."""
    x = x.detach().requires_grad_()
    out = layer(x)
    out.backward(upstream)
    return out.detach(), x.grad, *(parameter.grad for parameter in layer.parameters())


def assert_all_close(found, expected, tolerance=1e-4):
    for a, b in zip(found, expected, strict=True):
        torch.testing.assert_close(a, b, rtol=tolerance, atol=tolerance, equal_nan=True)


# -- it is torch's layer ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("bias", [True, False])
def test_parameters_are_those_of_torch(bias):
    torch.manual_seed(3)
    ours = Linear(30, 20, bias=bias, dtype=torch.float64)
    torch.manual_seed(3)
    torchs = nn.Linear(30, 20, bias=bias, dtype=torch.float64)
    assert isinstance(ours, nn.Linear) and repr(ours) == repr(torchs)
    assert list(ours.state_dict()) == list(torchs.state_dict())
    for a, b in zip(ours.parameters(), torchs.parameters(), strict=True):
        assert torch.equal(a, b) and a.is_contiguous()
    copy.deepcopy(ours).load_state_dict(torchs.state_dict())


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("lead", [(10, 100), (1000,), (4, 5, 50)])
def test_a_training_step_on_spikes_is_sparse_and_that_of_torch(lead, dtype, bias):
    ours, torchs = pair(300, 200, bias=bias, dtype=dtype)
    x, upstream = spikes(*lead, 300, dtype=dtype), torch.randn(*lead, 200, dtype=dtype)
    assert_all_close(trained(ours, x, upstream), trained(torchs, x, upstream))
    assert TAKEN == {"sparse": 1, "sparse gradient": 1}


def test_a_training_step_on_dense_inputs_is_that_of_torch_to_the_bit():
    ours, torchs = pair(300, 200)
    x, upstream = torch.rand(1000, 300), torch.randn(1000, 200)
    for a, b in zip(trained(ours, x, upstream), trained(torchs, x, upstream), strict=True):
        assert torch.equal(a, b)
    assert TAKEN == {"dense": 1}  # and the way back is torch's too


@pytest.mark.usefixtures("always_sparse")
@pytest.mark.parametrize("lead", [(), (1,), (7,), (3, 4)])
@pytest.mark.parametrize("sizes", [(1, 1), (5, 3), (16, 8), (33, 70)])
def test_small_shapes(lead, sizes):
    ours, torchs = pair(*sizes)
    x, upstream = spikes(*lead, sizes[0], density=0.4), torch.randn(*lead, sizes[1])
    assert_all_close(trained(ours, x, upstream), trained(torchs, x, upstream), 1e-5)
    assert TAKEN == {"sparse": 1, "sparse gradient": 1}


@pytest.mark.usefixtures("always_sparse")
@pytest.mark.parametrize(("lead", "width", "outputs"), [((0,), 5, 3), ((4,), 0, 3), ((4,), 5, 0), ((3, 0), 5, 3)])
def test_nothing_in_or_out(lead, width, outputs):
    x, weight, bias = torch.ones(*lead, width), torch.ones(outputs, width), torch.ones(outputs)
    assert torch.equal(event_linear(x, weight, bias), functional.linear(x, weight, bias))
    assert torch.equal(linear_ops.linear(x, weight, bias), functional.linear(x, weight, bias))
    to_weight, to_bias = linear_ops.weight_gradient(torch.ones(*lead, outputs), x, True)
    assert torch.equal(to_weight, torch.full((outputs, width), float(x[..., 0].numel() if width else 0)))
    assert to_bias.shape == (outputs,)


def test_tensors_that_are_not_contiguous():
    ours, torchs = pair(300, 200)
    turned = nn.Parameter(ours.weight.detach().t().contiguous().t())
    x = spikes(300, 1000).t()
    upstream = torch.randn(200).expand(1000, 200)
    ours.weight = turned
    assert_all_close(trained(ours, x, upstream), trained(torchs, x, upstream))
    negative = torch.complex(upstream, upstream).conj().imag
    assert negative.is_neg()
    assert_all_close(trained(ours, x, negative), trained(torchs, x, negative))
    assert TAKEN == {"sparse": 2, "sparse gradient": 2}


def test_inputs_other_than_one_count_as_often_as_they_say():
    ours, torchs = pair(300, 200)
    x, upstream = spikes(1000, 300) * torch.randn(1000, 300), torch.randn(1000, 200)
    assert_all_close(trained(ours, x, upstream), trained(torchs, x, upstream))
    assert TAKEN == {"sparse": 1, "sparse gradient": 1}


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize("where", ["x", "weight", "bias", "upstream"])
def test_what_is_not_finite_spreads_as_it_does_in_torch(where, value):
    ours, torchs = pair(300, 200)
    x, upstream = spikes(1000, 300), torch.randn(1000, 200)
    with torch.no_grad():
        for layer in (ours, torchs):
            {"x": x, "upstream": upstream, "weight": layer.weight, "bias": layer.bias}[where].view(-1)[7] = value
    assert_all_close(trained(ours, x, upstream), trained(torchs, x, upstream))
    assert TAKEN["dense"] == (where == "weight") and TAKEN["dense gradient"] == (where == "upstream")


@pytest.mark.parametrize("frozen", [("weight",), ("bias",), ("weight", "bias")])
def test_gradients_that_nobody_wants_are_not_made(frozen):
    ours, torchs = pair(300, 200)
    for layer in (ours, torchs):
        for name in frozen:
            getattr(layer, name).requires_grad_(False)
    x, upstream = spikes(1000, 300), torch.randn(1000, 200)
    found, expected = trained(ours, x, upstream), trained(torchs, x, upstream)
    for a, b in zip(found, expected, strict=True):
        assert (a is None and b is None) or torch.allclose(a, b, atol=1e-4)
    assert TAKEN["sparse gradient"] == ("weight" not in frozen)


def test_no_more_is_saved_than_is_needed():
    ours, x = Linear(300, 200), spikes(1000, 300)
    saved = []
    with torch.autograd.graph.saved_tensors_hooks(
        lambda value: saved.append(value.shape) or value, lambda value: value
    ):
        ours(x)
        assert saved == [x.shape]  # a first layer needs no weights on the way back
        saved.clear()
        ours.requires_grad_(False)(x.requires_grad_())
        assert saved == [ours.weight.shape]


# -- how it is called -------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("always_sparse")
@pytest.mark.parametrize("bias", [True, False])
def test_derivatives_of_any_order(bias):
    x = spikes(6, 5, density=0.4, dtype=torch.float64).requires_grad_()
    layer = Linear(5, 3, bias=bias, dtype=torch.float64)
    inputs = (x, *layer.parameters())
    assert torch.autograd.gradcheck(event_linear, inputs, fast_mode=False)
    assert torch.autograd.gradgradcheck(event_linear, inputs)
    assert TAKEN["dense"] == TAKEN["dense gradient"] == 0 < TAKEN["sparse gradient"]


@pytest.mark.usefixtures("always_sparse")
@pytest.mark.parametrize("learn", [True, False])
def test_the_operators_keep_torchs_rules(learn):
    x, weight, bias = spikes(6, 5, density=0.4), torch.randn(3, 5), torch.randn(3)
    for value in (x, weight, bias):
        value.requires_grad_(learn)
    torch.library.opcheck(linear_ops.LINEAR, (x, weight, bias if learn else None))
    torch.library.opcheck(linear_ops._WEIGHT_GRADIENT, (torch.randn(6, 3, requires_grad=learn), x, learn))


def test_a_compiled_layer_chooses_anew_for_each_batch():
    ours, torchs = pair(300, 200)
    torch.compiler.reset()
    compiled = torch.compile(ours, fullgraph=True, backend="aot_eager")
    upstream = torch.randn(1000, 200)
    for density, way in ((0.03, "sparse"), (0.9, "dense")):
        ours.zero_grad()
        torchs.zero_grad()
        x = spikes(1000, 300, density=density)
        assert_all_close(trained(compiled, x, upstream), trained(torchs, x, upstream))
        assert TAKEN[way] == TAKEN[f"{way} gradient"] == 1
    assert sum(TAKEN.values()) == 4  # in a graph, the way back chooses for itself


@pytest.mark.parametrize("strict", [True, False])
def test_an_exported_layer_chooses_anew_for_each_batch(strict):
    ours, torchs = pair(300, 200)
    batch = torch.export.Dim("batch", min=1, max=5000)
    exported = torch.export.export(ours, (spikes(1000, 300),), dynamic_shapes=({0: batch},), strict=strict)
    TAKEN.clear()
    for rows, density in ((1000, 0.03), (3000, 0.03), (1, 0.03), (1000, 0.9)):
        x = spikes(rows, 300, density=density)
        torch.testing.assert_close(exported.module()(x), torchs(x), rtol=1e-4, atol=1e-5)
    assert TAKEN == {"sparse": 2, "dense": 2}
    assert "spikelet.linear.default" in str(exported.graph)


def loss_of(layer):
    return lambda parameters, x: functional_call(layer, parameters, (x,)).pow(2).sum()


@FORWARD_MODE
@pytest.mark.usefixtures("always_sparse")
def test_transforms_of_functions():
    ours, torchs = pair(5, 3, dtype=torch.float64)
    parameters = {name: value.detach() for name, value in ours.named_parameters()}
    several = {name: torch.stack([value, 2 * value, -value, value]) for name, value in parameters.items()}
    x = spikes(4, 6, 5, density=0.4, dtype=torch.float64)
    cases = (
        lambda layer: grad(loss_of(layer))(parameters, x),
        lambda layer: vmap(layer)(x),
        lambda layer: vmap(layer, in_dims=1)(x),
        lambda layer: vmap(vmap(layer))(x),
        lambda layer: vmap(lambda p, x: functional_call(layer, p, (x,)))(several, x),
        lambda layer: vmap(lambda p: functional_call(layer, p, (x,)))(several),
        lambda layer: vmap(grad(loss_of(layer)), in_dims=(None, 0))(parameters, x),
        lambda layer: vmap(grad(loss_of(layer)), in_dims=(None, 1))(parameters, x),
        lambda layer: vmap(grad(loss_of(layer)))(several, x),
        lambda layer: jacrev(loss_of(layer))(parameters, x),
        lambda layer: jacrev(jacrev(loss_of(layer)))(parameters, x),
        lambda layer: hessian(loss_of(layer))(parameters, x),
    )
    for case in cases:
        torch.testing.assert_close(case(ours), case(torchs))
    assert TAKEN["sparse"] and TAKEN["sparse gradient"]


def test_vmap_over_large_batches_of_spikes_stays_sparse():
    ours, torchs = pair(300, 200)
    x = spikes(3, 1000, 300)
    torch.testing.assert_close(vmap(ours)(x), torchs(x), rtol=1e-4, atol=1e-5)
    assert TAKEN == {"sparse": 1}


@FORWARD_MODE
def test_forward_mode_is_torchs():
    ours, torchs = pair(300, 200)
    x, tangent = spikes(1000, 300), torch.randn(1000, 300)
    for found, expected in zip(jvp(ours, (x,), (tangent,)), jvp(torchs, (x,), (tangent,)), strict=True):
        assert torch.equal(found, expected)
    assert not TAKEN


def test_autocast_is_torchs():
    ours, torchs = pair(300, 200)
    x, upstream = spikes(1000, 300), torch.randn(1000, 200)
    with torch.autocast("cpu", torch.bfloat16):
        assert "autocast" in ours.explain(x)
        found, expected = ours(x), torchs(x)
    assert found.dtype == torch.bfloat16 and torch.equal(found, expected) and not TAKEN
    with torch.autocast("cpu", enabled=False):
        assert trained(ours, x, upstream)[0].dtype == torch.float32
    assert TAKEN == {"sparse": 1, "sparse gradient": 1}


class Marked(torch.Tensor):
    """A tensor with its own way of doing things."""

    seen: list[str] = []  # noqa: RUF012  # of all instances

    @classmethod
    def __torch_function__(cls, function, types, args=(), kwargs=None):
        cls.seen.append(function.__name__)
        return super().__torch_function__(function, types, args, kwargs or {})


def test_other_tensors_are_torchs():
    ours, x = Linear(300, 200), spikes(1000, 300)
    Marked.seen.clear()
    ours(x.as_subclass(Marked))
    assert "linear" in Marked.seen
    weight = ours.weight.detach()
    torch.testing.assert_close(event_linear(x, weight.to_sparse()), functional.linear(x, weight))
    assert ours.to("meta")(x.to("meta")).shape == (1000, 200)
    assert Linear(300, 200, dtype=torch.bfloat16)(x.bfloat16()).dtype == torch.bfloat16
    assert not TAKEN


@pytest.mark.parametrize(
    ("x", "weight", "bias", "message"),
    [
        ((3, 4), (6, 5), None, r"x has shape \(3, 4\), expected \(\.\.\., 5\)"),
        ((), (6, 5), None, r"x has shape \(\), expected \(\.\.\., 5\)"),
        ((3, 5), (5,), None, r"weight has shape \(5,\), expected \(outputs, inputs\)"),
        ((3, 5), (6, 5), (5,), r"bias has shape \(5,\), expected \(6,\)"),
        ((3, 5), (6, 5), (6, 1), r"bias has shape \(6, 1\), expected \(6,\)"),
    ],
)
def test_wrong_shapes_are_named(x, weight, bias, message):
    with pytest.raises(ShapeError, match=message):
        event_linear(torch.ones(x), torch.ones(weight), None if bias is None else torch.ones(bias))


def test_mixed_types_are_torchs_error():
    with pytest.raises(RuntimeError, match="dtype"):
        event_linear(torch.ones(3, 5, dtype=torch.float64), torch.ones(6, 5))


# -- which way --------------------------------------------------------------------------------------------------------


def test_it_explains_itself():
    layer = Linear(300, 200)
    assert layer.explain(torch.zeros(1000, 300)).startswith("sparse: 0.00% of the inputs are active")
    assert layer.explain(torch.ones(1000, 300)).startswith("dense: more inputs are active than the ")
    assert layer.explain(torch.zeros(2, 300)) == "dense: the product is small"
    assert "gain" in explain(torch.zeros(40_000, 2000), torch.zeros(2, 2000))
    assert layer.to("meta").explain(torch.zeros(1000, 300, device="meta")).startswith("dense: x is on meta")
    assert "precision" in explain(torch.zeros(1000, 300).half(), torch.zeros(200, 300).half())
    assert not TAKEN  # to ask is not to take


def test_small_products_cost_no_look_at_the_inputs(monkeypatch):
    monkeypatch.setattr(linear_ops, "linear", None)
    assert Linear(300, 200)(spikes(2, 300)).shape == (2, 200)


@pytest.fixture
def set_threads(monkeypatch):
    """A function that sets the number of threads of torch and of the package."""
    before = torch.get_num_threads()

    def set_both(threads):
        monkeypatch.setenv("SPIKELET_THREADS", str(threads))
        torch.set_num_threads(threads)

    yield set_both
    torch.set_num_threads(before)


def test_training_is_the_same_to_the_bit_for_any_number_of_threads(monkeypatch, set_threads):
    monkeypatch.setattr(sparse_product, "_SERIAL", 0)
    layer, x, upstream = Linear(300, 200), spikes(1000, 300), torch.randn(1000, 200)
    runs = []
    for threads in (1, 2, 2):
        set_threads(threads)
        assert linear_ops._threads() == threads
        runs.append(trained(copy.deepcopy(layer), x, upstream))
    assert TAKEN == {"sparse": 3, "sparse gradient": 3}
    for out, _, *of_parameters in runs[1:]:  # that of x is a dense product, whose bits are torch's
        assert all(map(torch.equal, (out, *of_parameters), (runs[0][0], *runs[0][2:])))


# -- a plain layer, called by others ----------------------------------------------------------------------------------


def test_call_takes_a_plain_layer_the_same_way():
    ours, torchs = pair(300, 200)
    x = spikes(1000, 300)
    assert torch.equal(call(torchs, x), ours(x))
    assert TAKEN == {"sparse": 2}
    assert torch.equal(call(nn.ReLU(), x), x)


def test_call_leaves_alone_what_is_not_plain():
    class Doubled(nn.Linear):
        def forward(self, x):
            return 2 * super().forward(x)

    x, plain = spikes(1000, 300), nn.Linear(300, 200)
    doubled = Doubled(300, 200)
    doubled.load_state_dict(plain.state_dict())
    expected = plain(x)
    assert torch.equal(call(doubled, x), 2 * expected)
    with plain.register_forward_hook(lambda module, args, out: 3 * out):
        assert torch.equal(call(plain, x), 3 * expected)
    with plain.register_forward_pre_hook(lambda module, args: (0 * args[0],)):
        assert torch.equal(call(plain, x), plain.bias.expand(1000, 200))
    with nn.modules.module.register_module_forward_hook(lambda module, args, out: 4 * out):
        assert torch.equal(call(plain, x), 4 * expected)
    plain.forward = lambda x: 5 * expected
    assert torch.equal(call(plain, x), 5 * expected)
    del plain.forward
    parametrize.register_parametrization(plain, "weight", nn.Identity())
    assert torch.equal(call(plain, x), expected)
    assert not TAKEN


@FORWARD_MODE
def test_bits_are_kept_where_only_autograd_looks_on():
    plain, x = nn.Linear(30, 20), spikes(50, 30, density=0.3)

    def trained_with(bits, layer=plain, x=x, **options):
        saved = []
        x = x.detach().requires_grad_()
        with torch.autograd.graph.saved_tensors_hooks(lambda t: saved.append(t.dtype) or t, lambda t: t):
            with torch.autocast("cpu", torch.bfloat16, **options) if options else contextlib.nullcontext():
                out = call(layer, x, bits)
        found = torch.autograd.grad(out.float().square().sum(), (x, *layer.parameters()))
        return torch.uint8 in saved, (out, *found)

    cases = (
        (True, {}),
        (True, {"enabled": False}),
        (False, {"enabled": True}),
        (True, {"layer": nn.Linear(30, 20).bfloat16(), "x": x.bfloat16()}),
        (True, {"layer": nn.Linear(30, 20, bias=False), "x": x.reshape(5, 10, 30)}),
        (False, {"layer": plain.requires_grad_(True), "x": x.as_subclass(Marked)}),
    )
    for expected, options in cases:
        (kept, found), (never, reference) = (trained_with(bits, **options) for bits in (True, False))
        assert kept is expected and not never
        for a, b in zip(found, reference, strict=True):
            torch.testing.assert_close(a, b, rtol=0, atol=0)
    assert torch.equal(vmap(lambda x: call(plain, x, True))(x), vmap(plain)(x))
    assert jvp(lambda x: call(plain, x, True), (x,), (x,))[0].shape == (50, 20)
