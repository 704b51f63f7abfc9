from dataclasses import replace

import numpy as np
import pytest

from napari_xray_landmarks.drr.appearance import Appearance, Ranges, coloured_noise, random_appearance, vary
from napari_xray_landmarks.drr.collimation import Collimation


def rng(seed=0):
    return np.random.default_rng(seed)


@pytest.fixture(scope="module")
def film():
    rows, columns = np.indices((160, 200))
    return (0.3 + 0.4 * (columns / 200) + 0.2 * (np.hypot(rows - 80, columns - 90) < 40)).astype(np.float32)


def test_no_change_is_no_change(film):
    np.testing.assert_allclose(vary(film, Appearance(), rng()), film, atol=0.002)


@pytest.mark.parametrize("seed", range(25))
def test_random_looks_stay_grey_values_and_come_from_their_seed(film, seed):
    looks = [random_appearance(rng(seed)) for _ in range(2)]
    assert looks[0] == looks[1]
    one, two = (vary(film, looks[0], rng(seed)) for _ in range(2))
    np.testing.assert_array_equal(one, two)
    assert one.dtype == np.float32 and one.shape == film.shape and one.min() >= 0 and one.max() <= 1


def test_looks_differ_and_leave_the_film_alone(film):
    before = film.copy()
    looks = {random_appearance(rng(s)) for s in range(20)}
    assert len(looks) == 20
    vary(film, random_appearance(rng(1)), rng())
    np.testing.assert_array_equal(film, before)


def test_inversion_turns_black_to_white(film):
    np.testing.assert_allclose(vary(film, Appearance(inverted=True), rng()), 1 - film, atol=0.002)


def test_grey_curves_keep_the_order(film):
    for look in (Appearance(gamma_log2=0.6), Appearance(gamma_log2=-0.6), Appearance(warp=(0.1, -0.1, 0.12, -0.1))):
        changed = vary(film, look, rng())
        assert np.abs(changed - film).max() > 0.03
        assert (np.diff(changed.ravel()[np.argsort(film.ravel(), kind="stable")]) >= 0).all()


def test_contrast_is_a_factor_about_the_mean(film):
    low = vary(film, Appearance(contrast_log2=-1.0), rng())
    assert low.std() == pytest.approx(film.std() / 2, rel=0.01)
    assert low.mean() == pytest.approx(film.mean(), abs=0.002)


def test_noise_is_as_strong_and_as_coarse_as_told():
    flat = np.full((256, 256), 0.5, np.float32)
    assert vary(flat, Appearance(noise=0.05), rng()).std() == pytest.approx(0.05, rel=0.03)
    neighbours = []
    for colour in (0.0, 0.5, 1.0):
        noise = coloured_noise((256, 256), colour, rng())
        assert noise.std() == pytest.approx(1, rel=0.01)
        neighbours.append((noise[:, 1:] * noise[:, :-1]).mean())
    assert abs(neighbours[0]) < 0.02 < neighbours[1] < neighbours[2]


def test_blur_takes_details_and_sharpening_adds_them(film):
    def detail(image):
        return np.abs(np.diff(image, axis=1)).max()

    assert detail(vary(film, Appearance(blur_px=2.0), rng())) < 0.5 * detail(film)
    assert detail(vary(film, Appearance(sharpen=1.0), rng())) > 1.3 * detail(film)


def test_equalising_takes_out_the_large(film):
    flat = vary(film, Appearance(equalise=0.9, equalise_width=0.1), rng())
    assert flat[:, 180:].mean() - flat[:, :20].mean() < 0.3 * (film[:, 180:].mean() - film[:, :20].mean())


@pytest.mark.parametrize("outside", [0.0, 0.6])
def test_beyond_the_collimator_is_one_grey(film, outside):
    look = Appearance(collimator=Collimation("circle", (0.7, 0.7)), outside=outside)
    changed = vary(film, look, rng())
    np.testing.assert_allclose(changed[:20, :20], outside, atol=1e-6)
    np.testing.assert_allclose(changed[80, 100], film[80, 100], atol=0.002)


def test_what_is_laid_on_changes_only_where_it_lies(film):
    for look in (Appearance(markers=2), Appearance(cut_outs=2, cut_out_size=0.2)):
        changed = np.abs(vary(film, look, rng(2)) - film) > 0.01
        assert 0.0005 < changed.mean() < 0.3


def test_grid_lines_have_their_period():
    flat = np.full((64, 120), 0.5, np.float32)
    lines = vary(flat, Appearance(grid=0.04, grid_px=6.0), rng())
    assert np.abs(np.fft.rfft(lines[0] - 0.5)).argmax() == 20
    assert np.ptp(lines, axis=0).max() < 1e-6


def test_a_jpeg_shows_its_blocks(film):
    noisy = np.clip(film + rng().normal(0, 0.05, film.shape), 0, 1)
    poor, good = (vary(noisy, Appearance(jpeg_quality=q), rng()) for q in (10, 95))
    assert np.abs(poor - noisy).mean() > 3 * np.abs(good - noisy).mean()


@pytest.mark.parametrize("wrong", [np.full((9, 9), 1.5), np.full((9, 9), np.nan), np.zeros(9)])
def test_what_is_no_film_is_refused(wrong):
    with pytest.raises(ValueError, match="grey values from 0 to 1"):
        vary(wrong, Appearance(), rng())


def test_ranges_say_what_may_happen():
    never = {name: 0.0 for name in ("inverted", "warped", "shaded", "equalised", "blurred", "sharpened", "noisy",
                                    "collimated", "gridded", "marked", "cut", "compressed")}
    still = Ranges(**never, gamma_log2=(0, 0), contrast_log2=(0, 0), rise=(0, 0))
    look = random_appearance(rng(), still)
    idle = ("equalise_width", "colour", "grid_px", "grid_along_rows", "cut_out_size", "outside")
    assert replace(look, **{name: getattr(Appearance(), name) for name in idle}) == Appearance()
    for wrong in ({"inverted": 1.5}, {"noise": (0.2, 0.1)}):
        with pytest.raises(ValueError, match=f"{next(iter(wrong))} must be"):
            Ranges(**wrong)
