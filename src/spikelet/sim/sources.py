"""Sources of spikes, which are used as the model of a population.

| source | spikes |
|---|---|
| `Poisson` | independent trains of a constant rate, or of one that changes in time |
| `Binomial` | for each element, how many of n trains have a spike in a step: a background of n synapses |
| `Gamma` | trains whose intervals follow a gamma law of whole order: more regular than Poisson |
| `Renewal` | trains with intervals of any law: see `renewal` |
| `SpikeTrain` | given times and ids |
| `PulsePacket` | volleys, each spike with normal jitter |

Sources count spikes: a Poisson source of 20 kHz has two in a step of 0.1 ms, on average. A spike found in step k has
the time (k + 1) dt; so a spike at time t belongs to the step k with k dt < t <= (k + 1) dt. All random numbers are
functions of (seed, step, element, stream), so no cutting of a run into pieces, and no number of threads, can be seen.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from spikelet import random
from spikelet.errors import InputError, ShapeError
from spikelet.sim import source_kernels as kernels, source_laws as laws_of
from spikelet.sim.emitter import Emitter
from spikelet.sim.given import column, course, frozen, number, require_size, whole
from spikelet.sim.renewal import Renewal
from spikelet.sim.source_rows import NEVER
from spikelet.written import as_numbers

_PHASE = 2  # draw of the initial phase of a gamma train; 0 and 1 are the kernel's
_NEAR = 1e-6  # steps: what is nearer to a border between two steps lies on it
_FIRST = -(2**62)  # a step before all others


# -- sources ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Poisson:
    """Independent Poisson trains; several spikes may fall into a step.

    Attributes:
        rate: [kHz], so ``20 * Hz`` is 0.02: a number, (n,), or ``(times, rates)`` with ascending times (S,) [ms] and
            rates (S,) or (S, n), each of which holds from the step nearest to its time on; before the first it is 0.

    Example:
        >>> Poisson(20.0).prepare(1000, dt=0.1, seed=1, stream=0).counts(0, 10).mean()
        np.float32(2.0047)
    """

    rate: Any

    def __post_init__(self) -> None:
        object.__setattr__(self, "rate", _rate("Poisson", self.rate))

    def prepare(self, n: int, dt: float, seed: int, stream: int) -> Emitter:
        """Return the emitter of ``n`` trains for steps of ``dt`` [ms].

        Raises:
            InputError: a rate is too high for the step, or there are not n of them.
        """
        return _poisson("Poisson", self.rate, n, dt, seed, stream)


@dataclass(frozen=True, eq=False)
class Binomial:
    """The spikes of ``n`` independent trains, each of which has one in a step with probability ``rate*dt``, or none.

    One element stands for all background synapses of one weight onto a neuron: connected one to one, what it counts is
    added to the input in one go. With more than one spike of a train in a step, ``Poisson(n*rate)`` is that sum.

    Attributes:
        n: Number of trains.
        rate: Of each, as in `Poisson`.

    Example:
        >>> counts = Binomial(1000, 0.01).prepare(500, dt=0.1, seed=1, stream=0).counts(0, 100)
        >>> round(float(counts.mean()), 1), round(float(counts.var()), 1)
        (1.0, 1.0)
    """

    n: int
    rate: Any

    def __post_init__(self) -> None:
        object.__setattr__(self, "n", whole("Binomial", "n", self.n, 1))
        object.__setattr__(self, "rate", _rate("Binomial", self.rate))

    def prepare(self, n: int, dt: float, seed: int, stream: int) -> Emitter:
        """Return the emitter of ``n`` sums for steps of ``dt`` [ms].

        Raises:
            InputError: a rate is too high for the step, or there are not n of them.
        """
        most = min(1.0, laws_of.MOST / self.n)
        return _counted(
            "Binomial", self.rate, n, dt, (seed, stream), lambda ps: laws_of.binomial_laws(self.n, ps), most
        )


@dataclass(frozen=True, eq=False)
class Gamma:
    """Renewal trains with intervals of a gamma law: every ``order``-th event of a Poisson process is a spike.

    A train begins at any phase of an interval, so it is stationary from the first step on.

    Attributes:
        rate: Of spikes, as in `Poisson`.
        order: A positive integer; the coefficient of variation of the intervals is ``order**-0.5``.
    """

    rate: Any
    order: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "rate", _rate("Gamma", self.rate))
        object.__setattr__(self, "order", whole("Gamma", "order", self.order, 1))

    def prepare(self, n: int, dt: float, seed: int, stream: int) -> Emitter:
        """Return the emitter of ``n`` trains for steps of ``dt`` [ms].

        Raises:
            InputError: a rate is too high for the step, or there are not n of them.
        """
        emitter = _poisson("Gamma", self.rate, n, dt, seed, stream, self.order)
        uniform = random.uniform(seed, 0, np.arange(n), stream, _PHASE)
        phase = np.floor(uniform * self.order).astype(np.int32)
        kernel = emitter.kernel.replace("poisson", "gamma")
        fixed = {**emitter.fixed, "order": self.order}
        return Emitter(kernel, n, fixed, {**emitter.arrays, "phase": phase}, {"phase": phase})


@dataclass(frozen=True, eq=False)
class SpikeTrain:
    """Given spikes.

    Attributes:
        times: (E,) [ms], above 0, in any order; a spike off the grid belongs to the step that it lies in.
        ids: (E,) the element of each, or one number for all; the same spike may be given several times.
        period: after so long all begins anew [ms], at least as long as the last spike is late; None: never.

    Example:
        >>> SpikeTrain([0.1, 0.3], [0, 1]).prepare(2, dt=0.1, seed=0, stream=0).counts(0, 3).tolist()
        [[1.0, 0.0], [0.0, 0.0], [0.0, 1.0]]
    """

    times: Any
    ids: Any = 0
    period: float | None = None

    def __post_init__(self) -> None:
        times = column("SpikeTrain", "times", self.times)
        if self.period is not None:
            object.__setattr__(self, "period", number("SpikeTrain", "period", self.period))
            if not self.period >= times.max(initial=0.0) or not self.period:
                text = f"the last spike, {times.max():g} ms, lies after the end" if self.period > 0 else "not positive"
                raise InputError(f"SpikeTrain: period is {self.period:g} ms; {text}")
        if (times <= 0).any():
            i = int(np.argmax(times <= 0))
            raise InputError(f"SpikeTrain: times[{i}] is {times[i]:g} ms; a spike of the first step has the time dt")
        ids = np.broadcast_to(column("SpikeTrain", "ids", np.atleast_1d(self.ids)), _one_or_like(self.ids, times))
        if (ids != np.floor(ids)).any() or (ids < 0).any():
            raise InputError(
                f"SpikeTrain: ids are integers from 0 on, got {ids[(ids != np.floor(ids)) | (ids < 0)][0]:g}"
            )
        object.__setattr__(self, "times", frozen(times))
        object.__setattr__(self, "ids", frozen(ids.astype(np.int64)))

    def prepare(self, n: int, dt: float, seed: int = 0, stream: int = 0) -> Emitter:
        """Return the emitter of ``n`` trains for steps of ``dt`` [ms]; nothing is random.

        Raises:
            InputError: an id is not below n.
        """
        if self.ids.size and self.ids.max() >= n:
            raise InputError(f"SpikeTrain: id {self.ids.max()} in a population of {n}; ids are 0 to {n - 1}")
        return _train(_step_of(self.times, dt), self.ids, n, self._steps(dt))

    def _steps(self, dt: float) -> int:
        """Return the period in steps."""
        if self.period is None:
            return NEVER
        steps = round(self.period / dt)
        if abs(self.period / dt - steps) > _NEAR * max(1, steps) or not steps:
            raise InputError(f"SpikeTrain: period is {self.period:g} ms, no whole number of steps of {dt:g} ms")
        return steps


@dataclass(frozen=True, eq=False)
class PulsePacket:
    """Volleys: at each time every element has ``n`` spikes, each with its own normal jitter.

    Attributes:
        times: (P,) centres of the volleys [ms]; jitter may carry a spike to before the run, where it is lost.
        n: Spikes of an element in a volley.
        sd: Standard deviation of the jitter [ms].
    """

    times: Any
    n: int
    sd: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "times", frozen(column("PulsePacket", "times", np.atleast_1d(self.times))))
        object.__setattr__(self, "n", whole("PulsePacket", "n", self.n, 1))
        object.__setattr__(self, "sd", number("PulsePacket", "sd", self.sd, 0.0))

    def prepare(self, n: int, dt: float, seed: int, stream: int) -> Emitter:
        """Return the emitter of ``n`` trains for steps of ``dt`` [ms]; its size is that of all spikes."""
        volley = np.arange(len(self.times))[:, None]
        spike = np.arange(n * self.n)[None]
        times = self.times[:, None] + self.sd * random.normal(seed, volley, spike, stream)
        ids = np.broadcast_to(spike // self.n, times.shape)
        return _train(_step_of(times[times > 0], dt), ids[times > 0], n)


Source = Poisson | Binomial | Gamma | Renewal | SpikeTrain | PulsePacket


def _poisson(what: str, rate: Any, n: int, dt: float, seed: int, stream: int, order: int = 1) -> Emitter:
    """Return the emitter of the events of Poisson processes with ``order`` times the rate."""
    return _counted(what, rate, n, dt, (seed, stream), laws_of.poisson_laws, laws_of.MOST, order)


def _counted(  # each by its place in this file alone
    what: str, rate: Any, n: int, dt: float, numbers: tuple[int, int],
    laws_for: Callable[[np.ndarray], laws_of.Laws], most: float, order: int = 1,
) -> Emitter:  # fmt: skip
    """Return the emitter of counts whose law depends on ``rate*dt*order``, which is at most ``most``."""
    starts, rates = _segments(rate, dt)
    require_size(what, "rate", rates.shape[1], n)
    means = rates * dt * order
    if means.max() > most:
        raise InputError(f"{what}: rate*dt reaches {means.max():g} events a step; at most {most:g} can be drawn")
    distinct, law = np.unique(means, return_inverse=True)
    laws, law = laws_for(distinct), law.reshape(means.shape).astype(np.int32)
    each = bool((means != means[:, :1]).any())
    segments, levels = _steps_table([_FIRST, *starts[1:]])
    table, place, width, law = _tables(laws, law if each else law[:, :1], each)
    arrays = {
        "segments": segments, "place": place, "table": table, "law": law, "rest": laws.rest,
        "rest.place": laws.place if each else np.ascontiguousarray(laws.place[law[:, 0]]),
    }  # fmt: skip
    fixed = {
        "seed": random.signed(random.whole(numbers[0])), "stream": numbers[1], "levels": levels, "width": width,
        "order": order, "silent": 0 if distinct[0] == 0 else -1,
    }  # fmt: skip
    return Emitter("poisson_each" if each else "poisson", n, fixed, arrays)


def _segments(rate: Any, dt: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the first step (S,) of each segment and its rates, (S, 1) or (S, n); the first one holds from step 0."""
    if not isinstance(rate, tuple):
        return np.zeros(1, np.int64), np.reshape(rate, (1, -1))
    times, rates = rate
    starts, rates = np.rint(times / dt).astype(np.int64), rates.reshape(len(times), -1)
    if starts[0] > 0:
        starts, rates = np.concatenate([[0], starts]), np.concatenate([np.zeros((1, rates.shape[1])), rates])
    begun = max(int(np.searchsorted(starts, 0, side="right")) - 1, 0)
    return starts[begun:], rates[begun:]


def _tables(laws: laws_of.Laws, law: np.ndarray, each: bool) -> tuple[np.ndarray, np.ndarray, int, np.ndarray]:
    """Return table, place, width and law, as the kernels read them, for the law of each segment and element."""
    lanes = -(-law.shape[1] // kernels.GROUP) * kernels.GROUP if each else 1  # whole groups are read
    law = np.pad(law, ((0, 0), (0, lanes - law.shape[1])), "edge")
    parts, place, begin = [], np.empty((len(law), 2), np.int64), 0
    for s, row in enumerate(law):
        size = int(laws.size[row].max())
        part = np.concatenate([laws.low[row].view(np.uint32)[None], laws.limits[row, :size].T])
        parts.append(part.ravel())
        place[s] = begin, size
        begin += part.size
    return np.concatenate(parts), place, lanes, np.ascontiguousarray(law)


def _train(steps: np.ndarray, ids: np.ndarray, n: int, period: int = NEVER) -> Emitter:
    """Return the emitter of a list of spikes, repeated; those of one element in one step become one entry."""
    order = np.lexsort((ids, steps))
    steps, ids = steps[order], ids[order]
    new = np.ones(len(steps), bool)
    new[1:] = (steps[1:] != steps[:-1]) | (ids[1:] != ids[:-1])
    entry = np.flatnonzero(new)
    counts = np.diff(entry, append=len(steps)).astype(np.int32) if len(steps) else np.zeros(0, np.int32)
    distinct, first = np.unique(steps[entry], return_index=True)
    table, levels = _steps_table([_FIRST, *distinct])
    pointer = np.full(len(table), len(entry), np.int64)
    pointer[: len(first) + 1] = [0, *first]
    arrays = {"steps": table, "pointer": pointer, "ids": ids[entry].astype(np.int32), "counts": counts}
    return Emitter("train", n, {"levels": levels, "period": period}, arrays)


def _steps_table(steps: Sequence[int]) -> tuple[np.ndarray, int]:
    """Return steps as a table of 2**levels entries, at least one of them never reached; and the levels."""
    levels = len(steps).bit_length()
    table = np.full(2**levels, NEVER)
    table[: len(steps)] = steps
    return table, levels


def _step_of(times: np.ndarray, dt: float) -> np.ndarray:
    """Return the step that each time lies in: k for k dt < t <= (k + 1) dt."""
    place = np.asarray(times) / dt
    near = np.rint(place)
    on_grid = np.abs(place - near) <= np.maximum(_NEAR, 1e-12 * near)
    return np.maximum(np.where(on_grid, near, np.ceil(place)).astype(np.int64) - 1, 0)


# -- checks -----------------------------------------------------------------------------------------------------------


def _rate(what: str, given: Any) -> Any:
    """Return a rate as a read-only array, () or (n,), or as times and rates."""
    if isinstance(given, tuple) and len(given) == 2 and all(np.ndim(part) for part in given):
        times, rates = course(what, *given)
        _check_rates(what, rates)
        return times, rates
    rate = as_numbers(given)
    if rate is None or rate.ndim > 1:
        raise InputError(f"{what}: rate must be a number, (n,) or (times, rates) [kHz], got {given!r}"[:200])
    _check_rates(what, rate)
    return frozen(rate)


def _check_rates(what: str, rates: np.ndarray) -> None:
    if not (np.isfinite(rates) & (rates >= 0)).all():
        wrong = rates[~(np.isfinite(rates) & (rates >= 0))].flat[0]
        raise InputError(f"{what}: a rate must be finite and not negative [kHz], got {wrong:g}")


def _one_or_like(ids: Any, times: np.ndarray) -> tuple[int, ...]:
    """Return the shape of ``times``, which ids must have, or be one number."""
    if np.ndim(ids) and np.shape(ids) != times.shape:
        raise ShapeError(f"SpikeTrain: {len(times)} times, but {np.size(ids)} ids")
    return times.shape
