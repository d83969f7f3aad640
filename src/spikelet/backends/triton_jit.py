"""From the text of a Triton kernel to a launch: its function, and its arguments."""

import functools
import hashlib
import linecache
import os
import tempfile
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any

import numpy as np
import torch
from torch import Tensor

from spikelet import cache, random
from spikelet.backends import fused
from spikelet.backends.fused import Program, interval
from spikelet.backends.triton_program import module_text
from spikelet.backends.triton_writer import Kernel
from spikelet.errors import BackendError
from spikelet.ir.lower import STEP

try:
    import triton
except ModuleNotFoundError as error:
    raise BackendError("triton_gpu needs triton: pip install 'spikelet[gpu]'") from error

Tensors = Mapping[str, Tensor]
BLOCK = 64  # lanes of an instance: one for each thread, and so few that a small problem still fills the device
_TYPES = {"int": torch.int64, "bool": torch.bool}


def _path_of(text: str) -> str:
    """Return the path of a file with this text; where none can be written, Python is told the text instead."""
    name = f"{hashlib.sha256(text.encode()).hexdigest()}.py"
    try:
        path = cache.folder("triton") / name
        if not path.exists() or path.read_text() != text:
            handle, part = tempfile.mkstemp(dir=path.parent, suffix=".part")
            with open(handle, "w") as file:
                file.write(text)
            os.replace(part, path)
        return str(path)
    except OSError:
        linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
        return name


@functools.cache
def module(text: str) -> ModuleType:
    """Return the module of a text. Triton reads the source of a function from its file, which nobody executes."""
    path = _path_of(text)
    made = ModuleType("spikelet_triton_kernel")
    made.__file__ = path
    exec(compile(text, path, "exec"), made.__dict__)  # printed by us: of a model it holds names and numbers alone
    return made


def launch(function: Any, words: Mapping[str, Any], lanes: int, device: torch.device) -> None:
    """Run a kernel on all blocks of lanes, with its arguments by name.

    Raises:
        BackendError: the tensors are not on a GPU (only Triton's interpreter takes others).
    """
    if device.type == "cpu" and isinstance(function, triton.JITFunction):
        raise BackendError("triton_gpu needs tensors on a GPU, not on the CPU")
    options = {"BLOCK": BLOCK, "num_warps": max(BLOCK // 32, 1), "enable_fp_fusion": False}
    with torch.cuda.device(device if device.type == "cuda" else -1):
        function[(-(-lanes // BLOCK),)](**words, **options)


def saved_like(program: Program, steps: int, lanes: int, save: str) -> dict[str, tuple[tuple[int, ...], torch.dtype]]:
    """Return shape and type of what ``forward`` saves: on every device the same."""
    found = fused.saved_like(program, steps, lanes, save)
    return {name: (shape, getattr(torch, dtype.name)) for name, (shape, dtype) in found.items()}


class Call:
    """The arguments of a kernel, by name; made from what forward and backward have in common."""

    def __init__(
        self,
        program: Program,
        inputs: Tensors,
        state: Tensors,
        coefficients: Tensors,
        *,
        steps: int,
        dt: float,
        start: int | Tensor,
        seed: int,
        element: Tensor | None,
        limits: Tensor | None,
    ):
        given = next(iter([*inputs.values(), *(v for n, v in state.items() if n != STEP)]))
        self.program, self.steps, self.lanes, self.device = program, steps, int(given.shape[-1]), given.device
        self.masked = limits is not None
        self.scan = program.scan(self.masked, False)
        self.real: torch.dtype = getattr(torch, program.dtype)
        self.words: dict[str, Any] = {"T": steps, "M": self.lanes, "dt": int(np.float64(dt).view(np.int64))}
        self.words["seed"] = random.signed(seed)
        self.shapes: dict[str, torch.Size] = {}  # of coefficients
        for name, _ in program.leaves(self.masked, False).inputs:
            self.rows("in", "stride", name, inputs.get(name))
        for name, type_ in self.scan.types.items():
            self.put(f"state_{name}", state[name].to(self.type(type_)))
        self.tables = frozenset(name for name, value in coefficients.items() if self.coefficient(name, value))
        if self.scan.counts:
            begin = start.reshape(1) if isinstance(start, Tensor) else torch.full((1,), start, device=self.device)
            self.put("start", begin.to(self.device, torch.int64))
        for name, tensor in (("element", element), ("limits", limits)):
            if tensor is not None:
                self.put(name, tensor.to(torch.int64))

    @functools.cached_property
    def zeros(self) -> Tensor:
        """A row of zeros."""
        return torch.zeros((1, self.lanes), dtype=self.real, device=self.device)

    def type(self, type_: str) -> torch.dtype:
        """Return the type of a tensor."""
        return _TYPES.get(type_, self.real)

    def put(self, name: str, tensor: Tensor) -> Tensor:
        """Hand over a tensor; conditions are bytes for the kernels."""
        tensor = tensor.detach().contiguous()
        self.words[name] = tensor.view(torch.int8) if tensor.dtype == torch.bool else tensor
        return tensor

    def empty(self, name: str, shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
        """Hand over a new tensor."""
        return self.put(name, torch.empty(shape, dtype=dtype, device=self.device))

    def rows(self, pointer: str, stride: str, name: str, tensor: Tensor | None) -> None:
        """Hand over (T, M), (1, M) or an expanded view; None is zeros."""
        given = self.zeros if tensor is None else tensor
        given = self.put(f"{pointer}_{name}", given[:1] if given.stride(0) == 0 else given)
        self.words[f"{stride}_{name}"] = self.lanes if given.shape[0] > 1 else 0

    def coefficient(self, name: str, value: Any) -> bool:
        """Hand over a coefficient; returns whether it is a table."""
        tensor = torch.as_tensor(value, device=self.device)
        self.shapes[name] = tensor.shape
        self.put(f"coef_{name}", tensor.reshape(-1))
        self.words[f"period_{name}"] = tensor.numel()
        return tensor.numel() > 1

    def run(self, print_: Callable[..., Kernel], *key: Any) -> None:
        """Run the kernel that ``print_`` prints; it is made once."""
        made, key = self.program.made, (print_, self.masked, self.tables, *key)
        if key not in made:
            kernel = print_(self.program, *key[1:])
            made[key] = kernel, getattr(module(module_text([kernel])), kernel.name)
        kernel, function = made[key]
        launch(function, {name: self.words[name] for name in kernel.signature}, self.lanes, self.device)

    def saved(self, saved: Tensors) -> None:
        """Hand over the tape or the checkpoints."""
        for name, tensor in saved.items():
            kind, _, own = name.partition(".")
            if kind == "check":
                self.put(f"check_{own}", tensor)
            elif kind == "tape":
                for number, part in enumerate(tensor):
                    self.put(f"tape_{own}{number}", part)

    def scratch(self) -> None:
        """Hand over memory for the tape between two checkpoints."""
        length = interval(self.program.step)
        for name, (shape, dtype) in saved_like(self.program, length, self.lanes, "fast").items():
            kind, _, own = name.partition(".")
            for number in range(shape[0] if kind == "tape" else 0):
                self.empty(f"scratch_{own}{number}", shape[1:], dtype)

    def parts(self, name: str) -> Tensor:
        """Hand over memory for what blocks (or lanes, of a table) add to the gradient of a coefficient."""
        if name in self.tables:
            return self.empty(f"gcoef_{name}", (self.lanes,), self.real)
        return self.empty(f"gcoef_{name}", (-(-self.lanes // BLOCK),), torch.float64)

    def total(self, name: str, part: Tensor) -> Tensor:
        """Return the gradient of a coefficient."""
        period = self.words[f"period_{name}"]
        rows = part.reshape(-1, period) if name in self.tables else part
        return rows.sum(0, dtype=torch.float64).to(self.real).reshape(self.shapes[name])

    def slopes(self) -> None:
        """Hand over the coefficients of the surrogate."""
        key = ("slopes", self.device)
        if key not in self.program.made:
            values = self.program.surrogate_constants(self.masked, False)
            self.program.made[key] = {n: torch.as_tensor(v, device=self.device).reshape(1) for n, v in values.items()}
        for name, value in self.program.made[key].items():
            self.words[f"slope_{name.removeprefix('surrogate.')}"] = value
