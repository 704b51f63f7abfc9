import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter

from napari_xray_landmarks.geometry.similarity import apply, invert, similarity
from napari_xray_landmarks.joint_displacement.sampling import LevelImage, Pyramid, sample_centres

ROWS, COLUMNS = np.indices((220, 180))


def plane(points):
    return 100 + 0.5 * points[..., 0] - 0.25 * points[..., 1]


LINEAR = Pyramid.of(plane(np.stack([ROWS, COLUMNS], -1)))


@given(scale=st.floats(0.2, 6.0), angle_deg=st.floats(-180, 180), row=st.floats(90, 130), column=st.floats(70, 110))
@settings(max_examples=40, deadline=None)
def test_a_linear_image_is_resampled_exactly_under_any_similarity(scale, angle_deg, row, column):
    shape = (9, 7)
    middle = (np.array(shape) - 1) / 2
    image_from_target = similarity(scale, angle_deg, (row, column)) @ similarity(1, 0, -middle)
    found = LINEAR.resample(image_from_target, shape)
    expected = plane(apply(image_from_target, np.stack(np.indices(shape), -1)))
    np.testing.assert_allclose(found, expected, atol=2e-2)


def test_beyond_the_film_its_border_is_repeated():
    found = LINEAR.resample(similarity(1, 0, (-50.0, 20.0)), (60, 5))
    np.testing.assert_allclose(found[:50], np.broadcast_to(plane(np.array([[0, 20 + c] for c in range(5)])), (50, 5)),
                               atol=1e-3)


def test_fine_texture_does_not_alias():
    checks = Pyramid.of((ROWS + COLUMNS) % 2 * 100.0)
    assert np.ptp(checks.resample(similarity(4.0, 0, (30.0, 30.0)), (30, 30))) < 2


def test_a_pyramid_halves_down_to_a_few_pixels():
    sizes = [level.shape for level in Pyramid.of(np.zeros((1000, 70))).levels]
    assert sizes == [(1000, 70), (500, 35), (250, 18)]


@pytest.mark.parametrize("dtype", [np.uint16, np.float64])
def test_small_levels_are_those_of_the_whole_film_halved_at_once_and_take_little_memory(dtype):
    film = np.random.default_rng(2).integers(0, 4096, (1037, 70)).astype(dtype)
    pyramid, whole = Pyramid.of(film), film.astype(float)
    for level in pyramid.levels[1:]:
        whole = gaussian_filter(whole, 0.8, mode="nearest")[::2, ::2]
        np.testing.assert_allclose(pyramid.low + pyramid.step * level.astype(float), whole, atol=0.1)
    assert sum(level.nbytes for level in pyramid.levels[1:]) < 0.7 * film.size
    if dtype == np.uint16:
        assert np.shares_memory(pyramid.levels[0], film)


@given(scale=st.floats(10, 60), angle_deg=st.floats(-180, 180), resolution=st.floats(5, 40), margin=st.floats(0, 30))
@settings(max_examples=30, deadline=None)
def test_a_level_image_holds_its_points_with_the_margin(scale, angle_deg, resolution, margin):
    points = np.array([[-1.0, 0.2], [0.4, 1.1], [0.9, -0.7]])
    image_from_model = similarity(scale, angle_deg, (110.0, 90.0))
    image = LevelImage.around(LINEAR, image_from_model, resolution, points, margin)
    level_from_model = invert(image.image_from_level) @ image_from_model
    own = apply(level_from_model, points)
    assert (own >= margin - 1e-6).all() and (own <= np.array(image.shape) - 1 - margin + 1e-6).all()
    np.testing.assert_allclose(own - own[0], (points - points[0]) * resolution, atol=1e-6)  # the model's orientation
    assert (np.array(image.shape) <= np.ptp(points, axis=0) * resolution + 2 * margin + 3).all()


def test_points_on_the_film_are_told_from_those_beyond():
    image = LevelImage(LINEAR, similarity(2.0, 0, (-10.0, 0.0)), (200, 100))
    assert image.inside_film(np.array([[4, 0], [5, 0], [114, 0], [115, 0], [50, 89], [50, 90]])).tolist() == [
        False, True, True, False, True, False]


@given(count=st.integers(1, 400), reach=st.floats(1, 40), landmarks=st.integers(1, 5), seed=st.integers(0, 100))
@settings(max_examples=30, deadline=None)
def test_patches_lie_around_the_landmarks_equally_many_each(count, reach, landmarks, seed):
    expected = np.arange(landmarks)[:, None] * [1000.0, -500.0]
    centres = sample_centres(expected, reach, count, np.random.default_rng(seed))
    assert centres.shape == (count, 2) and centres.dtype.kind == "i"
    away = np.abs(centres[:, None] - expected).max(-1)
    assert (away.min(1) <= reach + 0.5).all()
    shares = np.bincount(away.argmin(1), minlength=landmarks)
    assert shares.max() - shares.min() <= 1
    np.testing.assert_array_equal(centres, sample_centres(expected, reach, count, np.random.default_rng(seed)))


def test_features_in_the_models_frame_do_not_change_when_the_film_turns():
    pixels = np.random.default_rng(0).normal(size=(160, 160))
    upright = LevelImage(Pyramid.of(pixels), np.eye(3), (160, 160))
    turned = Pyramid.of(np.rot90(pixels))  # (row, column) goes to (159 - column, row)
    same = LevelImage(turned, similarity(1.0, 90.0, (159.0, 0.0)), (160, 160))
    np.testing.assert_allclose(turned.resample(same.image_from_level, same.shape), pixels, atol=1e-4)
    centres = np.array([[80, 80], [40, 100]])
    np.testing.assert_allclose(same.features(centres, 5), upright.features(centres, 5), atol=2e-3)


@pytest.mark.parametrize("cell", [1, 3])
def test_features_are_those_of_the_resampled_film(cell):
    image = LevelImage(Pyramid.of(np.random.default_rng(1).normal(size=(80, 70))), similarity(1.0, 10.0), (60, 50))
    assert image.features(np.array([[30, 25]]), cell).shape == (1, 360)
    assert image.integral.shape == (61, 51, 18)
