import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_xray_landmarks.joint_displacement.votes import density

LOW, HIGH = np.array([-10, 5]), np.array([49, 70])
place = st.tuples(st.floats(8, 32), st.floats(24, 52))
bandwidth = st.floats(1.0, 4.0)


def cloud(*groups, bandwidth=2.0):
    """Density of votes: (place, weight) each."""
    positions, weights = (np.array(v, float) for v in zip(*groups, strict=True))
    return density(positions, weights, LOW, HIGH, bandwidth)


@given(at=place, width=bandwidth)
@settings(max_examples=60, deadline=None)
def test_the_peak_of_one_vote_is_the_vote_to_sub_pixel_precision(at, width):
    np.testing.assert_allclose(cloud((at, 3.0), bandwidth=width).peak(), at, atol=0.05)


@given(at=place, width=bandwidth, seed=st.integers(0, 100))
@settings(max_examples=20, deadline=None)
def test_the_peak_of_a_gaussian_cloud_is_its_mean(at, width, seed):
    offsets = np.random.default_rng(seed).normal(0, 1.5, (4000, 2))
    votes = np.concatenate([at + offsets, at - offsets])
    found = density(votes, np.ones(len(votes)), LOW, HIGH, width)
    np.testing.assert_allclose(found.peak(), at, atol=0.15)


@given(at=place, width=bandwidth)
@settings(max_examples=20, deadline=None)
def test_one_vote_becomes_a_gaussian_kernel(at, width):
    found = cloud((at, 1.0), bandwidth=width)
    rows, columns = np.ogrid[LOW[0]:HIGH[0] + 1, LOW[1]:HIGH[1] + 1]
    distance2 = (rows - at[0]) ** 2 + (columns - at[1]) ** 2
    kernel = np.exp(-distance2 / (2 * width**2)) / (2 * np.pi * width**2)
    # Sharing a vote between four pixels widens its kernel by up to a quarter of a square pixel along each axis.
    np.testing.assert_allclose(found.values, kernel, atol=0.25 / width**2 * kernel.max() + 1e-6)
    # 1 - exp(-2.5² / 2) = 0.956, less for the wider kernel and the pixels that the circle cuts
    assert 0.85 < found.mass(np.array(at)) < 0.98


votes = st.tuples(st.tuples(st.floats(-40, 80), st.floats(-40, 120)), st.floats(0, 5))


@given(st.lists(votes, min_size=1, max_size=30), bandwidth)
@settings(max_examples=60, deadline=None)
def test_a_density_is_a_share_of_the_votes(groups, width):
    found = cloud(*groups, bandwidth=width)
    assert found.values.shape == (60, 66) and found.values.dtype == np.float32
    assert (found.values >= 0).all() and found.values.sum() <= 1 + 1e-5
    assert np.isfinite(found.peak()).all() and 0 <= found.mass(found.peak()) <= 1


def test_votes_beyond_the_window_are_lost_but_count_in_the_total():
    inside, outside = ((20, 40), 1.0), ((500, 500), 3.0)
    assert cloud(inside).values.sum() == pytest.approx(1, abs=1e-5)
    assert cloud(inside, outside).values.sum() == pytest.approx(0.25, abs=1e-5)


def test_weights_decide_between_two_places_and_a_prior_overrules_them():
    found = cloud(((10, 30), 0.7), ((30, 50), 0.3))
    np.testing.assert_allclose(found.peak(), [10, 30], atol=0.03)
    assert found.mass(np.array([10, 30])) == pytest.approx(0.7 * 0.956, abs=0.02)
    rows, columns = np.ogrid[LOW[0]:HIGH[0] + 1, LOW[1]:HIGH[1] + 1]
    prior = -((rows - 30.0) ** 2 + (columns - 50.0) ** 2) / (2 * 10**2)
    np.testing.assert_allclose(found.peak(prior), [30, 50], atol=0.1)


def test_where_nobody_votes_the_prior_alone_decides():
    rows, columns = np.ogrid[LOW[0]:HIGH[0] + 1, LOW[1]:HIGH[1] + 1]
    prior = -((rows - 7.25) ** 2 + (columns - 31.5) ** 2)
    found = cloud(((20, 40), 0.0))
    assert not found.values.any()
    np.testing.assert_allclose(found.peak(prior), [7.25, 31.5], atol=1e-3)


def test_a_peak_on_the_border_stays_within_half_a_pixel_of_the_window():
    for at in ((-10, 5), (49, 70), (-10.4, 40), (20, 70.9)):
        peak = cloud((at, 1.0)).peak()
        assert (peak >= LOW - 0.5).all() and (peak <= HIGH + 0.5).all()
