"""shapes.py is names only: it loads neither torch nor jaxtyping."""

import subprocess
import sys


def test_shapes_loads_nothing():
    modules = "[m for m in ('torch', 'jaxtyping', 'numpy') if m in sys.modules]"
    code = f"import sys, spikelet.shapes as s; s.Spikes; print({modules})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
