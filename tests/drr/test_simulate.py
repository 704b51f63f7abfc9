from dataclasses import replace

import numpy as np
import pytest

from napari_xray_landmarks.drr.collimation import Collimation
from napari_xray_landmarks.drr.exposure import Exposure
from napari_xray_landmarks.drr.plain import plain_film
from napari_xray_landmarks.drr.scene import scene
from napari_xray_landmarks.drr.simulate import simulate
from napari_xray_landmarks.geometry.camera import CArm
from napari_xray_landmarks.imaging import Volume

ARM = CArm(20, -10, 5, 700, 1000, (2.0, 1.5), (90, 120), (1.0, 2.0, 3.0))


@pytest.fixture(scope="module")
def patient() -> Volume:
    s, p, l = np.indices((50, 50, 60)) - np.array([25, 25, 30.0])[:, None, None, None]  # noqa: E741
    r = np.hypot(p / 18, l / 25)
    hu = np.select([np.hypot(p, l - 8) < 4, r < 0.9, r < 1], [900.0, 45, -100], -1000)
    matrix = np.diag([3.0, 3, 3, 1])
    matrix[:3, 3] = -75, -75, -90
    return Volume(hu.astype(np.int16), matrix, "patient", "CT")


def test_the_radiograph_says_how_it_was_taken(patient):
    film = simulate(scene(patient), ARM, Exposure(kvp=82))
    assert film.shape == (90, 120) and film.pixels.dtype == np.uint16 and film.pixels.max() == 4095
    assert film.spacing_mm == pytest.approx((1.4, 1.05)) and film.detector_spacing_mm == (2.0, 1.5)
    assert film.spacing_source == "ImagerPixelSpacing / magnification 1.429"
    assert film.name == "patient"
    assert dict(film.header) == {"lao_deg": 20, "cran_deg": -10, "roll_deg": 5, "source_to_detector_mm": 1000,
                                 "source_to_isocentre_mm": 700, "kvp": 82}


def test_the_same_seed_gives_the_same_film(patient):
    made = scene(patient)
    one, two, three = (simulate(made, ARM, rng=np.random.default_rng(s)).pixels for s in (1, 1, 2))
    np.testing.assert_array_equal(one, two)
    assert (one != three).any()
    np.testing.assert_array_equal(simulate(made, ARM).pixels, simulate(made, ARM).pixels)


def test_bone_is_brighter_than_flesh(patient):
    arm = replace(ARM, lao_deg=0, cran_deg=0, roll_deg=0, isocentre_mm=(0, 0, 0))
    film = simulate(scene(patient), arm, Exposure(photons=1e9)).pixels
    bone, flesh = (film[45, round(59.5 + x * 1000 / 700 / 1.5)] for x in (24.0, -24.0))
    assert bone > 1.2 * flesh > 0


def test_a_coarse_film_looks_like_a_fine_one(patient):
    made = scene(patient)
    fine = replace(ARM, pixel_spacing_mm=(1.0, 0.75), size_px=(180, 240))
    exposure = Exposure(photons=1e8)
    small, large = (simulate(made, arm, exposure).pixels / 4095 for arm in (ARM, fine))
    reduced = large.reshape(90, 2, 120, 2).mean((1, 3))
    assert np.abs(small - reduced).mean() < 0.02


def test_a_view_that_misses_is_black(patient):
    far = replace(ARM, isocentre_mm=(0, 0, 5000))
    assert not simulate(scene(patient), far).pixels.any()
    assert len(np.unique(plain_film(patient, far, collimation=None).pixels)) == 1


def test_a_collimator_blackens_the_rest(patient):
    film = simulate(scene(patient), ARM, collimation=Collimation("circle", (0.5, 0.5))).pixels
    assert not film[:20].any() and not film[:, :20].any() and film[45, 60] > 0


@pytest.mark.parametrize("marching", [False, True])
def test_a_plain_film_is_the_papers(patient, marching):
    film = plain_film(patient, ARM, marching=marching).pixels
    shown = film[film > 0]
    assert film.dtype == np.uint8 and shown.min() == 20 and shown.max() == 255
    assert (shown == 20).mean() == pytest.approx(0.025, abs=0.35)
    assert film[0, 0] == 0 and (film > 0).mean() == pytest.approx(np.pi / 4 * 180 / 180, abs=0.02)


def test_both_ways_to_a_plain_film_agree(patient):
    fast, slow = (plain_film(patient, ARM, marching=m).pixels.astype(int) for m in (False, True))
    assert np.abs(fast - slow).max() <= 4
    assert np.abs(fast - slow).mean() < 0.5
