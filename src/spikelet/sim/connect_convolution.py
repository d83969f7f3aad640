"""The pattern of a convolution: each source reaches a patch of targets, through weights that all places share."""

import math
import operator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from spikelet.errors import InputError, ShapeError
from spikelet.sim.connect_calls import Draws
from spikelet.sim.connect_patterns import Pattern
from spikelet.sim.connect_rows import Pair, Rows, listed


class Axis(NamedTuple):
    """Which outputs each place of an axis reaches, through which place of the kernel.

    Attributes:
        start: (n + 1,) int64, where the list of each place begins.
        kernel: (P,) int64, places in the kernel.
        out: (P,) int64, places in the output.
    """

    start: np.ndarray
    kernel: np.ndarray
    out: np.ndarray


@dataclass(frozen=True, eq=False, repr=False)
class Convolution(Pattern):
    """A cross-correlation over one or two axes, as torch's Conv1d and Conv2d.

    Attributes:
        kernel: (out, in/groups, kh, kw) weights.
        shape: (in, H, W) of the sources.
        stride: Along H and W; so are the next two.
        padding: Zeros on each side.
        dilation: From one place of the kernel to the next.
        groups: Of channels, each of which is connected within itself alone.
        axes: How many axes were given; with one, H is 1.
        output_shape: (out, H, W) of the targets, without H where there is one axis.
    """

    name = "convolution"
    kinds = ("convolution", "sparse", "dense")
    kernel: np.ndarray
    shape: tuple[int, ...]
    stride: Any = 1
    padding: Any = 0
    dilation: Any = 1
    groups: int = 1
    axes: int = field(init=False)
    output_shape: tuple[int, ...] = field(init=False)

    def __post_init__(self) -> None:
        """Check the arguments, and bring one axis to two."""
        places = tuple(self.shape) if np.ndim(self.shape) else (self.shape,)
        kernel, shape = _kernel(self.kernel), _sizes("shape", places, len(places), 1)
        given_shapes = f"a kernel {kernel.shape} does not fit the shape {places}"
        if kernel.ndim == len(shape):  # one channel
            kernel, shape = kernel[None, None], (1, *shape)
        axes = kernel.ndim - 2
        if axes not in (1, 2) or kernel.ndim != len(shape) + 1:
            raise ShapeError(
                f"convolution: {given_shapes}; expected (out, in/groups, kh, kw) and (in, H, W), or "
                "(out, in/groups, k) and (in, L), or no channels in both"
            )
        given = {n: _sizes(n, getattr(self, n), axes, n != "padding") for n in ("stride", "padding", "dilation")}
        groups = _sizes("groups", self.groups, 1, 1)[0]
        if kernel.shape[1] * groups != shape[0] or kernel.shape[0] % groups:
            raise ShapeError(
                f"convolution: a kernel {kernel.shape} in {groups} groups takes {kernel.shape[1] * groups} channels to "
                f"{kernel.shape[0]} (a multiple of the groups), but the shape {shape} has {shape[0]}"
            )
        if axes == 1:
            kernel, shape = kernel[:, :, None], (shape[0], 1, shape[1])
            given = {name: (int(name != "padding"), *value) for name, value in given.items()}
        for name, value in {"kernel": kernel, "shape": shape, **given, "groups": groups, "axes": axes}.items():
            object.__setattr__(self, name, value)
        object.__setattr__(self, "output_shape", (kernel.shape[0], *(self.out(axis) for axis in range(2 - axes, 2))))

    def __repr__(self) -> str:
        return f"convolution({'x'.join(map(str, self.kernel.shape))}, stride={self.stride}, padding={self.padding})"

    def out(self, axis: int) -> int:
        """Return the size of the output along an axis.

        Raises:
            ShapeError: there is no place for the kernel.
        """
        room = self.shape[1 + axis] + 2 * self.padding[axis]
        reach = self.dilation[axis] * (self.kernel.shape[2 + axis] - 1) + 1
        if room < reach:
            raise ShapeError(f"convolution: a kernel over {reach} places does not fit into {room} with the padding")
        return (room - reach) // self.stride[axis] + 1

    def axis(self, axis: int) -> Axis:
        """Return which outputs each place of an axis reaches."""
        at = np.arange(self.shape[1 + axis])[:, None] + self.padding[axis]
        whole = at - np.arange(self.kernel.shape[2 + axis]) * self.dilation[axis]
        reached = (whole >= 0) & (whole % self.stride[axis] == 0) & (whole // self.stride[axis] < self.out(axis))
        place, kernel = np.nonzero(reached)
        start = np.searchsorted(place, np.arange(self.shape[1 + axis] + 1))
        return Axis(start.astype(np.int64), kernel, whole[place, kernel] // self.stride[axis])

    def require(self, pair: Pair) -> None:
        """Raise ``InputError`` unless there are as many sources and targets as the shapes have places."""
        shapes = {"sources": self.shape[2 - self.axes + 1 :], "targets": self.output_shape[1:]}
        channels = {"sources": self.shape[0], "targets": self.output_shape[0]}
        for what, n in (("sources", pair.sources), ("targets", pair.targets)):
            shape = (channels[what], *shapes[what])
            if math.prod(shape) != n:
                raise InputError(f"convolution: {what} of shape {shape} are {math.prod(shape)}, but there are {n}")

    def scaled(self, kernel: Any) -> "Convolution":
        """Return the same with another kernel (out, in/groups, kh, kw)."""
        return Convolution(kernel, self.shape, self.stride, self.padding, self.dilation, self.groups)

    # --- as a list of synapses ----------------------------------------------------------------------------------------

    @property
    def holds_weights(self) -> bool:
        """Whether it holds weights."""
        return True

    @property
    def count(self) -> int:  # pyright: ignore[reportIncompatibleVariableOverride]
        """How many synapses there are."""
        return int(np.prod([len(self.axis(axis).out) for axis in (0, 1)])) * self.shape[0] * self._outputs

    @property
    def _outputs(self) -> int:
        """Return to how many channels each channel goes."""
        return self.kernel.shape[0] // self.groups

    @property
    def weights(self) -> np.ndarray:  # pyright: ignore[reportIncompatibleVariableOverride]
        """The weight of each synapse."""
        return self.kernel.reshape(-1)[self.synapses()[2]]

    def synapses(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return source, target, and place in the kernel of each synapse, by source."""
        (_, height, width), (_, inputs, kh, kw) = self.shape, self.kernel.shape
        y, x = self.axis(0), self.axis(1)
        out = self.out(0), self.out(1)
        place = [np.repeat(np.arange(n), np.diff(axis.start)) for n, axis in ((height, y), (width, x))]
        c, i, j, o = np.meshgrid(
            np.arange(self.shape[0]), np.arange(len(y.out)), np.arange(len(x.out)), np.arange(self._outputs),
            indexing="ij", sparse=True,
        )  # fmt: skip
        channel = c // inputs * self._outputs + o
        sources = (c * height + place[0][i]) * width + place[1][j] + 0 * o
        targets = (channel * out[0] + y.out[i]) * out[1] + x.out[j]
        kernel = ((channel * inputs + c % inputs) * kh + y.kernel[i]) * kw + x.kernel[j]
        order = np.argsort(sources, axis=None, kind="stable")
        return tuple(part.reshape(-1)[order] for part in (sources, targets, kernel))  # type: ignore[return-value]

    def rows(self, pair: Pair, draws: Draws, threads: int | None) -> Rows:
        """Return the targets of each source."""
        self.require(pair)
        sources, targets, _ = self.synapses()
        return listed(sources, targets, pair)

    def expected(self, pair: Pair) -> int:
        """Return how many synapses there will be."""
        return self.count


def _kernel(given: Any) -> np.ndarray:
    """Return a kernel as finite numbers, float64; it is copied."""
    kernel = np.array(given, np.float64)
    if not np.isfinite(kernel).all():
        raise InputError(
            f"convolution: kernel[{', '.join(map(str, np.argwhere(~np.isfinite(kernel))[0]))}] is no number"
        )
    return kernel


def _sizes(name: str, given: Any, axes: int, least: int) -> tuple[int, ...]:
    """Return a whole number for each axis."""
    values = tuple(given) if np.ndim(given) else (given,) * axes
    try:
        numbers = tuple(map(operator.index, values))
    except TypeError:
        numbers = ()
    if not numbers or len(numbers) != axes or min(numbers) < least:
        what = f"{axes} whole numbers" if axes > 1 else "a whole number"
        raise InputError(f"convolution: {name} must be {what} of at least {int(least)}, not {given!r}"[:200])
    return numbers
