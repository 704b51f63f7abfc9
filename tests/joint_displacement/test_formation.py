import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_xray_landmarks.geometry.similarity import apply, similarity
from napari_xray_landmarks.joint_displacement.formation import Formation
from napari_xray_landmarks.joint_displacement.training import formation_of
from napari_xray_landmarks.joint_displacement.votes import density

MEAN = np.array([[-1.2, -0.4], [-0.6, 0.9], [0.1, -1.0], [0.7, 0.8], [1.0, -0.3]])
RESOLUTION = 40.0


def formation(spread=0.05, seed=0):
    """Landmarks that vary together along a few random ways, and a little each on its own."""
    ways = np.random.default_rng(seed).normal(0, spread, (3, 10))
    return Formation(MEAN, ways.T @ ways + 1e-3 * np.eye(10))


def responses(*votes_of_each):
    """Response images of landmarks over the same window, from (place, weight) lists."""
    low, high = np.array([-80, -80]), np.array([80, 80])
    return {i: density(np.array([p for p, _ in votes], float), np.array([w for _, w in votes], float), low, high, 2.0)
            for i, votes in enumerate(votes_of_each)}


@given(landmark=st.integers(0, 4), seed=st.integers(0, 100))
@settings(max_examples=20, deadline=None)
def test_the_expected_place_is_that_of_the_conditional_gaussian(landmark, seed):
    own = formation(seed=seed)
    shape = MEAN + np.random.default_rng(seed).normal(0, 0.1, MEAN.shape)
    mean, covariance = own.expected(landmark, shape)
    this = np.zeros(10, bool)
    this[2 * landmark:2 * landmark + 2] = True
    c = own.covariance
    gain = c[np.ix_(this, ~this)] @ np.linalg.inv(c[np.ix_(~this, ~this)])
    np.testing.assert_allclose(mean, MEAN[landmark] + gain @ (shape - MEAN).ravel()[~this], atol=1e-8)
    np.testing.assert_allclose(covariance, c[np.ix_(this, this)] - gain @ c[np.ix_(~this, this)], atol=1e-8)


@pytest.mark.parametrize("angle_deg", [0.0, 25.0])
def test_a_displaced_landmark_is_put_back_where_it_was_seen_too(angle_deg):
    level_from_model = similarity(RESOLUTION, angle_deg, (3.0, -5.0))
    truth = apply(level_from_model, MEAN)
    wrong = truth[3] + [-25.0, 20.0]
    votes = [[(p, 1.0)] for p in truth]
    votes[3] = [(wrong, 0.65), (truth[3], 0.35)]
    own = formation()
    highest = own.choose(responses(*votes), truth.copy(), level_from_model, 0.0)
    np.testing.assert_allclose(highest[3], wrong, atol=0.1)
    fitting = own.choose(responses(*votes), truth.copy(), level_from_model, 0.2)
    np.testing.assert_allclose(fitting, truth, atol=1.0)


def test_the_pose_of_the_level_may_be_off():
    level_from_model = similarity(RESOLUTION)
    truth = apply(similarity(RESOLUTION * 1.2, 15.0, (6.0, -4.0)), MEAN)
    votes = [[(p, 1.0)] for p in truth]
    votes[1] = [(truth[1] + [24.0, 10.0], 0.6), (truth[1], 0.4)]
    found = formation().choose(responses(*votes), apply(level_from_model, MEAN), level_from_model, 0.2)
    np.testing.assert_allclose(found, truth, atol=1.0)


def test_held_landmarks_and_those_without_a_response_do_not_move():
    level_from_model = similarity(RESOLUTION)
    shape = apply(level_from_model, MEAN) + 4.0
    seen = responses(*[[(p - 9.0, 1.0)] for p in shape])
    del seen[4]
    found = formation().choose(seen, shape, level_from_model, 0.1, frozenset({0, 2}))
    np.testing.assert_array_equal(found[[0, 2, 4]], shape[[0, 2, 4]])
    assert (np.abs(found[[1, 3]] - shape[[1, 3]]) > 2).all()
    np.testing.assert_array_equal(shape, apply(level_from_model, MEAN) + 4.0)  # the argument stays as it was


def test_two_landmarks_have_no_shape_to_fit():
    two = Formation(MEAN[:2], 1e-3 * np.eye(4))
    found = two.choose(responses([((5, 6), 1.0)], [((-20, 30), 1.0)]), np.zeros((2, 2)), similarity(RESOLUTION), 1.0)
    np.testing.assert_allclose(found, [[5, 6], [-20, 30]], atol=0.05)


@given(angle=st.floats(-3, 3), scale=st.floats(0.1, 50))
def test_the_mean_in_any_pose_lies_at_no_distance(angle, scale):
    turned = apply(similarity(scale, angle, (30.0, -7.0)), MEAN)
    assert formation().distance(turned) == pytest.approx(0, abs=1e-6)
    assert not formation().doubt(turned)


@pytest.mark.parametrize("films", [20, 200])
def test_new_shapes_like_those_of_the_training_raise_no_doubt(films):
    rng, ways = np.random.default_rng(1), np.random.default_rng(0).normal(0, 0.05, (3, 10))
    draw = lambda count: MEAN + (rng.normal(size=(count, 3)) @ ways + rng.normal(0, 0.01, (count, 10))  # noqa: E731
                                 ).reshape(-1, 5, 2)
    own = formation_of(list(draw(films)))
    distances = [own.distance(shape) for shape in draw(300)]
    assert 0.6 < np.median(distances) < 1.2
    assert np.mean([bool(own.doubt(shape)) for shape in draw(300)]) <= 0.02


def test_places_at_random_raise_doubt():
    rng = np.random.default_rng(2)
    assert all(formation().doubt(rng.normal(size=(5, 2))) for _ in range(20))


def test_two_landmarks_have_no_shape_to_doubt():
    own = Formation(MEAN[:2], np.eye(4))
    assert own.distance(np.array([[0.0, 0], [9, 3]])) == 0 and own.doubt(np.array([[0.0, 0], [9, 3]])) == ""
