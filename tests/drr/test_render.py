"""Line integrals against closed forms."""

import line_integrals as truth
import numpy as np
import pytest
from line_integrals import CENTRE

from napari_xray_landmarks.drr.prepared import prepare
from napari_xray_landmarks.drr.preview import preview
from napari_xray_landmarks.drr.render import render
from napari_xray_landmarks.geometry.camera import Camera, CArm
from napari_xray_landmarks.imaging import Volume

VIEWS = [(0, 0, 0), (35, 20, 10), (-80, -10, 5), (10, 75, 0)]


def _arm(lao, cran, roll, size=(120, 140)):
    return CArm(lao, cran, roll, 700, 1000, (1.6, 1.6), size, (5.0, -3.0, 4.0)).camera()


@pytest.mark.parametrize("turned", [False, True], ids=["straight", "oblique"])
@pytest.mark.parametrize("view", VIEWS)
def test_a_gaussian_has_its_closed_form(view, turned):
    camera = _arm(*view)
    exact = truth.gauss_integral(camera)
    assert np.abs(render(truth.gauss_volume((1.0, 1.3, 0.9), turned), camera) - exact).mean() < 1e-3 * exact.max()


@pytest.mark.parametrize("view", VIEWS)
def test_directions_need_not_be_at_right_angles(view):
    camera = _arm(*view)
    exact = truth.gauss_integral(camera)
    volume = truth.gauss_volume((1.0, 1.3, 0.9), skewed=True)
    for draw in (render, preview):
        assert np.abs(draw(volume, camera) - exact).mean() < 1e-3 * exact.max()


@pytest.mark.parametrize("view", VIEWS)
def test_a_gaussian_on_a_fine_grid_is_within_a_ten_thousandth(view):
    camera = _arm(*view, size=(60, 70))
    exact = truth.gauss_integral(camera)
    assert np.abs(render(truth.gauss_volume((0.6, 0.6, 0.6)), camera) - exact).mean() < 1e-4 * exact.max()


@pytest.mark.parametrize("view", VIEWS)
def test_an_ellipsoid_has_its_closed_form(view):
    camera = _arm(*view)
    exact = truth.ellipsoid_integral(camera)
    image = render(truth.ellipsoid_volume(), camera)
    assert np.sqrt(((image - exact) ** 2).mean()) < 0.006 * exact.max()


@pytest.mark.parametrize("view", VIEWS[:2])
def test_an_ellipsoid_on_a_fine_grid_is_within_36_ten_thousandths(view):
    camera = _arm(*view)
    exact = truth.ellipsoid_integral(camera)
    image = render(truth.ellipsoid_volume((0.5, 0.5, 0.5)), camera)
    assert np.sqrt(((image - exact) ** 2).mean()) < 0.0036 * exact.max()


@pytest.mark.parametrize("view", VIEWS)
def test_a_sharp_ball_of_a_millimetre_lands_where_its_centre_projects(view):
    grid = np.stack(np.meshgrid(*[np.arange(30)] * 3, indexing="ij"), -1) * 0.1 - 1.45
    centre, corner = np.array([0.13, -0.21, 0.07]), np.array([11.0, -7.0, 16.0])
    matrix = np.diag([0.1, 0.1, 0.1, 1.0])
    matrix[:3, 3] = corner - 1.45
    ball = np.clip(0.5 + (1 - np.linalg.norm(grid - centre, axis=-1)) / 0.1, 0, 1).astype(np.float32)
    camera = CArm(*view, 700, 1000, (0.4, 0.3), (140, 190), (5.0, -3.0, 4.0)).camera()
    image = render(Volume(ball, matrix), camera)
    found = np.array([(image * axis).sum() for axis in np.indices(image.shape)]) / image.sum()
    assert np.linalg.norm(found - camera.project((corner + centre)[None])[0]) < 0.1


@pytest.mark.parametrize("seed", range(12))
def test_a_ball_lands_where_its_centre_projects(seed):
    rng = np.random.default_rng(seed)
    camera = CArm(*rng.uniform(-60, 60, 3), rng.uniform(600, 800), rng.uniform(900, 1200), (0.5, 0.6), (200, 220),
                  tuple(rng.uniform(-5, 5, 3)), (rng.uniform(60, 140), rng.uniform(70, 150))).camera()
    matrix, world = truth.grid((0.8, 1.0, 0.9), truth.oblique() if seed % 2 else None)
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


@pytest.mark.parametrize("lao", [0, 25, 90, 200])
@pytest.mark.parametrize("distance", [2.0, 11.3, 30.0])
def test_what_lies_behind_a_source_inside_the_volume_is_not_seen(lao, distance):
    camera = CArm(lao, 10, 0, distance, 300, (2.0, 2.0), (40, 50), tuple(CENTRE + (3, -2, 4))).camera()
    exact = truth.gauss_integral(camera)
    image = render(truth.gauss_volume(), camera)
    assert np.abs(image - exact).max() < 5e-3 * exact.max()


def test_a_detector_wider_than_a_right_angle_sees_what_is_there():
    camera = CArm(30, 15, 0, 9.0, 20, (1.5, 1.5), (96, 128), tuple(CENTRE)).camera()  # rays up to 80 degrees off
    exact = truth.gauss_integral(camera)
    error = np.abs(render(truth.gauss_volume(), camera) - exact) / exact.max()
    assert error.max() < 0.015 and error.mean() < 1e-3


@pytest.mark.parametrize("lao", [0, 40, 90, 180])
@pytest.mark.parametrize("behind", [-9.0, 0.4, 15.0])
def test_rays_end_at_a_detector_inside_the_volume(lao, behind):
    camera = CArm(lao, -12, 0, 400, 400 + behind, (0.8, 0.8), (60, 70), tuple(CENTRE)).camera()
    exact = truth.gauss_integral(camera, to_detector=True)
    image = render(truth.gauss_volume(), camera, to_detector=True)
    assert np.abs(image - exact).max() < 5e-3 * exact.max()
    assert render(truth.gauss_volume(), camera).max() > 1.02 * exact.max()


def test_source_and_detector_between_the_same_two_slices():
    matrix = np.eye(4)
    voxels = np.ones((9, 9, 9), np.float32)
    camera = Camera((4.0, 4.2, 4.0), (4.0, 4.7, 4.0), (-1e-3, 0, 0), (0, 0, 1e-3), (1, 1))
    assert render(Volume(voxels, matrix), camera, to_detector=True)[0, 0] == pytest.approx(0.5, rel=1e-5)


def test_rays_to_both_sides_of_the_source_within_a_tile():
    """A detector so near and wide that no axis is crossed by all rays of a tile."""
    camera = CArm(30, 15, 0, 9.0, 20, (2.5, 2.5), (40, 52), tuple(CENTRE)).camera()
    exact = truth.gauss_integral(camera)
    error = np.abs(render(truth.gauss_volume(), camera) - exact) / exact.max()
    assert error.max() < 0.02 and error.mean() < 2e-3


@pytest.mark.parametrize("off", [(-60.0, 30.0), (200.0, 75.0)])
def test_an_off_centre_detector_is_a_window_of_a_larger_one(off):
    volume = prepare(truth.gauss_volume())
    view = dict(lao_deg=20, source_to_isocentre_mm=700, pixel_spacing_mm=(1.0, 1.2), isocentre_mm=tuple(CENTRE))
    large = render(volume, CArm(**view, size_px=(460, 460), centre_px=(230.0, 230.0)).camera())
    part = render(volume, CArm(**view, size_px=(120, 150), centre_px=off).camera())
    rows, columns = int(230 - off[0]), int(230 - off[1])
    np.testing.assert_allclose(part[:100, :100], large[rows:rows + 100, columns:columns + 100], atol=2e-5 * large.max())


@pytest.mark.parametrize("seed", range(6))
def test_any_projection_matrix_has_its_closed_form(seed):
    """Skewed pixels, no C-arm: what a user's own calibration gives."""
    rng = np.random.default_rng(seed)
    source = CENTRE + 500 * np.linalg.qr(rng.normal(size=(3, 3)))[0][0]
    far = (CENTRE - source) * 2
    steps = np.linalg.qr(np.column_stack([far, rng.normal(size=(3, 2))]))[0][:, 1:] @ [[1.9, 0.25], [-0.1, 1.5]]
    corner = source + far - 40 * steps[:, 0] - 45 * steps[:, 1]
    made = Camera(source, corner, steps[:, 0], steps[:, 1], (80, 90))
    camera = Camera.from_matrix(made.detector_px_from_world * 0.003, (80, 90))
    exact = truth.gauss_integral(camera)
    assert exact.max() > 20
    assert np.abs(render(truth.gauss_volume(), camera) - exact).max() < 3e-3 * exact.max()


def test_a_prepared_volume_gives_the_same_from_every_side():
    volume = truth.ellipsoid_volume()
    prepared = prepare(volume)
    for view in [*VIEWS, (90, 0, 0), (0, 0, 0)]:
        np.testing.assert_array_equal(render(prepared, _arm(*view)), render(volume, _arm(*view)))


def test_a_view_that_misses_is_blank():
    camera = CArm(isocentre_mm=(900, 0, 0), size_px=(40, 40)).camera()
    assert not render(truth.gauss_volume(), camera).any()


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_refused(wrong):
    voxels = np.ones((4, 4, 4), np.float32)
    voxels[1, 2, 3] = wrong
    with pytest.raises(ValueError, match="not finite"):
        render(Volume(voxels), CArm().camera())
