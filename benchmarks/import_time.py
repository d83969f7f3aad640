"""How long does it take to start? Each case in fresh interpreters, alternating with ``import numpy``.

Target: under 0.2 s beyond numpy. tests/test_lazy_import.py holds the causes (what is loaded), this script the times.
"""

import subprocess
import sys
from collections.abc import Iterator
from statistics import median
from time import perf_counter
from typing import Any

from benchmarks import harness
from benchmarks.harness import Bound

CASES = {
    "import numpy": "import numpy",
    "import spikelet": "import numpy, spikelet",
    "spikelet.Neuron": "import numpy, spikelet; spikelet.Neuron",
    "spikelet.neurons": "import numpy, spikelet; spikelet.neurons",
    "spikelet.run": "import numpy, spikelet; spikelet.run",
    "spikelet.nn (torch)": "import numpy, spikelet; spikelet.nn",
}


def seconds(code: str) -> float:
    """Return the wall time of a fresh interpreter that runs ``code``."""
    start = perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True)
    return perf_counter() - start


def lines(options: harness.Options) -> Iterator[dict[str, Any]]:
    """Tell the median of each case beyond numpy's own."""
    times: dict[str, list[float]] = {name: [] for name in CASES}
    for repeat in range(options.rounds + 1):
        for name, code in CASES.items():  # alternating, so that a busy minute hits all cases alike
            taken = seconds(code)
            if repeat:  # the first round fills the caches of files and byte code
                times[name].append(taken)
    base = median(times.pop("import numpy"))
    beyond = {name: round((median(taken) - base) * 1e3, 1) for name, taken in times.items()}
    floor = {"import numpy": round(base * 1e3, 1)}
    more = {"unit": "ms beyond numpy", "floor": floor, "rounds": options.rounds}
    yield harness.plain("import_time", ["fresh process"], beyond, [Bound("import spikelet", at_most=200)], **more)


if __name__ == "__main__":
    chosen = harness.options(__doc__, rounds=9)
    harness.finish(lines(chosen), record=chosen.record)
