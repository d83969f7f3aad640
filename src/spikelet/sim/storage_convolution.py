"""A kernel that all places share: a spike adds its patch."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np

from spikelet.backends import llvm_jit
from spikelet.errors import InputError
from spikelet.sim.connect_convolution import Axis, Convolution
from spikelet.sim.connect_rows import Pair, listed
from spikelet.sim.delivery import COMMON, REAL, Arrivals, Delivery
from spikelet.sim.driver import Words
from spikelet.sim.edges import Edges
from spikelet.sim.storage_matrix import one_delay

_LISTS: tuple[str, ...] = ("kernel", "y.start", "y.kernel", "y.out", "x.start", "x.kernel", "x.out")
_SIZES: tuple[str, ...] = ("begin", "count", "area", "width", "inputs", "outputs", "kernel.area", "image")
_SETTINGS = ("shape", "stride", "padding", "dilation", "groups")


@dataclass(frozen=True, eq=False)
class ConvolutionStorage:
    """A kernel and where each place of the sources reaches.

    Attributes:
        pattern: What is connected; its kernel has the weights, in double.
        delays: (1,) int64, the delay [steps].
        dtype: Of weights.
        y: Which outputs each row of the sources reaches.
        x: Which outputs each column reaches.
    """

    pattern: Convolution
    delays: np.ndarray
    dtype: np.dtype
    y: Axis
    x: Axis

    kind = "convolution"

    @classmethod
    def of(cls, pattern: Convolution, delays: np.ndarray, dtype: np.dtype) -> "ConvolutionStorage":
        """Return the storage of a pattern."""
        return cls(pattern, delays, dtype, pattern.axis(0), pattern.axis(1))

    @property
    def n_source(self) -> int:
        """Number of sources."""
        return int(np.prod(self.pattern.shape))

    @property
    def n_target(self) -> int:
        """Number of targets."""
        return int(np.prod(self.pattern.output_shape))

    def __len__(self) -> int:
        return self.pattern.count

    def listed(self) -> Edges:
        """Return the synapses one by one."""
        sources, targets, kernel = self.pattern.synapses()
        rows = listed(sources, targets, Pair(self.n_source, self.n_target, None))
        assert rows.targets is not None  # these have been listed
        weights = self.pattern.kernel.astype(self.dtype).reshape(-1)[kernel][rows.order]
        return Edges(self.n_source, self.n_target, self.delays, rows.start, rows.targets, weights)

    def with_weights(self, weights: np.ndarray) -> "ConvolutionStorage":
        """Refuse: all places share the kernel."""
        raise InputError("convolution storage has one weight for many synapses; set kernel=, or use storage='sparse'")

    def with_parts(self, parts: Mapping[str, np.ndarray]) -> "ConvolutionStorage":
        """Return the same with another ``kernel``.

        Raises:
            InputError: an array is something else, or of another shape than before.
        """
        kernel = self.pattern.kernel
        for name, array in parts.items():
            if name != "kernel" or array.size != kernel.size or array.shape[:1] != kernel.shape[:1]:
                raise InputError(f"convolution storage has a kernel {kernel.shape}; got {name} {array.shape}")
            return replace(self, pattern=self.pattern.scaled(array.reshape(kernel.shape)))
        return self

    def with_delays(self, steps: np.ndarray) -> "ConvolutionStorage":
        """Return the same synapses with another delay [steps]."""
        return replace(self, delays=one_delay("convolution", steps))

    def delivery(self, dtype: np.dtype, multiple: bool, window: tuple[int, int]) -> Delivery:
        """Return how the synapses onto the targets of a window are delivered."""
        pattern, (begin, end) = self.pattern, window
        _, inputs, kh, kw = pattern.kernel.shape
        height, width = pattern.out(0), pattern.out(1)
        arrays = {"kernel": np.ascontiguousarray(pattern.kernel, dtype)}
        for name, axis, kernel, out in (("y", self.y, kw, width), ("x", self.x, 1, 1)):
            arrays |= {
                f"{name}.start": axis.start,
                f"{name}.kernel": axis.kernel * kernel,
                f"{name}.out": axis.out * out,
            }
        sizes = {
            "begin": begin, "count": end - begin, "area": pattern.shape[1] * pattern.shape[2],
            "width": pattern.shape[2], "inputs": inputs, "outputs": pattern.kernel.shape[0] // pattern.groups,
            "kernel.area": kh * kw, "image": height * width,
        }  # fmt: skip
        values = {name: array.ctypes.data for name, array in arrays.items()} | sizes
        words = Words((*COMMON, *_LISTS, *_SIZES))
        return Delivery(_library(REAL[dtype.name], multiple), words, values, tuple(arrays.values()))

    def saved(self) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """Return arrays by name, and the rest, from which ``restored`` makes the same."""
        rest = {name: getattr(self.pattern, name) for name in _SETTINGS}
        return {"kernel": self.pattern.kernel, "delays": self.delays}, {**rest, "dtype": self.dtype.name}

    @classmethod
    def restored(cls, arrays: Mapping[str, np.ndarray], rest: Mapping[str, Any]) -> "ConvolutionStorage":
        """Return what was saved."""
        pattern = Convolution(arrays["kernel"], *(rest[name] for name in _SETTINGS))
        return cls.of(pattern, arrays["delays"], np.dtype(rest["dtype"]))

    @property
    def nbytes(self) -> int:
        """Memory of the arrays [bytes]."""
        return self.pattern.kernel.nbytes + self.delays.nbytes + sum(a.nbytes for a in (*self.y, *self.x))


@cache
def _library(real: str, multiple: bool) -> llvm_jit.Library:
    return llvm_jit.compile(_Patch(real, multiple).written())


class _Patch(Arrivals):
    """Adds the patch of a spike."""

    def __init__(self, real: str, multiple: bool):
        super().__init__(real, multiple, dict.fromkeys(_LISTS, "ptr") | dict.fromkeys(_SIZES, "i64"))

    def spike(self, source: str, d: str, row: str, times: str) -> None:
        """Add weights in all channels, rows and columns that the source reaches."""
        w = self.w
        channel, place = (self.value(f"{op} i64 {source}, {w['area']}") for op in ("udiv", "urem"))
        y, x = (self.value(f"{op} i64 {place}, {w['width']}") for op in ("udiv", "urem"))
        group, own = (self.value(f"{op} i64 {channel}, {w['inputs']}") for op in ("udiv", "urem"))
        first = self.value(f"mul i64 {group}, {w['outputs']}")
        with self.loop("channel", self.value(f"add i64 {first}, {w['outputs']}"), first) as out:
            kernel = self.value(f"mul i64 {out}, {w['inputs']}")
            kernel = self.value(f"add i64 {kernel}, {own}")
            kernel = self.value(f"mul i64 {kernel}, {w['kernel.area']}")
            image = self.value(f"mul i64 {out}, {w['image']}")
            image = self.value(f"sub i64 {image}, {w['begin']}")
            with self._reached("y", y, kernel, image) as (line, target), self._reached("x", x, line, target) as (k, j):
                with self.when(self.value(f"icmp ult i64 {j}, {w['count']}")):
                    self.add(self.scaled(self.load(self.real, w["kernel"], k), times), row, j)

    @contextmanager
    def _reached(self, axis: str, place: str, kernel: str, target: str) -> Iterator[tuple[str, str]]:
        """Write a loop over what a place of an axis reaches; yields places in the kernel and in the output."""
        w = self.w
        behind = self.value(f"add i64 {place}, 1")
        begin, end = (self.load("i64", w[f"{axis}.start"], at) for at in (place, behind))
        with self.loop(axis, end, begin) as i:
            at = self.value(f"add i64 {kernel}, {self.load('i64', w[f'{axis}.kernel'], i)}")
            yield at, self.value(f"add i64 {target}, {self.load('i64', w[f'{axis}.out'], i)}")
