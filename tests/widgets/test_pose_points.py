"""Points in space from two films with poses, as a user marks them in the dock "Pose and registration"."""

import numpy as np
import pytest
from napari.layers import Layer

from napari_xray_landmarks.geometry.pose import Pose
from napari_xray_landmarks.plugin.convert import image_layer, landmarks_layer
from napari_xray_landmarks.plugin.pose_layers import keep_pose
from napari_xray_landmarks.plugin.results import results_of
from napari_xray_landmarks.plugin.two_views import LINES, MARKED, POINTS
from napari_xray_landmarks.plugin.widgets.pose_points import PointsInSpace
from posed_films import BALLS, CENTRE_MM, FIRST, SECOND, arm, ct, film, landmarks

POINT = BALLS[4] + CENTRE_MM


@pytest.fixture(scope="module")
def patient():
    volume = ct()
    return volume, {view: film(volume, view) for view in (FIRST, SECOND)}


@pytest.fixture
def layers(viewer, patient):
    """The CT, and two films that know their poses."""
    volume = viewer.add_layer(Layer.create(*image_layer(patient[0])))
    films = []
    for view in (FIRST, SECOND):
        films.append(viewer.add_layer(Layer.create(*image_layer(patient[1][view]))))
        keep_pose(films[-1], volume, Pose(arm(view), 1.0, ("a", "b")))
    return volume, *films


@pytest.fixture
def points(viewer, layers, qtbot):
    widget = PointsInSpace(viewer)
    qtbot.addWidget(widget)
    widget.show_film(layers[1], layers[0])
    return widget


def still(points, qtbot):
    qtbot.waitUntil(lambda: not points._soon.isActive())


def mark(viewer, points, film, view, qtbot, at=POINT):
    points.show_film(film, points._ct)
    points.mark_button.click()
    layer, = results_of(viewer, film, MARKED)
    assert viewer.layers.selection.active is layer and layer.mode == "add"
    world = film.data_to_world(arm(view).camera().project(at[None])[0])
    layer.add(layer.world_to_data(world)[-2:])
    still(points, qtbot)
    return layer


def test_a_point_marked_on_both_films_is_found_in_the_ct(points, viewer, layers, qtbot):
    volume, first, second = layers
    mark(viewer, points, first, FIRST, qtbot)
    line, = results_of(viewer, second, LINES)
    start, step = line.data[0]
    across = np.array([-step[1], step[0]]) / np.linalg.norm(step)
    place = arm(SECOND).camera().project(POINT[None])[0]
    assert abs((place - start) @ across) < 1e-3, "the line on the other film goes through the point's place"
    assert "mark it on another film" in points.said.text() and not results_of(viewer, volume, POINTS)
    mark(viewer, points, second, SECOND, qtbot)
    found, = results_of(viewer, volume, POINTS)
    np.testing.assert_allclose(found.data, [POINT], atol=1e-3)
    assert [str(u) for u in found.units] == ["millimeter"] * 3 and list(found.features["name"]) == ["P1"]
    assert not results_of(viewer, second, LINES), "nothing is left to be marked"
    cells = [points.table.table.item(0, j).text() for j in range(6)]
    assert cells[0] == "P1" and [float(c) for c in cells[1:4]] == pytest.approx(POINT, abs=0.1)
    assert 1 < float(cells[4]) < 10 and float(cells[5]) == 0


def test_a_dragged_mark_moves_the_point(points, viewer, layers, qtbot):
    volume, first, second = layers
    mark(viewer, points, first, FIRST, qtbot)
    moved = mark(viewer, points, second, SECOND, qtbot)
    layer, = results_of(viewer, volume, POINTS)
    before = np.array(layer.data)
    moved.data = moved.data + (2.0, 0.0)
    still(points, qtbot)
    assert results_of(viewer, volume, POINTS) == [layer] and abs(layer.data - before).max() > 1
    assert points.found[0].point.residual_px > 0.1
    moved.selected_data = {0}
    moved.remove_selected()
    still(points, qtbot)
    assert not results_of(viewer, volume, POINTS) and results_of(viewer, second, LINES)


def test_films_can_be_seen_side_by_side(points, viewer, layers, qtbot):
    volume, first, second = layers
    marks = viewer.add_layer(Layer.create(*landmarks_layer(
        landmarks().__class__(("a",), np.array([[10.0, 20.0]])), "marks", spacing_mm=tuple(second.scale),
        notes={"source": second.name})))
    mark(viewer, points, second, SECOND, qtbot)
    points.show_film(first, volume)
    where = np.array(second.extent.world)
    on_film = np.array(marks.data_to_world((10, 20))) - where[0]
    points.beside.click()
    assert second.extent.world[0, 1] > first.extent.world[1, 1] and second.visible and first.visible
    np.testing.assert_allclose(np.array(marks.data_to_world((10, 20))) - second.extent.world[0], on_film)
    mark(viewer, points, first, FIRST, qtbot)
    assert points.found[0].point is not None
    np.testing.assert_allclose(points.found[0].point.point_mm, POINT, atol=1e-3)
    points.beside.click()
    np.testing.assert_allclose(second.extent.world, where, atol=1e-9)


def test_one_film_is_not_enough(points, viewer, layers):
    viewer.layers.remove(layers[2])
    points.update_points()
    assert "two films" in points.said.text() and not points.mark_button.isEnabled()


def test_films_from_one_side_are_refused(points, viewer, layers, qtbot):
    volume, first, second = layers
    keep_pose(second, volume, Pose(arm((FIRST[0] + 0.5, FIRST[1])), 1.0, ("a",)))
    mark(viewer, points, first, FIRST, qtbot)
    mark(viewer, points, second, (FIRST[0] + 0.5, FIRST[1]), qtbot)
    assert "same side" in points.said.text() and not results_of(viewer, volume, POINTS)
