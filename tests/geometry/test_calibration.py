import numpy as np
import pytest

from napari_xray_landmarks.geometry.calibration import (
    camera_from_intrinsics,
    camera_from_projection,
    projection_from_camera,
)
from napari_xray_landmarks.geometry.camera import CArm

ARM = CArm(25, -10, 5, 720, 1100, (0.5, 0.4), (300, 400), (12.0, -7, 20), (130.0, 220.0))
POINTS = np.random.default_rng(0).uniform(-60, 60, (12, 3)) + ARM.isocentre_mm


def _same(one, other):
    for key in ("source_mm", "corner_mm", "row_step_mm", "column_step_mm"):
        np.testing.assert_allclose(getattr(one, key), getattr(other, key), atol=1e-6)


@pytest.mark.parametrize("scale", [1.0, -1.0, 3e-4, -250.0])
def test_a_camera_comes_back_whatever_the_scale_and_sign(scale):
    camera = ARM.camera()
    projection = projection_from_camera(camera) * scale
    _same(camera_from_projection(projection, camera.size_px, in_front_lps_mm=ARM.isocentre_mm[::-1],
                                 source_to_detector_mm=1100), camera)


def test_a_projection_acts_on_lps_and_gives_column_and_row():
    camera = ARM.camera()
    homogeneous = np.column_stack([POINTS[:, ::-1], np.ones(12)]) @ projection_from_camera(camera).T
    np.testing.assert_allclose((homogeneous[:, :2] / homogeneous[:, 2:])[:, ::-1], camera.project(POINTS), atol=1e-9)


def test_without_a_distance_the_image_points_are_the_same():
    camera = camera_from_projection(-projection_from_camera(ARM.camera()), ARM.size_px,
                                    in_front_lps_mm=ARM.isocentre_mm[::-1])
    np.testing.assert_allclose(camera.project(POINTS), ARM.camera().project(POINTS), atol=1e-8)
    depth = (np.array(ARM.isocentre_mm) - camera.source_mm) @ np.cross(camera.row_step_mm, camera.column_step_mm)
    plane = (camera.corner_mm - camera.source_mm) @ np.cross(camera.row_step_mm, camera.column_step_mm)
    assert plane == pytest.approx(depth)


@pytest.mark.parametrize("sign", [1, -1], ids=["detector-at-positive-z", "detector-at-negative-z"])
def test_intrinsics_and_a_pose_put_source_and_detector_where_they_were(sign):
    focal, rows, columns = sign * 1020.0 / 0.194, 1536, 1536
    intrinsics = np.array([[focal, 0, 767.5], [0, focal, 767.5], [0, 0, 1]])
    turn = np.linalg.qr(np.random.default_rng(3).normal(size=(3, 3)))[0]
    turn *= np.linalg.det(turn)
    shift = np.array([10.0, -20, sign * 700])
    camera = camera_from_intrinsics(intrinsics, np.column_stack([turn, shift]), (0.194, 0.194), (rows, columns))
    np.testing.assert_allclose(camera.source_mm[::-1], -turn.T @ shift, atol=1e-6)
    lps = turn.T @ (np.array([3.0, 4, sign * 650]) - shift)
    x, y, z = 3.0, 4, sign * 650
    expected = [focal * y / z + 767.5, focal * x / z + 767.5]
    np.testing.assert_allclose(camera.project([lps[::-1]])[0], expected, atol=1e-6)
    assert np.linalg.norm(camera.row_step_mm) == pytest.approx(0.194, rel=1e-9)
    assert np.linalg.norm(camera.column_step_mm) == pytest.approx(0.194, rel=1e-9)


@pytest.mark.parametrize(("change", "message"), [
    (dict(projection=np.eye(3)), "3x4"),
    (dict(projection=np.full((3, 4), np.nan)), "finite"),
    (dict(source_to_detector_mm=0.0), "positive"),
    (dict(in_front_lps_mm=ARM.camera().source_mm[::-1]), "as deep as the source"),
])
def test_what_is_no_camera_is_refused(change, message):
    values = dict(projection=projection_from_camera(ARM.camera()), size_px=(10, 10)) | change
    with pytest.raises(ValueError, match=message):
        camera_from_projection(**values)


def test_a_pose_that_scales_is_refused():
    with pytest.raises(ValueError, match="rotation"):
        camera_from_intrinsics(np.diag([900.0, 900, 1]), np.column_stack([2 * np.eye(3), np.ones(3)]), (1, 1), (9, 9))
