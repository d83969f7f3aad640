"""Distributions: moments and probabilities against closed forms, truncation, and what is refused."""

import numpy as np
import pytest
from scipy import stats

from spikelet.errors import InputError
from spikelet.sim.distributions import Distribution, lognormal, normal, uniform

N = 200_000
CASES = {  # what is drawn, and SciPy's law of the same numbers
    "uniform": (uniform(-3, 5), stats.uniform(-3, 8)),
    "normal": (normal(1.5, 0.75), stats.norm(1.5, 0.75)),
    "normal above": (normal(1.5, 0.75, low=0.1), stats.truncnorm((0.1 - 1.5) / 0.75, np.inf, 1.5, 0.75)),
    "normal between": (normal(0, 2, -1, 0.5), stats.truncnorm(-0.5, 0.25, 0, 2)),
    "lognormal": (lognormal(2, 1), stats.lognorm(np.sqrt(np.log(1.25)), scale=2 / np.sqrt(1.25))),
}


@pytest.mark.parametrize("law, reference", CASES.values(), ids=CASES)
def test_the_numbers_follow_the_law(law, reference):
    values = law.sample(N, seed=3, stream=2001)
    assert values.shape == (N,) and values.dtype == np.float64
    assert values.min() >= law.low and values.max() <= law.high
    assert stats.kstest(values, reference.cdf).pvalue > 1e-3
    error = reference.std() / np.sqrt(N)
    assert abs(values.mean() - reference.mean()) < 4 * error


@pytest.mark.parametrize("law, reference", CASES.values(), ids=CASES)
def test_the_cumulative_probability(law, reference):
    x = np.linspace(reference.ppf(1e-4) - 0.5, reference.ppf(1 - 1e-4) + 0.5, 101)
    np.testing.assert_allclose(law.cdf(x), reference.cdf(x), atol=1e-12)


def test_the_lognormal_has_the_mean_and_deviation_that_are_given_and_a_mirror_image():
    values = lognormal(2, 1).sample(N, 0, 2000)
    assert values.mean() == pytest.approx(2, abs=0.02) and values.std() == pytest.approx(1, abs=0.03)
    assert np.array_equal(lognormal(-2, 1).sample(N, 0, 2000), -values)
    x = np.linspace(-9, 1, 50)
    np.testing.assert_allclose(lognormal(-2, 1).cdf(x), 1 - lognormal(2, 1).cdf(-x), atol=1e-12)


@pytest.mark.parametrize("law", [normal(0, 1, low=0), uniform(0, 1), lognormal(3, 2, high=4)], ids=repr)
def test_a_number_depends_on_seed_stream_and_place_alone(law):
    assert np.array_equal(law.sample(50, 7, 2000), law.sample(500, 7, 2000)[:50])
    assert not np.isin(law.sample(50, 8, 2000), law.sample(500, 7, 2000)).any()
    assert not np.isin(law.sample(50, 7, 2001), law.sample(500, 7, 2000)).any()


def test_without_deviation_all_numbers_are_the_mean():
    for law in (normal(1.5, 0), lognormal(1.5, 0), uniform(1.5, 1.5)):
        np.testing.assert_allclose(law.sample(4, 0, 0), 1.5, rtol=1e-15)
        assert law.cdf([1.0, 2.0]).tolist() == [0, 1]


@pytest.mark.parametrize("law", [normal(1.5, 0.75), lognormal(2, 1), lognormal(-2, 1), normal(0, 1, high=2)], ids=repr)
def test_all_but_a_tail_lies_within_the_extent(law):
    low, high = law.extent(1e-3)
    share = law.cdf(high) - law.cdf(low)
    assert 0.997 < share < 1
    assert law.low <= low < high <= law.high


def test_a_distribution_prints_as_it_was_made():
    for text in ("uniform(-1, 2)", "normal(1.5, 0.75)", "normal(1.5, 0.75, low=0.1)", "lognormal(2, 1, low=1, high=3)"):
        name, arguments = text[:-1].split("(")
        given = [part.split("=") for part in arguments.split(", ")]
        made = {"uniform": uniform, "normal": normal, "lognormal": lognormal}[name](
            *(float(part[0]) for part in given if len(part) == 1), **{p[0]: float(p[1]) for p in given if len(p) == 2}
        )
        assert repr(made) == text
        assert made == Distribution(made.law, made.mean, made.sd, made.low, made.high)


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: normal(0, -1), "normal: sd must not be negative, not -1"),
        (lambda: normal(float("nan"), 1), "normal: mean must be finite, not nan"),
        (lambda: normal("a", 1), "normal: mean must be a number, not 'a'"),
        (lambda: normal(0, 1, low=2, high=1), "low must not be above high"),
        (lambda: normal(0, 1, low=5), r"normal\(0, 1, low=5\) keeps 2.9e-07 of its draws"),
        (lambda: normal(1, 0, low=2), "keeps 0 of its draws"),
        (lambda: uniform(2, 1), "low must not be above high"),
        (lambda: uniform(0, np.inf), "uniform: high must be finite"),
        (lambda: lognormal(0, 1), "lognormal: mean must not be 0"),
    ],
)
def test_what_is_refused(make, message):
    with pytest.raises(InputError, match=message):
        make()
