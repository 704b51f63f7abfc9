"""Line integrals against closed forms."""

import numpy as np
import pytest

from napari_xray_landmarks.drr.render import render
from napari_xray_landmarks.geometry.camera import CArm
from napari_xray_landmarks.imaging import Volume

CENTRE, RADII, SIGMAS = np.array([8.0, -6, 10]), np.array([35.0, 22, 30]), np.array([13.0, 9, 11])
VIEWS = [(0, 0, 0), (35, 20, 10), (-80, -10, 5), (10, 75, 0)]


def _arm(lao, cran, roll, size=(120, 140)):
    return CArm(lao, cran, roll, 700, 1000, (1.6, 1.6), size, (5.0, -3.0, 4.0)).camera()


def _grid(spacing=(1.0, 1.3, 0.9), turn=None):
    """A volume's affine that covers the object, and the world position of every voxel."""
    rotation = np.eye(3) if turn is None else turn
    count = np.ceil(2 * 48 / np.array(spacing)).astype(int)
    matrix = np.eye(4)
    matrix[:3, :3] = rotation * spacing
    matrix[:3, 3] = CENTRE - matrix[:3, :3] @ ((count - 1) / 2)
    index = np.stack(np.meshgrid(*map(np.arange, count), indexing="ij"), -1)
    return matrix, index @ matrix[:3, :3].T + matrix[:3, 3]


def _oblique():
    axis = np.linalg.qr(np.array([[1.0, 0.3, 0.1], [0.2, 1, -0.4], [-0.1, 0.3, 1]]))[0]
    return axis * np.sign(np.linalg.det(axis))


def _rays(camera):
    row, column = np.indices(camera.size_px)
    ray = np.stack([row, column, np.ones_like(row)], -1) @ camera.ray_from_px.T
    return ray / np.linalg.norm(ray, axis=-1, keepdims=True)


def _gauss_integral(camera):
    d, o = _rays(camera) / SIGMAS, (camera.source_mm - CENTRE) / SIGMAS
    a, b, c = (d * d).sum(-1), (d * o).sum(-1), o @ o
    return np.exp(-0.5 * (c - b * b / a)) * np.sqrt(2 * np.pi / a)


def _ellipsoid_integral(camera):
    d, o = _rays(camera) / RADII, (camera.source_mm - CENTRE) / RADII
    a, b, c = (d * d).sum(-1), (d * o).sum(-1), o @ o - 1
    return 2 * np.sqrt(np.maximum(b * b - a * c, 0)) / a


@pytest.mark.parametrize("turn", [None, _oblique()], ids=["straight", "oblique"])
@pytest.mark.parametrize("view", VIEWS)
def test_a_gaussian_has_its_closed_form(view, turn):
    matrix, world = _grid(turn=turn)
    volume = Volume(np.exp(-0.5 * (((world - CENTRE) / SIGMAS) ** 2).sum(-1)).astype(np.float32), matrix)
    camera = _arm(*view)
    truth = _gauss_integral(camera)
    assert np.abs(render(volume, camera) - truth).mean() < 1e-3 * truth.max()


@pytest.mark.parametrize("view", VIEWS)
def test_an_ellipsoid_has_its_closed_form(view):
    matrix, world = _grid()
    q = (world - CENTRE) / RADII
    distance = np.linalg.norm(q, axis=-1)
    gradient = np.maximum(np.linalg.norm(q / RADII, axis=-1) / np.maximum(distance, 1e-6), 1e-6)
    volume = Volume(np.clip(0.5 - (distance - 1) / gradient, 0, 1).astype(np.float32), matrix)
    camera = _arm(*view)
    truth = _ellipsoid_integral(camera)
    rmse = np.sqrt(((render(volume, camera) - truth) ** 2).mean())
    assert rmse < 0.006 * truth.max()


@pytest.mark.parametrize("seed", range(12))
def test_a_ball_lands_where_its_centre_projects(seed):
    rng = np.random.default_rng(seed)
    camera = CArm(*rng.uniform(-60, 60, 3), rng.uniform(600, 800), rng.uniform(900, 1200), (0.5, 0.6), (200, 220),
                  tuple(rng.uniform(-5, 5, 3))).camera()
    matrix, world = _grid((0.8, 1.0, 0.9), _oblique() if seed % 2 else None)
    centre = CENTRE + rng.uniform(-12, 12, 3)
    ball = np.exp(-0.5 * ((world - centre) ** 2).sum(-1) / 1.2**2).astype(np.float32)
    image = render(Volume(ball, matrix), camera)
    found = np.array([(image * axis).sum() for axis in np.indices(image.shape)]) / image.sum()
    assert np.linalg.norm(found - camera.project(centre[None])[0]) < 0.1


def test_a_box_seen_along_an_axis_has_its_thickness():
    voxels = np.zeros((20, 30, 20), np.float32)
    voxels[5:15, 4:24, 5:15] = 2.0
    matrix = np.diag([1.0, 1.5, 1.0, 1.0])
    matrix[:3, 3] = -9.5, -20.0, -9.5
    camera = CArm(source_to_isocentre_mm=1e5, source_to_detector_mm=1.001e5, pixel_spacing_mm=(1, 1), size_px=(9, 9))
    np.testing.assert_allclose(render(Volume(voxels, matrix), camera.camera())[2:7, 2:7], 2.0 * 20 * 1.5, rtol=1e-3)


def test_what_lies_behind_the_source_is_not_seen():
    matrix, world = _grid()
    volume = Volume(np.ones(world.shape[:3], np.float32), matrix)
    camera = CArm(source_to_isocentre_mm=40, source_to_detector_mm=200, pixel_spacing_mm=(0.1, 0.1), size_px=(5, 5),
                  isocentre_mm=tuple(CENTRE)).camera()
    assert render(volume, camera)[2, 2] == pytest.approx(48 + 40, abs=1.5)


def test_a_view_that_misses_is_blank():
    matrix, world = _grid()
    camera = CArm(isocentre_mm=(900, 0, 0), size_px=(40, 40)).camera()
    assert not render(Volume(np.ones(world.shape[:3], np.float32), matrix), camera).any()


def test_nan_is_refused():
    voxels = np.ones((4, 4, 4), np.float32)
    voxels[1, 2, 3] = np.nan
    with pytest.raises(ValueError, match="not finite"):
        render(Volume(voxels), CArm().camera())
