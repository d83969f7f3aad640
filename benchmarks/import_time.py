"""How long does it take to start? Each case in fresh interpreters, alternating with ``import numpy``.

Target: under 0.2 s beyond numpy. tests/test_lazy_import.py holds the causes (what is loaded), this script the times.
"""

import subprocess
import sys
from statistics import median
from time import perf_counter

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
    """Print median and minimum of each case, and what it takes beyond numpy."""
    times: dict[str, list[float]] = {name: [] for name in CASES}
    for repeat in range(REPEATS + 1):
        for name, code in CASES.items():  # alternating, so that a busy minute hits all cases alike
            taken = seconds(code)
            if repeat:  # the first round fills the caches of files and byte code
                times[name].append(taken)
    base = median(times["import numpy"])
    print(f"{'case':<22}{'median ms':>11}{'min ms':>9}{'beyond numpy ms':>18}")
    for name, taken in times.items():
        beyond = median(taken) - base
        print(f"{name:<22}{median(taken) * 1e3:>11.0f}{min(taken) * 1e3:>9.0f}{beyond * 1e3:>18.0f}")


if __name__ == "__main__":
    main()
