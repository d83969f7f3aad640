"""What an import loads is a promise. The causes of a slow start are tested here, benchmarks/ measures the times."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import spikelet

SOURCE = Path(__file__).parents[1] / "src"
HEAVY = {"torch", "numba", "scipy", "matplotlib", "sklearn", "pooch", "nir"}


def loaded_by(code: str, blocked: str = "") -> set[str]:
    """Return the top-level modules in ``sys.modules`` after ``code`` has run in a fresh interpreter."""
    block = f"import sys; sys.modules[{blocked!r}] = None\n" if blocked else ""
    tail = "\nimport sys, json; print(json.dumps(sorted({name.split('.')[0] for name in sys.modules})))"
    path = os.pathsep.join([str(SOURCE), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, "-c", block + code + tail],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_the_import_itself_loads_nothing_heavy() -> None:
    loaded = loaded_by("import spikelet")
    assert "spikelet" in loaded
    assert not loaded & {*HEAVY, "numpy"}


@pytest.mark.parametrize(
    "code",
    [
        "spikelet.Neuron('N', 'dv/dt = -v/tau : mV; tau = 20 ms', threshold='v > 1 mV', reset='v = 0 mV')",
        "spikelet.neurons.LIF",
        "spikelet.surrogates",
        "spikelet.units.ms",
    ],
)
def test_describing_models_loads_nothing_heavy(code: str) -> None:
    assert not loaded_by(f"import spikelet; {code}") & HEAVY


def test_simulating_needs_neither_torch_nor_matplotlib() -> None:
    loaded = loaded_by("import spikelet; spikelet.run(spikelet.neurons.LIF, I=2, t=5, dt=1)", blocked="torch")
    assert "numpy" in loaded
    assert not loaded & {"matplotlib", "sklearn"}


def test_encoding_loads_nothing_that_runs_neurons() -> None:
    loaded_by("from spikelet import encode; import sys; assert 'spikelet.simulate' not in sys.modules")


def test_the_command_line_starts_without_torch() -> None:
    assert not loaded_by("import spikelet.cli") & {"torch", "matplotlib", "sklearn"}


def test_layers_without_torch_say_what_to_install() -> None:
    code = (
        "import spikelet\ntry: spikelet.nn\nexcept ModuleNotFoundError as error: assert 'spikelet[torch]' in str(error)"
    )
    loaded_by(code + "\nelse: raise SystemExit('no error')", blocked="torch")


def test_a_wrong_name_gets_the_nearest_one() -> None:
    with pytest.raises(AttributeError, match="module 'spikelet' has no attribute 'nuerons'; did you mean 'neurons'?"):
        spikelet.nuerons


def test_a_name_without_a_neighbour_is_a_plain_error() -> None:
    with pytest.raises(AttributeError, match="module 'spikelet' has no attribute 'xyzzy'$"):
        spikelet.xyzzy


def test_a_name_is_looked_up_once() -> None:
    vars(spikelet).pop("units", None)
    assert spikelet.units is vars(spikelet)["units"]
