"""The nouns of poses, and how far two poses are apart."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_xray_landmarks.geometry.camera import Camera, CArm
from napari_xray_landmarks.geometry.pose import (
    Pose,
    PoseEstimate,
    covariance_about,
    pose_of_estimate,
    standard_deviations,
)
from napari_xray_landmarks.geometry.pose_errors import arm_axes, in_arm, pose_error, target_errors

ARM = CArm(30, -20, 10, isocentre_mm=(1, 2, 3))
small = st.floats(-0.5, 0.5)


def estimate(**changes) -> PoseEstimate:
    values = {"camera": ARM.camera(), "inliers": [True] * 6 + [False], "residuals_px": [1.0] * 6 + [40.0],
              "residual_px": 1.0, "covariance": np.diag([1e-6] * 3 + [0.04] * 3), "centre_mm": [10.0, 20, 30]}
    return PoseEstimate(**values | changes)


def test_an_estimate_says_what_it_rests_on():
    line = estimate().describe()
    for part in ("6 of 7 landmarks", "residual 1.00 px", "± 0.06°", "± 0.20 mm"):
        assert part in line
    assert estimate(covariance=None).describe() == "6 of 7 landmarks, residual 1.00 px"


@pytest.mark.parametrize(("change", "part"), [
    ({"residual_px": np.nan}, "nan"),
    ({"inliers": [True]}, "one value a landmark"),
    ({"centre_mm": [1.0, 2]}, "centre_mm"),
    ({"covariance": np.eye(5)}, "6 x 6"),
    ({"covariance": -np.eye(6)}, "negative"),
])
def test_estimates_that_make_no_sense_are_refused(change, part):
    with pytest.raises(ValueError, match=part):
        estimate(**change)


def test_what_is_kept_of_an_estimate():
    pose = pose_of_estimate(estimate(), "abcdefg", 750, {"method": "by hand"})
    assert pose.used_landmarks == tuple("abcdef") and pose.residual_px == 1.0
    assert pose.arm.isocentre_mm == pytest.approx((1, 2, 3)) and pose.arm.lao_deg == pytest.approx(30)
    np.testing.assert_allclose(pose.covariance, covariance_about(estimate().covariance, [10, 20, 30], (1, 2, 3)))
    assert pose.provenance == {"method": "by hand"}
    deep = pose_of_estimate(estimate(), "abcdefg")
    assert deep.arm.source_to_isocentre_mm == pytest.approx(in_arm(ARM.camera(), [10, 20, 30])[2])


@pytest.mark.parametrize("change", [{"residual_px": -1.0}, {"residual_px": None}, {"used_landmarks": ("a", "a")},
                                    {"similarity": np.inf}, {"covariance": np.zeros((6, 5))}])
def test_poses_that_make_no_sense_are_refused(change):
    with pytest.raises(ValueError):
        Pose(**{"arm": ARM, "residual_px": 1.0} | change)


@settings(deadline=None)
@given(st.tuples(small, small, small), st.tuples(*[st.floats(-50, 50)] * 3), st.tuples(*[st.floats(-100, 100)] * 3))
def test_errors_are_those_of_the_motion(turn, shift, centre):
    camera = ARM.camera()
    moved = camera.moved(turn, shift, centre)
    error = pose_error(moved, camera, centre)
    assert error.rotation_deg == pytest.approx(np.rad2deg(np.linalg.norm(turn)), abs=1e-5)
    assert error.translation_mm == pytest.approx(np.linalg.norm(shift), abs=1e-9)
    same = pose_error(camera, moved, centre)
    assert same.rotation_deg == pytest.approx(error.rotation_deg, abs=1e-5)


def test_the_covariance_about_another_point_and_back():
    rng = np.random.default_rng(0)
    root = rng.normal(size=(6, 6))
    there = covariance_about(root @ root.T, [1, 2, 3], [40, 50, 60])
    np.testing.assert_allclose(covariance_about(there, [40, 50, 60], [1, 2, 3]), root @ root.T, atol=1e-8)
    turning = covariance_about(np.diag([0.01**2, 0, 0, 0, 0, 0]), [0, 0, 0], [0, 0, 100])
    assert standard_deviations(turning) == pytest.approx((np.rad2deg(0.01), 1.0))


def test_axes_of_a_slanted_detector_are_the_nearest():
    camera = ARM.camera()
    np.testing.assert_allclose(arm_axes(camera)[:, [0, 2, 1]] * [-1, 1, 1], ARM.world_from_arm, atol=1e-12)
    slanted = Camera(camera.source_mm, camera.corner_mm, camera.row_step_mm + 1e-3 * camera.column_step_mm,
                     camera.column_step_mm, camera.size_px)
    axes = arm_axes(slanted)
    np.testing.assert_allclose(axes @ axes.T, np.eye(3), atol=1e-12)
    assert pose_error(slanted, camera, [0, 0, 0]).rotation_deg < 0.05


def test_a_mirrored_film_has_no_error():
    camera = ARM.camera()
    mirrored = Camera(camera.source_mm, camera.corner_mm, camera.row_step_mm, -camera.column_step_mm, camera.size_px)
    with pytest.raises(ValueError, match="mirrored"):
        pose_error(mirrored, camera, [0, 0, 0])


def test_the_projected_error_is_that_at_the_isocentre():
    camera = CArm().camera()
    sideways = camera.moved([0, 0, 0], [0, 0, 3.0], [0, 0, 0])
    errors = target_errors(sideways, camera, [[0, 0, 0], [50, 0, 20]], (0, 0, 0))
    np.testing.assert_allclose(errors.projected_mm, 3.0)
    np.testing.assert_allclose(errors.px, 3.0 * 1.6 / 0.616)
    np.testing.assert_allclose(errors.spatial_mm, 3.0)
    away = target_errors(camera.moved([0, 0, 0], [0, 7.0, 0], [0, 0, 0]), camera, [[0, 0, 0.0]])
    assert away.mtre_mm == pytest.approx(0) and away.spatial_mm == pytest.approx(7)
