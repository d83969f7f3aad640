"""Runs of a model on a fused back end, arrays in and arrays out, for the tests of the kernels for GPUs.

Triton decides when it is imported whether it compiles kernels or interprets them. So that both can be tested, runs that
are interpreted have a process of their own, which calls ``interpret`` first; nothing here imports Triton before that.
"""

import os
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from tests.ir.hand_written import CASES
from tests.zoo.test_every_entry import FAMILIES, STEPS, stimulus

from spikelet import Neuron, surrogates
from spikelet.backends.fused import Program, interval
from spikelet.backends.numpy_reference import Interpreter
from spikelet.ir.lower import STEP, lower

Arrays = dict[str, np.ndarray]
START, SEED = 3, 2**63 + 7
TOLERANCE = {"float64": 1e-10, "float32": 2e-4}
_TYPES = {"int": np.dtype(np.int64), "bool": np.dtype(bool)}


@dataclass(frozen=True)
class Job:
    """What to run, and how.

    Attributes:
        name: A family of the zoo, or a hand-written case; or ``model`` is given, with inputs around 1.
        model: The model, without parameters that differ from lane to lane.
        lanes: How many; every third coefficient is a table of half as many entries.
        limits: Whether sequences end at steps of their own.
        held: Whether inputs are the same in all steps.
        learn: How many coefficients have a gradient, at most.
        block: Lanes of an instance of a Triton kernel.
        length: Steps between checkpoints, in place of the usual number.
        device: Of torch.
    """

    name: str
    model: Neuron | None = None
    dtype: str = "float64"
    save: str = "fast"
    steps: int = 3
    lanes: int = 8
    limits: bool = False
    held: bool = False
    learn: int = 4
    block: int = 16
    length: int | None = None
    device: str = "cpu"


@dataclass(frozen=True)
class Given:
    """What a run begins with: its second step has a spike in each lane that ever spikes, or in one if time counts."""

    inputs: Arrays
    state: Arrays
    start: int
    dt: float


def _model(job: Job) -> Neuron:
    model = job.model or (FAMILIES[job.name][0] if job.name in FAMILIES else CASES[job.name].model)
    means = {name: float(np.mean(value)) for name, value in model.parameters.items() if value is not None}
    whole = {n for n, variable in model.definition.variables.items() if variable.integer}
    return model(**{name: round(value) if name in whole else value for name, value in means.items()})


def _stimulus(job: Job) -> tuple[Arrays, float]:
    steps = max(STEPS, job.steps)
    if job.model is not None:
        return {job.model.inputs[0]: np.random.default_rng(5).uniform(0, 2, (steps, job.lanes))}, 1.0
    if job.name in CASES:
        return CASES[job.name].inputs(steps, job.lanes), CASES[job.name].dt
    inputs, dt = stimulus(job.name)
    return {name: np.resize(rows.T, (job.lanes, steps)).T for name, rows in inputs.items()}, dt


class _Setting:
    """A model, ready to run."""

    def __init__(self, job: Job, inputs: Arrays, dt: float):
        model, real = _model(job), np.dtype(job.dtype)
        step = lower(model, [name for name in inputs if name not in model.inputs])
        with np.errstate(all="ignore"):
            start = Interpreter(step, model.parameters, dt=dt, dtype=real)
        self.state = {name: value for name, value in start.initial((job.lanes,)).items() if name != STEP}
        self.types = {n.value: _TYPES.get(n.type, real) for n in step.program() if n.kind == "input"}
        names = [name for name, value in start.coefficients.items() if value.dtype == real]
        self.learn = tuple(names[:: -(-len(names) // job.learn)]) if names else ()
        rng, self.coefficients = np.random.default_rng(3), dict(start.coefficients)
        for name in names[::3]:
            spread = rng.uniform(0.98, 1.02, job.lanes // 2)
            self.coefficients[name] = (self.coefficients[name] * spread).astype(real)
        outputs = (*(() if step.spike is None else ("spikes",)), *self.state)
        self.program = Program(step, surrogates.arctan, outputs, job.dtype, self.learn)
        self.reals = [name for name, type_ in step.types.items() if type_ == "real"]
        self.options: dict[str, Any] = {"dt": dt, "seed": SEED, "save": job.save}
        self.options["element"] = np.arange(job.lanes) * 10**9


def prepare(job: Job) -> Given:
    """Return inputs and state of each lane just before its first spike."""
    from spikelet.backends import llvm_cpu

    inputs, dt = _stimulus(job)
    setting = _Setting(job, inputs, dt)
    inputs = {name: rows.astype(setting.types[name]) for name, rows in inputs.items()}
    given = (setting.program, inputs, setting.state, setting.coefficients)
    out = llvm_cpu.forward(*given, steps=len(next(iter(inputs.values()))), start=START, **setting.options).outputs
    first = np.argmax(out["spikes"], axis=0) if "spikes" in out else np.full(job.lanes, 50)
    first = np.full(job.lanes, first.max()) if setting.program.scan(False, False).counts else first
    begin, lanes = np.clip(first - 1, 1, STEPS - job.steps), np.arange(job.lanes)
    rows = begin + np.arange(1 if job.held else job.steps)[:, None]
    state = {name: out[name][begin - 1, lanes] for name in setting.state}
    return Given({name: x[rows, lanes] for name, x in inputs.items()}, state, START + int(begin[0]), dt)


def run(job: Job, given: Given, backend: str) -> Arrays:
    """Return all that comes out of a run forward and backward, for random gradients of everything that comes out."""
    setting, rng = _Setting(job, given.inputs, given.dt), np.random.default_rng(4)
    program, real = setting.program, np.dtype(job.dtype)
    options = setting.options | {"steps": job.steps, "start": given.start}
    options["limits"] = rng.integers(1, job.steps + 1, job.lanes) if job.limits else None
    shown = [name for name in program.outputs if name in ("spikes", *setting.reals)]
    outputs = {name: rng.normal(size=(job.steps, job.lanes)).astype(real) for name in shown}
    final = {name: rng.normal(size=job.lanes).astype(real) for name in setting.reals}
    there, back = _BACKENDS[backend](job)
    arguments = (program, given.inputs, given.state, setting.coefficients)
    first = there(*arguments, **options)
    last = back(
        *arguments, first.saved, **options, outputs=outputs, final=final, wanted_coefficients=setting.learn,
        wanted_inputs=[name for name, x in given.inputs.items() if x.dtype == real],
    )  # fmt: skip
    found = {f"output {name}": value for name, value in first.outputs.items()}
    found |= {f"state {name}": value for name, value in first.state.items()}
    for kind, part in (("input", last.inputs), ("state", last.state), ("coefficient", last.coefficients)):
        found |= {f"gradient of {kind} {name}": value for name, value in part.items()}
    return {name: np.asarray(value) for name, value in found.items()}


def assert_alike(found: Arrays, wanted: Arrays, tolerance: float) -> None:
    """Compare two runs: numbers in proportion to the largest of their kind, all else exactly."""
    assert set(found) == set(wanted)
    for name, value in wanted.items():
        assert found[name].shape == value.shape and found[name].dtype == value.dtype, name
        if value.dtype.kind != "f" or name == "output spikes":
            np.testing.assert_array_equal(found[name], value, err_msg=name)
            continue
        largest = np.abs(value[np.isfinite(value)]).max(initial=0)
        np.testing.assert_allclose(found[name], value, rtol=tolerance, atol=tolerance * largest, err_msg=name)


def _llvm(job: Job) -> Any:
    from spikelet.backends import llvm_cpu

    return llvm_cpu.forward, llvm_cpu.backward


def _triton(job: Job) -> Any:
    """Return the functions of ``triton_gpu``, for arrays."""
    import torch

    from spikelet.backends import fused, triton_gpu, triton_jit, triton_kernels

    triton_jit.BLOCK = job.block
    for module in (fused, triton_jit, triton_kernels):
        module.interval = interval if job.length is None else lambda step: job.length

    def tensors(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: tensors(part) for name, part in value.items()}
        return torch.as_tensor(value, device=job.device) if isinstance(value, np.ndarray) else value

    def arrays(result: Any) -> Any:
        parts = {n: {k: v.cpu().numpy() for k, v in d.items()} for n, d in vars(result).items() if n != "saved"}
        return replace(result, **parts)

    def call(function: Any) -> Any:
        return lambda *args, **options: arrays(function(*map(tensors, args), **tensors(options)))

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
