from dataclasses import replace

import numpy as np
import pytest
from scipy.ndimage import zoom

import figure
from napari_xray_landmarks.errors import Cancelled, InputError
from napari_xray_landmarks.geometry.similarity import apply, decompose, similarity_from_points
from napari_xray_landmarks.joint_displacement.pose import candidate_scales, find_pose, grid_centres
from napari_xray_landmarks.joint_displacement.sampling import LevelImage, Pyramid

CELL = figure.SETTINGS["cell"]


def planted(model, seed, *, shape=(200, 160), turn_deg=0.0, larger=1.0):
    """A film with the bone in it, and the pose that fits its landmarks."""
    pixels, landmarks = figure.figure(seed, shape=shape, turn_deg=turn_deg)
    points = landmarks.points
    if larger != 1:
        pixels, points = zoom(pixels, larger, order=1, grid_mode=True, mode="nearest"), (points + 0.5) * larger - 0.5
    return Pyramid.of(pixels), similarity_from_points(model.formation.mean, points)


def assert_near(found, truth, model):
    """Within what the first level can mend: a tenth of the shape, 10 degrees, 10 percent."""
    scale, angle, _ = decompose(truth)
    away = apply(found, model.formation.mean) - apply(truth, model.formation.mean)
    assert np.sqrt((away**2).sum(-1).mean()) < 0.2 * scale
    assert abs((decompose(found)[1] - angle + 180) % 360 - 180) < 10
    assert abs(np.log(decompose(found)[0] / scale)) < 0.15


@pytest.mark.parametrize("turn_deg", range(-180, 180, 45))
def test_a_shape_is_found_however_the_film_is_turned(patch_model, turn_deg):
    pyramid, truth = planted(patch_model, 200 + turn_deg, turn_deg=float(turn_deg), shape=(200, 200))
    assert_near(find_pose(pyramid, patch_model, CELL, 180.0).image_from_model, truth, patch_model)


@pytest.mark.parametrize(("shape", "larger"), [((180, 150), 1.0), ((240, 200), 1.0), ((200, 160), 3.0),
                                               ((200, 160), 0.6)])
def test_a_shape_is_found_at_any_size_and_resolution(patch_model, shape, larger):
    pyramid, truth = planted(patch_model, 300, shape=shape, larger=larger)
    assert_near(find_pose(pyramid, patch_model, CELL, 15.0).image_from_model, truth, patch_model)


def test_peaks_that_fall_into_one_spot_are_no_pose(patch_model):
    votes = np.zeros_like(patch_model.pose.displacements)
    model = replace(patch_model, pose=replace(patch_model.pose, displacements=votes))
    pyramid, _ = planted(patch_model, 302)
    scale = decompose(find_pose(pyramid, model, CELL, 0.0).image_from_model)[0]
    tried = candidate_scales(pyramid.shape, model)
    assert tried.min() / 2 < scale < tried.max() * 2


def test_progress_is_told_and_may_cancel(patch_model):
    pyramid, _ = planted(patch_model, 301)
    told = []
    find_pose(pyramid, patch_model, CELL, 0.0, progress=lambda fraction, stage: told.append(fraction))
    assert told == sorted(told) and told[0] == 0 and len(told) > 1

    def stop(fraction, stage):
        raise Cancelled

    with pytest.raises(Cancelled):
        find_pose(pyramid, patch_model, CELL, 0.0, progress=stop)


def test_a_film_smaller_than_a_patch_is_refused(patch_model):
    sliver = Pyramid.of(np.random.default_rng(0).normal(size=(4, 2000)))
    with pytest.raises(InputError, match="4 x 2000 px is smaller than a patch"):
        find_pose(sliver, patch_model, CELL, 0.0)


def test_scales_cover_what_training_saw_in_small_steps(patch_model):
    scales = candidate_scales((200, 160), patch_model)
    assert scales[0] == pytest.approx(patch_model.scales[0] * np.hypot(200, 160))
    assert scales[-1] == pytest.approx(patch_model.scales[1] * np.hypot(200, 160))
    assert (scales[1:] / scales[:-1] <= 1.15 + 1e-9).all()
    np.testing.assert_array_equal(scales, candidate_scales((200, 160), patch_model, (0.2, 0.2)))  # no size in mm known


def test_the_grid_covers_the_film_and_nothing_else():
    film = Pyramid.of(np.zeros((100, 80)))
    image = LevelImage.around(film, np.eye(3), 1.0, np.array([[-30.0, -30.0], [130.0, 110.0]]), 0.0)
    centres = grid_centres(image, 900)
    on_film = apply(image.image_from_level, centres)
    assert (on_film >= -0.5).all() and (on_film <= [99.5, 79.5]).all()
    assert 0.7 < len(centres) / (900 * 8000 / (161 * 141)) < 1.3
