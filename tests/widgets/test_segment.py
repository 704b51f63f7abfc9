"""Segment bone as a user drives it: run, read, choose what is shown, export."""

from dataclasses import replace

import numpy as np
import pytest
from qtpy.QtWidgets import QApplication

import figure
from docks import LONG, drag, run, settle
from napari_xray_landmarks.io import load_image, read_contours
from napari_xray_landmarks.models import read_model_file, save_model
from napari_xray_landmarks.plugin.films import our_metadata
from napari_xray_landmarks.plugin.outlines import contour_of, labels_of
from napari_xray_landmarks.plugin.results import names_of, results_of
from napari_xray_landmarks.shape.segmentation import Segmentation


@pytest.fixture
def dock(segment_dock):
    return segment_dock


def test_run_gives_a_closed_outline_a_circle_and_named_vertices(dock, film, viewer, qtbot, figure_film):
    run(dock, qtbot)
    contour, vertices = viewer.layers["film · contour"], viewer.layers["film · vertices"]
    assert list(contour.shape_type) == ["polygon", "ellipse"]
    assert list(contour.features["name"]) == ["bone-left", "head-left"] and contour.features["found"].all()
    truth = np.array([figure_film[1][name] for name in figure.OUTLINE])
    assert names_of(vertices) == figure.OUTLINE and np.linalg.norm(vertices.data - truth, axis=1).mean() < 4
    assert {"number", "bone", "confidence", "displacement", "outlier", "is_outlier"} <= set(vertices.features.columns)
    assert list(vertices.features["number"]) == list(range(1, 8))
    assert np.allclose(contour.data[0], vertices.data)
    for layer in (contour, vertices):
        assert np.allclose(layer.data_to_world((3, 4)), film.data_to_world((3, 4))) and layer.units == film.units
        assert our_metadata(layer)["model"] == "figure"
    assert viewer.layers.selection.active is vertices and str(vertices.mode) == "select", "ready to drag"


def test_the_head_is_an_ellipse_with_centre_and_radius_in_mm(shown, contour):
    corners = contour.data[1]
    radius = np.linalg.norm(corners[1] - corners[0]) / 2
    assert np.linalg.norm(corners[2] - corners[1]) / 2 == pytest.approx(radius)
    row = contour.features.iloc[1]
    assert row["radius_mm"] == pytest.approx(0.5 * radius, rel=1e-6)
    assert row["centre_row_mm"] == pytest.approx(0.5 * corners[:, 0].mean())
    assert row["text"] == f"r = {row['radius_mm']:.1f} mm"
    assert f"head-left\tradius\t{row['radius_mm']:.1f} mm" in shown.table.text()


def test_the_answer_in_numbers(shown, viewer, film):
    text = shown.table.text().splitlines()
    assert text[0] == "structure\tmeasure\tvalue"
    assert any(line.startswith("bone-left\tperimeter\t") and line.endswith(" mm") for line in text)
    assert "bone-left found (confidence 0.88)" in shown.said.text()
    shown.table.copy_button.click()
    assert QApplication.clipboard().text() == shown.table.text()


def test_the_numbers_follow_calibration(shown, film, contour, vertices, qtbot):
    radius = contour.features["radius_mm"][1]
    for layer in (film, contour, vertices):
        layer.scale = (0.25, 0.25)
    qtbot.waitUntil(lambda: f"radius\t{radius / 2:.1f} mm" in shown.table.text(), timeout=LONG)


def test_labels_are_exact_and_follow(shown, film, viewer, vertices, qtbot):
    shown.with_labels.click()
    labels = labels_of(viewer, film)
    assert labels.data.shape == film.data.shape and viewer.layers.index(labels) == 1
    assert np.allclose(labels.data_to_world((3, 4)), film.data_to_world((3, 4)))
    before = np.array(labels.data)
    inside = np.round(np.mean(vertices.data, axis=0)).astype(int)
    assert before[tuple(inside)] == 1 and not before[0].any()
    drag(vertices, "knob", (6.0, 8.0))
    settle(shown, qtbot)
    assert (labels.data != before).any() and labels_of(viewer, film) is labels
    shown.with_labels.click()
    assert labels_of(viewer, film) is None


def test_a_map_lies_in_the_films_frame_below_the_outlines(shown, film, viewer, vertices, contour):
    shown.map_of.setCurrentText("tip")
    shown.with_map.click()
    (response,) = results_of(viewer, film, "response")
    tip = film.data_to_world(vertices.data[names_of(vertices).index("tip")])
    assert response.data[tuple(np.round(response.world_to_data(tip)).astype(int))] > 0.2 * response.data.max()
    assert list(viewer.layers)[-2:] == [contour, vertices] and viewer.layers.selection.active is vertices
    shown.map_of.setCurrentText("knob")
    assert results_of(viewer, film, "response") == [response] and response.name == "film · response: knob"
    shown.with_map.click()
    assert not response.visible


def test_vertices_are_coloured_by_choice(shown, vertices):
    combo = shown.colours.combo
    assert combo.currentText() == "confidence" and vertices.face_contrast_limits == (0, 1)
    plain = np.array(vertices.face_color)
    combo.setCurrentIndex(1)
    largest = float(vertices.features["displacement"].max())
    assert vertices.face_contrast_limits == (0, pytest.approx(largest))
    assert not np.allclose(vertices.face_color, plain) and vertices.face_colormap.name == "plasma"
    combo.setCurrentIndex(0)
    assert np.allclose(vertices.face_color, plain)


def test_not_found_is_grey_and_says_why(shown, contour, qtbot):
    editor = shown.form.editors["certainty"]
    editor.number.setValue(0.99)
    run(shown, qtbot)
    assert not contour.features["found"].any() and set(contour.features["text"]) == {"not found"}
    assert np.allclose(contour.edge_color[0][:3], 0xB0 / 255)
    assert "bone-left not found: " in shown.said.text()
    editor.number.setValue(0.5)
    run(shown, qtbot)
    assert contour.features["found"].all() and not np.allclose(contour.edge_color[0][:3], 0xB0 / 255)


def test_all_open_images_and_one_bad_one(dock, film, viewer, qtbot, said):
    viewer.add_image(figure.figure(102)[0], name="second")
    viewer.add_image(np.full((200, 160), 7.0), name="blank")
    run(dock, qtbot, dock.all_button)
    names = {layer.name for layer in viewer.layers}
    assert {"film · contour", "second · contour"} <= names and "blank · contour" not in names
    errors = [text for severity, text in said if severity == "error"]
    assert len(errors) == 1 and "all pixels have the value 7" in errors[0] and "\n" not in errors[0]
    dock.image.set_value(film)
    settle(dock, qtbot)
    assert dock.reshaper.image is film and dock.table.text().count("bone-left") > 3


def test_cancel_leaves_the_layers_as_they_were(dock, film, viewer, qtbot):
    with qtbot.waitSignal(dock.run.job.cancelled, timeout=LONG):
        dock.run.button.click()
        assert dock.run.button.text() == "Cancel"
        dock.run.button.click()
    assert [layer.name for layer in viewer.layers] == ["film"]


def test_only_models_that_segment_are_listed(dock, figure_model_file, tmp_path, said):
    header, tensors = read_model_file(figure_model_file)
    points = {name: tensor for name, tensor in tensors.items() if not name.startswith("outlines.")}
    save_model(tmp_path / "points.safetensors", replace(header, extra={}), points)
    dock.model.open_file(str(tmp_path / "points.safetensors"))
    assert dock.model.path == "figure" and "cannot segment, only detect" in said[-1][1]


def test_options_leave_out_what_training_fixed(dock):
    assert {"sparsity", "outliers", "certainty", "alpha"} <= set(dock.form.editors)
    assert not {"levels", "cell"} & set(dock.form.editors)


@pytest.mark.parametrize("ending", [".mrk.json", ".csv"])
def test_the_outline_comes_back_from_its_file(shown, vertices, viewer, film, qtbot, tmp_path, ending):
    film.rotate, film.translate = 0, (0, 0)
    for layer in results_of(viewer, film, "contour"):
        layer.rotate, layer.translate = 0, (0, 0)
    drag(vertices, "knob", (6.0, 8.0))
    settle(shown, qtbot)
    assert shown.export.save(str(tmp_path / f"out{ending}"))
    bone, head = read_contours(tmp_path / f"out{ending}")
    assert (bone.name, head.name, bone.closed) == ("bone-left", "head-left", True) and bone.names == figure.OUTLINE
    assert np.allclose(bone.points * (1 if ending == ".mrk.json" else 0.5), 0.5 * vertices.data)
    opened = viewer.open(str(tmp_path / f"out{ending}"), plugin="napari-xray-landmarks")
    again = next(layer for layer in opened if type(layer).__name__ == "Shapes")
    for before, after in zip(contour_of(viewer, film).data[:1], again.data[:1], strict=True):
        assert np.allclose(again.data_to_world(after[3]), film.data_to_world(before[3]))


def test_labels_are_saved_in_the_films_frame(shown, viewer, film, tmp_path):
    shown.with_labels.click()
    labels = labels_of(viewer, film)
    assert labels.save(str(tmp_path / "mask.nrrd"), plugin="napari-xray-landmarks")
    mask = load_image(tmp_path / "mask.nrrd")
    assert np.array_equal(mask.pixels, labels.data) and mask.spacing_mm == pytest.approx((0.5, 0.5))
    placed = np.array(mask.header["world_from_pixel"])
    assert np.allclose((placed @ [3, 4, 1])[:2], film.data_to_world((3, 4)))


def test_a_film_without_spacing_says_pixels(dock, viewer, qtbot, figure_film):
    viewer.add_image(figure_film[0], name="png")
    assert "No pixel spacing: results in pixels" in dock.frame_note.text()
    run(dock, qtbot)
    assert "radius\t" in dock.table.text() and " px" in dock.table.text() and " mm" not in dock.table.text()


def test_nothing_found_is_said_and_takes_old_outlines_away(shown, segmented, film, viewer):
    live = replace(segmented.live, found=Segmentation(), corrections={}, deviations={})
    shown._on_found(([replace(segmented, search=replace(segmented.search, image=film), live=live)], []))
    assert [layer.name for layer in viewer.layers] == ["film"]
    assert shown.said.text() == "Nothing was found in this film." and not shown.table.isVisibleTo(shown)
