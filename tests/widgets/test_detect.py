import numpy as np
import pytest
from qtpy.QtWidgets import QApplication
from scipy.ndimage import gaussian_filter

from docks import LONG, answer, run
from napari_xray_landmarks.io import read_detections
from napari_xray_landmarks.plugin.films import our_metadata
from napari_xray_landmarks.plugin.results import landmarks_of, names_of, results_of
from napari_xray_landmarks.plugin.widgets.detect import DetectLandmarks
from napari_xray_landmarks.plugin.widgets.model_dock import KEEP, REPLACE


@pytest.fixture
def dock(viewer, figure_model, qtbot, plugin_settings):
    dock = DetectLandmarks(viewer)
    qtbot.addWidget(dock)
    return dock


@pytest.fixture
def detected(dock, film, qtbot):
    run(dock, qtbot)
    return dock


def test_landmarks_lie_on_the_film(detected, film, viewer, figure_film):
    layer = viewer.layers["film · landmarks"]
    truth = figure_film[1]
    assert names_of(layer) == truth.names
    assert np.median(np.linalg.norm(layer.data - truth.points, axis=1)) < 4
    assert {"name", "confidence", "detected"} <= set(layer.features.columns)
    assert np.allclose(layer.data_to_world(layer.data[2]), film.data_to_world(layer.data[2]))
    assert layer.units == film.units and layer.axis_labels == film.axis_labels
    assert str(layer.face_color_mode) == "colormap"
    assert "8 landmarks" in detected.model.about.text() and "made-up bones" in detected.model.about.text()


def test_the_answer_in_numbers_with_units(detected, viewer, figure_film):
    layer = viewer.layers["film · landmarks"]
    text = detected.table.text().splitlines()
    assert text[0].split("\t")[:3] == ["landmark", "row mm", "col mm"]
    assert len(text) == 1 + len(figure_film[1].names)
    row = text[1].split("\t")
    assert row[0] == "head" and float(row[1]) == pytest.approx(0.5 * layer.data[0, 0], abs=0.06)
    assert "of 8 landmarks detected" in detected.said.text()
    detected.table.copy_button.click()
    assert QApplication.clipboard().text() == detected.table.text()


def test_a_row_of_the_table_selects_the_point(detected, viewer):
    detected.table.table.selectRow(3)
    layer = viewer.layers["film · landmarks"]
    assert set(layer.selected_data) == {3} and viewer.layers.selection.active is layer


def test_provenance_is_kept(detected, viewer):
    notes = our_metadata(viewer.layers["film · landmarks"])
    assert notes["model"] == "figure" and notes["source"] == "film"
    assert notes["settings"]["alpha"] == detected.settings.alpha


def test_run_again_updates_in_place_and_keeps_the_styling(detected, viewer, qtbot):
    layer = viewer.layers["film · landmarks"]
    before = np.array(layer.data)
    layer.size, layer.opacity, layer.text.size, layer.text.visible = 3, 0.4, 17, False
    layer.face_colormap = "magma"
    editor = detected.form.editors["beta"]
    editor.slider.setValue(editor.position(20.0))
    run(detected, qtbot)
    assert landmarks_of(viewer, viewer.layers["film"]) is layer
    assert not np.array_equal(layer.data, before)
    assert np.allclose(layer.size, 3) and layer.opacity == 0.4 and layer.text.size == 17 and not layer.text.visible
    assert layer.face_colormap.name == "magma"


def test_renaming_the_image_does_not_lose_its_result(detected, viewer, qtbot):
    viewer.layers["film"].name = "patient 7"
    run(detected, qtbot)
    assert len([x for x in viewer.layers if type(x).__name__ == "Points"]) == 1


@pytest.mark.parametrize("choice", [REPLACE, KEEP, "Cancel"])
def test_asks_before_replacing_what_a_user_placed(detected, viewer, qtbot, choice):
    layer = viewer.layers["film · landmarks"]
    moved = np.array(layer.data)
    moved[0] += [9.0, -7.0]
    layer.data = moved.copy()
    others = moved[1:].copy()
    answer(choice)
    if choice == "Cancel":
        detected.run.button.click()
        assert not detected.run.job.running and np.array_equal(layer.data, moved)
        return
    run(detected, qtbot)
    assert np.allclose(layer.data[0], moved[0]) == (choice == KEEP)
    if choice == KEEP:
        assert np.isnan(layer.features["confidence"][0]) and layer.features["detected"][0]
        assert np.abs(layer.data[1:4] - others[:3]).max() > 0.1, "the rest of its subshape follows"
        assert detected.table.text().splitlines()[1].endswith("hand")


def test_cancel_leaves_the_layers_as_they_were(dock, film, viewer, qtbot):
    with qtbot.waitSignal(dock.run.job.cancelled, timeout=LONG):
        dock.run.button.click()
        assert dock.run.button.text() == "Cancel"
        dock.run.button.click()
    assert [layer.name for layer in viewer.layers] == ["film"]
    assert dock.run.button.text() == "Detect" and dock.run.button.isEnabled()


def test_response_images_lie_in_the_films_frame(dock, film, viewer, qtbot, figure_film):
    dock.with_responses.click()
    run(dock, qtbot)
    qtbot.waitUntil(lambda: len(results_of(viewer, film, "response")) == 8)
    responses = results_of(viewer, film, "response")
    assert [r.name for r in responses] == [f"film · response: {n}" for n in figure_film[1].names]
    points = viewer.layers["film · landmarks"]
    for response, point in zip(responses, points.data, strict=True):
        at = np.round(response.world_to_data(film.data_to_world(point))).astype(int)
        assert response.data[tuple(at)] > 0.2 * response.data.max(), response.name
        assert response.units == film.units
    assert viewer.layers.selection.active is points
    assert viewer.layers[-1] is points, "points stay on top"


def test_all_open_images_and_one_bad_one(dock, film, viewer, qtbot, figure_film, said):
    import figure

    viewer.add_image(figure.figure(102)[0], name="second")
    viewer.add_image(np.full((200, 160), 7.0), name="blank")
    assert dock.image.value.name == "blank", "what was opened last is chosen"
    run(dock, qtbot, dock.all_button)
    assert {"film · landmarks", "second · landmarks"} <= {x.name for x in viewer.layers}
    assert "blank · landmarks" not in {x.name for x in viewer.layers}
    errors = [text for severity, text in said if severity == "error"]
    assert len(errors) == 1 and "all pixels have the value 7" in errors[0] and "\n" not in errors[0]


def test_a_film_of_something_else_raises_doubt(detected, viewer, qtbot):
    assert "⚠" not in detected.said.text()
    viewer.add_image(gaussian_filter(np.random.default_rng(1).normal(size=(200, 160)), 4), name="noise")
    run(detected, qtbot)
    assert "⚠ The landmarks lie unlike those of the training films" in detected.said.text()


def test_landmarks_of_all_images_go_into_one_table(dock, film, viewer, qtbot, tmp_path, said):
    import figure

    run(dock, qtbot)
    assert dock.export.all_button.isHidden(), "one film needs no table of all"
    viewer.add_image(figure.figure(102)[0], name="second")
    run(dock, qtbot, dock.all_button)
    assert not dock.export.all_button.isHidden()
    assert dock.export.save_all(str(tmp_path / "all.csv")) and "all.csv" in said[-1][1]
    found = read_detections(tmp_path / "all.csv")
    assert set(found) == {"film", "second"}
    np.testing.assert_allclose(found["second"].landmarks.points, viewer.layers["second · landmarks"].data)
    assert dock.export.save_all(str(tmp_path / "no" / "all.csv")) == [] and said[-1][0] == "error"


@pytest.mark.parametrize("pixels, words", [
    (np.full((200, 160), np.nan), "NaN"),
    (np.zeros((200, 160)), "all pixels have the value 0"),
])
def test_hopeless_films_are_refused_in_one_line(dock, viewer, qtbot, said, pixels, words):
    viewer.add_image(pixels, name="odd", contrast_limits=(0, 1))
    run(dock, qtbot)
    errors = [text for severity, text in said if severity == "error"]
    assert len(errors) == 1 and "odd" in errors[0] and words in errors[0] and "\n" not in errors[0]
    assert [x.name for x in viewer.layers] == ["odd"]


def test_says_why_colour_and_volumes_do_not_fit(dock, viewer, qtbot):
    viewer.add_image(np.zeros((20, 30, 3), dtype=np.uint8), rgb=True, name="photo")
    viewer.add_image(np.zeros((4, 20, 30)), name="volume")
    assert dock.image.value is None and not dock.run.button.isEnabled()
    assert "photo: a colour (RGB) image" in dock.image.note.text() and "volume: 3D" in dock.image.note.text()


def test_a_film_without_spacing_says_pixels(dock, viewer, qtbot, figure_film):
    viewer.add_image(figure_film[0], name="png")
    assert "No pixel spacing: results in pixels" in dock.frame_note.text()
    run(dock, qtbot)
    assert "row px" in dock.table.text()


def test_closing_the_image_during_the_search(dock, film, viewer, qtbot):
    dock.run.button.click()
    viewer.layers.remove(film)
    qtbot.waitUntil(lambda: not dock.run.job.running, timeout=LONG)
    assert len(viewer.layers) == 0


def test_models_are_grouped_and_files_can_be_opened(dock, film, figure_model_file, tmp_path, said):
    combo = dock.model.combo
    headings = [combo.itemText(i) for i in range(combo.count()) if combo.itemData(i) is None]
    assert "figure · joint displacement" in headings
    copy = tmp_path / "mine.safetensors"
    copy.write_bytes(figure_model_file.read_bytes())
    dock.model.open_file(str(copy))
    assert dock.model.path == str(copy)
    bad = tmp_path / "bad.safetensors"
    bad.write_bytes(b"no model at all")
    dock.model.open_file(str(bad))
    assert dock.model.path == str(copy)
    assert [severity for severity, _ in said] == ["error"] and "bad.safetensors" in said[0][1]


def test_the_table_follows_calibration_and_corrections(detected, film, viewer, qtbot):
    layer = viewer.layers["film · landmarks"]
    layer.scale = film.scale = (0.25, 0.25)
    cell = lambda: float(detected.table.text().splitlines()[1].split("\t")[1])  # noqa: E731
    qtbot.waitUntil(lambda: abs(cell() - 0.25 * layer.data[0, 0]) < 0.06)
    moved = np.array(layer.data)
    moved[0] += 20
    layer.data = moved
    qtbot.waitUntil(lambda: abs(cell() - 0.25 * moved[0, 0]) < 0.06)


def test_without_a_model_the_button_waits(viewer, qtbot, tmp_path, monkeypatch, figure_film, plugin_settings):
    monkeypatch.setenv("XRAY_LANDMARKS_MODELS", str(tmp_path))
    monkeypatch.setattr("napari_xray_landmarks.models.registry.BUNDLED_FOLDER", tmp_path)
    viewer.add_image(figure_film[0])
    dock = DetectLandmarks(viewer)
    qtbot.addWidget(dock)
    assert not dock.run.button.isEnabled() and "No models yet" in dock.model.about.text()


def test_export_writes_the_file_that_was_asked_for(detected, tmp_path, npe2pm, said):
    from npe2 import PluginManifest

    npe2pm.register(PluginManifest.from_distribution("napari-xray-landmarks"))
    for ending in (".csv", ".mrk.json", ".fcsv"):
        path = tmp_path / f"out{ending}"
        assert detected.export.save(str(path)) and path.stat().st_size > 100
    assert detected.export.save(str(tmp_path / "no" / "folder.csv")) == []
    assert said[-1][0] == "error" and "\n" not in said[-1][1]
