"""What of a film is usable, and films and cameras with larger pixels."""

import numpy as np
import pytest

from napari_xray_landmarks.drr.collimation import Collimation, field
from napari_xray_landmarks.errors import InputError
from napari_xray_landmarks.imaging import Radiograph
from napari_xray_landmarks.registration.films import coarser_camera, film_of


@pytest.fixture
def grey():
    rows, columns = np.indices((90, 120))
    return (2000 + 800 * np.sin(rows / 9) * np.cos(columns / 7)
            + np.random.default_rng(0).normal(0, 40, (90, 120))).clip(400, 3900)


@pytest.mark.parametrize("outside", [0.0, 4095.0])
def test_what_the_collimator_covers_is_not_usable(grey, outside):
    opened = field(Collimation("circle", (0.9, 0.9)), grey.shape, (0.6, 0.6))
    usable = film_of(Radiograph(np.where(opened > 0.5, grey, outside))).usable
    assert not usable[opened < 0.5].any()
    assert usable[opened > 0.5].mean() > 0.8


def test_metal_is_not_usable_and_noise_is(grey):
    grey[30:50, 40:60] = 4095
    usable = film_of(Radiograph(grey)).usable
    assert not usable[32:48, 42:58].any() and usable.mean() > 0.9
    assert film_of(Radiograph(np.random.default_rng(0).random((80, 80)))).usable.all()


def test_values_that_are_not_finite_are_not_usable(grey):
    grey[10:20, 10:20] = np.nan
    film = film_of(Radiograph(grey))
    assert not film.usable[10:20, 10:20].any() and np.isfinite(film.grey).all()


def test_a_film_that_is_all_saturated_is_refused():
    pixels = np.zeros((90, 90))
    pixels[40:50, 40:50] = 1
    with pytest.raises(InputError, match="neither collimated nor saturated"):
        film_of(Radiograph(pixels, name="f"))


def test_coarser_films_are_means_of_what_is_usable(grey):
    grey[:30, :30] = 4095
    film = film_of(Radiograph(grey))
    mean, share = film.coarser(4)
    assert mean.shape == (22, 30) and share[0, 0] == 0 and share[-1, -1] == 1
    np.testing.assert_allclose(mean[15, 20], film.grey[60:64, 80:84].mean(), rtol=1e-5)


def test_coarser_cameras_see_the_same(arm):
    camera, points = arm.camera(), 30 * np.random.default_rng(0).normal(size=(9, 3))
    coarse = coarser_camera(camera, 4)
    assert coarse.size_px == (30, 32)
    np.testing.assert_allclose((coarse.project(points) + 0.5) * 4 - 0.5, camera.project(points))
    assert coarser_camera(camera, 1) is camera
