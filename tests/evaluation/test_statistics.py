"""Statistics against worked examples, and properties that any data must show."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from napari_xray_landmarks.evaluation.statistics import (
    TableRow,
    bootstrap_interval,
    paired_test,
    reliability,
    summary,
    table_row,
)


def test_a_table_row_is_that_of_the_images_that_did_not_fail():
    row = table_row([1.0, 2.0, 3.0, 50.0, np.inf, np.nan], failure_above=10)
    assert row == TableRow(5, 0.6, 2.0, 1.0, 3.0, 2.0, 1.0)
    everything = table_row([1.0, 2.0, 3.0, 50.0, np.inf])
    assert (everything.success_rate, everything.maximum) == (0.8, 50.0)
    assert table_row([20.0, np.inf], failure_above=10).success_rate == 0
    assert np.isnan(table_row([np.nan]).success_rate)


def test_paired_tests_agree_with_a_worked_example():
    # differences with ranks 1..8, of which only rank 3 is negative: W = 3, two-sided p = 10 / 256
    first = np.array([1.0, 2, -3, 4, 5, 6, 7, 8])
    found = paired_test(first, np.zeros(8))
    assert found.wilcoxon_p == pytest.approx(10 / 256)
    assert (found.count, found.mean_difference) == (8, first.mean())
    # differences 1 and 3: t = 2 with one degree of freedom, whose distribution is Cauchy's
    assert paired_test([1.0, 3.0], [0.0, 0.0]).t_p == pytest.approx(1 - 2 * np.arctan(2) / np.pi)


def test_paired_tests_without_a_spread_are_certain():
    same = paired_test([1.0, 2, 3], [1.0, 2, 3])
    assert (same.wilcoxon_p, same.t_p, same.mean_difference) == (1, 1, 0)
    assert paired_test([2.0, 3, 4], [1.0, 2, 3]).t_p == 0
    assert paired_test([1.0, np.inf], [np.nan, 1.0]).count == 0
    assert np.isnan(paired_test([1.0], [2.0]).t_p)
    with pytest.raises(ValueError, match="one length"):
        paired_test([1.0], [1.0, 2.0])


@settings(max_examples=30, deadline=None)
@given(
    first=hnp.arrays(float, 12, elements=st.floats(0, 100)), second=hnp.arrays(float, 12, elements=st.floats(0, 100))
)
def test_paired_tests_turn_round(first, second):
    one, other = paired_test(first, second), paired_test(second, first)
    assert one.mean_difference == pytest.approx(-other.mean_difference)
    assert one.wilcoxon_p == pytest.approx(other.wilcoxon_p)
    assert one.t_p == pytest.approx(other.t_p)
    assert 0 <= one.wilcoxon_p <= 1


def test_the_interval_is_as_wide_as_theory_says():
    values = np.random.default_rng(0).normal(10, 2, 400)
    low, high = bootstrap_interval(values, seed=1)
    half = 1.96 * values.std(ddof=1) / np.sqrt(400)
    assert low == pytest.approx(values.mean() - half, abs=0.15 * half)
    assert high == pytest.approx(values.mean() + half, abs=0.15 * half)
    assert bootstrap_interval(values, seed=1) == (low, high)


def test_copies_in_a_cluster_do_not_narrow_the_interval():
    values = np.random.default_rng(0).normal(10, 2, 50)
    copied, cluster = np.repeat(values, 20), np.repeat(np.arange(50), 20)
    assert bootstrap_interval(copied, clusters=cluster) == pytest.approx(bootstrap_interval(values))
    narrow = bootstrap_interval(copied)
    wide = bootstrap_interval(copied, clusters=cluster)
    assert narrow[1] - narrow[0] < 0.4 * (wide[1] - wide[0])
    assert np.isnan(bootstrap_interval([1.0, 2.0], clusters=["a", "a"])).all()


def test_a_perfect_confidence_has_no_calibration_error():
    confidence = np.repeat([0.25, 0.75], 400)
    errors = np.concatenate([np.repeat([1.0, 9.0], [100, 300]), np.repeat([1.0, 9.0], [300, 100])])
    found = reliability(confidence, errors, threshold=2.0)
    assert found.calibration_error == pytest.approx(0)
    assert [(b.count, b.mean_error, b.share_within) for b in found.bins] == [(400, 7, 0.25), (400, 3, 0.75)]
    assert found.rank_correlation == pytest.approx(-0.5)


def test_an_overconfident_detector_is_found_out():
    found = reliability(np.ones(10), np.full(10, 5.0), threshold=2.0)
    assert found.calibration_error == 1
    assert (found.bins[0].low, found.bins[0].high) == (0.9, 1.0)
    assert np.isnan(found.rank_correlation)
    assert reliability([np.nan], [1.0], 2.0) is None


def test_a_summary_counts_what_is_missing():
    found = summary([3.0, 4.0, 5.0, np.inf, np.nan], [4, 10], clusters=["a", "b", "c", "c", "c"])
    assert (found["count"], found["missing"], found["within_4"], found["within_10"]) == (4, 1, 0.5, 0.75)
    assert [found[k] for k in ("mean", "median", "sd", "min", "max")] == [4, 4, 1, 3, 5]
    assert 3 <= found["mean_low"] < 4 < found["mean_high"] <= 5
    assert np.isnan(summary([np.nan], [1])["mean"])
