import numpy as np
import pytest

from napari_xray_landmarks.drr.collimation import Collimation, field
from napari_xray_landmarks.drr.detector import detect, develop, vignette
from napari_xray_landmarks.drr.exposure import EXPOSURES, Exposure

PERFECT = Exposure(photons=1e12, scatter=0, blur_px=0, electronic_noise=0, equalisation=0)


def rng(seed=0):
    return np.random.default_rng(seed)


@pytest.mark.parametrize("share", [1.0, 0.1, 0.005])
def test_quantum_noise_has_the_variance_of_the_quanta(share):
    exposure = Exposure(photons=50000, scatter=0, blur_px=0, electronic_noise=0)
    measured = detect(np.full((300, 300), share), exposure, rng())
    assert measured.mean() == pytest.approx(share, rel=0.002)
    assert measured.var() == pytest.approx(share / 50000, rel=0.03)


def test_electronic_noise_adds_its_variance():
    exposure = Exposure(photons=20000, scatter=0, blur_px=0, electronic_noise=30)
    measured = detect(np.full((300, 300), 0.1), exposure, rng())
    assert measured.var() * 20000**2 == pytest.approx(2000 + 900, rel=0.03)


def test_the_scintillator_blurs_image_and_quantum_noise():
    edge = np.ones((200, 200))
    edge[:, 100:] = 0.2
    sharp, blurred = (detect(edge, Exposure(photons=1e4, scatter=0, blur_px=b, electronic_noise=0), rng())
                      for b in (0, 2.0))
    assert blurred[:, :90].std() == pytest.approx(sharp[:, :90].std() / (2 * np.sqrt(np.pi) * 2.0), rel=0.1)
    profile = blurred.mean(0)
    inside = (profile[90:110] - 0.2) / 0.8
    assert np.interp(0.159, inside[::-1], np.arange(110, 90, -1)) - np.interp(
        0.841, inside[::-1], np.arange(110, 90, -1)) == pytest.approx(4.0, abs=0.4)


def test_scatter_behind_20_cm_of_water_is_as_told():
    passed = np.full((200, 200), np.exp(-4.0))
    measured = detect(passed, Exposure(photons=1e12, scatter=0.8, electronic_noise=0), rng())
    np.testing.assert_allclose(measured, passed * 1.8, rtol=1e-3)


def test_air_does_not_scatter_and_a_smaller_field_scatters_less():
    exposure = Exposure(photons=1e12, scatter=0.8, electronic_noise=0)
    np.testing.assert_allclose(detect(np.ones((90, 90)), exposure, rng()), 1, rtol=1e-4)
    passed = np.full((200, 200), np.exp(-4.0))
    opened = field(Collimation("circle", (0.3, 0.3)), passed.shape, (1.0, 1.0))
    small = detect(passed, exposure, rng(), opened)
    assert passed[0, 0] < small[100, 100] < 1.7 * passed[0, 0]
    assert 0 < small[100, 135] < 0.5 * passed[0, 0]


def test_corners_lose_what_the_vignette_takes():
    factors = vignette((101, 201), 0.3)
    assert factors[50, 100] == 1
    assert factors[0, 0] == pytest.approx(0.7, abs=0.01)
    assert (np.diff(factors[50, 100:]) < 0).all()


def ramp():
    return np.exp(-np.broadcast_to(np.linspace(2, 4, 400), (300, 400)))


def test_the_stated_share_of_the_body_saturates():
    film = develop(ramp(), ramp(), Exposure(equalisation=0, saturated=0.05))
    assert (film == 0).mean() == pytest.approx(0.04, abs=0.005)
    assert (film == 1).mean() == pytest.approx(0.01, abs=0.005)
    assert (np.diff(film.mean(0)) >= 0).all()


def test_the_exposed_and_the_shuttered_do_not_count():
    passed = np.array(ramp())
    alone = develop(passed, passed, PERFECT)
    passed[:60] = 1.0
    with_air = develop(passed, passed, PERFECT)
    np.testing.assert_allclose(with_air[60:], alone[60:], atol=0.01)
    assert (with_air[:60] == 0).all()
    opened = field(Collimation("rectangle", (0.6, 1.2)), passed.shape, (1.0, 1.0))
    shuttered = develop(detect(passed, PERFECT, rng(), opened), passed, PERFECT, opened)
    assert (shuttered[:55] == 0).all() and (shuttered[250:] == 0).all()
    np.testing.assert_allclose(shuttered[70:230], alone[70:230], atol=0.02)


def test_shutters_without_blanking_are_white():
    opened = field(Collimation("rectangle", (0.6, 1.2)), ramp().shape, (1.0, 1.0))
    measured = detect(ramp(), PERFECT, rng(), opened)
    assert (develop(measured, ramp(), PERFECT, opened, blanked=False)[:55] == 1).all()


def test_a_collimators_edge_leaves_no_rim():
    passed = np.full((200, 200), np.exp(-3.0))
    passed[:, :100] = np.exp(-2.5)
    opened = field(Collimation("circle", (0.8, 0.8), penumbra_mm=6), passed.shape, (1.0, 1.0))
    film = develop(detect(passed, PERFECT, rng(), opened), passed, PERFECT, opened)
    whole = develop(detect(passed, PERFECT, rng()), passed, PERFECT)
    inside = opened > 0.5
    assert (film[inside] <= whole[inside] + 0.02).all()


def test_equalising_leaves_no_rim_at_the_bodys_edge():
    passed = np.ones((200, 200))
    passed[50:, 50:] = np.exp(-3.0)
    passed[120:140] *= np.exp(-1.0)
    film = develop(passed, passed, Exposure(equalisation=0.5, equalisation_width_px=20))
    assert abs(film[52:60, 100].mean() - film[65:75, 100].mean()) < 0.03
    assert film[130, 100] > film[60, 100] + 0.3


@pytest.mark.parametrize("nothing", [np.ones((50, 60)), np.full((50, 60), np.exp(-0.001))])
def test_a_film_of_nothing_is_black(nothing):
    exposure = Exposure()
    assert not develop(detect(nothing, exposure, rng()), nothing, exposure).any()


def test_a_thin_object_still_shows():
    passed = np.ones((80, 80))
    passed[30:50, 30:50] = np.exp(-np.linspace(0.05, 0.2, 20))
    film = develop(passed, passed, PERFECT)
    assert np.ptp(film[30:50, 30:50]) == 1 and not film[:30].any()


def test_exposures_for_other_pixels_keep_their_millimetres_and_dose():
    coarse = Exposure(pixel_mm=0.5).for_pixels((1.0, 1.0))
    assert coarse.photons == 4 * Exposure().photons
    assert coarse.scatter_width_px == 0.5 * Exposure().scatter_width_px
    assert coarse.for_pixels((0.5, 0.5)) == Exposure(pixel_mm=0.5)


@pytest.mark.parametrize("wrong", [{"photons": 0}, {"scatter": -1}, {"kvp": 20}, {"saturated": 1.0}, {"gamma": 0},
                                   {"blur_px": np.nan}, {"vignetting": 1.2}])
def test_what_no_exposure_is_is_refused(wrong):
    with pytest.raises(ValueError, match=f"{next(iter(wrong))} must"):
        Exposure(**wrong)


def test_presets_have_names():
    assert {"film", "fluoroscopy"} <= set(EXPOSURES)
