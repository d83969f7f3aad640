"""Convolutions whose neurons fire once: against sums over cumulative input, a loop by hand, and closed forms."""

import copy

import numpy as np
import pytest
import torch
from torch.nn import functional

from spikelet import rules
from spikelet.backends import first_spike_kernels, llvm_jit
from spikelet.errors import InputError, ShapeError
from spikelet.nn import FirstSpikeConv2d, SingleSpikes, first_steps, pool_first, spikes_of

STEPS = 11


def layer_of(weight: np.ndarray, threshold: float, **more) -> FirstSpikeConv2d:
    """Return a layer in double precision with these weights."""
    maps, channels, size, _ = weight.shape
    layer = FirstSpikeConv2d(channels, maps, size, threshold, STEPS, **more).double()
    layer.weight.copy_(torch.from_numpy(weight))
    return layer


def images(shape: tuple[int, ...], seed: int = 0) -> torch.Tensor:
    """Return steps of which about a half are silent."""
    drawn = np.random.default_rng(seed).integers(0, 2 * STEPS, shape)
    return torch.from_numpy(drawn.clip(max=STEPS).astype(np.uint8))


def by_cumulative_input(step: torch.Tensor, weight: np.ndarray, threshold: float, padding: int, compete: bool):
    """Return steps and potentials: the convolution of all input so far, looked at in each step."""
    batch, maps = len(step), len(weight)
    arrived = torch.stack([(step <= k).double() for k in range(STEPS)])
    sums = [functional.conv2d(one, torch.from_numpy(weight), padding=padding) for one in arrived]
    when = torch.full((batch, *sums[0].shape[1:]), STEPS)
    potential = sums[-1].clone()
    for k in reversed(range(STEPS)):
        above = sums[k] > threshold
        when, potential = torch.where(above, k, when), torch.where(above, sums[k], potential)
    for b, y, x in np.ndindex(batch, *when.shape[2:]) if compete else ():
        order = sorted((int(when[b, m, y, x]), -float(potential[b, m, y, x]), m) for m in range(maps))
        for _, _, m in order[1:]:
            when[b, m, y, x] = STEPS
    return when, potential


@pytest.mark.parametrize("compete", [False, True])
@pytest.mark.parametrize(
    ("shape", "maps", "size", "padding"),
    [((2, 2, 9, 7), 5, 3, 0), ((3, 3, 8, 12), 30, 5, 2), ((1, 1, 5, 5), 17, 5, 0), ((2, 1, 3, 4), 16, 1, 1)],
)
def test_both_ways_are_the_convolution_of_all_input_so_far(shape, maps, size, padding, compete) -> None:
    """Weights are multiples of 1/64, so that sums are exact in any order."""
    rng = np.random.default_rng(maps)
    weight = rng.integers(0, 65, (maps, shape[1], size, size)) / 64
    threshold = float(weight.sum((1, 2, 3)).mean()) * 0.3
    step, layer = images(shape), layer_of(weight, threshold, padding=padding, compete=compete)
    when, potential = by_cumulative_input(step, weight, threshold, padding, compete)
    for found in (layer(step), layer._by_convolution(step)):
        assert torch.equal(found.step.long(), when)
        assert torch.equal(found.potential, potential)
    assert 0 < (when < STEPS).double().mean() < 1
    everything = functional.conv2d((step < STEPS).double(), layer.weight, padding=padding)
    assert torch.equal(layer.potentials(step), everything)


def test_weights_may_be_negative_and_the_first_crossing_counts() -> None:
    weight = np.array([2.0, -3.0]).reshape(1, 2, 1, 1)
    step = torch.tensor([2, 5], dtype=torch.uint8).reshape(1, 2, 1, 1)
    found = layer_of(weight, 1.5)(step)
    assert (found.step.item(), found.potential.item()) == (2, 2.0)
    assert layer_of(weight, 1.5).potentials(step).item() == -1.0
    assert layer_of(weight, 2.0)(step).step.item() == STEPS  # above the threshold, not at it


def test_a_batch_is_its_samples() -> None:
    layer = FirstSpikeConv2d(2, 7, 3, 3.0, STEPS, padding=1, seed=3)
    step = images((6, 2, 8, 8))
    whole = layer(step)
    for number in range(6):
        alone = layer(step[number : number + 1])
        assert torch.equal(alone.step[0], whole.step[number])
        assert torch.equal(alone.potential[0], whole.potential[number])


def test_an_empty_batch_and_silent_images() -> None:
    layer = FirstSpikeConv2d(1, 3, 3, 0.0, STEPS)
    assert layer(images((0, 1, 5, 5))).step.shape == (0, 3, 3, 3)
    found = layer(torch.full((1, 1, 5, 5), STEPS, dtype=torch.uint8))
    assert (found.step == STEPS).all() and not found.potential.any()


def test_nothing_of_a_problem_is_compiled_into_the_kernel() -> None:
    layer = FirstSpikeConv2d(1, 3, 3, 0.5, STEPS)
    layer(images((1, 1, 6, 6)))
    before = sum(llvm_jit.COMPILED.values())
    for maps, size, threshold, steps in ((40, 5, 9.0, 3), (1, 1, 0.1, 200)):
        FirstSpikeConv2d(2, maps, size, threshold, steps)(torch.zeros(2, 2, 9, 9, dtype=torch.uint8))
    assert sum(llvm_jit.COMPILED.values()) == before
    assert "0x" not in first_spike_kernels.module("float").replace("0x0000000000000000", "")


def test_steps_and_spikes_go_to_each_other() -> None:
    step = images((3, 2, 4, 4))
    spikes = spikes_of(step, STEPS)
    assert spikes.shape == (STEPS, 3, 2, 4, 4) and spikes.sum(0).max() == 1
    assert torch.equal(first_steps(spikes), step)
    again = torch.cat([spikes, spikes])  # later spikes do not count
    assert torch.equal(first_steps(again), torch.where(step == STEPS, 2 * STEPS, step))


def test_pooling_keeps_the_first_spike() -> None:
    step = images((2, 3, 7, 6))
    found = pool_first(step, 2)
    assert found.shape == (2, 3, 3, 3) and found.dtype == torch.uint8
    for b, m, y, x in np.ndindex(2, 3, 3, 3):
        assert found[b, m, y, x] == step[b, m, 2 * y : 2 * y + 2, 2 * x : 2 * x + 2].min()


# -- learning ---------------------------------------------------------------------------------------------------------


def test_one_neuron_learns_what_came_before_its_spike() -> None:
    """Four inputs of weight 0.5 and a threshold of 0.75: the second spike fires it; two have come, two have not."""
    layer = layer_of(np.full((1, 1, 2, 2), 0.5), 0.75)
    step = torch.tensor([[3, 1], [STEPS, 4]], dtype=torch.uint8).reshape(1, 1, 2, 2)
    rule = SingleSpikes(rules.KheradpishehSTDP(a_plus=0.4, a_minus=0.2), STEPS)
    assert layer.learn(step, rule, winners=3, radius=0) == 1
    assert layer.weight.flatten().tolist() == pytest.approx([0.6, 0.6, 0.45, 0.45])


def taught_by_hand(layer: FirstSpikeConv2d, step: torch.Tensor, a_plus: float, a_minus: float, k: int, radius: int):
    """Return the weights after learning: loops over samples, winners and synapses."""
    weight, pad = layer.weight.numpy().copy(), layer.padding
    total = 0
    for sample in step:
        when, potential = by_cumulative_input(sample[None], weight, layer.threshold, pad, compete=True)
        chosen: list[tuple[int, int, int]] = []
        order = sorted((int(when[0][i]), -float(potential[0][i]), i) for i in np.ndindex(*when.shape[1:]))
        for first, _, (m, y, x) in order:
            near = any(m == o or max(abs(y - p), abs(x - q)) <= radius for o, p, q in chosen)
            if first < STEPS and not near and len(chosen) < k:
                chosen.append((m, y, x))
        for m, y, x in chosen:
            for c, i, j in np.ndindex(*weight.shape[1:]):
                row, column = y + i - pad, x + j - pad
                inside = 0 <= row < sample.shape[1] and 0 <= column < sample.shape[2]
                came = inside and int(sample[c, row, column]) <= int(when[0, m, y, x])
                w = weight[m, c, i, j]
                weight[m, c, i, j] = w + (a_plus if came else -a_minus) * w * (1 - w)
        total += len(chosen)
    return weight, total


@pytest.mark.parametrize(("k", "radius", "padding"), [(1, 0, 0), (3, 1, 1), (5, 2, 2)])
def test_learning_is_that_of_loops_by_hand(k: int, radius: int, padding: int) -> None:
    layer = FirstSpikeConv2d(2, 6, 3, 4.0, STEPS, padding=padding, seed=k).double()
    start, step = layer.weight.clone(), images((12, 2, 7, 8), seed=k)
    expected, total = taught_by_hand(layer, step, 0.3, 0.2, k, radius)
    seen = []
    rule = SingleSpikes(rules.KheradpishehSTDP(a_plus=0.3, a_minus=0.2), STEPS)
    taught = layer.learn(step, rule, winners=k, radius=radius, done=lambda: seen.append(1))
    np.testing.assert_allclose(layer.weight.numpy(), expected, atol=1e-12)
    assert taught == total > 12 // 2 and len(seen) == 12
    assert not torch.equal(layer.weight, start)


def test_learning_in_two_calls_is_learning_in_one() -> None:
    once, step = FirstSpikeConv2d(2, 6, 3, 4.0, STEPS, seed=5), images((10, 2, 7, 7))
    twice, rule = copy.deepcopy(once), SingleSpikes(rules.KheradpishehSTDP(a_plus=0.1, a_minus=0.1), STEPS)
    once.learn(step, rule, winners=3, radius=1)
    for part in (step[:4], step[4:]):
        twice.learn(part, rule, winners=3, radius=1)
    assert torch.equal(once.weight, twice.weight)


def test_weights_are_drawn_by_seed() -> None:
    first, same, other = (FirstSpikeConv2d(2, 50, 5, 1.0, STEPS, seed=seed).weight for seed in (1, 1, 2))
    assert torch.equal(first, same) and not torch.equal(first, other)
    assert first.mean() == pytest.approx(0.8, abs=0.005) and first.std() == pytest.approx(0.05, abs=0.003)


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: FirstSpikeConv2d(1, 0, 3, 1.0, 5), InputError, "out_channels is 0, expected an integer of at least 1"),
        (lambda: FirstSpikeConv2d(1, 2, 3, -1.0, 5), InputError, "threshold is -1.0, expected at least 0"),
        (lambda: FirstSpikeConv2d(1, 2, 3, 1.0, 255), InputError, "steps is 255, expected an integer from 1 to 254"),
        (lambda: FirstSpikeConv2d(2, 2, 3, 1.0, 5)(images((1, 1, 5, 5))), ShapeError, "expected (B, 2, H, W)"),
        (lambda: FirstSpikeConv2d(1, 2, 3, 1.0, STEPS)(images((1, 1, 2, 5))), ShapeError, "smaller than a patch"),
        (lambda: FirstSpikeConv2d(1, 2, 3, 1.0, 5)(torch.zeros(1, 1, 5, 5)), InputError, "step is torch.float32"),
        (lambda: FirstSpikeConv2d(1, 2, 3, 1.0, 5)(images((1, 1, 5, 5))), InputError, "step goes to 11"),
        (
            lambda: FirstSpikeConv2d(1, 2, 3, 1.0, 5).half()(images((1, 1, 5, 5))),
            InputError,
            "weights are torch.float16",
        ),
        (
            lambda: FirstSpikeConv2d(1, 2, 3, 1.0, STEPS).learn(
                images((1, 1, 5, 5)), SingleSpikes(rules.STDP, 5), winners=1, radius=0
            ),
            InputError,
            "the rule is for 5 steps, the layer for 11",
        ),
        (lambda: first_steps(torch.zeros(255, 1, 2)), InputError, "steps of the spikes is 255"),
        (lambda: pool_first(torch.zeros(3, 3), 2), ShapeError, "expected (B, M, H, W)"),
    ],
)
def test_wrong_arguments_are_named(call, error: type[Exception], text: str) -> None:
    with pytest.raises(error) as found:
        call()
    assert text in str(found.value)
