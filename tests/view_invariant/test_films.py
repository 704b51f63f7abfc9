"""Films as the network sees them, and the pictures drawn from them."""

import numpy as np
import pytest

pytest.importorskip("torch")

from drawn_discs import NAMES, drawn_film  # noqa: E402
from scipy.ndimage import map_coordinates  # noqa: E402

from napari_xray_landmarks.imaging import Radiograph  # noqa: E402
from napari_xray_landmarks.view_invariant.augmentation import Motion, picture  # noqa: E402
from napari_xray_landmarks.view_invariant.detector import mirrored_order  # noqa: E402
from napari_xray_landmarks.view_invariant.films import (  # noqa: E402
    arrays_of,
    films_of,
    resampled,
    spacing_of,
    standard,
    stored_film,
)

ORDER = mirrored_order(NAMES)


def test_the_other_side_of_a_name():
    assert ORDER.tolist() == [1, 0, 2]


def test_resampling_keeps_places_at_the_patient():
    film, points = drawn_film(3, (200, 260), (0.5, 0.4))
    small, film_px = resampled(film, 1.0)
    assert small.shape == (100, 104) and film_px == pytest.approx([2.0, 2.5])
    assert 0 <= small.min() and small.max() <= 1
    stored = stored_film(film, points, [True] * 3, 1.0)
    assert (stored.points + 0.5) * film_px - 0.5 == pytest.approx(points, abs=1e-3)


def test_without_a_spacing_the_field_is_that_of_a_c_arm():
    film = Radiograph(np.eye(474))
    assert spacing_of(film) == pytest.approx((0.5, 0.5))


def test_the_network_s_input_does_not_depend_on_exposure():
    film, _ = drawn_film(5)
    grey = film.pixels.astype(np.float32)
    assert np.allclose(standard(grey), standard(3 * grey + 700), atol=1e-3)
    assert standard(grey).shape == (2, *film.shape)


@pytest.mark.parametrize("seed", range(6))
def test_a_picture_shows_its_landmarks_where_it_says(seed):
    """The local mean of the picture's discs is far from that beside them, wherever it turns or mirrors them."""
    film, points = drawn_film(seed)
    stored = stored_film(film, points, [True] * 3, 1.0)
    image, at, visible = picture(stored, (96, 112), 1.0, ORDER, np.random.default_rng([seed, 3]), Motion())
    assert image.shape == (2, 96, 112) and image.dtype == np.float32 and np.isfinite(image).all()
    assert at[:2][visible[:2]].shape[0] == visible[:2].sum()
    if visible.all():
        assert at[0, 1] > at[1, 1]  # the left one is on the film's right side, mirrored or not


def test_without_motion_a_picture_is_the_film():
    film, points = drawn_film(1)
    stored = stored_film(film, points, [True] * 3, 1.0)
    still = Motion(0.0, 0.0, 0.0, 0.0)
    _, at, _ = picture(stored, (96, 112), 1.0, ORDER, np.random.default_rng(0), still)
    assert at == pytest.approx(points, abs=1e-3)


def test_a_turned_picture_is_the_turned_film():
    film, points = drawn_film(2)
    stored = stored_film(film, points, [True] * 3, 1.0)
    image, at, visible = picture(stored, (96, 112), 1.0, ORDER, np.random.default_rng(12), Motion(0.0, 15.0, 0.0, 1.0))
    spots = map_coordinates(image[1], at[:2][visible[:2]].T, order=1)
    assert visible[:2].any() and np.ptp(np.sign(spots)) == 0  # both discs, black or white, stand out alike


def test_stored_films_come_back_from_arrays():
    films = [stored_film(*drawn_film(0, (64, 80)), [True, False, True], 1.0, "a", "train"),
             stored_film(*drawn_film(1, (80, 64)), [True] * 3, 1.5, "subject b", "validation")]
    again = films_of(arrays_of(films))
    for one, other in zip(films, again, strict=True):
        assert np.array_equal(one.grey, other.grey) and np.array_equal(one.points, other.points)
        assert (one.subject, one.split, one.pixel_mm) == (other.subject, other.split, other.pixel_mm)
        assert np.array_equal(one.visible, other.visible)
