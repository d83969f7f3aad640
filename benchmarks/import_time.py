"""How long does it take to start? Each case in fresh interpreters, alternating with ``import numpy``.

Target: under 0.2 s beyond numpy. tests/test_lazy_import.py holds the causes (what is loaded), this script the times.
"""

import json
import platform
import subprocess
import sys
from statistics import median
from time import perf_counter

import numpy as np

from spikelet import __version__

REPEATS = 9
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


def main() -> None:
    """Print one JSON line: the median of each case beyond numpy's own, in ms."""
    times: dict[str, list[float]] = {name: [] for name in CASES}
    for repeat in range(REPEATS + 1):
        for name, code in CASES.items():  # alternating, so that a busy minute hits all cases alike
            taken = seconds(code)
            if repeat:  # the first round fills the caches of files and byte code
                times[name].append(taken)
    base = median(times["import numpy"])
    beyond = {name: round((median(taken) - base) * 1e3, 1) for name, taken in times.items() if name != "import numpy"}
    versions = {"spikelet": __version__, "python": platform.python_version(), "numpy": np.__version__}
    record = {"name": "import_time", "unit": "ms beyond numpy", "target": 200.0, "floor": round(base * 1e3, 1)}
    print(json.dumps(record | {"ours": beyond, "versions": versions}))


if __name__ == "__main__":
    main()
