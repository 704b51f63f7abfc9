"""How much of a film is noise, and that a noisy film of the right CT is told from one of another."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from napari_xray_landmarks.registration.films import Film
from napari_xray_landmarks.registration.judgement import LEAST_RELIABLE, reliability
from napari_xray_landmarks.registration.levels import Level
from napari_xray_landmarks.registration.similarities import similarity_to

SHAPE = (240, 312)


def film_of(noise: float) -> tuple[Film, np.ndarray]:
    """A smooth film of variance 1 with white noise, and it without the noise."""
    rng = np.random.default_rng(3)
    smooth = gaussian_filter(rng.normal(size=SHAPE), 12)
    smooth = ((smooth - smooth.mean()) / smooth.std()).astype(np.float32)
    noisy = smooth + noise * rng.normal(size=SHAPE).astype(np.float32)
    return Film(noisy, np.ones(SHAPE, bool)), smooth


def level_of(film: Film, factor: int) -> Level:
    grey, weights = film.coarser(factor)
    return Level(factor, None, similarity_to(grey, weights, gradients=False, patch_px=0), np.zeros(3))


@pytest.mark.parametrize("factor", [2, 3, 5, 6])
def test_halves_share_no_pixel_and_see_the_same_place(factor):
    rows, columns = np.indices(SHAPE)
    ramp = (rows + 2 * columns).astype(np.float32)
    one, other = Film(ramp, np.ones(SHAPE, bool)).halves(factor)
    np.testing.assert_allclose(one, other, atol=1e-3)
    rng = np.random.default_rng(0)
    one, other = Film(rng.normal(size=SHAPE).astype(np.float32), np.ones(SHAPE, bool)).halves(factor)
    assert abs(np.corrcoef(one.ravel(), other.ravel())[0, 1]) < 5 / np.sqrt(one.size)


def test_a_square_of_one_pixel_has_no_halves():
    film, _ = film_of(1.0)
    assert film.halves(1) is None and reliability(film, level_of(film, 1)) == 1.0


@pytest.mark.parametrize("noise", [0.5, 4.0, 5.0])
def test_the_reliability_is_the_share_of_the_variance_that_is_no_noise(noise):
    film, smooth = film_of(noise)
    level = level_of(film, 4)
    expected = 1 / (1 + noise**2 / 16)
    assert reliability(film, level) == pytest.approx(expected, abs=0.06)
    seen = level.similarity(Film(smooth, film.usable).coarser(4)[0]).value
    assert seen / np.sqrt(reliability(film, level)) == pytest.approx(1.0, abs=0.08)


def test_noise_alone_is_not_trusted():
    film, _ = film_of(300.0)
    assert reliability(film, level_of(film, 4)) == pytest.approx(LEAST_RELIABLE, abs=0.05)
