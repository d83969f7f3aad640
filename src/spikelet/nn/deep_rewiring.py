"""Sparse layers that are trained with a fixed number of connections, which find their places meanwhile (DEEP R)."""

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

from spikelet import random
from spikelet.errors import InputError

_NOISE, _WAKE, _START, _SIGN = 0, 1, 2, 3  # streams of random numbers, each layer has four of its own
_LAYER = 4
_TINY = 1e-12  # theta of a connection that has just woken


class DeepRewiring:
    """Keeps the number of connections of layers while an optimiser trains their weights.

    Each weight is ``sign*theta`` with a sign that stays. After each step of the optimiser, `step` lets every ``theta``
    lose ``lr*l1`` and adds noise; a connection whose ``theta`` is then below 0 goes dormant, and another one, drawn
    from all dormant ones, wakes. Weights of dormant connections are 0, and so are their gradients and what the
    optimiser remembers of them, so that none wakes by momentum.

    Args:
        layers: Modules with a ``weight`` of shape (out, in), such as ``nn.Linear``; or a model, for all of its linear
            layers.
        connectivity: Share of the weights that are connected, one number or one for each layer.
        lr: Learning rate of the optimiser.
        l1: How fast ``theta`` decays.
        temperature: Of the noise, whose standard deviation is ``sqrt(2*lr*temperature)``.
        optimizer: The optimiser, whose memory of a connection is cleared when it wakes; None where it has none (plain
            gradient descent).
        seed: Of which connections there are, of signs and noise.

    Attributes:
        rewired: How many connections have gone dormant so far.

    Raises:
        InputError: an argument is wrong.

    Example:
        >>> layer = torch.nn.Linear(20, 10)
        >>> deep = DeepRewiring([layer], connectivity=0.1, lr=0.05, l1=0.01)
        >>> int((layer.weight != 0).sum()), deep.active(layer)
        (20, 20)
    """

    def __init__(
        self, layers: nn.Module | Iterable[nn.Module], *, connectivity: float | Iterable[float], lr: float,
        l1: float = 0.0, temperature: float = 0.0, optimizer: torch.optim.Optimizer | None = None, seed: int = 0,
    ):  # fmt: skip
        found = _linear(layers) if isinstance(layers, nn.Module) else list(layers)
        shares = [connectivity] * len(found) if isinstance(connectivity, int | float) else list(connectivity)
        for what, value in (("lr", lr), ("l1", l1), ("temperature", temperature)):
            if not (isinstance(value, int | float) and 0 <= value < float("inf")):
                raise InputError(f"DeepRewiring: {what} must be a number that is not negative, got {value!r}"[:200])
        if not found or len(shares) != len(found):
            raise InputError(f"DeepRewiring: {len(shares)} numbers connectivity= for {len(found)} layers")
        self.lr, self.l1, self.temperature, self.optimizer = lr, l1, temperature, optimizer
        self.seed, self.steps, self.rewired = random.whole(seed), 0, 0
        self._layers = [
            self._begun(k, layer, share) for k, (layer, share) in enumerate(zip(found, shares, strict=True))
        ]

    def _begun(self, number: int, layer: nn.Module, share: Any) -> tuple[nn.Module, Tensor, Tensor]:
        """Choose connections and signs of a layer; returns it with both, the signs flat."""
        weight = getattr(layer, "weight", None)
        if not isinstance(weight, nn.Parameter) or weight.ndim != 2:
            raise InputError(f"DeepRewiring: {type(layer).__name__} has no weight of shape (out, in)")
        if not (isinstance(share, int | float) and 0 < share <= 1):
            raise InputError(f"DeepRewiring: connectivity must lie above 0 and be at most 1, got {share!r}"[:200])
        element = torch.arange(weight.numel(), device=weight.device)
        keys = random.uniform_torch(self.seed, 0, element, number * _LAYER + _START)
        chosen = torch.argsort(keys, stable=True)[: max(1, round(share * weight.numel()))]
        active = torch.zeros(weight.numel(), dtype=torch.bool, device=weight.device)
        active[chosen] = True
        words = random.bits_torch(self.seed, 0, element, number * _LAYER + _SIGN)[0]
        sign = torch.where((words & 1).bool(), 1.0, -1.0).to(weight.dtype)
        with torch.no_grad():
            weight.copy_((sign * weight.reshape(-1).abs() * active).view_as(weight))
        weight.register_hook(lambda gradient: gradient * active.view_as(gradient))
        return layer, active, sign

    def active(self, layer: nn.Module) -> int:
        """Return how many connections a layer has."""
        return int(next(active for one, active, _ in self._layers if one is layer).sum())

    @torch.no_grad()
    def step(self) -> None:
        """Rewire all layers; to be called after each step of the optimiser."""
        self.steps += 1
        for number, (layer, active, sign) in enumerate(self._layers):
            weight = layer.weight
            assert isinstance(weight, nn.Parameter)  # see _begun
            places = active.nonzero().squeeze(1)
            theta = sign[places] * weight.reshape(-1)[places] - self.lr * self.l1
            if self.temperature:
                noise = random.normal_torch(self.seed, self.steps, places, number * _LAYER + _NOISE)
                theta += (2 * self.lr * self.temperature) ** 0.5 * noise.to(theta.dtype)
            dead = places[theta < 0]
            active[dead] = False
            woken = self._woken(number, active, len(dead))
            flat = torch.zeros_like(sign)
            flat[places] = sign[places] * theta.clamp(min=0)
            active[woken] = True
            flat[woken] = sign[woken] * _TINY
            weight.copy_(flat.view_as(weight))
            self._forget(weight, torch.cat([dead, woken]))
            self.rewired += len(dead)

    def _woken(self, number: int, active: Tensor, count: int) -> Tensor:
        """Draw dormant connections, each as likely as another."""
        n, stream = active.numel(), number * _LAYER + _WAKE
        if 2 * (int(active.sum()) + count) > n:  # few are dormant: all of them in a random order
            dormant = (~active).nonzero().squeeze(1)
            keys = random.uniform_torch(self.seed, self.steps, dormant, stream)
            return dormant[torch.topk(keys, count, largest=False).indices]
        found, draw = active.new_zeros(0, dtype=torch.int64), 0
        while len(found) < count:
            element = torch.arange(2 * count, device=active.device)
            high, low, _, _ = random.bits_torch(self.seed, self.steps, element, stream, draw)
            drawn = (high * 2**31 + low // 2) % n
            found, draw = _first(torch.cat([found, drawn[~active[drawn]]])), draw + 1
        return found[:count]

    def _forget(self, weight: nn.Parameter, places: Tensor) -> None:
        """Clear what the optimiser remembers of some weights."""
        remembered = self.optimizer.state.get(weight, {}) if self.optimizer is not None else {}
        for value in remembered.values():
            if isinstance(value, Tensor) and value.shape == weight.shape:
                value.view(-1)[places] = 0


def _linear(model: nn.Module) -> list[nn.Module]:
    return [module for module in model.modules() if isinstance(module, nn.Linear)]


def _first(numbers: Tensor) -> Tensor:
    """Return the numbers without those that have come before, in their order."""
    order = torch.sort(numbers, stable=True)
    new = torch.ones_like(numbers, dtype=torch.bool)
    new[1:] = order.values[1:] != order.values[:-1]
    return numbers[torch.sort(order.indices[new]).values]
