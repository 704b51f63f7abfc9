"""Several materials in one pass."""

import line_integrals as truth
import numpy as np
import pytest
from line_integrals import CENTRE

from napari_xray_landmarks.drr.prepared import prepare
from napari_xray_landmarks.drr.render import render, render_with_jacobian
from napari_xray_landmarks.geometry.camera import CArm
from napari_xray_landmarks.imaging import Volume

CAMERAS = [CArm(lao, cran, 10, 700, 1000, (1.6, 1.6), (90, 100), tuple(CENTRE)).camera()
           for lao, cran in [(0, 0), (-85, 10), (15, 70)]]


def _mixed(count):
    volume = truth.gauss_volume((1.0, 1.3, 0.9))
    numbers = np.random.default_rng(count).integers(0, count, volume.shape).astype(np.uint8)
    return volume, numbers


@pytest.mark.parametrize("camera", CAMERAS, ids=["AP", "lateral", "cranial"])
@pytest.mark.parametrize("count", [2, 3, 8])
def test_each_material_is_as_if_it_were_alone(camera, count):
    volume, numbers = _mixed(count)
    together = render(prepare(volume, numbers), camera)
    assert together.shape == (count, *camera.size_px)
    for m in range(count):
        alone = render(Volume(np.where(numbers == m, volume.voxels, 0), volume.world_from_voxel), camera)
        np.testing.assert_allclose(together[m], alone, atol=1e-5 * together.sum(0).max())


@pytest.mark.parametrize("camera", CAMERAS, ids=["AP", "lateral", "cranial"])
def test_the_sum_of_the_materials_is_the_whole(camera):
    volume, numbers = _mixed(3)
    whole = render(volume, camera)
    np.testing.assert_allclose(render(prepare(volume, numbers), camera).sum(0), whole, atol=1e-5 * whole.max())


def test_an_ellipsoid_inside_another_has_both_closed_forms():
    matrix, world = truth.grid((0.8, 0.8, 0.8))
    outer = truth.ellipsoid(world, 0.8)
    inner = np.linalg.norm((world - CENTRE) / (0.5 * truth.RADII), axis=-1) < 1
    camera = CAMERAS[0]
    soft, bone = render(prepare(Volume(outer, matrix), inner), camera)
    whole, core = truth.ellipsoid_integral(camera), truth.ellipsoid_integral(camera, radii=0.5 * truth.RADII)
    for image, exact in ((bone, core), (soft, whole - core)):
        assert np.sqrt(((image - exact) ** 2).mean()) < 0.006 * whole.max()


def test_materials_see_the_source_and_the_detector_too():
    volume, numbers = _mixed(3)
    camera = CArm(20, 0, 0, 12, 18, (1, 1), (60, 60), tuple(CENTRE)).camera()
    together = render(prepare(volume, numbers), camera, to_detector=True)
    whole = render(volume, camera, to_detector=True)
    np.testing.assert_allclose(together.sum(0), whole, atol=1e-5 * whole.max())
    assert whole.max() < 0.9 * render(volume, camera).max()


def test_a_voxel_at_an_edge_may_be_taken_for_either_material():
    """Whole voxels of bone against its exact share of each: only rays along the edge notice, by a few per cent."""
    spacing = 0.8
    matrix, world = truth.grid((spacing, spacing, spacing))
    body = truth.ellipsoid(world, spacing)
    far = np.linalg.norm((world - CENTRE) / (0.5 * truth.RADII), axis=-1)
    share = np.clip(0.5 - (far - 1) * 0.5 * truth.RADII.min() / spacing, 0, 1).astype(np.float32)
    value = body * (1 + share)  # bone is twice as dense
    camera = CAMERAS[0]
    soft, bone = render(prepare(Volume(value, matrix), share > 0.5), camera)
    exact_soft, exact_bone = (render(Volume(part, matrix), camera) for part in (body * (1 - share), body * share * 2))
    np.testing.assert_allclose(soft + bone, exact_soft + exact_bone, atol=1e-4 * soft.max())
    lost, exact = (np.exp(-0.02 * a - 0.03 * b) for a, b in ((soft, bone), (exact_soft, exact_bone)))
    assert np.abs(lost / exact - 1).mean() < 1e-3 and np.abs(lost / exact - 1).max() < 0.05


def test_the_densities_are_those_prepared():
    volume, numbers = _mixed(3)
    found = prepare(volume, numbers).densities()
    assert found.shape == (3, *volume.shape)
    for m in range(3):
        np.testing.assert_allclose(found[m], np.where(numbers == m, volume.voxels, 0), rtol=1e-6)
    np.testing.assert_array_equal(prepare(volume).densities()[0], volume.voxels)


def test_materials_of_a_prepared_volume_are_refused():
    volume, numbers = _mixed(2)
    with pytest.raises(ValueError, match="prepared already"):
        prepare(prepare(volume), numbers)


@pytest.mark.parametrize("wrong", [np.zeros((3, 4, 5), np.uint8), np.full((4, 4, 4), 8), np.full((4, 4, 4), -1),
                                   np.zeros((4, 4, 4), float)])
def test_materials_that_do_not_fit_are_refused(wrong):
    with pytest.raises(ValueError, match="materials must be"):
        prepare(Volume(np.ones((4, 4, 4), np.float32)), wrong)


def test_the_jacobian_wants_one_material():
    volume, numbers = _mixed(2)
    with pytest.raises(ValueError, match="one material"):
        render_with_jacobian(prepare(volume, numbers), CAMERAS[0], CENTRE)
