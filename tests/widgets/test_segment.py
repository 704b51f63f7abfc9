"""Segment bone as a user drives it: run, read, drag a vertex, slide a mode, take it back, run again, export."""

from dataclasses import replace

import numpy as np
import pytest
from npe2 import PluginManifest
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QApplication, QMessageBox

import figure
from napari_xray_landmarks.imaging import Radiograph
from napari_xray_landmarks.io import load_image, read_contours
from napari_xray_landmarks.models import load_model, read_model_file, save_model
from napari_xray_landmarks.plugin.films import our_metadata
from napari_xray_landmarks.plugin.outlines import contour_of, labels_of, vertices_layer_of
from napari_xray_landmarks.plugin.reshaping import reshaped
from napari_xray_landmarks.plugin.results import names_of, results_of
from napari_xray_landmarks.plugin.segmenting import live_of, segment_in
from napari_xray_landmarks.plugin.solving import Search
from napari_xray_landmarks.plugin.widgets.segment import KEEP, REPLACE, SegmentBone
from napari_xray_landmarks.shape.segmentation import Segmentation

LONG = 60_000


@pytest.fixture
def film(viewer, figure_film):
    return viewer.add_image(figure_film[0], name="film", scale=(0.5, 0.5), translate=(10, -4), rotate=7,
                            units=("mm", "mm"), axis_labels=("row", "column"))


@pytest.fixture(scope="module")
def segmented(figure_model_file, figure_film):
    """A segmentation of the film, done once: what the dock gets from its worker."""
    settings = load_model(figure_model_file).settings()
    found, _ = segment_in([Search(None, Radiograph(figure_film[0]))], str(figure_model_file), settings, lambda *_: None)
    return found[0]


@pytest.fixture
def dock(viewer, figure_model, qtbot, plugin_settings, npe2pm):
    npe2pm.register(PluginManifest.from_distribution("napari-xray-landmarks"))
    dock = SegmentBone(viewer)
    qtbot.addWidget(dock)
    return dock


@pytest.fixture
def shown(dock, film, segmented):
    """The dock with the film's outlines, ready to be corrected."""
    live = replace(segmented.live, corrections={}, deviations={})
    dock._on_found(([replace(segmented, search=replace(segmented.search, image=film), live=live)], []))
    return dock


@pytest.fixture
def vertices(shown, viewer, film):
    return vertices_layer_of(viewer, film)


@pytest.fixture
def contour(shown, viewer, film):
    return contour_of(viewer, film)


def run(dock, qtbot, button=None):
    with qtbot.waitSignal(dock.run.job.done, timeout=LONG):
        (button or dock.run.button).click()


def settle(dock, qtbot):
    qtbot.waitUntil(lambda: not dock.reshaper.busy, timeout=LONG)


def drag(layer, name, by):
    """Move one point as the select mode of napari does: the state before, then many small steps."""
    i = names_of(layer).index(name)
    layer.selected_data = {i}
    for _ in range(4):
        moved = np.array(layer.data)
        moved[i] += np.array(by) / 4
        layer.data = moved


def slide(dock, mode, value):
    slider = dock.modes.sliders[mode]
    slider.slider.setValue(slider.position(value))


def answer(text):
    """Press a button of the question that comes up next."""
    def press():
        box = next((w for w in QApplication.topLevelWidgets() if isinstance(w, QMessageBox) and w.isVisible()), None)
        if box is None:
            QTimer.singleShot(20, press)
            return
        next(b for b in box.buttons() if b.text().replace("&", "") == text).click()
    QTimer.singleShot(20, press)


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


def test_dragging_a_vertex_fits_the_shape_around_it(shown, vertices, contour, qtbot):
    before, circle = np.array(vertices.data), np.array(contour.data[1])
    drag(vertices, "knob", (6.0, 8.0))
    settle(shown, qtbot)
    after, knob = np.array(vertices.data), names_of(vertices).index("knob")
    assert np.allclose(after[knob], before[knob] + [6, 8]), "the dragged vertex stays where it was put"
    assert np.abs(np.delete(after - before, knob, 0)).max() > 0.5, "others follow"
    exact = reshaped(shown.reshaper.live.found, {"knob": tuple(after[knob])}, {})
    assert np.allclose(after, exact.bones[0].points_px, atol=1e-6)
    assert np.allclose(contour.data[0], after) and np.abs(contour.data[1] - circle).max() > 1e-3
    assert np.isnan(vertices.features["confidence"][knob]) and "By hand: knob." in shown.hand_note.text()


def test_several_vertices_are_held_and_given_back(shown, vertices, qtbot):
    before = np.array(vertices.data)
    drag(vertices, "knob", (6.0, 8.0))
    settle(shown, qtbot)
    drag(vertices, "tip", (-5.0, 3.0))
    settle(shown, qtbot)
    tip, knob = (names_of(vertices).index(n) for n in ("tip", "knob"))
    assert np.allclose(vertices.data[knob], before[knob] + [6, 8])
    assert set(live_of(shown.viewer, shown.image.value).corrections) == {"knob", "tip"}
    vertices.selected_data = {tip}
    shown.release_button.click()
    settle(shown, qtbot)
    assert set(shown.reshaper.live.corrections) == {"knob"}
    shown.release_all_button.click()
    settle(shown, qtbot)
    assert np.allclose(vertices.data, before) and not shown.release_all_button.isEnabled()


def test_a_vertex_can_be_dragged_on_the_outline_too(shown, contour, vertices, qtbot):
    moved = [np.array(data) for data in contour.data]
    moved[0][2] += (4.0, -5.0)
    contour.data = moved
    contour.events.data(value=contour.data, action="changed", data_indices=(0,), vertex_indices=((2,),))
    settle(shown, qtbot)
    assert set(shown.reshaper.live.corrections) == {figure.OUTLINE[2]}
    assert np.allclose(vertices.data[2], moved[0][2]) and np.allclose(contour.data[0], vertices.data)


def test_a_mode_is_moved_on_top_of_the_film_and_reset(shown, vertices, contour, qtbot):
    before = np.array(vertices.data)
    fitted = shown.reshaper.live.found.bones[0].fitted
    assert 1 <= len(shown.modes.sliders) <= 8
    assert shown.modes.sliders[0].value == pytest.approx(fitted.deviations[0], abs=1e-3)
    slide(shown, 0, 2.5)
    settle(shown, qtbot)
    deviations = np.array(fitted.deviations)
    deviations[0] = shown.modes.sliders[0].value
    assert np.allclose(vertices.data, fitted.with_coefficients(deviations).points_px, atol=0.05)
    assert np.allclose(contour.data[0], vertices.data)
    shown.modes.reset_button.click()
    settle(shown, qtbot)
    assert np.allclose(vertices.data, before) and not shown.modes.reset_button.isEnabled()
    assert shown.modes.sliders[0].value == pytest.approx(fitted.deviations[0], abs=1e-3)


def test_modes_leave_corrected_vertices_alone(shown, vertices, qtbot):
    drag(vertices, "knob", (6.0, 8.0))
    settle(shown, qtbot)
    before, knob = np.array(vertices.data), names_of(vertices).index("knob")
    slide(shown, 0, -2.5)
    settle(shown, qtbot)
    assert np.allclose(vertices.data[knob], before[knob])
    assert np.abs(vertices.data - before).max() > 0.5


def test_undo_takes_back_modes_and_drags_alike(shown, vertices, qtbot):
    start = np.array(vertices.data)
    drag(vertices, "knob", (6.0, 8.0))
    settle(shown, qtbot)
    dragged = np.array(vertices.data)
    slide(shown, 0, 2.0)
    settle(shown, qtbot)
    undo = next(callback for key, callback in vertices.keymap.items() if str(key) == "Ctrl+Z")
    undo(vertices)
    settle(shown, qtbot)
    assert np.allclose(vertices.data, dragged)
    while shown.undo_button.isEnabled():
        shown.undo_button.click()
        settle(shown, qtbot)
    assert np.allclose(vertices.data, start) and not shown.reshaper.live.changed


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


def test_run_again_updates_in_place_and_keeps_the_styling(shown, contour, vertices, viewer, film, qtbot):
    contour.edge_width, contour.opacity, vertices.size = 5, 0.4, 3
    contour.edge_color = "magenta"
    before = np.array(vertices.data)
    editor = shown.form.editors["patches"]
    editor.slider.setValue(editor.position(300))
    run(shown, qtbot)
    assert contour_of(viewer, film) is contour and vertices_layer_of(viewer, film) is vertices
    assert not np.array_equal(vertices.data, before)
    assert set(contour.edge_width) == {5} and contour.opacity == 0.4 and np.allclose(vertices.size, 3)
    assert np.allclose(contour.edge_color, [1, 0, 1, 1])


@pytest.mark.parametrize("choice", [REPLACE, KEEP, "Cancel"])
def test_asks_before_replacing_what_a_user_placed(shown, vertices, qtbot, choice):
    drag(vertices, "knob", (6.0, 8.0))
    settle(shown, qtbot)
    moved, knob = np.array(vertices.data), names_of(vertices).index("knob")
    answer(choice)
    if choice == "Cancel":
        shown.run.button.click()
        assert not shown.run.job.running and np.array_equal(vertices.data, moved)
        return
    run(shown, qtbot)
    settle(shown, qtbot)
    assert np.allclose(vertices.data[knob], moved[knob]) == (choice == KEEP)
    assert set(shown.reshaper.live.corrections) == ({"knob"} if choice == KEEP else set())


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


def test_removing_layers_ends_the_corrections(shown, film, contour, vertices, viewer, qtbot):
    drag(vertices, "knob", (6.0, 8.0))
    viewer.layers.remove(vertices)
    viewer.layers.remove(contour)
    assert shown.reshaper is None and not shown.table.isVisibleTo(shown)
    viewer.layers.remove(film)
    qtbot.wait(50)
    assert shown.image.value is None and not shown.run.button.isEnabled()


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
