"""Images enter as functions of (seed, epoch, image): neither batch nor process changes anything."""

import pytest
import torch

from spikelet.experiments import recipes
from spikelet.experiments.batches import Images, load, shifted

DIGITS = recipes.find("digits")
SOME = torch.tensor([5, 0, 41, 7])


@pytest.fixture(scope="module")
def images() -> Images:
    return load(DIGITS, "cpu")[0]


@pytest.mark.parametrize("encoder", recipes.ENCODERS["images"])
def test_an_image_enters_alike_in_any_batch(images: Images, encoder: str) -> None:
    recipe = DIGITS.changed(encoder=encoder, shift=1)
    all_of_them, samples, _ = images.encode(recipe, SOME, 3, shift=True)
    assert all_of_them.shape == (recipe.steps, 4, 64) and samples.tolist() == SOME.tolist()
    parts = [images.encode(recipe, SOME[rows], 3, shift=True)[0] for rows in (slice(0, 4, 2), slice(1, 4, 2))]
    assert torch.equal(all_of_them[:, 0::2], parts[0])
    assert torch.equal(all_of_them[:, 1::2], parts[1])


def test_every_epoch_and_seed_has_spikes_of_its_own(images: Images) -> None:
    recipe = DIGITS.changed(encoder="bernoulli")
    one, again, next_epoch = (images.encode(recipe, SOME, epoch, shift=True)[0] for epoch in (0, 0, 1))
    other_seed, _, _ = images.encode(recipe.changed(seed=1), SOME, 0, shift=True)
    assert torch.equal(one, again)
    assert not torch.equal(one, next_epoch)
    assert not torch.equal(one, other_seed)


def test_training_and_test_images_have_different_numbers() -> None:
    training, test, classes = load(DIGITS, "cpu")
    assert (len(training), len(test), len(classes)) == (1438, 359, 10)
    _, samples, _ = test.encode(DIGITS, torch.tensor([0]), 0, shift=False)
    assert samples.tolist() == [1438]


def test_a_limit_takes_the_first_images() -> None:
    training, test, _ = load(DIGITS.changed(limit=7), "cpu")
    assert (len(training), len(test)) == (7, 7)
    assert torch.equal(training.pixels, load(DIGITS, "cpu")[0].pixels[:7])


def test_a_white_pixel_is_one(images: Images) -> None:
    x, _, _ = images.encode(DIGITS, torch.arange(len(images)), 0, shift=False)
    assert x.min() == 0 and x.max() == 1
    assert x.stride(0) == 0  # constant in time takes no memory


def test_shifts_move_images_and_lose_nothing_but_the_border() -> None:
    image = torch.zeros(200, 5, 5)
    image[:, 2, 2] = 1.0
    moved = shifted(image, 2, seed=0, epoch=0, samples=torch.arange(200))
    assert moved.shape == image.shape
    assert (moved.sum((1, 2)) == 1).all()  # moved by at most two, the pixel stays within
    places = set(moved.flatten(1).argmax(1).tolist())
    assert places == set(range(25))  # every shift occurs
    edge = torch.zeros(200, 5, 5)
    edge[:, 0, 0] = 1.0
    kept = shifted(edge, 2, seed=0, epoch=0, samples=torch.arange(200)).sum((1, 2))
    assert set(kept.tolist()) == {0.0, 1.0}  # out of the image is out, not in again on the other side


def test_shifts_of_zero_and_of_test_images_change_nothing(images: Images) -> None:
    plain, _, _ = images.encode(DIGITS, SOME, 0, shift=True)
    test, _, _ = images.encode(DIGITS.changed(shift=2), SOME, 0, shift=False)
    assert torch.equal(plain, test)
