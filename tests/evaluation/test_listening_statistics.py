"""Intervals and tests against scipy and against what can be counted by hand."""

from itertools import product

import numpy as np
import pytest
import scipy.stats

from oscine.evaluation.listening.statistics import (
    binomial_interval,
    binomial_p,
    bootstrap_interval,
    holm,
    sign_flip_p,
    student_t,
    t_interval,
)


@pytest.mark.parametrize("degrees", [1, 2, 3, 4, 7, 30, 501])
def test_student_t_is_scipys(degrees):
    for t in (0.0, 0.3, 1.0, 2.5, 12.7):
        wanted = scipy.stats.t.cdf(t, degrees) - scipy.stats.t.cdf(-t, degrees)
        assert student_t(t, degrees) == pytest.approx(wanted, abs=1e-12)


@pytest.mark.parametrize("n", [2, 3, 8, 40])
def test_the_t_interval_is_scipys(n):
    values = np.random.default_rng(n).normal(60, 12, n)
    wanted = scipy.stats.ttest_1samp(values, 0).confidence_interval(0.95)
    assert t_interval(values) == pytest.approx((wanted.low, wanted.high), rel=1e-9)
    assert t_interval(values[:1]) is None


def test_the_t_interval_holds_the_truth_in_95_of_100_cases():
    rng = np.random.default_rng(0)
    intervals = [t_interval(rng.normal(3, 1, 6)) for _ in range(600)]
    assert 0.92 < np.mean([one is not None and one[0] < 3 < one[1] for one in intervals]) < 0.98


def test_the_bootstrap_covers_other_listeners_and_other_items():
    """With effects of listeners and items the mean's interval has the width that theory gives."""
    rng = np.random.default_rng(1)
    ratings = 60 + rng.normal(0, 8, (30, 1)) + rng.normal(0, 5, (1, 25)) + rng.normal(0, 3, (30, 25))
    low, high = bootstrap_interval(ratings) or (0.0, 0.0)
    width = 2 * 1.96 * np.sqrt(ratings.mean(1).var() / 30 + ratings.mean(0).var() / 25)
    assert low < ratings.mean() < high
    assert high - low == pytest.approx(width, rel=0.1)
    low, high = bootstrap_interval(ratings, "median") or (0.0, 0.0)
    assert low < np.median(ratings) < high
    assert bootstrap_interval(ratings) == bootstrap_interval(ratings)
    assert bootstrap_interval(ratings[:1, :1]) is None


def test_sign_flips_are_counted():
    assert sign_flip_p(np.array([1.0, 2.0, 3.0])) == 2 / 8
    assert sign_flip_p(np.array([1.0, 2.0, -3.0])) == 1.0
    assert sign_flip_p(np.zeros(4)) == 1.0
    differences = np.random.default_rng(2).normal(0.4, 1, 10)
    sums = [abs(np.dot(signs, differences)) for signs in product((-1, 1), repeat=10)]
    assert sign_flip_p(differences) == np.mean(np.array(sums) >= abs(differences.sum()) - 1e-9)


def test_sign_flips_of_many_units_are_near_the_exact_value():
    differences = np.random.default_rng(3).normal(0.4, 1, 24)
    wanted = scipy.stats.permutation_test(
        (differences,), np.mean, permutation_type="samples", n_resamples=50_000, rng=1
    ).pvalue
    assert sign_flip_p(differences) == pytest.approx(wanted, rel=0.1)
    assert sign_flip_p(np.ones(40)) == pytest.approx(1 / 100_001)


def test_without_a_difference_one_in_twenty_is_found():
    rng = np.random.default_rng(4)
    found = np.mean([sign_flip_p(rng.normal(size=8)) < 0.05 for _ in range(400)])
    assert 0.025 < found < 0.075


def test_holm_by_hand():
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.5, 0.9]) == [1.0, 1.0]
    assert holm([]) == []


@pytest.mark.parametrize(("n_right", "n"), [(0, 5), (5, 5), (12, 16), (1, 1), (300, 555), (5200, 10000)])
def test_the_binomial_is_scipys(n_right, n):
    wanted = scipy.stats.binomtest(n_right, n, 0.5, alternative="greater")
    assert binomial_p(n_right, n) == pytest.approx(wanted.pvalue, rel=1e-9)
    interval = scipy.stats.binomtest(n_right, n, 0.5).proportion_ci(0.95, "exact")
    assert binomial_interval(n_right, n) == pytest.approx((interval.low, interval.high), abs=1e-8)
