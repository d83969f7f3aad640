"""Competition: who fires, who learns, and what inhibition takes away; against closed forms and plain loops."""

import copy
import pickle

import numpy as np
import pytest
import torch

from spikelet import neurons, nn, rules
from spikelet.errors import InputError, ShapeError
from spikelet.nn import (
    Neurons,
    Recurrent,
    WinnersTakeAll,
    inhibition_level,
    lateral_inhibition,
    lattice_inhibition,
    learning_neurons,
    silence_later_maps,
    winners,
)

# -- inhibition -------------------------------------------------------------------------------------------------------


def test_lateral_inhibition_spares_the_one_that_fires() -> None:
    spikes = torch.tensor([[1.0, 0.0, 1.0], [0.0, 0.0, 0.0]])
    taken = lateral_inhibition(3, 2.5)(spikes)
    assert taken.tolist() == [[-2.5, -5.0, -2.5], [0.0, 0.0, 0.0]]
    assert not lateral_inhibition(3, 2.5).weight.requires_grad


def test_of_two_neurons_the_one_with_more_input_wins_and_the_other_never_fires() -> None:
    """v gains 0.4 and 0.3 a step: the first fires in steps 2, 5, 8 ...; each time the other loses 5."""
    cells = Neurons(neurons.IF, output=("spikes", "v"))
    x = torch.tensor([0.4, 0.3], dtype=torch.float64).expand(30, 1, 2)
    free, _ = cells(x)
    assert free["spikes"].sum(0).tolist() == [[10.0, 7.0]]
    found, _ = Recurrent(cells, lateral_inhibition(2, 5.0).double())(x)
    assert found["spikes"][:, 0, 0].nonzero().flatten().tolist() == list(range(2, 30, 3))
    assert found["spikes"][:, 0, 1].sum() == 0
    assert found["v"][-1, 0, 1].item() == pytest.approx(30 * 0.3 - 9 * 5.0)  # the last spike has not arrived yet


def test_what_fires_in_the_same_step_is_not_stopped() -> None:
    x = torch.full((4, 1, 3), 0.6)
    found, _ = Recurrent(Neurons(neurons.IF), lateral_inhibition(3, 9.0))(x)
    assert found[:, 0].tolist() == [[0.0] * 3, [1.0] * 3, [0.0] * 3, [0.0] * 3]


def test_lattice_inhibition_grows_with_distance_up_to_a_bound() -> None:
    n, side = 25, 5
    weight = lattice_inhibition(n, 3.0, most=4.5).weight
    for i in range(n):
        for j in range(n):
            distance = np.hypot(i // side - j // side, i % side - j % side)
            assert weight[i, j].item() == pytest.approx(-min(4.5, 3.0 * np.sqrt(distance)), abs=1e-6)
    assert torch.equal(weight, weight.T) and not weight.diagonal().any()


def test_two_levels_and_growing_inhibition() -> None:
    done = np.linspace(0, 1, 11)
    assert [inhibition_level(d, 1.0, 17.5) for d in done] == [1.0] + [17.5] * 10
    grown = [inhibition_level(d, 1.0, 17.0, p_low=0.2, p_grow=0.4) for d in done]
    assert grown == pytest.approx([1, 1, 1, 5, 9, 13, 17, 17, 17, 17, 17])


EMPTY = torch.zeros(2, 3, 3, dtype=torch.int64)


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: lateral_inhibition(0, 1.0), "neurons is 0"),
        (lambda: lateral_inhibition(3, -1.0), "strength is -1.0, expected a finite number that is not negative"),
        (lambda: lattice_inhibition(10, 1.0), "neurons is 10, expected a square such as 9"),
        (lambda: lattice_inhibition(9, 1.0, most=float("nan")), "most is nan"),
        (lambda: inhibition_level(1.2, 1.0, 2.0), "done is 1.2, expected a share"),
        (lambda: inhibition_level(0.5, 1.0, 2.0, p_low=0.7, p_grow=0.5), "p_low + p_grow is 1.2"),
        (lambda: lateral_inhibition(3, float("inf")), "strength is inf, expected a finite number that is not negative"),
        (lambda: lateral_inhibition(3, "a"), "strength is 'a', expected"),  # type: ignore[arg-type]  # the mistake
        (lambda: inhibition_level("a", 1.0, 2.0), "done is 'a', expected a share"),  # type: ignore[arg-type]
        (lambda: inhibition_level(0.5, -1.0, 2.0), "low is -1.0, expected a finite number that is not negative"),
        (lambda: winners(torch.zeros(1, 2), k=0), "k is 0, expected an integer of at least 1"),
        (lambda: winners(np.zeros((1, 2)), k=1), "excess is a ndarray, expected a tensor"),  # type: ignore[arg-type]
        (
            lambda: learning_neurons(EMPTY, EMPTY, 5, 0, 1),
            "learning_neurons: k is 0, expected an integer of at least 1",
        ),
        (lambda: learning_neurons(EMPTY, EMPTY, 5, 1, -1), "radius is -1, expected an integer of at least 0"),
        (lambda: WinnersTakeAll(Neurons(neurons.IF), k=True), "k is True"),
        (lambda: WinnersTakeAll(Neurons(neurons.LI, output="v")), "expected nn.Neurons that spike"),
    ],
)
def test_wrong_arguments_are_named(call, text: str) -> None:
    with pytest.raises(InputError) as error:
        call()
    assert text in str(error.value)


def test_numbers_of_numpy_count_too() -> None:
    assert lateral_inhibition(np.int64(3), np.float32(2.0)).weight[0].tolist() == [0, -2, -2]
    assert winners(torch.tensor([[1.0, 2.0]]), np.int64(1)).tolist() == [[False, True]]


# -- winners ----------------------------------------------------------------------------------------------------------


def best_by_sorting(excess: np.ndarray, k: int, among: np.ndarray) -> np.ndarray:
    """The same by Python's sort, which is stable."""
    found = np.zeros_like(among)
    for row in range(len(excess)):
        order = sorted(np.flatnonzero(among[row]), key=lambda i: -excess[row, i])
        found[row, order[:k]] = True
    return found


@pytest.mark.parametrize("k", [1, 2, 5, 40])
def test_the_highest_win_and_of_equal_ones_the_first(k: int) -> None:
    rng = np.random.default_rng(k)
    excess = rng.integers(-4, 5, (50, 12)) / 4  # many equal ones
    among = excess > 0
    assert np.array_equal(winners(torch.from_numpy(excess), k).numpy(), best_by_sorting(excess, k, among))
    among &= rng.random(among.shape) < 0.5
    found = winners(torch.from_numpy(excess).view(50, 3, 4), k, torch.from_numpy(among).view(50, 3, 4))
    assert np.array_equal(found.flatten(1).numpy(), best_by_sorting(excess, k, among))


def test_a_threshold_that_is_just_reached_counts_where_the_model_says_so() -> None:
    excess = torch.tensor([[0.0, -1.0]])
    assert winners(excess, 1).tolist() == [[False, False]]
    assert winners(excess, 1, among=torch.tensor([[True, False]])).tolist() == [[True, False]]


def test_winners_refuse_shapes_that_differ() -> None:
    with pytest.raises(ShapeError, match=r"\(torch.float32\), expected one shape .* and bool"):
        winners(torch.ones(1, 2), 1, torch.ones(1, 2))
    with pytest.raises(ShapeError, match=r"excess \(1, 2\) and among \(1, 3\)"):
        winners(torch.zeros(1, 2), 1, torch.ones(1, 3, dtype=torch.bool))


@pytest.mark.parametrize("k", [1, 2, 3])
def test_losers_keep_their_potential_and_fire_later(k: int) -> None:
    """Four neurons of excess 0.1 to 0.4 and no further input: they fire k a step, the highest first."""
    layer = WinnersTakeAll(Neurons(neurons.IF), k)
    x = torch.zeros(5, 1, 4)
    x[0, 0] = torch.tensor([1.2, 1.4, 1.1, 1.3])
    spikes, state = layer(x)
    order = [1, 3, 0, 2]
    for step in range(5):
        assert sorted(spikes[step, 0].nonzero().flatten().tolist()) == sorted(order[k * step : k * (step + 1)])
    assert state["v"].tolist() == [[0.0] * 4]


def test_a_loop_by_hand_gives_the_same() -> None:
    rng = np.random.default_rng(0)
    x = rng.random((40, 3, 6))
    v, expected = np.zeros((3, 6)), []
    for step in x:
        v = v + step
        fires = best_by_sorting(v - 1.0, 2, v > 1.0)
        v = np.where(fires, 0.0, v)
        expected.append(fires)
    cells = Neurons(neurons.IF, output=("spikes", "v"))
    found, state = WinnersTakeAll(cells, 2)(torch.from_numpy(x))
    assert np.array_equal(found["spikes"].numpy(), np.stack(expected))
    np.testing.assert_allclose(state["v"].numpy(), v)
    first, state = WinnersTakeAll(cells, 2)(torch.from_numpy(x[:17]))
    rest, _ = WinnersTakeAll(cells, 2)(torch.from_numpy(x[17:]), state)
    assert torch.equal(torch.cat([first["spikes"], rest["spikes"]]), found["spikes"])


def test_with_room_for_all_it_is_the_layer_itself() -> None:
    x = torch.rand(20, 2, 5, generator=torch.Generator().manual_seed(2))
    cells = Neurons(neurons.LIF(tau_mem=5.0, v_th=0.4), backend="torch_eager")
    lengths = torch.tensor([20, 7])
    found, state = WinnersTakeAll(cells, 5)(x, lengths=lengths)
    expected, final = cells(x, lengths=lengths)
    assert torch.equal(found, expected) and found.sum() > 0
    assert {n: v.tolist() for n, v in state.items()} == {n: v.tolist() for n, v in final.items()}


def test_a_layer_of_winners_is_copied_trained_through_and_stands_in_a_sequence() -> None:
    linear = torch.nn.Linear(4, 6)
    net = nn.Sequential(linear, WinnersTakeAll(Neurons(neurons.LIF(tau_mem=5.0, v_th=0.1)), 2))
    x = torch.rand(12, 3, 4, generator=torch.Generator().manual_seed(1))
    spikes, _ = net(x)
    spikes.sum().backward()
    assert 0 < spikes.sum(2).max() <= 2
    assert linear.weight.grad is not None and linear.weight.grad.abs().sum() > 0
    for twin in (copy.deepcopy(net), pickle.loads(pickle.dumps(net))):
        assert torch.equal(twin(x)[0], spikes)


@pytest.mark.parametrize(
    ("second", "competition", "steps"),
    [
        (0.15, {"inhibition": lateral_inhibition(2, 9.0)}, 4),  # 0.45 a step: it would fire in the third
        (0.15, {"inhibition": lateral_inhibition(2, 9.0).weight.clone()}, 4),
        (0.19, {"winners": 1}, 2),  # 0.57 a step: it would fire in the second, too
    ],
)
def test_in_a_layer_that_learns_only_the_winner_does(second: float, competition: dict, steps: int) -> None:
    """The first neuron gains 0.6 a step and fires in every second one; the other, inhibited or outdone, never does."""
    layer = nn.Plastic(torch.nn.Linear(3, 2, bias=False), neurons.IF, rules.STDP, **competition)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([[0.2], [second]]).expand(2, 3))
    before = layer.weight.clone()
    spikes, _ = layer(torch.ones(steps, 1, 3))
    assert spikes[:, 0].tolist() == [[0.0, 0.0], [1.0, 0.0]] * (steps // 2)
    assert (layer.weight[0] > before[0]).all() and torch.equal(layer.weight[1], before[1])


# -- maps of a convolution --------------------------------------------------------------------------------------------


def random_maps(seed: int, steps: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.integers(0, steps + 2, (3, 4, 5, 6)).clip(max=steps), rng.integers(1, 5, (3, 4, 5, 6)) / 2


def test_at_each_place_the_first_map_silences_the_others() -> None:
    steps, (step, potential) = 6, random_maps(0, 6)
    found = silence_later_maps(torch.from_numpy(step), torch.from_numpy(potential), steps).numpy()
    for b, y, x in np.ndindex(3, 5, 6):
        order = sorted((step[b, m, y, x], -potential[b, m, y, x], m) for m in range(4) if step[b, m, y, x] < steps)
        expected = [steps] * 4
        if order:
            expected[order[0][2]] = order[0][0]
        assert found[b, :, y, x].tolist() == expected


@pytest.mark.parametrize(("k", "radius"), [(1, 0), (3, 0), (3, 1), (4, 2), (9, 1)])
def test_who_learns_is_earliest_in_its_map_and_alone_in_its_neighbourhood(k: int, radius: int) -> None:
    steps, (step, potential) = 6, random_maps(k, 6)
    for sample, height in zip(step, potential, strict=True):
        order = sorted((sample[i], -height[i], i) for i in np.ndindex(sample.shape) if sample[i] < steps)
        expected: list[tuple[int, ...]] = []
        for _, _, (m, y, x) in order:
            near = any(m == o or max(abs(y - p), abs(x - q)) <= radius for o, p, q in expected)
            if not near and len(expected) < k:
                expected.append((m, y, x))
        found = learning_neurons(torch.from_numpy(sample), torch.from_numpy(height), steps, k, radius)
        assert found == expected


def test_the_silent_do_not_learn() -> None:
    assert learning_neurons(torch.full((2, 3, 3), 5), torch.ones(2, 3, 3), 5, 3, 1) == []
    with pytest.raises(ShapeError, match="expected both"):
        learning_neurons(torch.zeros(1, 2, 3, 3), torch.zeros(1, 2, 3, 3), 5, 3, 1)
