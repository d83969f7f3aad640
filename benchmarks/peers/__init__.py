"""Other libraries, each in one file that is imported only when it runs.

A file of a library on torch offers three parts, each a module from (T, B, *N) to (T, B, *N), with a membrane that keeps
``beta`` of itself in a step, a threshold of 1 and, where the library has it, the arctan surrogate of our own default:

    lif(shape)         spikes of a layer of leaky integrate-and-fire neurons; ``shape`` is N
    readout(size)      the membrane of leaky integrators without spikes
    recurrent(size)    spikes of a layer whose spikes enter the next step through a Linear(size, size)

`benchmarks.networks` builds the networks from them. A file on JAX (``spyx``) offers the jobs of the networks itself,
``bindsnet`` its own network of Diehl & Cook.
Sequences are taken apart with ``unbind`` wherever that is in the caller's hand: indexing ``x[t]`` in a loop makes the
backward pass quadratic in the number of steps.
"""

from collections.abc import Iterable
from importlib import import_module
from types import ModuleType

TORCH = ("torch_loop", "snntorch", "spikingjelly", "norse", "sinabs", "rockpool")
ALL = (*TORCH, "spyx")
LEARNING = ("bindsnet",)  # networks that learn by local rules; see benchmarks.diehl_cook
SIMULATORS = ("brian2", "nest")  # of networks; see benchmarks.simulators
PACKAGES = ("torch", "snntorch", "spikingjelly", "norse", "sinabs", "rockpool", "spyx", "jax")


def load(names: Iterable[str]) -> tuple[dict[str, ModuleType], dict[str, str]]:
    """Import these peers.

    Returns:
        Name -> module of those that can be imported, and name -> reason of the others.
    """
    found, missing = {}, {}
    for name in names:
        try:
            found[name] = import_module(f"benchmarks.peers.{name}")
        except Exception as error:  # whatever goes wrong in a library that is not ours is its reason, and is reported
            missing[name] = f"{type(error).__name__}: {error}"
    return found, missing
