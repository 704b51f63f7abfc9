"""Film and geometry of one size, of two, and that contradict each other."""

from dataclasses import replace

import numpy as np
import pytest

from napari_xray_landmarks.errors import InputError
from napari_xray_landmarks.geometry.camera import CArm
from napari_xray_landmarks.imaging import Radiograph
from napari_xray_landmarks.registration.sizes import in_film_pixels

ARM = CArm(10, 5, size_px=(480, 616), centre_px=(200.0, 310.0))


def film(shape, spacing_mm=None):
    return Radiograph(np.zeros(shape), detector_spacing_mm=spacing_mm)


def test_the_same_size_changes_nothing():
    assert in_film_pixels(film((480, 616)), ARM) is ARM
    assert in_film_pixels(film((480, 616), (0.62, 0.615)), ARM) is ARM


@pytest.mark.parametrize("shape", [(240, 308), (960, 1232), (160, 206)])
def test_other_pixels_of_one_detector_are_taken(shape):
    other = in_film_pixels(film(shape), ARM)
    assert other.size_px == shape
    grow = np.array(ARM.size_px) / shape
    points = np.array([[20.0, -30, 40], [-50, 10, 0]])
    np.testing.assert_allclose((other.camera().project(points) + 0.5) * grow - 0.5, ARM.camera().project(points),
                               atol=1e-6)
    assert replace(ARM, centre_px=None) and in_film_pixels(film(shape), replace(ARM, centre_px=None)).centre_px is None


def test_the_spacing_must_agree():
    with pytest.raises(InputError, match="0.3 x 0.3 mm.*0.616 x 0.616"):
        in_film_pixels(film((480, 616), (0.3, 0.3)), ARM, "f.dcm")
    assert in_film_pixels(film((240, 308), (1.232, 1.232)), ARM).size_px == (240, 308)


def test_a_part_of_the_film_is_refused():
    with pytest.raises(InputError, match="f.dcm: has 480 x 480 pixels.*480 x 616"):
        in_film_pixels(film((480, 480)), ARM, "f.dcm")
