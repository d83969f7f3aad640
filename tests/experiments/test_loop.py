"""The training loop: its gradients, its step size, its order, and what it does about a loss that is not a number."""

import math

import pytest
import torch
from torch.nn.functional import cross_entropy

from spikelet.errors import NumericsError
from spikelet.experiments import architecture, recipes
from spikelet.experiments.batches import load
from spikelet.experiments.distributed import World
from spikelet.experiments.loop import Loop

RECIPE = recipes.find("digits").changed(limit=40, batch_size=16, epochs=2, hidden=(12,), steps=4)


def new_loop(recipe: recipes.Recipe = RECIPE) -> Loop:
    training, _, classes = load(recipe, "cpu")
    return Loop(recipe, architecture.build(recipe, 64, len(classes)), training, World())


def test_gradients_are_those_of_the_mean_loss() -> None:
    loop = new_loop()
    batch = torch.tensor([3, 1, 39])
    gradients, (loss, correct, stops) = loop.gradients(batch)
    network = architecture.build(RECIPE, 64, 10)
    x = (loop.images.pixels[batch].flatten(1) / 16).expand(4, 3, 64)
    membrane = network(x)[0].mean(0)
    expected = cross_entropy(membrane, loop.images.labels[batch])
    expected.backward()
    for weight, gradient in zip(network.parameters(), gradients, strict=True):
        assert weight.grad is not None
        assert torch.allclose(gradient, weight.grad, atol=1e-7)
    assert math.isclose(loss, expected.item(), rel_tol=1e-6)
    assert correct == int((membrane.argmax(1) == loop.images.labels[batch]).sum())
    assert stops == 0


def test_an_epoch_shows_every_image_once_in_an_order_of_its_own() -> None:
    loop = new_loop()
    assert (loop.batches, loop.total) == (3, 6)
    orders = []
    for epoch in range(2):
        shown = []
        for _ in range(loop.batches):
            assert loop.epoch == epoch
            shown += loop.batch().tolist()
            loop.advance()
        assert loop.at_epoch_end
        assert sorted(shown) == list(range(40))
        orders.append(shown)
    assert orders[0] != orders[1]


def test_the_step_size_follows_its_schedule() -> None:
    loop = new_loop()
    assert loop.learning_rate() == RECIPE.lr
    loop.step = 3
    assert math.isclose(loop.learning_rate(), RECIPE.lr / 2)
    loop.step = 6
    assert math.isclose(loop.learning_rate(), 0, abs_tol=1e-12)
    loop.recipe = RECIPE.changed(schedule="constant")
    assert loop.learning_rate() == RECIPE.lr


def test_a_step_is_one_of_adam() -> None:
    loop, network = new_loop(), architecture.build(RECIPE, 64, 10)
    adam = torch.optim.Adam(network.parameters(), lr=RECIPE.lr)
    for weight, gradient in zip(network.parameters(), loop.gradients(loop.batch())[0], strict=True):
        weight.grad = gradient.clone()
    adam.step()
    loop.advance()
    for ours, theirs in zip(loop.network.parameters(), network.parameters(), strict=True):
        assert torch.equal(ours, theirs)


def test_correct_answers_are_counted_anew_in_each_epoch() -> None:
    loop = new_loop()
    loop.correct = 1000
    loop.advance()
    assert 0 <= loop.correct <= 16
    first = loop.correct
    loop.advance()
    assert loop.correct >= first


def test_a_loss_that_is_not_a_number_ends_the_run_with_the_step() -> None:
    loop = new_loop()
    loop.advance()
    with torch.no_grad():
        loop.network[0].weight.fill_(math.nan)
        loop.network[2].weight.fill_(math.nan)
    with pytest.raises(NumericsError, match=r"the loss is nan in step 2 \(epoch 1\); try a smaller --lr"):
        loop.advance()
    assert loop.step == 1 and len(loop.losses) == 1


def test_a_wish_to_stop_is_passed_on() -> None:
    loop = new_loop()
    assert loop.advance() is False
    assert loop.advance(stop=True) is True


def test_a_restored_loop_continues_to_the_bit() -> None:
    recipe = RECIPE.changed(encoder="bernoulli", shift=1)
    one = new_loop(recipe)
    for _ in range(2):
        one.advance()
    tensors = {name: value.clone() for name, value in one.tensors().items()}
    other = new_loop(recipe.changed(seed=1))  # other weights, until restored
    other.recipe = recipe
    other.restore(2, tensors, one.correct)
    while one.step < one.total:
        one.advance()
        other.advance()
    assert one.losses == other.losses and one.correct == other.correct
    ours, theirs = one.tensors(), other.tensors()
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)
