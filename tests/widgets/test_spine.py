"""Spine curvature, driven as a user does."""

import csv

import numpy as np
import pytest
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QApplication
from skimage.draw import polygon2mask

from napari_xray_landmarks.plugin.films import our_metadata, world_from_data
from napari_xray_landmarks.plugin.marks import landmarks_layer
from napari_xray_landmarks.plugin.results import results_of
from napari_xray_landmarks.plugin.spine import BODIES, LINES, outline_bodies, why_not_corners
from napari_xray_landmarks.plugin.widgets.spine import SpineCurvature
from napari_xray_landmarks.spine.vertebrae import RING, Vertebrae
from spines import landmark_set, three_curves

SPINE = three_curves(22, 40, 31)


def add_corners(viewer, spine=SPINE, name="film · landmarks", **kwargs):
    data, attributes, _ = landmarks_layer(landmark_set(spine), name)
    return viewer.add_points(data, **{**attributes, **kwargs})


def drag(layer, index: int, to) -> None:
    """Move one point as the mouse does, in two steps."""
    layer.selected_data = {index}
    start = np.array(layer.data[index])
    for share in (0.5, 1.0):
        layer._drag_start = None
        layer._move({index}, start)
        layer._move({index}, start + share * (np.asarray(to) - start))
        start = np.array(layer.data[index])


@pytest.fixture
def dock(viewer, qtbot):
    dock = SpineCurvature(viewer)
    qtbot.addWidget(dock)
    dock.show()
    return dock


@pytest.fixture
def corners(viewer, dock):
    viewer.add_image(np.zeros((900, 700)), name="film")
    return add_corners(viewer)


def angle(dock, row=1) -> float:
    return float(dock.table.table.item(row, 1).text().partition("°")[0])


def test_nothing_open_and_a_layer_that_cannot_serve(dock, viewer):
    assert dock.empty.isVisible() and not dock.body.isVisible()
    viewer.add_image(np.zeros((30, 30)), name="film")
    assert "Detect landmarks" in dock.trouble.text()
    viewer.add_points(np.ones((5, 2)), name="five")
    assert dock.corners.value is None and "five: no vertebral corners" in dock.corners.note.text()
    assert not dock.table.isVisible() and not dock.export_button.isVisible()


def test_the_angles_of_the_corners_that_are_opened(dock, corners):
    text = [line.split("\t") for line in dock.table.text().splitlines()]
    assert text[0] == ["curve", "angle", "end vertebrae", "apex", "convex"]
    assert [line[2:] for line in text[1:]] == [["T1 to T5", "T3", "right"], ["T5 to T12", "T8/9", "left"],
                                               ["T12 to L4", "L2", "right"]]
    assert [float(line[1].partition("°")[0]) for line in text[1:]] == [22, 40, 31] and "± 1.9°" in text[2][1]
    assert dock.said.text() == "Severe scoliosis: MT 40.0°. 17 vertebrae, T1 to L5."
    dock.table.copy_button.click()
    assert QApplication.clipboard().text() == dock.table.text()


def test_dragging_a_corner_moves_the_angles_and_the_drawing(dock, corners, viewer, qtbot):
    lines, bodies = (results_of(viewer, corners, kind)[0] for kind in (LINES, BODIES))
    before, drawn = np.array(lines.data[6]), angle(dock)
    t5_upper_left = 4 * 4
    drag(corners, t5_upper_left, corners.data[t5_upper_left] + (-12, 0))
    qtbot.waitUntil(lambda: angle(dock) != drawn, timeout=3000)
    expected = np.rad2deg(np.arctan2(12, 60))
    assert angle(dock) == pytest.approx(40 + expected, abs=0.2)
    assert results_of(viewer, corners, LINES) == [lines] and not np.array_equal(lines.data[6], before)
    assert np.allclose(bodies.data[4][0], corners.data[t5_upper_left])
    assert viewer.layers.index(corners) > viewer.layers.index(lines)
    labels = [text for text in lines.features["label"] if text]
    assert labels[1] == f"MT {angle(dock):.1f}°"


def test_drawn_lines_can_be_hidden_and_come_back(dock, corners, viewer):
    assert [x.name for x in viewer.layers] == ["film", "film · vertebrae", "film · Cobb angles", "film · landmarks"]
    dock.with_lines.setChecked(False)
    dock.with_bodies.setChecked(False)
    assert [x.name for x in viewer.layers] == ["film", "film · landmarks"]
    dock.with_lines.setChecked(True)
    assert len(results_of(viewer, corners, LINES)[0].data) == 18
    assert viewer.layers.selection.active is corners
    viewer.layers.remove(corners)
    assert [x.name for x in viewer.layers] == ["film"]


def test_the_drawing_lies_in_the_corners_frame(dock, viewer):
    corners = add_corners(viewer, scale=(0.2, 0.2), translate=(5, 7), rotate=10, units=("mm", "mm"))
    lines = results_of(viewer, corners, LINES)[0]
    assert np.allclose(world_from_data(lines), world_from_data(corners)) and angle(dock) == 40
    corners.scale = (0.4, 0.4)
    assert np.allclose(world_from_data(lines), world_from_data(corners))
    assert our_metadata(lines)["source"] == corners.name


def test_corners_that_cannot_be_are_left_out_with_a_note(dock, corners, qtbot):
    drag(corners, 6 * 4, corners.data[6 * 4 + 1] + (0, 30))
    qtbot.waitUntil(lambda: "T7 left out" in dock.trouble.text(), timeout=3000)
    assert "its corners are crossed" in dock.trouble.text() and angle(dock) == 40
    assert "T1 to L5 without T7" in dock.said.text()


def test_what_is_no_spine_is_said_and_nothing_is_shown(dock, viewer):
    viewer.add_points(np.random.default_rng(0).uniform(0, 800, (68, 2)), name="dots")
    assert "dots: does not show a spine" in dock.trouble.text()
    assert not dock.table.isVisible() and len(viewer.layers) == 1


def test_a_cropped_spine_and_points_without_names(dock, viewer):
    add_corners(viewer, Vertebrae(SPINE.levels[5:], SPINE.corners_px[5:]))
    assert dock.table.table.item(0, 1).text() == "not shown" and "T6 to L5" in dock.said.text()
    viewer.add_points(SPINE.corners_px.reshape(-1, 2), name="in order")
    assert dock.corners.value.name == "in order" and angle(dock) == 40
    dock.table.table.selectRow(1)
    assert set(dock.corners.value.selected_data) == {*range(16, 20), *range(44, 48)}


def test_a_row_selects_the_corners_of_its_end_vertebrae(dock, corners):
    dock.table.table.selectRow(1)
    names = {str(corners.features["name"][i]).partition("-")[0] for i in corners.selected_data}
    assert names == {"T5", "T12"} and len(corners.selected_data) == 8


def test_export(dock, corners, tmp_path, said):
    dock.save(str(tmp_path / "angles.csv"))
    row, = csv.DictReader((tmp_path / "angles.csv").read_text().splitlines())
    assert row["image"] == "film · landmarks" and row["mt_deg"] == "40.00" and row["mt_upper"] == "T5"
    dock.save(str(tmp_path / "none" / "angles.csv"))
    assert said[-1][0] == "error" and "there is no folder" in said[-1][1]


def test_films_of_one_patient_are_compared(dock, corners, viewer, tmp_path, said):
    add_corners(viewer, three_curves(22, 50, 31), name="later 2021-07-01 · landmarks")
    add_corners(viewer, three_curves(22, 45, 31), name="between · landmarks")
    dock.compare.button.setChecked(True)
    table = dock.comparison.table

    def cells():
        return [[table.item(i, j).text() for j in range(5)] for i in range(table.rowCount())]

    def edit(row, column, text):
        table.item(row, column).setText(text)

    assert [row[:2] for row in cells()] == [["film", ""], ["later 2021-07-01", "2021-07-01"], ["between", ""]]
    edit(0, 1, "2020-01-01")
    edit(2, 1, "2020-12-31")
    assert [row[0] for row in cells()] == ["film", "between", "later 2021-07-01"]
    assert [row[3] for row in cells()] == ["40.0°", "+5.0°", "+10.0° ▲"]
    assert "T5 to T12: 50.0°, progressed" in table.item(2, 3).toolTip()
    dock.save(str(tmp_path / "angles.csv"))
    rows = list(csv.DictReader((tmp_path / "angles.csv").read_text().splitlines()))
    assert [r["mt_trend"] for r in rows] == ["first", "stable", "progressed"] and rows[2]["date"] == "2021-07-01"
    table.item(0, 0).setCheckState(Qt.CheckState.Unchecked)
    assert cells()[0][0] == "between" and cells()[0][3] == "45.0°" and cells()[2][0] == "film"
    edit(0, 1, "yesterday")
    assert "the date is 'yesterday'" in said[-1][1]


def test_corners_of_masks(dock, viewer, said):
    labels = np.zeros((760, 700), np.uint8)
    for i, body in enumerate(SPINE.corners_px):
        labels[polygon2mask(labels.shape, body[list(RING)])] = i + 1
    viewer.add_labels(labels, name="masks", scale=(0.3, 0.3))
    assert dock.labels_button.isVisible()
    dock.labels_button.click()
    made = viewer.layers["masks · corners"]
    assert dock.corners.value is made and np.allclose(made.scale, 0.3)
    assert angle(dock) == pytest.approx(40, abs=4) and "masks · corners: 68 corners" in said[-1][1]
    viewer.add_labels(np.zeros((30, 30), int), name="empty")
    dock.labels_button.click()
    assert "empty: shows 0 vertebrae" in said[-1][1]


def test_landmarks_of_a_spine_have_vertebra_and_corner_and_are_outlined(viewer):
    from napari_xray_landmarks.joint_displacement.settings import BEST
    from napari_xray_landmarks.plugin.results import show_landmarks

    image = viewer.add_image(np.zeros((900, 700)), name="film")
    layer = show_landmarks(viewer, image, landmark_set(SPINE), model="m", version="1", settings=BEST)
    assert list(layer.features["vertebra"][:5]) == ["T1"] * 4 + ["T2"]
    assert list(layer.features["corner"][:4]) == ["top-left", "top-right", "bottom-left", "bottom-right"]
    outline_bodies(viewer, layer)
    bodies, = results_of(viewer, layer, BODIES)
    assert len(bodies.data) == 17 and list(bodies.features["label"][:2]) == ["T1", "T2"]
    layer.data = np.random.default_rng(0).uniform(0, 800, (68, 2))
    outline_bodies(viewer, layer)
    assert not results_of(viewer, layer, BODIES)
    outline_bodies(viewer, viewer.add_points(np.ones((68, 2)), name="68 other points"))
    assert len(viewer.layers) == 3


def test_other_layers_are_no_corners(viewer):
    assert why_not_corners(viewer.add_image(np.zeros((4, 4)))) == ""
    assert "3D points" in why_not_corners(viewer.add_points(np.zeros((68, 3))))


def test_closing_the_dock_ends_its_work(viewer, qtbot):
    dock = SpineCurvature(viewer)
    layer = add_corners(viewer)
    dock.deleteLater()
    QApplication.sendPostedEvents(dock, 0)
    qtbot.wait(20)
    layer.data = layer.data + 1
    viewer.layers.remove(layer)
