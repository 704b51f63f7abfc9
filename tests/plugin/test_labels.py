"""Where landmarks crowd, only names that can be read are written; zooming in and selecting bring the others."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from napari.components import ViewerModel

from napari_xray_landmarks.joint_displacement.settings import BEST
from napari_xray_landmarks.landmarks import LandmarkSet
from napari_xray_landmarks.plugin.labels import readable
from napari_xray_landmarks.plugin.results import show_landmarks, update_landmarks

places = arrays(float, st.tuples(st.integers(0, 12), st.just(2)), elements=st.floats(0, 200))


@given(corners=places, height=st.floats(1, 30), width=st.floats(1, 90))
def test_written_names_never_cover_one_another_and_none_is_left_out_for_nothing(corners, height, width):
    size = np.array([height, width])
    written = readable(corners, corners, np.broadcast_to(size, corners.shape))
    covers = (np.abs(corners[:, None] - corners) < size).all(2)
    np.fill_diagonal(covers, False)
    assert not covers[np.ix_(written, written)].any()
    assert covers[np.ix_(~written, written)].any(1).all()


def test_a_name_that_covers_a_point_gives_way():
    points, sizes = np.array([[0.0, 0.0], [0.0, 20.0]]), np.full((2, 2), (10.0, 50.0))
    assert readable(points, points + [-5, 5], sizes).tolist() == [False, True]
    assert readable(points, points + [-5, 5], sizes, first={0}).tolist() == [True, False]


@pytest.fixture
def viewer():
    viewer = ViewerModel()
    viewer.add_image(np.zeros((100, 100)), name="film")
    return viewer


@pytest.fixture
def layer(viewer):
    found = LandmarkSet(("crest", "spine", "head", "lost"), [(50, 10), (49.5, 12), (90, 10), (np.nan, np.nan)])
    viewer.scene.camera.zoom = 4.0
    return show_landmarks(viewer, viewer.layers["film"], found, model="m", version="1", settings=BEST)


def names(layer):
    return layer.text.values.tolist()


def test_zooming_in_brings_the_names(viewer, layer):
    assert names(layer) == ["", "spine", "head", ""]
    viewer.scene.camera.zoom = 100.0
    assert names(layer) == ["crest", "spine", "head", ""]
    viewer.scene.camera.zoom = 4.0
    assert names(layer) == ["", "spine", "head", ""]


def test_a_selected_point_keeps_its_name(layer):
    layer.selected_data = {0}
    assert names(layer) == ["crest", "", "head", ""]


def test_names_follow_points_that_move(layer):
    apart = LandmarkSet(("crest", "spine", "head", "lost"), [(20, 10), (49.5, 12), (90, 10), (70, 70)])
    update_landmarks(layer, apart)
    assert names(layer) == ["crest", "spine", "head", "lost"]


def test_a_removed_layer_is_let_go(viewer, layer):
    viewer.layers.remove(layer)
    viewer.scene.camera.zoom = 100.0
    assert names(layer) == ["", "spine", "head", ""]


def test_points_that_a_user_adds_and_deletes_are_followed(layer):
    layer.add((20, 60))
    assert names(layer)[:4] == ["", "spine", "head", ""] and len(layer.text.values) == 5
    layer.selected_data = {1}
    layer.remove_selected()
    assert names(layer)[:3] == ["crest", "head", ""] and len(layer.text.values) == 4
    layer.selected_data = set(range(4))
    layer.remove_selected()
    assert names(layer) == []
