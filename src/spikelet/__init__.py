"""Spikelet: spiking neural networks from equations.

A neuron is written once, as equations; a small compiler turns that text into a reference simulation and into torch
layers that train.

Example:
    >>> import spikelet as sl
    >>> sl.neurons.LIF(tau_mem=10 * sl.units.ms).parameters["tau_mem"]
    10.0

Names arrive on first use, so ``import spikelet`` itself loads neither torch nor numba, scipy or matplotlib.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # what __getattr__ does at run time, spelled out for type checkers and editors
    from spikelet import (
        datasets as datasets,
        encode as encode,
        errors as errors,
        neurons as neurons,
        nn as nn,
        plot as plot,
        surrogates as surrogates,
        units as units,
    )
    from spikelet.model import Neuron as Neuron, Surrogate as Surrogate
    from spikelet.simulate import run as run, show as show

__version__ = "0.1.0"

_MODULES = ("datasets", "encode", "errors", "neurons", "nn", "plot", "surrogates", "units")
_HOME = {"Neuron": "model", "Surrogate": "model", "run": "simulate", "show": "simulate"}  # name -> its module

__all__ = ["Neuron", "Surrogate", "__version__", *_MODULES, "run", "show"]  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        value = getattr(import_module(f"spikelet.{_HOME[name]}"), name)
    elif name in _MODULES:
        value = _module(name)
    else:
        from spikelet.errors import did_you_mean

        raise AttributeError(f"module 'spikelet' has no attribute '{name}'{did_you_mean(name, __all__)}")
    globals()[name] = value  # the next access is an ordinary one
    return value


def _module(name: str) -> Any:
    try:
        return import_module(f"spikelet.{name}")
    except ModuleNotFoundError as error:
        if error.name != "torch":
            raise
        text = f"spikelet.{name} needs torch, which is not installed: pip install 'spikelet[torch]'"
        raise ModuleNotFoundError(text, name="torch") from error


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
