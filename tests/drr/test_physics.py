import numpy as np
import pytest

from napari_xray_landmarks.drr.physics import (
    Exposure,
    attenuation_from_hu,
    attenuation_per_mm,
    bone_attenuation_per_hu,
    detected_log,
    film,
    grey_values,
    transmitted,
)


def test_water_and_air_are_what_the_hounsfield_scale_says():
    np.testing.assert_allclose(attenuation_from_hu([0, -1000, -2000], 60.0), [0.02059, 0, 0], atol=1e-7)


def test_bone_gains_more_than_water_as_the_energy_falls():
    assert bone_attenuation_per_hu(72.0) == pytest.approx(attenuation_per_mm("water", 72.0) / 1000)
    ratio = [bone_attenuation_per_hu(e) / attenuation_per_mm("water", e) for e in (50.0, 60.0, 80.0)]
    assert ratio[0] > ratio[1] > ratio[2]


def test_thickness_multiplies_transmission():
    np.testing.assert_allclose(transmitted(0.7) * transmitted(1.1), transmitted(1.8))


def test_noise_is_that_of_the_quanta():
    attenuation = np.full((200, 200), 2.0)
    exposure = Exposure(photons=20000, scatter=0, blur_px=0, electronic_noise=0)
    image = detected_log(attenuation, exposure, np.random.default_rng(0))
    assert image.mean() == pytest.approx(2.0, abs=0.01)
    assert image.std() == pytest.approx(1 / np.sqrt(20000 * np.exp(-2.0)), rel=0.05)


def test_scatter_lowers_contrast():
    attenuation = np.full((160, 160), 3.0)
    attenuation[70:90, 70:90] += 1.0
    contrast = []
    for scatter in (0.0, 1.0):
        image = detected_log(attenuation, Exposure(photons=1e9, scatter=scatter), np.random.default_rng(0))
        contrast.append(image[80, 80] - image[20, 20])
    assert contrast[0] == pytest.approx(1.0, abs=0.01)
    assert 0.4 < contrast[1] < 0.7


def test_denser_is_brighter_and_the_stated_share_saturates():
    ramp = np.broadcast_to(np.linspace(2, 4, 400), (300, 400))
    image = film(ramp, Exposure(photons=1e8, equalisation=0, saturated=0.05), np.random.default_rng(0))
    assert (np.diff(image.mean(0)[25:-10]) > 0).all()
    assert (image == 0).mean() == pytest.approx(0.04, abs=0.01)
    assert (image == 1).mean() == pytest.approx(0.01, abs=0.005)


def test_metal_does_not_darken_the_rest():
    rng = np.random.default_rng(0)
    plain = rng.normal(3, 0.4, (200, 200))
    metal = plain.copy()
    metal[80:120, 90:110] += 20
    without, with_ = (grey_values(image, 0.025) for image in (plain, metal))
    away = np.ones(plain.shape, bool)
    away[80:120, 90:110] = False
    np.testing.assert_allclose(with_[away], without[away], atol=0.05)
    assert (with_[~away] == 1).all()


def test_the_same_seed_gives_the_same_film_and_another_does_not():
    attenuation = np.random.default_rng(1).uniform(1, 5, (60, 70))
    one, two, three = (film(attenuation, Exposure(), np.random.default_rng(seed)) for seed in (3, 3, 4))
    np.testing.assert_array_equal(one, two)
    assert (one != three).any()


def test_a_flat_image_is_black():
    assert not grey_values(np.full((20, 20), 3.0)).any()
