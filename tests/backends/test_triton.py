"""The kernels for GPUs: interpreted against ``llvm_cpu``, compiled without a device, and run on one if there is one."""

import importlib
import inspect
import re
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from typing import Any

import numpy as np
import pytest
import torch
from tests.backends import triton_jobs
from tests.backends.triton_jobs import TOLERANCE, Job, assert_alike
from tests.ir.hand_written import CASES
from tests.zoo.test_every_entry import FAMILIES

from spikelet import Neuron, neurons, surrogates
from spikelet.backends import llvm_cpu
from spikelet.errors import BackendError
from spikelet.ir.lower import lower

pytest.importorskip("triton", reason="triton: not for this system")


@pytest.fixture(scope="module")
def interpreted() -> Iterator[Callable[..., Any]]:
    """Run a function in a process in which Triton's kernels are interpreted."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn"), initializer=triton_jobs.interpret) as pool:
        yield lambda function, *args: pool.submit(function, *args).result()


def compared(interpreted: Callable[..., Any], job: Job) -> dict[str, np.ndarray]:
    """Run a job interpreted and on the CPU, and compare."""
    given = triton_jobs.prepare(job)
    found = interpreted(triton_jobs.run, job, given, "triton")
    assert_alike(found, triton_jobs.run(job, given, "llvm"), TOLERANCE[job.dtype])
    return found


@pytest.mark.parametrize("family", FAMILIES)
def test_every_entry_is_that_of_the_cpu(interpreted, family):
    found = compared(interpreted, Job(family))
    assert "output spikes" not in found or found["output spikes"].any()


@pytest.mark.parametrize("case", CASES)
def test_everything_that_the_language_can_say(interpreted, case):
    compared(interpreted, Job(case, limits=True))


LONGER = {
    "float32": Job("CuBaLIF", dtype="float32"),
    "float32 functions": Job("functions", dtype="float32"),
    "float32 draws": Job("dice", dtype="float32"),
    "float32 integers": Job("LoihiCuBa", dtype="float32"),
    "one row of input": Job("LIFPhysical", held=True),
    "never refractory": Job("LIF", model=neurons.LIF),
    "refractory": Job("LIF", model=neurons.LIF(t_ref=3.0), limits=True),
    "attached reset": Job("LIF", model=neurons.LIF(reset_gradient=True)),
}


@pytest.mark.parametrize("job", LONGER.values(), ids=LONGER)
def test_more_steps_and_more_blocks_than_one(interpreted, job):
    found = compared(interpreted, replace(job, steps=6, lanes=20))
    assert found["output spikes"].any()


@pytest.mark.parametrize("name", ["LIF", "CoBaLIF", "LSNN", "MasquelierThorpe", "dice", "integers"])
def test_the_memory_mode_changes_no_bit(interpreted, name):
    job = Job(name, dtype="float32", steps=9, limits=name == "LSNN")
    given = triton_jobs.prepare(job)
    fast = interpreted(triton_jobs.run, job, given, "triton")
    low = interpreted(triton_jobs.run, replace(job, save="low", length=4), given, "triton")
    for key, value in fast.items():
        np.testing.assert_array_equal(low[key], value, err_msg=key)


EXACT: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "exp": np.exp, "expm1": np.expm1, "sqrt": np.sqrt, "tanh": np.tanh, "cosh": np.cosh, "sign": np.sign,
    "nearest": np.round, "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "exprel": lambda x: np.where(x == 0, 1, np.expm1(x) / np.where(x == 0, 1, x)),
}  # fmt: skip


@pytest.mark.parametrize("dtype", TOLERANCE)
def test_functions_are_right_to_the_last_places(interpreted, dtype):
    rng = np.random.default_rng(1)
    spread = [rng.uniform(-b, b, 600) for b in (1.0, 20.0, 88.0)] + [
        10 ** rng.uniform(-30, 0, 300),
        np.arange(-9, 9) / 2,
    ]
    x = np.concatenate([*spread, [0.0, 88.9, -104.5, 1e9, -1e9, np.inf, -np.inf, np.nan]]).astype(dtype)
    found = interpreted(triton_jobs.functions, x)
    assert set(found) == set(EXACT) == set(triton_jobs.FUNCTIONS)
    with np.errstate(all="ignore"):
        for name, function in EXACT.items():
            exact = function(x.astype(np.longdouble))
            rounded = exact.astype(dtype)
            same = (found[name] == rounded) | (np.isnan(found[name]) & np.isnan(rounded))
            units = np.abs(found[name] - exact) / np.spacing(np.abs(rounded))
            large = np.isinf(rounded) | (np.abs(x) > 88) if name == "exprel" else np.isinf(rounded)
            assert (same | (units <= 3) | (large & (name == "exprel"))).all(), name


def test_names_of_the_generated_text_are_free_for_users(interpreted):
    names = {"v": "lane", "a": "tl", "I": "T", "tau_mem": "sk", "tau_a": "here", "R": "at", "beta": "zero", "v_th": "M",
             "v_rest": "x0_T"}  # fmt: skip
    plain = neurons.ALIF
    text = re.sub(r"#[^\n]*", "", plain.text)

    def renamed(text: str) -> str:
        return re.sub(r"\b(d?)([A-Za-z_]\w*)", lambda m: m[1] + names[m[2]] if m[2] in names else m[0], text)

    other = Neuron("Other", renamed(text), threshold=renamed(plain.threshold), reset=renamed(plain.reset))
    jobs = [
        Job("ALIF", model=model)
        for model in (plain(), other(**{names[n]: v for n, v in plain.parameters.items() if n in names}))
    ]
    one, two = (list(interpreted(triton_jobs.run, job, triton_jobs.prepare(job), "triton").values()) for job in jobs)
    assert len(one) == len(two) and any(value.any() for value in one)
    for first, second in zip(one, two, strict=True):
        np.testing.assert_array_equal(first, second)


# -- what goes wrong ---------------------------------------------------------------------------------------------------


def test_tensors_on_the_cpu_are_refused():
    from spikelet.backends import triton_gpu

    step = lower(neurons.LeakyNoReset)
    program = llvm_cpu.Program(step, surrogates.arctan, ("spikes",))
    given = {name: torch.tensor(0.5) for name in step.coefficients}
    with pytest.raises(BackendError, match="triton_gpu needs tensors on a GPU, not on the CPU"):
        triton_gpu.forward(program, {"I": torch.ones(2, 3)}, {"v": torch.zeros(3)}, given, steps=2, dt=1.0)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"save": "much"}, "save='much' is none of"),
        ({"element": None}, "EscapeLIF draws random numbers: 'element'"),
    ],
)
def test_wrong_options_are_named(wrong, message):
    from spikelet.backends import triton_gpu

    program = llvm_cpu.Program(lower(neurons.EscapeLIF), surrogates.arctan, ("spikes",))
    with pytest.raises(BackendError, match=message):
        triton_gpu.forward(program, {}, {}, {}, **{"steps": 1, "dt": 1.0, "element": torch.zeros(1), **wrong})


def test_no_steps_are_no_work():
    from spikelet.backends import triton_gpu

    step = lower(neurons.LIF)
    program = llvm_cpu.Program(step, surrogates.arctan, ("spikes",), learn=("k0",))
    given = ({"I": torch.ones(0, 3)}, {"v": torch.ones(3), "refractory": torch.zeros(3, dtype=torch.int64)},
             {name: torch.tensor(0.5) for name in step.coefficients})  # fmt: skip
    there = triton_gpu.forward(program, *given, steps=0, dt=1.0, save="fast")
    assert there.outputs["spikes"].shape == (0, 3) and torch.equal(there.state["v"], torch.ones(3))
    assert there.state["v"].data_ptr() != given[1]["v"].data_ptr()
    back = triton_gpu.backward(
        program, *given, there.saved, steps=0, dt=1.0, save="fast", outputs={}, final={"v": torch.full((3,), 2.0)},
        wanted_inputs=("I",), wanted_coefficients=("k0",),
    )  # fmt: skip
    assert back.inputs["I"].shape == (0, 3) and back.state["v"].tolist() == [2, 2, 2] and back.coefficients["k0"] == 0


def test_saved_tensors_are_those_of_the_cpu():
    from spikelet.backends import triton_gpu

    program = llvm_cpu.Program(lower(neurons.LIF), surrogates.arctan, ("spikes",))
    for save in llvm_cpu.SAVES:
        ours, other = (module.saved_like(program, 70, 5, save) for module in (triton_gpu, llvm_cpu))
        assert {name: (shape, str(dtype)) for name, (shape, dtype) in ours.items()} == {
            name: (shape, f"torch.{dtype.name}") for name, (shape, dtype) in other.items()
        }


def test_triton_that_is_missing_is_told(monkeypatch):
    monkeypatch.setitem(sys.modules, "triton", None)
    monkeypatch.delitem(sys.modules, "spikelet.backends.triton_jit", raising=False)
    with pytest.raises(BackendError, match=r"pip install 'spikelet\[gpu\]'"):
        importlib.import_module("spikelet.backends.triton_jit")


@pytest.mark.parametrize("writable", [True, False])
def test_source_is_kept_in_a_file_where_there_can_be_one(monkeypatch, tmp_path, writable):
    from spikelet.backends import triton_jit

    tmp_path.chmod(0o700)
    (tmp_path / "blocked").touch()
    monkeypatch.setenv("SPIKELET_CACHE", str(tmp_path if writable else tmp_path / "blocked"))
    text = f"def function():\n    return {writable}\n"
    module = triton_jit.module(text)
    assert module.function() is writable
    assert "return" in inspect.getsource(module.function)
    files = list(tmp_path.glob("triton/*.py"))
    assert [file.read_text() for file in files] == ([text] if writable else [])


def test_no_entry_is_left_out():
    from spikelet.backends import triton_gpu

    assert triton_gpu.UNSUPPORTED == {}
