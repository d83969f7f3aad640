"""What a layer that learns does with batches, places of a convolution, competition, and the layers around it."""

import copy
import pickle

import numpy as np
import pytest
import safetensors.torch as safetensors
import torch
from torch import nn

from spikelet import neurons, rules
from spikelet.errors import (
    BackendError,
    InputError,
    MagnitudeWarning,
    NumericsError,
    ParameterError,
    ShapeError,
    StateError,
)
from spikelet.model import Neuron
from spikelet.nn import Neurons, Plastic, Sequential
from spikelet.rule import Rule

PAIRS = rules.STDP(a_plus=0.03, a_minus=0.02, tau_plus=7.0, tau_minus=9.0)
FREE = Rule(
    "Free", PAIRS.text, on_pre="x_pre += 1; w -= a_minus*x_post", on_post="x_post += 1; w += a_plus*x_pre",
    values=PAIRS.values,
)  # fmt: skip
CELL = Neuron(
    "Cell", "dv/dt = (I - v)/(5 ms) : 1; I : 1 (input); v_th = 0.25", threshold="v > v_th", reset="v = 0"
)  # fmt: skip
ADAPTIVE = Neuron(
    "Adaptive",
    "dv/dt = (I - v)/(5 ms) : 1 (unless refractory); dtheta/dt = -theta/(200 ms) : 1; I : 1 (input); v_th = 0.2",
    threshold="v > v_th + theta",
    reset="v = 0; theta += 0.05",
    refractory="2 ms",
)


def spikes(*shape: int, rate: float = 0.2, seed: int = 0) -> torch.Tensor:
    return (torch.rand(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) < rate).double()


def layer(rule: Rule = PAIRS, n: int = 6, m: int = 4, cell: Neuron = CELL, **more) -> Plastic:
    made = Plastic(nn.Linear(n, m, bias=False).double(), cell, rule, **more)
    with torch.no_grad():
        made.weight.copy_(torch.rand(m, n, generator=torch.Generator().manual_seed(1), dtype=torch.float64))
    return made


def naive(w: np.ndarray, x: np.ndarray, rule: Rule, dt: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Pairs in a batch, number by number: returns the weights and the spikes."""
    p, (steps, batch, n), m = rule.parameters, x.shape, len(w)
    w, v, y = w.copy(), np.zeros((batch, m)), np.zeros((steps, batch, m))
    pre, post = np.zeros((batch, n)), np.zeros((batch, m))
    for k in range(steps):
        pre, post = pre * np.exp(-dt / p["tau_plus"]), post * np.exp(-dt / p["tau_minus"])
        drive = np.array([[sum(w[j, i] for i in range(n) if x[k, b, i]) for j in range(m)] for b in range(batch)])
        for j in range(m):
            for i in range(n):
                who = [b for b in range(batch) if x[k, b, i]]
                if who:
                    w[j, i] = min(max(w[j, i] - sum(p["a_minus"] * post[b, j] for b in who), 0), p["w_max"])
        pre += x[k]
        v = v + (drive - v) * (1 - np.exp(-dt / 5))
        y[k] = v > 0.25
        v = np.where(y[k] > 0, 0, v)
        for j in range(m):
            for i in range(n):
                who = [b for b in range(batch) if y[k, b, j]]
                if who:
                    w[j, i] = min(max(w[j, i] + sum(p["a_plus"] * pre[b, i] for b in who), 0), p["w_max"])
        post += y[k]
    return w, y


@pytest.mark.parametrize("batch", [1, 3])
def test_a_batch_changes_weights_by_the_sum_of_what_each_sample_would(batch: int):
    made, x = layer(backend="torch_eager"), spikes(60, batch, 6)
    w, y = naive(made.weight.numpy(), x.numpy(), PAIRS)
    shown, _ = made(x)
    np.testing.assert_array_equal(shown.numpy(), y)
    np.testing.assert_allclose(made.weight.numpy(), w, rtol=0, atol=1e-12)
    assert 10 < y.sum() and (w == 1).any() and (w == 0).sum() < w.size / 2


def test_the_mean_over_the_batch_is_the_sum_at_a_rate_as_many_times_lower():
    x = spikes(50, 4, 6)
    summed, mean = layer(FREE(a_plus=0.03 / 4, a_minus=0.02 / 4)), layer(FREE, reduction="mean")
    summed(x)
    mean(x)
    torch.testing.assert_close(summed.weight, mean.weight, rtol=0, atol=1e-13)


def test_equal_samples_change_by_the_mean_as_one_does():
    one, many = layer(), layer(reduction="mean")
    x = spikes(50, 1, 6)
    one(x)
    many(x.expand(50, 5, 6))
    torch.testing.assert_close(one.weight, many.weight, rtol=0, atol=1e-12)


def test_each_sample_has_its_own_states_of_synapses():
    text = "dc/dt = -c/(20 ms) : 1; dw/dt = 0.01/(1 ms)*c*reward : 1; reward[k+1] = reward : 1 (network)"
    rule = Rule("Marks", text, on_pre="c += 1")
    made, x = layer(rule), torch.zeros(5, 2, 6).double()
    x[0, 0, 2] = x[1, 1, 2] = x[1, 1, 3] = 1
    before = made.weight.clone()
    reward = torch.zeros(5, 2).double()
    reward[3] = torch.tensor([1.0, -2.0])
    _, state = made(x, signals={"reward": reward})
    assert state["synapse"]["c"].shape == (2, 4, 6)
    decay = np.exp(-1 / 20)
    first, second = torch.tensor([[0, 0, 1, 0, 0, 0], [0, 0, 1, 1, 0, 0]]).double()
    change = 0.01 * (decay**2 * first - 2 * decay * second)
    torch.testing.assert_close(made.weight - before, change.expand(4, 6), rtol=0, atol=1e-12)


def test_pieces_of_a_sequence_are_one_sequence():
    whole, cut = (layer(shared="theta", cell=ADAPTIVE) for _ in range(2))
    x = spikes(60, 2, 6, rate=0.4)
    y, end = whole(x)
    state, shown = None, []
    for piece in x.split((1, 20, 39)):
        part, state = cut(piece, state)
        shown.append(part)
    assert torch.equal(torch.cat(shown), y) and y.sum() > 5
    assert torch.equal(cut.weight, whole.weight)
    assert state is not None and torch.equal(state["pre"]["x_pre"], end["pre"]["x_pre"]) and state["step"] == 60
    assert torch.equal(state["shared"]["theta"], end["shared"]["theta"])


def test_what_is_past_the_length_of_a_sample_changes_nothing():
    made, other, x = layer(), layer(), spikes(40, 2, 6)
    cut = x.clone()
    cut[25:, 1] = 0
    y, state = made(x, lengths=torch.tensor([40, 25]))
    assert y[25:, 1].sum() == 0 and y[:25, 1].sum() > 0
    first, held = other(x[:25])
    last, _ = other(x[25:, :1], {n: v if n == "step" else {m: u[:1] for m, u in v.items()} for n, v in held.items()})
    assert torch.equal(y[:25], first) and torch.equal(y[25:, :1], last)
    torch.testing.assert_close(made.weight, other.weight, rtol=0, atol=1e-14)
    torch.testing.assert_close(state["pre"]["x_pre"][1], held["pre"]["x_pre"][1])


def test_several_spikes_of_a_sender_in_a_step_are_that_many_events():
    rule = Rule("Halve", "", on_pre="w = w/2")
    made = layer(rule, n=1, m=1, cell=Neuron("Sum", "v[k+1] = I : 1; I : 1 (input)"), output="v")
    with torch.no_grad():
        made.weight.fill_(1.0)
    y, _ = made(torch.tensor([3.0, 0.0, 1.0]).double().reshape(3, 1, 1))
    assert y.flatten().tolist() == [1.75, 0.0, 0.125] and made.weight.item() == 0.0625


def test_each_synapse_of_each_sample_has_its_own_noise():
    """Changes of many synapses are those of white noise, and do not depend on the batch in which a sample stands."""
    rule = Rule("Shake", "dw/dt = s*xi/sqrt(1 ms) : 1; s = 0.1")
    x = torch.zeros(40, 3, 30).double()

    def change(which: list[int]) -> torch.Tensor:
        made = layer(rule, n=30, m=20)
        before = made.weight.clone()
        made(x[:, which], samples=torch.tensor(which), seed=7)
        return made.weight - before

    single = [change([sample]) for sample in range(3)]
    torch.testing.assert_close(change([0, 1, 2]), sum(single), rtol=0, atol=1e-12)
    assert all(abs(one.std().item() / (0.1 * 40**0.5) - 1) < 0.1 for one in single)
    assert abs(torch.corrcoef(torch.stack([one.flatten() for one in single]))[0, 1]) < 0.15


# --- convolutions -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dims", [1, 2])
@pytest.mark.parametrize("padding", [0, 1, "same"])
def test_a_convolution_is_a_dense_layer_whose_tied_weights_change_by_the_sum(dims: int, padding: int | str):
    stride = 1 if padding == "same" else 2
    kind, size = (nn.Conv1d, (7,)) if dims == 1 else (nn.Conv2d, (5, 6))
    conv = Plastic(kind(2, 3, 3, stride=stride, padding=padding, bias=False).double(), CELL, FREE)
    with torch.no_grad():
        conv.weight.copy_(torch.rand(conv.weight.shape, generator=torch.Generator().manual_seed(3)))
    x = spikes(12, 2, 2, *size, rate=0.25)
    start = conv.weight.clone()
    n = x[0, 0].numel()
    image = torch.eye(n).double().reshape(n, 2, *size)
    places = torch.arange(1, conv.weight.numel() + 1).double().reshape(conv.weight.shape)
    convolve = nn.functional.conv1d if dims == 1 else nn.functional.conv2d
    pad = 1 if padding == "same" else int(padding)
    number = convolve(image, places, stride=stride, padding=pad).flatten(1).T.round().long()  # 0: no synapse
    dense = Plastic(nn.Linear(n, len(number), bias=False).double(), CELL, FREE)
    tied = torch.cat([torch.zeros(1).double(), start.flatten()])
    state = held = None
    for k in range(len(x)):  # step by step, and tied anew
        with torch.no_grad():
            dense.weight.copy_(tied[number])
        before = dense.weight.clone()
        y, state = dense(x[k : k + 1].flatten(2), state)
        tied = tied.index_add(0, number.flatten(), (dense.weight - before).flatten())
        tied[0] = 0.0
        shown, held = conv(x[k : k + 1], held)
        assert torch.equal(shown.flatten(2), y)
        torch.testing.assert_close(conv.weight.flatten(), tied[1:], rtol=0, atol=1e-12)
    assert (conv.weight - start).abs().min() > 0


# --- competition ------------------------------------------------------------------------------------------------------


def test_of_those_above_threshold_the_highest_win_and_the_first_of_equals():
    made = layer(PAIRS, n=1, m=5, winners=2, backend="torch_eager")
    with torch.no_grad():
        made.weight.copy_(torch.tensor([3.0, 9.0, 9.0, 0.1, 9.0]).double().unsqueeze(1))
    with pytest.warns(MagnitudeWarning, match="weights are 0.1 to 9, but the rule keeps them from 0 to 1") as told:
        y, state = made(torch.ones(1, 1, 1).double())
    assert told[0].filename == __file__
    assert y.flatten().tolist() == [0, 1, 1, 0, 0]
    v = (1 - np.exp(-1 / 5)) * torch.tensor([3.0, 0, 0, 0.1, 9.0]).double()
    torch.testing.assert_close(state["neurons"]["v"][0], v)  # losers are not reset
    after = made.weight[:, 0]  # on_post ran for the winners, whose weights are bounded by it
    assert after[1:3].tolist() == [1.0, 1.0] and after[3] == pytest.approx(0.1)


def test_spikes_inhibit_in_the_next_step():
    inhibition = torch.tensor([[0.0, -2.0], [-3.0, 0.0]]).double()
    made = layer(PAIRS, n=2, m=2, inhibition=inhibition)
    with torch.no_grad():
        made.weight.copy_(torch.tensor([[2.0, 0.0], [0.0, 0.5]]).double())
    made.learning = False
    x = torch.ones(2, 1, 2).double()
    y, state = made(x)
    part = 1 - np.exp(-1 / 5)
    assert y.squeeze(1).tolist() == [[1, 0], [1, 0]]
    v = 0.5 * part * (1 - part) + (0.5 - 3.0) * part
    torch.testing.assert_close(state["neurons"]["v"], torch.tensor([[0.0, v]]).double())
    assert state["spikes"].tolist() == [[1, 0]]
    linear = nn.Linear(2, 2, bias=False).double()
    with torch.no_grad():
        linear.weight.copy_(inhibition)
    other = layer(PAIRS, n=2, m=2, inhibition=linear)
    other.learning = False
    with torch.no_grad():
        other.weight.copy_(made.weight)
    assert torch.equal(other(x)[0], y)


def test_a_shared_threshold_flows_once_and_takes_the_jumps_of_all_samples():
    made, x = layer(cell=ADAPTIVE, shared="theta"), spikes(30, 3, 6, rate=0.5)
    y, state = made(x)
    theta = np.zeros(4)
    for k in range(30):
        theta = theta * np.exp(-1 / 200) + 0.05 * y[k].sum(0).numpy()
    np.testing.assert_allclose(state["shared"]["theta"].numpy(), theta, rtol=1e-12)
    assert y.sum() > 10 and set(state["neurons"]) == {"v", "refractory"}
    again = made.fresh(state)
    _, next_state = made(x[:1, :2] * 0, again)
    np.testing.assert_allclose(next_state["shared"]["theta"].numpy(), theta * np.exp(-1 / 200), rtol=1e-12)
    assert next_state["step"] == 1 and next_state["neurons"]["v"].shape == (2, 4)


def test_what_differs_between_samples_cannot_be_shared():
    with pytest.raises(InputError, match=r"'v' cannot be shared .* it flows by 'refractory'"):
        layer(cell=ADAPTIVE, shared="v")
    with pytest.raises(InputError, match=r"shared= names 'teta', which is no state; did you mean 'theta'\?"):
        layer(cell=ADAPTIVE, shared="teta")


# --- beside other layers ----------------------------------------------------------------------------------------------


def test_a_layer_that_learns_stands_before_one_that_is_trained_by_gradients():
    hidden = layer(n=6, m=8)
    net = Sequential(hidden, nn.Linear(8, 3).double(), Neurons(neurons.LIF, output="v"))
    before, x = hidden.weight.clone(), spikes(40, 2, 6)
    y, state = net(x)
    y[-1].sum().backward()
    readout = net[1]
    assert readout.weight.grad.abs().sum() > 0 and hidden.weight.grad is None
    assert not torch.equal(hidden.weight, before) and state["0"]["pre"]["x_pre"].shape == (2, 6)
    assert [name for name, p in net.named_parameters() if p.requires_grad] == ["1.weight", "1.bias"]


@pytest.mark.parametrize("more", [{}, {"winners": 2}], ids=["plain", "winners"])
def test_in_evaluation_gradients_pass_and_weights_rest(more):
    made = layer(**more).eval()
    before, x = made.weight.clone(), spikes(20, 2, 6).requires_grad_()
    y, state = made(x)
    y.sum().backward()
    assert torch.equal(made.weight, before) and x.grad is not None and x.grad.abs().sum() > 0
    assert set(state) == {"neurons"}
    if not more:
        plain = Sequential(made.module, Neurons(CELL))
        other = x.detach().clone().requires_grad_()
        shown, _ = plain(other)
        shown.sum().backward()
        assert torch.equal(shown, y)
        torch.testing.assert_close(other.grad, x.grad)


def test_learning_goes_on_after_a_pause_in_which_the_rule_rests():
    made, x = layer(), spikes(20, 1, 6)
    _, state = made(x)
    made.learning = False
    _, paused = made(x, state)
    assert torch.equal(paused["pre"]["x_pre"], state["pre"]["x_pre"]) and paused["step"] == 20
    made.learning = True
    assert made(x, paused)[1]["step"] == 40


@pytest.mark.parametrize("backend", ["llvm_cpu", "torch_eager"])
def test_a_state_that_is_changed_in_place_is_no_other_calls_start(backend: str):
    rule = Rule("Marks", "c[k+1] = c : 1", on_pre="c += 0*w; w += c")
    made, x = layer(rule, backend=backend), torch.zeros(2, 1, 6).double()
    _, state = made(x)
    state["synapse"]["c"].fill_(5.0)
    assert not made(x)[1]["synapse"]["c"].any()


def test_the_output_of_a_call_that_learns_has_no_gradient():
    with pytest.warns(UserWarning, match="the gradient of x ends here") as told:
        assert not layer()(spikes(5, 1, 6).requires_grad_())[0].requires_grad
    assert told[0].filename == __file__
    made = layer()
    made.learning = False
    assert made(spikes(5, 1, 6).requires_grad_())[0].requires_grad


def test_a_copy_learns_as_the_original_does():
    made, x = layer(cell=ADAPTIVE, shared="theta"), spikes(30, 2, 6)
    others = [copy.deepcopy(made), pickle.loads(pickle.dumps(made))]
    made(x)
    for other in others:
        other(x)
        assert torch.equal(other.weight, made.weight)
    fresh = layer(cell=ADAPTIVE, shared="theta")
    fresh.load_state_dict(made.state_dict())
    assert torch.equal(fresh.weight, made.weight)


# --- between calls, and mistakes --------------------------------------------------------------------------------------


def test_weights_are_scaled_to_a_sum():
    made = layer()
    made.weight[3] = torch.tensor([-1.0, 1, 0, 0, 0, 0])
    before = made.weight.clone()
    made.normalise(3.0)
    torch.testing.assert_close(made.weight.abs().sum(1), torch.full((4,), 3.0).double())
    torch.testing.assert_close(made.weight[0] / made.weight[0, 0], before[0] / before[0, 0])
    made.normalise(torch.arange(1.0, 5.0))
    torch.testing.assert_close(made.weight.abs().sum(1), torch.arange(1.0, 5.0).double())
    kernels = Plastic(nn.Conv2d(2, 3, 3), CELL, PAIRS)
    kernels.normalise(2.0)
    torch.testing.assert_close(kernels.weight.abs().sum((1, 2, 3)), torch.full((3,), 2.0))


def test_sums_that_cannot_be_had_are_refused_and_change_nothing():
    made = layer()
    before = made.weight.clone()
    with pytest.raises(ShapeError, match=r"total has shape \(3,\), expected one number or \(4,\)"):
        made.normalise(torch.ones(3))
    for total in (-1.0, 0.0, float("nan"), float("inf"), "1", None):
        with pytest.raises(InputError, match="total is"):
            made.normalise(total)  # type: ignore[arg-type]  # some are mistakes
    with pytest.raises(InputError, match="total is 0, expected positive"):
        made.normalise(torch.tensor([1.0, 2.0, 0.0, 1.0]))
    assert torch.equal(made.weight, before)
    made.weight[2] = 0
    with pytest.raises(InputError, match=r"weights into 1 of 4 receivers sum to 0 \(first: receiver 2\), which no fac"):
        made.normalise(3.0)


def test_weights_go_through_safetensors(tmp_path):
    """The file takes no weights that lie by sender in memory, as those of the layer do."""
    made, x = layer(), spikes(20, 1, 6, rate=0.5)
    made(x)
    safetensors.save_file(made.state_dict(), tmp_path / "layer.safetensors")
    other = layer()
    other.load_state_dict(safetensors.load_file(tmp_path / "layer.safetensors"))
    assert torch.equal(other.weight, made.weight)
    made(x), other(x)
    assert torch.equal(other.weight, made.weight) and isinstance(
        made.state_dict(keep_vars=True)["module.weight"], nn.Parameter
    )


def test_a_signal_reaches_the_rule_in_its_step():
    """``dw/dt`` reads what the step holds; ``on_pre`` and ``on_post`` too."""
    rule = Rule("Delta", "alpha = 0.5", on_pre="w += alpha*error_post")
    made, x = layer(rule, n=2, m=3), torch.zeros(4, 1, 2).double()
    x[2, 0, 1] = 1
    error = torch.arange(12.0).double().reshape(4, 1, 3)
    before = made.weight.clone()
    made(x, signals={"error_post": error})
    expected = torch.zeros(3, 2).double()
    expected[:, 1] = 0.5 * error[2, 0]
    torch.testing.assert_close(made.weight - before, expected)
    with pytest.raises(InputError, match=r"Delta reads 'error_post', a state of the receiving .* give signals="):
        made(x)
    with pytest.raises(InputError, match=r"signals names 'eror_post'; Delta takes .*did you mean 'error_post'\?"):
        made(x, signals={"eror_post": error})
    for wrong, text in (([error], "signals is a list"), ({"error_post": "1"}, "'error_post' is '1', expected numbers")):
        with pytest.raises(InputError, match=text):
            made(x, signals=wrong)  # type: ignore[arg-type]  # the mistake
    learnt = made.weight.clone()
    with pytest.raises(NumericsError, match="signal 'error_post' is nan in step 0"):
        made(x, signals={"error_post": error * float("nan")})
    assert torch.equal(made.weight, learnt)
    with pytest.raises(ShapeError, match=r"signal 'error_post' has shape \(4, 2\), expected \(4, 1, 3\)"):
        made(x, signals={"error_post": error[:, 0, :2]})


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda: Plastic(nn.Conv2d(4, 4, 3, groups=2), CELL, PAIRS), BackendError, "groups=2"),
        (lambda: Plastic(nn.Conv1d(4, 4, 3, padding_mode="circular"), CELL, PAIRS), BackendError, "circular"),
        (lambda: Plastic(nn.ConvTranspose2d(4, 4, 3), CELL, PAIRS), BackendError, "weights of ConvTranspose2d cannot"),
        (lambda: Plastic(nn.Linear(2, 2).half(), CELL, PAIRS), BackendError, "float16, expected float32"),
        (lambda: layer().half()(spikes(3, 1, 6)), BackendError, "float16, expected float32"),
        (lambda: Plastic(nn.LazyLinear(2), CELL, PAIRS), BackendError, "LazyLinear are drawn at the first call"),
        (
            lambda: Plastic(nn.utils.parametrizations.weight_norm(nn.Linear(2, 2)), CELL, PAIRS),
            BackendError,
            "weights of ParametrizedLinear are computed from other parameters",
        ),
        (
            lambda: Plastic(nn.Conv2d(1, 2, 3), CELL, PAIRS)(spikes(3, 1, 1, 2, 2)),
            ShapeError,
            r"senders of shape \(1, 2, 2\), which the module refuses: .*Kernel size",
        ),
        (lambda: layer(dt="1 ms"), InputError, "dt is '1 ms', expected a positive number of ms"),
        (lambda: layer(surrogate="arctan"), InputError, "surrogate is 'arctan', expected one such as"),
        (lambda: layer(shared=3), InputError, "shared is 3, expected names of states"),
        (lambda: layer(inhibition=torch.full((4, 4), np.nan)), InputError, "inhibition holds NaN or infinity"),
        (lambda: Plastic("Linear", CELL, PAIRS), InputError, "module is a str"),
        (lambda: Plastic(nn.Linear(2, 2), "LIF", PAIRS), InputError, "model is a str"),
        (lambda: Plastic(nn.Linear(2, 2), CELL, "STDP"), InputError, "rule is 'STDP', expected a Rule"),
        (lambda: layer(reduction="max"), InputError, "reduction is 'max', expected one of"),
        (lambda: layer(winners=0), InputError, "winners is 0"),
        (lambda: layer(inhibition=torch.zeros(3, 3)), ShapeError, r"inhibition has shape \(3, 3\), expected \(4, 4\)"),
        (lambda: layer(PAIRS(w_max=np.ones(3))), ParameterError, r"'w_max' of STDP has shape \(3,\).*each of the 4"),
        (lambda: layer(Rule("Need", "a : 1", on_pre="w += a")), ParameterError, "Need needs a value for 'a'"),
        (lambda: layer(Rule("Dice", "", on_pre="w += uniform()")), Exception, "random numbers in on_pre="),
        (
            lambda: layer(PAIRS, cell=Neuron("Rate", "dv/dt = (I - v)/(5 ms) : 1; I : 1 (input)"), output="v"),
            InputError,
            "Rate has no threshold, so on_post= of STDP would never run",
        ),
    ],
)  # fmt: skip
def test_what_cannot_learn_says_why(make, error, text: str):
    with pytest.raises(error, match=text):
        make()


def test_wrong_calls_say_what_was_expected():
    made = layer()
    with pytest.raises(ShapeError, match=r"x has senders of shape \(5,\), expected \(6,\)"):
        made(spikes(3, 1, 5))
    with pytest.raises(InputError, match=r"x holds 0\.5; a rule learns from spikes"):
        made(torch.full((3, 1, 6), 0.5).double())
    for value in (float("nan"), float("inf")):
        with pytest.raises(InputError, match=f"x holds {value}; a rule learns from spikes"):
            made(torch.full((3, 1, 6), value).double())
    with pytest.raises(InputError, match=r"x is torch.sparse_coo, expected a dense tensor"):
        made(spikes(3, 1, 6).to_sparse())
    state = made(spikes(3, 1, 6))[1]
    with pytest.raises(StateError, match=r"state 'neurns' is not known, .*; did you mean 'neurons'\?"):
        made(spikes(3, 1, 6), {"neurns": state["neurons"]})
    with pytest.raises(StateError, match="state 'pre' is a NoneType, expected a dict of states"):
        made(spikes(3, 1, 6), state | {"pre": None})
    with pytest.raises(StateError, match="state 'x_pre' has shape"):
        made(spikes(3, 2, 6), made(spikes(3, 1, 6))[1] | {"neurons": {"v": torch.zeros(2, 4).double()}})
    with pytest.raises(StateError, match="'neurons' is missing"):
        made(spikes(3, 1, 6), {"pre": {}})
    with pytest.raises(NumericsError, match="weights are NaN or infinite"):
        layer(Rule("Burst", "", on_pre="w = w*1e300"))(spikes(5, 1, 6, rate=0.9))
