"""The picture shows each landmark where it is, in the colour of its confidence."""

import numpy as np
import pytest
from matplotlib import colormaps
from PIL import Image

from napari_xray_landmarks.cli.overlay import COLORMAP, overlay_figure, write_overlay
from napari_xray_landmarks.imaging import Radiograph
from napari_xray_landmarks.landmarks import LandmarkSet


@pytest.fixture
def film():
    return Radiograph(np.zeros((100, 160), np.uint8), (0.5, 0.5), "given")


LANDMARKS = LandmarkSet(
    ("a", "b", "c"), [(20, 30), (70, 120), (np.nan, np.nan)], (0.2, 0.9, np.nan), (True, False, False)
)


def markers(figure):
    return figure.axes[0].lines


def test_markers_stand_at_column_and_row(film):
    lines = markers(overlay_figure(film, LANDMARKS))
    assert [tuple(line.get_xydata()[0]) for line in lines] == [(30, 20), (120, 70)]


def test_millimetres_are_drawn_at_the_same_pixels(film):
    lines = markers(overlay_figure(film, LANDMARKS.in_mm(film.spacing_mm)))
    assert [tuple(line.get_xydata()[0]) for line in lines] == [(30, 20), (120, 70)]


def test_colour_is_confidence_and_a_guess_is_a_cross(film):
    detected, guess = markers(overlay_figure(film, LANDMARKS))
    assert detected.get_markerfacecolor() == colormaps[COLORMAP](0.2)
    assert (detected.get_marker(), guess.get_marker()) == ("o", "x")


def test_names_are_written(film):
    assert [t.get_text() for t in overlay_figure(film, LANDMARKS).axes[0].texts] == ["a", "b"]


def test_the_png_shows_the_landmark(tmp_path, film):
    path = tmp_path / "o.png"
    write_overlay(path, film, LANDMARKS, "title")
    pixels = np.asarray(Image.open(path).convert("RGB")).reshape(-1, 3)
    colour = (255 * np.array(colormaps[COLORMAP](0.2)[:3])).round()
    assert (np.abs(pixels - colour).max(1) <= 1).sum() > 20
    assert [p.name for p in tmp_path.iterdir()] == ["o.png"]


@pytest.mark.parametrize("pixels", [np.zeros((8, 8)), np.full((8, 8), np.nan), np.arange(64.0).reshape(8, 8)])
def test_any_film_can_be_drawn(tmp_path, pixels):
    write_overlay(tmp_path / "o.png", Radiograph(pixels), LandmarkSet((), np.empty((0, 2))))
    assert (tmp_path / "o.png").stat().st_size > 0
