import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_xray_landmarks.joint_displacement.reliability import EVIDENCE, Reliability, learn_reliability, spoilt

COUNT = len(EVIDENCE)


def test_the_confidence_is_the_share_that_is_right():
    rng = np.random.default_rng(0)
    evidence = rng.normal(0, 1, (3000, COUNT)) * 3 + 1
    odds = evidence @ np.array([1.0, 0.5, 0, 0, 0.2]) - 1
    right = rng.uniform(0, 1, 3000) < 1 / (1 + np.exp(-odds))
    confidence = learn_reliability(evidence, right, 0.03).confidence(evidence)
    for low in np.arange(0, 1, 0.2):
        here = (confidence >= low) & (confidence < low + 0.2)
        assert abs(right[here].mean() - confidence[here].mean()) < 0.1


@given(seed=st.integers(0, 10**6), films=st.integers(2, 60), share=st.floats(0, 1))
@settings(max_examples=50, deadline=None)
def test_more_evidence_never_means_less_confidence(seed, films, share):
    """Also where chance says otherwise, or all or none are right."""
    rng = np.random.default_rng(seed)
    learnt = learn_reliability(rng.normal(size=(films, COUNT)), rng.uniform(size=films) < share, 0.03)
    assert min(learnt.slopes) >= 0
    less, more = rng.normal(size=COUNT), rng.uniform(0, 2, COUNT)
    assert 0 < learnt.confidence(less) <= learnt.confidence(less + more) < 1


def test_evidence_that_never_changes_does_no_harm():
    learnt = learn_reliability(np.ones((10, COUNT)), np.arange(10) < 7, 0.03)
    assert learnt.confidence(np.ones(COUNT)) == pytest.approx(0.7, abs=0.02)


def test_spoilt_films_carry_their_landmarks_along():
    rng = np.random.default_rng(1)
    pixels = np.zeros((40, 60), np.float32)
    points = np.array([[5, 7], [30, 50], [12, 33]])
    pixels[tuple(points.T)] = (1, 2, 3)
    mirrored, inverted, cut = spoilt(pixels, points.astype(float), rng)
    np.testing.assert_array_equal(mirrored[0][tuple(mirrored[1].astype(int).T)], [1, 2, 3])
    np.testing.assert_array_equal(inverted[0][tuple(inverted[1].astype(int).T)], [2, 1, 0])
    inside = ((cut[1] >= 0) & (cut[1] < cut[0].shape)).all(1)
    assert cut[0].size < pixels.size and 0 < inside.sum() < 3
    np.testing.assert_array_equal(cut[0][tuple(cut[1][inside].astype(int).T)], np.array([1, 2, 3])[inside])


def test_a_mirrored_film_of_two_sides_has_them_swapped():
    points = np.array([[5.0, 7.0], [30.0, 50.0]])
    (_, mirrored), *_ = spoilt(np.zeros((40, 60)), points, np.random.default_rng(0), np.array([1, 0]))
    np.testing.assert_array_equal(mirrored, [[30, 9], [5, 52]])


@pytest.mark.parametrize("values", [
    {"slopes": (1.0,)}, {"slopes": (-1.0, 0, 0, 0, 0)}, {"intercept": float("nan")}, {"tolerance": 0.0}])
def test_values_that_make_no_sense_are_refused(values):
    with pytest.raises(ValueError, match="slopes|tolerance"):
        Reliability(**values)
