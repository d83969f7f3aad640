"""A population as arrays, and the call of the driver that steps it: the fused kernel of a layer, forward.

The kernel is that of ``backends.llvm_cpu``, over a block of steps; its inputs are rows that deliveries have filled, its
spikes one byte a neuron and step. States go from one set of arrays to the other in every block.
"""

import dataclasses
import math
from collections.abc import Iterable, Mapping

import numpy as np

from spikelet import random
from spikelet.backends import llvm_jit
from spikelet.backends.fused import Leaves
from spikelet.backends.llvm_cpu import is_quiet
from spikelet.backends.llvm_kernels import PAGE_OFFSET, STRIP, Kernel
from spikelet.backends.llvm_scan import forward_kernel, single_kernel
from spikelet.backends.numpy_reference import Interpreter
from spikelet.ir import simplify as s
from spikelet.ir.lower import STEP, Step
from spikelet.ir.scan import SPIKES, Scan, scan
from spikelet.model import Neuron
from spikelet.sim.driver import Call, address_of, lined
from spikelet.sim.share import ALONE, OWN, Share

_PAGE = 4096
_REAL = {"float32": "float", "float64": "double"}


def placed(shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    """Return zeros that begin where all arrays of a kernel should in their page; see ``llvm_kernels.Writer.buffer``."""
    size = math.prod(shape) * dtype.itemsize
    whole = np.zeros(size + 2 * _PAGE, np.uint8)
    begin = -whole.ctypes.data % _PAGE + PAGE_OFFSET
    return whole[begin : begin + size].view(dtype).reshape(shape)


class Group:
    """The neurons of a population.

    Args:
        model: Their model.
        step: Its step, with all names that something is delivered to.
        n: Number of neurons.
        dt: Step [ms].
        seed: Of their random numbers.
        first: Number of the first of them in the network; random numbers go by it.
        dtype: ``float32`` or ``float64``.
    """

    def __init__(self, model: Neuron, step: Step, n: int, *, dt: float, seed: int, first: int, dtype: np.dtype):
        self.step, self.n, self.dt, self.dtype, self.seed = step, n, dt, dtype, seed
        interpreter = self.parametrise(model)
        with np.errstate(all="ignore"):
            self.state = {name: value for name, value in interpreter.initial((n,)).items() if name != STEP}
        self.element = np.arange(first, first + n, dtype=np.int64)
        # what takes longer to make than a short run takes
        self.scans: dict[tuple[bool, tuple[str, ...]], tuple[Scan, Leaves]] = {}
        self.kernels: dict[tuple[bool, tuple[str, ...], frozenset[str], bool], Kernel] = {}

    def parametrise(self, model: Neuron) -> Interpreter:
        """Take the model's parameters, also between runs; states stay as they are."""
        with np.errstate(all="ignore"):  # a coefficient may be infinite on purpose
            interpreter = Interpreter(self.step, model.parameters, dt=self.dt, dtype=self.dtype)
        self.model, self.coefficients = model, interpreter.coefficients
        return interpreter

    def prepared(self, quiet: bool, record: tuple[str, ...]) -> tuple[Scan, Leaves]:
        """Return what the kernel runs, and what it reads."""
        if (quiet, record) not in self.scans:
            program = self.scan(quiet, record)
            self.scans[quiet, record] = program, Leaves.of(program)
        return self.scans[quiet, record]

    def scan(self, quiet: bool, record: Iterable[str]) -> Scan:
        """Return what the kernel runs: spikes as conditions, and the states to record."""
        found = scan(self.step, (SPIKES, *record), quiet=quiet)
        outputs = dict(found.outputs)
        outputs[SPIKES] = s.compare(">", outputs[SPIKES], s.const(0.0))
        return dataclasses.replace(found, outputs=outputs)

    def call(
        self,
        inputs: Mapping[str, tuple[int, int]],
        length: int,
        record: tuple[str, ...] = (),
        share: Share = ALONE,
        rows: Mapping[str, np.ndarray] | None = None,
    ) -> "Stepping":
        """Return the call that steps the neurons of a thread.

        Args:
            inputs: Name -> address of its first row, and numbers from row to row; what is not there is 0.
            length: Most steps of a block.
            record: States whose rows are wanted.
            share: The thread.
            rows: Name -> (length, n) where recorded states go; the default is memory of its own.
        """
        return Stepping(self, inputs, length, record, share, rows or {})


class Stepping:
    """The arguments of a group's kernel.

    Attributes:
        share: The thread.
        call: For the driver, of the neurons of the thread.
        fired: (length, n) one byte each.
        rows: Name -> (length, n) recorded states of a block.
    """

    def __init__(
        self,
        group: Group,
        inputs: Mapping[str, tuple[int, int]],
        length: int,
        record: tuple[str, ...],
        share: Share,
        rows: Mapping[str, np.ndarray],
    ):
        self.group, self.share = group, share
        quiet = is_quiet(group.step, group.state, group.coefficients)
        program, leaves = group.prepared(quiet, record)
        self.types = {"real": group.dtype, "int": leaves.integer, "bool": np.dtype(np.bool_)}
        self.words: dict[str, int] = {}
        self.kept: list[np.ndarray] = []
        self._numbers(leaves)
        tables = frozenset(name for name in leaves.coefficients if self._coefficient(name))
        self._inputs(leaves, inputs)
        self.fired = self._rows(f"out.{SPIKES}", length, np.dtype(np.bool_))
        self.rows = {
            name: self._put(f"out.{name}", rows[name])
            if name in rows
            else self._rows(f"out.{name}", length, self.types[program.types[name]])
            for name in record
        }
        self.program = program
        first = {name: self._state(name, type_) for name, type_ in program.types.items()}
        single = length == 1  # then the states change where they are
        second = first if single else {name: self._state(name, type_) for name, type_ in program.types.items()}
        self.sets = [first, second]
        real = _REAL[group.dtype.name]
        key = quiet, record, tables, single
        if key not in group.kernels:
            group.kernels[key] = (
                single_kernel(program, real, tables) if single else forward_kernel(program, real, tables, (), False)
            )
        self.call = self._call(group.kernels[key])

    def _numbers(self, leaves: Leaves) -> None:
        group = self.group
        self.words |= {"T": 0, "M": group.n, "start": 0, "seed": random.signed(group.seed)}
        self.words["dt"] = int(np.float64(group.dt).view(np.int64))
        self._put("element", group.element)

    def _put(self, name: str, array: np.ndarray) -> np.ndarray:
        array = np.ascontiguousarray(array)
        self.kept.append(array)
        self.words[name] = array.ctypes.data
        return array

    def _coefficient(self, name: str) -> bool:
        """Hand over a coefficient; returns whether it is a table."""
        value = np.asarray(self.group.coefficients[name])
        whole = value.dtype.kind in "iu"
        if whole and self.types["int"] == np.int32:
            value = np.minimum(value, 2**31 - 1)
        array = self._put(f"coef.{name}", value.astype(self.types["int" if whole else "real"]).reshape(-1))
        self.words[f"coef.{name}#period"] = max(array.size, 1)
        return array.size > 1

    def _inputs(self, leaves: Leaves, given: Mapping[str, tuple[int, int]]) -> None:
        zeros = np.zeros(self.group.n, np.int64)
        for name, _ in leaves.inputs:
            if name in given:
                self.words[f"x.{name}"], self.words[f"x.{name}#step"] = given[name]
            else:
                self._put(f"x.{name}", zeros)
                self.words[f"x.{name}#step"] = 0

    def _rows(self, name: str, length: int, dtype: np.dtype) -> np.ndarray:
        return self._put(name, placed((length, self.group.n), dtype))

    def _state(self, name: str, type_: str) -> np.ndarray:
        array = placed((self.group.n,), self.types[type_])
        array[:] = self.group.state[name]
        return array

    def _call(self, kernel: Kernel) -> Call:
        library = llvm_jit.compile(kernel.text)
        sides = []
        for old, new in (self.sets, self.sets[::-1]):
            own = {f"state.{name}": array.ctypes.data for name, array in old.items()}
            own |= {f"final.{name}": array.ctypes.data for name, array in new.items()}
            known = self.words | own
            sides.append(lined([known.get(name, 0) for name in kernel.signature] + [0]))
        place = {name: i for i, name in enumerate(kernel.signature)}
        first, last = self.share.of(self.group.n)
        return Call(
            address_of(library, "kernel"),
            *sides,
            steps=place["T"],
            place=place.get("start", len(kernel.signature)),
            first=first,
            last=last,
            kind=OWN,
            scratch=np.empty(kernel.bytes(STRIP) + 64, np.uint8),
            kept=(library, self.kept, self.sets),
        )

    def load(self, block: int) -> None:
        """Put the group's states where the block will read them."""
        for name, array in self.sets[block % 2].items():
            array[:] = self.group.state[name]

    def save(self, block: int) -> None:
        """Take the states that the block before this one has left."""
        own = slice(*self.share.of(self.group.n))
        for name, array in self.sets[block % 2].items():
            self.group.state[name][own] = array[own]
