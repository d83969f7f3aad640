"""The kernels for GPUs: compiled without a device, and run on one where there is one."""

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from tests.backends import triton_jobs
from tests.backends.triton_jobs import TOLERANCE, Job, assert_alike
from tests.zoo.test_every_entry import FAMILIES

from spikelet import neurons, surrogates
from spikelet.backends import llvm_cpu
from spikelet.ir.lower import lower

pytest.importorskip("triton", reason="triton: not for this system")


@pytest.fixture
def compiled(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[list[Any]]:
    """Compile each kernel for a GPU that is not there, to the last stage, instead of launching it."""
    import triton
    from triton.backends.compiler import GPUTarget

    from spikelet.backends import triton_jit

    made: list[Any] = []
    driver = SimpleNamespace(
        get_current_device=lambda: 0, get_current_stream=lambda device: 0,
        get_current_target=lambda: GPUTarget("cuda", 90, 32),
    )  # fmt: skip
    monkeypatch.setattr(triton.runtime.driver, "_active", driver)
    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path))

    def launch(function: Any, words: Any, lanes: int, device: Any) -> None:
        options = {"BLOCK": triton_jit.BLOCK, "num_warps": 2, "enable_fp_fusion": False}
        made.append(function.warmup(grid=(1,), **words, **options))

    monkeypatch.setattr(triton_jit, "launch", launch)
    triton_jit.module.cache_clear()
    yield made
    triton_jit.module.cache_clear()  # no real device must meet what was compiled for another


COMPILED = [Job("LIF", dtype="float32"), Job("functions", dtype="float32", limits=True), Job("integers", save="low")]


@pytest.mark.parametrize("job", COMPILED, ids=lambda job: f"{job.name}-{job.save}-{job.dtype}")
def test_kernels_compile_without_a_device(compiled, job):
    triton_jobs.run(job, triton_jobs.prepare(job), "triton")
    assert len(compiled) == 2
    for kernel in compiled:
        assert b"sm_90" in kernel.asm["ptx"].encode() and len(kernel.asm["cubin"]) > 1000


@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES)
def test_every_entry_compiles_without_a_device(compiled, family):
    job = Job(family, dtype="float32", learn=99)
    triton_jobs.run(job, triton_jobs.prepare(job), "triton")
    assert len(compiled) == 2


def test_other_sizes_seeds_and_parameters_compile_nothing(compiled):
    from spikelet.backends import triton_gpu

    step = lower(neurons.PoissonNeuron)
    program = llvm_cpu.Program(step, surrogates.arctan, ("spikes",))
    for steps, lanes, seed in ((1, 1, 1), (5, 16, 2), (16, 17, 2**40)):
        given = {name: torch.tensor(float(seed)) for name in step.coefficients}
        triton_gpu.forward(
            program, {"rate": torch.ones(steps, lanes)}, {}, given, steps=steps, dt=0.1 * seed, start=steps, seed=seed,
            element=torch.arange(lanes + 1)[1:],
        )  # fmt: skip
    assert len(compiled) == 3 and len({kernel.hash for kernel in compiled}) == 1


@pytest.mark.skipif(not torch.cuda.is_available(), reason="gpu: no CUDA device on this machine")
@pytest.mark.parametrize(("dtype", "save"), [("float64", "fast"), ("float64", "low"), ("float32", "fast")])
@pytest.mark.parametrize("family", FAMILIES)
def test_every_entry_on_a_device_is_that_of_the_cpu(family, dtype, save):
    size = {"steps": 40, "lanes": 300} if dtype == "float64" else {}
    job = Job(family, dtype=dtype, save=save, learn=99, block=64, device="cuda", **size)
    given = triton_jobs.prepare(job)
    assert_alike(triton_jobs.run(job, given, "triton"), triton_jobs.run(job, given, "llvm"), TOLERANCE[dtype])
