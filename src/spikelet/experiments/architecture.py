"""The networks that recipes name, as layers of torch."""

from typing import TYPE_CHECKING

from spikelet.errors import InputError

if TYPE_CHECKING:
    import torch

    from spikelet import nn
    from spikelet.experiments.recipes import Recipe

SENSOR = (34, 34)
"""Rows and columns of what a convolution sees."""

_KERNEL, _STRIDE = 5, 2


def build(recipe: "Recipe", inputs: int, classes: int) -> "nn.Sequential":
    """Return the network of a recipe, its weights drawn from the recipe's seed.

    Args:
        recipe: what to build.
        inputs: pixels of an image, channels of a sound, polarities of events.
        classes: number of classes.

    Raises:
        InputError: the image has become too small for another layer.
    """
    import torch

    from spikelet import neurons, nn

    readout = getattr(neurons, recipe.readout)(**recipe.readout_parameters)
    with torch.random.fork_rng(devices=[]):  # leave the caller's generator alone
        torch.manual_seed(recipe.seed)
        if recipe.network == "convolution":
            layers, last = _convolutions(recipe, inputs)
        else:
            layers, last = _dense(recipe, inputs)
        layers += [torch.nn.Linear(last, classes)]
    return nn.Sequential(*layers, nn.Neurons(readout, dt=recipe.dt, surrogate=_surrogate(recipe), output="v"))


def _dense(recipe: "Recipe", inputs: int) -> "tuple[list[torch.nn.Module], int]":
    """Return hidden layers, each heard by the next, and by itself where the network is recurrent."""
    import torch

    from spikelet import nn

    layers: list[torch.nn.Module] = []
    for size in recipe.hidden:
        layers += [torch.nn.Linear(inputs, size)]
        cells = _cells(recipe)
        if recipe.network == "recurrent":
            feedback = torch.nn.Linear(size, size, bias=False)
            with torch.no_grad():
                feedback.weight.mul_(recipe.feedback)
            layers += [nn.Recurrent(cells, feedback)]
        else:
            layers += [cells]
        inputs = size
    return layers, inputs


def _convolutions(recipe: "Recipe", inputs: int) -> "tuple[list[torch.nn.Module], int]":
    """Return layers of feature maps, and the number of their last neurons."""
    import torch

    layers: list[torch.nn.Module] = []
    height, width = SENSOR
    for maps in recipe.hidden:
        if min(height, width) < _KERNEL:
            raise InputError(
                f"hidden: {len(recipe.hidden)} convolutions are too many for {SENSOR[0]} x {SENSOR[1]} pixels"
            )
        layers += [torch.nn.Conv2d(inputs, maps, _KERNEL, _STRIDE), _cells(recipe)]
        height, width = ((size - _KERNEL) // _STRIDE + 1 for size in (height, width))
        inputs = maps
    return [*layers, torch.nn.Flatten()], inputs * height * width


def _cells(recipe: "Recipe") -> "nn.Neurons":
    from spikelet import neurons, nn

    model = getattr(neurons, recipe.neuron)(**recipe.neuron_parameters)
    return nn.Neurons(model, dt=recipe.dt, surrogate=_surrogate(recipe))


def _surrogate(recipe: "Recipe"):
    from spikelet import surrogates

    return getattr(surrogates, recipe.surrogate)(**recipe.surrogate_parameters)
