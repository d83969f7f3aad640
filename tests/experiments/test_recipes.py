"""Recipes: complete, refused where they make no sense, and built from their seed alone."""

import dataclasses
import json

import pytest
import torch

from spikelet import datasets, neurons, nn, surrogates
from spikelet.errors import InputError
from spikelet.experiments import architecture, recipes


@pytest.mark.parametrize("recipe", recipes.RECIPES.values(), ids=lambda recipe: f"{recipe.dataset}-{recipe.name}")
def test_every_recipe_can_be_built_and_stored(recipe: recipes.Recipe) -> None:
    assert recipe.dataset in datasets.LOADERS
    small = dataclasses.replace(recipe, hidden=(5,))
    inputs = (2, 34, 34) if recipe.network == "convolution" else (16,)
    network = architecture.build(small, inputs[0], 3)
    membrane, _ = network(torch.rand(2, 4, *inputs))
    assert membrane.shape == (2, 4, 3)
    assert recipe.loss_of(membrane, torch.tensor([0, 1, 2, 0])).ndim == 0
    assert recipe.scores(membrane).shape == (4, 3)
    stored = json.loads(json.dumps(recipe.to_json()))
    assert dataclasses.replace(recipes.Recipe.from_json(stored), doc=recipe.doc) == recipe


def test_the_network_of_the_article() -> None:
    recipe = recipes.find("mnist", "article")
    first, hidden, second, readout = architecture.build(recipe, 784, 10)
    assert isinstance(first, torch.nn.Linear) and (first.in_features, first.out_features) == (784, 1000)
    assert isinstance(second, torch.nn.Linear) and (second.in_features, second.out_features) == (1000, 10)
    assert isinstance(hidden, nn.Neurons) and isinstance(readout, nn.Neurons)
    assert hidden.model == readout.model == neurons.LeakyDelayed(beta=0.95, v_th=1.0)
    assert (hidden.output, readout.output) == ("spikes", "v")
    assert (recipe.steps, recipe.encoder, recipe.loss, recipe.epochs) == (25, "constant", "sum", 1)
    assert (recipe.lr, recipe.betas, recipe.batch_size, recipe.schedule) == (5e-4, (0.9, 0.999), 128, "constant")


def test_the_seed_alone_decides_the_weights() -> None:
    recipe = recipes.find("digits")
    torch.manual_seed(1)
    before = torch.get_rng_state()
    one = architecture.build(recipe, 64, 10).state_dict()
    assert torch.equal(torch.get_rng_state(), before)  # the caller's generator is left alone
    torch.manual_seed(2)
    same = architecture.build(recipe, 64, 10).state_dict()
    other = architecture.build(recipe.changed(seed=1), 64, 10).state_dict()
    assert all(torch.equal(one[name], same[name]) for name in one)
    assert not torch.equal(one["0.weight"], other["0.weight"])


def test_surrogate_and_readout_reach_the_layers() -> None:
    recipe = recipes.find("digits").changed(surrogate="fast_sigmoid", surrogate_parameters={"alpha": 10.0})
    hidden = architecture.build(recipe, 64, 10)[1]
    assert isinstance(hidden, nn.Neurons)
    assert hidden.surrogate == surrogates.fast_sigmoid(alpha=10.0)


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"lr": 0.0}, "lr must be positive, not 0.0"),
        ({"lr": float("nan")}, "lr must be positive, not nan"),
        ({"lr": float("inf")}, "lr must be positive, not inf"),
        ({"lr": 1e38}, "lr must be at most 1000, not 1e+38"),
        ({"epochs": 0}, "epochs must be positive, not 0"),
        ({"batch_size": -1}, "batch_size must be positive, not -1"),
        ({"steps": 0}, "steps must be positive, not 0"),
        ({"limit": 0}, "limit must be at least 1, not 0"),
        ({"shift": -1}, "shift must not be negative, not -1"),
        ({"schedule": "cosin"}, "unknown schedule 'cosin'; did you mean 'cosine'? (known: constant, cosine)"),
        ({"loss": "man"}, "unknown loss 'man'; did you mean 'mean'? (known: mean, sum, max)"),
        (
            {"encoder": "bernouli"},
            "unknown encoder 'bernouli'; did you mean 'bernoulli'? (known: constant, bernoulli, latency)",
        ),
    ],
)
def test_what_makes_no_sense_is_refused(changes: dict, text: str) -> None:
    with pytest.raises(InputError) as caught:
        recipes.find("digits").changed(**changes)
    assert str(caught.value) == text


def test_changes_that_are_none_change_nothing() -> None:
    recipe = recipes.find("digits")
    assert recipe.changed(lr=None, seed=None) == recipe
    assert recipe.changed(lr=1.0).lr == 1.0


def test_unknown_names_come_with_the_nearest() -> None:
    with pytest.raises(InputError, match="unknown data set 'minst'; did you mean 'mnist'"):
        recipes.find("minst")
    with pytest.raises(InputError, match="digits has no recipe 'defualt'; did you mean 'default'"):
        recipes.find("digits", "defualt")


def test_settings_of_something_else_are_refused() -> None:
    with pytest.raises(InputError, match="these are not the settings of a run: .*'layers'"):
        recipes.Recipe.from_json({"layers": 3})
