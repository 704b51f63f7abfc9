"""Limits of agreement and equivalence against their definitions."""

import numpy as np
import pytest

from napari_xray_landmarks.evaluation.agreement import agreement, equivalence


def test_limits_of_agreement_hold_95_percent_of_normal_differences():
    rng = np.random.default_rng(0)
    true = rng.uniform(0, 90, 20_000)
    measured = true + rng.normal(2.0, 3.0, true.size)
    found = agreement(measured, true)
    assert found.bias == pytest.approx(2.0, abs=0.1)
    assert (found.low, found.high) == pytest.approx((2 - 1.96 * 3, 2 + 1.96 * 3), abs=0.15)
    inside = (measured - true > found.low) & (measured - true < found.high)
    assert inside.mean() == pytest.approx(0.95, abs=0.005)


def test_correlation_does_not_see_a_bias():
    true = np.arange(10.0)
    found = agreement(3 * true + 5, true)
    assert found.correlation == pytest.approx(1.0) and found.bias > 5
    assert np.isnan(agreement(np.ones(4), np.arange(4.0)).correlation)


def test_equal_means_are_equivalent_and_far_ones_are_not():
    rng = np.random.default_rng(1)
    true = rng.normal(0, 10, 200)
    noise = rng.normal(0, 1, 200)
    assert equivalence(true + noise, true, 0.5).p < 0.001
    assert equivalence(true + noise + 1.0, true, 0.5).p > 0.5


def test_little_data_prove_nothing_though_no_difference_shows():
    true = np.array([0.0, 10.0, 20.0])
    assert equivalence(true + np.array([3.0, -3.0, 0.0]), true, 1.0).p > 0.05


def test_its_p_is_right_as_often_as_it_says():
    """With the mean on the margin, p is below 0.05 in 5 % of the trials."""
    rng = np.random.default_rng(2)
    rejected = [equivalence(rng.normal(1.0, 1.0, 30), np.zeros(30), 1.0).p < 0.05 for _ in range(600)]
    assert np.mean(rejected) == pytest.approx(0.05, abs=0.025)


def test_unknown_pairs_do_not_count():
    assert agreement([1.0, np.nan, 3.0], [1.0, 5.0, 2.0]).count == 2


def test_what_cannot_be_compared_is_refused():
    with pytest.raises(ValueError, match="as many"):
        agreement([1, 2, 3], [1, 2])
    with pytest.raises(ValueError, match="two pairs"):
        agreement([1.0, np.nan], [1.0, 2.0])
    with pytest.raises(ValueError, match="positive"):
        equivalence([1, 2], [1, 2], 0.0)
