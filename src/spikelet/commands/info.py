"""``spikelet info``: versions, back ends, data sets."""

import argparse
import json


def describe_info(parser: argparse.ArgumentParser) -> None:
    """Describe the options of ``spikelet info``."""
    parser.add_argument("--json", action="store_true", help="print one line of JSON")


def info(options: argparse.Namespace) -> int:
    """Print versions, back ends and the data sets that were found."""
    found = {"versions": _versions(), "backends": _backends(), "data": _data()}
    if options.json:
        print(json.dumps(found))
        return 0
    for title, rows in found.items():
        print(title)
        for name, value in rows.items():
            print(f"  {name:16} {value}")
    return 0


def _versions() -> dict[str, str]:
    import platform
    from importlib.metadata import PackageNotFoundError, version

    from spikelet import __version__

    rows = {"spikelet": __version__, "python": platform.python_version(), "system": platform.platform()}
    for name in ("numpy", "scipy", "llvmlite", "torch", "safetensors", "matplotlib", "scikit-learn", "nir", "triton"):
        try:
            rows[name] = version(name)
        except PackageNotFoundError:
            rows[name] = "not installed"
    return rows


def _backends() -> dict[str, str]:
    from importlib.util import find_spec

    from spikelet import simulate

    rows = dict(simulate.BACKENDS)
    if find_spec("torch") is None:
        return rows | {"torch_eager": "not ready: pip install 'spikelet[torch]'"}
    import torch

    gpus = [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())]
    return rows | {"devices": ", ".join(["cpu", *gpus]), "threads": str(torch.get_num_threads())}


def _data() -> dict[str, str]:
    from spikelet import datasets

    return {name: str(place) for name, place in datasets.available().items()}
