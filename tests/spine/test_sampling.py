"""Films as networks see them: any size, aspect and contrast."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from napari_xray_landmarks.spine.frames import film_from_crop, frames, mirrored_corners  # noqa: E402
from napari_xray_landmarks.spine.sampling import (  # noqa: E402
    MOST_PX,
    FilmPyramid,
    canvas_shape,
    film_from_canvas,
    standardised,
    transformed,
    with_local_contrast,
)


def ramp(rows, columns):
    """A film that shows its own row and column: grey = row + 2 column."""
    return np.add.outer(np.arange(rows, dtype=float), 2.0 * np.arange(columns))


@pytest.mark.parametrize("shape", [(900, 400), (3000, 1200), (400, 900)])
def test_a_canvas_shows_the_films_own_places(shape):
    film = ramp(*shape)
    pyramid = FilmPyramid.of(film)
    canvas = canvas_shape(shape, 256)
    matrix = film_from_canvas(shape, canvas)
    image = pyramid.sample(matrix[None], canvas)[0, 0].numpy()
    low, high = np.percentile(film, (0.5, 99.5))
    r, c = canvas[0] // 2 + 20, canvas[1] // 2 - 15
    row, column = transformed(matrix, torch.tensor([[float(r), float(c)]], dtype=torch.float64))[0].tolist()
    expected = 2 * (row + 2 * column - low) / (high - low) - 1
    assert image[r, c] == pytest.approx(expected, abs=0.02)


def test_the_canvas_is_upright_and_holds_the_whole_film():
    assert canvas_shape((2000, 700), 512) == (512, 256)
    assert canvas_shape((2000, 1400), 512) == (512, 384)
    assert canvas_shape((700, 2000), 512) == (512, 512)
    for shape in ((2000, 700), (700, 2000), (1000, 1000)):
        canvas = canvas_shape(shape, 512)
        corners = torch.tensor([[0, 0], [canvas[0] - 1, canvas[1] - 1]], dtype=torch.float64)
        low, high = transformed(film_from_canvas(shape, canvas), corners).tolist()
        assert max(low) < 2 and high[0] > shape[0] - 4 and high[1] > shape[1] - 4


def test_large_films_are_kept_smaller():
    pyramid = FilmPyramid.of(np.random.default_rng(0).random((3000, 1000)))
    assert max(pyramid.levels[0].shape) == MOST_PX and pyramid.shape == (3000, 1000)


def test_the_grey_scale_does_not_matter():
    film = np.random.default_rng(0).random((200, 120)) ** 2
    first, second = (FilmPyramid.of(f).levels[0].int() for f in (film, 4000 * film + 70))
    assert (first - second).abs().max() <= 1
    constant = FilmPyramid.of(np.ones((100, 100)))
    assert constant.levels[0].float().std() == 0


def test_local_contrast_and_standardised_crops_are_finite_on_plain_images():
    plain = torch.zeros(2, 1, 256, 128)
    assert torch.isfinite(with_local_contrast(plain, 256)).all() and torch.isfinite(standardised(plain)).all()
    assert with_local_contrast(plain, 256).shape == (2, 2, 256, 128)


def body(centre, angle_deg, width, height):
    turn = np.deg2rad(angle_deg)
    across, down = np.array([-np.sin(turn), np.cos(turn)]), np.array([np.cos(turn), np.sin(turn)])
    return [np.asarray(centre) + (i - 0.5) * height * down + (j - 0.5) * width * across
            for i, j in ((0, 0), (0, 1), (1, 0), (1, 1))]


def test_a_crop_shows_its_vertebra_upright_in_the_middle_and_half_as_wide():
    corners = torch.tensor(np.array([body((100 + 60 * i, 200 + 10 * i), 10.0, 80.0, 50.0) for i in range(3)]))
    centre, angle, width = frames(corners)
    assert angle.tolist() == pytest.approx([10.0] * 3) and width.tolist() == pytest.approx([80.0] * 3)
    no = torch.zeros(3, dtype=torch.bool)
    for mirrored in (no, ~no):
        inside = transformed(film_from_crop(centre, angle, width, 96, mirrored).inverse(), corners)
        inside = mirrored_corners(inside, mirrored)
        expected = np.array(body((47.5, 47.5), 0.0, 48.0, 30.0))
        assert inside[1].numpy() == pytest.approx(expected)
