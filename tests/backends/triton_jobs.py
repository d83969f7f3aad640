"""Runs of a model on a fused back end, arrays in and arrays out, for the tests of the kernels for GPUs.

Triton decides when it is imported whether it compiles kernels or interprets them. So that both can be tested, runs to be
interpreted are sent to a process of their own, which calls ``interpret`` first; nothing here imports Triton before that.
"""

import os
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from tests.ir.hand_written import CASES
from tests.zoo.test_every_entry import FAMILIES, stimulus

from spikelet import Neuron, surrogates
from spikelet.backends.llvm_cpu import Program
from spikelet.backends.numpy_reference import Interpreter
from spikelet.ir.lower import STEP, lower

Arrays = dict[str, np.ndarray]
FIRST = 40  # where the stretch of the stimulus begins
_TYPES = {"int": np.dtype(np.int64), "bool": np.dtype(bool)}


@dataclass(frozen=True)
class Job:
    """What to run, and how.

    Attributes:
        name: A family of the zoo, or a hand-written case; or ``model`` is given, with inputs around 1.
        lanes: How many; every third coefficient is a table of ``lanes // 2`` entries.
        limits: Whether sequences end at steps of their own.
        held: Whether inputs are the same in all steps.
        zero: Parameters to set to 0.
        block: Lanes of an instance of a Triton kernel.
        length: Steps between checkpoints, in place of the usual number.
        device: Of torch.
    """

    name: str
    dtype: str = "float64"
    save: str = "fast"
    steps: int = 5
    lanes: int = 20
    limits: bool = False
    held: bool = False
    zero: tuple[str, ...] = ()
    model: Neuron | None = None
    block: int = 16
    length: int | None = None
    device: str = "cpu"


def _given(job: Job) -> tuple[Neuron, Arrays, float]:
    if job.model is not None:
        rng = np.random.default_rng(5)
        return job.model, {job.model.inputs[0]: rng.uniform(0, 2, (job.steps, job.lanes))}, 1.0
    if job.name in FAMILIES:
        inputs, dt = stimulus(job.name)
        inputs = {name: rows[FIRST : FIRST + job.steps] for name, rows in inputs.items()}
        return FAMILIES[job.name][0], {name: np.resize(rows.T, (job.lanes, job.steps)).T for name, rows in inputs.items()}, dt
    case = CASES[job.name]
    return case.model, case.inputs(job.steps, job.lanes), case.dt


def run(job: Job, backend: str) -> Arrays:
    """Return all that comes out of a run forward and backward; for random gradients of everything that comes out."""
    model, inputs, dt = _given(job)
    real = np.dtype(job.dtype)
    step = lower(model, [name for name in inputs if name not in model.inputs])
    values = {n: np.mean(np.asarray(v, float)) * (n not in job.zero) for n, v in model.parameters.items() if v is not None}
    with np.errstate(all="ignore"):
        start = Interpreter(step, values, dt=dt, dtype=real)
    rng = np.random.default_rng(3)
    coefficients = dict(start.coefficients)
    learn = tuple(name for name, value in coefficients.items() if value.dtype == real)
    for name in learn[::3]:
        coefficients[name] = (coefficients[name] * rng.uniform(0.98, 1.02, job.lanes // 2)).astype(real)
    types = {n.value: n.type for n in step.program() if n.kind == "input"}
    inputs = {n: (v[:1] if job.held else v).astype(_TYPES.get(types[n], real)) for n, v in inputs.items()}
    state = {name: value for name, value in start.initial((job.lanes,)).items() if name != STEP}
    outputs = (*(() if step.spike is None else ("spikes",)), *state)
    program = Program(step, surrogates.arctan, outputs, job.dtype, learn)
    options = {"steps": job.steps, "dt": dt, "start": 3, "seed": 2**63 + 7, "save": job.save}
    options["element"] = np.arange(job.lanes) * 10**9
    options["limits"] = rng.integers(1, job.steps + 1, job.lanes) if job.limits else None
    shapes = {name: (job.steps, job.lanes) for name in outputs if step.types.get(name, "real") == "real"}
    gradients = {name: rng.normal(size=shape).astype(real) for name, shape in shapes.items()}
    ends = {name: rng.normal(size=job.lanes).astype(real) for name, type_ in step.types.items() if type_ == "real"}
    wanted = {"wanted_inputs": [n for n, v in inputs.items() if v.dtype == real], "wanted_coefficients": learn}
    there, back = _BACKENDS[backend](job)
    given = (program, inputs, state, coefficients)
    first = there(*given, **options)
    last = back(*given, first.saved, **options, outputs=gradients, final=ends, **wanted)
    found = {f"output {name}": value for name, value in first.outputs.items()}
    found |= {f"state {name}": value for name, value in first.state.items()}
    for kind, part in (("input", last.inputs), ("state", last.state), ("coefficient", last.coefficients)):
        found |= {f"gradient of {kind} {name}": value for name, value in part.items()}
    return {name: np.asarray(value) for name, value in found.items()}


def _llvm(job: Job) -> Any:
    from spikelet.backends import llvm_cpu

    return llvm_cpu.forward, llvm_cpu.backward


def _triton(job: Job) -> Any:
    """Return the functions of ``triton_gpu``, for arrays."""
    import torch

    from spikelet.backends import llvm_cpu, triton_gpu, triton_jit, triton_kernels

    triton_jit.BLOCK = job.block
    if job.length is not None:
        for module in (llvm_cpu, triton_jit, triton_kernels):
            module.interval = lambda step: job.length

    def tensors(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: tensors(part) for name, part in value.items()}
        return torch.as_tensor(value, device=job.device) if isinstance(value, np.ndarray) else value

    def arrays(result: Any) -> Any:
        parts = {n: {k: v.cpu().numpy() for k, v in d.items()} for n, d in vars(result).items() if n != "saved"}
        return replace(result, **parts)

    def call(function: Any) -> Any:
        return lambda *args, **options: arrays(function(*map(tensors, args), **{n: tensors(v) for n, v in options.items()}))

    return call(triton_gpu.forward), call(triton_gpu.backward)


_BACKENDS = {"llvm": _llvm, "triton": _triton}


# -- in the process that interprets ------------------------------------------------------------------------------------


def interpret() -> None:
    """Let Triton interpret its kernels in this process."""
    os.environ["TRITON_INTERPRET"] = "1"
    np.seterr(all="ignore")  # infinity and NaN come out as they do on a device


FUNCTIONS = ("exp", "expm1", "exprel", "sqrt", "tanh", "cosh", "sigmoid", "sign", "nearest")
_FUNCTION = """
@sk.kernel
def {0}(size, x, y, BLOCK: tl.constexpr):
    lane = tl.arange(0, BLOCK)
    tl.store(y + lane, sk.{0}(tl.load(x + lane, mask=lane < size, other=0)), mask=lane < size)
"""


def functions(x: np.ndarray) -> Arrays:
    """Return the functions of ``triton_math`` of some numbers."""
    import torch

    from spikelet.backends import triton_jit

    text = "import triton.language as tl\n\nfrom spikelet.backends import triton_math as sk\n"
    module = triton_jit.module(text + "".join(_FUNCTION.format(name) for name in FUNCTIONS))
    found = {}
    for name in FUNCTIONS:
        y = torch.empty(len(x), dtype=getattr(torch, x.dtype.name))
        getattr(module, name)[(1,)](size=len(x), x=torch.as_tensor(x), y=y, BLOCK=4096)
        found[name] = y.numpy()
    return found
