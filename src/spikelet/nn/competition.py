"""Competition: neurons of a layer that keep each other from firing, and, in convolutions, from learning.

Inhibition is a layer with fixed weights: what fires in step k takes away from the others in step k + 1. As a plain
`Linear` it goes wherever a module or a matrix is wanted: ``nn.Recurrent(cells, lateral_inhibition(n, 5.0))``. It comes
a step late, so neurons that reach the threshold in the same step all fire; who wants one winner in a step takes
`WinnersTakeAll`, or `Plastic` with ``winners=``, which decide within the step.
"""

import math
from numbers import Real

import torch
from torch import Tensor

from spikelet.errors import InputError, ShapeError
from spikelet.nn.arguments import count
from spikelet.nn.linear import Linear


def lateral_inhibition(neurons: int, strength: float) -> Linear:
    """Return a layer by which each spike takes ``strength`` from every other neuron.

    Args:
        neurons: their number N.
        strength: at least 0, in the unit of what it is delivered to.

    Returns:
        From spikes (..., N) to what they take away (..., N): the weights are -strength, and 0 on the diagonal.

    Raises:
        InputError: there are no neurons, or the strength is negative.

    Example:
        >>> lateral_inhibition(3, 5.0)(torch.tensor([1.0, 0.0, 0.0])).abs().tolist()
        [0.0, 5.0, 5.0]
    """
    size, strength = count("neurons", neurons), _amount("strength", strength)
    return _fixed(0 - strength * (1 - torch.eye(size)))


def lattice_inhibition(neurons: int, strength: float, most: float = math.inf) -> Linear:
    """Return a layer by which neurons on a square lattice inhibit others, the more the farther away they are.

    The weight is -min(most, strength*sqrt(d)) at the distance d, in steps of the lattice; neuron i stands in row
    i // sqrt(N) and column i % sqrt(N). So neighbours fire together, and come to stand for similar things.

    Args:
        neurons: their number N, a square.
        strength: of the inhibition of the next neighbours, at least 0.
        most: upper bound, at least 0.

    Returns:
        From spikes (..., N) to what they take away (..., N).

    Raises:
        InputError: the number is no square, or an amount is negative.

    Source:
        Hazan, Saunders, Sanghavi, Siegelmann & Kozma 2018, Unsupervised learning with self-organizing spiking neural
        networks, section II.

    Example:
        >>> lattice_inhibition(4, 2.0, most=2.2).weight[0].abs()
        tensor([0.0000, 2.0000, 2.0000, 2.2000])
    """
    size, strength = count("neurons", neurons), _amount("strength", strength)
    most = _amount("most", most, finite=False)
    side = math.isqrt(size)
    if side * side != size:
        raise InputError(f"lattice_inhibition: neurons is {size}, expected a square such as {side * side}")
    place = torch.stack(torch.meshgrid(torch.arange(side), torch.arange(side), indexing="ij"), -1).reshape(-1, 2)
    distance = torch.cdist(place.double(), place.double(), compute_mode="donot_use_mm_for_euclid_dist")
    return _fixed((0 - (strength * distance.sqrt()).clamp(max=most)).to(torch.get_default_dtype()))


def inhibition_level(done: float, low: float, high: float, *, p_low: float = 0.1, p_grow: float = 0.0) -> float:
    """Return the strength of inhibition after a share of the training: low first, so that many learn, then high.

    Args:
        done: share of the training that is over, 0 to 1.
        low: level at the beginning.
        high: level at the end.
        p_low: share of the training at the low level.
        p_grow: share in which it grows evenly from low to high; 0 is the two-level scheme.

    Raises:
        InputError: a share is none, the two together are more than all, or a level is negative.

    Source:
        Hazan et al. 2018, section II (two-level inhibition; increasing inhibition).

    Example:
        >>> [inhibition_level(done, 1.0, 17.0, p_low=0.25, p_grow=0.5) for done in (0.2, 0.5, 0.9)]
        [1.0, 9.0, 17.0]
    """
    for name, share in (("done", done), ("p_low", p_low), ("p_grow", p_grow)):
        if not isinstance(share, Real) or not 0 <= share <= 1:
            raise InputError(f"inhibition_level: {name} is {share!r}, expected a share from 0 to 1")
    low, high = _amount("low", low), _amount("high", high)
    if p_low + p_grow > 1:
        raise InputError(f"inhibition_level: p_low + p_grow is {p_low + p_grow:g}, expected at most 1")
    if done < p_low:
        return low
    return low + (high - low) * (done - p_low) / p_grow if done < p_low + p_grow else high


def winners(excess: Tensor, k: int = 1, among: Tensor | None = None) -> Tensor:
    """Return who fires where at most k may: those that are furthest above the threshold.

    Args:
        excess: (B, *N) distance above the threshold, of any unit.
        k: how many of the neurons of a sample may win.
        among: (B, *N) bool, who has reached the threshold; default: ``excess > 0``.

    Returns:
        (B, *N) bool. Of equal ones the first in memory win.

    Raises:
        InputError: k is no positive integer.
        ShapeError: there is no batch, or ``among`` has another shape.

    Example:
        >>> winners(torch.tensor([[0.2, -1.0, 0.7, 0.7]]), k=2).tolist()
        [[False, False, True, True]]
    """
    k = count("winners: k", k)
    if not isinstance(excess, Tensor):
        raise InputError(f"winners: excess is a {type(excess).__name__}, expected a tensor (B, *N)")
    among = excess > 0 if among is None else among
    if excess.ndim < 2 or among.shape != excess.shape or among.dtype != torch.bool:
        raise ShapeError(
            f"winners: excess {tuple(excess.shape)} and among {tuple(among.shape)} ({among.dtype}), "
            "expected one shape (B, *N), and bool"
        )
    rows = torch.where(among, excess.detach(), -math.inf).flatten(1)
    if k >= rows.shape[1]:
        return among.clone()
    last = rows.topk(k, dim=1).values[:, -1:]  # of the winners the weakest, whose equals may be too many
    above, equal = rows > last, (rows == last) & among.flatten(1)
    room = k - above.sum(1, keepdim=True)
    return (above | (equal & (equal.cumsum(1) <= room))).view_as(among)


def silence_later_maps(step: Tensor, potential: Tensor, steps: int) -> Tensor:
    """Return who still fires where at each place only one map does: the one that is first.

    Args:
        step: (B, M, H, W) integers, step of the only spike of each neuron; ``steps`` where it is silent.
        potential: (B, M, H, W) with which it fired: of those of the same step the highest wins, then the first.
        steps: T.

    Returns:
        (B, M, H, W) as ``step``, T where a neuron is silenced.

    Source:
        Kheradpisheh, Ganjtabesh, Thorpe & Masquelier 2018, section 2.2 (lateral inhibition).

    Example:
        >>> step = torch.tensor([3, 2, 2, 9]).reshape(1, 4, 1, 1)
        >>> potential = torch.tensor([9.0, 5.0, 6.0, 0.0]).reshape(1, 4, 1, 1)
        >>> silence_later_maps(step, potential, steps=9).flatten().tolist()
        [9, 9, 2, 9]
    """
    best = _urgency(step, potential, steps).argmax(1, keepdim=True)
    wins = torch.zeros_like(step, dtype=torch.bool).scatter_(1, best, True)
    return torch.where(wins, step, steps).to(step.dtype)


def learning_neurons(step: Tensor, potential: Tensor, steps: int, k: int, radius: int) -> list[tuple[int, int, int]]:
    """Return the neurons of a sample that may learn: of each map at most the earliest, at most k, not near each other.

    The earliest neuron of all is taken; its map, and all neurons less than ``radius`` + 1 rows and columns away, are
    out; and so on. Of neurons that fire in the same step that of the highest potential counts as earlier.

    Args:
        step: (M, H, W) integers, step of the only spike; ``steps`` where a neuron is silent, which never learns.
        potential: (M, H, W) with which it fired.
        steps: T.
        k: how many may learn.
        radius: of the neighbourhood, in places.

    Returns:
        (map, row, column) of each, in the order in which they were taken.

    Source:
        Kheradpisheh et al. 2018, section 2.3 (STDP competition); Mozafari et al. 2019, SpykeTorch.

    Example:
        >>> step = torch.tensor([[[1, 9, 2]], [[3, 9, 4]]])
        >>> learning_neurons(step, torch.ones(2, 1, 3), steps=9, k=2, radius=1)
        [(0, 0, 0), (1, 0, 2)]
    """
    k, radius = count("learning_neurons: k", k), count("learning_neurons: radius", radius, least=0)
    if step.ndim != 3 or step.shape != potential.shape:
        raise ShapeError(
            f"learning_neurons: step {tuple(step.shape)}, potential {tuple(potential.shape)}, expected both (M, H, W)"
        )
    urgency, found = _urgency(step[None], potential[None], steps)[0], []
    _, height, width = urgency.shape
    for _ in range(k):
        first = int(urgency.argmax())
        m, y, x = first // (height * width), first // width % height, first % width
        if urgency[m, y, x] == -math.inf:
            break
        found.append((m, y, x))
        urgency[m] = -math.inf
        urgency[:, max(0, y - radius) : y + radius + 1, max(0, x - radius) : x + radius + 1] = -math.inf
    return found


def _urgency(step: Tensor, potential: Tensor, steps: int) -> Tensor:
    """Return numbers in the order of first spikes, then of potentials; those of the silent are -infinity."""
    if step.shape != potential.shape or step.ndim != 4:
        raise ShapeError(
            f"step has shape {tuple(step.shape)}, potential {tuple(potential.shape)}, expected both (B, M, H, W)"
        )
    fires, height = step < steps, potential.double()
    height = torch.where(fires, height, 0.0)
    between = 2 * float(height.abs().max()) + 1 if height.numel() else 1.0  # more than potentials can differ by
    return torch.where(fires, height - step.double() * between, -math.inf)


def _fixed(weight: Tensor) -> Linear:
    """Return a layer of these weights, (N, N), which are not learnt."""
    layer = Linear(len(weight), len(weight), bias=False, dtype=weight.dtype).requires_grad_(False)
    layer.weight.copy_(weight)
    return layer


def _amount(name: str, value: object, finite: bool = True) -> float:
    number = float(value) if isinstance(value, Real) else math.nan
    if not number >= 0 or (finite and math.isinf(number)):
        kind = "finite number" if finite else "number"
        raise InputError(f"{name} is {value!r}, expected a {kind} that is not negative: it is taken away")
    return number
