"""The recurrent scan against the same recurrence stepped in torch: spikes, and every gradient."""

import numpy as np
import pytest
import torch
from torch.nn import functional

from spikelet import neurons, pool, surrogates
from spikelet.backends import llvm_cpu, torch_eager
from spikelet.errors import BackendError
from spikelet.ir.lower import STEP, lower

MODELS = {
    "LIF": (neurons.LIF(tau_mem=5.0, t_ref=2.0), {}),
    "ALIF": (neurons.ALIF, {}),
    "CuBaLIF": (neurons.CuBaLIF, {}),
    "Izhikevich": (neurons.Izhikevich, {"method": "euler"}),
    "AdEx": (neurons.AdEx, {"method": "euler"}),
}
STRENGTH = {"Izhikevich": 20.0, "AdEx": 3000.0, "CuBaLIF": 4.0}
STEPS, DT = 70, 0.5


class Problem:
    """Random input, weights and gradients, in torch and as arrays."""

    def __init__(self, name: str, dtype: str, batch: int, size: int, delay: int, scale: float = 1.0):
        self.model, options = MODELS[name]
        self.step = lower(self.model, **options)
        self.real, self.shape, self.delay = getattr(torch, dtype), (batch, size), delay
        rng = np.random.default_rng(3)
        strength = STRENGTH.get(name, 6.0)

        def leaf(value: np.ndarray) -> torch.Tensor:
            return torch.as_tensor(value).to(self.real).requires_grad_()

        self.x = leaf(strength * rng.uniform(0, 1, (STEPS, batch, size)))
        self.weight = leaf(scale * strength * rng.normal(size=(size, size)) / size**0.5)
        self.bias = leaf(0.1 * strength * rng.normal(size=size))
        self.before = leaf(rng.integers(0, 2, (delay, batch, size)).astype(float))
        state = torch_eager.initial_state(self.step, self.model.parameters, self.shape, dt=DT, dtype=self.real)
        self.state = {n: v.requires_grad_() if v.dtype == self.real else v for n, v in state.items() if n != STEP}
        self.gradient = torch.as_tensor(rng.normal(size=(STEPS, batch, size))).to(self.real)
        stepper = torch_eager.Stepper(
            self.step, self.model.parameters, dt=DT, surrogate=surrogates.arctan, dtype=self.real
        )
        self.coefficients = {
            n: c.detach().requires_grad_(c.dtype == self.real) for n, c in stepper.coefficients.items()
        }
        stepper.coefficients = self.coefficients
        self.stepper = stepper

    @property
    def target(self) -> str:
        return self.model.inputs[0]

    def stepped(self) -> dict[str, torch.Tensor]:
        """Run step after step; returns spikes and gradients."""
        way, state, rows = list(self.before.unbind(0)), dict(self.state), self.x.unbind(0)
        spikes = []
        for row in rows:
            arrived = functional.linear(way[0], self.weight, self.bias)
            now, state = self.stepper({self.target: row + arrived}, state)
            spikes.append(now)
            way = [*way[1:], now]
        out = torch.stack(spikes)
        (out * self.gradient).sum().backward()
        found = {"spikes": out, "x": self.x.grad, "weight": self.weight.grad, "bias": self.bias.grad}
        found |= {"before": self.before.grad} | {f"state {n}": v.grad for n, v in self.state.items() if v.is_leaf}
        found |= {f"coefficient {n}": c.grad for n, c in self.coefficients.items()}
        return {n: v.detach() for n, v in found.items() if v is not None}

    def fused(self, save: str) -> dict[str, np.ndarray]:
        """The same in one kernel."""
        batch, size = self.shape

        def flat(value: torch.Tensor, *lead: int) -> np.ndarray:
            return value.detach().reshape(*lead, batch * size).numpy()

        learn = tuple(n for n, c in self.coefficients.items() if c.requires_grad)
        dtype = str(self.real).split(".")[1]
        program = llvm_cpu.Program(self.step, surrogates.arctan, ("spikes",), dtype, learn, self.target)
        recurrence = llvm_cpu.Recurrence(
            self.weight.detach().numpy(), self.bias.detach().numpy(), self.delay, flat(self.before, self.delay)
        )
        x = {self.target: flat(self.x, STEPS)}
        state = {n: flat(v) for n, v in self.state.items()}
        coefficients = {n: c.detach().numpy() for n, c in self.coefficients.items()}
        options = {"steps": STEPS, "dt": DT, "save": save}
        there = llvm_cpu.forward(program, x, state, coefficients, **options, recurrence=recurrence)
        spikes = there.outputs["spikes"]
        again = llvm_cpu.Recurrence(recurrence.weight, recurrence.bias, self.delay, recurrence.before, spikes)
        back = llvm_cpu.backward(
            program, x, state, coefficients, there.saved, **options, recurrence=again,
            outputs={"spikes": flat(self.gradient, STEPS)}, final={}, wanted_inputs=[self.target],
            wanted_coefficients=learn,
        )  # fmt: skip
        rows = back.inputs[self.target].reshape(STEPS, batch, size)
        sent = np.concatenate([recurrence.before, spikes])[:STEPS].reshape(STEPS, batch, size)
        found = {"spikes": spikes, "x": rows, "weight": np.einsum("tbk,tbj->kj", rows, sent)}
        found |= {"bias": rows.sum((0, 1)), "before": rows[: self.delay] @ recurrence.weight}
        found |= {f"state {n}": v for n, v in back.state.items()}
        return found | {f"coefficient {n}": v for n, v in back.coefficients.items()}


@pytest.mark.parametrize("save", ["fast", "low"])
@pytest.mark.parametrize(("batch", "size", "delay"), [(3, 7, 1), (70, 40, 2), (2, 3, 5), (9, 33, 1)])
@pytest.mark.parametrize("name", MODELS)
def test_spikes_and_gradients_are_those_of_a_stepped_recurrence(name, batch, size, delay, save):
    problem = Problem(name, "float64", batch, size, delay)
    wanted, found = problem.stepped(), problem.fused(save)
    assert 0 < wanted["spikes"].mean() < 0.9
    for key, value in wanted.items():
        expected = value.numpy()
        given = np.asarray(found[key]).reshape(expected.shape)
        np.testing.assert_allclose(given, expected, rtol=1e-8, atol=1e-9 * np.abs(expected).max(), err_msg=key)


@pytest.mark.parametrize("name", MODELS)
def test_memory_modes_and_threads_change_no_bit(name, monkeypatch):
    problem = Problem(name, "float32", 70, 40, 1)
    results = []
    for save, threads in (("fast", "1"), ("low", "1"), ("fast", "2")):
        monkeypatch.setenv("SPIKELET_THREADS", threads)
        results.append(problem.fused(save))
    assert pool.threads() == 2
    for other in results[1:]:
        for key, value in results[0].items():
            np.testing.assert_array_equal(other[key], value, err_msg=key)


def test_listed_spikes_give_the_bits_of_the_whole_product(monkeypatch):
    """Whether a strip's spikes are listed or multiplied depends on their number, and must not show."""
    from spikelet.backends import llvm_feedback

    results = []
    for sparse in (1, 10**6):
        monkeypatch.setattr(llvm_feedback, "_SPARSE", sparse)
        results.append(Problem("LIF", "float32", 33, 50, 1).fused("fast"))
    assert results[0]["spikes"].any()
    for key, value in results[0].items():
        np.testing.assert_array_equal(results[1][key], value, err_msg=key)


def test_a_recurrence_and_a_target_belong_together():
    program = llvm_cpu.Program(lower(neurons.LIF), surrogates.arctan, ("spikes",), target="I")
    with pytest.raises(BackendError, match="target"):
        llvm_cpu.forward(program, {}, {"v": np.zeros(3, np.float32)}, {}, steps=1, dt=1.0)
