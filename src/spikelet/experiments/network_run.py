"""Run one of the networks of `spikelet.experiments.networks` and tell its numbers.

| number | what |
|---|---|
| `rates_hz` | population -> mean firing rate |
| `cv_isi` | coefficient of variation of the intervals, mean over neurons with at least 3 of them |
| `synchrony` | Golomb's chi of the spike counts in bins of 1 ms, of all neurons: 1 in unison, 1/sqrt(n) by chance |
| `neurons`, `synapses` | how many, sources and their connections not counted |
| `build_s` | wall time of the building |
| `core_s_per_bio_s` | CPU time for a second of the network |
| `events_per_s` | spikes delivered to targets per second of CPU time |
| `peak_rss_mb` | most memory of the process so far |
| `spike_hash` | sha256 of all (step, id) pairs in order, those of the beginning included |

Of the rest the beginning is left out: what starts up there, in the network and in the compiler, is not what is asked.
"""

import math
import time as clock
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from spikelet import analysis, plot
from spikelet.errors import InputError
from spikelet.experiments import networks, report
from spikelet.model import Neuron
from spikelet.sim.network import Network
from spikelet.sim.result import NetworkResult, join
from spikelet.units import Hz, ms, second

_BIN = 1 * ms
_SHOWN = 500 * ms  # a figure shows at most as much of the end


@dataclass(frozen=True)
class Outcome:
    """What came of a run.

    Attributes:
        numbers: for one line of JSON.
        result: the spikes after the beginning.
        interrupted: whether Ctrl-C ended it early.
    """

    numbers: dict[str, Any]
    result: NetworkResult
    interrupted: bool


def run(
    name: str,
    *,
    scale: float = 1.0,
    time: float = 1 * second,
    discard: float | None = None,
    seed: int = 0,
    threads: int = 1,
    to: Path | None = None,
    overwrite: bool = False,
) -> Outcome:
    """Build a network and run it.

    Args:
        name: a key of `networks.NETWORKS`.
        scale: share of its neurons.
        time: how long [ms].
        discard: how much of it is the beginning [ms]; a tenth if not given.
        seed: of all random numbers.
        threads: how many may share the work; the spikes are the same.
        to: folder into which spikes are recorded.
        overwrite: replace the recording that is there.

    Raises:
        InputError: an argument is wrong.
        DataError: the folder is there already, or cannot be written.
        KeyboardInterrupt: Ctrl-C in the beginning.
    """
    entry = networks.find(name)
    _check_threads(threads)
    discard = _beginning(time, discard, entry.dt)
    net = entry.make(scale, seed)
    begin = clock.perf_counter()
    net.build(entry.dt)
    build = clock.perf_counter() - begin
    parts = [net.run(discard, to=to, overwrite=overwrite, threads=threads)] if discard else []
    if parts and parts[0].interrupted:
        raise KeyboardInterrupt
    begin = clock.process_time()
    result = net.run(time - discard, to=to, overwrite=overwrite and not parts, threads=threads)
    cpu = clock.process_time() - begin
    given = {"network": name, "scale": scale, "seed": seed, "threads": threads}
    given |= {"time_ms": _short(result.t_stop), "discard_ms": _short(discard)}
    numbers = given | activity(result) | cost(net, result, build, cpu)
    return Outcome(numbers | {"spike_hash": join([*parts, result]).spike_hash()}, result, result.interrupted)


def _check_threads(threads: int) -> None:
    if threads < 1:
        raise InputError(f"--threads must be at least 1, not {threads}")


def _beginning(time: float, discard: float | None, dt: float) -> float:
    if not 0 < time < math.inf:
        raise InputError(f"--time must be positive, not {time:g} ms")
    if discard is None:
        discard = round(time / 10 / dt) * dt
    if not 0 <= discard < time:
        raise InputError(f"--discard must be at least 0 and less than the time of {time:g} ms, not {discard:g} ms")
    return discard


def activity(result: NetworkResult) -> dict[str, Any]:
    """Return rates, irregularity and synchrony of a result."""
    times, ids, n = columns(result)
    chi = math.nan
    if result.t_stop - result.t_start >= _BIN:
        chi = analysis.synchrony(times, ids, n, start=result.t_start, stop=result.t_stop, width=_BIN)
    return {
        "rates_hz": {name: _short(result[name].rate() / Hz) for name in result.names},
        "cv_isi": _short(analysis.cv_isi(times, ids)),
        "synchrony": _short(chi),
    }


def columns(result: NetworkResult) -> tuple[np.ndarray, np.ndarray, int]:
    """Return times and ids of the spikes of all populations, numbered through, and the number of neurons."""
    first = np.cumsum([0, *(result[name].n for name in result.names)])
    times = np.concatenate([result[name].spikes.times for name in result.names])
    ids = np.concatenate([result[name].spikes.ids + b for name, b in zip(result.names, first, strict=False)])
    return times, ids, int(first[-1])


def cost(net: Network, result: NetworkResult, build: float, cpu: float) -> dict[str, Any]:
    """Return how large a network is, and what it costs.

    Args:
        net: built.
        result: of a part of its run.
        build: wall time of building [s].
        cpu: CPU time of that part [s].
    """
    inner = [p for p in net.projections.values() if isinstance(p.pre.population.model, Neuron)]
    neurons = [p for p in net.populations.values() if isinstance(p.model, Neuron)]
    bio = (result.t_stop - result.t_start) / second
    return {
        "neurons": sum(map(len, neurons)),
        "synapses": sum(map(len, inner)),
        "build_s": _short(build),
        "core_s_per_bio_s": _short(cpu / bio),
        "events_per_s": _short(events(net, result) / cpu),
        "peak_rss_mb": _short(peak_rss()),
    }


def events(net: Network, result: NetworkResult) -> int:
    """Return how many times a spike of a result was delivered to a neuron."""
    built, populations = net.built, net.populations
    if built is None:
        return 0
    return sum(int(result[name].spikes.counts() @ built.reached(populations[name])) for name in result.names)


def peak_rss() -> float:
    """Return the most memory that the process has held [MB], NaN where the system does not tell."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return math.nan
    sizes = [int(line.split()[1]) for line in lines if line.startswith("VmHWM:")]  # kB
    return sizes[0] * 1024 / 1e6 if sizes else math.nan


def text(numbers: Mapping[str, Any]) -> str:
    """Return the numbers as lines to read."""
    rates = numbers["rates_hz"]
    width = max(map(len, rates))
    size = f"{numbers['neurons']:,} neurons, {numbers['synapses']:,} synapses"
    cost = f"{numbers['core_s_per_bio_s']:.3g} core-seconds for a second of the network"
    events = f"{numbers['events_per_s'] / 1e6:.3g} M events per core-second"
    return "\n".join(
        (
            f"{numbers['network']}: {size}, {numbers['time_ms']:g} ms (seed {numbers['seed']})",
            *(f"  {name:{width}} {rate:8.3f} Hz" for name, rate in rates.items()),
            f"CV of intervals {_told(numbers['cv_isi'])}, synchrony {_told(numbers['synchrony'])}",
            f"built in {numbers['build_s']:.2g} s; {cost}; {events}",
        )
    )


def draw(outcome: Outcome, path: Path) -> None:
    """Draw raster and rates of the end of a run into a file.

    Raises:
        DataError: it cannot be written.
    """
    result, numbers = outcome.result, outcome.numbers
    drawn, axes = plot.figure(9, 6.4, rows=2, heights=(3, 1))
    start = max(result.t_start, result.t_stop - _SHOWN)
    populations = {name: result[name].spikes for name in result.names}
    plot.populations(populations, start=start, stop=result.t_stop, ax=axes)
    irregular, together = _told(numbers["cv_isi"]), _told(numbers["synchrony"])
    axes[0].set_title(f"{numbers['network']}: CV of intervals {irregular}, synchrony {together}")
    report.write_figure(path, drawn)


def _told(value: float | None) -> str:
    return "unknown (too few spikes)" if value is None else f"{value:.3f}"


def _short(value: float) -> float | None:
    """Return a number with six digits, None for NaN, which JSON does not know."""
    return float(f"{value:.6g}") if math.isfinite(value) else None
