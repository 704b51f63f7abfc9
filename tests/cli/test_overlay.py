"""The picture shows each landmark and outline where it is, in the colour of its confidence."""

from dataclasses import replace

import numpy as np
import pytest
from matplotlib import colormaps
from matplotlib.collections import LineCollection
from matplotlib.text import Text
from PIL import Image

from napari_xray_landmarks.cli.overlay import COLORMAP, overlay_figure, write_overlay
from napari_xray_landmarks.imaging import Radiograph
from napari_xray_landmarks.landmarks import Contour, LandmarkSet
from napari_xray_landmarks.shape.segmentation import BoneContour, HeadCircle, Segmentation


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


def test_crowded_names_cover_neither_one_another_nor_a_point(film):
    places = [(40 + 4 * (i % 3), 60 + 3 * i) for i in range(14)]
    names = [f"landmark-{i}" for i in range(14)]
    figure = overlay_figure(film, LandmarkSet(names, places))
    figure.draw_without_rendering()
    axes = figure.axes[0]
    boxes = np.array([Text.get_window_extent(text).get_points() for text in axes.texts])
    marks = axes.transData.transform([(column, row) for row, column in places])
    within = axes.get_window_extent().get_points()
    for i, (low, high) in enumerate(boxes):
        others = np.delete(boxes, i, axis=0)
        assert not ((others[:, 0] < high) & (others[:, 1] > low)).all(1).any()
        assert not ((marks > low) & (marks < high)).all(1).any()
        assert (low >= within[0]).all() and (high <= within[1]).all()


def test_names_are_drawn_as_they_are(tmp_path, film):
    names = ("$x", "$\\nothing$", " ")
    figure = overlay_figure(film, LandmarkSet(names, np.full((3, 2), 50.0)), "$\\nothing$")
    figure.savefig(tmp_path / "o.png")
    assert tuple(t.get_text() for t in figure.axes[0].texts) == names


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


SQUARE = np.array([(20.0, 30.0), (20.0, 90.0), (80.0, 90.0), (80.0, 30.0)])


def outline(**options) -> BoneContour:
    contour = Contour(SQUARE, "femur-left", confidence=np.array([0.2, 0.9, 0.9, 0.9]))
    given = {"bone": "femur-left", "drawn": [True, True, True, False], "confidence": 0.9, **options}
    return BoneContour(contour, ("a", "b", "c", "d"), np.zeros((4, 2)), **given)


def lines_of(figure):
    return [c for c in figure.axes[0].collections if isinstance(c, LineCollection)]


def legend_of(figure) -> list[str]:
    return [text.get_text() for text in figure.legends[0].get_texts()]


def test_an_outline_is_drawn_at_column_and_row_in_the_colour_of_its_confidence(film):
    bone, closing = lines_of(overlay_figure(film, segmentation=Segmentation((outline(),))))
    assert np.array_equal(bone.get_segments()[0], SQUARE[:2, ::-1]) and len(bone.get_segments()) == 3
    assert np.allclose(bone.get_colors()[0], colormaps[COLORMAP](0.55))
    assert np.array_equal(closing.get_segments(), [SQUARE[[3, 0], ::-1]]) and closing.get_linestyle()[0][1] is not None


def test_a_heads_circle_has_its_radius_in_the_legend(film):
    head = HeadCircle("femoral-head-left", (40, 60), (20, 20), confidence=0.8)
    figure = overlay_figure(film, segmentation=Segmentation((outline(outlier_px=[0, 9, 0, 0]),), (head,)))
    circle = figure.axes[0].lines[0].get_xydata()
    assert np.allclose(np.linalg.norm(circle - (60, 40), axis=1), 20)
    assert legend_of(figure) == ["femur-left, confidence 0.90",
                                 "femoral-head-left: radius 10.0 mm, confidence 0.80", "implant or occlusion?"]


def test_what_was_not_found_is_grey_and_dotted_and_said(film):
    figure = overlay_figure(film, segmentation=Segmentation((outline(found=False, reason="x"),)))
    (line,) = lines_of(figure)
    assert np.allclose(line.get_colors()[0][:3], 0xC8 / 255)
    assert legend_of(figure) == ["femur-left: not found, confidence 0.90"]
    assert legend_of(overlay_figure(film, segmentation=Segmentation())) == ["nothing was found"]


@pytest.mark.parametrize("side", [330, 3000])
def test_outlines_are_as_thick_on_small_as_on_large_films(tmp_path, side):
    """Of the picture's pixels, the same share shows the outline, whatever the film's size."""
    blank = Radiograph(np.zeros((side, side), np.uint8))
    bone = outline()
    grown = replace(bone, contour=replace(bone.contour, points=SQUARE * side / 100, confidence=np.full(4, 0.9)))
    write_overlay(tmp_path / "o.png", blank, segmentation=Segmentation((grown,)))
    pixels = np.asarray(Image.open(tmp_path / "o.png").convert("RGB")).reshape(-1, 3)
    colour = 255 * np.array(colormaps[COLORMAP](0.9)[:3])
    assert 0.006 < (np.abs(pixels - colour).max(1) < 30).mean() < 0.014
