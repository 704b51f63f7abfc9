"""Poses from landmarks, intrinsics known: analytic truths, wrong landmarks, and what is refused."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import least_squares
from scipy.spatial.transform import Rotation

from landmark_views import SIZE, landmarks, on_film, view
from napari_xray_landmarks.geometry.camera import Camera, CArm
from napari_xray_landmarks.geometry.pnp import estimate_pose
from napari_xray_landmarks.geometry.pose import DegeneratePose, covariance_about
from napari_xray_landmarks.geometry.pose_errors import pose_error
from napari_xray_landmarks.geometry.sighting import Sighting, refine

NOMINAL = CArm().camera()
angle = st.floats(-180, 180)
arms = st.builds(CArm, angle, st.floats(-90, 90), angle, st.floats(500, 1000), st.floats(1000, 1500),
                 st.tuples(st.floats(0.2, 1), st.floats(0.2, 1)), st.just(SIZE), st.tuples(*[st.floats(-100, 100)] * 3),
                 st.tuples(st.floats(100, 400), st.floats(100, 500)))


@settings(deadline=None, max_examples=80)
@given(arms, st.integers(6, 30), st.integers(0, 10**6))
def test_exact_landmarks_give_the_exact_pose(arm, count, seed):
    points = landmarks(count, seed)
    camera = arm.camera()
    anywhere = camera.moved([0.3, -2.0, 1.0], [50, 600, -70], [10, 20, 30])  # the same detector before the same source
    found = estimate_pose(camera.project(points), points, anywhere)
    error = pose_error(found.camera, camera, points.mean(0))
    assert error.rotation_deg < 1e-6 and error.translation_mm < 1e-5
    assert found.inliers.all() and found.residual_px < 1e-6
    np.testing.assert_allclose(found.camera.detector_px_from_world, camera.detector_px_from_world, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("wrong", [1, 4, 9])
def test_wrong_landmarks_are_dropped(wrong):
    for seed in range(12):
        arm, points = view(seed), landmarks(seed=seed)
        places = on_film(arm, points, 2.0, wrong, seed)
        found = estimate_pose(places, points, NOMINAL, rng=np.random.default_rng(seed))
        error = pose_error(found.camera, arm.camera(), points.mean(0))
        assert error.rotation_deg < 2 and error.translation_mm < 12, seed
        far = np.linalg.norm(places - arm.camera().project(points), axis=1) > 15
        assert not (found.inliers & far).any() and found.inlier_count >= 20 - wrong


def test_one_wrong_landmark_of_seven():
    for seed in range(10):
        arm, points = view(seed), landmarks(7, seed)
        places = on_film(arm, points, 0.5, 0, seed)
        places[3] += 60.0
        found = estimate_pose(places, points, NOMINAL)
        np.testing.assert_array_equal(np.flatnonzero(~found.inliers), [3])
        assert pose_error(found.camera, arm.camera(), points.mean(0)).rotation_deg < 2


def test_exchanged_sides_are_dropped():
    arm, points = view(3), landmarks(seed=3)
    points[1::2] = points[:-1:2] * [1, 1, -1]  # pairs, left and right
    places = on_film(arm, points, 1.0)
    places[[0, 1, 6, 7]] = places[[1, 0, 7, 6]]
    found = estimate_pose(places, points, NOMINAL)
    assert set(np.flatnonzero(~found.inliers)) == {0, 1, 6, 7}
    assert pose_error(found.camera, arm.camera(), points.mean(0)).rotation_deg < 1


def test_landmarks_without_a_place_or_weight_do_not_count():
    arm, points = view(1), landmarks(12)
    places = on_film(arm, points)
    places[0], places[1] = np.nan, (0, 0)
    found = estimate_pose(places, points, NOMINAL, weights=np.r_[1.0, 0.0, np.ones(10)])
    assert found.inliers.tolist() == [False, False] + [True] * 10
    assert np.isnan(found.residuals_px[0]) and found.residuals_px[1] > 5
    assert pose_error(found.camera, arm.camera(), points.mean(0)).rotation_deg < 1e-6


def test_weights_pull():
    arm, points = view(2), landmarks(10)
    places = on_film(arm, points, 3.0)
    found = [estimate_pose(places, points, NOMINAL, threshold_px=50, weights=np.r_[weight, np.ones(9)])
             for weight in (1.0, 1000.0)]
    assert found[1].residuals_px[0] < 0.1 * found[0].residuals_px[0]


def test_the_pose_is_the_least_squares_one():
    """What scipy finds on the same landmarks, from the truth."""
    arm, points = view(4), landmarks(15)
    places = on_film(arm, points, 1.5)
    centre = points.mean(0)
    sighting = Sighting(places, points, np.ones(15), arm.camera(), centre)
    turns, shifts = refine(sighting, np.eye(3)[None], (centre - arm.camera().source_mm)[None], np.ones(15), [1e5])
    ours = sighting.camera_of(turns[0], shifts[0])
    fit = least_squares(lambda v: (arm.camera().moved(v[:3], v[3:], centre).project(points) - places).ravel(),
                        np.zeros(6), x_scale=[1e-2] * 3 + [1.0] * 3, xtol=1e-14, ftol=1e-14, gtol=1e-14)
    theirs = arm.camera().moved(fit.x[:3], fit.x[3:], centre)
    error = pose_error(ours, theirs, centre)
    assert error.rotation_deg < 1e-4 and error.translation_mm < 1e-3


def test_the_jacobian_is_that_of_camera_moved():
    arm, points = view(5), landmarks(8)
    camera, centre = arm.camera(), points.mean(0)
    sighting = Sighting(on_film(arm, points, 5.0), points, np.ones(8), camera, centre)
    _, jacobian = sighting.linearised(np.eye(3)[None], (centre - camera.source_mm)[None])
    for k, step in enumerate(np.diag([1e-5] * 3 + [1e-3] * 3)):
        there, back = (camera.moved(s * step[:3], s * step[3:], centre).project(points) for s in (1, -1))
        np.testing.assert_allclose(jacobian[0, :, :, k], (there - back) / (2 * step[k]), rtol=1e-5, atol=1e-4)


def motion(camera: Camera, to: Camera, centre) -> np.ndarray:
    """(turn, shift) about a centre that takes one camera to the other."""
    turn = to.ray_from_px @ np.linalg.inv(camera.ray_from_px)
    shift = to.source_mm - centre - turn @ (camera.source_mm - centre)
    return np.r_[Rotation.from_matrix(turn).as_rotvec(), shift]


def test_the_covariance_is_that_of_the_errors():
    scores = []
    for seed in range(120):
        arm, points = view(seed), landmarks(seed=seed)
        found = estimate_pose(on_film(arm, points, 2.0, 2, seed), points, NOMINAL)
        off = motion(found.camera, arm.camera(), found.centre_mm)
        scores.append(off @ np.linalg.solve(found.covariance, off))
        there = covariance_about(found.covariance, found.centre_mm, [100, -50, 30])
        moved = motion(found.camera, arm.camera(), np.array([100, -50, 30]))
        assert moved @ np.linalg.solve(there, moved) == pytest.approx(scores[-1], rel=0.1)
    assert 4.5 < np.mean(scores) < 8.5  # six degrees of freedom


@pytest.mark.parametrize(("points", "reason"), [
    (landmarks(5), "6 are needed"),
    (np.linspace(0, 1, 10)[:, None] * [100.0, 30, -60] + [5, 6, 7], "on a line"),
])
def test_too_few_or_on_a_line(points, reason):
    with pytest.raises(DegeneratePose, match=reason):
        estimate_pose(view(0).camera().project(points), points, NOMINAL)


def test_a_plane_seen_from_afar_is_ambiguous():
    arm = CArm(25, 20, source_to_isocentre_mm=2500, source_to_detector_mm=3000)
    points = landmarks(12) * [0.3, 0, 0.3]  # a plane, small
    with pytest.raises(DegeneratePose, match="two poses, .* apart"):
        estimate_pose(on_film(arm, points, 1.0), points, arm.camera())


def test_a_plane_seen_near_is_not():
    arm = CArm(40, 20)
    points = landmarks(12) * [1, 0, 1]
    found = estimate_pose(on_film(arm, points, 0.3), points, NOMINAL)
    assert pose_error(found.camera, arm.camera(), points.mean(0)).rotation_deg < 1


def test_landmarks_too_near_to_each_other_fix_no_turn():
    arm, points = CArm(10, 5), landmarks(8) * 0.008
    with pytest.raises(DegeneratePose, match=r"two poses|turn to ±"):
        estimate_pose(on_film(arm, points, 1.0), points, NOMINAL)


@pytest.mark.parametrize("count", [6, 8, 12, 23])
def test_a_film_of_something_else_is_refused(count):
    refused = 0
    for seed in range(15):
        places = np.random.default_rng(seed).uniform(0, SIZE, (count, 2))
        try:
            estimate_pose(places, landmarks(count, seed), NOMINAL)
        except DegeneratePose as error:
            refused += 1
            assert "\n" not in str(error)
    assert refused == 15


def test_the_same_seed_gives_the_same_pose():
    arm, points = view(0), landmarks()
    places = on_film(arm, points, 2.0, 5)
    one, other = (estimate_pose(places, points, NOMINAL, rng=np.random.default_rng(7)) for _ in range(2))
    np.testing.assert_array_equal(one.camera.source_mm, other.camera.source_mm)


def test_what_does_not_belong_together_is_refused():
    places, points = np.zeros((6, 2)), landmarks(6)
    with pytest.raises(ValueError, match="N, 2"):
        estimate_pose(places[:5], points, NOMINAL)
    with pytest.raises(ValueError, match="weights"):
        estimate_pose(places, points, NOMINAL, weights=-np.ones(6))
    with pytest.raises(ValueError, match="threshold_px .* 0"):
        estimate_pose(places, points, NOMINAL, threshold_px=0)
