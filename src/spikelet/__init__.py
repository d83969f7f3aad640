"""Spikelet: spiking neural networks from equations.

A neuron, a synapse or a learning rule is written once, as equations; a small compiler turns that text into torch layers
that train, into the simulation of a network, and into a reference simulation.

Example:
    >>> import spikelet as sl
    >>> sl.neurons.LIF(tau_mem=10 * sl.units.ms).parameters["tau_mem"]
    10.0

Names arrive on first use, so ``import spikelet`` itself loads neither torch nor scipy or matplotlib.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # what __getattr__ does at run time, spelled out for type checkers and editors
    from spikelet import (
        analysis as analysis,
        audio as audio,
        datasets as datasets,
        decode as decode,
        encode as encode,
        errors as errors,
        events as events,
        neurons as neurons,
        nn as nn,
        plot as plot,
        rules as rules,
        surrogates as surrogates,
        synapses as synapses,
        units as units,
    )
    from spikelet.model import Neuron as Neuron, Surrogate as Surrogate
    from spikelet.rule import Rule as Rule
    from spikelet.sim.connect import (
        all_to_all as all_to_all,
        convolution as convolution,
        distance as distance,
        expression as expression,
        fixed_indegree as fixed_indegree,
        fixed_outdegree as fixed_outdegree,
        fixed_probability as fixed_probability,
        fixed_total as fixed_total,
        from_arrays as from_arrays,
        from_matrix as from_matrix,
        low_rank as low_rank,
        one_to_one as one_to_one,
        pairwise_poisson as pairwise_poisson,
        small_world as small_world,
    )
    from spikelet.sim.currents import Current as Current
    from spikelet.sim.distributions import lognormal as lognormal, normal as normal, uniform as uniform
    from spikelet.sim.network import Network as Network
    from spikelet.sim.population import Population as Population
    from spikelet.sim.projection import Projection as Projection
    from spikelet.sim.record import every as every
    from spikelet.sim.result import NetworkResult as NetworkResult
    from spikelet.sim.sources import Poisson as Poisson, SpikeTrain as SpikeTrain
    from spikelet.sim.stop import stop_after_spikes as stop_after_spikes
    from spikelet.sim.symmetric import symmetric as symmetric
    from spikelet.simulate import run as run, show as show
    from spikelet.synapse import Synapse as Synapse

__version__ = "0.1.0"

_MODULES = (
    "analysis", "audio", "datasets", "decode", "encode", "errors", "events", "neurons", "nn", "plot", "rules",
    "surrogates", "synapses", "units",
)  # fmt: skip
_PLACES = {  # module -> the names that it gives
    "model": "Neuron Surrogate",
    "synapse": "Synapse",
    "rule": "Rule",
    "simulate": "run show",
    "sim.network": "Network",
    "sim.record": "every",
    "sim.result": "NetworkResult",
    "sim.stop": "stop_after_spikes",
    "sim.population": "Population",
    "sim.projection": "Projection",
    "sim.currents": "Current",
    "sim.sources": "Poisson SpikeTrain",
    "sim.distributions": "lognormal normal uniform",
    "sim.connect": "all_to_all convolution distance expression fixed_indegree fixed_outdegree fixed_probability "
    "fixed_total from_arrays from_matrix low_rank one_to_one pairwise_poisson small_world",
    "sim.symmetric": "symmetric",
}
_HOME = {name: module for module, names in _PLACES.items() for name in names.split()}

__all__ = ["__version__", *_MODULES, *_HOME]  # pyright: ignore[reportUnsupportedDunderAll]


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
