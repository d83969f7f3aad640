"""The operators of torch on the back end for GPUs: interpreted here, and on a device where there is one."""

import importlib.util
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import pytest
import torch
from tests.backends import triton_jobs

from spikelet import neurons, surrogates
from spikelet.backends.program import write
from spikelet.backends.torch_ops.kernels import CPU, Arguments, Engine, backward_on, gpu, scan_on
from spikelet.ir.lower import STEP, lower
from spikelet.nn import Neurons

if importlib.util.find_spec("triton") is None:  # not imported: a process decides by that whether it interprets
    pytest.skip("triton: not for this system", allow_module_level=True)

MODELS = {"LIF": neurons.LIF(t_ref=2.0), "ALIF": neurons.ALIF, "EscapeLIF": neurons.EscapeLIF}


def arguments(name: str) -> tuple[Arguments, list[torch.Tensor]]:
    """A call of a layer (T, B, N) = (6, 2, 5) as the operators take it, and gradients of its results."""
    model = MODELS[name]
    step = lower(model)
    generator = torch.Generator().manual_seed(1)
    layer = Neurons(model, learn="v_th")
    prepared = layer._fused.evaluate(layer._values(), (2, 5), torch.float32, torch.device("cpu"))
    states = [n for n in step.types if n != STEP]
    text = write(
        model, surrogates.arctan, to=(), inputs=("I",), outputs=("spikes", "v"), learn=("v_th",), dtype="float32"
    )
    given = Arguments(
        text, [30 * torch.rand(6, 2, 5, generator=generator)], [prepared.initial[n] for n in states],
        [c.detach() for c in prepared.coefficients], prepared.initial.get(STEP), torch.arange(10).reshape(2, 5),
        torch.tensor([6, 4]), 6, 1.0, 3, "fast",
    )  # fmt: skip
    return given, [torch.rand(6, 2, 5, generator=generator) for _ in range(2)]


def outcome(name: str, engine: Engine) -> list[torch.Tensor]:
    """Outputs, final states and gradients."""
    given, gradients = arguments(name)
    count = 2 + len(given.state)
    results = scan_on(engine, given)
    learnt = [value == "v_th" for value in given.plan.coefficients]
    wanted = [True, *(v.is_floating_point() for v in given.state), *learnt]
    full = [*gradients, *[None] * len(given.state)]
    return results[:count] + backward_on(engine, given, results[count:], full, wanted)


def interpreted(name: str) -> list[torch.Tensor]:
    """The same, interpreted; in a process of its own, since Triton decides at its import."""
    return outcome(name, gpu())


def test_the_operators_run_on_the_back_end_for_gpus():
    with ProcessPoolExecutor(1, mp_context=get_context("spawn"), initializer=triton_jobs.interpret) as pool:
        for name in MODELS:
            found, wanted = pool.submit(interpreted, name).result(), outcome(name, CPU)
            assert wanted[0].any() and len(found) == len(wanted)
            for one, two in zip(found, wanted, strict=True):
                torch.testing.assert_close(one, two, rtol=1e-4, atol=1e-5)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="CUDA: no device")
@pytest.mark.parametrize("name", MODELS)
def test_a_layer_on_a_gpu_is_the_layer_on_the_cpu(name):
    x = 30 * torch.rand(20, 3, 5, generator=torch.Generator().manual_seed(1))
    results = []
    for device in ("cpu", "cuda"):
        layer = Neurons(MODELS[name], learn="v_th", output=("spikes", "v")).to(device)
        assert layer.explain().startswith("triton_gpu" if device == "cuda" else "llvm_cpu")
        given = x.to(device).requires_grad_()
        y, state = layer(given)
        (y["spikes"].sum() + y["v"].sum()).backward()
        results.append([y["spikes"], y["v"], state["v"], given.grad, layer.v_th.grad])
    for one, two in zip(*results, strict=True):
        torch.testing.assert_close(two.cpu(), one, rtol=1e-4, atol=1e-4)
