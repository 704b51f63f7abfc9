"""Random changes of films keep the corners where the film shows them."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("monai")

from drawn_spines import drawn_spine  # noqa: E402

from napari_xray_landmarks.spine import training_corners, training_vertebrae  # noqa: E402
from napari_xray_landmarks.spine.augmentation import (  # noqa: E402
    changed_looks,
    shift,
    shuffled_tiles,
    similarities,
)
from napari_xray_landmarks.spine.sampling import FilmPyramid, transformed  # noqa: E402
from napari_xray_landmarks.spine.training_films import SpineFilm  # noqa: E402


def spine_film(seed=0):
    film, corners = drawn_spine(seed)
    return SpineFilm(str(seed), str(seed), FilmPyramid.of(film.pixels), torch.tensor(corners))


def generator(seed):
    return torch.Generator().manual_seed(seed)


def brightness_inside(image, corners):
    """Mean grey value half way from the centre to each corner of a body, and as far beyond the corner."""
    centre = corners.mean(0)
    values = []
    for part in (0.5, 1.5):
        places = (centre + part * (corners - centre)).round().long()
        places = places.clamp(min=torch.zeros(2).long(), max=torch.tensor(image.shape) - 1)
        values.append(float(image[places[:, 0], places[:, 1]].mean()))
    return values


@pytest.mark.parametrize("seed", range(6))
def test_corners_follow_the_canvas(seed):
    image, corners = training_vertebrae.random_canvas(spine_film(seed), (256, 128), generator(seed))
    shown = [c for c in corners if torch.isfinite(c).all()]
    assert shown
    inside, beyond = np.transpose([brightness_inside(image[0], c) for c in shown])
    assert np.median(inside) > np.median(beyond) + 0.3


@pytest.mark.parametrize("seed", range(4))
def test_corners_follow_the_crops(seed):
    film = spine_film(seed)
    crops, corners, film_from_crops = training_corners.random_crops(film, 64, generator(seed))
    inside, beyond = np.transpose([brightness_inside(c[0], p) for c, p in zip(crops, corners, strict=True)])
    assert (inside > beyond + 0.3).all()
    back = transformed(film_from_crops, corners)
    mirrored = (film_from_crops[:, :2, :2].det() < 0).all()
    assert back[:, [1, 0, 3, 2]].numpy() == pytest.approx(film.corners.numpy()) if mirrored else \
        back.numpy() == pytest.approx(film.corners.numpy())


def test_unmarked_vertebrae_have_no_crop_and_no_place():
    film = spine_film()
    film.corners[2] = torch.nan
    crops, corners, _ = training_corners.random_crops(film, 64, generator(0))
    assert len(crops) == len(corners) == 4 and torch.isfinite(corners).all()
    _, corners = training_vertebrae.random_canvas(film, (256, 128), generator(0))
    assert torch.isnan(corners[2]).all()


def test_both_handednesses_come():
    signs = {bool(training_corners.random_crops(spine_film(), 64, generator(s))[2][0, :2, :2].det() < 0)
             for s in range(12)}
    assert signs == {True, False}


def test_looks_stay_in_range_and_come_from_the_generator():
    images = torch.rand(16, 1, 64, 32, generator=generator(0)) * 2 - 1
    first, second, other = (changed_looks(images, generator(s)) for s in (1, 1, 2))
    assert first.min() >= -1 and first.max() <= 1
    assert torch.equal(first, second) and not torch.equal(first, other)
    assert images.min() >= -1 and not torch.equal(first, images)


def test_shuffled_tiles_keep_the_grey_values():
    image = torch.rand(1, 64, 32, generator=generator(0))
    shuffled = shuffled_tiles(image, generator(1))
    assert shuffled.shape == image.shape and not torch.equal(shuffled, image)
    assert torch.equal(shuffled.flatten().sort().values, image.flatten().sort().values)


def test_similarities_mirror_columns_then_turn_then_scale():
    matrix = shift(torch.tensor([[5.0, 7.0]])) @ similarities(
        torch.tensor([2.0]), torch.tensor([90.0]), torch.tensor([True]))
    points = transformed(matrix, torch.tensor([[[1.0, 0.0], [0.0, 1.0]]]))
    assert points[0].tolist() == [pytest.approx([5.0, 9.0], abs=1e-5), pytest.approx([7.0, 7.0], abs=1e-5)]
