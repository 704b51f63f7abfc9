"""The analytic pose Jacobian against finite differences."""

import line_integrals as truth
import numpy as np
import pytest
from line_integrals import CENTRE

from napari_xray_landmarks.drr.prepared import prepare
from napari_xray_landmarks.drr.render import render, render_with_jacobian
from napari_xray_landmarks.geometry.camera import CArm

ISOCENTRE = CENTRE + (3.0, -5.0, 2.0)
STEPS = np.r_[np.full(3, 1e-3), np.full(3, 0.05)]  # radians, mm


def _volume(turn=False):
    return prepare(truth.gauss_volume((0.8, 1.0, 0.9), turn))


def _view(lao=0.0, cran=0.0, distance=700.0, detector=1000.0, pixel=1.6):
    return CArm(lao, cran, 7, distance, detector, (pixel, pixel), (64, 72), tuple(ISOCENTRE)).camera()


def _difference(volume, camera, parameter, to_detector):
    images = []
    inside = np.linalg.norm(camera.source_mm - ISOCENTRE) < 50
    step = STEPS[parameter] * (0.2 if inside else 1)  # beside the source many rays pass the same edge of a voxel
    for sign in (-1, 1):
        pose = np.zeros(6)
        pose[parameter] = sign * step
        moved = camera.moved(pose[:3], pose[3:], ISOCENTRE)
        images.append(render(volume, moved, to_detector=to_detector).astype(float))
    return (images[1] - images[0]) / (2 * step)


@pytest.mark.parametrize(("camera", "to_detector"), [
    (_view(), False),
    (_view(35, 20), False),
    (_view(-85, 10), False),
    (_view(10, 75), False),
    (_view(170, -5), True),
    (_view(25, 5, 14, 200, 1.0), False),
    (_view(-10, 8, 400, 409, 0.8), True),
    (_view(100, 8, 15, 31, 0.5), True),
], ids=["AP", "oblique", "lateral", "cranial", "behind", "source-inside", "detector-inside", "both-inside"])
def test_the_jacobian_is_that_of_finite_differences(camera, to_detector):
    volume = _volume(True)
    image, jacobian = render_with_jacobian(volume, camera, ISOCENTRE, to_detector=to_detector)
    np.testing.assert_allclose(image, render(volume, camera, to_detector=to_detector), atol=1e-5 * image.max())
    for parameter in range(6):
        expected = _difference(volume, camera, parameter, to_detector)
        error = np.linalg.norm(jacobian[parameter] - expected) / np.linalg.norm(expected)
        assert error < 0.01, f"parameter {parameter}: {error:.4f}"


def test_the_backward_pass_leads_to_the_pose():
    """Gauss-Newton on the pose alone finds a displaced camera again."""
    volume, camera = _volume(), _view(20, 10)
    target = render(volume, camera)
    moved = camera.moved((0.03, -0.02, 0.04), (2.0, -6.0, 3.0), ISOCENTRE)
    for _ in range(8):
        image, jacobian = render_with_jacobian(volume, moved, ISOCENTRE)
        step = np.linalg.lstsq(jacobian.reshape(6, -1).T, (target - image).ravel(), rcond=None)[0]
        moved = moved.moved(step[:3], step[3:], ISOCENTRE)
    points = CENTRE + np.random.default_rng(0).uniform(-20, 20, (20, 3))
    assert np.linalg.norm(moved.project(points) - camera.project(points), axis=1).max() < 0.02
