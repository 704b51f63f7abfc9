"""Pose and intrinsics together from landmarks."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from landmark_views import SIZE, landmarks, on_film, view
from napari_xray_landmarks.geometry.camera import CArm
from napari_xray_landmarks.geometry.dlt import ASSUMED, projection_from_points
from napari_xray_landmarks.geometry.pose import DegeneratePose
from napari_xray_landmarks.geometry.pose_errors import pose_error, target_errors
from napari_xray_landmarks.geometry.views import arm_from_camera


@pytest.mark.parametrize("assume", list(ASSUMED))
@settings(deadline=None, max_examples=8)
@given(seed=st.integers(0, 10**6), count=st.integers(7, 25))
def test_exact_landmarks_give_the_exact_camera(assume, seed, count):
    arm, points = view(seed), landmarks(count, seed)
    found = projection_from_points(on_film(arm, points), points, SIZE, assume=assume, source_to_detector_mm=1200)
    error = pose_error(found.camera, arm.camera(), points.mean(0))
    assert error.rotation_deg < 1e-5 and error.translation_mm < 1e-3
    again = arm_from_camera(found.camera, 750)
    np.testing.assert_allclose(again.pixel_spacing_mm, arm.pixel_spacing_mm, rtol=1e-5)
    np.testing.assert_allclose(again.centre_px, (np.array(SIZE) - 1) / 2, atol=1e-3)


def test_pixels_that_are_not_square_and_a_beam_off_the_middle():
    arm = CArm(30, -20, 5, 700, 1100, (0.5, 0.7), SIZE, (5, -6, 7), (150, 280))
    points = landmarks(15)
    found = projection_from_points(arm.camera().project(points), points, SIZE, assume="no-skew",
                                   source_to_detector_mm=1100)
    again = arm_from_camera(found.camera, 700)
    np.testing.assert_allclose(again.pixel_spacing_mm, (0.5, 0.7), rtol=1e-5)
    np.testing.assert_allclose(again.centre_px, (150, 280), atol=1e-3)
    np.testing.assert_allclose([again.lao_deg, again.cran_deg, again.roll_deg], [30, -20, 5], atol=1e-4)


def test_six_exact_landmarks_are_just_enough():
    arm, points = view(1), landmarks(6, 1)
    found = projection_from_points(on_film(arm, points), points, SIZE)
    assert pose_error(found.camera, arm.camera(), points.mean(0)).rotation_deg < 1e-4


@pytest.mark.parametrize("wrong", [1, 5])
def test_wrong_landmarks_are_dropped(wrong):
    for seed in range(6):
        arm, points = view(seed), landmarks(seed=seed)
        places = on_film(arm, points, 1.0, wrong, seed)
        found = projection_from_points(places, points, SIZE, assume="centred", rng=np.random.default_rng(seed))
        assert pose_error(found.camera, arm.camera(), points.mean(0)).rotation_deg < 3, seed
        assert target_errors(found.camera, arm.camera(), points).mtre_mm < 1.5, seed
        far = np.linalg.norm(places - arm.camera().project(points), axis=1) > 15
        assert not (found.inliers & far).any() and found.inlier_count >= 21 - wrong


def test_fewer_unknowns_are_better_known():
    arm, points = view(2), landmarks(seed=2)
    places = on_film(arm, points, 1.0)
    spread = [np.trace(projection_from_points(places, points, SIZE, assume=assume).covariance[:3, :3])
              for assume in ASSUMED]
    assert spread == sorted(spread, reverse=True)


def test_the_detector_is_where_it_is_said_to_be():
    arm, points = view(3), landmarks(12)
    places = on_film(arm, points)
    near, far = (projection_from_points(places, points, SIZE, source_to_detector_mm=d).camera for d in (900, 1800))
    np.testing.assert_allclose(near.project(points), far.project(points), atol=1e-6)
    assert arm_from_camera(near, 700).source_to_detector_mm == pytest.approx(900)
    assert arm_from_camera(far, 700).source_to_detector_mm == pytest.approx(1800)


@pytest.mark.parametrize(("points", "reason"), [
    (landmarks(5), "6 are needed"),
    (np.linspace(0, 1, 10)[:, None] * [100.0, 30, -60], "on a line"),
    (landmarks(15) * [1, 0.01, 1], "in a plane"),
])
def test_what_fixes_no_projection_is_refused(points, reason):
    with pytest.raises(DegeneratePose, match=reason):
        projection_from_points(view(0).camera().project(points), points, SIZE)


def test_a_mirrored_film_is_refused():
    points = landmarks(15)
    places = on_film(view(0), points)
    places[:, 1] = SIZE[1] - 1 - places[:, 1]
    with pytest.raises(DegeneratePose, match="mirrored"):
        projection_from_points(places, points, SIZE)


def test_shallow_landmarks_leave_the_focal_length_open():
    points = landmarks(12) * [1, 0.08, 1]
    with pytest.raises(DegeneratePose, match="geometry of the film must be known"):
        projection_from_points(on_film(CArm(), points, 3.0), points, SIZE)


@pytest.mark.parametrize("count", [8, 23])
def test_a_film_of_something_else_is_refused(count):
    for seed in range(6):
        places = np.random.default_rng(seed).uniform(0, SIZE, (count, 2))
        with pytest.raises(DegeneratePose):
            projection_from_points(places, landmarks(count, seed), SIZE)


def test_options_that_make_no_sense_are_refused():
    points = landmarks(8)
    places = on_film(view(0), points)
    with pytest.raises(ValueError, match="round"):
        projection_from_points(places, points, SIZE, assume="round")
    with pytest.raises(ValueError, match="-3"):
        projection_from_points(places, points, SIZE, source_to_detector_mm=-3)
