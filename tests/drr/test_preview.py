"""The separable rendering against closed forms and the exact kernel."""

import line_integrals as truth
import numpy as np
import pytest
from line_integrals import CENTRE

from napari_xray_landmarks.drr.prepared import prepare
from napari_xray_landmarks.drr.preview import preview
from napari_xray_landmarks.drr.render import render
from napari_xray_landmarks.geometry.camera import CArm

VIEWS = [(0, 0, 0), (20, 25, 10), (-35, 5, 40), (90, 0, 5), (180, 0, 0), (10, 80, 0)]


def _camera(lao, cran, roll, distance=700.0, size=(96, 110), isocentre=tuple(CENTRE)):
    return CArm(lao, cran, roll, distance, 1000, (1.5, 1.5), size, isocentre).camera()


@pytest.mark.parametrize("turned", [False, True], ids=["straight", "oblique"])
@pytest.mark.parametrize("view", VIEWS)
def test_a_gaussian_has_its_closed_form(view, turned):
    camera = _camera(*view)
    exact = truth.gauss_integral(camera)
    image = preview(truth.gauss_volume(turned=turned), camera)
    assert np.abs(image - exact).max() < 8e-3 * exact.max()


@pytest.mark.parametrize("view", VIEWS)
def test_an_ellipsoid_is_within_a_hundredth_of_the_exact_kernel(view):
    volume, camera = prepare(truth.ellipsoid_volume((1.0, 1.0, 1.0))), _camera(*view)
    exact = render(volume, camera)
    assert np.sqrt(((preview(volume, camera) - exact) ** 2).mean()) < 0.01 * exact.max()


@pytest.mark.parametrize("off", [(30.0, 0, 0), (0, -10.0, 35.0), (900.0, 0, 0)])
def test_what_is_partly_or_wholly_out_of_view(off):
    volume, camera = truth.gauss_volume(), _camera(15, 5, 0, isocentre=tuple(CENTRE + off))
    exact = render(volume, camera)
    np.testing.assert_allclose(preview(volume, camera), exact, atol=8e-3 * 25)
    assert exact.any() == (off[0] < 900)


def test_a_source_inside_and_several_materials_are_left_to_the_exact_kernel():
    volume = truth.gauss_volume()
    inside = _camera(10, 0, 0, distance=20)
    np.testing.assert_array_equal(preview(volume, inside), render(volume, inside))
    mixed = prepare(volume, volume.voxels > 0.5)
    assert preview(mixed, _camera(0, 0, 0)).shape == (2, 96, 110)
