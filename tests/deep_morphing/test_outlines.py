"""Outlines as the network learns them, and as shapes with vertices in correspondence."""

import numpy as np
import pytest
from plain_femurs import MARKS, RADIUS, outline_mm, plain_film
from scipy.spatial import cKDTree

from napari_xray_landmarks.deep_morphing.films import BONE, HEAD, NEAR_PX, STORED_PX, drawn, of_map, stored
from napari_xray_landmarks.deep_morphing.outlines import NAMES, SHAFT_MM, SHORT, shape_of, view_of


def test_what_closes_an_outline_along_the_films_edge_is_not_drawn():
    square = np.array([[-0.5, 30.0], [40, 30], [40, 60], [-0.5, 60]])
    line = drawn(square, (100, 100))
    assert line[:, 0].min() == pytest.approx(-0.5) and line[:, 0].max() == pytest.approx(40, abs=0.3)
    assert not ((line[:, 0] < 0) & (line[:, 1] > 31) & (line[:, 1] < 59)).any()
    assert len(drawn(square + [20, 0], (100, 100))) > len(line), "inside of the film all of it is drawn"


def test_nearness_is_the_distance_from_the_outline_in_stored_pixels():
    film, contours, _ = plain_film(np.random.default_rng(0))
    made = stored(film, contours)
    scale = STORED_PX / 256
    assert made.pixel_mm == pytest.approx(0.8 / scale) and made.size == (STORED_PX, STORED_PX)
    rows, columns = np.nonzero(made.nearness[0])
    line = (drawn(contours[0].points, film.shape) + 0.5) * scale - 0.5
    away, _ = cKDTree(line).query(np.column_stack([rows, columns]))
    assert np.abs(NEAR_PX * (1 - made.nearness[0][rows, columns] / 255.0) - away).max() < 0.1
    assert made.nearness[1].any() and not made.nearness[1][-1].any(), "the head's is a map of its own"


def test_names_of_outlines_choose_the_map():
    assert [of_map(n) for n in ("femur-left", "femoral-head-right", "femur", "femurs", "hip-left")] == [
        BONE, HEAD, BONE, "", ""]


@pytest.mark.parametrize("side", ["left", "right"])
def test_a_shape_has_its_vertices_where_they_belong_whatever_the_side_and_the_turn(side):
    film, contours, marks = plain_film(np.random.default_rng(0), side, turn_deg=12.0, individual=False)
    shape = shape_of(contours, marks, film.shape, 0.8, 0.0)
    assert shape.has_shaft and shape.view == "ap" and len(shape.points_mm) == len(NAMES)
    turn = np.deg2rad(-12.0 if side == "left" else 12.0)
    upright = shape.points_mm @ np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    at = dict(zip(NAMES, upright, strict=True))
    middle = (at["head-superior"] + at["head-inferior"]) / 2
    assert at["head-medial"][1] < middle[1] < at["greater-trochanter"][1], "the head lies medially"
    offset = at["lesser-trochanter"] - MARKS[2]
    assert at["greater-trochanter"] - offset == pytest.approx(MARKS[1], abs=1.5)
    head = np.array([at[n] for n in ("head-inferior", "head-medial", "head-superior")]) - offset
    assert np.linalg.norm(head, axis=1) == pytest.approx(RADIUS, abs=0.5)
    below = at["shaft-medial"][0] - at["lesser-trochanter"][0]
    assert below == pytest.approx(SHAFT_MM, abs=4.0)


def test_a_film_that_ends_above_the_lower_level_gives_a_shape_without_the_shaft():
    line, _ = outline_mm()
    film, contours, marks = plain_film(np.random.default_rng(0), size=256, pixel_mm=0.62, individual=False)
    shape = shape_of(contours, marks, film.shape, 0.62)
    assert not shape.has_shaft and shape.view == "" and len(shape.points_mm) == len(NAMES[SHORT])
    film, contours, marks = plain_film(np.random.default_rng(0), size=256, pixel_mm=0.35, individual=False)
    assert shape_of(contours, marks, film.shape, 0.35) is None, "the lesser trochanter is not on the film"


def test_views_are_told_by_the_angle_from_the_bones_own_side():
    assert [view_of(a, s) for a, s in ((0, "left"), (40, "left"), (40, "right"), (None, "left"))] == [
        "ap", "oblique-lateral", "oblique-medial", ""]
