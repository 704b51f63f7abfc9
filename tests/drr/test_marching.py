"""The paper's plain ray casting, against closed forms and the exact kernel."""

import line_integrals as truth
import numpy as np
import pytest
from line_integrals import CENTRE

from napari_xray_landmarks.drr.marching import attenuation_from_ct_numbers, grey_image, render_marching
from napari_xray_landmarks.drr.prepared import prepare
from napari_xray_landmarks.drr.render import render
from napari_xray_landmarks.geometry.camera import CArm


def _camera(lao, cran, detector=1000.0):
    return CArm(lao, cran, 10, 700, detector, (2.5, 2.5), (40, 44), tuple(CENTRE)).camera()


@pytest.mark.parametrize("view", [(0, 0), (-50, 20), (90, 5)])
def test_marching_agrees_with_the_closed_form_and_with_the_exact_kernel(view):
    volume, camera = prepare(truth.gauss_volume()), _camera(*view)
    image, exact = render_marching(volume, camera), truth.gauss_integral(camera)
    assert np.abs(image - exact).max() < 3e-3 * exact.max()
    assert np.abs(image - render(volume, camera)).max() < 3e-3 * exact.max()


def test_rays_end_at_the_detector():
    camera = _camera(30, 0, 705.0)
    exact = truth.gauss_integral(camera, to_detector=True)
    assert np.abs(render_marching(truth.gauss_volume(), camera) - exact).max() < 5e-3 * exact.max()


def test_ct_numbers_follow_equation_8():
    np.testing.assert_allclose(attenuation_from_ct_numbers([-1024, 0, 3071, -3000], 0.02), [0, 0.02, 4095 / 51200, 0],
                               rtol=1e-6)


def test_the_stated_share_is_white_and_nothing_is_darker_than_20():
    image = grey_image(np.random.default_rng(0).uniform(0.5, 6, (100, 120)))
    assert image.min() == 20 and (image == 255).mean() == pytest.approx(0.025, abs=0.002)
    assert (grey_image(np.zeros((4, 4))) == 255).all()


@pytest.mark.parametrize("samples", [0, -3])
def test_no_samples_are_refused(samples):
    with pytest.raises(ValueError, match="1 sample"):
        render_marching(truth.gauss_volume(), _camera(0, 0), samples)
