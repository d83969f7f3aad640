"""Gradients of the torch back end against finite differences of the interpreter, and against loops written by hand.

A spike has no derivative. Both back ends can replace it by the integral of the surrogate and let the reset interpolate;
then the gradient with attached resets is that of the values, and finite differences of the interpreter tell it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
from tests.ir.hand_written import CASES, CUBA, DIFFUSION, GEOMETRIC, HELD

from spikelet import neurons, surrogates
from spikelet.backends import torch_eager
from spikelet.backends.numpy_reference import Interpreter, derivative, erf
from spikelet.ir.lower import lower
from spikelet.model import Neuron, Surrogate
from spikelet.units import nA

STEPS, N = 12, 3
ELEMENT = np.arange(N)


@dataclass(frozen=True)
class Smooth:
    """A surrogate and its integral, for either back end."""

    surrogate: Surrogate
    numpy: Callable[[Any], Any]
    torch: Callable[[Any], Any]


SMOOTH = {
    "sigmoid": Smooth(surrogates.sigmoid, lambda x: 1 / (1 + np.exp(-4 * x)), lambda x: torch.sigmoid(4 * x)),
    "arctan": Smooth(
        surrogates.arctan,
        lambda x: 0.5 + np.arctan(np.pi * x) / np.pi,
        lambda x: 0.5 + torch.atan(torch.pi * x) / torch.pi,
    ),
    "fast_sigmoid": Smooth(
        surrogates.fast_sigmoid(alpha=2), lambda x: 0.5 + x / (1 + 2 * np.abs(x)), lambda x: 0.5 + x / (1 + 2 * x.abs())
    ),
    "gaussian": Smooth(
        surrogates.gaussian, lambda x: 0.5 + erf(x * 2**0.5) / 2, lambda x: 0.5 + torch.erf(x * 2**0.5) / 2
    ),
}


@pytest.mark.parametrize("name", SMOOTH)
def test_the_integrals_belong_to_the_surrogates(name):
    smooth, x, h = SMOOTH[name], np.linspace(-2.05, 2.0, 40), 1e-5
    np.testing.assert_allclose(
        derivative(smooth.surrogate, x), (smooth.numpy(x + h) - smooth.numpy(x - h)) / (2 * h), rtol=1e-6
    )
    np.testing.assert_allclose(smooth.torch(torch.as_tensor(x)), smooth.numpy(x), rtol=1e-14)


@dataclass(frozen=True)
class Problem:
    """A model with its inputs, initial state and step; the loss weighs every recorded state and spike."""

    model: Neuron
    dt: float
    inputs: dict[str, np.ndarray]
    start: dict[str, np.ndarray]  # what differs from the model's initial state
    values: dict[str, Any]

    @property
    def step(self):
        return lower(self.model, tuple(self.inputs))

    def arrays(self):
        """Return everything that has a gradient, in one table of arrays."""
        parameters = {n: np.asarray(v, float) for n, v in {**self.model.parameters, **self.values}.items()}
        parts = {"parameter": parameters, "input": self.inputs, "start": self.start}
        return {f"{kind} {n}": v for kind, part in parts.items() for n, v in part.items()}

    def weights(self):
        rng = np.random.default_rng(1)
        return {name: rng.uniform(0.5, 1.5, (STEPS, N)) for name in ("spikes", *self.model.states)}

    def scale(self, name):
        """Weigh states of any unit alike."""
        return 1.0 if name == "spikes" else 1.0 / (1.0 + np.abs(self.start[name]).max())


def problem(model, dt, low, high, start, to=None, **values):
    rng = np.random.default_rng(0)
    name = to or model.inputs[0]
    drive = rng.uniform(low, high, (STEPS, N))
    first = {n: rng.uniform(*start.get(n, (0, 1)), N) for n in model.states}
    return Problem(model(reset_gradient=True), dt, {name: drive}, first, values)


PROBLEMS = {
    "LIF": problem(neurons.LIF, 1.0, 0, 8, {}, tau_mem=6.0),
    "CuBaLIF": problem(neurons.CuBaLIF, 1.0, 0, 9, {}),
    "CuBaLIF jump": problem(neurons.CuBaLIF, 1.0, 0, 2, {}, to="i_syn"),
    "CuBaLIF equal": problem(neurons.CuBaLIF, 1.0, 0, 9, {}, tau_syn=10.0),
    "ALIF": problem(neurons.ALIF, 1.0, 0, 9, {}, tau_mem=5.0, tau_a=9.0),
    "AdEx": problem(neurons.AdEx, 0.3, 0, 1 * nA, {"v": (-60, -48), "w": (0, 100)}, surrogate_scale=20.0, delta=5.0,
                    tau_w=20.0, v_cut=-20.0),
    "Izhikevich": problem(neurons.Izhikevich, 0.4, 0, 30, {"v": (-60, -30), "u": (-12, -8)}, surrogate_scale=20.0),
    "soft reset": problem(CUBA, 1.0, 0, 2, {}, to="x"),
    "conductance": problem(neurons.CoBaLIF, 0.5, 0, 30, {"v": (-60, -45), "g_e": (0, 9), "g_i": (0, 9)}, to="g_e",
                           surrogate_scale=8.0, t_ref=0.0),
    "late": problem(CASES["late"].model(surrogate_scale=0.7), 1.0, 0, 1, {}),
    "maps": problem(Neuron("Maps", CASES["maps"].model.text.replace("n[k+1] = n : int\n", ""), threshold="v > 1",
                           reset="v -= 1"), 1.0, -0.2, 0.4, {}),
    "clock": problem(CASES["clock"].model, 0.5, 0, 2, {}),
    "functions": problem(Neuron("F", CASES["functions"].model.text.replace("detach(x)", "x"), threshold="x > 1",
                                reset="x -= 1"), 1.0, -0.3, 0.5, {}),
    "held": problem(Neuron("H", HELD.text, threshold="u > 1", reset="u = 0.5; w += 0.1", refractory="0 ms"),
                    1.0, 0, 4, {}),
    "noise": problem(DIFFUSION, 1.0, 0, 1.5, {}),
    "noise euler": problem(GEOMETRIC, 1.0, 0, 1.5, {}),
}  # fmt: skip


def interpreted(given, arrays, smooth):
    """The loss of the interpreter."""
    step, weights = given.step, given.weights()
    parameters = {n.removeprefix("parameter "): v for n, v in arrays.items() if n.startswith("parameter ")}
    interpreter = Interpreter(step, parameters, dt=given.dt, smooth=smooth.numpy)
    state = interpreter.initial((N,)) | {n: arrays[f"start {n}"] for n in given.model.states}
    total = 0.0
    for k in range(STEPS):
        now = {n: arrays[f"input {n}"][k] for n in given.inputs}
        spikes, state = interpreter(now, state, ELEMENT, k)
        for name, weight in weights.items():
            value = spikes if name == "spikes" else state[name]
            total += (weight[k] * value).sum() * given.scale(name)
    return float(total)


def differentiated(given, arrays, smooth):
    """The loss of the torch back end, and its gradients."""
    step, weights = given.step, given.weights()
    leaves = {n: torch.tensor(v, requires_grad=True) for n, v in arrays.items()}
    parameters = {n.removeprefix("parameter "): v for n, v in leaves.items() if n.startswith("parameter ")}
    options = {"dt": given.dt, "dtype": torch.float64}
    stepper = torch_eager.Stepper(
        step, parameters, surrogate=smooth.surrogate, smooth=smooth.torch, element=torch.arange(N)[None], **options
    )
    state = torch_eager.initial_state(step, parameters, (1, N), **options)
    state |= {n: leaves[f"start {n}"][None] for n in given.model.states}
    inputs = {n: leaves[f"input {n}"][:, None] for n in given.inputs}
    out, _ = torch_eager.scan(stepper, inputs, state, steps=STEPS, record=tuple(weights))
    total = sum((torch.as_tensor(w)[:, None] * out[n]).sum() * given.scale(n) for n, w in weights.items())
    found = torch.autograd.grad(total, list(leaves.values()), allow_unused=True)
    zeros = [torch.zeros_like(leaf) for leaf in leaves.values()]
    gradients = [zero if g is None else g for g, zero in zip(found, zeros, strict=True)]
    return float(total.detach()), {n: g.numpy() for n, g in zip(leaves, gradients, strict=True)}


def finite_difference(loss, arrays, name, direction):
    """Derivative of the loss when ``arrays[name]`` moves along a direction; the error is of fourth order."""
    h = 2e-5 * max(1.0, float(np.abs(arrays[name]).max()))
    at = [loss({**arrays, name: arrays[name] + k * h * direction}) for k in (-2, -1, 1, 2)]
    return (8 * (at[2] - at[1]) - (at[3] - at[0])) / (12 * h)


def check(given, smooth, tolerance):
    arrays = given.arrays()
    value, gradients = differentiated(given, arrays, smooth)
    assert value == pytest.approx(interpreted(given, arrays, smooth), rel=1e-10)

    def loss(moved):
        return interpreted(given, moved, smooth)

    largest = max(float(np.abs(gradient).max()) for gradient in gradients.values())
    for name, gradient in gradients.items():
        direction = np.random.default_rng(3).uniform(0.5, 1.5, arrays[name].shape)
        expected = finite_difference(loss, arrays, name, direction)
        found = float((gradient * direction).sum())
        assert found == pytest.approx(expected, rel=tolerance, abs=1e-9 * largest + 1e-9), name
    return gradients


@pytest.mark.parametrize("surrogate", SMOOTH)
@pytest.mark.parametrize("name", PROBLEMS)
def test_gradients_are_those_of_the_smoothed_model(name, surrogate):
    """For inputs, the initial state and every parameter, surrogate_scale included."""
    gradients = check(PROBLEMS[name], SMOOTH[surrogate], 1e-6)
    used = {n for n, gradient in gradients.items() if np.abs(gradient).max() > 0}
    silent = {"parameter t_ref", "parameter v_0"}  # a count of steps; a start that is given
    assert set(gradients) - used <= silent | ({"start y"} if name == "functions" else set())  # y reads no y


# --- loops written by hand --------------------------------------------------------------------------------------------

BETA, LEVEL = 0.9, 1.0
STEPPED = {
    "soft": Neuron("Soft", "v[k+1] = beta*v + I : 1; I : 1 (input); beta = 0.9; v_th = 1", threshold="v > v_th",
                   reset="v -= v_th"),
    "hard": Neuron("Hard", "v[k+1] = beta*v + I : 1; I : 1 (input); beta = 0.9; v_th = 1; v_low = 0.1",
                   threshold="v > v_th", reset="v = v_low"),
}  # fmt: skip


class Arctan(torch.autograd.Function):
    """A step whose derivative is 1/(1 + (pi x)^2)."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return (x > 0).to(x.dtype)

    @staticmethod
    def backward(ctx, gradient):
        return gradient / (1 + (torch.pi * ctx.saved_tensors[0]) ** 2)


def by_hand(reset, attached, drive, start, p):
    """The textbook loop; a reset without gradient is one of a detached spike."""
    v, spikes, traces = start, [], []
    for row in drive.unbind(0):
        v = p["beta"] * v + row
        spike = Arctan.apply((v - p["v_th"]) / p["surrogate_scale"])
        seen = spike if attached else spike.detach()
        after = v - p["v_th"] if reset == "soft" else p["v_low"]
        v = v + seen * (after - v).detach() + spike.detach() * (after - v - (after - v).detach()) if attached else (
            torch.where(spike > 0, after, v))  # fmt: skip
        spikes.append(spike)
        traces.append(v)
    return torch.stack(spikes), torch.stack(traces)


@pytest.mark.parametrize("attached", [False, True])
@pytest.mark.parametrize("reset", STEPPED)
def test_gradients_are_those_of_a_loop_written_by_hand(reset, attached):
    model = STEPPED[reset](reset_gradient=attached)
    generator = torch.Generator().manual_seed(0)
    random = {"generator": generator, "dtype": torch.float64}
    values = {**model.parameters, "surrogate_scale": 0.8}
    leaves = {n: torch.tensor(v, dtype=torch.float64, requires_grad=True) for n, v in values.items()}
    drive, start = torch.rand(40, 2, 5, **random).requires_grad_(), torch.rand(2, 5, **random).requires_grad_()
    weights = torch.rand(2, 40, 2, 5, **random)
    expected = by_hand(reset, attached, drive, start, leaves)
    stepper = torch_eager.Stepper(lower(model), leaves, dt=1.0, surrogate=surrogates.arctan, dtype=torch.float64)
    out, _ = torch_eager.scan(stepper, {"I": drive}, {"v": start}, steps=40, record=("spikes", "v"))
    torch.testing.assert_close((out["spikes"], out["v"]), expected, rtol=1e-13, atol=1e-13)
    assert 20 < out["spikes"].sum() < 380
    wanted = [*leaves.values(), drive, start]
    results = [
        torch.autograd.grad((weights[0] * s).sum() + (weights[1] * v).sum(), wanted)
        for s, v in ((out["spikes"], out["v"]), expected)
    ]
    torch.testing.assert_close(*results, rtol=1e-10, atol=1e-10)


def test_a_detached_reset_differs_from_an_attached_one():
    drive = torch.full((10, 1, 1), 0.6, dtype=torch.float64)
    found = []
    for attached in (False, True):
        model, moved = STEPPED["hard"](reset_gradient=attached), drive.clone().requires_grad_()
        stepper = torch_eager.Stepper(
            lower(model), model.parameters, dt=1.0, surrogate=surrogates.arctan, dtype=torch.float64
        )
        state = {"v": torch.zeros(1, 1, dtype=torch.float64)}
        out, _ = torch_eager.scan(stepper, {"I": moved}, state, steps=10, record=("v",))
        found.append(torch.autograd.grad(out["v"].sum(), moved)[0].flatten())
    fired = 1  # 0.6, 1.14: the spike of step 1 cuts the detached gradient of all that came before
    assert found[0][0] == 1.0  # recorded once, before the spike
    assert found[0][fired] == 0.0
    assert found[1][fired] != 0.0


# --- the matrices of the exact integrator -----------------------------------------------------------------------------


def final(taus, jump=2.0, steps=8):
    """The membrane after a jump of the synapse, in closed form: x0 (t/tau)^2/2 exp(-t/tau) at equal time constants."""
    parameters = {**CUBA.parameters, "v_th": torch.tensor(float("inf")), **taus}
    options = {"dt": 0.5, "dtype": torch.float64}
    stepper = torch_eager.Stepper(lower(CUBA, ("x",)), parameters, surrogate=surrogates.arctan, **options)
    state = torch_eager.initial_state(lower(CUBA, ("x",)), parameters, (1, 1), **options)
    given = torch.zeros(steps + 1, 1, 1, dtype=torch.float64)
    given[0] = jump
    return torch_eager.scan(stepper, {"x": given}, state, steps=steps + 1, record=("v",))[0]["v"][-1, 0, 0]


def test_the_gradient_by_equal_time_constants_is_that_of_the_closed_form():
    tau, t = torch.tensor(9.0, dtype=torch.float64, requires_grad=True), 4.0
    value = final({"tau_m": tau, "tau_s": tau})
    (gradient,) = torch.autograd.grad(value, tau)
    s = t / 9.0
    assert value.item() == pytest.approx(2 * s**2 / 2 * np.exp(-s), rel=1e-13)
    assert gradient.item() == pytest.approx(2 * np.exp(-s) * (s**2 / 2 - s) * s / 9.0, rel=1e-11)


@pytest.mark.parametrize(("tau_m", "tau_s"), [(9.0, 9.0), (9.0, 9.0 + 1e-10), (9.0, 4.0)])
def test_the_gradient_by_each_time_constant_is_smooth_where_they_meet(tau_m, tau_s):
    taus = {
        n: torch.tensor(v, dtype=torch.float64, requires_grad=True) for n, v in (("tau_m", tau_m), ("tau_s", tau_s))
    }
    found = torch.autograd.grad(final(taus), list(taus.values()))
    for (name, value), gradient in zip(taus.items(), found, strict=True):
        h = 1e-3
        at = [float(final({**taus, name: value.detach() + k * h}).detach()) for k in (-2, -1, 1, 2)]
        assert gradient.item() == pytest.approx((8 * (at[2] - at[1]) - (at[3] - at[0])) / (12 * h), rel=1e-8)


def test_the_gradient_of_a_noise_that_is_off_is_finite():
    """The factor of the noise is a square root, whose slope at 0 is infinite."""
    for name in ("diffusion", "noisy one"):
        text = "dv/dt = -v/tau + s*xi/sqrt(tau) : 1; tau = 5 ms; s = 0.4" if name == "noisy one" else DIFFUSION.text
        model = Neuron("Noisy", text)
        s = torch.tensor(0.0, dtype=torch.float64, requires_grad=True)
        options = {"dt": 1.0, "dtype": torch.float64}
        values = {**model.parameters, "s": s}
        element = torch.arange(4)[None]
        stepper = torch_eager.Stepper(lower(model), values, surrogate=surrogates.arctan, element=element, **options)
        state = torch_eager.initial_state(lower(model), values, (1, 4), **options)
        out, _ = torch_eager.scan(stepper, {}, state, steps=5, record=("v",))
        (gradient,) = torch.autograd.grad(out["v"].sum(), s)
        assert torch.isfinite(gradient), name
